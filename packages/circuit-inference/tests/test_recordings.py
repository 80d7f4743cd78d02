import json
import warnings

import numpy as np
import pandas as pd
import pytest

from neuroloom.circuit_inference import (
    Catch22,
    Features,
    FeatureSet,
    InvalidSeriesError,
    Preprocessing,
    UnsafeFormatError,
    epoch_table,
    read_signal,
    read_signals,
)
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ConstantSeriesError,
    SeriesTooShortError,
    ShapeError,
    UnknownNameError,
)
from neuroloom.shared import Epochs, Recording, Signal
from neuroloom.shared.data import TimeSeries


@pytest.fixture
def values(rng):
    return rng.standard_normal((400, 3))


class TestReadSignal:
    def test_arrays_lie_along_their_longer_axis(self, values):
        for given in (values, values.T, values.tolist()):
            signal = read_signal(given, rate=100.0, channels=["a", "b", "c"])
            np.testing.assert_array_equal(signal.values, values)
        assert read_signal(values[:, 0], rate=100.0).values.shape == (400, 1)
        assert read_signal(values[:2], rate=1.0, channel_axis=1).n_channels == 3

    @pytest.mark.parametrize("suffix", [".npz", ".mat", ".json"])
    def test_files_with_names(self, tmp_path, values, suffix):
        path = tmp_path / f"recording{suffix}"
        content = {"lfp": values, "fs": 250.0, "label": np.array(["x", "y", "z"])}
        if suffix == ".npz":
            np.savez(path, **content)
        elif suffix == ".mat":
            from scipy.io import savemat

            savemat(path, content)
        else:
            plain = {"lfp": values.tolist(), "fs": 250.0, "label": ["x", "y", "z"]}
            path.write_text(json.dumps(plain))
        signal = read_signal(path, channels="label")
        np.testing.assert_array_equal(signal.values, values)
        assert (signal.rate, signal.channels) == (250.0, ("x", "y", "z"))
        assert read_signal(path, rate="fs", data="lfp").n_channels == 3

    def test_nested_names(self, values):
        source = {"session": {"lfp": values, "info": {"rate": [50]}}}
        signal = read_signal(source, data="session.lfp", rate="session.info.rate")
        assert signal.rate == 50.0

    @pytest.mark.parametrize("suffix", [".csv", ".tsv"])
    def test_wide_tables(self, tmp_path, values, suffix):
        table = pd.DataFrame(values, columns=["a", "b", "c"])
        table.insert(0, "time", 2.0 + np.arange(400) / 200)
        path = tmp_path / f"recording{suffix}"
        table.to_csv(path, sep="\t" if suffix == ".tsv" else ",", index=False)
        signal = read_signal(path, channels=["c", "a"])
        np.testing.assert_allclose(signal.values, values[:, [2, 0]])
        assert signal.rate == pytest.approx(200.0)
        assert signal.start == 2.0
        assert read_signal(table.drop(columns="time"), rate=10.0).n_channels == 3

    def test_long_tables(self, values):
        wide = pd.DataFrame(values, columns=["a", "b", "c"])
        wide["when"] = np.arange(400) / 100
        long = wide.melt("when", var_name="sensor", value_name="uV").sample(frac=1, random_state=0)
        signal = read_signal(long, layout=("when", "sensor", "uV"))
        np.testing.assert_array_equal(signal.values, values)
        assert signal.channels == ("a", "b", "c")
        with pytest.raises(ArgumentError, match="one value for each time"):
            read_signal(pd.concat([long, long[:1]]), layout=("when", "sensor", "uV"))

    def test_signals_and_recordings(self, values):
        signal = Signal(values, 100.0, channels=["a", "b", "c"])
        recording = Recording(signals={"lfp": signal, "eeg": signal})
        assert read_signal(recording, data="lfp", channels="b").channels == ("b",)
        with pytest.raises(UnknownNameError, match="did you mean 'lfp'"):
            read_signal(recording, data="lfb")

    def test_mne(self, values):
        mne = pytest.importorskip("mne")
        info = mne.create_info(["a", "b", "c"], 100.0, "eeg")
        raw = mne.io.RawArray(values.T, info, verbose="error")
        raw.info["bads"] = ["b"]
        signal = read_signal(raw)
        assert signal.channels == ("a", "c")
        np.testing.assert_allclose(signal.values, values[:, [0, 2]])

    def test_the_eeg_sample(self, data):
        signal = read_signal(data / "eeg_eeglab_sample.npz", data="data_uV", channels="channels")
        assert (signal.rate, signal.n_channels, len(signal)) == (128.0, 32, 30504)


class TestReadBadInput:
    def test_no_such_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="existing file"):
            read_signal(tmp_path / "none.npy")

    def test_pickles_are_not_opened(self, tmp_path):
        np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
        (tmp_path / "model.pkl").write_bytes(b"\x80\x04.")
        for name in ("objects.npy", "model.pkl"):
            with pytest.raises(UnsafeFormatError):
                read_signal(tmp_path / name, rate=1.0)

    def test_unknown_format(self, tmp_path):
        (tmp_path / "recording.csw").write_text("")
        with pytest.raises(UnknownNameError, match=r"did you mean '\.csv'"):
            read_signal(tmp_path / "recording.csw")

    @pytest.mark.parametrize("rate", [None, 0, -5.0, np.nan])
    def test_rate(self, values, rate):
        with pytest.raises(ArgumentError, match="rate"):
            read_signal(values, rate=rate)

    def test_shapes(self, values):
        with pytest.raises(ShapeError, match="one or two dimensions"):
            read_signal(np.zeros((2, 2, 2)), rate=1.0)
        with pytest.raises(ShapeError, match="regular array"):
            read_signal([[1.0], [1.0, 2.0]], rate=1.0)
        with pytest.raises(ShapeError, match="3 names"):
            read_signal(values, rate=1.0, channels=["a"])

    def test_which_array(self, values):
        with pytest.raises(ArgumentError, match=r"one of \['x', 'y'\]"):
            read_signal({"x": values, "y": values, "fs": 1.0})
        with pytest.raises(ArgumentError, match="rate: expected a number"):
            read_signal({"x": values})

    def test_irregular_times(self):
        table = pd.DataFrame({"time": [0.0, 0.1, 0.5, 0.6], "a": [0.0, 1, 2, 3]})
        with pytest.raises(ArgumentError, match="regular times"):
            read_signal(table)
        with pytest.raises(ArgumentError, match="times that rise"):
            read_signal(table[::-1])


class TestEpochTable:
    @pytest.fixture
    def signal(self, values):
        return Signal(values, 100.0, 1.0, ["a", "b", "c"])

    def test_epochs_side_by_side(self, signal, values):
        table = epoch_table(signal, epoch_s=1.5, metadata={"group": "HC"})
        assert len(table) == 2 * 3  # the last second is dropped
        assert set(table["group"]) == {"HC"}
        row = table[(table["epoch"] == 1) & (table["sensor"] == "b")].iloc[0]
        np.testing.assert_array_equal(row["Data"], values[150:300, 1])
        assert (row["t0"], row["t1"], row["fs"]) == (2.5, 4.0, 100.0)

    def test_overlap_and_part(self, signal, values):
        table = epoch_table(signal, epoch_s=1.0, step_s=0.5, between_s=(1.0, 3.0))
        firsts = table[table["sensor"] == "a"]["Data"].str[0]
        np.testing.assert_array_equal(firsts, values[[100, 150, 200], 0])

    def test_z_scores(self, signal):
        per_epoch = np.stack(epoch_table(signal, epoch_s=1.0, zscore="epoch")["Data"])
        np.testing.assert_allclose(per_epoch.mean(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose(per_epoch.std(axis=1), 1)
        whole = epoch_table(signal, epoch_s=1.0, zscore="recording")
        a = np.concatenate(list(whole[whole["sensor"] == "a"]["Data"]))
        assert a.std() == pytest.approx(1.0)
        assert not np.allclose(a[:100].std(), 1.0)

    def test_channels_together(self, signal, values):
        table = epoch_table(signal, aggregate="sum")
        assert list(table["sensor"]) == ["sum"]
        np.testing.assert_allclose(table["Data"][0], values.sum(axis=1))

    def test_several_recordings(self, signal):
        short = Signal(signal.values[:250], 100.0)
        notes = [{"subject": "s1"}, {"subject": "s2"}]
        table = epoch_table([signal, short], epoch_s=1.0, equal_counts=True, metadata=notes)
        counts = table.groupby("subject")["epoch"].nunique()
        assert counts.to_dict() == {"s1": 2, "s2": 2}
        assert epoch_table([signal, short], epoch_s=1.0).shape[0] == 6 * 3

    def test_warnings_call_recordings_by_their_names(self, signal):
        gone = signal.values.copy()
        gone[:10] = np.nan
        broken = Signal(gone, signal.rate)
        with pytest.warns(UserWarning, match="epochs of recording 1 are left out"):
            epoch_table([signal, broken], epoch_s=1.0)
        with pytest.warns(UserWarning, match=r"epochs of b\.edf are left out"):
            epoch_table([signal, broken], epoch_s=1.0, names=["a.edf", "b.edf"])
        with pytest.raises(ArgumentError, match="names: expected one for each"):
            epoch_table([signal, broken], epoch_s=1.0, names=["a.edf"])

    def test_features_read_it(self, signal):
        table = Features("catch22").compute_features(epoch_table(signal, epoch_s=1.0))
        assert len(table) == 12
        assert {len(row) for row in table["Features"]} == {22}

    def test_bad_input(self, signal):
        with pytest.raises(SeriesTooShortError) as caught:
            epoch_table(signal, epoch_s=5.0)
        assert (caught.value.needed, caught.value.got) == (500, 400)
        for bad in ({"epoch_s": 0}, {"step_s": 1.0}, {"epoch_s": 1.0, "step_s": -1}):
            with pytest.raises(ArgumentError):
                epoch_table(signal, **bad)
        with pytest.raises(ArgumentError, match="between_s"):
            epoch_table(signal, between_s=(2.0, 1.0))
        with pytest.raises(ArgumentError, match="one mapping per recording"):
            epoch_table(signal, metadata=[{}, {}])
        with pytest.raises(ArgumentError, match="names other than"):
            epoch_table(signal, metadata={"Data": 1})
        with pytest.raises(UnknownNameError, match="did you mean 'epoch'"):
            epoch_table(signal, zscore="epochs")
        with pytest.raises(UnknownNameError):
            epoch_table(signal, aggregate="max")
        gap = signal.values.copy()
        gap[3, 1] = np.nan
        with pytest.raises(InvalidSeriesError, match="'1'"):
            epoch_table(Signal(gap, 100.0), zscore="epoch")
        with pytest.raises(ConstantSeriesError):
            epoch_table(Signal(np.ones(100), 100.0), zscore="recording")


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("rate", [None, "fs"])
def test_samples_without_a_rate_are_refused_with_the_way_out(wrapped, rate):
    pupil = TimeSeries([[0.0], [1.0], [3.0]], [0.0, 0.1, 0.3], channels=("pupil",))
    source = Recording(signals={"pupil": pupil}) if wrapped else pupil
    with pytest.raises(ArgumentError, match=r"no sampling rate.*\.to_signal\(rate\)"):
        read_signal(source, rate=rate)


@pytest.mark.parametrize("wrapped", [False, True])
def test_samples_without_a_rate_are_brought_to_the_one_that_is_said(wrapped):
    pupil = TimeSeries([[0.0], [1.0], [3.0]], [0.0, 0.1, 0.3], channels=("pupil",))
    signal = read_signal(Recording(signals={"pupil": pupil}) if wrapped else pupil, rate=10.0)
    assert (signal.rate, signal.channels) == (10.0, ("pupil",))
    np.testing.assert_allclose(signal.values[:, 0], [0, 1, 2, 3])


class TestListsOfSignals:
    def parts(self, rng):
        lfp = Signal(rng.normal(size=30_000), 500.0)
        return lfp.restrict(Epochs([0, 15, 30], [12, 27, 42]))

    def test_features_know_their_rate(self, rng):
        parts = self.parts(rng)
        features = FeatureSet(Catch22(), preprocessing=Preprocessing(zscore=True, rate_hz=200.0))
        table = features.compute(parts)
        np.testing.assert_array_equal(features.compute(parts, rate=500.0).values, table.values)
        each = [features.compute(part).values for part in parts]
        np.testing.assert_array_equal(np.concatenate(each), table.values)
        with pytest.raises(ArgumentError, match="500 Hz"):
            features.compute(parts, rate=250.0)

    @pytest.mark.together
    @pytest.mark.slow
    @pytest.mark.filterwarnings("ignore")  # noise has no information, and mi says so
    def test_information_between_them(self, rng):
        # Three parts of 12 s make 72 windows; mi asks for 50.
        mi = pytest.importorskip("neuroloom.mi")
        parts = self.parts(rng)
        w = {"window_size": 0.5, "step_size": 0.5}
        result = mi.run(
            parts, parts, processor_params_x=w, processor_params_y=w,
            base_params={"n_epochs": 2}, random_seed=0, verbose=False,
        )  # fmt: skip
        assert np.isfinite(result.mi_estimate)


@pytest.mark.parametrize(
    ("name", "step", "rate"),
    [
        ("Time (ms)", 2.0, 500.0),
        ("time [s]", 0.002, 500.0),
        ("Timestamps", 0.002, 500.0),
        ("sec", 0.002, 500.0),
        ("t_ms", 2.0, 500.0),
        ("milliseconds", 2.0, 500.0),
    ],
)
def test_times_by_the_names_that_they_have(name, step, rate):
    table = pd.DataFrame({name: np.arange(100) * step, "a": np.sin(np.arange(100))})
    signal = read_signal(table)
    assert signal.channels == ("a",)
    assert signal.rate == pytest.approx(rate)


def test_a_column_that_rises_evenly_is_no_signal():
    table = pd.DataFrame({"clock": np.arange(100) * 0.002, "a": np.sin(np.arange(100))})
    with pytest.raises(ArgumentError, match="rate='clock'"):
        read_signal(table, rate=500.0)
    assert read_signal(table, rate="clock").channels == ("a",)
    assert read_signal(table, rate=500.0, channels=["clock"]).channels == ("clock",)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("trial", np.repeat(np.arange(10), 40)),
        ("epoch", np.repeat([3.0, 1.0, 2.0, 5.0], 100)),
        ("sample", np.tile(np.arange(40), 10)),
        ("subject", np.full(400, 7)),
        ("stim", (np.arange(400) % 50 == 0).astype(int)),
    ],
)
def test_columns_that_label_rows_are_no_signals(tmp_path, rng, name, column):
    signals = {"Fz": rng.standard_normal(400), "Cz": rng.integers(-99, 99, 400)}
    table = pd.DataFrame({name: column, **signals})
    table.to_csv(tmp_path / "t.csv", index=False)
    for source in (table, tmp_path / "t.csv"):
        with pytest.raises(ArgumentError, match=rf"'{name}', whole.*channels=\['Fz', 'Cz'\]"):
            read_signal(source, rate=100.0)
    named = read_signal(table, rate=100.0, channels=["Fz", "Cz"])
    np.testing.assert_array_equal(named.values, table[["Fz", "Cz"]].to_numpy())


def test_counts_of_a_converter_and_silent_channels_are_signals():
    counts = np.round(200 * np.sin(np.arange(400) / 7)).astype(int)
    table = pd.DataFrame({"A1": counts, "A2": np.zeros(400)})
    assert read_signal(table, rate=100.0).channels == ("A1", "A2")


def test_columns_that_are_numbers():
    signal = read_signal(pd.DataFrame(np.sin(np.arange(300.0)).reshape(100, 3)), rate=100.0)
    assert signal.channels == ("0", "1", "2")


@pytest.mark.together
def test_a_file_whose_samples_end_early_is_refused(tmp_path, rng):
    mne = pytest.importorskip("mne")
    info = mne.create_info(["Fz", "Cz"], 250.0, "eeg")
    whole, part = tmp_path / "a_raw.fif", tmp_path / "b_raw.fif"
    raw = mne.io.RawArray(rng.standard_normal((2, 1000)), info, verbose="error")
    raw.save(whole, verbose="error")
    assert read_signal(whole).n_channels == 2
    with pytest.raises(UnknownNameError, match="Oz"):
        read_signal(whole, channels=["Oz"])
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(ArgumentError, match=r"readable \.fif file, got b_raw\.fif"),
    ):
        read_signal(part)


@pytest.mark.together
class TestTimesOfMne:
    """Bad spans and starts against what MNE itself says of the same recording."""

    @pytest.fixture
    def raw(self):
        mne = pytest.importorskip("mne")
        info = mne.create_info(["a", "b"], 200.0, "eeg")
        values = np.random.default_rng(0).standard_normal((2, 4000)) * 1e-5
        return mne.io.RawArray(values, info, verbose=False)

    @pytest.mark.parametrize("date", [None, 0, 86_400.5])
    @pytest.mark.parametrize("cropped", [0.0, 2.0, 7.25])
    def test_bad_spans_are_where_mne_has_them(self, raw, date, cropped):
        mne = pytest.importorskip("mne")
        if date is not None:
            raw.set_meas_date(date)
        raw.set_annotations(mne.Annotations([3.0, 9.1], [1.0, 0.5], ["BAD_move", "bad"]))
        raw.crop(cropped)
        bad = np.isnan(raw.get_data(reject_by_annotation="NaN", verbose=False)).T
        assert bad.any()
        np.testing.assert_array_equal(np.isnan(read_signal(raw).values), bad)

    def test_spans_of_one_channel_are_its_own(self, raw):
        mne = pytest.importorskip("mne")
        notes = mne.Annotations([3.0, 4.0], [1.0, 0.5], ["BAD", "BAD"], ch_names=[("a",), ()])
        bad = np.isnan(read_signal(raw.set_annotations(notes)).values)
        np.testing.assert_array_equal(np.flatnonzero(bad[:, 0]), np.arange(600, 900))
        np.testing.assert_array_equal(np.flatnonzero(bad[:, 1]), np.arange(800, 900))

    @pytest.mark.filterwarnings("ignore:.*aliasing:RuntimeWarning")
    @pytest.mark.parametrize("changed", ["", "decimated", "decimated later", "resampled"])
    def test_epochs_start_where_their_event_says(self, raw, changed):
        mne = pytest.importorskip("mne")
        events = np.array([[400, 0, 1], [1000, 0, 1], [3000, 0, 1]])
        options = {"tmin": -0.5, "tmax": 1.0, "baseline": None, "preload": True, "verbose": False}
        decim = 4 if changed == "decimated" else 1
        epochs = mne.Epochs(raw, events, decim=decim, **options)
        if changed == "decimated later":
            epochs.decimate(2, verbose=False)
        if changed == "resampled":
            epochs.resample(100.0, verbose=False)
        found = read_signals(epochs)
        np.testing.assert_allclose([s.start for s in found], [1.5, 4.5, 14.5])
        assert {s.rate for s in found} == {float(epochs.info["sfreq"])}


def test_times_in_the_index_of_a_table_are_those_of_its_samples():
    table = pd.DataFrame({"lfp": np.sin(np.arange(50))}, 4 + np.arange(50) / 100)
    table.index.name = "time"
    found = read_signal(table)
    assert (found.rate, found.start, found.channels) == (100.0, 4.0, ("lfp",))
    with pytest.raises(ArgumentError, match="the 100 Hz of the column 'time', got 50 Hz"):
        read_signal(table, rate=50.0)
