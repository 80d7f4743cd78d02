"""Levels and right actions of trials, written by the names of periods and channels."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._errors import fail

Where = str | tuple[str, ...] | slice


class Named(Protocol):
    """What periods and channels are called, and where they are."""

    def parts(self, where: Where) -> list[int]:
        """Return the numbers of the periods called `where`."""
        ...

    def channel(self, name: str | slice) -> int | slice | NDArray[np.int64]:
        """Return where the channels called `name` are."""
        ...


class Levels:
    """The level of every channel in every period, written by name.

    ``levels["stimulus", "choice"] = value`` takes a number, one number a trial ``(n,)``, or one
    a trial and channel ``(n, k)``; several periods are given as a tuple, all of them as ``:``.
    ``levels.array`` is the whole, ``(n_trials, n_periods, n_channels)``.
    """

    def __init__(self, array: NDArray[Any], plan: Named) -> None:
        self.array = array
        self._plan = plan

    def __setitem__(self, where: tuple[Where, str | slice], value: Any) -> None:
        for part, column, shaped in self._places(where, value):
            self.array[:, part, column] = shaped

    def add(self, where: tuple[Where, str | slice], value: Any) -> None:
        """Add `value` to what is there."""
        for part, column, shaped in self._places(where, value):
            self.array[:, part, column] += shaped

    def _places(
        self, where: tuple[Where, str | slice], value: Any
    ) -> list[tuple[int, int | slice | NDArray[np.int64], Any]]:
        column = self._plan.channel(where[1])
        if np.ndim(value) == 1 and not isinstance(column, int):
            value = np.asarray(value)[:, None]
        shape, there = np.shape(value), self.array[:, 0, column].shape
        # Most are one a trial, or one a trial and channel.
        if shape and shape != there and shape != (*there[:1], 1)[: len(there)]:
            try:
                np.broadcast_to(value, there)
            except ValueError:
                expected = f"a number, one a trial, or one a trial and channel, shape {there}"
                raise fail(f"levels[{where!r}]", expected, f"shape {shape}") from None
        return [(part, column, value) for part in self._plan.parts(where[0])]


class Targets:
    """The right action in every period, written by name: ``target["decision"] = 1 + side``."""

    def __init__(self, array: NDArray[Any], plan: Named) -> None:
        self.array = array
        self._plan = plan

    def __setitem__(self, where: Where, value: Any) -> None:
        if self.array.dtype.kind == "i" and np.asarray(value).dtype.kind == "f":
            # Without this, 1.5 would become 1.
            if not np.array_equal(value, np.rint(value)):
                raise fail(f"target[{where!r}]", "whole numbers, as actions are numbered", value)
        for part in self._plan.parts(where):
            self.array[:, part] = value
