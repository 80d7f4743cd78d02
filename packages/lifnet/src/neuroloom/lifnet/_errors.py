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

Warnings: `RoundingWarning` where a time is rounded to the step or the precision is too low for the
step, `ClippingWarning` where a negative rate is set to zero, `PlausibilityWarning` where a value is
probably not what was meant.
"""

from __future__ import annotations

import warnings

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
    """A time was rounded to a whole number of steps, or a step's change is lost in rounding."""


class PlausibilityWarning(UserWarning):
    """A value that is possible, but probably not meant: milliseconds for seconds, say."""


class BranchWarning(UserWarning):
    """A branch of fixed points goes on where it was not followed further."""


class ClippingWarning(UserWarning):
    """A negative rate was set to zero."""


# Tracebacks show where an error is imported from, not where it happens to be written.
for _kind in [x for x in vars().values() if isinstance(x, type) and x.__module__ == __name__]:
    _kind.__module__ = "neuroloom.lifnet.errors"

LONGEST = 1.0
"""Seconds beyond which a time constant, a delay or a refractory time is probably in ms."""


def warn_of_milliseconds(name: str, seconds: float, *, stacklevel: int = 4) -> None:
    """Warn if a time of neurons or synapses is too long to be meant in seconds.

    Parameters
    ----------
    name : str
        What the warning calls the time.
    seconds : float
        The time.
    stacklevel : int
        As for `warnings.warn`.
    """
    if seconds > LONGEST:
        warnings.warn(
            f"{name}: got {seconds:g} s, longer than times of neurons and synapses are; is it in "
            "milliseconds?",
            PlausibilityWarning,
            stacklevel=stacklevel,
        )
