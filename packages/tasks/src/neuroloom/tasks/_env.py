"""The single environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from neuroloom.shared import Seed
from neuroloom.tasks._errors import ActionError, whole
from neuroloom.tasks._now import Now, start_memory
from neuroloom.tasks._plan import make_plan
from neuroloom.tasks._stream import Stream
from neuroloom.tasks._table import Rows
from neuroloom.tasks._task import DECIDE, FIXATE, Task

_CHUNK = 256
_Piece = tuple[NDArray[np.float32], NDArray[Any], list[tuple[int, Rows]]]


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
        self._stream = Stream(self.plan, seed)
        self._at = -1
        self._ob, self._gt = self._stream.empty(0)
        self._chunk: list[tuple[int, Rows]] = []
        self._length = 0
        self._memory: dict[str, NDArray[Any]] = {}
        self._done = 0
        self.num_tr = 0
        self._replaced: NDArray[Any] | None = None
        self._top: Any = self
        pays = self.rewards.get
        self._pays = [float(pays(k, 0.0)) for k in ("abort", "correct", "fail", "miss", "withhold")]
        self._plain = not (self.plan.custom or self.plan.pays or self.plan.graded)

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
        if self.plan.discrete and not (type(action) is int and 0 <= action < self.plan.n_actions):
            action = self._integer(action)
        elif not self.plan.discrete:
            action = self._vector(action)
        left = self._left[at]
        target = self._target[at]
        if self._plain:
            reward, end, performance = self._plain_outcome(action, at, left, target)
        else:
            if self.plan.guided:
                target = self.task.guide(self._now())[0]
            reward, end, performance = self._outcome(action, at, left, target)
        info: dict[str, Any] = {"new_trial": end, "gt": target}
        terminated = False
        if end:
            info["performance"] = performance
            info["trial"] = self.trial
            self._done += 1
            terminated = self._done == self.trials_per_episode
            if self._top is self:
                self._next_trial(at + left)
            else:
                self._top.new_trial()
        else:
            self._at = at + 1
        return self._observation(), reward, terminated, False, info

    # NeuroGym's way of looking at a trial -----------------------------------------------------

    @property
    def trial(self) -> dict[str, Any]:
        """The present trial's conditions."""
        rows, at = self._where()
        number = int(rows.trial[at])
        return {name: values[number] for name, values in rows.conditions.items()}

    @property
    def right_action(self) -> Any:
        """The right action of the present step."""
        self._where()
        if self.plan.guided:
            return self.task.guide(self._now())[0]
        return self._target[self._at]

    @property
    def period(self) -> str:
        """Name of the present period."""
        rows, at = self._where()
        return str(self.plan.period_names[rows.period[at]])

    @property
    def ob(self) -> NDArray[np.float32]:
        """Observations of the present trial, `(n_steps, n_channels)`, a copy."""
        if self._replaced is not None:
            return self._replaced
        return self._ob[self._present()].copy()

    @ob.setter
    def ob(self, value: NDArray[Any]) -> None:
        self._where()
        self._replaced = value

    @property
    def t_ind(self) -> int:
        """Steps since the trial began."""
        rows, at = self._where()
        return int(rows.step[at])

    @property
    def gt(self) -> NDArray[Any]:
        """Right actions of the present trial, `(n_steps,)`, a copy."""
        return self._gt[self._present()].copy()

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
        drawn = Stream(self.plan, 0).next_trial()[2].conditions
        return np.unique(drawn["ground_truth"]).tolist() if "ground_truth" in drawn else []

    def reseed(self, seed: int | Seed | None = None) -> list[Any]:
        """Go to the start of the trials of `seed`; None takes it from the operating system."""
        self._stream = Stream(self.plan, seed)
        self._ob, self._gt = self._stream.empty(0)
        self._at, self._length, self._chunk, self._memory = -1, 0, [], {}
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
        after = 0 if self._at < 0 else self._at + self._left[self._at]
        if conditions:
            observation, target, rows = self._stream.trial(**conditions)
            self._take((observation, target, [(0, rows)]), self._tail(after))
            self._at = 0
            self.num_tr += 1
            self._begin()
        else:
            self._next_trial(after)
        return self.trial

    # Within -----------------------------------------------------------------------------------

    def _plain_outcome(
        self, action: int, at: int, left: int, target: int
    ) -> tuple[float, bool, float]:
        phase = self._phase[at]
        reward, end = 0.0, left == 1
        if action:
            if phase == DECIDE:
                if action == target:
                    return self._pays[1], True, 1.0
                return self._pays[2], True, 0.0
            if phase == FIXATE:
                reward = self._pays[0]
                if self.task.abort:
                    return reward, True, 0.0
        if end:
            late, performance = self._time_out(at)
            return reward + late, True, performance
        return reward, False, 0.0

    def _time_out(self, at: int) -> tuple[float, float]:
        rows, row = self._where(at)
        if rows.table.due[rows.trial[row]]:
            return self._pays[3], 0.0
        return self._pays[4], 1.0

    def _outcome(self, action: Any, at: int, left: int, target: Any) -> tuple[float, bool, float]:
        if self.plan.custom:
            reward, end, performance = self.task.outcome(self._now(), np.asarray([action]))
            return float(reward[0]), bool(end[0]) or left == 1, float(performance[0])
        if action and self._phase[at] == DECIDE:
            rows, row = self._where(at)
            if self.plan.graded:
                rewards, performances = rows.table.graded
                at = rows.start + row
                return float(rewards[at]), True, float(performances[at])
            rewards, performances = rows.table.payoff
            trial = rows.trial[row]
            return float(rewards[trial, action]), True, float(performances[trial, action])
        return self._plain_outcome(action, at, left, target)

    def _now(self) -> Now:
        rows, row = self._where()
        trial = rows.trial[row]
        return Now(
            period=rows.period[row : row + 1],
            step=rows.step[row : row + 1],
            elapsed=rows.elapsed[row : row + 1],
            last=rows.left[row : row + 1] == 1,
            target=np.asarray([self._target[self._at]]),
            conditions={k: v[trial : trial + 1] for k, v in rows.conditions.items()},
            memory=self._memory,
            parts=self.plan.part,
        )

    def _observation(self) -> NDArray[np.float32]:
        if self._replaced is not None:
            shown: NDArray[np.float32] = self._replaced[self.t_ind]
            return shown
        observation: NDArray[np.float32] = self._rows[self._at]
        if self.plan.observes:
            observation = np.asarray(self.task.observe(self._now(), observation[None].copy())[0])
        return observation

    def _where(self, at: int | None = None) -> tuple[Rows, int]:
        at = self._at if at is None else at
        for start, rows in reversed(self._chunk):
            if at >= start:
                return rows, at - start
        raise ResetNeeded("Call reset() first: there is no trial yet.")

    def _next_trial(self, at: int) -> None:
        """Go to the trial that begins at `at`, and have all of it at hand."""
        while at >= self._length or at + self._left[at] > self._length:
            tail = self._tail(at)
            at = max(0, at - self._length)
            observation, target = self._stream.empty(_CHUNK)
            self._take(tail, (observation, target, self._stream.fill(observation, target)))
        self._at = at
        self.num_tr += 1
        self._begin()

    def _begin(self) -> None:
        if self.plan.begins:
            now = self._now()
            self.task.begin(now)
            start_memory(self._memory, dict(now.memory), np.array([0]), 1)

    def _tail(self, at: int) -> _Piece:
        """Return what is at hand from `at` on."""
        spans = []
        for start, rows in self._chunk:
            skip = max(0, at - start)
            if skip < len(rows):
                part = Rows(rows.table, rows.start + skip, rows.stop)
                spans.append((max(start, at) - at, part))
        return self._ob[at:], self._gt[at:], spans

    def _take(self, first: _Piece, second: _Piece) -> None:
        shift = len(first[0])
        self._ob = np.concatenate([first[0], second[0]])
        self._gt = np.concatenate([first[1], second[1]])
        self._chunk = first[2] + [(start + shift, rows) for start, rows in second[2]]
        self._length = len(self._ob)
        self._rows = list(self._ob)
        self._target = self._gt.tolist() if self.plan.discrete else list(self._gt)
        phase = [self.plan.phase[rows.period] for _, rows in self._chunk]
        self._phase = np.concatenate(phase).tolist()
        self._left = np.concatenate([rows.left for _, rows in self._chunk]).tolist()

    def _present(self) -> slice:
        rows, at = self._where()
        start = self._at - int(rows.step[at])
        return slice(start, self._at + self._left[self._at])

    def _integer(self, action: Any) -> int:
        if isinstance(action, np.ndarray) and action.size == 1:
            action = action.reshape(()).item()
        if isinstance(action, (int, np.integer)) and 0 <= action < self.plan.n_actions:
            return int(action)
        raise ActionError(
            f"action: expected an integer from 0 to {self.plan.n_actions - 1}, got {action!r}"
        )

    def _vector(self, action: Any) -> NDArray[np.float32]:
        values = np.asarray(action, dtype=np.float32)
        if values.shape != self.plan.target_shape or not self.action_space.contains(values):
            raise ActionError(f"action: expected a member of {self.action_space}, got {action!r}")
        return values
