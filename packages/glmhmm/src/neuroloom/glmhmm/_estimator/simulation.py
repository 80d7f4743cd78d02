"""Data that a model makes."""

from __future__ import annotations

from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.compile import by_trial
from neuroloom.glmhmm._em.markov_paths import draw_states
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._estimator.problem import check_fitted, check_names
from neuroloom.glmhmm._estimator.reading import driving_inputs, unpack
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.links import Link
from neuroloom.glmhmm._input.arrays import read_design
from neuroloom.glmhmm._input.trials import Data, read, restore
from neuroloom.glmhmm._model import settings


def check_format(state_format: Any) -> None:
    """Raise if a format of states is not known."""
    if not isinstance(state_format, str) or state_format not in ("one-hot", "index"):
        raise fail("state_format", '"one-hot" or "index"', repr(state_format))


def predictors_of(model: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the linear predictors in each state, (n_trials, [n_outputs,] n_states)."""
    coef = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(model.coef_)])
    if x.shape[1] != len(coef):
        raise fail("X", f"{len(coef)} features as in the fit", x.shape[1])
    return np.asarray(np.tensordot(x, coef, axes=1) + model.intercept_)


def rates_of(model: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean response in each state, (n_trials, [n_outputs,] n_states), of plain rows."""
    eta = np.moveaxis(predictors_of(model, x), 0, -1)
    family, link = model.observation_model, model.inverse_link_function
    mean = by_trial(_mean, (eta,), np.asarray(model.scale_), family=family, link=link)
    return np.array(np.moveaxis(mean, -1, 0))


def _mean(eta: Any, scale: Any, family: Observations, link: Link) -> Any:
    return jax.numpy.moveaxis(family.mean(jax.numpy.moveaxis(eta, -1, 0), scale, link), 0, -1)


def state_rates(self: Any, X: Any = None) -> NDArray[np.float64]:
    """Return the mean response in each state, (n_trials, [n_outputs,] n_states).

    Without regressors (``X=None``) the first axis has length one.

    Parameters
    ----------
    X : array_like, or a pytree of them
        Regressors as in `fit`.
    """
    check_fitted(self)
    X, _, _ = unpack(X, None, None)
    if X is None:
        return rates_of(self, np.zeros((1, 0)))
    design = read_design(X)
    check_names(self, design.names)
    return rates_of(self, design.matrix)


def simulate(
    self: Any,
    random_key: Any,
    feedforward_input: Any = None,
    state_format: Literal["one-hot", "index"] = "index",
    session_starts: Any = None,
    *,
    transition_inputs: Any = None,
    n_trials: int | None = None,
) -> tuple[Any, Any, Any]:
    """Return simulated responses, their means and the hidden states.

    Parameters
    ----------
    random_key : int, Seed or JAX key
        Same key, same draw.
    feedforward_input : array_like, shape (n_trials, n_features), or a pytree of them
        Regressors; None for a model without any. With ``missing="mask"`` responses and means are
        NaN where a regressor is, while the states go on.
    state_format : {"index", "one-hot"}
        How states are returned.
    session_starts : array_like or pynapple.IntervalSet, optional
        As in `fit`.
    transition_inputs : array_like, optional
        As in `fit`.
    n_trials : int, optional
        How many trials, where there are no regressors.

    Returns
    -------
    y : ndarray, shape (n_trials,) or (n_trials, n_outputs)
        Labels, an array of them also for pynapple's, of a model that was fitted to labels.
    rates : ndarray
        Mean response given the state, or the categories' probabilities, in the order of
        ``classes_``.
    states : ndarray

    Examples
    --------
    >>> import jax
    >>> import numpy as np
    >>> import neuroloom.glmhmm as nmo
    >>> rng = np.random.default_rng(123)
    >>> X = rng.normal(size=(100, 3))
    >>> y = rng.binomial(1, 0.5, 100)
    >>> model = nmo.GLMHMM(n_states=2).fit(X, y)
    >>> activity, rates, states = model.simulate(jax.random.key(0), X[:50])
    >>> activity.shape, states.shape
    ((50,), (50,))
    """
    check_format(state_format)
    check_fitted(self)
    rng = settings.generator(random_key)
    family = self.observation_model
    X, _, session_starts = unpack(feedforward_input, None, session_starts)
    if X is None and n_trials is None:
        raise fail("n_trials", "a number of trials where X is None", "None")
    n = len(read_design(X).matrix) if X is not None else int(n_trials or 0)
    if n_trials is not None and n_trials != n:
        raise fail("n_trials", f"the {n} trials of X", n_trials)
    single = np.ndim(self.intercept_) == 1 or family.couples
    columns = family.n_columns() or (1 if single else np.shape(self.intercept_)[0])
    dummy = np.zeros(n) if columns == 1 and single else np.zeros((n, columns))
    data = read(X, dummy, session_starts, self.missing, family)
    inputs = driving_inputs(self, transition_inputs, data)
    y, mean, path = simulate_on(self, rng, data, inputs)
    if data.gaps.any():
        y[data.gaps] = mean[data.gaps] = np.nan
    states = path if state_format == "index" else np.eye(self.n_states, dtype=np.int64)[path]
    return _labelled(self, restore(y, data)), restore(mean, data), restore(states, data)


def _labelled(model: Any, y: Any) -> Any:
    """Return responses as `fit` took them: numbers, or the labels that they stand for."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        return y
    return model.observation_model.decode(np.asarray(getattr(y, "values", y)), classes)


def simulate_on(
    model: Any, rng: np.random.Generator, data: Data, inputs: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return responses, means and states drawn at the regressors and sessions of trials."""
    drive = None if inputs is None else model.transition_coef_
    path = draw_states(rng, data.starts, model.initial_prob_, model.transition_prob_, drive, inputs)
    rates = rates_of(model, data.x)
    mean = rates[np.arange(data.n_trials), ..., path]
    scale = model.scale_[..., path] if np.ndim(model.scale_) == 1 else model.scale_.T[path]
    eta = predictors_of(model, data.x)[np.arange(data.n_trials), ..., path]
    return model.observation_model.draw(rng, eta, mean, scale), mean, path
