"""Clustered networks from a configuration, their parameters and perturbations."""

from neuroloom.lifnet._clustered._clustered_network import ClusteredNetwork
from neuroloom.lifnet._clustered._parameters import ClusteredParameters, clustered_parameters
from neuroloom.lifnet._clustered._perturbation import (
    CirculantPerturbation,
    VectorialPerturbation,
)

__all__ = [
    "CirculantPerturbation",
    "ClusteredNetwork",
    "ClusteredParameters",
    "VectorialPerturbation",
    "clustered_parameters",
]
