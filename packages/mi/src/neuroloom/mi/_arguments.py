"""The arguments of `run` that are no mode's: what they may be, and what they turn into."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from neuroloom.mi._critics.bounds import BOUNDS
from neuroloom.mi._direct.estimators import DIRECT
from neuroloom.mi._errors import OptionError, UnknownOptionError, choice, known, real
from neuroloom.mi._options.modes import LEAST_GAMMAS, MAKERS, SUBSAMPLING
from neuroloom.mi._samples.inputs import same_rows, timed
from neuroloom.mi._samples.variables import PROCESSING, Variable, variable
from neuroloom.shared import DataError, Epochs, Recording, Seed, as_seed, from_pynapple

_TRAINED_ONLY = ("rigorous", "dimensionality")
_NETWORKS = ("base_params", "model", "training")
_SWEPT = ("sweep", "dimensionality")
_SUBSAMPLED = ("conditional", "transfer")  # where rigorous=True is named


class Unnamed(str):
    """An option's default, told apart from the same word written by the user."""


def bound_of(mode: str, named: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the estimator and its options, if they go with the mode and what is to be kept."""
    own_bound = not isinstance(named["estimator"], Unnamed)
    bound = named["estimator"] if own_bound or mode != "dimensionality" else "smile"
    choice("estimator", bound, (*BOUNDS, *DIRECT))
    bound_options = dict(named["estimator_params"] or {})
    _check_bound_options(bound, bound_options)
    if named["save_best_model_path"] is not None and (mode != "estimate" or bound in DIRECT):
        raise OptionError(
            "save_best_model_path: expected a mode that keeps a critic ('estimate' with a trained "
            f"bound), got mode {mode!r} with {bound!r}"
        )
    if mode in _TRAINED_ONLY and bound in DIRECT:
        raise OptionError(
            f"estimator: expected a trained bound in mode {mode!r}, got {bound!r}, which works in "
            f"modes {sorted(set(MAKERS) - set(_TRAINED_ONLY))}"
        )
    return str(bound), bound_options


def refuse_unused(
    mode: str, bound: str, entries: Mapping[str, Any], trains: Mapping[str, Any]
) -> None:
    """Raise if an argument was given that the analysis would not use.

    Settings of networks, which scripts keep for several estimators, are only warned of.

    Parameters
    ----------
    mode, bound : str
        Of the analysis.
    entries : mapping
        Options of the modes that were given, by name.
    trains : mapping
        What only an estimator that trains can use, by name; None where not given.

    Raises
    ------
    OptionError
    """
    given = {k for k, v in {**entries, **trains}.items() if v is not None and v is not False}
    if entries.get("min_gamma_points") == LEAST_GAMMAS:
        given.discard("min_gamma_points")
    if mode not in _SWEPT and "sweep_grid" in given:
        raise OptionError(
            f"sweep_grid: expected None in mode {mode!r}, which tries one set of parameters; got "
            f"{entries['sweep_grid']!r:.80}; mode='sweep' goes through a grid"
        )
    if mode != "rigorous" and not entries.get("rigorous"):
        _refuse_subsampling(mode, given)
    if bound in DIRECT:
        _refuse_training(bound, given, entries, trains)


def _refuse_subsampling(mode: str, given: set[str]) -> None:
    for name in SUBSAMPLING:
        if name in given:
            able = "mode 'rigorous'" if mode not in _SUBSAMPLED else "rigorous=True beside it"
            raise OptionError(
                f"{name}: expected {able}, got mode {mode!r} without subsampling, which does not "
                "use it"
            )


def _refuse_training(
    bound: str, given: set[str], entries: Mapping[str, Any], trains: Mapping[str, Any]
) -> None:
    for name in sorted(given & {*_NETWORKS}):
        warnings.warn(
            f"{name} is not used with estimator={bound!r}, which trains nothing",
            UserWarning,
            stacklevel=4,
        )
    for name in (*trains, "null_folds", "return_embeddings"):
        if name in given and name not in _NETWORKS:
            raise OptionError(
                f"{name}: expected an estimator that trains a network ({', '.join(BOUNDS)}) beside "
                f"it, got {bound!r}, which does not use it"
            )
    if unused := sorted(set(entries.get("sweep_grid") or ()) - {*PROCESSING, "run_id"}):
        raise OptionError(
            f"sweep_grid: expected entries that estimator={bound!r} uses "
            f"({', '.join(PROCESSING)}), got {', '.join(unused)}"
        )


def renamed(options: dict[str, Any]) -> None:
    """Take options under the names that they had before, with a warning."""
    if "peer_reading" in options:
        warnings.warn("peer_reading is now called variant", DeprecationWarning, stacklevel=3)
        options["variant"] = options.pop("peer_reading")
    if options.get("method") == "peer":
        warnings.warn(
            "method='peer' is now called 'abdelaleem2025'", DeprecationWarning, stacklevel=3
        )
        options["method"] = "abdelaleem2025"


def seed_of(value: Any) -> Seed:
    """Return the seed, drawn if none is given."""
    try:
        return as_seed(secrets.randbits(63) if value is None else value)
    except DataError as error:
        raise OptionError(f"random_{error}") from error


def resume_folder(value: Any) -> Path | None:
    """Return the folder that keeps finished parts, made if its parent is there."""
    if value is None:
        return None
    folder = Path(value)
    if folder.exists() and not folder.is_dir():
        raise OptionError(f"resume: expected a folder, got the file {folder}")
    return folder.absolute()


def device_of(name: str | None) -> str:
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


def variables_of(
    x_data: Any, y_data: Any, named: Mapping[str, Any], options: dict[str, Any]
) -> tuple[Variable, Variable | None, Variable | None]:
    """Return x, y and z with their processors; y's and z's are x's if not named.

    Where one of x and y names a window and the other none, it is that of both.
    """
    kind_x, params_x = named["processor_type_x"], named["processor_params_x"]
    kind_y, params_y = named["processor_type_y"], named["processor_params_y"]
    if isinstance(x_data, Recording):
        x_data, y_data = _of_recording(x_data, y_data)
    same_rows(x_data, y_data, options.get("z_data"))
    x_data = timed("x", x_data, options.pop("x_time", None))
    y_data = timed("y", y_data, options.pop("y_time", None))
    own = {k: v for k, v in (params_y or {}).items() if k == "window_size"}
    x = variable("x", x_data, kind_x, params_x, own)
    y = z = None
    if y_data is not None:
        y = variable("y", y_data, kind_y or kind_x, params_y, params_x)
    if options.get("z_data") is not None:
        kind_z, params_z = options.get("processor_type_z"), options.get("processor_params_z")
        z = variable("z", options["z_data"], kind_z or kind_x, params_z, params_x)
    return x, y, z


def _of_recording(recording: Recording, y_data: Any) -> tuple[Any, Any]:
    """Return the spikes of a recording, and one of its signals: named, or the only one."""
    names = sorted(recording.signals)
    if y_data is None and len(names) == 1:
        y_data = names[0]
    if isinstance(y_data, str):
        y_data = recording.signals[choice("y_data", y_data, names)]
    if y_data is None:
        raise OptionError(
            f"y_data: expected the name of one of the recording's signals {names}, got None"
        )
    if recording.spikes is None:
        raise OptionError("x_data: expected a Recording with spikes, got one without")
    return recording.spikes, y_data


def epochs_of(value: Any) -> Epochs | None:
    if value is None or isinstance(value, Epochs):
        return value
    if type(value).__module__.partition(".")[0] == "pynapple":
        value = from_pynapple(value)
    if isinstance(value, Epochs):
        return value
    raise UnknownOptionError(f"epochs: expected Epochs, got {type(value).__name__}")


def labels_of(
    options: Mapping[str, Any], x: Variable, y: Variable | None
) -> dict[str, str | list[str]]:
    """Return the names of variables and channels that were given, checked, by option."""
    found: dict[str, str | list[str]] = {}
    for own, name in ((x, "x"), (y, "y")):
        if (given := options.get(f"{name}_name")) is not None:
            if not isinstance(given, str):
                raise UnknownOptionError(f"{name}_name: expected a text, got {given!r:.80}")
            found[f"{name}_name"] = given
        if (names := options.get(f"channel_names_{name}")) is None:
            continue
        if isinstance(names, str) or not all(isinstance(entry, str) for entry in names):
            raise UnknownOptionError(
                f"channel_names_{name}: expected a list of texts, got {names!r:.80}"
            )
        if own is None or len(names) != own.n_channels:
            has = "none" if own is None else own.n_channels
            raise OptionError(
                f"channel_names_{name}: expected one name for each channel of {name} ({has}), got "
                f"{len(names)}"
            )
        found[f"channel_names_{name}"] = list(names)
    return found


def gap_of(options: Mapping[str, Any]) -> int | None:
    value = options.get("gap")
    return None if value is None else int(real("gap", value, whole=True, low=0))


def workers_of(value: Any) -> int | None:
    if value is None:
        return None
    n = int(real("n_workers", value, whole=True))
    if n == 0:
        raise OptionError("n_workers: expected at least 1, or −1 for all cores, got 0")
    return n


def embedding_of(cls: Any) -> type[torch.nn.Module] | None:
    if cls is None or (isinstance(cls, type) and issubclass(cls, torch.nn.Module)):
        return cls
    raise UnknownOptionError(
        f"custom_embedding_cls: expected a subclass of torch.nn.Module, got {cls!r:.80}"
    )


def module_of(critic: Any) -> torch.nn.Module | None:
    if critic is not None and not isinstance(critic, torch.nn.Module):
        raise UnknownOptionError(
            f"custom_critic: expected a torch.nn.Module, got {type(critic).__name__}"
        )
    return critic


_BOUND_OPTIONS = {
    "infonce": ("symmetric",),
    "smile": ("clip",),
    **{name: entry.options for name, entry in DIRECT.items()},
}


def _check_bound_options(bound: str, options: dict[str, Any]) -> None:
    known(f"estimator_params of {bound!r}", options, _BOUND_OPTIONS.get(bound, ()))
    if options.get("clip") is not None:
        options["clip"] = real("estimator_params['clip']", options["clip"], above=0.0)
    symmetric = options.get("symmetric", True)
    if not isinstance(symmetric, bool):
        raise UnknownOptionError(
            f"estimator_params['symmetric']: expected True or False, got {symmetric!r}"
        )
