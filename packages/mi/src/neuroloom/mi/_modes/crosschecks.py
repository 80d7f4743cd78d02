"""What other estimators see in the same samples: for flags, and for the upper side of intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._critics import gaussian
from neuroloom.mi._critics.gaussian import rank_normal
from neuroloom.mi._direct.estimators import labels, neighbours, repeats
from neuroloom.mi._errors import NeuralMIError
from neuroloom.mi._statistics import reliability
from neuroloom.mi._statistics.correlation import joint_memory, slowest, standard_error
from neuroloom.mi._statistics.interval import NEIGHBOURS
from neuroloom.mi._statistics.reliability import NEAR_DIMENSIONS
from neuroloom.shared import Seed

Array = NDArray[np.float64]
_FEW = 5000
_MANY_DIMENSIONS = 50
_FAR_DIMENSIONS = 16  # features in which neighbours still show a part of the dependence
_LONGEST = 500  # samples left out on either side; more would be slow


@dataclass(frozen=True)
class Seen:
    """What estimators without a network see, in nats; NaN where one says little.

    Attributes
    ----------
    neighbours : float
        Nearest neighbours, in few dimensions.
    squares : float
        Canonical correlations of squares, or of features with squares.
    memory : int
        Samples for which x and y both remember themselves.
    time : float
        Correlation time in samples: that of the slower variable where both are slow.
    neighbours_rise : float
        What neighbours see in all samples beyond what they see in every other one; NaN for
        samples that remember one another, whose halves are too noisy to tell.
    straight : float
        Held-out canonical correlations of the features' normal scores.
    far : float
        Nearest neighbours in more dimensions than are few, where they see a part only.
    neighbours_error : float
        Standard error of `neighbours`.
    """

    neighbours: float
    squares: float
    memory: int
    time: float
    neighbours_rise: float = float("nan")
    straight: float = float("nan")
    far: float = float("nan")
    neighbours_error: float = float("nan")

    @property
    def most(self) -> float:
        """The largest of what was seen, NaN if nothing was."""
        values = [v for v in (self.neighbours, self.far, self.squares) if np.isfinite(v)]
        return max(values, default=float("nan"))


def flat(values: Array) -> Array:
    """Return samples as (n_samples, n_features)."""
    return np.asarray(values, dtype=np.float64).reshape(len(values), -1)


def look(
    x: Array, y: Array, gap: int, seed: Seed, *, ordered: bool = True, far: bool = False
) -> Seen:
    """Return what estimators without a network see in samples (n_samples, …).

    Parameters
    ----------
    x, y : ndarray
    gap : int
        Samples on either side that share data.
    seed : Seed
    ordered : bool
        Whether the samples are in order of time.
    far : bool
        Whether to look at neighbours in many dimensions too. They see too little there, but an
        estimate that assumes a form may see less.
    """
    a, b = flat(x), flat(y)
    memory = joint_memory(a, b) if ordered else 0
    time = min(slowest(a), slowest(b)) if memory else 1.0
    exclude = min(max(gap, memory), _LONGEST, len(a) // 8)
    few_a, few_b = a[:_FEW], b[:_FEW]
    near, near_error = _neighbours(few_a, few_b, exclude)
    rise = float("nan")
    if not exclude and np.isfinite(near):
        halves = [_neighbours(few_a[k::2], few_b[k::2], 0)[0] for k in (0, 1)]
        rise = near - float(np.mean(halves))
    squares, straight = _correlations(a, b, seed)
    away = float("nan")
    if far and not np.isfinite(near):
        away, _ = _neighbours(few_a, few_b, exclude, _FAR_DIMENSIONS)
    return Seen(near, squares, memory, time, rise, straight, away, near_error)


def _neighbours(
    x: Array, y: Array, exclude: int, most: int = NEAR_DIMENSIONS
) -> tuple[float, float]:
    """Return what nearest neighbours see, and its standard error; they need few dimensions.

    There they seldom see too much: a critic that sees much less has not learned the dependence.
    """
    nothing = (float("nan"), float("nan"))
    both_labels = labels(x) is not None and labels(y) is not None
    if x.shape[1] + y.shape[1] > most and not both_labels:
        return nothing
    if not repeats(x, y):
        x, y = rank_normal(x), rank_normal(y)
    try:
        local = neighbours(x, y, exclude=exclude)
    except NeuralMIError:
        return nothing
    return float(np.nanmean(local)), NEIGHBOURS * standard_error(local, exclude)


def near_scores(x: Array, y: Array) -> Array:
    """Return what nearest neighbours see in the normal scores of samples in no order of time."""
    return neighbours(rank_normal(x[:_FEW]), rank_normal(y[:_FEW]))


def missed_by_neighbours(mi: float, error: float, seen: Seen) -> str | None:
    """Return a reason where neighbours see more than a trained bound, beyond both errors."""
    return reliability.missed(
        mi, error, seen.neighbours, "nearest neighbours", seen_error=seen.neighbours_error
    )


def _correlations(x: Array, y: Array, seed: Seed) -> tuple[float, float]:
    """Return what squares tell of features, of squares, or features of squares; and features alone.

    Of squares the largest of the three, all from held-out canonical correlations, which need no
    training.
    Dependences that a critic cannot find in many dimensions often show here. Features and squares
    are not put together: normal variables' squares tell nothing new, but would count.
    """
    plain, squared = [], []
    for values in (x, y):
        few = values[: 2 * _FEW, :_MANY_DIMENSIONS]
        plain.append(rank_normal(few))
        squared.append(rank_normal(plain[-1] ** 2))
    rng = seed.child("squares").generator()
    pairs = (squared, (plain[0], squared[1]), (squared[0], plain[1]))
    squares = max(float(gaussian.fit(a, b, rng).shown) for a, b in pairs)
    return squares, float(gaussian.fit(plain[0], plain[1], rng).shown)
