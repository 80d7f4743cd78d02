"""Which units belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._tables import check_order
from neuroloom.shared._types._labels import Label, Properties, positions
from neuroloom.shared.checks import fail, unknown


@dataclass(frozen=True)
class Pools:
    """Pools by name, and the pool of each unit (−1 for none)."""

    names: tuple[str, ...]
    place: NDArray[np.int32]

    def names_units(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Yield each pool's name and units."""
        for pool, name in enumerate(self.names):
            yield name, np.flatnonzero(self.place == pool)

    def properties(self, columns: Properties) -> dict[str, Any]:
        """Return the number of units, and what all units of each pool have in common."""
        kept: dict[str, Any] = {}
        members = [units for _, units in self.names_units()]
        for name, values in columns.items():
            items = values.tolist()
            if all(len(units) and all(items[i] == items[units[0]] for i in units)
                   for units in members):  # fmt: skip
                kept[name] = [items[units[0]] for units in members]
        sizes = columns.get("n_units", np.ones(len(self.place), dtype=int))  # pools of pools add up
        kept["n_units"] = [int(sizes[units].sum()) for units in members]
        return kept


def pools(by: Any, names: tuple[Label, ...], columns: Properties, n_units: int) -> Pools:
    """Return the pools that `by` asks for; see `SpikeTrains.pool`."""
    check_order("by", by, names)
    if by is None:
        return Pools(("all",), np.zeros(n_units, dtype=np.int32))
    if isinstance(by, Mapping):
        place = np.full(n_units, -1, dtype=np.int32)
        for pool, (name, wanted) in enumerate(by.items()):
            index = positions(f"by[{name!r}]", wanted, names, n_units, "unit")
            twice = index[place[index] >= 0]
            if twice.size:
                raise fail("by", "each unit in one pool", f"unit {twice[0]} in two")
            place[index] = pool
        return Pools(tuple(map(str, by)), place)
    if isinstance(by, str):
        if by not in columns:
            raise unknown("by", by, sorted(columns))
        labels = columns[by].tolist()
    else:
        labels = np.asarray(by, dtype=object).tolist()
    if not isinstance(labels, list) or len(labels) != n_units:
        got = len(labels) if isinstance(labels, list) else labels
        raise fail("by", f"{n_units} labels, one per unit", got)
    for unit, label in enumerate(labels):
        if label is None or label != label:
            raise fail("by", "a label for every unit", f"none for unit {unit}")
    known = list(dict.fromkeys(labels))
    where = {label: pool for pool, label in enumerate(known)}
    return Pools(
        tuple(map(str, known)), np.array([where[x] for x in labels], dtype=np.int32).reshape(-1)
    )
