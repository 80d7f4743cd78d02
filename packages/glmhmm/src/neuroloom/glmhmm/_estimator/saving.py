"""Fitted models in files without code: arrays, numbers and names only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np

from neuroloom import shared
from neuroloom.glmhmm._errors import UnknownNameError, fail
from neuroloom.glmhmm._families.families import CategoricalObservations, Observations
from neuroloom.glmhmm._model.regularizers import REGULARIZERS, GroupLasso, Regularizer
from neuroloom.glmhmm._model.settings import FAMILIES, LINKS
from neuroloom.glmhmm._start.initializers import BUILT_IN

_KIND = "GLMHMM"
_VERSION = 1
FITTED = (
    *("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_"),
    *("dof_resid_", "transition_coef_", "n_features_in_"),
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
    return shared.save_arrays(path, arrays, kind=_KIND, header=header, version=_VERSION)


def load_model(filename: str | Path, mapping_dict: dict[str, Any] | None = None) -> Any:
    """Return the model that `GLMHMM.save_params` wrote to `filename`.

    Parameters
    ----------
    filename : str or Path
        File to read.
    mapping_dict : dict, optional
        Callables of your own, which a file cannot hold: ``{"inverse_link_function": f}`` or
        ``{"model_initialization_funcs": {"glm_params_init": g}}``.

    Raises
    ------
    DataError
        If the file is missing, damaged, foreign or newer.
    InputError
        If the model used a callable of its own that `mapping_dict` does not bring.
    UnknownNameError
        If `mapping_dict` names a parameter that does not exist.
    """
    from neuroloom.glmhmm._estimator.estimator import GLMHMM

    arrays, header = shared.load_arrays(filename, kind=_KIND, version=_VERSION)
    mapping = dict(mapping_dict or {})
    known = list(header["parameters"])
    for name in mapping:
        if name not in known:
            raise UnknownNameError(f"mapping_dict: expected keys among {known}, got {name!r}")
    parameters = {
        name: _decode(tree, arrays, mapping.get(name), name)
        for name, tree in header["parameters"].items()
    }
    model = GLMHMM(**parameters)
    for name, value in _decode(header["fitted"], arrays, None, "fitted").items():
        setattr(model, name, value)
    return model


def _encode(value: Any, arrays: dict[str, Any], name: str) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, shared.Seed):
        return {"stream": [value.entropy, list(value.path)]}
    if isinstance(value, Observations):
        n = value.n_categories if isinstance(value, CategoricalObservations) else None
        return {"observations": type(value).__name__, "n_categories": n}
    if isinstance(value, Regularizer):
        mask = _encode(value.mask, arrays, "mask") if isinstance(value, GroupLasso) else None
        return {"regularizer": type(value).__name__, "mask": mask}
    if isinstance(value, dict):
        return {"dict": [[key, _encode(part, arrays, str(key))] for key, part in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encode(part, arrays, name) for part in value]}
    if isinstance(value, type):
        return {"regularizer": value.__name__, "mask": None}
    if hasattr(value, "dtype"):
        if jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key):
            value = jax.random.key_data(value)
        key = f"a{len(arrays)}"
        arrays[key] = np.asarray(value)
        return {"array": key}
    if callable(value):
        for names in (LINKS, *BUILT_IN.values()):
            for key, function in names.items():
                if function is value:
                    return {"function": key, "own": False, "of": "link" if names is LINKS else name}
        return {"function": getattr(value, "__name__", repr(value)), "own": True}
    raise fail(name, "values that a file can hold", f"{type(value).__name__}")


def _decode(tree: Any, arrays: dict[str, Any], mapped: Any, name: str) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "stream" in tree:
        return shared.Seed(tree["stream"][0], tuple(tree["stream"][1]))
    if "observations" in tree:
        if tree["n_categories"] is not None:
            return CategoricalObservations(tree["n_categories"])
        return FAMILIES[tree["observations"].removesuffix("Observations")]()
    if "regularizer" in tree:
        if tree["mask"] is not None:
            return GroupLasso(_decode(tree["mask"], arrays, None, "mask"))
        return REGULARIZERS[tree["regularizer"]]()
    if "function" in tree:
        return _function(tree, mapped, name)
    if "dict" in tree:
        below = mapped if isinstance(mapped, dict) else {}
        return {key: _decode(part, arrays, below.get(key), key) for key, part in tree["dict"]}
    kind = "tuple" if "tuple" in tree else "list"
    parts = [_decode(part, arrays, None, name) for part in tree[kind]]
    return tuple(parts) if kind == "tuple" else parts


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
