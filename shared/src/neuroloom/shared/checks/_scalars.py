"""Single values: numbers, integers, flags and texts in any form that Python and numpy have."""

from __future__ import annotations

import math
import numbers
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.shared._errors import DataError
from neuroloom.shared.checks._names import MakeError, fail, written


def real(
    argument: str,
    value: object,
    *,
    at_least: float = -math.inf,
    above: float = -math.inf,
    at_most: float = math.inf,
    below: float = math.inf,
    finite: bool = True,
    unit: str = "",
    expected: str = "",
    error: MakeError = DataError,
    type_error: MakeError | None = None,
) -> float:
    """Return a number as a float.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        A number of Python or numpy, or an array or tensor without dimensions that holds one.
        Booleans, text, missing values and NaN are no numbers.
    at_least, above, at_most, below : float
        The range: ``above`` and ``below`` leave the limit itself out.
    finite : bool
        Refuse infinity, too.
    unit : str
        Unit of the number, named in the error.
    expected : str
        What is expected, in place of the words made from the range.
    error, type_error : callable
        What makes the error for a number out of range, and for what is no number.

    Raises
    ------
    DataError
        Or what `error` and `type_error` make.

    Examples
    --------
    >>> real("rate", 1000, above=0, unit="Hz")
    1000.0
    """
    if not expected:
        limits = _limits(at_least, above, at_most, below)
        expected = f"a {'finite ' if finite else ''}number{limits}{f' in {unit}' if unit else ''}"
    found = number(value)
    if found is None:
        missing = isinstance(_item(value), float)  # NaN is of the right type
        kind = error if missing or type_error is None else type_error
        raise fail(argument, expected, _typed(value), error=kind)
    try:
        result = float(found)
    except OverflowError:  # an integer beyond the largest float
        result = math.inf if found > 0 else -math.inf
    inside = at_least <= result <= at_most
    inside &= above == -math.inf or above < result
    inside &= below == math.inf or result < below
    if not inside or (finite and math.isinf(result)):
        raise fail(argument, expected, shown(found), error=error)
    return result


def whole(
    argument: str,
    value: object,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    accept_floats: bool = False,
    expected: str = "",
    error: MakeError = DataError,
    type_error: MakeError | None = None,
) -> int:
    """Return an integer as Python's own.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        An integer of Python or numpy, or an array or tensor without dimensions that holds one.
        Booleans are no integers.
    at_least, at_most : int, optional
        The range, both limits in it.
    accept_floats : bool
        Take ``3.0`` for 3, as configuration files write it.
    expected : str
        What is expected, in place of the words made from the range.
    error, type_error : callable
        What makes the error for an integer out of range, and for what is no integer.

    Raises
    ------
    DataError
        Or what `error` and `type_error` make.

    Examples
    --------
    >>> import numpy as np
    >>> whole("n_bins", np.int64(20), at_least=1)
    20
    """
    if not expected:
        low = -math.inf if at_least is None else at_least
        high = math.inf if at_most is None else at_most
        expected = f"an integer{_limits(low, -math.inf, high, math.inf)}"
    found = number(value)
    if accept_floats and isinstance(found, float) and found.is_integer():
        found = int(found)
    if not isinstance(found, int):
        raise fail(argument, expected, _typed(value), error=type_error or error)
    if (at_least is not None and found < at_least) or (at_most is not None and found > at_most):
        raise fail(argument, expected, shown(found), error=error)
    return found


def flag(argument: str, value: object, *, error: MakeError = DataError) -> bool:
    """Return True or False; 0, 1 and text are neither.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        A boolean of Python or numpy.
    error : callable
        Class of the error, or a function that makes one of a message.

    Raises
    ------
    DataError
        Or what `error` makes.
    """
    item = _item(value)
    if not isinstance(item, bool):
        raise fail(argument, "True or False", _typed(value), error=error)
    return item


def text(argument: str, value: object, *, error: MakeError = DataError) -> str:
    """Return text that is not empty.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        Text of Python or numpy.
    error : callable
        Class of the error, or a function that makes one of a message.

    Raises
    ------
    DataError
        Or what `error` makes.
    """
    if not isinstance(value, str) or not value:
        raise fail(argument, "text", _typed(value), error=error)
    return str(value)


def path(argument: str, value: object, *, error: MakeError = DataError) -> Path:
    """Return the path that a text or a path means, whether there is something or not.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : str or os.PathLike
        Text that is not empty, or a path.
    error : callable
        Class of the error, or a function that makes one of a message.

    Raises
    ------
    DataError
        Or what `error` makes: also for text that no system can have as a path.

    Examples
    --------
    >>> path("folder", "runs/7").name
    '7'
    """
    given = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(given, str) or not given:
        raise fail(argument, "a path", _typed(value), error=error)
    try:
        raw = os.fsencode(given)
    except UnicodeEncodeError:
        raw = b"\0"
    if b"\0" in raw:
        raise fail(argument, "a path that files can have", written(given), error=error)
    return Path(given)


def number(value: object) -> int | float | None:
    """Return the number that `value` is as Python's int or float, None if it is none.

    NaN is none: a caller who means a missing value says None.
    """
    item = _item(value)
    if isinstance(item, bool):
        return None
    if isinstance(item, numbers.Integral):
        return int(item)
    if isinstance(item, (numbers.Real, Decimal)):
        try:
            result = float(item)
        except OverflowError:  # a fraction beyond the largest float
            return -math.inf if str(item).startswith("-") else math.inf
        except ValueError:  # a signalling NaN of the decimals
            return None
        return None if math.isnan(result) else result
    return None


def _item(value: Any) -> Any:
    """Return what an array, a tensor or a numpy scalar without dimensions holds."""
    # np.ma.masked has no dimensions either, and np.timedelta64 is an integer to numpy.
    if getattr(value, "shape", None) != () or holds_mask(value):
        return value
    dtype = getattr(value, "dtype", None)
    if dtype is None or getattr(value, "magnitude", None) is not None:
        return value
    try:
        held = np.asarray(value)
    except (TypeError, RuntimeError):  # a tensor on a device, or one with gradients
        return value.item() if hasattr(value, "item") else value
    return held.item() if held.dtype.kind in "biuf" else None


def holds_mask(value: object) -> bool:
    """Return whether anything in an array is masked, one field of a structured array, too."""
    return isinstance(value, np.ma.MaskedArray) and b"\1" in np.ma.getmaskarray(value).tobytes()


def _limits(at_least: float, above: float, at_most: float, below: float) -> str:
    words = []
    if at_least != -math.inf:
        words.append(f"of at least {at_least:g}")
    if above != -math.inf:
        words.append(f"above {above:g}")
    if at_most != math.inf:
        words.append(f"at most {at_most:g}" if words else f"of at most {at_most:g}")
    if below != math.inf:
        words.append(f"below {below:g}")
    return f" {' and '.join(words)}" if words else ""


def _typed(value: object) -> str:
    kind = type(value).__name__
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    words = shown(value)
    return f"{words} ({kind})" if words[:2] != "a " else words


def shown(value: object) -> str:
    """Return how a value is written in an error, or its type where that is long."""
    words = " ".join(written(value).split())
    return words if len(words) <= 80 else f"a value of type {type(value).__name__}"
