"""A wrapper that keeps a record of what happens."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from neuroloom.shared import checks
from neuroloom.tasks._errors import TaskTypeError, flag, unknown, whole
from neuroloom.tasks._neurogym.activations import ActivationProbe
from neuroloom.tasks._neurogym.settings import Config
from neuroloom.tasks._neurogym.settings import config as default_config
from neuroloom.tasks.wrappers._base import Forwarding


class Monitor(Forwarding):
    """Keeps action, reward, performance and info of every trial, and writes them to files.

    Parameters
    ----------
    env : gymnasium.Env
        Any with trials.
    config : Config or str or Path, optional
        Settings, or a TOML file of them; the arguments below go before it.
    name : str, optional
        Folder of this monitor's files.
    trigger : str
        What `interval` counts: ``"trial"`` or ``"step"``; default as `config` says, as all below.
    interval : int
        Files are written after so many.
    verbose : bool
        Whether to print the mean reward and performance at each file.
    plot_create : bool
        Whether to draw `plot_steps` steps at each file.
    plot_steps : int
        How many.
    ext : str
        Kind of the drawing, ``"png"`` or ``"svg"``.
    step_fn : callable, optional
        Called in place of ``env.step``.
    save_dir : str or Path, optional
        Where the files go; default: a folder of `config`.

    Raises
    ------
    TaskError
        If an option is not known.
    """

    def __init__(
        self,
        env: Any,
        config: Config | str | Path | None = None,
        name: str | None = None,
        trigger: str | None = None,
        interval: int | None = None,
        verbose: bool | None = None,
        plot_create: bool | None = None,
        plot_steps: int | None = None,
        ext: str | None = None,
        step_fn: Callable[[Any], Any] | None = None,
        save_dir: str | Path | None = None,
    ) -> None:
        super().__init__(env)
        if step_fn is not None and not callable(step_fn):
            raise TaskTypeError(f"step_fn: expected a function of an action, got {step_fn!r}")
        if not isinstance(save_dir, (str, Path, NoneType)):
            raise TaskTypeError(f"save_dir: expected a path, got {save_dir!r}")
        if isinstance(config, (str, Path)):
            config = Config.read(config)
        if not isinstance(config, (Config, NoneType)):
            raise TaskTypeError(f"config: expected a Config or a path of one, got {config!r}")
        self.config = config or default_config
        base = self.config.monitor
        plot: dict[str, Any] = {"create": plot_create, "step": plot_steps, "ext": ext}
        given: dict[str, Any] = {
            "name": name,
            "trigger": trigger,
            "interval": interval,
            "verbose": verbose,
        }
        settings = replace(
            base,
            **{key: value for key, value in given.items() if value is not None},
            plot=replace(base.plot, **{k: value for k, value in plot.items() if value is not None}),
        )
        if settings.trigger not in ("trial", "step"):
            raise unknown("trigger", settings.trigger, ("trial", "step"))
        if settings.plot.ext not in ("png", "svg"):
            raise unknown("ext", settings.plot.ext, ("png", "svg"))
        flag("verbose", settings.verbose)
        flag("plot_create", settings.plot.create)
        if name is not None or settings.name != "":  # of a file, empty is no folder of its own
            checks.text("name", settings.name, error=TaskTypeError)
        self.settings = settings
        self.interval = whole("interval", settings.interval, minimum=1)
        folder = (
            save_dir
            or settings.save_dir
            or Path(self.config.local_dir) / type(env.unwrapped).__name__
        )
        self.save_dir = Path(folder) / settings.name
        self._plot_create = settings.plot.create
        self._plot_steps = whole("plot_steps", settings.plot.step, minimum=1)
        self._ext = settings.plot.ext
        self._step_fn = step_fn
        self.data: dict[str, list[Any]] = _empty()
        self.activations: dict[str, ActivationProbe] = {}
        self.data_eval: dict[str, Any] = {}
        self.num_tr = 0
        self.t = 0
        self.cum_reward = 0.0
        self._last = 0
        self._drawn: list[tuple[Any, ...]] = []

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """Begin a trial."""
        self.cum_reward = 0.0
        observation, info = self.env.reset(seed=seed, options=options)
        self._end_trial_of_probes()
        self._observation = observation
        return observation, info

    def step(self, action: Any, collect_data: bool = True) -> Any:
        """Act, and keep a record of it."""
        act = self._step_fn or self.env.step
        observation, reward, terminated, truncated, info = act(action)
        self.cum_reward += float(reward)
        self.t += 1
        if collect_data:
            self._keep(action, float(reward), info)
        self._observation = observation
        return observation, reward, terminated, truncated, info

    def save_data(self) -> Path:
        """Write the record since the last file, and return the file."""
        self.save_dir.mkdir(parents=True, exist_ok=True)
        path = self.save_dir / f"trial_{self.num_tr}.npz"
        arrays: Any = {name: _array(values) for name, values in self.data.items()}
        np.savez(path, **arrays)
        if self.settings.verbose and "reward" in arrays:
            print(
                f"{self.num_tr} trials: mean reward {arrays['cum_reward'].mean():.3f}, "
                f"mean performance {arrays['performance'].mean():.3f}"
            )
        if self._plot_create and self._drawn:
            self._plot()
        self.data = _empty()
        return path

    def evaluate_policy(
        self, num_trials: int = 100, model: Any = None, verbose: bool = True
    ) -> dict[str, Any]:
        """Return how a model (or random actions) does over some trials; nothing is recorded.

        Returns
        -------
        dict
            ``rewards`` (last of each trial), ``mean_reward`` (share above 0), ``cum_rewards``,
            ``mean_cum_reward``, ``performances``, ``mean_performance``.
        """
        num_trials = whole("num_trials", num_trials, minimum=1)
        actions: list[Any] = []
        rights: list[Any] = []
        trials: list[Any] = []
        rewards: list[float] = []
        sums: list[float] = []
        performances: list[float] = []
        observation, _ = self.env.reset()
        self._end_trial_of_probes()
        state, start, total = None, np.array([True]), 0.0
        while len(rewards) < num_trials:
            if model is None:
                action = self.env.action_space.sample()
            else:
                action, state = model.predict(
                    observation, state=state, episode_start=start, deterministic=True
                )
            observation, reward, terminated, truncated, info = self.env.step(action)
            total += float(reward)
            start = np.array([bool(info.get("new_trial", False))])
            if start[0]:
                self._end_trial_of_probes()
                actions.append(action)
                rights.append(info.get("gt", 0))
                trials.append(info.get("trial"))
                rewards.append(float(reward))
                sums.append(total)
                performances.append(float(info["performance"]))
                total = 0.0
            if terminated or truncated:
                observation, _ = self.env.reset()
        out = {
            "rewards": rewards,
            "mean_reward": float(np.mean(np.asarray(rewards) > 0)),
            "cum_rewards": sums,
            "mean_cum_reward": float(np.mean(sums)),
            "performances": performances,
            "mean_performance": float(np.mean(performances)),
        }
        self.data_eval = {
            "action": np.asarray(actions),
            "gt": np.asarray(rights),
            "reward": np.asarray(rewards),
            "performance": np.asarray(performances),
            "trial": trials,
        }
        if verbose:
            print({k: v for k, v in out.items() if k.startswith("mean")})
        return out

    def plot_training_history(
        self,
        figsize: tuple[float, float] = (12, 4),
        save_fig: bool = False,
        plot_performance: bool = True,
    ) -> Any:
        """Return a figure of reward and performance over the trials in the files so far.

        Parameters
        ----------
        figsize : tuple of float
            Width and height in inches.
        save_fig : bool
            Whether it is also written into the folder of the settings.
        plot_performance : bool
            Whether to draw the performance as well.

        Returns
        -------
        matplotlib.figure.Figure or None
            None if there are no files yet.

        Warns
        -----
        UserWarning
            If there are no files yet.
        """
        from matplotlib import pyplot as plt

        files = sorted(self.save_dir.glob("trial_*.npz"), key=lambda f: int(f.stem.split("_")[1]))
        if not files:
            warnings.warn(
                f"plot_training_history: no files of trials in {self.save_dir}; one is written "
                f"every {self.interval} {self.settings.trigger}s, and by save_data()",
                stacklevel=2,
            )
            return None
        names = ["cum_reward"] + (["performance"] if plot_performance else [])
        figure = plt.figure(figsize=figsize, layout="constrained")
        for ax, name in zip(np.ravel(figure.subplots(1, len(names))), names, strict=True):
            values = np.concatenate([np.load(f, allow_pickle=False)[name] for f in files])
            window = max(1, min(500, len(values) // 10))
            smooth = np.convolve(values, np.ones(window) / window, mode="valid")
            ax.plot(np.arange(len(smooth)) + window, smooth)
            ax.set(xlabel="Trial", ylabel=name.replace("_", " "))
        if save_fig:
            name = f"{type(self.env.unwrapped).__name__}_training_history.{self._ext}"
            figure.savefig(Path(self.config.local_dir) / name)
        return figure

    def record_activations(
        self, layer: Any, name: str | None = None, steps: int | None = None
    ) -> ActivationProbe:
        """Return a probe that keeps what a torch layer puts out, step by step of every trial.

        Parameters
        ----------
        layer : torch.nn.Module
            Linear, recurrent, or any that puts out one tensor.
        name : str, optional
            What to call it; default: the layer's class. A probe of the same name is replaced.
        steps : int, optional
            How many steps of each trial to keep; default: all.
        """
        name = type(layer).__name__ if name is None else name
        if name in self.activations:
            self.activations[name].close()
        self.activations[name] = ActivationProbe(layer, name, steps)
        return self.activations[name]

    def plot_activations(
        self,
        name: str,
        population: str | None = None,
        figsize: tuple[float, float] | None = None,
        neurons: int | Sequence[int] | None = None,
        mean: bool = False,
        batch_dim: int | None = None,
    ) -> tuple[Any, Any]:
        """Draw what a recorded layer put out, step by step within the trials.

        Parameters
        ----------
        name : str
            Of the probe.
        population : str, optional
            ``"output"``, ``"hidden"`` or ``"cell"``; default: the layer's first.
        figsize : tuple of float, optional
            Width and height in inches.
        neurons : int or sequence of int, optional
            Which units; default: the first eight.
        mean : bool
            Whether to draw the mean over the trials, and not each of them.
        batch_dim : int, optional
            Axis to take the mean of first, in an array of trials, steps and what one call put out.

        Returns
        -------
        figure : matplotlib.figure.Figure
        axes : ndarray of matplotlib.axes.Axes
            One a unit.

        Raises
        ------
        TaskError
            If nothing was recorded under that name, or there is no such population or unit.
        """
        if name not in self.activations:
            known = list(self.activations) or ["what record_activations was given"]
            raise unknown("name", name, known)
        return self.activations[name].plot_units(population, figsize, neurons, mean, batch_dim)

    def _keep(self, action: Any, reward: float, info: dict[str, Any]) -> None:
        if self._plot_create:
            right = info.get("gt", 0)
            self._drawn.append((self._observation, action, right, reward))
            self._drawn = self._drawn[-self._plot_steps :]
        if not info.get("new_trial"):
            if self.settings.trigger == "step" and self.t - self._last >= self.interval:
                self._last = self.t
                self.save_data()
            return
        self.num_tr += 1
        self._end_trial_of_probes()
        kept = {"action": action, "reward": reward, "cum_reward": self.cum_reward}
        kept["performance"] = info["performance"]
        trial = info.get("trial") or {}
        row = {k: v for k, v in {**info, **trial, **kept}.items() if not isinstance(v, dict)}
        n = len(self.data["action"])
        # One row a trial in every column, also of what only some tasks draw.
        for name in dict.fromkeys([*self.data, *row]):
            self.data.setdefault(name, [None] * n).append(row.get(name))
        self.cum_reward = 0.0
        counted = self.num_tr if self.settings.trigger == "trial" else self.t
        if counted - self._last >= self.interval:
            self._last = counted
            self.save_data()

    def _end_trial_of_probes(self) -> None:
        for probe in self.activations.values():
            probe.end_trial()

    def _plot(self) -> None:
        from neuroloom.tasks._neurogym.plotting import visualize_run

        shown, actions, right, rewards = (list(v) for v in zip(*self._drawn, strict=True))
        figure = visualize_run(
            np.asarray(shown),
            np.asarray(actions),
            gt=np.asarray(right),
            rewards=rewards,
            env=self.env,
        )
        from matplotlib import pyplot as plt

        figure.suptitle(self.settings.plot.title)
        figure.savefig(self.save_dir / f"task_{self.num_tr}.{self._ext}")
        plt.close(figure)


def _array(values: list[Any]) -> Any:
    """Return a column as an array that can be written; NaN or an empty text for None."""
    known = [value for value in values if value is not None]
    if len(known) < len(values) and known:
        if isinstance(known[0], str):
            values = ["" if value is None else value for value in values]
        else:
            gap = np.full(np.shape(known[0]), np.nan)
            values = [gap if value is None else np.asarray(value, dtype=float) for value in values]
    if len({np.shape(value) for value in values}) > 1:
        return np.array([json.dumps(np.asarray(value).tolist()) for value in values])
    array = np.asarray(values)
    return array if array.dtype.kind != "O" else np.array([str(value) for value in values])


def _empty() -> dict[str, list[Any]]:
    return {"action": [], "reward": [], "cum_reward": [], "performance": []}
