"""Conditions that a caller gives: only those that the task could draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._errors import TaskError, TimingError, fail, unknown

_FEW = 64


class Edges(np.random.Generator):
    """Draws of many trials, of which the first two get the ends of every uniform range."""

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Draw as numpy does, but for the ends."""
        return _with_ends(super().uniform(low, high, size), low, high)

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:
        """Draw as numpy does, but for the ends: 1 itself is never drawn."""
        drawn = super().random(size, dtype, out)
        return _with_ends(drawn, 0.0, np.nextafter(dtype(1), dtype(0)))


def _with_ends(drawn: Any, low: Any, high: Any) -> Any:
    if np.ndim(drawn) and len(drawn) > 1:
        drawn[0] = np.broadcast_to(low, drawn.shape)[0]
        drawn[1] = np.broadcast_to(high, drawn.shape)[1]
    return drawn


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
    values = np.unique(drawn)
    try:
        given = np.asarray(value)
        np.broadcast_to(given, drawn.shape[1:] if given.ndim < drawn.ndim else drawn[:1].shape)
    except ValueError:
        shape, expected = drawn.shape[1:], _in_words(values)
        wanted = f"{expected}, shape {shape}" if shape else f"one value for the trial: {expected}"
        raise fail(name, wanted, repr(value)) from None
    if drawn.dtype.kind in "US":
        fits = given.dtype.kind == drawn.dtype.kind
    elif drawn.dtype.kind == "b":
        fits = given.dtype.kind in "biuf" and bool(np.isin(given, (0, 1)).all())
    else:
        fits = given.dtype.kind in "iuf" and bool(np.isfinite(given).all())
        if drawn.dtype.kind in "iu" and fits:
            fits = bool((given == np.floor(given)).all())
    if not fits:
        raise fail(name, _in_words(values), repr(value))
    if drawn.dtype.kind != "f" and len(values) <= _FEW:
        inside = np.isin(given, values)
    else:
        inside = (given >= values[0]) & (given <= values[-1])
    if not inside.all():
        raise fail(name, _in_words(values), repr(value))
    return given


def check_conditions(task: Any, conditions: Any, n: int) -> None:
    """Refuse conditions that are not one row a trial.

    Parameters
    ----------
    task : Task
        Whose they are.
    conditions : dict of array, (n, …)
        What it drew or derived.
    n : int
        Number of trials.

    Raises
    ------
    TaskError
        If they are something else.
    """
    of = f"conditions of {type(task).__name__}"
    if not isinstance(conditions, dict):
        raise fail(of, "a dict of arrays by name", repr(conditions))
    for name, values in conditions.items():
        if not isinstance(values, np.ndarray) or values.shape[:1] != (n,):
            shape = getattr(values, "shape", None)
            got = type(values).__name__ if shape is None else f"shape {shape}"
            raise fail(f"{of}: {name!r}", f"an array of {n} rows, one a trial", got)


def counted(periods: Sequence[str], steps: Mapping[str, NDArray[Any]], n: int) -> NDArray[np.int64]:
    """Return the lengths of periods in steps, one row a trial.

    Parameters
    ----------
    periods : sequence of str
        Names of the periods, in order.
    steps : dict of array of int, (n,)
        Their lengths, as a task's `arrange` leaves them.
    n : int
        Number of trials.

    Raises
    ------
    TimingError
        If a length is no whole number of at least 0, or there is not one a trial.
    TaskError
        If there is a length of a period that the task does not have.
    """
    for name, values in steps.items():
        if name not in periods:
            raise unknown("period in arrange", name, periods)
        counts = np.asarray(values)
        whole = counts.shape == (n,) and counts.dtype.kind in "iu"
        if not whole or counts.min(initial=0) < 0:
            raise TimingError(
                f"arrange: expected {n} whole numbers of at least 0 as steps of {name!r}, got "
                f"{np.array2string(counts, threshold=8)} of {counts.dtype}"
            )
    lengths = np.empty((n, len(periods)), dtype=np.int64)
    for at, name in enumerate(periods):
        lengths[:, at] = steps[name]
    return lengths


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


def _in_words(values: NDArray[Any]) -> str:
    """Return what is drawn, of all its values in order."""
    if len(values) <= _FEW and (values.dtype.kind != "f" or len(values) <= 12):
        listed = ", ".join(str(value) for value in values.tolist())
        between = " or between" if values.dtype.kind == "f" and len(values) > 1 else ""
        return f"one of {listed}{between}"
    low, high = values[0], values[-1]
    kind = "a number" if values.dtype.kind == "f" else "an integer"
    return f"{kind} from {low:.4g} to {high:.4g}"
