"""The errors of neuroloom.tasks.

::

    NeuroloomError
    ├── DataError(ValueError)
    │   └── TaskError                       a task, an option or a value that does not fit
    │       ├── TimingError                 a duration that cannot be, a period that gets lost
    │       └── ActionError                 an action outside the action space
    └── TaskTypeError(TypeError)            an argument of the wrong kind

Unknown ids raise gymnasium's ``NameNotFound``, a step before a reset its ``ResetNeeded``.
"""

from __future__ import annotations

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from neuroloom.shared import DataError, NeuroloomError


class TaskError(DataError):
    """A task, an option or a value does not have the form that was asked for."""


class TimingError(TaskError):
    """A duration cannot be, or a period would get lost on the time grid."""


class ActionError(TaskError):
    """An action lies outside the action space."""


class TaskTypeError(NeuroloomError, TypeError):
    """An argument is of a kind that cannot be used here."""


def fail(argument: str, expected: str, got: object) -> TaskError:
    """Return the error that names the argument, what was expected and what came."""
    return TaskError(f"{argument}: expected {expected}, got {got}")


def unknown(what: str, name: object, valid: Iterable[str]) -> TaskError:
    """Return the error for a name that is not among the valid ones, with the nearest of them."""
    names = sorted(valid)
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return TaskError(f"{what}: expected one of {names}, got {name!r}{hint}")


def real(argument: str, value: Any, *, minimum: float = -math.inf, above: bool = False) -> float:
    """Return `value` as a finite float of at least (or, if `above`, more than) `minimum`.

    Raises
    ------
    TaskError
        If it is not a number, not finite or too small.
    """
    bound = "" if minimum == -math.inf else f" {'above' if above else 'of at least'} {minimum:g}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.number)):
        raise fail(argument, f"a number{bound}", f"{value!r} ({type(value).__name__})")
    number = float(value)
    if not math.isfinite(number) or number < minimum or (above and number == minimum):
        raise fail(argument, f"a finite number{bound}", repr(value))
    return number


def whole(argument: str, value: Any, *, minimum: int = 0) -> int:
    """Return `value` as an int of at least `minimum`.

    Raises
    ------
    TaskTypeError
        If it is not an integer.
    TaskError
        If it is too small.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Integral, np.integer)):
        raise TaskTypeError(
            f"{argument}: expected an integer of at least {minimum}, "
            f"got {value!r} ({type(value).__name__})"
        )
    if int(value) < minimum:
        raise fail(argument, f"an integer of at least {minimum}", value)
    return int(value)
