"""What a converter could not carry over, and why."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from neuroloom.shared._errors import DataError, MissingDependencyError


class ConversionWarning(UserWarning):
    """Something has no place in the type that a converter returns; the text names it."""


ConversionWarning.__module__ = "neuroloom.shared.convert"  # where it is imported from


class Skipped(dict[str, str]):
    """Reason by name of what is left out; a name that comes twice is numbered."""

    def note(self, name: str, reason: object) -> None:
        """Add an entry."""
        key, number = name, 2
        while key in self and self[key] != str(reason):
            key, number = f"{name} ({number})", number + 1
        self[key] = str(reason)

    @contextlib.contextmanager
    def of(self, what: str) -> Iterator[Skipped]:
        """Yield what the block may note, and add it with the name of what it belongs to."""
        own = Skipped()
        yield own
        for name, reason in own.items():
            self.note(f"{name} of {what}", reason)

    @contextlib.contextmanager
    def guard(self, name: str) -> Iterator[None]:
        """Turn an error of the block into an entry, so that one part never blocks the rest."""
        try:
            yield
        except MissingDependencyError:
            raise  # the user can mend this one
        except DataError as error:
            self.note(name, error)
        except Exception as error:  # whatever h5py, hdmf, pandas and others raise on foreign data
            text = " ".join(str(error).split()) or "no message"
            self.note(name, f"cannot be read: {type(error).__name__}: {text}")

    def warn(self, what: str, *, stacklevel: int = 3) -> None:
        """Say what was left out where the returned object has no metadata to say it in."""
        if self:
            listed = "; ".join(f"{name}: {reason}" for name, reason in self.items())
            warnings.warn(f"{what}: {listed}", ConversionWarning, stacklevel=stacklevel)


def plain(value: Any) -> Any:
    """Return `value` in the form that JSON holds; what JSON has no form for as text."""
    import numpy as np

    unit = str(getattr(value, "dimensionality", "dimensionless"))
    if unit != "dimensionless":  # a quantity of neo's
        return {"value": plain(value.magnitude), "unit": unit}
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, dict):
        if others := [key for key in value if not isinstance(key, str)]:
            told = f"metadata: the names {others[:5]} become text, for JSON has no others"
            warnings.warn(told, ConversionWarning, stacklevel=3)
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return value if value - value == 0 else repr(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    moment = getattr(value, "isoformat", None)
    return moment() if moment is not None else str(value)


def free(name: str, taken: Any) -> str:
    """Return a name that is not taken: itself, or with a number behind it."""
    found, number = name, 2
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
