"""Arousal: one level that scales the recurrent excitation and the external rate.

Papadopoulos et al. (2024), arXiv:2404.03902, move a clustered network through its phases this way.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._config._schema import ArousalParams
from neuroloom.lifnet._errors import ClippingWarning

BETA_SHAPE = 10.0
"""Both shape parameters of the Beta distribution of the external rate's share."""


@lru_cache(maxsize=8)
def beta_nodes(n: int = 64) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights of the mean over Beta(10, 10), exact to degree 2 n − 1."""
    nodes, weights = scipy.special.roots_jacobi(n, BETA_SHAPE - 1, BETA_SHAPE - 1)
    return (nodes + 1) / 2, weights / weights.sum()


@dataclass(frozen=True)
class Arousal:
    """What an arousal level does to the network."""

    activation: float | NDArray[np.float64]
    """Sigmoid of the level: 0 at level 0, `x_0` at .5, 1 at 1."""
    ee_scale: float | NDArray[np.float64]
    """Factor of all E→E efficacies."""
    rate_span: float | NDArray[np.float64]
    """External rates rise by ``rate_span · Beta(10, 10)`` Hz, drawn for each step and neuron."""

    @property
    def mean_rate(self) -> float | NDArray[np.float64]:
        """Mean rise of the external rates in Hz."""
        return self.rate_span / 2


def sigmoid(level: ArrayLike, x_0: Any, k: Any) -> NDArray[np.float64]:
    """Return the arousal sigmoid of `level`: 0 at 0, `x_0` at .5 and 1 at 1.

    Parameters
    ----------
    level : array_like
        Arousal level in [0, 1].
    x_0 : array_like
        Value at level .5, in (0, 1).
    k : array_like
        Steepness.
    """
    exponent = np.log2(1.0 / (1.0 + ((1.0 - x_0) / x_0) ** (1.0 / k)))
    safe = np.maximum(1e-6, np.asarray(level, dtype=np.float64))
    return np.asarray(1.0 / (1.0 + (safe**exponent - 1.0) ** k))


def arousal(params: ArousalParams | None) -> Arousal:
    """Return what the arousal of a configuration does; nothing without one."""
    if params is None:
        return Arousal(0.0, 1.0, 0.0)
    f = float(sigmoid(params.level, params.x_0, params.k))
    return Arousal(f, 1.0 - params.L * f, params.M * f)


def arousal_in_time(
    params: ArousalParams | None, changes: Mapping[str, NDArray[np.float64]]
) -> Arousal:
    """Return what arousal does in each of many versions, as arrays of one value each.

    Parameters
    ----------
    params : ArousalParams, optional
        The configuration's.
    changes : mapping of str to ndarray, shape (n_versions,) or ()
        What is added to the parameters.
    """
    for extreme in (np.min, np.max):  # says what cannot be
        shifted(params, {name: float(extreme(change)) for name, change in changes.items()})
    base = params if params is not None else ArousalParams()
    level, share, x_0, k, rise = (
        getattr(base, name) + changes.get(name, np.zeros(()))
        for name in ("level", "L", "x_0", "k", "M")
    )
    f = sigmoid(np.clip(level, 0.0, 1.0), x_0, k)
    f, scale, span = np.broadcast_arrays(f, 1.0 - share * f, rise * f)
    return Arousal(f, scale, span)


def shifted(params: ArousalParams | None, changes: dict[str, float]) -> ArousalParams | None:
    """Return arousal parameters with something added; a level outside [0, 1] is clipped."""
    if not changes:
        return params
    base = params if params is not None else ArousalParams()
    values = {name: getattr(base, name) + change for name, change in changes.items()}
    if "level" in values and not 0.0 <= values["level"] <= 1.0:
        clipped = min(1.0, max(0.0, values["level"]))
        warnings.warn(
            f"perturbed arousal level {values['level']:g} is set to {clipped:g}",
            ClippingWarning,
            stacklevel=3,
        )
        values["level"] = clipped
    return replace(base, **values)
