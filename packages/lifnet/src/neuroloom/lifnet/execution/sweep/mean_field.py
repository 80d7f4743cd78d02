"""Sweeps over the theory."""

from neuroloom.lifnet._execution._sweep import MeanFieldBaseSweepRunner

__all__ = ["MeanFieldBaseSweepRunner"]
