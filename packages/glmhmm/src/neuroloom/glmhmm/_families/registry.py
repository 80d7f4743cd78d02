"""Families by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroloom.glmhmm._errors import InputTypeError, fail, fail_type
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.bernoulli import BernoulliObservations
from neuroloom.glmhmm._families.gamma import GammaObservations
from neuroloom.glmhmm._families.gaussian import GaussianObservations
from neuroloom.glmhmm._families.inverse_gaussian import InverseGaussianObservations
from neuroloom.glmhmm._families.links import LINKS
from neuroloom.glmhmm._families.log_normal import LogNormalObservations
from neuroloom.glmhmm._families.mixed import MixedObservations, Part
from neuroloom.glmhmm._families.negative_binomial import NegativeBinomialObservations
from neuroloom.glmhmm._families.poisson import PoissonObservations
from neuroloom.glmhmm._families.wiener import WienerObservations
from neuroloom.shared import checks

FAMILIES: dict[str, type[Observations]] = {
    "Poisson": PoissonObservations,
    "Gamma": GammaObservations,
    "Bernoulli": BernoulliObservations,
    "NegativeBinomial": NegativeBinomialObservations,
    "Gaussian": GaussianObservations,
    "LogNormal": LogNormalObservations,
    "InverseGaussian": InverseGaussianObservations,
    "Wiener": WienerObservations,
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
    if isinstance(value, Mapping):
        return _mixed(value)
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
        raise checks.unknown("observation_model", value, FAMILIES, error=InputTypeError)
    raise fail_type("observation_model", f"one of {names} or an object of them", value)


def _mixed(outputs: Mapping[str, Any]) -> MixedObservations:
    """Return the mixed model of outputs by name: a family, or a family and a link."""
    parts = []
    for name, told in outputs.items():
        if not isinstance(name, str):
            raise fail_type("observation_model", "names of outputs", name)
        given, link = told if isinstance(told, tuple) and len(told) == 2 else (told, None)
        one = family(given)
        if isinstance(link, str):
            if link not in LINKS:
                hint = checks.did_you_mean(link, LINKS)
                raise fail("observation_model", f"a link among {sorted(LINKS)}", repr(link), hint)
            link = LINKS[link]
        elif link is not None and not callable(link):
            raise fail_type("observation_model", "a link's name or a callable", link)
        parts.append(Part(name, one, link or one.default_inverse_link_function))
    return MixedObservations(tuple(parts))
