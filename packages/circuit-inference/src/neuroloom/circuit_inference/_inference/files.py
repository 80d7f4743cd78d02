"""Trained models as folders: JSON, npz, safetensors and skops; never pickle.

The header names the format's version, the package's version, the features, the prior with its
units, and a hash of every file: a model whose parts do not belong together is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.circuit_inference._estimators import build
from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.origin import FeatureOrigin
from neuroloom.circuit_inference._inference.fitted import Fitted, Learned
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.scaler import Scaler
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._reading import reading
from neuroloom.circuit_inference._version import __version__
from neuroloom.circuit_inference.errors import ModelFormatError, UnsafeFormatError
from neuroloom.shared import load_arrays, save_arrays

KIND = "circuit_inference.Inferer"
FORMAT = 2
_HEADER = "model.json"
_ARRAYS = "cloud.npz"
_FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("version", "model", "digest"), (str,)),
    **dict.fromkeys(("hyperparams", "prior", "origin", "estimator", "files"), (dict,)),
    "feature_set": (dict, type(None)),
}
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".dill")


def save_fitted(fitted: Fitted, folder: Path, model: str, hyperparams: Mapping[str, Any]) -> Path:
    """Write a trained model, whole or not at all; an existing model of ours is replaced."""
    if folder.exists() and not (folder.is_dir() and _ours(folder)):
        raise ModelFormatError(f"folder: expected a new folder or a saved model, got {folder.name}")
    if folder.exists() and (others := _others(folder)):
        raise ModelFormatError(
            f"folder: expected a saved model and nothing beside it, got {folder.name} with "
            f"{', '.join(map(repr, others[:5]))}, which would be removed with the old model; move "
            "them, or save to another folder"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        state = fitted.estimator.save(work)
        arrays: dict[str, Any] = {
            "scaler_mean": fitted.learned.scaler.mean,
            "scaler_scale": fitted.learned.scaler.scale,
            "theta_std": fitted.theta_std,
            "seen": fitted.seen,
        }
        arrays.update({f"cloud_{k}": v for k, v in fitted.cloud.arrays().items()})
        save_arrays(work / _ARRAYS, arrays, kind=KIND, version=FORMAT)
        chosen = fitted.feature_set
        header = {
            "kind": KIND,
            "format": FORMAT,
            "version": __version__,
            "model": model,
            "hyperparams": _json(hyperparams),
            "prior": fitted.prior.describe(),
            "origin": fitted.origin.describe(),
            "feature_set": None if chosen is None else chosen.describe(),
            "estimator": dict(state),
            "files": {p.name: _hash(p) for p in sorted(work.iterdir())},
        }
        header["digest"] = _digest(header)
        (work / _HEADER).write_text(json.dumps(header, indent=1, ensure_ascii=False))
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(work, folder)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    return folder


def load_fitted(folder: Path) -> tuple[str, dict[str, Any], Fitted]:
    """Read and check a model; return its name, its options and what it learned."""
    header = read_header(folder)
    with reading("folder", "model"):
        arrays: dict[str, Any]
        arrays, _ = load_arrays(folder / _ARRAYS, kind=KIND, version=FORMAT)
        chosen = header["feature_set"]
        feature_set = None if chosen is None else FeatureSet.from_description(chosen)
        origin = FeatureOrigin.from_description(header["origin"])
        if feature_set is not None and feature_set.names != origin.names:
            raise ModelFormatError(
                "folder: the model is stale: its features now have other names or another order; "
                "train it again"
            )
        scaler = Scaler(arrays["scaler_mean"], arrays["scaler_scale"])
        if origin.names and len(origin.names) != scaler.mean.size:
            raise ModelFormatError(
                f"folder: expected {scaler.mean.size} names of features, got {len(origin.names)}"
            )
        model, hyperparams = header["model"], header["hyperparams"]
        estimator = type(build(model, hyperparams)).load(folder, header["estimator"])
        cloud = {k.removeprefix("cloud_"): v for k, v in arrays.items() if k.startswith("cloud_")}
        fitted = Fitted(
            Learned(estimator, Prior.from_description(header["prior"]), scaler),
            SimulatedCloud.from_arrays(cloud),
            origin,
            feature_set,
            arrays["theta_std"],
            arrays["seen"],
        )
    return model, hyperparams, fitted


def read_header(folder: Path) -> dict[str, Any]:
    """Return the header of a model after checking every file of the folder."""
    if folder.is_file() or folder.suffix in _PICKLES:
        kind = UnsafeFormatError if folder.suffix in _PICKLES else ModelFormatError
        raise kind(f"folder: expected a saved model's folder, got {folder.name}; nothing was run")
    path = folder / _HEADER
    if not path.is_file():
        raise ModelFormatError(f"folder: expected a saved model ({_HEADER}), got {folder.name}")
    with reading("folder", _HEADER):
        header = json.loads(path.read_text(encoding="utf-8"))
        _check_header(folder, header)
    return dict(header)


def _check_header(folder: Path, header: dict[str, Any]) -> None:
    if header["kind"] != KIND:
        raise ModelFormatError(f"folder: expected a {KIND}, got {header['kind']!r}")
    if header["format"] > FORMAT:
        raise ModelFormatError(
            f"folder: expected format {FORMAT} or older, got {header['format']}, written by "
            f"version {header['version']}; update neuroloom-circuit-inference to read it"
        )
    if header["format"] < FORMAT:
        raise ModelFormatError(
            f"folder: expected format {FORMAT}, got {header['format']} of version "
            f"{header['version']}, which knows neither rate nor length of its series: train again"
        )
    if header.get("digest") != _digest(header):
        raise ModelFormatError(f"folder: {_HEADER} was changed after it was saved")
    for key, kinds in _FIELDS.items():
        if not isinstance(header[key], kinds):
            raise ModelFormatError(
                f"folder: expected {key} to be {kinds[0].__name__} in {_HEADER}, got "
                f"{type(header[key]).__name__}"
            )
    there = {p.name for p in folder.iterdir()} - {_HEADER}
    unsafe = sorted(name for name in there if Path(name).suffix in _PICKLES)
    if unsafe:
        raise UnsafeFormatError(f"folder: expected no pickled files, got {unsafe}; nothing was run")
    if there != set(header["files"]):
        raise ModelFormatError(
            f"folder: expected the files {sorted(header['files'])}, got {sorted(there)}"
        )
    for name, wanted in header["files"].items():
        if _hash(folder / name) != wanted:
            raise ModelFormatError(f"folder: {name} was changed after it was saved")


def _ours(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / _HEADER).read_text())["kind"] == KIND)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _others(folder: Path) -> list[str]:
    """Return the names in a model's folder that its header does not tell of."""
    header = json.loads((folder / _HEADER).read_text())
    known = {_HEADER, *(header["files"] if isinstance(header.get("files"), dict) else ())}
    return sorted(path.name for path in folder.iterdir() if path.name not in known)


def _hash(path: Path) -> str:
    return hashlib.blake2s(path.read_bytes()).hexdigest()


def _digest(header: dict[str, Any]) -> str:
    rest = {key: value for key, value in header.items() if key != "digest"}
    return hashlib.blake2s(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _json(value: Any) -> Any:
    """Return hyperparameters as JSON gives them back."""
    if isinstance(value, dict):
        return {str(k): _json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ModelFormatError(
        f"hyperparams: expected numbers, text and lists, got {type(value).__name__}"
    )
