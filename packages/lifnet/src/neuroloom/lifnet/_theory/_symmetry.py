"""Which clusters of a mean field can be exchanged, and states in a form free of their order.

A unit is what moves together: the E and I population of one cluster in the layout
``[E_1 … E_Q, E_b, I_1 … I_Q, I_b]``, a single population otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._theory._mean_field import LIFMeanField

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Symmetry:
    """Units of a mean field, in classes whose members can be exchanged."""

    units: Index
    """Populations of each unit, shape (n_units, n_per_unit)."""
    classes: list[Index]
    """Units that can be exchanged, at least two each."""
    n_pops: int
    similar: Index = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """Units of one kind, equal or not: the clusters."""

    def canonical(self, rates: Array) -> Array:
        """Return states with the units of each class in falling order of their first rate."""
        result = np.array(rates, dtype=np.float64, ndmin=2)
        for members in self.classes:
            places = self.units[members]
            key = np.round(result[:, places[:, 0]], 6)
            order = np.argsort(-key, axis=1, kind="stable")
            for row, by in zip(result, order, strict=True):
                row[places] = row[places[by]]
        return result.reshape(np.shape(rates))


def symmetry(mean_field: LIFMeanField) -> Symmetry:
    """Return which units of a mean field can be exchanged without changing its equations."""
    q, n = mean_field.n_clusters, mean_field.n_pops
    paired = n == 2 * q + 2
    # The background is a unit, too, but never exchanged for a cluster.
    units = np.arange(n).reshape(2, -1).T if paired else np.arange(n)[:, None]
    similar = np.arange(q if paired or n == q else 0)
    classes: list[list[int]] = []
    for unit in range(q if paired else n):
        for members in classes:
            if _exchangeable(mean_field, units[members[0]], units[unit]):
                members.append(unit)
                break
        else:
            classes.append([unit])
    exchangeable = [np.array(c) for c in classes if len(c) > 1]
    return Symmetry(units, exchangeable, n, similar)


def _exchangeable(mean_field: LIFMeanField, a: Index, b: Index) -> bool:
    order = np.arange(mean_field.n_pops)
    order[a], order[b] = b, a
    equations = mean_field.equations
    vectors = (
        equations.mean_external,
        equations.variance_external,
        equations.tau_membrane,
        equations.tau_synaptic,
        equations.tau_refractory,
        equations.threshold,
        equations.reset_voltage,
    )
    same = all(np.allclose(v, v[order], rtol=1e-12, atol=0) for v in vectors)
    matrices = (equations.mean, equations.variance)
    return same and all(
        np.allclose(m, m[np.ix_(order, order)], rtol=1e-12, atol=1e-300) for m in matrices
    )
