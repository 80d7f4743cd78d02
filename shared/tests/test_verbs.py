"""The verbs of the data types: what they return, and that nothing is lost on the way."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_strategies import rich_recordings, rich_signals, rich_spike_trains, time_series

from neuroloom import shared
from neuroloom.shared import DataError, Epochs, Recording, Signal, SpikeTrains, TimeSeries, Trials
from neuroloom.shared.data import AlignedSignal, AlignedSpikes, Clock

UNITS = SpikeTrains.from_lists(
    [[0.1, 0.5, 1.2], [0.3], [], [1.9, 2.5]],
    Epochs([0.0, 2.0], [1.95, 3.0]),
    names=[12, 7, 31, -1],
    properties={"region": ["CA1", "CA3", None, "CA1"], "depth": [1.5, 2.0, 3.0, 4.0]},
    metadata={"probe": "A"},
)
RAMP = Signal(np.arange(10.0), 10.0, 1.0, ["x"], "mV", {"region": ["V1"]}, metadata={"a": 1})


def same_notes(before: Any, after: Any) -> bool:
    names = [x for x in ("names", "channels", "unit") if hasattr(before, x)]
    kept = before.properties.keys() == after.properties.keys()
    return kept and before.metadata == after.metadata and all(
        getattr(before, x) == getattr(after, x) for x in names
    )  # fmt: skip


def test_no_samples_are_around_an_event_of_a_signal_without_any() -> None:
    empty = Signal(np.zeros((0, 2)), 10.0, observed=np.zeros((0, 2)))
    found = empty.align([0.0, 3.0], (-0.1, 0.2))
    assert found.values.shape == (2, 3, 2)
    assert np.isnan(found.values).all()
    assert found.observed is not None
    assert not found.observed.any()


class TestNothingIsLost:
    @given(rich_spike_trains(), st.data())
    def test_spikes(self, spikes: SpikeTrains, data: Any) -> None:
        half = Epochs(spikes.epochs.start[0], spikes.epochs.stop[0])
        everything = np.ones(spikes.n_units, dtype=bool)
        assert spikes.restrict(spikes.epochs) == spikes
        assert spikes.select(everything) == spikes
        assert same_notes(spikes, spikes.restrict(half))
        assert same_notes(spikes, spikes.on_clock(Clock(1.0, 1e-5)))
        assert same_notes(spikes, spikes.counts_in(half))
        assert same_notes(spikes, spikes.align([0.0], (-1.0, 1.0)))
        order = data.draw(st.permutations(range(spikes.n_units)))
        mixed = spikes.select(order)
        for place, unit in enumerate(order):
            assert np.array_equal(mixed.of(place), spikes.of(unit))
            assert mixed.observed_by_unit()[place] == spikes.observed_by_unit()[unit]
            for name, values in spikes.properties.items():
                assert repr(mixed.properties[name][place]) == repr(values[unit])

    @given(rich_signals())
    def test_signals(self, signal: Signal) -> None:
        everything = Epochs(signal.start - 1, signal.start + signal.duration + 1)
        if len(signal):
            assert signal.restrict(everything) == [signal]
        assert signal.within(everything).values.shape == signal.values.shape
        assert signal.select(range(signal.n_channels)) == signal
        assert same_notes(signal, signal.on_clock(Clock(1.0)))
        assert same_notes(signal, signal.align([signal.start], (0, 2 / signal.rate)))

    @given(time_series())
    def test_time_series(self, series: TimeSeries) -> None:
        assert series.restrict(series.epochs) == series
        assert series.select(range(series.n_channels)) == series
        assert same_notes(series, series.on_clock(Clock(1.0, 1e-5)))

    @settings(max_examples=15)
    @given(rich_recordings())
    def test_recordings(self, recording: Recording) -> None:
        assert recording.select() == recording
        moved = recording.on_clock(Clock(100.0))
        assert moved.signals.keys() == recording.signals.keys()
        assert moved.metadata == recording.metadata
        assert len(repr(recording).splitlines()) < 20


WRONG: dict[str, tuple[Any, str]] = {
    "a clock": (lambda: Signal([0.0], 1.0).on_clock(3), "clock: expected a Clock, got int"),
    "a clock of trials": (lambda: Trials({}).on_clock(3), "clock: expected a Clock, got int"),
    "a clock of epochs": (lambda: Epochs(0, 1).on_clock(3), "clock: expected a Clock, got int"),
    "a window": (lambda: Signal([0.0], 1.0).restrict((0, 1)), "epochs: expected Epochs, got tuple"),
    "text": (lambda: Epochs(0, 1).contains("a"), "times: expected numbers"),
    "text on a clock": (lambda: Clock(1.0).times("a"), "times: expected numbers"),
    "a gap": (lambda: Epochs(0, 1).merged("x"), "max_gap: expected a finite number"),
    "names": (lambda: Recording().select(epochs=3), "epochs: expected names, got 3"),
    "trains by name": (lambda: SpikeTrains.from_lists({"a": [1.0]}), "trains: expected times"),
    "no trains": (lambda: SpikeTrains.from_lists(3), "trains: expected times of each unit"),
    "a name of a function": (lambda: shared.map("abs", [1]), "function: expected something that"),
    "a number of items": (lambda: shared.map(abs, 5), "items: expected several items, got 5"),
    "a field": (lambda: Epochs(0, 1).replace(strat=1), "changes: .* did you mean 'start'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_other_things_are_refused_in_own_words(case: str) -> None:
    call, message = WRONG[case]
    with pytest.raises(DataError, match=message):
        call()


class TestSelectAndPool:
    def test_units_by_place_mask_name_and_property(self) -> None:
        assert UNITS.select([2, 0]).names == (31, 12)
        assert UNITS.select(np.int64(1)).names == (7,)
        assert UNITS.select([True, False, False, True]).names == (12, -1)
        assert UNITS.select(names=[-1]).times.tolist() == [1.9, 2.5]
        assert UNITS.select(region="CA1").names == (12, -1)
        assert UNITS.select(region=["CA3", None]).names == (7, 31)
        assert UNITS.select(region="CA1", depth=lambda um: um > 2).names == (-1,)
        named = UNITS.replace(names=["a", "b", "c", "d"])
        assert named.select("b").names == ("b",)
        assert np.array_equal(named.of("d"), UNITS.of(3))

    @pytest.mark.parametrize(
        ("wanted", "message"),
        [
            ({"units": [-1]}, r"units: expected a unit from 0 on, got -1"),
            ({"units": [4]}, r"units: expected indices from 0 to 3, got 4"),
            ({"units": [0, 0]}, r"units: expected each place once"),
            ({"units": [True, False]}, r"units: expected a boolean mask with 4 entries"),
            ({"units": 1.0}, r"units: expected an integer"),
            ({"names": [8]}, r"names: .*8"),
            ({"quality": "good"}, r"properties: expected .*'depth', 'region'.*'quality'"),
        ],
    )
    def test_refused(self, wanted: dict[str, Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            UNITS.select(**wanted)

    def test_pools_hold_all_spikes_of_their_units(self) -> None:
        known = UNITS.select(region=["CA1", "CA3"])
        pooled = known.pool("region")
        assert pooled.names == ("CA1", "CA3")
        assert pooled.of("CA1").tolist() == [0.1, 0.5, 1.2, 1.9, 2.5]
        assert pooled.properties["n_units"].tolist() == [2, 1]
        assert pooled.properties["region"].tolist() == ["CA1", "CA3"]
        assert len(UNITS.pool()) == len(UNITS)
        some = UNITS.pool({"E": [0, 1], "I": [3]})
        assert [len(some.of(i)) for i in range(2)] == [4, 2]
        assert UNITS.pool([0, 1, 1, 0]).names == ("0", "1")
        with pytest.raises(DataError, match=r"by: expected a label for every unit, .* unit 2"):
            UNITS.pool("region")
        with pytest.raises(DataError, match=r"by: expected each unit in one pool"):
            UNITS.pool({"E": [0], "all": [0, 1]})

    def test_channels(self) -> None:
        regions = {"region": ["V1", "V2"]}
        two = Signal(np.eye(2), 1.0, channels=["a", "b"], properties=regions)
        assert two.select("b").values[:, 0].tolist() == [0, 1]
        assert two.select(region="V2") == two.channel("b")
        with pytest.raises(DataError, match=r"channels: expected at least one channel"):
            two.select(region=lambda name: name == "V4")

    def test_a_table_of_the_units(self) -> None:
        table = UNITS.unit_table()
        assert table["name"].tolist() == [12, 7, 31, -1]
        assert table["rate_hz"].tolist() == pytest.approx([3 / 2.95, 1 / 2.95, 0, 2 / 2.95])


class TestSignal:
    @pytest.mark.parametrize("method", ["linear", "nearest"])
    def test_values_are_those_of_the_same_samples_at_any_times(self, method: Any) -> None:
        signal = Signal(np.arange(5.0) ** 2, 2.0, 1.0)
        series = TimeSeries(signal.values, signal.times)
        when = np.arange(0.5, 4.0, 0.125)  # the middles between samples among them
        got = signal.at(when, method=method)
        np.testing.assert_array_equal(got, series.at(when, method=method))
        assert np.isnan(got[(when < 1) | (when > 3), 0]).all()
        if method == "nearest":
            assert signal.at([1.25, 1.75], method=method)[:, 0].tolist() == [1, 4]

    def test_at_reads_between_samples(self) -> None:
        times = [1.0, 1.05, 1.9, 1.95, 0.9, np.nan]
        line = [0, 0.5, 9, np.nan, np.nan, np.nan]
        np.testing.assert_allclose(RAMP.at(times)[:, 0], line)
        held = RAMP.at([1.19, 1.95, 2.0], method="previous")[:, 0]
        np.testing.assert_array_equal(held, [1, 9, np.nan])
        near = RAMP.at([1.04, 1.06, 1.9, 1.91, 0.96], method="nearest")[:, 0]
        np.testing.assert_array_equal(near, [0, 1, 9, np.nan, np.nan])
        lost = Signal([0.0, np.nan, 2.0], 1.0)
        np.testing.assert_array_equal(lost.at([0, 0.5, 1, 2])[:, 0], [0, np.nan, np.nan, 2])
        with pytest.raises(DataError, match=r"method: expected one of"):
            RAMP.at([1.0], method="cubic")  # type: ignore[arg-type]

    @given(st.integers(0, 10**6), st.integers(1, 300), st.sampled_from([500.0, 30000.0, 1250.0]))
    def test_windows_of_whole_samples_are_equal(self, first: int, n: int, rate: float) -> None:
        signal = Signal(np.zeros(2000), rate, first / 10)
        starts = first / 10 + np.array([7, 350, 777, 1100]) / rate
        pieces = signal.restrict(Epochs(starts, starts + n / rate))
        assert {len(piece) for piece in pieces} == {n}

    def test_resampling_keeps_what_is_slow_and_drops_what_is_fast(self) -> None:
        times = np.arange(4000) / 1000
        slow, fast = np.sin(2 * np.pi * 3 * times), np.sin(2 * np.pi * 180 * times)
        found = Signal(np.stack([slow, fast], axis=1), 1000.0, 5.0, unit="mV").resample(100.0)
        assert (found.rate, found.start, found.unit, len(found)) == (100.0, 5.0, "mV", 400)
        inner = slice(20, -20)  # the filter has ten zero crossings on either side
        expected = np.sin(2 * np.pi * 3 * (found.times - 5.0))
        np.testing.assert_allclose(found.values[inner, 0], expected[inner], atol=3e-3)
        assert np.abs(found.values[inner, 1]).max() < 3e-3  # 50 dB down
        for rate in (2500.0, 1000.0 * 5 / 3):  # the filter's centre on a sample, or beside one
            more = Signal(slow, 1000.0).resample(rate)
            expected = np.sin(2 * np.pi * 3 * more.times)
            np.testing.assert_allclose(more.values[50:-50, 0], expected[50:-50], atol=3e-3)

    def test_resampling_next_to_missing_samples_keeps_a_constant(self) -> None:
        values = np.full(200, 7.0)
        values[50:60] = np.nan
        found = Signal(values, 24414.0625).resample(12207.03125).values[:, 0]
        assert np.isnan(found).sum() == 5
        np.testing.assert_allclose(found[~np.isnan(found)], 7.0)

    def test_what_cannot_be_resampled(self) -> None:
        with pytest.raises(DataError, match=r"rate: .*ratio of whole numbers"):
            RAMP.resample(np.pi)
        with pytest.raises(DataError, match=r"rate: .*count spikes in other bins"):
            UNITS.counts(0.5).resample(1.0)

    def test_within_marks_what_lies_between(self) -> None:
        found = RAMP.within(Epochs([1.1, 1.6], [1.3, 1.8]))
        np.testing.assert_array_equal(found.values[:, 0], [1, 2, np.nan, np.nan, np.nan, 6, 7])
        assert found.start == pytest.approx(1.1)
        assert len(RAMP.within(Epochs(50, 60))) == 0


class TestAlign:
    def test_signals_have_rows_of_one_length(self) -> None:
        found = RAMP.align([1.5, 1.0, np.nan, 50.0], (-0.2, 0.2))
        assert isinstance(found, AlignedSignal)
        expected = [[3, 4, 5, 6], [np.nan, np.nan, 0, 1], [np.nan] * 4, [np.nan] * 4]
        np.testing.assert_array_equal(found.values[..., 0], expected)
        np.testing.assert_allclose(found.times, [-0.2, -0.1, 0.0, 0.1])
        np.testing.assert_allclose(found.mean()[:, 0], [3, 4, 2.5, 3.5])
        odd = Signal(np.zeros(100_000), 24414.0625).align(np.arange(1, 3, 0.0137), (-0.1, 0.2))
        assert odd.values.shape[1] == round(0.3 * 24414.0625)

    @pytest.mark.slow
    @given(st.lists(st.floats(-1, 4), max_size=5), st.sampled_from([0.1, 0.25, 0.5]))
    def test_spikes_agree_with_looking_one_by_one(self, events: list[float], width: float) -> None:
        found = UNITS.align(events, (-0.5, 0.5))
        assert isinstance(found, AlignedSpikes)
        lists, counts = found.to_lists(), found.counts(width)
        for row, event in enumerate(events):
            for unit in range(4):
                near = UNITS.of(unit) - event
                near = near[(near >= -0.5 - 1e-9) & (near < 0.5 - 1e-9)]
                np.testing.assert_allclose(lists[row][unit], near)
                low = event - 0.5 + width * np.arange(round(1 / width))
                bins = [Epochs(a, a + width) for a in low]
                inside = [UNITS.epochs.intersect(one).duration for one in bins]
                seen = counts.observed[row, :, unit]
                np.testing.assert_allclose(seen, inside, atol=2e-9)

    def test_rates_are_over_the_time_that_was_seen(self) -> None:
        spikes = SpikeTrains([0.5, 2.5], [0, 0], 1, Epochs([0.0, 2.0], [1.0, 3.0]))
        found = spikes.align([0.5, 1.5, 2.5], (-0.5, 0.5))  # the second was not recorded
        assert found.rates_hz(1.0).tolist() == [[1.0]]
        assert np.isnan(found.counts(1.0).values[1]).all()

    def test_time_series_and_trials_without_an_event(self) -> None:
        pupil = TimeSeries([1.0, 2, 3, 4], [0.0, 1, 2, 3], ["diameter"], "mm")
        first, missing = pupil.align([1.0, np.nan], (-0.5, 1.5))
        assert first.times.tolist() == [0.0, 1.0]
        assert first.unit == "mm"
        assert len(missing) == 0

    def test_refused(self) -> None:
        with pytest.raises(DataError, match=r"window: expected an end after its start"):
            UNITS.align([1.0], (0.5, -0.5))
        with pytest.raises(DataError, match=r"window: expected two times from the event"):
            UNITS.align([1.0], 0.5)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=r"window: expected at least one sample"):
            RAMP.align([1.0], (0, 0.001))


class TestTimeSeries:
    lost = TimeSeries([1.0, 2, np.nan, 4, 5], [0.0, 1, 2, 3, 10])

    def test_at_and_to_signal(self) -> None:
        np.testing.assert_allclose(
            self.lost.at([0.5, 1.5, 3, 6.5, 11])[:, 0], [1.5, np.nan, 4, 4.5, np.nan]
        )
        assert np.isnan(self.lost.at([6.5], max_gap=2.0)).all()
        assert self.lost.at([6.5], method="previous")[0, 0] == 4
        signal = self.lost.to_signal(1.0, max_gap=2.0)
        np.testing.assert_array_equal(signal.values[:, 0], [1, 2, np.nan, 4, *[np.nan] * 6, 5])

    def test_a_pause_of_the_recording_is_no_line(self) -> None:
        paused = TimeSeries([1.0, 2.0], [0.0, 9.0], epochs=Epochs([0, 8], [1, 10]))
        assert np.isnan(paused.at([4.0])).all()

    def test_events_have_no_values(self) -> None:
        licks = TimeSeries(None, [0.3, 0.41, 0.41, 0.55])
        assert (licks.n_channels, len(licks.restrict(Epochs(0.4, 0.5)))) == (0, 2)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([1.0], [0.0, 1.0]), r"values: expected one row per time \(2\), got 1"),
            (([1.0, 2.0], [1.0, 0.0]), r"times: expected sorted times"),
            (([np.inf], [0.0]), r"values: expected finite"),
            (([], []), r"epochs: expected epochs where there are no samples"),
            (([1.0], [5.0], (), "", Epochs(0, 1)), r"times: .*inside the epochs, got a sample"),
            (([1.0], [0.0], (), 3), r"unit: expected text"),
        ],
    )
    def test_refused(self, arguments: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            TimeSeries(*arguments)


SAMPLED = st.tuples(
    st.sampled_from([3, 10, 60, 1000, 30_000]),  # Hz
    st.sampled_from([0, -50, 12_345, 1_000_000]),  # the first sample, in steps from time 0
    st.integers(0, 2**32 - 1),
)


class TestBetweenSamples:
    """Times on and in the middle between samples, against whole numbers of half steps."""

    @given(SAMPLED)
    def test_of_two_samples_as_near_the_later_is_taken(self, grid: tuple[int, int, int]) -> None:
        rate, first, seed = grid
        rng = np.random.default_rng(seed)
        n, begin = int(rng.integers(2, 60)), int(rng.integers(-4, 3))
        ramp = Signal(np.arange(float(n)), float(rate), first / rate)
        step = rng.integers(-2, n + 2, 20)
        middle = (2 * (step + first) + 1) / (2 * rate)
        inside = (step >= 0) & (step < n - 1)
        want = np.where(inside, step + 1.0, np.nan)
        np.testing.assert_array_equal(ramp.at(middle, method="nearest")[:, 0], want)
        rows = ramp.align(middle, (begin / rate, (begin + 3) / rate)).values[..., 0]
        index = (step + 1 + begin)[:, None] + np.arange(3)
        np.testing.assert_array_equal(rows, np.where((index >= 0) & (index < n), index, np.nan))

    @given(SAMPLED)
    def test_counts_around_the_edges_of_bins_are_those_of_the_bins(
        self, grid: tuple[int, int, int]
    ) -> None:
        rate, first, seed = grid
        rng = np.random.default_rng(seed)
        n = 40
        step = np.sort(rng.integers(0, n, 200))
        recorded = Epochs(first / rate, (first + n) / rate)
        counts = SpikeTrains((step + first) / rate, np.zeros(200, int), 1, recorded).counts(
            1 / rate
        )
        event = rng.integers(3, n - 3, 10)
        rows = counts.align((event + first) / rate, (-2 / rate, 3 / rate)).values[..., 0]
        per_step = np.bincount(step, minlength=n)
        np.testing.assert_array_equal(rows, per_step[event[:, None] + np.arange(-2, 3)])

    @given(SAMPLED, st.sampled_from(["linear", "nearest", "previous"]), st.integers(0, 2))
    def test_irregular_samples_are_found_at_their_times(
        self, grid: tuple[int, int, int], method: Any, way: int
    ) -> None:
        rate, first, seed = grid
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 40))
        step = np.sort(rng.choice(3 * n, n, replace=False))
        gaps = np.diff(step) / rate  # three ways of writing the same times
        times = (
            (step + first) / rate,
            first / rate + step / rate,
            np.cumsum(np.r_[(first + step[0]) / rate, gaps]),
        )[way]
        series, widest = TimeSeries(np.arange(float(n)), times), int(rng.integers(1, 5))
        half = rng.integers(2 * step[0] - 4, 2 * step[-1] + 5, 30)
        found = series.at((half + 2 * first) / (2 * rate), method=method, max_gap=widest / rate)
        want = [_between(2 * step, h, method, 2 * widest) for h in half.tolist()]
        np.testing.assert_allclose(found[:, 0], want, atol=1e-4)
        held = series.to_signal(float(rate), method="previous").values[:, 0]
        every = np.arange(step[0], step[-1] + 1)
        np.testing.assert_array_equal(held, np.searchsorted(step, every, side="right") - 1)


def _between(places: Any, wanted: int, method: str, widest: int) -> float:
    """Return the number of the sample at a place in half steps, or between two samples."""
    if not places[0] <= wanted <= places[-1]:
        return np.nan
    after = next(i for i, place in enumerate(places) if place >= wanted)
    if places[after] == wanted:
        return after
    low, high = places[after - 1], places[after]
    if high - low > widest:
        return np.nan
    part = {"previous": 0.0, "nearest": float(high - wanted <= wanted - low)}
    return after - 1 + part.get(method, (wanted - low) / (high - low))


class TestEpochs:
    @given(st.lists(st.sampled_from([1, 2, -1, None]), max_size=12))
    def test_states_of_samples(self, states: list[int | None]) -> None:
        found = Epochs.from_states(np.array(states, dtype=object), rate=4.0)
        assert list(found) == [x for x in dict.fromkeys(states) if x is not None]
        middles = (np.arange(len(states)) + 0.5) / 4
        for state, where in found.items():
            assert where.contains(middles).tolist() == [x == state for x in states]
            assert len(where.gaps()) == max(len(where) - 1, 0)

    def test_states_of_trials(self) -> None:
        found = Epochs.from_states(
            ["a", "a", "b", np.nan], [0, 1, 5, 7], [0.9, 2, 6, 8], max_gap=0.2
        )
        assert found == {"a": Epochs(0, 2), "b": Epochs(5, 6)}
        with pytest.raises(DataError, match=r"rate, stop: expected one of the two, got neither"):
            Epochs.from_states([1, 2])

    @given(
        st.lists(st.tuples(st.sampled_from("ab-"), st.integers(0, 2), st.integers(1, 2))),
        st.integers(0, 3),
    )
    def test_states_that_are_joined_never_overlap(
        self, parts: list[tuple[str, int, int]], gap: int
    ) -> None:
        # Whole seconds, told one by one: a pause is filled where one state stands on both sides.
        seconds, start, stop = "", [], []
        for state, pause, length in parts:
            seconds += "." * pause
            start.append(len(seconds))
            seconds += state * length
            stop.append(len(seconds))
        states = [None if state == "-" else state for state, _, _ in parts]
        found = Epochs.from_states(states, start, stop, max_gap=gap)
        wanted = list(seconds.replace("-", "."))
        known = [i for i, x in enumerate(wanted) if x != "."]
        for i, j in itertools.pairwise(known):
            if wanted[i] == wanted[j] and j - i - 1 <= gap:
                wanted[i:j] = wanted[i] * (j - i)
        middles = np.arange(len(seconds)) + 0.5
        for state in "ab":
            where = found.get(state, Epochs([], []))
            assert where.contains(middles).tolist() == [x == state for x in wanted]

    def test_union_gaps_and_pieces(self) -> None:
        two = Epochs([0, 2], [1, 3], {"label": ["rem", "nrem"]})
        assert two.gaps() == Epochs(1, 2)
        assert two.union(Epochs(0.5, 2.5)) == Epochs(0, 3)
        assert two[1].properties["label"].tolist() == ["nrem"]
        assert [len(one) for one in two] == [1, 1]
        assert two.intersect(Epochs(2.2, 2.4)).properties["label"].tolist() == ["nrem"]


class TestRecording:
    recording = Recording(
        UNITS,
        {"lfp": RAMP, "pupil": TimeSeries([1.0, 2.0], [0.5, 1.5])},
        Trials({"start": [0.0, 0.8, 1.6], "stop": [0.7, 1.5, 2.2]}),
        {"run": Epochs(0, 2)},
        {"subject": "x"},
    )

    def test_restrict_cuts_everything(self) -> None:
        found = self.recording.restrict(Epochs(0.2, 1.55))
        assert found.spikes is not None
        assert found.spikes.times.tolist() == [0.3, 0.5, 1.2]
        assert found.signals["lfp"].values[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
        assert len(found.signals["pupil"]) == 2
        assert found.trials is not None
        assert found.trials.table["start"].tolist() == [0.8]
        assert found.epochs["run"] == Epochs(0.2, 1.55)
        assert found.metadata == {"subject": "x"}

    def test_select(self) -> None:
        found = self.recording.select(region="CA1", signals="pupil", trials=[0])
        assert found.spikes is not None
        assert (found.spikes.names, list(found.signals)) == ((12, -1), ["pupil"])
        with pytest.raises(DataError, match=r"signals: expected .*'lfp', 'pupil'.*'eeg'"):
            self.recording.select(signals="eeg")

    def test_what_is_handed_out_changes_nothing(self) -> None:
        recording = self.recording
        recording.signals.clear()  # type: ignore[attr-defined]
        recording.epochs.clear()
        recording.metadata["subject"] = object()
        assert UNITS.properties is not UNITS.properties
        with pytest.raises(ValueError, match="read-only"):
            UNITS.properties["depth"][0] = 9
        with pytest.raises(ValueError, match="read-only"):
            RAMP.values[0] = 9
        assert recording.metadata == {"subject": "x"}
        assert list(recording.signals) == ["lfp", "pupil"]

    def test_signals_are_read_when_they_are_used(self) -> None:
        class Reader(Mapping[str, Signal]):
            read: ClassVar[list[str]] = []

            def __getitem__(self, name: str) -> Signal:
                self.read.append(name)
                return RAMP

            def __contains__(self, name: object) -> bool:
                return name in ("lfp", "eeg")

            def __iter__(self) -> Iterator[str]:
                return iter(("lfp", "eeg"))

            def __len__(self) -> int:
                return 2

        recording = Recording(UNITS, Reader(), metadata={"subject": "x"})
        recording = recording.select(region="CA1").replace(trials=self.recording.trials)
        assert "read when used" in repr(recording)
        assert list(recording.signals) == ["lfp", "eeg"]
        assert Reader.read == []
        assert recording.select(signals="lfp").signals["lfp"] == RAMP
        assert Reader.read == ["lfp"]

    def test_one_screen(self) -> None:
        big = SpikeTrains(np.arange(10_000) / 10, np.arange(10_000) % 700)
        for value in (big, Signal(np.zeros((5000, 300)), 1e3), big.counts(1.0), self.recording):
            assert len(repr(value).splitlines()) <= 10
            assert max(map(len, repr(value).splitlines())) <= 100
        assert "700 units" in repr(big)
        assert "999.9 s" in repr(big)
        assert "rates (Hz)" in repr(big)

    @pytest.mark.parametrize("n_units", [3, 4, 5, 6, 7, 10])
    def test_repr_says_the_rates_of_silent_units_too(self, n_units: int) -> None:
        spikes = SpikeTrains([0.1, 0.2, 0.3, 0.4], [0, 1, 1, 2], n_units, Epochs(0.0, 2.0))
        rates = [0.5, 1.0, 0.5, *[0.0] * (n_units - 3)]
        told = f"median {np.median(rates):.4g}, {min(rates):.4g} to {max(rates):.4g}"
        assert f"rates (Hz): {told}; {n_units - 3} silent" in repr(spikes)

    def test_repr_costs_what_was_recorded(self) -> None:
        huge = SpikeTrains([0.1], [0], 10**12, Epochs(0.0, 1.0))
        assert "1,000,000,000,000 units" in repr(huge)
        assert "median 0, 0 to 1; 999999999999 silent" in repr(huge)
        assert "1,000,000,000,000 units" in repr(huge.align([0.1], (-0.1, 0.1)))
        assert "1,000,000,000,000 units" in repr(Recording(huge))
        silent = SpikeTrains([], [], 2, Epochs(0.0, 1.0))
        assert "rates (Hz): median 0, 0 to 0; 2 silent" in repr(silent)
        assert "rates (Hz): unknown; 0 silent" in repr(SpikeTrains([], [], 0, Epochs(0.0, 1.0)))


def test_aligned_data_are_tables() -> None:
    spikes = SpikeTrains([0.1, 0.3, 1.2], [0, 1, 1], names=("a", "b"), epochs=Epochs(0, 2))
    aligned = spikes.align([0.2, 1.0], (-0.2, 0.3))
    frame = aligned.to_frame()
    assert frame.columns.tolist() == ["event", "unit", "time"]
    assert frame["event"].tolist() == [0, 0, 1]
    assert frame["unit"].tolist() == ["a", "b", "b"]
    np.testing.assert_allclose(frame["time"], [-0.1, 0.1, 0.2])
    counts = aligned.counts(0.1)
    table = counts.to_frame()
    assert table.index.names == ["event", "time"]
    assert table.columns.tolist() == ["a", "b"]
    np.testing.assert_array_equal(table.to_numpy().reshape(counts.values.shape), counts.values)


@pytest.mark.parametrize("units", [[-1], [0, -3]])
def test_units_below_zero_are_told(units: list[int]) -> None:
    with pytest.raises(DataError, match=r"units: expected whole numbers from 0, got -\d"):
        SpikeTrains(np.arange(len(units), dtype=float), units)
