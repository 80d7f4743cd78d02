"""The slower door's trials as a stream: what a data set reads of a step-by-step environment."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from gymnasium import (
    ActionWrapper,
    Env,
    ObservationWrapper,
    RewardWrapper,
    Wrapper,
    wrappers,
)
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from neuroloom.shared import Seed
from neuroloom.tasks._design.levels import Where
from neuroloom.tasks._design.table import Conditions, Pieces, Priced, Rows, Table, join
from neuroloom.tasks._engine.plan import SOME_STEPS
from neuroloom.tasks._errors import TaskTypeError

_BYSTANDERS = (
    wrappers.Autoreset,
    wrappers.OrderEnforcing,
    wrappers.PassiveEnvChecker,
    wrappers.RecordEpisodeStatistics,
    wrappers.TimeLimit,
    ActionWrapper,
    RewardWrapper,
)
"""Wrappers of gymnasium's that change neither what is shown nor what is right."""


def without_bystanders(env: Any) -> Any:
    """Return what outer wrappers of gymnasium's hold, which change nothing of a data set's.

    Parameters
    ----------
    env : object
        An environment, or something else, which comes back as it is.
    """
    while isinstance(env, _BYSTANDERS):
        env = env.env
    return env


def _changes_what_is_shown(layer: Wrapper[Any, Any, Any, Any]) -> bool:
    """Return whether a wrapper shows something else than what it holds."""
    if isinstance(layer, _BYSTANDERS):
        return False
    foreign = type(layer).__module__.startswith("gymnasium.")
    return (
        foreign
        or hasattr(type(layer), "shown")
        or isinstance(layer, ObservationWrapper)
        # A wrapper of trials writes what it shows into `ob`.
        or (
            not hasattr(type(layer), "new_trial")
            and layer.observation_space != layer.env.observation_space
        )
    )


class EnvPlan:
    """What a data set has to know of an environment: its channels and actions.

    The whole trial is one period.

    Raises
    ------
    TaskTypeError
        If the environment has no trials, or no ground truth.
    """

    def __init__(self, env: Env[Any, Any]) -> None:
        layer: Any = env
        while isinstance(layer, Wrapper):
            if _changes_what_is_shown(layer):
                raise TaskTypeError(
                    f"env: {type(layer).__name__} changes what is shown step by step, which a "
                    "data set does not do; take the environment within"
                )
            layer = layer.env
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
        self.period_names: tuple[str, ...] = ("trial",)
        self.phase: NDArray[np.int8] = np.zeros(1, dtype=np.int8)
        self.noisy: NDArray[np.bool_] = np.zeros(1, dtype=bool)
        self.at_once = 1

    @property
    def mean_steps(self) -> float:
        """About how many steps a trial has: not known before one is made."""
        return SOME_STEPS

    def parts(self, where: Where) -> list[int]:
        """Return the number of the one period."""
        return [0]

    def payoff(self, conditions: Conditions) -> Priced:
        """Raise an error: what an answer earns is the environment's own affair."""
        raise TaskTypeError(f"{self.env!r} does not say what an answer is worth")

    def grade(self, rows: Rows) -> Priced:
        """Raise an error: what an answer earns is the environment's own affair."""
        raise TaskTypeError(f"{self.env!r} does not say what an answer is worth")

    def emit(
        self,
        table: Table,
        pieces: Pieces,
        observation: NDArray[np.float32],
        target: NDArray[Any],
        stride: int,
    ) -> None:
        """Write steps of a table; see `TaskPlan.emit`."""
        for start, stop, offset in pieces:
            part = slice(offset, offset + (stop - start) * stride, stride)
            observation[part], target[part] = table.levels[start:stop], table.target[start:stop]

    def segment_period(self, n: int) -> NDArray[np.int16]:
        """Return the period of `n` trials: all in the one."""
        return np.zeros(n, dtype=np.int16)


class EnvStreams:
    """The trials of copies of an environment, one after another; see `Source`."""

    def __init__(self, plan: EnvPlan, root: Seed, n: int) -> None:
        self.plan = plan
        self._envs: list[Any] = [copy.deepcopy(plan.env) for _ in range(n)]
        for index, env in enumerate(self._envs):
            env.reset(seed=root.child("row").child(index).integer(31))
        self._fixed: dict[str, Any] = {}
        self._next = np.zeros(n, dtype=np.int64)

    def take(self, counts: NDArray[np.int64]) -> Table:
        """Return the next ``counts[i]`` trials of every environment, one after another."""
        tables = [self._draw(i) for i, count in enumerate(counts) for _ in range(count)]
        table = join(tables)
        table.number = np.concatenate([np.asarray(one.number) for one in tables])
        return table

    def fix(self, conditions: dict[str, Any], number: NDArray[np.int64] | None = None) -> None:
        """Give all trials from now on these arguments; there is no going back."""
        self._fixed = dict(conditions)

    def _draw(self, index: int) -> Table:
        env = self._envs[index]
        env.new_trial(**self._fixed)
        observation = np.asarray(env.ob, dtype=np.float32).reshape(-1, self.plan.n_channels)
        trial = getattr(env.unwrapped, "trial", None) or {}
        plain = {k: np.asarray(v)[None] for k, v in trial.items() if np.ndim(v) == 0}
        self._next[index] += 1
        return Table(
            plan=self.plan,
            conditions={k: v for k, v in plain.items() if v.dtype.kind in "biuf"},
            counts=np.array([[len(observation)]]),
            levels=observation.copy(),
            target=np.array(env.gt, dtype=self.plan.target_dtype),
            stepwise=True,
            number=self._next[index : index + 1] - 1,
        )
