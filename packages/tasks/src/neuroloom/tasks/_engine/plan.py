"""A task made ready to draw from: names turned into numbers, everything checked once."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium.spaces import Space
from numpy.typing import NDArray

from neuroloom.tasks._design.durations import (
    Called,
    Computed,
    Constant,
    Duration,
    Steps,
    Until,
    as_duration,
)
from neuroloom.tasks._design.levels import Levels, Targets, Where
from neuroloom.tasks._design.spaces import Box, Discrete, indices
from neuroloom.tasks._design.table import Conditions, Pieces, Priced, Rows, Table, priced
from neuroloom.tasks._design.task import FIXATE, PAYS, Task
from neuroloom.tasks._engine.conditions import Edges, accepted, check_conditions, counted
from neuroloom.tasks._engine.emit import emit
from neuroloom.tasks._engine.rule import Rule, make_rule
from neuroloom.tasks._errors import TaskError, TimingError, fail, flag, real, unknown
from neuroloom.tasks._random.backend import Backend, chosen
from neuroloom.tasks._random.counter import Rng

BLOCK = 256
"""Trials of a session drawn at once. Other blocks would be other trials."""


AT_ONCE = 1024
"""Trials from which on drawing more at once is hardly cheaper."""
SOME_STEPS = 100.0
"""Length of a trial where nobody can know before."""
_PROBE = 64
_EXAMPLES = 4096


class TaskPlan:
    """A task's channels, actions, periods, noise and rewards as arrays.

    Parameters
    ----------
    task : Task
        The declaration.
    backend : str
        ``"numba"``, ``"numpy"``, or ``"auto"``: numba if it is installed.

    Raises
    ------
    TimingError
        If a period would round to no step on the grid of `dt`.
    TaskError
        If noise is named for a period or channel that does not exist.
    """

    def __init__(self, task: Task, *, backend: Backend = "numpy") -> None:
        self.task = task
        self.backend = chosen(backend)
        self.dt = float(task.dt)
        self.period_names = tuple(task.periods)
        if not self.period_names:
            raise fail("periods", "at least one period", "none")
        self.part = {name: at for at, name in enumerate(self.period_names)}
        self.phase = np.array([p.phase for p in task.periods.values()], dtype=np.int8)
        self.durations = self._durations()
        self.channel_names = indices(task.channels())
        self.n_channels = 1 + max(max(_as_list(v)) for v in self.channel_names.values())
        self._column = {name: _column(at) for name, at in self.channel_names.items()}
        self.observation_space = Box(
            -math.inf, math.inf, name=self.channel_names, shape=(self.n_channels,), dtype=np.float32
        )
        self.action_space = _action_space(task)
        self.discrete = isinstance(self.action_space, Discrete)
        self.n_actions = int(self.action_space.n) if isinstance(self.action_space, Discrete) else 0
        self.target_shape = tuple(self.action_space.shape or ())
        self.target_dtype = np.dtype(np.int64 if self.discrete else np.float32)
        self.sigma = self._sigmas()
        self._find_noise()
        self.rewards = task.reward
        self._segment_period = np.zeros(0, dtype=np.int16)
        self._has_until = any(isinstance(d, Until) for d in self.durations.values())
        self._read_hooks(task)
        self.at_once = AT_ONCE
        self.sessions = task.overrides("session") or any(
            isinstance(d, Called) and not d.vectorised for d in self.durations.values()
        )

    def _read_hooks(self, task: Task) -> None:
        """See which rules the task writes itself."""
        self.curved = task.overrides("curve")
        self.custom = task.overrides("outcome")
        self.pays = task.overrides("payoff")
        self.timed = task.overrides("answer_timing") and not task.overrides("grade")
        self.graded = self.timed or task.overrides("grade")
        self.observes = task.overrides("observe")
        self.guided = task.overrides("correct_action")
        self.begins = task.overrides("on_trial_start")
        self.priced = self.pays or self.graded
        for name in () if self.priced or self.custom else self.rewards:
            if name not in PAYS:
                raise unknown(
                    f"rewards of {type(task).__name__}, which pays none itself", name, PAYS
                )
        # A plain task has no rules of its own: what an action earns is the engine's rule.
        self.plain = not (self.custom or self.observes or self.guided or self.begins)

    def __reduce__(self) -> tuple[Any, tuple[Task, str]]:
        return make_plan, (self.task, self.backend)

    def __deepcopy__(self, memo: dict[int, Any]) -> TaskPlan:
        return self

    def waits(self, waits_for_fixation: bool) -> bool:
        """Return whether trials begin when the subject fixates, if the task can do so.

        Parameters
        ----------
        waits_for_fixation : bool
            What was asked for.

        Raises
        ------
        TaskError
            If it was, and trials do not begin with a period of fixation.
        """
        asked = flag("waits_for_fixation", waits_for_fixation)
        if asked and not (self.discrete and self.phase[0] == FIXATE):
            raise fail(
                "waits_for_fixation",
                "a task with numbered actions whose trials begin with a `fixate` period",
                type(self.task).__name__,
            )
        return asked

    def parts(self, where: Where) -> list[int]:
        """Return the numbers of the periods called `where`."""
        if isinstance(where, slice):
            return list(range(len(self.period_names)))[where]
        names = (where,) if isinstance(where, str) else where
        for name in names:
            if name not in self.part:
                raise unknown("period", name, self.part)
        return [self.part[name] for name in names]

    def channel(self, name: str | slice) -> int | slice | NDArray[np.int64]:
        """Return where the channels called `name` are."""
        if isinstance(name, slice):
            return name
        if name == "*":
            return slice(None)
        if name not in self._column:
            raise unknown("channel", name, self._column)
        return self._column[name]

    # Drawing ----------------------------------------------------------------------------------

    def block(
        self,
        rng: Rng,
        memory: dict[str, Any],
        *,
        n: int = BLOCK,
        fixed: dict[str, Any] | None = None,
    ) -> Table:
        """Return `n` trials.

        Parameters
        ----------
        rng : Draws or numpy.random.Generator
            What they are drawn from.
        memory : dict
            What a session keeps from block to block.
        n : int
            How many.
        fixed : dict, optional
            Conditions that all of them get.

        Raises
        ------
        TimingError
            If a trial has no step.
        TaskError
            If `fixed` names a condition that the task does not draw.
        """
        levels = np.zeros((n, len(self.period_names), self.n_channels), dtype=np.float32)
        c, counts, target = self.fill_observation(rng, memory, levels, fixed or {})
        return self._lay_out(c, counts, levels, target)

    def fill_observation(
        self, rng: Rng, memory: dict[str, Any], levels: NDArray[Any], fixed: dict[str, Any]
    ) -> tuple[Conditions, NDArray[np.int64], NDArray[Any]]:
        """Draw trials, write their `levels`, and return conditions, step counts and targets."""
        task, n = self.task, len(levels)
        steps = {name: self._steps(name, d, rng, n) for name, d in self.durations.items()}
        c: Conditions = type(task).session(task, rng, n, memory)  # type: ignore[arg-type]
        check_conditions(task, c, n)
        for name, value in fixed.items():
            if name not in c:
                raise unknown("trial condition", name, c)
            given = accepted(name, value, self.drawable[name])
            c[name] = np.array(np.broadcast_to(given, c[name].shape), dtype=c[name].dtype)
        task.arrange(c, steps)
        for name, value in fixed.items():
            if not np.array_equal(c[name], np.broadcast_to(value, c[name].shape)):
                raise fail(
                    name, "a condition that does not follow from the trial's others", repr(value)
                )
        check_conditions(task, c, n)
        if self._has_until:
            self._fill_until(steps)
        counts = counted(self.period_names, steps, n)
        if not np.einsum("ij->i", counts).all():
            raise TimingError(f"timing: every period of a trial is 0 ms long at dt {self.dt:g} ms")
        target = np.zeros((*counts.shape, *self.target_shape), dtype=self.target_dtype)
        task.fill_observation(c, Levels(levels, self), Targets(target, self))
        self._check(levels, target)
        return c, counts, target

    def _lay_out(
        self, c: Conditions, counts: NDArray[np.int64], levels: NDArray[Any], target: NDArray[Any]
    ) -> Table:
        n, parts = counts.shape
        table = Table(
            plan=self,
            conditions=c,
            counts=counts,
            levels=levels.reshape(n * parts, self.n_channels),
            target=target.reshape(n * parts, *self.target_shape),
        )
        if self.curved:
            table.by_step()
            for start, stop in table.pieces():
                levels, right = table.levels[start:stop], table.target[start:stop]
                self.task.curve(Rows(table, start, stop), levels, right)
                self._check(levels, right)
        return table

    def segment_period(self, n: int) -> NDArray[np.int16]:
        """Return the period of every segment of `n` trials."""
        parts = len(self.period_names)
        if len(self._segment_period) < n * parts:
            self._segment_period = np.tile(np.arange(parts, dtype=np.int16), n)
        return self._segment_period[: n * parts]

    def _steps(self, name: str, duration: Duration, rng: Rng, n: int) -> NDArray[np.int64]:
        if isinstance(duration, (Constant, Steps)):
            one = duration.n if isinstance(duration, Steps) else int(duration.ms / self.dt + 1e-9)
            return np.full(n, one)
        ms = duration.draw(rng, n)
        steps = (ms / self.dt + 1e-9).astype(np.int64)
        if not steps.all() and (lost := (steps == 0) & (ms > 0)).any():
            raise _lost(name, float(ms[lost][0]), self.dt)
        return steps

    def _fill_until(self, steps: dict[str, NDArray[np.int64]]) -> None:
        past = np.zeros_like(next(iter(steps.values())))
        for name, duration in self.durations.items():
            if isinstance(duration, Until):
                steps[name] = int(duration.ms / self.dt + 1e-9) - past
                if (steps[name] < 0).any():
                    raise TimingError(
                        f"timing[{name!r}]: until {duration.ms:g} ms lies before the end of the "
                        f"periods before it, at {float(past.max()) * self.dt:g} ms"
                    )
            past = past + steps[name]

    def emit(
        self,
        table: Table,
        pieces: Pieces,
        observation: NDArray[np.float32],
        target: NDArray[Any],
        stride: int,
    ) -> None:
        """Write steps of a table.

        Parameters
        ----------
        table : Table
        pieces : list of (start, stop, offset)
            Steps, and where to: into every `stride`-th row from `offset` on.
        observation, target : array, (n_rows, …)
            Where to write, contiguous.
        stride : int
        """
        emit(self, table, pieces, observation, target, stride)

    @cached_property
    def mean_steps(self) -> float:
        """About how many steps a trial has."""
        if self.sessions:
            return SOME_STEPS
        return self.block(np.random.default_rng(0), {}, n=_PROBE).n_rows / _PROBE

    @cached_property
    def drawable(self) -> dict[str, NDArray[Any]]:
        """What some thousand trials draw: the values that a condition can be given."""
        rng: Any = Edges(np.random.PCG64(0))
        drawn: Conditions = type(self.task).session(self.task, rng, _EXAMPLES, {})
        return drawn

    def _check(self, levels: NDArray[np.float32], target: NDArray[Any]) -> None:
        """Refuse levels that are no numbers and right actions that are no actions."""
        name = type(self.task).__name__
        flat = levels.ravel()
        # One pass: the sum of squares is finite only if everything is.
        if not math.isfinite(float(np.dot(flat, flat))):
            raise fail(f"levels of {name}", "finite numbers", "NaN or infinity")
        if self.discrete:
            low, high = int(target.min()), int(target.max())
            if low < 0 or high >= self.n_actions:
                got = low if low < 0 else high
                raise fail(f"target of {name}", f"an action from 0 to {self.n_actions - 1}", got)
        elif not np.isfinite(target).all():
            raise fail(f"target of {name}", "finite numbers", "NaN or infinity")

    def payoff(self, conditions: Conditions) -> Priced:
        """Return what every answer is worth, by the task."""
        return self.task.payoff(conditions)

    def grade(self, rows: Rows) -> Priced:
        """Return what an answer at every step is worth, by the task."""
        return self.task.grade(rows)

    def timing(self, table: Table) -> tuple[NDArray[Any], NDArray[Any], float]:
        """Return when every answer is due, the interval that it ends, and a margin."""
        due, interval, margin = self.task.answer_timing(table.conditions)
        shape, what = (table.n_trials,), "times and intervals in ms"
        return (*priced("answer_timing", (due, interval), shape, what), margin)

    @cached_property
    def rule(self) -> Rule:
        """What an action earns."""
        return make_rule(self.rewards, abort_ends=self.task.abort, priced=self.priced)

    # Making -----------------------------------------------------------------------------------

    def _durations(self) -> dict[str, Duration]:
        chosen = self.task.timing or {}
        durations = {
            name: as_duration(chosen.get(name, period.duration))
            for name, period in self.task.periods.items()
        }
        for name, duration in durations.items():
            for ms in () if isinstance(duration, Computed) else duration.shortest():
                if 0 < ms < self.dt * (1 - 1e-9):
                    raise _lost(name, ms, self.dt)
        return durations

    def _sigmas(self) -> NDArray[np.float32]:
        """Return the s.d. of the noise of every period and channel in a step."""
        sigma = np.zeros((len(self.period_names), self.n_channels), dtype=np.float32)
        for (period, channel), value in self.task.noise().items():
            part = self.parts(slice(None) if period == "*" else period)
            scaled = real(f"noise[{period!r}, {channel!r}]", value, minimum=0) / math.sqrt(self.dt)
            for at in part:
                sigma[at, self.channel(channel)] = scaled
        return sigma

    def _find_noise(self) -> None:
        sigma = self.sigma
        self.noise_columns = np.flatnonzero(sigma.any(axis=0))
        self.noise_scale = np.ascontiguousarray(sigma[:, self.noise_columns])
        self.noisy: NDArray[np.bool_] = np.asarray(sigma.any(axis=1))
        columns = self.noise_columns
        adjacent = columns.size and columns[-1] - columns[0] + 1 == columns.size
        self.noise_first = int(columns[0]) if adjacent else -1
        sizes = np.unique(self.noise_scale[self.noisy])
        self.noise_gain = sizes[0] if len(sizes) == 1 else None


def make_plan(task: Task, backend: Backend = "numpy") -> TaskPlan:
    """Return the plan of a task, of the kind that its class asks for."""
    plan: TaskPlan = (task.plan_class or TaskPlan)(task, backend=backend)
    return plan


def _lost(name: str, ms: float, dt: float) -> TimingError:
    return TimingError(
        f"timing[{name!r}]: {ms:g} ms is less than one step of dt {dt:g} ms and would get lost; "
        f"make it 0, at least {dt:g} ms, or the step smaller"
    )


def _as_list(at: int | list[int]) -> list[int]:
    return at if isinstance(at, list) else [at]


def _column(at: int | list[int]) -> int | slice | NDArray[np.int64]:
    if isinstance(at, int):
        return at
    if at == list(range(at[0], at[-1] + 1)):
        return slice(at[0], at[-1] + 1)
    return np.array(at)


def _action_space(task: Task) -> Space[Any]:
    actions = task.actions()
    if isinstance(actions, Space):
        return actions
    names = indices(actions)
    n = 1 + max(max(_as_list(at)) for at in names.values())
    if sorted(i for at in names.values() for i in _as_list(at)) != list(range(n)):
        raise TaskError(f"actions: expected every number from 0 to {n - 1} once, got {names}")
    return Discrete(n, name=names)
