"""The errors of lifnet.

::

    NeuroloomError
    ├── DataError(ValueError)
    │   └── LifnetError                  an input to lifnet that does not fit
    │       ├── ConfigError              a configuration: unknown, missing or impossible keys
    │       ├── NetworkError             a network declaration, connectivity or drive
    │       ├── PerturbationError        a perturbation: unknown target, wrong shape or length
    │       └── SimulationError          a run: duration, step, state, recording
    └── ConvergenceError(RuntimeError)   a fixed point asked for that was not reached

Warnings: `RoundingWarning` where a time is rounded to the step, `ClippingWarning` where a negative
rate is set to zero.
"""

from __future__ import annotations

from neuroloom.shared import DataError


class LifnetError(DataError):
    """An input to lifnet that does not have the form that was asked for."""


class ConfigError(LifnetError):
    """A configuration with an unknown, missing or impossible key."""


class NetworkError(LifnetError):
    """A network declaration, connectivity or drive that cannot be."""


class PerturbationError(LifnetError):
    """A perturbation with an unknown target, or of the wrong shape or length."""


class SimulationError(LifnetError):
    """A run that cannot be: duration, step, state or recording."""


class RoundingWarning(UserWarning):
    """A time was rounded to a whole number of steps."""


class ClippingWarning(UserWarning):
    """A negative rate was set to zero."""
