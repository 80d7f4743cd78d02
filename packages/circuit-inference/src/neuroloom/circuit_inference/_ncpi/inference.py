"""The seed's `Inference`: add simulations, train, predict, sample."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._estimators import SBI_MODELS, build
from neuroloom.circuit_inference._features.feature_table import FeatureTable, as_matrix
from neuroloom.circuit_inference._features.origin import FeatureOrigin
from neuroloom.circuit_inference._inference.fitted import Learned
from neuroloom.circuit_inference._libraries.foreign_prior import as_prior
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    NoValidSimulationsError,
    ShapeError,
    not_fitted,
)
from neuroloom.shared import Seed, as_seed
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]


class Inference:
    """Parameters from features, by ncpi 0.2.6's names.

    Nothing is read from or written to the working directory: a model lives in the object. For
    priors, calibrated posteriors, diagnosis and files see `Inferer`.

    Parameters
    ----------
    model : str
        Name of a scikit-learn regressor, ``"NPE"``, ``"NLE"`` or ``"NRE"`` (sbi), or ``"mdn"``.
    hyperparams : dict, optional
        Its arguments. For sbi's models ``density_estimator``, ``prior`` and ``num_samples``. The
        prior is a `Prior`, or one of sbi's or torch's of independent uniform parameters; the box
        around the simulations if not given.
    seed : int or Seed
        Root of all randomness.

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
        seed: SeedLike = 0,
    ) -> None:
        build(model, hyperparams)  # says at once what is wrong with them
        self.model = model
        self.hyperparams = None if hyperparams is None else dict(hyperparams)
        self.seed = as_seed(seed)
        self.features: Array = np.empty((0, 0))
        self.theta: Array = np.empty((0, 0))
        self.origin = FeatureOrigin()
        self.scores: list[float] = []
        self._flat = False
        self._prior = Prior(("theta",), (0.0,), (1.0,))
        self._models: list[Learned] = []

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
        self.features, self.theta = x[keep].copy(), theta[keep].copy()
        self.origin = FeatureOrigin.of(features)
        self._flat = flat
        self._models = []

    def train(
        self,
        param_grid: Sequence[Mapping[str, Any]] | None = None,
        n_splits: int = 10,
        n_repeats: int = 10,
        train_params: Mapping[str, Any] | None = None,
    ) -> None:
        """Train on the simulations that were added.

        With a grid, each candidate is trained on every fold of a repeated cross-validation, its
        scaler on the same rows as itself; the candidate of the smallest mean squared error is
        kept as the ensemble of its folds' models, each its own. `scores` holds the errors. They
        chose the candidate and flatter it: judge the model on simulations it never saw.

        Parameters
        ----------
        param_grid : list of dict, optional
            Hyperparameters to choose from.
        n_splits, n_repeats : int
            Folds and repeats of the cross-validation.
        train_params : dict, optional
            ``learning_rate``, ``training_batch_size`` and other options of sbi's training.

        Raises
        ------
        NotFittedError
            If no simulations were added.
        ArgumentError
            If the grid is not a list of dicts that the model takes.
        """
        if not len(self.features):
            raise not_fitted("Inference", "training (add_simulation_data comes first)")
        self._prior = self._make_prior()
        root = self.seed.child("train")
        if param_grid is None:
            everything = np.arange(len(self.features))
            self._models = [self._fit(self.hyperparams, everything, train_params, root)]
            return
        if isinstance(param_grid, Mapping) or not all(isinstance(p, Mapping) for p in param_grid):
            raise ArgumentError("param_grid: expected a list of dicts of hyperparameters")
        if not param_grid:
            raise ArgumentError("param_grid: expected at least one candidate, got none")
        splits = self._splits(n_splits, n_repeats, root)
        self.scores, best = [], np.inf
        chosen: list[Learned] = []
        for params in param_grid:
            candidate = {**(self.hyperparams or {}), **params}
            models, errors = [], []
            for k, (inside, outside) in enumerate(splits):
                model = self._fit(candidate, inside, train_params, root.child(k))
                rest = self._point(model, self.features[outside]) - self.theta[outside]
                errors.append(float((rest**2).mean()))
                models.append(model)
            self.scores.append(float(np.mean(errors)))
            if self.scores[-1] < best:
                best, chosen = self.scores[-1], models
        self._models = chosen

    def _splits(
        self, n_splits: int, n_repeats: int, seed: Seed
    ) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        n = len(self.features)
        if not 2 <= n_splits <= n or n_repeats < 1:
            raise ArgumentError(
                f"n_splits, n_repeats: expected 2 to {n} folds and at least 1 repeat, got "
                f"{n_splits} and {n_repeats}"
            )
        out = []
        for repeat in range(n_repeats):
            order = seed.child("splits").child(repeat).generator().permutation(n)
            for part in np.array_split(order, n_splits):
                out.append((np.setdiff1d(order, part), np.sort(part)))
        return out

    def _make_prior(self) -> Prior:
        given = (self.hyperparams or {}).get("prior")
        if given is None:
            return Prior.spanning(self.theta)
        prior = as_prior(given, self.theta.shape[1])
        prior.check(prior.matrix(self.theta))
        return prior

    def _fit(
        self,
        hyperparams: Mapping[str, Any] | None,
        rows: NDArray[np.int64],
        train_params: Mapping[str, Any] | None,
        seed: Seed,
    ) -> Learned:
        options = {
            k: v for k, v in (hyperparams or {}).items() if k not in ("prior", "num_samples")
        }
        if self.model in SBI_MODELS and train_params:
            options["train"] = {**options.get("train", {}), **train_params}
        x, theta = self.features[rows], self.theta[rows]
        return Learned.of(x, theta, self._prior, self.model, options, seed)

    def _point(self, model: Learned, x: Array) -> Array:
        n = int((self.hyperparams or {}).get("num_samples", 1000))
        return model.point(x, n, self.seed.child("predict"))

    def _check(self, features: Any, verb: str) -> Array:
        if not self._models:
            raise not_fitted(self.model, verb)
        x = as_matrix(features)
        self.origin.check(FeatureOrigin.of(features))
        self._models[0].scaler.check(x)
        return x

    def predict(self, features: Any) -> list[Any]:
        """Return one prediction per row: a number, or an array for several parameters.

        Posterior means for models with a posterior. Rows with NaN or infinity get NaN, in their
        place.

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
        x = self._check(features, "predict")
        out = np.full((len(x), self.theta.shape[1]), np.nan)
        keep = np.isfinite(x).all(axis=1)
        if keep.any():
            out[keep] = np.mean([self._point(model, x[keep]) for model in self._models], axis=0)
        return list(out[:, 0]) if self._flat else list(out)

    def sample_posterior(self, x: Any, num_samples: int = 10000) -> Array:
        """Return posterior draws given one observation, shape (num_samples, n_parameters).

        With several folds' models, equally many draws of each, one after another.

        Raises
        ------
        ArgumentError
            If the model gives points only, or `x` is not one finite row.
        """
        known = isinstance(x, (FeatureTable, pd.DataFrame))
        row = self._check(x if known else np.atleast_2d(np.asarray(x, float)), "sample_posterior")
        if len(row) != 1 or not np.isfinite(row).all():
            raise ArgumentError(f"x: expected one finite row of features, got shape {row.shape}")
        seed = self.seed.child("posterior")
        parts = [m.draw(row, num_samples, seed.child(k))[0] for k, m in enumerate(self._models)]
        return np.concatenate(parts)

    def initialize_sbi(self, params: Mapping[str, Any] | None = None) -> None:
        """Set the options of sbi's models; ncpi calls it by itself, so that few need it.

        Parameters
        ----------
        params : dict, optional
            Options that replace those of the constructor.

        Raises
        ------
        ArgumentError
            If the model is none of sbi's.
        """
        if self.model not in SBI_MODELS:
            raise ArgumentError(f"model: expected one of {SBI_MODELS}, got {self.model!r}")
        options = {**(self.hyperparams or {}), **(params or {})}
        build(self.model, options)
        self.hyperparams = options
