"""Knees, timescales, and features of power spectra."""

import numpy as np
import pytest
from scipy.signal import welch

from neuroloom.circuit_inference import Aperiodic, BandPower, Catch22, FeatureSet, Preprocessing
from neuroloom.circuit_inference.errors import ArgumentError, SeriesTooShortError, ShapeError
from neuroloom.circuit_inference.features import fit_knee

FREQS = np.arange(1.0, 201.0)


@pytest.mark.parametrize("tau_ms", [5.0, 10.0, 30.0])
@pytest.mark.parametrize("floor", [0.0, 1e-3])
def test_a_lorentzian_has_its_timescale(tau_ms, floor):
    knee = 1e3 / (2 * np.pi * tau_ms)
    power = 3.0 / (1 + (FREQS / knee) ** 2) + floor
    fit = fit_knee(FREQS, power, freq_range=(1, 200), constant=floor > 0)
    assert fit.timescale_s == pytest.approx(tau_ms / 1e3, rel=0.01)
    assert fit.exponent == pytest.approx(2.0, rel=0.02)
    assert fit.constant == pytest.approx(floor, abs=2e-4)
    assert 10**fit.offset / (fit.knee + 1.0) == pytest.approx(power[0] - floor, rel=0.02)


def test_an_ornstein_uhlenbeck_process(rng):
    # Its autocorrelation decays with τ, which is what the timescale stands for.
    tau, rate, n = 0.02, 1000.0, 400_000
    decay = np.exp(-1 / (tau * rate))
    from scipy.signal import lfilter

    x = lfilter([1.0], [1.0, -decay], rng.standard_normal(n))
    freqs, power = welch(x, rate, nperseg=2000)
    assert fit_knee(freqs, power, freq_range=(1, 100)).timescale_s == pytest.approx(tau, rel=0.1)


def test_a_power_law_has_none():
    fit = fit_knee(FREQS, FREQS**-1.5, freq_range=(1, 200))
    assert np.isnan(fit.timescale_s)
    assert fit.exponent == pytest.approx(1.5, abs=0.05)


def test_bad_input():
    with pytest.raises(ShapeError):
        fit_knee(FREQS, FREQS[:-1])
    with pytest.raises(SeriesTooShortError):
        fit_knee(FREQS, FREQS, freq_range=(1, 3))
    with pytest.raises(ArgumentError, match="positive"):
        fit_knee(FREQS, -FREQS)


class TestSpectra:
    families = (Aperiodic((2, 40)), BandPower(bands=((2, 10), (10, 40))))

    def test_welch_spectra_give_what_series_give(self, rng):
        chosen = FeatureSet(*self.families)
        series = np.cumsum(rng.standard_normal((3, 2000)), axis=1)
        freqs, power = welch(series, 200.0, nperseg=400)
        table = chosen.from_spectra(freqs, power)
        np.testing.assert_allclose(table.values, chosen.compute(series, rate=200.0).values)
        assert table.digest == ""

    def test_what_is_refused(self):
        power = np.ones((2, FREQS.size))
        with pytest.raises(ArgumentError, match="needs series"):
            FeatureSet(Catch22()).from_spectra(FREQS, power)
        with pytest.raises(ArgumentError, match="at least"):
            FeatureSet(Aperiodic((2, 300))).from_spectra(FREQS, power)
        with pytest.raises(ArgumentError, match="equal"):
            FeatureSet(*self.families).from_spectra(FREQS**2, power)
        with pytest.raises(ArgumentError, match="preprocessing"):
            FeatureSet(*self.families, preprocessing=Preprocessing(rate_hz=100.0)).from_spectra(
                FREQS, power
            )
        power[1, 3] = np.nan
        assert FeatureSet(*self.families).from_spectra(FREQS, power).valid.tolist() == [True, False]

    def test_rows_that_are_no_spectra_are_named_one_by_one(self):
        freqs = np.arange(0.0, 101.0)
        power = np.stack([np.maximum(freqs, 0.5) ** -1.5] * 4)
        power[0, 0], power[1, 0] = np.nan, 0.0  # nobody looks at 0 Hz
        power[2, 20], power[3, 20] = 0.0, np.nan
        table = FeatureSet(Aperiodic((2, 40))).from_spectra(freqs, power)
        np.testing.assert_allclose(table.values[:2, 0], 1.5, atol=1e-9)
        assert table.valid.tolist() == [True, True, False, False]
        assert "not finite and positive" in table.reasons[2]

    def test_what_is_no_power_is_refused(self):
        chosen = FeatureSet(Aperiodic((2, 40)))
        freqs = np.arange(0.0, 101.0)
        power = np.maximum(freqs, 0.5) ** -1.5
        for f, p, said in (
            (freqs, 10 * np.log10(power) - 20, "dB"),
            (freqs, power.astype(complex), "complex"),
            (freqs - 5, power, "rising steps"),
            (freqs[::-1], power[::-1], "rising steps"),
        ):
            with pytest.raises(ArgumentError, match=said):
                chosen.from_spectra(f, p)
        with pytest.raises(ArgumentError, match="'250'"):
            chosen.compute(np.random.default_rng(0).standard_normal((2, 1000)), rate="250")
