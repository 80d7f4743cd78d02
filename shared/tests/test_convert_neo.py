"""neo: what goes there comes back; nothing of a segment is lost without a word."""

from __future__ import annotations

import datetime
import inspect
import warnings
from typing import Any

import neo
import numpy as np
import pytest
import quantities as pq
from convert_strategies import rich_epochs, rich_signals, rich_spikes, time_series, untold
from hypothesis import assume, given
from shared_strategies import epochs, recordings

from neuroloom.shared import DataError, Epochs, Recording, Signal, SpikeTrains, Trials
from neuroloom.shared.convert import ConversionWarning, from_neo, to_neo
from neuroloom.shared.data import Clock, TimeSeries


def close(a: Epochs, b: Epochs, tolerance: float = 1e-9) -> bool:
    return len(a) == len(b) and bool(
        np.allclose(a.start, b.start, rtol=0, atol=tolerance)
        and np.allclose(a.stop, b.stop, rtol=0, atol=tolerance)
    )


def there_and_back(value: Any, **more: Any) -> tuple[Any, Any, str]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        there = to_neo(value, **more)
    ours = [str(x.message) for x in told if issubclass(x.category, ConversionWarning)]
    return there, from_neo(there), " ".join(ours)


def test_what_spikes_and_trials_say_of_themselves_is_told() -> None:
    about = {"d": [1.0, np.nan]}
    spikes = SpikeTrains.from_lists([[0.1], [0.7]], Epochs(0, 1.0), (), about, metadata={"m": 1})
    trials = Trials({"start": [0.0], "stop": [0.5]}, metadata={"tm": 1})
    _, back, lost = there_and_back(Recording(spikes, trials=trials))
    assert "metadata of the spikes" in lost
    assert "metadata of trials" in lost
    np.testing.assert_array_equal(back.spikes.properties["d"], [1.0, np.nan])


def test_a_property_that_no_unit_has_is_told() -> None:
    about: dict[str, Any] = {"area": [None, None], "depth": [1.0, None]}
    spikes = SpikeTrains.from_lists([[0.1], [0.7]], Epochs(0, 1.0), (), about)
    _, back, lost = there_and_back(spikes)
    assert "property 'area'" in lost
    assert "property 'depth'" not in lost
    assert back.properties["depth"].tolist() == [1.0, None]


@pytest.mark.parametrize("channels", [("a", "b"), ()])
def test_what_stands_where_neo_keeps_something_else_is_told(channels: Any) -> None:
    names = np.array(["u", "v"])
    signal = Signal(np.eye(2), 10.0, channels=channels, properties={"channel_names": names},
                    metadata={"description": 5})  # fmt: skip
    _, back, said = there_and_back(signal)
    assert "property 'channel_names'" in said
    assert back.metadata == signal.metadata
    assert back.channels == signal.channels
    assert "channel_names" not in back.properties


def test_events_move_and_are_cut_with_the_rest() -> None:
    segment = neo.Segment()
    segment.events.append(neo.Event([1, 2] * pq.s, labels=["a", "b"], name="light"))
    recording = from_neo(segment)
    assert recording.on_clock(Clock(100.0, 0.0)).tables["light"].table["time"].tolist() == [
        101,
        102,
    ]
    assert recording.restrict(Epochs(0, 1.5)).tables["light"].table["label"].tolist() == ["a"]


class TestThereAndBack:
    @given(rich_epochs(grid=True))
    def test_epochs(self, value: Epochs) -> None:
        _, back, lost = there_and_back(value)
        assert not untold(value, back, lost)

    @pytest.mark.slow
    @given(rich_spikes(grid=True))
    def test_spikes(self, value: SpikeTrains) -> None:
        assume(len(value.epochs) == 1 or value.observed is not None)
        there, back, lost = there_and_back(value)
        assert [type(train) for train in there] == [neo.SpikeTrain] * value.n_units
        assert not untold(value, back, lost.replace("metadata of the spikes", "metadata"))

    @given(rich_spikes(grid=True))
    def test_spikes_in_a_recording(self, value: SpikeTrains) -> None:
        _, back, lost = there_and_back(Recording(value))
        assert not untold(value, back.spikes, lost.replace("metadata of the spikes", "metadata"))

    @given(rich_signals())
    def test_signals(self, value: Signal) -> None:
        there, back, lost = there_and_back(value, unit="mV")
        assert str(there.units.dimensionality) == (value.unit or "mV")
        assert back.unit == (value.unit or "mV")
        assert not untold(value, back.replace(unit=value.unit), lost)

    @given(time_series())
    def test_time_series(self, value: TimeSeries) -> None:
        _, back, lost = there_and_back(value)
        if isinstance(back, Signal):  # the times are regular by chance
            back = TimeSeries(back.values, value.times, back.channels, back.unit)
            back = back.replace(properties=value.properties, metadata=value.metadata)
        assert not untold(value, back, lost)

    @given(recordings(with_trials=False, grid=True))
    def test_recordings(self, value: Recording) -> None:
        assume(value.spikes is None or len(value.spikes.epochs))
        assume(not {"recorded", "trials"} & set(value.epochs))
        _, back, _ = there_and_back(value)
        assert back.signals == value.signals
        assert back.metadata == value.metadata
        assert back.epochs.keys() == value.epochs.keys()
        assert all(close(back.epochs[name], value.epochs[name]) for name in value.epochs)
        if value.spikes is None:
            assert back.spikes is None
        else:
            assert np.array_equal(back.spikes.times, value.spikes.times)
            assert np.array_equal(back.spikes.units, value.spikes.units)
            assert close(back.spikes.epochs, value.spikes.epochs)

    def test_trials_and_tables(self) -> None:
        trials = Trials({"start": [0.0, 1.0], "stop": [2.0, 3.0], "choice": [1.0, np.nan]})
        licks = Trials({"time": [0.1, 0.5], "label": ["left", "right"]})
        nested = Trials({"start": [0.0, 1.0], "stop": [9.0, 2.0], "phase": ["a", "b"]})
        value = Recording(trials=trials, tables={"licks": licks, "nested": nested})
        _, back, lost = there_and_back(value)
        assert back.trials == trials
        assert back.tables == {"licks": licks, "nested": nested}
        assert not lost

    def test_what_is_lost_is_said(self) -> None:
        mixed = Trials({"start": [0.0, 1.0], "stop": [1.0, 2.0], "words": [["a"], []]})
        _, _, lost = there_and_back(Recording(trials=mixed, tables={"t": Trials({"x": [1]})}))
        assert "column 'words' of trials" in lost
        assert "table 't'" in lost


class TestFromNeo:
    def test_other_units_of_time(self) -> None:
        train = neo.SpikeTrain([500, 2000], units="ms", t_stop=2000)
        spikes = from_neo(train)
        assert spikes.of(0).tolist() == [0.5, 2.0]
        assert close(spikes.epochs, Epochs(0.0, 2.0))

    def test_trains_of_different_times(self) -> None:
        trains = [neo.SpikeTrain([1], units="s", t_stop=x, name=n) for x, n in [(1, "a"), (2, "b")]]
        trains[0].annotate(region="CA1")
        spikes = from_neo(trains)
        assert spikes.names == ("a", "b")
        assert spikes.properties["region"].tolist() == ["CA1", None]
        np.testing.assert_allclose(spikes.rates_hz, [1.0, 0.5])
        assert close(spikes.epochs, Epochs(0, 2), 1e-8)

    def test_irregular_signals(self) -> None:
        make = neo.IrregularlySampledSignal
        signal = make([0, 250, 500], [1, 2, 3], units="mV", time_units="ms")
        assert from_neo(signal) == Signal([1.0, 2, 3], 4.0, unit="mV")
        series = from_neo(make([0, 250, 400], [1, 2, 3], units="mV", time_units="ms"))
        assert isinstance(series, TimeSeries)
        assert series.times.tolist() == [0.0, 0.25, 0.4]

    def test_array_annotations_are_properties(self) -> None:
        signal = neo.AnalogSignal(
            np.zeros((4, 2)), units="uV", sampling_rate=1 * pq.kHz, t_start=2 * pq.ms,
            array_annotations={"channel_names": ["a", "b"], "depth": [10, 20] * pq.um},
            description="raw", probe="p1",
        )  # fmt: skip
        back = from_neo(signal)
        assert (back.rate, back.start, back.unit) == (1000.0, 0.002, "uV")
        assert back.channels == ("a", "b")
        assert back.properties["depth"].tolist() == [10, 20]
        assert back.metadata == {
            "probe": "p1",
            "description": "raw",
            "property_units": {"depth": "um"},
        }
        there = to_neo(back)
        assert there.array_annotations["depth"].units == pq.um
        assert from_neo(there) == back

    def test_a_segment_loses_nothing_in_silence(self) -> None:
        segment = neo.Segment(name="run 1", description="d", subject="m1")
        for k in (1.0, 2.0):
            segment.analogsignals.append(
                neo.AnalogSignal(np.full(3, k), units="mV", sampling_rate=1 * pq.Hz, name="lfp")
            )
        segment.events.append(neo.Event([1, 2] * pq.s, labels=["a", "b"], name="stimulus"))
        segment.epochs.append(
            neo.Epoch([0, 1] * pq.s, [5, 1] * pq.s, labels=["x", "y"], name="nested")
        )
        segment.epochs.append(neo.Epoch([0] * pq.s, [1] * pq.s, labels=["x"], name="one"))
        segment.imagesequences.append(
            neo.ImageSequence(
                np.zeros((2, 3, 3)), units="V", sampling_rate=1 * pq.Hz, spatial_scale=1 * pq.um
            )
        )  # fmt: skip
        train = neo.SpikeTrain([1] * pq.s, t_stop=2, waveforms=np.zeros((1, 1, 4)) * pq.mV)
        segment.spiketrains.append(train)
        back = from_neo(segment)
        assert {k: v.values[0, 0] for k, v in back.signals.items()} == {"lfp": 1.0, "lfp (2)": 2.0}
        assert back.tables["stimulus"].table.to_dict("list") == {
            "time": [1.0, 2.0], "label": ["a", "b"],
        }  # fmt: skip
        assert back.tables["nested"].table["stop"].tolist() == [5.0, 2.0]
        assert back.epochs["one"].properties["label"].tolist() == ["x"]
        assert back.metadata["subject"] == "m1"
        assert back.metadata["name"] == "run 1"
        skipped = back.metadata["skipped"]
        assert {"waveforms", "image sequence 0", "epochs 'nested'"} == set(skipped)
        assert "disjoint" in skipped["epochs 'nested'"]

    def test_a_block_is_a_list_of_its_segments(self) -> None:
        block = neo.Block(name="day")
        for k in range(2):
            block.segments.append(neo.Segment(name=f"s{k}"))
        block.groups.append(neo.Group(name="tetrode"))
        parts = from_neo(block)
        assert [x.metadata["name"] for x in parts] == ["s0", "s1"]
        assert parts[0].metadata["block"] == {"name": "day"}
        assert "group 'tetrode'" in parts[1].metadata["skipped"]

    def test_spikes_without_time_of_recording(self) -> None:
        back = from_neo([neo.SpikeTrain([] * pq.s, t_start=1, t_stop=1)])
        assert back.n_units == 1
        assert not len(back.epochs)

    def test_refused(self) -> None:
        gaps = SpikeTrains([0.5], [0], epochs=Epochs([0, 2], [1, 3]))
        with pytest.raises(DataError, match=r"data: expected one epoch .*, got 2"):
            to_neo(gaps)
        with pytest.raises(DataError, match=r"data: expected trials with start and stop"):
            to_neo(Recording(trials=Trials({"x": [1]})))
        with pytest.raises(DataError, match=r"a unit that neo knows.*'blorp'"):
            to_neo(Signal([1.0], 1.0, unit="blorp"))
        for unit in ("a.u.", "°C", "mV)", "1 2", "()"):
            with pytest.raises(DataError, match=r"a unit that neo knows"):
                to_neo(Signal([1.0], 1.0, unit=unit))
        overlapping = neo.Epoch(times=[0, 1], durations=[2, 1], units="s")
        with pytest.raises(DataError, match=r"start: expected disjoint epochs"):
            from_neo(overlapping)
        with pytest.raises(DataError, match=r"data: expected a neo Block"):
            from_neo([])
        with pytest.raises(DataError, match=r"data: expected Epochs"):
            to_neo(Trials({"x": [1]}))  # type: ignore[arg-type]

    @given(epochs(grid=True))
    def test_borders_that_touch_still_do(self, value: Epochs) -> None:
        assert close(from_neo(to_neo(value)), value)


def test_events_and_epochs_that_overlap_keep_what_is_said_of_them() -> None:
    said = {"name": "n", "description": "d", "rig": 3}
    event = neo.Event([1.0] * pq.s, labels=["a"], **said)
    epoch = neo.Epoch([1.0, 1.5] * pq.s, [1.0, 1.0] * pq.s, labels=["a", "b"], **said)
    segment = neo.Segment()
    segment.events.append(event)
    segment.epochs.append(epoch)
    tables = from_neo(segment).tables
    assert len(tables) == 2
    assert tables["n"].metadata == {"description": "d", "rig": 3}
    assert tables["n (2)"].metadata == {"name": "n", "description": "d", "rig": 3}
    assert from_neo(event).metadata == {"name": "n", "description": "d", "rig": 3}


SAID = {"name": "n", "description": "d", "file_origin": "f.nex", "rig": 3}


def alone() -> dict[str, Any]:
    """Return one object of each kind that says all that one can say."""
    samples = np.zeros((3, 1))
    return {
        "Epoch": neo.Epoch([1.0] * pq.s, [1.0] * pq.s, **SAID),
        "Event": neo.Event([1.0] * pq.s, **SAID),
        "AnalogSignal": neo.AnalogSignal(samples, units="mV", sampling_rate=1 * pq.Hz, **SAID),
        "IrregularlySampledSignal": neo.IrregularlySampledSignal(
            [0, 1, 5] * pq.s, samples, units="mV", **SAID
        ),
    }


@pytest.mark.parametrize("kind", list(alone()))
def test_an_object_alone_keeps_all_that_it_says(kind: str) -> None:
    back = from_neo(alone()[kind])
    assert back.metadata == SAID
    if kind != "Event":
        again = to_neo(back)
        assert (again.name, again.description, again.file_origin) == ("n", "d", "f.nex")
        assert from_neo(again).metadata == SAID


@pytest.mark.parametrize("kind", list(alone()))
def test_in_a_segment_the_name_is_the_key_and_a_numbered_one_stays(kind: str) -> None:
    segment = neo.Segment()
    one, two = alone()[kind], alone()[kind]
    for item in (one, two):
        getattr(segment, f"{kind.lower()}s").append(item)
    back = from_neo(segment)
    parts = {**back.signals, **back.epochs, **back.tables}
    assert {key: part.metadata.get("name") for key, part in parts.items()} == {
        "n": None,
        "n (2)": "n",
    }


def test_spike_trains_keep_all_that_they_say() -> None:
    trains = [
        neo.SpikeTrain([0.5] * pq.s, t_stop=1, **SAID, depth=5.0 * pq.um, sampling_rate=9 * pq.Hz),
        neo.SpikeTrain([0.6] * pq.s, t_stop=1, name="m", depth=7.0 * pq.um),
    ]
    back = from_neo(trains)
    assert back.names == ("n", "m")
    assert {name: list(values) for name, values in back.properties.items()} == {
        "rig": [3, None],
        "depth": [5.0, 7.0],
        "description": ["d", None],
        "file_origin": ["f.nex", None],
    }
    assert back.metadata["property_units"] == {"depth": "um"}
    assert set(back.metadata["skipped"]) == {"sampling_rate"}
    with pytest.warns(ConversionWarning, match="metadata of the spikes"):
        again = to_neo(back)
    assert again[0].annotations["depth"] == 5.0 * pq.um


def test_quantities_of_other_units_are_told_with_them() -> None:
    trains = [neo.SpikeTrain([0.5] * pq.s, t_stop=1, depth=x) for x in (5 * pq.um, 1 * pq.mm)]
    assert all("um" in x or "mm" in x for x in from_neo(trains).properties["depth"])
    segment = neo.Segment(gain=2.0 * pq.mV)
    assert from_neo(segment).metadata["gain"] == {"value": 2.0, "unit": "mV"}


def test_annotations_that_have_the_name_of_something_else_are_kept_beside_it() -> None:
    epoch = neo.Epoch([1.0, 1.5] * pq.s, [1.0, 1.0] * pq.s, labels=["a", "b"], name="e",
                      array_annotations={"label": [1, 2], "start": [3, 4]})  # fmt: skip
    epoch.annotate(description="annotated")
    epoch.description = "attribute"
    segment = neo.Segment(file_datetime=datetime.datetime(2020, 1, 2))
    segment.epochs.append(epoch)
    recording = from_neo(segment)
    table = recording.tables["e"]
    assert table.table.to_dict("list") == {
        "start": [1.0, 1.5], "stop": [2.0, 2.5], "label": ["a", "b"],
        "label (2)": [1, 2], "start (2)": [3, 4],
    }  # fmt: skip
    assert table.metadata == {"description": "annotated", "neo description": "attribute"}
    assert recording.metadata["file_datetime"].startswith("2020-01-02")


def test_times_of_observation_beside_recorded_epochs_are_kept() -> None:
    observed = [Epochs(0.0, 2.0), Epochs(1.0, 2.0), Epochs([], [])]
    spikes = SpikeTrains.from_lists([[0.5], [1.5], []], Epochs(0.0, 2.0), observed=observed)
    back = from_neo(to_neo(Recording(spikes)))
    assert back.spikes.observed is not None
    assert [close(a, b) or len(a) == len(b) == 0
            for a, b in zip(back.spikes.observed, observed, strict=True)] == 3 * [True]  # fmt: skip
    gaps = SpikeTrains.from_lists([[0.5], [3.5]], Epochs([0.0, 3.0], [2.0, 4.0]))
    assert from_neo(to_neo(Recording(gaps))).spikes.observed is None


def test_units_keep_whole_numbers_as_names() -> None:
    for names in ([31, 7], [0, 1], ["a", 7]):
        spikes = SpikeTrains([0.5], [1], 2, Epochs(0, 1), names)
        assert there_and_back(spikes)[1:] == (spikes, "")
    _, back, lost = there_and_back(spikes.replace(properties={"unit_number": [5, 6]}))
    assert back.names == ("a", 7)
    assert "property 'unit_number'" in lost
    foreign = neo.SpikeTrain([0.5] * pq.s, t_stop=1, name="a", unit_number=4)
    assert from_neo(foreign).properties["unit_number"].tolist() == [4]


def test_trains_alone_are_recorded_when_any_was() -> None:
    halves = [Epochs(0.0, 1.0), Epochs(1.0, 2.0)]
    spikes = SpikeTrains.from_lists([[0.5], [1.5]], Epochs(0.0, 2.0), observed=halves)
    assert there_and_back(spikes)[1:] == (spikes, "")
    _, back, lost = there_and_back(spikes.replace(epochs=Epochs(0.0, 3.0)))
    assert back == spikes
    assert " epochs: " in lost


def test_spikes_on_a_rounded_stop_stay() -> None:
    for start, stop in ((-630407.563, 7e-59), (0.1, 0.3), (1.1, 5.7), (-3.3, 1e-9)):
        last = np.nextafter(stop, -np.inf)
        spikes = SpikeTrains([start, last], [0, 0], epochs=Epochs(start, stop))
        back = from_neo(to_neo(Recording(spikes)))
        assert back.spikes.times.tolist() == [start, last]
        assert "skipped" not in back.metadata


def test_text_that_says_nothing_is_no_label_and_yet_kept() -> None:
    for value in (
        Epochs([0], [1], {"label": [""]}),
        Epochs([], [], {"label": np.array([], "U1"), "n": np.array([], int)}),
    ):
        assert there_and_back(value)[1:] == (value, "")


def test_events_say_what_they_cannot_keep() -> None:
    licks = TimeSeries(None, [0.5], (), "px", Epochs(0, 1), {"side": np.empty(0)})
    _, back, lost = there_and_back(licks)
    assert back == Trials({"time": [0.5]})
    assert all(x in lost for x in ("epochs", "unit", "property 'side'"))


def test_what_has_no_trains_or_samples() -> None:
    _, back, lost = there_and_back(Recording(SpikeTrains([], [], 0, Epochs(0, 1))))
    assert back == Recording()
    assert "spikes: they are of no unit" in lost
    segment = neo.Segment()
    segment.epochs.append(neo.Epoch([0], [1], units="s", name="recorded"))
    assert from_neo(segment) == Recording(epochs={"recorded": Epochs(0, 1)})
    none = TimeSeries(np.empty((0, 2)), [], epochs=Epochs(0, 1))
    assert there_and_back(none)[1] == none.replace(epochs=Epochs([], []))


def arguments_of_neo() -> list[str]:
    """Return every name that means something to the making of a neo object, and odd ones."""
    kinds = (neo.Epoch, neo.Event, neo.SpikeTrain, neo.AnalogSignal, neo.IrregularlySampledSignal,
             neo.Segment, neo.Block)  # fmt: skip
    makers = [make for kind in kinds for make in (kind.__new__, kind.__init__)]
    known = {name for make in makers for name in inspect.signature(make).parameters}
    return sorted({*known, "index", "annotations", "a b", ""})


@pytest.mark.parametrize("key", arguments_of_neo())
def test_no_entry_is_an_argument_of_neo(key: str) -> None:
    when = Epochs([0, 2], [1, 3])
    for said in ("int16", 3, ""):
        about = {key: said}
        signal = Signal([1.7, 2.9], 1.0, unit="mV", metadata=about)
        for value in (
            signal,
            signal.replace(properties={key: [said]}),
            TimeSeries([1.7, 2.9, 4.1], [0, 1, 7], metadata=about),
            when.replace(metadata=about),
            when.replace(properties={key: [1, 2]}),
            SpikeTrains([0.5], [0], epochs=Epochs(0, 1), properties={key: [said]}),
            Recording(signals={"int16": signal}, metadata=about),
            Recording(epochs={"int16": when.replace(metadata=about)}),
        ):
            assert there_and_back(value)[1:] == (value, "")
        assert from_neo(to_neo(TimeSeries(None, [0.0, 1.0], metadata=about))).metadata == about


@pytest.mark.parametrize("dtype", ["M8[ns]", "M8[D]", "m8[ns]", "m8[D]"])
def test_dates_are_told_of_every_type(dtype: str) -> None:
    about = {"day": np.array([1, 2], dtype)}
    for value in (
        SpikeTrains([0.5], [0], 2, Epochs(0, 1), properties=about),
        Epochs([0, 2], [1, 3], about),
        Signal(np.eye(2), 1.0, properties=about),
    ):
        _, back, lost = there_and_back(value)
        assert "property 'day'" in lost
        assert not back.properties


def test_units_that_neo_writes_otherwise_are_told() -> None:
    about = {"property_units": {"depth": "µm", "kind": "s", "angle": "a.u."}}
    known = {"depth": [1.0], "angle": [2.0]}
    signal = Signal([1.7, 2.9], 1.0, unit="µV", properties=known, metadata=about)
    _, back, lost = there_and_back(signal)
    assert back.unit == "uV"
    assert "unit: 'µV' comes back as 'uV'" in lost
    spikes = SpikeTrains([0.5], [0], epochs=Epochs(0, 1), properties=known, metadata=about)
    for said in (lost, there_and_back(spikes)[2]):
        assert "unit of property 'depth': 'µm' comes back as 'um'" in said
        assert "unit of property 'kind': 's', of no" in said
        assert "unit of property 'angle': 'a.u.', of no" in said
    assert not there_and_back(signal.replace(unit="uV", metadata={}))[2]


def test_what_is_told_says_of_which_signal_and_epochs() -> None:
    odd = {"depth": [(1, 2)]}
    signals = {"lfp": Signal([1.0], 10.0, properties=odd), "eeg": Signal([1.0], 10.0)}
    epochs = {"rest": Epochs(0, 1, odd), "run": Epochs(2, 3)}
    _, _, lost = there_and_back(Recording(signals=signals, epochs=epochs))
    assert "property 'depth' of 'lfp': " in lost
    assert "property 'depth' of 'rest': " in lost
    assert "eeg" not in lost
    assert "run" not in lost


@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "f2", "f4", "i8", "f8", "?"])
def test_types_of_units_that_neo_widens_are_told(dtype: str) -> None:
    values = np.array([0, 1]).astype(dtype)
    spikes = SpikeTrains.from_lists([[0.1], [0.2]], Epochs(0, 1), (), {"a": values})
    _, back, lost = there_and_back(spikes)
    found = back.properties["a"]
    assert found.tolist() == values.tolist()
    assert (found.dtype == dtype) is ("comes back as" not in lost)
