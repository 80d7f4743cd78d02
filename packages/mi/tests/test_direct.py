"""Estimators without training, against closed forms and one another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.special import xlogy
from scipy.stats import multivariate_normal, nbinom, norm, poisson

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


def test_what_the_third_variable_says_to_the_last_digit_adds_nothing():
    rng = np.random.default_rng(3)
    z, x, noise = (rng.standard_normal((4_000, d)) for d in (2, 1, 1))
    y = np.hstack([z[:, :1], noise + 0.7 * x])  # one part known, one of ½ ln(1 + .7²) nats
    assert direct.gcmi_conditional(x, y, z) == pytest.approx(0.5 * np.log(1.49), abs=0.02)
    assert direct.gcmi_conditional(x, z[:, :1], z) == pytest.approx(0, abs=1e-9)
    assert direct.gcmi_conditional(z[:, :1], y, z) == pytest.approx(0, abs=1e-9)
    assert direct.gcmi_conditional(x, x, z) == np.inf


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


def information(joint):
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return (xlogy(joint, joint) - xlogy(joint, product)).sum()


def test_values_can_be_read_from_their_cells():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.poisson(3.0, 400), rng.choice([-7.0, 0.1, 0.2, 50.0], 400)])
    real, same = rng.standard_normal((400, 1)), np.ones((400, 1))
    spread, plain, constant = direct.dequantized(x, real, same)
    for column, cells in zip(x.T, spread.T, strict=True):
        kinds = np.unique(column)
        assert (kinds[np.abs(cells[:, None] - kinds).argmin(axis=1)] == column).all()
        assert len(np.unique(cells)) == 400
    np.testing.assert_array_equal(plain, real)
    np.testing.assert_array_equal(constant, same)
    twice = direct.dequantized(x[:, :1], x[:, :1])
    assert abs(np.corrcoef(*[(v - x[:, :1])[:, 0] for v in twice])[0, 1]) < 0.15


@pytest.mark.parametrize("rate", [0.5, 2.0, 6.0, 20.0])
@pytest.mark.parametrize("n", [200, 500])
def test_independent_counts_show_nothing(rate, n):
    """Counted as patterns or shells they showed .13 bits at 20 spikes and 500 samples."""
    values = [
        neighbours_mi(rng.poisson(rate, (n, 1)), rng.poisson(rate, (n, 1)))
        for rng in map(np.random.default_rng, range(8))
    ]
    assert abs(np.mean(values)) < 0.015 + 3 * np.std(values) / np.sqrt(8)


@pytest.mark.parametrize("rate", [2.0, 20.0])
def test_counts_with_a_common_part_have_their_sum_over_the_table(rate):
    n_counts = int(2 * rate + 40)
    own = poisson.pmf(np.arange(n_counts), rate / 2)
    joint = np.zeros((n_counts, n_counts))
    for c in range(n_counts):
        joint[c:, c:] += own[c] * np.outer(own[: n_counts - c], own[: n_counts - c])
    values = []
    for rng in map(np.random.default_rng, range(6)):
        x, y, common = rng.poisson(rate / 2, (3, 500, 1))
        values.append(neighbours_mi(x + common, y + common))
    assert np.mean(values) == pytest.approx(information(joint), abs=0.035)


@pytest.mark.parametrize("step", [0.02, 0.1, 0.5])
def test_rounded_numbers_do_not_gain_information(step):
    """At steps of a tenth of the spread 2,000 samples showed 1.03 bits of .74."""
    edges = np.arange(-6, 6 + step, step)
    normal = multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]])
    truth = -0.5 * np.log(1 - 0.64)
    if step == 0.5:
        grid = np.dstack(np.meshgrid(edges, edges, indexing="ij")) - step / 2
        truth = information(np.maximum(np.diff(np.diff(normal.cdf(grid), axis=0), axis=1), 0))
    values = []
    for seed in range(4):
        x, y = normal_pair(0.8, n=1000, seed=seed)
        values.append(neighbours_mi(np.round(x / step) * step, np.round(y / step) * step))
    assert np.mean(values) == pytest.approx(truth, abs=0.04)


def test_one_column_for_each_kind_is_one_variable():
    values = []
    for rng in map(np.random.default_rng, range(6)):
        x = rng.integers(0, 8, 300)
        y = np.where(rng.random(300) < 0.6, x, rng.integers(0, 8, 300))
        values.append(neighbours_mi(np.eye(8)[x], np.eye(8)[y]))
    joint = np.full((8, 8), 0.4 / 64) + np.eye(8) * 0.6 / 8
    assert np.mean(values) == pytest.approx(information(joint), abs=0.08)


def given(n, seed, kind):
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((n, 1))
    e, f = rng.standard_normal((2, n, 1))
    if kind == "counts":
        return rng.poisson(2 * np.exp(0.7 * z)), rng.poisson(2 * np.exp(0.7 * z)), z
    if kind == "bent":
        return z**2 + 0.3 * e, z**2 + 0.3 * f, z
    if kind == "labels":
        z = rng.integers(0, 4, (n, 1))
        return np.array([3, 0, 5, 1])[z] + e, np.array([1, 4, 0, 2])[z] + f, z
    if kind == "steep":
        return np.tanh(8 * z) + 0.05 * e, np.tanh(8 * z) + 0.05 * f, z
    rest = 0.8 * e + 0.6 * f
    return (z + e, z + rest, z) if kind == "linear" else (z + e, z + e**2 + 0.5 * f, z)


@pytest.mark.parametrize("kind", ["counts", "bent", "labels", "steep"])
@pytest.mark.parametrize("estimator", ["ksg", "gcmi"])
def test_what_only_z_explains_is_no_conditional_information_or_in_doubt(kind, estimator):
    """The truth is 0: counts of one rate showed .2 bits, a parabola's copula .66, both without a
    doubt."""
    for seed in range(3):
        x, y, z = given(500, seed, kind)
        options = {"random_seed": seed, "verbose": False, "confidence_level": 0.95}
        found = mi.run(x, y, z_data=z, mode="conditional", estimator=estimator, **options)
        low, _ = found.details["interval"]
        assert low < 0.03
        assert abs(found.mi_estimate) < 0.09 or not found.is_reliable
        if kind == "counts":
            assert found.is_reliable
            assert abs(found.mi_estimate) < 0.09


def test_conditional_information_that_an_estimator_cannot_see_is_in_doubt():
    quiet = {"random_seed": 0, "verbose": False, "mode": "conditional"}
    x, y, z = given(2000, 0, "linear")
    for estimator in ("ksg", "gcmi"):
        found = mi.run(x, y, z_data=z, estimator=estimator, **quiet)
        assert found.is_reliable
        assert found.mi_estimate == pytest.approx(-0.5 * np.log2(1 - 0.64), abs=0.08)
    x, y, z = given(500, 0, "squares")
    blind = mi.run(x, y, z_data=z, estimator="gcmi", **quiet)
    assert any("neighbours see" in reason for reason in blind.reasons)
    rng = np.random.default_rng(0)
    z = rng.standard_normal((500, 8))
    many = mi.run(z.sum(1) + rng.standard_normal(500), z.sum(1), z_data=z, estimator="ksg", **quiet)
    assert any("10 dimensions" in reason for reason in many.reasons)


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.5, 0.9])
def test_a_copula_does_not_doubt_for_the_scale_of_conditional_data(rho):
    """Information and copula know ranks alone: exp and cubes leave both, and the check, alike."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        z, e, f = rng.standard_normal((3, 1000))
        x, y = e + z, rho * e + np.sqrt(1 - rho**2) * f + 0.5 * z
        quiet = {"mode": "conditional", "estimator": "gcmi", "verbose": False, "random_seed": 0}
        plain = mi.run(x, y, z_data=z, **quiet)
        skewed = mi.run(np.exp(x), y**3, z_data=z, **quiet)
        truth = -0.5 * np.log2(1 - rho**2)
        assert skewed.mi_estimate == pytest.approx(truth, rel=0.1)
        assert skewed.is_reliable
        other = [found.details["checks"]["other"] for found in (plain, skewed)]
        assert other[1] == pytest.approx(other[0], abs=1e-9)


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


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["labels", "mixed", "numbers"])
def test_neighbours_given_labels_see_what_each_label_holds(kind):
    rng = np.random.default_rng(0)
    n, z = 1500, rng.integers(0, 3, 1500)
    if kind == "labels":  # y is x moved by z, in 3 of 10 one further: log2 5 less that entropy
        x = rng.integers(0, 5, n)
        y = (x + z + (rng.random(n) < 0.3)) % 5
        truth = np.log2(5) + 0.7 * np.log2(0.7) + 0.3 * np.log2(0.3)
    elif kind == "mixed":  # two labels, three standard deviations apart
        x = rng.integers(0, 2, n)
        y = 3.0 * x + 5 * z + rng.standard_normal(n)
        grid = np.linspace(-8, 11, 20_001)
        density = (norm.pdf(grid) + norm.pdf(grid, 3)) / 2
        entropy = -np.trapezoid(density * np.log2(np.maximum(density, 1e-300)), grid)
        truth = entropy - 0.5 * np.log2(2 * np.pi * np.e)
    else:
        a, b = rng.standard_normal((2, n))
        x, y = a + 3 * z, 0.6 * a + 0.8 * b - 2 * z
        truth = -0.5 * np.log2(1 - 0.6**2)
    options = {"mode": "conditional", "estimator": "ksg", "verbose": False, "random_seed": 0}
    names = np.array(["rest", "run", "sleep"])[z]
    for given in (z, names):
        result = mi.run(x, y, z_data=given, n_permutations=19, **options)
        assert result.mi_estimate == pytest.approx(truth, abs=max(0.05, 0.05 * truth))
        assert result.is_reliable
        assert result.p_value == 0.05
    with pytest.raises(mi.exceptions.OptionError, match=r"variant'].*expected 1"):
        mi.run(x, y, z_data=z, estimator_params={"variant": 2}, **options)


def tied(rho: float, n: int, seed: int):
    """Return x, y and z of which z explains a part, and ρ is what correlation is left."""
    rng = np.random.default_rng(seed)
    z, a, noise = rng.standard_normal((3, n, 1))
    return a + z, rho * a + np.sqrt(1 - rho**2) * noise + z / 2, z


@pytest.mark.parametrize("conditional", [False, True])
def test_what_ranks_lose_is_the_mean_over_sets_of_the_same_law(conditional):
    """By correlation matrices of 200 sets; without ranks there is no bias but −½ log's own."""

    def scores(values):
        return norm.ppf((values.argsort(axis=0).argsort(axis=0) + 1) / (len(values) + 1))

    def information(*parts):
        values = np.hstack(parts)
        r = np.corrcoef(values, rowvar=False)
        if len(parts) == 3:
            q = np.linalg.inv(r)
            r = np.array([[1.0, -q[0, 1] / np.sqrt(q[0, 0] * q[1, 1])]])
        return -0.5 * np.log(1 - r[0, 1] ** 2)

    n, rho = 300, 0.98
    gaps = []
    for seed in range(200):
        parts = tied(rho, n, seed)[: 3 if conditional else 2]
        gaps.append(information(*parts) - information(*map(scores, parts)))
    found = direct.lost(list(tied(rho, n, 1000)[: 3 if conditional else 2]), None)
    # Drawn with the scores' correlations, which are a little lower than the data's.
    assert found.by_ranks == pytest.approx(np.mean(gaps), rel=0.35, abs=0.003)
    assert found.by_neighbours == 0.0


def test_nothing_is_lost_of_a_copy():
    x, _ = normal_pair(0.5, 200)
    assert direct.lost([x, x], None) == direct.NOTHING_LOST


@pytest.mark.slow
def test_intervals_of_a_copula_hold_strong_conditional_information():
    """The interval leaves out what ranks lose no longer; neighbours' own loss is no doubt."""
    truth, held, reliable = -0.5 * np.log2(1 - 0.98**2), 0, 0
    for seed in range(24):
        x, y, z = tied(0.98, 300, seed)
        options = {"z_data": z, "mode": "conditional", "estimator": "gcmi"}
        result = mi.run(x, y, **options, random_seed=seed, verbose=False)
        low, high = result.details["interval"]
        held += low <= truth <= high
        reliable += result.is_reliable
    assert held >= 12  # of 24, P < .03 at 68 %; without what ranks lose it was a fifth
    assert reliable >= 20
