"""Agents at work: one row a trial."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Seed, Trials, as_seed
from neuroloom.tasks._design.catalogue import get_task
from neuroloom.tasks._design.task import DECIDE, Task
from neuroloom.tasks._environments.vector import TaskVectorEnv
from neuroloom.tasks._errors import TaskError, TaskTypeError, unknown, whole


class Policy(Protocol):
    """An agent: actions of `n` environments from what they show.

    ``info`` holds arrays over the environments: ``new_trial`` (this is a trial's first
    observation), ``period`` (number of the period), ``gt`` (the right action). A policy may have
    a method ``about()`` that returns columns for the table about the present trials, ``(n,)``.
    """

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> NDArray[Any]:
        """Return one action an environment."""
        ...


def run_trials(
    task: str | Task,
    policy: Policy | Literal["random", "ground_truth", "withhold"] | Any = "random",
    n_trials: int = 100,
    *,
    sessions: int | None = None,
    seed: int | Seed = 0,
    **params: Any,
) -> Trials:
    """Return the trials of an agent on a task, one row a trial.

    Parameters
    ----------
    task : str or Task
        Id or task.
    policy : callable, str or model
        ``policy(observation, info) -> actions`` over `sessions` environments at once (see
        `Policy`); ``"random"``, ``"ground_truth"``, ``"withhold"`` (always 0); or a model with
        stable-baselines3's ``predict(observation, state, episode_start, deterministic)``.
    n_trials : int
        Number of rows.
    sessions : int, optional
        Number of streams that are run side by side, each a session; default up to 32. Session
        `i` is stream `i` of the seed.
    seed : int or Seed
        Root of the streams, and of the random policy.
    **params
        Parameters of the task, if it is given by id.

    Returns
    -------
    Trials
        Columns: the task's conditions; ``target`` and ``choice``, the right action and the one
        taken (at the step on which the trial ended); ``correct`` (performance of 1), ``reward``
        (its sum over the trial), ``performance``, ``reaction_time`` (s from the start of the
        first `decide` period; NaN without an answer), ``trial`` and ``session``. Sorted by
        session and trial.

    Raises
    ------
    TaskError, TaskTypeError
        If an argument does not fit.

    Examples
    --------
    >>> from neuroloom.tasks import run_trials
    >>> trials = run_trials("PerceptualDecisionMaking-v0", "ground_truth", 100, seed=1)
    >>> len(trials), bool(trials.table["correct"].all())
    (100, True)
    """
    made = get_task(task, **params)
    n_trials = whole("n_trials", n_trials, minimum=1)
    n = min(n_trials, 32) if sessions is None else whole("sessions", sessions, minimum=1)
    if n > n_trials:
        raise TaskError(f"sessions: expected at most n_trials {n_trials}, got {n}")
    root = as_seed(seed)
    act = _policy(policy, TaskVectorEnv(made, 1), root.child("policy").generator(), n)
    about = getattr(act, "about", None)
    envs = TaskVectorEnv(made, n, seed=root)
    wanted = np.full(n, n_trials // n) + (np.arange(n) < n_trials % n)
    observation, _ = envs.reset()
    new_trial = np.ones(n, dtype=bool)
    count, total = np.zeros(n, dtype=np.int64), np.zeros(n)
    waited = np.zeros(n, dtype=np.int64)
    columns: dict[str, list[NDArray[Any]]] = {}
    while (count < wanted).any():
        period, right = envs.period, envs.right_action
        actions = np.asarray(
            act(observation, {"new_trial": new_trial, "period": period, "gt": right})
        )
        deciding = envs.plan.phase[period] == DECIDE
        observation, reward, _, _, info = envs.step(actions)
        total += reward
        new_trial = info["new_trial"]
        if new_trial.any():
            keep = np.flatnonzero(new_trial & (count < wanted))
            answered = deciding & (actions.reshape(n, -1) != 0).any(axis=1)
            seconds = np.where(answered, waited * envs.plan.dt / 1000, np.nan)
            ended = {
                **info["trial"],
                "target": info["gt"],
                "choice": actions,
                "correct": info["performance"] >= 1,
                "reward": total,
                "performance": info["performance"],
                "reaction_time": seconds,
                "trial": count,
                "session": np.arange(n),
                **(about() if about is not None else {}),
            }
            for name, values in ended.items():
                columns.setdefault(name, []).append(values[keep])
            count += new_trial
            total[new_trial] = 0
        waited = np.where(new_trial, 0, waited + deciding)
    table = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.lexsort((table["trial"], table["session"]))
    flat = {name: _column(values[order]) for name, values in table.items()}
    return Trials(flat, session="session")


def _column(values: NDArray[Any]) -> Any:
    return values if values.ndim == 1 else list(values)


def _policy(
    policy: Any, envs: TaskVectorEnv, rng: np.random.Generator, n: int
) -> Callable[[NDArray[np.float32], dict[str, Any]], Any]:
    space: Any = envs.single_action_space
    if isinstance(policy, str):
        if policy == "ground_truth":
            if envs.task.no_ground_truth:
                raise TaskTypeError(f"there is no ground truth: {envs.task.no_ground_truth}")
            return lambda observation, info: info["gt"]
        if policy == "random":
            if envs.plan.discrete:
                return lambda observation, info: rng.integers(envs.plan.n_actions, size=n)
            return lambda observation, info: rng.uniform(
                np.maximum(space.low, -1), np.minimum(space.high, 1), (n, *space.shape)
            ).astype(np.float32)
        if policy == "withhold":
            return lambda observation, info: np.zeros((n, *space.shape), dtype=space.dtype)
        raise unknown("policy", policy, ("random", "ground_truth", "withhold"))
    if hasattr(policy, "predict"):
        return _Predicting(policy)
    if callable(policy):
        return policy  # type: ignore[no-any-return]
    raise TaskTypeError(
        "policy: expected a callable, 'random', 'ground_truth', 'withhold' or a model with "
        f"predict, got {type(policy).__name__}"
    )


class _Predicting:
    """A stable-baselines3 model as a policy; a recurrent one forgets at the start of a trial."""

    def __init__(self, model: Any) -> None:
        self._model, self._state = model, None

    def __call__(self, observation: NDArray[np.float32], info: dict[str, Any]) -> Any:
        actions, self._state = self._model.predict(
            observation, state=self._state, episode_start=info["new_trial"], deterministic=True
        )
        return actions
