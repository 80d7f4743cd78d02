"""Sweeps over spiking runs."""

from neuroloom.lifnet._execution._sweep import SNNBaseSweepRunner

__all__ = ["SNNBaseSweepRunner"]
