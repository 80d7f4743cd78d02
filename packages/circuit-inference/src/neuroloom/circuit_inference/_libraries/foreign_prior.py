"""Priors of other programs: torch's distributions, which sbi takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._libraries.marginal import Marginal
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference.errors import PriorError

Array = NDArray[np.float64]
_DRAWS = 5000  # that say what a distribution is which has no form here


def as_prior(given: Any, n_parameters: int) -> Prior:
    """Return a `Prior` from one of ours, or from a torch distribution such as sbi's BoxUniform.

    Parameters
    ----------
    given : Prior, torch Distribution, or list of them
        Uniform, normal, log-normal and multivariate normal distributions, also independent ones
        side by side (a list, sbi's ``MultipleIndependent``), keep their form. Any other with
        ``sample`` is taken from 5,000 draws, with what its parameters have to do with each other.
    n_parameters : int
        How many parameters there are.

    Raises
    ------
    PriorError
        If it is none of these, or of another number of parameters.
    """
    prior = _taken(given)
    if prior.n_parameters != n_parameters:
        raise PriorError(f"prior: expected {n_parameters} parameters, got {prior.n_parameters}")
    return prior


def _taken(given: Any) -> Prior:
    if isinstance(given, Prior):
        return given
    parts = list(given) if isinstance(given, (list, tuple)) else getattr(given, "dists", None)
    if parts:
        found = [_taken(part) for part in parts]
        prior = _named(found[0], 0)
        for other in found[1:]:
            prior = prior.joined(_named(other, prior.n_parameters))
        return prior
    if not (hasattr(given, "sample") and hasattr(given, "log_prob")):
        raise PriorError(
            f"prior: expected a Prior or a torch distribution such as sbi's BoxUniform, got "
            f"{type(given).__name__}"
        )
    return _of_form(_inner(given)) or _of_draws(given)


def _inner(given: Any) -> Any:
    """Return the distribution inside sbi's and torch's wrappers that change nothing."""
    while hasattr(given, "base_dist") and not getattr(given, "transforms", None):
        given = given.base_dist
    return given


def _of_form(given: Any) -> Prior | None:
    """Return the prior of a distribution that has a form of ours, None of others."""
    kind = type(given).__name__
    if kind in ("Uniform", "BoxUniform"):
        return Prior(_names(_column(given.low).size), _ends(given.low), _ends(given.high))
    if kind == "MultivariateNormal":
        return Prior.normal(_column(given.loc), np.asarray(given.covariance_matrix, np.float64))
    if kind in ("Normal", "LogNormal"):
        word, low = ("normal", -np.inf) if kind == "Normal" else ("log-normal", 0.0)
        pairs = zip(_column(given.loc), _column(given.scale), strict=True)
        marginals = [Marginal(word, low, np.inf, float(m), float(s)) for m, s in pairs]
        return Prior.of(dict(zip(_names(len(marginals)), marginals, strict=True)))
    return None


def _of_draws(given: Any) -> Prior:
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(0)  # `torch.manual_seed` seeds every GPU's, too
        draws = np.asarray(given.sample((_DRAWS,)), dtype=np.float64)
    return Prior.from_samples(draws.reshape(_DRAWS, -1))


def _named(prior: Prior, first: int) -> Prior:
    """Return a prior whose parameters are numbered from `first`."""
    return replace(prior, names=_names(prior.n_parameters, first))


def _names(n: int, first: int = 0) -> tuple[str, ...]:
    return tuple(f"theta_{i}" for i in range(first, first + n))


def _column(value: Any) -> Array:
    return np.asarray(value, dtype=np.float64).reshape(-1)


def _ends(value: Any) -> tuple[float, ...]:
    return tuple(float(x) for x in _column(value))
