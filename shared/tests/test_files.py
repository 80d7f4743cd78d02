"""Files: everything comes back, and nothing in a file is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_strategies import KINDS, TEXT, trials

from neuroloom.shared import (
    DataError,
    Epochs,
    Recording,
    Signal,
    SpikeTrains,
    Trials,
    load,
    load_arrays,
    save,
    save_arrays,
)
from neuroloom.shared.io import load_table, save_table

SIGNAL = Signal(np.arange(6.0).reshape(3, 2), 10.0, 0.5, ["a", "b"])


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_every_type_comes_back(kind: str, data: Any) -> None:
    value = data.draw(KINDS[kind])
    with tempfile.TemporaryDirectory() as folder:
        path = save(Path(folder, "x.npz"), value)
        back = load(path)
        assert os.listdir(folder) == ["x.npz"]
    assert type(back) is type(value)
    assert back == value


def test_a_recording_of_version_0_1_0_is_read() -> None:
    back = load(Path(__file__).parent / "files" / "recording-0.1.0.npz")
    assert isinstance(back, Recording)
    spikes = SpikeTrains([0.1, 0.25, 1.5], [0, 2, 0], 4, Epochs([0.0, 1.0], [0.5, 2.0]))
    assert back.spikes == spikes
    lfp = np.array([[1.0, np.nan], [2.0, 3.0]], dtype=np.float32)
    assert back.signals == {"lfp": Signal(lfp, 1000.0, 0.5, ["CA1", "CA3"])}
    assert back.epochs == {"run": Epochs(0.1, 0.2)}
    assert back.metadata == {"subject": "x"}
    table = pd.DataFrame({"choice": [1, 0, -1], "session": ["a", "a", "b"]})
    assert back.trials is not None
    assert back.trials.session == "session"
    pd.testing.assert_frame_equal(back.trials.table[["choice", "session"]], table)
    assert back.trials.table["side"].tolist()[:2] == ["left", "right"]


@pytest.mark.slow
@given(trials())
def test_tables_come_back_with_their_dtypes(value: Trials) -> None:
    with tempfile.TemporaryDirectory() as folder:
        back = load(save(Path(folder, "x.npz"), value))
    assert isinstance(back, Trials)
    pd.testing.assert_frame_equal(back.table, value.table, check_column_type=False)


@pytest.mark.parametrize(
    "column",
    [
        pd.arrays.SparseArray([0, 1]),
        [object(), object()],
        [{1, 2}, {object()}],
    ],
)
def test_columns_that_would_need_pickle_are_refused(column: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"table\['x'\]"):
        save(tmp_path / "x.npz", Trials({"x": column}))
    assert not list(tmp_path.iterdir())


def test_other_objects_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data: expected one of .*, got ndarray"):
        save(tmp_path / "x.npz", np.zeros(3))  # type: ignore[arg-type]


DTYPES = st.sampled_from(["<f8", ">f4", "i2", "u8", "?", "c16", "U5", "S3", "M8[ns]", "m8[ms]"])


@pytest.mark.slow
@given(
    st.dictionaries(
        TEXT | st.sampled_from(["../up", "/etc/x", "neuroloom.json", "a\0b", "C:\\x", "A", "a"]),
        DTYPES.flatmap(lambda d: hnp.arrays(d, hnp.array_shapes(min_dims=0, min_side=0))),
        max_size=4,
    )
)
def test_arrays_come_back_by_any_name_and_members_stay_inside(arrays: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = save_arrays(Path(folder, "x.npz"), arrays, kind="test", header={"μ": [1, None]})
        back, header = load_arrays(path, kind="test")
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    assert header == {"μ": [1, None]}
    assert back.keys() == arrays.keys()
    for name, values in arrays.items():
        assert back[name].dtype == values.dtype
        np.testing.assert_array_equal(back[name], values)
    assert len(set(members)) == len(members) == len(arrays) + 1
    for member in members:
        assert not set(member) & set("/\\:\0")
        assert not member.startswith(".")


def test_plain_names_are_read_by_numpy(tmp_path: Path) -> None:
    path = save_arrays(tmp_path / "x.npz", {"weights": [1.0, 2.0]}, kind="test")
    with np.load(path, allow_pickle=False) as archive:
        assert archive["weights"].tolist() == [1.0, 2.0]


def test_objects_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"arrays\['x'\]: expected numbers.*got Python objects"):
        save_arrays(tmp_path / "x.npz", {"x": [None]}, kind="test")  # type: ignore[list-item]
    with pytest.raises(DataError, match=r"header: expected a mapping that JSON can hold"):
        save_arrays(tmp_path / "x.npz", {}, kind="test", header={"x": object()})
    with pytest.raises(DataError, match=r"header: expected names as text, got 3 in header\['x'\]"):
        save_arrays(tmp_path / "x.npz", {}, kind="test", header={"x": {3: 1}})
    assert not list(tmp_path.iterdir())


class Malicious:
    """Unpickling it writes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.marker, "run")


def rewritten(path: Path, member: str, data: bytes) -> Path:
    """Return the archive with one member's bytes replaced."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert member in members
    with zipfile.ZipFile(path, "w") as archive:
        for name, old in members.items():
            archive.writestr(name, data if name == member else old)
    return path


def header_with(path: Path, **changes: Any) -> Path:
    with zipfile.ZipFile(path) as archive:
        top = json.loads(archive.read("neuroloom.json"))
    return rewritten(path, "neuroloom.json", json.dumps({**top, **changes}).encode())


class TestRefused:
    def test_a_pickled_object_in_an_array(self, tmp_path: Path) -> None:
        marker = tmp_path / "marker"
        pickle.loads(pickle.dumps(Malicious(marker)))
        assert marker.read_text() == "run"  # the attack works where pickles are read
        marker.unlink()
        buffer = io.BytesIO()
        evil = np.empty(1, dtype=object)
        evil[0] = Malicious(marker)
        np.lib.format.write_array(buffer, evil, allow_pickle=True)
        path = rewritten(save(tmp_path / "x.npz", SIGNAL), "a0.npy", buffer.getvalue())
        with pytest.raises(DataError, match=r"path: expected plain arrays only, .*nothing was run"):
            load(path)
        assert not marker.exists()

    @pytest.mark.parametrize("protocol", [0, 2, 5])
    def test_a_bare_pickle(self, tmp_path: Path, protocol: int) -> None:
        marker = tmp_path / "marker"
        path = tmp_path / "x.npz"
        path.write_bytes(pickle.dumps(Malicious(marker), protocol))
        with pytest.raises(DataError, match=r"path: expected a neuroloom file"):
            load(path)
        rewritten(save(path, SIGNAL), "a0.npy", pickle.dumps(Malicious(marker), protocol))
        with pytest.raises(DataError, match=r"path: expected plain arrays only"):
            load(path)
        rewritten(save(path, SIGNAL), "neuroloom.json", pickle.dumps(Malicious(marker), protocol))
        with pytest.raises(DataError, match=r"path: expected a readable header"):
            load(path)
        assert not marker.exists()

    def test_a_newer_format(self, tmp_path: Path) -> None:
        path = header_with(save(tmp_path / "x.npz", SIGNAL), version=3)
        with pytest.raises(
            DataError, match=r"format 2 or older of kind 'Signal', got format 3 .*update"
        ):
            load(path)

    def test_another_kind(self, tmp_path: Path) -> None:
        path = save_arrays(tmp_path / "x.npz", {}, kind="GLMHMM")
        with pytest.raises(DataError, match=r"kind .*Epochs or .*, got kind 'GLMHMM'"):
            load(path)
        with pytest.raises(DataError, match=r"kind Signal, got kind 'GLMHMM'"):
            load_arrays(path, kind="Signal")

    def test_a_foreign_archive(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "x.npz", a=np.zeros(3))
        with pytest.raises(DataError, match=r"got x.npz, a foreign archive"):
            load(tmp_path / "x.npz")

    def test_missing_files_and_folders(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"path: expected an existing file"):
            load(tmp_path / "x.npz")
        with pytest.raises(DataError, match=r"path: expected a file in an existing folder"):
            save(tmp_path / "no" / "x.npz", SIGNAL)

    @pytest.mark.parametrize(
        "changes",
        [
            {"kind": 3},
            {"version": "1"},
            {"members": []},
            {"members": {"a0": "nothing.npy"}},
            {"members": {"a0": 3}},
            {"header": {}},
            {"header": {"data": None}},
            {"header": {"data": {"data": "Signal", "fields": {}}}},
            {"header": {"data": {"data": "os.system", "fields": {"command": "true"}}}},
            {"header": {"data": {"data": "Epochs", "fields": {"start": 1, "stop": 0}}}},
            {"header": {"data": {"table": [["x", {"nothing": 0}]], "n_rows": 1}}},
        ],
    )
    def test_a_header_that_does_not_fit(self, tmp_path: Path, changes: dict[str, Any]) -> None:
        path = header_with(save(tmp_path / "x.npz", SIGNAL), **changes)
        with pytest.raises(DataError, match=r"path: expected"):
            load(path)

    def test_a_header_too_deep(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npz", SIGNAL)
        rewritten(path, "neuroloom.json", b'{"kind":' + b"[" * 100_000)
        with pytest.raises(DataError, match=r"path: expected a readable header"):
            load(path)

    def test_an_array_that_promises_more_than_it_holds(self, tmp_path: Path) -> None:
        buffer = io.BytesIO()
        shape = {"descr": "<f8", "fortran_order": False, "shape": (2**45,)}
        np.lib.format.write_array_header_2_0(buffer, shape)
        path = rewritten(save(tmp_path / "x.npz", SIGNAL), "a0.npy", buffer.getvalue())
        with pytest.raises(DataError, match=r"path: expected"):
            load(path)

    @pytest.mark.slow
    @given(st.data())
    def test_damage_anywhere_is_found_or_harmless(self, data: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = save(Path(folder, "x.npz"), SIGNAL)
            raw = bytearray(path.read_bytes())
            if data.draw(st.booleans()):
                raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
            else:
                raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
            path.write_bytes(raw)
            try:
                back = load(path)
            except DataError:
                return
            assert back == SIGNAL


class TestWriting:
    def test_a_failed_write_leaves_the_old_file(self, tmp_path: Path) -> None:
        path = save(tmp_path / "x.npz", SIGNAL)
        with pytest.raises(DataError):
            save(path, Trials({"x": [object()]}))
        assert load(path) == SIGNAL
        assert os.listdir(tmp_path) == ["x.npz"]

    def test_others_may_read_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "plain").touch()
        path = save(tmp_path / "x.npz", SIGNAL)
        assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(
            (tmp_path / "plain").stat().st_mode
        )

    def test_a_recording_of_everything(self, tmp_path: Path) -> None:
        whole = Recording(
            None, {"lfp": SIGNAL}, Trials({"x": [1]}), {"run": Epochs(0, 1)}, {"a": {"b": 1}}
        )
        assert load(save(tmp_path / "x", whole)) == whole


class TestTables:
    table = pd.DataFrame(
        {"side": ["left", "NA", None], "x": [1.5, np.nan, -1e300], "n": [1, 2, 3], "b": [True] * 3}
    )

    @pytest.mark.parametrize("ending", [".csv", ".parquet", ".CSV"])
    def test_there_and_back(self, tmp_path: Path, ending: str) -> None:
        path = save_table(tmp_path / f"x{ending}", Trials(self.table))
        back = load_table(path, session="n")
        assert back.session == "n"
        assert back.table.isna().equals(self.table.isna())
        known = {"side": "-", "x": 0.0}
        pd.testing.assert_frame_equal(back.table.fillna(known), self.table.fillna(known))
        assert len(os.listdir(tmp_path)) == 1

    @pytest.mark.slow
    @given(st.lists(st.floats(allow_nan=False), min_size=1))
    def test_csv_keeps_every_digit(self, numbers: list[float]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = save_table(Path(folder, "x.csv"), Trials({"x": numbers}))
            back = load_table(path).table["x"].to_numpy(dtype=float)
        assert np.array_equal(back, numbers)

    def test_csv_keeps_what_is_written(self, tmp_path: Path) -> None:
        path = tmp_path / "x.csv"
        path.write_text(f"code,id,name\n007,{2**53 + 1},NA\n012,,\n")
        table = load_table(path).table
        assert table["code"].tolist() == ["007", "012"]
        assert table["id"].dropna().tolist() == [2**53 + 1]
        assert table["name"].dropna().tolist() == ["NA"]
        path.write_text("a,b\n1\n")
        with pytest.raises(DataError, match=r"2 fields per line, got 1 in line 2 of x\.csv"):
            load_table(path)

    @pytest.mark.parametrize("call", [lambda p: save_table(p, Trials({})), load_table])
    def test_another_ending(self, tmp_path: Path, call: Any) -> None:
        with pytest.raises(DataError, match=r"ends with .csv or .parquet, got x.xlsx"):
            call(tmp_path / "x.xlsx")

    def test_what_is_no_table(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"trials: expected Trials, got DataFrame"):
            save_table(tmp_path / "x.csv", self.table)  # type: ignore[arg-type]
        for ending in (".csv", ".parquet"):
            with pytest.raises(DataError, match=r"path: expected an existing file"):
                load_table(tmp_path / f"x{ending}")
            path = tmp_path / f"y{ending}"
            path.write_bytes(b"\xff\xfe\x00\x81,\n\n1,2,3")
            with pytest.raises(DataError, match=f"path: expected a {ending} table"):
                load_table(path)


OLD = Path(__file__).parent / "data" / "version-0.1.0"


class TestFilesOfVersion010:
    """Written by neuroloom-shared 0.1.0 and kept: they are read by every later version."""

    table = pd.DataFrame(
        {
            "choice": [0.0, 1.0, np.nan],
            "side": pd.Series(["left", None, "right"], dtype="str"),
            "n": pd.array([1, None, 3], dtype="Int64"),
            "flag": pd.array([True, None, False], dtype="boolean"),
            "group": pd.Categorical(["a", "b", "a"], ["b", "a"], ordered=True),
            "when": pd.Series(
                pd.to_datetime(pd.Series(["2026-01-01 10:00", "2026-01-02 00:00", None]))
            ).dt.tz_localize("Europe/Berlin"),
            "mixed": pd.Series([1, "x", None], dtype=object),
            "session": [1, 1, 2],
        }
    )

    def test_each_type(self) -> None:
        spikes = load(OLD / "SpikeTrains.npz")
        assert spikes.times.tolist() == [0.1, 0.2, 0.25]  # type: ignore[union-attr]
        assert spikes.units.tolist() == [0, 1, 0]  # type: ignore[union-attr]
        assert spikes.n_units == 3  # type: ignore[union-attr]
        signal = load(OLD / "Signal.npz")
        assert signal.values.dtype == np.float32  # type: ignore[union-attr]
        assert signal.values.tolist() == [[0, 1], [2, 3], [4, 5]]  # type: ignore[union-attr]
        assert list(signal.channels) == ["a", "µ"]  # type: ignore[union-attr]
        epochs = load(OLD / "Epochs.npz")
        assert epochs.stop.tolist() == [4, 12.5]  # type: ignore[union-attr]
        trials = load(OLD / "Trials.npz")
        assert isinstance(trials, Trials)
        assert trials.session == "session"
        recording = load(OLD / "Recording.npz")
        assert isinstance(recording, Recording)
        assert recording.spikes == spikes
        assert recording.trials == trials
        assert dict(recording.metadata) == {"subject": {"id": 3, "µ": [1.5, None]}}

    @pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 keeps text as objects")
    def test_the_table_and_its_dtypes(self) -> None:
        trials = load(OLD / "Trials.npz")
        assert isinstance(trials, Trials)
        pd.testing.assert_frame_equal(trials.table, self.table, check_column_type=False)

    def test_arrays(self) -> None:
        arrays, header = load_arrays(OLD / "arrays.npz", kind="GLMHMM")
        assert header == {"converged": True}
        assert arrays["weights"].tolist() == [1.0, 2.0]
        assert arrays["../odd name"].tolist() == ["a", "bc"]


def test_arrays_keep_what_is_missing_and_refuse_units(tmp_path: Path) -> None:
    masked = np.ma.array([1.0, -9999.0], mask=[False, True])
    columns = {"masked": masked, "whole": masked.astype(int), "pandas": pd.array([1, None])}
    path = save_arrays(tmp_path / "a.npz", columns, kind="k")
    for values in load_arrays(path, kind="k")[0].values():
        np.testing.assert_array_equal(values, [1.0, np.nan])
    before = path.read_bytes()
    quantity = pytest.importorskip("quantities").Quantity([1.0, 2.0], "ms")
    with pytest.raises(DataError, match=r"arrays\['a'\].*in ms"):
        save_arrays(path, {"a": quantity}, kind="k")
    assert path.read_bytes() == before


def test_an_existing_file_keeps_its_permissions_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real.npz", tmp_path / "link.npz"
    real.write_bytes(b"")
    for mode in (0o640, 0o600, 0o444):
        real.chmod(mode)
        save(real, Signal([1.0], 1))
        assert stat.S_IMODE(real.stat().st_mode) == mode
    real.chmod(0o640)
    link.symlink_to(real)
    save(link, Signal([2.0], 1))
    assert link.is_symlink()
    assert load(real) == Signal([2.0], 1)
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert {x.name for x in tmp_path.iterdir()} == {"real.npz", "link.npz"}


@pytest.mark.parametrize("header", ["{'shape': (", "'''", "{1: [}", "\\"])
def test_a_damaged_header_of_an_array_is_told(tmp_path: Path, header: str) -> None:
    path = save_arrays(tmp_path / "x.npz", {"a": [1.0]}, kind="k")
    with zipfile.ZipFile(path) as archive:
        top = archive.read("neuroloom.json")
    raw = header.encode() + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("neuroloom.json", top)
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + bytes([len(raw), 0]) + raw)
    with pytest.raises(DataError, match=r"x\.npz with a\.npy"):
        load_arrays(path, kind="k")


@pytest.mark.slow
def test_a_changed_bit_is_told_whatever_it_hits(tmp_path: Path) -> None:
    data = Signal(np.arange(3.0), 10)
    path = save(tmp_path / "x.npz", data)
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 7
        path.write_bytes(changed)
        try:
            assert load(path) == data  # a bit that means nothing, in a date say
        except DataError:
            continue


def test_files_of_arrays_hold_no_time_of_day(tmp_path, monkeypatch):
    written = []
    for now in (1e9, 1.7e9):
        monkeypatch.setattr("time.time", lambda now=now: now)
        path = save_arrays(tmp_path / "a.npz", {"x": np.arange(5)}, kind="x", header={"y": 1})
        written.append(path.read_bytes())
        assert {one.date_time[0] for one in zipfile.ZipFile(path).infolist()} == {1980}
    assert written[0] == written[1]
