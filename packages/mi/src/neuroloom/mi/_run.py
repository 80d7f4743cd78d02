"""`run`: checks the arguments and hands over to the mode."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import torch
from numpy.typing import NDArray

from neuroloom.mi._analysis import Analysis
from neuroloom.mi._bounds import BOUNDS
from neuroloom.mi._configs import merge_model, unfold
from neuroloom.mi._difference import run_conditional, run_transfer
from neuroloom.mi._dimensionality import run_dimensionality
from neuroloom.mi._direct_run import DIRECT, run_direct
from neuroloom.mi._errors import OptionError, UnknownOptionError, choice, known
from neuroloom.mi._estimate import run_estimate
from neuroloom.mi._inputs import timed
from neuroloom.mi._options import params as checked_params
from neuroloom.mi._options import real
from neuroloom.mi._pairwise import run_pairwise
from neuroloom.mi._precision import run_precision
from neuroloom.mi._results import Results, unit_factor
from neuroloom.mi._rigorous import run_rigorous
from neuroloom.mi._saved_critic import best_fit, critic_of
from neuroloom.mi._split import SPLITS
from neuroloom.mi._sweep import run_lag, run_sweep
from neuroloom.mi._windows import Variable, variable
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
_Z = ("z_data", "processor_type_z", "processor_params_z")
_OWN: dict[str, tuple[str, ...]] = {
    "estimate": ("return_embeddings", *_NULL),
    "sweep": ("max_samples_per_task",),
    "dimensionality": (
        *("n_splits", "strictness", "split_method", "channel_indices_x", "lag"),
        *("sigma_add", "stabilize_counts"),
    ),
    "rigorous": _LADDER,
    "lag": ("lag_range", "equalize_n", *_NULL),
    "precision": (
        *("tau_grid", "corruption_method", "corrupt_target", "threshold_ratio"),
        "n_noise_samples",
    ),
    "conditional": (*_Z, "rigorous", "gamma_range", *_NULL),
    "transfer": (
        *("history_window", "prediction_horizon", "bidirectional", "rigorous", "gamma_range"),
        *_NULL,
    ),
    "pairwise": ("pairs", "correction", *_NULL),
}
_LABELS = ("x_name", "y_name", "channel_names_x", "channel_names_y")
_ALWAYS = ("n_workers", "gap", "align", "seed", "x_time", "y_time", *_LABELS)


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
    delta_threshold, min_gamma_points : float, int
        Of mode ``"rigorous"``: how bent the ladder may be, and how many γ it needs.
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
    units = str(named["output_units"])
    unit_factor(units)
    known(f"run(mode={mode!r})", options, (*_OWN[mode], *_ALWAYS))
    own_bound = not isinstance(named["estimator"], _Default)
    bound = str(named["estimator"]) if own_bound or mode != "dimensionality" else "smile"
    seed = options.pop("seed", None) if random_seed is None else random_seed
    options |= {
        "sweep_grid": sweep_grid,
        "delta_threshold": real("delta_threshold", named["delta_threshold"], above=0.0),
        "min_gamma_points": real("min_gamma_points", named["min_gamma_points"], whole=True, low=2),
        "save_best_model_path": named["save_best_model_path"],
    }
    x, y, z = _variables(x_data, y_data, named, options)
    analysis = Analysis(
        x=x,
        y=y,
        z=z,
        params=checked_params(merge_model(base_params, named["model"], named["training"])),
        bound=choice("estimator", bound, (*BOUNDS, *DIRECT)),
        bound_options=dict(named["estimator_params"] or {}),
        seed=as_seed(secrets.randbits(63) if seed is None else seed),
        split_mode=choice("split_mode", named["split_mode"], SPLITS),
        train_indices=named["train_indices"],
        test_indices=named["test_indices"],
        gap=_gap(options),
        n_workers=_workers(options.get("n_workers", 1)),
        progress=bool(named["verbose"]),
        critic=_module(custom_critic),
        embedding=custom_embedding_cls,
        align=None
        if options.get("align") is None
        else choice("align", options["align"], ("truncate",)),
        device=_device(device),
        confidence=real("confidence_level", named["confidence_level"], above=0.0, below=1.0),
        options=options,
    )
    _check_bound_options(analysis)
    if analysis.bound in DIRECT:
        results = run_direct(analysis, mode, units)
    else:
        results = MODES[mode](analysis, units)
    _finish(results, analysis, mode, units)
    return results


def _device(name: str | None) -> str:
    """Return the device to train on, if torch has it here."""
    if name is None:
        return "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, TypeError) as error:
        there = "cpu and cuda" if torch.cuda.is_available() else "cpu"
        raise OptionError(
            f"device: expected one that torch has here ({there}), got {name!r}"
        ) from error
    return str(name)


def _variables(
    x_data: Any, y_data: Any, named: Mapping[str, Any], options: dict[str, Any]
) -> tuple[Variable, Variable | None, Variable | None]:
    """Return x, y and z with their processors; y's and z's are x's if not named."""
    kind_x, params_x = named["processor_type_x"], named["processor_params_x"]
    kind_y, params_y = named["processor_type_y"], named["processor_params_y"]
    if kind_y is None and params_y is None:
        params_y = params_x
    x_data = timed("x", x_data, options.pop("x_time", None))
    y_data = timed("y", y_data, options.pop("y_time", None))
    x = variable("x", x_data, kind_x, params_x)
    y = z = None
    if y_data is not None:
        y = variable("y", y_data, kind_y or kind_x, params_y)
    if options.get("z_data") is not None:
        kind_z, params_z = options.get("processor_type_z"), options.get("processor_params_z")
        z = variable("z", options["z_data"], kind_z or kind_x, params_z or params_x)
    return x, y, z


def _finish(results: Results, analysis: Analysis, mode: str, units: str) -> None:
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
        **{name: analysis.options[name] for name in _LABELS if analysis.options.get(name)},
    }
    fits = results.details.pop("_fits", [])
    path = analysis.options.get("save_best_model_path")
    if path is not None and not fits:
        raise OptionError(
            "save_best_model_path: expected a mode that keeps a critic ('estimate' with a trained "
            f"bound), got mode {mode!r} with {analysis.bound!r}"
        )
    if not fits:
        return
    best = best_fit(fits)
    results.details |= {"critic_fold": best.job.key["fold"], "critic_test": best.job.fold.test}
    critic = critic_of(best)
    if path is not None:
        results.details["model_path"] = str(critic.save(path))
    if analysis.options.get("return_embeddings"):
        left, right = critic.embed(best.job.x, best.job.y)
        results.details |= {"embeddings_x": left, "embeddings_y": right}


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
