"""The single environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from neuroloom.shared import Seed, as_seed
from neuroloom.tasks._design.durations import written
from neuroloom.tasks._design.state import Now, start_memory
from neuroloom.tasks._design.table import Table
from neuroloom.tasks._design.task import FREE, Task
from neuroloom.tasks._engine.plan import BLOCK, make_plan
from neuroloom.tasks._engine.rule import case_of
from neuroloom.tasks._engine.streams import Streams, laid_out
from neuroloom.tasks._errors import ActionError, whole

_FEWEST, _MOST = 4, 256
_MOST_KINDS = 64


@dataclass(frozen=True, eq=False)
class _Laid:
    """Some trials laid out in time; numbers as lists, which Python reads fastest."""

    table: Table
    observation: NDArray[np.float32]
    right: NDArray[Any]
    target: list[Any]
    phase: list[int]
    starts: list[int]


class TaskEnv(gymnasium.Env[NDArray[np.float32], Any]):
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
    _told: dict[str, Any]

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
        self._run(task, seed)

    def _run(self, task: Task, seed: int | Seed | None) -> None:
        """Go to the start of the trials of a task."""
        plan = make_plan(task)
        self.waits_for_fixation = plan.waits(self.waits_for_fixation)
        self.plan, self.task = plan, task
        self.dt = task.dt
        self.rewards = self.plan.rewards
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
        self._at, self._trial = -1, -1
        self._starts = [0]
        self._plain = self.plan.plain
        self.reseed(seed)

    def __getattr__(self, name: str) -> Any:
        # A task's parameters, ``env.cohs``, as in NeuroGym.
        task = self.__dict__.get("task")
        shown = isinstance(getattr(type(task), name, None), property)
        if task is None or not (shown or name in type(task).__dataclass_fields__):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(task, name)

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
            Not used.
        """
        super().reset(seed=seed)
        if seed is not None:
            self.reseed(seed)
        self._done = 0
        self._over = False
        if not self._untouched:
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
        if at < 0 or self._over:
            raise ResetNeeded("Call reset() before step().")
        # Of an action that is no int, and where actions are no integers, more has to be known.
        if type(action) is not int or not 0 <= action < self._n_actions:
            action = self._checked(action)
        self._untouched = False
        if self.waits_for_fixation and self._waiting(action):
            waited = {"new_trial": False, "gt": self.right_action, "waiting": True}
            return self._observation(), 0.0, False, False, waited
        target, phase, after = self._target[at], self._phase[at], at + 1
        last = after == self._stop
        if self._plain:
            if not last and (action == 0 or phase == FREE) and self._replaced is None:
                self._at = after
                shown = self._ob[after].copy()
                return shown, 0.0, False, False, {"new_trial": False, "gt": target}
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
            self._over = True
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

    # NeuroGym's way of looking at a trial -----------------------------------------------------

    @property
    def trial(self) -> dict[str, Any]:
        """The present trial's conditions."""
        table, number = self._table, self._present()
        drawn = {name: values[number] for name, values in table.conditions.items()}
        # The caller's own: a row of several numbers would be part of the table.
        own = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in drawn.items()}
        return own | self._told if self._told else own

    def tell(self, **values: Any) -> dict[str, Any]:
        """Add to the present trial's conditions what a wrapper drew it by, and return them all.

        Parameters
        ----------
        **values
            What to add; it has no effect on the trial.
        """
        self._told = {**self._told, **values}
        return self.trial

    @property
    def right_action(self) -> Any:
        """The right action of the present step."""
        self._present()
        if self.plan.guided:
            return self.task.correct_action(self._now())[0]
        return self._target[self._at]

    @property
    def period(self) -> str:
        """Name of the present period."""
        self._present()
        return str(self.plan.period_names[self._table.period[self._at]])

    @property
    def ob(self) -> NDArray[np.float32]:
        """Observations of the present trial, `(n_steps, n_channels)`, a copy."""
        trial = self._steps()
        return (self._ob[trial] if self._replaced is None else self._replaced).copy()

    @ob.setter
    def ob(self, value: NDArray[Any]) -> None:
        """Replace it.

        Parameters
        ----------
        value : array, (n_steps, n_channels)
            What the present trial shows.
        """
        self._present()
        self._replaced = value

    @property
    def t_ind(self) -> int:
        """Steps since the trial began."""
        return self._at - self._starts[self._present()]

    @property
    def gt(self) -> NDArray[Any]:
        """Right actions of the present trial, `(n_steps,)`, a copy."""
        trial = self._steps()
        return self._gt[trial].copy()

    @property
    def gt_now(self) -> Any:
        """The right action of the present step."""
        return self.right_action

    @property
    def observation_now(self) -> NDArray[np.float32]:
        """What the environment shows at the present step."""
        return self._observation()

    @property
    def ob_now(self) -> NDArray[np.float32]:
        """What the environment shows at the present step, by NeuroGym's name."""
        return self._observation()

    @property
    def timing(self) -> dict[str, Any]:
        """Duration of every period in ms, as it was given: a number, a list, (name, arguments)."""
        chosen = self.task.timing or {}
        return {
            name: chosen[name] if name in chosen else written(period.duration, self.dt)
            for name, period in self.task.periods.items()
        }

    @property
    def start_ind(self) -> dict[str, int]:
        """Step at which every period of the present trial begins."""
        return dict(zip(self.plan.period_names, self._edges()[:-1], strict=True))

    @property
    def end_ind(self) -> dict[str, int]:
        """Step before which every period of the present trial ends."""
        return dict(zip(self.plan.period_names, self._edges()[1:], strict=True))

    @property
    def start_t(self) -> dict[str, float]:
        """When every period of the present trial begins, in ms."""
        return {name: at * self.dt for name, at in self.start_ind.items()}

    @property
    def end_t(self) -> dict[str, float]:
        """When every period of the present trial ends, in ms."""
        return {name: at * self.dt for name, at in self.end_ind.items()}

    @property
    def tmax(self) -> float:
        """Length of the present trial in ms."""
        return self._edges()[-1] * self.dt

    @property
    def t(self) -> float:
        """Time since the trial began, in ms; 0 before the first."""
        return 0.0 if self._at < 0 else self.t_ind * self.dt

    def in_period(self, period: str, t: float | None = None) -> bool:
        """Return whether the present step lies in a period.

        Parameters
        ----------
        period : str
            Its name.
        t : float, optional
            A time in ms since the trial began, instead of the present one.
        """
        at = self.t_ind if t is None else int(t / self.dt + 1e-9)
        part = self._span(period)
        return bool(part.start <= at < part.stop)

    def view_ob(self, period: str | None = None) -> NDArray[np.float32]:
        """Return the observations of the present trial, a copy.

        Parameters
        ----------
        period : str, optional
            Only those of a period.
        """
        return self.ob[self._span(period)]

    def view_groundtruth(self, period: str | None = None) -> NDArray[Any]:
        """Return the right actions of the present trial, a copy.

        Parameters
        ----------
        period : str, optional
            Only those of a period.
        """
        return self.gt[self._span(period)]

    def trial_length_stats(self, num_trials: int = 100) -> dict[str, float]:
        """Return mean, s.d., 95th percentile and maximum of the length of trials in steps.

        Parameters
        ----------
        num_trials : int
            How many trials to draw; those of the environment stay as they are.
        """
        count = whole("num_trials", num_trials, minimum=1)
        steps = Streams(self.plan, 0).take(np.array([count])).counts.sum(axis=1)
        return {
            "mean": float(steps.mean()),
            "std": float(steps.std()),
            "percentile_95": float(np.percentile(steps, 95)),
            "max": float(steps.max()),
        }

    @property
    def choices(self) -> list[Any]:
        """Values that the trials' ``ground_truth`` can have."""
        drawn = Streams(self.plan, 0).take(np.array([BLOCK])).conditions
        return np.unique(drawn["ground_truth"]).tolist() if "ground_truth" in drawn else []

    def reseed(self, seed: int | Seed | None = None) -> list[Any]:
        """Go to the start of the trials of a seed.

        Parameters
        ----------
        seed : int or Seed, optional
            None takes it from the operating system.
        """
        self.seeded = seed
        self._streams = Streams(self.plan, seed)
        self._memory: dict[str, NDArray[Any]] = {}
        self._in_turn: _Laid | None = None
        self._next = 0
        self._drawn_apart: dict[int, _Laid] = {}
        self._at, self._trial, self._starts = -1, -1, [0]
        self._told = {}
        self._fewest = _FEWEST
        self._over, self._untouched = False, False
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
        self._run(task, self.seeded)

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
        self._untouched = False
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
        self._untouched = True

    def _waiting(self, action: Any) -> bool:
        return bool(action != 0 and self._at == self._starts[self._trial])

    def _outcome(
        self, action: Any, at: int, last: bool, target: Any, phase: int
    ) -> tuple[float, bool, float]:
        due = bool(self._table.due[self._trial])
        case = case_of(phase, action != 0, action == target, last, due)
        reward, end, performance, answers = self._rule[case]
        if answers and self.plan.priced:
            graded = self.plan.graded
            worth, merit = self._table.graded if graded else self._table.payoff
            where = at if graded else (self._trial, action)
            return reward + float(worth[where]), end, float(merit[where])
        return reward, end, performance

    def _now(self) -> Now:
        table, trial, here = self._table, self._present(), slice(self._at, self._at + 1)
        return Now(
            period=table.period[here],
            step=table.step[here],
            elapsed=table.elapsed[here],
            last=table.left[here] == 1,
            target=np.asarray([self._target[self._at]]),
            conditions={k: v[trial : trial + 1] for k, v in table.conditions.items()},
            memory=self._memory,
            parts=self.plan.part,
        )

    def _observation(self) -> NDArray[np.float32]:
        if self._replaced is not None:
            shown: NDArray[np.float32] = np.array(self._replaced[self.t_ind])
            return shown
        observation: NDArray[np.float32] = self._ob[self._at].copy()
        if self.plan.observes:
            observation = np.asarray(self.task.observe(self._now(), observation[None])[0])
        return observation

    def _own_outcome(
        self, action: Any, at: int, last: bool, target: Any, phase: int
    ) -> tuple[float, bool, float, Any]:
        """Return reward, end, performance and right action in a task with rules of its own."""
        now = self._now()
        if self.plan.guided:
            target = self.task.correct_action(now)[0]
        if not self.plan.custom:
            return (*self._outcome(action, at, last, target, phase), target)
        given, ends, merits = self.task.outcome(now, np.asarray([action]))
        return float(given[0]), last or bool(ends[0]), float(merits[0]), target

    def _next_trial(self) -> None:
        if self._in_turn is None or self._next == self._in_turn.table.n_trials:
            self._in_turn = self._lay_out(self._streams.take(np.array([self._fewest])))
            self._fewest, self._next = min(2 * self._fewest, _MOST), 0
        self._next += 1
        self._hold(self._in_turn)
        self._begin(self._next - 1)

    def _begin(self, trial: int) -> None:
        self._trial, self._at, self._stop = trial, self._starts[trial], self._starts[trial + 1]
        self._told = {}
        self.num_tr += 1
        if self.plan.begins:
            now = self._now()
            self.task.on_trial_start(now)
            start_memory(self._memory, dict(now.memory), np.array([0]), 1)

    def _lay_out(self, table: Table) -> _Laid:
        """Return all steps of a table."""
        observation, right, _ = laid_out(self.plan, table)
        return _Laid(
            table=table,
            observation=observation,
            right=right,
            target=right.tolist() if self.plan.discrete else list(right),
            phase=self.plan.phase[table.period].tolist(),
            starts=table.starts.tolist(),
        )

    def _hold(self, laid: _Laid) -> None:
        """Have the steps of some trials at hand."""
        self._table = laid.table
        self._ob, self._gt, self._target = laid.observation, laid.right, laid.target
        self._phase, self._starts = laid.phase, laid.starts

    def _edges(self) -> list[int]:
        """Return where the present trial's periods begin, and where the last one ends."""
        counts = self._trial_counts()
        return [0, *np.cumsum(counts).tolist()]

    def _trial_counts(self) -> NDArray[np.int64]:
        """Return the steps of every period of the present trial; 0 of those not in it."""
        trial = self._present()
        table, parts = self._table, len(self.plan.period_names)
        counts = table.counts[trial]
        if len(counts) == parts:
            return np.asarray(counts)
        named = np.asarray(table.segment_period).reshape(table.counts.shape)[trial]
        return np.bincount(named, weights=counts, minlength=parts).astype(np.int64)

    def _span(self, period: str | None) -> slice:
        """Return the steps of a period of the present trial, or of all."""
        if period is None:
            return slice(None)
        part, edges = self.plan.parts(period)[0], self._edges()
        return slice(edges[part], edges[part + 1])

    def _present(self) -> int:
        """Return the present trial's number in the table."""
        if self._at < 0:
            raise ResetNeeded("Call reset() first: there is no trial yet.")
        return self._trial

    def _steps(self) -> slice:
        trial = self._present()
        return slice(self._starts[trial], self._starts[trial + 1])

    def _checked(self, action: Any) -> Any:
        if not self.plan.discrete:
            return self._vector(action)
        if isinstance(action, np.ndarray) and action.size == 1:
            action = action.reshape(()).item()
        if isinstance(action, (int, np.integer)) and 0 <= action < self._n_actions:
            return int(action)
        raise ActionError(
            f"action: expected an integer from 0 to {self._n_actions - 1}, got {action!r}"
        )

    def _vector(self, action: Any) -> NDArray[np.float32]:
        values = np.asarray(action, dtype=np.float32)
        if values.shape != self.plan.target_shape or not self.action_space.contains(values):
            raise ActionError(f"action: expected a member of {self.action_space}, got {action!r}")
        return values
