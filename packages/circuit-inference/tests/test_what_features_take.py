"""What features are computed of: one series or many, ranges, flags, offsets, bad channels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import neuroloom.circuit_inference as ci
from neuroloom.circuit_inference import features as f
from neuroloom.circuit_inference._features.series import resampled

RNG = np.random.default_rng(0)
NOISE = RNG.standard_normal(4000)


class TestResampling:
    @pytest.mark.parametrize(("rate", "target"), [(1000.0, 200.0), (250.0, 1000.0), (500.0, 400.0)])
    def test_an_offset_and_a_drift_have_no_edges(self, rate: float, target: float) -> None:
        def recorded(at: float) -> np.ndarray:
            t = np.arange(round(4 * at)) / at  # an offset, a drift and 6 Hz, which begins at 0
            return 1000 + 30 * t + np.sin(2 * np.pi * 6 * t)

        np.testing.assert_allclose(
            resampled(recorded(rate), rate, target), recorded(target), atol=0.2
        )

    def test_features_of_a_recording_do_not_follow_its_offset(self) -> None:
        walk = 0.05 * np.cumsum(NOISE)
        chosen = ci.FeatureSet(preprocessing=ci.Preprocessing(zscore=True, rate_hz=200.0))
        same = [chosen.compute(walk + offset, rate=1000.0).values for offset in (0.0, 1000.0)]
        np.testing.assert_allclose(same[0], same[1], atol=1e-6)

    def test_a_rate_out_of_reach_is_refused(self) -> None:
        with pytest.raises(ci.CircuitInferenceError, match="rate_hz"):
            resampled(NOISE, 30_000.0, 1.0)


class TestOneSeries:
    CALLS = (
        lambda x: f.dfa(x, 100.0, fit_interval=(0.2, 5)),
        lambda x: f.fei(x, 100.0, dfa_exponent=0.8),
        lambda x: f.envelope(x, 100.0, (8, 13)),
    )

    @pytest.mark.parametrize("call", CALLS)
    def test_several_are_refused_not_dropped(self, call: Any) -> None:
        with pytest.raises(ci.CircuitInferenceError, match="one series, got 2"):
            call(np.abs(NOISE).reshape(2, -1))

    @pytest.mark.parametrize("call", CALLS)
    def test_missing_samples_are_refused(self, call: Any) -> None:
        with pytest.raises(ci.InvalidSeriesError, match="1 of 4001"):
            call(np.r_[np.abs(NOISE), np.nan])

    def test_what_is_no_amplitude_and_no_exponent(self) -> None:
        with pytest.raises(ci.CircuitInferenceError, match="amplitudes"):
            f.fei(NOISE, 100.0, dfa_exponent=0.8)
        assert np.isnan(f.fei(np.abs(NOISE), 100.0, dfa_exponent=np.nan).fei)

    def test_a_table_may_have_series_in_rows_or_columns(self) -> None:
        table = pd.DataFrame(NOISE.reshape(-1, 4), columns=["Fz", "Cz", "Pz", "Oz"])
        with pytest.raises(ci.CircuitInferenceError, match="read_signal"):
            ci.FeatureSet(ci.Moments()).compute(table)
        signal = ci.read_signal(table, rate=100.0)
        means = ci.FeatureSet(ci.Moments()).compute(signal).values[:, 0]
        np.testing.assert_allclose(means, table.mean(), atol=1e-12)


class TestRanges:
    FREQS = np.arange(5.0, 101.0)

    @pytest.mark.parametrize("span", [(10, 200), (1, 50), (50, 10)])
    def test_a_range_beyond_the_spectrum_is_refused(self, span: tuple[float, float]) -> None:
        for fit in (f.fit_aperiodic, f.fit_knee):
            with pytest.raises(ci.CircuitInferenceError, match="freq_range"):
                fit(self.FREQS, self.FREQS**-1.5, freq_range=span)

    def test_a_spectrum_with_infinite_power_is_refused(self) -> None:
        power = np.where(self.FREQS == 20, np.inf, self.FREQS**-1.5)
        for fit in (f.fit_aperiodic, f.fit_knee):
            with pytest.raises(ci.CircuitInferenceError, match="finite"):
                fit(self.FREQS, power, freq_range=(5, 100))

    def test_a_band_below_the_spectrum_is_no_part_of_it(self) -> None:
        chosen = ci.FeatureSet(ci.BandPower(((2, 8), (8, 20)), relative=False))
        with pytest.raises(ci.CircuitInferenceError, match="begins at 5 Hz"):
            chosen.from_spectra(self.FREQS, np.ones(96))
        table = chosen.from_spectra(np.arange(2.0, 101.0), np.ones(99))
        np.testing.assert_allclose(10**table.values, [[6, 12]])  # bins of 1 Hz

    @pytest.mark.parametrize(
        ("family", "options", "said"),
        [
            (ci.Aperiodic, {"freq_range": (40, 2)}, "freq_range"),
            (ci.Aperiodic, {"offset": "no"}, "offset"),
            (ci.BandPower, {"relative": "no"}, "relative"),
            (ci.BandPower, {"bands": (1, 4)}, "bands"),
            (ci.BandPower, {"bands": ()}, "bands"),
            (ci.Fluctuations, {"band": (13, 8)}, "band"),
            (ci.Fluctuations, {"fit_interval": (10, 1)}, "fit_interval"),
            (ci.Fluctuations, {"fei_window_s": -1}, "fei_window_s"),
            (f.SpectralPeaks, {"max_n_peaks": -1}, "max_n_peaks"),
            (f.SpectralPeaks, {"peak_range": (40, 4)}, "peak_range"),
            (ci.Moments, {"which": ()}, "which"),
            (ci.Preprocessing, {"zscore": "no"}, "zscore"),
        ],
    )
    def test_options_are_checked_when_they_are_given(
        self, family: Any, options: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(ci.CircuitInferenceError, match=said):
            family(**options)

    def test_integers_and_decimals_name_the_same_features(self) -> None:
        one = ci.FeatureSet(
            ci.Aperiodic((2, 40), window_s=1), ci.LineNoise(50), ci.Fluctuations((8, 13), (1, 10)),
            preprocessing=ci.Preprocessing(rate_hz=200),
        )  # fmt: skip
        other = ci.FeatureSet(
            ci.Aperiodic((2.0, 40.0), window_s=1.0), ci.LineNoise(50.0),
            ci.Fluctuations((8.0, 13.0), (1.0, 10.0)),
            preprocessing=ci.Preprocessing(rate_hz=200.0),
        )  # fmt: skip
        assert one.digest == other.digest


class TestNcpi:
    def test_a_bad_channel_may_be_missing_or_flat(self) -> None:
        good = np.abs(NOISE)
        options = {"fs": 100, "fit_interval": (0.2, 5), "compute_interval": (0.2, 5)}
        alone = ci.Features("DFA", options).DFA([good], 100, (0.2, 5), (0.2, 5))[0]
        for broken in (np.full(4000, np.nan), np.zeros(4000)):
            rows = pd.DataFrame({"Data": [np.stack([broken, good])]})
            found = ci.Features("DFA", options | {"bad_idxes": [0]}).compute_features(rows)
            exponents = found["Features"][0][0]
            assert np.isnan(exponents[0])
            assert exponents[1] == pytest.approx(alone[0])
            ratio = ci.Features("fEI").fEI([broken, good], 100, 5, 0.8, [0.8, 0.8], [0])[0]
            assert np.isnan(ratio[0]).all()
            assert np.isfinite(ratio[1]).all()

    def test_exponents_one_per_channel(self) -> None:
        with pytest.raises(ci.CircuitInferenceError, match="DFA_array"):
            ci.Features("fEI").fEI(np.abs(NOISE).reshape(2, -1), 100, 5, 0.8, [0.8, 0.8, 0.8])

    def test_a_mistyped_option_of_the_fit(self) -> None:
        chosen = ci.Features("specparam", {
            "fs": 100, "fmin": 1, "fmax": 40, "fooof_setup": {"peak_treshold": 2.0},
        })  # fmt: skip
        with pytest.raises(ci.CircuitInferenceError, match="peak_threshold"):
            chosen.compute_features(pd.DataFrame({"Data": [NOISE]}))
