"""Parameters of tasks: what an annotation says about a value is what is checked."""

from __future__ import annotations

import functools
import sys
import typing
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from neuroloom.shared import checks
from neuroloom.tasks._errors import TaskError, TaskTypeError, fail, real, whole


@dataclass(frozen=True)
class Check:
    """How a parameter is checked; stands in its annotation, ``Annotated[float, Check(rule)]``.

    Parameters
    ----------
    rule : callable
        ``rule(name, value)`` returns the value in its one form, or raises a `TaskError`.
    """

    rule: Callable[[str, Any], Any]


def _sigma(name: str, value: Any) -> float:
    return real(name, value, minimum=0)


def _ring(name: str, value: Any) -> int:
    return whole(name, value, minimum=2)


def _coherences(name: str, value: Any) -> tuple[float, ...]:
    expected = "one or more coherences between 0 and 100 %"
    try:
        cohs = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        raise fail(name, expected, repr(value)) from None
    if not (cohs.size and cohs.ndim == 1 and ((cohs >= 0) & (cohs <= 100)).all()):
        raise fail(name, expected, repr(value))
    return tuple(cohs.tolist())


NoiseLevel = Annotated[float, Check(_sigma)]
"""Noise of a channel in 1 ms: a number of at least 0."""
RingSize = Annotated[int, Check(_ring)]
"""Number of directions: an integer of at least 2."""
Coherences = Annotated[Sequence[float], Check(_coherences)]
"""Coherences in percent; None takes the published ones, the class's own."""


def _number(name: str, value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise fail(name, "a number", f"{value!r} ({type(value).__name__})")
    if np.isnan(value):
        raise fail(name, "a number", repr(value))
    return value


def _flag(name: str, value: Any) -> bool:
    return checks.flag(name, value, error=TaskTypeError)


def _integer(name: str, value: Any) -> int:
    return checks.whole(name, value, error=TaskError, type_error=TaskTypeError)


def _text(name: str, value: Any) -> str:
    return checks.text(name, value, error=TaskTypeError)


_BY_TYPE: Mapping[Any, Callable[[str, Any], Any]] = {
    bool: _flag,
    int: _integer,
    float: _number,
    str: _text,
}


@functools.cache
def rules_of(cls: type) -> Mapping[str, Callable[[str, Any], Any]]:
    """Return the checks of a class's annotated fields, those that say anything.

    Parameters
    ----------
    cls : type
        With annotations; those of its bases count too.
    """
    found: dict[str, Callable[[str, Any], Any]] = {}
    for base in reversed(cls.__mro__):
        space = vars(sys.modules[base.__module__])
        for name, annotation in base.__dict__.get("__annotations__", {}).items():
            found.pop(name, None)
            meant = _evaluated(annotation, space, f"{base.__name__}.{name}")
            rule = next(
                (one.rule for one in typing.get_args(meant) if isinstance(one, Check)),
                _BY_TYPE.get(meant) if isinstance(meant, type) else None,
            )
            if rule is not None:
                found[name] = rule
    return found


def checked(cls: type, name: str, value: Any) -> Any:
    """Return the value of a field in its one form.

    Parameters
    ----------
    cls : type
        The class whose field it is.
    name : str
        The field.
    value : object
        None stands for the class's default where the annotation carries a check of its own.

    Raises
    ------
    TaskError, TaskTypeError
        If the annotation asks for another value.
    """
    rule = rules_of(cls).get(name)
    if rule is None:
        return value
    if value is None and rule is _coherences:
        value = getattr(cls, name)
    return rule(name, value)


def _evaluated(annotation: Any, space: dict[str, Any], name: str) -> Any:
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, space)
    except Exception as error:
        # Names that are imported for type checkers only are good style, so that this is no error.
        warnings.warn(
            f"{name}: the annotation {annotation!r} cannot be evaluated ({error}), so that values "
            "given for it are not checked; import its names when the module runs, or write Any",
            stacklevel=3,
        )
        return None
