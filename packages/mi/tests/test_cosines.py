"""Cosines of low-dimensional features: what bends is learned, what does not is not spoiled."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import norm

from neuroloom import mi
from neuroloom.mi._training.preprocessing import cosines

FAST = {"n_epochs": 15, "n_inits": 2, "n_folds": 3, "learning_rate": 2e-3, "hidden_dim": 32}
OPTIONS = {"random_seed": 0, "verbose": False, "split_mode": "random"}
NOISE = 0.3


def bent(n=1500):
    """Return a place, a response that rises and falls five times along it, and the bits told."""
    rng = np.random.default_rng(0)
    place = rng.uniform(size=n)
    response = np.sin(10 * np.pi * place) + NOISE * rng.standard_normal(n)
    grid = np.linspace(-3, 3, 2001)
    means = np.sin(2 * np.pi * (np.arange(2000) + 0.5) / 2000)
    density = norm.pdf(grid[:, None], means, NOISE).mean(axis=1)
    entropy = trapezoid(-density * np.log2(density), grid)
    return place, response, entropy - 0.5 * np.log2(2 * np.pi * np.e * NOISE**2)


@pytest.mark.slow
def test_a_response_that_rises_and_falls_is_learned():
    place, response, truth = bent()
    found = mi.run(place, response, base_params=FAST, **OPTIONS).mi_estimate
    without = mi.run(place, response, base_params={**FAST, "n_cosines": 0}, **OPTIONS).mi_estimate
    assert truth - 0.45 < found < truth + 0.05
    assert without < found - 0.5


@pytest.mark.slow
def test_a_straight_dependence_is_not_spoiled():
    x, y = mi.datasets.generate_correlated_gaussians(1500, 2, 1.0, use_torch=False, seed=0)
    values = [
        mi.run(x, y, base_params={**FAST, "n_cosines": n}, **OPTIONS).mi_estimate for n in (0, 8)
    ]
    assert values[1] == pytest.approx(values[0], abs=0.03)


def test_a_saved_critic_makes_its_waves_again(tmp_path):
    place, response, _ = bent(400)
    path = tmp_path / "critic.safetensors"
    result = mi.run(place, response, base_params=FAST, save_best_model_path=path, **OPTIONS)
    critic = mi.load_critic(path)
    test, fold = result.details["critic_test"], result.details["critic_fold"]
    row = result.details["raw_results"][fold]
    found = critic.mi(place[test, None], response[test, None])
    assert found == pytest.approx(row["test_mi"], abs=1e-5)


def test_waves_stand_beside_the_features_of_few_only():
    values = np.random.default_rng(0).standard_normal((50, 2))
    out = cosines(values, 3)
    assert out.shape == (50, 8)
    np.testing.assert_array_equal(out[:, :2], values)
    assert np.abs(out[:, 2:4]).max() <= np.sqrt(2)
    assert cosines(np.zeros((1, 1)), 2)[0, 1] == pytest.approx(0)  # the middle of the first half
    assert cosines(np.zeros((4, 3)), 3).shape == (4, 3)
    assert cosines(values, 0).shape == (50, 2)
