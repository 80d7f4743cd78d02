"""Counts, labels and rounded numbers as real numbers that say the same.

Where values repeat, neighbours are tied: whole shells of samples are equally far, and a shell that
is taken in whole looks like information. Noise within each value's own cell leaves no ties, and
the value can still be read from it, so that no information is lost and none is added.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Seed

Array = NDArray[np.float64]


def lattice(values: Array) -> bool:
    """Return whether most of the values that occur do so again: counts, labels, rounded numbers.

    A few atoms among real numbers, zeros of silent windows say, are none.

    Examples
    --------
    >>> lattice(np.array([0.0, 1.0, 1.0, 2.0, 2.0, 0.0]))
    True
    >>> lattice(np.array([0.0, 0.0, 0.0, 0.3, 1.7, 2.9]))
    False
    """
    _, counts = np.unique(values, return_counts=True)
    return bool((counts > 1).mean() > 0.5)


def dequantized(*variables: Array) -> list[Array]:
    """Return variables with each value of a lattice spread evenly over its cell.

    A cell reaches halfway to the values beside it. The noise is a fixed one, of its own for each
    column of each variable; columns that are no lattice, or constant, stay as they are.

    Parameters
    ----------
    *variables : ndarray, shape (n_samples, n_features)

    Examples
    --------
    >>> counts = np.array([[0.0], [1.0], [1.0], [2.0], [2.0], [0.0]])
    >>> (spread,) = dequantized(counts)
    >>> bool((np.round(spread) == counts).all()), len(np.unique(spread))
    (True, 6)
    """
    seed = Seed(0).child("cells")
    return [
        np.column_stack(
            [
                _spread(column, seed.child(v).child(c).generator())
                for c, column in enumerate(np.asarray(values, dtype=np.float64).T)
            ]
        )
        for v, values in enumerate(variables)
    ]


def _spread(column: Array, rng: np.random.Generator) -> Array:
    kinds, place = np.unique(column, return_inverse=True)
    if len(kinds) == 1 or not lattice(column):
        return column
    between = (kinds[1:] + kinds[:-1]) / 2
    edges = np.concatenate([[2 * kinds[0] - between[0]], between, [2 * kinds[-1] - between[-1]]])
    out: Array = edges[place] + np.diff(edges)[place] * rng.random(len(column))
    return out
