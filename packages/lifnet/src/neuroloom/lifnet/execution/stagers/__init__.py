"""Stagers of spiking runs and of the theory."""

from neuroloom.lifnet._execution._mean_field_stagers import (
    FullMeanFieldStager,
    ReducedMeanFieldStager,
)
from neuroloom.lifnet._execution._snn_stager import StageSNNSimulation

__all__ = ["FullMeanFieldStager", "ReducedMeanFieldStager", "StageSNNSimulation"]
