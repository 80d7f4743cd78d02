"""The segment table: trials as rows of levels, laid out on the time grid only when asked for.

A block of trials is painted period by period, so that a trial of two seconds costs five rows and
not twenty; what a step shows is then one look-up and, where there is noise, one draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._errors import unknown

if TYPE_CHECKING:
    from neuroloom.tasks._plan import Plan

Where = str | tuple[str, ...] | slice


class Levels:
    """The level of every channel in every period, written by name.

    ``levels["stimulus", "choice"] = value`` takes a number, one number a trial ``(n,)``, or one
    a trial and channel ``(n, k)``; several periods are given as a tuple, all of them as ``:``.
    ``levels.array`` is the whole, ``(n_trials, n_periods, n_channels)``.
    """

    def __init__(self, array: NDArray[Any], plan: Plan) -> None:
        self.array = array
        self._plan = plan

    def __setitem__(self, where: tuple[Where, str | slice], value: Any) -> None:
        for part, column, shaped in self._places(where, value):
            self.array[:, part, column] = shaped

    def add(self, where: tuple[Where, str | slice], value: Any) -> None:
        """Add `value` to what is there."""
        for part, column, shaped in self._places(where, value):
            self.array[:, part, column] += shaped

    def _places(
        self, where: tuple[Where, str | slice], value: Any
    ) -> list[tuple[int, int | slice | NDArray[np.int64], Any]]:
        column = self._plan.channel(where[1])
        if np.ndim(value) == 1 and not isinstance(column, int):
            value = np.asarray(value)[:, None]
        return [(part, column, value) for part in self._plan.parts(where[0])]


class Targets:
    """The right action in every period, written by name: ``target["decision"] = 1 + side``."""

    def __init__(self, array: NDArray[Any], plan: Plan) -> None:
        self.array = array
        self._plan = plan

    def __setitem__(self, where: Where, value: Any) -> None:
        for part in self._plan.parts(where):
            self.array[:, part] = value


@dataclass(eq=False)
class Table:
    """Some trials of a stream: `n_trials` trials, `n_rows` steps.

    Parameters
    ----------
    plan : Plan
        What the trials were drawn from.
    conditions : dict of array
        What was drawn, one row a trial.
    levels, target : array
        Observation without noise and right action, one row a source.
    source : array of int
        Row of `levels` at every step.
    period, trial : array of int
        Period and trial at every step.
    step, elapsed, left : array of int
        Steps since the trial and since the period began, and steps until the next trial begins.
    starts : array of int
        Step at which each trial begins, and the end of the last.
    due : array of bool
        Whether an answer is due, one a trial.
    """

    plan: Plan
    conditions: dict[str, NDArray[Any]]
    levels: NDArray[np.float32]
    target: NDArray[Any]
    source: NDArray[np.int64]
    period: NDArray[np.int16]
    trial: NDArray[np.int64]
    starts: NDArray[np.int64]
    due: NDArray[np.bool_]
    period_starts: NDArray[np.int64]
    first: int = 0

    @property
    def n_rows(self) -> int:
        """Number of steps."""
        return len(self.source)

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return len(self.starts) - 1

    @cached_property
    def step(self) -> NDArray[np.int64]:
        """Steps since the trial began."""
        return np.arange(self.n_rows) - self.starts[self.trial]

    @cached_property
    def elapsed(self) -> NDArray[np.int64]:
        """Steps since the period began."""
        return np.arange(self.n_rows) - self.period_starts

    @cached_property
    def left(self) -> NDArray[np.int64]:
        """Steps until the next trial begins, 1 at a trial's last step."""
        return self.starts[self.trial + 1] - np.arange(self.n_rows)

    @cached_property
    def payoff(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Reward and performance of every answer, `(n_trials, n_actions)`."""
        reward, performance = self.plan.task.payoff(self.conditions)
        return np.asarray(reward, dtype=float), np.asarray(performance, dtype=float)

    @cached_property
    def noisy(self) -> NDArray[np.int64]:
        """Steps that get noise."""
        return np.flatnonzero(np.asarray(self.plan.noisy)[self.period])


@dataclass(eq=False)
class Rows:
    """Consecutive steps of a table."""

    table: Table
    start: int
    stop: int
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

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
        return self.table.period[self.start : self.stop]

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
        return np.isin(self.period, self.table.plan.parts(periods))
