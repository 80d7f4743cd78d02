"""Times that a table's index or name says, against those given beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroloom.shared import DataError, Epochs, Signal, SpikeTrains, TimeSeries, Trials, checks
from neuroloom.shared.convert import from_frame

N = 40
TIMES = np.arange(N) / 1000
VALUES = np.arange(2.0 * N).reshape(N, 2)
DATES = pd.Timestamp("2020-01-01") + pd.to_timedelta(TIMES, unit="s")


def table(index: Any, name: str | None = "time") -> pd.DataFrame:
    return pd.DataFrame(VALUES, pd.Index(index, name=name), ["a", "b"])


INDEXES = {
    "seconds": table(TIMES),
    "without a name": table(TIMES, None),
    "written to a millisecond": table(TIMES.round(3), "t (s)"),
    "lengths of time": table(pd.to_timedelta(TIMES, unit="s"), None),
    "dates": table(DATES, None),
    "periods": table(pd.period_range("2020-01-01", periods=N, freq="ms"), None),
}


@pytest.mark.parametrize("name", INDEXES)
def test_an_index_of_the_same_times_is_taken_and_one_of_others_refused(name: str) -> None:
    frame = INDEXES[name]
    assert Signal(frame, 1000.0) == Signal(VALUES, 1000.0, channels=["a", "b"])
    assert len(TimeSeries(frame, TIMES)) == N
    assert len(SpikeTrains(TIMES, frame["a"].astype(int))) == N
    with pytest.raises(DataError, match=r"values: expected rows at 500 Hz.* got an index of \[0"):
        Signal(frame, 500.0)
    with pytest.raises(DataError, match=r"observed: expected rows at 500 Hz"):
        Signal(VALUES, 500.0, observed=frame)
    with pytest.raises(DataError, match=r"values: expected rows at the times given"):
        TimeSeries(frame, 2 * TIMES)
    with pytest.raises(DataError, match=r"units: expected rows at the times given"):
        SpikeTrains(2 * TIMES, frame["a"].astype(int))


def test_a_start_that_an_index_contradicts_is_refused() -> None:
    late = table(TIMES + 10)
    assert Signal(late, 1000.0, start=10.0).start == 10
    assert from_frame(late, Signal).start == 10
    with pytest.raises(DataError, match=r"from 0 s on, got an index of \[10, .*from_frame"):
        Signal(late, 1000.0)
    gap = table(np.r_[TIMES[:9], TIMES[9:] + 1])
    with pytest.raises(DataError, match="rows at 1000 Hz"):
        Signal(gap, 1000.0)
    sessions = pd.MultiIndex.from_arrays([[0] * N, TIMES + 10], names=["session", "time"])
    with pytest.raises(DataError, match="rows at 1000 Hz"):
        Signal(table(TIMES).set_axis(sessions), 1000.0)


@pytest.mark.parametrize("name", [None, "trial", "sample"])
def test_row_numbers_are_no_times(name: str | None) -> None:
    assert Signal(table(np.arange(N), name), 500.0).rate == 500
    assert len(TimeSeries(table(np.arange(N), name), TIMES)) == N


@given(st.floats(0.01, 5e4), st.floats(-1e6, 1e6), st.integers(1, 300))
def test_every_signals_own_times_are_its_index_and_no_others(
    rate: float, start: float, n: int
) -> None:
    known = Signal(np.zeros(n), rate, start)
    index = pd.Index(known.times, name="time")
    assert Signal(pd.Series(np.zeros(n), index), rate, start) == known
    beside = pd.Series(np.zeros(n), index + 0.5 / rate)
    with pytest.raises(DataError, match="rows at"):
        Signal(beside, rate, start)


@pytest.mark.parametrize("name", ["time_ms", "ms", "spikeTimesMs", "t (µs)"])
def test_a_column_in_another_unit_is_refused(name: str) -> None:
    ms = pd.Series([0.0, 1.0, 2.0], name=name)
    why = "expected times in seconds, got .*; bring them into seconds"
    for make in (
        lambda: SpikeTrains(ms, [0, 0, 0]),
        lambda: SpikeTrains.from_lists([ms]),
        lambda: TimeSeries(None, ms),
        lambda: TimeSeries(None, pd.Index(ms)),
        lambda: Epochs(ms, [0.5, 1.5, 2.5]),
        lambda: Signal(VALUES, 1000.0).at(ms),
        lambda: TimeSeries(VALUES, TIMES).at(ms),
        lambda: Signal(VALUES, 1000.0).align(ms, (0.0, 0.1)),
        lambda: Trials({name: ms}).epochs(name, window=(0.0, 0.1)),
    ):
        with pytest.raises(DataError, match=why):
            make()
    with pytest.raises(DataError, match=r"values\.index: expected times in seconds"):
        Signal(table(TIMES * 1000, name), 1000.0)
    assert len(Epochs(pd.Series([0.0], name="t_min"), pd.Series([1.0], name="t_max"))) == 1


def test_dimensions_of_xarray_say_what_an_index_does() -> None:
    xr = pytest.importorskip("xarray")
    coords = {"time": ("time", TIMES * 1000, {"units": "ms"}), "channel": ["a", "b"]}
    given = xr.DataArray(VALUES, coords, ("time", "channel"), attrs={"units": "uV"})
    assert Signal(given, 1000.0) == Signal(VALUES, 1000.0, channels=["a", "b"], unit="uV")
    with pytest.raises(DataError, match="values: expected rows at 500 Hz"):
        Signal(given, 500.0)
    with pytest.raises(DataError, match=r"a row per time, got dimensions .*transpose\('time'"):
        Signal(given.T, 1000.0)
    with pytest.raises(DataError, match="unit: expected 'uV', as the values say, got 'mV'"):
        Signal(given, 1000.0, unit="mV")
    with pytest.raises(DataError, match="times in seconds, got 'time' in ms"):
        TimeSeries(VALUES, given["time"])


def test_a_row_per_channel_is_refused() -> None:
    with pytest.raises(DataError, match=r"a row per time, got times as columns; pass table\.T"):
        Signal(table(TIMES).T, 1000.0)


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 5],
        [2, 1, 0],
        [10, 20, 30],
        [5, 6, 7],
        list("abc"),
        pd.MultiIndex.from_product([[0], range(3)]),
    ],
)
def test_an_index_that_does_not_number_the_rows_is_refused(labels: Any) -> None:
    column = pd.Series([1.0, 2.0, 3.0], index=labels)
    spikes = SpikeTrains([0.1], [0], n_units=3)
    uses: list[Callable[[Any], Any]] = [
        lambda x: Signal(x, 10.0).values.ravel().tolist(),
        lambda x: Signal(x if isinstance(x, np.ndarray) else x.to_frame("a"), 10.0).values.tolist(),
        lambda x: list(Epochs.from_states(x, rate=10.0)),
        lambda x: spikes.select(x > 1.5).n_units,
        lambda x: checks.indices("units", x > 1.5, 3).tolist(),
    ]
    for use in uses:
        with pytest.raises(DataError, match=r"in the order|numbered from 0, got .*to_numpy"):
            use(column)
        assert use(column.to_numpy()) == use(column.reset_index(drop=True))


def test_observed_seconds_in_another_order_than_values_are_refused() -> None:
    rows = pd.Series([0.0, 1.0, 2.0])
    with pytest.raises(DataError, match="observed: expected rows in the order"):
        Signal(rows, 1.0, observed=rows.iloc[::-1].to_frame("x"))


def test_a_mask_whose_index_holds_the_names_is_taken() -> None:
    mask = pd.Series([False, True, True], index=[12, 7, 31])
    spikes = SpikeTrains([0.1], [0], n_units=3, names=[12, 7, 31])
    assert spikes.select(mask).names == (7, 31)
    named = pd.Series([True, False], index=["a", "b"])
    assert checks.indices("units", named, 2, names=("a", "b")).tolist() == [0]
    # Of places the order is their own, and the index only says where they were found.
    assert checks.indices("units", pd.Series([2, 0], index=[5, 9]), 3).tolist() == [2, 0]
