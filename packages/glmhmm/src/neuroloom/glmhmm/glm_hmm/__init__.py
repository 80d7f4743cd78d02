"""The estimator, under the reference's module path."""

from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm.glm_hmm import initialize_parameters

__all__ = ["GLMHMM", "initialize_parameters"]
