"""Any scikit-learn regressor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._estimators.base import Array, Estimator
from neuroloom.circuit_inference._estimators.sklearn_files import dump, load, storable
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ModelFormatError,
    UnsafeFormatError,
)
from neuroloom.shared import Seed
from neuroloom.shared.parallel import one_thread


@cache
def regressors() -> dict[str, type]:
    """Return scikit-learn's regressors by name."""
    # The modules of the estimators, one by one: all_estimators() imports all of scikit-learn,
    # its tests' helpers included, and takes seconds.
    import importlib
    import inspect

    from sklearn.base import RegressorMixin

    modules = (
        *("cross_decomposition", "dummy", "ensemble", "gaussian_process", "isotonic"),
        *("kernel_ridge", "linear_model", "multioutput", "neighbors", "neural_network"),
        *("compose", "svm", "tree"),
    )
    found: dict[str, type] = {}
    for name in modules:
        module = importlib.import_module(f"sklearn.{name}")
        for label, member in vars(module).items():
            if (
                inspect.isclass(member)
                and issubclass(member, RegressorMixin)
                and not inspect.isabstract(member)
                and not label.startswith("_")
                and member is not RegressorMixin
            ):
                found[label] = member
    return found


_HOMES = {  # the usual ones, so that one regressor costs one import
    "MLPRegressor": "neural_network",
    "RandomForestRegressor": "ensemble",
    "GradientBoostingRegressor": "ensemble",
    "HistGradientBoostingRegressor": "ensemble",
    "Ridge": "linear_model",
    "LinearRegression": "linear_model",
    "Lasso": "linear_model",
    "KNeighborsRegressor": "neighbors",
    "SVR": "svm",
    "GaussianProcessRegressor": "gaussian_process",
}


def regressor(name: str) -> type | None:
    """Return scikit-learn's regressor of that name, None if there is none."""
    if name in _HOMES:
        import importlib

        found: type = getattr(importlib.import_module(f"sklearn.{_HOMES[name]}"), name)
        return found
    return regressors().get(name)


class SklearnEstimator(Estimator):
    """One regressor, or several whose predictions are averaged.

    Parameters
    ----------
    name : str
        Name of the scikit-learn class.
    hyperparams : mapping
        Its arguments. A `random_state` is taken from the seed where the class has one and none
        is given.
    """

    kind: ClassVar[str] = "sklearn"

    def __init__(self, name: str, hyperparams: Mapping[str, Any] | None = None) -> None:
        self.name = name
        self.hyperparams = dict(hyperparams or {})
        self.models: list[Any] = []
        self._flat = True
        self._example: Array = np.empty((0, 0))
        self.make(None)

    def make(self, random_state: int | None) -> Any:
        """Return a fresh, untrained regressor."""
        found = regressor(self.name)
        assert found is not None, self.name
        try:
            model = found(**self.hyperparams)
        except TypeError as error:
            raise ArgumentError(f"hyperparams: {self.name} does not take them: {error}") from error
        parameters = model.get_params(deep=False)
        if (
            random_state is not None
            and "random_state" in parameters
            and parameters["random_state"] is None
        ):
            model.set_params(random_state=random_state)
        return model

    def fit(self, x: Array, theta: Array, *, seed: Seed) -> Self:
        """Train one regressor."""
        model = self.make(seed.integer(31))
        self._example = x[:5].copy()
        self.models = [self._trained(model, self._taken(x), self._taken(theta))]
        return self

    def _taken(self, values: Array) -> NDArray[np.floating]:
        # Networks of scikit-learn compute in their data's precision: single is twice as fast, and
        # far finer than what decides where training stops.
        return values.astype(np.float32) if self.name == "MLPRegressor" else values

    def _trained(self, model: Any, x: NDArray[np.floating], theta: NDArray[np.floating]) -> Any:
        self._flat = theta.shape[1] == 1
        try:
            # One BLAS thread: the same bits on any machine, and faster for networks of this size.
            with one_thread():
                return model.fit(x, theta[:, 0] if self._flat else theta)
        except ValueError as error:
            if self._flat or "1d" not in str(error).lower():
                raise
            # A regressor of one output: one of them per parameter.
            from sklearn.multioutput import MultiOutputRegressor

            return MultiOutputRegressor(model).fit(x, theta)

    def predict(self, x: Array) -> Array:
        """Return the mean of the regressors' predictions."""
        taken = self._taken(x)
        parts = [np.asarray(model.predict(taken), dtype=np.float64) for model in self.models]
        mean = np.mean(parts, axis=0)
        return np.asarray(mean[:, None] if mean.ndim == 1 else mean)

    def save(self, folder: Path) -> Mapping[str, Any]:
        """Write each regressor with skops, and what it predicts for a few rows."""
        import sklearn

        for i, model in enumerate(self.models):
            dump(model, self.name, folder / f"model-{i}.skops")
        return {
            "name": self.name,
            "n_models": len(self.models),
            "flat": self._flat,
            "scikit-learn": sklearn.__version__,
            "example": {"x": self._example.tolist(), "y": self.predict(self._example).tolist()},
        }

    @classmethod
    def load(cls, folder: Path, header: Mapping[str, Any]) -> SklearnEstimator:
        """Read the regressors; a file with anything else in it is refused.

        Raises
        ------
        UnsafeFormatError
            If a file holds something that does not belong to the regressor; nothing was run.
        ModelFormatError
            If a file cannot be read, or the installed scikit-learn predicts other values with it.
        """
        import sklearn

        name, written = header["name"], header.get("scikit-learn", "an unknown version")
        paths = [folder / f"model-{i}.skops" for i in range(header["n_models"])]
        if name not in storable():
            raise UnsafeFormatError(
                f"folder: expected one of {', '.join(storable())}, got {name!r}; nothing was run"
            )
        versions = f"it was written by scikit-learn {written}, {sklearn.__version__} is installed"
        estimator = cls(name)
        estimator._flat = bool(header["flat"])
        try:
            estimator.models = [load(path, name) for path in paths]
            estimator._check_example(header.get("example"))
        except ModelFormatError as error:
            raise type(error)(f"{error}; {versions}") from error
        return estimator

    def _check_example(self, example: Mapping[str, Any] | None) -> None:
        if example is None:  # of a version that kept none
            return
        x, y = np.array(example["x"], dtype=np.float64), np.array(example["y"], dtype=np.float64)
        self._example = x
        try:
            got = self.predict(x)
            same = got.shape == y.shape and np.allclose(got, y, rtol=1e-6, atol=1e-9)
        except Exception as error:
            raise ModelFormatError(
                f"folder: expected a regressor that predicts, got {type(error).__name__}: {error}"
            ) from error
        if not same:
            raise ModelFormatError(
                "folder: expected the predictions of when the model was saved, got others"
            )
