"""What training leaves behind: everything that a prediction needs, all or nothing."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._estimators import Estimator, build
from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable, as_matrix
from neuroloom.circuit_inference._features.origin import FeatureOrigin
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._inference.scaler import Scaler
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError
from neuroloom.shared import Seed, checks

Array = NDArray[np.float64]
_CUT_OFF = 2000  # draws that say how much a constraint cuts off
_REDRAWN = 50  # times that draws outside a constraint are drawn again
_FEWEST = 200  # draws each time, from which all that lack are filled
Rows: TypeAlias = FeatureTable | pd.DataFrame | ArrayLike


@dataclass(frozen=True, eq=False)
class Learned:
    """An estimator with the scaling of its features and the bounds of its parameters.

    Attributes
    ----------
    estimator : Estimator
        Maps standardised features to unbounded parameters, or to points.
    prior : Prior
    scaler : Scaler
        Of the features.
    """

    estimator: Estimator
    prior: Prior
    scaler: Scaler

    @classmethod
    def of(
        cls, x: Array, theta: Array, prior: Prior, model: str, options: Any, seed: Seed
    ) -> Learned:
        """Return what a model learns from finite rows."""
        if model in ("NLE", "NRE") and prior.dependence is not None:
            raise ArgumentError(
                f"model: expected mdn or NPE for parameters that depend on each other in the "
                f"prior, got {model}, which multiplies a likelihood with independent ones"
            )
        scaler, estimator = Scaler.of(x), build(model, options)
        goal = prior.to_unbounded(theta) if estimator.probabilistic else theta
        return cls(estimator.fit(scaler(x), goal, seed=seed), prior, scaler)

    def draw(
        self,
        x: Array,
        n_samples: int,
        seed: Seed,
        resume: Path | None = None,
        bar: str | None = None,
    ) -> Array:
        """Return posterior draws of finite rows, shape (n_rows, n_samples, n_parameters).

        `resume` keeps the draws of models whose rows are long work, `bar` is the text in front of
        their bar.
        """
        z = self.scaler(x)

        def sample(rows: Array, n: int, stream: Seed, name: str) -> Array:
            options: dict[str, Any] = {}
            if self.estimator.by_row:
                options = {"resume": None if resume is None else resume / name, "bar": bar}
            unbounded = self.estimator.sample(rows, n, seed=stream, **options)
            return self.prior.from_unbounded(unbounded)

        draws = sample(z, n_samples, seed, "first")
        for again in range(_REDRAWN):
            broken = ~self.prior.allowed(draws)
            rows = np.flatnonzero(broken.any(axis=1))
            if not rows.size:
                return draws
            more = sample(z[rows], max(n_samples, _FEWEST), seed.child(again), f"again-{again}")
            for row, new in zip(rows, more, strict=True):
                inside = new[self.prior.allowed(new)]
                places = np.flatnonzero(broken[row])[: len(inside)]
                draws[row, places] = inside[: len(places)]
        # A row that lacks draws inside has no posterior: those it has would be too few.
        outside = ~self.prior.allowed(draws).all(axis=1)
        draws[outside] = np.nan
        if outside.any():
            warnings.warn(
                f"{int(outside.sum())} of {len(x)} observations have no posterior: hardly any draw "
                f"keeps {' and '.join(self.prior.constraints)}, they are NaN",
                stacklevel=5,
            )
        return draws

    def point(self, x: Array, n_samples: int, seed: Seed) -> Array:
        """Return posterior means of finite rows, or the points of a model without posterior."""
        if not self.estimator.probabilistic:
            return self.estimator.predict(self.scaler(x))
        return np.asarray(self.draw(x, n_samples, seed).mean(axis=1))


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained model.

    Attributes
    ----------
    learned : Learned
        What predicts.
    cloud : SimulatedCloud
        What observations are compared with.
    origin : FeatureOrigin
        What the features of the training were.
    feature_set : FeatureSet or None
    theta_std : ndarray, shape (n_parameters,)
        Standard deviation of the parameters learned from: the prior after the validity gates.
    seen : ndarray of uint64, shape (n_simulations,)
        Hash of each simulation learned from, sorted.
    """

    learned: Learned
    cloud: SimulatedCloud
    origin: FeatureOrigin
    feature_set: FeatureSet | None
    theta_std: Array
    seen: NDArray[np.uint64]

    @property
    def estimator(self) -> Estimator:
        """The trained estimator."""
        return self.learned.estimator

    @property
    def prior(self) -> Prior:
        """The prior of the parameters."""
        return self.learned.prior

    def rows(self, features: Rows) -> tuple[Array, NDArray[np.bool_]]:
        """Return features as an array and which rows are finite.

        Raises
        ------
        FeatureMismatchError
            If they are not those of the training.
        """
        x = as_matrix(features)
        self.origin.check(FeatureOrigin.of(features))
        self.learned.scaler.check(x)
        return x, np.asarray(np.isfinite(x).all(axis=1))

    def posterior(
        self,
        features: Rows,
        n_samples: int,
        seed: Seed,
        resume: Path | None = None,
        bar: str | None = None,
    ) -> Posterior:
        """Return the posterior of each row.

        NaN for rows that are not finite, and for those without draws that keep the constraints.
        """
        checks.whole("n_samples", n_samples, at_least=1, error=ArgumentError)
        x, good = self.rows(features)
        d = self.prior.n_parameters
        mean = np.full((len(x), d), np.nan)
        samples = epistemic = None
        if self.estimator.probabilistic:
            samples = np.full((len(x), n_samples, d), np.nan)
            if good.any():
                samples[good] = self.learned.draw(x[good], n_samples, seed, resume, bar)
                mean[good] = samples[good].mean(axis=1)
                members = self.estimator.member_means(self.learned.scaler(x[good]))
                if members is not None:
                    epistemic = np.full((len(x), d), np.nan)
                    epistemic[good] = self.prior.from_unbounded(members).std(axis=0)
        elif good.any():
            mean[good] = self.learned.point(x[good], n_samples, seed)
        return Posterior(
            self.prior.names,
            self.prior.units,
            mean,
            samples,
            np.isfinite(mean).all(axis=1),
            self.cloud.p_value(x),
            epistemic,
            self.theta_std,
        )

    def sample(self, features: Rows, n_samples: int, seed: Seed) -> Array:
        """Return posterior draws, shape (n_rows, n_samples, n_parameters); NaN for bad rows."""
        checks.whole("n_samples", n_samples, at_least=1, error=ArgumentError)
        x, good = self.rows(features)
        out = np.full((len(x), n_samples, self.prior.n_parameters), np.nan)
        if good.any():
            out[good] = self.learned.draw(x[good], n_samples, seed)
        return out

    def log_prob(self, features: Rows, theta: ArrayLike) -> Array:
        """Return the log posterior density of one parameter vector per row, shape (n_rows,)."""
        x, good = self.rows(features)
        values = self.prior.matrix(theta)
        if len(values) != len(x):
            raise ShapeError(
                f"theta: expected one row per row of features ({len(x)}), got {len(values)}"
            )
        u = self.prior.to_unbounded(values)
        out = np.full(len(x), np.nan)
        if good.any():
            inner = self.estimator.log_prob(self.learned.scaler(x[good]), u[good])
            out[good] = inner - self.prior.log_jacobian(u[good])
            if self.prior.constraints:  # the density of what is left when the rest is cut off
                z = self.learned.scaler(x[good])
                free = self.estimator.sample(z, _CUT_OFF, seed=Seed(0, ("cut off",)))
                inside = self.prior.allowed(self.prior.from_unbounded(free)).mean(axis=1)
                out[good] -= np.log(np.maximum(inside, 1 / _CUT_OFF))
        out[good & ~self.prior.contains(values)] = -np.inf
        return out


def row_hashes(x: Array, theta: Array) -> NDArray[np.uint64]:
    """Return a hash of each simulation's features and parameters, shape (n_rows,)."""
    both = np.ascontiguousarray(np.column_stack([x, theta]) + 0.0)  # one zero, not two
    raw = b"".join(hashlib.blake2s(row.tobytes(), digest_size=8).digest() for row in both)
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64)
