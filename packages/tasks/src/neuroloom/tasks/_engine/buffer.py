"""The trials that environments side by side have before them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._design.table import Table
from neuroloom.tasks._engine.plan import TaskPlan
from neuroloom.tasks._engine.streams import Streams

AT = np.dtype([(name, np.int32) for name in ("slot", "have", "step", "left", "part", "within")])
"""Where an environment is: slot and number of its trials; step, steps left; period, left of it."""
TRIAL = np.dtype([("key", np.uint64), ("length", np.int32), ("due", np.bool_)], align=True)

Places = NDArray[np.int64]


class Ring:
    """The next trials of every environment, in `room` slots that are used again and again.

    When one environment runs out, the free slots of all are filled: one draw for many trials.
    Arrays have one row a place; slot `s` of environment `i` is place ``i * room + s``.

    Parameters
    ----------
    plan : Plan
        Task to draw from.
    streams : Streams
        One for each environment.
    room : int
        How many trials to hold for each.
    """

    def __init__(self, plan: TaskPlan, streams: Streams, room: int) -> None:
        self._plan, self._streams, self.room = plan, streams, room
        self.at = np.zeros(len(streams), dtype=AT)
        self.trials = np.zeros(len(streams) * room, dtype=TRIAL)
        self.conditions: dict[str, NDArray[Any]] = {}
        self.payoff = (np.zeros((0, 0)), np.zeros((0, 0)))
        self.by_step: dict[str, NDArray[Any]] = {}
        self.packed = np.zeros((len(self.trials), 0))
        self._kinds: dict[str, np.dtype[Any]] = {}
        self._names: list[str] = []
        self._letters: list[str] = []
        self._longest = 0
        self._order: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.trials) // self.room

    def top_up(self) -> tuple[Table, Places]:
        """Fill the free slots, and return the trials and their places."""
        have, room = self.at["have"].astype(np.int64), self.room
        free = room - have
        table = self._streams.take(free)
        of = np.repeat(np.arange(len(self)), free)
        turn = np.arange(len(of)) + (self.at["slot"] + have - (np.cumsum(free) - free))[of]
        place = of * room + turn % room
        self.at["have"] = room
        length = np.diff(table.starts)
        self.trials["key"][place] = table.keys
        self.trials["length"][place] = length
        self.trials["due"][place] = table.due
        self._kinds, packed = table.packed
        self._names, self._letters = [*self._kinds], [kind.kind for kind in self._kinds.values()]
        self._order = tuple(table.conditions)
        if not self.packed.shape[1]:
            self.packed = np.zeros((len(self.trials), packed.shape[1]))
        self.packed[place] = packed
        for name in table.conditions:
            if name not in self._kinds:
                put(self.conditions, name, len(self.trials), place, table.conditions[name])
        if self._plan.pays:
            if not self.payoff[0].size:
                shape = (len(self.trials), self._plan.n_actions)
                self.payoff = (np.zeros(shape), np.zeros(shape))
            for kept, values in zip(self.payoff, table.payoff, strict=True):
                kept[place] = values
        self._longest = max(self._longest, int(length.max()))
        return table, place

    def put_steps(self, table: Table, place: Places, **values: NDArray[Any]) -> None:
        """Keep one row of each of `values` for every step, in `by_step`."""
        longest = self._longest
        to = place[table.trial] * longest + table.step
        for name, rows in values.items():
            kept = self.by_step.get(name)
            if kept is None or kept.shape[1] < longest:
                grown = np.zeros((len(self.trials), longest, *rows.shape[1:]), dtype=rows.dtype)
                if kept is not None:
                    grown[:, : kept.shape[1]] = kept
                self.by_step[name] = kept = grown
            kept.reshape(-1, *rows.shape[1:])[to] = rows

    def described(
        self, ended: NDArray[np.int64], place: Places, packed: NDArray[np.float64] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return what was drawn for the trials at `place`, in the rows `ended`; 0 in the others."""
        if packed is None:
            packed = np.zeros((self.packed.shape[1], len(self)))
            packed[:, ended] = self.packed[place].T
        out: dict[str, NDArray[Any]] = {}
        for name, kind, row in zip(self._names, self._letters, packed, strict=True):
            out[name] = row if kind == "f" else row.view(np.int64)
            if kind == "b":
                out[name] = out[name].astype(bool)
        if not self.conditions:
            return out  # in order already
        for name, values in self.conditions.items():
            out[name] = np.zeros((len(self), *values.shape[1:]), dtype=values.dtype)
            out[name][ended] = values[place]
        return {name: out[name] for name in self._order}

    def of(self, name: str, place: Places) -> NDArray[Any]:
        """Return a condition of the trials at `place`."""
        if name in self.conditions:
            found: NDArray[Any] = self.conditions[name][place]
            return found
        column: NDArray[Any] = self.packed[place, list(self._kinds).index(name)]
        kind = self._kinds[name]
        return column if kind.kind == "f" else column.view(np.int64).astype(kind)

    @property
    def names(self) -> list[str]:
        """Names of the conditions."""
        return [*self._kinds, *self.conditions]


def put(
    into: dict[str, NDArray[Any]], name: str, n: int, place: Places, values: NDArray[Any]
) -> None:
    """Write rows into an array of `n`, made if there is none."""
    if name not in into:
        into[name] = np.zeros((n, *values.shape[1:]), dtype=values.dtype)
    into[name][place] = values
