"""Coupling of a rhythm against closed forms, and the paced field that shows it."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.signal import welch

import neuroloom.circuit_inference as ci
from neuroloom.circuit_inference.errors import ArgumentError, PriorError, SeriesTooShortError
from neuroloom.circuit_inference.libraries import (
    PACED_PRIOR,
    paced_field,
    paced_library,
    synaptic_field,
)

RATE = 500.0
COUPLING = ci.Coupling((5, 9), bands=((40, 80),))


def _features(x, family=COUPLING):
    return dict(zip(family.names, family.compute(np.atleast_2d(x), RATE, 1)[0], strict=True))


def test_a_wave_with_a_harmonic_is_coupled_whatever_their_phases(rng):
    t = np.arange(0, 20, 1 / RATE)
    for shift in (0.0, 1.0, 3.0):
        phase = 2 * np.pi * 7 * t + 0.4
        x = np.cos(phase) + 0.3 * np.cos(2 * phase + shift)
        # 0.9988 and not 1: the edges of the filters
        assert _features(x)["harmonic@5-9Hz"] > 0.98
    # A line an octave up that slips by a cycle in the recording's length is not coupled.
    slipping = np.cos(2 * np.pi * 7 * t) + 0.3 * np.cos(2 * np.pi * (14 + 1 / 20) * t)
    assert _features(slipping)["harmonic@5-9Hz"] < 0.1


def test_noise_with_a_paced_variance_is_paced_by_the_integral(rng):
    depth = 0.5
    t = np.arange(0, 200, 1 / RATE)
    phase = 2 * np.pi * 7 * t
    noise = np.sqrt(1 + depth * np.cos(phase - 1)) * rng.standard_normal(t.size)
    got = _features(noise + 20 * np.cos(phase))["paced:40-80Hz@5-9Hz"]
    mean, pull = (
        quad(lambda a, k=k: np.cos(a) ** k * np.sqrt(1 + depth * np.cos(a)), 0, 2 * np.pi)[0]
        for k in (0, 1)
    )
    assert got == pytest.approx(pull / mean, abs=0.015)


def test_gaussian_noise_bursts_as_rayleighs_amplitudes_do(rng):
    got = _features(rng.standard_normal(round(400 * RATE)))
    assert 10 ** got["bursts:40-80Hz"] == pytest.approx(4 / np.pi - 1, abs=0.01)
    assert got["paced:40-80Hz@5-9Hz"] < 0.02


def test_no_gain_changes_them_and_random_phases_end_them(rng):
    x = paced_field([[2.0, 10.0, 3.0, 1.0, 7.0, 3.0, 0.5]], duration_s=30.0, rate_hz=RATE, seed=4)
    first = COUPLING.compute(x, RATE, 1)
    np.testing.assert_allclose(first, COUPLING.compute(-50 * x, RATE, 1), rtol=1e-9)
    spectrum = np.fft.rfft(x[0])
    turned = np.abs(spectrum) * np.exp(2j * np.pi * rng.random(spectrum.size))
    after = _features(np.fft.irfft(turned, x.shape[1]))
    before = _features(x[0])
    assert before["harmonic@5-9Hz"] > 0.6 > 0.3 > after["harmonic@5-9Hz"]
    assert before["paced:40-80Hz@5-9Hz"] > 2 * after["paced:40-80Hz@5-9Hz"]


@pytest.mark.parametrize(
    ("rhythm", "bands"),
    [
        ((5, 10), ((25, 45),)),
        ((9, 5), ()),
        ((0, 1), ()),
        ((5, 9), ((8, 20),)),
        ((5, 9), ((45, 25),)),
    ],
)
def test_bands_that_cannot_be_are_refused(rhythm, bands):
    with pytest.raises(ArgumentError, match=r"(rhythm|bands): expected"):
        ci.Coupling(rhythm, bands=bands)


def test_bands_above_half_the_rate_and_series_of_few_cycles():
    with pytest.raises(ArgumentError, match="below half the rate"):
        COUPLING.compute(np.random.default_rng(1).standard_normal((1, 2000)), 150.0, 1)
    with pytest.raises(SeriesTooShortError, match="at least 1000"):
        ci.FeatureSet(COUPLING).compute([np.arange(500.0)], rate=RATE)


def test_its_set_comes_back_from_its_description():
    chosen = ci.FeatureSet(COUPLING)
    assert ci.FeatureSet.from_description(chosen.describe()).digest == chosen.digest


def test_paced_fields_without_their_rhythm_have_the_spectrum_of_synaptic_fields():
    theta = [2.0, 20.0, 3.0, 1.0]
    x = paced_field([[*theta, 7.0, 1e-9, 1e-9]], duration_s=300.0, seed=1)[0]
    y = synaptic_field([theta], duration_s=300.0, seed=2)[0]
    freqs, power = welch(np.array([x, y]), 1000.0, nperseg=1000)
    part = (freqs >= 3) & (freqs <= 300)
    assert np.std(np.log(power[0] / power[1])[part]) < 0.1


def test_the_rhythm_has_its_power_and_its_place():
    x = paced_field([[2.0, 10.0, 3.0, 0.0, 6.5, 4.0, 0.1]], duration_s=200.0, seed=1)[0]
    freqs, power = welch(x, 1000.0, nperseg=2000)
    assert freqs[np.argmax(power)] == pytest.approx(6.5, abs=0.5)
    bare = paced_field([[2.0, 10.0, 3.0, 0.0, 6.5, 1e-9, 0.1]], duration_s=200.0, seed=1)[0]
    noise = welch(bare, 1000.0, nperseg=2000)[1]
    part = (freqs > 4) & (freqs < 20)  # the rhythm with its harmonic, over the noise's fifth
    share = (power - noise / 5)[part].sum() / power.sum()
    assert share == pytest.approx(0.8, abs=0.05)


def test_paced_libraries_are_seeded_and_refuse():
    library = paced_library(4, duration_s=2.0, rate_hz=RATE, progress=False, seed=1)
    again = paced_library(4, duration_s=2.0, rate_hz=RATE, progress=False, seed=1)
    np.testing.assert_array_equal(library.signals["lfp"], again.signals["lfp"])
    assert library.prior == PACED_PRIOR
    with pytest.raises(PriorError, match="pacing up to 1"):
        paced_field([[2.0, 10.0, 3.0, 1.0, 7.0, 1.0, 1.5]])
    with pytest.raises(PriorError, match="the parameters"):
        paced_library(2, prior=ci.Prior.box({"tau": (1, 2)}))


def test_a_paced_library_knows_its_simulator():
    from neuroloom.circuit_inference._inference.predictive_check import simulator_of
    from neuroloom.shared import Seed

    library = paced_library(3, duration_s=2.0, rate_hz=RATE, progress=False, seed=1)
    again = simulator_of(library)(library.theta[1], Seed(1).child(1))["lfp"]
    assert again.shape == library.signals["lfp"][1].shape
