"""Inference with a prior, a posterior, and an out-of-distribution check."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._estimators import Estimator, build
from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable, as_matrix, check_pairs
from neuroloom.circuit_inference._features.line_noise import artefacts
from neuroloom.circuit_inference._features.origin import FeatureOrigin
from neuroloom.circuit_inference._features.series import as_series, own_rate, resampled
from neuroloom.circuit_inference._inference.diagnostics import Diagnosis, diagnose
from neuroloom.circuit_inference._inference.files import load_fitted, save_fitted
from neuroloom.circuit_inference._inference.fitted import Fitted, Learned, row_hashes
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._inference.predictive_check import (
    PredictiveCheck,
    check_posterior,
)
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._libraries.simulate import Simulator
from neuroloom.circuit_inference.errors import (
    FeatureMismatchError,
    NoValidSimulationsError,
    OutOfDistributionWarning,
    SeriesLengthWarning,
    ShapeError,
    not_fitted,
)
from neuroloom.shared import as_seed
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]


class Inferer:
    """Learns the posterior of circuit parameters given features.

    Parameters
    ----------
    model : str
        ``"mdn"``, a recalibrated ensemble of mixture-density networks; ``"NPE"``, ``"NLE"`` or
        ``"NRE"`` through sbi; or any scikit-learn regressor, for points without a posterior.
    prior : Prior, optional
        Bounds, names and units of the parameters. If not given, the box around the simulated
        ones. Posteriors never leave the bounds: learning happens in unbounded coordinates.
    hyperparams : mapping, optional
        Options of the model.

    Raises
    ------
    UnknownNameError
        If there is no such model.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> theta = rng.random((400, 1))
    >>> x = np.column_stack([theta[:, 0] + 0.1 * rng.standard_normal(400), rng.random(400)])
    >>> options = {"max_epochs": 30, "n_members": 2, "n_folds": 0}
    >>> inferer = Inferer("mdn", Prior.box({"gain": (0, 1)}), hyperparams=options)
    >>> posterior = inferer.fit(x, theta, seed=0).predict(np.array([[0.5, 0.5]]))
    >>> bool(abs(posterior.mean[0, 0] - 0.5) < 0.1)
    True
    """

    def __init__(
        self,
        model: str = "mdn",
        prior: Prior | None = None,
        *,
        hyperparams: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.hyperparams = dict(hyperparams or {})
        self._given_prior = prior
        self._blank: Estimator = build(model, hyperparams)
        self._fitted: Fitted | None = None

    # -- learning ------------------------------------------------------------------------------

    def fit(
        self,
        features: FeatureTable | ArrayLike,
        theta: ArrayLike,
        *,
        feature_set: FeatureSet | None = None,
        seed: SeedLike = None,
    ) -> Self:
        """Learn from simulations, and return the inferer itself.

        Parameters
        ----------
        features : FeatureTable or array_like, shape (n_rows, n_features)
            Rows with NaN are left out with a warning.
        theta : array_like or DataFrame, shape (n_rows, n_parameters)
            Parameters, inside the prior; columns of a table go by name.
        feature_set : FeatureSet, optional
            What made the features; kept, so that series can be handed to `predict_series`.
        seed : int or Seed
            Root of all randomness.

        Raises
        ------
        PriorError
            If a parameter lies outside the prior.
        ShapeError
            If the numbers of rows differ.
        NoValidSimulationsError
            If no row is finite.
        """
        x = as_matrix(features)
        check_pairs(features, theta)
        given = self._given_prior
        values = as_matrix(theta, "theta") if given is None else given.matrix(theta)
        if len(values) != len(x):
            raise ShapeError(
                f"theta: expected one row per row of features ({len(x)}), got {len(values)}"
            )
        keep = self._usable(x, values)
        x, values = x[keep], values[keep]
        named = tuple(map(str, theta)) if isinstance(theta, pd.DataFrame) else ()
        prior = given or Prior.spanning(values, named)
        prior.check(values)
        root = as_seed(seed)
        origin = FeatureOrigin.of(features)
        if feature_set is not None:
            FeatureOrigin(feature_set.names, feature_set.digest).check(origin)
            if len(feature_set.names) != x.shape[1]:
                raise FeatureMismatchError(
                    f"feature_set: expected one of the {x.shape[1]} features, got "
                    f"{list(feature_set.names)}"
                )
            origin = replace(origin, names=feature_set.names, digest=feature_set.digest)
        if isinstance(features, FeatureTable) and features.n_times is not None:
            origin = replace(origin, n_times=_span(features.n_times[keep]))
        self._fitted = Fitted(
            Learned.of(x, values, prior, self.model, self.hyperparams, root.child("fit")),
            SimulatedCloud.of(x, artefacts(origin.names)),
            origin,
            feature_set,
            values.std(axis=0),
            np.sort(row_hashes(x, values)),
        )
        return self

    def _usable(self, x: Array, theta: Array) -> NDArray[np.bool_]:
        bad_x, bad_theta = ~np.isfinite(x).all(axis=1), ~np.isfinite(theta).all(axis=1)
        reasons = {
            "features not finite": int(bad_x.sum()),
            "theta not finite": int(bad_theta.sum()),
        }
        keep = ~(bad_x | bad_theta)
        if keep.sum() < 2:
            raise NoValidSimulationsError(
                f"features: expected finite rows to learn from, got {int(keep.sum())} of {len(x)} "
                f"({reasons})",
                n_dropped=int((~keep).sum()),
                reasons=reasons,
            )
        if not keep.all():
            warnings.warn(
                f"{int((~keep).sum())} of {len(x)} simulations are left out ({reasons})",
                stacklevel=3,
            )
        return np.asarray(keep)

    # -- what was learned ----------------------------------------------------------------------

    @property
    def prior(self) -> Prior:
        """The prior of the trained model."""
        return self._need("prior").prior

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, empty if it was trained on a bare array."""
        return self._need("feature_names").origin.names

    @property
    def feature_set(self) -> FeatureSet | None:
        """The feature set that was handed to `fit`."""
        return self._need("feature_set").feature_set

    @property
    def rate_hz(self) -> float | None:
        """Sampling rate of the series in training in Hz; None where it is not known."""
        return self._need("rate_hz").origin.rate_hz

    @property
    def n_simulations(self) -> int:
        """How many simulations it learned from."""
        return len(self._need("n_simulations").seen)

    @property
    def cloud(self) -> SimulatedCloud:
        """The simulated cloud that observations are compared with."""
        return self._need("cloud").cloud

    @property
    def estimator(self) -> Estimator:
        """The trained estimator."""
        return self._need("estimator").estimator

    @property
    def probabilistic(self) -> bool:
        """Whether there is a posterior to sample."""
        return self._blank.probabilistic

    def _need(self, verb: str) -> Fitted:
        if self._fitted is None:
            raise not_fitted(self.model, verb)
        return self._fitted

    def predict(
        self,
        features: FeatureTable | ArrayLike,
        *,
        n_samples: int = 1000,
        warn: bool = True,
        seed: SeedLike = None,
    ) -> Posterior:
        """Return the posterior of each row.

        Rows with NaN keep their place: NaN in the result, ``valid`` False.

        Parameters
        ----------
        features : FeatureTable or array_like, shape (n_rows, n_features)
            Of the same names, versions and order as in training.
        n_samples : int
            Draws per row.
        warn : bool
            Warn of rows with ``ood_p`` below .01.
        seed : int or Seed
            Of the draws.

        Raises
        ------
        NotFittedError
            Before `fit`.
        FeatureMismatchError
            If the features are not those of the training.
        """
        fitted = self._need("predict")
        posterior = fitted.posterior(features, n_samples, as_seed(seed))
        if warn:
            remark = fitted.origin.length_remark(FeatureOrigin.of(features))
            if remark:
                warnings.warn(f"features: {remark}", SeriesLengthWarning, stacklevel=2)
            _warn_outside(posterior, fitted.cloud)
        return posterior

    def predict_series(
        self,
        series: Any,
        *,
        rate: float | None = None,
        resample: bool = False,
        n_samples: int = 1000,
        warn: bool = True,
        seed: SeedLike = None,
    ) -> Posterior:
        """Return the posterior of each series, features computed as in training.

        Parameters
        ----------
        series : array_like, list of array_like, Signal or list of Signal
            As for `FeatureSet.compute`.
        rate : float, optional
            Sampling rate in Hz of bare arrays.
        resample : bool
            Bring series of another rate to that of the training first, by polyphase filtering;
            without it they are refused.
        n_samples : int
            Draws per series.
        warn : bool
            Warn of series of another length than in training, and of those outside the cloud.
        seed : int or Seed
            Of the draws.

        Raises
        ------
        NotFittedError
            If `fit` was not told the feature set.
        FeatureMismatchError
            If the series have another sampling rate than those of the training, or none.
        """
        chosen = self._need("predict_series").feature_set
        if chosen is None:
            raise not_fitted(self.model, "predict_series (fit was given no feature_set)")
        learned = self._need("predict_series").origin
        rate = own_rate(series, rate)
        target = learned.rate_hz
        if resample and rate is not None and target is not None and target != rate:
            series = [resampled(x, rate, target) for x in as_series(series)]
            rate = target
        table = chosen.compute(series, rate=rate)
        return self.predict(table, n_samples=n_samples, warn=warn, seed=seed)

    def sample(
        self, features: FeatureTable | ArrayLike, n_samples: int = 1000, *, seed: SeedLike = None
    ) -> Array:
        """Return posterior draws, shape (n_rows, n_samples, n_parameters); NaN for bad rows.

        Parameters
        ----------
        features : FeatureTable, DataFrame or array_like, shape (n_rows, n_features)
            Of the same names, options and order as in training.
        n_samples : int
            Draws per row.
        seed : int or Seed, optional
            Of the draws; None draws from the operating system.

        Raises
        ------
        ArgumentError
            If the model gives points only.
        """
        return self._need("sample").sample(features, n_samples, as_seed(seed))

    def log_prob(self, features: FeatureTable | ArrayLike, theta: ArrayLike) -> Array:
        """Return the log posterior density of one parameter vector per row, shape (n_rows,).

        The density that `sample` draws from, recalibration included.

        Parameters
        ----------
        features : FeatureTable, DataFrame or array_like, shape (n_rows, n_features)
            Of the same names, options and order as in training.
        theta : array_like, shape (n_rows, n_parameters)
            Parameters, one row per row of features.
        """
        return self._need("log_prob").log_prob(features, theta)

    def diagnose(
        self,
        features: FeatureTable | ArrayLike,
        theta: ArrayLike,
        *,
        n_samples: int = 500,
        levels: Sequence[float] | Array = (0.5, 0.8, 0.9, 0.95),
        resume: str | Path | None = None,
        progress: bool = True,
        seed: SeedLike = None,
    ) -> Diagnosis:
        """Return how far the posterior can be trusted, on simulations it never saw.

        See `Diagnosis` for what is in it. NLE and NRE draw each row by a Markov chain of its own:
        a surrounding ``joblib.parallel_config`` spreads the rows over workers or a cluster. Other
        models draw all rows in one call that takes seconds; there is nothing to spread or keep.

        Parameters
        ----------
        features : FeatureTable, DataFrame or array_like, shape (n_rows, n_features)
            Of the same names, options and order as in training.
        theta : array_like, shape (n_rows, n_parameters)
            True parameters of simulations that the model never saw.
        n_samples : int
            Draws per row.
        levels : sequence of float
            Levels of the credible intervals, between 0 and 1.
        resume : str or Path, optional
            Folder that keeps the draws of each row (NLE and NRE; as in `neuroloom.shared.map`);
            refused for other models, which have nothing to keep.
        progress : bool
            Show a bar of the rows (NLE and NRE), for the draws and for each feature's importance.
        seed : int or Seed, optional
            Of the draws; None draws from the operating system.
        """
        return diagnose(
            self._need("diagnose"), features, theta, n_samples=n_samples, levels=levels,
            resume=resume, progress=progress, seed=seed,
        )  # fmt: skip

    def predictive_check(
        self,
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
        """Simulate from the posterior of one observation, and compare the features.

        Parameters
        ----------
        features : FeatureTable or array_like, shape (n_rows, n_features)
            Observed.
        simulator : SimulationLibrary or callable
            A library of one of the package's models, whose simulator is run again and its
            signals cut to the library's length; or ``simulator(theta, seed)`` as in
            `simulate_library`, whose signals should be as long as the recording.
        row : int
            Which observation.
        rate_hz : float, optional
            Sampling rate of a callable's signals.
        signal : str, optional
            Which signal, where there are several.
        feature_set : FeatureSet, optional
            What made the features; that of `fit` if not given.
        n_sims : int
            Draws from the posterior, each simulated once; at least 20.
        n_workers, backend, progress
            As in `neuroloom.shared.map`.
        seed : int or Seed

        Raises
        ------
        ArgumentError
            If there is no feature set, no rate for a callable, the row's features are not finite,
            or the model gives points only.
        LibraryError
            If the library was made by a simulator that is not the package's.
        NoValidSimulationsError
            If fewer than 20 simulations pass their gates with finite features.

        Examples
        --------
        >>> from neuroloom.circuit_inference import BandPower, gao_lfp, gao_library
        >>> library = gao_library(60, duration_s=2.0, progress=False)
        >>> chosen = FeatureSet(BandPower(bands=((5, 50), (50, 200))))
        >>> options = {"max_epochs": 5, "n_members": 2, "n_folds": 0}
        >>> inferer = Inferer("mdn", library.prior, hyperparams=options)
        >>> inferer = inferer.fit(library.features(chosen), library.theta, feature_set=chosen)
        >>> observed = chosen.compute(gao_lfp([4.0], duration_s=2.0, seed=1), rate=1000.0)
        >>> check = inferer.predictive_check(observed, library, n_sims=20, progress=False)
        >>> check.simulated.shape, check.to_frame().shape
        ((20, 2), (2, 5))
        """
        fitted = self._need("predictive_check")
        return check_posterior(
            fitted, features, simulator, row=row, rate_hz=rate_hz, signal=signal,
            feature_set=feature_set, n_sims=n_sims, n_workers=n_workers, backend=backend,
            progress=progress, seed=seed,
        )  # fmt: skip

    # -- files ---------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Write the trained model as a folder of JSON, npz, safetensors or skops files.

        Parameters
        ----------
        folder : str or Path
            Of the model.
        """
        fitted = self._need("save")
        return save_fitted(fitted, Path(folder), self.model, self.hyperparams)

    @classmethod
    def load(cls, folder: str | Path) -> Inferer:
        """Return the model that `save` wrote; nothing in the folder is run.

        Parameters
        ----------
        folder : str or Path
            Of the model.

        Raises
        ------
        ModelFormatError
            If the folder is foreign, of a newer version, stale or tampered with.
        """
        model, hyperparams, fitted = load_fitted(Path(folder))
        inferer = cls(model, fitted.prior, hyperparams=hyperparams)
        inferer._fitted = fitted
        return inferer


def _span(n_times: NDArray[np.int64]) -> tuple[int, int]:
    return int(n_times.min()), int(n_times.max())


def _warn_outside(posterior: Posterior, cloud: SimulatedCloud) -> None:
    p = posterior.ood_p[posterior.valid]
    outside = int((p < 0.01).sum())
    if outside:
        warnings.warn(
            f"{outside} of {len(posterior)} observations lie outside the simulated cloud "
            f"(smallest p {np.nanmin(p):.3g}): their parameters cannot be interpreted",
            OutOfDistributionWarning,
            stacklevel=3,
        )
    elif np.isnan(p).any():
        warnings.warn(
            f"whether the observations lie outside the simulated cloud cannot be said from "
            f"{len(cloud.combined)} simulations: expected at least 20",
            OutOfDistributionWarning,
            stacklevel=3,
        )
