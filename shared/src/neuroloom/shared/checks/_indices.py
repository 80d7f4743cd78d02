"""Indices: integers in any form, boolean masks and names, by one rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._errors import DataError
from neuroloom.shared.checks._arrays import holds_booleans, plain
from neuroloom.shared.checks._names import MakeError, fail, unknown, written
from neuroloom.shared.checks._scalars import number


def index(
    argument: str,
    value: object,
    n: int,
    *,
    names: Sequence[str] = (),
    error: MakeError = DataError,
    type_error: MakeError | None = None,
) -> int:
    """Return the place that an index or a name means, from 0 to ``n - 1``.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : int or str
        An integer of Python or numpy (also an array without dimensions); negative ones count from
        the end, as in numpy. Text is looked up among the `names`. Booleans are no indices.
    n : int
        How many there are.
    names : sequence of str
        Their names, if they have any.
    error, type_error : callable
        What makes the error for a place that does not exist, and for what is no index.

    Raises
    ------
    DataError
        Or what `error` and `type_error` make.

    Examples
    --------
    >>> index("channel", -1, 3), index("channel", "CA3", 2, names=("CA1", "CA3"))
    (2, 1)
    """
    if isinstance(value, str):
        return _named(argument, value, names, error, type_error or error)
    place = number(value)
    if not isinstance(place, int):
        expected = f"an integer{' or a name' if names else ''}"
        got = f"{written(value)} ({type(value).__name__})"
        raise fail(argument, expected, got, error=type_error or error)
    if not -n <= place < n:
        raise _outside(argument, place, n, error)
    return place % n


def indices(
    argument: str,
    values: object,
    n: int,
    *,
    names: Sequence[str] = (),
    unique: bool = False,
    error: MakeError = DataError,
    type_error: MakeError | None = None,
) -> NDArray[np.intp]:
    """Return the places that indices, a mask, a slice or names mean, in their order.

    Parameters
    ----------
    argument : str
        Name of the argument.
    values : int, str, slice, or array_like of int, bool or str
        One index or several: integers (negative ones count from the end), a boolean mask of
        exactly `n` entries (of pandas, with an index that numbers rows or holds the `names`), a
        slice, or `names`. An integer alone is a list of one. Numbers with
        a decimal point are refused, and so are booleans beside integers.
    n : int
        How many there are.
    names : sequence of str
        Their names, if they have any.
    unique : bool
        Refuse a place that is named twice.
    error, type_error : callable
        What makes the error for a place that does not exist, and for what is no index.

    Returns
    -------
    ndarray of intp, shape (n_chosen,)
        Places from 0 to ``n - 1``.

    Raises
    ------
    DataError
        Or what `error` and `type_error` make.

    Examples
    --------
    >>> indices("units", [False, True, True], 3)
    array([1, 2])
    >>> indices("units", -1, 3)
    array([2])
    """
    if isinstance(values, slice):
        return np.arange(n)[_ends_checked(argument, values, type_error or error)]
    scope = _Scope(argument, n, names, error, type_error or error)
    if isinstance(values, (str, int, float, np.generic)) or getattr(values, "shape", None) == ():
        return np.array([scope.place(values)], dtype=np.intp)
    listed: Any = values
    if not hasattr(listed, "__array__") and not isinstance(listed, (list, tuple)):
        if not isinstance(listed, Iterable):
            raise scope.wrong(written(values))
        listed = list(listed)
    raw = plain(argument, listed, error=scope.type_error)
    if raw.ndim != 1:
        raise fail(argument, f"{scope.expected}, 1-D", f"shape {raw.shape}", error=error)
    if raw.dtype.kind == "b":
        check_rows(argument, values, names, error=error)
    places = scope.places(raw, mixed=holds_booleans(listed))
    if unique:
        _check_unique(argument, places, error)
    return places


def check_rows(
    argument: str, values: object, *known: Sequence[Any], error: MakeError = DataError
) -> None:
    """Refuse a column or table of pandas whose index neither numbers its rows nor is known.

    Its values are taken one after the other; an index with gaps or in another order says that
    they belong to other rows.
    """
    if not hasattr(values, "iloc"):
        return
    held = list(values.index)  # type: ignore[attr-defined]
    for labels in (range(len(held)), *known):
        same = zip(held, labels, strict=False)
        if len(labels) == len(held) and all(a == b or (a != a and b != b) for a, b in same):
            return
    got = f"{', '.join(map(str, held[:6]))}{', …' * (len(held) > 6)} in the index"
    hint = "; pass .to_numpy(), or reset_index(drop=True), if they follow one another"
    raise fail(argument, "rows numbered from 0", got, hint=hint, error=error)


@dataclass(frozen=True)
class _Scope:
    """What indices can mean, and how they are refused."""

    argument: str
    n: int
    names: Sequence[str]
    error: MakeError
    type_error: MakeError

    @property
    def expected(self) -> str:
        named = " or names" if self.names else ""
        return f"integers{named}, or a boolean mask with {self.n} entries"

    def wrong(self, got: str) -> Exception:
        return fail(self.argument, self.expected, got, error=self.type_error)

    def place(self, value: object) -> int:
        return index(
            self.argument,
            value,
            self.n,
            names=self.names,
            error=self.error,
            type_error=self.type_error,
        )

    def places(self, raw: NDArray[Any], *, mixed: bool) -> NDArray[np.intp]:
        if raw.dtype.kind == "b":
            if len(raw) != self.n:
                expected = f"a boolean mask with {self.n} entries"
                raise fail(self.argument, expected, f"a mask of {len(raw)}", error=self.error)
            return np.flatnonzero(raw)
        if raw.size == 0 or all(isinstance(one, str) for one in raw):
            return np.array([self.place(one) for one in raw], dtype=np.intp)
        if raw.dtype.kind not in "iu" or mixed:
            kind = "booleans beside integers" if mixed else f"dtype {raw.dtype}"
            if raw.dtype.kind == "f" and np.isnan(raw).any():
                kind = f"which {np.isnan(raw).sum()} are missing"
            raise self.wrong(f"values of {kind}")
        outside = (raw < -self.n) | (raw >= self.n)
        if outside.any():
            raise _outside(self.argument, int(raw[outside][0]), self.n, self.error)
        return raw.astype(np.intp) % self.n


def _ends_checked(argument: str, values: slice, error: MakeError) -> slice:
    """Return a slice whose start, stop and step are integers of Python, or None."""
    ends = [
        None if end is None else number(end) for end in (values.start, values.stop, values.step)
    ]
    given = (values.start, values.stop, values.step)
    whole = all(isinstance(end, int) or was is None for end, was in zip(ends, given, strict=True))
    if not whole or ends[2] == 0:
        expected = "a slice of integers with a step other than 0"
        raise fail(argument, expected, written(values), error=error)
    return slice(*ends)


def _check_unique(argument: str, places: NDArray[Any], error: MakeError) -> None:
    present, times = np.unique(places, return_counts=True)
    if (times > 1).any():
        got = f"{present[times > 1][0]} more than once"
        raise fail(argument, "each place once", got, error=error)


def _outside(argument: str, place: int, n: int, error: MakeError) -> Exception:
    expected = f"indices from 0 to {n - 1}" if n else "no index: there is nothing to choose from"
    return fail(argument, expected, place, error=error)


def _named(
    argument: str, name: object, names: Sequence[str], error: MakeError, type_error: MakeError
) -> int:
    if not names:
        raise fail(argument, "an integer: there are no names", repr(name), error=type_error)
    if name not in names:
        raise unknown(argument, str(name), names, error=error)
    return list(names).index(str(name))
