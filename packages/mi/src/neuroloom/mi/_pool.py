"""From the scores of cross-fitted critics to one estimate with its interval; all in nats."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from neuroloom.mi._errors import CeilingWarning, TrainingError
from neuroloom.mi._fit import Fitted

CEILING_SHARE = 0.85
_GAP = 0.1  # nats
_GAP_SHARE = 0.1


@dataclass(frozen=True)
class Estimate:
    """Mutual information from cross-fitted critics, in nats.

    Attributes
    ----------
    mi : float
        The estimate; negative values are not cut off.
    error : float
        Standard error.
    low, high : float
        Confidence interval; its upper side allows for what held-out samples show too little.
    test_mi, train_mi : float
        The bound on held-out and on training samples.
    ceiling : float
        Largest value that InfoNCE could have taken.
    at_ceiling : bool
    n : int
        Number of scored samples.
    pointwise : ndarray, shape (n_samples,)
        Information of each sample, NaN where it was not scored.
    better, gain : float
        Donsker–Varadhan's value, and by how much it is larger than InfoNCE's.
    missed : bool
        Whether estimators without a network see clearly more, where they can be trusted.
    """

    mi: float
    error: float
    low: float
    high: float
    test_mi: float
    train_mi: float
    ceiling: float
    at_ceiling: bool
    n: int
    pointwise: NDArray[np.float64]

    better: float = float("nan")
    gain: float = 0.0
    missed: bool = False

    @property
    def overfit(self) -> bool:
        """Whether training samples seem to hold much more information than others.

        The truth of a critic that learns all there is lies between the two, so a wide gap says
        that the samples are too few for this dependence.
        """
        return self.train_mi - self.test_mi > max(_GAP, _GAP_SHARE * abs(self.mi))

    @property
    def reliable(self) -> bool:
        """Whether nothing speaks against the estimate."""
        return math.isfinite(self.mi) and not (self.at_ceiling or self.overfit or self.missed)


def pool(fits: Sequence[Fitted], n: int, *, confidence: float = 0.68) -> Estimate:
    """Return the estimate of `fits`, whose test sets are parts of `n` samples.

    For InfoNCE the estimate is the larger of two lower bounds on the same held-out scores:
    InfoNCE itself, safe but low near its ceiling, and Donsker–Varadhan's, which compares all
    pairs and has the smaller bias once the critic is calibrated.

    Raises
    ------
    TrainingError
        If no critic has a finite score.
    """
    good = [fit for fit in fits if fit.failure is None]
    if not good:
        raise TrainingError(fits[0].failure)
    weight = np.array([len(fit.job.fold.test) for fit in good], dtype=float)
    mean = {
        name: float(np.average([getattr(f.score, name) for f in good], weights=weight))
        for name in ("bound", "infonce", "dv", "ceiling")
    }
    mi = mean["bound"]
    picks = good[0].job.bound == "infonce"
    if picks:
        mi = max(mean["infonce"], mean["dv"])
    pointwise = np.zeros(n)
    count = np.zeros(n)
    for fit in good:
        pointwise[fit.job.fold.test] += fit.score.pointwise
        count[fit.job.fold.test] += 1
    pointwise = np.where(count > 0, pointwise / np.maximum(count, 1), np.nan)
    error = standard_error(pointwise[count > 0])
    quantile = float(student.ppf(0.5 + confidence / 2, max(len(good) * 4, 8)))
    train = float(np.nanmean([fit.train_mi for fit in good]))
    # The truth lies between what held-out and what training samples show: above, not below.
    upward = math.hypot(error, max(train - mean["bound"], 0.0) / 2)
    at_ceiling = mean["bound"] > CEILING_SHARE * mean["ceiling"] and good[0].job.bound == "infonce"
    return Estimate(
        mi,
        error,
        mi - quantile * error,
        mi + quantile * upward,
        mean["bound"],
        train,
        mean["ceiling"],
        bool(at_ceiling),
        int((count > 0).sum()),
        pointwise,
        mean["dv"],
        mean["dv"] - mean["infonce"] if picks else 0.0,
    )


def standard_error(pointwise: NDArray[np.float64]) -> float:
    """Return the standard error of the mean, allowing for correlation between neighbours."""
    n = len(pointwise)
    single = pointwise.std(ddof=1) / math.sqrt(n)
    length = max(1, round(n ** (1 / 3)))
    n_blocks = n // length
    if n_blocks < 8:
        return float(single)
    means = pointwise[: n_blocks * length].reshape(n_blocks, length).mean(axis=1)
    return float(max(single, means.std(ddof=1) / math.sqrt(n_blocks)))


def warn_ceiling(estimate: Estimate) -> None:
    """Warn if the estimate is near what InfoNCE can measure with these samples."""
    if estimate.at_ceiling:
        warnings.warn(
            f"the InfoNCE bound, {estimate.test_mi / math.log(2):.2f} bits, is close to its "
            f"ceiling of {estimate.ceiling / math.log(2):.2f} bits, log of the samples scored at "
            "once: the truth may be larger; use more samples, fewer folds or estimator='smile'",
            CeilingWarning,
            stacklevel=4,
        )
