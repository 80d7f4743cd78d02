"""catch22, the 22 CAnonical Time-series CHaracteristics, written from their definitions."""

from neuroloom.circuit_inference._catch22._batch import MINIMUM_LENGTH, catch22
from neuroloom.circuit_inference._catch22._names import NAMES, SHORT_NAMES, feature_names

__all__ = ["MINIMUM_LENGTH", "NAMES", "SHORT_NAMES", "catch22", "feature_names"]
