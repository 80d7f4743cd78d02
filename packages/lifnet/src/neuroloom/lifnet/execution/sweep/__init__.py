"""Sweeps."""

from neuroloom.lifnet._execution._sweep import (
    BaseSweepRunner,
    MeanFieldBaseSweepRunner,
    SNNBaseSweepRunner,
)

__all__ = ["BaseSweepRunner", "MeanFieldBaseSweepRunner", "SNNBaseSweepRunner"]
