"""Numbers that models are changed by, checked before anything is computed from them."""

from __future__ import annotations

from neuroloom.lifnet._errors import NetworkError
from neuroloom.shared import checks


def check_numbers(**values: object) -> None:
    """Raise `NetworkError` unless each of these is a finite number."""
    for name, value in values.items():
        checks.real(name, value, error=NetworkError)


def check_positive(**values: object) -> None:
    """Raise `NetworkError` unless each of these is a finite number above 0."""
    for name, value in values.items():
        checks.real(name, value, above=0, error=NetworkError)
