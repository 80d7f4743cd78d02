"""Counts: on exact bin edges, over gaps, in own windows, beside whole-number arithmetic."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroloom.shared import DataError, Epochs, Signal, SpikeTrains, TimeSeries, Trials
from neuroloom.shared.data import Clock, Counts, PrecisionWarning

RATES = st.one_of(
    st.integers(1, 50_000).map(float),
    st.floats(1.0, 50_000.0),
    st.sampled_from([30.0, 1000.0, 24414.0625, 30000.0, 32552.083333, 50000.0]),
)
# How programs arrive at a time on a grid: none of these gives the same digits.
WAYS = ("quotient", "product", "start + quotient", "start + product")


def on_grid(way: str, first: int, steps: np.ndarray, rate: float) -> np.ndarray:
    """Return the times of steps, ``(first + steps) / rate`` s, in one way of computing them."""
    dt = 1 / rate
    if way == "quotient":
        return (first + steps) / rate
    if way == "product":
        return (first + steps) * dt
    return first * dt + (steps / rate if way == "start + quotient" else steps * dt)


def wrong_bins(
    rate: float, first: int, steps: Any, per_bin: int, n_bins: int, ways: tuple[str, str]
) -> int:
    """Return how many bins differ from whole-number arithmetic."""
    steps = np.sort(np.asarray(steps, dtype=np.int64))
    times = on_grid(ways[0], first, steps, rate)
    begin, end = on_grid(ways[1], first, np.array([0, per_bin * n_bins]), rate)
    # Rounding may put the first spike a digit before the first edge, the last one onto the end.
    begin = min(begin, *times[:1]) if len(times) else begin
    end = max(end, *np.nextafter(times[-1:], np.inf)) if len(times) else end
    spikes = SpikeTrains(times, np.zeros(len(times), int), 1, Epochs(begin, end))
    counts = spikes.counts(per_bin / rate)
    expected = np.bincount(steps // per_bin, minlength=n_bins)
    if len(counts) != n_bins:
        return n_bins
    seen = counts.observed[:, 0] == per_bin / rate
    return int(((counts.values[:, 0] != expected) | ~seen).sum())


@st.composite
def grids(draw: Any) -> tuple[Any, ...]:
    """Return a rate, a start up to eleven days from 0, spikes on samples, and bins of samples."""
    rate = draw(RATES)
    first = draw(st.one_of(st.just(0), st.integers(-(10**6), 10**6).map(lambda s: int(s * rate))))
    per_bin, n_bins = draw(st.integers(1, 200)), draw(st.integers(1, 40))
    steps = draw(st.lists(st.integers(0, per_bin * n_bins - 1), max_size=30))
    edges = draw(st.lists(st.integers(0, n_bins - 1), max_size=5))
    ways = draw(st.tuples(st.sampled_from(WAYS), st.sampled_from(WAYS)))
    return rate, first, [*steps, *(per_bin * e for e in edges)], per_bin, n_bins, ways


@pytest.mark.slow
@settings(max_examples=300)
@given(grids())
def test_spikes_on_a_grid_are_counted_as_whole_numbers(grid: tuple[Any, ...]) -> None:
    assert wrong_bins(*grid) == 0


@pytest.mark.slow
def test_no_bin_of_a_hundred_thousand_grids_is_wrong() -> None:
    rng = np.random.default_rng(20261128)
    wrong = 0
    for i in range(100_000):
        rate = float(rng.integers(1, 50_001)) if i % 2 else float(rng.uniform(1, 50_000))
        first = 0 if i % 5 == 0 else int(rng.uniform(-1e6, 1e6) * rate)
        per_bin, n_bins = (1 if i % 7 == 0 else int(rng.integers(1, 200))), int(rng.integers(1, 40))
        steps = rng.integers(0, per_bin * n_bins, int(rng.integers(0, 30)))
        steps = np.append(steps, per_bin * rng.integers(0, n_bins, 3))
        ways = (WAYS[i % 4], WAYS[(i // 4) % 4])
        wrong += wrong_bins(rate, first, steps, per_bin, n_bins, ways) > 0
    assert wrong == 0


@given(
    st.lists(st.integers(0, 999), min_size=1, max_size=20),
    st.lists(st.integers(0, 100), min_size=2, max_size=8, unique=True),
    st.sampled_from([0.01, 0.03, 0.07, 0.1, 0.25]),
)
def test_gaps_are_not_silence(steps: list[int], edges: list[int], width: float) -> None:
    edges = sorted(edges)[: len(edges) // 2 * 2]
    epochs = Epochs(np.array(edges[0::2]) / 100, np.array(edges[1::2]) / 100)
    times = np.unique(np.array(steps) / 1000 + 0.0005)  # between the edges of all bins
    times = times[epochs.contains(times)]
    counts = SpikeTrains(times, np.zeros(len(times), int), 1, epochs).counts(width, rest="keep")
    bins, begin = Fraction(width).limit_denominator(100), Fraction(edges[0], 100)
    for i, (count, seen) in enumerate(zip(counts.values[:, 0], counts.observed[:, 0], strict=True)):
        low, high = begin + i * bins, begin + (i + 1) * bins
        exact = sum(
            max(Fraction(0), min(high, Fraction(b, 100)) - max(low, Fraction(a, 100)))
            for a, b in zip(edges[0::2], edges[1::2], strict=True)
        )
        assert seen == pytest.approx(float(exact), abs=1e-12)
        assert (seen == 0) == (exact == 0)
        inside = ((times >= float(low)) & (times < float(high))).sum()
        assert np.isnan(count) if exact == 0 else count == inside


def test_a_bin_of_which_a_part_was_recorded_holds_that_parts_count_and_time() -> None:
    blanked = Epochs(np.arange(40) * 0.025 + 0.01, np.arange(40) * 0.025 + 0.025)
    train = np.arange(1, 200) * 0.005 + 0.001
    train = train[blanked.contains(train)]
    counts = SpikeTrains(train, np.zeros(len(train), int), 1, blanked).counts(0.1)
    # A train of 200 Hz of which 15 of every 25 ms were seen; the last bin is cut short.
    assert counts.rates_hz[:-1, 0] == pytest.approx(200.0)
    assert counts.observed[:-1, 0] == pytest.approx(0.06)


@given(RATES, st.integers(0, 10**5), st.integers(1, 50), st.sampled_from(WAYS))
def test_restricted_to_windows_on_the_grid_each_holds_its_own(
    rate: float, second: int, per_window: int, way: str
) -> None:
    first, steps = int(second * rate), np.arange(4 * per_window)
    times = first / rate + steps / rate
    end = times[-1] + 0.5 / rate
    spikes = SpikeTrains(times, np.zeros(len(times), int), 1, Epochs(times[0], end))
    edges = on_grid(way, first, per_window * np.arange(5), rate)
    for begin, stop in itertools.pairwise(edges):
        window = Epochs(begin, stop)
        assert len(spikes.restrict(window)) == per_window
        assert spikes.counts_in(window).values.tolist() == [[per_window]]
        around = spikes.align([begin], (0.0, per_window / rate))
        assert len(around.to_lists()[0][0]) == per_window


class TestRest:
    spikes = SpikeTrains([0.5, 2.5], [0, 0], 1, Epochs(0, 3))

    def test_is_marked(self) -> None:
        counts = self.spikes.counts(2.0)
        np.testing.assert_array_equal(counts.values[:, 0], [1, np.nan])
        assert counts.observed[:, 0].tolist() == [2.0, 1.0]
        assert counts.times.tolist() == [1.0, 3.0]

    def test_is_kept_or_dropped_on_demand(self) -> None:
        assert self.spikes.counts(2.0, rest="keep").values[:, 0].tolist() == [1, 1]
        assert self.spikes.counts(2.0, rest="drop").values[:, 0].tolist() == [1]
        with pytest.raises(DataError, match=r"rest: expected .*, got 'fill'"):
            self.spikes.counts(2.0, rest="fill")  # type: ignore[arg-type]

    def test_stays_where_nobody_knows_that_the_recording_ended(self) -> None:
        rng = np.random.default_rng(1)
        for _ in range(50):
            times = np.sort(rng.uniform(0, 10, 20))
            assert SpikeTrains(times, np.zeros(20, int)).counts(0.1).values.sum() == 20

    def test_a_spike_on_a_closed_end_opens_a_bin(self) -> None:
        closed = Epochs(0.0, np.nextafter(1.0, 2))
        counts = SpikeTrains([0.2, 1.0], [0, 0], 1, closed).counts(0.5)
        assert counts.values[:, 0].tolist() == [1, 0, 1]


def test_a_width_beyond_memory_is_refused_with_the_remedy() -> None:
    spikes = SpikeTrains([1.0, 1e9], [0, 0], 1, Epochs([0, 1e9 - 1], [2, 1e9 + 1]))
    with pytest.raises(DataError, match=r"bin_width: .*GB.*one epoch at a time"):
        spikes.counts(1e-3)


def test_edges_that_the_times_cannot_tell_apart_are_refused() -> None:
    spikes = SpikeTrains([1e9], [0], 1, Epochs(1e9, 1e9 + 1))
    with pytest.raises(DataError, match=r"times: expected times that tell steps"):
        spikes.counts(1e-7)


class TestWindows:
    @given(
        st.lists(st.integers(0, 999), max_size=30),
        st.lists(st.tuples(st.integers(0, 900), st.integers(1, 200)), max_size=6),
    )
    def test_agree_with_counting_one_by_one(self, steps: list[int], windows: list[Any]) -> None:
        steps = sorted(steps)
        times = np.array(steps) * 0.001
        spikes = SpikeTrains(times, np.zeros(len(steps), int), 1, Epochs(0.0, 1.0))
        start = np.array([a for a, _ in windows]) / 1000
        stop = np.array([(a + n) for a, n in windows]) / 1000
        counts = spikes.counts_in((start, stop))
        for i, (a, n) in enumerate(windows):
            assert counts.values[i, 0] == sum(a <= k < a + n for k in steps)
            assert counts.observed[i, 0] == pytest.approx(min(a + n, 1000) / 1000 - a / 1000)

    def test_of_epochs_of_ones_own_edges_and_of_missing_trials(self) -> None:
        spikes = SpikeTrains([0.1, 0.2, 0.7], [0, 1, 0], 2, Epochs(0.0, 1.0), ["a", "b"])
        by_epoch = spikes.counts_in(Epochs([0.0, 0.5], [0.5, 1.5]))
        assert by_epoch.values.tolist() == [[1, 1], [1, 0]]
        assert by_epoch.observed.tolist() == [[0.5, 0.5], [0.5, 0.5]]
        assert by_epoch.names == ("a", "b")
        assert by_epoch.rates_hz.tolist() == [[2, 2], [2, 0]]
        by_edge = spikes.counts(edges=[0.0, 0.15, 1.0, 2.0])
        np.testing.assert_array_equal(by_edge.values, [[1, 0], [1, 1], [np.nan, np.nan]])
        missing = spikes.counts_in(([0.0, np.nan], [1.0, 2.0]))
        np.testing.assert_array_equal(missing.values, [[2, 1], [np.nan, np.nan]])
        assert list(by_epoch.to_frame().columns) == ["start", "stop", "a", "b"]

    def test_refused(self) -> None:
        spikes = SpikeTrains([0.1], [0], 1, Epochs(0.0, 1.0))
        with pytest.raises(DataError, match=r"epochs: expected stop > start"):
            spikes.counts_in(([1.0], [1.0]))
        with pytest.raises(DataError, match=r"edges: expected two or more edges that increase"):
            spikes.counts(edges=[1.0, 0.5])
        with pytest.raises(DataError, match=r"bin_width, edges: expected one of the two"):
            spikes.counts()  # type: ignore[call-overload]
        with pytest.raises(DataError, match=r"observed: expected shape"):
            Counts([[1.0]], [0.0], [1.0], [[1.0, 2.0]])


def test_units_observed_at_different_times_are_counted_in_their_own() -> None:
    seen = [Epochs(0, 1), Epochs(1, 2), Epochs([], [])]
    spikes = SpikeTrains([0.5, 1.5], [0, 1], 3, Epochs(0, 2), observed=seen)
    np.testing.assert_array_equal(spikes.rates_hz, [1, 1, np.nan])
    counts = spikes.counts(1.0)
    np.testing.assert_array_equal(counts.values, [[1, np.nan, np.nan], [np.nan, 1, np.nan]])
    assert spikes.restrict(Epochs(0.5, 1.5)).observed[0] == Epochs(0.5, 1.0)  # type: ignore[index]
    with pytest.raises(DataError, match=r"by: .*restrict to common time first"):
        spikes.pool()
    with pytest.raises(DataError, match=r"observed\[0\]: .*a spike at 0.5"):
        SpikeTrains([0.5], [0], 1, Epochs(0, 2), observed=[Epochs(1, 2)])
    assert SpikeTrains([0.5], [0], 1, Epochs(0, 2), observed=[Epochs(0, 2)]).observed is None


NARROW = np.float32([0.1, 0.3, 0.7, 1.3])
BORDERS: dict[str, Callable[[Any], Any]] = {
    "spikes": lambda t: SpikeTrains(t, [0] * len(t)),
    "lists of spikes": lambda t: SpikeTrains.from_lists([t]),
    "samples": lambda t: TimeSeries(None, t),
    "epochs": lambda t: Epochs(t[:-1], t[1:]),
    "one epoch": lambda t: Epochs([0.0], t[2:3]),
    "contained": lambda t: Epochs(0.0, 1.0).contains(t),
    "events of spikes": lambda t: SpikeTrains([0.5], [0]).align(t, (-0.1, 0.1)),
    "events of a signal": lambda t: Signal(np.zeros(9), 10.0).align(t, (-0.1, 0.1)),
    "edges": lambda t: SpikeTrains([0.5], [0]).counts(edges=t),
    "windows": lambda t: SpikeTrains([0.5], [0]).counts_in((t[:-1], t[1:])),
    "moments": lambda t: Signal([0.0, 1.0], 1.0).at(t),
    "moments of samples": lambda t: TimeSeries([0.0, 1.0], [0.0, 1.0]).at(t),
    "trials": lambda t: Trials(
        {"start": tuple(t)[:1] if isinstance(t, list) else t[:1], "stop": [2.0]}
    ).epochs(),
    "pulses": lambda t: Clock.from_pulses(t, [0.1, 0.3, 0.7, 1.3]),
    "another clock": lambda t: Clock().times(t),
}


class TestNarrowTimes:
    """float32 cannot say on which side of an edge a time lies: told, at every border."""

    @pytest.mark.parametrize("border", BORDERS)
    @pytest.mark.parametrize(
        "form", [np.asarray, list, pd.Series, lambda t: pd.array(t, "Float32")]
    )
    def test_told(self, border: str, form: Callable[[Any], Any]) -> None:
        with pytest.warns(
            PrecisionWarning, match=r"float64, got float32, .* by up to \de-0"
        ) as told:
            BORDERS[border](form(NARROW))
        assert all(one.filename == __file__ for one in told)

    @pytest.mark.parametrize("border", BORDERS)
    def test_not_told_where_nothing_is_lost(self, border: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            BORDERS[border](NARROW.round(1).astype(np.float64))
            if border != "pulses":
                BORDERS[border](np.float32([0.25, 0.5, 1.0, 2.0]))

    @given(RATES, st.integers(0, 2**20), st.lists(st.integers(0, 500), min_size=1, max_size=30))
    @settings(max_examples=100)
    def test_what_the_warning_says_makes_counts_right(
        self, rate: float, first: int, steps: list[int]
    ) -> None:
        """Where float32 tells the samples apart, its numbers lead back to the grid."""
        narrow = ((first + np.sort(steps)) / rate).astype(np.float32)
        back = np.round(narrow.astype(float) * rate) / rate
        begin = first / rate
        spikes = SpikeTrains(back, [0] * len(back), epochs=Epochs(begin, (first + 501) / rate))
        found = spikes.counts(1 / rate, rest="keep").values[:, 0]
        expected = np.bincount(np.sort(steps), minlength=501)
        np.testing.assert_array_equal(found[:501], expected)
