import numpy as np
import pytest

import neuroloom.circuit_inference as ci
from neuroloom.circuit_inference import Aperiodic, BandPower, FeatureSet
from neuroloom.circuit_inference.errors import ArgumentError, SeriesTooShortError, ShapeError
from neuroloom.circuit_inference.features import SpectralPeaks, fit_aperiodic, fit_spectrum

FREQS = np.arange(1.0, 101.0)


def spectrum(offset, exponent, peaks=()):
    y = offset - exponent * np.log10(FREQS)
    for centre, height, width in peaks:
        y = y + height * np.exp(-((FREQS - centre) ** 2) / (2 * width**2))
    return 10**y


def coloured(beta):
    w = np.random.RandomState(3).standard_normal(12000)
    freqs = np.fft.rfftfreq(12000, 1 / 100)
    shaped = np.zeros(freqs.size, complex)
    shaped[1:] = np.fft.rfft(w)[1:] * freqs[1:] ** (-beta / 2)
    return np.fft.irfft(shaped, 12000)


class TestAperiodic:
    @pytest.mark.parametrize("exponent", [0.0, 0.7, 1.5, 3.0])
    def test_pure_power_laws_to_a_millionth(self, exponent):
        fit = fit_aperiodic(FREQS, spectrum(1.0, exponent))
        assert fit.exponent[0] == pytest.approx(exponent, abs=1e-6)
        assert fit.offset[0] == pytest.approx(1.0, abs=1e-6)

    @pytest.mark.parametrize("name", ["pure_1.5", "alpha", "two"])
    def test_oracle(self, oracle, name):
        wanted = oracle["specparam"][name]
        fit = fit_aperiodic(FREQS, spectrum(*wanted["true"], wanted["peaks_true"]))
        assert fit.exponent[0] == pytest.approx(wanted["aperiodic_params"][1], abs=0.02)

    @pytest.mark.parametrize(("window", "name"), [(50, "default_welch"), (400, "nperseg400")])
    def test_oracle_time_series(self, oracle, window, name):
        from scipy.signal import welch

        wanted = oracle["specparam"][f"timeseries_beta1_fs100_{name}"]["aperiodic_params"]
        fit = fit_aperiodic(*welch(coloured(1.0), 100, nperseg=window))
        assert fit.exponent[0] == pytest.approx(wanted[1], abs=0.02)

    def test_rows_are_independent(self, rng):
        power = spectrum(1, 1.2) * rng.lognormal(0, 0.2, (50, 100))
        together = fit_aperiodic(FREQS, power).exponent
        alone = [fit_aperiodic(FREQS, row).exponent[0] for row in power]
        np.testing.assert_array_equal(together, alone)

    def test_gain_moves_the_offset_alone(self, rng):
        power = spectrum(1, 1.2, [(10, 0.5, 1.5)]) * rng.lognormal(0, 0.1, 100)
        one, ten = fit_aperiodic(FREQS, power), fit_aperiodic(FREQS, 10 * power)
        assert ten.offset[0] - one.offset[0] == pytest.approx(1.0)
        assert ten.exponent[0] == pytest.approx(one.exponent[0])

    def test_bad_input(self):
        with pytest.raises(ShapeError):
            fit_aperiodic(FREQS, np.ones(3))
        with pytest.raises(SeriesTooShortError) as caught:
            fit_aperiodic(FREQS, spectrum(1, 1), freq_range=(1, 3))
        assert caught.value.needed == 5
        with pytest.raises(ArgumentError, match="positive"):
            fit_aperiodic(FREQS, np.zeros(100))
        with pytest.raises(ArgumentError, match="freq_range"):
            fit_aperiodic(FREQS, spectrum(1, 1), freq_range=(45, 1))


class TestSpecparam:
    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("specparam")

    @pytest.mark.parametrize("name", ["alpha", "two"])
    def test_oracle(self, oracle, name):
        wanted = oracle["specparam"][name]
        power = spectrum(*wanted["true"], wanted["peaks_true"])
        fit = fit_spectrum(FREQS, power)
        np.testing.assert_allclose(fit.aperiodic_params, wanted["aperiodic_params"], atol=1e-3)
        assert len(fit.peaks) == wanted["n_peaks"]
        assert fit.peaks[0, 0] == pytest.approx(wanted["peak"][0], abs=0.05)

    def test_a_noise_free_power_law_has_no_peaks(self, recwarn):
        # specparam finds five peaks of height 1e-10, and warns of the width limits.
        fit = fit_spectrum(FREQS, spectrum(1, 1.5))
        assert len(fit.peaks) == 0
        assert not recwarn.list

    def test_thresholds_and_choice(self):
        power = spectrum(2, 2, [(10, 0.6, 2), (22, 0.4, 2.5)])
        highest = fit_spectrum(FREQS, power, select_peak="max_cf_in_range")
        assert highest.peaks[:, 0] == pytest.approx([22], abs=0.2)
        assert fit_spectrum(FREQS, power, select_peak="max_pw").peaks[0, 0] < 11
        rising = fit_spectrum(FREQS, 1 / spectrum(2, 2))
        assert not rising.valid

    def test_family(self, rng):
        t = np.arange(4000) / 200
        x = rng.standard_normal((2, 4000)).cumsum(axis=1) + 20 * np.sin(2 * np.pi * 10 * t)
        table = FeatureSet(SpectralPeaks()).compute(x, rate=200.0)
        assert table.values[:, 1] == pytest.approx([10, 10], abs=0.5)


class TestRecordings:
    def test_exponents_and_peaks(self, data):
        pytest.importorskip("specparam")
        from neuroloom.circuit_inference._features.aperiodic import welch_spectra

        lfp = np.load(data / "lfp_neurodsp.npz")
        eeg = np.load(data / "eeg_eeglab_sample.npz")
        names = [str(name) for name in eeg["channels"]]

        def fit(x, rate, span, window=2.0):
            freqs, power = welch_spectra(np.atleast_2d(x).astype(float), rate, window_s=window)
            return fit_spectrum(freqs, power[0], freq_range=span)

        m1 = fit(lfp["m1_ecog_uV"], float(lfp["m1_fs"]), (2, 80))
        assert m1.exponent == pytest.approx(1.17, abs=0.02)
        ca1 = fit(lfp["ca1_lfp"], float(lfp["ca1_fs"]), (2, 80))
        assert ca1.exponent == pytest.approx(1.475, abs=0.03)
        assert np.abs(ca1.peaks[:, 0] - 6.6).min() < 0.2
        for name, exponent in {"Fz": 1.76, "Cz": 1.70, "Pz": 1.69, "Oz": 1.42}.items():
            one = fit(eeg["data_uV"][names.index(name)], float(eeg["fs"]), (2, 40))
            assert one.exponent == pytest.approx(exponent, abs=0.03)
            assert (np.abs(one.peaks[:, 0] - 10.1) < 1.0).any()

    def test_meg_spectrum(self, data):
        pytest.importorskip("specparam")
        file = np.load(data / "fooof_spectra.npz")
        fit = fit_spectrum(file["freqs"], file["spectrum"], freq_range=(3, 40))
        assert fit.exponent == pytest.approx(0.751, abs=0.005)

    def test_two_halves_of_one_recording_agree(self, data):
        eeg = np.load(data / "eeg_eeglab_sample.npz")
        x, rate = eeg["data_uV"].astype(float), float(eeg["fs"])
        half = x.shape[1] // 2
        one, two = (
            FeatureSet(Aperiodic()).compute(part, rate=rate).values[:, 0]
            for part in (x[:, :half], x[:, half:])
        )
        assert np.corrcoef(one, two)[0, 1] > 0.8


class TestBandPower:
    def test_a_sine_is_in_its_band(self):
        t = np.arange(2000) / 100
        x = np.sin(2 * np.pi * 10 * t)
        table = FeatureSet(BandPower()).compute(x, rate=100.0)
        assert table.names[np.argmax(table.values[0])] == "relative_power:8-13Hz"
        assert 10 ** table.values[0].max() == pytest.approx(1.0, abs=0.01)
        loud = FeatureSet(BandPower(relative=False))
        assert loud.amplitude
        assert 10 ** loud.compute(x, rate=100.0).values[0, 2] == pytest.approx(0.5, rel=0.02)

    def test_bad_bands(self):
        with pytest.raises(ArgumentError):
            BandPower(bands=((4, 1),))
        with pytest.raises(ArgumentError, match="at least 160 Hz"):
            FeatureSet(BandPower(bands=((1, 80),))).compute(np.arange(500.0), rate=100.0)


class TestLineNoise:
    def test_the_statistic_by_regression(self):
        """Thomson's F, as the regression of the tapered transforms on the tapers' sums."""
        from scipy.signal.windows import dpss

        rate, n = 500.0, 1000
        series = np.random.default_rng(1).standard_normal((3, n))
        tapers = dpss(n, 4, 7)
        turns = np.exp(-2j * np.pi * 50.0 / rate * np.arange(n))
        centred = series - series.mean(axis=1, keepdims=True)
        for row, value in zip(centred, ci.LineNoise().compute(series, rate, 1), strict=True):
            y = (tapers * row * turns).sum(axis=1)
            sums = tapers.sum(axis=1)[:, None]
            fit, rest = np.linalg.lstsq(sums.astype(complex), y, rcond=None)[:2]
            power = np.abs(fit[0]) ** 2 * (sums**2).sum()
            assert value[0] == pytest.approx(np.sqrt(power / (rest[0] / 6)), rel=1e-9)

    def test_null_distribution(self):
        """The square of it follows F(2, 12) in white noise."""
        from scipy.stats import f, kstest

        noise = np.random.default_rng(2).standard_normal((2000, 1000))
        values = ci.LineNoise().compute(noise, 500.0, 1)[:, 0]
        assert kstest(values**2, f(2, 12).cdf).pvalue > 0.01
        assert np.median(values) == pytest.approx(0.85, abs=0.03)

    @pytest.mark.parametrize("line_hz", [50.0, 60.0])
    def test_the_mains_stand_out_and_gain_does_not_matter(self, line_hz):
        rng = np.random.default_rng(3)
        t = np.arange(2000) / 500
        noise = rng.standard_normal((50, 2000))
        hum = noise + np.sqrt(2 / 9) * np.sin(2 * np.pi * line_hz * t + 1.0)
        family = ci.LineNoise(line_hz)
        quiet, loud = family.compute(noise, 500.0, 1), family.compute(hum, 500.0, 1)
        assert loud.min() > 4 > quiet.max()
        np.testing.assert_allclose(family.compute(7 * hum, 500.0, 1), loud, rtol=1e-9)
        other = ci.LineNoise(110.0 - line_hz).compute(hum, 500.0, 1)
        assert other.max() < 4

    def test_what_is_refused(self):
        with pytest.raises(ci.errors.ArgumentError, match="window_s"):
            ci.LineNoise(window_s=0.1)
        with pytest.raises(ci.errors.ArgumentError, match="half the rate"):
            ci.LineNoise().compute(np.ones((1, 200)), 100.0, 1)
        with pytest.raises(ci.errors.SeriesTooShortError):
            ci.FeatureSet(ci.LineNoise()).compute([np.arange(100.0)], rate=1000.0)
