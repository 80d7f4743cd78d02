"""Environments side by side, step by step in a compiled loop."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._engine.buffer import Places, Ring, put
from neuroloom.tasks._engine.plan import TaskPlan
from neuroloom.tasks._random.backend import compiled
from neuroloom.tasks._random.counter import normal_table

SEGMENT = np.dtype([("count", np.int32), ("period", np.int16), ("phase", np.int8)], align=True)
_NOBODY = np.zeros(0, dtype=np.int64)
_NO_ONE = np.zeros(0, dtype=bool)


class CompiledSteps:
    """What environments show and earn, read off their trials' periods when they come to them.

    Nothing is laid out in time: a step costs its levels, and its noise if there is any.

    Parameters
    ----------
    plan : Plan
        A task of discrete actions without rules of its own.
    ring : Ring
        Its trials.
    """

    def __init__(self, plan: TaskPlan, ring: Ring) -> None:
        self.plan, self.ring = plan, ring
        self._arrays: dict[str, NDArray[Any]] = {}
        self._mode = 3 if plan.timed else 1 if plan.graded else 2 if plan.pays else 0
        pays = [plan.rewards.get(name, 0.0) for name in ("correct", "fail")]
        self._timing = np.array([plan.dt, 0.0, *pays])
        self._loop, self._n = compiled("step"), len(ring)
        self._refill()
        self._begin(np.arange(len(ring)))

    def act(self, actions: NDArray[np.int64], held: NDArray[np.bool_] | None = None) -> Any:
        """Act in every environment but those `held`; return what `TaskVectorEnv.step` needs.

        If an action is none, the number of its environment is returned.
        """
        ring, n = self.ring, self._n
        # As few arrays as can be, as each costs the call time.
        observation = np.empty((n, self.plan.n_channels), dtype=np.float32)
        floats, whole = np.zeros((self._n_floats, n)), np.empty((2, n), dtype=np.int64)
        end = np.empty(n, dtype=bool)
        out, over = self._loop(
            actions, _NO_ONE if held is None else held, *self._held, observation, floats, whole, end
        )
        if out < 0:
            return -1 - out
        reward, performance, drawn = floats[0], floats[1], floats[2:]
        target, places = whole
        trials = None
        if over:
            ended = np.flatnonzero(end) if ring.conditions else _NOBODY
            trials = ring.described(ended, places[ended], drawn)
        if out:
            late = np.flatnonzero(ring.at["have"] == 0)
            self._refill()
            self._show(late, observation, begin=True)
        return observation, reward, end, performance, target, trials

    def restart(self, envs: NDArray[np.int64]) -> None:
        """Go to the first trial of streams that were seeded anew."""
        self.ring.at["have"][envs] = 0
        self._refill()
        self._begin(envs)

    def skip(self, envs: NDArray[np.int64]) -> None:
        """Go to the next trial of some environments."""
        at = self.ring.at
        at["have"][envs] -= 1
        at["slot"][envs] = (at["slot"][envs] + 1) % self.ring.room
        if not at["have"].all():
            self._refill()
        self._begin(envs)

    def observation(self) -> NDArray[np.float32]:
        """Return what the environments show."""
        n = len(self.ring)
        shown = np.empty((n, self.plan.n_channels), dtype=np.float32)
        self._show(np.arange(n), shown, begin=False)
        return shown

    @property
    def at_start(self) -> NDArray[np.bool_]:
        """Whether each environment's trial has had no step yet."""
        first: NDArray[np.bool_] = self.ring.at["step"] == 0
        return first

    @property
    def period(self) -> NDArray[np.int16]:
        """Number of each environment's present period."""
        return self.present()[0]

    @property
    def right_action(self) -> NDArray[np.int64]:
        """The right action of each environment's present step."""
        return self.present()[1]

    def present(self) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Return `period` and `right_action`, looked up together."""
        at, place = self.ring.at, self._place
        (periods, n_parts), (rights, n_rights) = self._flat
        here = place * n_parts + at["part"]
        there = place * n_rights + at["step"] if self.plan.curved else here
        return periods.take(here), rights.take(there)

    @property
    def _place(self) -> Places:
        place: Places = self._first_rows + self.ring.at["slot"]
        return place

    @property
    def _segments(self) -> Any:
        return self._arrays["segments"]

    @property
    def _shown(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Levels and right actions, a row a step or a row a period."""
        held = self.ring.by_step if self.plan.curved else self._arrays
        return held["levels"], held["right"]

    @property
    def _worth(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self.plan.timed:
            return self._arrays["due"], self._arrays["interval"]
        if self.plan.graded:
            return self.ring.by_step["worth"], self.ring.by_step["merit"]
        return self.ring.payoff

    @property
    def _noise(self) -> tuple[Any, ...]:
        plan = self.plan
        return (plan.noisy, plan.noise_scale, plan.noise_columns, *normal_table())

    def _begin(self, envs: NDArray[np.int64]) -> None:
        self._show(envs, np.empty((len(self.ring), self.plan.n_channels), np.float32), begin=True)

    def _show(
        self, envs: NDArray[np.int64], observation: NDArray[np.float32], *, begin: bool
    ) -> None:
        levels, _ = self._shown
        compiled("show")(
            *(envs, self.ring.at, self.ring.trials, self._segments, levels, self.plan.curved),
            *(*self._noise, observation, begin),
        )

    def _refill(self) -> None:
        table, place = self.ring.top_up()
        n, parts = table.counts.shape
        segments = np.empty((n, parts), dtype=SEGMENT)
        segments["count"] = table.counts
        segments["period"] = np.asarray(table.segment_period).reshape(n, parts)
        segments["phase"] = self.plan.phase[segments["period"]]
        self._put(place, segments=segments)
        if self.plan.curved:
            self.ring.put_steps(table, place, levels=table.levels, right=table.target)
        else:
            self._put(place, levels=table.painted, right=table.target.reshape(n, parts))
        if self.plan.timed:
            due, interval, self._timing[1] = self.plan.timing(table)
            self._put(place, due=due[:, None], interval=interval[:, None])
        elif self.plan.graded:
            worth, merit = table.graded
            self.ring.put_steps(table, place, worth=worth, merit=merit)
        # All that the loop needs, put together here as a step has no time for it.
        ring, plan = self.ring, self.plan
        self._first_rows = np.arange(len(ring)) * ring.room
        by_row = (self._segments["period"], self._shown[1])
        self._flat = [(np.ravel(values), values.shape[1]) for values in by_row]
        rule = plan.rule
        earns = np.stack([rule.reward, rule.performance, rule.end, rule.answers], axis=1)
        self._n_floats = 2 + ring.packed.shape[1]
        self._held = (
            *(plan.n_actions, ring.at, ring.trials, self._segments, *self._shown, plan.curved),
            *(*self._worth, self._mode, self._timing, earns),
            *(*self._noise, ring.packed),
        )

    def _put(self, place: Places, **values: NDArray[Any]) -> None:
        for name, rows in values.items():
            put(self._arrays, name, len(self.ring.trials), place, rows)
