"""A BIDS folder as one table, on folders made here."""

import json

import numpy as np
import pandas as pd
import pytest

from neuroloom.circuit_inference import Aperiodic, FeatureSet, Inferer, Moments, Prior, bids_table
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    FeatureMismatchError,
    UnknownNameError,
)

mne = pytest.importorskip("mne")

# Where mne is missing all of the file is skipped, and no report names its tests.
pytestmark = pytest.mark.together
RATE = 100.0
SET = FeatureSet(Moments(), Aperiodic((2, 40)))


@pytest.fixture
def folder(tmp_path, rng):
    people = pd.DataFrame(
        {"participant_id": ["sub-01", "sub-02"], "group": ["HC", "AD"], "age": ["70", "n/a"]}
    )
    people.to_csv(tmp_path / "participants.tsv", sep="\t", index=False)
    (tmp_path / "task-rest_eeg.json").write_text(json.dumps({"SamplingFrequency": RATE}))
    for subject in ("01", "02"):
        for task in ("rest", "eyes"):
            place = tmp_path / f"sub-{subject}" / "ses-a" / "eeg"
            place.mkdir(parents=True, exist_ok=True)
            info = mne.create_info(["Fz", "Cz", "Pz", "EOG"], RATE, ["eeg"] * 3 + ["eog"])
            raw = mne.io.RawArray(1e-5 * rng.standard_normal((4, 1000)), info, verbose="error")
            name = f"sub-{subject}_ses-a_task-{task}"
            raw.save(place / f"{name}_eeg.fif", verbose="error")
            channels = pd.DataFrame(
                {
                    "name": ["Fz", "Cz", "Pz", "EOG"],
                    "type": ["EEG", "EEG", "EEG", "EOG"],
                    "status": ["good", "bad" if subject == "02" else "good", "good", "good"],
                }
            )
            channels.to_csv(place / f"{name}_channels.tsv", sep="\t", index=False)
    return tmp_path


@pytest.mark.filterwarnings("ignore:This filename")
class TestTables:
    def test_subjects_tasks_and_bad_channels(self, folder):
        table = bids_table(folder, SET, epoch_s=5.0)
        assert len(table) == 2 * 2 * 3 + 2 * 2 * 2  # Cz of the second subject is bad
        assert set(table["sensor"]) == {"Fz", "Cz", "Pz"}
        assert "Cz" not in set(table.loc[table["subject"] == "02", "sensor"])
        first = table.iloc[0]
        assert [first[k] for k in ("subject", "session", "group", "age")] == ["01", "a", "HC", 70]
        assert table.loc[table["subject"] == "02", "age"].isna().all()
        raw = mne.io.read_raw(
            folder / "sub-01" / "ses-a" / "eeg" / "sub-01_ses-a_task-eyes_eeg.fif", verbose="error"
        )
        own = SET.compute(raw.get_data(picks=["Fz"])[:, :500], rate=RATE)
        row = table[(table["task"] == "eyes") & (table["sensor"] == "Fz")].iloc[0]
        np.testing.assert_allclose(row[list(own.names)].to_numpy(float), own.values[0])
        only = bids_table(folder, SET, epoch_s=5.0, task="rest")
        assert set(only["task"]) == {"rest"}

    @pytest.mark.slow
    def test_predictions(self, folder, rng):
        theta = rng.random((60, 1))
        series = 1e-5 * (1 + theta) * rng.standard_normal((60, 500))
        options = {"n_members": 2, "n_folds": 0, "max_epochs": 5, "hidden": (8,)}
        model = Inferer("mdn", Prior.box({"gain": (0, 1)}), hyperparams=options)
        model.fit(SET.compute(series, rate=RATE), theta, feature_set=SET, seed=0)
        table = bids_table(folder, inferer=model, epoch_s=5.0, seed=0)
        assert table["gain mean"].between(0, 1).all()
        assert table["valid"].all()
        assert "ood_p" in table
        model.fit(SET.compute(series, rate=2 * RATE), theta, feature_set=SET, seed=0)
        with pytest.raises(FeatureMismatchError, match="resample=True"):
            bids_table(folder, inferer=model, epoch_s=5.0)
        assert len(bids_table(folder, inferer=model, epoch_s=5.0, resample=True)) == len(table)

    def test_what_is_refused(self, folder, tmp_path_factory):
        with pytest.raises(UnknownNameError, match="task"):
            bids_table(folder, SET, task="walk")
        with pytest.raises(ArgumentError, match="feature_set"):
            bids_table(folder)
        with pytest.raises(ArgumentError, match="got none"):
            bids_table(tmp_path_factory.mktemp("empty"), SET)
        with pytest.raises(FileNotFoundError):
            bids_table(folder / "nothing", SET)
        (folder / "task-rest_eeg.json").write_text(json.dumps({"SamplingFrequency": 500}))
        with pytest.raises(ArgumentError, match="500 Hz"):
            bids_table(folder, SET)
        (folder / "task-rest_eeg.json").write_text("{")
        with pytest.raises(ArgumentError, match="JSON"):
            bids_table(folder, SET)


class TestSidecars:
    """Small folders, one fault each; recordings are EDF files of Fz and Cz at 100 Hz."""

    @pytest.fixture
    def place(self, tmp_path):
        place = tmp_path / "a study" / "sub-01" / "eeg"
        place.mkdir(parents=True)
        return place

    @pytest.fixture
    def recording(self, place, edf, rng):
        counts = rng.integers(-2000, 2000, (10, 100))
        edf({"Fz": (counts, "uV"), "Cz": (counts, "uV")}, place / "sub-01_task-rest_eeg.edf")
        return counts

    def beside(self, place, ending, **columns):
        frame = pd.DataFrame(columns)
        frame.to_csv(place / f"sub-01_task-rest_{ending}.tsv", sep="\t", index=False)

    def test_bad_whatever_is_around_it(self, place, recording):
        self.beside(
            place, "channels", name=["Fz ", "Cz"], type=["EEG", "eeg"], status=["n/a", "BAD "]
        )
        assert list(bids_table(place.parents[1], SET)["sensor"]) == ["Fz"]

    @pytest.mark.filterwarnings("ignore:This filename")
    def test_what_the_recording_itself_calls_bad(self, place, rng):
        info = mne.create_info(["Fz", "Cz"], RATE, "eeg")
        raw = mne.io.RawArray(1e-5 * rng.standard_normal((2, 1000)), info, verbose="error")
        raw.info["bads"] = ["Cz"]
        raw.save(place / "sub-01_task-rest_eeg.fif", verbose="error")
        self.beside(place, "channels", name=["Fz", "Cz"], type=["EEG", "EEG"])
        assert list(bids_table(place.parents[1], SET)["sensor"]) == ["Fz"]

    def test_channels_without_types_are_not_taken_for_eeg(self, place, recording):
        self.beside(place, "channels", name=["Fz", "Cz"], status=["good", "good"])
        with pytest.raises(ArgumentError, match="name and type"):
            bids_table(place.parents[1], SET)

    def test_channels_twice(self, place, recording):
        self.beside(place, "channels", name=["Fz", "Fz"], type=["EEG", "EOG"])
        with pytest.raises(ArgumentError, match="'Fz'"):
            bids_table(place.parents[1], SET)

    def test_the_nearest_table_alone_holds(self, place, recording):
        (place.parents[1] / "channels.tsv").write_text("name\ttype\nA\tMISC\n")
        self.beside(place, "channels", name=["Fz", "Cz"], type=["EEG", "EEG"])
        assert len(bids_table(place.parents[1], SET)) == 2

    @pytest.mark.parametrize("rate", ["500", 500, 0, "fast"])
    def test_rates_of_any_kind_are_compared(self, place, recording, rate):
        (place / "sub-01_task-rest_eeg.json").write_text(json.dumps({"SamplingFrequency": rate}))
        with pytest.raises(ArgumentError, match="SamplingFrequency"):
            bids_table(place.parents[1], SET)

    def test_the_rate_of_a_channel(self, place, recording):
        types, rates = ["EEG", "EEG"], ["100", "50"]
        self.beside(place, "channels", name=["Fz", "Cz"], type=types, sampling_frequency=rates)
        with pytest.raises(ArgumentError, match="sampling_frequency of Cz"):
            bids_table(place.parents[1], SET)
        rates = ["n/a", "100"]
        self.beside(place, "channels", name=["Fz", "Cz"], type=types, sampling_frequency=rates)
        assert len(bids_table(place.parents[1], SET)) == 2

    def test_the_unit_that_the_file_does_not_say(self, place, edf, rng):
        counts = rng.integers(-2000, 2000, (10, 100))
        edf({"Fz": (counts, "")}, place / "sub-01_task-rest_eeg.edf")
        self.beside(place, "channels", name=["Fz"], type=["EEG"], units=["µV"])
        with pytest.warns(UserWarning, match="expected voltages"):
            table = bids_table(place.parents[1], SET)
        assert table["moment:std"][0] == pytest.approx(counts.std() * 1e-6)

    def test_spans_that_events_call_bad(self, place, recording):
        self.beside(
            place, "events", onset=["2.0", "5", "7"], duration=["1.0", "n/a", "1"],
            trial_type=["BAD_move", "badger shown", "rest"],
        )  # fmt: skip
        with pytest.warns(
            UserWarning, match=r"1 of 5 epochs of sub-01_task-\w+_eeg\.\w+ are left out"
        ):
            table = bids_table(place.parents[1], SET, epoch_s=2.0)
        assert sorted(set(table["t0"])) == [0.0, 4.0, 6.0, 8.0]

    def test_columns_of_participants_keep_their_digits_and_never_stand_for_others(
        self, place, recording
    ):
        people = {
            "participant_id": ["sub-01"], "code": ["007"], "age": ["61"], "weight": ["7.5e1"],
            "task": ["count"], "session": ["x"], "epoch": ["e"], "moment:std": ["1"],
            "number": ["12345678901234567890"],
        }  # fmt: skip
        pd.DataFrame(people).to_csv(place.parents[1] / "participants.tsv", sep="\t", index=False)
        row = bids_table(place.parents[1], SET).iloc[0]
        assert [row["code"], row["age"], row["weight"], row["task"]] == ["007", 61, 75.0, "rest"]
        assert row["number"] == "12345678901234567890"
        assert [row["participants.task"], row["participants.session"]] == ["count", "x"]
        assert row["participants.epoch"] == "e"
        assert row["moment:std"] == pytest.approx(recording.std() * 1e-6)

    def test_a_subject_twice(self, place, recording):
        people = pd.DataFrame({"participant_id": ["sub-01", "01"], "age": [1, 2]})
        people.to_csv(place.parents[1] / "participants.tsv", sep="\t", index=False)
        with pytest.raises(ArgumentError, match="'01'"):
            bids_table(place.parents[1], SET)

    def test_recordings_are_neither_left_out_in_silence_nor_counted_twice(
        self, place, recording, edf
    ):
        (place / "sub-01_task-rest_eeg.edf").rename(place / "sub-01_task-rest_eeg.EDF")
        (place / "sub-01_task-eyes_eeg.gdf").write_bytes(b"GDF")
        (place / "sub-01_task-rest_eeg.json").write_text("{}")
        with pytest.warns(UserWarning, match="1 others are left out"):
            assert len(bids_table(place.parents[1], SET)) == 2
        edf({"Fz": (recording, "uV")}, place / "sub-01_task-rest_eeg.bdf")
        (place / "sub-01_task-eyes_eeg.gdf").unlink()
        with pytest.raises(ArgumentError, match="each recording once"):
            bids_table(place.parents[1], SET)

    def test_a_recording_in_the_folder_of_somebody_else(self, place, recording, edf):
        other = place.parents[1] / "sub-02" / "eeg"
        other.mkdir(parents=True)
        edf({"Fz": (recording, "uV")}, other / "sub-01_task-rest_eeg.edf")
        with pytest.raises(ArgumentError, match="sub-02"):
            bids_table(place.parents[1], SET)

    @pytest.mark.filterwarnings("ignore:This filename")
    def test_parts_of_one_recording_are_one(self, tmp_path, rng):
        place = tmp_path / "sub-01" / "meg"
        place.mkdir(parents=True)
        info = mne.create_info(["M1", "M2"], RATE, "mag")
        raw = mne.io.RawArray(1e-12 * rng.standard_normal((2, 300_000)), info, verbose="error")
        raw.save(
            place / "sub-01_task-rest_meg.fif", split_size="2MB", split_naming="bids",
            buffer_size_sec=10, verbose="error",
        )  # fmt: skip
        parts = sorted(place.glob("*split*"))
        assert len(parts) > 1
        table = bids_table(tmp_path, SET, datatype="meg")
        assert list(table["sensor"]) == ["M1", "M2"]
        assert table["t1"].tolist() == [3000.0, 3000.0]
        parts[-1].with_name("sub-01_task-rest_split-09_meg.fif").write_bytes(parts[-1].read_bytes())
        with pytest.raises(ArgumentError, match="parts"):
            bids_table(tmp_path, SET, datatype="meg")
