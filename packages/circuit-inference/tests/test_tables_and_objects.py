"""Dates as times, missing rows, rates that contradict, and objects that are no recording."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import neuroloom.circuit_inference as ci

RNG = np.random.default_rng(0)
X = RNG.standard_normal((500, 2))
SECONDS = np.arange(500) / 250
DATES = pd.Timestamp("2024-02-28 23:59:59") + pd.to_timedelta(SECONDS, unit="s")
TABLE = pd.DataFrame(X, columns=["Fz", "Cz"])


@pytest.mark.parametrize(
    ("table", "start"),
    [
        (TABLE.assign(time=DATES), 0.0),
        (TABLE.assign(time=pd.to_timedelta(3 + SECONDS, unit="s")), 3.0),
        (TABLE.assign(time_ms=DATES), 0.0),
        (TABLE.set_axis(DATES, axis=0), 0.0),
        (TABLE.set_axis(DATES.tz_localize("Europe/Oslo"), axis=0), 0.0),
        (TABLE.set_axis(pd.to_timedelta(SECONDS, unit="s"), axis=0), 0.0),
    ],
)
def test_dates_are_times(table: pd.DataFrame, start: float) -> None:
    signal = ci.read_signal(table)
    assert signal.rate == pytest.approx(250)
    assert signal.start == pytest.approx(start)
    assert signal.channels == ("Fz", "Cz")
    np.testing.assert_array_equal(signal.values, X)
    with pytest.raises(ci.CircuitInferenceError, match="rate"):
        ci.read_signal(table, rate=500.0)


def test_dates_with_a_gap_are_refused() -> None:
    with pytest.raises(ci.CircuitInferenceError, match="regular"):
        ci.read_signal(TABLE.set_axis(DATES, axis=0).drop(DATES[7]))


def test_rows_that_are_missing_or_moved_are_refused() -> None:
    for broken in (TABLE[::2], TABLE.drop(7), TABLE[::-1], TABLE.sample(frac=1, random_state=0)):
        with pytest.raises(ci.CircuitInferenceError, match="dropped or moved"):
            ci.read_signal(broken, rate=250.0)
    for whole in (TABLE, TABLE[100:], TABLE[::2].reset_index(drop=True)):
        signal = ci.read_signal(whole, rate=250.0)
        np.testing.assert_array_equal(signal.values, whole)


@pytest.mark.parametrize(
    ("more", "rate"),
    [
        ({"fs": 250.0, "srate": 500.0}, None),
        ({"fs": [250.0, 500.0]}, "fs"),
        ({"fs": 250.0}, 500.0),
        ({"fs": "fast"}, None),
    ],
)
def test_rates_that_contradict_are_refused(more: dict[str, Any], rate: Any) -> None:
    with pytest.raises(ci.CircuitInferenceError, match="rate: "):
        ci.read_signal({"lfp": X, **more}, data="lfp", rate=rate)


def test_one_rate_may_be_said_twice_or_named() -> None:
    assert ci.read_signal({"lfp": X, "fs": [[250]]}, data="lfp", rate=250.0).rate == 250
    both = {"lfp": X, "fs": 250.0, "srate": 500.0}
    assert ci.read_signal(both, data="lfp", rate="srate").rate == 500


def test_complex_samples_are_refused() -> None:
    with pytest.raises(ci.CircuitInferenceError, match="source: "):
        ci.read_signal(X + 1j, rate=250.0)
    with pytest.raises(ci.CircuitInferenceError, match="complex"):
        ci.FeatureSet(ci.Moments()).compute(X.T + 1j)


def test_what_is_no_signal_is_refused() -> None:
    for given in (X, [X], TABLE, 3):
        with pytest.raises(ci.CircuitInferenceError, match="read_signal"):
            ci.epoch_table(given, epoch_s=1.0)  # type: ignore[arg-type]


def test_powers_of_mne_are_no_recording() -> None:
    mne = pytest.importorskip("mne")
    raw = mne.io.RawArray(X.T * 1e-5, mne.create_info(["Fz", "Cz"], 250.0, "eeg"), verbose="error")
    with pytest.raises(ci.CircuitInferenceError, match="from_spectra"):
        ci.read_signal(raw.compute_psd(n_fft=256, verbose="error"))
    with pytest.raises(ci.CircuitInferenceError, match="read_signal"):
        ci.epoch_table(raw, epoch_s=1.0)
