"""Nearest neighbours given labels: what each label's own samples hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._direct.estimators import by_neighbours, labels
from neuroloom.mi._errors import real

Array = NDArray[Any]


def _enough(k: int, exclude: int) -> int:
    return 2 * (k + exclude) + 2


def stratified(z: Array, *, k: object = 5, exclude: int = 0) -> bool:
    """Return whether z is labels, each with samples enough in both halves of the recording.

    Parameters
    ----------
    z : ndarray, shape (n_samples, n_features)
    k : int
        Neighbours.
    exclude : int
        Samples on either side that are no neighbours.
    """
    label = labels(z)
    if label is None:
        return False
    k = int(real("estimator_params['k']", k, whole=True, low=1))
    half, kinds = len(label) // 2, int(label.max()) + 1
    counts = [np.bincount(part, minlength=kinds) for part in (label[:half], label[half:])]
    return bool(np.min(counts) >= _enough(k, exclude))


def local(x: Array, y: Array, z: Array, *, k: int = 5, exclude: int = 0) -> Array:
    """Return each sample's share of I(X; Y | Z) in nats, where z is labels.

    ``I(X; Y | Z)`` is the mean over labels of what their samples hold, so that z needs no distance,
    and x and y may be labels or real numbers. Samples that are near in time are near in their
    label's samples too. NaN where a label has too few.
    """
    _, label = np.unique(z, axis=0, return_inverse=True)
    label = label.reshape(-1)
    out = np.full(len(z), np.nan)
    for kind in range(int(label.max()) + 1):
        rows = label == kind
        if rows.sum() >= _enough(k, exclude):
            out[rows] = by_neighbours(x[rows], y[rows], k=k).local(exclude=exclude)
    return out
