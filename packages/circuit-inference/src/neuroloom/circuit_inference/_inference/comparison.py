"""Which model class a recording came from, and which way two conditions differ.

Model probabilities are those of a classifier on simulations of all classes, calibrated on folds
that it did not learn from. Plain 1/f noise is a rival of all of them: features that cannot tell a
class from noise that no circuit makes say nothing for the class. Where a recording lies outside all
clouds, or the data do not carry the quantity that is asked for, the answer is that it cannot be
said.
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
from neuroloom.circuit_inference._forward.recorder import coloured
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference.errors import ArgumentError, NoValidSimulationsError
from neuroloom.shared import Seed, as_seed
from neuroloom.shared.parallel import one_thread
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]
UNDECIDED = "cannot be said"


_NOISE = (-1.0, 3.0)  # exponents of the rival's spectra: from blue to steeper than a random walk
_OUTSIDE = 0.01
_FEWEST = 40  # simulations of a class
_LEAST = -700.0  # logarithm of the smallest probability


@dataclass(frozen=True, eq=False)
class ModelComparison:
    """What a set of recordings says about model classes.

    Attributes
    ----------
    names : tuple of str
        Model classes.
    probabilities : ndarray, shape (n_rows, n_models)
        Calibrated, for equal numbers of recordings of each class, given that one of the classes
        made the recording; NaN for rows without features and outside all clouds.
    noise : ndarray, shape (n_rows,)
        Probability that plain 1/f noise made it, beside all classes; NaN where `probabilities` are,
        and zeros where noise was no rival.
    ood_p : ndarray, shape (n_rows, n_models)
        Fraction of each class's simulations at least as far out as the recording.
    accuracy : float
        Fraction of held-out simulations, those of noise among them, that the classifier assigns to
        their class.
    """

    names: tuple[str, ...]
    probabilities: Array
    noise: Array
    ood_p: Array
    accuracy: float

    @property
    def outside(self) -> NDArray[np.bool_]:
        """Which recordings lie outside the clouds of all classes at p < .01, shape (n_rows,)."""
        return np.asarray((self.ood_p < _OUTSIDE).all(axis=1))

    def verdicts(self, *, level: float = 0.9) -> list[str]:
        """Return the class of each recording, or that it cannot be said.

        Parameters
        ----------
        level : float
            Probability that a class must reach, plain noise counted among its rivals. A recording
            outside the cloud of its class at p < .01 has none.
        """
        return [
            UNDECIDED if reason else self.names[int(np.argmax(row))]
            for row, reason in zip(self.probabilities, self.reasons(level=level), strict=True)
        ]

    def reasons(self, *, level: float = 0.9) -> list[str]:
        """Return why no class can be named, for each recording; empty where one can.

        Parameters
        ----------
        level : float
            As for `verdicts`.
        """
        if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0 < level <= 1:
            raise ArgumentError(f"level: expected a probability above 0, got {level!r}")
        rows = zip(self.probabilities, self.noise, self.ood_p, self.outside, strict=True)
        return [self._reason(*row, level) for row in rows]

    def _reason(self, row: Array, noise: float, p: Array, outside: bool, level: float) -> str:
        if not np.isfinite(p).any():
            return "no features"
        if outside:
            return "outside the clouds of all classes"
        best = int(np.argmax(row))
        name, alone = self.names[best], float(row[best])
        if not alone * (1 - noise) >= level:
            if noise > 1 - alone:
                return f"plain noise does as well: P(noise) = {noise:.2f}"
            return f"other classes are possible: P({name}) = {alone:.2f}"
        return "" if p[best] >= _OUTSIDE else f"outside the cloud of {name}: p = {p[best]:.2g}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per recording: probabilities, p-values, verdict and why there is none."""
        frame = pd.DataFrame(self.probabilities, columns=[f"P({name})" for name in self.names])
        frame["P(noise)"] = self.noise
        for j, name in enumerate(self.names):
            frame[f"ood_p {name}"] = self.ood_p[:, j]
        frame["verdict"] = self.verdicts()
        frame["reason"] = self.reasons()
        return frame


def compare_models(
    observed: FeatureTable,
    libraries: Mapping[str, SimulationLibrary],
    feature_set: FeatureSet,
    *,
    signals: Mapping[str, str] | None = None,
    noise: bool = True,
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
    noise : bool
        Whether plain noise with a spectrum of 1/f^χ, χ from −1 to 3, is a rival of all classes.
        False where the classes are such noise themselves.
    n_folds : int
        Of the calibration.
    seed : int or Seed, optional
        Of the folds and of the noise.

    Raises
    ------
    ArgumentError
        If there are fewer than two libraries, fewer than 40 simulations of one, or series of
        different lengths.
    FeatureMismatchError
        If the recordings' features are not those of the simulations.

    Notes
    -----
    Logistic regression on standardised features, their squares and products, each class weighted
    alike, calibrated by one temperature on folds that it did not learn from (Guo, Pleiss, Sun &
    Weinberger 2017, ICML 70:1321).
    """
    if not isinstance(libraries, Mapping) or len(libraries) < 2:
        raise ArgumentError(f"libraries: expected at least two by name, got {list(libraries)}")
    if not isinstance(noise, bool):
        raise ArgumentError(f"noise: expected True or False, got {noise!r}")
    if isinstance(n_folds, bool) or not isinstance(n_folds, int) or not 2 <= n_folds <= _FEWEST:
        raise ArgumentError(f"n_folds: expected 2 to {_FEWEST}, got {n_folds!r}")
    lengths = {name: library.duration_s for name, library in libraries.items()}
    if max(lengths.values()) > 1.01 * min(lengths.values()):
        raise ArgumentError(
            f"libraries: expected signals of one length, got {lengths} s: features of longer ones "
            "scatter less, and lengths would be told instead of classes (cut(…) makes them alike)"
        )
    tables = _tables(observed, libraries, feature_set, signals or {})
    values = as_matrix(observed)
    good = np.isfinite(values).all(axis=1)
    if not good.any():
        raise NoValidSimulationsError(
            f"observed: expected rows with features, got none of {len(values)}",
            n_dropped=len(values),
            reasons={"features not finite": len(values)},
        )
    odd = artefacts(observed.names)
    ood = np.column_stack([SimulatedCloud.of(t, odd).p_value(values) for t in tables.values()])
    root, classes = as_seed(seed), list(tables.values())
    if noise:
        classes.append(_plain_noise(next(iter(libraries.values())), classes, feature_set, root))
    asked = good & ~(ood < _OUTSIDE).all(axis=1)
    found, accuracy = _classified(classes, values[asked], n_folds, root.child("folds").integer(31))
    n = len(tables)
    probabilities, plain = np.full((len(values), n), np.nan), np.full(len(values), np.nan)
    some = np.maximum(found[:, :n].sum(axis=1), np.finfo(np.float64).tiny)
    probabilities[asked] = found[:, :n] / some[:, None]
    plain[asked] = found[:, n:].sum(axis=1)
    return ModelComparison(tuple(tables), probabilities, plain, ood, accuracy)


def _tables(
    observed: FeatureTable,
    libraries: Mapping[str, SimulationLibrary],
    feature_set: FeatureSet,
    signals: Mapping[str, str],
) -> dict[str, Array]:
    tables = {}
    for name, library in libraries.items():
        table = library.features(feature_set, signal=signals.get(name))
        origin, theirs = FeatureOrigin.of(table), FeatureOrigin.of(observed)
        origin.check(theirs)
        if remark := origin.length_remark(theirs):
            raise ArgumentError(f"observed: expected epochs as long as the simulations; {remark}")
        tables[name] = table.values[table.valid]
        if len(tables[name]) < _FEWEST:
            raise ArgumentError(
                f"libraries: expected at least {_FEWEST} simulations with features of {name!r}, "
                f"got {len(tables[name])}"
            )
    return tables


def _plain_noise(
    library: SimulationLibrary, classes: list[Array], feature_set: FeatureSet, root: Seed
) -> Array:
    """Return features of 1/f noise as long as the simulations, about as many as of a class."""
    n_times = round(library.duration_s * library.rate_hz)
    rng = root.child("noise").generator()
    series = [
        coloured(rng.standard_normal(2 * n_times), float(exponent))[:n_times]
        for exponent in rng.uniform(*_NOISE, round(np.mean([len(x) for x in classes])))
    ]  # drawn twice as long and cut: a series drawn from its spectrum is periodic
    table = feature_set.compute(np.array(series), rate=library.rate_hz)
    return np.asarray(table.values[table.valid])


def _classified(
    classes: list[Array], values: Array, n_folds: int, seed: int
) -> tuple[Array, float]:
    """Return calibrated probabilities of rows, and the accuracy on held-out simulations."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax, softmax
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    x = np.concatenate(classes)
    labels = np.repeat(np.arange(len(classes)), [len(t) for t in classes])
    weights = len(x) / (len(classes) * np.bincount(labels))[labels]  # each class alike
    folds = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    model = make_pipeline(
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        LogisticRegression(C=1.0, max_iter=2000, class_weight="balanced"),
    )
    with one_thread():
        guessed = cross_val_predict(model, x, labels, cv=folds, method="predict_log_proba")
        found = model.fit(x, labels).predict_log_proba(values) if len(values) else guessed[:0]
    rows = np.arange(len(x))

    def loss(log_cool: float) -> float:
        said = log_softmax(np.exp(log_cool) * np.maximum(guessed, _LEAST), axis=1)
        return float(-(weights * said[rows, labels]).mean())

    cool = np.exp(minimize_scalar(loss, bounds=(-4.0, 2.0), method="bounded").x)
    probabilities = softmax(cool * np.maximum(found, _LEAST), axis=1)
    return np.asarray(probabilities), float(np.mean(guessed.argmax(axis=1) == labels))


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
