"""What tables and files say of times: the unit in a name, and the times that an index holds.

One rule for converters and constructors. An index holds times where its name says so (``time``,
``timestamps``, ``t (ms)``), where pandas keeps it as dates or as lengths of time, and where it has
no name and holds numbers with fractions; whole numbers without a name number rows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared.checks import fail
from neuroloom.shared.checks._indices import check_rows
from neuroloom.shared.checks._times import lie_on, same_times

if TYPE_CHECKING:
    import pandas as pd

# What files and libraries write for the units of times.
_SECONDS = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3,
    "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6,
    "ns": 1e-9, "nanosecond": 1e-9, "nanoseconds": 1e-9,
    "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
}  # fmt: skip
_WORDS = {"time", "times", "timestamp", "timestamps", "t", *_SECONDS}
_ALSO_OTHERS = ("min", "h")  # t_min is the first time rather than one in minutes


def in_seconds(argument: str, times: Any, unit: object) -> NDArray[Any]:
    """Return times of a unit in seconds.

    Raises
    ------
    DataError
        If the unit is not one of time, or the times are dates.
    """
    when = np.asarray(times)
    if when.dtype.kind == "m":
        return when / np.timedelta64(1, "ns") * 1e-9
    if when.dtype.kind == "M":
        raise fail(argument, "seconds", "dates; subtract the date of your time 0 first")
    if unit is None or unit == "":
        return when
    if str(unit) not in _SECONDS:
        raise fail(argument, f"one of the units {', '.join(_SECONDS)}", repr(unit))
    factor = _SECONDS[str(unit)]
    # Division keeps whole milliseconds the nearest number of seconds, a product does not.
    return when if factor == 1 else when / (1 / factor) if factor < 1 else when * factor


def unit_told(name: object) -> str:
    """Return the unit of time, other than seconds, with which a name ends: ``time_ms``."""
    last = (_words(name) or [""])[-1]
    return last if _SECONDS.get(last, 1.0) != 1.0 else ""


def _words(name: object) -> list[str]:
    """Return the words of a name in lower case: ``timeMs``, ``time_ms`` and ``time (ms)``."""
    found = re.findall(r"[A-Z]?[a-zµμ]+|[A-Z]+", name) if isinstance(name, str) else []
    return [word.lower() for word in found]


def told_in_seconds(argument: str, times: Any) -> None:
    """Refuse times whose name or attributes say another unit than seconds."""
    name = getattr(times, "name", None)
    attrs = getattr(times, "attrs", None)
    said = attrs.get("units", attrs.get("unit")) if isinstance(attrs, dict) else None
    unit = str(said) if isinstance(said, str) else unit_told(name)
    if (isinstance(said, str) and _SECONDS.get(unit) == 1.0) or unit in ("", *_ALSO_OTHERS):
        return
    hint = "; bring them into seconds, or pass .to_numpy() if they are in seconds"
    got = f"{name!r} in {unit}" if name is not None else f"times in {unit}"
    raise fail(argument, "times in seconds", got, hint=hint)


def says_times(name: object) -> bool:
    """Return whether a name is that of times."""
    return any(word in _WORDS for word in _words(name))


def seconds_of(argument: str, index: pd.Index) -> NDArray[Any]:
    """Return an index of times in seconds; one whose name says another unit is refused."""
    if index.dtype.kind != "m" and unit_told(index.name):
        hint = "; bring it into seconds and name it 'time'"
        raise fail(argument, "times in seconds", f"{index.name!r}", hint=hint)
    return in_seconds(argument, index.to_numpy(), None)


def index_times(argument: str, index: pd.Index) -> NDArray[Any] | None:
    """Return the times that an index holds, in seconds; of dates those since the first.

    None where it holds no times.

    Raises
    ------
    DataError
        If its name says another unit than seconds.
    """
    if index.nlevels > 1:
        levels = [x for x in index.names if says_times(x)]
        return index_times(argument, index.get_level_values(levels[0])) if levels else None
    if hasattr(index, "to_timestamp"):  # of periods
        index = index.to_timestamp()
    kind = index.dtype.kind
    if kind == "M":
        return np.asarray((index - index[0]).total_seconds()) if len(index) else None
    told = says_times(index.name) or (index.name is None and kind == "f")
    if kind != "m" and not (kind in "iuf" and told):
        return None
    return seconds_of(argument, index)


def check_samples(argument: str, values: Any, rate: float, start: float) -> None:
    """Refuse a table whose index holds other times than those of samples at a rate.

    One that holds no times must number the rows: where some were dropped or moved, samples that
    follow one another are no longer a step apart.
    """
    found = _times_of_rows(argument, values)
    if found is None:
        check_rows(argument, values)
        return
    times, absolute = found
    if not lie_on(times, rate, start if absolute else 0.0):
        expected = f"rows at {rate:g} Hz" + f" from {start:.9g} s on" * absolute
        raise _others(argument, expected, times)


def check_times(argument: str, values: Any, times: NDArray[np.float64]) -> None:
    """Refuse a table whose index holds other times than those of its rows."""
    found = _times_of_rows(argument, values)
    if found is None or len(found[0]) != len(times):
        return
    held, absolute = found
    if not same_times(held, times if absolute or not len(times) else times - times[0]):
        raise _others(argument, f"rows at the times given, {_written(times)}", held)


def _others(argument: str, expected: str, times: NDArray[Any]) -> Exception:
    hint = (
        "; give the rate, start or times of the index (from_frame does so), "
        "or pass .to_numpy() if the index does not count"
    )
    return fail(argument, expected, f"an index of {_written(times)}", hint=hint)


def _written(times: Sequence[Any] | NDArray[Any]) -> str:
    shown = [f"{x:.9g}" for x in times[:2]]
    return f"[{', '.join([*shown, f'… {times[-1]:.9g}'] if len(times) > 2 else shown)}] s"


def _times_of_rows(argument: str, values: Any) -> tuple[NDArray[Any], bool] | None:
    """Return the times in the index of a table's rows, and whether they count from time 0."""
    pd: Any = sys.modules.get("pandas")  # nobody has its objects who did not import it
    if pd is None:
        return None
    if isinstance(values, (pd.Series, pd.DataFrame)):
        if isinstance(values, pd.DataFrame) and says_times(values.columns.name):
            raise fail(argument, "a row per time", "times as columns", hint="; pass table.T")
        times = index_times(f"{argument}.index", values.index)
        index = values.index
    elif (found := _dimension(argument, values)) is not None:
        index, times = found
    else:
        return None
    dates = index.dtype.kind == "M" or hasattr(index, "to_timestamp")
    return None if times is None else (times, not dates)


def _dimension(argument: str, values: Any) -> tuple[Any, NDArray[Any] | None] | None:
    """Return the index of the rows of a DataArray, and the times in it."""
    dims: Any = getattr(values, "dims", ())
    indexes: Any = getattr(values, "indexes", None)
    if not isinstance(dims, tuple) or not dims or not hasattr(indexes, "get"):
        return None
    late = [name for name in dims[1:] if says_times(name)]
    if late:
        hint = f"; transpose({late[0]!r}, ...) it"
        raise fail(argument, "a row per time", f"dimensions {dims}", hint=hint)
    if (index := indexes.get(dims[0])) is None:
        return None
    if index.dtype.kind in "iuf" and says_times(dims[0]):
        unit = values[dims[0]].attrs.get("units")
        if unit is not None:
            return index, in_seconds(f"{argument}.{dims[0]}", index.to_numpy(), unit)
    return index, index_times(f"{argument}.{dims[0]}", index)
