"""What all data types have in common: equality by content, copies with changes, metadata."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields
from typing import Any, Self

import numpy as np

from neuroloom.shared.checks import fail, unknown
from neuroloom.shared.checks._json import as_json


class Data:
    """Base of the frozen data types: equal when all fields are, rebuilt by the constructor.

    A field whose name starts with an underscore is what a property of the plain name hands out
    as a copy: tables and dicts cannot be made read-only, so nobody gets the stored one.
    """

    __slots__ = ()
    _metadata: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # What dataclasses write fails with slots for names that are no fields (CPython 90562).
        if "__setattr__" in vars(cls):
            cls.__setattr__ = _frozen  # type: ignore[assignment, method-assign]
            cls.__delattr__ = _frozen  # type: ignore[assignment, method-assign]

    @classmethod
    def arguments(cls) -> tuple[str, ...]:
        """Return the names of the constructor's arguments, in order."""
        return tuple(field.name.lstrip("_") for field in fields(cls))  # type: ignore[arg-type]

    def parts(self) -> tuple[Any, ...]:
        """Return the values of the constructor's arguments, in order."""
        return tuple(getattr(self, name) for name in self.arguments())

    def replace(self, **changes: Any) -> Self:
        """Return the same with other values of some of the constructor's arguments.

        Parameters
        ----------
        **changes
            New values by the argument's name.

        Raises
        ------
        DataError
            If there is no such argument, or the values do not fit.
        """
        names = self.arguments()
        for name in changes:
            if name not in names:
                raise unknown("changes", name, names)
        # Not from parts(), which reads what is read when used.
        kept = {name: getattr(self, name) for name in names if name not in changes}
        return type(self)(**kept, **changes)

    @property
    def metadata(self) -> dict[str, Any]:
        """What is known beside the data, a copy."""
        return copy.deepcopy(self._metadata)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(map(equal, self.parts(), other.parts()))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.parts()


def _frozen(self: Data, name: str, *value: Any) -> None:
    kind = type(self).__name__
    raise FrozenInstanceError(f"{name!r} of {kind} cannot be changed; replace() returns a copy")


def equal(a: Any, b: Any) -> bool:
    """Return whether two field values are the same; NaN equals NaN."""
    if isinstance(a, np.ndarray) != isinstance(b, np.ndarray):
        return False
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.hasobject:
            return all(map(equal, a.ravel().tolist(), b.ravel().tolist()))
        return np.array_equal(a, b, equal_nan=a.dtype.kind in "fcMm")
    if hasattr(a, "equals"):  # a DataFrame
        return type(a) is type(b) and bool(a.equals(b))
    if isinstance(a, Mapping):
        return isinstance(b, Mapping) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, float) and isinstance(b, float) and a != a:
        return b != b
    return bool(a == b)


def plain_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return metadata as what JSON makes of them, a copy."""
    if metadata is None:
        return {}
    try:
        given = dict(metadata or {})
    except (TypeError, ValueError) as error:
        raise fail("metadata", "a mapping of names to values", type(metadata).__name__) from error
    plain: dict[str, Any] = json.loads(as_json("metadata", given, nan=False))
    return plain
