"""What makes an estimate call itself unreliable."""

import numpy as np
import pytest

from neuroloom import mi
from neuroloom.mi._direct import _neighbours, ksg_local

SMALL = {"n_epochs": 30, "n_inits": 1, "n_folds": 2, "hidden_dim": 32, "embedding_dim": 8}


@pytest.mark.slow
def test_too_few_samples_for_the_dependence_are_unreliable():
    """A twisted plane, which a wide critic learns by heart before it learns the twist."""
    rng = np.random.default_rng(0)
    z = rng.standard_normal((600, 5))
    x = z + 0.3 * rng.standard_normal(z.shape)
    turn = 2.0 * (x**2).sum(axis=1)
    a, b = x[:, 0].copy(), x[:, 1].copy()
    x[:, 0], x[:, 1] = np.cos(turn) * a - np.sin(turn) * b, np.sin(turn) * a + np.cos(turn) * b
    free = {**SMALL, "n_epochs": 100, "learning_rate": 3e-3, "hidden_dim": 128, "baseline": False}
    result = mi.run(x, z, base_params=free, random_seed=0, verbose=False)
    details = result.details
    assert details["train_mi"] > 1.2 * details["test_mi"]
    assert details["overfit"]
    assert not result.is_reliable


def test_sizes_tell_of_a_dependence_that_the_critic_does_not_see():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1500, 12))
    y = x**2 + 0.5 * rng.standard_normal(x.shape)
    blind = {**SMALL, "n_epochs": 1}
    result = mi.run(x, y, base_params=blind, random_seed=0, verbose=False)
    assert result.details["squares_mi"] > result.mi_estimate + 1
    assert not result.is_reliable


def test_neighbours_tell_what_an_untrained_critic_misses():
    rng = np.random.default_rng(0)
    x = rng.uniform(size=1000)
    y = (x + rng.uniform(-0.02, 0.02, 1000)) % 1  # a band around a circle
    short = {**SMALL, "n_epochs": 1, "baseline": False}
    result = mi.run(x, y, base_params=short, random_seed=0, verbose=False, output_units="nats")
    assert result.details["neighbours_mi"] == pytest.approx(np.log(1 / 0.04), abs=0.35)
    assert result.mi_estimate < result.details["neighbours_mi"] - 0.5
    assert not result.is_reliable


def test_normal_data_are_reliable():
    x, y = mi.datasets.generate_correlated_gaussians(800, 2, 1.0, use_torch=False, seed=0)
    result = mi.run(x, y, base_params=SMALL, random_seed=0, verbose=False)
    assert result.is_reliable
    assert not result.details["overfit"]


@pytest.mark.parametrize("dims", [(2, 3), (4, 1)])
def test_plain_distances_equal_trees(dims, monkeypatch):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((700, dims[0]))
    y = x[:, :1] + rng.standard_normal((700, dims[1]))
    trees = ksg_local(x, y, k=4)
    monkeypatch.setattr(_neighbours, "_TREE_DIMS", 0)
    monkeypatch.setattr(_neighbours, "_ROWS", 64)
    np.testing.assert_allclose(ksg_local(x, y, k=4), trees, atol=1e-12)


def circle(angle):
    return np.column_stack([np.cos(angle), np.sin(angle)])


def test_a_copula_names_the_variables_whose_values_repeat():
    rng = np.random.default_rng(0)
    x, count = rng.standard_normal(300), rng.poisson(2.0, 300)
    for a, b, named in ((x, count, "y"), (count, x, "x"), (count, count[::-1], "x and y")):
        found = mi.run(a, b, estimator="gcmi", random_seed=0, verbose=False).details["reasons"]
        assert any(reason.startswith(f"values of {named} repeat: ") for reason in found)


@pytest.mark.parametrize("estimator", ["gcmi", "cca"])
@pytest.mark.parametrize("kind", ["difference", "degrees", "disc"])
def test_a_copula_says_that_it_misses_what_bends(estimator, kind):
    """Angles and discs: 1.5, 1.2 and .2 bits, of which normal scores show hardly any."""
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-np.pi, np.pi, (2, 500))
    noise = rng.vonmises(0, 4.0, 500)
    if kind == "difference":
        x, y = np.hstack([circle(a), circle(b)]), circle(a - b + noise)
    elif kind == "degrees":
        x, y = 2 * a % (2 * np.pi), np.abs(a)
    else:
        radius = np.sqrt(rng.random(500))
        x, y = radius * np.cos(a), radius * np.sin(a)
    result = mi.run(x, y, estimator=estimator, random_seed=0, verbose=False)
    assert not result.is_reliable
    assert any("neighbours" in reason for reason in result.reasons)
    assert result.details["interval"][1] > result.mi_estimate + 0.05


def test_normal_data_of_many_channels_do_not_make_a_copula_doubt():
    doubts = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        x, e = rng.standard_normal((2, 500, 4))
        y = 0.7 * x + np.sqrt(0.51) * e
        result = mi.run(x, y, estimator="gcmi", random_seed=seed, verbose=False)
        doubts += not result.is_reliable
    assert doubts <= 1
