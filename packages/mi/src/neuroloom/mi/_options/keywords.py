"""The keyword arguments of `run` by mode, for type checkers; `modes` checks what really comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict

import torch
from numpy.typing import ArrayLike, NDArray

from neuroloom.mi._options import configs
from neuroloom.mi._options.params import Model, Params, Training
from neuroloom.shared import Epochs, Seed

Entries: TypeAlias = Mapping[str, Any]
Processor: TypeAlias = Literal["continuous", "spike", "categorical"]
Direct: TypeAlias = Literal["ksg", "gcmi", "cca", "plugin", "lmi"]
Bound: TypeAlias = Literal["infonce", "nwj", "tuba", "js", "smile", "dv", "mine"]


class Common(TypedDict, total=False):
    """What every mode takes."""

    processor_type: Processor | None
    processor_params: Entries | None
    processor_type_x: Processor | None
    processor_params_x: Entries | None
    processor_type_y: Processor | None
    processor_params_y: Entries | None
    base_params: Entries | Model | Training | Params | None
    output_units: Literal["bits", "nats"]
    estimator: Bound | Direct | configs.Estimator | Entries
    estimator_params: Entries | None
    custom_critic: torch.nn.Module | None
    custom_embedding_cls: type | None
    random_seed: int | Seed | None
    seed: int | Seed | None
    verbose: bool
    device: str | None
    split_mode: Literal["blocked", "random"]
    train_indices: NDArray[Any] | None
    test_indices: NDArray[Any] | None
    confidence_level: float
    n_workers: int | None
    gap: int | None
    align: Literal["truncate"] | None
    x_time: ArrayLike | None
    y_time: ArrayLike | None
    resume: Any
    epochs: Epochs | Any | None
    x_name: str
    y_name: str
    channel_names_x: Sequence[str]
    channel_names_y: Sequence[str]
    processing: configs.Processing | Entries
    model: Model | Entries
    training: Training | Entries
    split: configs.Split | Entries
    output: configs.Output | Entries


class _Nulls(Common, total=False):
    permutation_test: bool
    n_permutations: int
    null_folds: int
    surrogate_block: int | None
    trials: ArrayLike | None
    null: configs.Null | Entries


class _Surrogates(_Nulls, total=False):
    surrogate: Literal["circular", "permutation", "block", "trial"]


class _ConditionalSurrogates(_Nulls, total=False):
    surrogate: Literal["circular", "permutation", "block", "trial", "local", "residual"]
    rigorous: bool | configs.Rigorous | Entries
    gamma_range: Sequence[int] | NDArray[Any]
    delta_threshold: float
    min_gamma_points: int


class Estimate(_Surrogates, total=False):
    """Of mode ``"estimate"``."""

    return_embeddings: bool
    save_best_model_path: Any


class Sweep(Common, total=False):
    """Of mode ``"sweep"``."""

    sweep_grid: Mapping[str, Any]
    max_samples_per_task: int | None


class Dimensionality(Common, total=False):
    """Of mode ``"dimensionality"``."""

    sweep_grid: Mapping[str, Any] | None
    n_splits: int
    strictness: float | Sequence[float]
    split_method: str
    channel_indices_x: ArrayLike | None
    lag: int
    sigma_add: Any
    stabilize_counts: bool
    dimensionality: configs.Dimensionality | Entries


class Rigorous(Common, total=False):
    """Of mode ``"rigorous"``."""

    gamma_range: Sequence[int] | NDArray[Any]
    delta_threshold: float
    min_gamma_points: int
    method: Literal["default", "abdelaleem2025"]
    variant: Literal["train", "test"]
    rigorous: configs.Rigorous | Entries


class Lag(_Surrogates, total=False):
    """Of mode ``"lag"``."""

    lag_range: Sequence[float] | NDArray[Any]
    equalize_n: bool
    lag: configs.Lag | Entries


class Precision(Common, total=False):
    """Of mode ``"precision"``."""

    tau_grid: Sequence[float] | NDArray[Any]
    corruption_method: Literal["rounding", "noise"]
    corrupt_target: Literal["x", "y", "both"]
    threshold_ratio: float | Sequence[float]
    n_noise_samples: int
    precision: configs.Precision | Entries


class Conditional(_ConditionalSurrogates, total=False):
    """Of mode ``"conditional"``."""

    z_data: Any
    processor_type_z: Processor | None
    processor_params_z: Entries | None
    conditional: configs.Conditional | Entries


class Transfer(_ConditionalSurrogates, total=False):
    """Of mode ``"transfer"``."""

    history_window: int
    prediction_horizon: int
    bidirectional: bool
    transfer: configs.Transfer | Entries


class Pairwise(_Surrogates, total=False):
    """Of mode ``"pairwise"``."""

    pairs: Sequence[tuple[int, int]] | None
    correction: Literal["max", "bh", "none"]
