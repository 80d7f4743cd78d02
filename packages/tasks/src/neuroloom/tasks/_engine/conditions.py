"""Conditions that a caller gives: only those that the task could draw."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._errors import TaskError, fail

_FEW = 64


def accepted(name: str, value: Any, drawn: NDArray[Any]) -> NDArray[Any]:
    """Return a given condition as an array, if the task could draw it.

    Whole numbers, truth values and names have to be among those that are drawn; of measured
    quantities (a coherence, an angle) also what lies between them.

    Parameters
    ----------
    name : str
        Of the condition.
    value : object
        What is given for every trial, or for one.
    drawn : array, (n, …)
        What some thousand trials draw.

    Raises
    ------
    TaskError
        If it is of another kind or shape, or outside what is drawn.
    """
    expected = _in_words(drawn)
    try:
        given = np.asarray(value)
        np.broadcast_to(given, drawn.shape[1:] if given.ndim < drawn.ndim else drawn[:1].shape)
    except ValueError:
        shape = drawn.shape[1:]
        wanted = f"{expected}, shape {shape}" if shape else f"one value for the trial: {expected}"
        raise fail(name, wanted, repr(value)) from None
    if drawn.dtype.kind in "US":
        fits = given.dtype.kind == drawn.dtype.kind
    elif drawn.dtype.kind == "b":
        fits = given.dtype.kind in "biuf" and bool(np.isin(given, (0, 1)).all())
    else:
        fits = given.dtype.kind in "biuf" and bool(np.isfinite(given).all())
        if drawn.dtype.kind in "iu" and fits:
            fits = given.dtype.kind != "b" and bool((given == np.floor(given)).all())
    if not fits:
        raise fail(name, expected, repr(value))
    values = np.unique(drawn)
    if drawn.dtype.kind != "f" and len(values) <= _FEW:
        inside = np.isin(given, values)
    else:
        inside = (given >= values[0]) & (given <= values[-1])
    if not inside.all():
        raise fail(name, expected, repr(value))
    return given


def own_number(name: str, value: Any, n: int) -> int:
    """Return the number of one of `n` things.

    Raises
    ------
    TaskError
        If it is none.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TaskError(f"{name}: expected an integer from 0 to {n - 1}, got {value!r}")
    if not 0 <= value < n:
        raise fail(name, f"an integer from 0 to {n - 1}", value)
    return int(value)


def _in_words(drawn: NDArray[Any]) -> str:
    values = np.unique(drawn)
    if len(values) <= _FEW and (drawn.dtype.kind != "f" or len(values) <= 12):
        listed = ", ".join(str(value) for value in values.tolist())
        between = " or between" if drawn.dtype.kind == "f" and len(values) > 1 else ""
        return f"one of {listed}{between}"
    low, high = values[0], values[-1]
    kind = "a number" if drawn.dtype.kind == "f" else "an integer"
    return f"{kind} from {low:.4g} to {high:.4g}"
