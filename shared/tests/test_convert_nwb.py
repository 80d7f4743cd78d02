"""NWB: what is read, what is left out and why, and what comes back of what was written."""

from __future__ import annotations

import datetime
import shutil
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pynwb
import pytest
from convert_strategies import rich_recordings
from hdmf.backends.hdf5.h5_utils import H5DataIO
from hdmf.common import DynamicTable
from hdmf.utils import get_docval
from hypothesis import given, settings

from neuroloom.shared import DataError, Epochs, Recording, Signal, SpikeTrains, Trials
from neuroloom.shared.convert import read_nwb, read_nwb_signal, write_nwb
from neuroloom.shared.data import TimeSeries

UTC = datetime.UTC
MOMENT = datetime.datetime(2026, 1, 2, 3, tzinfo=UTC)


def close(a: Epochs, b: Epochs, tolerance: float = 1e-9) -> bool:
    return len(a) == len(b) and bool(
        np.allclose(a.start, b.start, rtol=0, atol=tolerance)
        and np.allclose(a.stop, b.stop, rtol=0, atol=tolerance)
    )


Fill = Callable[[pynwb.NWBFile], object]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file which another function fills."""

    def write(fill: Fill, name: str = "x.nwb", **more: Any) -> Path:
        file = pynwb.NWBFile("running", "id-1", MOMENT, **more)
        fill(file)
        with pynwb.NWBHDF5IO(str(tmp_path / name), "w") as out:
            out.write(file)
        return tmp_path / name

    return write


def session(file: pynwb.NWBFile) -> None:
    """Fill a file with what most files have."""
    file.subject = pynwb.file.Subject(
        subject_id="m1", species="Mus musculus", sex="F", age="P90D", weight="23 g"
    )
    for times in ([0.5, 1.5], [], [1.0]):
        file.add_unit(spike_times=times, obs_intervals=[[0.0, 1.5], [2.0, 3.0]])
    device = file.create_device("probe", description="four shanks")
    shank = file.create_electrode_group("shank", "four", "CA1", device)
    for place in ("CA1", "CA3"):
        file.add_electrode(group=shank, location=place)
    region = file.create_electrode_table_region([0, 1], "all")
    lfp = np.arange(20, dtype=np.int16).reshape(10, 2)
    file.add_acquisition(
        pynwb.ecephys.ElectricalSeries(
            name="lfp", data=lfp, electrodes=region, channel_conversion=[1.0, 2.0],
            conversion=1e-6, rate=1250.0, starting_time=0.25,
        )
    )  # fmt: skip
    module = file.create_processing_module("behavior", "how it ran")
    stamps = 1.0 + np.arange(5) / 50
    for name, data, when in [
        ("speed", np.arange(5.0), stamps),
        ("licks", np.ones(3), [0.0, 1.0, 7.0]),
    ]:
        module.add(
            pynwb.TimeSeries(name=name, data=data, unit="n/a", timestamps=np.array(when, float))
        )
    file.add_trial_column("choice", "left or right")
    file.add_trial(start_time=0.0, stop_time=1.0, choice="left")
    file.add_trial(start_time=1.0, stop_time=2.5, choice="right")
    file.add_epoch(0.0, 1.0, ["run"])
    file.add_epoch(1.0, 3.0, ["run", "light"])


class TestRead:
    def test_everything_is_read(self, written: Callable[..., Path]) -> None:
        recording = read_nwb(written(session))
        assert recording.spikes is not None
        assert [list(t) for t in recording.spikes.to_lists()] == [[0.5, 1.5], [], [1.0]]
        assert close(recording.spikes.epochs, Epochs([0.0, 2.0], [1.5, 3.0]))
        lfp = recording.signals["lfp"]
        assert (lfp.rate, lfp.start, lfp.unit) == (1250.0, 0.25, "volts")
        assert lfp.channels == ("0", "1")
        assert lfp.properties["location"].tolist() == ["CA1", "CA3"]
        expected = np.arange(20).reshape(10, 2) * [1e-6, 2e-6]
        np.testing.assert_allclose(lfp.values, expected, rtol=1e-15)
        speed = recording.signals["speed"]
        assert (speed.rate, speed.start, speed.unit) == (50.0, 1.0, "n/a")
        licks = recording.signals["licks"]
        assert isinstance(licks, TimeSeries)
        assert licks.times.tolist() == [0.0, 1.0, 7.0]
        assert recording.trials is not None
        assert recording.trials.table.to_dict("list") == {
            "start_time": [0.0, 1.0], "stop_time": [1.0, 2.5], "choice": ["left", "right"],
            "start": [0.0, 1.0], "stop": [1.0, 2.5],
        }  # fmt: skip
        assert recording.epochs == {"run": Epochs([0, 1], [1, 3]), "light": Epochs(1.0, 3.0)}
        assert recording.tables["electrodes"].table["location"].tolist() == ["CA1", "CA3"]
        metadata = recording.metadata
        assert metadata["identifier"] == "id-1"
        assert metadata["session_start_time"] == "2026-01-02T03:00:00+00:00"
        assert metadata["subject"]["species"] == "Mus musculus"
        assert metadata["subject"]["weight"] == "23 g"
        assert metadata["objects"]["probe"]["description"] == "four shanks"
        assert metadata["unit_ids"] == [0, 1, 2]
        assert metadata["skipped"] == {}

    def test_named_series_only(self, written: Callable[..., Path]) -> None:
        path = written(session)
        recording = read_nwb(path, signals=["speed"])
        assert list(recording.signals) == ["speed"]
        assert recording.metadata["skipped"]["lfp"] == "not among the signals asked for"
        assert list(read_nwb(path, signals="speed").signals) == ["speed"]
        with pytest.raises(
            DataError, match=r"signals: expected one of .*'lfp', .*got 'lpf'.*'lfp'"
        ):
            read_nwb(path, signals=["lpf"])

    def test_an_empty_file(self, written: Callable[..., Path]) -> None:
        recording = read_nwb(written(lambda file: None))
        assert recording.spikes is None
        assert recording.trials is None
        assert not recording.signals
        assert not recording.epochs
        assert recording.metadata["skipped"] == {}

    def test_what_is_no_nwb(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"path: expected an existing file"):
            read_nwb(tmp_path / "x.nwb")
        (tmp_path / "x.nwb").write_text("no")
        with pytest.raises(DataError, match=r"path: expected an NWB file, got x.nwb"):
            read_nwb(tmp_path / "x.nwb")
        with h5py.File(tmp_path / "y.nwb", "w") as file:
            file["x"] = [1]
        with pytest.raises(DataError, match=r"path: expected an NWB file, got y.nwb"):
            read_nwb(tmp_path / "y.nwb")


class TestUnits:
    def test_columns_are_properties(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            device = file.create_device("probe")
            groups = [file.create_electrode_group(x, x, x, device) for x in ("CA1", "CA3")]
            for group in (groups[0], groups[0], groups[1]):
                file.add_electrode(group=group, location=group.location)
            file.add_unit_column("quality", "q")
            file.add_unit_column("words", "w", index=True)
            for k, (rows, quality) in enumerate([([0, 1], "good"), ([1, 2], "mua")]):
                file.add_unit(
                    spike_times=[0.5 + k], quality=quality, electrodes=rows, id=7 + k,
                    electrode_group=groups[k], words=["a"] * k, waveform_mean=[[1.0, 2.0]],
                )  # fmt: skip

        spikes = read_nwb(written(fill)).spikes
        assert spikes is not None
        assert spikes.names == (7, 8)
        properties = {name: list(values) for name, values in spikes.properties.items()}
        assert properties["quality"] == ["good", "mua"]
        assert properties["electrodes"] == [(0, 1), (1, 2)]
        assert properties["electrode_group"] == ["CA1", "CA3"]
        assert properties["location"] == ["CA1", "CA1/CA3"]
        assert properties["words"] == [(), ("a",)]
        assert spikes.properties["waveform_mean"].shape == (2, 1, 2)

    def test_observed_times_of_their_own(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            file.add_unit(spike_times=[0.5], obs_intervals=[[0.0, 1.0]])
            file.add_unit(spike_times=[1.5, 1.7], obs_intervals=[[1.5, 2.0], [1.0, 1.6]])

        recording = read_nwb(written(fill))
        np.testing.assert_allclose(recording.spikes.rates_hz, [1.0, 2.0])
        assert "differ between units" in recording.metadata["skipped"]["obs_intervals"]

    def test_intervals_that_cannot_be_true_are_not_used(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            file.add_unit(spike_times=[0.5, 5.0], obs_intervals=[[0.0, 1.0]])

        recording = read_nwb(written(fill))
        assert len(recording.spikes) == 2
        assert "1 spikes of 1 units lie outside" in recording.metadata["skipped"]["obs_intervals"]

    def test_one_bad_unit_is_left_out(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            file.add_unit_column("quality", "q")
            for times, quality in [([0.5, np.nan], "bad"), ([2.0, 1.0], "good")]:
                file.add_unit(spike_times=times, quality=quality)

        recording = read_nwb(written(fill))
        assert recording.spikes.of(0).tolist() == [1.0, 2.0]  # sorted
        assert recording.spikes.names == (1,)
        assert recording.spikes.properties["quality"].tolist() == ["good"]
        assert recording.metadata["skipped"] == {"unit 0": "1 spike times are not finite"}

    def test_units_without_spike_times(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            file.add_unit_column("quality", "q")
            file.add_unit(quality="good")

        recording = read_nwb(written(fill))
        assert recording.spikes is None
        assert "quality" in recording.metadata["skipped"]["units"]

    def test_invalid_times_are_not_observed(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            file.add_unit(spike_times=[0.5, 3.0, 9.5])
            file.add_invalid_time_interval(2.0, 8.0)
            file.add_invalid_time_interval(1.0, 4.0)

        recording = read_nwb(written(fill))
        assert close(recording.spikes.epochs, Epochs([0.0, 8.0], [1.0, 9.5]))
        assert recording.spikes.times.tolist() == [0.5, 9.5]
        np.testing.assert_allclose(recording.spikes.rates_hz, [2 / 2.5])
        assert recording.epochs["invalid_times"] == Epochs(1.0, 8.0)
        said = " ".join(recording.metadata["skipped"].values())
        assert "1 spikes lie in them" in said
        assert "samples of signals are kept" in said

    def test_an_assumed_time_of_recording_is_said(self, written: Callable[..., Path]) -> None:
        spikes = read_nwb(written(lambda file: file.add_unit(spike_times=[1.6e9]))).spikes
        assert "not in the file" in spikes.metadata["epochs"]
        known = read_nwb(written(session)).spikes
        assert known.metadata == {}


class TestTables:
    @pytest.mark.parametrize(
        ("rows", "reason"), [([(0, 9), (1, 3)], "disjoint"), ([(2, 2)], "stop > start")]
    )
    def test_epochs_that_are_none(
        self, written: Callable[..., Path], rows: list[tuple[float, float]], reason: str
    ) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            file.add_unit(spike_times=[0.1, 0.2])
            file.add_epoch(0.0, 1.0, ["fine"])
            for first, after in rows:
                file.add_epoch(float(first), float(after), ["task"])

        recording = read_nwb(written(fill))
        assert len(recording.spikes) == 2
        assert recording.epochs == {"fine": Epochs(0, 1)}
        assert reason in recording.metadata["skipped"]["epochs 'task'"]
        table = recording.tables["epochs"].table
        assert table["stop_time"].tolist() == [1.0, *(float(x) for _, x in rows)]
        assert list(table["tags"][0]) == ["fine"]

    def test_other_intervals(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            licks = pynwb.epoch.TimeIntervals(name="licks", description="tongue out")
            licks.add_column("side", "left or right")
            licks.add_interval(0.0, 0.1, side="left")
            licks.add_interval(0.5, 0.6, side="right")
            file.add_time_intervals(licks)
            plain = pynwb.epoch.TimeIntervals(name="rest", description="nothing")
            plain.add_interval(1.0, 2.0)
            file.add_time_intervals(plain)

        recording = read_nwb(written(fill))
        assert recording.epochs == {"licks": Epochs([0, 0.5], [0.1, 0.6]), "rest": Epochs(1, 2)}
        assert recording.tables["licks"].table["side"].tolist() == ["left", "right"]
        assert "rest" not in recording.tables

    def test_columns_that_point_elsewhere(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            series = pynwb.TimeSeries(name="s", data=np.arange(30.0), unit="V", rate=10.0)
            file.add_acquisition(series)
            rooms = DynamicTable(name="rooms", description="rooms")
            rooms.id.extend([0, 1])
            rooms.add_column("label", "l", data=["red", "blue"])
            file.add_analysis(rooms)
            file.add_trial_column("words", "w", index=True)
            file.add_trial_column("pair", "two numbers")
            file.add_trial_column("room", "row of rooms", table=rooms)
            for k in range(2):
                file.add_trial(
                    start_time=float(k), stop_time=k + 1.0, words=["a", "b"][:k], tags=["x"],
                    timeseries=[series], pair=[k, 2.0], room=k,
                )  # fmt: skip

        recording = read_nwb(written(fill))
        table = recording.trials.table
        assert [list(x) for x in table["words"]] == [[], ["a"]]
        assert [list(x) for x in table["tags"]] == [["x"], ["x"]]
        assert [list(x) for x in table["pair"]] == [[0, 2], [1, 2]]
        assert table["room"].tolist() == [0, 1]
        assert list(recording.metadata["skipped"]) == ["trials.timeseries"]
        assert recording.tables["rooms"].table["label"].tolist() == ["red", "blue"]

    def test_one_broken_table_does_not_block_the_rest(
        self, written: Callable[..., Path], tmp_path: Path
    ) -> None:
        whole = written(session)
        for gone in ("intervals/trials/stop_time", "intervals/epochs/start_time"):
            path = tmp_path / "broken.nwb"
            shutil.copy(whole, path)
            with h5py.File(path, "a") as file:
                del file[gone]
            recording = read_nwb(path)
            assert recording.metadata["skipped"], gone
            assert list(recording.signals) == ["lfp", "licks", "speed"]
            assert (recording.trials is None) == ("trials" in gone)
            assert (not recording.epochs) == ("epochs" in gone)
            assert recording.spikes is not None

    @pytest.mark.slow
    def test_an_attribute_that_refers_to_nothing_does_not_block_the_rest(
        self, written: Callable[..., Path], tmp_path: Path
    ) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            session(file)
            file.add_trial_column("words", "w", index=True, data=[["a", "b"], ["c"]])

        whole, path = written(fill), tmp_path / "broken.nwb"
        expected = read_nwb(whole)
        with h5py.File(whole) as file:
            found: list[tuple[str, str]] = []
            file.visititems(lambda place, item: found.extend(
                (place, name) for name, value in item.attrs.items()
                if isinstance(value, h5py.Reference)
            ))  # fmt: skip
        assert {"units/spike_times_index", "intervals/trials/words_index"} < {x for x, _ in found}
        for place, name in found:
            shutil.copy(whole, path)
            with h5py.File(path, "a") as file:
                file[place].attrs[name] = file.create_dataset("gone", data=[1]).ref
                del file["gone"]
            recording = read_nwb(path)
            skipped = recording.metadata["skipped"]
            assert f"attribute {name!r} refers to something that is gone" in skipped[place]
            assert place.removesuffix("_index") in skipped
            assert recording.trials is not None
            assert expected.trials is not None
            kept = [x for x in expected.trials.table if not place.endswith(f"/{x}_index")]
            assert recording.trials.table.equals(expected.trials.table[kept])
            assert (recording.spikes is None) == ("spike_times" in place)
            assert list(recording.epochs), place
            for signal in expected.signals:
                lost = place.startswith(f"acquisition/{signal}/")
                assert lost or recording.signals[signal] == expected.signals[signal]

    @pytest.mark.parametrize("damage", ["a name", "another object", "no JSON", "gone"])
    def test_damaged_definitions_do_not_block_the_data(
        self, written: Callable[..., Path], tmp_path: Path, damage: str
    ) -> None:
        whole, path = written(session), tmp_path / "broken.nwb"
        expected = read_nwb(whole)
        shutil.copy(whole, path)
        with h5py.File(path, "a") as file:
            if damage == "a name":
                file.attrs[".specloc"] = "x"
            elif damage == "another object":
                reference = file["units/id"].ref
                file.attrs.create(".specloc", data=reference, dtype=h5py.ref_dtype)
            elif damage == "gone":
                reference = file.create_dataset("gone", data=[1]).ref
                file.attrs.create(".specloc", data=reference, dtype=h5py.ref_dtype)
                del file["gone"]
            else:
                versions = file["specifications/core"]
                parts = versions[next(iter(versions))]
                for name in list(parts):
                    del parts[name]
                    parts[name] = "{broken"
        recording = read_nwb(path)
        assert ".specloc" in recording.metadata["skipped"]
        assert recording.spikes == expected.spikes
        assert recording.trials == expected.trials
        assert dict(recording.signals) == dict(expected.signals)


class TestSeries:
    def test_names_that_come_twice(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            for add, value in [
                (file.add_acquisition, 1.0),
                (file.create_processing_module("ecephys", "e").add, 2.0),
                (file.create_processing_module("behavior", "b").add, 3.0),
            ]:
                add(pynwb.TimeSeries(name="lfp", data=[value] * 3, unit="V", rate=10.0))

        path = written(fill)
        found = {name: x.values[0, 0] for name, x in read_nwb(path).signals.items()}
        assert found == {"acquisition/lfp": 1.0, "behavior/lfp": 3.0, "ecephys/lfp": 2.0}
        assert read_nwb_signal(path, "behavior/lfp").values[0, 0] == 3.0

    def test_what_is_no_signal_is_named(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            known = {x["name"] for x in get_docval(pynwb.image.ImageSeries.__init__)}
            image = pynwb.image.ImageSeries(
                name="video", external_file=["a.mp4"], rate=30.0, format="external", unit="n/a",
                starting_frame=[0], **({"num_samples": 9} if "num_samples" in known else {}),
            )  # fmt: skip
            film = pynwb.image.ImageSeries(
                name="film", data=np.zeros((4, 3, 2)), unit="n", rate=1.0
            )
            cube = pynwb.TimeSeries(name="cube", data=np.zeros((4, 3, 2)), unit="n", rate=1.0)
            lone = pynwb.TimeSeries(
                name="nan times", data=[1.0, 2], unit="n", timestamps=[0.0, np.nan]
            )
            back = pynwb.TimeSeries(name="back", data=[1.0, 2], unit="n", timestamps=[1.0, 0.0])
            fine = pynwb.TimeSeries(name="fine", data=[1.0, 2], unit="n", rate=2.0)
            for item in (image, film, cube, lone, back, fine):
                file.add_acquisition(item)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # deprecated, and in many files
                for kind, name, data, when in [
                    (pynwb.misc.AnnotationSeries, "notes", ["door", "noise"], [1.0, 2.0]),
                    (pynwb.misc.IntervalSeries, "runs", [1, -1, 1, -1], [0.0, 1, 5, 6]),
                ]:
                    file.add_acquisition(
                        kind(name=name, data=data, timestamps=np.array(when, float))
                    )

        recording = read_nwb(written(fill))
        assert list(recording.signals) == ["fine"]
        skipped = recording.metadata["skipped"]
        assert {"video", "film", "cube", "nan times", "back"} <= set(skipped)
        assert "a.mp4" in skipped["video"]
        assert "images" in skipped["film"]
        assert "finite times" in skipped["nan times"]
        assert recording.epochs["runs"] == Epochs([0, 5], [1, 6])
        assert recording.tables["notes"].table["label"].tolist() == ["door", "noise"]
        with pytest.raises(DataError, match=r"a time series that is a signal.*cube"):
            read_nwb(written(fill), signals=["cube"])

    def test_arrays_beside_the_series(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            image = pynwb.image.GrayscaleImage(name="g", data=np.zeros((20, 20)))
            file.add_acquisition(pynwb.base.Images(name="images", images=[image]))
            file.add_scratch(np.arange(1000.0), name="long", description="d")
            file.add_scratch("a remark", name="short", description="d")
            masks = DynamicTable(name="masks", description="m")
            masks.id.extend([0, 1])
            masks.add_column("mask", "m", data=np.zeros((2, 5, 5)))
            masks.add_column("depth", "d", data=[1.0, 2.0])
            file.add_analysis(masks)
            file.add_acquisition(
                pynwb.TimeSeries(name="ttl", data=np.array([True, False]), unit="n", rate=1.0)
            )

        recording = read_nwb(written(fill))
        assert set(recording.metadata["skipped"]) == {"images/g.data", "long.data", "masks.mask"}
        assert recording.metadata["objects"]["short"]["data"] == "a remark"
        assert recording.tables["masks"].table["depth"].tolist() == [1.0, 2.0]
        assert recording.signals["ttl"].values[:, 0].tolist() == [1.0, 0.0]

    def test_conversions_of_zero_are_not_one(self, written: Callable[..., Path]) -> None:
        def fill(file: pynwb.NWBFile) -> None:
            about = {"data": [1, 2], "unit": "V", "rate": 1.0}
            file.add_acquisition(pynwb.TimeSeries(name="a", conversion=0.5, offset=-1.0, **about))

        assert read_nwb(written(fill)).signals["a"].values[:, 0].tolist() == [-0.5, 0.0]

    @pytest.mark.slow
    def test_samples_are_read_when_used(
        self, written: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        many = 4_000_000

        def fill(file: pynwb.NWBFile) -> None:
            data = H5DataIO(np.zeros((many, 4), np.int16), compression="gzip", chunks=(4096, 4))
            file.add_acquisition(pynwb.TimeSeries(name="raw", data=data, unit="V", rate=30000.0))
            file.add_unit(spike_times=[0.5])

        path = written(fill)
        bytes_as_floats = many * 4 * 8
        read_nwb(path)  # what pynwb keeps of its schema is no concern here
        tracemalloc.start()
        recording = read_nwb(path)
        assert "raw" in recording.signals
        assert len(recording.signals) == 1
        repr(recording)
        part = read_nwb_signal(path, "raw", start=10.0, stop=10.5)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < bytes_as_floats / 4
        assert len(part) == 15000
        assert part.start == 10.0
        assert recording.signals["raw"] is recording.signals["raw"]

    @pytest.mark.slow
    def test_a_stretch_of_some_channels(self, written: Callable[..., Path]) -> None:
        path = written(session)
        whole = read_nwb(path).signals["lfp"]
        part = read_nwb_signal(path, "lfp", start=0.251, stop=0.254, channels=["1", "0"])
        first = int(np.searchsorted(whole.times, 0.251))
        np.testing.assert_array_equal(part.values, whole.values[first : first + len(part), ::-1])
        assert part.channels == ("1", "0")
        assert part.properties["location"].tolist() == ["CA3", "CA1"]
        np.testing.assert_allclose(part.times, whole.times[first : first + len(part)])
        licks = read_nwb_signal(path, "licks", start=0.5)
        assert licks.times.tolist() == [1.0, 7.0]
        for more in ({"start": 2.0, "stop": 1.0}, {"channels": ["9"]}):
            with pytest.raises(DataError):
                read_nwb_signal(path, "lfp", **more)
        with pytest.raises(DataError, match=r"did you mean 'speed'"):
            read_nwb_signal(path, "sped")

    @pytest.mark.parametrize(
        ("start", "stop"), [(0.05, 0.5), (None, 0.45), (0.3, None), (0.15, 0.3), (5.0, 6.0)]
    )
    def test_a_stretch_keeps_what_was_recorded(
        self, tmp_path: Path, start: float | None, stop: float | None
    ) -> None:
        series = TimeSeries(
            [[1.0], [2.0], [3.0]], [0.0, 0.1, 0.5], ["x"], epochs=Epochs([0.0, 0.4], [0.2, 0.6])
        )
        path = write_nwb(tmp_path / "a.nwb", Recording(signals={"pupil": series}))
        part = read_nwb_signal(path, "pupil", start=start, stop=stop)
        window = Epochs(-1.0 if start is None else start, 9.0 if stop is None else stop)
        expected = series.restrict(window)
        assert part.times.tolist() == expected.times.tolist()
        assert part.epochs == expected.epochs

    def test_a_file_that_is_gone_or_damaged_is_told(self, written: Callable[..., Path]) -> None:
        path = written(session)
        recording = read_nwb(path)
        with h5py.File(path, "a") as file:
            del file["acquisition/lfp/data"]
        with pytest.raises(DataError, match=r"lfp: expected samples that can be read"):
            recording.signals["lfp"]
        path.unlink()
        with pytest.raises(DataError, match=r"speed: expected the file that it was found in"):
            recording.signals["speed"]


def back_from(path: Path, recording: Recording, **more: Any) -> Recording:
    return read_nwb(write_nwb(path, recording, **more))


class TestWrite:
    @pytest.mark.slow
    @settings(max_examples=settings.default.max_examples // 4 + 1)
    @given(recording=rich_recordings())
    def test_everything_comes_back(self, recording: Recording, tmp_path_factory: Any) -> None:
        path = tmp_path_factory.mktemp("nwb") / "x.nwb"
        back = back_from(path, recording)
        for part in ("spikes", "trials", "epochs", "metadata", "tables"):
            assert getattr(back, part) == getattr(recording, part), part
        assert dict(back.signals) == dict(recording.signals)
        assert back == recording

    @pytest.mark.slow
    def test_what_another_reader_finds(self, tmp_path: Path) -> None:
        spikes = SpikeTrains(
            [0.5, 1.0], [0, 1], 3, Epochs([0, 2], [1.5, 3]), ["a", "b", "c"],
            {"region": ["CA1", "CA3", "CA1"]},
        )  # fmt: skip
        signal = Signal(np.arange(6.0).reshape(3, 2), 10.0, 0.5, ["x", "y"], "mV")
        trials = Trials({"start": [0.0, 1.0], "stop": [1.0, 2.0], "choice": [1.0, np.nan]})
        recording = Recording(
            spikes, {"lfp/raw": signal}, trials, {"run": Epochs([0, 1], [1, 3])},
            {"subject": {"subject_id": "m1", "sex": "F"}, "lab": "here"},
        )  # fmt: skip
        path = write_nwb(tmp_path / "x.nwb", recording, session_start_time=MOMENT, identifier="me")
        with pynwb.NWBHDF5IO(str(path), "r") as io:
            file = io.read()
            assert file.session_start_time == MOMENT
            assert (file.identifier, file.lab, file.subject.sex) == ("me", "here", "F")
            units = file.units.to_dataframe()
            assert units["unit_name"].tolist() == ["a", "b", "c"]
            assert units["region"].tolist() == ["CA1", "CA3", "CA1"]
            assert [list(x) for x in units["spike_times"]] == [[0.5], [1.0], []]
            assert units["obs_intervals"][0].tolist() == [[0.0, 1.5], [2.0, 3.0]]
            series = file.acquisition["lfp_raw"]
            assert (series.rate, series.starting_time, series.unit) == (10.0, 0.5, "mV")
            np.testing.assert_array_equal(series.data[:], signal.values)
            frame = file.trials.to_dataframe()
            assert frame["start_time"].tolist() == [0.0, 1.0]
            np.testing.assert_array_equal(frame["choice"], [1.0, np.nan])
            assert [list(x) for x in file.epochs["tags"][:]] == [["run"], ["run"]]
            assert pynwb.validate(io=io) in ([], None)

    @pytest.mark.slow
    def test_a_file_of_others_comes_back(
        self, written: Callable[..., Path], tmp_path: Path
    ) -> None:
        recording = read_nwb(written(session))
        back = back_from(tmp_path / "y.nwb", recording)
        assert dict(back.signals) == dict(recording.signals)
        for part in ("spikes", "trials", "epochs", "metadata", "tables"):
            assert getattr(back, part) == getattr(recording, part), part
        assert back == recording

    def test_changes_by_others_count(self, tmp_path: Path) -> None:
        trials = Trials({"start": [0.0], "stop": [1.0], "side": pd.Categorical(["left"])})
        path = write_nwb(
            tmp_path / "x.nwb",
            Recording(SpikeTrains([0.5], [0], 1, Epochs(0, 1)), {}, trials, {"a": Epochs(0, 1)}),
        )
        with pynwb.NWBHDF5IO(str(path), "a") as io:
            file = io.read()
            file.trials.add_column("late", "added later", data=[True])
            file.add_acquisition(pynwb.TimeSeries(name="new", data=[1.0, 2], unit="V", rate=1.0))
            io.write(file)
        back = read_nwb(path)
        assert back.trials.table["late"].tolist() == [True]
        assert back.trials.table["side"].tolist() == ["left"]
        assert "changed since" in back.metadata["skipped"]["scratch/neuroloom: trials"]
        assert back.epochs == {"a": Epochs(0, 1)}
        assert list(back.signals) == ["new"]

    def test_an_unknown_start_is_said(self, tmp_path: Path) -> None:
        path = write_nwb(tmp_path / "x.nwb", Recording())
        with pynwb.NWBHDF5IO(str(path), "r") as io:
            file = io.read()
            assert file.session_start_time.year == 1970
            assert "not known" in file.notes
        assert read_nwb(path).metadata == {}

    def test_nothing_is_written_when_it_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "x.nwb"
        path.write_text("old")
        bad = Recording(metadata={"session_start_time": "yesterday"})
        with pytest.raises(DataError, match=r"ISO 8601"):
            write_nwb(path, bad)
        with pytest.raises(DataError, match=r"with a time zone"):
            write_nwb(path, Recording(), session_start_time=datetime.datetime(2020, 1, 1))
        with pytest.raises(DataError, match=r"recording: expected Recording"):
            write_nwb(path, SpikeTrains([0.5], [0]))  # type: ignore[arg-type]
        with pytest.raises(DataError, match=r"an existing folder"):
            write_nwb(tmp_path / "no" / "x.nwb", Recording())
        assert path.read_text() == "old"
        assert [x.name for x in tmp_path.iterdir()] == ["x.nwb"]


class TestCorrectedFiles:
    """A file that we wrote and another tool corrected: what the file says now counts."""

    @staticmethod
    def written(folder: Path) -> Path:
        about = {"subject_id": "m1", "sex": "F"}
        series = TimeSeries([1, 2, 3], [0, 0.1, 0.5], unit="mm", epochs=Epochs(0, 0.6))
        recording = Recording(
            signals={"t": series},
            metadata={
                "lab": "x", "subject": about, "session_description": "old", "own": [1],
                "session_start_time": "2020-01-01T00:00:00+00:00", "identifier": "i",
            },
        )  # fmt: skip
        path = write_nwb(folder / "a.nwb", recording)
        assert read_nwb(path) == recording
        return path

    @pytest.mark.parametrize(
        ("place", "name", "value"),
        [
            ("general/lab", "lab", "ZZZ"),
            ("session_description", "session_description", "new"),
            ("identifier", "identifier", "j"),
            ("session_start_time", "session_start_time", "2021-01-01T00:00:00+00:00"),
            ("general/subject/subject_id", "subject.subject_id", "m2"),
            ("general/institution", "institution", "here"),
        ],
    )
    def test_words(self, tmp_path: Path, place: str, name: str, value: str) -> None:
        path = self.written(tmp_path)
        with h5py.File(path, "a") as file:
            if place in file:
                file[place][()] = value
            else:
                file[place] = value
        about = read_nwb(path).metadata
        assert "changed since" in about["skipped"][f"scratch/neuroloom: {name}"]
        subject = about["subject"]
        got = subject["subject_id"] if name.startswith("subject.") else about[name]
        assert got == value
        assert (subject["sex"], about["own"]) == ("F", [1])

    def test_a_word_that_was_removed(self, tmp_path: Path) -> None:
        path = self.written(tmp_path)
        with h5py.File(path, "a") as file:
            del file["general/lab"], file["general/subject/sex"]
        about = read_nwb(path).metadata
        assert "lab" not in about
        assert about["subject"] == {"subject_id": "m1"}

    @pytest.mark.parametrize("times", [[1.0, 1.1, 1.5], [0.0, 0.2, 0.5]])
    def test_times(self, tmp_path: Path, times: list[float]) -> None:
        path = self.written(tmp_path)
        with h5py.File(path, "a") as file:
            file["acquisition/t/timestamps"][...] = times
        back = read_nwb(path)
        assert "changed since" in back.metadata["skipped"]["scratch/neuroloom: t.epochs"]
        series = back.signals["t"]
        assert series == TimeSeries([1, 2, 3], times, unit="mm")


@pytest.mark.parametrize(
    "series",
    [
        TimeSeries(None, [], epochs=Epochs(0, 1)),
        TimeSeries([], [], epochs=Epochs(0, 1)),
        TimeSeries(np.zeros((0, 2)), [], channels=["a", "b"], epochs=Epochs(0, 1), unit="mm"),
    ],
)
def test_series_without_samples_come_back(tmp_path: Path, series: TimeSeries) -> None:
    recording = Recording(signals={"licks": series, "lfp": Signal([1.0, 2], 10)})
    back = read_nwb(write_nwb(tmp_path / "a.nwb", recording))
    assert back.signals["licks"] == series
    assert back == recording


def test_a_series_that_is_no_signal_is_named(tmp_path: Path) -> None:
    path = write_nwb(
        tmp_path / "a.nwb",
        Recording(signals={"speed": Signal([1.0, 2, 3], 1.0), "lfp": Signal([1.0, 2, 3], 1.0)}),
    )
    with h5py.File(path, "a") as file:
        file["acquisition/speed/data"][1] = np.inf
    with pytest.raises(DataError, match=r"signals\['speed'\].*inf at .*read_nwb"):
        read_nwb(path).restrict(Epochs(0, 2))
    others = read_nwb(path, signals=["lfp"]).restrict(Epochs(0, 2))
    assert others.signals["lfp"].values[:, 0].tolist() == [1, 2]


def test_an_existing_file_keeps_its_permissions_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real.nwb", tmp_path / "link.nwb"
    real.write_bytes(b"")
    real.chmod(0o640)
    link.symlink_to(real)
    recording = Recording(epochs={"a": Epochs(0, 1)})
    assert write_nwb(link, recording) == link
    assert link.is_symlink()
    assert read_nwb(real) == recording
    assert real.stat().st_mode & 0o777 == 0o640


@pytest.mark.slow
def test_values_beside_samples_and_descriptions_of_columns(written: Callable[..., Path]) -> None:
    def fill(file: pynwb.NWBFile) -> None:
        session(file)
        file.add_unit_column("depth", "below the dura, mm", data=[1.0, 2.0, 3.0])
        file.add_acquisition(
            pynwb.TimeSeries(name="force", data=np.arange(3.0), unit="N", rate=1.0,
                             control=np.uint8([0, 1, 1]), control_description=["off", "on"])
        )  # fmt: skip

    path = written(fill)
    recording = read_nwb(path)
    assert recording.metadata["columns"]["units"] == {"depth": "below the dura, mm"}
    assert recording.metadata["columns"]["trials"] == {"choice": "left or right"}
    assert recording.metadata["skipped"]["force.control"] == "3 values beside the samples"
    again = write_nwb(path.with_name("again.nwb"), recording)
    assert read_nwb(again).metadata["columns"] == recording.metadata["columns"]
