"""The errors and warnings of lifnet."""

from neuroloom.lifnet._errors import (
    BranchWarning,
    ClippingWarning,
    ConfigError,
    LifnetError,
    NetworkError,
    PerturbationError,
    PlausibilityWarning,
    RoundingWarning,
    SimulationError,
)

__all__ = [
    "BranchWarning",
    "ClippingWarning",
    "ConfigError",
    "LifnetError",
    "NetworkError",
    "PerturbationError",
    "PlausibilityWarning",
    "RoundingWarning",
    "SimulationError",
]
