"""Nested values as JSON and plain arrays, and back: what files hold instead of pickles.

What can be packed: None, booleans, numbers, text, arrays, lists, tuples and dicts of such, tables,
and the data types of this package. Everything comes back in the type it had.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.shared._types._base import Data
from neuroloom.shared._validate import fail
from neuroloom.shared.data import (
    AlignedSignal,
    AlignedSpikes,
    Clock,
    Counts,
    Epochs,
    Recording,
    Signal,
    SpikeTrains,
    TimeSeries,
    Trials,
)

Arrays = dict[str, NDArray[Any]]

_KINDS = (
    *(AlignedSignal, AlignedSpikes, Clock, Counts, Epochs),
    *(Recording, Signal, SpikeTrains, TimeSeries, Trials),
)
TYPES: dict[str, type[Data]] = {kind.__name__: kind for kind in _KINDS}
_MISSING = {"NA": pd.NA, "NaT": pd.NaT}
_NULLABLE = re.compile(r"boolean|U?Int\d+|Float\d+")
_JSON = (type(None), bool, int, float, str)


def pack(value: Any, arrays: Arrays, argument: str = "value") -> Any:
    """Return `value` as JSON, with its arrays moved to `arrays`.

    Raises
    ------
    DataError
        If a part is of a type that would need pickle.
    """
    kind = type(value)
    if kind in _JSON:
        return value
    if (kind is np.ndarray or isinstance(value, np.generic)) and not value.dtype.hasobject:
        name = f"a{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array" if kind is np.ndarray else "scalar": name}
    if kind is np.ndarray:  # of text with gaps, or lists
        items = [pack(x, arrays, f"{argument}[{i}]") for i, x in enumerate(value.tolist())]
        return {"objects": items}
    if kind in (list, tuple):
        return {kind.__name__: [pack(x, arrays, f"{argument}[{i}]") for i, x in enumerate(value)]}
    if kind is dict:
        pairs = [[pack(k, arrays), pack(v, arrays, f"{argument}[{k!r}]")] for k, v in value.items()]
        return {"dict": pairs}
    if kind is pd.DataFrame:
        columns = [[name, _pack_column(value[name], arrays)] for name in value.columns]
        return {"table": columns, "n_rows": len(value)}
    if kind in TYPES.values():
        named = zip(value.arguments(), value.parts(), strict=True)
        parts = {name: pack(part, arrays, name) for name, part in named}
        return {"data": kind.__name__, "fields": parts}
    for name, missing in _MISSING.items():
        if value is missing:
            return {"missing": name}
    raise fail(argument, "values that can be kept without pickle", kind.__name__)


def unpack(tree: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return what `pack` packed."""
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "scalar" in tree:
        return arrays[tree["scalar"]][()]
    if "objects" in tree:
        return [unpack(part, arrays) for part in tree["objects"]]
    if "list" in tree:
        return [unpack(part, arrays) for part in tree["list"]]
    if "tuple" in tree:
        return tuple(unpack(part, arrays) for part in tree["tuple"])
    if "dict" in tree:
        return {unpack(key, arrays): unpack(part, arrays) for key, part in tree["dict"]}
    if "table" in tree:
        columns = {name: _unpack_column(column, arrays) for name, column in tree["table"]}
        return pd.DataFrame(columns, index=pd.RangeIndex(tree["n_rows"]))
    if "data" in tree:
        parts = {name: unpack(part, arrays) for name, part in tree["fields"].items()}
        return TYPES[tree["data"]](**parts)
    return _MISSING[tree["missing"]]


def _pack_column(column: pd.Series, arrays: Arrays) -> Any:
    """Return a table's column as JSON; the tags name the family of its dtype."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        categories = _pack_column(pd.Series(dtype.categories), arrays)
        codes = pack(column.cat.codes.to_numpy(), arrays)
        return {"codes": codes, "categories": categories, "ordered": bool(dtype.ordered)}
    if isinstance(dtype, pd.DatetimeTZDtype) and _same_zone(dtype):
        instants = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return {"instants": pack(instants, arrays), "zone": str(dtype.tz)}
    if isinstance(dtype, pd.StringDtype):
        text = [
            None if missing else str(x) for x, missing in zip(column, column.isna(), strict=True)
        ]
        nan = getattr(dtype, "na_value", pd.NA) is not pd.NA
        return {"text": text, "storage": dtype.storage, "nan": nan}
    if isinstance(dtype, pd.api.extensions.ExtensionDtype) and _NULLABLE.fullmatch(dtype.name):
        values = column.fillna(dtype.type(0)).to_numpy(dtype.numpy_dtype)
        missing = pack(column.isna().to_numpy(), arrays)
        return {"values": pack(values, arrays), "missing": missing, "dtype": dtype.name}
    if dtype == np.dtype(object):
        return {"objects": [pack(x, arrays, f"table[{column.name!r}]") for x in column]}
    if isinstance(dtype, np.dtype):
        return pack(column.to_numpy(), arrays)
    raise fail(f"table[{column.name!r}]", "numbers, text, dates or categories", f"dtype {dtype}")


def _unpack_column(tree: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> pd.Series:
    if "codes" in tree:
        categories = pd.Index(_unpack_column(tree["categories"], arrays))
        dtype = pd.CategoricalDtype(categories, tree["ordered"])
        return pd.Series(pd.Categorical.from_codes(unpack(tree["codes"], arrays), dtype=dtype))
    if "instants" in tree:
        instants = pd.Series(unpack(tree["instants"], arrays))
        return instants.dt.tz_localize("UTC").dt.tz_convert(tree["zone"])
    if "text" in tree:
        return pd.Series(tree["text"], dtype=_text_dtype(tree["storage"], tree["nan"]))
    if "values" in tree:
        values = pd.Series(unpack(tree["values"], arrays)).astype(tree["dtype"])
        return values.mask(unpack(tree["missing"], arrays))
    if "objects" in tree:
        return pd.Series([unpack(x, arrays) for x in tree["objects"]], dtype=object)
    return pd.Series(unpack(tree, arrays))


def _same_zone(dtype: pd.DatetimeTZDtype) -> bool:
    """Return whether the zone's name alone leads back to the zone."""
    try:
        return bool(pd.DatetimeTZDtype(dtype.unit, str(dtype.tz)) == dtype)
    except (TypeError, ValueError, KeyError):
        return False


def _text_dtype(storage: str, nan: bool) -> Any:
    """Return the text dtype that was saved, or the nearest one that this pandas has."""
    try:
        return pd.StringDtype(storage, **({"na_value": np.nan} if nan else {}))
    except ImportError:  # pyarrow was there when the file was written
        return _text_dtype("python", nan)
    except TypeError:  # pandas 2 kept text as objects
        return np.dtype(object)
