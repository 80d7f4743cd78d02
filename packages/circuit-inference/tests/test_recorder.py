"""What stands between a field potential and a file, model classes, and differences."""

import numpy as np
import pytest

from neuroloom.circuit_inference import (
    Aperiodic,
    BandPower,
    Coupling,
    FeatureSet,
    Inferer,
    Moments,
    Posterior,
    Prior,
    SimulationLibrary,
    gao_library,
    simulate_library,
)
from neuroloom.circuit_inference._forward.recorder import coloured
from neuroloom.circuit_inference.diagnostics import compare_models, difference
from neuroloom.circuit_inference.errors import ArgumentError
from neuroloom.circuit_inference.features import fit_aperiodic
from neuroloom.circuit_inference.forward import Recorder
from neuroloom.circuit_inference.libraries import field_library, paced_library

NOTHING = {"background": (0.0, 0.0), "sensor": (0.0, 0.0)}


@pytest.fixture(scope="module")
def library():
    return gao_library(40, duration_s=2.0, progress=False, seed=0)


class TestRecorder:
    def test_nothing_in_between_changes_nothing(self, library):
        same = library.recorded(Recorder(**NOTHING), seed=0)
        np.testing.assert_allclose(same.signals["lfp"], library.signals["lfp"], atol=1e-6)

    def test_variances_add_up(self, rng):
        x = rng.standard_normal(200_000)
        recorder = Recorder(background=(3.0, 3.0), sensor=(0.5, 0.5), gain=(10.0, 10.0))
        out = recorder.record(x, 1000.0, recorder.draw(rng), rng)
        assert out.var() == pytest.approx(100 * (1 + 3 + 0.5), rel=0.02)

    def test_the_background_has_its_exponent(self, rng):
        from scipy.signal import welch

        recorder = Recorder(background=(1e6, 1e6), exponent=(1.5, 1.5), sensor=(0.0, 0.0))
        x = rng.standard_normal(200_000)
        out = recorder.record(x, 1000.0, recorder.draw(rng), rng)
        freqs, power = welch(out, 1000.0, nperseg=2000)
        fit = fit_aperiodic(freqs, power, freq_range=(5, 200))
        assert fit.exponent[0] == pytest.approx(1.5, abs=0.05)

    def test_filters_are_butterworths(self, rng):
        # A causal filter of second order: half the power at its corner.
        from scipy.signal import welch

        recorder = Recorder(**NOTHING, lowpass_hz=100.0, highpass_hz=5.0)
        x = rng.standard_normal(400_000)
        out = recorder.record(x, 1000.0, recorder.draw(rng), rng)
        freqs, power = welch(out, 1000.0, nperseg=4000)
        flat = power[(freqs > 20) & (freqs < 40)].mean()
        assert power[np.abs(freqs - 100) < 1].mean() / flat == pytest.approx(0.5, abs=0.05)
        assert power[np.abs(freqs - 5) < 0.3].mean() / flat == pytest.approx(0.5, abs=0.1)
        with pytest.raises(ArgumentError, match="half the rate"):
            Recorder(lowpass_hz=600.0).record(x, 1000.0, recorder.draw(rng), rng)

    def test_amounts_are_parameters_if_asked(self, library, tmp_path):
        recorder = Recorder(rate_hz=500.0)
        known = library.recorded(recorder, infer=True, seed=1)
        assert known.prior.names[1:] == tuple(recorder.marginals)
        assert known.prior.contains(known.theta).all()
        assert known.rate_hz == 500.0
        unknown = library.recorded(recorder, seed=1)
        assert unknown.prior == library.prior
        np.testing.assert_array_equal(known.signals["lfp"], unknown.signals["lfp"])
        again = SimulationLibrary.load(known.save(tmp_path / "l.npz"))
        assert again.prior == known.prior
        alike = again.treated_alike(gao_library(3, duration_s=2.0, progress=False, seed=9), _seed())
        assert alike.signals["lfp"].shape == (3, 1000)

    @pytest.mark.parametrize(
        "options", [{"background": (2.0, 1.0)}, {"sensor": (0.0, 1.0)}, {"gain": (0.0, 0.0)}]
    )
    def test_bad_bounds(self, options):
        with pytest.raises(ArgumentError):
            Recorder(**options)

    def test_predictive_checks_want_circuit_parameters(self, library):
        known = library.recorded(Recorder(), infer=True, seed=1)
        chosen = FeatureSet(Aperiodic((5, 100)), Moments())
        options = {"n_members": 2, "n_folds": 0, "max_epochs": 2}
        model = Inferer("mdn", known.prior, hyperparams=options)
        table = known.features(chosen)
        model.fit(table, known.theta, feature_set=chosen)
        with pytest.raises(ArgumentError, match="infer=False"):
            model.predictive_check(table, known)


def _seed():
    from neuroloom.shared import Seed

    return Seed(3)


def coloured_library(exponent, n=80):
    def simulator(theta, seed):
        white = seed.generator().standard_normal(500)
        spectrum = np.fft.rfft(white)
        spectrum[1:] /= np.arange(1, len(spectrum)) ** ((exponent + 0.1 * theta[0]) / 2)
        return {"x": np.fft.irfft(spectrum, 500)}

    prior = Prior.box({"a": (-1, 1)})
    return simulate_library(simulator, prior, n, rate_hz=100.0, progress=False, seed=int(exponent))


class TestModelClasses:
    def test_held_out_simulations_are_told_and_outsiders_are_not(self, rng):
        chosen = FeatureSet(Aperiodic((2, 40)))
        libraries = {"pink": coloured_library(1.0), "red": coloured_library(2.0)}
        observed = coloured_library(1.0, 90).rows(slice(80, 90)).features(chosen)
        found = compare_models(observed, libraries, chosen, noise=False, seed=0)
        assert found.accuracy > 0.95
        assert found.verdicts(level=0.8).count("pink") >= 8
        assert "red" not in found.verdicts()
        np.testing.assert_allclose(found.probabilities.sum(axis=1), 1.0)
        assert not found.noise.any()
        assert found.reasons(level=0.8).count("") >= 8
        white = chosen.compute(rng.standard_normal((5, 500)), rate=100.0)
        found = compare_models(white, libraries, chosen, seed=0)
        assert found.verdicts() == ["cannot be said"] * 5
        assert found.outside.all()
        assert np.isnan(found.probabilities).all()
        assert set(found.reasons()) == {"outside the clouds of all classes"}

    def test_probabilities_are_calibrated(self):
        # The same simulator twice: neither can be told, and both have a half.
        chosen = FeatureSet(Aperiodic((2, 40)))
        whole = coloured_library(1.0, 160)
        libraries = {"a": whole.rows(slice(0, 80)), "b": whole.rows(slice(80, 160))}
        observed = coloured_library(1.0, 200).rows(slice(160, 200)).features(chosen)
        found = compare_models(observed, libraries, chosen, seed=0)
        assert found.probabilities.mean() == pytest.approx(0.5)
        assert np.abs(found.probabilities - 0.5).max() < 0.3
        assert set(found.verdicts()) == {"cannot be said"}

    @pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
    def test_noise_is_no_circuit(self, rng, exponent):
        # Both classes can have such spectra: only a rival without a circuit keeps them from it.
        chosen = FeatureSet(Aperiodic((2, 45)), BandPower(((2, 8), (8, 20), (20, 45))))
        made = {
            "field": field_library(120, duration_s=4.0, rate_hz=250.0, progress=False, seed=1),
            "shot noise": gao_library(120, duration_s=4.0, rate_hz=250.0, progress=False, seed=2),
        }
        white = rng.standard_normal((12, 1000))
        noise = chosen.compute([coloured(row, exponent) for row in white], rate=250.0)
        found = compare_models(noise, made, chosen, seed=0)
        assert set(found.verdicts()) == {"cannot be said"}
        told = [r.startswith(("plain noise", "outside", "other")) for r in found.reasons()]
        assert all(told)
        inside = ~found.outside
        assert np.isnan(found.noise[~inside]).all()
        assert (found.noise[inside] > 0.1).all()
        without = compare_models(noise, made, chosen, noise=False, seed=0)
        assert (without.noise[inside] == 0).all()

    @pytest.mark.slow
    def test_what_no_noise_makes_is_still_named(self, rng):
        chosen = FeatureSet(Coupling((5, 9.5), ((25, 45), (45, 90))), BandPower(((3, 5), (5, 10))))
        options = {"duration_s": 6.0, "rate_hz": 250.0, "progress": False}
        made = {
            "field": field_library(150, **options, seed=1),
            "paced": paced_library(150, **options, seed=2),
        }
        strong = paced_library(150, **options, seed=3).features(chosen)
        found = compare_models(strong, made, chosen, seed=0)
        named = [v for v in found.verdicts() if v != "cannot be said"]
        assert len(named) > 75
        assert named.count("field") <= 2

    def test_lengths_are_not_told_for_classes(self):
        chosen = FeatureSet(Aperiodic((2, 40)))
        long, short = coloured_library(1.0), coloured_library(2.0).cut(4.0)
        with pytest.raises(ArgumentError, match="one length"):
            compare_models(long.features(chosen), {"a": long, "b": short}, chosen)
        both = {"a": long.cut(4.0), "b": short}
        with pytest.raises(ArgumentError, match="as long as the simulations"):
            compare_models(long.features(chosen), both, chosen)

    @pytest.mark.parametrize("options", [{"noise": "no"}, {"n_folds": 1}, {"n_folds": 100}])
    def test_options_are_checked(self, options):
        chosen = FeatureSet(Aperiodic((2, 40)))
        made = {"a": coloured_library(1.0), "b": coloured_library(2.0)}
        with pytest.raises(ArgumentError, match=next(iter(options))):
            compare_models(made["a"].features(chosen), made, chosen, **options)

    def test_one_is_no_comparison(self):
        chosen = FeatureSet(Aperiodic((2, 40)))
        one = coloured_library(1.0, 40)
        with pytest.raises(ArgumentError, match="at least two"):
            compare_models(one.features(chosen), {"a": one}, chosen)


def posterior(rng, mean, sd, n=20, ood=0.5):
    samples = mean + sd * rng.standard_normal((n, 400, 1))
    valid, p = np.ones(n, bool), np.full(n, ood)
    return Posterior(("a",), ("",), samples.mean(axis=1), samples, valid, p, None, np.array([1.0]))


class TestDifferences:
    def test_directions(self, rng):
        low, high = posterior(rng, 0.0, 0.3), posterior(rng, 0.5, 0.3)
        assert difference(low, high, "a").verdict == "larger"
        assert difference(high, low, "a").verdict == "smaller"
        assert difference(low, high, "a").median == pytest.approx(0.5, abs=0.05)

    @pytest.mark.parametrize(
        ("second", "why"),
        [
            ({"mean": 0.0, "sd": 0.3}, "both directions"),
            ({"mean": 3.0, "sd": 1.0}, "do not carry"),
            ({"mean": 3.0, "sd": 0.3, "ood": 0.001}, "outside"),
        ],
    )
    def test_what_cannot_be_said(self, rng, second, why):
        first = posterior(rng, 0.0, second["sd"])
        found = difference(first, posterior(rng, **second), "a")
        assert found.verdict == "cannot be said"
        assert why in found.reason
