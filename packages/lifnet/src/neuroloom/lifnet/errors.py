"""The errors and warnings of lifnet."""

from neuroloom.lifnet._errors import (
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
    "ClippingWarning",
    "ConfigError",
    "LifnetError",
    "NetworkError",
    "PerturbationError",
    "PlausibilityWarning",
    "RoundingWarning",
    "SimulationError",
]
