"""A fourth list of distributions of known information, held back for the rule of bent curves.

All earlier lists have been looked at since. These are of other kinds, written before anything was
measured on them; `tests/test_truths.py` checks their truths by other sums and integrals.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from distributions import BITS, Sample, ar, column, discrete_bits, rng_of
from scipy.integrate import trapezoid
from scipy.special import digamma, gammaln, i0e, xlogy
from scipy.stats import binom, norm, poisson, vonmises

FOURTH: dict[str, object] = {}
NORMAL_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)


def fourth(make):
    FOURTH[make.__name__] = make
    return make


def entropy(density: np.ndarray, grid: np.ndarray) -> float:
    return float(-trapezoid(xlogy(density, density), grid))


def binary_bits(p: np.ndarray | float) -> np.ndarray:
    return -(xlogy(p, p) + xlogy(1 - np.asarray(p), 1 - np.asarray(p))) * BITS


def states(rng: np.random.Generator, n: int, kinds: int, stays: float) -> np.ndarray:
    """States of equal share that are drawn anew after waits of ``1 / (1 - stays)`` samples."""
    fresh = rng.integers(0, kinds, n)
    kept = rng.random(n) < stays
    return fresh[np.maximum.accumulate(np.where(kept, 0, np.arange(n)))]


@fourth
def common_part(n: int, seed: int) -> Sample:
    """Two exponential waits, each after one that both share."""
    shared, first, second = rng_of("common_part", seed).exponential(size=(3, n))
    return column(shared + first), column(shared + second), _common_truth()


@cache
def _common_truth() -> float:
    """Log of e^(-x-y) (e^min - 1) over x e^-x y e^-y, averaged over the two, by their order."""
    low = np.linspace(0, 60, 240_001)[1:]
    # The later one is an exponential behind the earlier one: twice e^(-low - late) (e^low - 1).
    weight = 2 * np.exp(-2 * low) * np.expm1(low)
    waits = np.linspace(0, 60, 6001)[1:]
    behind = np.exp(-waits)
    log_late = np.interp(
        low,
        np.linspace(0, 60, 601),
        [trapezoid(behind * np.log(a + waits), waits) for a in np.linspace(0, 60, 601)],
    )
    inside = np.log(np.expm1(low)) - np.log(low) - log_late
    return float(trapezoid(weight * inside, low) / trapezoid(weight, low)) * BITS


@fourth
def first_and_last(n: int, seed: int) -> Sample:
    """The first and the last of three even times."""
    times = rng_of("first_and_last", seed).random((n, 3))
    m = 3
    own = -math.log(m) + (m - 1) / m
    both = -math.log(m * (m - 1)) - (m - 2) * (digamma(m - 1) - digamma(m + 1))
    return column(times.min(1)), column(times.max(1)), float(2 * own - both) * BITS


@fourth
def orientation(n: int, seed: int) -> Sample:
    """A heading, and the orientation of its axis: what is opposite looks alike."""
    rng, kappa = rng_of("orientation", seed), 5.0
    a = rng.uniform(0, 2 * np.pi, n)
    b = 2 * a + rng.vonmises(0, kappa, n)
    truth = (math.log(2 * math.pi) - float(vonmises.entropy(kappa))) * BITS
    return column(np.cos(a), np.sin(a)), column(np.cos(b), np.sin(b)), truth


@fourth
def signs_of_slow(n: int, seed: int) -> Sample:
    """Whether each of two slow potentials is above its mean."""
    rng, rho = rng_of("signs_of_slow", seed), 0.9
    a, b = ar(rng, n, 0.6), ar(rng, n, 0.6)
    x, y = a > 0, rho * a + math.sqrt(1 - rho**2) * b > 0
    return column(x), column(y), 1 - float(binary_bits(0.5 + math.asin(rho) / math.pi))


@fourth
def distance_between(n: int, seed: int) -> Sample:
    """Two places in a plane, and the logarithm of how far apart they are, with noise."""
    rng, s = rng_of("distance_between", seed), 0.25
    x = rng.standard_normal((n, 4))
    apart = np.hypot(x[:, 0] - x[:, 2], x[:, 1] - x[:, 3])
    return x, column(np.log(apart) + s * rng.standard_normal(n)), _distance_truth(s)


@cache
def _distance_truth(s: float) -> float:
    """Half of the square of the distance is twice an exponential variable."""
    grid = np.linspace(-9, 5, 7001)
    u = (np.arange(8000) + 0.5) / 8000
    logs = 0.5 * np.log(-4 * np.log1p(-u))
    density = np.zeros(len(grid))
    for part in np.array_split(logs, 16):
        density += norm.pdf(grid[:, None], part, s).sum(1) / len(logs)
    return (entropy(density, grid) - math.log(s) - NORMAL_ENTROPY) * BITS


@fourth
def box_noise(n: int, seed: int) -> Sample:
    """An even position with an even error: hard edges everywhere."""
    rng, width = rng_of("box_noise", seed), 0.3
    x = rng.random(n)
    truth = (width / 2 - math.log(width)) * BITS
    return column(x), column(x + width * (rng.random(n) - 0.5)), truth


RATES = np.array([1.0, 4.0, 12.0])


@fourth
def count_and_latency(n: int, seed: int) -> Sample:
    """One of three stimuli, the count of a Poisson cell, and when its first spike came."""
    rng = rng_of("count_and_latency", seed)
    stimulus = rng.integers(0, 3, n)
    count = rng.poisson(RATES[stimulus])
    # The earliest of so many even times; given their number it says nothing of the rate.
    first = 1 - rng.random(n) ** (1 / np.maximum(count, 1))
    first = np.where(count > 0, first, 1.0)
    joint = poisson.pmf(np.arange(60), RATES[:, None]) / 3
    return column(stimulus), column(count, first), discrete_bits(joint)


SHARES = np.array([1.0, 2.0, 0.7])


@fourth
def shares_of_three(n: int, seed: int) -> Sample:
    """The shares of three kinds, and fifteen draws from them."""
    rng, draws = rng_of("shares_of_three", seed), 15
    shares = rng.dirichlet(SHARES, n)
    return shares, rng.multinomial(draws, shares).astype(float), _shares_truth(draws)


@cache
def _shares_truth(draws: int) -> float:
    """Ways cancel: what is left is of the shares' logarithms and of the counts' own law."""
    total = SHARES.sum()
    given = draws * float((SHARES / total * (digamma(SHARES + 1) - digamma(total + 1))).sum())
    own = 0.0
    for i in range(draws + 1):
        for j in range(draws + 1 - i):
            counts = np.array([i, j, draws - i - j])
            beta = gammaln(SHARES + counts).sum() - gammaln(total + draws)
            beta -= gammaln(SHARES).sum() - gammaln(total)
            ways = gammaln(draws + 1) - gammaln(counts + 1).sum()
            own += math.exp(ways + beta) * beta
    return (given - own) * BITS


@fourth
def coherent_power(n: int, seed: int) -> Sample:
    """Power of one band at two sites whose coherence is .8."""
    rng, coherence = rng_of("coherent_power", seed), 0.8
    a, e = rng.standard_normal((2, n, 2))
    b = math.sqrt(coherence) * a + math.sqrt(1 - coherence) * e
    return column((a**2).sum(1) / 2), column((b**2).sum(1) / 2), _coherent_truth(coherence)


@cache
def _coherent_truth(coherence: float) -> float:
    """Kibble's density of two exponential variables, on a grid of their square roots."""
    root = np.linspace(0, 6.5, 2601)
    a, b = root[:, None], root
    left = 1 - coherence
    mean = 2 * math.sqrt(coherence) / left * a * b
    log_joint = -(a**2 + b**2) / left + mean + np.log(i0e(mean)) - math.log(left)
    weight = np.exp(log_joint) * 4 * a * b
    inside = weight * (log_joint + a**2 + b**2)
    return float(trapezoid(trapezoid(inside, root, axis=1), root)) * BITS


@fourth
def winner_of_four(n: int, seed: int) -> Sample:
    """Which of four inputs is the largest, read wrongly now and then."""
    rng, wrong = rng_of("winner_of_four", seed), 0.12
    x = rng.standard_normal((n, 4))
    read = np.where(rng.random(n) < wrong, rng.integers(0, 4, n), x.argmax(1))
    joint = ((1 - wrong) * np.eye(4) + wrong / 4) / 4
    return x, column(read), discrete_bits(joint)


@fourth
def extremes_together(n: int, seed: int) -> Sample:
    """Gumbel's copula: large values come together; log-logistic and Gumbel margins."""
    rng, theta = rng_of("extremes_together", seed), 2.0
    # A positive stable variable of index 1/2 is one over a gamma variable of shape 1/2.
    stable = 1 / (4 * rng.gamma(0.5, size=(n, 1)))
    waits = (rng.exponential(size=(n, 2)) / stable) ** (1 / theta)  # -log of even variables
    u, v = np.exp(-waits).T
    return column((u / -np.expm1(-waits[:, 0])) ** 0.5), column(-np.log(-np.log(v))), _gumbel()


@cache
def _gumbel() -> float:
    """On a grid of the logarithms of the two waits, for an exponent of 2."""
    grid = np.linspace(-22, 6, 4001)
    s, t = np.exp(grid)[:, None], np.exp(grid)
    radius = np.hypot(s, t)
    log_density = -radius + s + t + np.log(s * t) + np.log1p(radius) - 3 * np.log(radius)
    weight = np.exp(log_density - s - t + grid[:, None] + grid)
    return float(trapezoid(trapezoid(weight * log_density, grid, axis=1), grid)) * BITS


@fourth
def shared_silence(n: int, seed: int) -> Sample:
    """Two cells are silent together, and free of one another when they are not."""
    rng, silent = rng_of("shared_silence", seed), 0.35
    active = rng.random(n) >= silent
    x, y = active * rng.gamma(3.0, size=n), active * rng.lognormal(size=n)
    return column(x), column(y), float(binary_bits(silent))


@fourth
def psychometric(n: int, seed: int) -> Sample:
    """A contrast and whether it was reported, with lapses."""
    rng = rng_of("psychometric", seed)
    contrast = rng.uniform(-1, 1, n)
    return column(contrast), column(rng.random(n) < _reported(contrast)), _psychometric_truth()


def _reported(contrast: np.ndarray) -> np.ndarray:
    return 0.03 + 0.94 * norm.cdf(contrast / 0.2 - 0.5)


@cache
def _psychometric_truth() -> float:
    p = _reported((np.arange(200_000) + 0.5) / 100_000 - 1)
    return float(binary_bits(p.mean()) - binary_bits(p).mean())


@fourth
def states_and_counts(n: int, seed: int) -> Sample:
    """Three states that last, and spikes of a rate that is each one's own."""
    rng, rates = rng_of("states_and_counts", seed), np.array([0.5, 3.0, 9.0])
    state = states(rng, n, 3, 0.6)
    joint = poisson.pmf(np.arange(60), rates[:, None]) / 3
    return column(state), column(rng.poisson(rates[state])), discrete_bits(joint)


@fourth
def grid_code(n: int, seed: int) -> Sample:
    """A position, and noisy phases of two grids of three and four periods."""
    rng, kappa = rng_of("grid_code", seed), 4.0
    x = rng.random(n)
    phases = 2 * np.pi * x[:, None] * [3, 4] + rng.vonmises(0, kappa, (n, 2))
    y = column(*np.cos(phases.T), *np.sin(phases.T))
    return column(x), y, _grid_truth(kappa)


@cache
def _grid_truth(kappa: float) -> float:
    angles = np.arange(360) * 2 * np.pi / 360
    x = (np.arange(5040) + 0.5) / 5040
    first, second = (
        vonmises.pdf(angles[:, None], kappa, loc=2 * np.pi * periods * x) for periods in (3, 4)
    )
    density = first @ second.T / len(x)
    whole = -float(xlogy(density, density).sum()) * (2 * np.pi / 360) ** 2
    return (whole - 2 * float(vonmises.entropy(kappa))) * BITS


@fourth
def erased_labels(n: int, seed: int) -> Sample:
    """Six labels of which every third is lost, and is known to be."""
    rng = rng_of("erased_labels", seed)
    label = rng.integers(0, 6, n)
    return column(label), column(np.where(rng.random(n) < 1 / 3, 6, label)), math.log2(6) * 2 / 3


@fourth
def thinned(n: int, seed: int) -> Sample:
    """Spikes that arrive, and those of them that are passed on."""
    rng, rate, share = rng_of("thinned", seed), 5.0, 0.7
    arrived = rng.poisson(rate, n)
    k = np.arange(60)
    joint = poisson.pmf(k, rate)[:, None] * binom.pmf(k, k[:, None], share)
    return column(arrived), column(rng.binomial(arrived, share)), discrete_bits(joint)


@fourth
def independent_phases(n: int, seed: int) -> Sample:
    """Nothing shared: a phase on its circle, and counts of two cells with one gain."""
    rng = rng_of("independent_phases", seed)
    angle, gain = rng.uniform(0, 2 * np.pi, n), rng.gamma(2.0, size=(n, 1))
    return column(np.cos(angle), np.sin(angle)), rng.poisson(2 * gain * [1.0, 2.0]) * 1.0, 0.0
