"""Models from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neuroloom import shared
from neuroloom.glmhmm._errors import UnknownNameError
from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm._estimator.files import KIND, VERSION, decode


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
    arrays, header = shared.load_arrays(filename, kind=KIND, version=VERSION)
    mapping = dict(mapping_dict or {})
    known = list(header["parameters"])
    for name in mapping:
        if name not in known:
            raise UnknownNameError(f"mapping_dict: expected keys among {known}, got {name!r}")
    parameters = {
        name: decode(tree, arrays, mapping.get(name), name)
        for name, tree in header["parameters"].items()
    }
    model = GLMHMM(**parameters)
    for name, value in decode(header["fitted"], arrays, None, "fitted").items():
        setattr(model, name, value)
    return model
