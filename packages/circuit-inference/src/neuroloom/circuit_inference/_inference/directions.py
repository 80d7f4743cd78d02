"""Which way one parameter differs between two conditions of which all else is the same.

The epochs of one condition share their circuit, and both conditions share all of it but the one
parameter, and the electrode. Posteriors of single epochs know neither: what hides a parameter in
one epoch, an input's exponent that could be any, is the same on both sides and cancels. So the pair
of conditions is what is simulated: the posterior of the change is learned from pairs, and checked
as any other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._features.origin import FeatureOrigin
from neuroloom.circuit_inference._forward.recorder import Recorder
from neuroloom.circuit_inference._inference.comparison import UNDECIDED, Difference
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._libraries.simulate import Simulator, simulate_library
from neuroloom.circuit_inference.errors import ArgumentError, PriorError, unknown
from neuroloom.shared import Seed
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]
_LARGEST = 0.75  # change, in quantiles of the prior


@dataclass(frozen=True, eq=False)
class ConditionPairs:
    """Simulated pairs of conditions, and how to see a recorded pair in the same way.

    Attributes
    ----------
    prior : Prior
        Of the change, second minus first, in quantiles of the parameter's prior: of a log-uniform
        one from low to high, the second value is ``(high / low) ** change`` times the first.
    theta : ndarray, shape (n_pairs, 1)
        Changes.
    features : FeatureTable
        Means over the epochs of the first condition, and how far those of the second are from them.
    feature_set : FeatureSet
        Of the epochs.
    rate_hz : float
        Sampling rate of the epochs.
    n_epochs : int
        Of each condition.
    """

    prior: Prior
    theta: Array
    features: FeatureTable
    feature_set: FeatureSet
    rate_hz: float
    n_epochs: int

    def of(self, first: FeatureTable, second: FeatureTable) -> FeatureTable:
        """Return one row of features of two recorded conditions.

        Parameters
        ----------
        first, second : FeatureTable
            Of the epochs of each condition, by `feature_set`, of series or of power spectra; epochs
            without features are left out.

        Raises
        ------
        ArgumentError
            If a condition has more or fewer epochs with features than those simulated.
        FeatureMismatchError
            If the features are not those of the simulations, or of another rate.
        """
        ours = FeatureOrigin(self.feature_set.names, self.feature_set.digest, self.features.rate_hz)
        for name, table in (("first", first), ("second", second)):
            _expect(name, table, FeatureTable)
            ours.check(FeatureOrigin.of(table))
            got = int(table.valid.sum())
            if got != self.n_epochs:
                raise ArgumentError(
                    f"{name}: expected {self.n_epochs} epochs with features, as the pairs were "
                    f"simulated with, got {got}: choose some with rows(…), or simulate others"
                )
        values = _seen(*(t.values[t.valid] for t in (first, second)))
        n_times = None if first.n_times is None else first.n_times[first.valid][:1]
        # Of power spectra it is not known how they were made: neither is it of what is seen here.
        known = self.features.digest if first.digest and second.digest else ""
        return FeatureTable(values[None], self.features.names, ("",), known, first.rate_hz, n_times)


def condition_pairs(
    simulator: Simulator,
    prior: Prior,
    name: str,
    n_pairs: int,
    feature_set: FeatureSet,
    *,
    rate_hz: float,
    n_epochs: int,
    signal: str | None = None,
    recorder: Recorder | None = None,
    folder: str | Path | None = None,
    n_workers: int | None = None,
    progress: bool = True,
    seed: SeedLike = None,
) -> ConditionPairs:
    """Return simulated pairs of conditions that differ in one parameter alone.

    A model that learns from them, ``Inferer("mdn", pairs.prior).fit(pairs.features, pairs.theta)``,
    says of a recorded pair, ``pairs.of(first, second)``, what the change may have been; `direction`
    says which way. All other parameters and the electrode are taken to be the same on both sides:
    where that is not so, use `difference`.

    Parameters
    ----------
    simulator : callable
        As for `simulate_library`: one epoch of parameters and a seed.
    prior : Prior
        Of its parameters, independent of each other.
    name : str
        The parameter that differs.
    n_pairs : int
        How many pairs; each is twice `n_epochs` simulations.
    feature_set : FeatureSet
        Of an epoch.
    rate_hz : float
        Sampling rate of the simulator's signals.
    n_epochs : int
        Epochs of each condition.
    signal : str, optional
        Which of the simulator's signals, where there are several.
    recorder : Recorder, optional
        What an electrode adds; both conditions of a pair share its amounts.
    folder : str or Path, optional
        Where finished pairs are kept, as for `simulate_library`.
    n_workers : int, optional
        Workers, as for `simulate_library`.
    progress : bool
        Show a bar.
    seed : int or Seed, optional
        As for `simulate_library`.

    Raises
    ------
    UnknownNameError
        If the prior has no such parameter.
    PriorError
        If its parameters depend on each other or have constraints.
    ArgumentError
        If there is no epoch, or the simulator has several signals and none is named.

    Examples
    --------
    >>> from functools import partial
    >>> from neuroloom.circuit_inference import Aperiodic, FeatureSet, libraries
    >>> simulator = partial(libraries.field_one, duration_s=2.0, rate_hz=250.0)
    >>> pairs = condition_pairs(
    ...     simulator, libraries.FIELD_PRIOR, "gI/gE", 4, FeatureSet(Aperiodic((2, 45))),
    ...     rate_hz=250.0, n_epochs=3, progress=False, seed=1,
    ... )
    >>> pairs.features.names
    ('first:aperiodic:exponent@2-45Hz', 'change:aperiodic:exponent@2-45Hz')
    """
    _expect("prior", prior, Prior)
    _expect("feature_set", feature_set, FeatureSet)
    if recorder is not None:
        _expect("recorder", recorder, Recorder)
    if not callable(simulator):
        raise ArgumentError(f"simulator: expected a function, got {type(simulator).__name__}")
    if name not in prior.names:
        raise unknown("name", name, prior.names)
    if prior.constraints or prior.dependence is not None:
        raise PriorError("prior: expected parameters that do not depend on each other")
    if isinstance(n_epochs, bool) or not isinstance(n_epochs, int) or n_epochs < 1:
        raise ArgumentError(f"n_epochs: expected at least 1, got {n_epochs!r}")
    change = Prior.box({f"change of {name}": (-_LARGEST, _LARGEST)})
    settings = _Settings(prior, name, feature_set, rate_hz, n_epochs, signal, recorder)
    library = simulate_library(
        partial(_pair, simulator=simulator, settings=settings),
        prior.joined(change),
        n_pairs,
        rate_hz=rate_hz,
        folder=folder,
        n_workers=n_workers,
        progress=progress,
        describe={"name": "condition_pairs", "parameter": name, "n_epochs": n_epochs},
        seed=seed,
    )
    return ConditionPairs(
        change, library.theta[:, -1:], _table(library, settings), feature_set, rate_hz, n_epochs
    )


@dataclass(frozen=True)
class _Settings:
    prior: Prior
    name: str
    feature_set: FeatureSet
    rate_hz: float
    n_epochs: int
    signal: str | None
    recorder: Recorder | None

    @property
    def recorded_hz(self) -> float:
        """Sampling rate of what is recorded."""
        return (self.recorder and self.recorder.rate_hz) or self.rate_hz


def _pair(theta: Array, seed: Seed, simulator: Simulator, settings: _Settings) -> Mapping[str, Any]:
    """Return the features of one pair; theta are the parameters and the change."""
    column = settings.prior.names.index(settings.name)
    marginal, change = settings.prior.marginals[column], float(theta[-1])
    # Squeezed so that both values lie in the prior's range.
    share = marginal.cdf(np.array(theta[column]))
    start = max(0.0, -change) + float(share) * (1 - abs(change))
    rng = seed.child("recorder").generator()
    amounts = settings.recorder.draw(rng) if settings.recorder else {}
    sides, n_times = [], 0
    for side, quantile in enumerate((start, start + change)):
        values = np.array(theta[:-1])
        values[column] = float(marginal.ppf(np.array(quantile)))
        epochs = []
        for i in range(settings.n_epochs):
            result = simulator(values, seed.child(side).child(i))
            if result.get("reason"):
                return {"reason": str(result["reason"])}
            series = _series(result, settings.signal)
            if settings.recorder:
                series = settings.recorder.record(series, settings.rate_hz, amounts, rng)
            epochs.append(series)
        table = settings.feature_set.compute(np.stack(epochs), rate=settings.recorded_hz)
        n_times = len(epochs[0]) if table.n_times is None else int(table.n_times[0])
        sides.append(table.values)
    return {"features": _seen(*sides), "n_times": float(n_times)}


def _series(result: Mapping[str, Any], signal: str | None) -> Array:
    found = {k: v for k, v in result.items() if np.ndim(v) == 1}
    if signal is None and len(found) == 1:
        signal = next(iter(found))
    if signal is None or signal not in found:
        raise unknown("signal", signal, found)
    return np.asarray(found[signal], dtype=np.float64)


def _seen(first: Array, second: Array) -> Array:
    """Return the means of the first condition, and how far those of the second are from them."""
    return np.concatenate([first.mean(axis=0), second.mean(axis=0) - first.mean(axis=0)])


def _table(library: SimulationLibrary, settings: _Settings) -> FeatureTable:
    chosen = settings.feature_set
    names = tuple(f"{part}:{name}" for part in ("first", "change") for name in chosen.names)
    said = f"{chosen.digest} in pairs of {settings.n_epochs} epochs"
    digest = hashlib.blake2s(said.encode(), digest_size=12).hexdigest()
    values = np.asarray(library.only_valid().signals["features"], dtype=np.float64)
    n_times = np.nan_to_num(library.measures["n_times"]).astype(np.int64)
    whole = np.full((len(library), len(names)), np.nan)
    whole[library.valid] = values
    return FeatureTable(whole, names, library.reasons, digest, settings.recorded_hz, n_times)


def direction(posterior: Posterior, *, level: float = 0.9) -> list[Difference]:
    """Return which way a parameter changed in each pair of conditions, or that it cannot be said.

    Parameters
    ----------
    posterior : Posterior
        Of the change, from a model that learned `condition_pairs`; one row per pair.
    level : float
        Probability that a direction must reach. Where nothing changed, up to twice what is left
        of 1, on both sides together, gets an answer nonetheless.

    Raises
    ------
    ArgumentError
        If the posterior is of something else, or the level is not between .5 and 1.
    """
    _expect("posterior", posterior, Posterior)
    if len(posterior.names) != 1 or not posterior.names[0].startswith("change of "):
        raise ArgumentError(
            f"posterior: expected that of one change, from condition_pairs, got {posterior.names}"
        )
    if isinstance(level, bool) or not isinstance(level, (int, float)) or not 0.5 <= level < 1:
        raise ArgumentError(f"level: expected a probability from .5 to 1, got {level!r}")
    return [_directed(posterior.rows([i]), level) for i in range(len(posterior))]


def _directed(row: Posterior, level: float) -> Difference:
    draws, p = row.draws[0, :, 0], float(row.ood_p[0])
    low, median, high = (float(q) for q in np.quantile(draws, [0.05, 0.5, 0.95]))
    probability = float((draws > 0).mean()) if row.valid[0] else float("nan")
    if not row.valid[0]:
        reason = "no features"
    elif p < 0.01:
        reason = f"the pair lies outside the simulated cloud: p = {p:.2g}"
    elif max(probability, 1 - probability) < level:
        reason = f"both directions are possible: P(larger) = {probability:.2f}"
    else:
        reason = ""
    verdict = UNDECIDED if reason else ("larger" if probability > 0.5 else "smaller")
    name, contraction = row.names[0], float(row.contraction[0, 0])
    return Difference(name, probability, median, low, high, contraction, verdict, reason)


def _expect(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise ArgumentError(f"{name}: expected {kind.__name__}, got {type(value).__name__}")
