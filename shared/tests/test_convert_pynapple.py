"""pynapple: what goes there comes back, up to its nanoseconds and its closed intervals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pynapple as nap
import pytest
from convert_strategies import rich_epochs, rich_signals, rich_spikes, time_series, untold
from hypothesis import given

from neuroloom.shared import DataError, Epochs, Signal, SpikeTrains, Trials
from neuroloom.shared.convert import ConversionWarning, from_pynapple, to_pynapple
from neuroloom.shared.data import Clock, TimeSeries


def close(a: Epochs, b: Epochs, tolerance: float = 1e-9) -> bool:
    return len(a) == len(b) and bool(
        np.allclose(a.start, b.start, rtol=0, atol=tolerance)
        and np.allclose(a.stop, b.stop, rtol=0, atol=tolerance)
    )


def there_and_back(value: Any, **more: Any) -> tuple[Any, str]:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        there = to_pynapple(value)
    ours = [str(x.message) for x in told if issubclass(x.category, ConversionWarning)]
    return from_pynapple(there, **more), " ".join(ours)


@pytest.mark.slow
@given(rich_epochs(grid=True, touching=False))
def test_epochs(value: Epochs) -> None:
    assert not untold(value, *there_and_back(value))


@pytest.mark.slow
@given(rich_spikes(grid=True))
def test_spikes(value: SpikeTrains) -> None:
    assert not untold(value, *there_and_back(value))


@given(rich_signals())
def test_signals(value: Signal) -> None:
    back, lost = there_and_back(value, rate=value.rate)
    assert back.rate == value.rate
    assert not untold(value, back, lost)
    if len(value) > 1:
        assert not untold(value, *there_and_back(value))
    else:
        assert " rate: " in lost


@given(time_series())
def test_time_series(value: TimeSeries) -> None:
    back, lost = there_and_back(value)
    if isinstance(back, Signal):  # the times are regular by chance
        back = TimeSeries(back.values, value.times, back.channels, "", value.epochs)
        back = back.replace(properties=value.properties)
    assert not untold(value, back, lost)


def test_one_sample_alone_has_no_rate_and_events_become_spikes() -> None:
    back, lost = there_and_back(Signal([5.0], 30.0, 2.0))
    assert isinstance(back, TimeSeries)
    assert "rate: 30.0 Hz; the times say none" in lost
    again, _ = there_and_back(Signal([5.0], 30.0, 2.0), rate=30.0)
    assert again == Signal([5.0], 30.0, 2.0)
    licks, lost = there_and_back(TimeSeries(None, [0.5, 0.5, 2.0]))
    assert licks == SpikeTrains([0.5, 0.5, 2.0], [0, 0, 0], epochs=licks.epochs)
    assert not lost


def test_names_that_are_the_numbers_from_0_are_kept() -> None:
    spikes = SpikeTrains([0.5], [1], 2, Epochs(0, 1))
    assert there_and_back(spikes) == (spikes, "")
    named = spikes.replace(names=[0, 1])
    assert there_and_back(named) == (named, "")
    assert "names: whole numbers among text" in there_and_back(spikes.replace(names=["a", 1]))[1]


def test_a_time_support_that_is_not_of_these_samples_is_told() -> None:
    tsd = nap.Tsd(t=np.arange(5) / 10, d=np.arange(5), time_support=nap.IntervalSet(-1, 3))
    moved = from_pynapple(tsd).on_clock(Clock(100.0))
    with pytest.warns(ConversionWarning, match="metadata 'time_support'.*hold all samples"):
        assert len(to_pynapple(moved)) == 5


def test_nothing_is_said_where_nothing_is_lost() -> None:
    spikes = SpikeTrains([0.5], [1], 2, Epochs(0, 1), [4, 9], {"region": ["CA1", "CA3"]})
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConversionWarning)
        group = to_pynapple(spikes)
    assert list(group.keys()) == [4, 9]
    assert from_pynapple(group) == spikes


def test_times_of_single_units() -> None:
    back = from_pynapple(nap.Ts(np.array([0.5, 2.0, 3.0])))
    assert back.to_lists()[0].tolist() == [0.5, 2.0, 3.0]
    assert close(back.epochs, Epochs(0.5, 3.0))
    assert back.epochs.contains(3.0)


def test_units_keep_their_keys_and_metadata() -> None:
    support = nap.IntervalSet(0, 10)
    trains = {7: [1.0], 3: [2.0], 5: []}
    group = {key: nap.Ts(np.array(t), time_support=support) for key, t in trains.items()}
    metadata = {"region": ["b", "c", "a"], "depth": [1.5, 2.5, np.nan]}
    theirs = nap.TsGroup(group, time_support=support, metadata=metadata)
    back = from_pynapple(theirs)
    assert back.names == (3, 5, 7)
    assert [list(t) for t in back.to_lists()] == [[2.0], [], [1.0]]
    # Whose a value is says pynapple: 0.8 counts units by their keys, later ones as they were given.
    for name in metadata:
        expected = [theirs[name][unit] for unit in (3, 5, 7)]
        assert back.properties[name].tolist() == pytest.approx(expected, nan_ok=True)
    assert "rate" not in back.properties


def test_a_time_support_in_parts_is_kept() -> None:
    support = nap.IntervalSet([0, 5], [2, 8])
    back = from_pynapple(nap.TsGroup({0: nap.Ts(np.array([1.0, 6.0]))}, time_support=support))
    assert close(back.epochs, Epochs([0, 5], [2, 8]))
    series = from_pynapple(nap.Tsd(t=np.r_[0.0, 1, 2, 5, 6], d=np.arange(5), time_support=support))
    assert isinstance(series, TimeSeries)
    assert close(series.epochs, Epochs([0, 5], [2, 8]))


def test_a_longer_time_support_of_a_signal_is_told() -> None:
    tsd = nap.Tsd(t=np.arange(5) / 10, d=np.arange(5), time_support=nap.IntervalSet(-1, 3))
    back = from_pynapple(tsd)
    assert back.metadata["time_support"] == {"start": [-1.0], "stop": [3.0]}
    assert to_pynapple(back).time_support.start[0] == -1


def test_a_rate_is_told_from_rounded_times() -> None:
    tsd = nap.Tsd(t=np.arange(3000) / 30000, d=np.zeros(3000))
    assert from_pynapple(tsd).rate == 30000.0


def test_gaps() -> None:
    tsd = nap.Tsd(t=np.array([0.0, 1.0, 2.0, 9.0]), d=np.arange(4.0))
    series = from_pynapple(tsd)
    assert isinstance(series, TimeSeries)
    assert series.times.tolist() == [0, 1, 2, 9]
    signal = from_pynapple(tsd, rate=1.0)
    assert np.isnan(signal.values[3:9]).all()
    assert signal.values[[0, 1, 2, 9], 0].tolist() == [0, 1, 2, 3]
    with pytest.raises(DataError, match=r"on a grid of 0\.3 Hz"):
        from_pynapple(tsd, rate=0.3)


def test_whole_numbers_and_truth_are_numbers() -> None:
    tsd = nap.Tsd(t=np.arange(3.0), d=np.array([True, False, True]))
    assert from_pynapple(tsd).values[:, 0].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Epochs([0, 1], [1, 2]), "epochs with a gap between them, for pynapple, got 1.0"),
        (Epochs(0, 1e-12), "epochs of a nanosecond or more"),
        (SpikeTrains([], [], 0, Epochs(0, 1)), "at least one unit"),
        (Signal(np.zeros((0, 1)), 1.0), "at least one sample"),
        (Trials({"x": [1]}), "expected Epochs, Signal, .* got .*Trials"),
    ],
)
def test_what_pynapple_would_change_is_refused(value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        to_pynapple(value)


def test_something_else() -> None:
    with pytest.raises(DataError, match=r"data: expected a pynapple .*, got numpy.ndarray"):
        from_pynapple(np.zeros(3))
    tensor = nap.TsdTensor(t=np.arange(3.0), d=np.zeros((3, 2, 2)))
    with pytest.raises(DataError, match=r"two dimensions of a tensor.*TsdTensor \(3, 2, 2\)"):
        from_pynapple(tensor)


def test_one_sample_or_spike_alone() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pynapple, about the support that it drops
        one, spike = nap.Tsd(t=np.array([1.0]), d=np.array([2.0])), nap.Ts(np.array([1.0]))
    assert from_pynapple(one).values.tolist() == [[2.0]]
    assert from_pynapple(spike).times.tolist() == [1.0]


def test_a_property_never_stands_beside_a_column_of_its_name() -> None:
    epochs = Epochs([0, 2], [1, 3], {"start": [10, 20], "end": [5, 6], "kind": ["a", "b"]})
    with pytest.warns(ConversionWarning, match="property 'start'.*property 'end'"):
        there = to_pynapple(epochs)
    assert list(there.metadata_columns) == ["kind"]
    assert there.start.tolist() == [0, 2]
    spikes = SpikeTrains([0.1, 0.2], [0, 1], properties={"rate": [5, 6]})
    with pytest.warns(ConversionWarning, match="property 'rate'"):
        to_pynapple(spikes)


@pytest.mark.parametrize("names", [(), [20, 48], ["q", "r"]])
@pytest.mark.parametrize("said", [["x", "y"], ["x", "x"], [3, 4], [1.5, 2.0], [True, False]])
def test_a_property_called_name_never_becomes_the_names(names: Any, said: Any) -> None:
    spikes = SpikeTrains([0.5], [1], 2, Epochs(0, 1), names, {"name": said})
    back, lost = there_and_back(spikes)
    assert back.names == spikes.names
    assert back == spikes or "property 'name'" in lost
    if said == ["x", "x"] and "q" not in names:
        assert not lost


def test_no_property_is_an_argument_of_pynapple() -> None:
    for name in ("metadata", "self", "kwargs", ""):
        value = Epochs([0, 2], [1, 3], {name: ["x", "y"]})
        assert there_and_back(value) == (value, "")


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_json_has_no_number_for_is_known_of_a_time_support(odd: float) -> None:
    when = Epochs(-1.0, 3.0, {"depth": np.array([odd]), "deep": np.array([odd], np.float32)})
    series = TimeSeries(np.arange(4.0), [0, 0.5, 1, 1.5], epochs=when)
    signal, lost = there_and_back(series)
    assert not lost
    assert signal.metadata["time_support"]["properties"]["depth"] == [repr(odd)]
    again = to_pynapple(signal).time_support
    for name in ("depth", "deep"):
        np.testing.assert_array_equal(again.metadata[name], when.properties[name])


def test_a_sample_or_spike_alone_needs_no_epochs() -> None:
    series, spikes = TimeSeries([1.0], [8.559]), SpikeTrains([8.559], [0])
    for value, said in ((series, ""), (spikes.replace(epochs=series.epochs), "")):
        back, lost = there_and_back(value)
        assert back.times.tolist() == [8.559]
        assert close(back.epochs, value.epochs, 2e-9)
        assert lost == said
    assert there_and_back(spikes)[0].times.tolist() == [8.559]
