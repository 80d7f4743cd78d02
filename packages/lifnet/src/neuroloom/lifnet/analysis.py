"""Attractors, life spans and transitions in rasters."""

from neuroloom.lifnet._analysis._analyzer import Analyzer
from neuroloom.lifnet._analysis._attractors import ClusteringParams

__all__ = ["Analyzer", "ClusteringParams"]
