"""Laying out a trial by periods, observations and right actions, in NeuroGym's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._design.durations import Steps, Until, as_duration
from neuroloom.tasks._errors import TaskError, TimingError, fail, real, unknown

Place = str | Sequence[str] | None


class Layout:
    """A trial that is being laid out, and the place in it; times are in ms."""

    dt: float
    t_ind: int
    timing: dict[str, Any]
    rng: Any
    observation_space: Any
    action_space: Any
    start_t: dict[str, float]
    end_t: dict[str, float]
    start_ind: dict[str, int]
    end_ind: dict[str, int]
    _tmax: float
    _ob: NDArray[Any] | None
    _gt: NDArray[Any] | None
    _root: np.random.SeedSequence
    _durations: dict[str, np.random.Generator]

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
