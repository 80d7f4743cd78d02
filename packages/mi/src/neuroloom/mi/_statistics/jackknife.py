"""The delete-a-stretch jackknife: the error of an estimator whose samples hang together in time."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

STRETCHES = 10
FEWEST = 5


def jackknife(value: Callable[[Any], float], n: int, memory: int = 0) -> tuple[float, float]:
    """Return the standard error of ``value(all samples)``, and its degrees of freedom.

    Of G stretches of time one is left out at a time; with θ_g the estimate without stretch g, the
    variance is ``(G − 1) / G Σ (θ_g − θ̄)²`` (Künsch 1989 for dependent data). There are ten
    stretches, fewer where they would be shorter than four times the samples' memory.

    Parameters
    ----------
    value : callable
        ``value(rows)`` is the estimate from a boolean mask of samples.
    n : int
        Number of samples.
    memory : int
        For how many samples they remember themselves.

    Examples
    --------
    >>> import numpy as np
    >>> data = np.random.default_rng(0).standard_normal(1000)
    >>> error, dof = jackknife(lambda rows: float(data[rows].mean()), 1000)
    >>> bool(0.01 < error < 0.06), dof
    (True, 9.0)
    """
    stretches = int(np.clip(n // max(4 * memory, 1), FEWEST, STRETCHES))
    place = np.arange(n) * stretches // n
    values = np.array([value(place != g) for g in range(stretches)])
    variance = (stretches - 1) / stretches * float(((values - values.mean()) ** 2).sum())
    # Slow recordings: neighbouring stretches hang together, so fewer differences are free.
    dof = stretches - 1 if memory == 0 else max((stretches - 1) / 2, 2)
    return math.sqrt(variance), float(dof)
