"""How much noise the information of two variables stands: option ``sigma_add``.

Where information is close to what the number of samples lets one measure, added noise lowers it
only slowly (*pinned*); with much noise nothing is left (*collapsed*); between the two, estimates
of dimension rest on information that is really measured (*detached*).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import OptionError, real
from neuroloom.mi._modes.cells import Outcome

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
_AUTO = tuple(float(v) for v in np.geomspace(0.25, 5.0, 7))
_PINNED = 0.75  # nats below the ceiling
_COLLAPSED = 0.05  # of the information without noise


def sigmas(value: Any) -> list[float]:
    """Return checked noise levels, 0 first, in standard deviations of each feature."""
    if isinstance(value, str):
        if value != "auto":
            raise OptionError(f"sigma_add: expected numbers or 'auto', got {value!r}")
        value = _AUTO
    levels = [real("sigma_add", v, low=0.0) for v in np.atleast_1d(value)]
    return sorted({0.0, *levels})


def noisy(values: Array, sigma: float, rng: np.random.Generator) -> Array:
    """Return `values` with normal noise of `sigma` standard deviations of each feature."""
    spread = values.std(axis=0, keepdims=True)
    return np.asarray(values + sigma * spread * rng.standard_normal(values.shape))


def regimes(levels: Sequence[float], outcomes: Sequence[Outcome], factor: float) -> pd.DataFrame:
    """Return one row per noise level: ``sigma``, ``mi``, ``mi_err`` and ``regime``."""
    import pandas as pd

    rows = []
    first = outcomes[0].mi
    for sigma, outcome in zip(levels, outcomes, strict=True):
        estimate = outcome.estimate
        ceiling = math.inf if estimate is None else estimate.ceiling
        if outcome.mi >= ceiling - _PINNED:
            regime = "pinned"
        elif not outcome.mi > _COLLAPSED * first:
            regime = "collapsed"
        else:
            regime = "detached"
        error = math.nan if estimate is None else estimate.error * factor
        rows.append({"sigma": sigma, "mi": outcome.mi * factor, "mi_err": error, "regime": regime})
    return pd.DataFrame(rows)


def suggestion(ladder: pd.DataFrame) -> float | None:
    """Return the geometric mean of the detached noise levels, None if there is none."""
    levels = ladder.loc[(ladder["regime"] == "detached") & (ladder["sigma"] > 0), "sigma"]
    return None if levels.empty else float(np.exp(np.log(levels).mean()))


def stabilized(values: Array) -> Array:
    """Return counts with about equal variance, ``2 √(x + 3/8)`` (Anscombe 1948)."""
    if (values < 0).any():
        raise OptionError("stabilize_counts: expected counts, got negative values")
    return np.asarray(2 * np.sqrt(values + 0.375))
