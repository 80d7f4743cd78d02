"""EDF, BrainVision and EEGLAB files written here byte by byte, and what they say by the way."""

import warnings

import numpy as np
import pytest

from neuroloom.circuit_inference import epoch_table, read_signal
from neuroloom.circuit_inference.errors import ArgumentError

mne = pytest.importorskip("mne")

# Where mne is missing all of the file is skipped, and no report names its tests.
pytestmark = pytest.mark.together


@pytest.fixture
def counts(rng):
    return rng.integers(-2000, 2000, (10, 100))  # ten records of a second


class TestEdf:
    @pytest.mark.parametrize(
        ("unit", "volts"), [("uV", 1e-6), ("mV", 1e-3), ("V", 1.0), ("nV", 1e-9), ("UV", 1e-6)]
    )
    def test_values_are_volts_whatever_voltage_was_written(self, edf, counts, unit, volts):
        signal = read_signal(edf({"Fz": (counts, unit)}))
        assert (signal.unit, signal.rate) == ("V", 100.0)
        np.testing.assert_allclose(signal.values[:, 0], counts.ravel() * volts, rtol=1e-9)

    def test_no_unit_is_told_and_not_called_volts(self, edf, counts):
        path = edf({"Fz": (counts, "")})
        with pytest.warns(UserWarning, match=r"expected voltages in sub\.edf"):
            signal = read_signal(path)
        assert signal.unit == ""
        np.testing.assert_allclose(signal.values[:, 0], counts.ravel())

    def test_what_is_no_voltage_is_no_channel_of_the_brain(self, edf, counts):
        path = edf({"Fz": (counts, "uV"), "Resp": (counts, "%")})
        assert read_signal(path).channels == ("Fz",)
        with pytest.warns(UserWarning, match="%"):
            assert read_signal(path, channels=["Resp"]).unit == ""

    def test_channels_of_several_rates_are_named(self, edf, counts, rng):
        slow = rng.integers(-2000, 2000, (10, 25))
        path = edf({"Fz": (counts, "uV"), "Cz": (counts, "uV"), "EMG": (slow, "uV")})
        with pytest.raises(ArgumentError, match=r"one rate.*'EMG': 25"):
            read_signal(path)
        with pytest.raises(ArgumentError, match="one rate"):
            read_signal(path, channels=["Fz", "EMG"])
        own = read_signal(path, channels=["EMG"])
        assert own.rate == 25.0
        np.testing.assert_allclose(own.values[:, 0], slow.ravel() * 1e-6)
        assert read_signal(path, channels=["Cz", "Fz"]).rate == 100.0
        raw = mne.io.read_raw_edf(path, verbose="error")
        with pytest.raises(ArgumentError, match="'EMG' of 25 Hz brought to 100 Hz"):
            read_signal(raw)
        assert read_signal(raw, channels=["Fz"]).rate == 100.0

    def test_a_recording_that_was_interrupted(self, edf, counts):
        whole = edf({"Fz": (counts, "uV")}, starts=np.arange(10.0))
        np.testing.assert_allclose(read_signal(whole).values[:, 0], counts.ravel() * 1e-6)
        starts = np.arange(10.0) + np.where(np.arange(10) >= 6, 30.0, 0.0)
        path = edf({"Fz": (counts, "uV")}, starts=starts)
        with pytest.raises(ArgumentError, match="interrupted at 6 s for 30 s"):
            read_signal(path)

    def test_a_file_that_ends_early_is_told(self, edf, counts):
        path = edf({"Fz": (counts, "uV")})
        path.write_bytes(path.read_bytes()[:-900])
        with pytest.warns(RuntimeWarning, match="does not match the file size"):
            assert len(read_signal(path)) == 500

    def test_a_damaged_header(self, edf, counts):
        path = edf({"Fz": (counts, "uV")})
        text = bytearray(path.read_bytes())
        text[252:256] = b"many"
        path.write_bytes(text)
        with pytest.raises(ArgumentError, match=r"sub\.edf"):
            read_signal(path)


def test_samples_on_both_sides_of_a_boundary_share_no_epoch(tmp_path, rng):
    """Data were cut out at 4 s; the event's length is what is gone, and marks nothing."""
    from scipy.io import savemat

    values = rng.standard_normal((2, 1000))
    names = np.array(["Fz", "Cz"], dtype=object)
    event = np.zeros(2, dtype=[("type", object), ("latency", float), ("duration", float)])
    event[0], event[1] = ("boundary", 400.5, 250.0), ("stim", 700.0, 1.0)
    chanlocs = np.zeros(2, dtype=[("labels", object), ("type", object)])
    chanlocs["labels"], chanlocs["type"] = names, "EEG"
    content = {
        "setname": "x", "nbchan": 2.0, "trials": 1.0, "pnts": 1000.0, "srate": 100.0, "xmin": 0.0,
        "xmax": 9.99, "data": values, "chanlocs": chanlocs, "event": event, "epoch": [],
        "ref": "common", "icawinv": [], "icaweights": [], "icasphere": [],
    }  # fmt: skip
    savemat(tmp_path / "cut.set", {"EEG": content})
    signal = read_signal(tmp_path / "cut.set")
    missing = np.flatnonzero(np.isnan(signal.values).all(axis=1))
    assert set(missing) <= {399, 400}
    assert missing.size
    clean = np.delete(np.arange(1000), missing)
    np.testing.assert_allclose(signal.values[clean], values.T[clean] * 1e-6)
    with pytest.warns(UserWarning, match="1 of 5 epochs"):
        table = epoch_table(signal, epoch_s=1.9, between_s=(0.5, 10.0))
    assert len(table) == 8


def brain_vision(folder, counts, unit, markers):
    header = f"""Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
Codepage=UTF-8
DataFile=x.eeg
MarkerFile=x.vmrk
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels={counts.shape[1]}
SamplingInterval=10000
[Binary Infos]
BinaryFormat=INT_16
[Channel Infos]
""" + "".join(f"Ch{i + 1}=E{i},,0.5,{unit}\n" for i in range(counts.shape[1]))
    (folder / "x.vhdr").write_text(header, encoding="utf-8")
    (folder / "x.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nDataFile=x.eeg\n"
        "[Marker Infos]\n" + "".join(f"Mk{i + 1}={m}\n" for i, m in enumerate(markers)),
        encoding="utf-8",
    )
    (folder / "x.eeg").write_bytes(counts.astype("<i2").tobytes())
    return folder / "x.vhdr"


@pytest.mark.parametrize(("unit", "volts"), [("µV", 1e-6), ("mV", 1e-3), ("nV", 1e-9)])
def test_a_pause_in_brain_vision_and_its_units(tmp_path, rng, unit, volts):
    counts = rng.integers(-2000, 2000, (1000, 2))
    markers = [
        "New Segment,,1,1,0,20200101120000000000",
        "Stimulus,S  1,101,1,0",
        "New Segment,,501,1,0,20200101130000000000",  # an hour later
        "Bad Interval,Bad Min-Max,701,20,0",
    ]
    signal = read_signal(brain_vision(tmp_path, counts, unit, markers))
    missing = np.flatnonzero(np.isnan(signal.values).all(axis=1))
    np.testing.assert_array_equal(missing, [500, *range(700, 720)])
    clean = np.delete(np.arange(1000), missing)
    np.testing.assert_allclose(signal.values[clean], counts[clean] * 0.5 * volts)
    assert (signal.unit, signal.rate) == ("V", 100.0)


def test_markers_of_stimuli_leave_everything_as_it_is(tmp_path, rng):
    counts = rng.integers(-2000, 2000, (300, 2))
    path = brain_vision(tmp_path, counts, "µV", ["New Segment,,1,1,0", "Stimulus,S  1,101,1,0"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(read_signal(path).values).all()
