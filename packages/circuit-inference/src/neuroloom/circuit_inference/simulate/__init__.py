"""Libraries of spiking networks, run by neuroloom-lifnet (extra ``[simulate]``)."""

from neuroloom.circuit_inference.simulate._gates import Gates
from neuroloom.circuit_inference.simulate._models import MODELS, NetworkModel, network_model
from neuroloom.circuit_inference.simulate._simulator import NetworkSimulator, network_library

__all__ = [
    "MODELS",
    "Gates",
    "NetworkModel",
    "NetworkSimulator",
    "network_library",
    "network_model",
]
