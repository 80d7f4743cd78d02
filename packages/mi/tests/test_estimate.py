import math

import joblib
import numpy as np
import pytest

from neuroloom import mi
from neuroloom.shared import Epochs, Signal, SpikeTrains

FAST = {"n_epochs": 10, "hidden_dim": 32, "embedding_dim": 8, "n_inits": 1, "n_folds": 4}


def gaussian(n, dim, bits, seed=0):
    rng = np.random.default_rng(seed)
    rho = math.sqrt(1 - math.exp(-2 * math.log(2) * bits / dim))
    x = rng.standard_normal((n, dim))
    return x, rho * x + math.sqrt(1 - rho**2) * rng.standard_normal((n, dim))


def estimate(x, y, **options):
    options = {"base_params": FAST, "random_seed": 0, "verbose": False, **options}
    return mi.run(x, y, **options)


@pytest.mark.slow
def test_gaussian_truth_lies_in_the_interval():
    result = estimate(*gaussian(3000, 4, 2.0), confidence_level=0.99)
    low, high = result.details["interval"]
    assert low < 2.0 < high
    assert result.mi_estimate == pytest.approx(2.0, abs=0.1)
    assert result.is_reliable


@pytest.mark.slow
def test_independent_data_give_nothing_and_are_not_clamped():
    rng = np.random.default_rng(1)
    values = [
        estimate(rng.standard_normal((500, 20)), rng.standard_normal((500, 20)), random_seed=s)
        for s in range(4)
    ]
    found = [v.mi_estimate for v in values]
    assert np.abs(found).max() < 0.05
    assert min(found) < 0


def test_units_scale_every_number():
    x, y = gaussian(600, 2, 1.0)
    bits, nats = estimate(x, y), estimate(x, y, output_units="nats")
    assert nats.mi_estimate == pytest.approx(bits.mi_estimate * math.log(2))
    raw = [r.details["raw_results"][0]["test_mi"] for r in (bits, nats)]
    assert raw[1] == pytest.approx(raw[0] * math.log(2))


@pytest.mark.slow
def test_same_seed_same_bits_for_any_number_of_workers():
    x, y = gaussian(500, 3, 1.0)
    one = estimate(x, y, random_seed=7)
    again = estimate(x, y, random_seed=7)
    with joblib.parallel_config(backend="threading"):  # processes: test_repeatability.py
        two = estimate(x, y, random_seed=7, n_workers=2)
    assert one.mi_estimate == again.mi_estimate == two.mi_estimate
    np.testing.assert_array_equal(one.details["pointwise_mi"], two.details["pointwise_mi"])
    assert estimate(x, y, random_seed=8).mi_estimate != one.mi_estimate


@pytest.mark.slow
def test_circular_shift_null_respects_time():
    rng = np.random.default_rng(2)
    slow = np.cumsum(rng.standard_normal((2, 600)), axis=1)
    slow = slow - np.linspace(slow[:, 0], slow[:, -1], 600).T
    result = estimate(slow[0], slow[1], n_permutations=19, gap=5)
    assert 0 < result.p_value <= 1
    assert result.details["null_distribution"].shape == (19,)
    tied = estimate(slow[0], slow[0] + 0.1 * rng.standard_normal(600), n_permutations=19)
    assert tied.p_value == pytest.approx(1 / 20)


@pytest.mark.slow
def test_spikes_about_a_signal():
    rng = np.random.default_rng(3)
    signal = Signal(np.repeat(rng.standard_normal(400), 10), rate=100.0)
    rate = 20 * np.exp(0.8 * signal.values[:, 0])
    trains = [np.flatnonzero(rng.random(4000) < rate / 100) / 100 + 0.004 for _ in range(5)]
    spikes = SpikeTrains.from_lists(trains, Epochs(0.0, 40.0))
    window = {"window_size": 0.1}
    result = estimate(
        spikes,
        signal,
        processor_params_x=window,
        processor_params_y=window,
        split_mode="random",
        n_permutations=19,
    )
    assert result.details["n_samples"] == 400
    assert 0.5 < result.mi_estimate < 3.0
    assert result.p_value == pytest.approx(1 / 20)
    low, high = result.details["null_interval"]
    assert low < 0.05
    assert high < result.mi_estimate


def test_plot_shows_estimate_and_null():
    result = estimate(*gaussian(300, 2, 1.0), n_permutations=5)
    ax = result.plot(title="spikes")
    assert "spikes" in {ax.get_title(loc=side) for side in ("left", "center")}
    assert "mutual information (bits)" in ax.get_xlabel()
    line = ax.lines[0].get_xdata()[0]
    assert line == pytest.approx(result.mi_estimate)
