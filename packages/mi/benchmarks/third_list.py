"""A third list of distributions of known information, for the rule of intervals as it is now.

Both earlier lists have been looked at since. These are of other kinds, written before anything was
measured on them; `tests/test_truths.py` checks their truths by other sums and integrals.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from distributions import BITS, Sample, column, discrete_bits, gauss_bits, mixture_bits, rng_of
from scipy.integrate import trapezoid
from scipy.signal import lfilter
from scipy.special import betaln, gammaln, xlogy
from scipy.stats import gamma, lognorm, norm, vonmises

THIRD: dict[str, object] = {}
NORMAL_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)


def third(make):
    THIRD[make.__name__] = make
    return make


def entropy(density: np.ndarray, grid: np.ndarray) -> float:
    return float(-trapezoid(xlogy(density, density), grid))


@third
def clayton_copula(n: int, seed: int) -> Sample:
    """Together when small, free when large; log-normal and Weibull margins."""
    rng, theta = rng_of("clayton_copula", seed), 2.5
    frailty = rng.gamma(1 / theta, size=(n, 1))
    u, v = ((1 + rng.exponential(size=(n, 2)) / frailty) ** (-1 / theta)).T
    # log c is linear in log u, log v and log C, whose law is Kendall's.
    nats = math.log(1 + theta) + 2 * (1 + theta) - (2 * theta + 1) * (theta + 2) / (theta + 1)
    return column(np.exp(norm.ppf(u))), column((-np.log1p(-v)) ** (1 / 1.5)), nats * BITS


@third
def laplace_channel(n: int, seed: int) -> Sample:
    """A Laplace signal behind Laplace noise of a fifth of its size."""
    rng, s = rng_of("laplace_channel", seed), 0.2
    x = rng.laplace(size=n)
    grid = np.linspace(-45, 45, 900_001)
    total = (np.exp(-np.abs(grid)) - s * np.exp(-np.abs(grid) / s)) / (2 * (1 - s**2))
    truth = (entropy(total, grid) - math.log(2 * math.e * s)) * BITS
    return column(x), column(x + s * rng.laplace(size=n)), truth


@third
def weak_copula(n: int, seed: int) -> Sample:
    """Farlie, Gumbel and Morgenstern's: as weak as dependences of few samples are."""
    rng, theta = rng_of("weak_copula", seed), 1.0
    u, w = rng.random((2, n))
    a = theta * (1 - 2 * u)
    v = 2 * w / (1 + a + np.sqrt((1 + a) ** 2 - 4 * a * w))
    return column(gamma.ppf(u, 2.0)), column(norm.ppf(v)), _weak_truth(theta)


@cache
def _weak_truth(theta: float) -> float:
    nodes, weights = np.polynomial.legendre.leggauss(200)
    density = 1 + theta * nodes[:, None] * nodes
    return float(weights @ xlogy(density, density) @ weights / 4) * BITS


@third
def selector(n: int, seed: int) -> Sample:
    """y tells which of two inputs it passes on, and passes that one on."""
    rng, s = rng_of("selector", seed), 0.35
    x, which = rng.standard_normal((n, 2)), rng.integers(0, 2, n)
    passed = np.where(which == 1, x[:, 1], x[:, 0]) + s * rng.standard_normal(n)
    return x, column(which, passed), 0.5 * math.log2(1 + 1 / s**2)


@third
def loudest_of_two(n: int, seed: int) -> Sample:
    """The larger of two inputs, with noise."""
    rng, s = rng_of("loudest_of_two", seed), 0.3
    x = rng.standard_normal((n, 2))
    return x, column(x.max(1) + s * rng.standard_normal(n)), _loudest_truth(s)


@cache
def _loudest_truth(s: float) -> float:
    """Noise added to a skew normal variable makes one of less skew."""
    grid = np.linspace(-8, 8, 40_001)
    scale, shape = math.sqrt(1 + s**2), 1 / math.sqrt(1 + 2 * s**2)
    total = 2 / scale * norm.pdf(grid / scale) * norm.cdf(shape * grid / scale)
    return (entropy(total, grid) - math.log(s) - NORMAL_ENTROPY) * BITS


CENTRES = np.array([80.0, 60.0, 45.0, 38.0, 35.0])
JITTERS = np.array([0.35, 0.25, 0.15, 0.08, 0.05])


@third
def latency_by_level(n: int, seed: int) -> Sample:
    """Five levels of contrast and a log-normal latency, early and sure at high contrast."""
    rng = rng_of("latency_by_level", seed)
    level = rng.integers(0, 5, n)
    latency = CENTRES[level] * np.exp(JITTERS[level] * rng.standard_normal(n))
    return column(level), column(latency), _latency_truth()


@cache
def _latency_truth() -> float:
    grid = np.geomspace(5, 500, 40_001)
    densities = lognorm.pdf(grid, JITTERS[:, None], scale=CENTRES[:, None])
    return mixture_bits(np.full(5, 0.2), densities, grid)


@third
def beta_binomial(n: int, seed: int) -> Sample:
    """A release probability and how many of twelve vesicles were released."""
    rng, a, b, sites = rng_of("beta_binomial", seed), 0.8, 2.0, 12
    p = rng.beta(a, b, n)
    return column(p), column(rng.binomial(sites, p)), _release_truth(a, b, sites)


@cache
def _release_truth(a: float, b: float, sites: int) -> float:
    k = np.arange(sites + 1)
    ways = gammaln(sites + 1) - gammaln(k + 1) - gammaln(sites - k + 1)
    counts = np.exp(ways + betaln(k + a, sites - k + b) - betaln(a, b))
    p = (np.arange(200_000) + 0.5) / 200_000
    p = p**4  # the density of p rises towards 0
    weight = 4 * p**0.75 * p ** (a - 1) * (1 - p) ** (b - 1)
    weight /= weight.sum()
    inside = [ways[i] + xlogy(i, p) + xlogy(sites - i, 1 - p) for i in k]
    given = sum(float(weight @ (-np.exp(v) * v)) for v in inside)
    return (float(-xlogy(counts, counts).sum()) - given) * BITS


@third
def mixed_sources(n: int, seed: int) -> Sample:
    """Two recordings of mixed sources, none of them normal; one source is shared, with noise."""
    rng, rho = rng_of("mixed_sources", seed), 0.9
    u, e = rng.standard_normal((2, n))
    v = rho * u + math.sqrt(1 - rho**2) * e
    first = np.column_stack([norm.cdf(u), rng.laplace(size=(n, 4))])
    second = np.column_stack([np.sinh(v), rng.uniform(-1, 1, (n, 2))])
    mix = np.random.default_rng(11)
    return (
        first @ mix.standard_normal((5, 5)),
        second @ mix.standard_normal((3, 3)),
        gauss_bits(rho),
    )


@third
def rolled_sheet(n: int, seed: int) -> Sample:
    """A position along a sheet that is rolled up in space, and a noisy reading of it."""
    rng, rho = rng_of("rolled_sheet", seed), 0.95
    a, e = rng.standard_normal((2, n))
    along = norm.cdf(rho * a + math.sqrt(1 - rho**2) * e)
    turn = 1.5 * math.pi * (1 + 2 * along)
    height = rng.uniform(0, 10, n)
    return (
        column(norm.cdf(a)),
        column(turn * np.cos(turn), height, turn * np.sin(turn)),
        gauss_bits(rho),
    )


@third
def speckle(n: int, seed: int) -> Sample:
    """A log-normal brightness times gamma noise."""
    rng, shape = rng_of("speckle", seed), 4.0
    x = np.exp(rng.standard_normal(n))
    return column(x), column(x * rng.gamma(shape, 1 / shape, n)), _speckle_truth(shape)


@cache
def _speckle_truth(shape: float) -> float:
    """Logarithms turn the product into a sum."""
    grid = np.linspace(-12, 12, 6001)
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()
    log_noise = grid[:, None] - nodes
    density = (
        np.exp(shape * (log_noise + math.log(shape)) - shape * np.exp(log_noise) - gammaln(shape))
        @ weights
    )
    noise = grid
    own = np.exp(shape * (noise + math.log(shape)) - shape * np.exp(noise) - gammaln(shape))
    return (entropy(density, grid) - entropy(own, grid)) * BITS


@third
def rare_events(n: int, seed: int) -> Sample:
    """An event in every twelfth window, and the trace that it lifts, over exponential noise."""
    rng, share = rng_of("rare_events", seed), 1 / 12
    event = rng.random(n) < share
    trace = rng.exponential(size=n) + event * rng.gamma(6.0, size=n)
    return column(event), column(trace), _events_truth(share)


@cache
def _events_truth(share: float) -> float:
    grid = np.linspace(0, 60, 60_001)
    densities = np.stack([gamma.pdf(grid, 1.0), gamma.pdf(grid, 7.0)])
    return mixture_bits(np.array([1 - share, share]), densities, grid)


@third
def clipped(n: int, seed: int) -> Sample:
    """A noisy reading with both ends cut off: a quarter of the samples stand at an end."""
    rng, s, end = rng_of("clipped", seed), 0.3, 1.2
    x = rng.standard_normal(n)
    y = np.clip(x + s * rng.standard_normal(n), -end, end)
    return column(x), column(y), _clipped_truth(s, end)


@cache
def _clipped_truth(s: float, end: float) -> float:
    """Entropies of the two atoms and of the density between them, given x and not."""
    inside = np.linspace(-end, end, 2001)
    x = np.linspace(-8, 8, 4001)
    weight = norm.pdf(x)
    weight = weight / weight.sum()

    def mixed(density: np.ndarray, atom: np.ndarray) -> np.ndarray:
        return -trapezoid(xlogy(density, density), inside, axis=-1) - 2 * xlogy(atom, atom)

    spread = math.sqrt(1 + s**2)
    whole = mixed(norm.pdf(inside, 0, spread), norm.cdf(-end / spread))
    between = norm.pdf(inside, x[:, None], s)
    low, high = norm.cdf((-end - x) / s), norm.cdf((x - end) / s)
    given = (
        -trapezoid(xlogy(between, between), inside, axis=1) - xlogy(low, low) - xlogy(high, high)
    )
    return (float(whole) - float(weight @ given)) * BITS


@third
def oscillators(n: int, seed: int) -> Sample:
    """Two rhythms of one narrow band that share a part of their drive."""
    rng, share = rng_of("oscillators", seed), 0.85
    a, e = rng.standard_normal((2, n + 500))
    radius, turn = 0.8, 2 * math.pi / 9
    filt = [1.0, -2 * radius * math.cos(turn), radius**2]
    x, y = (
        lfilter([1.0], filt, drive)[500:] for drive in (a, share * a + math.sqrt(1 - share**2) * e)
    )
    return column(x), column(y), gauss_bits(share)


@third
def heading_in_degrees(n: int, seed: int) -> Sample:
    """Two headings as they are written down: numbers from 0 to 360."""
    rng, kappa = rng_of("heading_in_degrees", seed), 3.0
    a = rng.uniform(0, 2 * np.pi, n)
    b = (a + rng.vonmises(0, kappa, n)) % (2 * np.pi)
    truth = (math.log(2 * math.pi) - float(vonmises.entropy(kappa))) * BITS
    return column(np.degrees(a)), column(np.degrees(b)), truth


@third
def independent_cauchy(n: int, seed: int) -> Sample:
    """Nothing shared, and tails without a variance."""
    rng = rng_of("independent_cauchy", seed)
    return rng.standard_cauchy((n, 2)), column(rng.standard_cauchy(n)), 0.0


CUTS = np.array([-1.2, -0.3, 0.2, 1.5])


@third
def rated(n: int, seed: int) -> Sample:
    """A strength and its rating on an uneven scale of five."""
    rng, rho = rng_of("rated", seed), 0.85
    x, e = rng.standard_normal((2, n))
    rating = np.searchsorted(CUTS, rho * x + math.sqrt(1 - rho**2) * e)
    return column(x), column(rating), _rated_truth(rho)


@cache
def _rated_truth(rho: float) -> float:
    x = np.linspace(-8, 8, 16_001)
    edges = np.r_[-np.inf, CUTS, np.inf]
    upto = norm.cdf((edges[:, None] - rho * x) / math.sqrt(1 - rho**2))
    return discrete_bits(np.diff(upto, axis=0) * norm.pdf(x))


@third
def states_with_errors(n: int, seed: int) -> Sample:
    """Three states that last, and an observer who is wrong now and then."""
    rng = rng_of("states_with_errors", seed)
    state = rng.integers(0, 3, n)
    stays = rng.random(n) < 0.7
    last = np.maximum.accumulate(np.where(stays, 0, np.arange(n)))
    state = state[last]
    seen = np.where(rng.random(n) < 0.15, rng.integers(0, 3, n), state)
    joint = (0.85 * np.eye(3) + 0.05) / 3
    return column(state), column(seen), discrete_bits(joint)
