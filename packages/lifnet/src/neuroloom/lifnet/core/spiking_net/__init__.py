"""The spiking network and its perturbations."""

from neuroloom.lifnet._clustered._perturbation import (
    CirculantPerturbation,
    VectorialPerturbation,
)
from neuroloom.lifnet._lif_net import LIFNet

__all__ = ["CirculantPerturbation", "LIFNet", "VectorialPerturbation"]
