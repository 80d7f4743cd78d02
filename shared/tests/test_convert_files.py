"""Files of other programs: ALF sessions, BIDS events, Phy's folders."""

from __future__ import annotations

import json
import os
import pickle
import re
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuroloom.shared import DataError, Epochs
from neuroloom.shared.convert import (
    ConversionWarning,
    from_alf,
    read_alf,
    read_bids_events,
    read_phy,
)
from neuroloom.shared.data import TimeSeries

NAN = np.nan
ROWS = {
    "contrastLeft": [1.0, NAN, 0.25, NAN, 0.0],
    "contrastRight": [NAN, 0.125, NAN, 1.0, NAN],
    "choice": [1, -1, -1, 0, 1],
    "feedbackType": [1, 1, -1, -1, 1],
    "response_times": [1.5, 3.0, 5.5, 67.0, 70.0],
    "goCue_times": [1.0, 2.0, 5.0, 7.0, 69.0],
    "probabilityLeft": [0.5] * 5,
}
INTERVALS = np.array([[0.5, 1.8], [1.8, 4.0], [4.0, 6.0], [6.5, 68.0], [68.5, 71.0]])


def put(path: Path, values: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)


class Evil:
    """Makes a folder when unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def check_trials(table: pd.DataFrame) -> None:
    np.testing.assert_array_equal(table["stimulus"], [-1, 0.125, -0.25, 1, 0])
    np.testing.assert_array_equal(table["choice"], [0, 1, 1, NAN, 0])
    np.testing.assert_array_equal(table["action"], [1, -1, -1, 0, 1])
    np.testing.assert_array_equal(table["correct"], [1, 1, 0, 0, 1])
    np.testing.assert_allclose(table["reaction_time"], [0.5, 1.0, 0.5, NAN, 1.0])


class TestAlf:
    def test_the_rules(self) -> None:
        trials = from_alf({**ROWS, "intervals_0": INTERVALS[:, 0], "intervals_1": INTERVALS[:, 1]})
        check_trials(trials.table)
        assert trials.table["start"].tolist() == INTERVALS[:, 0].tolist()
        assert trials.table["contrastLeft"].tolist()[0] == 1.0
        assert trials.contract() is not None

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"choice": [1, 2, 1, 1, 1]}, "choice"),
            ({"feedbackType": [1, 3, 1, 1, 1]}, "feedbackType"),
            (
                {"contrastLeft": [-1.0, 0, 0, 0, 0]},
                "contrastLeft: expected contrasts of at least 0",
            ),
        ],
    )
    def test_other_codes_are_refused(self, change: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            from_alf({**ROWS, **change})

    @pytest.mark.parametrize("form", ["npy", "table", "namespace", "uuid", "revision"])
    def test_forms_of_a_session(self, tmp_path: Path, form: str) -> None:
        alf = tmp_path / "alf"
        alf.mkdir()
        if form == "table":
            ends = {"intervals_0": INTERVALS[:, 0], "intervals_1": INTERVALS[:, 1]}
            name = "_ibl_trials.table.2f3d5e1c-0d7a-4c1a-8a39-3b9a3c6a4d1e.pqt"
            pd.DataFrame({**ROWS, **ends}).to_parquet(alf / name)
            put(alf / "_ibl_trials.goCueTrigger_times.npy", np.arange(5.0))
        else:
            prefix = "_ibl_" if form == "namespace" else ""
            extra = f".{uuid.UUID(int=5)}" if form == "uuid" else ""
            folder = alf / "#2024-05-06#" if form == "revision" else alf
            for name, values in {**ROWS, "intervals": INTERVALS}.items():
                put(folder / f"{prefix}trials.{name}{extra}.npy", np.array(values))
            if form == "revision":
                put(alf / "trials.choice.npy", np.zeros(5))
                put(alf / "#2023-01-01#" / "trials.choice.npy", np.zeros(5))
        recording = read_alf(tmp_path)
        check_trials(recording.trials.table)
        assert recording.trials.table["stop"].tolist() == INTERVALS[:, 1].tolist()
        skipped = recording.metadata["skipped"]
        if form == "table":
            assert "goCueTrigger_times" in recording.trials.columns
        if form == "revision":
            assert skipped["alf/trials.choice.npy"].endswith("is read instead")
            assert "alf/#2023-01-01#/trials.choice.npy" in skipped
            early = read_alf(tmp_path, revision="2023-06-01")
            assert np.isnan(early.trials.table["choice"]).all()
        else:
            assert not skipped

    def test_spikes_of_two_probes(self, tmp_path: Path) -> None:
        for probe, region in [("probe00", "CA1"), ("probe01", "VISp")]:
            folder = tmp_path / "alf" / probe
            put(folder / "spikes.times.npy", np.array([0.1, 0.5, 0.3, 0.4]))
            put(folder / "spikes.clusters.npy", np.array([0, 2, 0, 2]))
            put(folder / "spikes.amps.npy", np.ones(4))
            put(folder / "clusters.depths.npy", np.array([10.0, 20, 30, 40]))
            put(folder / "clusters.waveforms.npy", np.zeros((4, 3, 2)))
            metrics = pd.DataFrame({"cluster_id": [0, 2], "label": [1.0, 0.5]})
            metrics.to_parquet(folder / "clusters.metrics.pqt")
            (folder / "clusters.acronyms.csv").write_text("acronym\n" + f"{region}\n" * 4)
        recording = read_alf(tmp_path)
        spikes = recording.spikes
        assert spikes.n_units == 8
        assert spikes.names[:3] == ("probe00/0", "probe00/1", "probe00/2")
        assert spikes.of(2).tolist() == [0.4, 0.5]
        assert spikes.properties["depths"].tolist() == [10, 20, 30, 40] * 2
        assert spikes.properties["acronyms"].tolist() == ["CA1"] * 4 + ["VISp"] * 4
        np.testing.assert_array_equal(spikes.properties["label"][:4], [1.0, NAN, 0.5, NAN])
        skipped = recording.metadata["skipped"]
        assert "alf/probe00/spikes.amps.npy" in skipped
        assert "alf/probe01/clusters.waveforms.npy" in skipped
        one = read_alf(tmp_path, collections=["alf/probe01"])
        assert one.spikes.n_units == 4
        assert "alf/probe00/" in one.metadata["skipped"]

    @pytest.mark.parametrize(
        ("metrics", "reason"),
        [
            ({"cluster_id": [0, 1, 1, 2], "label": [0, 1, 2, 3]}, "each cluster_id once"),
            ({"cluster_id": [0, None, 2], "label": [0, 1, 2]}, "each cluster_id once"),
            ({"label": [0, 1, 2]}, "a column cluster_id, or a row for each of 4 clusters"),
        ],
    )
    def test_metrics_of_unknown_clusters_move_no_unit(
        self, tmp_path: Path, metrics: Any, reason: str
    ) -> None:
        put(tmp_path / "spikes.times.npy", np.array([0.1, 0.2, 0.3, 0.4]))
        put(tmp_path / "spikes.clusters.npy", np.array([0, 1, 2, 3]))
        put(tmp_path / "clusters.depths.npy", np.array([10, 20, 30, 40]))
        pd.DataFrame(metrics).to_csv(tmp_path / "clusters.metrics.csv", index=False)
        recording = read_alf(tmp_path)
        assert recording.spikes.names == (0, 1, 2, 3)
        assert [x.tolist() for x in recording.spikes.to_lists()] == [[0.1], [0.2], [0.3], [0.4]]
        assert recording.spikes.properties["depths"].tolist() == [10, 20, 30, 40]
        assert "label" not in recording.spikes.properties
        assert reason in recording.metadata["skipped"]["clusters.metrics.csv"]

    def test_metrics_go_by_the_number_of_their_cluster(self, tmp_path: Path) -> None:
        put(tmp_path / "spikes.times.npy", np.array([0.1, 0.2, 0.3]))
        put(tmp_path / "spikes.clusters.npy", np.array([0, 2, 3]))
        put(tmp_path / "clusters.depths.npy", np.array([10, 20]))
        table = {"cluster_id": [3, 0, 99], "label": [3, 0, 99], "depths": [1, 2, 3]}
        pd.DataFrame(table).to_csv(tmp_path / "clusters.metrics.csv", index=False)
        recording = read_alf(tmp_path)
        found = recording.spikes.properties
        np.testing.assert_array_equal(found["label"], [0, NAN, NAN, 3])
        np.testing.assert_array_equal(found["depths"], [10, 20, NAN, NAN])
        assert recording.metadata["skipped"] == {
            "clusters": "2 rows, the spikes have clusters up to 3",
            "clusters.metrics.csv rows": "of clusters that are none: [99]",
            "clusters.metrics.csv depths": "clusters.depths is read instead",
        }

    def test_a_file_that_was_cut_does_not_rule_the_others(self, tmp_path: Path) -> None:
        for name, values in ROWS.items():
            put(tmp_path / f"trials.{name}.npy", np.array(values))
        put(tmp_path / "trials.aborted.npy", np.zeros(3))
        recording = read_alf(tmp_path)
        check_trials(recording.trials.table)
        told = {"trials.aborted.npy": "3 rows, the others have 5"}
        assert recording.metadata["skipped"] == told

    def test_intervals_are_pairs(self, tmp_path: Path) -> None:
        put(tmp_path / "a.intervals.npy", np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]))
        put(tmp_path / "b.intervals.npy", np.array([[0.0, 1.0], [3.0, 4.0]]))
        recording = read_alf(tmp_path)
        assert recording.epochs == {"b": Epochs([0, 3], [1, 4])}
        assert "shape (n_intervals, 2)" in recording.metadata["skipped"]["a.intervals.npy"]

    def test_one_probe_sorted_twice_is_not_guessed(self, tmp_path: Path) -> None:
        for sorter in ("ks2", "pykilosort"):
            put(tmp_path / "alf/probe00" / sorter / "spikes.times.npy", np.array([0.1]))
            put(tmp_path / "alf/probe00" / sorter / "spikes.clusters.npy", np.array([0]))
        recording = read_alf(tmp_path)
        assert recording.spikes is None
        assert "sorted more than once" in recording.metadata["skipped"]["alf/probe00/ks2/spikes"]
        assert read_alf(tmp_path, collections="alf/probe00/ks2").spikes.n_units == 1

    def test_one_bad_probe_does_not_block_the_other(self, tmp_path: Path) -> None:
        for probe, time in [("probe00", NAN), ("probe01", 0.5)]:
            put(tmp_path / probe / "spikes.times.npy", np.array([0.1, time]))
            put(tmp_path / probe / "spikes.clusters.npy", np.array([0, 0]))
        recording = read_alf(tmp_path)
        assert recording.spikes.times.tolist() == [0.1, 0.5]
        assert "finite times" in recording.metadata["skipped"]["probe00/spikes"]

    def test_other_objects(self, tmp_path: Path) -> None:
        put(tmp_path / "_ibl_wheel.position.npy", np.array([0.0, 0.1, 0.4]))
        put(tmp_path / "_ibl_wheel.timestamps.npy", np.array([0.0, 0.1, 5.0]))
        put(tmp_path / "licks.times.npy", np.array([0.3, 0.9]))
        put(tmp_path / "_ibl_wheelMoves.intervals.npy", np.array([[0.0, 1.0], [2.0, 3.0]]))
        put(tmp_path / "channels.sites.npy", np.arange(3))
        put(tmp_path / "odd.times.npy", np.array([0.0, NAN]))
        (tmp_path / "notes").write_text("x")
        recording = read_alf(tmp_path)
        wheel = recording.signals["wheel.position"]
        assert wheel == TimeSeries([0.0, 0.1, 0.4], [0.0, 0.1, 5.0])
        assert recording.signals["licks"].times.tolist() == [0.3, 0.9]
        assert recording.epochs == {"wheelMoves": Epochs([0, 2], [1, 3])}
        assert set(recording.metadata["skipped"]) == {
            "channels.sites.npy", "odd.times.npy", "notes",
        }  # fmt: skip

    def test_one_bad_file_does_not_block_the_rest(self, tmp_path: Path) -> None:
        for name, values in {**ROWS, "intervals": INTERVALS}.items():
            put(tmp_path / f"trials.{name}.npy", np.array(values))
        np.save(
            tmp_path / "trials.secret.npy",
            np.array([Evil(tmp_path / "was-here")] * 5),
            allow_pickle=True,
        )
        (tmp_path / "trials.cut.npy").write_bytes(b"\x93NUMPY\x01\x00")
        put(tmp_path / "trials.short.npy", np.zeros(3))
        put(tmp_path / "trials.wide.npy", np.zeros((5, 7)))
        (tmp_path / "_ibl_trials.table.pqt").write_bytes(b"PAR1 no")
        recording = read_alf(tmp_path)
        check_trials(recording.trials.table)
        skipped = recording.metadata["skipped"]
        assert "pickle is not read" in skipped["trials.secret.npy"]
        assert "3 rows, the others have 5" in skipped["trials.short.npy"]
        assert {"trials.cut.npy", "trials.wide.npy", "_ibl_trials.table.pqt"} <= set(skipped)
        assert not (tmp_path / "was-here").exists()

    def test_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"an existing folder"):
            read_alf(tmp_path / "no")
        with pytest.raises(DataError, match=r"object\.attribute\.npy"):
            read_alf(tmp_path)
        put(tmp_path / "alf" / "trials.choice.npy", np.zeros(2))
        with pytest.raises(DataError, match=r"collections: expected one of 'alf'"):
            read_alf(tmp_path, collections=["raw"])


@pytest.mark.skipif("NEUROLOOM_DATA" not in os.environ, reason="needs NEUROLOOM_DATA")
def test_a_real_session() -> None:
    path = Path(os.environ["NEUROLOOM_DATA"], "ibl_one_session_blocks.csv")
    table = pd.read_csv(path)
    known = ["contrastLeft", "contrastRight", "choice", "feedbackType", "probabilityLeft"]
    found = from_alf(table[known]).table
    np.testing.assert_array_equal(found["stimulus"], table["signed_contrast"])
    np.testing.assert_array_equal(found["correct"], table["correct"])
    answered = table["choice"] != 0
    np.testing.assert_array_equal(found["choice"][answered], table["right_choice"][answered])


@pytest.fixture
def events(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, sidecar: str = "", encoding: str = "utf-8") -> Path:
        path = tmp_path / "sub-01_ses-02_task-choice_run-1_events.tsv"
        path.write_bytes(text.encode(encoding))
        if sidecar:
            path.with_suffix(".json").write_bytes(sidecar.encode(encoding))
        return path

    return write


TSV = (
    "onset\tduration\ttrial_type\tresponse\tresponse_time\n"
    "1.5\t2\tgo\tleft\t0.4\n"
    "4.25\tn/a\tgo\tn/a\tn/a\n"
    "8\t0\tgo\tright\t0.31\n"
)


def test_contrasts_on_both_sides_are_told(tmp_path: Path) -> None:
    table = {"contrastLeft": [1.0, 0.5, 0.0], "contrastRight": [1.0, 0.0, 0.25]}
    with pytest.warns(ConversionWarning, match="stimulus: 1 rows have contrasts on both sides"):
        trials = from_alf(table)
    assert trials.table["stimulus"].tolist() == [0.0, -0.5, 0.25]
    assert trials.table["contrastLeft"].tolist() == table["contrastLeft"]
    for name, values in table.items():
        put(tmp_path / "alf" / f"trials.{name}.npy", np.array(values))
    assert "both sides" in read_alf(tmp_path).metadata["skipped"]["stimulus"]


class TestBids:
    @pytest.mark.parametrize("change", ["plain", "windows", "bom"])
    def test_columns(self, events: Callable[..., Path], change: str) -> None:
        text = TSV.replace("\n", "\r\n") if change == "windows" else TSV
        sidecar = json.dumps({"trial_type": {"Levels": {"go": "a go cue — µ"}}})
        path = events(text, sidecar, "utf-8-sig" if change == "bom" else "utf-8")
        codes = {"left": 0, "right": 1}
        recording = read_bids_events(path, choice="response", choices=codes)
        table = recording.trials.table
        assert table["start"].tolist() == [1.5, 4.25, 8.0]
        np.testing.assert_array_equal(table["stop"], [3.5, NAN, 8.0])
        np.testing.assert_array_equal(table["choice"], [0, NAN, 1])
        np.testing.assert_array_equal(table["reaction_time"], [0.4, NAN, 0.31])
        assert table["response"].tolist()[::2] == ["left", "right"]
        assert set(table["subject"]) == {"01"}
        assert recording.trials.session == "session"
        assert recording.metadata["columns"]["trial_type"]["Levels"]["go"] == "a go cue — µ"
        assert recording.metadata["entities"]["run"] == "1"
        assert recording.metadata["skipped"] == {}
        assert list(table.columns[:5]) == TSV.split("\n")[0].split("\t")

    def test_some_rows_are_trials(self, events: Callable[..., Path]) -> None:
        path = events(TSV + "9\t1\tfixation\tn/a\tn/a\n", "{broken")
        recording = read_bids_events(path, trial_types="go")
        assert len(recording.trials) == 3
        skipped = recording.metadata["skipped"]
        assert skipped["trial_type fixation"].startswith("1 rows")
        assert any(name.endswith(".json") for name in skipped)

    @pytest.mark.parametrize(
        ("text", "more", "message"),
        [
            ("onset\tlength\n1\t2\n", {}, r"the columns \['duration'\] too"),
            ("onset\tduration\nn/a\t2\n", {}, "onset: expected a time in every row"),
            ("onset\tduration\n1\t-2\n", {}, "durations of at least 0, got -2"),
            ("onset\tduration\nsoon\t2\n", {}, "numbers of seconds or n/a"),
            ("onset\tonset\tduration\n1\t2\t3\n", {}, r"\['onset'\] twice"),
            ("onset\tduration\n1\t2\n1\t2\t3\n", {}, "2 fields per line, got 3 in line 3"),
            (
                'onset\tduration\tx\n1\t2\t"a\n2\t2\tb"\n',
                {},
                "a row in every line, got text in quo",
            ),
            ("onset\tduration\n1\n", {}, "2 fields per line, got 1 in line 2"),
            (TSV, {"choice": "respons"}, "did you mean 'response"),
            (TSV, {"choice": "response", "choices": {"left": 0}}, "right"),
            (
                "onset\tduration\tkey\n1\t2\t007\n2\t2\t1\n",
                {"choice": "key", "choices": {7: 0, 1: 1}},
                r"choices: .*'key', got none for .*; the values are text: write '007'$",
            ),
            (
                "onset\tduration\tkey\n1\t2\t1\n2\t2\tx\n",
                {"choice": "key", "choices": {1: 0, "x": 1}},
                "choices: .* got none for .*; the values are text: write '1' instead of 1",
            ),
            (
                "onset\tduration\tkey\n1\t2\t1\n2\t2\t2\n",
                {"choice": "key", "choices": {"1": 0, "2": 1}},
                "choices: .* got none for .*; the values are numbers: write 1 instead of '1'",
            ),
            (TSV, {"choices": {"left": 0}}, "the column that `choices` is about"),
            (TSV, {"trial_types": ["nogo"]}, "one of 'go'"),
        ],
    )
    def test_refused(
        self, events: Callable[..., Path], text: str, more: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(DataError, match=message):
            read_bids_events(events(text), **more)

    def test_nothing_that_is_written_is_lost(self, events: Callable[..., Path]) -> None:
        big = 2**53 + 1
        text = (
            "onset\tduration\tcode\tid\tmixed\tplain\tlevel\tseven\n"
            f"00.5\t1\t007\t{big}\t{big}\t1\t1.0\t7\n"
            f"1.5\t1\tn/a\tn/a\t0.5\tn/a\t2.0\tn/a\n"
            f"2.5\t1\t12\t-3\tn/a\t2\tn/a\t8\n"
        )
        levels = {name: {"Levels": {"7": "x"}} for name in ("level", "seven")}
        found = read_bids_events(events(text, json.dumps(levels)), choice="code")
        table = found.trials.table
        assert table["start"].tolist() == [0.5, 1.5, 2.5]
        assert table["code"].dropna().tolist() == ["007", "12"]
        assert table["id"].dropna().tolist() == [big, -3]
        assert table["mixed"].dropna().tolist() == [str(big), "0.5"]
        np.testing.assert_array_equal(table["plain"], [1.0, NAN, 2.0])
        assert table["level"].dropna().tolist() == ["1.0", "2.0"]  # as the levels are written
        assert table["seven"].dropna().tolist() == ["7", "8"]
        asked = read_bids_events(
            events(text, json.dumps(levels)), choice="seven", choices={"7": 0, "8": 1}
        ).trials.table
        np.testing.assert_array_equal(asked["choice"], [0.0, NAN, 1.0])
        large = read_bids_events(events("onset\tduration\tx\ty\n1\t1\t1e400\tinf\n")).trials.table
        assert large[["x", "y"]].to_numpy().tolist() == [["1e400", np.inf]]
        quoted = read_bids_events(events('onset\tduration\tx\n1\t1\t"a\tb"\n')).trials.table
        assert quoted["x"].tolist() == ["a\tb"]

    @given(
        st.lists(
            st.one_of(
                st.integers(-(2**70), 2**70).map(str),
                st.integers(0, 99).map("{:03d}".format),
                st.floats(-1e6, 1e6, allow_subnormal=False).map(repr),
                st.just("n/a"),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_numbers_are_what_is_written(self, column: list[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x_events.tsv"
            rows = "".join(f"{i}\t1\t{x}\n" for i, x in enumerate(column))
            path.write_text(f"onset\tduration\tvalue\n{rows}")
            found = read_bids_events(path).trials.table["value"]
        for text, value, gone in zip(column, found, found.isna(), strict=True):
            assert gone == (text == "n/a")
            if not gone and not isinstance(value, str):
                # An integer of Python compares with a float exactly.
                exact = float(text) if "." in text or "e" in text else int(text)
                assert value == exact
                assert not re.match(r"[+-]?0\d", text)
            elif not gone:
                assert value == text

    def test_files_above_say_what_columns_mean(self, tmp_path: Path) -> None:
        (tmp_path / "dataset_description.json").write_text("{}")
        (tmp_path / "events.json").write_text('{"side": {"Description": "any", "Units": "x"}}')
        (tmp_path / "task-a_events.json").write_text('{"side": {"Levels": {"1.0": "left"}}}')
        (tmp_path / "task-b_events.json").write_text('{"side": {"Levels": {"1": "other"}}}')
        folder = tmp_path / "sub-01" / "func"
        folder.mkdir(parents=True)
        (folder / "sub-01_task-a_events.json").write_text('{"side": {"Description": "mine"}}')
        path = folder / "sub-01_task-a_events.tsv"
        path.write_text("onset\tduration\tside\n1\t1\t1.0\n")
        found = read_bids_events(path)
        side = {"Description": "mine", "Units": "x", "Levels": {"1.0": "left"}}
        assert found.metadata["columns"] == {"side": side}
        assert found.trials.table["side"].tolist() == ["1.0"]

    def test_names_with_gaps_do_not_name_sessions(self, events: Callable[..., Path]) -> None:
        found = read_bids_events(events("onset\tduration\tsession\n1\t2\tn/a\n"))
        assert found.trials.table["session"].tolist() == ["02"]
        assert "session_in_file" in found.trials.columns

    def test_an_empty_table(self, events: Callable[..., Path]) -> None:
        assert len(read_bids_events(events("onset\tduration\n")).trials) == 0

    def test_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"an existing file"):
            read_bids_events(tmp_path / "x_events.tsv")


def sorted_spikes(folder: Path, *, params: str = "sample_rate = 1000.\n") -> Path:
    put(folder / "spike_times.npy", np.array([[100], [300], [200], [900]], np.uint64))
    put(folder / "spike_clusters.npy", np.array([3, 5, 3, 9], np.int32))
    put(folder / "amplitudes.npy", np.ones(4))
    (folder / "params.py").write_text(params)
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n3\tgood\n7\tnoise\n")
    (folder / "cluster_KSLabel.tsv").write_text(
        "cluster_id\tKSLabel\n3\tmua\n5\tgood\n7\tmua\n9\tmua\n"
    )
    return folder


class TestPhy:
    def test_units_and_quality(self, tmp_path: Path) -> None:
        spikes = read_phy(sorted_spikes(tmp_path))
        assert spikes.names == (3, 5, 7, 9)
        assert [list(x) for x in spikes.to_lists()] == [[0.1, 0.2], [0.3], [], [0.9]]
        assert spikes.properties["quality"].tolist() == ["good", "good", "noise", "mua"]
        assert spikes.properties["group"].tolist() == ["good", None, "noise", None]
        assert spikes.metadata["sample_rate"] == 1000.0
        assert "not known" in spikes.metadata["stop"]
        assert set(spikes.metadata["skipped"]) == {"amplitudes.npy"}
        assert spikes.select(quality="good").n_units == 2

    def test_a_cluster_that_nobody_looked_at_has_no_label(self, tmp_path: Path) -> None:
        sorted_spikes(tmp_path)
        groups = "3\tunsorted\n5\tgood\n7\tunsorted\n9\t\n11\tunsorted\n"
        (tmp_path / "cluster_group.tsv").write_text(f"cluster_id\tgroup\n{groups}")
        spikes = read_phy(tmp_path)
        assert spikes.names == (3, 5, 7, 9, 11)
        assert [list(x) for x in spikes.to_lists()] == [[0.1, 0.2], [0.3], [], [0.9], []]
        assert spikes.properties["quality"].tolist() == ["mua", "good", "mua", "mua", "unsorted"]
        assert spikes.properties["group"].tolist()[0] == "unsorted"

    def test_the_raw_file_tells_the_length(self, tmp_path: Path) -> None:
        params = "dat_path = ['raw.bin']\nn_channels_dat = 4\ndtype = 'int16'\nsample_rate = 1e3\n"
        (tmp_path / "raw.bin").write_bytes(bytes(4 * 2 * 5000))
        spikes = read_phy(sorted_spikes(tmp_path, params=params))
        assert spikes.epochs == Epochs(0.0, 5.0)
        np.testing.assert_allclose(spikes.rates_hz, [0.4, 0.2, 0, 0.2])
        assert read_phy(tmp_path, stop=2.0).epochs == Epochs(0.0, 2.0)

    def test_params_are_not_run(self, tmp_path: Path) -> None:
        target = tmp_path / "was run"
        params = (
            f"import os\nos.mkdir({str(target)!r})\nsample_rate = 1000\n"
            f"dat_path = os.path.join('a', 'b')\nx, y = 1, 2\n"
        )
        spikes = read_phy(sorted_spikes(tmp_path, params=params))
        assert not target.exists()
        assert spikes.metadata["params"] == {"sample_rate": 1000}
        assert "not run" in spikes.metadata["skipped"]["params.py dat_path"]

    @pytest.mark.parametrize(
        "params",
        [
            "sample_rate: float = 1000.0\n",
            "sample_rate = 1000\ndat_path = 'raw.bin'\nn_channels_dat = 2\ndtype = 'nonsense'\n",
            "sample_rate = 1000\ndat_path = 'raw.bin'\nn_channels_dat = 'two'\n",
        ],
    )
    def test_odd_params(self, tmp_path: Path, params: str) -> None:
        (tmp_path / "raw.bin").write_bytes(b"123456789")
        assert "not known" in read_phy(sorted_spikes(tmp_path, params=params)).metadata["stop"]

    def test_no_spikes(self, tmp_path: Path) -> None:
        sorted_spikes(tmp_path)
        for name in ("spike_times", "spike_clusters"):
            put(tmp_path / f"{name}.npy", np.empty((0, 1), np.uint64))
        spikes = read_phy(tmp_path, stop=3.0)
        assert (spikes.n_units, len(spikes), spikes.epochs) == (4, 0, Epochs(0, 3))
        with pytest.raises(DataError, match=r"stop: expected the end of the recording"):
            read_phy(tmp_path)

    @pytest.mark.parametrize("times", [[-1, 2, 3, 4], [2**63 + 5, 1, 2, 3]])
    def test_samples_that_are_none(self, tmp_path: Path, times: list[int]) -> None:
        sorted_spikes(tmp_path)
        put(tmp_path / "spike_times.npy", np.array(times, np.uint64 if times[0] > 0 else np.int64))
        with pytest.raises(DataError, match=r"numbers from 0 that are exact"):
            read_phy(tmp_path)

    def test_tables_that_differ(self, tmp_path: Path) -> None:
        sorted_spikes(tmp_path)
        info = "cluster_id\tgroup\n3\tmua\n5\tgood\n"
        (tmp_path / "cluster_info.tsv").write_text(info)
        spikes = read_phy(tmp_path)
        assert spikes.properties["group"].tolist() == ["good", "good", "noise", None]
        assert "[3]" in spikes.metadata["skipped"]["cluster_info.tsv group"]

    def test_tabs_in_csv(self, tmp_path: Path) -> None:
        sorted_spikes(tmp_path)
        (tmp_path / "cluster_group.tsv").rename(tmp_path / "cluster_groups.csv")
        assert read_phy(tmp_path).properties["group"].tolist()[0] == "good"

    def test_before_curation(self, tmp_path: Path) -> None:
        sorted_spikes(tmp_path)
        (tmp_path / "spike_clusters.npy").rename(tmp_path / "spike_templates.npy")
        spikes = read_phy(tmp_path, rate=500.0)
        assert spikes.of(0).tolist() == [0.2, 0.4]
        assert "spike_templates.npy is read" in spikes.metadata["skipped"]["spike_clusters.npy"]

    def test_one_bad_table_does_not_block_the_rest(self, tmp_path: Path) -> None:
        sorted_spikes(tmp_path)
        (tmp_path / "cluster_info.tsv").write_bytes(b"id\tch\r\n3\t17\r\n5\t4\r\n")
        (tmp_path / "cluster_twice.tsv").write_text("cluster_id\ttwice\n3\t1\n3\t2\n")
        (tmp_path / "cluster_bytes.tsv").write_bytes(b"cluster_id\tx\n\xff\xfe\t1\n")
        spikes = read_phy(tmp_path)
        np.testing.assert_array_equal(spikes.properties["ch"], [17, 4, NAN, NAN])
        assert {"cluster_twice.tsv", "cluster_bytes.tsv"} <= set(spikes.metadata["skipped"])

    def test_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"an existing folder"):
            read_phy(tmp_path / "no")
        sorted_spikes(tmp_path, params="x = 1\n")
        with pytest.raises(DataError, match=r"a rate in Hz where params.py has no sample_rate"):
            read_phy(tmp_path)
        with pytest.raises(DataError, match=r"spikes inside|times"):
            read_phy(tmp_path, rate=1000.0, stop=0.5)
        put(tmp_path / "spike_clusters.npy", np.zeros(3, np.int32))
        with pytest.raises(DataError, match=r"one per spike \(4\), got 3"):
            read_phy(tmp_path, rate=1000.0)
        (tmp_path / "spike_times.npy").write_bytes(pickle.dumps(Evil(tmp_path / "was-here")))
        with pytest.raises(DataError, match=r"pickle is not read"):
            read_phy(tmp_path, rate=1000.0)
        (tmp_path / "spike_times.npy").unlink()
        with pytest.raises(DataError, match=r"a file spike_times\.npy"):
            read_phy(tmp_path, rate=1000.0)
        assert not (tmp_path / "was-here").exists()


@pytest.mark.parametrize("kind", [np.array, list])
def test_intervals_as_pairs(kind: Any) -> None:
    pairs = [[0.0, 1.5], [2.0, 3.0]]
    table = from_alf({"intervals": kind(pairs), "choice": [1, -1]}).table
    assert table["start"].tolist() == [0.0, 2.0]
    assert table["stop"].tolist() == [1.5, 3.0]
    assert table["intervals_1"].tolist() == [1.5, 3.0]
    with pytest.raises(DataError, match=r"shape \(n_trials, 2\)"):
        from_alf({"intervals": np.zeros((2, 3)), "choice": [1, -1]})
    with pytest.raises(DataError, match=r"not both"):
        from_alf({"intervals": kind(pairs), "intervals_0": [0.0, 2.0]})
