"""`run`: checks the arguments and hands over to the mode."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from numpy.typing import NDArray

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._bounds import BOUNDS
from neuroloom.mi._configs import CONFIGS, MODE_OF, merge_model, unfold
from neuroloom.mi._difference import run_conditional, run_transfer
from neuroloom.mi._dimensionality import run_dimensionality
from neuroloom.mi._direct_run import DIRECT, run_direct
from neuroloom.mi._errors import OptionError, UnknownOptionError, choice, known
from neuroloom.mi._estimate import run_estimate
from neuroloom.mi._options import params as checked_params
from neuroloom.mi._options import real
from neuroloom.mi._pairwise import run_pairwise
from neuroloom.mi._precision import run_precision
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._rigorous import run_rigorous
from neuroloom.mi._saving import save_critic
from neuroloom.mi._split import SPLITS
from neuroloom.mi._sweep import run_lag, run_sweep
from neuroloom.mi._windows import variable
from neuroloom.shared import Seed, as_seed

MODES: dict[str, Callable[[Analysis, str], Results]] = {
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
_NULL = (
    "permutation_test",
    "n_permutations",
    "null_folds",
    "surrogate",
    "surrogate_block",
    "trials",
)
_LADDER = ("gamma_range", "method", "peer_reading")
_OWN: dict[str, tuple[str, ...]] = {
    "estimate": _NULL,
    "sweep": ("max_samples_per_task",),
    "dimensionality": ("n_splits", "strictness"),
    "rigorous": _LADDER,
    "lag": ("lag_range", *_NULL),
    "precision": ("tau_range", "corruption", "corrupt", "ratio"),
    "conditional": (
        "z_data",
        "processor_type_z",
        "processor_params_z",
        "rigorous",
        "gamma_range",
        *_NULL,
    ),
    "transfer": ("history", "horizon", "bidirectional", "rigorous", "gamma_range", *_NULL),
    "pairwise": ("pairs", "correction", *_NULL),
}
_ALWAYS = ("n_workers", "gap", "align", "seed")


class _Default(str):
    """An option's default, told apart from the same word written by the user."""


_INFONCE = _Default("infonce")


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
    estimator: str = _INFONCE,
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
    delta_threshold: float = 0.1,
    min_gamma_points: int = 5,
    confidence_level: float = 0.68,
    **analysis_kwargs: Any,
) -> Results:
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
        (spikes, ``sample_rate``, shared types); ``data_format``; ``bin_size`` for counts.
    base_params : dict, Model, Training or Params, optional
        The critic and its training; every entry has a default (see `Model`, `Training`).
    sweep_grid : dict of str to list, optional
        What to vary in modes ``"sweep"`` and ``"dimensionality"``.
    output_units : {"bits", "nats"}
        Of every information value, raw ones too.
    estimator : str
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
        ``"cpu"`` unless named.
    split_mode : {"blocked", "random"}
        Held-out samples in stretches of time, or one by one.
    train_indices, test_indices : ndarray, optional
        A split of your own, instead of cross-fitting.
    delta_threshold, min_gamma_points : float, int
        Of mode ``"rigorous"``: how bent the ladder may be, and how many γ it needs.
    confidence_level : float
        Of the intervals.
    **analysis_kwargs
        ``n_workers``, ``n_permutations`` and the mode's own options.

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
    unit_factor(output_units)
    options = dict(analysis_kwargs)
    processing: dict[str, Any] = {
        "processor_type_x": processor_type_x or processor_type,
        "processor_params_x": processor_params_x or processor_params,
        "processor_type_y": processor_type_y,
        "processor_params_y": processor_params_y,
    }
    model, training = options.pop("model", None), options.pop("training", None)
    for name in [key for key in options if key in CONFIGS]:
        entries = unfold(name, options.pop(name))
        if name in MODE_OF and mode not in MODE_OF[name]:
            warnings.warn(f"{name} is not used in mode {mode!r}", UserWarning, stacklevel=2)
            continue
        for key, value in entries.items():
            if key in processing:
                processing[key] = processing[key] if processing[key] is not None else value
            elif key == "split_mode":
                split_mode = value
            elif key in ("train_indices", "test_indices"):
                if key == "train_indices":
                    train_indices = value
                else:
                    test_indices = value
            elif key == "estimator":
                estimator = value
            elif key == "estimator_params":
                estimator_params = value
            elif key == "output_units":
                output_units = value
                unit_factor(output_units)
            elif key == "confidence_level":
                confidence_level = value
            elif key == "save_best_model_path":
                save_best_model_path = value
            elif key == "verbose":
                verbose = value
            elif key == "delta_threshold":
                delta_threshold = value
            elif key == "min_gamma_points":
                min_gamma_points = value
            else:
                options.setdefault(key, value)
    known(f"run(mode={mode!r})", options, (*_OWN[mode], *_ALWAYS))
    if mode == "dimensionality" and isinstance(estimator, _Default):
        estimator = "smile"
    seed = options.pop("seed", None) if random_seed is None else random_seed
    kind_x = processing["processor_type_x"]
    kind_y, params_y = processing["processor_type_y"], processing["processor_params_y"]
    if kind_y is None and params_y is None:
        params_y = processing["processor_params_x"]
    options |= {
        "sweep_grid": sweep_grid,
        "delta_threshold": real("delta_threshold", delta_threshold, above=0.0),
        "min_gamma_points": real("min_gamma_points", min_gamma_points, whole=True, low=2),
        "save_best_model_path": save_best_model_path,
    }
    analysis = Analysis(
        x=variable("x", x_data, kind_x, processing["processor_params_x"]),
        y=None if y_data is None else variable("y", y_data, kind_y or kind_x, params_y),
        params=checked_params(merge_model(base_params, model, training)),
        bound=choice("estimator", str(estimator), (*BOUNDS, *DIRECT)),
        bound_options=dict(estimator_params or {}),
        seed=as_seed(secrets.randbits(63) if seed is None else seed),
        split_mode=choice("split_mode", split_mode, SPLITS),
        train_indices=train_indices,
        test_indices=test_indices,
        gap=_gap(options),
        n_workers=_workers(options.get("n_workers", 1)),
        progress=bool(verbose),
        critic=_module(custom_critic),
        embedding=custom_embedding_cls,
        align=None
        if options.get("align") is None
        else choice("align", options["align"], ("truncate",)),
        device=device or "cpu",
        confidence=real("confidence_level", confidence_level, above=0.0, below=1.0),
        options=options,
    )
    _check_bound_options(analysis)
    if options.get("z_data") is not None:
        z = variable(
            "z",
            options["z_data"],
            options.get("processor_type_z") or kind_x,
            options.get("processor_params_z") or processing["processor_params_x"],
        )
        analysis = replace(analysis, z=z)
    if analysis.bound in DIRECT:
        results = run_direct(analysis, mode, output_units)
    else:
        results = MODES[mode](analysis, output_units)
    _finish(results, analysis, mode, output_units, save_best_model_path)
    return results


def _finish(results: Results, analysis: Analysis, mode: str, units: str, path: str | None) -> None:
    """Complete the result's parameters, and write the critic."""
    results.params = {
        **results.params,
        "mode": mode,
        "output_units": units,
        "estimator": analysis.bound,
        "estimator_params": dict(analysis.bound_options),
        "base_params": analysis.params.to_dict(),
        "split_mode": analysis.split_mode,
        "random_seed": analysis.seed.entropy,
        "confidence_level": analysis.confidence,
        "n_workers": analysis.n_workers,
    }
    fits = results.details.pop("_fits", [])
    if path is not None:
        kept = [fit for fit in fits if fit.state is not None]
        if not kept:
            raise OptionError(
                "save_best_model_path: expected a mode that keeps a critic ('estimate'), got "
                f"{mode!r}"
            )
        best = max(kept, key=lambda fit: fit.score.bound)
        model = analysis.params.model
        saved = save_critic(
            path,
            best.state,
            {"critic_type": model.critic_type, "embedding_model": model.embedding_model},
        )
        results.details["model_path"] = str(saved)


def _gap(options: Mapping[str, Any]) -> int | None:
    value = options.get("gap")
    return None if value is None else int(real("gap", value, whole=True, low=0))


def _workers(value: Any) -> int:
    n = int(real("n_workers", value, whole=True))
    if n == 0:
        raise OptionError("n_workers: expected at least 1, or −1 for all cores, got 0")
    return n


def _module(critic: Any) -> torch.nn.Module | None:
    if critic is not None and not isinstance(critic, torch.nn.Module):
        raise UnknownOptionError(
            f"custom_critic: expected a torch.nn.Module, got {type(critic).__name__}"
        )
    return critic


_BOUND_OPTIONS = {
    "infonce": ("symmetric",),
    "smile": ("clip",),
    "ksg": ("k", "variant"),
    "lmi": ("k", "n_dims"),
}


def _check_bound_options(analysis: Analysis) -> None:
    known(
        f"estimator_params of {analysis.bound!r}",
        analysis.bound_options,
        _BOUND_OPTIONS.get(analysis.bound, ()),
    )
