"""Inference with a prior, a posterior, and a verdict on whether the question makes sense."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._estimators import Estimator, build
from neuroloom.circuit_inference._features.feature_set import (
    FeatureSet,
    FeatureTable,
    as_matrix,
    match,
)
from neuroloom.circuit_inference._features.line_noise import artefacts
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.posterior import Posterior
from neuroloom.circuit_inference._inference.scaler import Scaler
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference.errors import (
    NoValidSimulationsError,
    OutOfDistributionWarning,
    ShapeError,
    not_fitted,
)
from neuroloom.shared import Seed, as_seed

if TYPE_CHECKING:
    from neuroloom.circuit_inference._inference.diagnostics import Diagnosis
    from neuroloom.circuit_inference._inference.predictive_check import PredictiveCheck
    from neuroloom.circuit_inference._libraries.library import SimulationLibrary
    from neuroloom.circuit_inference._libraries.simulate import Simulator

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
        self._estimator: Estimator = build(model, hyperparams)
        self._fitted: _Fitted | None = None

    # -- learning ------------------------------------------------------------------------------

    def fit(
        self,
        features: FeatureTable | ArrayLike,
        theta: ArrayLike,
        *,
        feature_set: FeatureSet | None = None,
        seed: int | Seed = 0,
    ) -> Self:
        """Learn from simulations, and return the inferer itself.

        Parameters
        ----------
        features : FeatureTable or array_like, shape (n_rows, n_features)
            Rows with NaN are left out with a warning.
        theta : array_like, shape (n_rows, n_parameters)
            Parameters, inside the prior.
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
        values = np.asarray(theta, dtype=np.float64)
        values = values[:, None] if values.ndim == 1 else values
        if len(values) != len(x):
            raise ShapeError(
                f"theta: expected one row per row of features ({len(x)}), got {len(values)}"
            )
        keep = self._usable(x, values)
        x, values = x[keep], values[keep]
        prior = self._given_prior or Prior.spanning(values)
        values = prior.matrix(values)
        prior.check(values)
        root = as_seed(seed)
        names = features.names if isinstance(features, FeatureTable) else ()
        digest = features.digest if isinstance(features, FeatureTable) else ""
        scaler = Scaler.of(x)
        self._estimator = build(self.model, self.hyperparams)
        goal = prior.to_unbounded(values) if self._estimator.probabilistic else values
        self._estimator.fit(scaler(x), goal, seed=root.child("fit"))
        self._fitted = _Fitted(
            prior,
            scaler,
            SimulatedCloud.of(x, artefacts(names)),
            names,
            digest,
            feature_set,
            len(x),
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
        return self._need("feature_names").names

    @property
    def feature_set(self) -> FeatureSet | None:
        """The feature set that was handed to `fit`."""
        return self._need("feature_set").feature_set

    @property
    def n_simulations(self) -> int:
        """How many simulations it learned from."""
        return self._need("n_simulations").n_rows

    @property
    def cloud(self) -> SimulatedCloud:
        """The simulated cloud that observations are compared with."""
        return self._need("cloud").cloud

    @property
    def estimator(self) -> Estimator:
        """The trained estimator."""
        self._need("estimator")
        return self._estimator

    @property
    def probabilistic(self) -> bool:
        """Whether there is a posterior to sample."""
        return self._estimator.probabilistic

    def _need(self, verb: str) -> _Fitted:
        if self._fitted is None:
            raise not_fitted(self.model, verb)
        return self._fitted

    def _rows(
        self, features: FeatureTable | ArrayLike, verb: str
    ) -> tuple[Array, NDArray[np.bool_]]:
        fitted = self._need(verb)
        x = as_matrix(features)
        if isinstance(features, FeatureTable) and fitted.names:
            match(fitted.names, features.names)
        fitted.scaler.check(x)
        return x, np.asarray(np.isfinite(x).all(axis=1))

    def predict(
        self,
        features: FeatureTable | ArrayLike,
        *,
        n_samples: int = 1000,
        warn: bool = True,
        seed: int | Seed = 0,
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
        x, good = self._rows(features, "predict")
        fitted = self._need("predict")
        d = fitted.prior.n_parameters
        mean = np.full((len(x), d), np.nan)
        samples = epistemic = None
        z = fitted.scaler(x[good])
        if self.probabilistic:
            samples = np.full((len(x), n_samples, d), np.nan)
            if good.any():
                samples[good] = self._draw(z, n_samples, as_seed(seed))
                mean[good] = samples[good].mean(axis=1)
                members = getattr(self._estimator, "member_means", None)
                if members is not None:
                    epistemic = np.full((len(x), d), np.nan)
                    epistemic[good] = fitted.prior.from_unbounded(members(z)).std(axis=0)
        elif good.any():
            mean[good] = self._estimator.predict(z)
        ood_p = fitted.cloud.p_value(x)
        strange = int((ood_p < 0.01).sum())
        if warn and strange:
            warnings.warn(
                f"{strange} of {len(x)} observations lie outside the simulated cloud "
                f"(smallest p {np.nanmin(ood_p):.3g}): their parameters mean little",
                OutOfDistributionWarning,
                stacklevel=2,
            )
        return Posterior(
            fitted.prior.names, fitted.prior.units, mean, samples, good, ood_p, epistemic
        )

    def predict_series(
        self,
        series: Any,
        *,
        rate: float | None = None,
        n_samples: int = 1000,
        warn: bool = True,
        seed: int | Seed = 0,
    ) -> Posterior:
        """Return the posterior of each series, features computed as in training.

        Raises
        ------
        NotFittedError
            If `fit` was not told the feature set.
        """
        chosen = self._need("predict_series").feature_set
        if chosen is None:
            raise not_fitted(self.model, "predict_series (fit was given no feature_set)")
        table = chosen.compute(series, rate=rate)
        return self.predict(table, n_samples=n_samples, warn=warn, seed=seed)

    def sample(
        self, features: FeatureTable | ArrayLike, n_samples: int = 1000, *, seed: int | Seed = 0
    ) -> Array:
        """Return posterior draws, shape (n_rows, n_samples, n_parameters); NaN for bad rows.

        Raises
        ------
        ArgumentError
            If the model gives points only.
        """
        x, good = self._rows(features, "sample")
        fitted = self._need("sample")
        out = np.full((len(x), n_samples, fitted.prior.n_parameters), np.nan)
        if good.any():
            out[good] = self._draw(fitted.scaler(x[good]), n_samples, as_seed(seed))
        return out

    def _draw(self, z: Array, n_samples: int, seed: Seed) -> Array:
        unbounded = self._estimator.sample(z, n_samples, seed=seed.child("posterior"))
        return self.prior.from_unbounded(unbounded)

    def log_prob(self, features: FeatureTable | ArrayLike, theta: ArrayLike) -> Array:
        """Return the log posterior density of one parameter vector per row, shape (n_rows,).

        Of the network before recalibration, which has no density of its own.
        """
        x, good = self._rows(features, "log_prob")
        fitted = self._need("log_prob")
        values = fitted.prior.matrix(theta)
        if len(values) != len(x):
            raise ShapeError(
                f"theta: expected one row per row of features ({len(x)}), got {len(values)}"
            )
        u = fitted.prior.to_unbounded(values)
        out = np.full(len(x), np.nan)
        if good.any():
            inner = self._estimator.log_prob(fitted.scaler(x[good]), u[good])
            out[good] = inner - fitted.prior.log_jacobian(u[good])
        out[good & ~fitted.prior.contains(values)] = -np.inf
        return out

    def diagnose(
        self,
        features: FeatureTable | ArrayLike,
        theta: ArrayLike,
        *,
        n_samples: int = 500,
        levels: Sequence[float] = (0.5, 0.8, 0.9, 0.95),
        seed: int | Seed = 0,
    ) -> Diagnosis:
        """Return how far the posterior can be trusted, on simulations it never saw.

        See `Diagnosis` for what is in it.
        """
        from neuroloom.circuit_inference._inference.diagnostics import diagnose

        return diagnose(self, features, theta, n_samples=n_samples, levels=levels, seed=seed)

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
        n_workers: int | None = 1,
        backend: str | None = None,
        progress: bool = True,
        seed: int | Seed = 0,
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
        from neuroloom.circuit_inference._inference.predictive_check import check_posterior

        return check_posterior(
            self, features, simulator, row=row, rate_hz=rate_hz, signal=signal,
            feature_set=feature_set, n_sims=n_sims, n_workers=n_workers, backend=backend,
            progress=progress, seed=seed,
        )  # fmt: skip

    # -- files ---------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> Path:
        """Write the trained model as a folder of JSON, npz, safetensors or skops files."""
        from neuroloom.circuit_inference._inference.files import save_inferer

        return save_inferer(self, Path(folder))

    @classmethod
    def load(cls, folder: str | Path) -> Inferer:
        """Return the model that `save` wrote; nothing in the folder is run.

        Raises
        ------
        ModelFormatError
            If the folder is foreign, of a newer version, stale or tampered with.
        """
        from neuroloom.circuit_inference._inference.files import load_inferer

        return load_inferer(Path(folder))


class _Fitted:
    """What `fit` leaves behind, all or nothing."""

    def __init__(
        self,
        prior: Prior,
        scaler: Scaler,
        cloud: SimulatedCloud,
        names: tuple[str, ...],
        digest: str,
        feature_set: FeatureSet | None,
        n_rows: int,
    ) -> None:
        self.prior = prior
        self.scaler = scaler
        self.cloud = cloud
        self.names = names
        self.digest = digest
        self.feature_set = feature_set
        self.n_rows = n_rows
