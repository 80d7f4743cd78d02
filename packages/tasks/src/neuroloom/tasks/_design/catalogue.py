"""All tasks by their ids."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import gymnasium
from gymnasium.error import NameNotFound

from neuroloom.tasks._design.task import Paper, Task
from neuroloom.tasks._errors import TaskError, TaskTypeError, fail, unknown

NAMESPACE = "neuroloom"
# By name, so that what a task is does not depend on what is made of it.
_MAKING = "neuroloom.tasks._environments.making"

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
    by_paper: str
    collection: str


_entries: dict[str, Entry] = {}


def register(
    id: str,
    *,
    tags: tuple[str, ...] = (),
    paper: Paper | None = None,
    differs: str = "",
    by_paper: str = "",
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
    by_paper : str
        What the paper says and NeuroGym does, where they are not the same, and which id does which.
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
        _entries[id] = Entry(id, cls, params, tags, paper, differs, by_paper, collection)
        if known is None:
            gymnasium.register(
                id=f"{NAMESPACE}/{id}",
                entry_point=f"{_MAKING}:single",
                vector_entry_point=f"{_MAKING}:vector",
                kwargs={"task": id},
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
        name = newest(name)
    if name not in _entries:
        raise NameNotFound(str(unknown("task", id, _entries)))
    return _entries[name]


def stands_for(task: Task) -> Entry | None:
    """Return what is known of the id that a task was made by, whatever its other parameters.

    Of several ids of its class it is the one with most of its own parameters in force.

    Parameters
    ----------
    task : Task
        Made by an id, or not.
    """
    fits = [
        one
        for one in _entries.values()
        if one.cls is type(task)
        and all(getattr(task, name) == getattr(get_task(one.id), name) for name in one.params)
    ]
    return max(fits, key=lambda one: len(one.params), default=None)


def newest(name: str) -> str:
    """Return the id of the newest version of a task, or the name if there is none.

    Parameters
    ----------
    name : str
        Without a version, ``"PerceptualDecisionMaking"``.
    """
    versions = {
        int(number): id
        for id in _entries
        for stem, _, number in [id.rpartition("-v")]
        if stem == name and number.isdigit()
    }
    return versions[max(versions)] if versions else name


def get_collection(collection: str, *, latest: bool = False) -> list[str]:
    """Return the ids of a collection.

    Parameters
    ----------
    collection : str
        ``"yang19"`` or ``"perceptualdecisionmaking"``.
    latest : bool
        Whether to take the newest version of each; otherwise NeuroGym's, ``-v0``.

    Raises
    ------
    TaskError
        If there is no such collection.
    """
    known = {id: one for id, one in entries().items() if one.collection}
    names = {one.collection for one in known.values()}
    if collection not in names:
        raise unknown("collection", collection, names)
    first = [id for id, one in known.items() if one.collection == collection and id.endswith("-v0")]
    return [newest(id.removesuffix("-v0")) for id in first] if latest else first


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
    if not isinstance(task, str):
        raise TaskTypeError(f"task: expected an id or a Task, got {task!r} ({type(task).__name__})")
    known = entry(task)
    chosen = {**known.params, **params}
    valid = {one.name for one in fields(known.cls)}
    for name in chosen:
        if name in valid:
            continue
        if hasattr(known.cls, name) and not hasattr(Task, name):
            raise TaskError(
                f"parameter of {known.id}: expected a field, got {name!r}, which the class has "
                f"without an annotation; write `{name}: type = value` in it"
            )
        raise unknown(f"parameter of {known.id}", name, valid)
    for mapping in ("timing", "rewards"):
        if mapping in params and mapping in known.params and params[mapping] is not None:
            chosen[mapping] = {**known.params[mapping], **params[mapping]}
    return known.cls(**chosen)


def load_tasks() -> None:
    """Import every task file of the package, each of which registers its tasks."""
    package = importlib.import_module("neuroloom.tasks.envs")
    for found in pkgutil.iter_modules(package.__path__):
        if not found.ispkg:
            importlib.import_module(f"{package.__name__}.{found.name}")
