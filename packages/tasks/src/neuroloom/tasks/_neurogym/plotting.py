"""Pictures of agents at work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._environments.making import make
from neuroloom.tasks._errors import fail, whole
from neuroloom.tasks._neurogym.settings import PlotConfig
from neuroloom.tasks._neurogym.settings import config as default_config

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_STEPS = 100_000
_FEW_NAMES = 4


def run_env(
    env: Any,
    num_steps: int = 200,
    num_trials: int | None = None,
    def_act: Any = None,
    model: Any = None,
) -> dict[str, Any]:
    """Return what an agent sees, does and earns.

    Parameters
    ----------
    env : gymnasium.Env or stable_baselines3 DummyVecEnv
        Environment with trials; of a vector environment the first is kept.
    num_steps : int
        Number of steps.
    num_trials : int, optional
        Number of trials instead (at most 100,000 steps).
    def_act : action, optional
        What to do always, if there is no model. Default: random actions.
    model : object, optional
        With stable-baselines3's ``predict``; a recurrent one forgets at the start of a trial.

    Returns
    -------
    dict
        ``ob`` (after each step), ``ob_cum`` (its running sum within trials), ``rewards``,
        ``actions``, ``perf`` (-1 but at a trial's end), ``actions_end_of_trial`` (-1 but there),
        ``gt``, ``states`` (of a recurrent model, or None), ``initial_ob``.
    """
    if num_trials is not None:
        num_trials, num_steps = whole("num_trials", num_trials, minimum=1), _MOST_STEPS
    run = _Run(env, def_act, model)
    for _ in range(int(num_steps)):
        run.step()
        if num_trials is not None and run.done >= num_trials:
            break
    return run.record()


class _Run:
    """An agent in an environment, and a record of what happens.

    Parameters
    ----------
    env : gymnasium.Env or stable_baselines3 DummyVecEnv
        Of a vector environment the first is kept.
    def_act, model
        See `run_env`.
    """

    def __init__(self, env: Any, def_act: Any, model: Any) -> None:
        self._env, self._def_act, self._model = env, def_act, model
        begun = env.reset()
        self._vector = not isinstance(begun, tuple)
        self._ob = begun if self._vector else begun[0]
        self._initial = np.array(self._ob, copy=True)
        self._total, self._state = np.array(self._ob, copy=True), None
        self._start, self.done = np.array([True]), 0
        names = ("ob", "ob_cum", "rewards", "actions", "perf", "ends", "gt", "states")
        self._kept: dict[str, list[Any]] = {name: [] for name in names}

    def step(self) -> None:
        """Act once."""
        action = self._action()
        plain = action[0] if self._vector else action
        if self._vector:
            self._ob, rewards, _, infos = self._env.step(action)
            info, reward, over = infos[0], rewards[0], False
        else:
            self._ob, reward, terminated, truncated, info = self._env.step(action)
            over = terminated or truncated
        new = bool(info.get("new_trial", False))
        self._start = np.array([new])
        self._total = self._total + self._ob
        row = {
            "ob": np.array(self._ob, copy=True),
            "ob_cum": self._total.copy(),
            "rewards": float(reward),
            "actions": plain,
            "gt": info.get("gt", 0),
            "perf": info.get("performance", 0.0) if new else -1,
            "ends": plain if new else -1,
        }
        for name, value in row.items():
            self._kept[name].append(value)
        if new:
            self._total, self.done = np.array(self._ob, copy=True), self.done + 1
        if over:
            self._ob, _ = self._env.reset()

    def record(self) -> dict[str, Any]:
        """Return what happened; see `run_env`."""
        kept, take = self._kept, (slice(None), 0) if self._vector else (slice(None),)
        return {
            "ob": np.array(kept["ob"]).astype(np.float32)[take],
            "ob_cum": np.array(kept["ob_cum"]).astype(np.float32)[take],
            "rewards": kept["rewards"],
            "actions": np.array(kept["actions"]),
            "perf": np.array(kept["perf"]),
            "actions_end_of_trial": kept["ends"],
            "gt": np.array(kept["gt"]),
            "states": np.array(kept["states"]) if kept["states"] else None,
            "initial_ob": self._initial[0] if self._vector else self._initial,
        }

    def _action(self) -> Any:
        if self._model is not None:
            action, self._state = self._model.predict(
                self._ob, state=self._state, episode_start=self._start, deterministic=True
            )
            if self._state is not None:
                parts = [np.ravel(part) for part in self._state]
                self._kept["states"].append(np.concatenate(parts))
            return action
        given = self._def_act is not None
        action = self._def_act if given else self._env.action_space.sample()
        return np.array([action]) if self._vector else action


def plot_env(
    env: Any,
    num_steps: int = 200,
    num_trials: int | None = None,
    def_act: Any = None,
    model: Any = None,
    name: str | None = None,
    legend: bool = True,
    ob_traces: Sequence[str] | None = None,
    fig_kwargs: dict[str, Any] | None = None,
    fname: str | Path | None = None,
    plot_performance: bool = True,
    plot_config: PlotConfig | None = None,
) -> Figure:
    """Return a figure of an agent at work: what it sees, does and earns.

    Parameters
    ----------
    env : str or gymnasium.Env
        Id of a task, or an environment with trials.
    num_steps, num_trials, def_act, model
        See `run_env`.
    name : str, optional
        Title; default: the task's name.
    legend : bool
        Whether to name the lines.
    ob_traces : sequence of str, optional
        Names of the channels, to draw them as lines and not as an image.
    fig_kwargs : dict, optional
        What `matplotlib.pyplot.subplots` takes.
    fname : str or Path, optional
        File to write; ``.png`` is added unless it ends in ``.png`` or ``.svg``.
    plot_performance : bool
        Whether to draw the performance.
    plot_config : PlotConfig, optional
        Fonts and legends.

    Raises
    ------
    TaskError
        If `ob_traces` does not name every channel.
    """
    env = make(env) if isinstance(env, str) else env
    inner = getattr(env, "unwrapped", env)
    data = run_env(env, num_steps, num_trials, def_act, model)
    starts = np.flatnonzero(np.asarray(data["perf"]) != -1) + 2
    figure: Figure = visualize_run(
        data["ob"],
        data["actions"],
        gt=data["gt"],
        rewards=data["rewards"],
        performance=data["perf"] if plot_performance else None,
        states=data["states"],
        legend=legend,
        ob_traces=ob_traces,
        name=name or type(getattr(inner, "task", inner)).__name__,
        fname=fname,
        fig_kwargs=fig_kwargs,
        env=env,
        initial_ob=data["initial_ob"],
        trial_starts=starts,
        plot_config=plot_config,
    )
    return figure


def visualize_run(
    ob: Any,
    actions: Any,
    gt: Any = None,
    rewards: Any = None,
    performance: Any = None,
    states: Any = None,
    legend: bool = True,
    ob_traces: Sequence[str] | None = None,
    name: str = "",
    fname: str | Path | None = None,
    fig_kwargs: dict[str, Any] | None = None,
    env: Any = None,
    initial_ob: Any = None,
    trial_starts: Any = None,
    plot_config: PlotConfig | None = None,
) -> Any:
    """Return a figure of a run, each action below the observation it was taken on.

    Parameters
    ----------
    ob : array, (n_steps, n_channels) or (n_steps, height, width, 3)
        Observation after each step.
    actions, gt, rewards, performance : array, (n_steps, …), optional
        What was done, would have been right, was earned.
    states : array, (n_steps, n_units), optional
        Of a network.
    initial_ob : array, optional
        Observation before the first step; default: a copy of the first.
    trial_starts : array of int, optional
        Steps at which trials begin, counted from 1.
    legend, ob_traces, name, fname, fig_kwargs, env, plot_config
        See `plot_env`.

    Raises
    ------
    TaskError
        If the observations have another number of dimensions.
    """
    ob = np.asarray(ob)
    first = ob[0] if initial_ob is None else np.asarray(initial_ob)
    shown = np.concatenate([first[None], ob[:-1]])
    if shown.ndim == 2:
        return plot_env_1dbox(
            shown,
            np.asarray(actions),
            gt=gt,
            rewards=rewards,
            performance=performance,
            states=states,
            legend=legend,
            ob_traces=ob_traces,
            name=name,
            fname=fname,
            fig_kwargs=fig_kwargs,
            env=env,
            trial_starts=trial_starts,
            plot_config=plot_config,
        )
    if shown.ndim == 4:
        return plot_env_3dbox(shown, fname=fname, env=env)
    raise fail("ob", "2 or 4 dimensions", f"shape {shown.shape}")


def plot_env_1dbox(
    ob: NDArray[Any],
    actions: NDArray[Any],
    gt: Any = None,
    rewards: Any = None,
    performance: Any = None,
    states: Any = None,
    legend: bool = True,
    ob_traces: Sequence[str] | None = None,
    name: str = "",
    fname: str | Path | None = None,
    fig_kwargs: dict[str, Any] | None = None,
    env: Any = None,
    trial_starts: Any = None,
    plot_config: PlotConfig | None = None,
) -> Figure:
    """Return a figure of a run with a row of channels; see `visualize_run`.

    Raises
    ------
    TaskError
        If `ob` does not have two dimensions, or `ob_traces` does not name every channel.
    """
    from matplotlib import pyplot as plt

    ob = np.asarray(ob)
    if ob.ndim != 2:
        raise fail("ob", "2 dimensions, (n_steps, n_channels)", f"shape {ob.shape}")
    if ob_traces is not None and len(ob_traces) and len(ob_traces) != ob.shape[1]:
        raise fail("ob_traces", f"{ob.shape[1]} names, one a channel", len(ob_traces))
    look = plot_config or default_config.plot
    n_rows = 2 + sum(values is not None for values in (rewards, performance, states))
    layout = {"figsize": (12, 1.4 * n_rows), "sharex": True, **(fig_kwargs or {})}
    if not {"layout", "constrained_layout", "tight_layout"} & set(layout):
        layout["layout"] = "constrained"
    # By pyplot, so that `plt.show()` and notebooks show it.
    options: Any = layout
    figure, panels = plt.subplots(n_rows, 1, **options)
    axes = list(np.atleast_1d(panels))
    steps = np.arange(1, len(ob) + 1)
    space = getattr(getattr(env, "unwrapped", env), "observation_space", None)
    _draw_observations(axes[0], steps, ob, ob_traces, space, legend, look)
    axes[0].set_title(name)
    _draw_actions(axes[1], steps, np.asarray(actions), gt, env, legend, look)
    _draw_outcomes(axes[2:], steps, rewards, performance, states, look)
    for ax in axes:
        for start in () if trial_starts is None else trial_starts:
            ax.axvline(start - 0.5, color="0.7", linestyle="--", linewidth=0.6, zorder=0)
        ax.set_xlim(0.5, len(ob) + 0.5)
    axes[-1].set_xlabel("Step", fontproperties=look.font.label)
    figure.align_ylabels(axes)
    if fname:
        path = str(fname)
        figure.savefig(path if path.endswith((".png", ".svg")) else f"{path}.png", dpi=300)
    made: Figure = figure
    return made


def _draw_outcomes(
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


def plot_env_3dbox(ob: NDArray[Any], fname: str | Path | None = "", env: Any = None) -> Any:
    """Return an animation of a run with images; written to an ``.mp4`` file if `fname` is given.

    Writing needs ffmpeg.

    Raises
    ------
    TaskError
        If `ob` is not `(n_steps, height, width, 3)`.
    """
    from matplotlib import animation
    from matplotlib import pyplot as plt

    ob = np.asarray(ob)
    if ob.ndim != 4:
        raise fail("ob", "4 dimensions, (n_steps, height, width, 3)", f"shape {ob.shape}")
    images = ob.astype(np.uint8)
    figure = plt.figure()
    ax = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    ax.axis("off")
    image = ax.imshow(images[0], animated=True)

    def show(step: int) -> tuple[Any]:
        image.set_array(images[step])
        return (image,)

    interval = float(getattr(getattr(env, "unwrapped", env), "dt", 50))
    film: Any = animation.FuncAnimation(figure, show, frames=len(images), interval=interval)
    if fname:
        path = str(fname)
        film.save(
            path if path.endswith(".mp4") else f"{path}.mp4",
            writer=animation.writers["ffmpeg"](fps=max(1, int(1000 / interval))),
            dpi=300,
        )
    else:
        film._draw_was_started = True  # an animation that nobody shows warns otherwise
    return film


def order_by_suffix(file_list: Sequence[str]) -> list[str]:
    """Return the file names sorted by the number at their end, ``…_12.npz``."""
    return sorted(file_list, key=lambda name: int((re.findall(r"\d+", Path(name).stem) or [0])[-1]))


def put_together_files(folder: str | Path) -> dict[str, NDArray[Any]]:
    """Return the records that a `Monitor` wrote into a folder, joined in their order.

    The result is also written to ``bhvr_data_all.npz`` in the folder.
    """
    folder = Path(folder)
    names = order_by_suffix([str(path) for path in folder.glob("trial_*.npz")])
    joined: dict[str, list[NDArray[Any]]] = {}
    for name in names:
        with np.load(name, allow_pickle=False) as record:
            for key in record.files:
                joined.setdefault(key, []).append(record[key])
    data: Any = {
        key: np.concatenate([np.atleast_1d(v) for v in parts]) for key, parts in joined.items()
    }
    if data:
        np.savez(folder / "bhvr_data_all.npz", **data)
    joint: dict[str, NDArray[Any]] = data
    return joint


def plot_rew_across_training(
    folder: str | Path,
    window: int = 500,
    ax: Axes | None = None,
    fkwargs: dict[str, Any] | None = None,
    ytitle: str = "",
    legend: bool = False,
    zline: bool = False,
    metric_name: str = "reward",
) -> Axes:
    """Draw a running mean of what a `Monitor` recorded in a folder, and return the axes.

    Parameters
    ----------
    folder : str or Path
        With the monitor's files.
    window : int
        Trials to average over.
    ax : Axes, optional
        Where to draw.
    fkwargs : dict, optional
        What `plot` takes.
    ytitle : str
        Name of the axis.
    legend, zline : bool
        Whether to add a legend, a line at 0.
    metric_name : str
        What to draw.

    Raises
    ------
    TaskError
        If there is no such record.
    """
    from neuroloom.shared import axes

    data = put_together_files(folder)
    if metric_name not in data:
        raise fail("metric_name", f"one of {sorted(data)} in {folder}", repr(metric_name))
    values = data[metric_name].astype(float)
    width = min(max(1, window), len(values))
    ax = axes(ax)
    smooth = np.convolve(values, np.ones(width) / width, mode="valid")
    ax.plot(np.arange(len(smooth)) + width, smooth, **(fkwargs or {}))
    ax.set(xlabel="Trial", ylabel=ytitle or metric_name)
    if zline:
        ax.axhline(0, color="0.6", linestyle=":")
    if legend:
        ax.legend()
    return ax


def _draw_observations(
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


def _draw_actions(
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
