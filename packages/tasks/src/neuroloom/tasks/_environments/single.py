"""The single environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from neuroloom.shared import Seed, as_seed
from neuroloom.tasks._design.state import start_memory
from neuroloom.tasks._design.table import Table
from neuroloom.tasks._design.task import DECIDE, FIXATE, FREE, Task
from neuroloom.tasks._engine.plan import make_plan
from neuroloom.tasks._engine.rule import case_of, settled
from neuroloom.tasks._engine.streams import Streams, laid_out
from neuroloom.tasks._environments.trial_view import TrialView
from neuroloom.tasks._errors import ActionError, TaskError, unknown, whole

_FEWEST, _MOST = 4, 256
_MOST_KINDS = 64
_OPTIONS = ("no_step", "stream")
_NO_ROWS = np.zeros((0, 0), dtype=np.float32)


@dataclass(eq=False)
class _Laid:
    """Some trials laid out in time; numbers as lists, which Python reads fastest."""

    table: Table
    observation: NDArray[np.float32]
    right: NDArray[Any]
    target: list[Any]
    phase: list[int]
    starts: list[int]
    due: list[bool]
    shown: NDArray[np.float32] = field(init=False)
    """Observations whose rows are handed out once each, so that they are the caller's own."""

    def __post_init__(self) -> None:
        self.shown = self.observation.copy()

    def __getstate__(self) -> dict[str, Any]:
        # A copy hands out rows of its own, which nobody has written into.
        return {name: value for name, value in self.__dict__.items() if name != "shown"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.__post_init__()


class TaskEnv(TrialView, gymnasium.Env[NDArray[np.float32], Any]):
    """A task as an environment: one trial after another, without end unless asked for.

    A step's observation is what the agent sees before its next action; the first one comes from
    `reset`. ``info["gt"]`` is the right action of the step just taken, ``info["new_trial"]`` says
    that the trial is over; then ``info["performance"]`` and ``info["trial"]`` describe the trial
    that ended and the observation is the first of the next one. The step that ends an episode
    begins no trial: its observation is the last one once more, and `reset` begins the next trial.

    Everything that NeuroGym tells of a trial is here under its name: `timing`, `start_t`,
    `end_ind`, `tmax`, `t`, `in_period`, `view_ob`, …; the task's parameters are attributes.

    Parameters
    ----------
    task : Task
        What to run.
    trials_per_episode : int, optional
        After so many trials the episode is `terminated`. None: it never is.
    seed : int or Seed, optional
        Where the trials come from until `reset` is called with a seed.
    waits_for_fixation : bool
        Whether trials begin when the subject fixates: as long as it does anything but action 0 in
        a trial's first step, that step is shown again, nothing is paid, and ``info["waiting"]`` is
        true.

    Raises
    ------
    TaskError
        If the task or an option does not fit.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 — gymnasium's own attribute

    def __init__(
        self,
        task: Task,
        *,
        trials_per_episode: int | None = None,
        seed: int | Seed | None = None,
        waits_for_fixation: bool = False,
    ) -> None:
        if trials_per_episode is not None:
            trials_per_episode = whole("trials_per_episode", trials_per_episode, minimum=1)
        self.trials_per_episode = trials_per_episode
        self.waits_for_fixation = waits_for_fixation
        self._top: Any = self
        self._shown: list[str] = []
        self._run(task, seed)

    def _run(self, task: Task, seed: int | Seed | None, stream: int = 0) -> None:
        """Go to the start of the trials of a task."""
        plan = make_plan(task)
        self.waits_for_fixation = plan.waits(self.waits_for_fixation)
        self.plan, self.task = plan, task
        self.dt = task.dt
        self.observation_space: Any = self.plan.observation_space
        self.action_space = self.plan.action_space
        self._done = 0
        self.num_tr = 0
        self._replaced: NDArray[Any] | None = None
        self._n_actions = self.plan.n_actions
        rule = self.plan.rule
        # As tuples of Python's own numbers, which a single step reads fastest.
        columns = (rule.reward, rule.end, rule.performance, rule.answers)
        self._rule = list(zip(*(one.tolist() for one in columns), strict=True))
        self._aborted: tuple[float, bool, float] = self._rule[
            case_of(FIXATE, True, False, False, False)
        ][:3]
        self._at, self._trial = -1, -1
        self._starts = [0]
        self._plain, self._priced = self.plan.plain, self.plan.priced
        self._begins = self.plan.begins
        self._steady = self._plain and self.plan.discrete
        self._rows: NDArray[np.float32] = _NO_ROWS
        self._laid: _Laid | None
        calm = [case_of(phase, True, False, False, False) for phase in (FREE, FIXATE, DECIDE)]
        # What an action other than 0 earns where the trial goes on, by phase; None: it may end.
        self._earns = [None if self._rule[at][1] else self._rule[at][0] for at in calm]
        self.reseed(seed, stream)
        self._show_parameters(task)

    def _show_parameters(self, task: Task) -> None:
        """Have a task's parameters as attributes, ``env.cohs``, where they hide nothing else."""
        # Set and not looked up by __getattr__, with which Python reads every attribute slowly.
        for name in self._shown:
            del self.__dict__[name]
        cls = type(task)
        properties = [n for n in dir(cls) if isinstance(getattr(cls, n), property)]
        self._shown = [
            name
            for name in dict.fromkeys([*cls.__dataclass_fields__, *properties])
            if not hasattr(type(self), name) and name not in self.__dict__
        ]
        self._given = {"dt": self.dt, **{name: getattr(task, name) for name in self._shown}}
        self.__dict__.update(self._given)

    def _check_parameters(self) -> None:
        """Refuse parameters that were set on the environment, where they would do nothing."""
        for name, value in self._given.items():
            if self.__dict__.get(name) is not value:
                raise TaskError(
                    f"{name}: parameters cannot be set on an environment that is made; give "
                    f"`{name}=...` to make, or a task that has it to become"
                )

    def __getstate__(self) -> dict[str, Any]:
        # Parameters are the task's, which knows how it is copied.
        left = {*self._shown, "_given", "_rows"}
        return {name: value for name, value in self.__dict__.items() if name not in left}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _shown=[])
        self._rows = _NO_ROWS if self._laid is None else self._laid.shown
        self._show_parameters(self.task)

    # Gymnasium --------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin an episode and return its first observation.

        Parameters
        ----------
        seed : int, optional
            Determines everything that follows. Without it the stream goes on: with the trial
            that the last step began, if no step was taken in it, or with the next one.
        options : dict, optional
            ``stream``: a seed and a number; trials are those of this stream of that seed, and
            `seed` is left to wrappers. ``no_step`` is taken for code written for NeuroGym, and
            changes nothing, as no step is ever made here.

        Raises
        ------
        TaskError
            If there are other options.
        """
        super().reset(seed=seed)
        self._check_parameters()
        stream = _stream(options)
        if stream is not None:
            self.reseed(*stream)
        elif seed is not None:
            self.reseed(seed)
        self._done = 0
        self._over = False
        if not (self._fresh and self._at == self._first):
            self._top.new_trial()
        return self._observation(), {"new_trial": False}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act, and return observation, reward, terminated, truncated, info.

        Raises
        ------
        ActionError
            If `action` lies outside the action space.
        ResetNeeded
            If `reset` was not called before, or the episode is over.
        """
        at = self._at
        # Most steps: the trial goes on, and by the engine's own rule. Every look-up counts here.
        if at < self._calm and type(action) is int:
            if action == 0:
                reward = 0.0
            else:
                earned = self._earns[self._phase[at]]
                if earned is None or not 0 < action < self._n_actions:
                    return self._act(action)
                reward = earned
            self._at = after = at + 1
            info = {"new_trial": False, "gt": self._target[at]}
            return self._rows[after], reward, False, False, info
        return self._act(action)

    def _act(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act where the trial may end, or the task has rules of its own; see `step`."""
        at = self._at
        if at < 0 or self._over:
            raise ResetNeeded("Call reset() before step().")
        if type(action) is not int or not 0 <= action < self._n_actions:
            action = self._checked(action)
            if at < self._calm:
                return TaskEnv.step(self, action)
        self._fresh = False
        if self.waits_for_fixation and action != 0 and at == self._first:
            waited = {"new_trial": False, "gt": self.right_action, "waiting": True}
            return self._observation(), 0.0, False, False, waited
        target, phase, after = self._target[at], self._phase[at], at + 1
        last = after == self._stop
        # What the task shows may change with the action, and an episode ends with what was seen.
        seen = self._observation() if self.plan.observes else None
        if self._plain:
            reward, end, performance = self._outcome(action, at, last, target, phase)
        else:
            reward, end, performance, target = self._own_outcome(action, at, last, target, phase)
        info: dict[str, Any] = {"new_trial": end, "gt": target}
        if not end:
            self._at = after
            return self._observation(), reward, False, False, info
        info["performance"] = performance
        info["trial"] = self.trial
        self._done += 1
        if self._done == self.trials_per_episode:
            self._over, self._calm, self._final = True, -1, seen
            return self._observation(), reward, True, False, info
        self._go_on()
        return self._observation(), reward, False, False, info

    def seed(self, seed: int | Seed | None = None) -> list[Any]:
        """Start trials and the action space's samples anew, and return the seed in a list.

        Parameters
        ----------
        seed : int or Seed, optional
            None takes it from the operating system.
        """
        self.reseed(seed)
        if seed is not None:
            self.action_space.seed(as_seed(seed).child("actions").integer(31))
        return [seed]

    def reseed(self, seed: int | Seed | None = None, stream: int = 0) -> list[Any]:
        """Go to the start of the trials of a seed.

        Parameters
        ----------
        seed : int or Seed, optional
            None takes it from the operating system.
        stream : int
            Which of its streams; `i` is that of environment `i` of a vector environment.
        """
        self.seeded, self._stream = seed, stream
        self._streams = Streams(self.plan, seed, first=stream)
        self._memory: dict[str, NDArray[Any]] = {}
        self._in_turn: _Laid | None = None
        self._next = 0
        self._drawn_apart: dict[int, _Laid] = {}
        self._at, self._trial, self._starts = -1, -1, [0]
        self._told = {}
        self._fewest = _FEWEST
        self._over, self._fresh, self._final = False, False, None
        self._first, self._calm, self._laid = -1, -1, None
        return [seed]

    def set_top(self, wrapper: Any) -> None:
        """Make trials begin by the outermost wrapper's `new_trial`.

        Parameters
        ----------
        wrapper : TrialWrapper
            The outermost one.
        """
        self._top = wrapper

    def become(self, task: Task) -> None:
        """Go on with another task, from the start of the seed; what wraps this still does.

        Parameters
        ----------
        task : Task
            What to run from now on.
        """
        self._run(task, self.seeded, self._stream)

    def new_trial(self, **conditions: Any) -> dict[str, Any]:
        """Begin the next trial and return its conditions.

        Parameters
        ----------
        **conditions
            Conditions that it gets, ``coh=51.2``.

        Raises
        ------
        TaskError
            If the task does not draw a condition of that name, or no such value of it.
        """
        self._replaced = None
        if conditions:
            apart, row = self._streams.apart(conditions)
            laid = self._drawn_apart.get(id(apart))
            if laid is None or laid.table is not apart:
                laid = self._drawn_apart[id(apart)] = self._lay_out(apart)
                while len(self._drawn_apart) > _MOST_KINDS:
                    self._drawn_apart.pop(next(iter(self._drawn_apart)))
            self._hold(laid)
            self._begin(row)
        else:
            self._next_trial()
        return self.trial

    # Within -----------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Begin the trial that follows one that is over."""
        if self._top is self:
            self._replaced = None
            self._next_trial()
        else:
            self._top.new_trial()
        self._fresh = True

    def _outcome(
        self, action: Any, at: int, last: bool, target: Any, phase: int
    ) -> tuple[float, bool, float]:
        if phase == FIXATE and action != 0 and not last:
            return self._aborted
        due = self._due[self._trial]
        case = case_of(phase, action != 0, action == target, last, due)
        reward, end, performance, answers = self._rule[case]
        if answers and self._priced:
            graded = self.plan.graded
            worth, merit = self._table.graded if graded else self._table.payoff
            where = at if graded else (self._trial, action)
            return reward + float(worth[where]), end, float(merit[where])
        return reward, end, performance

    def _own_outcome(
        self, action: Any, at: int, last: bool, target: Any, phase: int
    ) -> tuple[float, bool, float, Any]:
        """Return reward, end, performance and right action in a task with rules of its own."""
        now = self._now()
        if self.plan.guided:
            target = self.task.correct_action(now)[0]
        if not self.plan.custom:
            return (*self._outcome(action, at, last, target, phase), target)
        outcome = self.task.outcome(now, np.asarray([action]))
        given, ends, merits = settled(outcome, 1, type(self.task).__name__)
        return float(given[0]), last or bool(ends[0]), float(merits[0]), target

    def _next_trial(self) -> None:
        if self._in_turn is None or self._next == self._in_turn.table.n_trials:
            self._in_turn = self._lay_out(self._streams.take(np.array([self._fewest])))
            self._fewest, self._next = min(2 * self._fewest, _MOST), 0
        self._next += 1
        self._hold(self._in_turn)
        self._begin(self._next - 1)

    def _begin(self, trial: int) -> None:
        first, stop = self._starts[trial], self._starts[trial + 1]
        self._trial, self._at, self._first, self._stop = trial, first, first, stop
        self._calm = stop - 1 if self._steady and not self.waits_for_fixation else -1
        self._fresh, self._final = False, None
        self._told = {}
        self.num_tr += 1
        if self._begins:
            now = self._now()
            self.task.on_trial_start(now)
            start_memory(self._memory, dict(now.memory), np.array([0]), 1)

    def _lay_out(self, table: Table) -> _Laid:
        """Return all steps of a table."""
        self._check_parameters()
        observation, right, _ = laid_out(self.plan, table)
        return _Laid(
            table=table,
            observation=observation,
            right=right,
            target=right.tolist() if self.plan.discrete else list(right),
            phase=self.plan.phase[table.period].tolist(),
            starts=table.starts.tolist(),
            due=np.asarray(table.due, dtype=bool).tolist(),
        )

    def _hold(self, laid: _Laid) -> None:
        """Have the steps of some trials at hand."""
        if laid is self._laid:
            return
        self._table = laid.table
        self._ob, self._gt, self._target = laid.observation, laid.right, laid.target
        self._phase, self._starts, self._due = laid.phase, laid.starts, laid.due
        self._laid, self._rows = laid, laid.shown

    def _checked(self, action: Any) -> Any:
        if not self.plan.discrete:
            return self._vector(action)
        if isinstance(action, np.ndarray) and action.size == 1:
            action = action.reshape(()).item()
        if not isinstance(action, bool) and isinstance(action, (int, np.integer)):
            if 0 <= action < self._n_actions:
                return int(action)
        raise ActionError(
            f"action: expected an integer from 0 to {self._n_actions - 1}, got {action!r}"
        )

    def _vector(self, action: Any) -> NDArray[np.float32]:
        values = np.asarray(action, dtype=np.float32)
        if values.shape != self.plan.target_shape or not self.action_space.contains(values):
            raise ActionError(f"action: expected a member of {self.action_space}, got {action!r}")
        return values


def _stream(options: dict[str, Any] | None) -> tuple[int | Seed, int] | None:
    """Return which stream of which seed the options of `reset` ask for, if any."""
    for name in options or {}:
        if name not in _OPTIONS:
            raise unknown("options", name, _OPTIONS)
    found: tuple[int | Seed, int] | None = (options or {}).get("stream")
    return found
