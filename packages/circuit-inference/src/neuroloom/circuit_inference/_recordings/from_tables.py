"""From a table of samples, wide or long, to a `Signal`."""

from __future__ import annotations

import re
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

# What times are called, with or without a unit: time, t_ms, Timestamps, Time (s), seconds.
_TIMES = re.compile(
    r"(time|times|timestamps?|t|secs?|seconds?|milliseconds?)([\s_]*[(\[]?(ms|s|secs?|seconds?)[)\]]?)?"
)
_IN_MS = re.compile(r".*(?<![a-z])ms\W*|milliseconds?")
_IN_S = re.compile(r".*((?<![a-z])s|(?<![a-z])secs?|seconds?)\W*")
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
    table = table.rename(columns=str)
    if isinstance(index := table.index.name, str) and _TIMES.fullmatch(index.strip().lower()):
        table = table.reset_index(drop=index in table.columns)
    elif table.index.dtype.kind in "mM":
        table = table.rename_axis("time").reset_index(drop="time" in table.columns)
    times = next((c for c in table.columns if _TIMES.fullmatch(c.strip().lower())), None)
    if layout is not None:
        times = str(layout[0])
    if isinstance(rate, str):
        times, rate = rate, None
        if times not in table.columns:
            raise unknown("rate", times, map(str, table.columns))
    start = 0.0
    if rate is None and times is None:
        raise ArgumentError(
            "rate: expected a number in Hz, or a column of times in seconds called time, t, "
            f"timestamps or seconds, got the columns {list(table.columns)}"
        )
    if times is not None:
        given = None if rate is None else positive("rate", rate, "of Hz")
        rate, start = _regular(table[times], str(times), given)
    else:
        _check_rows(table)
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
        even = [name for name in names if _rises_evenly(table[name].to_numpy())]
        if even:
            raise ArgumentError(
                f"channels: expected signals, got {even[0]!r}, which changes by the same step from "
                f"row to row as times do: say rate={even[0]!r} if it is, or name the channels"
            )
        counts = [name for name in names if _labels_rows(table[name])]
        if counts:
            raise ArgumentError(
                f"channels: expected signals, got {counts[0]!r}, whole numbers that change by the "
                "same step in most rows as those of trials, samples or conditions do: name the "
                f"channels, channels={[name for name in names if name not in counts]}"
            )
    else:
        names = [channels] if isinstance(channels, str) else [str(name) for name in channels]
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


def _rises_evenly(values: NDArray[Any]) -> bool:
    steps = np.diff(values.astype(np.float64))
    if len(steps) < 9 or not np.isfinite(steps).all() or steps[0] == 0:
        return False
    return bool(np.abs(steps - steps[0]).max() <= 1e-6 * abs(steps[0]))


def _labels_rows(column: pd.Series[Any]) -> bool:
    """Return whether a column counts or labels rows: whole numbers, most steps one and the same.

    So do trials and conditions (0) and the samples within them (1); signals, even those in whole
    steps of a converter, hardly ever. A silent channel of floats is a signal.
    """
    values = column.to_numpy(dtype=np.float64)
    values = values[np.isfinite(values)]
    if len(values) < 10 or (values != np.round(values)).any():
        return False
    steps, times = np.unique(np.diff(values), return_counts=True)
    silent = column.dtype.kind == "f" and len(steps) == 1
    return bool(times.max() > len(values) / 2 and not silent)


def _check_rows(table: pd.DataFrame) -> None:
    """Check that no row of a table without times was dropped or moved."""
    numbers = table.index.to_numpy()
    if numbers.dtype.kind in "iu" and not (np.diff(numbers) == 1).all():
        at = int(np.flatnonzero(np.diff(numbers) != 1)[0])
        raise ArgumentError(
            "source: expected rows that follow one another, as their numbers do not (row "
            f"{numbers[at + 1]} after {numbers[at]}): samples were dropped or moved; NaN in their "
            "places keeps the times, reset_index(drop=True) says that none are missing"
        )


def _regular(column: pd.Series[Any], name: str, given: float | None) -> tuple[float, float]:
    """Return rate and start of regular times, in seconds unless their name says ms.

    Dates have no start; of what is a time already, the name says nothing.
    """
    dated = column.dtype.kind in "mM"
    if dated:
        first = column.iloc[0] if column.dtype.kind == "M" else pd.Timedelta(0)
        column = (column - first).dt.total_seconds()
    times = np.asarray(column, dtype=np.float64)
    in_ms = not dated and bool(_IN_MS.fullmatch(name.lower()))
    rate, start = regular_times(name, times / 1e3 if in_ms else times, error=ArgumentError)
    if given is not None and abs(given / rate - 1) > 1e-3:
        raise ArgumentError(
            f"rate: expected the {rate:g} Hz of the column {name!r}, got {given:g} Hz"
        )
    known = dated or in_ms or _IN_S.fullmatch(name.lower())
    if rate < _SLOWEST_HZ and given is None and not known:
        warnings.warn(
            f"{name}: the times are taken for seconds, which makes {rate:g} Hz; if they are in "
            f"ms, call the column {name}_ms",
            stacklevel=4,
        )
    return rate, start
