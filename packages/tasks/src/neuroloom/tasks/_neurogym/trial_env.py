"""The slower door: tasks written step by step, as in NeuroGym."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from neuroloom.shared import Seed, as_seed
from neuroloom.tasks._design.durations import Steps, Until, as_duration
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._errors import ActionError, TaskError, TimingError, fail, real, unknown

Place = str | Sequence[str] | None


class BaseEnv(gymnasium.Env[Any, Any], metaclass=ABCMeta):
    """What has a step of `dt` ms: environments of declared tasks, and step-by-step ones."""


class TrialEnv(BaseEnv):
    """A task that is written step by step.

    A subclass sets `timing`, `rewards`, `observation_space` and `action_space`, and writes
    `_new_trial`, which lays out a trial by `add_period`, `add_ob` and `set_groundtruth`, and
    `_step`, which says what an action leads to. Times are in ms.

    Parameters
    ----------
    dt : float
        Step in ms.
    num_trials_before_reset : int
        After so many trials the episode is truncated.
    r_tmax : float
        Reward added when a trial runs out of time.

    Raises
    ------
    TaskError
        If `dt` is not above 0.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 — gymnasium's own attribute

    def __init__(
        self, dt: float = 100, num_trials_before_reset: int = 10_000_000, r_tmax: float = 0
    ) -> None:
        self.dt = real("dt", dt, minimum=0, above=True)
        self.num_tr_exp = num_trials_before_reset
        self.r_tmax = r_tmax
        self.timing: dict[str, Any] = {}
        self.rewards: dict[str, float] = {}
        self.rng: Any = None
        self.num_tr = 0
        self.performance: float = 0.0
        self.trial: dict[str, Any] | None = None
        self.t: float = 0.0
        self.t_ind = 0
        self._ready = False
        self._top: Any = self
        self._tmax = 0.0
        self._ob: NDArray[Any] | None = None
        self._gt: NDArray[Any] | None = None
        self._clear()
        self.seed()

    def __str__(self) -> str:
        return f"{type(self).__name__}(dt={self.dt:g} ms, timing={self.timing})"

    # What a subclass writes -------------------------------------------------------------------

    def _new_trial(self, **kwargs: Any) -> dict[str, Any] | None:
        """Lay out a trial and return what was drawn for it."""
        raise NotImplementedError(f"{type(self).__name__}._new_trial is not written")

    def _step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Return observation, reward, terminated, truncated and info of an action."""
        raise NotImplementedError(f"{type(self).__name__}._step is not written")

    # Gymnasium --------------------------------------------------------------------------------

    def seed(self, seed: int | Seed | None = None) -> list[Any]:
        """Start the random numbers anew: the trials', the action space's and each duration's.

        Parameters
        ----------
        seed : int or Seed, optional
            None takes it from the operating system.

        Returns
        -------
        list
            The seed.
        """
        root = np.random.SeedSequence() if seed is None else as_seed(seed).sequence()
        self.rng = _random_state(root, 0)
        if seed is not None and isinstance(getattr(self, "action_space", None), gymnasium.Space):
            self.action_space.seed(_integer(root, 1))
        for at, name in enumerate(sorted(getattr(self, "timing", {}))):
            # Each duration has a stream of its own: with one seed for all they would be equal.
            if hasattr(self.timing[name], "seed"):
                self.timing[name].seed(_integer(root, 2 + at))
        self._durations: dict[str, np.random.Generator] = {}
        self._root = root
        return [seed]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin a trial and return its first observation.

        Parameters
        ----------
        seed : int, optional
            Determines everything that follows.
        options : dict, optional
            Taken for NeuroGym's sake and not used: no step is taken here.
        """
        super().reset(seed=seed)
        if seed is not None:
            self.seed(seed)
        self.num_tr = 0
        self._ready = True
        self._top.new_trial()
        return self._shown(), {}

    def new_trial(self, **kwargs: Any) -> dict[str, Any] | None:
        """Lay out the next trial and return what was drawn for it.

        Parameters
        ----------
        **kwargs
            Passed on to `_new_trial`.
        """
        self.t, self.t_ind = 0.0, 0
        self._clear()
        self.trial = self._new_trial(**kwargs)
        self.num_tr += 1
        self._ready = True
        return self.trial

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act, and return observation, reward, terminated, truncated, info.

        At a trial's end ``info["trial"]`` and ``info["performance"]`` describe the trial that
        ended, and the observation is the first of the next.

        Raises
        ------
        ActionError
            If `action` lies outside the action space.
        ResetNeeded
            If there is no trial yet.
        """
        if not self._ready:
            raise ResetNeeded("Call reset() before step().")
        if not self.action_space.contains(action):
            plain = np.asarray(action)
            if plain.ndim or not self.action_space.contains(plain.item()):
                raise ActionError(f"action: expected a member of {self.action_space}, got {action}")
            action = plain.item()
        right = self.gt_now
        _, reward, terminated, truncated, info = self._step(action)
        info = {"new_trial": False, "gt": right, **info}
        self.t += self.dt
        self.t_ind += 1
        if self.t_ind >= self._n_steps and not info["new_trial"]:
            info["new_trial"] = True
            reward += self.r_tmax
        if info["new_trial"]:
            info["performance"], info["trial"] = self.performance, self.trial
            self.performance = 0.0
            truncated = truncated or self.num_tr >= self.num_tr_exp
            self._top.new_trial()
        # A reward of one number in an array is one too.
        return self._shown(), float(np.asarray(reward).item()), terminated, truncated, info

    def tell(self, **values: Any) -> dict[str, Any]:
        """Add to the present trial what a wrapper drew it by, and return all of it.

        Parameters
        ----------
        **values
            What to add; it has no effect on the trial.
        """
        self.trial = {**(self.trial or {}), **values}
        return self.trial

    def set_top(self, wrapper: Any) -> None:
        """Make trials begin by the outermost wrapper's `new_trial`.

        Parameters
        ----------
        wrapper : TrialWrapper
            The outermost one.
        """
        self._top = wrapper

    # Laying out a trial -----------------------------------------------------------------------

    def sample_time(self, period: str) -> float:
        """Return a duration of `period` in ms, drawn by `timing` and cut to whole steps.

        Raises
        ------
        TaskError
            If `timing` does not have the period.
        TimingError
            If the duration is less than a step and not 0.
        """
        if period not in self.timing:
            raise unknown("timing", period, self.timing)
        value = self.timing[period]
        if hasattr(value, "seed") and callable(value):
            ms = float(value())
        else:
            duration = as_duration(value)
            if isinstance(duration, Until):
                raise fail("timing", f"until {duration.ms} ms in add_period", f"{period!r}")
            if isinstance(duration, Steps):
                return duration.n * self.dt
            ms = float(duration.draw(self._generator(period), 1)[0])
        steps = int(ms / self.dt + 1e-9)
        if ms > 0 and steps == 0:
            raise TimingError(
                f"timing[{period!r}]: {ms:g} ms is less than one step of dt {self.dt:g} ms and "
                f"would get lost; make it 0, at least {self.dt:g} ms, or the step smaller"
            )
        return steps * self.dt

    def add_period(
        self,
        period: Place,
        duration: float | Sequence[float] | None = None,
        before: str | None = None,
        after: str | float | None = None,
        last_period: bool = False,
    ) -> None:
        """Add one period, or several of which each follows the one before it.

        Parameters
        ----------
        period : str or sequence of str
            Name or names.
        duration : float or sequence of float, optional
            Length in ms; default: drawn by `timing`.
        before, after : str or float, optional
            Where it lies: before the start or after the end of another period, or a time in ms.
            Default: at the trial's start.
        last_period : bool
            Whether the trial ends here.

        Raises
        ------
        TaskError
            If observations were made already, or the neighbour is not known.
        """
        if self._ob is not None:
            raise TaskError("add_period: add all periods before the first observation of a trial")
        if not isinstance(period, str):
            self._add_several(list(period or ()), duration, before, after, last_period)
            return
        given = self.timing.get(period)
        until = as_duration(given) if isinstance(given, (tuple, list)) and given else None
        if before is not None:
            end = self._edge(self.start_t, before)
            length = self._length(period, duration)
            start = end - length
        else:
            start = 0.0
            if after is not None:
                start = self._edge(self.end_t, after) if isinstance(after, str) else float(after)
            if duration is None and isinstance(until, Until):
                end = until.ms
                if end < start:
                    raise TimingError(
                        f"timing[{period!r}]: until {end:g} ms lies before its start at {start:g}"
                    )
            else:
                end = start + self._length(period, duration)
        self.start_t[period], self.end_t[period] = start, end
        self.start_ind[period] = round(start / self.dt)
        self.end_ind[period] = round(end / self.dt)
        self._tmax = max(self._tmax, end)
        if last_period:
            self._build()

    def _add_several(
        self, names: list[str], duration: Any, before: str | None, after: Any, last_period: bool
    ) -> None:
        """Add periods of which each follows the one before it."""
        lengths = duration if isinstance(duration, Sequence) else [duration] * len(names)
        for at, (name, length) in enumerate(zip(names, lengths, strict=True)):
            last = last_period and at == len(names) - 1
            self.add_period(name, length, after=after, before=before, last_period=last)
            after, before = name, None

    def view_ob(self, period: Place = None) -> NDArray[Any]:
        """Return the observations of a period (or of the trial) to write into.

        Parameters
        ----------
        period : str or sequence of str, optional
            Which; default: the whole trial.
        """
        ob, _ = self._build()
        return ob[self._part(period)]

    def add_ob(self, value: Any, period: Place = None, where: Any = None) -> None:
        """Add to the observations of a period; `value` may be a function of their shape.

        Parameters
        ----------
        value : array, float or callable
            What to write.
        period : str or sequence of str, optional
            Which; default: the whole trial.
        where : str, int or slice, optional
            Which channels; default: all.
        """
        self._write(value, period, where, reset=False)

    def set_ob(self, value: Any, period: Place = None, where: Any = None) -> None:
        """Replace the observations of a period; `value` may be a function of their shape.

        Parameters
        ----------
        value : array, float or callable
            What to write.
        period : str or sequence of str, optional
            Which; default: the whole trial.
        where : str, int or slice, optional
            Which channels; default: all.
        """
        self._write(value, period, where, reset=True)

    def add_randn(
        self, mu: float = 0, sigma: float = 1, period: Place = None, where: Any = None
    ) -> None:
        """Add normal numbers of mean `mu` and s.d. `sigma` to the observations of a period.

        Parameters
        ----------
        mu, sigma : float
            Mean and s.d.
        period : str or sequence of str, optional
            Which; default: the whole trial.
        where : str, int or slice, optional
            Which channels; default: all.
        """
        self.add_ob(lambda shape: mu + sigma * self.rng.randn(*shape), period, where)

    def view_groundtruth(self, period: Place = None) -> NDArray[Any]:
        """Return the right actions of a period (or of the trial) to write into.

        Parameters
        ----------
        period : str or sequence of str, optional
            Which; default: the whole trial.
        """
        _, gt = self._build()
        return gt[self._part(period)]

    def set_groundtruth(self, value: Any, period: Place = None, where: str | None = None) -> None:
        """Set the right action of a period: a number, or the `value`-th of the actions `where`.

        Parameters
        ----------
        value : int or array
            The action.
        period : str or sequence of str, optional
            Which; default: the whole trial.
        where : str, optional
            Name of the actions of which to take the `value`-th.
        """
        if where is not None:
            value = np.asarray(self._names(self.action_space, where))[value]
        for name in self._each(period):
            self.view_groundtruth(name)[...] = value

    def in_period(self, period: str, t: float | None = None) -> bool:
        """Return whether the present step (or the time `t`) lies in a period.

        Parameters
        ----------
        period : str
            Its name.
        t : float, optional
            A time in ms since the trial began, instead of the present one.
        """
        if period not in self.start_t:
            raise unknown("period", period, self.start_t)
        at = self.t_ind if t is None else round(t / self.dt)
        return self.start_ind[period] <= at < self.end_ind[period]

    @property
    def tmax(self) -> float:
        """Length of the trial in ms."""
        return self._tmax

    @tmax.setter
    def tmax(self, ms: float) -> None:
        """Replace it.

        Parameters
        ----------
        ms : float
            Length of the trial.
        """
        self._tmax = ms

    @property
    def ob(self) -> NDArray[Any]:
        """Observations of the trial, `(n_steps, …)`."""
        return self._build()[0]

    @ob.setter
    def ob(self, value: Any) -> None:
        """Replace it.

        Parameters
        ----------
        value : array, (n_steps, …)
            What the present trial shows.
        """
        self._build()
        self._ob = value

    @property
    def gt(self) -> NDArray[Any]:
        """Right actions of the trial, `(n_steps, …)`."""
        return self._build()[1]

    @gt.setter
    def gt(self, value: Any) -> None:
        """Replace it.

        Parameters
        ----------
        value : array, (n_steps, …)
            Right actions of the present trial.
        """
        self._build()
        self._gt = value

    @property
    def observation_now(self) -> Any:
        """What the environment shows at the present step."""
        return self._shown()

    @property
    def ob_now(self) -> Any:
        """The observation that follows on the present step."""
        ob, _ = self._build()
        return ob[min(self.t_ind + 1, len(ob) - 1)]

    @property
    def gt_now(self) -> Any:
        """The right action of the present step."""
        _, gt = self._build()
        now = gt[min(self.t_ind, len(gt) - 1)]
        return now.item() if np.ndim(now) == 0 else now

    def trial_length_stats(self, num_trials: int = 100) -> dict[str, float]:
        """Return mean, s.d., 95th percentile and maximum of the length of trials in steps.

        Parameters
        ----------
        num_trials : int
            How many trials to lay out.
        """
        lengths = []
        for _ in range(num_trials):
            self.new_trial()
            lengths.append(self._n_steps)
        return {
            "mean": float(np.mean(lengths)),
            "std": float(np.std(lengths)),
            "percentile_95": float(np.percentile(lengths, 95)),
            "max": float(np.max(lengths)),
        }

    # Within -----------------------------------------------------------------------------------

    @property
    def _n_steps(self) -> int:
        return max(1, round(self._tmax / self.dt))

    def _clear(self) -> None:
        self.start_t: dict[str, float] = {}
        self.end_t: dict[str, float] = {}
        self.start_ind: dict[str, int] = {}
        self.end_ind: dict[str, int] = {}
        self._tmax = 0.0
        self._ob = self._gt = None

    def _build(self) -> tuple[NDArray[Any], NDArray[Any]]:
        if self._ob is None or self._gt is None:
            n = self._n_steps
            space, actions = self.observation_space, self.action_space
            self._ob = np.zeros((n, *(space.shape or ())), dtype=space.dtype)
            self._gt = np.zeros((n, *(actions.shape or ())), dtype=actions.dtype)
        return self._ob, self._gt

    def _shown(self) -> Any:
        ob, _ = self._build()
        return ob[min(self.t_ind, len(ob) - 1)].copy()

    def _length(self, period: str, duration: Any) -> float:
        if duration is None:
            return self.sample_time(period)
        return int(real("duration", duration, minimum=0) / self.dt + 1e-9) * self.dt

    def _generator(self, period: str) -> np.random.Generator:
        """Return the random numbers of a period's durations: one stream each."""
        if period not in self._durations:
            words = (*self._root.spawn_key, 1_000_003, *period.encode())
            sequence = np.random.SeedSequence(self._root.entropy, spawn_key=words)
            self._durations[period] = np.random.default_rng(sequence)
        return self._durations[period]

    def _edge(self, edges: Mapping[str, float], period: str) -> float:
        if period not in edges:
            raise unknown("period", period, edges)
        return edges[period]

    def _each(self, period: Place) -> list[str | None]:
        return [period] if period is None or isinstance(period, str) else list(period)

    def _part(self, period: Place) -> slice:
        if period is None:
            return slice(None)
        if not isinstance(period, str):
            raise fail("period", "one name, or None for the whole trial", repr(period))
        if period not in self.start_ind:
            raise unknown("period", period, self.start_ind)
        return slice(self.start_ind[period], self.end_ind[period])

    def _write(self, value: Any, period: Place, where: Any, *, reset: bool) -> None:
        columns = self._names(self.observation_space, where) if isinstance(where, str) else where
        for name in self._each(period):
            ob = self.view_ob(name)
            index = (Ellipsis,) if columns is None else (..., columns)
            if reset:
                ob[index] = 0
            shown = value(ob[index].shape) if callable(value) else value
            ob[index] += shown

    def _names(self, space: Any, where: str) -> Any:
        names = getattr(space, "name", {})
        if where not in names:
            raise unknown("where", where, names)
        found = names[where]
        return list(found) if isinstance(found, range) else found


# For isinstance: code that asks for NeuroGym's classes is given what has their interface.
TrialEnv.register(TaskEnv)
PeriodEnv = TrialEnv


def _random_state(root: np.random.SeedSequence, word: int) -> Any:
    # RandomState and not Generator: what is written for NeuroGym calls its methods.
    sequence = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, word))
    return np.random.RandomState(np.random.MT19937(sequence))


def _integer(root: np.random.SeedSequence, word: int) -> int:
    sequence = np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, word))
    return int(sequence.generate_state(1, np.uint32)[0])
