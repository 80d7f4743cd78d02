"""Which features tell parameters apart: single ones and sets, side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._inference.inferer import Inferer
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError
from neuroloom.shared import Seed, as_seed, axes
from neuroloom.shared.random import SeedLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]
Target = Callable[[dict[str, Array]], Array]


@dataclass(frozen=True, eq=False)
class FeatureBenchmark:
    """Scores of feature sets.

    Attributes
    ----------
    table : DataFrame
        One row per set and target: mean over folds of r, R² and posterior contraction, each with
        the ends of its 95 % interval (Student's t over the folds), and the number of features.
    folds : DataFrame
        The folds' own scores.
    """

    table: pd.DataFrame
    folds: pd.DataFrame

    def ranking(self, target: str | None = None, by: str = "r") -> list[str]:
        """Return the sets from best to worst for one target (the first if not given)."""
        name = self.table["target"].iloc[0] if target is None else target
        part = self.table[self.table["target"] == name].sort_values(by, ascending=False)
        return [str(label) for label in part["set"]]

    def plot(
        self, target: str | None = None, *, by: str = "r", first: int = 20, ax: Axes | None = None
    ) -> Axes:
        """Return axes with the best sets' scores and their intervals."""
        name = self.table["target"].iloc[0] if target is None else target
        part = self.table[self.table["target"] == name].sort_values(by, ascending=False)
        part = part.head(first).iloc[::-1]
        ax = axes(ax, figsize=(5.5, 0.25 * len(part) + 1))
        y = np.arange(len(part))
        error = np.stack([part[by] - part[f"{by} low"], part[f"{by} high"] - part[by]])
        ax.errorbar(part[by], y, xerr=error, fmt="o", color="#0072B2", markersize=4, capsize=2)
        ax.set_yticks(y, [str(s) for s in part["set"]])
        ax.set(xlabel=f"cross-validated {by}", title=str(name))
        return ax


def benchmark_features(
    library: SimulationLibrary | tuple[FeatureTable, ArrayLike, Prior],
    sets: Mapping[str, FeatureSet | Sequence[str]] | None = None,
    targets: Mapping[str, Target] | None = None,
    *,
    singles: bool = True,
    signal: str | None = None,
    n_folds: int = 5,
    model: str = "mdn",
    hyperparams: Mapping[str, Any] | None = None,
    n_workers: int | None = None,
    seed: SeedLike = None,
) -> FeatureBenchmark:
    """Return how well each feature set recovers the parameters, by cross-validation.

    Parameters
    ----------
    library : SimulationLibrary, or (FeatureTable, theta, Prior)
        Simulations; only those that passed their gates are used.
    sets : mapping, optional
        Name to a `FeatureSet`, or to names of columns of the table. catch22, and catch22 with
        moments, if not given.
    targets : mapping, optional
        Further quantities, name to a function of a mapping from parameter to values, such as
        ``{"E/I": ei_ratio}``. The parameters themselves are always scored.
    singles : bool
        Also score every feature of every set by itself.
    signal : str, optional
        Which signal of the library.
    n_folds : int
    model, hyperparams
        As for `Inferer`; small networks by default.
    n_workers : int, optional
        Threads for the features.
    seed : int or Seed

    Raises
    ------
    ArgumentError
        If there is nothing to compare or fewer than two folds.
    """
    tables, theta, prior = _tables(library, sets, signal, n_workers)
    if n_folds < 2:
        raise ArgumentError(f"n_folds: expected at least 2, got {n_folds!r}")
    entries: dict[str, Array] = {name: table.values for name, table in tables.items()}
    if singles:
        for table in tables.values():
            for j, name in enumerate(table.names):
                entries.setdefault(name, table.values[:, [j]])
    root = as_seed(seed)
    fold = root.child("folds").generator().permutation(np.arange(len(theta)) % n_folds)
    options = hyperparams
    if options is None and model == "mdn":
        options = {"n_members": 2, "n_folds": 0, "hidden": (32, 32), "patience": 10}
    rows = []
    for label, x in entries.items():
        for k in range(n_folds):
            out = fold == k
            stream = root.child(label).child(k)
            for target, scores in _score(
                x, theta, prior, out, targets or {}, model, options, stream
            ).items():
                rows.append({"set": label, "target": target, "fold": k, **scores})
    folds = pd.DataFrame(rows)
    sizes = {label: x.shape[1] for label, x in entries.items()}
    return FeatureBenchmark(_summary(folds, sizes, n_folds), folds)


def _tables(
    library: SimulationLibrary | tuple[FeatureTable, ArrayLike, Prior],
    sets: Mapping[str, FeatureSet | Sequence[str]] | None,
    signal: str | None,
    n_workers: int | None,
) -> tuple[dict[str, FeatureTable], Array, Prior]:
    if sets is None:
        from neuroloom.circuit_inference._features.catch22 import Catch22
        from neuroloom.circuit_inference._features.moments import Moments

        sets = {
            "catch22": FeatureSet(Catch22()),
            "catch22 + moments": FeatureSet(Catch22(), Moments()),
        }
    if not sets:
        raise ArgumentError("sets: expected at least one, got none")
    if isinstance(library, SimulationLibrary):
        kept = library.only_valid()
        tables = {}
        for name, chosen in sets.items():
            if not isinstance(chosen, FeatureSet):
                raise ArgumentError(f"sets[{name!r}]: expected a FeatureSet for a library")
            tables[name] = kept.features(chosen, signal=signal, n_workers=n_workers)
        return tables, kept.theta, kept.prior
    table, values, prior = library
    theta = prior.matrix(values)
    if len(theta) != len(table):
        raise ShapeError(
            f"theta: expected one row per row of features ({len(table)}), got {len(theta)}"
        )
    tables = {
        name: table if isinstance(chosen, FeatureSet) else table.select(chosen)
        for name, chosen in sets.items()
    }
    return tables, theta, prior


def _score(
    x: Array,
    theta: Array,
    prior: Prior,
    out: NDArray[np.bool_],
    targets: Mapping[str, Target],
    model: str,
    options: Mapping[str, Any] | None,
    seed: Seed,
) -> dict[str, dict[str, float]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        inferer = Inferer(model, prior, hyperparams=options).fit(x[~out], theta[~out], seed=seed)
    posterior = inferer.predict(x[out], n_samples=200, warn=False, seed=seed)
    truth = dict(zip(prior.names, theta[out].T, strict=True))
    width = dict(zip(prior.names, theta.T.var(axis=1), strict=True))
    guess = dict(zip(prior.names, posterior.mean.T, strict=True))
    spread: dict[str, Array] = {}
    if posterior.samples is not None:
        spread = {name: posterior.of(name).var(axis=1) for name in prior.names}
    for name, function in targets.items():
        everywhere = dict(zip(prior.names, theta.T, strict=True))
        truth[name] = np.asarray(function(dict(zip(prior.names, theta[out].T, strict=True))))
        width[name] = float(np.var(function(everywhere)))
        if posterior.samples is None:
            guess[name] = np.asarray(function({k: guess[k] for k in prior.names}))
        else:
            draws = np.asarray(function({k: posterior.of(k) for k in prior.names}))
            guess[name] = np.median(draws, axis=1)
            spread[name] = draws.var(axis=1)
    scores = {}
    for name, t in truth.items():
        g = guess[name]
        good = np.isfinite(g)
        r = np.corrcoef(g[good], t[good])[0, 1] if g[good].std() > 0 else 0.0
        rest = ((g - t)[good] ** 2).sum() / ((t - t.mean())[good] ** 2).sum()
        contraction = 1 - np.nanmean(spread[name]) / width[name] if name in spread else np.nan
        scores[name] = {"r": float(r), "R2": float(1 - rest), "contraction": float(contraction)}
    return scores


def _summary(folds: pd.DataFrame, sizes: Mapping[str, int], n_folds: int) -> pd.DataFrame:
    from scipy.stats import t as student

    reach = student.ppf(0.975, n_folds - 1) / np.sqrt(n_folds)
    rows = []
    for (label, target), part in folds.groupby(["set", "target"], sort=False):
        row: dict[str, Any] = {"set": label, "target": target, "features": sizes[str(label)]}
        for score in ("r", "R2", "contraction"):
            mean, half = part[score].mean(), reach * part[score].std(ddof=1)
            row |= {score: mean, f"{score} low": mean - half, f"{score} high": mean + half}
        rows.append(row)
    return pd.DataFrame(rows)
