"""Surrogates keep what they must keep, and p-values are those of chance."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import kstest, norm

from neuroloom import mi
from neuroloom.mi import exceptions as ex
from neuroloom.mi._samples.conditional import local_permutation
from neuroloom.mi._samples.surrogates import surrogates


def shifts_of(n, number, seed, least=0):
    drawn = surrogates(n, number, "circular", np.random.default_rng(seed), least=least)
    return np.array([int(order[-1]) for order in drawn])


@pytest.mark.slow
def test_rotations_and_the_data_are_spread_and_none_is_alone():
    """The data's own place is one of the spread ones: all distances to the next are alike."""
    before, between = [], []
    for seed in range(4000):
        shifts = (199 - shifts_of(200, 19, seed)) % 200
        around = np.sort(np.r_[0, shifts, 200])
        assert len(np.unique(around)) == 21
        before.append(around[1])
        between.append(np.diff(around)[1:].mean())
    assert np.mean(before) == pytest.approx(np.mean(between), rel=0.03)


@pytest.mark.parametrize(("n", "least"), [(200, 5), (1000, 40), (203, 9)])
def test_rotations_keep_the_distance_that_lags_need(n, least):
    for seed in range(20):
        around = np.sort(np.r_[0, (n - 1 - shifts_of(n, 19, seed, least)) % n, n])
        assert np.diff(around).min() >= least


@pytest.mark.slow
def test_of_a_stationary_series_on_a_ring_the_data_are_largest_one_time_in_twenty():
    """Slow values around a ring: exact for spread places, .07 where small shifts are left out."""
    rng, hits, sets = np.random.default_rng(0), 0, 4000
    lags = np.minimum(np.arange(200), 200 - np.arange(200))
    root = np.sqrt(np.abs(np.fft.fft(0.93**lags)))
    for seed in range(sets):
        ring = np.real(np.fft.ifft(root * np.fft.fft(rng.standard_normal(200))))
        null = ring[shifts_of(200, 19, seed, least=5) - 199]
        hits += ring[0] > null.max()
    assert hits / sets == pytest.approx(0.05, abs=0.011)  # three standard errors


def test_a_rotation_costs_slow_series_one_seam_and_no_more():
    """Of correlations, whose variance has a closed form: 2.4 % at 20 correlation times, not more.

    Rows i and j of x go with rows o(i) and o(j) of y, so that the variance is the sum of
    φ^|i − j| φ^|o(i) − o(j)|. Two stretches lack the pairs across the seam: what a sum of
    2 |k| φ^2|k| takes from n times that of φ^2|k|.
    """
    n, phi = 200, 0.9
    lag = np.arange(n)
    slow = phi ** np.abs(lag[:, None] - lag)
    orders = surrogates(n, 19, "circular", np.random.default_rng(0))
    ratio = (slow**2).sum() / np.mean([(slow * slow[np.ix_(o, o)]).sum() for o in orders])
    twice = np.where(lag == 0, 1, 2) * phi ** (2 * lag)
    seam = (n * twice.sum() - (lag * twice).sum()) / (n * twice.sum() - 2 * (lag * twice).sum())
    assert ratio == pytest.approx(seam, abs=0.002)
    assert seam == pytest.approx(1.0245, abs=0.001)
    # Normal statistics of such variances: the data are the largest of twenty in 5.2 %.
    at = np.linspace(0, 8, 4001)
    inside = 2 * norm.cdf(at * np.sqrt(seam)) - 1
    alarms = (2 * norm.pdf(at) * inside**19).sum() * at[1]
    assert alarms == pytest.approx(0.0524, abs=0.0005)


def test_circular_surrogates_are_all_rotations_but_none_twice():
    shifts = []
    for order in surrogates(40, 39, "circular", np.random.default_rng(0), gap=10):
        shifts.append(int(order[0]))
        np.testing.assert_array_equal(order, np.roll(np.arange(40), -order[0]))
    assert sorted(shifts) == list(range(1, 40))


def test_block_surrogates_keep_blocks():
    order = mi.surrogate(100, "block", np.random.default_rng(0), block=10)
    assert sorted(order) == list(range(100))
    assert (np.diff(order.reshape(10, 10), axis=1) == 1).all()


def test_trial_surrogates_exchange_whole_trials():
    trials = np.repeat([3, 1, 2], 4)
    order = mi.surrogate(12, "trial", np.random.default_rng(0), trials=trials)
    assert sorted(order) == list(range(12))
    assert (np.diff(order.reshape(3, 4), axis=1) == 1).all()


@pytest.mark.parametrize(
    ("kind", "options", "error", "says"),
    [
        ("block", {"block": -3}, ex.OptionError, "at least 1"),
        ("block", {"block": 1.5}, ex.OptionError, "integer"),
        ("block", {"block": 51}, ex.OptionError, "half of the 100"),
        ("trial", {}, ex.OptionError, "trials=None"),
        ("trial", {"trials": [1, 2]}, ex.OptionError, "100"),
        ("trial", {"trials": np.r_[np.zeros(40), np.ones(60)]}, ex.OptionError, "one length"),
        ("shuffle", {}, ex.OptionError, "circular"),
    ],
)
def test_impossible_surrogates_are_named(kind, options, error, says):
    with pytest.raises(error, match=says):
        mi.surrogate(100, kind, np.random.default_rng(0), **options)


def test_local_permutation_moves_samples_to_similar_ones():
    z = np.random.default_rng(0).standard_normal((500, 1))
    order = local_permutation(z, 5, np.random.default_rng(1))
    assert (order != np.arange(500)).mean() > 0.5
    far = np.abs(z[order, 0] - z[:, 0])
    assert np.median(far) < 0.05


def test_samples_can_be_exchanged_with_others_only():
    z = np.random.default_rng(0).standard_normal((500, 1)).cumsum(0)
    order = local_permutation(z, 5, np.random.default_rng(1), 20)
    assert (np.abs(order - np.arange(500)) > 20).all()
    assert len(np.unique(order)) > 450
    assert np.median(np.abs(z[order, 0] - z[:, 0])) < 0.1 * z.std()


def test_largest_statistics_and_false_discoveries():
    null = np.array([[0.0, 1.0], [0.5, 0.2], [0.1, 0.1]])
    np.testing.assert_allclose(mi.max_statistic(np.array([2.0, 0.4]), null), [0.25, 0.75])
    p = np.array([0.01, 0.02, 0.03, 0.5])
    np.testing.assert_allclose(mi.benjamini_hochberg(p), [0.04, 0.04, 0.04, 0.5])


def test_what_has_no_statistic_has_no_p_value():
    assert np.isnan(mi.p_value(float("nan"), [0.1, 0.2]))
    assert np.isnan(mi.p_value(1.0, [0.1, float("nan")]))
    assert mi.p_value(float("inf"), [0, 1]) == 1 / 3
    null = [[0, 1], [0.5, 0.2], [0.1, 0.1]]
    np.testing.assert_allclose(mi.max_statistic([float("nan"), 0.4], null), [np.nan, 0.75])
    np.testing.assert_allclose(mi.max_statistic([2, 0.4], [*null, [0, float("nan")]]), np.nan)
    # As if the one that is not known had not been asked.
    np.testing.assert_allclose(
        mi.benjamini_hochberg([0.01, float("nan"), 0.04, 0.03]), [0.03, np.nan, 0.04, 0.04]
    )


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (mi.max_statistic, ([1.0, 2.0], [[0.1], [0.2]]), "2 columns"),
        (mi.max_statistic, ([1.0], [0.1, 0.2]), "null"),
        (mi.p_value, (1.0, [[0.1], [0.2]]), "null"),
        (mi.benjamini_hochberg, ([0.1, 1.2],), "from 0 to 1, got 1.2"),
        (mi.benjamini_hochberg, ([0.1, -0.2],), "from 0 to 1, got -0.2"),
        (mi.benjamini_hochberg, ([[0.1, 0.2]],), "p: "),
    ],
)
def test_no_family_of_tests_is_refused(function, arguments, says):
    with pytest.raises(ex.OptionError, match=says):
        function(*arguments)


def noise(rng, n, memory):
    """Two independent signals with the autocorrelation of a first-order filter."""
    white = rng.standard_normal((2, n + 200))
    return lfilter([1.0], [1.0, -memory], white, axis=1)[:, 200:]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "memory", "n"),
    [("gcmi", 0.0, 100), ("gcmi", 0.9, 300), ("ksg", 0.0, 100), ("ksg", 0.8, 200)],
)
def test_p_values_are_uniform_without_dependence(estimator, memory, n):
    rng = np.random.default_rng(3)
    p = []
    for k in range(120):
        x, y = noise(rng, n, memory)
        result = mi.run(x, y, estimator=estimator, n_permutations=19, random_seed=k, verbose=False)
        p.append(result.p_value)
    # A p-value of 19 surrogates is one of 20 steps: spread each over its step.
    spread = np.array(p) - rng.uniform(0, 1 / 20, 120)
    assert kstest(spread, "uniform").pvalue > 0.01
