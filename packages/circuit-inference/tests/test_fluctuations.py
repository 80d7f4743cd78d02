import numpy as np
import pytest

from neuroloom.circuit_inference import Features, FeatureSet, Fluctuations
from neuroloom.circuit_inference.errors import ArgumentError, SeriesTooShortError
from neuroloom.circuit_inference.features import dfa, envelope, fei


def coloured(beta):
    w = np.random.RandomState(3).standard_normal(12000)
    freqs = np.fft.rfftfreq(12000, 1 / 100)
    shaped = np.zeros(freqs.size, complex)
    shaped[1:] = np.fft.rfft(w)[1:] * freqs[1:] ** (-beta / 2)
    return np.fft.irfft(shaped, 12000)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
class TestDFA:
    def test_oracle(self, oracle, beta):
        wanted = oracle["dfa"][f"beta{beta}"]
        got = dfa(coloured(beta), 100, fit_interval=(1, 10))
        assert got.exponent == pytest.approx(wanted["dfa"], abs=1e-8)
        assert got.intercept == pytest.approx(wanted["intercept"], abs=1e-8)
        assert got.window_sizes.tolist() == wanted["window_sizes"]
        np.testing.assert_allclose(got.fluctuations, wanted["fluct"], rtol=1e-8)

    def test_theory(self, beta):
        got = dfa(coloured(beta), 100, fit_interval=(1, 10))
        assert got.exponent == pytest.approx((1 + beta) / 2, abs=0.07)


@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_fei_oracle(oracle, beta):
    x = coloured(beta)
    wanted = oracle["fei"][f"beta{beta}"]
    got = fei(np.abs(1 + 0.3 * x / x.std()), 100, window_s=5, overlap=0.8)
    assert got.fei == pytest.approx(wanted["fEI_outliers_removed"], abs=1e-8)
    assert got.fei_all == pytest.approx(wanted["fEI_val"], abs=1e-8)
    assert got.n_outliers == wanted["num_outliers"]
    assert got.dfa_exponent == pytest.approx(wanted["dfa"], abs=1e-8)
    np.testing.assert_allclose(got.amplitudes[:5], wanted["wAmp"], rtol=1e-8)
    np.testing.assert_allclose(got.fluctuations[:5], wanted["wDNF"], rtol=1e-8)


def test_fei_says_nothing_without_long_range_correlations():
    x = coloured(0.0)
    assert np.isnan(fei(np.abs(1 + 0.3 * x / x.std()), 100).fei)


def test_doors_agree(oracle):
    import pandas as pd

    x = coloured(1.0)
    table = pd.DataFrame({"Data": [x]})
    options = {"fs": 100, "fit_interval": [1, 10], "compute_interval": [1, 10], "overlap": True}
    out = Features("DFA", {**options, "bad_idxes": []}).compute_features(table)
    # 0.2.6 z-scores first, which DFA does not see.
    assert out["Features"][0][0][0] == pytest.approx(oracle["dfa"]["beta1.0"]["dfa"], abs=1e-8)
    env = pd.DataFrame({"Data": [np.abs(1 + 0.3 * x / x.std())]})
    options = {"fs": 100, "window_size_sec": 5, "window_overlap": 0.8, "DFA_array": 1.06}
    out = Features("fEI", options).compute_features(env)
    wanted = oracle["fei"]["beta1.0"]["fEI_outliers_removed"]
    assert out["Features"][0][0][0, 0] == pytest.approx(wanted, abs=1e-8)


def test_envelope_of_a_modulated_sine():
    t = np.arange(6000) / 200
    amplitude = 1 + 0.5 * np.sin(2 * np.pi * 0.3 * t)
    got = envelope(amplitude * np.sin(2 * np.pi * 10 * t), 200, (8, 12))
    assert np.abs(got - amplitude[200:-200])[400:-400].max() < 0.05


def test_family(rng):
    x = rng.standard_normal((2, 6000))
    table = FeatureSet(Fluctuations(fei_window_s=5.0)).compute(x, rate=200.0)
    assert table.names == ("dfa@8-13Hz", "fei@8-13Hz")
    assert np.isfinite(table.values[:, 0]).all()


def test_bad_input(rng):
    x = rng.standard_normal(500)
    with pytest.raises(SeriesTooShortError) as caught:
        dfa(x, 100, fit_interval=(1, 10))
    assert caught.value.needed == 1001
    with pytest.raises(ArgumentError, match="fit_interval"):
        dfa(x, 100, fit_interval=(10, 1))
    with pytest.raises(ArgumentError, match="overlap"):
        fei(x, 100, overlap=1.0)
    with pytest.raises(SeriesTooShortError):
        fei(x, 100)
    with pytest.raises(ArgumentError, match="rate"):
        dfa(x, 0, fit_interval=(1, 2))
