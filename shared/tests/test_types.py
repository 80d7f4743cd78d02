"""The data types: what they compute, what they refuse, and that nobody changes them."""

from __future__ import annotations

import copy
import pickle
import warnings
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shared_strategies import KINDS, epochs, signals, spike_trains

from neuroloom.shared import (
    DataError,
    Epochs,
    NeuroloomError,
    Recording,
    Signal,
    SpikeTrains,
    TimeSeries,
    Trials,
)
from neuroloom.shared._types._epochs import exact_index
from neuroloom.shared.data import AlignedSignal

ONE = Epochs(0.0, 10.0)
GOOD = SpikeTrains([1.0], [0], epochs=ONE)
NAN, INF = float("nan"), float("inf")

# ruff: noqa: E501 — one case per line
# constructor, arguments, argument that the error names, what it says was expected, and got
BAD = {
    "epochs of different lengths": (Epochs, ([0, 2], [1]), "stop", "as many as start (2)", "1"),
    "epochs unsorted": (Epochs, ([5, 0], [6, 1]), "start", "sorted", "0.0 after 5.0"),
    "epochs overlapping": (Epochs, ([0, 1], [2, 3]), "start", "disjoint", "start 1.0 before stop 2.0"),
    "epochs backwards": (Epochs, ([1], [0]), "stop", "stop > start", "[1.0, 0.0)"),
    "epochs without length": (Epochs, ([1], [1]), "stop", "stop > start", "[1.0, 1.0)"),
    "epochs NaN": (Epochs, ([NAN], [1]), "start", "finite", "nan at [0]"),
    "epochs infinite": (Epochs, ([0], [INF]), "stop", "finite", "inf at [0]"),
    "epochs ragged": (Epochs, ([[0, 1], [2]], [1]), "start", "regular", "ragged"),
    "epochs 2-D": (Epochs, ([[0]], [[1]]), "start", "1-D", "shape (1, 1)"),
    "epochs of booleans": (Epochs, ([False], [True]), "start", "numbers", "bool"),
    "epochs of a boolean": (Epochs, (False, True), "start", "numbers", "bool"),
    "epochs of text": (Epochs, (["0"], ["1"]), "start", "numbers", "dtype <U1"),
    "epochs of nothing": (Epochs, (None, None), "start", "1-D", "shape ()"),
    "epochs complex": (Epochs, ([0j], [1j]), "start", "numbers", "complex128"),
    "epochs masked": (Epochs, (np.ma.array([0.0], mask=[1]), [1]), "start", "finite", "nan at [0]"),
    "spikes unsorted": (SpikeTrains, ([2, 1], [0, 0]), "times", "sorted", "1.0 after 2.0"),
    "spikes NaN": (SpikeTrains, ([0, NAN], [0, 0]), "times", "finite", "nan at [1]"),
    "spikes infinite": (SpikeTrains, ([0, INF], [0, 0]), "times", "finite", "inf at [1]"),
    "spikes of different lengths": (SpikeTrains, ([1, 2], [0]), "units", "one per spike (2)", "1"),
    "spikes ragged": (SpikeTrains, ([[1], [1, 2]], [0, 0]), "times", "regular", "ragged"),
    "spikes of booleans": (SpikeTrains, ([True], [0]), "times", "numbers", "bool"),
    "units of booleans": (SpikeTrains, ([1], [True]), "units", "numbers", "bool"),
    "units with fractions": (SpikeTrains, ([1], [0.5]), "units", "whole numbers", "fractions"),
    "units NaN": (SpikeTrains, ([1], [NAN]), "units", "finite", "nan at [0]"),
    "units too large for int32": (SpikeTrains, ([1], [2**40]), "units", "fit int32", str(2**40)),
    "units negative": (SpikeTrains, ([1], [-1]), "units", "from 0", "-1"),
    "units beyond n_units": (SpikeTrains, ([1], [3], 2), "units", "0 to 1", "3"),
    "n_units negative": (SpikeTrains, ([], [], -1, ONE), "n_units", "at least 0", "-1"),
    "n_units boolean": (SpikeTrains, ([], [], True, ONE), "n_units", "integer", "True"),
    "n_units fractional": (SpikeTrains, ([], [], 1.5, ONE), "n_units", "integer", "1.5"),
    "spikes outside": (SpikeTrains, ([10], [0], 1, ONE), "times", "inside the epochs", "10.0"),
    "no spikes, no epochs": (SpikeTrains, ([], []), "epochs", "where there are no spikes", "None"),
    "epochs as tuple": (SpikeTrains, ([1], [0], 1, (0, 2)), "epochs", "Epochs", "tuple"),
    "signal ragged": (Signal, ([[1, 2], [3]], 1.0), "values", "regular", "ragged"),
    "signal 3-D": (Signal, (np.zeros((1, 1, 1)), 1.0), "values", "2-D", "shape (1, 1, 1)"),
    "signal 0-D": (Signal, (1.0, 1.0), "values", "2-D", "shape ()"),
    "signal without channels": (Signal, (np.zeros((3, 0)), 1.0), "values", "channel", "(3, 0)"),
    "signal infinite": (Signal, ([0, -INF], 1.0), "values", "finite", "-inf at [1]"),
    "signal of booleans": (Signal, ([True, False], 1.0), "values", "numbers", "bool"),
    "signal of text": (Signal, (["a"], 1.0), "values", "numbers", "<U1"),
    "rate negative": (Signal, ([0.0], -1.0), "rate", "positive", "-1.0"),
    "rate zero": (Signal, ([0.0], 0), "rate", "positive", "0"),
    "rate NaN": (Signal, ([0.0], NAN), "rate", "positive", "nan"),
    "rate infinite": (Signal, ([0.0], INF), "rate", "positive", "inf"),
    "rate boolean": (Signal, ([0.0], True), "rate", "positive", "True (bool)"),
    "rate text": (Signal, ([0.0], "1 kHz"), "rate", "positive", "'1 kHz' (str)"),
    "rate array": (Signal, ([0.0], np.array([1.0])), "rate", "positive", "ndarray"),
    "start NaN": (Signal, ([0.0], 1.0, NAN), "start", "finite", "nan"),
    "too few names": (Signal, ([[0.0, 1.0]], 1.0, 0.0, ["a"]), "channels", "2 names", "1"),
    "names twice": (Signal, ([[0.0, 1.0]], 1.0, 0.0, ["a", "a"]), "channels", "distinct", "'a'"),
    "names as numbers": (Signal, ([0.0], 1.0, 0.0, [1]), "channels", "text", "(1,)"),
    "names of nothing": (Signal, ([0.0], 1.0, 0.0, None), "channels", "names", "None"),
    "columns of different lengths": (Trials, ({"a": [1, 2], "b": [1]},), "table", "one length", ""),
    "table a number": (Trials, (3,), "table", "columns", ""),
    "column names as numbers": (Trials, ([[1, 2]],), "table", "text", "[0, 1]"),
    "column twice": (Trials, (pd.DataFrame([[1, 2]], columns=["a", "a"]),), "table", "distinct", "['a']"),
    "no such session": (Trials, ({"a": [1]}, "day"), "session", "one of 'a'", "'day'"),
    "session missing": (Trials, ({"a": [1, NAN]}, "a"), "session", "every row", "row 1"),
    "spikes a list": (Recording, ([1.0],), "spikes", "SpikeTrains", "list"),
    "signals a signal": (Recording, (GOOD, Signal([0.0], 1.0)), "signals", "mapping", "Signal"),
    "signal an array": (Recording, (GOOD, {"lfp": np.zeros(3)}), "signals['lfp']", "Signal", "ndarray"),
    "signal names as numbers": (Recording, (GOOD, {1: Signal([0.0], 1.0)}), "signals", "text", "1"),
    "trials a frame": (Recording, (GOOD, {}, pd.DataFrame()), "trials", "Trials", "DataFrame"),
    "epochs a list": (Recording, (GOOD, {}, None, {"x": [0, 1]}), "epochs['x']", "Epochs", "list"),
    "metadata an array": (Recording, (GOOD, {}, None, {}, {"x": np.zeros(1)}), "metadata", "JSON", "ndarray"),
    "metadata NaN": (Recording, (GOOD, {}, None, {}, {"x": NAN}), "metadata", "JSON", ""),
    "metadata a number": (Recording, (GOOD, {}, None, {}, 3), "metadata", "mapping", "int"),
    "metadata names as numbers": (Recording, (GOOD, {}, None, {}, {1: 2}), "metadata", "text", "1 in metadata"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_bad_input_is_refused_by_name_and_left_alone(case: str) -> None:
    constructor, arguments, name, expected, got = BAD[case]
    before = copy.deepcopy(arguments)
    with pytest.raises(DataError) as caught:
        constructor(*arguments)
    message = str(caught.value)
    assert message.startswith(f"{name}: expected ")
    wanted, came = message.removeprefix(f"{name}: expected ").rsplit(", got ", 1)
    assert expected in wanted
    assert got in came
    assert isinstance(caught.value, NeuroloomError)
    assert isinstance(caught.value, ValueError)
    assert repr(arguments) == repr(before)


class TestAllTypes:
    @pytest.mark.parametrize("kind", KINDS)
    @given(data=st.data())
    def test_copies_are_equal_and_read_only(self, kind: str, data: Any) -> None:
        value = data.draw(KINDS[kind])
        for twin in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):
            assert twin == value
            assert type(twin) is type(value)
            for part in vars_of(twin):
                if isinstance(part, np.ndarray):
                    assert not part.flags.writeable

    @pytest.mark.parametrize("kind", KINDS)
    @given(data=st.data())
    def test_nobody_can_write_to_what_is_handed_out(self, kind: str, data: Any) -> None:
        value = data.draw(KINDS[kind])
        before = pickle.dumps(value)
        handed = [x for x in vars_of(value) if isinstance(x, np.ndarray)]
        handed += list(getattr(value, "properties", {}).values())
        for part in handed:
            layer: Any = part
            while isinstance(layer, np.ndarray) and layer.size:
                if not layer.dtype.hasobject:
                    with pytest.raises(ValueError, match="WRITEABLE"):
                        layer.setflags(write=True)
                else:  # a copy of its own
                    layer.setflags(write=True)
                    layer[...] = None
                layer = layer.base
        assert pickle.dumps(value) == before

    def test_fields_cannot_be_set(self) -> None:
        with pytest.raises(AttributeError):
            GOOD.n_units = 3  # type: ignore[misc]

    @pytest.mark.parametrize("kind", KINDS)
    @given(data=st.data())
    @settings(max_examples=1)
    def test_nothing_is_set_or_deleted(self, kind: str, data: Any) -> None:
        value = data.draw(KINDS[kind])
        for name in (*value.arguments(), "of_no_field"):
            with pytest.raises(FrozenInstanceError, match=r"replace\(\)"):
                setattr(value, name, 3)
            with pytest.raises(FrozenInstanceError, match=r"replace\(\)"):
                delattr(value, name)

    def test_the_input_is_neither_shared_nor_frozen(self) -> None:
        times = np.array([1.0, 2.0])
        spikes = SpikeTrains(times, np.array([0, 0]))
        times[0] = 1.5
        assert spikes.times[0] == 1.0

    def test_a_frozen_view_of_a_writable_array_is_copied(self) -> None:
        base = np.array([1.0, 2.0])
        view = base[:]
        view.flags.writeable = False
        signal = Signal(view, 1.0)
        base[0] = 9.0
        assert signal.values[0, 0] == 1.0

    def test_integers_that_float64_cannot_hold_are_refused(self) -> None:
        with pytest.raises(DataError, match=r"values: expected integers that float64 can hold"):
            Signal([2**53 + 1], 1.0)

    def test_equality_sees_type_dtype_and_values(self) -> None:
        wide, narrow = Signal(np.ones(3), 1.0), Signal(np.ones(3, np.float32), 1.0)
        assert wide != narrow
        assert wide != Signal(np.zeros(3), 1.0)
        assert Signal([np.nan], 1.0) == Signal([np.nan], 1.0)
        assert wide != "wide"
        with pytest.raises(TypeError):
            hash(wide)


def vars_of(value: Any) -> list[Any]:
    return [getattr(value, name) for name in value.__dataclass_fields__]


class TestEpochs:
    @given(epochs(), st.lists(st.floats(-1e6, 1e6), max_size=20))
    def test_index_agrees_with_the_definition(self, when: Epochs, times: list[float]) -> None:
        times = [*times, *when.start, *when.stop]
        pairs = list(zip(when.start, when.stop, strict=True))
        short = min((1e-9, *(0.01 * (b - a) for a, b in pairs)))

        def place(t: float) -> int:
            moved = t + max(short, 8 * float(np.spacing(abs(t))))
            closed = [i for i, (a, b) in enumerate(pairs) if a <= t and np.nextafter(t, INF) == b]
            return next((i for i, (a, b) in enumerate(pairs) if a <= moved < b), (*closed, -1)[0])

        expected = [place(t) for t in times]
        assert when.index(times).tolist() == expected
        assert when.contains(times).tolist() == [i >= 0 for i in expected]

    @pytest.mark.parametrize("per_epoch", [1, 3, 10, 100])
    @pytest.mark.parametrize("start", [0, 7, 123_456])
    def test_index_counts_as_whole_numbers_do(self, per_epoch: int, start: int) -> None:
        step = np.arange(start, start + 40 * per_epoch)
        edge = np.arange(start, start + 40 * per_epoch + 1, per_epoch) * 1e-3
        touching = Epochs(edge[:-1], edge[1:])
        expected = (step - start) // per_epoch
        np.testing.assert_array_equal(touching.index(step / 1000), expected)
        starts = touching[::2].contains(step[::per_epoch] / 1000)
        np.testing.assert_array_equal(starts[::2], True)

    def test_contains_and_restrict_agree_where_epochs_start(self) -> None:
        spikes = SpikeTrains(np.arange(100) / 10, np.zeros(100), epochs=Epochs(-1.0, 20.0))
        for k in range(100):
            wanted = Epochs(k * 0.1, 30.0)
            assert wanted.contains(spikes.times).sum() == 100 - k == len(spikes.restrict(wanted))

    def test_infinite_and_missing_times_are_outside(self) -> None:
        assert ONE.index([-INF, NAN, INF]).tolist() == [-1, -1, -1]
        assert Epochs([], []).index([1.0]).tolist() == [-1]

    def test_a_recording_holds_its_own_spikes(self) -> None:
        spikes = SpikeTrains([0.3, 0.7, 12345.6], [0, 0, 0])
        assert spikes.epochs.contains(spikes.times).all()

    def test_what_is_on_a_start_is_accepted_and_the_epoch_starts_with_it(self) -> None:
        when = Epochs([0.0, 3 * 0.1], [0.2, 1.0], properties={"label": ["a", "b"]})
        spikes = SpikeTrains([0.1, 0.3], [0, 1], epochs=when, observed=[when, when[1]])
        assert spikes.epochs.start.tolist() == [0.0, 0.3]
        assert spikes.epochs.properties["label"].tolist() == ["a", "b"]
        assert spikes.observed is not None
        assert [x.start.tolist() for x in spikes.observed] == [[0.0, 0.3], [0.3]]
        alike = SpikeTrains([0.1, 0.3], [0, 1], epochs=when, observed=[when, when])
        assert alike.observed is None
        series = TimeSeries([1.0, 2.0], [0.1, 0.3], epochs=when)
        assert series.epochs == spikes.epochs
        for early in (0.3 - 2e-9, 0.2, 1.0):
            with pytest.raises(DataError, match="inside the epochs"):
                SpikeTrains([early], [0], epochs=when)

    @given(epochs(), epochs(), st.lists(st.floats(-1e6, 1e6), max_size=20))
    def test_intersection_holds_what_both_hold(
        self, a: Epochs, b: Epochs, times: list[float]
    ) -> None:
        both = a.intersect(b)
        edges = np.concatenate([times, a.start, a.stop, b.start, b.stop, both.start, both.stop])
        probes = np.concatenate([edges, np.nextafter(edges, -np.inf)])
        inside = [exact_index(x, probes) >= 0 for x in (both, a, b)]  # it has no tolerance
        assert (inside[0] == inside[1] & inside[2]).all()
        assert both == b.intersect(a)
        assert a.intersect(a) == a

    def test_intersection_with_something_else(self) -> None:
        with pytest.raises(DataError, match=r"other: expected Epochs, got tuple"):
            ONE.intersect((0, 1))  # type: ignore[arg-type]

    def test_nan_is_in_no_epoch(self) -> None:
        assert ONE.index([np.nan, np.inf, -np.inf]).tolist() == [-1, -1, -1]

    def test_none_at_all(self) -> None:
        nothing = Epochs([], [])
        assert len(nothing) == 0
        assert nothing.duration == 0
        assert nothing.index([1.0, 2.0]).tolist() == [-1, -1]
        assert nothing.intersect(ONE) == nothing


class TestSpikeTrains:
    @given(spike_trains())
    def test_lists_and_back(self, spikes: SpikeTrains) -> None:
        lists = spikes.to_lists()
        assert SpikeTrains.from_lists(lists, spikes.epochs) == spikes
        for unit, times in enumerate(lists):
            assert np.array_equal(times, spikes.of(unit))

    @given(spike_trains(), st.randoms())
    def test_the_order_of_simultaneous_spikes_is_that_of_units(
        self, spikes: SpikeTrains, random: Any
    ) -> None:
        pairs = list(zip(spikes.times.tolist(), spikes.units.tolist(), strict=True))
        assert pairs == sorted(pairs)
        random.shuffle(pairs)
        pairs.sort(key=lambda pair: pair[0])  # which leaves simultaneous ones shuffled
        times, units = [list(x) for x in zip(*pairs, strict=True)]
        assert spikes.replace(times=times, units=units) == spikes
        assert not spikes.times.flags.writeable
        assert not spikes.units.flags.writeable

    @pytest.mark.slow
    @given(spike_trains(), epochs())
    def test_restrict_keeps_exactly_the_spikes_inside(
        self, spikes: SpikeTrains, when: Epochs
    ) -> None:
        kept = spikes.restrict(when)
        inside = when.contains(spikes.times)
        edges = np.append(when.start, when.stop)
        beside = np.subtract.outer(edges, spikes.times)
        assume(not ((0 < np.abs(beside)) & (np.abs(beside) < 1e-8)).any())  # one is on the edge
        assert np.array_equal(kept.times, spikes.times[inside])
        assert np.array_equal(kept.units, spikes.units[inside])
        assert kept.n_units == spikes.n_units
        assert kept.epochs == spikes.epochs.intersect(when)

    def test_all_spikes_on_an_edge_are_kept_and_no_gap_is_recorded(self) -> None:
        times = [1 - 5e-10, 1 - 3e-10, 1 - 1e-10, 1.5]
        spikes = SpikeTrains(times, [0, 1, 0, 1], epochs=Epochs(0.0, 2.0))
        kept = spikes.restrict(Epochs([0.5, 1.0], [1.0, 2.0]))
        assert kept.times.tolist() == times
        kept = spikes.restrict(Epochs(1.0, 2.0))
        assert kept.times.tolist() == times
        assert kept.epochs == Epochs(times[0], 2.0)
        paused = SpikeTrains([1 - 1e-10, 1.75], [0, 0], epochs=Epochs([0.0, 1.5], [1.0, 2.0]))
        kept = paused.restrict(Epochs(1.0, 2.0))
        assert kept.times.tolist() == [1.75]
        assert kept.epochs == Epochs(1.5, 2.0)

    @given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 3)), max_size=40))
    def test_counts_agree_with_numpys_histogram(self, events: list[tuple[int, int]]) -> None:
        events = sorted(events)
        spikes = SpikeTrains([t / 10 + 0.05 for t, _ in events], [u for _, u in events], 4, ONE)
        counts = spikes.counts(0.5)
        assert counts.values.shape == (20, 4)
        assert counts.times[0] == 0.25
        for unit in range(4):
            expected, _ = np.histogram(spikes.of(unit), np.arange(21) * 0.5)
            assert np.array_equal(counts.values[:, unit], expected)

    def test_a_last_bin_that_is_not_whole_is_marked(self) -> None:
        spikes = SpikeTrains([0.1, 0.95], [0, 0], epochs=Epochs(0.0, 1.0))
        counts = spikes.counts(0.3)
        np.testing.assert_array_equal(counts.values[:, 0], [1, 0, 0, np.nan])
        np.testing.assert_allclose(counts.observed[:, 0], [0.3, 0.3, 0.3, 0.1])
        assert spikes.counts(0.3, rest="drop").values[:, 0].tolist() == [1, 0, 0]
        assert spikes.counts(0.3, rest="keep").values[:, 0].tolist() == [1, 0, 0, 1]

    def test_rates(self) -> None:
        spikes = SpikeTrains([0.0, 1.0, 2.0], [0, 0, 1], 3, ONE)
        assert spikes.rates_hz.tolist() == [0.2, 0.1, 0.0]

    def test_rates_without_time(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(DataError, match=r"epochs: expected some time recorded"):
                _ = SpikeTrains([], [], 1, Epochs([], [])).rates_hz

    @pytest.mark.parametrize("width", [0.0, -1.0, NAN, INF, True, "1 ms", 11.0])
    def test_a_width_that_does_not_fit(self, width: Any) -> None:
        with pytest.raises(DataError, match=r"bin_width: expected"):
            GOOD.counts(width)

    @pytest.mark.parametrize("unit", [-1, 1, 0.0, True])
    def test_no_such_unit(self, unit: Any) -> None:
        with pytest.raises(DataError, match=r"unit: expected"):
            GOOD.of(unit)

    def test_a_bad_train_is_named(self) -> None:
        with pytest.raises(DataError, match=r"trains\[1\]: expected finite values"):
            SpikeTrains.from_lists([[1.0], [NAN]])


class TestSignal:
    @given(signals(), epochs(grid=True))
    def test_restrict_keeps_exactly_the_samples_inside(self, signal: Signal, when: Epochs) -> None:
        pieces = signal.restrict(when)
        inside = when.contains(signal.times)
        kept = np.concatenate([p.values for p in pieces] or [signal.values[:0]])
        assert np.array_equal(kept, signal.values[inside], equal_nan=True)
        assert all(piece.start in signal.times for piece in pieces)
        assert all(piece.channels == signal.channels for piece in pieces)

    def test_times(self) -> None:
        assert Signal(np.zeros(3), 4.0, 1.0).times.tolist() == [1.0, 1.25, 1.5]
        assert Signal(np.zeros(3), 4.0).duration == 0.75

    def test_no_such_channel(self) -> None:
        with pytest.raises(DataError, match=r"name: expected one of 'CA1', got 'CA3'"):
            Signal([0.0], 1.0, 0.0, ["CA1"]).channel("CA3")


class TestTrials:
    table = pd.DataFrame({"choice": [1, 0, 1, 0], "day": ["b", "a", "b", None]}, index=[9, 8, 7, 6])

    def test_rows_are_numbered_and_the_input_is_not_touched(self) -> None:
        before = self.table.copy()
        trials = Trials(self.table)
        table = trials.table
        table["more"] = 1
        assert list(trials.table) == ["choice", "day"]
        assert trials.table.index.tolist() == [0, 1, 2, 3]
        pd.testing.assert_frame_equal(self.table, before)

    def test_split_keeps_the_order_of_first_appearance_and_missing_values(self) -> None:
        parts = Trials(self.table).split("day")
        assert [len(part) for part in parts.values()] == [2, 1, 1]
        assert list(parts)[:2] == ["b", "a"]

    def test_split_by_a_category_leaves_out_unused_ones(self) -> None:
        side = pd.Categorical(["left", "left"], categories=["left", "right"])
        assert list(Trials({"side": side}).split("side")) == ["left"]

    def test_sessions(self) -> None:
        trials = Trials({"day": [2, 1, 2], "x": [0, 1, 2]}, session="day")
        assert [list(day.table["x"]) for day in trials.sessions()] == [[0, 2], [1]]
        (alone,) = Trials({"x": [0, 1]}).sessions()
        assert len(alone) == 2

    def test_a_near_miss_is_suggested(self) -> None:
        with pytest.raises(DataError, match=r"the columns \['choices'\] too, .*mean 'choice'"):
            Trials(self.table).require("choices")


def _inside_itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"deep": {"a": np.int64(3)}}, r"type int64 at metadata\['deep'\]\['a'\]; call .tolist()"),
        ({"a": [1, np.ones(2)]}, r"type ndarray at metadata\['a'\]\[1\]; call"),
        ({"a": [0.0, {"b": float("nan")}]}, r"nan at metadata\['a'\]\[1\]\['b'\]; give None"),
        ({"a": -np.inf}, r"-inf at metadata\['a'\]; give None"),
        ({"a": {1, 2}}, r"type set at metadata\['a'\]; give it as text or numbers"),
        ({"a": {(1, 2): 3}}, r"a name of type tuple in metadata\['a'\]; give it as text"),
        ({"a": _inside_itself()}, r"metadata\['a'\]\[0\], a list inside itself"),
    ],
)
def test_what_metadata_cannot_hold_is_told_by_its_place(metadata: Any, told: str) -> None:
    with pytest.raises(DataError, match=f"metadata: expected a mapping that JSON can hold.*{told}"):
        Signal([1.0], 1.0, metadata=metadata)


@pytest.mark.parametrize("name", [1, 1.5, None, True])
def test_names_that_are_no_text_are_refused_at_any_depth(name: Any) -> None:
    for metadata, place in (
        ({name: 0}, "metadata"),
        ({"a": {name: 0}}, r"metadata\['a'\]"),
        ({"a": [0, ({"b": {name: 0}},)]}, r"metadata\['a'\]\[1\]\[0\]\['b'\]"),
    ):
        with pytest.raises(DataError, match=f"expected names as text, got {name} in {place}; give"):
            Signal([1.0], 1.0, metadata=metadata)  # type: ignore[dict-item]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "f2", "f4", "i4", "i8", "f8"])
def test_samples_take_the_memory_that_their_numbers_need(dtype: str) -> None:
    info = np.iinfo(dtype) if dtype[0] in "iu" else np.finfo(dtype)
    most = min(int(info.max), 2**53)  # float64 holds no others of int64
    raw = np.array([[max(int(info.min), -most)], [most], [1]]).astype(dtype)
    exact = np.float32 if raw.itemsize < 3 or dtype == "f4" else np.float64
    for held in (raw, pd.DataFrame(raw), np.ma.array(raw)):
        for made in (Signal(held, 1.0), TimeSeries(held, [0.0, 1.0, 2.0])):
            assert made.values.dtype == exact
            assert made.values.tolist() == raw.astype(np.float64).tolist()
    assert Signal(raw, 1.0).align([1.0], (0, 1)).values.dtype == exact
    assert AlignedSignal(raw[None], 1.0, 0.0, [0.0]).values.dtype == exact


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "f2", "f4", "i8", "f8", "?"])
def test_properties_stay_of_the_type_that_they_have(dtype: str) -> None:
    values = np.array([0, 1]).astype(dtype)
    for held in (values, pd.Series(values), pd.Series(values).set_axis(["u", "v"])):
        found = SpikeTrains([0.1], [0], 2, properties={"a": held}).properties["a"]
        assert found.dtype == dtype
    table = pd.DataFrame({"a": values})
    assert Epochs([0, 1], [1, 2], table).properties["a"].dtype == dtype
