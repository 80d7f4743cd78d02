"""The two verbs that turn values into JSON and arrays and back; `_values` says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Stored = Mapping[str, NDArray[Any]]

# What writes and reads; `_values` fills them in.
WRITERS: list[Callable[[Any, Arrays, str], Any]] = []
READERS: list[Callable[[dict[str, Any], Stored], Any]] = []


def pack(value: Any, arrays: Arrays, argument: str = "value") -> Any:
    """Return `value` as JSON, with its arrays moved to `arrays`.

    Parameters
    ----------
    value : object
        What to pack.
    arrays : dict of str to ndarray
        Gets the arrays under new names.
    argument : str
        How to tell the value in an error.

    Raises
    ------
    DataError
        If a part is of a type that would need pickle.
    """
    return WRITERS[0](value, arrays, argument)


def unpack(tree: Any, arrays: Stored) -> Any:
    """Return what `pack` packed.

    Parameters
    ----------
    tree : object
        What `pack` returned.
    arrays : mapping of str to ndarray
        The arrays that it moved.

    Raises
    ------
    DataError
        If a class is needed that is not registered.
    """
    return READERS[0](tree, arrays) if isinstance(tree, dict) else tree


def put(values: NDArray[Any], arrays: Arrays) -> str:
    """Move an array to `arrays`, and return its name there."""
    name = f"a{len(arrays)}"
    arrays[name] = np.asarray(values)
    return name
