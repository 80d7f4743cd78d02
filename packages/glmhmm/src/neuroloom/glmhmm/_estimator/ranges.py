"""Where predictors leave the range of means that a family allows, or are about to."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.compile import by_trial
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.links import Link
from neuroloom.glmhmm._input.trials import Data
from neuroloom.glmhmm._model.parameters import Parameters


def outside(model: Any, weights: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where a state's mean is outside of the family's range, (n_states, n_trials)."""
    family, link = model.observation_model, model.inverse_link_function
    if _never_leaves(family, link, weights.shape[:-1]):
        return np.zeros((len(weights), len(x)), dtype=bool)
    eta = weights[..., :-1] @ x.T + weights[..., -1:]
    return ~np.asarray(by_trial(_inside, (eta,), family=family, link=link).all(axis=1))


@functools.lru_cache(maxsize=64)
def _never_leaves(family: Observations, link: Link, shape: tuple[int, ...]) -> bool:
    """Return whether no predictor gives a mean that the family does not allow."""
    one = np.zeros((*shape, 1), np.float32)
    return jax.eval_shape(functools.partial(family.inside, link), one) is None


def _inside(eta: Any, family: Observations, link: Link) -> Any:
    return family.inside(link, eta)


def _room(eta: Any, family: Observations, link: Link) -> Any:
    return family.room(link, eta)


def at_border(
    model: Any, weights: NDArray[np.float64], x: NDArray[np.float64], unit: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return where a predictor is a thousandth from leaving its range, (n_states, n_outputs, n).

    `unit` is the predictors', (n_outputs,).
    """
    family, link = model.observation_model, model.inverse_link_function
    if _never_leaves(family, link, weights.shape[:-1]):
        return np.zeros((*weights.shape[:-1], len(x)), dtype=bool)
    eta = weights[..., :-1] @ x.T + weights[..., -1:]
    room = by_trial(_room, (eta,), family=family, link=link)
    return np.asarray(room < 1e-3 * np.maximum(np.abs(eta), 1e-3 * np.asarray(unit)[:, None]))


def check_means(model: Any, core: Parameters, data: Data) -> None:
    """Raise if a state's mean is outside of the family's range on an observed trial."""
    bad = outside(model, np.asarray(core.weights), data.x_observed)
    if bad.any():
        k, at = (int(i) for i in np.argwhere(bad)[0])
        row = int(np.flatnonzero(data.kept)[np.flatnonzero(data.observed)[at]])
        link = getattr(model.inverse_link_function, "__name__", "the link")
        raise fail(
            "the parameters",
            f"means that {model.observation_model!r} allows for every trial",
            f"one outside of its range in state {k}, row {row}: {link} of the linear predictor; "
            "positive finite rates are needed at the start and on new data",
        )
