"""Few simulations beside a well-chosen regressor: contraction of the posterior beside the best R².

Seven problems of two parameters in a box, each learned from 90 and 300 simulations and tried on 800
fresh ones. The regressor is the best by five-fold cross-validation of ridge, ridge on products of
features, extremely randomised trees, support vectors and a Gaussian process.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neuroloom.circuit_inference as ci

Array = NDArray[np.float64]
Box = tuple[tuple[float, float], tuple[float, float]]


def _uniform(n: int, rng: np.random.Generator, box: Box) -> Array:
    low, high = np.transpose(box)
    return rng.uniform(low, high, (n, 2))


def decaying_sine(n: int, rng: np.random.Generator) -> tuple[Array, Array, Box]:
    """Amplitude and decay of a sine of random phase in noise, from 24 log powers."""
    box = ((0.5, 2.0), (0.5, 4.0))
    theta = _uniform(n, rng, box)
    t = np.arange(256) / 64
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    x = theta[:, :1] * np.exp(-theta[:, 1:] * t) * np.sin(2 * np.pi * 6 * t + phase)
    x += 0.3 * rng.standard_normal(x.shape)
    return np.log(np.abs(np.fft.rfft(x))[:, 1:25] ** 2), theta, box


def gamma_process(n: int, rng: np.random.Generator) -> tuple[Array, Array, Box]:
    """Rate and coefficient of variation of a gamma process, six features of 3 s of it."""
    box = ((5.0, 40.0), (0.3, 1.5))
    theta = _uniform(n, rng, box)
    rows = []
    for rate, cv in theta:
        every = rng.gamma(cv**-2, cv**2 / rate, 400)
        d = every[np.cumsum(every) < 3]
        d = d if len(d) > 3 else every[:4]
        serial = np.corrcoef(d[1:], d[:-1])[0, 1]
        spread = np.log(d.mean()) - np.log(d).mean()
        rows.append([np.log(d.mean()), np.log(d.std()), spread, serial, len(d), np.median(d)])
    return np.nan_to_num(rows), theta, box


def resonance(n: int, rng: np.random.Generator) -> tuple[Array, Array, Box]:
    """Frequency and damping of an AR(2), from 12 autocorrelations among ten columns of noise."""
    from scipy.signal import lfilter

    box = ((0.05, 0.4), (0.7, 0.99))
    theta = _uniform(n, rng, box)
    rows = []
    for f, radius in theta:
        poles = [1, -2 * radius * np.cos(2 * np.pi * f), radius**2]
        x = lfilter([1], poles, rng.standard_normal(700))[200:]
        x -= x.mean()
        rows.append([x[k:] @ x[:-k] / (x @ x) for k in range(1, 13)])
    return np.hstack([rows, rng.standard_normal((n, 10))]), theta, box


def products(n: int, rng: np.random.Generator) -> tuple[Array, Array, Box]:
    """Two numbers from their product, ratio and a signed square, among six columns of noise."""
    box = ((-1.0, 1.0), (0.2, 1.0))
    theta = _uniform(n, rng, box)
    a, b = theta.T
    seen = np.column_stack([a * b, a / b, b**2 * np.sign(a), np.sin(3 * a)])
    seen += 0.1 * rng.standard_normal(seen.shape)
    return np.hstack([seen, rng.standard_normal((n, 6))]), theta, box


def knee(n: int, rng: np.random.Generator) -> tuple[Array, Array, Box]:
    """Exponent and knee of an aperiodic spectrum, from 16 log powers of eight averages."""
    box = ((0.5, 3.0), (2.0, 40.0))
    theta = _uniform(n, rng, box)
    exponent = theta[:, :1]
    f = np.arange(1, 81)
    power = rng.gamma(8, 1 / 8, (n, 80)) / (theta[:, 1:] ** exponent + f**exponent)
    return np.log(power.reshape(n, 16, 5).mean(axis=2)), theta, box


def chirp(n: int, rng: np.random.Generator) -> tuple[Array, Array, Box]:
    """Frequency and amplitude of a cosine seen at 20 points in noise."""
    box = ((0.0, 1.0), (0.0, 1.0))
    theta = _uniform(n, rng, box)
    t = np.linspace(0, 1, 20)
    x = np.cos(2 * np.pi * (1 + 2 * theta[:, :1]) * t) * (0.3 + theta[:, 1:])
    return x + 0.3 * rng.standard_normal(x.shape), theta, box


def counts(n: int, rng: np.random.Generator) -> tuple[Array, Array, Box]:
    """A rate and a probability, from thresholds and counts among four columns of noise."""
    box = ((0.0, 10.0), (0.0, 1.0))
    theta = _uniform(n, rng, box)
    a, b = theta.T
    seen = [rng.poisson(a) > 3, np.floor(a), rng.poisson(20 * b), rng.binomial(10, b), (a > 5) * b]
    return np.column_stack([*seen, rng.standard_normal((n, 4))]), theta, box


PROBLEMS: dict[str, Callable[[int, np.random.Generator], tuple[Array, Array, Box]]] = {
    one.__name__: one
    for one in (decaying_sine, gamma_process, resonance, products, knee, chirp, counts)
}


def _regressors() -> dict[str, Any]:
    from sklearn.ensemble import ExtraTreesRegressor
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, WhiteKernel
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler
    from sklearn.svm import SVR

    strengths = np.logspace(-3, 4, 15)
    smooth = GaussianProcessRegressor(1.0 * RBF(3.0) + WhiteKernel(0.1), normalize_y=True)
    parts = {
        "ridge": (RidgeCV(strengths),),
        "products": (PolynomialFeatures(2), StandardScaler(), RidgeCV(strengths)),
        "trees": (ExtraTreesRegressor(300, min_samples_leaf=2, random_state=0),),
        "support vectors": (SVR(C=10, epsilon=0.05),),
        "Gaussian process": (smooth,),
    }
    return {name: make_pipeline(StandardScaler(), *steps) for name, steps in parts.items()}


def best_regressor(x: Array, y: Array, fresh: Array, truth: Array) -> tuple[str, float]:
    """Return the regressor that cross-validation chooses, and its R² on fresh simulations."""
    from sklearn.model_selection import cross_val_score

    scores = {
        name: cross_val_score(model, x, y, cv=5, scoring="r2").mean()
        for name, model in _regressors().items()
    }
    name = max(scores, key=scores.__getitem__)
    errors = _regressors()[name].fit(x, y).predict(fresh) - truth
    return name, float(1 - (errors**2).mean() / truth.var())


def few(toy: bool = False) -> list[dict[str, Any]]:
    """Return a row for each problem, number of simulations and parameter."""
    rows = []
    for name, problem in list(PROBLEMS.items())[: 1 if toy else None]:
        for n in (90,) if toy else (90, 300):
            x, theta, box = problem(n, np.random.default_rng(1))
            fresh, truth, _ = problem(100 if toy else 800, np.random.default_rng(2))
            prior = ci.Prior(("first", "second"), *np.transpose(box))
            model = ci.Inferer("mdn", prior).fit(x, theta, seed=1)
            said = model.diagnose(fresh, truth, levels=(0.9,), seed=1)
            for j in range(2):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the peers' own, of kernels at their bounds
                    chosen, best = best_regressor(x, theta[:, j], fresh, truth[:, j])
                rows.append({
                    "problem": name, "parameter": j, "n": n, "best": chosen, "best R2": best,
                    "contraction": float(said.contraction[j]), "R2": float(said.r_squared[j]),
                    "coverage of 90 %": float(said.coverage[0, j]),
                })  # fmt: skip
    return rows
