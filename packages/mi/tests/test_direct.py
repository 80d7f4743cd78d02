"""Estimators without training, against closed forms and one another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.special import xlogy
from scipy.stats import nbinom

from neuroloom import mi
from neuroloom.mi import _direct as direct
from neuroloom.mi._benchmark._tasks import benchmark_tasks
from neuroloom.mi._direct.estimators import DIRECT

TASKS = benchmark_tasks()


def neighbours_mi(x, y):
    return np.nanmean(DIRECT["ksg"].local(x.astype(float), y.astype(float)))


def normal_pair(rho: float, n: int = 4000, d: int = 1, seed: int = 0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, d))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((n, d))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(
    "estimate",
    [
        direct.ksg,
        lambda x, y: direct.ksg(x, y, variant=2),
        direct.ksg_mixed,
        direct.gaussian,
        direct.gcmi,
    ],
    ids=["ksg1", "ksg2", "mixed", "gaussian", "gcmi"],
)
def test_normal_pair_has_its_closed_form(estimate, rho):
    x, y = normal_pair(rho)
    assert estimate(x, y) == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.04)


def test_gaussian_entropy_correction_is_unbiased_for_small_samples():
    estimates = [direct.gaussian(*normal_pair(0.0, n=20, d=3, seed=s)) for s in range(400)]
    standard_error = np.std(estimates) / 20
    assert abs(np.mean(estimates)) < 3.5 * standard_error


@pytest.mark.parametrize(
    ("task", "tolerance"),
    [("1v1-additive-0.1", 0.06), ("wiggly-1v1-normal-0.75", 0.05), ("1v1-additive-0.75", 0.04)],
)
def test_neighbours_need_no_normality(task, tolerance):
    x, y = TASKS[task].sample(4000, seed=1)
    assert direct.ksg(x, y) == pytest.approx(TASKS[task].true_mi, abs=tolerance)


def test_local_values_average_to_the_estimate():
    x, y = normal_pair(0.8, n=500)
    assert direct.ksg_local(x, y).mean() == pytest.approx(direct.ksg(x, y), rel=1e-12)


def test_identical_discrete_variables_share_their_entropy():
    x = np.random.default_rng(0).integers(0, 4, (3000, 1)).astype(float)
    entropy = np.log(4)
    assert direct.ksg_mixed(x, x) == pytest.approx(entropy, abs=0.02)
    assert direct.plugin(x, x) == pytest.approx(entropy, abs=0.02)


def test_ties_do_not_inflate_the_mixed_estimate():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, (3000, 1)).astype(float)
    y = rng.integers(0, 3, (3000, 1)).astype(float)
    assert abs(direct.ksg_mixed(x, y)) < 0.01


def test_labels_and_samples_agree_with_integration():
    rng = np.random.default_rng(2)
    label = rng.integers(0, 2, 5000)
    y = rng.normal(3.0 * label, 1.0)[:, None]
    grid = np.linspace(-8, 11, 20001)
    p0, p1 = (np.exp(-((grid - m) ** 2) / 2) / np.sqrt(2 * np.pi) for m in (0, 3))
    mean = (p0 + p1) / 2
    information = simpson(0.5 * p0 * np.log(p0 / mean) + 0.5 * p1 * np.log(p1 / mean), x=grid)
    assert direct.ross(label, y) == pytest.approx(information, abs=0.03)
    assert abs(direct.ross(rng.permutation(label), y)) < 0.03


def test_conditioning_on_the_common_cause_removes_the_dependence():
    rng = np.random.default_rng(3)
    z = rng.standard_normal((4000, 1))
    x = z + 0.5 * rng.standard_normal((4000, 1))
    y = z + 0.5 * rng.standard_normal((4000, 1))
    assert direct.gcmi(x, y) > 0.4
    assert abs(direct.gcmi_conditional(x, y, z)) < 0.01
    assert abs(direct.ksg_conditional(x, y, z)) < 0.04


def test_plugin_bias_is_corrected_to_first_order():
    rng = np.random.default_rng(4)
    corrected, plain = [], []
    for _ in range(200):
        x, y = rng.integers(0, 5, (2, 200))
        corrected.append(direct.plugin(x, y))
        plain.append(direct.plugin(x, y, correction="none"))
    assert np.mean(plain) == pytest.approx(16 / 400, abs=0.01)  # (r − 1)(c − 1) / 2n
    assert abs(np.mean(corrected)) < 0.006


def test_counts_against_a_continuous_variable_are_unbiased():
    values = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        values.append(neighbours_mi(rng.poisson(0.5, (1000, 1)), rng.standard_normal((1000, 1))))
    # Treated as mixtures they came out at −0.05 nats.
    assert abs(np.mean(values)) < 0.015
    x = rng.poisson(1.0, (2000, 1))
    y = x + 0.1 * rng.standard_normal(x.shape)
    p = np.exp(-1) / np.cumprod(np.r_[1, np.arange(1, 12)])  # noise leaves the count readable
    assert neighbours_mi(x, y) == pytest.approx(-(p * np.log(p)).sum(), abs=0.06)
    assert neighbours_mi(y, x) == pytest.approx(neighbours_mi(x, y))


def test_shells_of_a_lattice_do_not_look_like_information():
    """Counts of several cells: the k-th neighbour shares its distance with many others."""
    rng = np.random.default_rng(0)
    x, y = rng.poisson(1.5, (2000, 3)), rng.poisson(0.5, (2000, 2))
    assert abs(neighbours_mi(x, y)) < 0.06
    gain = rng.gamma(1.0, 1.0, (2000, 1))
    x, y = rng.poisson(gain * [1.0, 2.0]), rng.poisson(gain * [3.0, 0.5])
    # Sums are sufficient: a negative binomial and, given it, another.
    i, j = np.arange(150)[:, None], np.arange(150)
    joint = nbinom.pmf(i, 1, 1 / 4) * nbinom.pmf(j, 1 + i, 4 / 7.5)
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    truth = (xlogy(joint, joint) - xlogy(joint, product)).sum()
    assert neighbours_mi(x, y) == pytest.approx(truth, abs=0.08)


def test_neighbours_say_that_they_are_far_away_or_blind():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((600, 6))
    y = 0.8 * x + 0.6 * rng.standard_normal(x.shape)
    quiet = {"random_seed": 0, "verbose": False}
    ksg = mi.run(x, y, estimator="ksg", **quiet)
    assert "12 dimensions" in " ".join(ksg.details["reasons"])
    few = mi.run(x[:, :2], y[:, :2], estimator="ksg", **quiet)
    assert few.is_reliable
    assert few.mi_estimate == pytest.approx(1.47, rel=0.1)
    latents = mi.run(x, y, estimator="lmi", **quiet)
    assert "straight lines" in " ".join(latents.details["reasons"])
