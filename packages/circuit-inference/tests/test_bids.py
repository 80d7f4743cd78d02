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
