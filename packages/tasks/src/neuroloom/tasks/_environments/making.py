"""Environments by the ids of their tasks."""

from __future__ import annotations

from typing import Any

from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from neuroloom.shared import Seed
from neuroloom.tasks._design.catalogue import Entry, entry, get_task
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._environments.vector import TaskVectorEnv
from neuroloom.tasks._random.backend import Backend


def make(
    task: str | Task,
    *,
    trials_per_episode: int | None = None,
    seed: int | Seed | None = None,
    waits_for_fixation: bool = False,
    **params: Any,
) -> TaskEnv:
    """Return a task as a gymnasium environment.

    Parameters
    ----------
    task : str or Task
        Id, ``"PerceptualDecisionMaking-v0"``, or a task.
    trials_per_episode : int, optional
        After so many trials the episode is `terminated`; None: never.
    seed : int or Seed, optional
        Where trials come from until ``reset(seed=...)``.
    waits_for_fixation : bool
        Whether trials begin when the subject fixates; see `TaskEnv`.
    **params
        Parameters of the task: `dt`, `rewards`, `timing`, `sigma`, …

    Raises
    ------
    gymnasium.error.NameNotFound
        If no task is called so.
    TaskError
        If a parameter does not fit.

    Examples
    --------
    >>> import neuroloom.tasks as tasks
    >>> env = tasks.make("PerceptualDecisionMaking-v0", timing={"stimulus": 500})
    >>> observation, info = env.reset(seed=1)
    >>> observation
    array([1., 0., 0.], dtype=float32)
    """
    env = TaskEnv(
        get_task(task, **params),
        trials_per_episode=trials_per_episode,
        seed=seed,
        waits_for_fixation=waits_for_fixation,
    )
    if isinstance(task, str):
        known = entry(task)
        env.metadata = {**type(env).metadata, **about(known)}
        env.spec = EnvSpec(
            id=known.id,
            entry_point=f"{__name__}:single",
            kwargs={
                "task": known.id,
                "trials_per_episode": trials_per_episode,
                "waits_for_fixation": waits_for_fixation,
                **params,
            },
        )
    return env


def about(known: Entry) -> dict[str, Any]:
    """Return what NeuroGym's environments tell of their task: tags and paper.

    Parameters
    ----------
    known : Entry
        Of the task.
    """
    paper = known.paper
    return {
        "tags": list(known.tags),
        "paper_name": None if paper is None else paper.name,
        "paper_link": None if paper is None else paper.link,
    }


def make_vec(
    task: str | Task,
    num_envs: int = 1,
    *,
    trials_per_episode: int | None = None,
    backend: Backend = "auto",
    seed: int | Seed | None = None,
    autoreset_mode: str | AutoresetMode = AutoresetMode.SAME_STEP,
    waits_for_fixation: bool = False,
    **params: Any,
) -> TaskVectorEnv:
    """Return a task as a vector environment.

    Parameters
    ----------
    task : str or Task
        Id, ``"PerceptualDecisionMaking-v0"``, or a task.
    num_envs : int
        How many environments.
    trials_per_episode : int, optional
        After so many trials an environment is `terminated`; None: never.
    backend : str
        ``"auto"`` (numba if installed), ``"numba"`` or ``"numpy"``; changes the speed, no bit.
    seed : int or Seed, optional
        Where trials come from until ``reset(seed=...)``.
    autoreset_mode : str or gymnasium.vector.AutoresetMode
        ``"same_step"``, ``"next_step"`` or ``"disabled"``; see `TaskVectorEnv`.
    waits_for_fixation : bool
        Whether trials begin when the subject fixates; see `TaskVectorEnv`.
    **params
        Parameters of the task: `dt`, `rewards`, `timing`, `sigma`, …

    Raises
    ------
    gymnasium.error.NameNotFound
        If no task is called so.
    TaskError
        If a parameter does not fit.

    Examples
    --------
    >>> import neuroloom.tasks as tasks
    >>> envs = tasks.make_vec("DelayMatchSample-v0", num_envs=4)
    >>> envs.reset(seed=1)[0].shape
    (4, 3)
    """
    return TaskVectorEnv(
        get_task(task, **params),
        num_envs,
        trials_per_episode=trials_per_episode,
        backend=backend,
        seed=seed,
        autoreset_mode=autoreset_mode,
        waits_for_fixation=waits_for_fixation,
    )


def single(*, task: str, render_mode: None = None, **kwargs: Any) -> TaskEnv:
    """Return what `gymnasium.make` asks for."""
    return make(task, **kwargs)


def vector(*, task: str, num_envs: int = 1, **kwargs: Any) -> TaskVectorEnv:
    """Return what `gymnasium.make_vec` asks for."""
    return make_vec(task, num_envs, **kwargs)
