"""From a model's name to an estimator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neuroloom.circuit_inference._estimators.base import Estimator
from neuroloom.circuit_inference._estimators.sklearn import (
    SklearnEstimator,
    regressor,
    regressors,
)
from neuroloom.circuit_inference.errors import ArgumentError, unknown

SBI_MODELS = ("NLE", "NPE", "NRE")


def known_models() -> list[str]:
    """Return the names that a model can have."""
    return sorted(["mdn", *SBI_MODELS, *regressors()])


def build(model: str, hyperparams: Mapping[str, Any] | None = None) -> Estimator:
    """Return an untrained estimator.

    Parameters
    ----------
    model : str
        ``"mdn"``, ``"NPE"``, ``"NLE"``, ``"NRE"``, or the name of a scikit-learn regressor.
    hyperparams : mapping, optional
        Its options.

    Raises
    ------
    UnknownNameError
        If there is no such model.
    ArgumentError
        If the model does not take the options.
    """
    if not isinstance(model, str):
        raise ArgumentError(f"model: expected a name, got {type(model).__name__}")
    if hyperparams is not None and not isinstance(hyperparams, Mapping):
        raise ArgumentError(f"hyperparams: expected a mapping, got {type(hyperparams).__name__}")
    if model == "mdn":
        from neuroloom.circuit_inference._estimators.mdn import MixtureDensityEnsemble

        return MixtureDensityEnsemble(hyperparams)
    if model in SBI_MODELS:
        from neuroloom.circuit_inference._estimators.sbi import SbiEstimator

        return SbiEstimator(model, hyperparams)
    if regressor(model) is None:
        raise unknown("model", model, known_models())
    return SklearnEstimator(model, hyperparams)
