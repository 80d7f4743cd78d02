"""MNE: recordings and cut epochs come in with their annotations, bads and units, and go out."""

from __future__ import annotations

import datetime
import warnings
from typing import Any

import numpy as np
import pytest
from convert_strategies import rich_epochs, rich_signals
from hypothesis import given
from hypothesis import strategies as st

mne = pytest.importorskip("mne")

from neuroloom.shared import DataError, Epochs, Recording, Signal  # noqa: E402
from neuroloom.shared.convert import ConversionWarning, from_mne, to_mne  # noqa: E402

# Where mne is missing all of the file is skipped, and no report names its tests.
pytestmark = pytest.mark.together


@pytest.fixture
def raw() -> Any:
    info = mne.create_info(["a", "b", "s", "m"], 100.0, ["eeg", "eeg", "stim", "mag"])
    info["bads"] = ["b"]
    values = np.arange(4000.0).reshape(4, 1000)
    found = mne.io.RawArray(values, info, verbose="error")
    notes = mne.Annotations(
        [1.0, 0.5, 3.0, 3.5, 4.0], [2, 0.5, 1, 1, 0], ["rest", "rest", "x", "x", "go"]
    )
    return found.set_annotations(notes, verbose="error")


class TestRaw:
    def test_signals_by_type(self, raw: Any) -> None:
        recording = from_mne(raw)
        assert list(recording.signals) == ["eeg", "stim", "mag"]
        eeg = recording.signals["eeg"]
        assert (eeg.rate, eeg.start, eeg.unit, eeg.channels) == (100.0, 0.0, "V", ("a", "b"))
        assert eeg.properties["bad"].tolist() == [False, True]
        np.testing.assert_array_equal(eeg.values, raw.get_data(picks=[0, 1]).T)
        assert recording.signals["mag"].unit == "T"
        assert recording.signals["stim"].unit == ""
        assert recording.metadata["bads"] == ["b"]

    def test_annotations(self, raw: Any) -> None:
        recording = from_mne(raw)
        assert recording.epochs["rest"] == Epochs([0.5, 1.0], [1.0, 3.0])
        table = recording.tables["annotations"].table
        assert table["label"].tolist() == ["rest", "rest", "x", "x", "go"]
        assert "disjoint" in recording.metadata["skipped"]["epochs 'x'"]

    def test_times_count_from_the_first_sample(self, raw: Any) -> None:
        raw.set_meas_date(datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC))
        part = raw.copy().crop(2.0, 6.0)
        recording = from_mne(part)
        np.testing.assert_allclose(recording.epochs["rest"].stop[-1], 1.0)
        np.testing.assert_array_equal(
            recording.signals["eeg"].values[0], raw.get_data(picks=[0, 1])[:, 200]
        )
        assert recording.metadata["first_time"] == 2.0
        assert recording.metadata["meas_date"].startswith("2026-01-02")

    @pytest.mark.parametrize("dated", [False, True])
    @pytest.mark.parametrize("cut_first", [False, True])
    def test_spans_lie_where_mne_itself_leaves_samples_out(
        self, dated: bool, cut_first: bool
    ) -> None:
        raw = mne.io.RawArray(np.ones((1, 1000)), mne.create_info(1, 100.0, "eeg"), verbose="error")
        if dated:
            raw.set_meas_date(1000)
        if cut_first:
            raw.crop(2.0, 9.0).set_annotations(mne.Annotations([3.0], [1.0], ["BAD_x"]))
        else:
            raw.set_annotations(mne.Annotations([5.0], [1.0], ["BAD_x"])).crop(2.0, 9.0)
        span = from_mne(raw).epochs["BAD_x"]
        masked = raw.get_data(reject_by_annotation="NaN", verbose="error")[0]
        left_out = np.flatnonzero(np.isnan(masked)) / 100.0
        assert span.start[0] == left_out[0] == 3.0
        assert span.stop[0] == left_out[-1] + 0.01

    def test_what_the_user_does_later_changes_nothing(self, raw: Any) -> None:
        recording = from_mne(raw)
        raw.apply_function(lambda x: x * 0)
        assert recording.signals["eeg"].values[1, 0] == 1.0


class TestEpochs:
    @pytest.mark.slow
    def test_times_of_events_survive_other_rates(self, raw: Any) -> None:
        events = np.array([[100, 0, 1], [150, 0, 1]])
        cut = mne.Epochs(raw, events, tmin=-0.1, tmax=0.2, baseline=None, preload=True,
                         verbose="error")  # fmt: skip
        before = from_mne(cut)["eeg"].events
        for other in (cut.copy().decimate(5, verbose="error"), cut.copy().resample(50.0)):
            np.testing.assert_array_equal(from_mne(other)["eeg"].events, before)

    def test_cut_epochs(self, raw: Any) -> None:
        events = np.array([[100, 0, 1], [150, 0, 2], [990, 0, 1]])
        cut = mne.Epochs(
            raw, events, {"left": 1, "right": 2}, -0.1, 0.2, baseline=None, preload=True,
            reject={"eeg": 100.0}, flat={"eeg": 1e-12}, reject_tmin=0.0, verbose="error",
        )  # fmt: skip
        found = from_mne(cut)
        eeg = found["eeg"]
        assert eeg.values.shape == (2, 31, 2)  # one epoch is too short
        assert eeg.properties["bad"].tolist() == [False, True]
        assert eeg.start == -0.1
        assert eeg.events.tolist() == [1.0, 1.5]
        np.testing.assert_array_equal(eeg.values[1, :, 0], raw.get_data(picks=[0])[0, 140:171])
        assert eeg.metadata["labels"] == ["left", "right"]
        assert eeg.metadata["dropped"] == {"TOO_SHORT": 1}
        assert eeg.metadata["event_id"] == {"left": 1, "right": 2}
        assert eeg.metadata["reject"] == {"eeg": 100.0}
        assert eeg.metadata["flat"] == {"eeg": 1e-12}
        assert eeg.metadata["reject_tmin"] == 0.0


def test_what_info_says_beyond_ours_is_told() -> None:
    info = mne.create_info(["a", "b"], 100.0, "eeg")
    with info._unlock():  # which mne asked for before 1.10
        info["proj_name"] = "study"
        info["device_info"] = {"type": "amp"}
    info.set_montage(
        mne.channels.make_dig_montage({"a": [0.0, 0.0, 0.1]}, coord_frame="head"),
        on_missing="ignore",
    )
    raw = mne.io.RawArray(np.zeros((2, 500)), info, verbose="error")
    raw.set_annotations(mne.Annotations([1.0, 2.0], [0.5, 0.0], ["x", "y"]))
    recording = from_mne(raw)
    assert {"proj_name", "device_info", "dig"} <= set(recording.metadata["skipped"])
    positions = recording.signals["eeg"].properties["position_m"]
    np.testing.assert_allclose(positions, [[0, 0, 0.1], 3 * [np.nan]], equal_nan=True)
    plain = mne.io.RawArray(np.zeros((2, 5)), mne.create_info(2, 1.0, "eeg"), verbose="error")
    assert "skipped" not in from_mne(plain).metadata

    cut = mne.Epochs(raw, np.array([[100, 7, 1], [300, 0, 1]]), tmin=0, tmax=0.1, baseline=None,
                     preload=True, verbose="error")[1:]  # fmt: skip
    found = from_mne(cut)["eeg"].metadata
    assert found["selection"] == [1]
    assert {"annotations", "proj_name"} <= set(found["skipped"])
    assert "events" not in found["skipped"]


class TestOut:
    @pytest.mark.parametrize(
        ("unit", "factor"), [("", 1.0), ("V", 1.0), ("mV", 1e-3), ("uV", 1e-6)]
    )
    def test_signals(self, unit: str, factor: float) -> None:
        values = np.random.default_rng(0).normal(size=(50, 2))
        signal = Signal(values, 100.0, 0.0, ["a", "b"], unit, {"bad": [False, True]})
        raw = to_mne(signal)
        np.testing.assert_allclose(raw.get_data().T, values * factor, rtol=1e-12)
        assert raw.info["bads"] == ["b"]
        back = from_mne(raw).signals["eeg"]
        np.testing.assert_allclose(back.values, values * factor, rtol=1e-12)
        assert (back.rate, back.channels) == (100.0, ("a", "b"))

    def test_recordings(self) -> None:
        signal = Signal(np.zeros((500, 1)), 100.0, 2.0, ["a"], "V")
        recording = Recording(signals={"lfp": signal}, epochs={"run": Epochs([3, 5], [4, 6])})
        back = from_mne(to_mne(recording))
        assert back.epochs["run"] == Epochs([1, 3], [2, 4])  # from the first sample

    def test_what_is_lost_is_said(self) -> None:
        signal = Signal(np.zeros((5, 1)), 1.0, 0.0, ["a"], "V", {"depth": [1.0]})
        with pytest.warns(ConversionWarning, match=r"property 'depth'"):
            to_mne(signal)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (Signal([1.0, np.nan], 1.0), "no missing samples"),
            (Signal([1.0, 2.0], 1.0, unit="T"), "data.unit: expected V, mV.* for eeg, got 'T'"),
            (Recording(), "a recording with one signal"),
            (Epochs(0, 1), "a Signal, or a Recording with one"),
        ],
    )
    def test_refused(self, value: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            to_mne(value)

    def test_something_else_in(self) -> None:
        with pytest.raises(DataError, match=r"an mne Raw or Epochs object, got numpy.ndarray"):
            from_mne(np.zeros(3))


def test_what_lies_outside_the_samples_is_told() -> None:
    signal = Signal(np.zeros((200, 1)), 100.0, start=5.0)
    epochs = {"rest": Epochs([1.0, 4.5, 6.0, 6.5, 8.0], [2.0, 5.5, 6.25, 7.5, 9.0])}
    with pytest.warns(ConversionWarning) as told:
        back = from_mne(to_mne(Recording(None, {"x": signal}, None, epochs, {})))
    assert back.epochs["rest"] == Epochs([0, 1, 1.5], [0.5, 1.25, 2.0])
    assert "2 of 5 lie outside the signal" in str(told[0].message)
    assert "2 of 5 were cut" in str(told[0].message)


class TestThereAndBack:
    @given(
        rich_signals(), st.dictionaries(st.sampled_from(["rest", "a/b"]), rich_epochs(grid=True))
    )
    def test_equal_or_listed_as_lost(self, signal: Signal, epochs: dict[str, Epochs]) -> None:
        signal = signal.replace(unit="uV" if signal.unit else "")
        recording = Recording(None, {"x": signal}, None, epochs, {})
        if np.isnan(signal.values).any():
            with pytest.raises(DataError, match="no missing samples"):
                to_mne(recording)
            return
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            back = from_mne(to_mne(recording))
        lost = " ".join(str(x.message) for x in told if issubclass(x.category, ConversionWarning))
        (got,) = back.signals.values()
        scale = 1e-6 if signal.unit else 1.0
        np.testing.assert_array_equal(got.values, signal.values.astype(float) * scale)
        assert got.rate == signal.rate
        assert got.unit == "V"
        assert list(got.channels) == [str(x) for x in signal.channels or range(signal.n_channels)]
        assert got.start == 0
        assert signal.start == 0 or repr(signal.start) in str(back.metadata["description"])
        for name, values in signal.properties.items():
            if name == "bad" and values.dtype == bool:
                assert got.properties["bad"].tolist() == values.tolist()
            else:
                assert f"property {name!r}" in lost
        assert (signal.observed is not None) == ("observed times" in lost)
        assert bool(signal.metadata) == ("metadata of the signal" in lost)
        whole = Epochs(signal.start, signal.start + signal.duration)
        for name, part in epochs.items():
            inside = part.intersect(whole)
            if name in back.epochs:
                here = back.epochs[name]
                for got_times, times in ((here.start, inside.start), (here.stop, inside.stop)):
                    np.testing.assert_allclose(got_times + signal.start, times, rtol=0, atol=1e-6)
            elif len(inside):
                assert f"epochs {name!r}" in back.metadata["skipped"]
            if inside != part or not len(part):
                assert f"epochs {name!r}" in lost
            assert bool(part.metadata) == (f"metadata of epochs {name!r}" in lost)
