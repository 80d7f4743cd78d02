"""The errors of neuroloom.mi.

::

    NeuralMIError(NeuroloomError)
    ├── DataShapeError(DataError)              arrays that do not fit together
    │   └── InsufficientDataError              too little data for what was asked
    ├── InvalidDataError(DataError)            NaN, constants, labels that are none
    ├── OptionError(ValueError)                an option outside its range or choices
    ├── UnknownOptionError(TypeError)          a name that is no option, or a wrong type
    │   └── CriticOutputError                  a custom critic that returns no scores
    └── TrainingError(RuntimeError)            a critic that diverged

Warnings: ``AxisWarning``, ``UnitsWarning``, ``CeilingWarning``, ``DegenerateDataWarning``,
``SmallSampleWarning``, all of them ``UserWarning``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.shared import DataError, NeuroloomError, checks


class NeuralMIError(NeuroloomError):
    """Base of all errors that neuroloom.mi raises itself."""


class DataShapeError(NeuralMIError, DataError):
    """Arrays have the wrong number of dimensions or do not fit together."""


class InsufficientDataError(DataShapeError):
    """There are fewer samples than the analysis needs."""


class InvalidDataError(NeuralMIError, DataError):
    """Values that carry no information or are not numbers."""


class OptionError(NeuralMIError, ValueError):
    """An option has a value outside its range or its choices."""


class UnknownOptionError(NeuralMIError, TypeError):
    """A name is not an option, or an option has the wrong type."""


class CriticOutputError(UnknownOptionError):
    """A custom critic does not return an ``n × n`` matrix of scores."""


class TrainingError(NeuralMIError, RuntimeError):
    """A critic's training failed."""


class AxisWarning(UserWarning):
    """Says which axis was taken for which."""


class UnitsWarning(UserWarning):
    """Times and windows do not seem to be in the same unit."""


class ClockWarning(UserWarning):
    """Variables were sampled at different moments."""


class CeilingWarning(UserWarning):
    """The estimate is close to the largest value that the bound can take."""


class DegenerateDataWarning(UserWarning):
    """Some channels are constant."""


class SmallSampleWarning(UserWarning):
    """Parts of the analysis were left out for lack of samples."""


# Tracebacks show where an error is imported from, not where it happens to be written.
for _kind in [x for x in vars().values() if isinstance(x, type) and x.__module__ == __name__]:
    _kind.__module__ = "neuroloom.mi.exceptions"


def closest(name: object, known: Iterable[str]) -> str:
    """Return “; did you mean …?” if a known name is close, otherwise nothing."""
    return checks.did_you_mean(name, list(known))


def choice(argument: str, value: object, choices: Iterable[str]) -> str:
    """Return `value` if it is one of `choices`.

    Raises
    ------
    OptionError
        Naming the argument, the choices and the closest one.
    """
    return checks.choice(argument, value, list(choices), error=OptionError)


def known(argument: str, names: Iterable[str], allowed: Iterable[str]) -> None:
    """Check that `names` are all among `allowed`.

    Raises
    ------
    UnknownOptionError
        Naming the first that is not, and the closest that is.
    """
    choices = list(allowed)
    for name in names:
        if name not in choices:
            raise UnknownOptionError(
                f"{argument}: unknown key {name!r}{closest(name, choices)} "
                f"(known: {', '.join(sorted(choices))})"
            )


def real(
    argument: str,
    value: Any,
    *,
    whole: bool = False,
    low: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """Return a finite number within its range; an int is a fine float, 3.0 a fine whole number.

    Raises
    ------
    UnknownOptionError
        If it is no number (a ``TypeError``).
    OptionError
        If it is outside the range.
    """
    errors: dict[str, Any] = {"error": OptionError, "type_error": UnknownOptionError}
    if isinstance(value, (float, np.floating)):
        errors["type_error"] = OptionError  # a number, though perhaps not a whole one
    limits: dict[str, Any] = {"at_least": low, "above": above, "below": below}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if whole:
        if low is not None:
            given["at_least"] = int(low)
        return checks.whole(argument, value, accept_floats=True, **given, **errors)
    return checks.real(argument, value, **given, **errors)


def output_file(argument: str, path: str | os.PathLike[str]) -> Path:
    """Return where a result goes; that nothing can be written there is told before the work."""
    target = Path(path)
    if not target.parent.is_dir() or target.is_dir():
        raise InvalidDataError(f"{argument}: expected a file in an existing folder, got {target}")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise InvalidDataError(f"{argument}: expected a place that can be written, got {target}")
    return target
