"""The single environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from neuroloom.shared import Seed
from neuroloom.tasks._design.state import Now, start_memory
from neuroloom.tasks._design.table import Table
from neuroloom.tasks._design.task import FREE, Task
from neuroloom.tasks._engine.plan import BLOCK, make_plan
from neuroloom.tasks._engine.rule import case_of
from neuroloom.tasks._engine.streams import Streams, laid_out
from neuroloom.tasks._errors import ActionError, whole

_FEWEST, _MOST = 4, 256


class TaskEnv(gymnasium.Env[NDArray[np.float32], Any]):
    """A task as an environment: one trial after another, without end unless asked for.

    A step's observation is what the agent sees before its next action; the first one comes from
    `reset`. ``info["gt"]`` is the right action of the step just taken, ``info["new_trial"]`` says
    that the trial is over; then ``info["performance"]`` and ``info["trial"]`` describe the trial
    that ended and the observation is the first of the next one.

    Parameters
    ----------
    task : Task
        What to run.
    trials_per_episode : int, optional
        After so many trials the episode is `terminated`. None: it never is.
    seed : int or Seed, optional
        Where the trials come from until `reset` is called with a seed.

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
    ) -> None:
        self.plan = make_plan(task)
        self.task = task
        self.dt = task.dt
        self.rewards = self.plan.rewards
        self.observation_space: Any = self.plan.observation_space
        self.action_space = self.plan.action_space
        if trials_per_episode is not None:
            trials_per_episode = whole("trials_per_episode", trials_per_episode, minimum=1)
        self.trials_per_episode = trials_per_episode
        self._done = 0
        self.num_tr = 0
        self._replaced: NDArray[Any] | None = None
        self._top: Any = self
        self._n_actions = self.plan.n_actions
        rule = self.plan.rule
        # As tuples of Python's own numbers, which a single step reads fastest.
        columns = (rule.reward, rule.end, rule.performance, rule.answers)
        self._rule = list(zip(*(one.tolist() for one in columns), strict=True))
        self._at, self._trial = -1, -1
        self._starts = [0]
        self._plain = self.plan.plain
        self.reseed(seed)

    # Gymnasium --------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a trial and return its first observation.

        Parameters
        ----------
        seed : int, optional
            Determines everything that follows. Without it the stream goes on with its next
            trial.
        options : dict, optional
            Not used.
        """
        super().reset(seed=seed)
        if seed is not None:
            self.reseed(seed)
        self._done = 0
        self._top.new_trial()
        return self._observation(), {"new_trial": False}

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act, and return observation, reward, terminated, truncated, info.

        Raises
        ------
        ActionError
            If `action` lies outside the action space.
        ResetNeeded
            If `reset` was not called before.
        """
        at = self._at
        if at < 0:
            raise ResetNeeded("Call reset() before step().")
        # Of an action that is no int, and where actions are no integers, more has to be known.
        if type(action) is not int or not 0 <= action < self._n_actions:
            action = self._checked(action)
        target, phase, after = self._target[at], self._phase[at], at + 1
        last = after == self._stop
        if self._plain:
            if not last and (action == 0 or phase == FREE) and self._replaced is None:
                self._at = after
                return self._ob[after], 0.0, False, False, {"new_trial": False, "gt": target}
            reward, end, performance = self._outcome(action, at, last, target, phase)
        else:
            now = self._now()
            if self.plan.guided:
                target = self.task.guide(now)[0]
            if self.plan.custom:
                given, ends, merits = self.task.outcome(now, np.asarray([action]))
                reward, performance = float(given[0]), float(merits[0])
                end = last or bool(ends[0])
            else:
                reward, end, performance = self._outcome(action, at, last, target, phase)
        info: dict[str, Any] = {"new_trial": end, "gt": target}
        terminated = False
        if end:
            info["performance"] = performance
            info["trial"] = self.trial
            self._done += 1
            terminated = self._done == self.trials_per_episode
            if self._top is self:
                self._next_trial()
            else:
                self._top.new_trial()
        else:
            self._at = after
        if self._plain and self._replaced is None:
            return self._ob[self._at], reward, terminated, False, info
        return self._observation(), reward, terminated, False, info

    # NeuroGym's way of looking at a trial -----------------------------------------------------

    @property
    def trial(self) -> dict[str, Any]:
        """The present trial's conditions."""
        table, number = self._table, self._present()
        return {name: values[number] for name, values in table.conditions.items()}

    @property
    def right_action(self) -> Any:
        """The right action of the present step."""
        self._present()
        if self.plan.guided:
            return self.task.guide(self._now())[0]
        return self._target[self._at]

    @property
    def period(self) -> str:
        """Name of the present period."""
        self._present()
        return str(self.plan.period_names[self._table.period[self._at]])

    @property
    def ob(self) -> NDArray[np.float32]:
        """Observations of the present trial, `(n_steps, n_channels)`, a copy."""
        if self._replaced is not None:
            return self._replaced
        return self._ob[self._steps()].copy()

    @ob.setter
    def ob(self, value: NDArray[Any]) -> None:
        self._present()
        self._replaced = value

    @property
    def t_ind(self) -> int:
        """Steps since the trial began."""
        return self._at - self._starts[self._present()]

    @property
    def gt(self) -> NDArray[Any]:
        """Right actions of the present trial, `(n_steps,)`, a copy."""
        return self._gt[self._steps()].copy()

    @property
    def gt_now(self) -> Any:
        """The right action of the present step."""
        return self.right_action

    @property
    def observation_now(self) -> NDArray[np.float32]:
        """What the environment shows at the present step."""
        return self._observation()

    @property
    def choices(self) -> list[Any]:
        """Values that the trials' ``ground_truth`` can have."""
        drawn = Streams(self.plan, 0).take(np.array([BLOCK])).conditions
        return np.unique(drawn["ground_truth"]).tolist() if "ground_truth" in drawn else []

    def reseed(self, seed: int | Seed | None = None) -> list[Any]:
        """Go to the start of the trials of `seed`; None takes it from the operating system."""
        self._streams = Streams(self.plan, seed)
        self._memory: dict[str, NDArray[Any]] = {}
        self._ahead: Table | None = None
        self._at, self._trial, self._starts = -1, -1, [0]
        self._fewest = _FEWEST
        return [seed]

    def set_top(self, wrapper: Any) -> None:
        """Make trials begin by the outermost wrapper's `new_trial`."""
        self._top = wrapper

    def become(self, task: Task) -> None:
        """Go on with another task, from a new stream; what wraps this environment still does."""
        top = self._top
        self.__init__(task, trials_per_episode=self.trials_per_episode)  # type: ignore[misc]
        self._top = top

    def new_trial(self, **conditions: Any) -> dict[str, Any]:
        """Begin the next trial, some of its conditions as given, and return its conditions.

        Raises
        ------
        TaskError
            If the task does not draw a condition of that name.
        """
        self._replaced = None
        if conditions:
            apart = self._streams.apart(**conditions)
            # What is left of the trials at hand comes after it.
            if self._ahead is None and self._trial + 2 < len(self._starts):
                self._ahead = self._table.cut(self._trial + 1, self._table.n_trials)
            self._take(apart)
            self._begin(0)
        else:
            self._next_trial()
        return self.trial

    # Within -----------------------------------------------------------------------------------

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
            shown: NDArray[np.float32] = self._replaced[self.t_ind]
            return shown
        observation: NDArray[np.float32] = self._ob[self._at]
        if self.plan.observes:
            observation = np.asarray(self.task.observe(self._now(), observation[None].copy())[0])
        return observation

    def _next_trial(self) -> None:
        trial = self._trial + 1
        if trial + 1 >= len(self._starts):
            if self._ahead is not None:
                table, self._ahead = self._ahead, None
            else:
                table = self._streams.take(np.array([self._fewest]))
                self._fewest = min(2 * self._fewest, _MOST)
            self._take(table)
            trial = 0
        self._begin(trial)

    def _begin(self, trial: int) -> None:
        self._trial, self._at, self._stop = trial, self._starts[trial], self._starts[trial + 1]
        self.num_tr += 1
        if self.plan.begins:
            now = self._now()
            self.task.begin(now)
            start_memory(self._memory, dict(now.memory), np.array([0]), 1)

    def _take(self, table: Table) -> None:
        """Have all steps of a table at hand; numbers as lists, which Python reads fastest."""
        self._table = table
        self._ob, self._gt, _ = laid_out(self.plan, table)
        self._target = self._gt.tolist() if self.plan.discrete else list(self._gt)
        self._phase = self.plan.phase[table.period].tolist()
        self._starts = table.starts.tolist()

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
