"""Environments side by side, step by step by operations on arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._design.state import Now, start_memory
from neuroloom.tasks._engine.buffer import Places, Ring
from neuroloom.tasks._engine.plan import TaskPlan
from neuroloom.tasks._engine.rule import case_of, settled
from neuroloom.tasks._engine.streams import laid_out


class ArraySteps:
    """What environments show and earn, for tasks with rules of their own, and without numba.

    The trials of the ring are laid out in time, those of all environments at once.

    Parameters
    ----------
    plan : Plan
        The task.
    ring : Ring
        Its trials.
    """

    def __init__(self, plan: TaskPlan, ring: Ring) -> None:
        self.plan, self.ring = plan, ring
        n = len(ring)
        self._env = np.arange(n)
        self._place, self._step = self._env * ring.room, np.zeros(n, dtype=np.int64)
        self._left = np.zeros(n, dtype=np.int64)
        self._memory: dict[str, NDArray[Any]] = {}
        self._refill()
        self._begin(self._env)

    def act(self, actions: NDArray[Any], held: NDArray[np.bool_] | None = None) -> Any:
        """Act in every environment but those `held`; return what `TaskVectorEnv.step` needs."""
        kept = self._kept(held)
        target = self.right_action
        if self.plan.custom:
            task = self.plan.task
            given = task.outcome(self._now(), actions)
            reward, ends, performance = settled(given, len(self.ring), type(task).__name__)
            reward, performance = reward.astype(float), performance.astype(float)
            end = (self._left == 1) | ends.astype(bool)
        else:
            reward, end, performance = self._outcome(actions, target)
        self._step += 1
        self._left -= 1
        if held is not None:
            reward[held], end[held], performance[held] = 0.0, False, 0.0
            self._put_back(held, kept)
        ended = np.flatnonzero(end)
        trials = None
        if ended.size:
            performance = np.where(end, performance, 0.0)
            trials = self.ring.described(ended, self._place[ended])
            self.skip(ended)
        else:
            performance = np.zeros(len(self.ring))
        return self.observation(), reward, end, performance, target, trials

    def restart(self, envs: NDArray[np.int64]) -> None:
        """Go to the first trial of streams that were seeded anew."""
        self.ring.at["have"][envs] = 0
        self._refill()
        self._place[envs] = envs * self.ring.room + self.ring.at["slot"][envs]
        self._begin(envs)

    def skip(self, envs: NDArray[np.int64]) -> None:
        """Go to the next trial of some environments."""
        at = self.ring.at
        at["have"][envs] -= 1
        slot = (at["slot"][envs] + 1) % self.ring.room
        at["slot"][envs] = slot
        self._place[envs] = envs * self.ring.room + slot
        if not at["have"].all():
            self._refill()
        self._begin(envs)

    def observation(self) -> NDArray[np.float32]:
        """Return what the environments show."""
        shown: NDArray[np.float32] = self._steps("observation").take(self._here, axis=0)
        if self.plan.observes:
            shown = np.asarray(self.plan.task.observe(self._now(), shown))
        return shown

    @property
    def at_start(self) -> NDArray[np.bool_]:
        """Whether each environment's trial has had no step yet."""
        first: NDArray[np.bool_] = self._step == 0
        return first

    @property
    def period(self) -> NDArray[np.int16]:
        """Number of each environment's present period."""
        return self._steps("period").take(self._here)

    @property
    def right_action(self) -> NDArray[Any]:
        """The right action of each environment's present step."""
        if self.plan.guided:
            return np.asarray(self.plan.task.correct_action(self._now()))
        return self._steps("target").take(self._here, axis=0)

    def present(self) -> tuple[NDArray[np.int16], NDArray[Any]]:
        """Return `period` and `right_action`."""
        return self.period, self.right_action

    @property
    def _here(self) -> NDArray[np.int64]:
        here: NDArray[np.int64] = self._place * self.ring.by_step["period"].shape[1] + self._step
        return here

    def _steps(self, name: str) -> NDArray[Any]:
        values = self.ring.by_step[name]
        return values.reshape(-1, *values.shape[2:])

    def _outcome(
        self, actions: NDArray[np.int64], target: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
        here, rule = self._here, self.plan.rule
        phase, due = self._steps("phase").take(here), self.ring.trials["due"][self._place]
        case = case_of(phase, actions != 0, actions == target, self._left == 1, due)
        reward, performance = rule.reward.take(case), rule.performance.take(case)
        if self.plan.priced:
            answered = rule.answers.take(case)
            if self.plan.graded:
                worth, merit = self._steps("worth").take(here), self._steps("merit").take(here)
            else:
                worth, merit = (kept[self._place, actions] for kept in self.ring.payoff)
            reward += np.where(answered, worth, 0.0)
            performance += np.where(answered, merit, 0.0)
        return reward, rule.end.take(case), performance

    def _kept(self, held: NDArray[np.bool_] | None) -> dict[str, NDArray[Any]]:
        """Return what tasks remember of environments that do not act."""
        if held is None:
            return {}
        return {name: values[held].copy() for name, values in self._memory.items()}

    def _put_back(self, held: NDArray[np.bool_], kept: dict[str, NDArray[Any]]) -> None:
        """Leave environments that did not act where they were."""
        self._step[held] -= 1
        self._left[held] += 1
        for name, values in kept.items():
            # The task may have put a new array there: never written into in place.
            self._memory[name] = np.array(self._memory[name])
            self._memory[name][held] = values

    def _begin(self, envs: NDArray[np.int64]) -> None:
        self._step[envs] = 0
        self._left[envs] = self.ring.trials["length"][self._place[envs]]
        if self.plan.begins and envs.size:
            now = self._now(envs)
            self.plan.task.on_trial_start(now)
            start_memory(self._memory, now.memory, envs, len(self.ring))

    def _refill(self) -> None:
        table, place = self.ring.top_up()
        plan = self.plan
        observation, target, _ = laid_out(plan, table)
        self.ring.put_steps(
            *(table, place),
            observation=observation,
            target=target,
            period=table.period,
            phase=plan.phase[table.period],
        )
        if not plan.plain:
            self.ring.put_steps(table, place, elapsed=table.elapsed)
        if plan.graded:
            worth, merit = table.graded
            self.ring.put_steps(table, place, worth=worth, merit=merit)

    def _now(self, envs: NDArray[np.int64] | None = None) -> Now:
        envs = self._env if envs is None else envs
        here, memory = self._here[envs], self._memory
        if envs is not self._env:
            memory = {name: values[envs] for name, values in memory.items()}
        return Now(
            period=self._steps("period")[here],
            step=self._step[envs],
            elapsed=self._steps("elapsed")[here],
            last=self._left[envs] == 1,
            target=self._steps("target")[here],
            conditions=_Gather(self.ring, self._place[envs]),
            memory=memory,
            parts=self.plan.part,
        )


class _Gather(Mapping[str, NDArray[Any]]):
    """The conditions of some environments' present trials, looked up when asked for."""

    def __init__(self, ring: Ring, place: Places) -> None:
        self._ring, self._at = ring, place

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._ring.of(name, self._at)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ring.names)

    def __len__(self) -> int:
        return len(self._ring.names)
