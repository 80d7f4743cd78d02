"""Where environments stand in their trials, as arrays over the environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(eq=False)
class Now:
    """The present step of `n` environments.

    Parameters
    ----------
    period, step, elapsed : array of int, (n,)
        Number of the period, steps since the trial began, steps since the period began.
    last : array of bool, (n,)
        Whether this is the trial's last step.
    target : array, (n,) or (n, k)
        The painted right action.
    conditions : mapping of name to array, (n,)
        What was drawn for the trials.
    memory : dict of name to array, (n, …)
        What the task keeps about each environment; entries may be changed or replaced.
    parts : mapping of name to int
        Number of each period.
    """

    period: NDArray[Any]
    step: NDArray[np.int64]
    elapsed: NDArray[np.int64]
    last: NDArray[np.bool_]
    target: NDArray[Any]
    conditions: Mapping[str, NDArray[Any]]
    memory: dict[str, NDArray[Any]]
    parts: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.period)

    def inside(self, *periods: str) -> NDArray[np.bool_]:
        """Return which environments are in one of `periods`."""
        where: NDArray[np.bool_] = self.period == self.parts[periods[0]]
        for name in periods[1:]:
            where = where | (self.period == self.parts[name])
        return where


def start_memory(
    store: dict[str, NDArray[Any]],
    begun: dict[str, NDArray[Any]],
    where: NDArray[np.int64],
    n: int,
) -> None:
    """Write what `on_trial_start` made for the environments `where` into the `store` of all `n`."""
    for name, values in begun.items():
        if name not in store:
            store[name] = np.zeros((n, *np.shape(values)[1:]), dtype=np.asarray(values).dtype)
        store[name][where] = values
