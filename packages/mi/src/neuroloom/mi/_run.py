"""`run`: checks the arguments, makes the mode's options, and hands over to the mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

import torch
from numpy.typing import NDArray

from neuroloom.mi._arguments import (
    Unnamed,
    bound_of,
    device_of,
    embedding_of,
    epochs_of,
    gap_of,
    labels_of,
    module_of,
    refuse_unused,
    renamed,
    resume_folder,
    seed_of,
    variables_of,
    workers_of,
)
from neuroloom.mi._errors import OptionError, choice, known, real
from neuroloom.mi._modes.analysis import Analysis
from neuroloom.mi._modes.difference import run_conditional, run_transfer
from neuroloom.mi._modes.dimensionality import run_dimensionality
from neuroloom.mi._modes.estimate import run_estimate
from neuroloom.mi._modes.lag import run_lag
from neuroloom.mi._modes.pairwise import run_pairwise
from neuroloom.mi._modes.precision import run_precision
from neuroloom.mi._modes.rigorous import run_rigorous
from neuroloom.mi._modes.sweep import run_sweep
from neuroloom.mi._options import keywords
from neuroloom.mi._options.configs import merge_model, unfold
from neuroloom.mi._options.modes import LEAST_GAMMAS, MAKERS, mode_options, subsampling_options
from neuroloom.mi._options.params import params as checked_params
from neuroloom.mi._results.record import unit_factor
from neuroloom.mi._results.results import Results
from neuroloom.mi._samples.folds import SPLITS
from neuroloom.mi._training.torch_state import own_torch
from neuroloom.shared import Seed

if TYPE_CHECKING:
    import pandas as pd

MODES: dict[str, Callable[[Analysis, Any], Results]] = {
    "estimate": run_estimate,
    "sweep": run_sweep,
    "dimensionality": run_dimensionality,
    "rigorous": run_rigorous,
    "lag": run_lag,
    "precision": run_precision,
    "conditional": run_conditional,
    "transfer": run_transfer,
    "pairwise": run_pairwise,
}
_ONE_VARIABLE = ("pairwise", "dimensionality")
_LABELS = ("x_name", "y_name", "channel_names_x", "channel_names_y")
_ALWAYS = ("n_workers", "gap", "align", "seed", "x_time", "y_time", "resume", "epochs", *_LABELS)
_INFONCE = Unnamed("infonce")


# Each mode twice: by its place, or by its name where y may be left out.
@overload
def run(
    x_data: Any,
    y_data: Any = None,
    mode: Literal["estimate"] = "estimate",
    **options: Unpack[keywords.Estimate],
) -> Results[float, None]: ...


@overload
def run(
    x_data: Any,
    y_data: Any,
    mode: Literal["sweep"],
    **options: Unpack[keywords.Sweep],
) -> Results[None, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any = None,
    *,
    mode: Literal["sweep"],
    **options: Unpack[keywords.Sweep],
) -> Results[None, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any,
    mode: Literal["dimensionality"],
    **options: Unpack[keywords.Dimensionality],
) -> Results[None, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any = None,
    *,
    mode: Literal["dimensionality"],
    **options: Unpack[keywords.Dimensionality],
) -> Results[None, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any,
    mode: Literal["rigorous"],
    **options: Unpack[keywords.Rigorous],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any = None,
    *,
    mode: Literal["rigorous"],
    **options: Unpack[keywords.Rigorous],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any,
    mode: Literal["lag"],
    **options: Unpack[keywords.Lag],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any = None,
    *,
    mode: Literal["lag"],
    **options: Unpack[keywords.Lag],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any,
    mode: Literal["precision"],
    **options: Unpack[keywords.Precision],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any = None,
    *,
    mode: Literal["precision"],
    **options: Unpack[keywords.Precision],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any,
    mode: Literal["conditional"],
    **options: Unpack[keywords.Conditional],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any = None,
    *,
    mode: Literal["conditional"],
    **options: Unpack[keywords.Conditional],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any,
    mode: Literal["transfer"],
    **options: Unpack[keywords.Transfer],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any = None,
    *,
    mode: Literal["transfer"],
    **options: Unpack[keywords.Transfer],
) -> Results[float, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any,
    mode: Literal["pairwise"],
    **options: Unpack[keywords.Pairwise],
) -> Results[None, pd.DataFrame]: ...


@overload
def run(
    x_data: Any,
    y_data: Any = None,
    *,
    mode: Literal["pairwise"],
    **options: Unpack[keywords.Pairwise],
) -> Results[None, pd.DataFrame]: ...


def run(
    x_data: Any,
    y_data: Any = None,
    mode: str = "estimate",
    processor_type: str | None = None,
    processor_params: Mapping[str, Any] | None = None,
    processor_type_x: str | None = None,
    processor_params_x: Mapping[str, Any] | None = None,
    processor_type_y: str | None = None,
    processor_params_y: Mapping[str, Any] | None = None,
    base_params: Any = None,
    sweep_grid: Mapping[str, Any] | None = None,
    output_units: str = "bits",
    estimator: Any = _INFONCE,
    estimator_params: Mapping[str, Any] | None = None,
    custom_critic: torch.nn.Module | None = None,
    custom_embedding_cls: type | None = None,
    save_best_model_path: str | None = None,
    random_seed: int | Seed | None = None,
    verbose: bool = True,
    device: str | None = None,
    split_mode: str = "blocked",
    train_indices: NDArray[Any] | None = None,
    test_indices: NDArray[Any] | None = None,
    delta_threshold: float | None = None,
    min_gamma_points: int = LEAST_GAMMAS,
    confidence_level: float = 0.68,
    **analysis_kwargs: Any,
) -> Any:
    """Return mutual information between two variables, analysed as `mode` says.

    Parameters
    ----------
    x_data, y_data : array_like, Tensor, list of arrays, SpikeTrains or Signal
        With a processor, recordings: (n_channels, n_timepoints), or a list of spike times in
        seconds per unit. Without, samples: (n_samples, n_features) or (n_samples, n_channels,
        n_features). `SpikeTrains`, `Signal` and pynapple objects know what they are.
    mode : str
        ``"estimate"``, ``"sweep"``, ``"dimensionality"``, ``"rigorous"``, ``"lag"``,
        ``"precision"``, ``"conditional"``, ``"transfer"`` or ``"pairwise"``.
    processor_type_x, processor_type_y : {"continuous", "spike", "categorical"}, optional
        How recordings are cut into windows; y's is x's if not given. `processor_type` and
        `processor_params` are older names of x's.
    processor_params_x, processor_params_y : dict, optional
        ``window_size`` and ``step_size`` in samples, or in seconds where there is a clock
        (spikes, ``sample_rate``, shared types): one sample, or one second of spikes, unless
        named; ``data_format``; ``bin_size`` for counts.
    base_params : dict, Model, Training or Params, optional
        The critic and its training; every entry has a default (see `Model`, `Training`).
    sweep_grid : dict of str to list, optional
        What to vary in modes ``"sweep"`` and ``"dimensionality"``.
    output_units : {"bits", "nats"}
        Of every information value, raw ones too.
    estimator : str, Estimator or dict
        A bound to train with, ``"infonce"``, ``"nwj"``, ``"tuba"``, ``"js"``, ``"smile"`` or
        ``"dv"`` (``"mine"``), or an estimator without a network: ``"ksg"``, ``"gcmi"``,
        ``"cca"``, ``"plugin"``, ``"lmi"``. In mode ``"dimensionality"`` SMILE unless named.
    estimator_params : dict, optional
        ``{"clip": 5.0}`` for SMILE, ``{"k": 5}`` for KSG.
    custom_critic : Module, optional
        ``forward(x, y)`` returns scores (n, n), alone or with a divergence. It is copied and its
        weights drawn anew for every fit.
    custom_embedding_cls : type, optional
        Class of modules, made by ``cls(input_dim, hidden_dim, embed_dim, n_layers)``.
    save_best_model_path : str, optional
        File for the weights of the best critic, as safetensors (mode ``"estimate"``).
    random_seed : int or Seed, optional
        Same seed, same numbers, for any number of workers. Drawn if not given.
    verbose : bool
        Show progress bars.
    device : str, optional
        Where critics are trained, ``"cuda"`` say; the CPU unless named.
    split_mode : {"blocked", "random"}
        Held-out samples in stretches of time, or one by one.
    train_indices, test_indices : ndarray, optional
        A split of your own, instead of cross-fitting.
    delta_threshold : float, optional
        Of mode ``"rigorous"``: how bent the curve over γ may be, curvature over slope. By default
        every bend counts that is clear beside the scatter of the estimates and changes what they
        end at; ``method="abdelaleem2025"`` takes the published .1.
    min_gamma_points : int
        Of mode ``"rigorous"``: how many γ a line keeps.
    confidence_level : float
        Of the intervals.
    **analysis_kwargs
        ``n_workers``, ``n_permutations`` and the mode's own options (see the how-to), or config
        objects and dicts: ``processing``, ``model``, ``training``, ``split``, ``output``,
        ``null``, ``rigorous``, ``lag``, ``precision``, ``dimensionality``, ``conditional``,
        ``transfer``.

    Returns
    -------
    Results

    Raises
    ------
    OptionError, UnknownOptionError
        For values outside their choices or ranges, and unknown names.
    DataShapeError, InsufficientDataError, InvalidDataError
        For data that do not fit, are too few, or carry no information.
    TrainingError
        If no critic could be trained.

    Examples
    --------
    >>> import numpy as np
    >>> from neuroloom import mi
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal(1000)
    >>> y = 0.8 * x + 0.6 * rng.standard_normal(1000)  # 0.74 bits
    >>> result = mi.run(x, y, base_params={"n_epochs": 5}, random_seed=0, verbose=False)
    >>> bool(abs(result.mi_estimate - 0.74) < 0.15)
    True
    """
    choice("mode", mode, MODES)
    options = dict(analysis_kwargs)
    named: dict[str, Any] = {
        "processor_type_x": processor_type_x or processor_type,
        "processor_params_x": processor_params_x or processor_params,
        "processor_type_y": processor_type_y,
        "processor_params_y": processor_params_y,
        "output_units": output_units,
        "estimator": estimator,
        "estimator_params": estimator_params,
        "save_best_model_path": save_best_model_path,
        "verbose": verbose,
        "split_mode": split_mode,
        "train_indices": train_indices,
        "test_indices": test_indices,
        "delta_threshold": delta_threshold,
        "min_gamma_points": min_gamma_points,
        "confidence_level": confidence_level,
        "model": options.pop("model", None),
        "training": options.pop("training", None),
    }
    unfold(mode, named, options)
    renamed(options)
    units = named["output_units"]
    unit_factor(units)
    known(f"run(mode={mode!r})", options, (*MAKERS[mode][1], *_ALWAYS))
    bound, bound_options = bound_of(mode, named)
    path = named["save_best_model_path"]
    seed = options.pop("seed", None) if random_seed is None else random_seed
    x, y, z = variables_of(x_data, y_data, named, options)
    if y is None and mode not in _ONE_VARIABLE:
        raise OptionError(f"y_data: expected data in mode {mode!r}, got None")
    entries = {
        **options,
        "sweep_grid": sweep_grid,
        "delta_threshold": named["delta_threshold"],
        "min_gamma_points": named["min_gamma_points"],
        "save_best_model_path": path,
    }
    subsampling_options({k: entries[k] for k in ("delta_threshold", "min_gamma_points")})
    own = mode_options(mode, entries)
    trains = {
        "base_params": base_params,
        "model": named["model"],
        "training": named["training"],
        "custom_critic": custom_critic,
        "custom_embedding_cls": custom_embedding_cls,
        "train_indices": named["train_indices"],
        "test_indices": named["test_indices"],
    }
    refuse_unused(mode, bound, entries, trains)
    analysis = Analysis(
        x=x,
        y=y,
        z=z,
        params=checked_params(merge_model(base_params, named["model"], named["training"])),
        bound=bound,
        bound_options=bound_options,
        seed=seed_of(seed),
        split_mode=choice("split_mode", named["split_mode"], SPLITS),
        train_indices=named["train_indices"],
        test_indices=named["test_indices"],
        gap=gap_of(options),
        n_workers=workers_of(options.get("n_workers")),
        progress=bool(named["verbose"]),
        critic=module_of(custom_critic),
        embedding=embedding_of(custom_embedding_cls),
        align=None
        if options.get("align") is None
        else choice("align", options["align"], ("truncate",)),
        device=device_of(device),
        confidence=real("confidence_level", named["confidence_level"], above=0.0, below=1.0),
        units=units,
        epochs=epochs_of(options.get("epochs")),
        resume=resume_folder(options.get("resume")),
        labels=labels_of(options, x, y),
    )
    with own_torch():
        results = MODES[mode](analysis, own)
    results.params = {**results.params, "mode": mode, **_parameters(analysis)}
    return results


def _parameters(analysis: Analysis) -> dict[str, Any]:
    """Return what an analysis was run with, for the result."""
    return {
        "output_units": analysis.units,
        "estimator": analysis.bound,
        "estimator_params": dict(analysis.bound_options),
        "base_params": analysis.params.to_dict(),
        "split_mode": analysis.split_mode,
        "random_seed": analysis.seed.entropy,
        "confidence_level": analysis.confidence,
        "n_workers": analysis.n_workers,
        **analysis.labels,
    }
