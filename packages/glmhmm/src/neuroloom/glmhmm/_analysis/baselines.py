"""What a GLM-HMM has to beat: a GLM, and a GLM with lapses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import InputError, fail
from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm._estimator.reading import unpack
from neuroloom.glmhmm._families.bernoulli import BernoulliObservations
from neuroloom.glmhmm._input.arrays import read_design
from neuroloom.glmhmm._input.trials import Data, read
from neuroloom.shared import checks


def fit_glm(X: Any = None, y: Any = None, session_starts: Any = None, **options: Any) -> Any:
    """Return the GLM, a `GLMHMM` of one state.

    Parameters
    ----------
    X, y, session_starts
        As in `GLMHMM.fit`.
    **options
        Parameters of `GLMHMM`.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import fit_glm
    >>> rng = np.random.default_rng(0)
    >>> fit_glm(rng.normal(size=(100, 2)), rng.binomial(1, 0.5, 100)).coef_.shape
    (2, 1)
    """
    return GLMHMM(1, **options).fit(X, y, session_starts=session_starts)


@dataclass(frozen=True)
class LapseModel:
    """``p(1) = γ₁ + (1 − γ₀ − γ₁) σ(w·x + b)``, with `lapse_to_one` γ₁ and `lapse_to_zero` γ₀.

    Parameters
    ----------
    coef : ndarray, shape (n_features,)
        Weights w.
    intercept : float
        Intercept b.
    lapse_to_one, lapse_to_zero : float
        Lapse rates.
    log_likelihood : float
        Of the data of the fit, natural logarithm.
    """

    coef: NDArray[np.float64]
    intercept: float
    lapse_to_one: float
    lapse_to_zero: float
    log_likelihood: float

    def predict(self, X: Any = None) -> NDArray[np.float64]:
        """Return the probability of choice 1, (n_trials,); one number without regressors."""
        x, _, _ = unpack(X, None, None)
        x = np.zeros((1, 0)) if x is None else read_design(x).matrix
        if x.shape[1] != len(self.coef):
            raise fail("X", f"{len(self.coef)} features as in the fit", f"{x.shape[1]}")
        engaged = scipy.special.expit(x @ self.coef + self.intercept)
        rest = 1 - self.lapse_to_one - self.lapse_to_zero
        return np.asarray(self.lapse_to_one + rest * engaged)

    def score(self, X: Any = None, y: Any = None) -> float:
        """Return the log-likelihood of choices 0 and 1; trials with NaN are left out."""
        data = _choices(X, y)
        p, choice = self.predict(data.x_observed), data.y[data.observed]
        return float(np.sum(np.log(np.where(choice == 1, p, 1 - p))))


def _choices(X: Any, y: Any) -> Data:
    """Return trials of a single choice, checked to be 0 or 1."""
    family = BernoulliObservations()
    x, y, _ = unpack(X, y, None)
    data = read(x, y, None, "mask", family)
    if data.y.ndim > 1:
        raise fail("y", "shape (n_trials,)", f"shape {data.y.shape}")
    family.check(data.y, data.observed)
    return data


def fit_lapse(
    X: Any = None,
    y: Any = None,
    *,
    ridge: float = 0.0,
    n_init: int = 5,
    seed: int | shared.Seed = 0,
) -> LapseModel:
    """Return the GLM with lapses of highest (penalised) likelihood over several starts.

    Parameters
    ----------
    X : array_like, shape (n_trials, n_features)
        Regressors.
    y : array_like, shape (n_trials,)
        Choices 0 and 1; NaN are left out.
    ridge : float
        Strength of a ridge on the coefficients.
    n_init : int
        Number of starts.
    seed : int or Seed
        For the starts.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import fit_lapse
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(4000, 1))
    >>> p = 0.1 + 0.85 / (1 + np.exp(-3 * X[:, 0]))
    >>> found = fit_lapse(X, rng.random(4000) < p)
    >>> round(found.lapse_to_one, 1), abs(found.coef[0] - 3) < 0.5
    (0.1, np.True_)
    """
    n_init = checks.whole("n_init", n_init, at_least=1, error=InputError)
    ridge = checks.real("ridge", ridge, at_least=0, error=InputError)
    data = _choices(X, y)
    x, choice = data.x_observed, data.y[data.observed]
    sign = 2 * choice - 1
    n_features = x.shape[1]

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w, b, a = theta[:n_features], theta[n_features], theta[n_features + 1 :]
        # Lapse rates as a softmax of (to one, to zero, none), so that they stay rates.
        e = np.exp(np.append(a, 0.0) - max(a.max(), 0.0))
        g1, g0, rest = e / e.sum()
        s = scipy.special.expit(x @ w + b)
        p1 = g1 + rest * s
        p = np.where(sign > 0, p1, 1 - p1)
        dp1 = sign / p
        d_eta = dp1 * rest * s * (1 - s)
        # dp1/da: softmax derivatives of g1 + rest·s
        d_a1 = np.sum(dp1 * (g1 * (1 - g1) - rest * g1 * s))
        d_a0 = np.sum(dp1 * (-g1 * g0 - rest * g0 * s))
        gradient = np.concatenate([x.T @ d_eta - ridge * w, [d_eta.sum(), d_a1, d_a0]])
        return -float(np.log(p).sum() - 0.5 * ridge * w @ w), -gradient

    rng = shared.as_seed(seed).child("lapse").generator()
    best = None
    for _ in range(n_init):
        start = np.concatenate([rng.normal(size=n_features + 1), rng.uniform(-4, -1, size=2)])
        found = scipy.optimize.minimize(loss, start, jac=True, method="L-BFGS-B")
        if best is None or found.fun < best.fun:
            best = found
    assert best is not None
    w, b, a = best.x[:n_features], best.x[n_features], best.x[n_features + 1 :]
    e = np.exp(np.append(a, 0.0) - max(a.max(), 0.0))
    g1, g0, _ = e / e.sum()
    value = -best.fun + 0.5 * ridge * float(w @ w)
    return LapseModel(w, float(b), float(g1), float(g0), float(value))
