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
from collections.abc import Iterator
from contextlib import contextmanager

from neuroloom.shared import DataError, Seed, checks
from neuroloom.shared import as_seed as shared_seed


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
SLOWEST = 10.0
"""The same for what drives a network: a stimulus, a rate that wanders."""
COARSEST = 0.02
"""The same for a step."""


def warn_of_milliseconds(
    name: str, seconds: float, *, longest: float = LONGEST, stacklevel: int = 4
) -> None:
    """Warn if a time is too long to be meant in seconds.

    Parameters
    ----------
    name : str
        What the warning calls the time.
    seconds : float
        The time.
    longest : float
        What such times hardly exceed, in seconds.
    stacklevel : int
        As for `warnings.warn`.
    """
    if seconds > longest:
        warnings.warn(
            f"{name}: got {seconds:g} s, longer than such times are; is it in milliseconds?",
            PlausibilityWarning,
            stacklevel=stacklevel,
        )


@contextmanager
def told_as(kind: type[LifnetError], hint: str = "") -> Iterator[None]:
    """Raise errors of the core as one of this package.

    Parameters
    ----------
    kind : type
        Class of the error.
    hint : str
        What to do, behind the core's sentence.
    """
    try:
        yield
    except LifnetError:
        raise
    except DataError as error:
        raise kind(f"{error}{hint}") from error


def check_function(
    name: str, value: object, what: str, *, error: type[LifnetError] = LifnetError
) -> None:
    """Raise unless a value can be called.

    Parameters
    ----------
    name : str
        The argument.
    value : object
        What was given.
    what : str
        What the function is from and to, "from a run to what is kept of it".
    error : type
        Class of the error.
    """
    if not callable(value):
        raise checks.fail(name, f"a function {what}", value, error=error)


def as_seed(seed: int | Seed) -> Seed:
    """Return `seed` as a `Seed`, or raise an error of this package."""
    with told_as(LifnetError):
        return shared_seed(seed)
