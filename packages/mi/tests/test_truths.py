"""Truths of the calibration table, against counts over many samples: no formula is shared."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from distributions import DISTRIBUTIONS
from fourth_list import FOURTH, RATES, SHARES
from scipy.integrate import quad
from scipy.special import i0
from scipy.stats import beta, binom, dirichlet_multinomial, laplace, multinomial, norm
from second_list import SECOND
from third_list import THIRD

EVERY = {**DISTRIBUTIONS, **SECOND, **THIRD, **FOURTH}
MANY = 1_000_000


def angle(values):
    return np.arctan2(values[:, 1], values[:, 0])


def difference(x, y):
    """Both angles say as much as their difference says against an even one."""
    gap = (angle(y) - angle(x) + np.pi) % (2 * np.pi) - np.pi
    return angle(x), gap


def unmixed(x, y):
    mix = np.random.default_rng(11)
    first, second = mix.standard_normal((5, 5)), mix.standard_normal((3, 3))
    return (x @ np.linalg.inv(first))[:, 0], (y @ np.linalg.inv(second))[:, 0]


# What two numbers say all there is; both columns as they are where there is one each.
SUMMARIES = {
    "sum_of_many": lambda x, y: (x.sum(1), y[:, 0]),
    "latent_many_channels": lambda x, y: (x.sum(1), y.sum(1)),
    "product_of_two": lambda x, y: (x[:, 0] * x[:, 1], y[:, 0]),
    "phase_amplitude": lambda x, y: (angle(x), y[:, 0]),
    "common_scale": lambda x, y: ((x**2).sum(1), (y**2).sum(1)),
    "rotated_xor": lambda x, y: (
        (x @ [np.cos(0.6), np.sin(-0.6)] * (x @ [np.sin(0.6), np.cos(0.6)])) > 0,
        y[:, 0],
    ),
    "shared_gain": lambda x, y: (x.sum(1), y.sum(1)),
    "phase_and_envelope": lambda x, y: (x[:, 0], np.hypot(*y.T)),
    "words_of_four": lambda x, y: (x @ [1, 2, 4, 8], y[:, 0]),
    "circular_von_mises": lambda x, y: (angle(x), angle(y)),
    "two_bumps": lambda x, y: (angle(x), angle(y)),
    "ring_and_nuisance": lambda x, y: (angle(x), angle(y)),
    "selector": lambda x, y: (x[np.arange(len(x)), y[:, 0].astype(int)], y[:, 1]),
    "loudest_of_two": lambda x, y: (x.max(1), y[:, 0]),
    "mixed_sources": lambda x, y: unmixed(x, y),
    "rolled_sheet": lambda x, y: (x[:, 0], np.hypot(y[:, 0], y[:, 2])),
    "independent_cauchy": lambda x, y: (x.sum(1), y[:, 0]),
    "orientation": lambda x, y: (angle(x), angle(y)),
    "distance_between": lambda x, y: (((x[:, :2] - x[:, 2:]) ** 2).sum(1), y[:, 0]),
    "count_and_latency": lambda x, y: (x[:, 0], y.sum(1)),  # latencies are below 1
    "winner_of_four": lambda x, y: (x.argmax(1), y[:, 0]),
    "independent_phases": lambda x, y: (angle(x), y.sum(1)),
    "angle_between": lambda x, y: ((angle(x) - angle(x[:, 2:])) % (2 * np.pi), angle(y)),
}


def coded(values, bins=240):
    kinds, codes = np.unique(values, return_inverse=True)
    if len(kinds) <= bins:
        return codes
    _, counts = np.unique(codes, return_counts=True)
    repeated = np.flatnonzero(counts > len(values) // bins)  # atoms have a bin of their own
    out = np.searchsorted(np.quantile(values, np.arange(1, bins) / bins), values)
    for place, kind in enumerate(repeated):
        out[codes == kind] = bins + place
    return out


def counted_bits(a, b):
    """Plug-in information of bins with Miller & Madow's correction."""
    a, b = coded(a), coded(b)
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1)

    def entropy(counts):
        p = counts[counts > 0] / counts.sum()
        return -(p * np.log2(p)).sum() + (len(p) - 1) / (2 * counts.sum() * np.log(2))

    return entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint.ravel())


# What no two numbers say: written down, since to find out each worker computed every truth,
# before any test ran.
UNCOUNTED = {
    *("shear_quadratic", "sparse_high_dimensional", "place_fields", "independent_mixed"),
    *("gaussian_dense", "ring_small", "rotated_by_radius", "cubic_shear_three", "shares_of_three"),
    "grid_code",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EVERY if name not in UNCOUNTED])
def test_truth_is_what_counting_finds(name):
    x, y, truth = EVERY[name](MANY, 7)
    assert name in SUMMARIES or x.shape[1] == y.shape[1] == 1
    a, b = SUMMARIES.get(name, lambda x, y: (x[:, 0], y[:, 0]))(x, y)
    found = counted_bits(a, b)
    # Bins lose a little, and slow series scatter more.
    assert truth - 0.02 - 0.03 * truth < found < truth + 0.015


@pytest.mark.slow
def test_samples_of_a_seed_are_the_same_and_finite():
    for name, make in (SECOND | THIRD | FOURTH).items():
        x, y, truth = make(60, 3)
        again = make(60, 3)
        np.testing.assert_array_equal(x, again[0])
        np.testing.assert_array_equal(y, again[1])
        assert len(x) == len(y) == 60
        assert np.isfinite(np.hstack([x, y])).all()
        assert truth > 0.05 or name.startswith("independent")


def bits_of_copula(density):
    """Information by a sum over a grid of normal scores."""
    grid = np.linspace(-7, 7, 2001)
    u, weight = norm.cdf(grid), norm.pdf(grid) * (grid[1] - grid[0])
    both = density(u[:, None], u)
    return float(weight @ (both * np.log2(np.maximum(both, 1e-300))) @ weight)


@pytest.mark.slow
def test_third_truths_by_adaptive_integrals():
    truth = {name: THIRD[name](50, 0)[2] for name in THIRD}

    def clayton(u, v):
        inside = u**-2.5 + v**-2.5 - 1
        return 3.5 * (u * v) ** -3.5 * inside ** (-2 - 1 / 2.5)

    assert truth["clayton_copula"] == pytest.approx(bits_of_copula(clayton), abs=1e-3)
    weak = bits_of_copula(lambda u, v: 1 + (1 - 2 * u) * (1 - 2 * v))
    assert truth["weak_copula"] == pytest.approx(weak, abs=1e-4)

    def heard(y):  # of the signal behind its noise, by another route than the closed density
        points = sorted({0.0, y})
        return quad(
            lambda x: laplace.pdf(x) * laplace.pdf(y - x, scale=0.2), -20, 20, points=points
        )[0]

    grid = np.linspace(0, 15, 401)
    density = np.array([heard(y) for y in grid])
    whole = 2 * np.trapezoid(-density * np.log2(np.maximum(density, 1e-300)), grid)
    assert truth["laplace_channel"] == pytest.approx(whole - np.log2(0.4 * np.e), abs=2e-3)

    counts = np.arange(13)
    margin = [
        quad(lambda p, k=k: binom.pmf(k, 12, p) * beta.pdf(p, 0.8, 2), 0, 1)[0] for k in counts
    ]
    given = quad(
        lambda p: (
            beta.pdf(p, 0.8, 2)
            * sum(
                q * np.log2(q / m)
                for q, m in zip(binom.pmf(counts, 12, p), margin, strict=True)
                if q > 0
            )
        ),
        0,
        1,
        limit=200,
    )[0]
    assert truth["beta_binomial"] == pytest.approx(given, abs=1e-3)

    def of_rating(x):
        edges = np.r_[-np.inf, -1.2, -0.3, 0.2, 1.5, np.inf]
        q = np.diff(norm.cdf((edges - 0.85 * x) / np.sqrt(1 - 0.85**2)))
        return norm.pdf(x) * -(q[q > 0] * np.log2(q[q > 0])).sum()

    share = np.diff(norm.cdf([-np.inf, -1.2, -0.3, 0.2, 1.5, np.inf]))
    rated = -(share * np.log2(share)).sum() - quad(of_rating, -8, 8)[0]
    assert truth["rated"] == pytest.approx(rated, abs=1e-4)


@pytest.mark.slow
def test_fourth_truths_by_averages_of_log_ratios():
    def is_mean_of(values, name):
        truth = FOURTH[name](50, 0)[2]
        error = values.std() / np.sqrt(len(values)) / np.log(2)
        assert error < 0.01
        assert truth == pytest.approx(values.mean() / np.log(2), abs=3.5 * error)

    shares, counts, _ = FOURTH["shares_of_three"](40_000, 5)
    is_mean_of(
        multinomial.logpmf(counts, 15, shares) - dirichlet_multinomial.logpmf(counts, SHARES, 15),
        "shares_of_three",
    )

    x, y, _ = FOURTH["grid_code"](40_000, 5)
    found = np.column_stack([angle(y[:, ::2]), angle(y[:, 1::2])])
    places = (np.arange(199) + 0.5) / 199

    def density(at):  # of both phases
        turn = [np.cos(found[:, k, None] - 2 * np.pi * (3 + k) * at) for k in (0, 1)]
        return np.exp(4.0 * (turn[0] + turn[1])) / (2 * np.pi * i0(4.0)) ** 2

    is_mean_of(np.log(density(x)[:, 0]) - np.log(density(places).mean(1)), "grid_code")

    # Spikes one by one: how likely a first one at such a time, and so many after it, are.
    stimulus, y, _ = FOURTH["count_and_latency"](100_000, 5)
    count, first = y.T[:, :, None]
    log_joint = np.where(
        count == 0,
        -RATES,
        np.log(RATES) - RATES * first + (count - 1) * np.log(RATES) - RATES * (1 - first),
    )
    own = np.take_along_axis(log_joint, stimulus.astype(int), 1)[:, 0]
    is_mean_of(own - np.log(np.exp(log_joint).mean(1)), "count_and_latency")
