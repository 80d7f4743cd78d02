"""Task cards: what a task is, as a picture of a trial and a page of text, from its definition."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.shared import Seed, axes
from neuroloom.tasks._design.catalogue import Entry, entry, get_task, stands_for
from neuroloom.tasks._design.durations import (
    Called,
    Choice,
    Computed,
    Constant,
    Duration,
    Steps,
    TruncatedExponential,
    Uniform,
    Until,
    as_duration,
)
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._engine.plan import make_plan
from neuroloom.tasks._engine.streams import one_trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PHASE_COLORS = ("#999999", "#0072B2", "#D55E00")


def plot_trial(
    task: str | Task, *, ax: Axes | None = None, seed: int | Seed = 0, **params: Any
) -> Axes:
    """Draw one trial: channels in rows, time in ms, periods marked, the right action below.

    Parameters
    ----------
    task : str or Task
        Id or task.
    ax : Axes, optional
        Where to draw; a new figure's if there is none.
    seed : int or Seed
        Which trial.
    **params
        Parameters of the task, if it is given by id.

    Returns
    -------
    Axes

    Raises
    ------
    gymnasium.error.NameNotFound
        If no task is called so.

    Examples
    --------
    >>> from neuroloom.tasks import plot_trial
    >>> plot_trial("PerceptualDecisionMaking-v0").get_xlabel()
    'Time (ms)'
    """
    ax = axes(ax)
    plan = make_plan(get_task(task, **params))
    observation, target, rows = one_trial(plan, seed)
    n, width = observation.shape
    right = target.reshape(n, -1).astype(float)
    most = max(float(np.abs(observation).max()), 1e-9)
    shown = observation.T / most
    edges = (np.arange(n + 1)) * plan.dt
    ax.pcolormesh(edges, np.arange(width + 1), shown, cmap="Greys", vmin=-0.1, vmax=1)
    height = max(1.0, width / 4)
    top = float(np.abs(right).max()) or 1.0
    for column in right.T[:3]:
        curve = -height + 0.8 * height * column / top
        ax.stairs(curve, edges, baseline=-height, color="#009E73", linewidth=1.2)
    period = rows.period
    starts = np.flatnonzero(np.diff(period, prepend=-1))
    bar = 0.06 * (width + height)
    level = 0
    for start, stop in zip(starts, [*starts[1:], n], strict=True):
        name = plan.period_names[period[start]]
        color = _PHASE_COLORS[plan.phase[period[start]]]
        ax.axvline(edges[start], color=color, linewidth=0.6, linestyle=":")
        ax.fill_between(edges[[start, stop]], width + bar, width + 2 * bar, color=color, lw=0)
        # Names of short periods one above the other, so that they can be read.
        level = level + 1 if stop - start < 0.2 * n else 0
        ax.text(
            edges[start], width + 2.3 * bar + 1.6 * bar * (level % 3), name, fontsize=7, va="bottom"
        )
    named = sorted((float(np.mean(at)) + 0.5, name) for name, at in plan.channel_names.items())
    labels = [(-height / 2, "target"), *named]
    places = _apart([place for place, _ in labels], 0.05 * (width + height + 9 * bar))
    ax.set_yticks(places, [name for _, name in labels], fontsize=7)
    ax.set(xlabel="Time (ms)", xlim=(0, edges[-1]), ylim=(-height, width + 9 * bar))
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(left=False)
    return ax


def _apart(places: list[float], least: float) -> list[float]:
    """Return rising places, moved up where they are closer than `least`."""
    out = places[:1]
    for place in places[1:]:
        out.append(max(place, out[-1] + least))
    return out


def card(task: str | Task, **params: Any) -> str:
    """Return a task's card, in Markdown: rule, timing, channels, actions, rewards, paper.

    Parameters
    ----------
    task : str or Task
        Id or task. Of a task that no id stands for, paper, tags and differences are left out.
    **params
        Parameters of the task, if it is given by id.

    Raises
    ------
    gymnasium.error.NameNotFound
        If no task is called so.

    Examples
    --------
    >>> from neuroloom.tasks import card
    >>> print(card("PerceptualDecisionMaking-v0").splitlines()[0])
    Say into which of `dim_ring` directions a cloud of dots moves.
    """
    made = get_task(task, **params)
    known = entry(task) if isinstance(task, str) else stands_for(made)
    plan = make_plan(made)
    text = (inspect.getdoc(type(made)) or "").split("\nParameters\n")[0].strip()
    chosen = made.timing or {}
    lines = [text, "", f"*Periods* (steps of {plan.dt:g} ms)", ""]
    lines += ["| period | ms | an action | noise |", "|---|---|---|---|"]
    for at, (name, period) in enumerate(made.periods.items()):
        length = _in_words(as_duration(chosen.get(name, period.duration)), plan.dt)
        noise = plan.sigma[at].max()
        does = "see above" if plan.custom else _WHAT[period.phase]
        lines.append(f"| {name} | {length} | {does} | {f'{noise:.3g}' if noise else '—'} |")
    lines += ["", "*Observation* " + _places(plan.channel_names)]
    named = getattr(plan.action_space, "name", None)
    lines += ["", "*Actions* " + (_places(named) if named else f"`{plan.action_space}`")]
    rewards = ", ".join(f"{name} {value:g}" for name, value in made.reward.items()) or "none"
    lines += ["", f"*Rewards* {rewards}"]
    defaults = [
        f"`{f.name}={getattr(made, f.name)!r}`"
        for f in dataclasses.fields(made)
        if f.name not in ("rewards", "timing")
    ]
    lines += ["", "*Parameters* " + ", ".join(defaults)]
    if made.no_ground_truth:
        lines += ["", f"*No ground truth*: {made.no_ground_truth}"]
    return "\n".join([*lines, *_known(known)])


def _known(known: Entry | None) -> list[str]:
    """Return the lines of a card on where a task comes from."""
    if known is None:
        return []
    lines = ["", f"*Paper and NeuroGym* {known.by_paper}"] if known.by_paper else []
    if known.differs:
        lines += ["", f"*Unlike NeuroGym* {known.differs}"]
    if known.paper:
        lines += ["", f"*Paper* [{known.paper.name}]({known.paper.link})"]
    return [*lines, "", "*Tags* " + (", ".join(known.tags) or "none")]


_WHAT = ("does nothing", "other than 0 costs `abort`", "other than 0 is the answer")


def _places(names: Any) -> str:
    parts = []
    for name, at in names.items():
        numbers = list(at) if isinstance(at, (list, tuple, range)) else [at]
        span = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"
        parts.append(f"`{name}` {span}")
    return ", ".join(parts)


def _in_words(duration: Duration, dt: float) -> str:
    match duration:
        case Constant(ms):
            return f"{ms:g}"
        case Steps(n):
            return f"{n * dt:g} ({n} step{'s' if n > 1 else ''})"
        case Uniform(low, high):
            return f"uniform, {low:g} to {high:g}"
        case Choice(values):
            return "one of " + ", ".join(f"{value:g}" for value in values)
        case TruncatedExponential(mean, low, high):
            return f"exponential, mean {mean:g}, {low:g} to {high:g}"
        case Until(ms):
            return f"until {ms:g}"
        case Computed():
            return "follows from the trial"
        case Called():
            return "by a function"
    return str(duration)
