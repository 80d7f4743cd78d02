"""What stands in the panels of a picture of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._neurogym.settings import PlotConfig

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEW_NAMES = 4


def draw_outcomes(
    axes: Sequence[Axes],
    steps: NDArray[np.int64],
    rewards: Any,
    performance: Any,
    states: Any,
    look: PlotConfig,
) -> None:
    """Draw what was earned, and the states of a network, those that there are."""
    left = iter(axes)
    if rewards is not None:
        ax = next(left)
        ax.step(steps, np.asarray(rewards, dtype=float), where="mid", color="k")
        ax.set_ylabel("Reward", fontproperties=look.font.label)
    if performance is not None:
        ax, values = next(left), np.asarray(performance, dtype=float)
        ended = values != -1
        ax.plot(steps[ended], values[ended], "o", color="k", markersize=3)
        ax.set_ylim(-0.05, 1.05)
        ax.set_ylabel("Performance", fontproperties=look.font.label)
    if states is not None:
        ax = next(left)
        shown = np.asarray(states).T
        ax.imshow(
            shown, aspect="auto", origin="lower",
            extent=(0.5, len(steps) + 0.5, -0.5, len(shown) - 0.5),
        )  # fmt: skip
        ax.set_ylabel("Units", fontproperties=look.font.label)


def draw_observations(
    ax: Axes,
    steps: NDArray[np.int64],
    ob: NDArray[Any],
    traces: Sequence[str] | None,
    space: Any,
    legend: bool,
    look: PlotConfig,
) -> None:
    names = getattr(space, "name", None)
    if traces:
        for values, label in zip(ob.T, traces, strict=True):
            ax.plot(steps, values, label=label)
        if legend:
            ax.legend(**look.legend_options)
    else:
        ax.imshow(
            ob.T, aspect="auto", origin="lower", interpolation="none",
            extent=(0.5, len(ob) + 0.5, -0.5, ob.shape[1] - 0.5),
        )  # fmt: skip
        if isinstance(names, dict):
            ax.set_yticks([float(np.mean(at)) for at in names.values()], list(names))
    ax.set_ylabel("Observation", fontproperties=look.font.label)


def draw_actions(
    ax: Axes,
    steps: NDArray[np.int64],
    actions: NDArray[Any],
    gt: Any,
    env: Any,
    legend: bool,
    look: PlotConfig,
) -> None:
    several = actions.reshape(len(actions), -1)
    space = getattr(getattr(env, "unwrapped", env), "action_space", None)
    names = getattr(space, "name", None)
    discrete = hasattr(space, "n") or several.shape[1] == 1
    labels = _component_names(names, several.shape[1]) if not discrete else ["action"]
    for at, values in enumerate(several.T):
        ax.plot(steps, values, marker="+", label=labels[at])
    if gt is not None:
        right = np.asarray(gt).reshape(len(actions), -1)
        for at, values in enumerate(right.T):
            ax.plot(steps, values, "--", color="0.4", label="ground truth" if at == 0 else None)
    if discrete and isinstance(names, dict):
        ticks = _action_names(names)
        ax.set_yticks(list(ticks), list(ticks.values()))
    if legend:
        ax.legend(**look.legend_options)
    ax.set_ylabel("Action", fontproperties=look.font.label)


def _action_names(names: dict[str, Any]) -> dict[int, str]:
    """Return what every action is called; of many of one name the first and the last."""
    ticks: dict[int, str] = {}
    for name, at in names.items():
        numbers = [at] if np.ndim(at) == 0 else list(at)
        if len(numbers) == 1:
            ticks[numbers[0]] = name
            continue
        shown = range(len(numbers)) if len(numbers) <= _FEW_NAMES else (0, len(numbers) - 1)
        ticks |= {numbers[k]: f"{name} {k + 1}" for k in shown}
    return ticks


def _component_names(names: Any, n: int) -> list[str]:
    """Return what the components of a continuous action are called."""
    labels = [f"action {at + 1}" for at in range(n)]
    for name, at in names.items() if isinstance(names, dict) else ():
        for k, one in enumerate([at] if np.ndim(at) == 0 else list(at)):
            labels[one] = name if np.ndim(at) == 0 else f"{name} {k + 1}"
    return labels
