"""What training leaves behind: everything that a prediction needs, all or nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._estimators import Estimator
from neuroloom.circuit_inference._features.feature_set import (
    FeatureOrigin,
    FeatureSet,
    FeatureTable,
    as_matrix,
)
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._inference.scaler import Scaler
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference.errors import ShapeError
from neuroloom.shared import Seed

Array = NDArray[np.float64]
Rows: TypeAlias = FeatureTable | pd.DataFrame | ArrayLike


@dataclass(frozen=True, eq=False)
class Fitted:
    """A trained model.

    Attributes
    ----------
    estimator : Estimator
        Maps standardised features to unbounded parameters, or to points.
    prior : Prior
    scaler : Scaler
        Of the features.
    cloud : SimulatedCloud
        What observations are compared with.
    origin : FeatureOrigin
        What the features of the training were.
    feature_set : FeatureSet or None
    theta_std : ndarray, shape (n_parameters,)
        Standard deviation of the parameters learned from: the prior after the validity gates.
    learned : ndarray of uint64, shape (n_simulations,)
        Hash of each simulation learned from, sorted.
    """

    estimator: Estimator
    prior: Prior
    scaler: Scaler
    cloud: SimulatedCloud
    origin: FeatureOrigin
    feature_set: FeatureSet | None
    theta_std: Array
    learned: NDArray[np.uint64]

    def rows(self, features: Rows) -> tuple[Array, NDArray[np.bool_]]:
        """Return features as an array and which rows are finite.

        Raises
        ------
        FeatureMismatchError
            If they are not those of the training.
        """
        x = as_matrix(features)
        self.origin.check(FeatureOrigin.of(features))
        self.scaler.check(x)
        return x, np.asarray(np.isfinite(x).all(axis=1))

    def posterior(self, features: Rows, n_samples: int, seed: Seed) -> Posterior:
        """Return the posterior of each row; NaN for rows that are not finite."""
        x, good = self.rows(features)
        d = self.prior.n_parameters
        mean = np.full((len(x), d), np.nan)
        samples = epistemic = None
        z = self.scaler(x[good])
        if self.estimator.probabilistic:
            samples = np.full((len(x), n_samples, d), np.nan)
            if good.any():
                samples[good] = self._draw(z, n_samples, seed)
                mean[good] = samples[good].mean(axis=1)
                members = self.estimator.member_means(z)
                if members is not None:
                    epistemic = np.full((len(x), d), np.nan)
                    epistemic[good] = self.prior.from_unbounded(members).std(axis=0)
        elif good.any():
            mean[good] = self.estimator.predict(z)
        return Posterior(
            self.prior.names,
            self.prior.units,
            mean,
            samples,
            good,
            self.cloud.p_value(x),
            epistemic,
            self.theta_std,
        )

    def sample(self, features: Rows, n_samples: int, seed: Seed) -> Array:
        """Return posterior draws, shape (n_rows, n_samples, n_parameters); NaN for bad rows."""
        x, good = self.rows(features)
        out = np.full((len(x), n_samples, self.prior.n_parameters), np.nan)
        if good.any():
            out[good] = self._draw(self.scaler(x[good]), n_samples, seed)
        return out

    def _draw(self, z: Array, n_samples: int, seed: Seed) -> Array:
        unbounded = self.estimator.sample(z, n_samples, seed=seed.child("posterior"))
        return self.prior.from_unbounded(unbounded)

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
            inner = self.estimator.log_prob(self.scaler(x[good]), u[good])
            out[good] = inner - self.prior.log_jacobian(u[good])
        out[good & ~self.prior.contains(values)] = -np.inf
        return out


def row_hashes(x: Array, theta: Array) -> NDArray[np.uint64]:
    """Return a hash of each simulation's features and parameters, shape (n_rows,)."""
    both = np.ascontiguousarray(np.column_stack([x, theta]) + 0.0)  # one zero, not two
    raw = b"".join(hashlib.blake2s(row.tobytes(), digest_size=8).digest() for row in both)
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64)
