"""What the outsider test can see is found out with strangers made of the library's own signals."""

import numpy as np
import pytest

from neuroloom.circuit_inference import (
    Aperiodic,
    BandPower,
    Coupling,
    FeatureSet,
    Moments,
    Prior,
    simulate_library,
)
from neuroloom.circuit_inference._inference.blind_spots import _clipped, _half_rate, _phases
from neuroloom.circuit_inference.diagnostics import blind_spots
from neuroloom.circuit_inference.errors import ArgumentError, UnknownNameError
from neuroloom.circuit_inference.libraries import field_library

SPECTRUM = (BandPower(((2, 5), (5, 10), (10, 20), (20, 45))), Aperiodic((10, 45)))
OPTIONS = {"rate_hz": 125.0, "duration_s": 8.0, "progress": False}


@pytest.fixture(scope="module")
def fields():
    return field_library(160, **OPTIONS, seed=1)


def test_a_spectrum_holds_no_phases(fields):
    table = blind_spots(fields, FeatureSet(*SPECTRUM), seed=0)
    # A Gaussian process with its phases drawn anew is another one of the same spectrum.
    assert table.loc["phases at random", "found"] < 0.1
    assert table.loc["phases at random", "meaning"].startswith("cannot be seen")
    assert table.loc["simulations as they are", "found"] < 0.08
    assert table.loc["simulations as they are", "meaning"] == "false alarms"
    assert table.loc["a sine", "found"] > 0.9
    assert table.loc["a sine", "meaning"] == "seen"


def white(theta, seed):
    return {"x": theta[0] * seed.generator().standard_normal(800)}


def wave(theta, seed):
    """A rhythm that wanders, with a harmonic that keeps its phase."""
    rng = seed.generator()
    phase = 2 * np.pi * 7 * np.arange(2500) / 250 + np.cumsum(0.05 * rng.standard_normal(2500))
    clean = np.cos(phase) + 0.5 * np.cos(2 * phase)
    return {"x": clean + theta[0] * rng.standard_normal(2500)}


def test_what_measures_amplitudes_sees_clipping():
    # Kurtosis of Gaussian noise is 3 ± √(24 / 800), of it clipped at one deviation about 1.5.
    prior = Prior.box({"scale": (1.0, 2.0)})
    library = simulate_library(white, prior, 120, rate_hz=100.0, progress=False, seed=1)
    flat = FeatureSet(Aperiodic((2, 40)))
    without = blind_spots(library, flat, seed=0)
    with_shape = blind_spots(library, FeatureSet(*flat.families, Moments(("kurtosis",))), seed=0)
    for stranger in ("clipped", "rare spikes"):
        assert without.loc[stranger, "found"] < 0.5
        assert with_shape.loc[stranger, "found"] > 0.9
    assert without.loc["white noise", "found"] < 0.1  # that is what the model makes


@pytest.mark.slow
def test_a_model_with_phases_sees_them_drawn_anew():
    prior = Prior.box({"noise": (0.1, 0.3)})
    library = simulate_library(wave, prior, 120, rate_hz=250.0, progress=False, seed=1)
    bands = BandPower(((3, 5), (5, 9.5), (10, 19)))
    coupled = FeatureSet(bands, Coupling((5, 9.5), ((25, 45),)))
    found = [
        blind_spots(library, chosen, seed=0).loc["phases at random", "found"]
        for chosen in (FeatureSet(bands), coupled)
    ]
    assert found[0] < 0.1
    assert found[1] > 0.9


def test_strangers_are_what_they_are_called(rng):
    x = np.sin(np.arange(1000) * 0.05) ** 3 + 0.1 * rng.standard_normal(1000)
    turned = _phases(x, rng)
    np.testing.assert_allclose(np.abs(np.fft.rfft(turned))[1:-1], np.abs(np.fft.rfft(x))[1:-1])
    assert np.corrcoef(turned, x)[0, 1] < 0.9
    half = _half_rate(x, rng)
    assert half.size == x.size
    np.testing.assert_array_equal(half[:500], x[::2])
    np.testing.assert_array_equal(half[500:], x[::-1][::2])
    assert _clipped(x, rng).max() == pytest.approx(x.mean() + x.std())


def test_same_seed_same_table(fields):
    chosen = FeatureSet(*SPECTRUM)
    first, second = (blind_spots(fields, chosen, n_series=20, seed=3) for _ in range(2))
    assert first.equals(second)


def test_what_is_refused(fields):
    chosen = FeatureSet(*SPECTRUM)
    with pytest.raises(ArgumentError, match="at least 40"):
        blind_spots(fields.rows(slice(0, 30)), chosen)
    with pytest.raises(ArgumentError, match="n_series"):
        blind_spots(fields, chosen, n_series=0)
    with pytest.raises(UnknownNameError, match="signal"):
        blind_spots(fields, chosen, signal="voltage")
