"""What all data types have in common: equality by content, and pickling that keeps read-only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np


class Data:
    """Base of the frozen data types: equal when all fields are, rebuilt by the constructor."""

    __slots__ = ()

    def parts(self) -> tuple[Any, ...]:
        """Return the fields' values, in the order in which the constructor takes them."""
        return tuple(getattr(self, field.name) for field in fields(self))  # type: ignore[arg-type]

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(map(equal, self.parts(), other.parts()))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.parts()


def equal(a: Any, b: Any) -> bool:
    """Return whether two field values are the same; NaN equals NaN."""
    if isinstance(a, np.ndarray):
        return (
            isinstance(b, np.ndarray)
            and a.dtype == b.dtype
            and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
        )
    if hasattr(a, "equals"):  # a DataFrame
        return type(a) is type(b) and bool(a.equals(b))
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return bool(a == b)
