"""Agents that are given by name, or as a model with `predict`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from gymnasium.spaces import Discrete
from numpy.typing import NDArray

from neuroloom.tasks._behaviour.worlds import World, answer_of
from neuroloom.tasks._errors import TaskTypeError, unknown

NAMED = ("random", "ground_truth", "withhold")


class Policy(Protocol):
    """An agent: actions of `n` environments from what they show.

    ``info`` holds arrays over the environments: ``new_trial`` (this is a trial's first
    observation), ``period`` (number of the period), ``asked`` (whether an action would be an
    answer), ``gt`` (the right action); of the step before, ``action``, ``reward`` and, where a
    trial ended with it, its ``performance`` (NaN elsewhere). A policy may have a method
    ``about()`` that returns columns for the table about the present trials, ``(n,)``, and a
    method ``begin_sessions(n)``, called before the first step. One that draws and is run in blocks
    (``side_by_side`` of `run_trials`) needs a method ``seeded(stream)`` that returns a policy like
    it which draws from that `neuroloom.shared.Seed`.
    """

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> NDArray[Any]:
        """Return one action an environment."""
        ...


def named(policy: Any, source: World, rng: np.random.Generator) -> Callable[..., Any]:
    """Return a policy that is given as such, by name, or as a model.

    Raises
    ------
    TaskError, TaskTypeError
        If it is none of these, or follows a ground truth that the task does not have.
    """
    space: Any = source.action_space
    n = source.n
    if isinstance(policy, str):
        if policy == "ground_truth":
            _, plan = answer_of(source)
            if plan is not None and plan.task.no_ground_truth:
                raise TaskTypeError(f"there is no ground truth: {plan.task.no_ground_truth}")
            return lambda observation, info: info["gt"]
        if policy == "random":
            if isinstance(space, Discrete):
                return lambda observation, info: rng.integers(int(space.n), size=n)
            return lambda observation, info: rng.uniform(
                np.maximum(space.low, -1), np.minimum(space.high, 1), (n, *space.shape)
            ).astype(np.float32)
        if policy == "withhold":
            return lambda observation, info: np.zeros((n, *space.shape), dtype=space.dtype)
        raise unknown("policy", policy, NAMED)
    if hasattr(policy, "predict"):
        return _Predicting(policy)
    if callable(policy):
        _check_arguments(policy)
        return policy  # type: ignore[no-any-return]
    raise TaskTypeError(
        "policy: expected a callable, 'random', 'ground_truth', 'withhold' or a model with "
        f"predict, got {type(policy).__name__}"
    )


def _check_arguments(policy: Callable[..., Any]) -> None:
    """Raise an error if a policy cannot be called with an observation and an info."""
    try:
        signature = inspect.signature(policy)
    except (TypeError, ValueError):
        return  # what is written in C does not say
    try:
        signature.bind(None, None)
    except TypeError:
        raise TaskTypeError(
            f"policy: expected a function of observation and info, got {policy!r} with the "
            f"arguments {signature}"
        ) from None


class _Predicting:
    """A stable-baselines3 model as a policy; a recurrent one forgets at the start of a trial."""

    def __init__(self, model: Any) -> None:
        self._model, self._state = model, None

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> Any:
        actions, self._state = self._model.predict(
            observation, state=self._state, episode_start=info["new_trial"], deterministic=True
        )
        return actions
