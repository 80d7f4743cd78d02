"""The options of each mode: one frozen object, made once at the border from what was written.

A mode sees checked values only; a name that no mode knows, or a value outside its range, is
refused here with what was expected.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import OptionError, choice, known, output_file, real
from neuroloom.mi._options.params import KEYS
from neuroloom.mi._samples.surrogates import SURROGATES
from neuroloom.mi._samples.variables import PROCESSING

Entries = Mapping[str, Any]
GAMMAS = (1, 2, 3, 4, 5)
METHODS = ("default", "abdelaleem2025")
VARIANTS = ("train", "test")
CORRECTIONS = ("max", "bh", "none")
CORRUPTIONS = ("rounding", "noise")
VARIABLES = ("x", "y", "both")
STRICTNESS = (0.1, 1.0, 15.0)


@dataclass(frozen=True)
class NullOptions:
    """Surrogates: how many, of which kind, and how much of the cross-fitting they repeat."""

    n: int
    kind: str
    folds: int = 1
    block: int | None = None
    trials: NDArray[Any] | None = None


@dataclass(frozen=True)
class SubsamplingOptions:
    """Parts of the data for the extrapolation to infinite data.

    Attributes
    ----------
    gammas : tuple of int
        Into how many parts the samples are divided.
    threshold : float, optional
        How bent the curve may be, curvature over slope: a clear bend that is smaller is left.
    least_points : int
        Values of γ that must lie on a line.
    """

    gammas: tuple[int, ...] = GAMMAS
    threshold: float | None = None
    least_points: int = 5


@dataclass(frozen=True)
class EstimateOptions:
    """Of mode ``"estimate"``."""

    null: NullOptions | None = None
    save_path: Path | None = None
    return_embeddings: bool = False

    @property
    def keep_critic(self) -> bool:
        """Whether critics' weights are needed afterwards."""
        return self.return_embeddings or self.save_path is not None


@dataclass(frozen=True)
class SweepOptions:
    """Of mode ``"sweep"``: all combinations of the grid."""

    grid: tuple[Mapping[str, Any], ...]
    max_samples: int | None = None


@dataclass(frozen=True)
class LagOptions:
    """Of mode ``"lag"``; lags are in samples, or in seconds where there is a clock."""

    lags: tuple[float, ...]
    equalize_n: bool = True
    null: NullOptions | None = None


@dataclass(frozen=True)
class RigorousOptions:
    """Of mode ``"rigorous"``."""

    subsampling: SubsamplingOptions = field(default_factory=SubsamplingOptions)
    method: str = "default"
    variant: str = "train"


@dataclass(frozen=True)
class PairwiseOptions:
    """Of mode ``"pairwise"``."""

    pairs: tuple[tuple[int, int], ...] | None = None
    correction: str = "max"
    null: NullOptions | None = None


@dataclass(frozen=True)
class PrecisionOptions:
    """Of mode ``"precision"``; widths in the signal's unit, 0 first."""

    widths: tuple[float, ...]
    method: str = "rounding"
    target: str = "x"
    n_draws: int = 1
    ratios: tuple[float, ...] = (0.9,)


@dataclass(frozen=True)
class DimensionalityOptions:
    """Of mode ``"dimensionality"``."""

    grid: tuple[Mapping[str, Any], ...]
    n_splits: int = 5
    strictness: tuple[float, ...] = STRICTNESS
    split_method: str = "random"
    lag: int = 1
    channel_indices_x: Any = None
    sigma_add: Any = None
    stabilize_counts: bool = False


@dataclass(frozen=True)
class ConditionalOptions:
    """Of mode ``"conditional"``; `subsampling` where the extrapolation is asked for."""

    null: NullOptions | None = None
    subsampling: SubsamplingOptions | None = None


@dataclass(frozen=True)
class TransferOptions:
    """Of mode ``"transfer"``; history and horizon in samples."""

    history: int = 1
    horizon: int = 1
    bidirectional: bool = False
    trials: NDArray[Any] | None = None
    null: NullOptions | None = None
    subsampling: SubsamplingOptions | None = None


_NULL = ("permutation_test", "n_permutations", "null_folds", "surrogate", "surrogate_block")
SUBSAMPLING = ("gamma_range", "delta_threshold", "min_gamma_points")
LEAST_GAMMAS = 5  # the default of min_gamma_points


def null_options(
    entries: Entries,
    default: str = "circular",
    more: tuple[str, ...] = (),
    *,
    trials_matter: bool = False,
) -> NullOptions | None:
    """Return checked options of surrogates, None if none are asked for.

    `trials_matter` says that the mode itself uses the trials.
    """
    number = entries.get("n_permutations")
    n = real("n_permutations", 20 if number is None else number, whole=True, low=0)
    folds = entries.get("null_folds")
    kind = entries.get("surrogate")
    checked = NullOptions(
        n=n,
        kind=choice("surrogate", default if kind is None else kind, (*SURROGATES, *more)),
        folds=real("null_folds", 1 if folds is None else folds, whole=True, low=1),
        block=_block(entries.get("surrogate_block")),
        trials=trial_labels(entries.get("trials")),
    )
    asked = entries.get("permutation_test")
    wanted = bool(number) if asked is None else _flag("permutation_test", asked)
    _check_used(entries, checked.kind, trials_matter)
    return checked if wanted and n else None


def _check_used(entries: Entries, kind: str, trials_matter: bool) -> None:
    """Raise if an option of surrogates would change nothing.

    Raises
    ------
    OptionError
        If there are no surrogates, or not of the kind that it is for.
    """
    about = [
        k for k in ("surrogate", "surrogate_block", "null_folds") if entries.get(k) is not None
    ]
    if about and entries.get("permutation_test") is None and entries.get("n_permutations") is None:
        raise OptionError(
            f"n_permutations: expected a number of surrogates beside {about[0]}, got None; without "
            "it there is no null distribution"
        )
    only = {"surrogate_block": "block"}
    if not trials_matter:
        only["trials"] = "trial"
    for key, needed in only.items():
        if entries.get(key) is not None and kind != needed:
            raise OptionError(
                f"{key}: expected surrogate={needed!r} beside it, got surrogate={kind!r}, which "
                "does not use it"
            )


def trial_labels(value: Any) -> NDArray[Any] | None:
    """Return one label per sample or time point, None if there are none."""
    if value is None:
        return None
    labels = np.asarray(value)
    if labels.ndim != 1 or labels.dtype.kind not in "biufUS":
        raise OptionError(
            f"trials: expected one label per sample, got an array of shape {labels.shape} and "
            f"dtype {labels.dtype}"
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise OptionError("trials: expected one label per sample, got NaN or infinite ones")
    return labels


def _block(value: Any) -> int | None:
    if value is None:
        return None
    return int(real("surrogate_block", value, whole=True, low=1))


def _flag(argument: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise OptionError(f"{argument}: expected True or False, got {value!r:.80}")
    return bool(value)


def _listed(argument: str, value: Any, example: str) -> list[Any]:
    """Return the entries of a list, tuple, range or 1-D array."""
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__len__") or not len(value):
        raise OptionError(f"{argument}: expected a list, e.g. {example}, got {value!r:.80}")
    if np.ndim(value) != 1:
        raise OptionError(f"{argument}: expected a flat list, got shape {np.shape(value)}")
    return list(value)


def subsampling_options(entries: Entries) -> SubsamplingOptions:
    """Return checked options of the extrapolation."""
    asked = entries.get("gamma_range")
    asked = GAMMAS if asked is None else _listed("gamma_range", asked, "range(1, 6)")
    threshold = entries.get("delta_threshold")
    points = entries.get("min_gamma_points", LEAST_GAMMAS)
    return SubsamplingOptions(
        tuple(sorted({int(real("gamma_range", g, whole=True, low=1)) for g in asked})),
        None if threshold is None else real("delta_threshold", threshold, above=0.0),
        int(real("min_gamma_points", points, whole=True, low=2)),
    )


def grid(sweep_grid: Any) -> tuple[dict[str, Any], ...]:
    """Return all combinations of a grid.

    Raises
    ------
    OptionError
        If the grid or a list in it is empty.
    UnknownOptionError
        If a key is no parameter.
    """
    if not isinstance(sweep_grid, Mapping) or not sweep_grid:
        raise OptionError(
            "sweep_grid: expected a dict of lists, e.g. {'embedding_dim': [8, 16]}, got "
            f"{sweep_grid!r:.80}"
        )
    known("sweep_grid", sweep_grid, (*KEYS, *PROCESSING, "run_id"))
    lists = {k: _listed(f"sweep_grid[{k!r}]", v, "[8, 16]") for k, v in sweep_grid.items()}
    return tuple(dict(zip(lists, v, strict=True)) for v in itertools.product(*lists.values()))


def _estimate(entries: Entries) -> EstimateOptions:
    keep = _flag("return_embeddings", entries.get("return_embeddings") or False)
    return EstimateOptions(null_options(entries), _file(entries), keep)


def _file(entries: Entries) -> Path | None:
    path = entries.get("save_best_model_path")
    return None if path is None else output_file("save_best_model_path", path)


def _sweep(entries: Entries) -> SweepOptions:
    most = entries.get("max_samples_per_task")
    if most is not None:
        most = int(real("max_samples_per_task", most, whole=True, low=1))
    combinations = grid(entries.get("sweep_grid"))
    if set(combinations[0]) <= {"run_id"}:
        raise OptionError("sweep_grid: expected a parameter beside run_id, got none")
    return SweepOptions(combinations, most)


def _lag(entries: Entries) -> LagOptions:
    if entries.get("lag_range") is None:
        raise OptionError(
            "lag_range: expected a list of lags in mode 'lag', e.g. range(-5, 6), got None"
        )
    lags = _listed("lag_range", entries["lag_range"], "range(-5, 6)")
    values = tuple(real("lag_range", lag) for lag in lags)
    if not np.isfinite(values).all():
        raise OptionError(f"lag_range: expected finite lags, got {lags!r:.80}")
    if len(set(values)) < len(values):
        raise OptionError(f"lag_range: expected each lag once, got {lags!r:.80}")
    equal = entries.get("equalize_n")
    return LagOptions(
        values, True if equal is None else _flag("equalize_n", equal), null_options(entries)
    )


def _rigorous(entries: Entries) -> RigorousOptions:
    method = choice("method", entries.get("method") or "default", METHODS)
    if method != "default" and entries.get("gamma_range") is None:
        entries = {**entries, "gamma_range": range(1, 11)}
    return RigorousOptions(
        subsampling_options(entries),
        method,
        choice("variant", entries.get("variant") or "train", VARIANTS),
    )


def _pairwise(entries: Entries) -> PairwiseOptions:
    pairs = entries.get("pairs")
    if pairs is not None:
        if isinstance(pairs, str) or not hasattr(pairs, "__len__") or not len(pairs):
            raise OptionError(
                f"pairs: expected at least one pair of channels, e.g. [(0, 1)], got {pairs!r:.80}"
            )
        if any(np.shape(p) != (2,) for p in pairs):
            raise OptionError(f"pairs: expected pairs of channels, got {pairs!r:.80}")
        pairs = tuple((_place(i), _place(j)) for i, j in pairs)
    return PairwiseOptions(
        pairs,
        choice("correction", entries.get("correction") or "max", CORRECTIONS),
        null_options(entries),
    )


def _place(value: Any) -> int:
    return int(real("pairs", value, whole=True, low=0))


def _precision(entries: Entries) -> PrecisionOptions:
    taus = _listed("tau_grid", entries.get("tau_grid"), "[0.1, 1.0]")
    ratios = entries.get("threshold_ratio")
    draws = entries.get("n_noise_samples")
    return PrecisionOptions(
        tuple(sorted({0.0, *(real("tau_grid", t, low=0.0) for t in taus)})),
        choice("corruption_method", entries.get("corruption_method") or "rounding", CORRUPTIONS),
        choice("corrupt_target", entries.get("corrupt_target") or "x", VARIABLES),
        int(real("n_noise_samples", 1 if draws is None else draws, whole=True, low=1)),
        tuple(
            real("threshold_ratio", r, above=0.0, below=1.0)
            for r in np.atleast_1d(0.9 if ratios is None else ratios)
        ),
    )


def _dimensionality(entries: Entries) -> DimensionalityOptions:
    asked = entries.get("sweep_grid")
    combinations = grid({"embedding_dim": [1, 2, 3, 4, 5, 6, 8, 10, 12]} if not asked else asked)
    if "embedding_dim" not in combinations[0]:
        raise OptionError(
            "sweep_grid: expected 'embedding_dim' in mode 'dimensionality', got "
            f"{sorted(combinations[0])}"
        )
    splits, lag, levels = (entries.get(k) for k in ("n_splits", "lag", "strictness"))
    return DimensionalityOptions(
        combinations,
        int(real("n_splits", 5 if splits is None else splits, whole=True, low=1)),
        STRICTNESS
        if levels is None
        else tuple(real("strictness", v, low=0.0) for v in np.atleast_1d(levels)),
        entries.get("split_method") or "random",
        int(real("lag", 1 if lag is None else lag, whole=True, low=1)),
        entries.get("channel_indices_x"),
        entries.get("sigma_add"),
        _flag("stabilize_counts", entries.get("stabilize_counts") or False),
    )


def _conditional(entries: Entries) -> ConditionalOptions:
    wanted = _flag("rigorous", entries.get("rigorous") or False)
    return ConditionalOptions(
        null_options(entries, "residual", ("local", "residual")),
        subsampling_options(entries) if wanted else None,
    )


def _transfer(entries: Entries) -> TransferOptions:
    history, horizon = (
        int(real(name, entries.get(name, 1), whole=True, low=1))
        for name in ("history_window", "prediction_horizon")
    )
    wanted = _flag("rigorous", entries.get("rigorous") or False)
    return TransferOptions(
        history,
        horizon,
        _flag("bidirectional", entries.get("bidirectional") or False),
        trial_labels(entries.get("trials")),
        null_options(entries, "circular", ("local", "residual"), trials_matter=True),
        subsampling_options(entries) if wanted else None,
    )


_Z = ("z_data", "processor_type_z", "processor_params_z")
_SURROGATES = (*_NULL, "trials")
# Per mode: what makes its options, and which names it knows.
MAKERS: dict[str, tuple[Callable[[Entries], Any], Sequence[str]]] = {
    "estimate": (_estimate, ("return_embeddings", *_SURROGATES)),
    "sweep": (_sweep, ("max_samples_per_task",)),
    "dimensionality": (
        _dimensionality,
        (
            *("n_splits", "strictness", "split_method", "channel_indices_x", "lag"),
            *("sigma_add", "stabilize_counts"),
        ),
    ),
    "rigorous": (_rigorous, ("gamma_range", "method", "variant")),
    "lag": (_lag, ("lag_range", "equalize_n", *_SURROGATES)),
    "precision": (
        _precision,
        (
            *("tau_grid", "corruption_method", "corrupt_target", "threshold_ratio"),
            "n_noise_samples",
        ),
    ),
    "conditional": (_conditional, (*_Z, "rigorous", "gamma_range", *_SURROGATES)),
    "transfer": (
        _transfer,
        (
            *("history_window", "prediction_horizon", "bidirectional", "rigorous", "gamma_range"),
            *_SURROGATES,
        ),
    ),
    "pairwise": (_pairwise, ("pairs", *("correction",), *_SURROGATES)),
}


def mode_options(mode: str, entries: Entries) -> Any:
    """Return the checked options of `mode`."""
    return MAKERS[mode][0](entries)
