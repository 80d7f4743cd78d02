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
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.scaler import Scaler
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._reading import reading
from neuroloom.circuit_inference._version import __version__
from neuroloom.circuit_inference.errors import ModelFormatError, UnsafeFormatError
from neuroloom.shared import load_arrays, save_arrays

if TYPE_CHECKING:
    from neuroloom.circuit_inference._inference.inferer import Inferer

KIND = "circuit_inference.Inferer"
FORMAT = 1
_HEADER = "model.json"
_ARRAYS = "cloud.npz"
_FIELDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("version", "model", "feature_digest", "digest"), (str,)),
    **dict.fromkeys(("hyperparams", "prior", "estimator", "files"), (dict,)),
    "feature_names": (list,),
    "feature_set": (dict, type(None)),
    "n_simulations": (int,),
}
_PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib", ".dill")


def save_inferer(inferer: Inferer, folder: Path) -> Path:
    """Write a trained model, whole or not at all; an existing model of ours is replaced."""
    fitted = inferer._need("save")
    if folder.exists() and not (folder.is_dir() and _ours(folder)):
        raise ModelFormatError(f"folder: expected a new folder or a saved model, got {folder.name}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        state = inferer.estimator.save(work)
        arrays: dict[str, Any] = {
            "scaler_mean": fitted.scaler.mean,
            "scaler_scale": fitted.scaler.scale,
        }
        arrays.update({f"cloud_{k}": v for k, v in fitted.cloud.arrays().items()})
        save_arrays(work / _ARRAYS, arrays, kind=KIND, version=FORMAT)
        header = {
            "kind": KIND,
            "format": FORMAT,
            "version": __version__,
            "model": inferer.model,
            "hyperparams": _json(inferer.hyperparams),
            "prior": fitted.prior.describe(),
            "feature_names": list(fitted.names),
            "feature_digest": fitted.digest,
            "feature_set": None if fitted.feature_set is None else fitted.feature_set.describe(),
            "n_simulations": fitted.n_rows,
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


def load_inferer(folder: Path) -> Inferer:
    """Read and check a model."""
    from neuroloom.circuit_inference._inference.inferer import Inferer, _Fitted

    header = read_header(folder)
    with reading("folder", "model"):
        arrays: dict[str, Any]
        arrays, _ = load_arrays(folder / _ARRAYS, kind=KIND, version=FORMAT)
        prior = Prior.from_description(header["prior"])
        chosen = header["feature_set"]
        feature_set = None if chosen is None else FeatureSet.from_description(chosen)
        if feature_set is not None and list(feature_set.names) != header["feature_names"]:
            raise ModelFormatError(
                "folder: the model is stale: its features now have other names or another order; "
                "train it again"
            )
        names, scaler = (
            header["feature_names"],
            Scaler(arrays["scaler_mean"], arrays["scaler_scale"]),
        )
        if names and len(names) != scaler.mean.size:
            raise ModelFormatError(
                f"folder: expected {scaler.mean.size} names of features, got {len(names)}"
            )
        inferer = Inferer(header["model"], prior, hyperparams=header["hyperparams"])
        inferer._estimator = type(inferer._estimator).load(folder, header["estimator"])
        cloud = {k.removeprefix("cloud_"): v for k, v in arrays.items() if k.startswith("cloud_")}
        inferer._fitted = _Fitted(
            prior,
            scaler,
            SimulatedCloud.from_arrays(cloud),
            tuple(map(str, names)),
            header["feature_digest"],
            feature_set,
            int(header["n_simulations"]),
        )
    return inferer


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
