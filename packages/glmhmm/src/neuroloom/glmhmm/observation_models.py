"""The observation models, under the reference's module path."""

from neuroloom.glmhmm._families.families import (
    BernoulliObservations,
    CategoricalObservations,
    GammaObservations,
    GaussianObservations,
    NegativeBinomialObservations,
    Observations,
    PoissonObservations,
)

__all__ = [
    "BernoulliObservations",
    "CategoricalObservations",
    "GammaObservations",
    "GaussianObservations",
    "NegativeBinomialObservations",
    "Observations",
    "PoissonObservations",
]
