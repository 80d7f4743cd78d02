"""Debiased second-order terms, against data whose information is known."""

import numpy as np
import pytest

from neuroloom.mi import datasets
from neuroloom.mi._baseline import rank_normal
from neuroloom.mi._second_order import negentropy, second_order
from neuroloom.shared import Seed

BITS = np.log(2)


def _found(x, y):
    return second_order(rank_normal(x), rank_normal(y), Seed(0))


class TestSecondOrder:
    @pytest.mark.parametrize("dim", [1, 4])
    def test_adds_nothing_to_normal_data(self, dim):
        values = []
        for seed in range(6):
            x, y = datasets.generate_correlated_gaussians(
                1000, dim, 1.0, use_torch=False, seed=seed
            )
            values.append(_found(x, y).mi / BITS)
        # A sample of 1000 pairs spreads by about sqrt(Σρ² / n) ≈ 0.04 bits.
        assert np.mean(values) == pytest.approx(1.0, abs=4 * 0.045 / np.sqrt(6))

    def test_finds_what_a_line_misses_in_bent_images_of_normal_latents(self):
        # All information of 2.0 bits is kept by the networks, about 5 % of it by their bend.
        x, y = datasets.generate_nonlinear_from_latent(3000, 6, 40, 2.0, use_torch=False, seed=1)
        found = _found(x, y)
        assert found.clear
        assert found.linear / BITS < found.mi / BITS
        assert abs(found.mi / BITS - 2.0) < abs(found.linear / BITS - 2.0)
        assert found.mi / BITS == pytest.approx(2.0, abs=0.15)

    def test_does_not_count_squares_of_coordinates_twice(self):
        rng = np.random.default_rng(0)
        z = rng.standard_normal((3000, 3))
        w = 0.8 * z + 0.6 * rng.standard_normal(z.shape)
        truth = -1.5 * np.log(1 - 0.64)
        found = _found(np.hstack([z, z**2]), np.hstack([w, w**2]))
        assert found.n_coordinates <= 3
        assert found.mi == pytest.approx(truth, abs=0.15)

    def test_allows_for_correlation_in_time(self):
        values = []
        for seed in range(8):
            x, y = np.random.default_rng(seed).standard_normal((2, 1000, 3))
            for t in range(1, 1000):
                x[t] += 0.9 * x[t - 1]
                y[t] += 0.9 * y[t - 1]
            values.append(_found(x, y).mi)
        # Taken as independent, 3 × 3 features and their products would show 0.12 nats and more.
        assert np.mean(values) < 0.08


def test_negentropy_is_zero_for_normal_and_large_for_squares():
    z = np.random.default_rng(0).standard_normal((4000, 2))
    assert abs(negentropy(z)) < 0.01
    assert negentropy(np.column_stack([z[:, 0], z[:, 0] ** 2])) > 1
