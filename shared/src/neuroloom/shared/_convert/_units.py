"""Properties, epochs as plain values, and the time that units were observed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._trial_tables._contract import fit_floats

if TYPE_CHECKING:
    import pandas as pd


def table_properties(table: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of a table with one row per unit, missing text as None."""
    return {str(name): per_unit(table[name]) for name in table.columns}


def per_unit(values: Any) -> Any:
    """Return a column as numbers where it holds numbers alone, otherwise as a list.

    Missing values are NaN among numbers and None among anything else.
    """
    import pandas as pd

    if type(values) is np.ndarray and values.dtype.kind == "U":
        return values  # in which nothing is missing, and without entries it is still text
    column = pd.Series(values)
    if column.dtype.kind in "iufb" and isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    listed = column.astype(object)
    missing = [x is None or (np.ndim(x) == 0 and pd.isna(x)) for x in listed]
    present = [x for x, gone in zip(listed, missing, strict=True) if not gone]
    if present and all(map(_is_number, present)) and fit_floats(present):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return [None if gone else x for x, gone in zip(listed, missing, strict=True)]


def _is_number(value: object) -> bool:
    truth = isinstance(value, (bool, np.bool_))
    return isinstance(value, (int, float, np.number)) and not truth


def union(start: Any, stop: Any) -> Epochs:
    """Return the time that any of the intervals covers; they may overlap and come unsorted."""
    order = np.argsort(start, kind="stable")
    first = np.asarray(start, np.float64)[order]
    reach = np.maximum.accumulate(np.asarray(stop, np.float64)[order])
    opens = np.concatenate([[True], first[1:] >= reach[:-1]]) if len(first) else np.empty(0, bool)
    closes = np.append(opens[1:], True) if len(first) else opens
    begin, end = first[opens], reach[closes]
    return Epochs(begin[end > begin], end[end > begin])


def listed(epochs: Epochs) -> dict[str, Any]:
    """Return epochs as plain values, with what is known of them."""
    found: dict[str, Any] = {"start": epochs.start.tolist(), "stop": epochs.stop.tolist()}
    if epochs.metadata:
        found["metadata"] = epochs.metadata
    if known := epochs.properties:
        found |= {
            "dtypes": dtypes(known),
            "properties": {name: values.tolist() for name, values in known.items()},
        }
    return found


def from_listed(given: Mapping[str, Any]) -> Epochs:
    """Return the epochs that `listed` was given."""
    known = recast(given.get("properties", {}), given.get("dtypes", {}))
    return Epochs(given["start"], given["stop"], known, given.get("metadata"))


def dtypes(properties: Mapping[str, Any]) -> dict[str, str]:
    """Return the dtype of each property that has one of numpy's."""
    return {k: str(v.dtype) for k, v in properties.items() if not v.dtype.hasobject}


def recast(properties: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """Return properties in the dtypes that they had, where that changes no value."""
    found = {}
    for name, values in properties.items():
        found[name] = values
        if name in known:
            with contextlib.suppress(ValueError, TypeError):
                dtype = np.dtype(known[name])
                listed = _numbers(list(values)) if dtype.kind == "f" else list(values)
                again, told = np.array(listed, dtype=dtype), np.asarray(listed)
                if again.tolist() == told.tolist() or _same(again, told):
                    found[name] = again
    return found


def _same(a: Any, b: Any) -> bool:
    """Return whether dates or floats, which tables hold in dtypes of their own, are the same."""
    kind = a.dtype.kind
    return kind in "fmM" and b.dtype.kind == kind and np.array_equal(a, b, equal_nan=True)


def _numbers(values: Any) -> Any:
    """Return floats with those that JSON holds as text, NaN and infinity, as numbers again."""
    if isinstance(values, list):
        return [_numbers(x) for x in values]
    odd = isinstance(values, str) and values in ("nan", "inf", "-inf")
    return float(values) if odd else values
