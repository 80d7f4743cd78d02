"""The interchangeable parts that learn parameters from features: one file each."""

from neuroloom.circuit_inference._estimators.base import Estimator
from neuroloom.circuit_inference._estimators.build import SBI_MODELS, build, known_models

__all__ = ["SBI_MODELS", "Estimator", "build", "known_models"]
