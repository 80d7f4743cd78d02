"""What agents act in: a task, a vector environment, or copies of a single one, side by side."""

from __future__ import annotations

import copy
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium.vector import SyncVectorEnv
from numpy.typing import NDArray

from neuroloom.shared import Seed, as_seed
from neuroloom.tasks._design.catalogue import get_task
from neuroloom.tasks._design.task import DECIDE, Answer, Task
from neuroloom.tasks._engine.plan import TaskPlan, make_plan
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._environments.vector import TaskVectorEnv
from neuroloom.tasks._errors import TaskError, TaskTypeError, fail

Stepped = tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_], dict[str, Any]]
"""Observation, reward, which trials ended, and what is told of these.

``cut`` there, if it is told, says which trials an episode's end left unfinished.
"""

_MOST_CUT = 1000


class World(Protocol):
    """Environments side by side, one a session."""

    n: int
    action_space: gymnasium.Space[Any]
    dt: float

    def reset(self) -> NDArray[Any]:
        """Begin, and return what is shown."""
        ...

    def step(self, actions: NDArray[Any]) -> Stepped:
        """Act."""
        ...

    def about(self) -> dict[str, NDArray[Any]]:
        """Return ``gt``, ``period`` and ``asked`` of the present steps, as far as known."""
        ...


class TaskWorld:
    """A task's own vector environment.

    Parameters
    ----------
    envs : TaskVectorEnv
        The environments.
    seed : Seed
        Root of the streams.
    """

    def __init__(self, envs: TaskVectorEnv, seed: Seed) -> None:
        if envs.trials_per_episode is not None and envs.metadata["autoreset_mode"].name != (
            "SAME_STEP"
        ):
            raise fail("task", "a vector environment that resets in the same step", envs.metadata)
        self.envs, self._seed = envs, seed
        self.n, self.dt = envs.num_envs, envs.plan.dt
        self.action_space = envs.single_action_space
        self._asks, self._told = asks(envs.plan), announced(envs.plan)

    def reset(self) -> NDArray[Any]:
        """Begin, and return what is shown."""
        seed: Any = self._seed
        return self.envs.reset(seed=seed)[0]

    def step(self, actions: NDArray[Any]) -> Stepped:
        """Act."""
        observation, reward, _, _, info = self.envs.step(actions)
        return observation, reward, info["new_trial"], info

    def about(self) -> dict[str, NDArray[Any]]:
        """Return what is known of the present steps."""
        period, right = self.envs._stepper().present()
        return {"gt": right, "period": self._told[period], "asked": self._asks[period]}


class Copies:
    """Single environments, wrapped or not, each with a stream of trials of its own.

    A task's own environment shows the trials of stream `i` of the seed, as everywhere; others,
    and wrappers, get a seed for each, the first one the seed itself if that is an integer.

    Parameters
    ----------
    envs : list of gymnasium.Env
        With trials.
    seed : Seed
        Root of the streams.
    first : int
        Number of the first one's session.
    """

    def __init__(self, envs: list[Any], seed: int | Seed, first: int = 0) -> None:
        self._envs, self.n, self._first = envs, len(envs), first
        one, root = envs[0], as_seed(seed)
        if not hasattr(one.unwrapped, "new_trial"):
            raise TaskTypeError(f"task: expected an environment with trials, got {one!r}")
        self.dt = float(one.unwrapped.dt)
        self.action_space = one.action_space
        self._root = root
        of = root.child("session")
        self._seeds = [of.child(first + i).integer(31) for i in range(self.n)]
        if first == 0 and not isinstance(seed, Seed):
            self._seeds[0] = int(seed)
        self._cut_in_a_row = np.zeros(self.n, dtype=np.int64)

    def reset(self) -> NDArray[Any]:
        """Begin, and return what is shown."""
        shown = []
        for i, (env, seed) in enumerate(zip(self._envs, self._seeds, strict=True)):
            own = isinstance(env.unwrapped, TaskEnv)
            options = {"options": {"stream": (self._root, self._first + i)}} if own else {}
            shown.append(env.reset(seed=seed, **options)[0])
        return np.stack(shown)

    def step(self, actions: NDArray[Any]) -> Stepped:
        """Act."""
        shown, rewards, ended, over, infos = [], [], [], [], []
        for env, action in zip(self._envs, actions, strict=True):
            plain = action.item() if np.ndim(action) == 0 else action
            observation, reward, terminated, truncated, info = env.step(plain)
            if terminated or truncated:
                observation, _ = env.reset()
            shown.append(observation)
            rewards.append(float(reward))
            ended.append(bool(info.get("new_trial", False)))
            over.append(bool(terminated or truncated))
            infos.append(info)
        trials = [
            info.get("trial") or {} if end else {} for info, end in zip(infos, ended, strict=True)
        ]
        told = {
            "gt": np.stack([np.asarray(info.get("gt", 0)) for info in infos]),
            "performance": np.array([float(info.get("performance", 0.0)) for info in infos]),
            "trial": _columns(trials),
            "cut": np.array(over) & ~np.array(ended),
        }
        self._count(np.array(ended), told["cut"])
        return np.stack(shown), np.array(rewards), np.array(ended), told

    def _count(self, ended: NDArray[np.bool_], cut: NDArray[np.bool_]) -> None:
        """Refuse episodes that are always over before their first trial is."""
        self._cut_in_a_row[ended] = 0
        self._cut_in_a_row += cut
        if self._cut_in_a_row.max() == _MOST_CUT:
            raise TaskError(
                "task: expected episodes in which trials come to an end, got "
                f"{_MOST_CUT} in a row that were over before; let a limit of time be longer than "
                "a trial"
            )

    def about(self) -> dict[str, NDArray[Any]]:
        """Return what is known of the present steps."""
        inner = [env.unwrapped for env in self._envs]
        told = {"gt": np.stack([np.asarray(one.gt_now) for one in inner])}
        if all(isinstance(one, TaskEnv) for one in inner):
            period = np.array([one.plan.part[one.period] for one in inner])
            told |= {
                "period": np.array(
                    [announced(one.plan)[at] for one, at in zip(inner, period, strict=True)]
                ),
                "asked": np.array(
                    [asks(one.plan)[at] for one, at in zip(inner, period, strict=True)]
                ),
            }
        else:
            period = np.array([_period(one) for one in inner])
            told |= {"period": period, "asked": np.array([_asked(one) for one in inner])}
        return told


def asks(plan: TaskPlan) -> NDArray[np.bool_]:
    """Return in which periods of a task an action is an answer."""
    answer = plan.task.answer
    if answer.periods:
        return np.isin(plan.period_names, answer.periods)
    deciding = np.asarray(plan.phase == DECIDE)
    return deciding if deciding.any() else np.ones_like(deciding)


def announced(plan: TaskPlan) -> NDArray[np.int64]:
    """Return the number of the period that agents are told of, for every period."""
    told = np.arange(len(plan.period_names))
    hidden = [plan.part[name] for name in plan.task.unannounced]
    if hidden:
        told[hidden] = min(hidden)
    return told


def answers_last(plan: TaskPlan) -> bool:
    """Return whether the answer is what is done in a trial's last step.

    So it is in tasks that do not say where an answer counts, as a movement is judged by its end.
    """
    answer = plan.task.answer
    return answer.last_step or not (answer.periods or (plan.phase == DECIDE).any())


def world(
    task: Any, n: int | None, n_trials: int, seed: int | Seed, params: dict[str, Any]
) -> World:
    """Return what an agent acts in.

    Parameters
    ----------
    task : str, Task, gymnasium.Env, TaskVectorEnv or SyncVectorEnv
        What is asked for.
    n : int, optional
        Number of sessions; default by the number of trials.
    n_trials : int
        Trials of all sessions together.
    seed : int or Seed
        Root of the sessions' trials.
    params : dict
        Parameters of a task given by id.

    Raises
    ------
    TaskError, TaskTypeError
        If it is none of these, or there are more sessions than trials.
    """
    root = as_seed(seed)
    if isinstance(task, (str, Task)):
        return TaskWorld(_environments(get_task(task, **params), n, n_trials), root)
    if params:
        raise fail("params", "none beside an environment that is made already", sorted(params))
    if isinstance(task, (TaskVectorEnv, SyncVectorEnv)):
        if n not in (None, task.num_envs):
            raise fail("sessions", f"{task.num_envs}, the number of environments", n)
        _sessions(task.num_envs, n_trials)
        task = copy.deepcopy(task)
        if isinstance(task, TaskVectorEnv):
            return TaskWorld(task, root)
        return Copies(list(task.envs), seed)
    if type(task) is TaskEnv:
        # Environments side by side show the same trials sooner.
        waits = task.waits_for_fixation
        return TaskWorld(_environments(task.task, n, n_trials, waits_for_fixation=waits), root)
    if isinstance(task, gymnasium.Env):
        many = _sessions(n or 1, n_trials)
        return Copies([copy.deepcopy(task) for _ in range(many)], seed)
    raise TaskTypeError(
        "task: expected an id, a Task, an environment with trials or a vector environment, "
        f"got {task!r} ({type(task).__name__})"
    )


def some_sessions(task: Any, first: int, n: int, seed: int | Seed, params: dict[str, Any]) -> World:
    """Return some of the sessions of `world`, with the trials that they have there.

    Parameters
    ----------
    task : str, Task or gymnasium.Env
        As for `world`.
    first, n : int
        Number of the first session, and how many.
    seed, params
        As for `world`.
    """
    root = as_seed(seed)
    if type(task) is TaskEnv:
        waits = task.waits_for_fixation
        envs = TaskVectorEnv(task.task, n, waits_for_fixation=waits, first=first)
        return TaskWorld(envs, root)
    if isinstance(task, gymnasium.Env):
        return Copies([copy.deepcopy(task) for _ in range(n)], seed, first)
    return TaskWorld(TaskVectorEnv(get_task(task, **params), n, first=first), root)


_LONG_SESSION = 500


def _environments(task: Task, n: int | None, n_trials: int, **options: Any) -> TaskVectorEnv:
    """Return a task's environments, one a session; by default up to 32."""
    default = min(n_trials, 32)
    if make_plan(task).sessions:
        # Sessions long enough for what happens in one, as blocks.
        default = max(1, min(default, n_trials // _LONG_SESSION))
    return TaskVectorEnv(task, _sessions(n or default, n_trials), **options)


def _sessions(n: int, n_trials: int) -> int:
    if n > n_trials:
        raise TaskError(f"sessions: expected at most n_trials {n_trials}, got {n}")
    return n


def _columns(trials: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """Return what was drawn as arrays over the environments.

    Rows of environments whose trial goes on are filled with what another drew; nobody reads them.
    """
    out = {}
    for name in dict.fromkeys(name for trial in trials for name in trial):
        some = next(trial[name] for trial in trials if name in trial)
        values = [trial.get(name, some) for trial in trials]
        if len({np.shape(value) for value in values}) == 1:
            out[name] = np.asarray(values)
        else:
            out[name] = np.empty(len(values), dtype=object)
            out[name][:] = values
    return out


def _period(env: Any) -> int:
    """Return the number of the period that a step-by-step environment is in, or -1."""
    at = env.t_ind
    spans = zip(env.start_ind.values(), env.end_ind.values(), strict=True)
    return next((k for k, (start, stop) in enumerate(spans) if start <= at < stop), -1)


def _asked(env: Any) -> bool:
    """Return whether a step-by-step environment asks for an answer: in its decision period."""
    return "decision" in env.start_ind and env.in_period("decision")


def answer_of(source: World) -> tuple[Answer, TaskPlan | None]:
    """Return which actions are answers, and the plan if it is one task's."""
    if isinstance(source, TaskWorld):
        return source.envs.task.answer, source.envs.plan
    inner = source._envs[0].unwrapped if isinstance(source, Copies) else None
    if isinstance(inner, TaskEnv):
        return inner.task.answer, inner.plan
    return Answer(), None
