"""Arrays: from numpy's, pandas', masked and nested ones to plain numbers, and what is refused."""

from __future__ import annotations

import numbers
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from neuroloom.shared._errors import DataError
from neuroloom.shared.checks._names import MakeError, fail

_NUMBERS = "iuf"
_EXACT = 2**53  # up to here floats hold all integers
_BARE = (int, float, complex, str, bytes, np.generic, type(None))


def array(
    argument: str,
    values: ArrayLike,
    dtype: DTypeLike | None = None,
    *,
    ndim: int | Sequence[int] | None = None,
    finite: bool = True,
    missing: bool = False,
    booleans: bool = False,
    copy: bool = True,
    error: MakeError = DataError,
    type_error: MakeError | None = None,
) -> NDArray[Any]:
    """Return `values` as a read-only array that shares no memory with a writable input.

    Parameters
    ----------
    argument : str
        Name of the argument.
    values : array_like
        Numbers in lists, in arrays of numpy or in what turns into one (pandas, xarray, tensors).
        Masked values and pandas' NA count as NaN. Integers that no type of integers holds
        together (2**63 beside -1) become floats where none of them changes its value so.
    dtype : dtype, optional
        Type of the result; that of the values if not given.
    ndim : int or sequence of int, optional
        Numbers of dimensions that are accepted; any if not given.
    finite : bool
        Refuse infinity, NaN and missing values.
    missing : bool
        Accept NaN and missing values, also where `finite` refuses infinity.
    booleans : bool
        Take True for 1 and False for 0; they are refused otherwise.
    copy : bool
        Give an array of its own, read-only. If False the result may share memory and be writable.
    error, type_error : callable
        What makes the error for wrong values, and for values that are no numbers.

    Raises
    ------
    DataError
        Or what `error` and `type_error` make: if `values` is ragged, not numeric, of another
        number of dimensions, carries a physical unit, would change its value in `dtype` or as
        floats among which it stands, or holds NaN, infinity or missing values where they are
        refused.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> array("x", pd.array([1, None], dtype="Int64"), missing=True)
    array([ 1., nan])
    """
    dims = (ndim,) if isinstance(ndim, int) else tuple(ndim or ())
    if isinstance(values, (list, tuple)) and not values:
        values = np.empty((0,) * (dims[0] if dims else 1))
    wrong_type = type_error or error
    raw, kind = _plain(argument, values, error, wrong_type)
    if kind not in (_NUMBERS + "b" if booleans else _NUMBERS):
        raise _no_numbers(argument, raw, kind, error, wrong_type)
    if dims and raw.ndim not in dims:
        wanted = " or ".join(f"{d}-D" for d in dims)
        raise fail(argument, f"a {wanted} array", f"shape {raw.shape}", error=error)
    _check_finite(argument, raw, finite=finite, missing=missing, error=error)
    if dtype is None:
        dtype = np.float64 if raw.dtype.kind == "b" else raw.dtype
    target = np.dtype(dtype)
    _check_fits(argument, raw, target, error)
    return _own(raw, target) if copy else np.asarray(raw, dtype=target)


def _no_numbers(
    argument: str, raw: NDArray[Any], kind: str, error: MakeError, type_error: MakeError
) -> Exception:
    """Return the error for what is no numbers, or numbers that no type holds together."""
    if (large := _beyond_floats(raw)) is not None:
        expected = "integers of 64 bits, or ones that floats hold"
        return fail(argument, expected, f"{large} among the values", error=error)
    return fail(argument, "numbers", f"values of dtype {_dtype(raw, kind)}", error=type_error)


def _beyond_floats(raw: NDArray[Any]) -> int | None:
    """Return the largest integer of objects that are all numbers, None for any others."""
    if raw.dtype != object or not all(_is_missing(x) or _is_number(x) for x in raw.flat):
        return None
    whole = [int(x) for x in raw.flat if isinstance(x, numbers.Integral)]
    return max((x for x in whole if abs(x) > _EXACT), key=abs, default=None)


def _own(raw: NDArray[Any], target: np.dtype[Any]) -> NDArray[Any]:
    """Return a read-only array that nobody else can write to."""
    if raw.dtype == target and _is_frozen(raw):
        return raw
    return frozen(np.asarray(raw, dtype=target))


def frozen(values: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of an array that stays as it is, also for those who set its flags.

    Parameters
    ----------
    values : ndarray
        Of any type and shape.

    Returns
    -------
    ndarray
        Over immutable bytes, so that nobody can make it writable. Of Python objects, which bytes
        cannot hold, only the flag is set.

    Raises
    ------
    DataError
        If `values` is no array, or has a mask.

    Examples
    --------
    >>> import numpy as np
    >>> frozen(np.arange(3)).setflags(write=True)
    Traceback (most recent call last):
    ValueError: cannot set WRITEABLE flag to True of this array
    """
    if not isinstance(values, np.ndarray) or isinstance(values, np.ma.MaskedArray):
        raise fail("values", "an array without a mask", type(values).__name__)
    if values.dtype.hasobject or not values.size:
        out = np.array(values, order="C")
    else:
        out = np.frombuffer(values.tobytes(), dtype=values.dtype).reshape(values.shape)
    out.flags.writeable = False
    return out


def _is_frozen(raw: NDArray[Any]) -> bool:
    owner: Any = raw
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner, bytes) and type(raw) is np.ndarray and raw.flags.aligned


def plain(argument: str, values: ArrayLike, *, error: MakeError = DataError) -> NDArray[Any]:
    """Return `values` as an ordinary array of numpy, whatever holds them, of any type.

    Parameters
    ----------
    argument : str
        Name of the argument.
    values : array_like
        Arrays of numpy (masked ones too), pandas' columns, frames and arrays, nested lists, and
        what numpy can turn into an array.
    error : callable
        Class of the error, or a function that makes one of a message.

    Returns
    -------
    ndarray
        Where numbers or booleans are missing (masked, pandas' NA, None among numbers), floats with
        NaN in these places; where texts are missing, objects with None. A value under a mask never
        comes back. May share memory with `values`.

    Raises
    ------
    DataError
        Or what `error` makes: if `values` is ragged, sparse, carries a physical unit, or has masked
        fields (a structured array).

    Examples
    --------
    >>> import pandas as pd
    >>> plain("answer", pd.array([True, None], dtype="boolean"))
    array([ 1., nan])
    """
    return _plain(argument, values, error, error)[0]


def _plain(
    argument: str, values: Any, error: MakeError, type_error: MakeError
) -> tuple[NDArray[Any], str]:
    """Return the array, and the kind of dtype that its values had before NaN came in."""
    _refuse_unit(argument, values, type_error)
    if type(values).__module__.startswith("scipy.sparse"):
        hint = "; call toarray() on it"
        raise fail(argument, "a dense array", type(values).__name__, hint=hint, error=type_error)
    if isinstance(values, np.ma.MaskedArray):
        return _unmasked(argument, values, type_error)
    if (columns := _from_pandas(values)) is not None:
        return columns
    try:
        values = _opened(argument, values, type_error)
    except RecursionError as cause:
        raise fail(argument, "a regular array", "a list in itself", error=error) from cause
    try:
        raw = _from_numpy(values)
    except Exception as cause:  # what holds the values may raise whatever it likes
        ragged = "ragged values" if isinstance(values, (list, tuple)) else f"{cause}"
        raise fail(argument, "a regular array", ragged, error=error) from cause
    if raw.dtype != object:
        mixed = raw.dtype.kind in _NUMBERS and holds_booleans(values)
        return raw, "O" if mixed else raw.dtype.kind
    if not raw.ndim and isinstance(values, Iterable):
        hint = "; pass list(…) of it, of a mapping its values"
        raise fail(
            argument, "a list or an array", type(values).__name__, hint=hint, error=type_error
        )
    if any(isinstance(one, (list, tuple, np.ndarray)) for one in raw.flat):
        raise fail(argument, "a regular array", "ragged values", error=error)
    return _objects(raw)


def _from_numpy(values: Any) -> NDArray[Any]:
    """Return what numpy makes of values, as objects where it would change one of them."""
    try:
        raw = np.asarray(values)
    except OverflowError:  # an integer beyond the largest float, beside a float
        return np.asarray(values, dtype=object)
    if not isinstance(values, (list, tuple)):
        return raw
    # numpy writes what stands beside text as text, and large integers beside others as floats.
    if raw.dtype.kind in "US" and not _all_text(values):
        return np.asarray(values, dtype=object)
    return raw if _same_numbers(raw, values) else np.asarray(values, dtype=object)


def _same_numbers(raw: NDArray[Any], values: Any) -> bool:
    """Return whether the integers in lists are the same in the floats made of them."""
    if raw.dtype.kind != "f" or not (np.abs(raw) >= _EXACT).any():
        return True
    given = np.asarray(values, dtype=object)
    pairs = zip(raw.flat, given.flat, strict=True)
    # Compared as Python's integers: numpy compares an integer with a float as floats.
    return all(
        bool(np.isfinite(one)) and int(one) == int(was)
        for one, was in pairs
        if isinstance(was, numbers.Integral)
    )


def _opened(argument: str, values: Any, type_error: MakeError) -> Any:
    """Return nested lists with None where a mask is in them; numpy looks under it."""
    if isinstance(values, (list, tuple)):
        if all(issubclass(kind, _BARE) for kind in set(map(type, values))):
            return values
        return [_opened(argument, one, type_error) for one in values]
    _refuse_unit(argument, values, type_error)
    if values is np.ma.masked:
        return None
    masked = isinstance(values, np.ma.MaskedArray)
    return _unmasked(argument, values, type_error)[0] if masked else values


def _all_text(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return all(map(_all_text, values))
    return not isinstance(values, numbers.Number)


def _refuse_unit(argument: str, values: Any, error: MakeError) -> None:
    if (unit := _unit(values)) is not None:
        hint = "; convert it to the unit asked for and pass its magnitude"
        raise fail(argument, "plain numbers", f"values in {unit}", hint=hint, error=error)


def _from_pandas(values: Any) -> tuple[NDArray[Any], str] | None:
    """Return what a frame, a column, an index or an array of pandas holds; None for others."""
    pandas = sys.modules.get("pandas")  # nobody has its objects who did not import it
    if pandas is None or isinstance(values, pandas.MultiIndex):
        return None
    if isinstance(values, pandas.DataFrame):
        return _frame(values)
    if isinstance(values, (pandas.Series, pandas.Index, pandas.api.extensions.ExtensionArray)):
        return _column(pandas.Series(values))
    return None


def _unit(values: Any) -> str | None:
    """Return the physical unit of a quantity (quantities, neo, pint, astropy, unyt), if it is one.

    The attributes are looked up on the class: a table may have a column of that name.
    """
    kind = type(values)
    if not (hasattr(kind, "magnitude") or hasattr(kind, "to_value")):
        return None
    names = ("dimensionality",) if hasattr(kind, "rescale") else ("unit", "units")
    unit = next((getattr(values, name) for name in names if hasattr(kind, name)), None)
    return None if unit is None or str(unit) in ("", "dimensionless") else str(unit)


def _unmasked(
    argument: str, values: np.ma.MaskedArray[Any, Any], error: MakeError
) -> tuple[NDArray[Any], str]:
    kind = values.dtype.kind
    mask = np.ma.getmaskarray(values)
    if mask.dtype.names:
        if any(mask.tobytes()):
            hint = "; pass its fields one by one"
            raise fail(argument, "values of one type", "masked fields", hint=hint, error=error)
        return np.asarray(values.data), kind
    if not mask.any():
        return np.asarray(values.data), kind
    if kind in "biuf":
        out = values.data.astype(values.dtype if kind == "f" else np.float64)
        out[mask] = np.nan
        return out, kind
    objects = values.data.astype(object)
    objects[mask] = None
    return objects, "O"


def _frame(frame: Any) -> tuple[NDArray[Any], str]:
    columns = [_column(frame.iloc[:, place]) for place in range(frame.shape[1])]
    if not columns:
        return np.empty(frame.shape), "f"
    kinds = {kind for _, kind in columns}
    # Booleans beside numbers are a mix, as they are in a list.
    kind = kinds.pop() if len(kinds) == 1 else ("f" if kinds <= set(_NUMBERS) else "O")
    arrays = [values for values, _ in columns]
    if kind == "O":
        arrays = [values.astype(object) for values in arrays]
    out = np.stack(arrays, axis=1)
    whole = (values for values in arrays if values.dtype.kind in "iu")
    if out.dtype.kind == "f" and not all(_same_in(values, out.dtype) for values in whole):
        return np.stack([values.astype(object) for values in arrays], axis=1), "O"
    return out, kind


def _column(series: Any) -> tuple[NDArray[Any], str]:
    """Return a column of pandas; its nullable types have no counterpart in numpy."""
    target = getattr(series.dtype, "numpy_dtype", series.dtype)
    kind = getattr(target, "kind", "O")
    if isinstance(series.dtype, np.dtype):
        raw = series.to_numpy()
        return _objects(raw) if raw.dtype == object else (raw, raw.dtype.kind)
    if kind not in "biuf" or not hasattr(series.dtype, "numpy_dtype"):
        raw = np.asarray(series.astype(object) if kind == "O" else series)
        return _objects(raw) if raw.dtype == object else (raw, raw.dtype.kind)
    if not series.isna().any():
        return series.to_numpy(dtype=target), kind
    if kind in "iu":
        present = series.dropna().to_numpy(dtype=target)
        if not _same_in(present, np.dtype(np.float64)):
            return series.to_numpy(dtype=object), "O"
    floats = target if kind == "f" else np.float64
    return series.to_numpy(dtype=floats, na_value=np.nan), kind


def _objects(raw: NDArray[Any]) -> tuple[NDArray[Any], str]:
    """Return Python objects as numbers if they are, with NaN for None and pandas' NA."""
    flat = raw.ravel()
    absent = np.fromiter((_is_missing(one) for one in flat), dtype=bool, count=flat.size)
    present = flat[~absent]
    booleans = [isinstance(one, (bool, np.bool_)) for one in present]
    if not present.size:
        kind = "f"
    elif all(booleans):
        kind = "b"
    elif not any(booleans) and all(_is_number(one) for one in present):
        present = _numbers(present)
        kind = present.dtype.kind
    else:
        kind = "O"
    if kind not in "biuf":
        return _without_nan(flat, absent).reshape(raw.shape), kind
    if present.size and not absent.any():
        return (present.astype(bool) if kind == "b" else present).reshape(raw.shape), kind
    if kind in "iu" and not _same_in(present, np.dtype(np.float64)):
        return raw, "O"
    numbers_in_place = np.full(flat.size, np.nan)
    numbers_in_place[~absent] = present.astype(np.float64)
    return numbers_in_place.reshape(raw.shape), kind


def _without_nan(flat: NDArray[Any], absent: NDArray[np.bool_]) -> NDArray[Any]:
    """Return objects with None for what is missing.

    Categories of text have NaN where pandas' other texts have NA.
    """
    nan = np.fromiter(
        (isinstance(one, float) and one != one for one in flat), dtype=bool, count=flat.size
    )
    out = flat.copy()
    out[absent | nan] = None
    return out


def _numbers(objects: NDArray[Any]) -> NDArray[Any]:
    """Return numbers in one of numpy's types if it holds all integers of them, or as objects."""
    found = _from_numpy(list(objects))
    if found.dtype != object:
        return found
    try:  # integers beyond 64 bits, fractions
        floats = objects.astype(np.float64)
    except (OverflowError, ValueError):  # a signalling NaN of the decimals
        return objects
    return floats if _same_numbers(floats, list(objects)) else objects


def _is_missing(value: object) -> bool:
    return value is None or value is np.ma.masked or type(value).__name__ in ("NAType", "NaTType")


def _is_number(value: object) -> bool:
    # np.timedelta64 is an integer to numpy, and a complex number has no order.
    return isinstance(value, (numbers.Real, Decimal)) and not isinstance(value, np.timedelta64)


def holds_booleans(values: Any) -> bool:
    if isinstance(values, (list, tuple)):
        return any(holds_booleans(one) for one in values)
    return isinstance(values, (bool, np.bool_))


def _dtype(raw: NDArray[Any], kind: str) -> str:
    if kind == "b":
        return "bool"
    return "object (of mixed types)" if kind == "O" and raw.dtype != object else str(raw.dtype)


def _check_finite(
    argument: str, raw: NDArray[Any], *, finite: bool, missing: bool, error: MakeError
) -> None:
    if not finite or raw.dtype.kind != "f":
        return
    bad = np.isinf(raw) if missing else ~np.isfinite(raw)
    if bad.any():
        where = np.unravel_index(int(bad.argmax()), bad.shape)
        place = ", ".join(str(int(i)) for i in where)
        got = f"{raw[where]} at [{place}]"
        if (many := int(bad.sum())) > 1:
            got += f" and {many - 1} more"
        raise fail(argument, "finite values", got, error=error)


def _check_fits(argument: str, raw: NDArray[Any], target: Any, error: MakeError) -> None:
    """Refuse what would become another number in the target's type."""
    if target.kind in "iu" and raw.size and raw.dtype.kind != "b":
        whole = raw.dtype.kind != "f" or bool((np.isfinite(raw) & (raw == np.trunc(raw))).all())
        if not whole:
            got = f"values of dtype {raw.dtype} with fractions, infinity or NaN"
            raise fail(argument, "whole numbers", got, error=error)
        limits, low, high = np.iinfo(target), raw.min(), raw.max()
        # Compared as Python's integers: int64's largest number has no float of its own.
        if int(low) < int(limits.min) or int(high) > int(limits.max):
            raise fail(argument, f"values that fit {target}", f"{low} to {high}", error=error)
    if raw.dtype.kind in "iu" and target.kind == "f" and not _same_in(raw, target):
        raise fail(argument, f"integers that {target} can hold", "larger ones", error=error)
    if raw.dtype.kind == "f" and target.kind == "f" and target.itemsize < raw.dtype.itemsize:
        with np.errstate(over="ignore"):
            large = np.isinf(raw.astype(target)) & np.isfinite(raw)
        if large.any():
            got = raw[np.unravel_index(int(large.argmax()), large.shape)]
            raise fail(argument, f"values that fit {target}", f"{got:g}", error=error)


def _same_in(integers: NDArray[Any], target: np.dtype[Any]) -> bool:
    """Return whether a type of floats holds these integers as they are."""
    with np.errstate(invalid="ignore", over="ignore"):
        rounded = integers.astype(target)
        # int64's largest number rounds up to 2**63, which cannot come back as an int64.
        inside = rounded < float(np.iinfo(integers.dtype).max) + 1
        return bool(inside.all() and np.array_equal(rounded.astype(integers.dtype), integers))
