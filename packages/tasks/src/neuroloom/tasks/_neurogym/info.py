"""What there is: tasks, wrappers, tags."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import gymnasium

from neuroloom.tasks._design.catalogue import Entry, entries, get_collection
from neuroloom.tasks._environments.making import make
from neuroloom.tasks._errors import TaskTypeError, unknown

__all__ = [
    "all_envs",
    "all_tags",
    "all_wrappers",
    "env_string",
    "get_collection",
    "show_all_tags",
    "show_all_tasks",
    "show_all_wrappers",
    "show_info",
]

_WRAPPERS = {
    "Monitor-v0": "Monitor",
    "MultiEnvs-v0": "MultiEnvs",
    "Noise-v0": "Noise",
    "PassAction-v0": "PassAction",
    "PassReward-v0": "PassReward",
    "RandomGroundTruth-v0": "RandomGroundTruth",
    "ReactionTime-v0": "ReactionTime",
    "ScheduleAttr-v0": "ScheduleAttr",
    "ScheduleEnvs-v0": "ScheduleEnvs",
    "SideBias-v0": "SideBias",
    "TrialHistoryV2-v0": "TrialHistoryV2",
}


def all_envs(
    tag: str | None = None,
    psychopy: bool = False,
    contrib: bool = False,
    collections: bool = False,
) -> list[str]:
    """Return the ids of the tasks, sorted.

    Parameters
    ----------
    tag : str, optional
        Only those with this tag.
    psychopy, contrib : bool
        Taken for NeuroGym's sake: no task needs psychopy, and all are maintained alike.
    collections : bool
        Whether to include collections, ``yang19.…``.

    Raises
    ------
    TaskTypeError
        If `tag` is not a string.

    Warns
    -----
    UserWarning
        If no task has the tag.
    """
    if tag is not None and not isinstance(tag, str):
        raise TaskTypeError(f"tag: expected a string, got {tag!r} ({type(tag).__name__})")
    found = [
        id
        for id, known in entries().items()
        if (collections or not known.collection) and (tag is None or tag in known.tags)
    ]
    if tag is not None and not found:
        warnings.warn(f"no task has the tag {tag!r}; see all_tags()", stacklevel=2)
    return found


def all_tags() -> list[str]:
    """Return all tags, sorted."""
    return sorted({tag for known in entries().values() for tag in known.tags})


def all_wrappers() -> list[str]:
    """Return the ids of the wrappers, sorted."""
    return sorted(_WRAPPERS)


def show_all_tasks(tag: str | None = None) -> list[str]:
    """Print and return the ids of the tasks, or of those with a tag.

    Parameters
    ----------
    tag : str, optional
        Only those with this tag.
    """
    found = all_envs(tag=tag, collections=True)
    return _show("Available tasks" + (f" with tag {tag!r}" if tag else ""), found)


def show_all_wrappers() -> list[str]:
    """Print and return the ids of the wrappers."""
    return _show("Available wrappers", all_wrappers())


def show_all_tags() -> list[str]:
    """Print and return all tags."""
    return _show("Available tags", all_tags())


def show_info(obj_: str | gymnasium.Env[Any, Any]) -> str:
    """Print and return what a task or a wrapper is.

    Parameters
    ----------
    obj_ : str or gymnasium.Env
        Id of a task or wrapper, or an environment.

    Raises
    ------
    TaskError
        If there is no such task or wrapper.
    TaskTypeError
        If it is neither.
    """
    if isinstance(obj_, str):
        if obj_ in _WRAPPERS:
            from neuroloom.tasks import wrappers

            text = inspect.getdoc(getattr(wrappers, _WRAPPERS[obj_])) or ""
        elif obj_ in entries():
            text = env_string(make(obj_), id=obj_)
        else:
            raise unknown("task or wrapper", obj_, [*entries(), *_WRAPPERS])
    elif isinstance(obj_, gymnasium.Env):
        text = env_string(obj_)
    else:
        raise TaskTypeError(f"expected an id or an environment, got {type(obj_).__name__}")
    print(text)
    return text


def env_string(env: Any, *, id: str | None = None) -> str:
    """Return what an environment is, in Markdown: rule, paper, spaces, timing, rewards."""
    inner = env.unwrapped
    task = getattr(inner, "task", None)
    cls = type(inner) if task is None else type(task)
    lines = [f"### {id or cls.__name__}", "", inspect.getdoc(cls) or ""]
    known = [k for k in entries().values() if k.cls is cls and id in (None, k.id)]
    lines += _sources(known[0]) if known else []
    lines += ["", f"Step: {inner.dt:g} ms"]
    if task is not None:
        chosen = task.timing or {}
        for name, period in task.periods.items():
            lines.append(f"- {name}: {chosen.get(name, period.duration)}")
    else:
        lines += [f"- {name}: {value}" for name, value in inner.timing.items()]
    for what in ("observation_space", "action_space"):
        space = getattr(inner, what)
        lines.append(f"{what.replace('_', ' ').capitalize()}: {space}")
        lines += [f"- {name}: {at}" for name, at in getattr(space, "name", {}).items()]
    lines.append(f"Rewards: {dict(inner.rewards)}")
    return "\n".join(lines)


def _sources(known: Entry) -> list[str]:
    """Return where a task comes from and how it differs."""
    lines = []
    if known.paper is not None:
        lines += ["", f"Reference: [{known.paper.name}]({known.paper.link})"]
    if known.differs:
        lines += ["", f"Unlike NeuroGym 2.3.1: {known.differs}"]
    return [*lines, "", f"Tags: {', '.join(known.tags) or 'none'}"]


def _show(title: str, names: list[str]) -> list[str]:
    print("\n".join([f"{title}:", *names]))
    return names
