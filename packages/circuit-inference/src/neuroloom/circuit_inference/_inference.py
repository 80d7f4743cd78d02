"""The seed's `Inference`: add simulations, train, predict."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._errors import (
    ArgumentError,
    NoValidSimulationsError,
    ShapeError,
    not_fitted,
)
from neuroloom.circuit_inference._estimators import Estimator, build
from neuroloom.circuit_inference._feature_set import FeatureTable, as_matrix, match
from neuroloom.circuit_inference._scaler import Scaler
from neuroloom.shared import Seed, as_seed


class Inference:
    """Parameters from features, by ncpi 0.2.6's names.

    Nothing is read from or written to the working directory: a model lives in the object.

    Parameters
    ----------
    model : str
        Name of a scikit-learn regressor.
    hyperparams : dict, optional
        Its arguments.
    seed : int or Seed
        Root of all randomness of the training.

    Raises
    ------
    UnknownNameError
        If there is no such model; the error suggests one.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((50, 3))
    >>> inference = Inference(model="Ridge", hyperparams={"alpha": 1e-6})
    >>> inference.add_simulation_data(x, x @ [1.0, 2.0, 0.0])
    >>> inference.train()
    >>> round(float(inference.predict(np.array([[1.0, 1.0, 5.0]]))[0]), 3)
    3.0
    """

    def __init__(
        self,
        model: str,
        hyperparams: Mapping[str, Any] | None = None,
        *,
        seed: int | Seed = 0,
    ) -> None:
        self._fresh = (model, hyperparams)
        self._estimator: Estimator = build(model, hyperparams)
        self.model = model
        self.hyperparams = None if hyperparams is None else dict(hyperparams)
        self.seed = as_seed(seed)
        self.features: NDArray[np.float64] = np.empty((0, 0))
        self.theta: NDArray[np.float64] = np.empty((0, 0))
        self.names: tuple[str, ...] = ()
        self._flat = False
        self._scaler: Scaler | None = None

    def add_simulation_data(self, features: Any, parameters: Any) -> None:
        """Take simulations to learn from; rows with NaN or infinity are left out with a warning.

        Parameters
        ----------
        features : array_like or FeatureTable, shape (n_rows, n_features) or (n_rows,)
            Features; a `FeatureTable` brings names that are then checked at prediction.
        parameters : array_like, shape (n_rows,) or (n_rows, n_parameters)
            Parameters that produced them.

        Raises
        ------
        ShapeError
            If the numbers of rows differ.
        NoValidSimulationsError
            If no row is finite.
        """
        x = as_matrix(features)
        flat = np.ndim(parameters) == 1
        theta = as_matrix(parameters, "parameters")
        if len(x) != len(theta):
            raise ShapeError(
                f"parameters: expected one row per row of features ({len(x)}), got {len(theta)}"
            )
        bad_x = ~np.isfinite(x).all(axis=1)
        bad_theta = ~np.isfinite(theta).all(axis=1)
        keep = ~(bad_x | bad_theta)
        reasons = {
            "features not finite": int(bad_x.sum()),
            "parameters not finite": int(bad_theta.sum()),
        }
        if not keep.any():
            raise NoValidSimulationsError(
                f"features: expected finite rows to learn from, got none of {len(x)} ({reasons})",
                n_dropped=len(x),
                reasons=reasons,
            )
        if not keep.all():
            warnings.warn(
                f"{(~keep).sum()} of {len(x)} simulations are left out ({reasons})", stacklevel=2
            )
        self.features, self.theta = x[keep], theta[keep]
        self.names = features.names if isinstance(features, FeatureTable) else ()
        self._flat = flat
        self._scaler = None

    def train(
        self,
        param_grid: Sequence[Mapping[str, Any]] | None = None,
        n_splits: int = 10,
        n_repeats: int = 10,
        train_params: Mapping[str, Any] | None = None,
    ) -> None:
        """Train on the simulations that were added.

        Parameters
        ----------
        param_grid : list of dict, optional
            Hyperparameters to choose from by repeated cross-validation.
        n_splits, n_repeats : int
            Folds and repeats of the cross-validation.
        train_params : dict, optional
            Training options of sbi's models.

        Raises
        ------
        NotFittedError
            If no simulations were added.
        """
        if not len(self.features):
            raise not_fitted("add_simulation_data", "train")
        if param_grid is not None:
            raise ArgumentError("param_grid: expected None")
        scaler = Scaler.of(self.features)
        self._estimator = build(*self._fresh).fit(
            scaler(self.features), self.theta, seed=self.seed.child("train")
        )
        self._scaler = scaler

    def predict(self, features: Any) -> list[Any]:
        """Return one prediction per row: a number, or an array for several parameters.

        Rows with NaN or infinity get NaN, in their place.

        Parameters
        ----------
        features : array_like or FeatureTable, shape (n_rows, n_features)

        Raises
        ------
        NotFittedError
            If the model was not trained.
        FeatureMismatchError
            If the features are not those of the training.
        """
        scaler = self._scaler
        if scaler is None:
            raise not_fitted(self.model, "predict")
        x = as_matrix(features)
        if isinstance(features, FeatureTable) and self.names:
            match(self.names, features.names)
        scaler.check(x)
        out = np.full((len(x), self.theta.shape[1]), np.nan)
        keep = np.isfinite(x).all(axis=1)
        if keep.any():
            out[keep] = self._estimator.predict(scaler(x[keep]))
        return list(out[:, 0]) if self._flat else list(out)
