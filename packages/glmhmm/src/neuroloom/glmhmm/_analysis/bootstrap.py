"""Parametric bootstrap: fits to data that the fitted model makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._em.batch import fit_all
from neuroloom.glmhmm._em.multi_start import trace_length
from neuroloom.glmhmm._em.packing import lay_out, pack
from neuroloom.glmhmm._em.shapes import as_arrays, double_precision, from_core
from neuroloom.glmhmm._errors import fail


@dataclass(frozen=True)
class Bootstrap:
    """Parameters of the fits to simulated data, samples on the first axis, states matched."""

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    scale: NDArray[np.float64]
    initial_prob: NDArray[np.float64]
    transition_prob: NDArray[np.float64]

    def standard_error(self, name: str) -> NDArray[np.float64]:
        """Return the standard deviation over samples of an attribute, for instance ``"coef"``."""
        return np.asarray(getattr(self, name).std(axis=0, ddof=1))

    def interval(self, name: str, level: float = 0.95) -> tuple[Any, Any]:
        """Return the percentile interval of an attribute."""
        tail = (1 - level) / 2
        low, high = np.quantile(getattr(self, name), [tail, 1 - tail], axis=0)
        return low, high


def parametric_bootstrap(
    model: Any,
    X: Any,
    session_starts: Any = None,
    *,
    n_samples: int = 100,
    observed: Any = None,
    seed: int | shared.Seed = 0,
) -> Bootstrap:
    """Return fits to `n_samples` data sets simulated from the model, at the same regressors.

    Fits start at the model's parameters, run side by side in one compiled program, and their states
    are matched to the model's by their weights. Coefficients of a pytree are stacked into rows.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    X, session_starts
        The regressors of the fit.
    n_samples : int
        Number of data sets.
    observed : array_like of bool, shape (n_trials,), optional
        False where the response is missing.
    seed : int or Seed
        For the simulations.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, parametric_bootstrap
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(300, 2)), rng.binomial(1, 0.4, 300)
    >>> found = parametric_bootstrap(GLMHMM(n_states=1).fit(X, y), X, n_samples=20)
    >>> found.coef.shape
    (20, 2, 1)
    """
    if hasattr(model, "transition_coef_"):
        raise fail("model", "constant transitions", "driven ones")
    stream = shared.as_seed(seed).child("bootstrap")
    draws = [
        np.asarray(model.simulate(part, X, session_starts=session_starts)[0])
        for part in stream.children(n_samples)
    ]
    data = model._read(X, draws[0], session_starts)
    seen = np.ones(data.n_trials, bool) if observed is None else np.asarray(observed)[data.kept]
    core = model._to_core(model._params, data)
    with double_precision():
        layout = lay_out(data.starts)
        first = as_arrays(pack(layout, data.x, draws[0][data.kept], data.starts, seen))
        trials = []
        for y in draws:
            rows = y[data.kept] if y.ndim == 2 else y[data.kept][:, None]
            trials.append(first._replace(y=layout.put(rows, float(rows.flat[0]))))
        prior = model._prior(data)
        n = len(trials)
        fits = fit_all(
            [core] * n,
            trials,
            [prior],
            max(model.tol, 1e-6),
            model.maxiter,
            model._model(layout.split, False),
            trace_length(model.maxiter),
        )
    single = np.ndim(model.intercept_) == 1
    parts = [_matched(fit.parameters, core) for fit in fits]
    values = [from_core(part, single) for part in parts]
    columns = [np.stack(column) for column in zip(*values, strict=True)]
    return Bootstrap(*columns)


def _matched(parameters: Any, reference: Any) -> Any:
    from scipy.optimize import linear_sum_assignment

    k = len(parameters.initial)
    a = np.asarray(parameters.weights).reshape(k, -1)
    b = np.asarray(reference.weights).reshape(k, -1)
    order = linear_sum_assignment(((b[:, None] - a[None]) ** 2).sum(axis=2))[1]
    p = jax.tree.map(np.asarray, parameters)
    return p._replace(
        weights=p.weights[order],
        log_scale=p.log_scale[order],
        initial=p.initial[order],
        transition=p.transition[np.ix_(order, order)],
    )
