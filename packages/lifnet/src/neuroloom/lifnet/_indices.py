"""Numbers of neurons and populations by one rule: from 0 on, never from the end.

A −1 is as often what a search that found nothing returns as the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._errors import LifnetError
from neuroloom.shared import checks


def place(name: str, value: Any, n: int, *, error: type[LifnetError] = LifnetError) -> int:
    """Return the number of one of `n` neurons or populations, checked.

    Parameters
    ----------
    name : str
        What an error calls it.
    value : int
        As given.
    n : int
        How many there are.
    error : type
        Class of the error.

    Raises
    ------
    LifnetError
        Or `error`, if there is none of that number.
    """
    found = checks.index(name, value, n, error=error)
    if int(value) < 0:
        raise _outside(name, int(value), n, error)
    return found


def places(
    name: str,
    values: Any,
    n: int,
    *,
    unique: bool = True,
    error: type[LifnetError] = LifnetError,
) -> NDArray[np.int64]:
    """Return the numbers of some of `n` neurons or populations, checked.

    Parameters
    ----------
    name : str
        What an error calls them.
    values : int, sequence of int, slice or boolean mask
        As given.
    n : int
        How many there are.
    unique : bool
        Refuse a number that is given twice.
    error : type
        Class of the error.

    Raises
    ------
    LifnetError
        Or `error`, if there is none of a number.
    """
    if isinstance(values, Set) or (isinstance(values, Iterable) and not hasattr(values, "__len__")):
        values = list(values)
    found = checks.indices(name, values, n, unique=unique, error=error)
    given = np.asarray(values)
    if given.dtype.kind == "i" and (given < 0).any():
        raise _outside(name, int(given.min()), n, error)
    return found.astype(np.int64)


def _outside(name: str, value: int, n: int, error: type[LifnetError]) -> Exception:
    return checks.fail(name, f"indices from 0 to {n - 1}", value, error=error)
