"""From the scores of cross-fitted critics to one estimate with its interval; all in nats."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import CeilingWarning, TrainingError
from neuroloom.mi._statistics import reliability
from neuroloom.mi._statistics.correlation import standard_error
from neuroloom.mi._statistics.interval import BOUND, UNBIASED, Evidence, interval
from neuroloom.mi._training.job import Fitted
from neuroloom.shared.io import register


@register
@dataclass(frozen=True)
class Estimate:
    """Mutual information in nats, with its errors and what speaks against it.

    Attributes
    ----------
    mi : float
        The estimate; negative values are not cut off.
    error : float
        Standard error from the scatter of the samples.
    low, high : float
        Confidence interval; its upper side allows for what has not been found.
    test_mi, train_mi : float
        The bound on held-out and on training samples; the estimate itself where nothing is trained.
    ceiling : float
        Largest value that could have come out.
    n : int
        Number of scored samples.
    pointwise : ndarray, shape (n_samples,)
        Information of each sample, NaN where it was not scored.
    reasons : tuple of str
        What speaks against the estimate; none if it is reliable.
    better, gain : float
        Donsker–Varadhan's value, and by how much it is larger than InfoNCE's.
    checks : dict
        What the checks measured.
    dof : float
        Degrees of freedom of `error`.
    evidence : Evidence
        What kind of number `mi` is, for its interval.
    """

    mi: float
    error: float
    low: float
    high: float
    test_mi: float
    train_mi: float
    ceiling: float
    n: int
    pointwise: NDArray[np.float64]
    reasons: tuple[str, ...] = ()
    better: float = float("nan")
    gain: float = 0.0
    checks: dict[str, float] = field(default_factory=dict)
    dof: float = math.inf
    evidence: Evidence = UNBIASED

    @property
    def reliable(self) -> bool:
        """Whether nothing speaks against the estimate."""
        return math.isfinite(self.mi) and not self.reasons

    @property
    def at_ceiling(self) -> bool:
        """Whether the bound is close to the largest value it can take."""
        return self.test_mi > reliability.CEILING_SHARE * self.ceiling

    @property
    def overfit(self) -> bool:
        """Whether training samples seem to hold much more information than others."""
        return reliability.overfit(self.test_mi, self.train_mi) is not None

    def widened(
        self, left_open: float, confidence: float, reasons: tuple[str, ...], **checks: float
    ) -> Estimate:
        """Return the estimate with what checks found: an upper side and reasons."""
        low, high = interval(
            self.mi,
            self.error,
            confidence,
            left_open=left_open,
            dof=self.dof,
            evidence=self.evidence,
        )
        found = tuple(dict.fromkeys((*self.reasons, *reasons)))
        return replace(self, low=low, high=high, reasons=found, checks={**self.checks, **checks})


def pool(fits: Sequence[Fitted], n: int, *, confidence: float = 0.68, known: int = 0) -> Estimate:
    """Return the estimate of `fits`, whose test sets are parts of `n` samples.

    For InfoNCE the estimate is the larger of two lower bounds on the same held-out scores:
    InfoNCE itself, safe but low near its ceiling, and Donsker–Varadhan's, which compares all
    pairs and has the smaller bias once the critic is calibrated.

    Parameters
    ----------
    fits : sequence of Fitted
    n : int
    confidence : float
    known : int
        Samples over which the data are correlated in time.

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
    picks = good[0].job.bound == "infonce"
    mi = max(mean["infonce"], mean["dv"]) if picks else mean["bound"]
    pointwise, scored = spread(good, n)
    error = standard_error(pointwise[scored], known)
    train = float(np.nanmean([fit.train_mi for fit in good]))
    low, high = interval(mi, error, confidence, evidence=BOUND)
    ceiling = mean["ceiling"] if picks else math.inf
    reasons = reliability.collected(
        reliability.not_finite(mi),
        reliability.at_ceiling(mean["bound"], ceiling),
    )
    return Estimate(
        mi,
        error,
        low,
        high,
        mean["bound"],
        train,
        ceiling,
        int(scored.sum()),
        pointwise,
        reasons,
        mean["dv"],
        mean["dv"] - mean["infonce"] if picks else 0.0,
        evidence=BOUND,
    )


def spread(fits: Sequence[Fitted], n: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return each of `n` samples' score, NaN where there is none, and which were scored."""
    total, count = np.zeros(n), np.zeros(n)
    for fit in fits:
        total[fit.job.fold.test] += fit.score.pointwise
        count[fit.job.fold.test] += 1
    scored = count > 0
    return np.where(scored, total / np.maximum(count, 1), np.nan), scored


def rise(full: Sequence[Fitted], half: Sequence[Fitted], n: int, known: int) -> tuple[float, float]:
    """Return by how much critics trained on all samples beat those trained on half, and its error.

    Both are scored on the same held-out samples, so most of the noise cancels.
    """
    pairs = [
        (f, h) for f, h in zip(full, half, strict=True) if f.failure is None and h.failure is None
    ]
    if not pairs:
        return math.nan, math.nan
    weight = [float(len(f.job.fold.test)) for f, _ in pairs]

    def value(fits: Sequence[Fitted]) -> float:
        if fits[0].job.bound != "infonce":
            return float(np.average([f.score.bound for f in fits], weights=weight))
        return max(
            float(np.average([getattr(f.score, name) for f in fits], weights=weight))
            for name in ("infonce", "dv")
        )

    gain = value([f for f, _ in pairs]) - value([h for _, h in pairs])
    (a, scored), (b, _) = (spread(p, n) for p in zip(*pairs, strict=True))
    return gain, standard_error((a - b)[scored], known)


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


def plain_details(estimate: Estimate, factor: float) -> dict[str, Any]:
    """Return the entries of ``details`` that every mode with one estimate has."""
    return {
        "mi_error": estimate.error * factor,
        "interval": (estimate.low * factor, estimate.high * factor),
        "test_mi": estimate.test_mi * factor,
        "train_mi": estimate.train_mi * factor,
        "ceiling": estimate.ceiling * factor,
        "at_ceiling": estimate.at_ceiling,
        "overfit": estimate.overfit,
        "is_reliable": estimate.reliable,
        "reasons": list(estimate.reasons),
        "n_samples": estimate.n,
        "checks": {name: value * factor for name, value in estimate.checks.items()},
    }
