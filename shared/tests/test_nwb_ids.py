"""Ids of NWB's rows, channels that can be found among electrodes, and names of epochs."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from neuroloom.shared import DataError, Epochs, Recording, Signal, SpikeTrains, Trials, convert

pynwb = pytest.importorskip("pynwb")


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    common = pytest.importorskip("hdmf.common")
    file = pynwb.NWBFile("d", "i", datetime.datetime.now(datetime.UTC))
    device = file.create_device("dev")
    group = file.create_electrode_group("g", description="d", location="CA1", device=device)
    for i in range(4):
        file.add_electrode(location="CA1", group=group, x=float(i), y=0.0, z=2.5, id=10 + i)
    for name, rows in {"es": [3, 1], "twice": [2, 2]}.items():
        series = pynwb.ecephys.ElectricalSeries(
            name=name,
            data=np.ones((3, 2)),
            electrodes=file.create_electrode_table_region(rows, "x"),
            rate=1000.0,
        )
        file.add_acquisition(series)
    for i in range(2):
        file.add_trial(start_time=float(i), stop_time=i + 1.0, id=50 + i)
        file.add_epoch(start_time=float(i), stop_time=i + 1.0, tags=["a"], id=7 - i)
    columns = [common.VectorData(name="q", description="x", data=[1, 2])]
    file.add_analysis(common.DynamicTable(name="t", description="d", columns=columns, id=[5, 9]))
    plain = [common.VectorData(name="q", description="x", data=[1, 2])]
    file.add_analysis(common.DynamicTable(name="plain", description="d", columns=plain))
    with pynwb.NWBHDF5IO(tmp_path / "f.nwb", "w") as io:
        io.write(file)
    return convert.read_nwb(tmp_path / "f.nwb")


def test_ids_are_a_column_where_they_are_more_than_row_numbers(recording: Recording) -> None:
    found = {name: table.table for name, table in recording.tables.items()}
    assert found["electrodes"]["id"].tolist() == [10, 11, 12, 13]
    assert found["t"]["id"].tolist() == [5, 9]
    assert found["epochs"]["id"].tolist() == [7, 6]
    assert "id" not in found["plain"]
    assert recording.trials is not None
    assert recording.trials.table["id"].tolist() == [50, 51]


def test_what_tables_say_of_themselves_is_kept(recording: Recording) -> None:
    assert recording.metadata["tables"] == {"plain": "d", "t": "d"}


def test_channels_are_found_among_the_electrodes(recording: Recording) -> None:
    signal = recording.signals["es"]
    assert signal.channels == ("13", "11")
    assert signal.properties["x"].tolist() == [3.0, 1.0]
    assert signal.properties["z"].tolist() == [2.5, 2.5]
    assert recording.signals["twice"].properties["id"].tolist() == [12, 12]


def test_a_recording_with_ids_is_written_and_read_as_it_is(
    recording: Recording, tmp_path: Path
) -> None:
    again = convert.read_nwb(convert.write_nwb(tmp_path / "again.nwb", recording))
    assert again.trials == recording.trials
    assert again.tables == recording.tables


def test_epochs_whose_names_become_one_tag_come_back(tmp_path: Path) -> None:
    names = ["", "epochs", "a\x00", "a", "epochs_2"]
    given = Recording(epochs={name: Epochs(0.0, i + 1.0) for i, name in enumerate(names)})
    again = convert.read_nwb(convert.write_nwb(tmp_path / "f.nwb", given))
    assert again == given
    with pynwb.NWBHDF5IO(tmp_path / "f.nwb", "r") as io:
        tags = [tag for tags in io.read().epochs["tags"][:] for tag in tags]
    assert len(set(tags)) == 5
    assert {"a", "epochs", "epochs_2"} <= set(tags)


@pytest.mark.parametrize(
    "given",
    [
        Recording(trials=Trials({"start": [0.0, 1.0], "stop": [1.0, 2.0], "z": [1j, 2 - 0.5j]})),
        Recording(
            signals={"a\ud800": Signal([1.0], 1.0, unit="\ud800", channels=["\ud801"])},
            epochs={"\ud800": Epochs(0.0, 1.0), "?": Epochs(0.5, 1.5)},
        ),
    ],
    ids=["complex numbers", "text that is no Unicode"],
)
def test_what_hdf5_cannot_hold_comes_back_by_the_note(given: Recording, tmp_path: Path) -> None:
    assert convert.read_nwb(convert.write_nwb(tmp_path / "f.nwb", given)) == given


def test_a_folder_is_no_file_to_write(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a file in an existing folder, got .* \(a folder\)"):
        convert.write_nwb(tmp_path, Recording())


def test_a_mistyped_kind_of_channel_is_told() -> None:
    pytest.importorskip("mne")
    with pytest.raises(DataError, match=r"kind: .*got 'egg'; did you mean"):
        convert.to_mne(Signal([1.0, 2.0], 10.0, unit="V"), kind="egg")


RESERVED = (
    "tags", "tags_index", "timeseries", "timeseries_index", "colnames", "name", "description",
    "lists_index", "x/y", "electrodes", "spike_times", "spike_times_index", "start_time",
)  # fmt: skip


@pytest.mark.slow
def test_columns_called_as_nwbs_own_parts_come_back_though_the_table_was_changed(
    tmp_path: Path,
) -> None:
    h5py = pytest.importorskip("h5py")
    columns = {name: np.arange(3) + 0.5 for name in RESERVED}
    columns |= {"id": [7, 9, 8], "lists": [[1, 2], [3], []], "value": [0.5, 1.5, 2.5]}
    times = {"start": [0.0, 1.0, 2.0], "stop": [0.5, 1.5, 2.5]}
    units = {name: values[:2] for name, values in columns.items()}
    spikes = SpikeTrains([0.1, 0.2], [0, 1], epochs=Epochs(0.0, 3.0), properties=units)
    trials = Trials({**columns, **times}, metadata={"time_columns": ["x/y"]})
    tables = {"t": Trials(columns), "text": Trials({"id": ["a", "b"]})}
    recording = Recording(spikes, None, trials, tables=tables)
    path = convert.write_nwb(tmp_path / "f.nwb", recording)
    assert convert.read_nwb(path) == recording
    with h5py.File(path, "a") as file:
        for place in ("intervals/trials", "analysis/t"):
            assert file[place]["id"][:].tolist() == [7, 9, 8]
        assert {"start_time", "tags"} <= file["analysis/t"].keys()  # which mean nothing there
        for place in ("intervals/trials", "analysis/t", "units"):
            file[place]["value"][0] = 99.0
    changed = convert.read_nwb(path)
    assert changed.trials is not None
    assert changed.spikes is not None
    assert {*changed.trials.columns} == {*trials.columns}
    assert changed.trials.table["start_time"].tolist() == [0.5, 1.5, 2.5]
    assert changed.trials.table["value"].tolist() == [99.0, 1.5, 2.5]
    assert changed.trials.table["id"].tolist() == [7, 9, 8]
    assert {*changed.tables["t"].columns} == {*columns}
    assert {*changed.spikes.properties} == {*columns}
    assert "not used: the file was changed since" in str(changed.metadata["skipped"])
