"""Which columns of trials go to another clock, cells that nobody changes, epochs that touch."""

from __future__ import annotations

import datetime
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from neuroloom.shared import DataError, Epochs, Recording, Trials, convert
from neuroloom.shared.data import Clock

CLOCK = Clock(100.0, 0.5)


class TestOnClock:
    def test_columns_that_from_alf_knows_as_times_move(self) -> None:
        table = {
            "intervals": np.array([[0.0, 2.0]]),
            "goCue_times": [0.5],
            "response_times": [1.0],
            "choice": [1],
        }
        trials = convert.from_alf(table)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            moved = Recording(trials=trials).on_clock(CLOCK).trials
            again = trials.on_clock(CLOCK)
        assert moved == again
        assert moved is not None
        found = moved.table.iloc[0]
        assert found[["start", "stop", "intervals_0", "intervals_1"]].tolist() == [
            100.0, 103.0, 100.0, 103.0,
        ]  # fmt: skip
        assert found[["goCue_times", "response_times"]].tolist() == [100.75, 101.5]
        assert found["reaction_time"] == 0.75
        window = moved.epochs("goCue_times", window=(-0.25, 0.25))
        assert window.start.tolist() == [100.5]
        assert "time_columns" not in window.metadata

    def test_other_time_scales_stay_and_are_told(self) -> None:
        trials = convert.from_alf({"goCue_times": [0.5], "intervals_bpod": np.array([[7.0, 8.0]])})
        with pytest.warns(UserWarning, match=r"'intervals_bpod_0', 'intervals_bpod_1'\] stay"):
            moved = trials.on_clock(CLOCK)
        assert moved.table.iloc[0].tolist() == [100.75, 7.0, 8.0]

    def test_columns_called_as_times_are_told_unless_named(self) -> None:
        trials = Trials({"start": [1.0], "stimOnTime": [1.5], "n_times_seen": [3]})
        with pytest.warns(UserWarning, match=r"\['stimOnTime'\] stay"):
            trials.on_clock(CLOCK)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            moved = trials.on_clock(CLOCK, times=["start", "stimOnTime"])
            named = trials.replace(metadata={"time_columns": ["stimOnTime"]}).on_clock(CLOCK)
        assert moved.table.equals(named.table)
        assert moved.table.iloc[0].tolist() == [101.5, 102.25, 3]

    def test_metadata_of_the_users_own_that_have_that_name(self) -> None:
        trials = Trials({"start": [1.0]}, metadata={"time_columns": "none"})
        assert trials.on_clock(CLOCK).table["start"].tolist() == [101.5]

    def test_columns_of_bids_events(self, tmp_path: Path) -> None:
        path = tmp_path / "sub-1_events.tsv"
        path.write_text("onset\tduration\tresponse_time\n2.0\t1.0\t0.5\n")
        moved = convert.read_bids_events(path).on_clock(CLOCK).trials
        assert moved is not None
        found = moved.table.iloc[0]
        assert found[["onset", "start", "stop"]].tolist() == [103.0, 103.0, 104.5]
        assert found[["duration", "response_time", "reaction_time"]].tolist() == [1.5, 0.75, 0.75]

    def test_columns_of_nwb_trials(self, tmp_path: Path) -> None:
        pynwb = pytest.importorskip("pynwb")
        now = datetime.datetime.now(datetime.UTC)
        file = pynwb.NWBFile("d", "i", now)
        file.add_trial_column("cue_time", "when")
        file.add_trial_column("lick_times", "when", index=True)
        file.add_trial_column("kind_of_time", "a word")
        file.add_trial(
            start_time=0.0, stop_time=2.0, cue_time=1.0, lick_times=[1.0, 2.0], kind_of_time="day"
        )
        with pynwb.NWBHDF5IO(tmp_path / "f.nwb", "w") as io:
            io.write(file)
        trials = convert.read_nwb(tmp_path / "f.nwb").trials
        with pytest.warns(UserWarning, match=r"\['kind_of_time'\] stay"):
            found = trials.on_clock(CLOCK).table.iloc[0]
        assert found["cue_time"] == 101.5
        assert found["lick_times"] == [101.5, 103.0]
        assert found[["start_time", "start", "stop_time", "stop"]].tolist() == [
            100.0, 100.0, 103.0, 103.0,
        ]  # fmt: skip


class TestCells:
    def test_lists_and_dicts_in_cells_are_copies_in_and_out(self) -> None:
        given = [[1, 2], {"a": [3]}, np.array([4]), "text", None]
        index = pd.Index([["x"], 1, 2, 3, 4], name="key", dtype=object)
        trials = Trials(pd.DataFrame({"cell": given}, index=index))
        before = trials.replace()
        given[0].append(99)
        index[0].append("y")
        for table in (trials.table, trials.require("cell", "key")):
            table["cell"][0].append(99)
            table["cell"][1]["a"].append(99)
            table["cell"][2][0] = 99
            table["key"][0].append("y")
        for part in trials.sessions():
            part.table["cell"][0].append(99)
        cells = trials.table["cell"]
        assert cells[0] == [1, 2]
        assert cells[1] == {"a": [3]}
        assert cells[2].tolist() == [4]
        assert trials.table["key"][0] == ["x"]
        assert trials.replace().table["key"].tolist() == before.table["key"].tolist()

    def test_text_numbers_and_missing_values_come_as_they_are(self) -> None:
        given = pd.DataFrame(
            {
                "text": pd.Series(["a", None], dtype=object),
                "mixed": pd.Series([1, "b"], dtype=object),
                "kind": pd.Categorical(["x", "y"]),
                "n": pd.array([1, None], dtype="Int64"),
            }
        )
        pd.testing.assert_frame_equal(Trials(given).table, given)


class TestTouching:
    def test_windows_that_touch_are_epochs(self) -> None:
        trials = Trials({"start": np.arange(1000) / 10})
        epochs = trials.epochs(window=(0.0, 0.1))
        assert len(epochs) == 1000
        assert (epochs.start[1:] >= epochs.stop[:-1]).all()
        assert np.abs(epochs.durations - 0.1).max() < 1e-9
        assert not len(epochs.gaps())
        assert len(epochs.merged()) == 1
        assert epochs.intersect(Epochs(0.0, 100.0)).duration == pytest.approx(100.0, abs=1e-9)
        assert Epochs(*epochs.parts()) == epochs

    @pytest.mark.parametrize(
        ("start", "stop"),
        [
            ([0.0, 1.0], [1.0 + 2e-9, 2.0]),
            ([0.0, 0.0], [5e-10, 1.0]),
            ([0.0, 1.0], [1.5, 2.0]),
        ],
    )
    def test_more_than_a_trace_is_an_overlap(self, start: list[float], stop: list[float]) -> None:
        with pytest.raises(DataError, match="disjoint epochs"):
            Epochs(start, stop)
