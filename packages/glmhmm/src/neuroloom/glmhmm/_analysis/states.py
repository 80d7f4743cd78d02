"""Which state is which: orders, permutations and the match with another model."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any

import jax
import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._model.parameters import Parameters


def _rows(model: Any) -> NDArray[np.float64]:
    """Return all emission parameters, one row per state."""
    coef = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(model.coef_)])
    parts = [coef.reshape(-1, model.n_states), np.reshape(model.intercept_, (-1, model.n_states))]
    if model.observation_model.has_scale:
        parts.append(np.log(model.scale_).reshape(-1, model.n_states))
    return np.concatenate(parts).T


def closest(
    parameters: Parameters,
    reference: Parameters,
    x: NDArray[np.float64],
    unit: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Return the order of states that is closest to the reference's on trials.

    It counts how far their linear predictors are apart at the regressors `x`, in units of each
    output, and their log scales: whatever units the regressors have.
    """
    full = np.column_stack([x, np.ones(len(x))])
    moments = full.T @ full / max(len(x), 1)
    a, b = np.asarray(parameters.weights), np.asarray(reference.weights)
    far = (b[:, None] - a[None]) / unit[:, None]
    cost = np.einsum("abop,pq,aboq->ab", far, moments, far)
    scales = np.asarray(reference.log_scale)[:, None] - np.asarray(parameters.log_scale)[None]
    return _assigned(cost + (scales**2).sum(axis=2))


def _assigned(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.asarray(scipy.optimize.linear_sum_assignment(cost)[1], dtype=np.int64)


def match_states(model: Any, reference: Any) -> NDArray[np.int64]:
    """Return the order of `model`'s states that is closest to `reference`'s, by their weights.

    The sum of squared differences is the smallest of all assignments (Kuhn 1955). Regressors
    count by their units: a weight per millisecond says a thousandth of one per second.

    Parameters
    ----------
    model, reference : GLMHMM
        Fitted, with equal numbers of states and features.
    """
    a, b = _rows(model), _rows(reference)
    if a.shape != b.shape:
        raise fail("reference", f"{a.shape[0]} states with {a.shape[1]} parameters", f"{b.shape}")
    cost = ((b[:, None] - a[None]) ** 2).sum(axis=2)
    return _assigned(cost)


def permute_states(model: Any, order: ArrayLike) -> Any:
    """Return a copy of the model whose state k is the old state ``order[k]``.

    Priors and strengths that speak of states one by one move along.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    order : array_like, shape (n_states,)
        Old numbers of the states in their new order.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom.glmhmm import GLMHMM, order_states, permute_states
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(200, 2)), rng.binomial(1, 0.5, 200)
    >>> model = GLMHMM(n_states=2).fit(X, y)
    >>> swapped = permute_states(model, [1, 0])
    >>> bool(np.isclose(swapped.score(X, y), model.score(X, y)))
    True
    >>> bool((np.diff(order_states(model, by=0).coef_[0]) <= 0).all())
    True
    """
    index = np.asarray(order)
    if index.dtype.kind not in "iu" or sorted(index.tolist()) != list(range(model.n_states)):
        raise fail("order", f"a permutation of 0 … {model.n_states - 1}", index.tolist())
    out = copy.deepcopy(model)
    reorder(out, index)
    return out


def reorder(model: Any, index: NDArray[np.int64]) -> None:
    """Let the model's state k be its old state ``index[k]``."""
    settings = _moved_settings(model, index)
    model.coef_ = jax.tree.map(lambda leaf: np.ascontiguousarray(leaf[..., index]), model.coef_)
    model.intercept_ = np.ascontiguousarray(model.intercept_[..., index])
    model.scale_ = np.ascontiguousarray(model.scale_[..., index])
    model.initial_prob_ = model.initial_prob_[index]
    model.transition_prob_ = model.transition_prob_[np.ix_(index, index)]
    if hasattr(model, "transition_coef_"):
        model.transition_coef_ = model.transition_coef_[:, index][:, :, index]
    for name, value in settings.items():
        setattr(model, name, value)


def _moved_settings(model: Any, index: NDArray[np.int64]) -> dict[str, Any]:
    """Return the settings that hold a value for each state, in the states' new order."""
    initial, transition = model.dirichlet_initial_proba, model.dirichlet_transition_proba
    strength = model.__dict__["regularizer_strength"]
    return {
        "dirichlet_initial_proba": None if initial is None else initial[index],
        "dirichlet_transition_proba": None
        if transition is None
        else transition[np.ix_(index, index)],
        "regularizer": model.regularizer.reordered(index),
        "regularizer_strength": model.regularizer.strength_reordered(
            strength, index, jax.tree.structure(model.coef_)
        ),
    }


def order_states(model: Any, *, by: int | str = 0) -> Any:
    """Return a copy of the model with its states in a defined order.

    Parameters
    ----------
    model : GLMHMM
        Fitted.
    by : int or {"intercept", "stay"}
        A feature's number: falling weight, so that the state engaged with it comes first; of
        several outputs on the first that it acts on. ``"intercept"``: rising intercept.
        ``"stay"``: falling probability to stay.
    """
    coef = np.concatenate([np.asarray(leaf) for leaf in jax.tree.leaves(model.coef_)])
    if by == "intercept":
        key = np.reshape(model.intercept_, (-1, model.n_states))[0]
    elif by == "stay":
        key = -np.diag(model.transition_prob_)
    elif isinstance(by, Integral) and not isinstance(by, bool) and 0 <= by < len(coef):
        outputs = coef[by].reshape(-1, model.n_states)
        key = -outputs[(outputs != 0).any(axis=1).argmax()]
    else:
        feature = f"a feature from 0 to {len(coef) - 1}, " if len(coef) else ""
        raise fail("by", f'{feature}"intercept" or "stay"', repr(by))
    return permute_states(model, np.argsort(key, kind="stable"))
