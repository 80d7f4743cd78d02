"""A second list of distributions of known information, tried once, after the code was final.

The third of `distributions.py` that was held back has been looked at since. These were written
before anything was measured on them, and are of other kinds than those that tuned anything.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from distributions import (
    BITS,
    Sample,
    ar,
    column,
    discrete_bits,
    gauss_bits,
    mixture_bits,
    rng_of,
)
from scipy.integrate import trapezoid
from scipy.special import digamma, expit, gammaln, xlogy
from scipy.stats import expon, nbinom, norm, poisson, vonmises
from scipy.stats import t as student

SECOND: dict[str, object] = {}
NORMAL_ENTROPY = 0.5 * math.log(2 * math.pi * math.e)


def second(make):
    SECOND[make.__name__] = make
    return make


def entropy(density: np.ndarray, grid: np.ndarray) -> float:
    return float(-trapezoid(xlogy(density, density), grid))


def normal_quantiles(n: int) -> np.ndarray:
    return norm.ppf((np.arange(n) + 0.5) / n)


@second
def crossing_lines(n: int, seed: int) -> Sample:
    """Half of the pairs lie about a line, the others about its mirror image."""
    rng, s = rng_of("crossing_lines", seed), 0.25
    x, sign = rng.standard_normal(n), rng.choice([-1.0, 1.0], n)
    return column(x), column(sign * x + s * rng.standard_normal(n)), _crossing_truth(s)


@cache
def _crossing_truth(s: float) -> float:
    grid = np.linspace(-7, 7, 4001)
    x = normal_quantiles(2000)
    given = [entropy(0.5 * (norm.pdf(grid, a, s) + norm.pdf(grid, -a, s)), grid) for a in x[x > 0]]
    return (NORMAL_ENTROPY + 0.5 * math.log(1 + s**2) - float(np.mean(given))) * BITS


@second
def noise_grows(n: int, seed: int) -> Sample:
    """Mean and spread of y grow with x."""
    rng = rng_of("noise_grows", seed)
    x = rng.standard_normal(n)
    y = x + 0.3 * np.exp(0.8 * x) * rng.standard_normal(n)
    return column(x), column(y), _grows_truth()


@cache
def _grows_truth() -> float:
    x = normal_quantiles(4000)
    grid = np.sinh(np.linspace(-5, 5, 8001))
    density = np.zeros(len(grid))
    for part in np.array_split(x, 8):
        density += norm.pdf(grid[:, None], part, 0.3 * np.exp(0.8 * part)).sum(1) / len(x)
    return (entropy(density, grid) - math.log(0.3) - NORMAL_ENTROPY) * BITS


CLASSES = np.array([0.5, 0.3, 0.15, 0.05])
MODES = np.array([[-2.0, 1.5], [0.0, 4.0], [-4.0, 2.5], [1.0, 6.0]])


@second
def unequal_classes(n: int, seed: int) -> Sample:
    """Four classes, the rarest one of twenty; in each y has two modes."""
    rng = rng_of("unequal_classes", seed)
    k = rng.choice(4, n, p=CLASSES)
    y = MODES[k, rng.integers(0, 2, n)] + 0.5 * rng.standard_normal(n)
    return column(k), column(y), _classes_truth()


@cache
def _classes_truth() -> float:
    grid = np.linspace(-8, 10, 9001)
    return mixture_bits(CLASSES, norm.pdf(grid, MODES[:, :, None], 0.5).mean(1), grid)


@second
def two_bumps(n: int, seed: int) -> Sample:
    """Two angles whose difference has two modes."""
    rng = rng_of("two_bumps", seed)
    a = rng.uniform(-np.pi, np.pi, n)
    b = a + np.where(rng.random(n) < 0.7, 0.0, 2.2) + rng.vonmises(0, 8.0, n)
    return column(np.cos(a), np.sin(a)), column(np.cos(b), np.sin(b)), _bumps_truth()


@cache
def _bumps_truth() -> float:
    grid = np.linspace(-np.pi, np.pi, 8001)
    density = 0.7 * vonmises.pdf(grid, 8.0) + 0.3 * vonmises.pdf(grid - 2.2, 8.0)
    return (math.log(2 * math.pi) - entropy(density, grid)) * BITS


@second
def student_copula(n: int, seed: int) -> Sample:
    """A Student copula of two degrees of freedom, with exponential margins."""
    rng, rho, nu = rng_of("student_copula", seed), -0.5, 2.0
    a, e = rng.standard_normal((2, n))
    scale = np.sqrt(nu / rng.chisquare(nu, n))
    u, v = (student.cdf(z * scale, nu) for z in (a, rho * a + math.sqrt(1 - rho**2) * e))
    # Calsaverini & Vicente 2009 (EPL 88:68003), eq. 15: what Student's law adds to a normal pair's.
    beta = gammaln(nu / 2) + gammaln(0.5) - gammaln(nu / 2 + 0.5)
    more = 2 * (0.5 * math.log(nu / (2 * math.pi)) + beta) - (2 + nu) / nu
    more += (1 + nu) * float(digamma((nu + 1) / 2) - digamma(nu / 2))
    return column(expon.ppf(u)), column(expon.ppf(v)), gauss_bits(rho) + more * BITS


@second
def rotated_xor(n: int, seed: int) -> Sample:
    """y tells whether two rotated coordinates agree in sign."""
    rng, s, turn = rng_of("rotated_xor", seed), 0.4, 0.6
    u = rng.standard_normal((n, 2))
    rotate = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    y = np.sign(u[:, 0] * u[:, 1]) + s * rng.standard_normal(n)
    return u @ rotate, column(y), _xor_truth(s)


@cache
def _xor_truth(s: float) -> float:
    grid = np.linspace(-5, 5, 4001)
    return mixture_bits(np.array([0.5, 0.5]), norm.pdf(grid, np.array([[-1.0], [1.0]]), s), grid)


@second
def waits_with_jitter(n: int, seed: int) -> Sample:
    """Exponential waits, seen late by up to half of their mean."""
    rng, width = rng_of("waits_with_jitter", seed), 0.5
    x = rng.exponential(size=n)
    grid = np.linspace(0, 40, 400_001)
    density = (expon.cdf(grid) - expon.cdf(grid - width)) / width
    truth = (entropy(density, grid) - math.log(width)) * BITS
    return column(x), column(x + width * rng.random(n)), truth


@second
def gamma_poisson(n: int, seed: int) -> Sample:
    """A gamma rate and its Poisson count."""
    rng = rng_of("gamma_poisson", seed)
    rate = rng.gamma(2.0, 3.0, n)
    return column(rate), column(rng.poisson(rate)), _gamma_truth()


@cache
def _gamma_truth() -> float:
    from scipy.stats import gamma

    rate = gamma.ppf((np.arange(4000) + 0.5) / 4000, 2.0, scale=3.0)
    counts = np.arange(120)
    return discrete_bits(poisson.pmf(counts, rate[:, None]) / len(rate))


@second
def shared_gain(n: int, seed: int) -> Sample:
    """Two groups of three cells, each Poisson, all with one gain."""
    rng, shape = rng_of("shared_gain", seed), 1.5
    gain = rng.gamma(shape, 1 / shape, (n, 1))
    x, y = (rng.poisson(gain * rates) for rates in (np.array([1.0, 2.0, 3.0]), np.full(3, 1.5)))
    return x.astype(float), y.astype(float), _gain_truth(shape, 6.0, 4.5)


@cache
def _gain_truth(shape: float, a: float, b: float) -> float:
    """Sums are sufficient; given the first, the second is negative binomial."""
    i, j = np.arange(150)[:, None], np.arange(150)
    first = nbinom.pmf(i, shape, shape / (shape + a))
    return discrete_bits(first * nbinom.pmf(j, shape + i, (shape + a) / (shape + a + b)))


@second
def phase_and_envelope(n: int, seed: int) -> Sample:
    """The envelope of a fast rhythm follows a slow phase; the fast phase is free."""
    rng, depth, s = rng_of("phase_and_envelope", seed), 0.8, 0.3
    slow, fast = rng.uniform(-np.pi, np.pi, (2, n))
    size = np.exp(depth * np.cos(slow) + s * rng.standard_normal(n))
    x = column(np.cos(slow), np.sin(slow))
    return x, column(size * np.cos(fast), size * np.sin(fast)), _envelope_truth(depth, s)


@cache
def _envelope_truth(depth: float, s: float) -> float:
    grid = np.linspace(-depth - 8 * s, depth + 8 * s, 2001)
    phase = (np.arange(2000) + 0.5) / 2000 * np.pi
    density = norm.pdf(grid[:, None], depth * np.cos(phase), s).mean(1)
    return (entropy(density, grid) - math.log(s) - NORMAL_ENTROPY) * BITS


@second
def ring_and_nuisance(n: int, seed: int) -> Sample:
    """A noisy ring among six channels of noise, and a heading."""
    rng, kappa = rng_of("ring_and_nuisance", seed), 6.0
    a = rng.uniform(-np.pi, np.pi, n)
    b = a + rng.vonmises(0, kappa, n)
    radius = 1 + 0.2 * rng.standard_normal(n)
    x = np.column_stack([radius * np.cos(a), radius * np.sin(a), rng.standard_normal((n, 6))])
    return x, column(np.cos(b), np.sin(b)), _heading_truth(kappa)


@cache
def _heading_truth(kappa: float) -> float:
    """Negative radii (one in two million) are left out of account."""
    return (math.log(2 * math.pi) - float(vonmises.entropy(kappa))) * BITS


@second
def quantised(n: int, seed: int) -> Sample:
    """A normal pair, read with a coarse converter."""
    rng, rho, step = rng_of("quantised", seed), 0.8, 0.5
    x, e = rng.standard_normal((2, n))
    y = rho * x + math.sqrt(1 - rho**2) * e
    return column(np.round(x / step)), column(np.round(y / step)), _quantised_truth(rho, step)


@cache
def _quantised_truth(rho: float, step: float) -> float:
    edges = (np.arange(-14, 16) - 0.5) * step
    fine = 40
    inside = (np.arange(fine) + 0.5) / fine * step
    x = edges[:-1, None] + inside
    spread = math.sqrt(1 - rho**2)
    upto = norm.cdf((edges - rho * x[..., None]) / spread)
    joint = (norm.pdf(x)[..., None] * np.diff(upto, axis=-1)).sum(1) * step / fine
    return discrete_bits(joint)


@second
def lagged_series(n: int, seed: int) -> Sample:
    """A series and another that follows it three samples later."""
    rng, phi, lag, share = rng_of("lagged_series", seed), 0.85, 3, 0.95
    x = ar(rng, n + lag, phi)
    y = share * x[:-lag] + math.sqrt(1 - share**2) * rng.standard_normal(n)
    return column(x[lag:]), column(y), gauss_bits(share * phi**lag)


@second
def words_of_four(n: int, seed: int) -> Sample:
    """Four cells that fire or not, each with its threshold on a stimulus."""
    rng = rng_of("words_of_four", seed)
    stimulus = rng.standard_normal(n)
    words = rng.random((n, 4)) < _firing(stimulus)
    return words.astype(float), column(stimulus), _words_truth()


def _firing(stimulus: np.ndarray) -> np.ndarray:
    return expit(np.array([4.0, -4.0, 6.0, 3.0]) * (stimulus[:, None] - [-0.5, 0.3, 0.8, 0.0]))


@cache
def _words_truth() -> float:
    p = _firing(normal_quantiles(8000))
    bits = (np.arange(16)[:, None] >> np.arange(4)) & 1
    return discrete_bits(np.where(bits, p[:, None], 1 - p[:, None]).prod(2))


@second
def angle_between(n: int, seed: int) -> Sample:
    """Two free headings, and the angle between them: neither alone says anything."""
    rng, kappa = rng_of("angle_between", seed), 4.0
    a, b = rng.uniform(-np.pi, np.pi, (2, n))
    c = a - b + rng.vonmises(0, kappa, n)
    x = column(np.cos(a), np.sin(a), np.cos(b), np.sin(b))
    return x, column(np.cos(c), np.sin(c)), _heading_truth(kappa)


@second
def contaminated(n: int, seed: int) -> Sample:
    """A close normal pair of which every fifth is matched to another's."""
    rng, rho, share = rng_of("contaminated", seed), 0.95, 0.2
    x, e, other = rng.standard_normal((3, n))
    y = np.where(rng.random(n) < share, other, rho * x + math.sqrt(1 - rho**2) * e)
    return column(x), column(y), _contaminated_truth(rho, share)


@cache
def _contaminated_truth(rho: float, share: float) -> float:
    grid = np.linspace(-7, 7, 2801)
    near = norm.pdf(grid, rho * grid[:, None], math.sqrt(1 - rho**2))
    given = share * norm.pdf(grid) + (1 - share) * near
    inside = trapezoid(xlogy(given, given), grid, axis=1)
    return (float(trapezoid(norm.pdf(grid) * inside, grid)) + NORMAL_ENTROPY) * BITS
