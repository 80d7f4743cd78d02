"""The segment table: trials as rows of levels, laid out on the time grid only when asked for.

A block of trials is painted period by period, so that a trial of two seconds costs five rows and
not twenty; what a step shows is then one look-up and, where there is noise, one draw.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._design.levels import Where
from neuroloom.tasks._errors import fail, unknown
from neuroloom.tasks._random.counter import Keys

Conditions = dict[str, NDArray[Any]]
"""One array a condition, one row a trial."""
Pieces = list[tuple[int, int, int]] | NDArray[np.int64]
"""First step, end, and the row of the output that the first one goes to, of each."""
Priced = tuple[NDArray[Any], NDArray[Any]]
"""Reward and performance of answers."""
_AT_ONCE = 8192
"""Steps that are worked on at once."""


class Plan(Protocol):
    """What tables, streams and data sets read of a source of trials that is ready to draw from."""

    n_channels: int
    n_actions: int
    target_shape: tuple[int, ...]
    target_dtype: np.dtype[Any]
    period_names: tuple[str, ...]
    phase: NDArray[np.int8]
    noisy: NDArray[np.bool_]
    at_once: int

    @property
    def mean_steps(self) -> float:
        """About how many steps a trial has."""
        ...

    def parts(self, where: Where) -> list[int]:
        """Return the numbers of the periods called `where`."""
        ...

    def segment_period(self, n: int) -> NDArray[np.int16]:
        """Return the period of every segment of `n` trials."""
        ...

    def payoff(self, conditions: Conditions) -> Priced:
        """Return what every answer is worth, `(n_trials, n_actions)` each."""
        ...

    def grade(self, rows: Rows) -> Priced:
        """Return what an answer at every step is worth, `(n_steps,)` each."""
        ...

    def emit(
        self,
        table: Table,
        pieces: Pieces,
        observation: NDArray[np.float32],
        target: NDArray[Any],
        stride: int,
    ) -> None:
        """Write pieces of a table, each into every `stride`-th row of the output."""
        ...


@dataclass(eq=False)
class Table:
    """Some trials, of one stream or of several: `n_trials` trials, `n_rows` steps.

    Parameters
    ----------
    plan : Plan
        What the trials were drawn from.
    conditions : dict of array
        What was drawn, one row a trial.
    counts : array of int, (n_trials, n_periods)
        Length of every period in steps.
    levels, target : array
        Observation without noise and right action, one row a segment (a period of a trial), or
        one row a step if they change within periods.
    segment_period : array of int, optional
        Number of the period of every segment; default: every trial goes through all periods.
    stepwise : bool
        Whether levels and targets are one row a step.
    base : array of int, (n_trials,), optional
        Row of `levels` with which each trial begins, if they don't lie in the trials' order.
    number : array of int, (n_trials,), optional
        Number of each trial in its stream.
    keys : array of uint64, (n_trials,), optional
        What each trial's noise is drawn with.
    """

    plan: Plan
    conditions: dict[str, NDArray[Any]]
    counts: NDArray[np.int64]
    levels: NDArray[np.float32]
    target: NDArray[Any]
    segment_period: NDArray[np.int16] | None = None
    stepwise: bool = False
    base: NDArray[np.int64] | None = None
    number: NDArray[np.int64] | None = None
    keys: Keys | None = None

    def __post_init__(self) -> None:
        per_trial = np.einsum("ij->i", self.counts)  # of short rows, much faster than their sum
        self.starts = np.zeros(len(per_trial) + 1, dtype=np.int64)
        np.cumsum(per_trial, out=self.starts[1:])
        self.n_trials = len(per_trial)
        self.n_rows = int(self.starts[-1])
        if self.segment_period is None:
            self.segment_period = self.plan.segment_period(self.n_trials)
        self._in_order = self.base is None
        if self.base is None:
            self.base = np.arange(self.n_trials) * self.counts.shape[1]

    def by_step(self) -> None:
        """Give every step its own level and target."""
        segment = self.segment
        self.levels = self.levels.take(segment, axis=0)
        self.target = self.target.take(segment, axis=0)
        self.stepwise = True

    def cut(self, start: int, stop: int) -> Table:
        """Return the trials from `start` to `stop` as a table."""
        parts = self.counts.shape[1]
        segments = slice(start * parts, stop * parts)
        rows = slice(self.starts[start], self.starts[stop]) if self.stepwise else segments
        in_order = self.stepwise or self._in_order
        assert self.segment_period is not None
        return Table(
            plan=self.plan,
            conditions={name: values[start:stop] for name, values in self.conditions.items()},
            counts=self.counts[start:stop],
            levels=self.levels[rows] if in_order else self.levels[self._row_of_segment[segments]],
            target=self.target[rows],
            segment_period=self.segment_period[segments],
            stepwise=self.stepwise,
            number=None if self.number is None else self.number[start:stop],
            keys=None if self.keys is None else self.keys[start:stop],
        )

    # Per step: laid out only when somebody asks, as most of it never is.

    @cached_property
    def segment(self) -> NDArray[np.int64]:
        """Segment (a period of a trial) of every step."""
        return np.repeat(np.arange(self.counts.size), self.counts.ravel())

    @cached_property
    def source(self) -> NDArray[np.int64]:
        """Row of `levels` that every step shows."""
        return np.arange(self.n_rows) if self.stepwise else self._row_of_segment[self.segment]

    @cached_property
    def painted(self) -> NDArray[np.float32]:
        """Levels of every segment, `(n_trials, n_periods, n_channels)`."""
        levels = self.levels if self._in_order else self.levels[self._row_of_segment]
        return levels.reshape(*self.counts.shape, -1)

    @property
    def _row_of_segment(self) -> NDArray[np.int64]:
        assert self.base is not None
        return (self.base[:, None] + np.arange(self.counts.shape[1])).ravel()

    @cached_property
    def period(self) -> NDArray[np.int16]:
        """Number of the period of every step."""
        return np.repeat(np.asarray(self.segment_period), self.counts.ravel())

    @cached_property
    def trial(self) -> NDArray[np.int64]:
        """Trial of every step, from 0."""
        return np.repeat(np.arange(self.n_trials), np.diff(self.starts))

    @cached_property
    def step(self) -> NDArray[np.int64]:
        """Steps since the trial began."""
        return np.arange(self.n_rows) - self.starts[self.trial]

    @cached_property
    def elapsed(self) -> NDArray[np.int64]:
        """Steps since the period began."""
        flat = self.counts.ravel()
        return np.arange(self.n_rows) - (np.cumsum(flat) - flat)[self.segment]

    @cached_property
    def left(self) -> NDArray[np.int64]:
        """Steps until the next trial begins, 1 at a trial's last step."""
        return np.repeat(self.starts[1:], np.diff(self.starts)) - np.arange(self.n_rows)

    @cached_property
    def due(self) -> NDArray[np.bool_]:
        """Whether an answer is due, one a trial."""
        asked = self.target != 0
        if asked.ndim > 1:
            asked = asked.reshape(len(asked), -1).any(axis=1)
        if self.stepwise:
            return np.asarray(np.logical_or.reduceat(asked, self.starts[:-1]))
        shown = asked.reshape(self.counts.shape) & (self.counts > 0)
        return np.asarray(np.einsum("ij->i", shown))

    @cached_property
    def payoff(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Reward and performance of every answer, `(n_trials, n_actions)`."""
        plan = self.plan
        return priced("payoff", plan.payoff(self.conditions), (self.n_trials, plan.n_actions))

    @cached_property
    def packed(self) -> tuple[dict[str, np.dtype[Any]], NDArray[np.float64]]:
        """The conditions that fit into 64 bits: name to kind, and the bits, `(n_trials, k)`."""
        kinds = {
            name: values.dtype
            for name, values in self.conditions.items()
            if values.ndim == 1 and values.dtype in (np.float64, np.bool_, np.int64)
        }
        packed = np.empty((self.n_trials, len(kinds)))
        bits = packed.view(np.int64)
        for column, (name, kind) in enumerate(kinds.items()):
            into = packed if kind.kind == "f" else bits
            into[:, column] = self.conditions[name]
        return kinds, packed

    @cached_property
    def graded(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Reward and performance of an answer at every step."""
        worth, merit = np.empty(self.n_rows), np.empty(self.n_rows)
        for start, stop in self.pieces():
            given = self.plan.grade(Rows(self, start, stop))
            worth[start:stop], merit[start:stop] = priced("grade", given, (stop - start,))
        return worth, merit

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Yield first step and end of whole trials, as many as the processor's caches hold."""
        edges = self.starts[:: max(1, _AT_ONCE * self.n_trials // max(1, self.n_rows))].tolist()
        yield from itertools.pairwise(dict.fromkeys([*edges, self.n_rows]))

    @cached_property
    def noisy(self) -> NDArray[np.int64]:
        """Steps that get noise."""
        return np.flatnonzero(np.asarray(self.plan.noisy)[self.period])


def join(tables: Sequence[Table]) -> Table:
    """Return several tables of one plan as one."""
    first = tables[0]
    if len(tables) == 1:
        return first
    joined = np.concatenate
    names = dict.fromkeys(name for one in tables for name in one.conditions)
    return Table(
        plan=first.plan,
        conditions={name: joined([_column(one, name) for one in tables]) for name in names},
        counts=joined([one.counts for one in tables]),
        levels=joined([one.levels for one in tables]),
        target=joined([one.target for one in tables]),
        segment_period=joined([np.asarray(one.segment_period) for one in tables]),
        stepwise=first.stepwise,
    )


def _column(table: Table, name: str) -> NDArray[Any]:
    """Return a condition, 0 where it was not drawn."""
    values: NDArray[Any] | None = table.conditions.get(name)
    return np.zeros(table.n_trials, dtype=np.int64) if values is None else values


@dataclass(eq=False)
class Rows:
    """Consecutive steps of a table."""

    table: Table
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def conditions(self) -> Mapping[str, NDArray[Any]]:
        """What was drawn for the table's trials; index it with `trial`."""
        return self.table.conditions

    @property
    def trial(self) -> NDArray[np.int64]:
        """Trial within the table."""
        return self.table.trial[self.start : self.stop]

    @property
    def step(self) -> NDArray[np.int64]:
        """Steps since the trial began."""
        return self.table.step[self.start : self.stop]

    @property
    def elapsed(self) -> NDArray[np.int64]:
        """Steps since the period began."""
        return self.table.elapsed[self.start : self.stop]

    @property
    def left(self) -> NDArray[np.int64]:
        """Steps until the next trial begins."""
        return self.table.left[self.start : self.stop]

    @property
    def period(self) -> NDArray[np.int16]:
        """Number of the period."""
        period: NDArray[np.int16] = self.table.period[self.start : self.stop]
        return period

    def of(self, name: str) -> NDArray[Any]:
        """Return the condition `name` at every step.

        Raises
        ------
        TaskError
            If no condition is called so.
        """
        if name not in self.table.conditions:
            raise unknown("condition", name, self.table.conditions)
        values: NDArray[Any] = self.table.conditions[name][self.trial]
        return values

    def inside(self, *periods: str) -> NDArray[np.bool_]:
        """Return whether each step lies in one of `periods`."""
        first, *others = self.table.plan.parts(periods)
        where: NDArray[np.bool_] = self.period == first
        for part in others:
            where = where | (self.period == part)
        return where


def priced(
    hook: str, given: Any, shape: tuple[int, ...], what: str = "reward and performance"
) -> Priced:
    """Return the two arrays that a task's hook gives, reward and performance, if they are that."""
    expected = f"{what}, two arrays of shape {shape} of finite numbers"
    try:
        reward, performance = (np.asarray(one, dtype=float) for one in given)
    except (TypeError, ValueError):
        raise fail(hook, expected, repr(given)) from None
    for one in (reward, performance):
        if one.shape != shape or not np.isfinite(one).all():
            got = f"shape {one.shape}" if one.shape != shape else "NaN or infinity"
            raise fail(hook, expected, got)
    return reward, performance
