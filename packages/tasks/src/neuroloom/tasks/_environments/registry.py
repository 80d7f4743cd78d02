"""All tasks by their ids."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import gymnasium
from gymnasium.error import NameNotFound

from neuroloom.shared import Seed
from neuroloom.tasks._design.task import Paper, Task
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._environments.vector import TaskVectorEnv
from neuroloom.tasks._errors import fail, unknown
from neuroloom.tasks._random.backend import Backend

NAMESPACE = "neuroloom"

T = TypeVar("T", bound=Task)


@dataclass(frozen=True)
class Entry:
    """A registered task: its class, the parameters that its id stands for, and what it is."""

    id: str
    cls: type[Task]
    params: dict[str, Any]
    tags: tuple[str, ...]
    paper: Paper | None
    differs: str
    collection: str


_entries: dict[str, Entry] = {}


def register(
    id: str,
    *,
    tags: tuple[str, ...] = (),
    paper: Paper | None = None,
    differs: str = "",
    **params: Any,
) -> Callable[[type[T]], type[T]]:
    """Return a decorator that makes a task class known under `id`.

    It may be used several times on a class, with other parameters for other ids.

    Parameters
    ----------
    id : str
        Name and version, ``"MyTask-v0"``; a name with a dot belongs to a collection.
    tags : tuple of str
        What to find the task by.
    paper : Paper, optional
        Where it comes from.
    differs : str
        How it differs from NeuroGym's task of this name, and why.
    **params
        Parameters of the class that this id stands for.

    Raises
    ------
    TaskError
        If the id has no version, or stands for another class already.
    """
    if "-v" not in id:
        raise fail("id", "a name with a version, such as 'MyTask-v0'", repr(id))

    def add(cls: type[T]) -> type[T]:
        known = _entries.get(id)
        if known is not None and known.cls.__qualname__ != cls.__qualname__:
            raise fail("id", "an id that is not taken", f"{id!r}, which is {known.cls.__name__}")
        collection = id.split(".", 1)[0] if "." in id else ""
        _entries[id] = Entry(id, cls, params, tags, paper, differs, collection)
        if known is None:
            gymnasium.register(
                id=f"{NAMESPACE}/{id}",
                entry_point=_SingleMaker(id),
                vector_entry_point=_VectorMaker(id),
            )
        return cls

    return add


def entry(id: str) -> Entry:
    """Return what is known of the task called `id`.

    Raises
    ------
    gymnasium.error.NameNotFound
        If there is none; the message suggests the nearest.
    """
    name = id.removeprefix(f"{NAMESPACE}/")
    if name not in _entries:
        raise NameNotFound(str(unknown("task", id, _entries)))
    return _entries[name]


def entries() -> dict[str, Entry]:
    """Return all registered tasks by id, sorted."""
    return dict(sorted(_entries.items()))


def get_task(task: str | Task, **params: Any) -> Task:
    """Return the task called `task`, made with `params`; a task is passed through.

    Raises
    ------
    gymnasium.error.NameNotFound
        If no task is called so.
    TaskError
        If a parameter is not known or does not fit.
    """
    if isinstance(task, Task):
        if params:
            raise fail("params", "none beside a task that is made already", sorted(params))
        return task
    known = entry(task)
    chosen = {**known.params, **params}
    valid = known.cls.__dataclass_fields__
    for name in chosen:
        if name not in valid:
            raise unknown(f"parameter of {known.id}", name, valid)
    for mapping in ("timing", "rewards"):
        if mapping in params and mapping in known.params and params[mapping] is not None:
            chosen[mapping] = {**known.params[mapping], **params[mapping]}
    return known.cls(**chosen)


def make(
    task: str | Task,
    *,
    trials_per_episode: int | None = None,
    seed: int | Seed | None = None,
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
    return TaskEnv(get_task(task, **params), trials_per_episode=trials_per_episode, seed=seed)


def make_vec(
    task: str | Task,
    num_envs: int = 1,
    *,
    trials_per_episode: int | None = None,
    backend: Backend = "auto",
    seed: int | Seed | None = None,
    **params: Any,
) -> TaskVectorEnv:
    """Return a task as a vector environment; see `make` and `TaskVectorEnv` for the parameters.

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
    )


def load_tasks() -> None:
    """Import every task file of the package, each of which registers its tasks."""
    package = importlib.import_module("neuroloom.tasks.envs")
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{found.name}")


@dataclass(frozen=True)
class _SingleMaker:
    id: str

    def __call__(self, render_mode: None = None, **kwargs: Any) -> TaskEnv:
        return make(self.id, **kwargs)


@dataclass(frozen=True)
class _VectorMaker:
    id: str

    def __call__(self, num_envs: int = 1, **kwargs: Any) -> TaskVectorEnv:
        return make_vec(self.id, num_envs, **kwargs)
