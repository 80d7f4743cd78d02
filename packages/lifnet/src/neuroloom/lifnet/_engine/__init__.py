"""The spiking engine: neurons, synapses and input in arrays, and the step in three forms."""

from neuroloom.lifnet._engine._cells import Cells, Propagators, propagators
from neuroloom.lifnet._engine._checkpoints import in_stretches
from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._engine._digest import network_digest
from neuroloom.lifnet._engine._join import join
from neuroloom.lifnet._engine._memory import check_memory
from neuroloom.lifnet._engine._noise import CountDrive
from neuroloom.lifnet._engine._normal import NormalDrive
from neuroloom.lifnet._engine._result import Record, Simulation
from neuroloom.lifnet._engine._schedule import Schedule
from neuroloom.lifnet._engine._simulate import simulate
from neuroloom.lifnet._engine._state import State, check_is_state
from neuroloom.lifnet._engine._torch import SurrogateSpike, TorchRun, run_torch

__all__ = [
    "Cells",
    "Connectivity",
    "CountDrive",
    "NormalDrive",
    "Propagators",
    "Record",
    "Schedule",
    "Simulation",
    "State",
    "check_is_state",
    "check_memory",
    "in_stretches",
    "join",
    "network_digest",
    "SurrogateSpike",
    "TorchRun",
    "propagators",
    "run_torch",
    "simulate",
]
