"""From the activity of a network to field potentials: proxies, kernels, volume conduction."""

from neuroloom.circuit_inference._forward.cable import (
    EXCITATORY,
    INHIBITORY,
    Cell,
    Conductance,
    Places,
)
from neuroloom.circuit_inference._forward.kernels import (
    Pathway,
    dipole_kernels,
    dipole_moment,
    load_kernels,
    save_kernels,
)
from neuroloom.circuit_inference._forward.proxies import proxy
from neuroloom.circuit_inference._forward.recorder import Recorder
from neuroloom.circuit_inference._forward.volume_conduction import (
    four_sphere,
    infinite_medium,
    infinite_medium_magnetic,
)

__all__ = [
    "Cell",
    "Conductance",
    "EXCITATORY",
    "INHIBITORY",
    "Pathway",
    "Places",
    "Recorder",
    "dipole_kernels",
    "dipole_moment",
    "four_sphere",
    "infinite_medium",
    "infinite_medium_magnetic",
    "load_kernels",
    "proxy",
    "save_kernels",
]
