"""Pictures of agents at work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._environments.making import make
from neuroloom.tasks._errors import fail
from neuroloom.tasks._neurogym.panels import draw_actions, draw_observations, draw_outcomes
from neuroloom.tasks._neurogym.run_env import run_env
from neuroloom.tasks._neurogym.settings import PlotConfig
from neuroloom.tasks._neurogym.settings import config as default_config

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
    draw_observations(axes[0], steps, ob, ob_traces, space, legend, look)
    axes[0].set_title(name)
    draw_actions(axes[1], steps, np.asarray(actions), gt, env, legend, look)
    draw_outcomes(axes[2:], steps, rewards, performance, states, look)
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
