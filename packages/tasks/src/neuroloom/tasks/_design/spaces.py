"""Spaces whose dimensions have names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from neuroloom.tasks._errors import TaskTypeError, fail

Names = Mapping[str, int | Sequence[int]]


class Box(spaces.Box):
    """A `gymnasium.spaces.Box` whose dimensions can have names.

    Parameters
    ----------
    low, high : float or array
        Bounds.
    name : dict, optional
        Name to index or indices; kept as the attribute `name`, which exists only if given.
    **kwargs
        What `gymnasium.spaces.Box` takes.

    Raises
    ------
    TaskTypeError
        If `name` is neither a dictionary nor None.

    Examples
    --------
    >>> Box(low=0, high=1, shape=(3,), name={"fixation": 0, "stimulus": [1, 2]}).name["stimulus"]
    [1, 2]
    """

    def __init__(
        self, low: Any, high: Any, name: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(low, high, **kwargs)
        _set_name(self, name)


class Discrete(spaces.Discrete):
    """A `gymnasium.spaces.Discrete` whose values can have names.

    Parameters
    ----------
    n : int
        Number of values.
    name : dict, optional
        Name to value or values; kept as the attribute `name`, which exists only if given.
    **kwargs
        What `gymnasium.spaces.Discrete` takes: `seed`, `start`.

    Raises
    ------
    TaskTypeError
        If `name` is neither a dictionary nor None.

    Examples
    --------
    >>> Discrete(3, name={"fixation": 0, "choice": [1, 2]}).name["choice"]
    [1, 2]
    """

    def __init__(self, n: int, name: Mapping[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(n, **kwargs)
        # Layers of networks are made with it, and Keras refuses numpy's integers.
        self.n: Any = int(n)
        _set_name(self, name)


def indices(names: Names) -> dict[str, int | list[int]]:
    """Return name to index or indices, from name to how many, or to explicit indices.

    A count of 1 becomes a plain index; counts take the next free places in their order.
    """
    out: dict[str, int | list[int]] = {}
    at = 0
    if not names:
        raise fail("names", "at least one name, and how many or which places it has", names)
    for name, value in names.items():
        if isinstance(value, (int, np.integer)):
            if value < 1:
                raise fail(
                    f"names[{name!r}]", "how many it has, at least 1, or a list of places", value
                )
            out[name] = at if value == 1 else list(range(at, at + int(value)))
            at += int(value)
        else:
            places = [int(index) for index in value]
            out[name] = places
            if not places or min(places) < 0:
                raise fail(f"names[{name!r}]", "places from 0 on", value)
            at = max(at, 1 + max(int(index) for index in value))
    return out


def _set_name(space: Any, name: Mapping[str, Any] | None) -> None:
    if isinstance(name, Mapping):
        space.name = dict(name)
    elif name is not None:
        raise TaskTypeError(f"name: expected a dict or None, got {type(name).__name__}")
