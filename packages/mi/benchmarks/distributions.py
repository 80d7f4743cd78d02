"""Distributions of known information, none of them of the 40-task list, for the calibration table.

Each is a function ``(n, seed) -> (x, y, truth in bits)``. Truths are closed forms where there are
some, otherwise integrals or long averages of the log density ratio, computed once per process.
Two thirds tune, every third is tried once at the end; which is which is the order of the list,
fixed before anything was measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.integrate import trapezoid
from scipy.signal import lfilter
from scipy.special import gammaln, i0e, ive, logsumexp, xlogy
from scipy.stats import nbinom, norm, poisson

BITS = 1 / math.log(2)
Sample = tuple[np.ndarray, np.ndarray, float]
DISTRIBUTIONS: dict[str, Callable[[int, int], Sample]] = {}


def distribution(make: Callable[[int, int], Sample]) -> Callable[[int, int], Sample]:
    DISTRIBUTIONS[make.__name__] = make
    return make


def rng_of(name: str, seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, *name.encode()])


def column(*values: np.ndarray) -> np.ndarray:
    return np.column_stack(values).astype(float)


def gauss_bits(rho: float) -> float:
    return -0.5 * math.log2(1 - rho**2)


def discrete_bits(joint: np.ndarray) -> float:
    joint = joint / joint.sum()
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float((xlogy(joint, joint) - xlogy(joint, product)).sum()) * BITS


def mixture_bits(weights: np.ndarray, densities: np.ndarray, grid: np.ndarray) -> float:
    """I(label; y) from the density of y given each label on a grid."""
    total = weights @ densities
    inside = xlogy(densities, densities) - xlogy(densities, total)
    return float(weights @ trapezoid(inside, grid, axis=1)) * BITS


def draw(joint: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    cell = rng.choice(joint.size, n, p=(joint / joint.sum()).ravel())
    return np.divmod(cell, joint.shape[1])


def ar(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    """A stationary autoregressive series of unit variance."""
    start = rng.standard_normal() / math.sqrt(1 - phi**2)
    noise = rng.standard_normal(n)
    series, _ = lfilter([1], [1, -phi], noise, zi=[phi * start])
    return series * math.sqrt(1 - phi**2)


@distribution
def shear_quadratic(n, seed):
    """A shear of a normal pair's y: a bijection of y."""
    rng = rng_of("shear_quadratic", seed)
    x = rng.standard_normal((n, 2))
    v = 0.8 * x + 0.6 * rng.standard_normal((n, 2))
    return x, column(v[:, 0] + 0.7 * v[:, 1] ** 2, v[:, 1]), 2 * gauss_bits(0.8)


@distribution
def zero_inflated(n, seed):
    rng = rng_of("zero_inflated", seed)
    x, on = rng.standard_normal(n), rng.random(n) < 0.6
    y = np.where(on, x + 0.4 * rng.standard_normal(n), 0.0)
    return column(x), column(y), 0.6 * 0.5 * math.log2(1 + 1 / 0.16)


@distribution
def circular_von_mises(n, seed):
    """Two angles whose difference is von Mises; truth log 2π − entropy of the difference."""
    rng, kappa = rng_of("circular_von_mises", seed), 4.0
    a = rng.uniform(-np.pi, np.pi, n)
    b = a + rng.vonmises(0, kappa, n)
    entropy = math.log(2 * np.pi * i0e(kappa)) + kappa - kappa * ive(1, kappa) / i0e(kappa)
    truth = (math.log(2 * np.pi) - entropy) * BITS
    return column(np.cos(a), np.sin(a)), column(np.cos(b), np.sin(b)), truth


@distribution
def labels_noisy_channel(n, seed):
    rng = rng_of("labels_noisy_channel", seed)
    joint = np.full((8, 8), 0.3 / 56) + np.eye(8) * (0.7 / 8 - 0.3 / 56)
    x, y = draw(joint, n, rng)
    return column(x), column(y), discrete_bits(joint)


@distribution
def slow_ar(n, seed):
    rng = rng_of("slow_ar", seed)
    x, z = ar(rng, n, 0.9), ar(rng, n, 0.9)
    return column(x), column(0.7 * x + math.sqrt(0.51) * z), gauss_bits(0.7)


@cache
def _gain_truth() -> float:
    rate = np.linspace(0.05, 12, 4000)
    weights = np.full(len(rate), 1 / len(rate))
    counts = np.arange(60)
    given = poisson.pmf(counts, rate[:, None])
    return discrete_bits(weights[:, None] * given)


@distribution
def poisson_count(n, seed):
    rng = rng_of("poisson_count", seed)
    rate = rng.uniform(0.05, 12, n)
    return column(rate), column(rng.poisson(rate)), _gain_truth()


@distribution
def sparse_high_dimensional(n, seed):
    """Two of twenty channels carry the dependence."""
    rng = rng_of("sparse_high_dimensional", seed)
    x, y = rng.standard_normal((2, n, 20))
    y[:, :2] = 0.85 * x[:, :2] + math.sqrt(1 - 0.85**2) * y[:, :2]
    return x, y, 2 * gauss_bits(0.85)


@cache
def _scale_truth(s: float, d: int) -> float:
    rng = np.random.default_rng(12345)
    n = 200_000
    v = np.exp(s * rng.standard_normal((n, 1)))
    a, b = ((v * rng.standard_normal((n, d))) ** 2 for _ in range(2))
    a, b = a.sum(1), b.sum(1)
    node, weight = np.polynomial.hermite_e.hermegauss(100)
    lw, lv = np.log(weight / weight.sum()), s * node

    def log_density(r2, k):
        terms = lw - k * lv - 0.5 * r2[:, None] * np.exp(-2 * lv) - 0.5 * k * math.log(2 * np.pi)
        return logsumexp(terms, axis=1)

    return float(np.mean(log_density(a + b, 2 * d) - log_density(a, d) - log_density(b, d))) * BITS


@distribution
def common_scale(n, seed):
    rng, s = rng_of("common_scale", seed), 0.8
    v = np.exp(s * rng.standard_normal((n, 1)))
    return v * rng.standard_normal((n, 2)), v * rng.standard_normal((n, 2)), _scale_truth(s, 2)


@distribution
def sawtooth(n, seed):
    rng, s, teeth = rng_of("sawtooth", seed), 0.2, 3
    x = rng.uniform(0, teeth, n)
    y = x % 1 + s * rng.uniform(-0.5, 0.5, n)
    return column(x), column(y), -math.log2(s) + s / 2 * BITS


@cache
def _fields_truth(cells: int, seed: int, peak: float) -> float:
    rng = np.random.default_rng(seed + 777)
    x = rng.uniform(0, 1, 4000)
    counts = rng.poisson(_field_rates(x, cells, peak))
    grid = (np.arange(400) + 0.5) / 400
    log_rate = np.log(_field_rates(grid, cells, peak))
    every = counts @ log_rate.T - np.exp(log_rate).sum(1)
    own_rate = _field_rates(x, cells, peak)
    own = (counts * np.log(own_rate)).sum(1) - own_rate.sum(1)
    return float(np.mean(own - logsumexp(every, axis=1) + math.log(len(grid)))) * BITS


def _field_rates(x: np.ndarray, cells: int, peak: float) -> np.ndarray:
    centres = (np.arange(cells) + 0.5) / cells
    return 0.1 + peak * np.exp(-0.5 * ((x[:, None] - centres) / (0.6 / cells)) ** 2)


@distribution
def place_fields(n, seed):
    rng, cells, peak = rng_of("place_fields", seed), 12, 3.0
    x = rng.uniform(0, 1, n)
    counts = rng.poisson(_field_rates(x, cells, peak))
    return counts.astype(float), column(x), _fields_truth(cells, 0, peak)


@cache
def _phase_truth() -> float:
    phase = np.linspace(-np.pi, np.pi, 2001)[:-1]
    grid = np.linspace(-9, 9, 4001)
    scale = 0.2 + 0.8 * (1 + np.cos(phase))
    densities = norm.pdf(grid, 0, scale[:, None])
    return mixture_bits(np.full(len(phase), 1 / len(phase)), densities, grid)


@distribution
def phase_amplitude(n, seed):
    """An amplitude's spread follows a slow phase; no linear dependence."""
    rng = rng_of("phase_amplitude", seed)
    phase = rng.uniform(-np.pi, np.pi, n)
    y = (0.2 + 0.8 * (1 + np.cos(phase))) * rng.standard_normal(n)
    return column(np.cos(phase), np.sin(phase)), column(y), _phase_truth()


@cache
def _labels_truth(k: int, step: float) -> float:
    grid = np.linspace(-8, k * step + 8, 20001)
    return mixture_bits(np.full(k, 1 / k), norm.pdf(grid, step * np.arange(k)[:, None]), grid)


@distribution
def label_to_normal(n, seed):
    rng = rng_of("label_to_normal", seed)
    k = rng.integers(0, 6, n)
    order = np.array([3, 0, 5, 1, 4, 2])  # labels are names, not a number line
    return column(order[k]), column(2.0 * k + rng.standard_normal(n)), _labels_truth(6, 2.0)


@distribution
def product_of_two(n, seed):
    """y is a noisy product: x's coordinates alone say little of it."""
    rng = rng_of("product_of_two", seed)
    x = rng.standard_normal((n, 2))
    s = 0.3
    y = x[:, 0] * x[:, 1] + s * rng.standard_normal(n)
    return x, column(y), _product_truth(s)


@cache
def _product_truth(s: float) -> float:
    from scipy.special import k0

    grid = np.linspace(-12, 12, 24001)
    density = k0(np.maximum(np.abs(grid), 1e-6)) / np.pi
    step = grid[1] - grid[0]
    kernel = norm.pdf(grid, 0, s)
    mixed = np.convolve(density, kernel, mode="same") * step
    mixed /= trapezoid(mixed, grid)
    entropy = -trapezoid(xlogy(mixed, mixed), grid)
    return float(entropy - 0.5 * math.log(2 * np.pi * math.e * s**2)) * BITS


@distribution
def independent_mixed(n, seed):
    rng = rng_of("independent_mixed", seed)
    return column(rng.integers(0, 4, n)), rng.gamma(2.0, size=(n, 2)), 0.0


@distribution
def correlated_counts(n, seed):
    """Two Poisson counts that share events."""
    rng = rng_of("correlated_counts", seed)
    a, b, c = 1.0, 1.5, 2.0
    shared = rng.poisson(c, n)
    return (
        column(shared + rng.poisson(a, n)),
        column(shared + rng.poisson(b, n)),
        _counts_truth(a, b, c),
    )


@cache
def _counts_truth(a: float, b: float, c: float) -> float:
    k = np.arange(40)
    joint = np.zeros((40, 40))
    for s in k:
        joint[s:, s:] += poisson.pmf(s, c) * np.outer(
            poisson.pmf(k[: 40 - s], a), poisson.pmf(k[: 40 - s], b)
        )
    return discrete_bits(joint)


@distribution
def gaussian_dense(n, seed):
    rng = rng_of("gaussian_dense", seed)
    x, e = rng.standard_normal((2, n, 8))
    mix = np.linalg.qr(np.random.default_rng(5).standard_normal((8, 8)))[0]
    return x, (0.6 * x + 0.8 * e) @ mix, 8 * gauss_bits(0.6)


@distribution
def ring_small(n, seed):
    rng, cells = rng_of("ring_small", seed), 6
    th = rng.uniform(-np.pi, np.pi, n)
    counts = rng.poisson(_ring_rates(th, cells, 3.0))
    return counts.astype(float), column(np.cos(th), np.sin(th)), _ring_truth(cells, 3.0)


def _ring_rates(th: np.ndarray, cells: int, peak: float) -> np.ndarray:
    centres = np.arange(cells) * 2 * np.pi / cells
    return 0.4 + peak * np.exp(2.5 * (np.cos(th[:, None] - centres) - 1))


@cache
def _ring_truth(cells: int, peak: float) -> float:
    rng = np.random.default_rng(4242)
    th = rng.uniform(-np.pi, np.pi, 6000)
    rate = _ring_rates(th, cells, peak)
    counts = rng.poisson(rate)
    grid = np.linspace(-np.pi, np.pi, 361)[:-1]
    own = (counts * np.log(rate)).sum(1) - rate.sum(1)
    other = _ring_rates(grid, cells, peak)
    every = counts @ np.log(other).T - other.sum(1)
    return float(np.mean(own - logsumexp(every, axis=1) + math.log(len(grid)))) * BITS


@distribution
def heavy_tails(n, seed):
    """A normal pair seen through a cubic: a bijection of each."""
    rng = rng_of("heavy_tails", seed)
    x = rng.standard_normal(n)
    y = 0.9 * x + math.sqrt(0.19) * rng.standard_normal(n)
    return column(x**3), column(np.sinh(1.5 * y)), gauss_bits(0.9)


@distribution
def two_clusters(n, seed):
    """A shared sign and otherwise independent: at most one bit."""
    rng, gap = rng_of("two_clusters", seed), 2.5
    sign = rng.choice([-1.0, 1.0], n)
    x, y = (gap * sign + rng.standard_normal(n) for _ in range(2))
    return column(x), column(y), _clusters_truth(gap)


@cache
def _clusters_truth(gap: float) -> float:
    grid = np.linspace(-9, 9, 1801)
    up, down = norm.pdf(grid, gap), norm.pdf(grid, -gap)
    joint = 0.5 * (np.outer(up, up) + np.outer(down, down))
    return discrete_bits(joint)


@distribution
def slow_quadratic(n, seed):
    """A slow series and its noisy square."""
    rng, s = rng_of("slow_quadratic", seed), 0.5
    x, z = ar(rng, n, 0.8), ar(rng, n, 0.8)
    return column(x), column(x**2 + s * z), _square_truth(s)


@cache
def _square_truth(s: float) -> float:
    x = norm.ppf((np.arange(4000) + 0.5) / 4000)
    grid = np.linspace(-5 * s, 20, 8001)
    mixed = norm.pdf(grid[:, None], x**2, s).mean(1)
    entropy = -trapezoid(xlogy(mixed, mixed), grid)
    return float(entropy - 0.5 * math.log(2 * np.pi * math.e * s**2)) * BITS


@distribution
def binary_and_counts(n, seed):
    """A stimulus of two kinds, and an over-dispersed count."""
    rng = rng_of("binary_and_counts", seed)
    s = rng.integers(0, 2, n)
    size, p = 2.0, np.where(s == 1, 2.0 / (2.0 + 6.0), 2.0 / (2.0 + 2.0))
    return column(s), column(rng.negative_binomial(size, p)), _negbin_truth()


@cache
def _negbin_truth() -> float:
    k = np.arange(200)
    given = np.stack([nbinom.pmf(k, 2.0, 2.0 / 4.0), nbinom.pmf(k, 2.0, 2.0 / 8.0)])
    return discrete_bits(0.5 * given)


@distribution
def uniform_disc(n, seed):
    """Uniform on a disc: dependent, uncorrelated."""
    rng = rng_of("uniform_disc", seed)
    r, th = np.sqrt(rng.random(n)), rng.uniform(0, 2 * np.pi, n)
    # h(x) of the semicircle density is log π − 1/2 nats, and h(x, y) is log π.
    truth = (2 * (math.log(math.pi) - 0.5) - math.log(math.pi)) * BITS
    return column(r * np.cos(th)), column(r * np.sin(th)), truth


@distribution
def independent_slow(n, seed):
    rng = rng_of("independent_slow", seed)
    return column(ar(rng, n, 0.8)), column(ar(rng, n, 0.8)), 0.0


@distribution
def sum_of_many(n, seed):
    """A count of many channels reads out their sum."""
    rng, d, s = rng_of("sum_of_many", seed), 10, 0.5
    x = rng.standard_normal((n, d))
    y = x.sum(1) / math.sqrt(d) + s * rng.standard_normal(n)
    return x, column(y), 0.5 * math.log2(1 + 1 / s**2)


@distribution
def rotated_by_radius(n, seed):
    """A twist of a normal pair: a bijection that keeps volume."""
    rng = rng_of("rotated_by_radius", seed)
    x = rng.standard_normal((n, 2))
    v = 0.75 * x + math.sqrt(1 - 0.75**2) * rng.standard_normal((n, 2))
    turn = 0.6 * np.hypot(*v.T)
    c, s = np.cos(turn), np.sin(turn)
    return x, column(c * v[:, 0] - s * v[:, 1], s * v[:, 0] + c * v[:, 1]), 2 * gauss_bits(0.75)


@distribution
def labels_permuted(n, seed):
    """A bijection of 16 labels, one in ten at random."""
    rng = rng_of("labels_permuted", seed)
    order = np.random.default_rng(9).permutation(16)
    k = rng.integers(0, 16, n)
    other = np.where(rng.random(n) < 0.1, rng.integers(0, 16, n), k)
    joint = np.full((16, 16), 0.1 / 256) + np.eye(16) * 0.9 / 16
    return column(k), column(order[other]), discrete_bits(joint)


@distribution
def exponential_delay(n, seed):
    """A gamma waiting time and the sum with another: rates of one process."""
    rng = rng_of("exponential_delay", seed)
    x, e = rng.exponential(size=(2, n))
    # y = x + e is gamma(2): I = h(y) − h(e) = 1 + log Γ(2) + (1 − 2) ψ(2) + ... in nats.
    truth = (2 + gammaln(2) - (1 - np.euler_gamma) - 1) * BITS
    return column(x), column(x + e), float(truth)


@distribution
def field_and_background(n, seed):
    """One place cell: silent on most of the track."""
    rng = rng_of("field_and_background", seed)
    x = rng.uniform(0, 1, n)
    rate = 0.15 + 6.0 * np.exp(-0.5 * ((x - 0.4) / 0.07) ** 2)
    return column(x), column(rng.poisson(rate)), _one_field_truth()


@cache
def _one_field_truth() -> float:
    grid = (np.arange(4000) + 0.5) / 4000
    rate = 0.15 + 6.0 * np.exp(-0.5 * ((grid - 0.4) / 0.07) ** 2)
    given = poisson.pmf(np.arange(50), rate[:, None])
    return discrete_bits(given / len(grid))


@distribution
def cubic_shear_three(n, seed):
    """Three channels, one sheared by the cube of another."""
    rng = rng_of("cubic_shear_three", seed)
    x = rng.standard_normal((n, 3))
    v = 0.7 * x + math.sqrt(0.51) * rng.standard_normal((n, 3))
    y = v.copy()
    y[:, 0] += 0.3 * v[:, 1] ** 3
    return x, y, 3 * gauss_bits(0.7)


@distribution
def latent_many_channels(n, seed):
    """One latent, seen in 15 channels on each side."""
    rng, d, s = rng_of("latent_many_channels", seed), 15, 1.0
    z = rng.standard_normal((n, 1))
    x, y = (z + s * rng.standard_normal((n, d)) for _ in range(2))
    snr = d / s**2
    return x, y, gauss_bits(snr / (1 + snr))


@distribution
def step_response(n, seed):
    """A saturating response: flat at both ends."""
    rng, s = rng_of("step_response", seed), 0.15
    x = 2 * rng.standard_normal(n)
    y = np.tanh(2 * x) + s * rng.standard_normal(n)
    return column(x), column(y), _step_truth(s)


@cache
def _step_truth(s: float) -> float:
    x = 2 * norm.ppf((np.arange(8000) + 0.5) / 8000)
    grid = np.linspace(-1 - 6 * s, 1 + 6 * s, 4001)
    mixed = np.zeros(len(grid))
    for part in np.array_split(np.tanh(2 * x), 8):
        mixed += norm.pdf(grid[:, None], part, s).sum(1) / len(x)
    entropy = -trapezoid(xlogy(mixed, mixed), grid)
    return float(entropy - 0.5 * math.log(2 * np.pi * math.e * s**2)) * BITS


NAMES = tuple(DISTRIBUTIONS)
HELD_BACK = NAMES[2::3]
TUNING = tuple(name for name in NAMES if name not in HELD_BACK)
