"""Checks at the public border: each raises a `DataError` with argument, expected and got."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neuroloom.shared._errors import DataError


def fail(argument: str, expected: str, got: object) -> DataError:
    """Return the error that names the argument, what was expected and what came."""
    return DataError(f"{argument}: expected {expected}, got {got}")


def array(
    argument: str, values: ArrayLike, dtype: DTypeLike, *, ndim: int, finite: bool = True
) -> NDArray[Any]:
    """Return `values` as a read-only array that shares no memory with a writable input.

    Raises
    ------
    DataError
        If `values` is ragged, masked, not numeric (booleans are not), of another dimension,
        would change its value in `dtype`, or holds NaN or infinity where `finite` is asked for.
    """
    if isinstance(values, (list, tuple)) and not values:
        values = np.empty((0,) * ndim)
    try:
        raw = np.asarray(values)
    except ValueError as error:
        raise fail(argument, f"a regular {ndim}-D array", "ragged values") from error
    if raw.dtype.kind not in "iuf":
        raise fail(argument, "numbers", f"values of dtype {raw.dtype}")
    if np.ma.is_masked(values):
        raise fail(argument, "values without a mask", "masked values")
    if raw.ndim != ndim:
        raise fail(argument, f"a {ndim}-D array", f"shape {raw.shape}")
    if finite and raw.dtype.kind == "f" and not np.isfinite(raw).all():
        where = np.argwhere(~np.isfinite(raw))[0]
        index = ", ".join(map(str, where))
        raise fail(argument, "finite values", f"{raw[tuple(where)]} at [{index}]")
    target = np.dtype(dtype)
    if target.kind in "iu" and raw.size:
        if raw.dtype.kind == "f" and not np.array_equal(raw, np.trunc(raw)):
            raise fail(argument, "whole numbers", f"values of dtype {raw.dtype} with fractions")
        limits = np.iinfo(target)
        if raw.min() < limits.min or raw.max() > limits.max:
            raise fail(argument, f"values that fit {target}", f"{raw.min()} to {raw.max()}")
    if raw.dtype == target and not raw.flags.writeable and raw.base is None:
        return raw
    out = np.array(raw, dtype=target, order="C")
    if raw.dtype.kind in "iu" and target.kind == "f":
        with np.errstate(invalid="ignore"):
            same = np.array_equal(out.astype(raw.dtype), raw)
        if not same:
            raise fail(argument, f"integers that {target} can hold", "larger ones")
    out.flags.writeable = False
    return out


def number(
    argument: str,
    value: object,
    *,
    expected: str = "a finite number",
    accept: Callable[[float], bool] = math.isfinite,
) -> float:
    """Return `value` as a float that `accept` agrees with.

    Raises
    ------
    DataError
        If `value` is not a real number (booleans are not), or not accepted.
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, np.number)):
        raise fail(argument, expected, f"{value!r} ({type(value).__name__})")
    result = float(value)
    if math.isnan(result) or not accept(result):
        raise fail(argument, expected, repr(value))
    return result


def count(argument: str, value: object, *, minimum: int = 0) -> int:
    """Return `value` as an int of at least `minimum`.

    Raises
    ------
    DataError
        If `value` is not an integer (booleans are not), or smaller.
    """
    expected = f"an integer of at least {minimum}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Integral, np.integer)):
        raise fail(argument, expected, f"{value!r} ({type(value).__name__})")
    if int(value) < minimum:
        raise fail(argument, expected, value)
    return int(value)
