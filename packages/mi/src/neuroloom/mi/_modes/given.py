"""What speaks against conditional information from an estimator without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi import _direct
from neuroloom.mi._critics.gaussian import rank_normal
from neuroloom.mi._direct.estimators import repeats, spread
from neuroloom.mi._samples.conditional import local_permutation
from neuroloom.mi._statistics import reliability

Array = NDArray[Any]
Shares = Callable[..., Array]  # of each sample, from x, y and z
_EXCHANGES, _AMONG = 5, 5
_OTHERS = {"ksg": "straight lines", "gcmi": "nearest neighbours"}


@dataclass(frozen=True)
class Seen:
    """What else is seen in the same samples, in nats.

    Attributes
    ----------
    left, left_error : float
        What the estimator gives where z is all that x and y have in common, and its error.
    other : float
        What another estimator sees, less what that one gives there; NaN where none can say.
    lost : Lost
        What a copula's ranks and the other estimator lose of such a dependence, if it is a
        copula's.
    """

    left: float
    left_error: float
    other: float = float("nan")
    lost: _direct.Lost = _direct.NOTHING_LOST


def look(
    name: str, shares: Shares, x: Array, y: Array, z: Array, exclude: int, rng: np.random.Generator
) -> Seen:
    """Return what else is seen in samples whose conditional information an estimator measures.

    Parameters
    ----------
    name : str
        Of the estimator.
    shares : callable
        The estimator: each sample's share, from x, y and z.
    x, y, z : ndarray, shape (n_samples, n_features)
        As it measures them.
    exclude : int
        Samples on either side that are neither neighbours nor exchanged: they are near in time.
    rng : Generator
    """
    a, b, c = real = _as_seen(name, spread(x, y, z))
    orders = [local_permutation(c, _AMONG, rng, exclude) for _ in range(_EXCHANGES)]
    left, error = _left_of_nothing(shares, x, y, z, orders)
    other = _other(name, _width(real), exclude)
    lost = _direct.NOTHING_LOST
    if name == "gcmi" and not repeats(*real):
        # Samples that are drawn one by one are no neighbours in time.
        lost = _direct.lost(real, _other(name, _width(real), 0))
    if other is None:
        return Seen(left, error, lost=lost)
    mean = float(other(a, b, c).mean())
    its_left = max(_left_of_nothing(other, a, b, c, orders)[0], 0.0)
    lost = replace(lost, by_neighbours=max(lost.by_neighbours + its_left, 0.0))
    return Seen(left, error, mean - its_left, lost)


def _as_seen(name: str, variables: list[Array]) -> list[Array]:
    """Return variables as others are to see them: normal scores where the estimator knows ranks.

    They hold the same information. Neighbours see less of it where a few large values are far from
    all others, which is nothing against a copula.
    """
    if name != "gcmi" or repeats(*variables):
        return variables
    return [rank_normal(values) for values in variables]


def _left_of_nothing(
    shares: Shares, x: Array, y: Array, z: Array, orders: list[NDArray[np.int64]]
) -> tuple[float, float]:
    """Return what remains if x is exchanged among samples of similar z, and its standard error.

    Exchanged by z alone, x is independent of y given z whatever the data, so that all that is
    found is the estimator's own: z is too coarse for so few neighbours, or bends a line.
    """
    found = np.array([_mean(shares(x[order], y, z)) for order in orders])
    return float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))


def _mean(shares: Array) -> float:
    """Return the mean of the samples that have a share, NaN where none has."""
    known = shares[~np.isnan(shares)]
    return float(known.mean()) if len(known) else float("nan")


def _other(name: str, width: int, exclude: int) -> Shares | None:
    if name == "ksg":
        return _direct.gcmi_conditional_local
    if name == "gcmi" and width <= reliability.NEAR_DIMENSIONS:
        return partial(_direct.ksg_conditional_local, exclude=exclude)
    return None


def _width(variables: list[Array]) -> int:
    return sum(values.shape[1] for values in variables)


def doubts(
    name: str, x: Array, y: Array, z: Array, mi: float, error: float, seen: Seen
) -> tuple[str | None, ...]:
    """Return what speaks against an estimate of I(X; Y | Z) by the estimator of a name.

    Parameters
    ----------
    name : str
    x, y, z : ndarray, shape (n_samples, n_features)
        As they were given.
    mi, error : float
        In nats.
    seen : Seen
    """
    found = [reliability.left_of_nothing(mi, error, seen.left, seen.left_error)]
    if name in _OTHERS:
        least = {"least": reliability.FORM} if name == "gcmi" else {}
        found.append(reliability.missed(mi, error, seen.other, _OTHERS[name], **least))
    if name == "ksg":
        found.append(reliability.many_dimensions(_width(spread(x, y, z))))
    if name == "gcmi":
        least_left = seen.other + seen.lost.by_neighbours
        found.append(reliability.exceeds(mi, error, least_left, _OTHERS[name]))
        which = [v for v, values in (("x", x), ("y", y)) if repeats(values)]
        if which and not np.isfinite(seen.other):
            found.append(reliability.atoms(" and ".join(which)))
    if name == "plugin":
        joint = _direct.pairs_of(_direct.codes(np.hstack([x, z])), _direct.codes(y))
        found.append(reliability.rare_patterns(_direct.unseen(joint)))
    return tuple(found)
