"""Many environments at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from neuroloom.shared import Seed
from neuroloom.tasks._errors import ActionError, whole
from neuroloom.tasks._kernels import Backend, compiled
from neuroloom.tasks._now import Now, start_memory
from neuroloom.tasks._plan import make_plan
from neuroloom.tasks._stream import Stream
from neuroloom.tasks._task import DECIDE, FIXATE, Task

_STEP = np.dtype(
    [
        *(("right", np.int64), ("left", np.int32), ("slot", np.int32)),
        *(("period", np.int16), ("phase", np.int8), ("due", np.bool_)),
    ],
    align=True,
)
_NOTHING = np.zeros((0, 0, 0))
_Stepped = tuple[
    NDArray[np.float32],
    NDArray[np.float64],
    NDArray[np.bool_],
    NDArray[np.float64],
    NDArray[Any],
    dict[str, NDArray[Any]] | None,
]


class TaskVectorEnv(VectorEnv[NDArray[np.float32], NDArray[Any], NDArray[Any]]):
    """A task as `num_envs` environments that step together; environment `i` reads stream `i`.

    ``info`` holds arrays over the environments: ``gt`` and ``new_trial`` at every step, and at
    the end of trials ``performance`` and ``trial`` (a dict of conditions), true where
    ``_performance`` is. Episodes that end are begun anew in the same step.

    Parameters
    ----------
    task : Task
        What to run.
    num_envs : int
        How many.
    trials_per_episode : int, optional
        After so many trials an environment is `terminated` and goes on with its next trial.
    backend : str
        ``"auto"`` (numba if installed), ``"numba"`` or ``"numpy"``; changes the speed, no bit.
    seed : int or Seed, optional
        Where the trials come from until `reset` is called with a seed.
    """

    metadata = {  # noqa: RUF012 — gymnasium's own attribute
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        task: Task,
        num_envs: int = 1,
        *,
        trials_per_episode: int | None = None,
        backend: Backend = "auto",
        seed: int | Seed | None = None,
    ) -> None:
        self.plan = make_plan(task, backend)
        self.task = task
        self.num_envs = whole("num_envs", num_envs, minimum=1)
        self.single_observation_space = self.plan.observation_space
        self.single_action_space = self.plan.action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        if trials_per_episode is not None:
            trials_per_episode = whole("trials_per_episode", trials_per_episode, minimum=1)
        self.trials_per_episode = trials_per_episode
        width = self.plan.n_channels + 4
        self._room = int(np.clip(2**23 // (self.num_envs * width), 64, 1024))
        plan = self.plan
        plain = not (plan.custom or plan.observes or plan.guided or plan.begins)
        self._fused = plain and plan.discrete and plan.backend == "numba"
        self._env = np.arange(self.num_envs)
        self._base = self._env * self._room
        self._ready = False
        self._start(seed)
        pays = self.plan.rewards.get
        self._pays = [float(pays(k, 0.0)) for k in ("abort", "correct", "fail", "miss", "withhold")]
        self._pay_table = np.array(self._pays)

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin a trial in every environment (or in ``options["reset_mask"]``).

        Parameters
        ----------
        seed : int or list of int, optional
            Root of all streams; a list gives each environment stream 0 of a seed of its own.
            Without it the streams go on with their next trial.
        options : dict, optional
            ``reset_mask``: which environments, a boolean array.

        Returns
        -------
        observation : array, (num_envs, n_channels)
        info : dict
        """
        mask = np.ones(self.num_envs, dtype=bool)
        if options and "reset_mask" in options:
            mask = np.asarray(options["reset_mask"], dtype=bool)
        if seed is not None:
            self._start(seed)
        if self._ready:
            self._advance(np.where(mask, self._left[self._env, self._at], 0))
        else:
            self._at[:] = self._room
            self._advance(np.zeros(self.num_envs, dtype=np.int64))
            self._ready = True
        self._done[mask] = 0
        self._begin(np.flatnonzero(mask))
        return self._observation(), {}

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        dict[str, Any],
    ]:
        """Act in every environment.

        Raises
        ------
        ActionError
            If an action lies outside the action space; the message names the environment.
        ResetNeeded
            If `reset` was not called before.
        """
        if not self._ready:
            raise ResetNeeded("Call reset() before step().")
        actions = self._checked(actions)
        act = self._step_fused if self._fused else self._step_plain
        observation, reward, end, performance, target, trials = act(actions)
        info: dict[str, Any] = {"gt": target, "new_trial": end}
        terminated = np.zeros(self.num_envs, dtype=bool)
        if trials is not None:
            info |= {"performance": performance, "_performance": end}
            info |= {"trial": trials, "_trial": end}
        if self.trials_per_episode is not None:
            self._done += end
            terminated = self._done == self.trials_per_episode
            self._done[terminated] = 0
        if terminated.any():
            info["final_obs"] = np.empty(self.num_envs, dtype=object)
            for at in np.flatnonzero(terminated):
                info["final_obs"][at] = observation[at].copy()
            info["_final_obs"] = terminated.copy()
        return observation, reward, terminated, np.zeros(self.num_envs, dtype=bool), info

    @property
    def period(self) -> NDArray[np.int16]:
        """Number of each environment's present period, in ``plan.period_names``."""
        period: NDArray[np.int16] = self._period[self._env, self._at]
        return period

    @property
    def right_action(self) -> NDArray[Any]:
        """The right action of each environment's present step."""
        if self.plan.guided:
            return np.asarray(self.task.guide(self._now()))
        here = self._base + self._at
        right: NDArray[Any] = self._target.reshape(-1, *self.plan.target_shape)[here]
        return right

    # Within -----------------------------------------------------------------------------------

    # Views, not kept: a copy of an environment has to look at its own steps.

    @property
    def _left(self) -> NDArray[np.int32]:
        return self._steps["left"]

    @property
    def _slot(self) -> NDArray[np.int32]:
        return self._steps["slot"]

    @property
    def _period(self) -> NDArray[np.int16]:
        return self._steps["period"]

    @property
    def _phase(self) -> NDArray[np.int8]:
        return self._steps["phase"]

    @property
    def _due(self) -> NDArray[np.bool_]:
        return self._steps["due"]

    def _step_fused(self, actions: NDArray[Any]) -> _Stepped:
        n, plan = self.num_envs, self.plan
        observation = np.empty((n, plan.n_channels), dtype=np.float32)
        reward, performance = np.empty(n), np.empty(n)
        packed = np.zeros((len(self._kinds), n))
        end, target = np.empty(n, dtype=bool), np.empty(n, dtype=np.int64)
        slots = np.empty(n, dtype=np.int64)
        worth = merit = _NOTHING
        if plan.graded:
            worth, merit = (self._details[k][:, :, None] for k in ("reward", "performance"))
        elif plan.pays:
            worth, merit = (self._conditions[k] for k in ("_reward", "_performance"))
        out_of_steps = compiled("step_loop")(
            *(actions, self._at, self._ob, self._steps),
            *(worth, merit, 1 if plan.graded else 2 if plan.pays else 0),
            *(self._pay_table, self.task.abort, observation, reward, end, performance, target),
            *(self._packed, packed, slots, plan.n_actions),
        )
        if out_of_steps < 0:
            raise self._refused(actions, -1 - out_of_steps)
        trials = None
        if end.any():
            trials = dict(zip(self._kinds, packed, strict=True))
            for name, kind in self._kinds.items():
                if kind != np.float64:
                    trials[name] = trials[name].astype(kind)
            if self._conditions:
                trials |= self._describe(np.flatnonzero(end), slots)
        if out_of_steps:
            late = np.flatnonzero(self._at >= self._room)
            self._advance(np.zeros(n, dtype=np.int64))
            observation[late] = self._ob[late, self._at[late]]
        return observation, reward, end, performance, target, trials

    def _step_plain(self, actions: NDArray[Any]) -> _Stepped:
        here = self._base + self._at
        left = self._left[self._env, self._at]
        target = self.right_action
        reward, end, performance = self._outcome(actions, here, left, target)
        trials = None
        if end.any():
            ended = np.flatnonzero(end)
            performance = np.where(end, performance, 0.0)
            trials = self._describe(ended, self._slot[self._env, self._at])
            self._advance(np.where(end, left, 1))
            self._begin(ended)
        else:
            performance = np.zeros(self.num_envs)
            self._advance(np.ones(self.num_envs, dtype=np.int64))
        return self._observation(), reward, end, performance, target, trials

    def _start(self, seed: Any) -> None:
        n, room, plan = self.num_envs, self._room, self.plan
        if isinstance(seed, (list, tuple, np.ndarray)):
            self._streams = [Stream(plan, s if s is None else int(s)) for s in seed]
        else:
            if seed is None:
                seed = int(np.random.SeedSequence().entropy)  # type: ignore[arg-type]
            self._streams = [Stream(plan, seed, index) for index in range(n)]
        self._ob = np.empty((n, room, plan.n_channels), dtype=np.float32)
        self._target = np.empty((n, room, *plan.target_shape), dtype=plan.target_dtype)
        # What a step is lies together, as it is all read together.
        self._steps = np.zeros((n, room), dtype=_STEP)
        self._steps["left"] = 1
        self._details: dict[str, NDArray[Any]] = {}
        self._conditions: dict[str, NDArray[Any]] = {}
        self._kinds: dict[str, np.dtype[Any]] = {}
        self._packed = np.zeros((n, 0, 0))
        self._memory: dict[str, NDArray[Any]] = {}
        self._at = np.zeros(n, dtype=np.int64)
        self._done = np.zeros(n, dtype=np.int64)
        self._ready = False

    def _advance(self, steps: NDArray[np.int64]) -> None:
        self._at += steps
        for env in np.flatnonzero(self._at >= self._room):
            while self._at[env] >= self._room:
                self._at[env] -= self._room
                self._refill(int(env))

    def _refill(self, env: int) -> None:
        spans = self._streams[env].fill(self._ob[env], self._target[env])
        slot = 0
        for start, rows in spans:
            part = slice(start, start + len(rows))
            table = rows.table
            edges = table.starts.searchsorted((rows.start, rows.stop - 1), side="right")
            first, last = int(edges[0]) - 1, int(edges[1])
            if self.plan.backend == "numba" and self.plan.discrete:
                compiled("describe_loop")(
                    *(table.counts.ravel(), table.counts.shape[1], table.segment_period),
                    *(table.starts, table.due, self.plan.phase),
                    *(rows.start, rows.stop, first, start, slot),
                    *(self._target[env], self._steps[env]),
                )
            else:
                self._period[env, part] = rows.period
                self._phase[env, part] = self.plan.phase[rows.period]
                self._left[env, part] = rows.left
                self._slot[env, part] = rows.trial - (first - slot)
                self._due[env, part] = table.due[rows.trial]
            trials = dict(rows.conditions)
            if self._fused:
                self._kinds, packed = table.packed
                trials = {k: v for k, v in trials.items() if k not in self._kinds}
                self._pack(env, slot, packed[first:last])
            if self.plan.pays:
                trials["_reward"], trials["_performance"] = rows.table.payoff
            for name, values in trials.items():
                self._room_for(name, values, slot + last - first)
                self._conditions[name][env, slot : slot + last - first] = values[first:last]
            slot += last - first
            if self.plan.custom or self.plan.observes or self.plan.guided or self.plan.begins:
                for name in ("step", "elapsed"):
                    self._detail(name, np.dtype(np.int64))[env, part] = getattr(rows, name)
            if self.plan.graded:
                for name, values in zip(("reward", "performance"), table.graded, strict=True):
                    graded = values[rows.start : rows.stop]
                    self._detail(name, np.dtype(float))[env, part] = graded

    def _pack(self, env: int, slot: int, packed: NDArray[np.float64]) -> None:
        end = slot + len(packed)
        if self._packed.shape[1] < end:
            old = self._packed
            shape = (self.num_envs, max(end, 2 * old.shape[1]), packed.shape[1])
            self._packed = np.zeros(shape)
            if old.size:
                self._packed[:, : old.shape[1]] = old
        self._packed[env, slot:end] = packed

    def _detail(self, name: str, dtype: np.dtype[Any]) -> NDArray[Any]:
        if name not in self._details:
            self._details[name] = np.zeros((self.num_envs, self._room), dtype=dtype)
        return self._details[name]

    def _room_for(self, name: str, values: NDArray[Any], n: int) -> None:
        old = self._conditions.get(name)
        if old is None or old.shape[1] < n:
            size = max(n, 2 * (0 if old is None else old.shape[1]))
            new = np.zeros((self.num_envs, size, *values.shape[1:]), dtype=values.dtype)
            if old is not None:
                new[:, : old.shape[1]] = old
            self._conditions[name] = new

    def _outcome(
        self,
        actions: NDArray[Any],
        here: NDArray[np.int64],
        left: NDArray[Any],
        target: NDArray[Any],
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
        end = left == 1
        if self.plan.custom:
            reward, ended, performance = self.task.outcome(self._now(), actions)
            return (
                np.asarray(reward, dtype=float),
                end | np.asarray(ended, dtype=bool),
                np.asarray(performance, dtype=float),
            )
        abort, correct, fail, miss, withhold = self._pays
        phase = self._phase[self._env, self._at]
        acted = actions != 0
        answered = acted & (phase == DECIDE)
        aborted = acted & (phase == FIXATE)
        if self.plan.graded:
            worth = self._details["reward"].ravel()[here]
            performance = np.where(answered, self._details["performance"].ravel()[here], 0.0)
        elif self.plan.pays:
            slot = self._slot[self._env, self._at]
            worth = self._conditions["_reward"][self._env, slot, actions]
            paid = self._conditions["_performance"][self._env, slot, actions]
            performance = np.where(answered, paid, 0.0)
        else:
            right = actions == target
            worth = np.where(right, correct, fail)
            performance = (answered & right).astype(float)
        reward = np.where(answered, worth, 0.0)
        reward[aborted] = abort
        stopped = aborted if self.task.abort else np.zeros_like(aborted)
        late = end & ~answered & ~stopped
        if late.any():
            due = self._due[self._env, self._at]
            reward[late] += np.where(due, miss, withhold)[late]
            performance[late & ~due] = 1.0
        return reward, end | answered | stopped, performance

    def _describe(self, ended: NDArray[np.int64], slots: NDArray[Any]) -> dict[str, NDArray[Any]]:
        slot = slots[ended]
        out = {}
        for name, values in self._conditions.items():
            if not name.startswith("_"):
                full = np.zeros((self.num_envs, *values.shape[2:]), dtype=values.dtype)
                full[ended] = values[ended, slot]
                out[name] = full
        return out

    def _now(self, envs: NDArray[np.int64] | None = None) -> Now:
        envs = self._env if envs is None else envs
        at = self._at[envs]
        memory = self._memory
        if envs is not self._env:
            memory = {name: values[envs] for name, values in memory.items()}
        return Now(
            period=self._period[envs, at],
            step=self._details["step"][envs, at],
            elapsed=self._details["elapsed"][envs, at],
            last=self._left[envs, at] == 1,
            target=self._target[envs, at],
            conditions=_Gather(self._conditions, envs, self._slot[envs, at]),
            memory=memory,
            parts=self.plan.part,
        )

    def _begin(self, envs: NDArray[np.int64]) -> None:
        if self.plan.begins and envs.size:
            now = self._now(envs)
            self.task.begin(now)
            start_memory(self._memory, now.memory, envs, self.num_envs)

    def _observation(self) -> NDArray[np.float32]:
        at = self._base + self._at
        observation: NDArray[np.float32] = self._ob.reshape(-1, self.plan.n_channels)[at]
        if self.plan.observes:
            observation = np.asarray(self.task.observe(self._now(), observation))
        return observation

    def _checked(self, actions: Any) -> NDArray[Any]:
        plan = self.plan
        values = np.asarray(actions)
        shape = (self.num_envs, *plan.target_shape)
        if values.shape != shape:
            raise ActionError(f"actions: expected an array of shape {shape}, got {values.shape}")
        if not plan.discrete:
            values = values.astype(np.float32)
            space = self.single_action_space
            inside = np.array([space.contains(value) for value in values])
        elif values.dtype.kind in "iu":
            values = values.astype(np.int64, copy=False)
            if self._fused:
                return values  # looked at where they are used
            inside = (values >= 0) & (values < plan.n_actions)
        else:
            raise ActionError(f"actions: expected integers, got dtype {values.dtype}")
        if not inside.all():
            raise self._refused(values, int(np.flatnonzero(~inside)[0]))
        return values

    def _refused(self, actions: NDArray[Any], bad: int) -> ActionError:
        return ActionError(
            f"actions[{bad}]: expected a member of {self.single_action_space}, got {actions[bad]!r}"
        )


class _Gather(Mapping[str, NDArray[Any]]):
    """The conditions of some environments' present trials, looked up when asked for."""

    def __init__(
        self,
        conditions: dict[str, NDArray[Any]],
        envs: NDArray[np.int64],
        slots: NDArray[Any],
    ) -> None:
        self._conditions, self._envs, self._slots = conditions, envs, slots

    def __getitem__(self, name: str) -> NDArray[Any]:
        found: NDArray[Any] = self._conditions[name][self._envs, self._slots]
        return found

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._conditions if not name.startswith("_"))

    def __len__(self) -> int:
        return sum(1 for _ in self)
