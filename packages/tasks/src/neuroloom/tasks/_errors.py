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

import math
from functools import partial
from typing import Any

from neuroloom.shared import DataError, NeuroloomError, checks


class TaskError(DataError):
    """A task, an option or a value does not have the form that was asked for."""


class TimingError(TaskError):
    """A duration cannot be, or a period would get lost on the time grid."""


class ActionError(TaskError):
    """An action lies outside the action space."""


class TaskTypeError(NeuroloomError, TypeError):
    """An argument is of a kind that cannot be used here."""


# Tracebacks show where an error is imported from, not where it happens to be written.
for _kind in [x for x in vars().values() if isinstance(x, type) and x.__module__ == __name__]:
    _kind.__module__ = "neuroloom.tasks"

fail = partial(checks.fail, error=TaskError)
unknown = partial(checks.unknown, error=TaskError)
flag = partial(checks.flag, error=TaskTypeError)


def real(argument: str, value: Any, *, minimum: float = -math.inf, above: bool = False) -> float:
    """Return `value` as a finite float of at least (or, if `above`, more than) `minimum`.

    Raises
    ------
    TaskError
        If it is not a number, not finite or too small.
    """
    if above:
        return checks.real(argument, value, above=minimum, error=TaskError)
    return checks.real(argument, value, at_least=minimum, error=TaskError)


def whole(argument: str, value: Any, *, minimum: int = 0) -> int:
    """Return `value` as an int of at least `minimum`.

    Raises
    ------
    TaskTypeError
        If it is not an integer.
    TaskError
        If it is too small.
    """
    return checks.whole(
        argument, value, at_least=minimum, error=TaskError, type_error=TaskTypeError
    )
