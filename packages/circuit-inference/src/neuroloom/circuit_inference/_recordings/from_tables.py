"""From a table of samples, wide or long, to a `Signal`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference._recordings.from_arrays import as_signal
from neuroloom.circuit_inference.errors import ArgumentError, unknown
from neuroloom.shared import Signal
from neuroloom.shared.checks import regular_times

_TIME_NAMES = ("time", "times", "t", "timestamp", "time_s", "seconds", "time_ms", "t_ms")
_INDEX_NAMES = ("unnamed: 0", "index", "sample", "samples", "")
_SLOWEST_HZ = 10.0  # field potentials are sampled faster: a slower rate is told


def from_table(
    table: pd.DataFrame,
    rate: float | str | None,
    channels: Iterable[str] | str | None,
    layout: tuple[str, str, str] | None,
) -> Signal:
    """Return the columns of a table as a signal."""
    if layout is not None:
        table = _wide(table, layout)
    times = next((c for c in table.columns if str(c).lower() in _TIME_NAMES), None)
    if layout is not None:
        times = str(layout[0])
    if isinstance(rate, str):
        times, rate = rate, None
        if times not in table.columns:
            raise unknown("rate", times, map(str, table.columns))
    start = 0.0
    if rate is None and times is None:
        raise ArgumentError(
            f"rate: expected a number in Hz or a column of times in seconds, one of "
            f"{_TIME_NAMES}, got the columns {list(table.columns)}"
        )
    if times is not None:
        given = None if rate is None else positive("rate", rate, "of Hz")
        rate, start = _regular(np.asarray(table[times], dtype=np.float64), str(times), given)
    names = _columns_of(table, channels, times)
    values = table[names].to_numpy(dtype=np.float64)
    return as_signal(values, positive("rate", rate, "of Hz"), names, start)


def _wide(table: pd.DataFrame, layout: tuple[str, str, str]) -> pd.DataFrame:
    """Return a long table with one column per channel."""
    for name in layout:
        if name not in table.columns:
            raise unknown("layout", name, map(str, table.columns))
    time, channel, value = layout
    if table.duplicated([time, channel]).any():
        raise ArgumentError("layout: expected one value for each time and channel, got several")
    table = table.pivot(index=time, columns=channel, values=value).reset_index()
    table.columns = pd.Index([str(name) for name in table.columns])
    return table


def _columns_of(table: pd.DataFrame, channels: Iterable[str] | str | None, times: Any) -> list[str]:
    if channels is None:
        numeric = table.select_dtypes("number").columns
        names = [str(c) for c in numeric if c != times and not _counts_rows(table, c)]
    else:
        names = [channels] if isinstance(channels, str) else list(channels)
        for name in names:
            if name not in table.columns:
                raise unknown("channels", name, map(str, table.columns))
    if not names:
        raise ArgumentError(
            f"channels: expected columns of numbers, got {dict(table.dtypes.astype(str))}"
        )
    return names


def _counts_rows(table: pd.DataFrame, column: Any) -> bool:
    """Return whether a column is the number of the row, as programs write it first."""
    if str(column).strip().lower() not in _INDEX_NAMES:
        return False
    values = table[column].to_numpy()
    return bool(values.dtype.kind in "iu" and (np.diff(values) == 1).all() and values[0] in (0, 1))


def _regular(times: NDArray[np.float64], name: str, given: float | None) -> tuple[float, float]:
    """Return rate and start of regular times, in seconds unless their name says ms."""
    in_ms = name.lower().endswith("_ms")
    rate, start = regular_times(name, times / 1e3 if in_ms else times, error=ArgumentError)
    if given is not None and abs(given / rate - 1) > 1e-3:
        raise ArgumentError(
            f"rate: expected the {rate:g} Hz of the column {name!r}, got {given:g} Hz"
        )
    if rate < _SLOWEST_HZ and given is None and not name.lower().endswith(("_s", "_ms", "seconds")):
        warnings.warn(
            f"{name}: the times are taken for seconds, which makes {rate:g} Hz; if they are in "
            f"ms, call the column {name}_ms",
            stacklevel=4,
        )
    return rate, start
