"""Which model class a recording came from, and which way two conditions differ.

Model probabilities are those of a classifier on simulations of all classes, calibrated on folds
that it did not learn from. Where a recording lies outside all clouds, or the data do not carry the
quantity that is asked for, the answer is that it cannot be said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable, as_matrix
from neuroloom.circuit_inference._features.line_noise import artefacts
from neuroloom.circuit_inference._features.origin import FeatureOrigin
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference.errors import ArgumentError, NoValidSimulationsError
from neuroloom.shared import as_seed
from neuroloom.shared.parallel import one_thread
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]
UNDECIDED = "cannot be said"


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """What a set of recordings says about model classes.

    Attributes
    ----------
    names : tuple of str
        Model classes.
    probabilities : ndarray, shape (n_rows, n_models)
        Calibrated, for equal numbers of recordings of each class; NaN for rows without features.
    ood_p : ndarray, shape (n_rows, n_models)
        Fraction of each class's simulations at least as far out as the recording.
    accuracy : float
        Fraction of held-out simulations that the classifier assigns to their class.
    """

    names: tuple[str, ...]
    probabilities: Array
    ood_p: Array
    accuracy: float

    def verdicts(self, *, level: float = 0.9) -> list[str]:
        """Return the class of each recording, or that it cannot be said.

        Parameters
        ----------
        level : float
            Probability that a class must reach. A recording outside the cloud of its class at
            p < .01 has none.
        """
        out = []
        for row, p in zip(self.probabilities, self.ood_p, strict=True):
            best = int(np.argmax(row)) if np.isfinite(row).all() else -1
            sure = best >= 0 and row[best] >= level and p[best] >= 0.01
            out.append(self.names[best] if sure else UNDECIDED)
        return out

    def to_frame(self) -> pd.DataFrame:
        """Return one row per recording: probabilities, out-of-distribution p-values, verdict."""
        frame = pd.DataFrame(self.probabilities, columns=[f"P({name})" for name in self.names])
        for j, name in enumerate(self.names):
            frame[f"ood_p {name}"] = self.ood_p[:, j]
        frame["verdict"] = self.verdicts()
        return frame


def compare_models(
    observed: FeatureTable,
    libraries: Mapping[str, SimulationLibrary],
    feature_set: FeatureSet,
    *,
    signals: Mapping[str, str] | None = None,
    n_folds: int = 5,
    seed: SeedLike = None,
) -> ModelComparison:
    """Return which of several model classes made each recording.

    Parameters
    ----------
    observed : FeatureTable
        Of recordings, by `feature_set`.
    libraries : mapping of str to SimulationLibrary
        At least two, of signals of one rate; simulations that failed their gates are left out.
    feature_set : FeatureSet
        What is compared.
    signals : mapping of str to str, optional
        Which signal of a library, where it has several.
    n_folds : int
        Of the calibration.
    seed : int or Seed, optional
        Of the folds.

    Raises
    ------
    ArgumentError
        If there are fewer than two libraries, or fewer than 40 simulations of one.
    FeatureMismatchError
        If the recordings' features are not those of the simulations.

    Notes
    -----
    Logistic regression on standardised features and their squares, each class weighted alike,
    calibrated by Platt's sigmoid on the folds (scikit-learn's ``CalibratedClassifierCV``).
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    if len(libraries) < 2:
        raise ArgumentError(f"libraries: expected at least two, got {list(libraries)}")
    tables = {}
    for name, library in libraries.items():
        table = library.features(feature_set, signal=(signals or {}).get(name))
        FeatureOrigin.of(table).check(FeatureOrigin.of(observed))
        tables[name] = table.values[table.valid]
        if len(tables[name]) < 40:
            raise ArgumentError(
                f"libraries: expected at least 40 simulations with features of {name!r}, got "
                f"{len(tables[name])}"
            )
    x = np.concatenate(list(tables.values()))
    labels = np.repeat(np.arange(len(tables)), [len(t) for t in tables.values()])
    integer = as_seed(seed).child("folds").integer(31)
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=integer)
    model = make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=2000, class_weight="balanced"),
    )
    with one_thread():
        guessed = cross_val_predict(model, x, labels, cv=folds)
        calibrated = CalibratedClassifierCV(model, cv=folds).fit(x, labels)
        values = as_matrix(observed)
        good = np.isfinite(values).all(axis=1)
        if not good.any():
            raise NoValidSimulationsError(
                f"observed: expected rows with features, got none of {len(values)}",
                n_dropped=len(values),
                reasons={"features not finite": len(values)},
            )
        probabilities = np.full((len(values), len(tables)), np.nan)
        probabilities[good] = calibrated.predict_proba(values[good])
    odd = artefacts(observed.names)
    ood = [SimulatedCloud.of(table, odd).p_value(values) for table in tables.values()]
    accuracy = float(np.mean(guessed == labels))
    return ModelComparison(tuple(tables), probabilities, np.column_stack(ood), accuracy)


@dataclass(frozen=True)
class Difference:
    """How a quantity differs between two conditions.

    Attributes
    ----------
    name : str
        Of the quantity.
    probability : float
        That it is larger in the second condition.
    median, low, high : float
        Of the second minus the first, with the ends of the 90 % interval.
    contraction : float
        Mean contraction of the quantity's posterior, against its spread under the prior.
    verdict : str
        ``"larger"``, ``"smaller"``, or that it cannot be said.
    reason : str
        Why it cannot be said; empty otherwise.
    """

    name: str
    probability: float
    median: float
    low: float
    high: float
    contraction: float
    verdict: str
    reason: str


def difference(
    first: Posterior,
    second: Posterior,
    name: str,
    *,
    prior_std: float | None = None,
    level: float = 0.95,
    least_contraction: float = 0.1,
) -> Difference:
    """Return which way a quantity differs between two conditions, or that it cannot be said.

    Each condition's epochs are averaged draw by draw: the mean of what each epoch may have been.

    Parameters
    ----------
    first, second : Posterior
        One row per epoch of each condition; rows that are not valid are left out.
    name : str
        A parameter, or a quantity that `Posterior.derived` added.
    prior_std : float, optional
        Its standard deviation under the prior, for a derived quantity.
    level : float
        Probability that a direction must reach.
    least_contraction : float
        Contraction below which the data do not carry the quantity.

    Raises
    ------
    UnknownNameError
        If there is no such quantity.
    ArgumentError
        If its prior spread is unknown.
    """
    first.of(name), second.of(name)  # says which names there are
    kept = [p.rows(p.valid) for p in (first, second)]
    prior_std = _prior_spread(first, name, prior_std)
    outside = [float(np.mean(p.ood_p < 0.01)) if len(p) else 1.0 for p in kept]
    spread = np.concatenate([p.of(name).var(axis=1) for p in kept])
    contraction = float(1 - spread.mean() / prior_std**2) if spread.size else float("nan")
    if not all(len(p) for p in kept):
        empty = float("nan")
        return Difference(
            name, empty, empty, empty, empty, contraction, UNDECIDED, "no epoch has features"
        )
    draws = [p.of(name).mean(axis=0) for p in kept]
    n = min(map(len, draws))
    change = draws[1][:n] - draws[0][:n]
    probability = float((change > 0).mean())
    low, median, high = (float(q) for q in np.quantile(change, [0.05, 0.5, 0.95]))
    sure = max(probability, 1 - probability) >= level
    if max(outside) > 0.5:
        reason = f"{max(outside):.0%} of the epochs of a condition lie outside the simulated cloud"
    elif not contraction >= least_contraction:
        reason = f"the features do not carry {name}: contraction {contraction:.2f}"
    else:
        reason = "" if sure else f"both directions are possible: P(larger) = {probability:.2f}"
    verdict = UNDECIDED if reason else ("larger" if probability > 0.5 else "smaller")
    return Difference(name, probability, median, low, high, contraction, verdict, reason)


def _prior_spread(posterior: Posterior, name: str, given: float | None) -> float:
    if given is not None:
        return given
    if posterior.prior_std is None:
        raise ArgumentError(f"prior_std: expected that of {name!r}, which is derived, got None")
    return float(posterior.prior_std[posterior.names.index(name)])
