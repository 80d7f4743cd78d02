"""Labels: names of kinds, which have no order, as one number per kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import InvalidDataError

_MOST_NUMBERS = 200_000_000
_MOST_COLUMNS = 10_000  # covariances of all columns have to fit too


def check_kinds(name: str, n_places: int, n_kinds: int, n_columns: int) -> None:
    """Raise if one number per kind would not fit in memory.

    Parameters
    ----------
    name : str
        Of the variable.
    n_places : int
        Labels there are.
    n_kinds : int
    n_columns : int
        Numbers per sample.

    Raises
    ------
    InvalidDataError
    """
    if n_places * n_kinds > _MOST_NUMBERS or n_columns > _MOST_COLUMNS:
        raise InvalidDataError(
            f"{name}: expected labels of fewer kinds, got {n_kinds} kinds in {n_places} places, "
            "which as one number per kind would not fit in memory; join kinds, or use "
            "estimator='plugin'"
        )


def indicators(labels: NDArray[Any], n_kinds: int) -> NDArray[np.float64]:
    """Return 1 for each label's own kind and 0 for the others, along a new last axis.

    Parameters
    ----------
    labels : ndarray of int
        From 0 to `n_kinds` − 1.
    n_kinds : int
    """
    out = np.zeros((*labels.shape, n_kinds))
    np.put_along_axis(out, labels[..., None], 1.0, axis=-1)
    return out


def one_hot(name: str, codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return samples (n_samples, 1, n_kinds of all features) of codes (n_samples, …)."""
    columns = codes.reshape(len(codes), -1).astype(np.int64)
    kinds = [int(column.max()) + 1 for column in columns.T]
    check_kinds(name, columns.size, max(kinds), sum(kinds))
    return np.concatenate(
        [indicators(c, k) for c, k in zip(columns.T, kinds, strict=True)], axis=1
    )[:, None]
