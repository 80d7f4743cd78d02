"""Families by name."""

from __future__ import annotations

import difflib
from typing import Any

from neuroloom.glmhmm._errors import InputTypeError, fail, fail_type
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.bernoulli import BernoulliObservations
from neuroloom.glmhmm._families.gamma import GammaObservations
from neuroloom.glmhmm._families.gaussian import GaussianObservations
from neuroloom.glmhmm._families.negative_binomial import NegativeBinomialObservations
from neuroloom.glmhmm._families.poisson import PoissonObservations

FAMILIES: dict[str, type[Observations]] = {
    "Poisson": PoissonObservations,
    "Gamma": GammaObservations,
    "Bernoulli": BernoulliObservations,
    "NegativeBinomial": NegativeBinomialObservations,
    "Gaussian": GaussianObservations,
}


def family(value: Any) -> Observations:
    """Return the observation model that a name or an object means.

    Raises
    ------
    InputError
        If it is neither.
    """
    if isinstance(value, Observations):
        return value
    names = ", ".join(FAMILIES)
    if isinstance(value, str):
        if value in FAMILIES:
            return FAMILIES[value]()
        if value == "Categorical":
            raise fail(
                "observation_model",
                f"one of {names}",
                "'Categorical'; say how many with CategoricalObservations(n_categories)",
            )
        near = difflib.get_close_matches(value, FAMILIES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputTypeError(f"observation_model: expected one of {names}, got {value!r}{hint}")
    raise fail_type("observation_model", f"one of {names} or an object of them", value)
