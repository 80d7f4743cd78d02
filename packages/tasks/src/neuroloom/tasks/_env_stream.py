"""The slower door's trials as a stream: what a data set reads of a step-by-step environment."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium import Env
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from neuroloom.shared import Seed
from neuroloom.tasks._errors import TaskTypeError
from neuroloom.tasks._table import Rows, Table


class EnvPlan:
    """What a data set has to know of an environment: its channels and actions.

    The whole trial is one period.

    Raises
    ------
    TaskTypeError
        If the environment has no trials, or no ground truth.
    """

    def __init__(self, env: Env[Any, Any]) -> None:
        for name in ("new_trial", "ob", "gt"):
            if name not in dir(env):
                raise TaskTypeError(
                    f"env: expected an environment with trials (a task's own, a TrialEnv, or one "
                    f"in a TrialWrapper), got {env!r} without {name!r}"
                )
        task = getattr(env.unwrapped, "task", None)
        if getattr(task, "no_ground_truth", ""):
            raise TaskTypeError(f"{env!r} has no ground truth to learn from")
        self.env = env
        self.task: Any = task
        shape = env.observation_space.shape or ()
        self.n_channels = int(np.prod(shape))
        space = env.action_space
        self.target_shape = tuple(space.shape or ())
        self.discrete = isinstance(space, Discrete)
        self.n_actions = int(space.n) if isinstance(space, Discrete) else 0
        self.target_dtype = np.dtype(np.int64 if self.discrete else np.float32)
        self.period_names = ("trial",)
        self.phase = np.zeros(1, dtype=np.int8)
        self.noisy = np.zeros(1, dtype=bool)

    def segment_period(self, n: int) -> NDArray[np.int16]:
        """Return the period of `n` trials: all in the one."""
        return np.zeros(n, dtype=np.int16)


class EnvStream:
    """The trials of a copy of an environment, one after another; see `Stream`."""

    def __init__(self, plan: EnvPlan, root: Seed, index: int) -> None:
        self.plan = plan
        self._env: Any = copy.deepcopy(plan.env)
        self._env.reset(seed=root.child("row").child(index).integer(31))
        self._fixed: dict[str, Any] = {}
        self._rows: Rows | None = None
        self._n_trials = 0

    def fill(
        self,
        observation: NDArray[np.float32],
        target: NDArray[Any],
        offset: int = 0,
        stride: int = 1,
    ) -> list[tuple[int, Rows]]:
        """Write the next steps, and return the runs of steps and where they begin."""
        observation, target = observation[offset::stride], target[offset::stride]
        at, spans = 0, []
        while at < len(observation):
            rows = self._rows or self._draw()
            part = Rows(rows.table, rows.start, min(rows.stop, rows.start + len(observation) - at))
            end = at + len(part)
            observation[at:end] = rows.table.levels[part.start : part.stop]
            target[at:end] = rows.table.target[part.start : part.stop]
            spans.append((at, part))
            self._rows = Rows(rows.table, part.stop, rows.stop) if part.stop < rows.stop else None
            at = end
        return spans

    def next_trial(self) -> tuple[NDArray[np.float32], NDArray[Any], Rows]:
        """Return the next whole trial."""
        rows = self._draw()
        self._rows = None
        return rows.table.levels, rows.table.target, rows

    def fix(self, conditions: dict[str, Any]) -> None:
        """Give all trials from now on these arguments."""
        self._fixed, self._rows = dict(conditions), None

    def _draw(self) -> Rows:
        self._env.new_trial(**self._fixed)
        observation = np.asarray(self._env.ob, dtype=np.float32).reshape(-1, self.plan.n_channels)
        trial = getattr(self._env.unwrapped, "trial", None) or {}
        plain = {k: np.asarray(v)[None] for k, v in trial.items() if np.ndim(v) == 0}
        table = Table(
            plan=self.plan,
            conditions={k: v for k, v in plain.items() if v.dtype.kind in "biuf"},
            counts=np.array([[len(observation)]]),
            levels=observation,
            target=np.array(self._env.gt, dtype=self.plan.target_dtype),
            first=self._n_trials,
        )
        table.stepwise = True
        self._n_trials += 1
        return Rows(table, 0, len(observation))
