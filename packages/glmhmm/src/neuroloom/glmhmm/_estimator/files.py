"""Fitted models in files without code: arrays, numbers and names only."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from neuroloom import shared
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.categorical import CategoricalObservations
from neuroloom.glmhmm._families.links import LINKS
from neuroloom.glmhmm._families.mixed import MixedObservations, Part
from neuroloom.glmhmm._families.registry import FAMILIES
from neuroloom.glmhmm._model.regularizers import REGULARIZERS, GroupLasso, Regularizer
from neuroloom.glmhmm._start.initializers import BUILT_IN

KIND = "GLMHMM"
VERSION = 1
KNOWN: dict[str, type[Observations]] = {
    kind.__name__: kind for kind in (*FAMILIES.values(), CategoricalObservations)
}
FITTED = (
    *("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_"),
    *("dof_resid_", "transition_coef_", "n_features_in_", "classes_", "feature_names_in_"),
)


def save_model(model: Any, filename: str | Path) -> Path:
    """Write the model's parameters and fitted attributes to `filename`, and return the path.

    ``.npz`` is added to a name without it, as numpy does.
    """
    path = Path(filename)
    if path.suffix != ".npz":
        path = path.with_name(path.name + ".npz")
    arrays: dict[str, Any] = {}
    fitted = {name: getattr(model, name) for name in FITTED if hasattr(model, name)}
    header = {
        "parameters": {
            name: _encode(value, arrays, name) for name, value in model.get_params().items()
        },
        "fitted": _encode(fitted, arrays, "fitted"),
    }
    return shared.save_arrays(path, arrays, kind=KIND, header=header, version=VERSION)


def _encode(value: Any, arrays: dict[str, Any], name: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, shared.Seed):
        return {"stream": [value.entropy, list(value.path)]}
    if isinstance(value, Observations):
        return _encode_family(value, arrays, name)
    if isinstance(value, Regularizer):
        mask = _encode(value.mask, arrays, "mask") if isinstance(value, GroupLasso) else None
        return {"regularizer": type(value).__name__, "mask": mask}
    if isinstance(value, Mapping):
        return {"dict": [[key, _encode(part, arrays, str(key))] for key, part in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(part, arrays, name) for part in value]}
    if isinstance(value, type):
        return {"regularizer": value.__name__, "mask": None}
    if hasattr(value, "dtype"):
        return _encode_array(value, arrays)
    if callable(value):
        return _encode_function(value, name)
    raise fail(name, "values that a file can hold", f"{type(value).__name__}")


def _encode_family(value: Observations, arrays: dict[str, Any], name: str) -> Any:
    if isinstance(value, MixedObservations):
        parts = [
            [p.name, _encode(p.family, arrays, name), _encode(p.link, arrays, name)]
            for p in value.parts
        ]
        return {"mixed": parts}
    kind = type(value).__name__
    if KNOWN.get(kind) is not type(value):
        raise fail(name, f"one of {list(KNOWN)}, which a file can hold", kind)
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return {"observations": kind, "fields": _encode(fields, arrays, name)}


def _encode_array(value: Any, arrays: dict[str, Any]) -> Any:
    if jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key):
        value = jax.random.key_data(value)
    if np.asarray(value).dtype.kind == "O":  # names: a file holds no objects
        return {"text": [str(one) for one in value]}
    key = f"a{len(arrays)}"
    arrays[key] = np.asarray(value)
    return {"array": key}


def _encode_function(value: Any, name: str) -> Any:
    for names in (LINKS, *BUILT_IN.values()):
        for key, function in names.items():
            if function is value:
                return {"function": key, "own": False, "of": "link" if names is LINKS else name}
    return {"function": getattr(value, "__name__", repr(value)), "own": True}


def _decode_dict(tree: dict[str, Any], arrays: dict[str, Any], mapped: Any) -> dict[str, Any]:
    below = mapped if isinstance(mapped, dict) else {}
    return {key: decode(part, arrays, below.get(key), key) for key, part in tree["dict"]}


def _decode_family(tree: dict[str, Any], arrays: dict[str, Any], mapped: Any, name: str) -> Any:
    if "mixed" in tree:
        links = mapped if isinstance(mapped, dict) else {}
        parts = [
            Part(
                part,
                decode(family, arrays, None, name),
                decode(link, arrays, links.get(part), name),
            )
            for part, family, link in tree["mixed"]
        ]
        return MixedObservations(tuple(parts))
    fields = decode(tree.get("fields", {"dict": []}), arrays, None, name)
    if tree.get("n_categories") is not None:  # of files before version 0.2
        fields = {"n_categories": tree["n_categories"]}
    return KNOWN[tree["observations"]](**fields)


def decode(tree: Any, arrays: dict[str, Any], mapped: Any, name: str) -> Any:
    """Return the value that a tree of names and numbers stands for."""
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "stream" in tree:
        return shared.Seed(tree["stream"][0], tuple(tree["stream"][1]))
    if "text" in tree:
        return np.array(tree["text"], dtype=object)
    if "mixed" in tree or "observations" in tree:
        return _decode_family(tree, arrays, mapped, name)
    if "regularizer" in tree:
        mask = tree["mask"]
        if mask is None:
            return REGULARIZERS[tree["regularizer"]]()
        return GroupLasso(decode(mask, arrays, None, "mask"))
    if "function" in tree:
        return _function(tree, mapped, name)
    if "dict" in tree:
        return _decode_dict(tree, arrays, mapped)
    if "tuple" in tree:
        return tuple(decode(part, arrays, None, name) for part in tree["tuple"])
    return [decode(part, arrays, None, name) for part in tree["list"]]


def _function(tree: dict[str, Any], mapped: Any, name: str) -> Any:
    if mapped is not None:
        return mapped
    if tree["own"]:
        raise fail(
            "mapping_dict",
            f"the callable {tree['function']!r} under {name!r}, which a file cannot hold",
            "none",
        )
    if tree["of"] == "link":
        return LINKS[tree["function"]]
    return BUILT_IN[name][tree["function"]]
