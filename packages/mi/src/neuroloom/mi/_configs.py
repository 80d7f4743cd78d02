"""Options as typed objects, for those who prefer them to keywords.

Every object can also be given as a dict; unknown entries are refused with a suggestion.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuroloom.mi._errors import UnknownOptionError, known
from neuroloom.mi._options import Model, Training


@dataclass(frozen=True)
class Processing:
    """How recordings become samples: a processor per variable, and its parameters."""

    processor_type_x: str | None = None
    processor_params_x: Mapping[str, Any] | None = None
    processor_type_y: str | None = None
    processor_params_y: Mapping[str, Any] | None = None
    align: str | None = None


@dataclass(frozen=True)
class Split:
    """Which samples are held out together."""

    split_mode: str = "blocked"
    gap: int | None = None
    train_indices: Any = None
    test_indices: Any = None


@dataclass(frozen=True)
class Estimator:
    """The bound, and its options."""

    estimator: str = "infonce"
    estimator_params: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Output:
    """Units, level of the interval, and where to keep the critic."""

    output_units: str = "bits"
    confidence_level: float = 0.68
    save_best_model_path: str | None = None
    verbose: bool = True


@dataclass(frozen=True)
class Null:
    """Surrogates: how many, of which kind."""

    n_permutations: int = 20
    surrogate: str | None = None
    null_folds: int = 1
    surrogate_block: int | None = None
    trials: Any = None


@dataclass(frozen=True)
class Rigorous:
    """Options of mode ``"rigorous"``."""

    gamma_range: Any = None
    delta_threshold: float = 0.1
    min_gamma_points: int = 5
    method: str = "default"


@dataclass(frozen=True)
class Lag:
    """Options of mode ``"lag"``."""

    lag_range: Any = None


@dataclass(frozen=True)
class Precision:
    """Options of mode ``"precision"``."""

    tau_range: Any = None
    corruption: str = "rounding"
    corrupt: str = "x"
    ratio: Any = 0.9


@dataclass(frozen=True)
class Dimensionality:
    """Options of mode ``"dimensionality"``."""

    n_splits: int = 5
    strictness: Any = None


@dataclass(frozen=True)
class Conditional:
    """Options of mode ``"conditional"``."""

    z_data: Any = None
    rigorous: bool = False


@dataclass(frozen=True)
class Transfer:
    """Options of mode ``"transfer"``."""

    history: int = 1
    horizon: int = 1
    bidirectional: bool = False
    rigorous: bool = False


CONFIGS = {
    "processing": Processing,
    "split": Split,
    "estimator_config": Estimator,
    "output": Output,
    "null": Null,
    "rigorous_config": Rigorous,
    "lag_config": Lag,
    "precision_config": Precision,
    "dimensionality_config": Dimensionality,
    "conditional_config": Conditional,
    "transfer_config": Transfer,
}
MODE_OF = {
    "rigorous_config": ("rigorous", "conditional", "transfer"),
    "lag_config": ("lag",),
    "precision_config": ("precision",),
    "dimensionality_config": ("dimensionality",),
    "conditional_config": ("conditional",),
    "transfer_config": ("transfer",),
}


def unfold(name: str, value: Any) -> dict[str, Any]:
    """Return the entries of a config object or dict."""
    cls: Any = CONFIGS[name]
    if isinstance(value, cls):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        known(name, value, [f.name for f in dataclasses.fields(cls)])
        return dict(value)
    raise UnknownOptionError(
        f"{name}: expected {cls.__name__} or a dict, got {type(value).__name__}"
    )


def merge_model(base_params: Any, model: Any, training: Any) -> Any:
    """Return ``base_params`` with the entries of `model` and `training` objects or dicts."""
    if model is None and training is None:
        return base_params
    merged: dict[str, Any] = {}
    kinds: tuple[tuple[str, type[Model | Training], Any], ...] = (
        ("model", Model, model),
        ("training", Training, training),
    )
    for name, cls, value in kinds:
        if value is None:
            continue
        if isinstance(value, cls):
            merged |= dataclasses.asdict(value)
        elif isinstance(value, Mapping):
            known(name, value, [f.name for f in dataclasses.fields(cls)])
            merged |= dict(value)
        else:
            raise UnknownOptionError(
                f"{name}: expected {cls.__name__} or a dict, got {type(value).__name__}"
            )
    if base_params is not None and not isinstance(base_params, Mapping):
        raise UnknownOptionError(
            f"base_params: expected a dict beside model and training, got {base_params!r}"
        )
    return {**merged, **(base_params or {})}
