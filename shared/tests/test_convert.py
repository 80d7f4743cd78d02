"""Converters: what goes to another library comes back, and bad epochs are never repaired."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Any

import neo
import numpy as np
import pandas as pd
import pynapple as nap
import pynwb
import pytest
import xarray as xr
from hypothesis import assume, given
from shared_strategies import epochs, recordings, signals, spike_trains, trials

from neuroloom.shared import (
    DataError,
    Epochs,
    MissingDependencyError,
    Recording,
    Signal,
    SpikeTrains,
    Trials,
    from_frame,
    from_neo,
    from_pynapple,
    from_xarray,
    read_nwb,
    to_frame,
    to_neo,
    to_pynapple,
    to_xarray,
)

SPIKES = SpikeTrains([0.5, 1.0], [0, 1], 3, Epochs(0.0, 2.0))
SIGNAL = Signal(np.arange(6.0).reshape(3, 2), 10.0, 0.5, ["a", "b"])


def close(a: Epochs, b: Epochs, tolerance: float = 1e-9) -> bool:
    return len(a) == len(b) and bool(
        np.allclose(a.start, b.start, rtol=0, atol=tolerance)
        and np.allclose(a.stop, b.stop, rtol=0, atol=tolerance)
    )


class TestPandas:
    @given(epochs())
    def test_epochs(self, value: Epochs) -> None:
        assert from_frame(to_frame(value), Epochs) == value

    @given(spike_trains())
    def test_spikes(self, value: SpikeTrains) -> None:
        more = {"n_units": value.n_units, "epochs": value.epochs}
        assert from_frame(to_frame(value), SpikeTrains, **more) == value

    @given(signals(minimum=1))
    def test_signal_with_its_rate(self, value: Signal) -> None:
        assert from_frame(to_frame(value), Signal, rate=value.rate) == value

    @given(signals(minimum=2))
    def test_signal_without(self, value: Signal) -> None:
        assert from_frame(to_frame(value), Signal).rate == pytest.approx(value.rate, rel=1e-4)

    @given(trials())
    def test_trials(self, value: Trials) -> None:
        assert from_frame(to_frame(value), Trials, session=value.session) == value

    def test_the_table_of_trials_is_a_copy(self) -> None:
        trials = Trials({"x": [1]})
        table = to_frame(trials)
        table["y"] = 2
        assert list(trials.table) == ["x"]

    def test_a_rate_is_told_from_times(self) -> None:
        frame = pd.DataFrame({"lfp": np.zeros(1000)}, index=3.0 + np.arange(1000) / 1250)
        assert from_frame(frame, Signal).rate == 1250.0

    @pytest.mark.parametrize(
        ("frame", "kind", "message"),
        [
            (
                pd.DataFrame({"begin": [0]}),
                Epochs,
                r"columns \['start', 'stop'\] too, got \['begin'\]",
            ),
            (pd.DataFrame({"start": [0, 1], "stop": [2, 3]}), Epochs, "disjoint"),
            (pd.DataFrame({"a": [0, 1, 2]}, index=[0.0, 1.0, 1.5]), Signal, "regular times"),
            (pd.DataFrame({"a": [0]}), Signal, "rate: expected a rate where there are fewer"),
            (pd.DataFrame({"a": [0, 1]}, index=[1.0, 0.0]), Signal, "times that increase"),
            (pd.DataFrame(), Recording, "kind: expected Epochs, Signal, SpikeTrains or Trials"),
            ([1, 2], Epochs, "frame: expected a pandas DataFrame, got builtins.list"),
        ],
    )
    def test_refused(self, frame: Any, kind: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            from_frame(frame, kind)

    def test_no_such_type(self) -> None:
        with pytest.raises(DataError, match=r"data: expected .*, got neuroloom.shared.*Recording"):
            to_frame(Recording())  # type: ignore[arg-type]


class TestPynapple:
    @given(epochs(grid=True, touching=False))
    def test_epochs(self, value: Epochs) -> None:
        there = to_pynapple(value)
        assert isinstance(there, nap.IntervalSet)
        assert close(from_pynapple(there), value)

    @given(spike_trains(grid=True))
    def test_spikes(self, value: SpikeTrains) -> None:
        there = to_pynapple(value)
        assert isinstance(there, nap.TsGroup)
        back = from_pynapple(there)
        assert back.n_units == value.n_units
        assert np.array_equal(back.units, value.units)
        assert np.allclose(back.times, value.times, rtol=0, atol=1e-9)
        assert close(back.epochs, value.epochs)

    @given(signals(minimum=1))
    def test_signal(self, value: Signal) -> None:
        there = to_pynapple(value)
        one = value.n_channels == 1 and not value.channels
        assert isinstance(there, nap.Tsd if one else nap.TsdFrame)
        back = from_pynapple(there, rate=value.rate)
        assert np.array_equal(back.values, value.values, equal_nan=True)
        assert back.values.dtype == value.values.dtype
        assert back.channels == value.channels
        assert back.rate == value.rate
        assert back.start == pytest.approx(value.start, abs=1e-9)

    def test_times_of_single_units(self) -> None:
        back = from_pynapple(nap.Ts(np.array([0.5, 2.0, 3.0])))
        assert back.to_lists()[0].tolist() == [0.5, 2.0, 3.0]
        assert close(back.epochs, Epochs(0.5, 3.0))
        assert back.epochs.contains(3.0)

    def test_units_are_numbered_in_the_order_of_their_keys(self) -> None:
        support = nap.IntervalSet(0, 10)
        trains = {7: [1.0], 3: [2.0]}
        group = {key: nap.Ts(np.array(t), time_support=support) for key, t in trains.items()}
        back = from_pynapple(nap.TsGroup(group, time_support=support))
        assert [list(t) for t in back.to_lists()] == [[2.0], [1.0]]

    def test_a_rate_is_told_from_rounded_times(self) -> None:
        tsd = nap.Tsd(t=np.arange(3000) / 30000, d=np.zeros(3000))
        assert from_pynapple(tsd).rate == 30000.0

    def test_gaps_are_refused(self) -> None:
        tsd = nap.Tsd(t=np.array([0.0, 1.0, 2.0, 9.0]), d=np.zeros(4))
        with pytest.raises(DataError, match=r"data.t: expected regular times"):
            from_pynapple(tsd)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (Epochs([0, 1], [1, 2]), "epochs with a gap between them, for pynapple, got 1.0"),
            (Epochs(0, 1e-12), "epochs of a nanosecond or more"),
            (SpikeTrains([], [], 0, Epochs(0, 1)), "at least one unit"),
            (Signal(np.zeros((0, 1)), 1.0), "at least one sample"),
            (Trials({"x": [1]}), "expected Epochs, Signal or SpikeTrains, got .*Trials"),
        ],
    )
    def test_what_pynapple_would_change_is_refused(self, value: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            to_pynapple(value)

    def test_something_else(self) -> None:
        with pytest.raises(DataError, match=r"data: expected a pynapple .*, got numpy.ndarray"):
            from_pynapple(np.zeros(3))


class TestXarray:
    @given(signals(minimum=1))
    def test_there_and_back(self, value: Signal) -> None:
        there = to_xarray(value)
        assert there.dims == ("time", "channel")
        assert from_xarray(there) == value
        assert from_xarray(there.transpose()) == value

    def test_the_times_win_over_a_rate_that_no_longer_holds(self) -> None:
        signal = Signal(np.zeros(100), 1000.0)
        assert from_xarray(to_xarray(signal)[::2]).rate == 500.0
        assert from_xarray(to_xarray(signal)[10:]).start == 0.01

    @pytest.mark.parametrize("dims", [("t",), ("time", "a", "b")])
    def test_other_dimensions(self, dims: tuple[str, ...]) -> None:
        with pytest.raises(DataError, match=r"array: expected dimensions \(time, channel\)"):
            from_xarray(xr.DataArray(np.zeros((2,) * len(dims)), dims=dims))

    def test_something_else(self) -> None:
        with pytest.raises(DataError, match=r"array: expected an xarray DataArray"):
            from_xarray(np.zeros(3))
        with pytest.raises(DataError, match=r"signal: expected Signal"):
            to_xarray(SPIKES)  # type: ignore[arg-type]


class TestNeo:
    @given(epochs(grid=True))
    def test_epochs(self, value: Epochs) -> None:
        assert close(from_neo(to_neo(value)), value)

    @given(spike_trains(one_epoch=True))
    def test_spikes(self, value: SpikeTrains) -> None:
        there = to_neo(value)
        assert [type(train) for train in there] == [neo.SpikeTrain] * value.n_units
        assert from_neo(there) == value

    @given(signals(minimum=1))
    def test_signal(self, value: Signal) -> None:
        there = to_neo(value, unit="mV")
        assert str(there.units.dimensionality) == "mV"
        assert from_neo(there) == value

    @given(recordings(with_trials=False, grid=True))
    def test_recording(self, value: Recording) -> None:
        assume(value.spikes is None or len(value.spikes.epochs))
        back = from_neo(to_neo(value))
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

    def test_other_units_of_time(self) -> None:
        train = neo.SpikeTrain([500, 2000], units="ms", t_stop=2000)
        spikes = from_neo(train)
        assert spikes.of(0).tolist() == [0.5, 2.0]
        assert close(spikes.epochs, Epochs(0.0, 2.0))

    def test_irregular_signals(self) -> None:
        make = neo.IrregularlySampledSignal
        signal = make([0, 250, 500], [1, 2, 3], units="mV", time_units="ms")
        assert from_neo(signal) == Signal([1.0, 2, 3], 4.0)
        with pytest.raises(DataError, match=r"data.times: expected regular times"):
            from_neo(make([0, 250, 400], [1, 2, 3], units="mV", time_units="ms"))

    def test_refused(self) -> None:
        gaps = SpikeTrains([0.5], [0], epochs=Epochs([0, 2], [1, 3]))
        with pytest.raises(DataError, match=r"data: expected one epoch .*, got 2"):
            to_neo(gaps)
        with pytest.raises(DataError, match=r"data: expected a recording without trials"):
            to_neo(Recording(trials=Trials({"x": [1]})))
        apart = [neo.SpikeTrain([], units="s", t_stop=stop) for stop in (1, 2)]
        with pytest.raises(DataError, match=r"with the same t_start and t_stop"):
            from_neo(apart)
        overlapping = neo.Epoch(times=[0, 1], durations=[2, 1], units="s")
        with pytest.raises(DataError, match=r"start: expected disjoint epochs"):
            from_neo(overlapping)
        with pytest.raises(DataError, match=r"data: expected a neo Epoch"):
            from_neo([])
        with pytest.raises(DataError, match=r"data: expected Epochs"):
            to_neo(Trials({"x": [1]}))  # type: ignore[arg-type]


class TestNWB:
    def written(self, path: Path, *, overlapping: bool = False) -> Path:
        moment = datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC)
        subject = pynwb.file.Subject(subject_id="m1", species="Mus musculus", sex="F", age="P90D")
        file = pynwb.NWBFile("running", "id-1", moment, subject=subject)
        for times in ([0.5, 1.5], [], [1.0]):
            file.add_unit(spike_times=times, obs_intervals=[[0.0, 1.5], [2.0, 3.0]])
        device = file.create_device("probe")
        shank = file.create_electrode_group("shank", "four", "CA1", device)
        for _ in range(2):
            file.add_electrode(group=shank, location="CA1")
        region = file.create_electrode_table_region([0, 1], "all")
        lfp = np.arange(20, dtype=np.int16).reshape(10, 2)
        electrical = pynwb.ecephys.ElectricalSeries(
            name="lfp", data=lfp, electrodes=region, channel_conversion=[1.0, 2.0], conversion=1e-6,
            rate=1250.0, starting_time=0.25,
        )  # fmt: skip
        file.add_acquisition(electrical)
        module = file.create_processing_module("behavior", "how it ran")
        stamps = 1.0 + np.arange(5) / 50
        for name, data, when in [
            ("speed", np.arange(5.0), stamps),
            ("licks", np.ones(3), [0.0, 1.0, 7.0]),
        ]:
            module.add(pynwb.TimeSeries(name=name, data=data, unit="n/a", timestamps=when))
        file.add_trial_column("choice", "left or right")
        file.add_trial(start_time=0.0, stop_time=1.0, choice="left")
        file.add_trial(start_time=1.0, stop_time=2.5, choice="right")
        file.add_epoch(0.0, 2.0 if overlapping else 1.0, ["run"])
        file.add_epoch(1.0, 3.0, ["run", "light"])
        with pynwb.NWBHDF5IO(str(path), "w") as out:
            out.write(file)
        return path

    def test_everything_is_read(self, tmp_path: Path) -> None:
        recording = read_nwb(self.written(tmp_path / "x.nwb"))
        assert recording.spikes is not None
        assert [list(t) for t in recording.spikes.to_lists()] == [[0.5, 1.5], [], [1.0]]
        assert close(recording.spikes.epochs, Epochs([0.0, 2.0], [1.5, 3.0]))
        assert recording.signals["lfp"].rate == 1250.0
        assert recording.signals["lfp"].start == 0.25
        expected = np.arange(20).reshape(10, 2) * [1e-6, 2e-6]
        np.testing.assert_allclose(recording.signals["lfp"].values, expected, rtol=1e-15)
        assert recording.signals["speed"] == Signal(np.arange(5.0), 50.0, 1.0)
        assert recording.trials is not None
        table = recording.trials.require("start_time", "stop_time", "choice")
        assert table.to_dict("list") == {
            "start_time": [0.0, 1.0], "stop_time": [1.0, 2.5], "choice": ["left", "right"],
        }  # fmt: skip
        assert recording.epochs == {"run": Epochs([0, 1], [1, 3]), "light": Epochs(1.0, 3.0)}
        metadata = recording.metadata
        assert metadata["identifier"] == "id-1"
        assert metadata["session_start_time"] == "2026-01-02T03:00:00+00:00"
        assert metadata["subject"]["species"] == "Mus musculus"
        assert metadata["unit_ids"] == [0, 1, 2]
        assert list(metadata["skipped"]) == ["licks"]
        assert "regular times" in metadata["skipped"]["licks"]

    def test_named_series_only(self, tmp_path: Path) -> None:
        path = self.written(tmp_path / "x.nwb")
        assert list(read_nwb(path, signals=["speed"]).signals) == ["speed"]
        with pytest.raises(DataError, match=r"licks.timestamps: expected regular times"):
            read_nwb(path, signals=["licks"])
        with pytest.raises(DataError, match=r"signals: expected some of \['lf.*, got 'emg'"):
            read_nwb(path, signals=["emg"])

    def test_overlapping_epochs_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"start: expected disjoint epochs"):
            read_nwb(self.written(tmp_path / "x.nwb", overlapping=True))

    def test_an_empty_file(self, tmp_path: Path) -> None:
        moment = datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)
        with pynwb.NWBHDF5IO(str(tmp_path / "x.nwb"), "w") as out:
            out.write(pynwb.NWBFile("nothing", "id-2", moment))
        recording = read_nwb(tmp_path / "x.nwb")
        assert recording.spikes is None
        assert recording.trials is None
        assert not recording.signals
        assert not recording.epochs

    def test_what_is_no_nwb(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"path: expected an existing file"):
            read_nwb(tmp_path / "x.nwb")
        (tmp_path / "x.nwb").write_text("no")
        with pytest.raises(DataError, match=r"path: expected an NWB file, got x.nwb"):
            read_nwb(tmp_path / "x.nwb")


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("pynapple", lambda: to_pynapple(SPIKES)),
        ("pynapple", lambda: from_pynapple(None)),
        ("xarray", lambda: to_xarray(SIGNAL)),
        ("xarray", lambda: from_xarray(None)),
        ("neo", lambda: to_neo(SPIKES)),
        ("neo", lambda: from_neo(None)),
        ("pynwb", lambda: read_nwb("x.nwb")),
    ],
)
def test_a_missing_library_is_named(
    module: str, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    extra = "nwb" if module == "pynwb" else module
    with pytest.raises(MissingDependencyError, match=rf"{module} .*neuroloom-shared\[{extra}\]"):
        call()
