"""Units of any size: squares of volts in attovolts must not vanish, nor those of 1e300 overflow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def near_one(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column times a power of two, so that its largest value is between ½ and 1.

    Powers of two are exact: mean and spread of the result, and all that follows, are those of the
    values to the bit.

    Parameters
    ----------
    values : ndarray, shape (n, …)

    Examples
    --------
    >>> import numpy as np
    >>> near_one(np.array([3.0, 6.0])).tolist()
    [0.375, 0.75]
    """
    largest = np.abs(values).max(axis=0, initial=0.0)
    _, exponent = np.frexp(largest)
    out: NDArray[np.float64] = np.ldexp(values, -exponent)
    return out
