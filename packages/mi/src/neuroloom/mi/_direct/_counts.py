"""Mutual information of discrete variables from counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def plugin(x: NDArray[np.generic], y: NDArray[np.generic], *, corrected: bool = True) -> float:
    """Return I(X; Y) in nats of two discrete variables, rows being values.

    H(X) + H(Y) − H(X, Y), each with Miller and Madow's correction unless told otherwise.
    """
    a, b = _codes(x), _codes(y)
    joint = a * (b.max() + 1) + b
    return (
        miller_madow_entropy(a, corrected=corrected)
        + miller_madow_entropy(b, corrected=corrected)
        - miller_madow_entropy(joint, corrected=corrected)
    )


def miller_madow_entropy(codes: NDArray[np.integer], *, corrected: bool = True) -> float:
    """Return the entropy in nats, −Σ p log p, plus (values seen − 1) / 2n (Miller 1955)."""
    counts = np.unique(codes, return_counts=True)[1]
    share = counts / counts.sum()
    entropy = float(-(share * np.log(share)).sum())
    return entropy + float((len(counts) - 1) / (2 * counts.sum())) * corrected


def _codes(values: NDArray[np.generic]) -> NDArray[np.int64]:
    rows = values.reshape(len(values), -1)
    codes: NDArray[np.int64] = np.unique(rows, axis=0, return_inverse=True)[1].ravel()
    return codes
