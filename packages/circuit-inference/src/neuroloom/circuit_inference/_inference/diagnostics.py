"""Whether a posterior can be trusted: calibration, coverage, identifiability, importance.

Simulation-based calibration: Talts et al. (2018) arXiv:1804.06788. Expected coverage: Hermans et
al. (2022) arXiv:2110.06581. TARP: Lemos et al. (2023) arXiv:2302.03026. All of them ask simulations
that the model never saw: their parameters are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.feature_table import FeatureTable, as_matrix, check_pairs
from neuroloom.circuit_inference._inference.fitted import Fitted, row_hashes
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError
from neuroloom.shared import Seed, as_seed, checks
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What held-out simulations say about a model.

    Attributes
    ----------
    names : tuple of str
        Parameters.
    n_tests : int
        Simulations asked.
    r, r_squared, mae : ndarray, shape (n_parameters,)
        Correlation, share of variance and mean absolute error of the posterior means.
    ranks : ndarray, shape (n_tests, n_parameters), or None
        Rank of the truth among the draws, 0 to n_samples; None for a model without posterior.
    n_samples : int
        Draws per test.
    sbc_p : ndarray, shape (n_parameters,)
        Kolmogorov-Smirnov p-value of the ranks against the uniform distribution.
    levels : tuple of float
    coverage : ndarray, shape (n_levels, n_parameters)
        Share of truths inside the central credible interval of each level.
    tarp_levels, tarp_coverage : ndarray, shape (n_grid,)
        Expected coverage of regions around random reference points.
    tarp_atc : float
        Area between that curve and the diagonal above one half, positive where the posterior is
        too wide, negative where it is too narrow.
    contraction : ndarray, shape (n_parameters,)
        1 − posterior variance / prior variance, mean over tests: 0 where the data say nothing.
        The prior is what the validity gates leave of it: gates are no data.
    correlation : ndarray, shape (n_parameters, n_parameters)
        Mean posterior correlations: what trades off against what.
    importance : DataFrame
        Loss of each feature: by how much the mean squared error (in prior variances) rises when
        the feature is shuffled; one column per parameter.
    local_p : ndarray, shape (n_parameters,)
        Whether calibration depends on the features: the p-value of the correlation between the
        squared normal scores of the ranks and the first principal component of the features.
    ood_rate : float
        Share of the tests with ``ood_p`` below .01: false alarms.
    """

    names: tuple[str, ...]
    n_tests: int
    r: Array
    r_squared: Array
    mae: Array
    ranks: NDArray[np.int64] | None
    n_samples: int
    sbc_p: Array
    levels: tuple[float, ...]
    coverage: Array
    tarp_levels: Array
    tarp_coverage: Array
    tarp_atc: float
    contraction: Array
    correlation: Array
    importance: pd.DataFrame
    local_p: Array
    ood_rate: float

    @property
    def unidentified(self) -> tuple[str, ...]:
        """Parameters that the data hardly constrain: contraction below .1."""
        return tuple(
            name
            for name, value in zip(self.names, self.contraction, strict=True)
            if not value >= 0.1
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per parameter."""
        frame = pd.DataFrame({"r": self.r, "R2": self.r_squared, "MAE": self.mae})
        frame["contraction"] = self.contraction
        frame["SBC p"] = self.sbc_p
        frame["local p"] = self.local_p
        for level, row in zip(self.levels, self.coverage, strict=True):
            frame[f"coverage {level:g}"] = row
        frame.index = pd.Index(self.names, name="parameter")
        return frame

    def summary(self) -> str:
        """Return a few sentences on what to trust."""
        lines = [f"{self.n_tests} held-out simulations, false alarms {100 * self.ood_rate:.2g} %."]
        for i, name in enumerate(self.names):
            if name in self.unidentified and self.ranks is not None:
                text = f"{name}: not constrained by the data"
            else:
                text = f"{name}: r = {self.r[i]:.3f}"
            if self.ranks is not None:
                text += f", contraction {self.contraction[i]:.2f}, SBC p = {self.sbc_p[i]:.3g}"
            lines.append(text + ".")
        if self.ranks is not None:
            lines.append(f"TARP area {self.tarp_atc:+.3f} (0 is calibrated).")
        return "\n".join(lines)


def diagnose(
    fitted: Fitted,
    features: FeatureTable | ArrayLike,
    theta: ArrayLike,
    *,
    n_samples: int,
    levels: Sequence[float] | Array,
    resume: str | Path | None = None,
    progress: bool = True,
    seed: SeedLike,
) -> Diagnosis:
    """Return the diagnosis of a trained model on simulations it never saw."""
    root = as_seed(seed)
    x = as_matrix(features)
    check_pairs(features, theta)
    truth = fitted.prior.matrix(theta)
    if len(x) != len(truth):
        raise ShapeError(
            f"theta: expected one row per row of features ({len(x)}), got {len(truth)}"
        )
    if any(not 0 < level < 1 for level in levels):
        raise ArgumentError(f"levels: expected probabilities between 0 and 1, got {tuple(levels)}")
    checks.flag("progress", progress, error=ArgumentError)
    fitted.prior.check(truth)
    good = np.isfinite(x).all(axis=1)
    if good.sum() < 20:
        raise ArgumentError(f"features: expected at least 20 finite rows, got {int(good.sum())}")
    learned = np.isin(row_hashes(x, truth), fitted.seen)
    if learned.any():
        raise ArgumentError(
            f"features: expected simulations that the model never saw, got {int(learned.sum())} "
            f"of {len(x)} that it learned from: hold some out before training"
        )
    if resume is not None and not fitted.estimator.by_row:
        raise ArgumentError(
            f"resume: expected None for {fitted.estimator.kind}, whose draws are made in one call, "
            f"got {resume}; NLE and NRE have something to keep"
        )
    names, d = fitted.prior.names, truth.shape[1]
    bar = "draws" if progress else None
    kept = _in(resume, "draws")
    posterior = fitted.posterior(features, n_samples, root.child("draws"), kept, bar)
    posterior = posterior.rows(good)
    if not posterior.valid.all():
        raise ArgumentError(
            f"features: expected rows whose draws keep the prior's constraints, got "
            f"{int((~posterior.valid).sum())} of {len(posterior)} without such draws"
        )
    x, truth = x[good], truth[good]
    mean = posterior.mean
    width = fitted.theta_std**2
    nothing = np.full(d, np.nan)
    shared: dict[str, Any] = {
        "names": names,
        "n_tests": len(x),
        "r": np.array([_correlation(mean[:, j], truth[:, j]) for j in range(d)]),
        "r_squared": 1
        - ((mean - truth) ** 2).sum(axis=0)
        / np.maximum(((truth - truth.mean(axis=0)) ** 2).sum(axis=0), 1e-300),
        "mae": np.abs(mean - truth).mean(axis=0),
        "n_samples": n_samples,
        "levels": tuple(levels),
        "importance": _importance(
            fitted, x, truth, mean, width, root.child("importance"), resume, progress
        ),
        "ood_rate": float((posterior.ood_p < 0.01).mean()),
    }
    if posterior.samples is None:
        empty = np.empty(0)
        return Diagnosis(
            **shared,
            ranks=None,
            sbc_p=nothing,
            coverage=np.full((len(levels), d), np.nan),
            tarp_levels=empty,
            tarp_coverage=empty,
            tarp_atc=float("nan"),
            contraction=nothing,
            correlation=np.full((d, d), np.nan),
            local_p=nothing,
        )
    draws = posterior.samples
    ranks = (draws < truth[:, None, :]).sum(axis=1)
    alpha, covered, area = tarp(draws, truth, *fitted.prior.bounded, root)
    return Diagnosis(
        **shared,
        ranks=ranks,
        sbc_p=_uniform_p(ranks, n_samples, root.child("ties")),
        coverage=_coverage(posterior, truth, levels),
        tarp_levels=alpha,
        tarp_coverage=covered,
        tarp_atc=area,
        contraction=1 - draws.var(axis=1).mean(axis=0) / width,
        correlation=_mean_correlation(draws),
        local_p=_local(x, ranks, n_samples),
    )


def _in(resume: str | Path | None, name: str) -> Path | None:
    return None if resume is None else Path(resume) / name


def tarp(
    draws: Array,
    truth: Array,
    low: Sequence[float] | Array,
    high: Sequence[float] | Array,
    seed: SeedLike,
    *,
    n_grid: int = 101,
) -> tuple[Array, Array, float]:
    """Return levels, expected coverage, and the area to the curve (ATC) of TARP.

    Parameters
    ----------
    draws : ndarray, shape (n_tests, n_samples, n_parameters)
    truth : ndarray, shape (n_tests, n_parameters)
    low, high : sequence of float
        Box that reference points are drawn from, uniformly.
    seed : int or Seed
        Of the reference points.

    Returns
    -------
    levels, coverage : ndarray, shape (n_grid,)
    area : float
        Integral over levels above one half of coverage minus level.
    """
    lower, upper = np.array(low), np.array(high)
    rng = as_seed(seed).child("references").generator()
    reference = rng.uniform(lower, upper, truth.shape)
    scale = upper - lower
    far = np.linalg.norm((draws - reference[:, None, :]) / scale, axis=2)
    own = np.linalg.norm((truth - reference) / scale, axis=1)
    share = (far < own[:, None]).mean(axis=1)
    levels = np.linspace(0, 1, n_grid)
    # The region through the truth must have at most this credibility.
    covered = np.searchsorted(np.sort(share), levels, side="right") / share.size
    covered[0] = 0.0
    upper_half = levels >= 0.5
    gap = (covered - levels)[upper_half]
    area = float(np.sum((gap[1:] + gap[:-1]) / 2 * np.diff(levels[upper_half])))
    return levels, covered, area


def _coverage(posterior: Any, truth: Array, levels: Sequence[float] | Array) -> Array:
    rows = []
    for level in levels:
        low, high = posterior.interval(level)
        rows.append(((truth >= low) & (truth <= high)).mean(axis=0))
    return np.array(rows)


def _uniform_p(ranks: NDArray[np.int64], n_samples: int, seed: Seed) -> Array:
    from scipy.stats import kstest

    jitter = seed.generator().random(ranks.shape)  # ranks are whole numbers, the test is not
    places = (ranks + jitter) / (n_samples + 1)
    return np.array([kstest(column, "uniform").pvalue for column in places.T])


def _mean_correlation(draws: Array) -> Array:
    z = draws - draws.mean(axis=1, keepdims=True)
    z /= np.maximum(z.std(axis=1, keepdims=True), 1e-300)
    return np.asarray(np.einsum("nsi,nsj->ij", z, z) / (draws.shape[0] * draws.shape[1]))


def _local(x: Array, ranks: NDArray[np.int64], n_samples: int) -> Array:
    from scipy.special import ndtri
    from scipy.stats import spearmanr

    z = (x - x.mean(axis=0)) / np.maximum(x.std(axis=0), 1e-300)
    component = np.linalg.svd(z, full_matrices=False)[0][:, 0]
    scores = ndtri((ranks + 0.5) / (n_samples + 1)) ** 2
    return np.array([spearmanr(component, column).pvalue for column in scores.T])


def _importance(
    fitted: Fitted,
    x: Array,
    truth: Array,
    mean: Array,
    width: Array,
    seed: Seed,
    resume: str | Path | None,
    progress: bool,
) -> pd.DataFrame:
    names = fitted.origin.names or tuple(f"feature {i}" for i in range(x.shape[1]))
    base = ((mean - truth) ** 2).mean(axis=0)
    rows = []
    for j in range(x.shape[1]):
        shuffled = x.copy()
        shuffled[:, j] = seed.child(j).generator().permutation(x[:, j])
        kept = _in(resume, f"feature-{j}")
        bar = f"without {names[j]}" if progress else None
        other = fitted.posterior(shuffled, 100, seed.child("draws"), kept, bar)
        rows.append((((other.mean - truth) ** 2).mean(axis=0) - base) / width)
    return pd.DataFrame(
        rows, columns=list(fitted.prior.names), index=pd.Index(names, name="feature")
    )


def _correlation(a: Array, b: Array) -> float:
    if a.std() == 0 or b.std() == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])
