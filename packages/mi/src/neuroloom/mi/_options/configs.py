"""Options as typed objects, for those who prefer them to keywords.

Every object can also be given as a dict. Entries that are None are left at the default of `run`;
unknown ones are refused with a suggestion.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuroloom.mi._errors import OptionError, UnknownOptionError, known, real
from neuroloom.mi._options.params import Model, Training


@dataclass(frozen=True)
class Processing:
    """How recordings become samples: a processor per variable, its parameters, times of samples.

    Parameters
    ----------
    x, y : str, optional
        Processor: ``"continuous"``, ``"spike"`` or ``"categorical"``.
    x_params, y_params : mapping, optional
        Its parameters; y's windows are x's if not given.
    x_time, y_time : array_like, shape (n_timepoints,), optional
        Time of each sample in seconds.
    align : {"truncate"}, optional
        Keep the first samples of the longer variable.
    """

    x: str | None = None
    x_params: Mapping[str, Any] | None = None
    y: str | None = None
    y_params: Mapping[str, Any] | None = None
    x_time: Any = None
    y_time: Any = None
    align: str | None = None


@dataclass(frozen=True)
class Split:
    """Which samples are held out together; ``train_fraction`` sets the number of folds.

    Parameters
    ----------
    mode : {"blocked", "random"}, optional
        Held-out samples in stretches of time, or one by one.
    train_fraction : float, optional
        Between 0 and 1; sets the number of folds.
    gap : int, optional
        Samples left out on either side of test blocks.
    train_indices, test_indices : array_like of int, optional
        A split of your own.
    """

    mode: str | None = None
    train_fraction: float | None = None
    gap: int | None = None
    train_indices: Any = None
    test_indices: Any = None


@dataclass(frozen=True)
class Estimator:
    """The bound, and its options.

    Parameters
    ----------
    name : str, optional
        A bound to train with, or an estimator without a network.
    params : mapping, optional
        Its options.
    """

    name: str | None = None
    params: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Output:
    """Units, level of the interval, names for pictures, and what to keep.

    Parameters
    ----------
    units : {"bits", "nats"}, optional
        Of every information value.
    confidence_level : float, optional
        Of the intervals, between 0 and 1.
    save_best_model_path : str, optional
        File for the best critic.
    return_embeddings : bool, optional
        Keep the best critic's embeddings in ``details``.
    verbose : bool, optional
        Show progress.
    x_name, y_name : str, optional
        Names in pictures.
    channel_names_x, channel_names_y : list of str, optional
        Names of channels in pictures.
    """

    units: str | None = None
    confidence_level: float | None = None
    save_best_model_path: str | None = None
    return_embeddings: bool | None = None
    verbose: bool | None = None
    x_name: str | None = None
    y_name: str | None = None
    channel_names_x: Any = None
    channel_names_y: Any = None


@dataclass(frozen=True)
class Null:
    """Surrogates: how many, of which kind.

    Parameters
    ----------
    n_permutations : int, optional
        Number of surrogates.
    surrogate : str, optional
        ``"circular"``, ``"permutation"``, ``"block"`` or ``"trial"``; ``"residual"`` or ``"local"``
        for conditional information.
    null_folds : int, optional
        Folds that each surrogate is fitted on.
    surrogate_block : int, optional
        Samples per block.
    trials : array_like, shape (n_samples,), optional
        Trial of each sample.
    """

    n_permutations: int | None = 20
    surrogate: str | None = None
    null_folds: int | None = None
    surrogate_block: int | None = None
    trials: Any = None


@dataclass(frozen=True)
class Rigorous:
    """Options of the subsampling extrapolation: modes rigorous, conditional and transfer.

    Parameters
    ----------
    gamma_range : list of int, optional
        Into how many parts the samples are divided.
    delta_threshold : float, optional
        How bent the curve may be.
    min_gamma_points : int, optional
        Values of γ that must lie on a line.
    confidence_level : float, optional
        Of the interval.
    method : {"default", "abdelaleem2025"}, optional
        Ours, or the published procedure.
    variant : {"train", "test"}, optional
        Which samples the published procedure reads.
    """

    gamma_range: Any = None
    delta_threshold: float | None = None
    min_gamma_points: int | None = None
    confidence_level: float | None = None
    method: str | None = None
    variant: str | None = None


@dataclass(frozen=True)
class Lag:
    """Options of mode ``"lag"``.

    Parameters
    ----------
    lag_range : list of float, optional
        Lags in samples, or in seconds where there is a clock.
    equalize_n : bool, optional
        Use as many samples at each lag.
    """

    lag_range: Any = None
    equalize_n: bool | None = None


@dataclass(frozen=True)
class Precision:
    """Options of mode ``"precision"``.

    Parameters
    ----------
    tau_grid : list of float, optional
        Widths in the signal's unit.
    corrupt_target : {"x", "y", "both"}, optional
        What is made coarse.
    corruption_method : {"rounding", "noise"}, optional
        How.
    n_noise_samples : int, optional
        Draws of noise per width.
    threshold_ratio : float or list of float, optional
        Share of the information that must be left.
    """

    tau_grid: Any = None
    corrupt_target: str | None = None
    corruption_method: str | None = None
    n_noise_samples: int | None = None
    threshold_ratio: Any = None


@dataclass(frozen=True)
class Dimensionality:
    """Options of mode ``"dimensionality"``.

    Parameters
    ----------
    split_method : str, optional
        How x is divided into two variables.
    n_splits : int, optional
        Number of random halves.
    lag : int, optional
        Samples between the halves of ``"temporal"``.
    channel_indices_x : list of int, optional
        Channels of the first half of ``"index"``.
    strictness : float or list of float, optional
        Spreads by which information must grow.
    sigma_add : list of float or "auto", optional
        Standard deviations of added noise.
    stabilize_counts : bool, optional
        Take counts to about equal variance.
    """

    split_method: str | None = None
    n_splits: int | None = None
    lag: int | None = None
    channel_indices_x: Any = None
    strictness: Any = None
    sigma_add: Any = None
    stabilize_counts: bool | None = None


@dataclass(frozen=True)
class Conditional:
    """Options of mode ``"conditional"``.

    Parameters
    ----------
    z_data : array_like or data type, optional
        What is given.
    z_processor_type : str, optional
        Its processor.
    z_processor_params : mapping, optional
        Its processor's parameters.
    rigorous : bool, optional
        Extrapolate to infinite data.
    gamma_range : list of int, optional
        See `Rigorous`.
    delta_threshold : float, optional
        See `Rigorous`.
    min_gamma_points : int, optional
        See `Rigorous`.
    confidence_level : float, optional
        Of the interval.
    """

    z_data: Any = None
    z_processor_type: str | None = None
    z_processor_params: Mapping[str, Any] | None = None
    rigorous: bool | None = None
    gamma_range: Any = None
    delta_threshold: float | None = None
    min_gamma_points: int | None = None
    confidence_level: float | None = None


@dataclass(frozen=True)
class Transfer:
    """Options of mode ``"transfer"``.

    Parameters
    ----------
    history_window : int, optional
        Samples of the past.
    prediction_horizon : int, optional
        Samples of the future.
    bidirectional : bool, optional
        Also from y to x.
    rigorous : bool, optional
        Extrapolate to infinite data.
    gamma_range : list of int, optional
        See `Rigorous`.
    delta_threshold : float, optional
        See `Rigorous`.
    min_gamma_points : int, optional
        See `Rigorous`.
    confidence_level : float, optional
        Of the interval.
    """

    history_window: int | None = None
    prediction_horizon: int | None = None
    bidirectional: bool | None = None
    rigorous: bool | None = None
    gamma_range: Any = None
    delta_threshold: float | None = None
    min_gamma_points: int | None = None
    confidence_level: float | None = None


CONFIGS: dict[str, type] = {
    "processing": Processing,
    "split": Split,
    "output": Output,
    "null": Null,
    "rigorous": Rigorous,
    "lag": Lag,
    "precision": Precision,
    "dimensionality": Dimensionality,
    "conditional": Conditional,
    "transfer": Transfer,
}
_MODES_OF = {
    "rigorous": ("rigorous", "conditional", "transfer"),
    **{name: (name,) for name in ("lag", "precision", "dimensionality", "conditional", "transfer")},
}
_NAMES = {
    "x": "processor_type_x",
    "x_params": "processor_params_x",
    "y": "processor_type_y",
    "y_params": "processor_params_y",
    "mode": "split_mode",
    "name": "estimator",
    "params": "estimator_params",
    "units": "output_units",
    "z_processor_type": "processor_type_z",
    "z_processor_params": "processor_params_z",
}


def entries(argument: str, value: Any, cls: type) -> dict[str, Any]:
    """Return what a config object or dict sets, under the names of `run`."""
    fields = [f.name for f in dataclasses.fields(cls)]
    if isinstance(value, cls):
        given = {name: getattr(value, name) for name in fields}
    elif isinstance(value, Mapping):
        known(argument, value, fields)
        given = dict(value)
    else:
        raise UnknownOptionError(
            f"{argument}: expected {cls.__name__} or a dict, got {type(value).__name__}"
        )
    return {_NAMES.get(k, k): v for k, v in given.items() if v is not None}


def unfold(mode: str, named: dict[str, Any], options: dict[str, Any]) -> None:
    """Spread the config objects among `options` over the named arguments and the options of `run`.

    A config of another mode is left out, with a warning.
    """
    if not isinstance(named["estimator"], str):
        named |= entries("estimator", named["estimator"], Estimator)
    for argument, cls in CONFIGS.items():
        value = options.get(argument)
        own = argument in ("rigorous", "lag") and isinstance(value, (bool, int, float))
        if value is None or own:
            continue  # an option of the same name: rigorous=True, or a lag in samples
        del options[argument]
        if argument in _MODES_OF and mode not in _MODES_OF[argument]:
            warnings.warn(f"{argument} is not used in mode {mode!r}", UserWarning, stacklevel=3)
            continue
        for key, entry in entries(argument, value, cls).items():
            if key == "train_fraction":
                share = real("train_fraction", entry, above=0.0, below=1.0)
                named["training"] = {"n_folds": max(2, round(1 / (1 - share)))} | _as_dict(
                    "training", named["training"], Training
                )
            else:
                (named if key in named else options)[key] = entry
        if argument == "rigorous" and mode != "rigorous":
            options["rigorous"] = True


def _as_dict(argument: str, value: Any, cls: type[Model | Training]) -> dict[str, Any]:
    """Return the entries of a Model or Training, or of a dict with their names."""
    if value is None:
        return {}
    names = [f.name for f in dataclasses.fields(cls)]
    if isinstance(value, cls):
        return {name: getattr(value, name) for name in names}
    if isinstance(value, Mapping):
        known(argument, value, names)
        return dict(value)
    raise UnknownOptionError(
        f"{argument}: expected {cls.__name__} or a dict, got {type(value).__name__}"
    )


def merge_model(base_params: Any, model: Any, training: Any) -> Any:
    """Return ``base_params`` with the entries of `model` and `training` objects or dicts."""
    if model is None and training is None:
        return base_params
    merged = _as_dict("model", model, Model) | _as_dict("training", training, Training)
    if base_params is not None and not isinstance(base_params, Mapping):
        raise UnknownOptionError(
            f"base_params: expected a dict beside model and training, got {base_params!r}"
        )
    named = base_params or {}
    for name, value in merged.items():
        default = getattr(Model, name, getattr(Training, name, None))
        if name in named and value != named[name] and value != default:
            raise OptionError(
                f"base_params[{name!r}]: expected what model or training say, {value!r}, got "
                f"{named[name]!r}; name it once"
            )
    return {**merged, **named}
