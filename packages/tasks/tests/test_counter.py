"""Random numbers by number: what they are distributed like, and what they depend on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

import neuroloom.tasks as tasks
from neuroloom.tasks._random.counter import Draws, normals

N = 200_000


def keys(n: int, seed: int = 1) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(2**64, size=n, dtype=np.uint64)


class TestNormals:
    def draw(self) -> NDArray[np.float64]:
        return normals(keys(N // 10), np.arange(N // 10), 10).astype(float)

    def test_are_normal(self) -> None:
        x = self.draw().ravel()
        assert stats.kstest(x, "norm").pvalue > 1e-3
        # Each moment within five of its standard errors.
        assert abs(x.mean()) < 5 / np.sqrt(N)
        assert abs(x.var() - 1) < 5 * np.sqrt(2 / N)
        assert abs((x**3).mean()) < 5 * np.sqrt(15 / N)
        assert abs((x**4).mean() - 3) < 5 * np.sqrt(96 / N)

    def test_reach_into_the_tails_as_often_as_they_should(self) -> None:
        x = np.abs(normals(keys(1), np.zeros(1), 4_000_000))
        for far in (3, 4, 4.8):
            expected = 2 * stats.norm.sf(far) * x.size
            assert abs((x > far).sum() - expected) < 5 * np.sqrt(expected)

    def test_are_not_correlated(self) -> None:
        x = self.draw()
        between = np.corrcoef(x.T)[~np.eye(10, dtype=bool)]
        assert np.abs(between).max() < 5 / np.sqrt(len(x))
        for series in (x.ravel(), np.abs(x.ravel())):
            for lag in (1, 2, 7):
                assert abs(np.corrcoef(series[lag:], series[:-lag])[0, 1]) < 5 / np.sqrt(N)

    def test_of_neighbouring_keys_are_not_correlated(self) -> None:
        one = normals(np.arange(N, dtype=np.uint64), np.zeros(N), 1).ravel()
        assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 5 / np.sqrt(N)


DISTRIBUTIONS = {
    "random": (lambda d, n: d.random(n), "uniform"),
    "uniform": (lambda d, n: (d.uniform(3, 5, n) - 3) / 2, "uniform"),
    "normal": (lambda d, n: (d.normal(2, 3, size=n) - 2) / 3, "norm"),
    "standard_normal": (lambda d, n: d.standard_normal(n), "norm"),
    "exponential": (lambda d, n: d.exponential(4, n) / 4, "expon"),
    "normal_by_trial": (lambda d, n: d.normal(np.arange(n) % 9) - np.arange(n) % 9, "norm"),
    "uniform_by_trial": (lambda d, n: d.uniform(np.arange(n), np.arange(n) + 1) % 1, "uniform"),
    "laplace": (lambda d, n: d.laplace(0, 1, n), "laplace"),
    "standard_cauchy": (lambda d, n: d.standard_cauchy(n), "cauchy"),
    "gamma": (lambda d, n: stats.gamma(2).cdf(d.gamma(2, size=n)), "uniform"),
}


class TestDraws:
    @pytest.mark.parametrize("name", DISTRIBUTIONS)
    def test_have_the_distribution_they_are_called_after(self, name: str) -> None:
        draw, distribution = DISTRIBUTIONS[name]
        x = draw(Draws(keys(20_000)), 20_000)
        assert stats.kstest(x, distribution).pvalue > 1e-3

    def test_whole_numbers(self) -> None:
        n = 100_000
        draws = Draws(keys(n))
        for counts, p in (
            (np.bincount(draws.integers(5, size=n)), np.full(5, 0.2)),
            (np.bincount(draws.integers(2, 4, n, endpoint=True))[2:], np.full(3, 1 / 3)),
            (np.bincount(draws.choice(3, n, p=[0.5, 0.2, 0.3])), np.array([0.5, 0.2, 0.3])),
            (np.bincount(draws.geometric(0.4, n))[1:5], 0.4 * 0.6 ** np.arange(4)),
        ):
            assert np.abs(counts - p * n).max() < 5 * np.sqrt(n)
        order = draws.permuted(np.tile(np.arange(3), (n, 1)), axis=1)
        assert np.abs(np.unique(order, axis=0, return_counts=True)[1] - n / 6).max() < 5 * n**0.5
        without = draws.choice([7, 8, 9], (n, 2), replace=False)
        assert (without[:, 0] != without[:, 1]).all()
        assert draws.geometric(1.0, n).max() == 1

    @given(st.lists(st.integers(0, 99), min_size=1, max_size=20))
    @settings(max_examples=20, deadline=None)
    def test_a_trials_numbers_do_not_depend_on_the_company(self, some: list[int]) -> None:
        def all_of(draws: Draws) -> list[NDArray[np.float64]]:
            n = len(draws)
            return [
                draws.random((n, 3)),
                draws.integers(9, size=n),
                draws.normal(size=n),
                draws.poisson(3.0, size=n),
                draws.permuted(np.tile(np.arange(4), (n, 1)), axis=1),
                draws.at(np.arange(n)).random(n),
                draws.random(n),
            ]

        whole = all_of(Draws(keys(100)))
        for one, every in zip(all_of(Draws(keys(100)[some])), whole, strict=True):
            assert (one == every[some]).all()

    def test_refuse_what_is_not_of_one_trial(self) -> None:
        draws = Draws(keys(4))
        for size in (None, 3, (2, 4)):
            for draw in (draws.random, draws.standard_normal, draws.standard_cauchy):
                with pytest.raises(tasks.TaskError, match="4 trials first"):
                    draw(size)
        for once in (draws.poisson, draws.exponential, draws.normal):
            with pytest.raises(tasks.TaskError, match="4 trials first"):
                once(3.0)
        with pytest.raises(tasks.TaskError, match="4 trials first"):
            draws.binomial(10, 0.5)
        with pytest.raises(tasks.TaskError, match="at most 2 different"):
            draws.choice(2, (4, 3), replace=False)
        with pytest.raises(tasks.TaskError, match="more than low"):
            draws.integers(3, 3, size=4)
        with pytest.raises(tasks.TaskError, match="permuted"):
            draws.permuted(np.arange(4), axis=0)
        with pytest.raises(AttributeError, match="no distribution"):
            draws.nothing(size=4)
