"""Results as files of numbers and text: nothing in them is code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.mi._results.record import Record
from neuroloom.shared import load_arrays, save_arrays

KIND = "mi-results"


def _pack(value: Any, arrays: dict[str, Any], path: str) -> Any:
    """Return `value` as JSON; arrays and tables go to `arrays` and leave their name."""
    import pandas as pd

    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        arrays[path] = value
        return {"__array__": path}
    if isinstance(value, pd.DataFrame):
        columns = {str(c): value[c].tolist() for c in value.columns}
        swept = value.attrs.get("swept", [])
        return {"__table__": _pack(columns, arrays, path), "swept": list(swept)}
    if isinstance(value, Mapping):
        return {
            "__dict__": [
                [_pack(k, arrays, path), _pack(v, arrays, f"{path}.{i}")]
                for i, (k, v) in enumerate(value.items())
            ]
        }
    if isinstance(value, (list, tuple)):
        items = [_pack(item, arrays, f"{path}.{i}") for i, item in enumerate(value)]
        return {"__tuple__": items} if isinstance(value, tuple) else items
    return {"__text__": str(value)}


def _unpack(value: Any, arrays: Mapping[str, Any]) -> Any:
    import pandas as pd

    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "__array__" in value:
        return arrays[value["__array__"]]
    if "__table__" in value:
        table = pd.DataFrame(_unpack(value["__table__"], arrays))
        if value["swept"]:
            table.attrs["swept"] = value["swept"]
        return table
    if "__dict__" in value:
        return {_unpack(k, arrays): _unpack(v, arrays) for k, v in value["__dict__"]}
    if "__tuple__" in value:
        return tuple(_unpack(item, arrays) for item in value["__tuple__"])
    return value["__text__"]


def save_results(results: Record, path: str | Path) -> Path:
    """Write `results` to `path` and return it; what is no number, text or table becomes text."""
    arrays: dict[str, Any] = {}
    content = {
        "mode": results.mode,
        "params": results.params,
        "mi_estimate": results.mi_estimate,
        "dataframe": results.dataframe,
        "details": {k: v for k, v in results.details.items() if not k.startswith("_")},
    }
    return save_arrays(path, arrays, kind=KIND, header={"results": _pack(content, arrays, "r")})


def load_results(path: str | Path) -> dict[str, Any]:
    """Return the fields of what `save_results` wrote."""
    arrays, header = load_arrays(path, kind=KIND)
    fields: dict[str, Any] = _unpack(header["results"], arrays)
    return fields
