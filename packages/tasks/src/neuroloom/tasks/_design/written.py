"""What a task's class writes: its own parameters under names that are free, and words that fit."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from neuroloom.tasks._design.renamed import RENAMED
from neuroloom.tasks._errors import TaskTypeError


def check_written(cls: type, base: type, words: Mapping[str, type]) -> None:
    """Refuse a class whose parameters hide what the engine calls, or whose words are none.

    Parameters
    ----------
    cls : type
        The class.
    base : type
        The class of all tasks. A hook that a class between the two overrides is free for those
        below it.
    words : mapping
        What is written as a value, ``answer = Answer(...)``, and of what type it is.

    Raises
    ------
    TaskTypeError
        If a parameter has the name of a hook, or a value is of another type.
    """
    own = cls.__dict__
    for name, annotation in own.get("__annotations__", {}).items():
        if name in RENAMED:
            continue  # what a hook was called once is free
        hook = inspect.getattr_static(base, name, None)
        if "ClassVar" in str(annotation) or not (callable(hook) or isinstance(hook, property)):
            continue
        if next(k for k in cls.__mro__[1:] if name in vars(k)) is base:
            raise TaskTypeError(
                f"{cls.__name__}: a parameter called {name!r} would hide Task.{name}, which the "
                "engine calls; give it another name"
            )
    for name, kind in words.items():
        value: Any = own.get(name)
        if value is not None and not isinstance(value, (kind, property)):
            raise TaskTypeError(
                f"{cls.__name__}.{name}: expected {kind.__name__}, got {value!r} "
                f"({type(value).__name__})"
            )
