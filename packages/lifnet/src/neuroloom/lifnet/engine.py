"""The spiking engine on arrays: neurons, synapses and input, and the step in three forms."""

from neuroloom.lifnet._engine import (
    Cells,
    Connectivity,
    CountDrive,
    NormalDrive,
    Record,
    Simulation,
    State,
    SurrogateSpike,
    TorchRun,
    run_torch,
    simulate,
)

__all__ = [
    "Cells",
    "Connectivity",
    "CountDrive",
    "NormalDrive",
    "Record",
    "Simulation",
    "State",
    "SurrogateSpike",
    "TorchRun",
    "run_torch",
    "simulate",
]
