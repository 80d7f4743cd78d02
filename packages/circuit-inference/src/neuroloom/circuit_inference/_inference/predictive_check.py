"""Whether simulations from the posterior bring the recording's features back.

A posterior predictive check (Gelman, Meng & Stern 1996, Statistica Sinica 6:733). It asks the
recording itself, where calibration asks simulations.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable, as_matrix
from neuroloom.circuit_inference._features.origin import FeatureOrigin
from neuroloom.circuit_inference._inference.fitted import Fitted
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._libraries.simulate import Simulator, simulate_at
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    LibraryError,
    NoValidSimulationsError,
    ShapeError,
)
from neuroloom.shared import as_seed, axes
from neuroloom.shared.random import SeedLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[np.float64]

_FEWEST = 20


@dataclass(frozen=True, eq=False)
class PredictiveCheck:
    """Observed features among those of simulations from the posterior.

    Attributes
    ----------
    names : tuple of str
        Features.
    observed : ndarray, shape (n_features,)
    simulated : ndarray, shape (n_kept, n_features)
        Features of the simulations that passed their gates.
    theta : ndarray, shape (n_kept, n_parameters)
        The posterior draws behind them.
    parameters : tuple of str
        Names of the parameters.
    reasons : dict of str to int
        How many simulations were left out, and why.
    p : ndarray, shape (n_features,)
        Two-sided posterior predictive p-value of each feature.
    joint_p : float
        Share of the simulations at least as far from the others as the observation is, over all
        features together: small where the model does not produce such a recording with these
        parameters, whatever the single features say.
    """

    names: tuple[str, ...]
    observed: Array
    simulated: Array
    theta: Array
    parameters: tuple[str, ...]
    reasons: dict[str, int]
    p: Array
    joint_p: float

    def to_frame(self) -> pd.DataFrame:
        """Return per feature the observed value, the simulations' quantiles, and the p-value."""
        return predictive_check(self.simulated, self.observed, self.names)

    def summary(self) -> str:
        """Return a few sentences on what the simulations bring back and what they do not."""
        dropped = sum(self.reasons.values())
        lines = [
            f"{len(self.simulated)} simulations from the posterior, {dropped} left out; all "
            f"features together p = {self.joint_p:.2g}."
        ]
        odd = [str(self.names[j]) for j in np.argsort(self.p) if self.p[j] < 0.05]
        if odd:
            expected = 0.05 * len(self.names)
            lines.append(
                f"{len(odd)} of {len(self.names)} features lie in the simulations' outer 5 % "
                f"(by chance {expected:.2g}): {', '.join(odd)}."
            )
        return "\n".join(lines)

    def plot(self, *, first: int = 25, ax: Axes | None = None) -> Axes:
        """Return axes with the simulations' 90 % ranges and the observation, the oddest on top.

        Each feature is shown from its simulated median, in units of half the 90 % range; the
        observation is orange where its p-value is below .05. Values beyond four units are drawn
        as triangles at the edge.

        Parameters
        ----------
        first : int
            How many features are shown.
        ax : Axes, optional
            Where to draw; a new figure if not given.
        """
        chosen = np.argsort(self.p, kind="stable")[:first][::-1]
        low, middle, high = np.quantile(self.simulated, [0.05, 0.5, 0.95], axis=0)
        unit = np.where(high > low, (high - low) / 2, 1.0)
        place = ((self.observed - middle) / unit)[chosen]
        y = np.arange(len(chosen))
        ax = axes(ax, figsize=(5.5, 0.24 * len(chosen) + 0.9))
        ax.hlines(
            y, ((low - middle) / unit)[chosen], ((high - middle) / unit)[chosen],
            color="#0072B2", alpha=0.45, linewidth=5, label="simulations, 90 %",
        )  # fmt: skip
        odd, beyond = self.p[chosen] < 0.05, np.abs(place) > 4
        for which, colour, label in (
            (~odd, "black", "observed"),
            (odd, "#D55E00", "observed, p < .05"),
        ):
            near, far = which & ~beyond, which & beyond
            ax.plot(place[near], y[near], "o", color=colour, markersize=4, label=label)
            for side, marker in ((1, ">"), (-1, "<")):
                out = far & (np.sign(place) == side)
                ax.plot(np.full(out.sum(), 4.2 * side), y[out], marker, color=colour)
        ax.set_yticks(y, [str(self.names[j]) for j in chosen], fontsize=8)
        ax.set(xlabel="from the simulated median (half the 90 % range)", xlim=(-4.5, 4.5))
        ax.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
        return ax


def _simulated_by(
    simulator: SimulationLibrary | Simulator, rate_hz: float | None, signal: str | None
) -> tuple[Simulator, float, str | None]:
    """Return the simulator, its rate in Hz and the signal that is meant."""
    if isinstance(simulator, SimulationLibrary):
        return simulator_of(simulator), simulator.rate_hz, simulator.signal_name(signal)
    if rate_hz is None:
        raise ArgumentError("rate_hz: expected the simulator's sampling rate in Hz, got None")
    return simulator, rate_hz, signal


def check_posterior(
    fitted: Fitted,
    features: FeatureTable | ArrayLike,
    simulator: SimulationLibrary | Simulator,
    *,
    row: int = 0,
    rate_hz: float | None = None,
    signal: str | None = None,
    feature_set: FeatureSet | None = None,
    n_sims: int = 100,
    n_workers: int | None = None,
    backend: str | None = None,
    progress: bool = True,
    seed: SeedLike = None,
) -> PredictiveCheck:
    """Return where one observation lies among simulations from its posterior."""
    chosen = feature_set or fitted.feature_set
    if chosen is None:
        raise ArgumentError(
            "feature_set: expected the one that made the features, got none: hand it over here or "
            "to fit"
        )
    x = as_matrix(features)
    if not -len(x) <= row < len(x) or not np.isfinite(x[row]).all():
        raise ArgumentError(f"row: expected one of {len(x)} with finite features, got {row}")
    if isinstance(n_sims, bool) or not isinstance(n_sims, int) or n_sims < _FEWEST:
        raise ArgumentError(f"n_sims: expected at least {_FEWEST}, got {n_sims!r}")
    FeatureOrigin(chosen.names, chosen.digest).check(FeatureOrigin.of(features))
    _check_circuit_only(fitted.prior)
    root = as_seed(seed)
    theta = fitted.sample(x[row][None], n_sims, root.child("draws"))[0]
    if not np.isfinite(theta).all():
        raise ArgumentError(
            f"row: expected one whose draws keep {fitted.prior.constraints}, got {row}"
        )
    run, rate, signal = _simulated_by(simulator, rate_hz, signal)
    again = simulate_at(
        run, fitted.prior, theta, rate_hz=rate, n_workers=n_workers, backend=backend,
        progress=progress, seed=root.child("simulations"),
    )  # fmt: skip
    reasons = {k: n for k, n in again.gate_report().items() if k != "passed"}
    if not again.valid.any():
        raise NoValidSimulationsError(
            f"simulator: expected simulations that pass their gates, got none of {n_sims} "
            f"({reasons})",
            n_dropped=n_sims,
            reasons=reasons,
        )
    kept = again.only_valid()
    if isinstance(simulator, SimulationLibrary):
        # What the library's signals went through after the simulation, these go through too.
        kept = simulator.treated_alike(kept, root.child("treatment"))
    values = kept.features(chosen, signal=signal, n_workers=n_workers).values
    good = np.isfinite(values).all(axis=1)
    if not good.all():
        reasons["features not finite"] = int((~good).sum())
    if good.sum() < _FEWEST:
        raise NoValidSimulationsError(
            f"simulator: expected at least {_FEWEST} simulations with finite features, got "
            f"{int(good.sum())} of {n_sims} ({reasons})",
            n_dropped=int(n_sims - good.sum()),
            reasons=reasons,
        )
    values = values[good]
    return PredictiveCheck(
        chosen.names,
        x[row],
        values,
        kept.theta[good],
        fitted.prior.names,
        reasons,
        _two_sided(values, x[row]),
        float(SimulatedCloud.of(values).p_value(x[row][None])[0]),
    )


def _check_circuit_only(prior: Prior) -> None:
    beside = [name for name in prior.names if name.startswith("recorder ")]
    if beside:
        raise ArgumentError(
            f"simulator: expected circuit parameters only, got {beside} too, "
            "which no simulator takes: train on library.recorded(…, infer=False) for such checks"
        )


def simulator_of(library: SimulationLibrary) -> Simulator:
    """Return the simulator that made a library of one of the package's models.

    Raises
    ------
    LibraryError
        If the library was made by another simulator.
    """
    model: Mapping[str, Any] = library.provenance.get("model", {})
    options = {k: v for k, v in model.items() if k not in ("name", "lifnet")}
    name = model.get("name")
    if name == "synaptic_field":
        from neuroloom.circuit_inference._libraries.synaptic_field import field_one

        return partial(field_one, rate_hz=library.rate_hz, **options)
    if name == "paced_field":
        from neuroloom.circuit_inference._libraries.paced_field import paced_one

        return partial(paced_one, rate_hz=library.rate_hz, **options)
    if name in ("gao", "shot_noise"):
        from neuroloom.circuit_inference._libraries import toy_models as small

        if name == "gao":
            return partial(small._gao_one, rate_hz=library.rate_hz, **options)
        return partial(small._shot_one, **options)
    from neuroloom.circuit_inference.simulate import MODELS, Gates, NetworkSimulator

    if name not in MODELS:
        known = ["gao", "paced_field", "shot_noise", "synaptic_field", *MODELS]
        raise LibraryError(
            f"library: expected one of {known}, got one of "
            f"{name or 'a simulator without a name'}: hand over the simulator itself"
        )
    limits: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in options["gates"].items()
    }
    return NetworkSimulator(
        str(name), options["duration_s"], options["transient_s"], Gates(**limits)
    )


def _two_sided(simulated: Array, observed: Array) -> Array:
    above = ((simulated >= observed).sum(axis=0) + 1) / (len(simulated) + 1)
    below = ((simulated <= observed).sum(axis=0) + 1) / (len(simulated) + 1)
    return np.asarray(np.minimum(1, 2 * np.minimum(above, below)))


def predictive_check(
    simulated: ArrayLike, observed: ArrayLike, names: Sequence[str]
) -> pd.DataFrame:
    """Return where observed features lie among those of simulations from the posterior.

    `Inferer.predictive_check` simulates as well.

    Parameters
    ----------
    simulated : array_like, shape (n_sims, n_features)
        Features of simulations with parameters drawn from the posterior.
    observed : array_like, shape (n_features,)
    names : sequence of str
        Of the features.

    Returns
    -------
    DataFrame
        Per feature the observed value, the simulations' 5, 50 and 95 % quantiles, and the
        two-sided posterior predictive p-value.

    Raises
    ------
    ShapeError
        If the numbers of features differ.
    NoValidSimulationsError
        If no simulation is finite.
    """
    y = np.asarray(observed, dtype=np.float64).ravel()
    s = np.asarray(simulated, dtype=np.float64)
    if s.ndim != 2 or s.shape[1] != y.size or len(names) != y.size:
        raise ShapeError(
            f"simulated: expected shape (n_sims, {y.size}) and as many names, got {s.shape} and "
            f"{len(names)}"
        )
    finite = np.isfinite(s).all(axis=1)
    if not finite.any():
        raise NoValidSimulationsError(
            f"simulated: expected finite rows, got none of {len(s)}",
            n_dropped=len(s),
            reasons={"features not finite": len(s)},
        )
    s = s[finite]
    low, middle, high = np.quantile(s, [0.05, 0.5, 0.95], axis=0)
    return pd.DataFrame(
        {"observed": y, "5 %": low, "50 %": middle, "95 %": high, "p": _two_sided(s, y)},
        index=pd.Index(list(names), name="feature"),
    )
