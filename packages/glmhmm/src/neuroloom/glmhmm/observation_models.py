"""The observation models, under the reference's module path."""

from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.bernoulli import BernoulliObservations
from neuroloom.glmhmm._families.categorical import CategoricalObservations
from neuroloom.glmhmm._families.gamma import GammaObservations
from neuroloom.glmhmm._families.gaussian import GaussianObservations
from neuroloom.glmhmm._families.inverse_gaussian import InverseGaussianObservations
from neuroloom.glmhmm._families.log_normal import LogNormalObservations
from neuroloom.glmhmm._families.mixed import MixedObservations
from neuroloom.glmhmm._families.negative_binomial import NegativeBinomialObservations
from neuroloom.glmhmm._families.poisson import PoissonObservations
from neuroloom.glmhmm._families.wiener import WienerObservations

__all__ = [
    "BernoulliObservations",
    "CategoricalObservations",
    "GammaObservations",
    "GaussianObservations",
    "InverseGaussianObservations",
    "LogNormalObservations",
    "MixedObservations",
    "NegativeBinomialObservations",
    "Observations",
    "PoissonObservations",
    "WienerObservations",
]
