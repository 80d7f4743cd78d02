"""The tasks of the benchmark of simulation-based inference (Lueckmann et al. 2021, AISTATS).

Simulators and priors of our own after the paper's description (arXiv:2101.04653, appendix T).
Observations and reference posteriors are read from a checkout of github.com/sbi-benchmark/sbibm,
from csv files only: two of its other files are pickles, and are made again from their recipe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from neuroloom.circuit_inference import Prior
from neuroloom.circuit_inference.libraries import Marginal

Array = np.ndarray
Draw = Callable[[int, np.random.Generator], Array]
Run = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes
    ----------
    prior : Prior
        Marginal distributions, in the coordinates that are inferred.
    draw : callable
        ``(n, rng)`` gives parameters from the joint prior.
    simulate : callable
        ``(theta, rng)`` gives data, shape (n, n_data).
    folder : str
        Of the checkout.
    observation : str
        File of an observation.
    log : bool
        Parameters are inferred as logarithms.
    """

    prior: Prior
    draw: Draw
    simulate: Run
    folder: str
    observation: str = "observation.csv"
    log: bool = False


def _box(low: float, high: float, d: int) -> tuple[Prior, Draw]:
    prior = Prior.box({f"theta_{i}": (low, high) for i in range(d)})
    return prior, lambda n, rng: rng.uniform(low, high, (n, d))


def _normal(mean: Array, covariance: Array) -> tuple[Prior, Draw]:
    marginals = {
        f"theta_{i}": Marginal("normal", -np.inf, np.inf, float(m), float(np.sqrt(v)))
        for i, (m, v) in enumerate(zip(mean, np.diag(covariance), strict=True))
    }
    return Prior.of(marginals), lambda n, rng: rng.multivariate_normal(mean, covariance, n)


def _two_moons(theta: Array, rng: np.random.Generator) -> Array:
    angle = rng.uniform(-np.pi / 2, np.pi / 2, len(theta))
    radius = rng.normal(0.1, 0.01, len(theta))
    a, b = theta.T
    first = radius * np.cos(angle) + 0.25 - np.abs(a + b) / np.sqrt(2)
    return np.column_stack([first, radius * np.sin(angle) + (b - a) / np.sqrt(2)])


def _mixture(theta: Array, rng: np.random.Generator) -> Array:
    scale = np.where(rng.random((len(theta), 1)) < 0.5, 1.0, 0.1)
    return theta + scale * rng.standard_normal(theta.shape)


def _shifted(theta: Array, rng: np.random.Generator) -> Array:
    return theta + np.sqrt(0.1) * rng.standard_normal(theta.shape)


def _slcp(theta: Array, rng: np.random.Generator) -> Array:
    s1, s2, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, np.tanh(theta[:, 4])
    z = rng.standard_normal((len(theta), 4, 2))
    first = theta[:, None, 0] + s1[:, None] * z[..., 0]
    mixed = rho[:, None] * z[..., 0] + np.sqrt(1 - rho**2)[:, None] * z[..., 1]
    return np.stack([first, theta[:, None, 1] + s2[:, None] * mixed], axis=2).reshape(-1, 8)


@cache
def _distractors() -> tuple[Array, Array, Array]:
    """Return centres, factors and the permutation of the 92 distractors, as they were drawn."""
    rng = np.random.RandomState(42)
    centres = np.array([15 * rng.normal(size=92) for _ in range(20)])
    factors = []
    for _ in range(20):
        lower = np.tril(rng.normal(size=(92, 92)))
        factors.append(3 * (lower + np.diag(np.exp(rng.normal(size=92)))))
    return centres, np.array(factors), rng.permutation(100)


def _slcp_distractors(theta: Array, rng: np.random.Generator) -> Array:
    centres, factors, order = _distractors()
    n = len(theta)
    which = rng.integers(20, size=n)
    heavy = rng.standard_normal((n, 92)) / np.sqrt(rng.chisquare(2, (n, 1)) / 2)
    noise = centres[which] + np.einsum("nij,nj->ni", factors[which], heavy)
    return np.concatenate([_slcp(theta, rng), noise], axis=1)[:, order]


@cache
def _glm() -> tuple[Array, Array, Array]:
    """Return stimulus, design matrix and the prior's covariance."""
    stimulus = np.random.RandomState(42).randn(100).astype(np.float32).astype(float)
    design = np.ones((100, 10))
    for lag in range(9):
        design[:, 1 + lag] = np.concatenate([np.zeros(lag), stimulus[: 100 - lag]])
    d = np.eye(9) - np.eye(9, k=-1)
    f = d @ d + np.diag(np.sqrt(np.arange(9) / 9))
    precision = np.zeros((10, 10))
    precision[0, 0], precision[1:, 1:] = 0.5, f.T @ f
    return stimulus, design, np.linalg.inv(precision)


def _spikes(theta: Array, rng: np.random.Generator) -> Array:
    p = 1 / (1 + np.exp(-theta @ _glm()[1].T))
    return (rng.random(p.shape) < p).astype(float)


def spike_summary(spikes: Array) -> Array:
    """Return the number of spikes and the spike-triggered sums of the stimulus at lags 0 to 8."""
    stimulus = _glm()[0]
    sums = [spikes[:, lag:] @ stimulus[: 100 - lag] for lag in range(9)]
    return np.column_stack([spikes.sum(axis=1), *sums])


def _rk4(rate: Callable[[Array], Array], state: Array, step: float, n: int, every: int) -> Array:
    """Return states (n_saved, ...) every `every` of `n` steps of Runge and Kutta."""
    saved = []
    for i in range(n + 1):
        if i % every == 0:
            saved.append(state)
        a = rate(state)
        b = rate(state + step / 2 * a)
        c = rate(state + step / 2 * b)
        state = state + step / 6 * (a + 2 * b + 2 * c + rate(state + step * c))
    return np.array(saved)


def epidemic(theta: Array, step: float = 0.1) -> Array:
    """Return the share of the infected at days 0, 17, ..., 153, shape (n, 10)."""
    beta, gamma = theta.T

    def rate(state: Array) -> Array:
        susceptible, log_infected = state
        return np.array(
            [-beta * susceptible * np.exp(log_infected), beta * susceptible - gamma]
        )  # shares; the logarithm keeps few infected positive

    start = np.array([np.full(len(theta), 1 - 1e-6), np.full(len(theta), np.log(1e-6))])
    every = round(17 / step)
    return np.exp(_rk4(rate, start, step, 9 * every, every)[:, 1]).T


def _sir(theta: Array, rng: np.random.Generator) -> Array:
    return rng.binomial(1000, np.clip(epidemic(np.exp(theta)), 0, 1)).astype(float)


def populations(theta: Array, step: float = 0.005) -> Array:
    """Return prey and predators at 0, 2.1, ..., 18.9 days, shape (n, 20)."""
    alpha, beta, gamma, delta = theta.T

    def rate(state: Array) -> Array:  # of the logarithms
        prey, predators = np.exp(np.minimum(state, 50))
        return np.array([alpha - beta * predators, delta * prey - gamma])

    start = np.array([np.full(len(theta), np.log(30.0)), np.zeros(len(theta))])
    every = round(2.1 / step)
    saved = _rk4(rate, start, step, 9 * every, every)
    return np.exp(np.concatenate([saved[:, 0], saved[:, 1]])).T


def _lotka_volterra(theta: Array, rng: np.random.Generator) -> Array:
    mean = np.log(np.clip(populations(np.exp(theta)), 1e-10, 1e4))
    return np.exp(mean + 0.1 * rng.standard_normal(mean.shape))


def tasks() -> dict[str, Task]:
    """Return the ten tasks by the names that they have in the published results."""
    ten = np.zeros(10)
    sir = _normal(np.log([0.4, 0.125]), np.diag([0.25, 0.04]))
    prey = _normal(np.array([-0.125, -3.0, -0.125, -3.0]), 0.25 * np.eye(4))
    glm, slcp = _normal(ten, _glm()[2]), _box(-3, 3, 5)
    return {
        "two_moons": Task(*_box(-1, 1, 2), _two_moons, "two_moons"),
        "slcp": Task(*slcp, _slcp, "slcp"),
        "gaussian_mixture": Task(*_box(-10, 10, 2), _mixture, "gaussian_mixture"),
        "gaussian_linear": Task(*_normal(ten, 0.1 * np.eye(10)), _shifted, "gaussian_linear"),
        "gaussian_linear_uniform": Task(*_box(-1, 1, 10), _shifted, "gaussian_linear_uniform"),
        "bernoulli_glm": Task(
            *glm, lambda theta, rng: spike_summary(_spikes(theta, rng)), "bernoulli_glm"
        ),
        "bernoulli_glm_raw": Task(*glm, _spikes, "bernoulli_glm", "observation_raw.csv"),
        "sir": Task(*sir, _sir, "sir", log=True),
        "lotka_volterra": Task(*prey, _lotka_volterra, "lotka_volterra", log=True),
        "slcp_distractors": Task(
            *slcp, _slcp_distractors, "slcp", "observation_distractors.csv"
        ),
    }  # fmt: skip


def reference(folder: Path, task: Task, observation: int) -> tuple[Array, Array, Array]:
    """Return an observation (n_data,), its true parameters and reference draws (10000, d)."""
    place = folder / "sbibm" / "tasks" / task.folder / "files" / f"num_observation_{observation}"
    x = pd.read_csv(place / task.observation).to_numpy(dtype=float)[0]
    truth = pd.read_csv(place / "true_parameters.csv").to_numpy(dtype=float)[0]
    draws = pd.read_csv(place / "reference_posterior_samples.csv.bz2").to_numpy(dtype=float)
    return x, truth, draws


def c2st(ours: Array, theirs: Array, seed: int = 1) -> float:
    """Return the accuracy of a classifier of two samples, as the benchmark defines it.

    A perceptron with two hidden layers of ten units per dimension, Adam, up to 10,000 epochs, in
    single precision; five folds; z-scored by the reference draws.
    """
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    mean, spread = theirs.mean(axis=0), theirs.std(axis=0, ddof=1)
    both = (np.concatenate([theirs, ours]) - mean) / spread
    labels = np.repeat([0.0, 1.0], [len(theirs), len(ours)])
    width = 10 * both.shape[1]
    model = MLPClassifier((width, width), max_iter=10_000, random_state=seed)
    folds = KFold(5, shuffle=True, random_state=seed)
    return float(cross_val_score(model, both.astype(np.float32), labels, cv=folds).mean())
