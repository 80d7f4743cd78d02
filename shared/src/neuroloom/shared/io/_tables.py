"""pandas' tables, columns, indexes and scalars as JSON and plain arrays, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from neuroloom.shared.checks import fail
from neuroloom.shared.io._codec import Arrays, Stored, pack, unpack

_MISSING = {"NA": pd.NA, "NaT": pd.NaT}
_NULLABLE = re.compile(r"boolean|U?Int\d+|Float\d+")


def pack_pandas(value: Any, arrays: Arrays, argument: str) -> Any:
    """Return a table, column, index or scalar of pandas as JSON and arrays."""
    kind = type(value)
    for name, missing in _MISSING.items():
        if value is missing:
            return {"missing": name}
    if kind is pd.DataFrame:
        return _pack_frame(value, arrays, argument)
    if kind is pd.Series:
        column = _pack_column(value, arrays, argument)
        return {"series": column, **_labels(value, arrays, argument), "name": _name(value, arrays)}
    if isinstance(value, pd.Index):
        return {"labels": _pack_index(value, arrays, argument)}
    if kind is pd.Timestamp:
        return {"timestamp": _pack_column(pd.Series([value]), arrays, argument)}
    if kind is pd.Timedelta:
        return {"delta": pack(value.to_timedelta64(), arrays)}
    if kind is pd.Period:
        return {"period": value.ordinal, "freq": value.freqstr}
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return {"extension": _pack_column(pd.Series(value), arrays, argument)}
    raise fail(argument, "values that can be kept without pickle", kind.__name__)


def unpack_pandas(tree: dict[str, Any], arrays: Stored) -> Any:
    """Return what `pack_pandas` packed."""
    return _UNPACK[next(iter(tree))](tree, arrays)


def _pack_frame(table: pd.DataFrame, arrays: Arrays, argument: str) -> Any:
    columns = [
        _pack_column(table.iloc[:, i], arrays, f"table[{name!r}]")
        for i, name in enumerate(table.columns)
    ]
    if _is_plain(table):  # as version 0.1.0 wrote it
        names = table.columns
        return {
            "table": [list(pair) for pair in zip(names, columns, strict=True)],
            "n_rows": len(table),
        }
    return {
        "frame": columns,
        "columns": _pack_index(table.columns, arrays, argument),
        **_labels(table, arrays, argument),
    }


def _is_plain(table: pd.DataFrame) -> bool:
    """Return whether names are unique text and rows just numbered."""
    columns, rows = table.columns, table.index
    text = type(columns) is pd.Index and all(type(name) is str for name in columns)
    usual = columns.dtype == pd.Index(["a"]).dtype and columns.is_unique and columns.name is None
    numbered = type(rows) is pd.RangeIndex and (rows.start, rows.step, rows.name) == (0, 1, None)
    plain = not table.attrs and table.flags.allows_duplicate_labels
    return bool(text and usual and numbered and plain and len(columns))


def _labels(value: Any, arrays: Arrays, argument: str) -> dict[str, Any]:
    return {
        "rows": _pack_index(value.index, arrays, argument),
        "attrs": pack(dict(value.attrs), arrays, f"{argument}.attrs"),
        "duplicates": value.flags.allows_duplicate_labels,
    }


def _name(value: Any, arrays: Arrays) -> Any:
    return pack(value.name, arrays, "name")


def _pack_index(index: pd.Index, arrays: Arrays, argument: str) -> Any:
    if type(index) is pd.RangeIndex:
        bounds = [index.start, index.stop, index.step]
        return {"range": bounds, "name": _name(index, arrays)}
    if isinstance(index, pd.MultiIndex):
        return {
            "levels": [_pack_index(level, arrays, argument) for level in index.levels],
            "codes": [pack(np.asarray(codes), arrays) for codes in index.codes],
            "names": [pack(name, arrays, "name") for name in index.names],
        }
    column = _pack_column(pd.Series(index, dtype=index.dtype), arrays, argument)
    freq = getattr(index, "freqstr", None)
    return {"index": column, "name": _name(index, arrays), "freq": freq}


def _pack_column(column: pd.Series, arrays: Arrays, argument: str) -> Any:
    """Return a table's column as JSON; the tags name the family of its dtype."""
    dtype = column.dtype
    for accepts, write in _COLUMNS:
        if accepts(dtype):
            return write(column, arrays, argument)
    raise fail(argument, "numbers, text, dates or categories", f"dtype {dtype}")


def _pack_categories(column: pd.Series, arrays: Arrays, argument: str) -> Any:
    dtype = column.dtype
    categories = _pack_column(pd.Series(dtype.categories), arrays, argument)
    codes = pack(column.cat.codes.to_numpy(), arrays)
    return {"codes": codes, "categories": categories, "ordered": bool(dtype.ordered)}


def _pack_instants(column: pd.Series, arrays: Arrays, argument: str) -> Any:
    instants = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
    return {"instants": pack(instants, arrays), "zone": str(column.dtype.tz)}


def _pack_text(column: pd.Series, arrays: Arrays, argument: str) -> Any:
    text = [None if missing else str(x) for x, missing in zip(column, column.isna(), strict=True)]
    nan = getattr(column.dtype, "na_value", pd.NA) is not pd.NA
    return {"text": text, "storage": column.dtype.storage, "nan": nan}


def _pack_nullable(column: pd.Series, arrays: Arrays, argument: str) -> Any:
    dtype = column.dtype
    values = column.fillna(dtype.type(0)).to_numpy(dtype.numpy_dtype)
    missing = pack(column.isna().to_numpy(), arrays)
    return {"values": pack(values, arrays), "missing": missing, "dtype": dtype.name}


def _pack_periods(column: pd.Series, arrays: Arrays, argument: str) -> Any:
    return {
        "periods": pack(column.array.asi8, arrays),
        "freq": column.dtype.name[len("period[") : -1],
    }


def _pack_intervals(column: pd.Series, arrays: Arrays, argument: str) -> Any:
    left, right = (
        _pack_column(pd.Series(side), arrays, argument)
        for side in (column.array.left, column.array.right)
    )
    return {"left": left, "right": right, "closed": column.dtype.closed}


def _pack_objects(column: pd.Series, arrays: Arrays, argument: str) -> Any:
    return {"objects": [pack(x, arrays, argument) for x in column]}


_Writer = Callable[[pd.Series, Arrays, str], Any]
_COLUMNS: list[tuple[Callable[[Any], bool], _Writer]] = [
    (lambda dtype: isinstance(dtype, pd.CategoricalDtype), _pack_categories),
    (lambda dtype: isinstance(dtype, pd.DatetimeTZDtype) and _same_zone(dtype), _pack_instants),
    (lambda dtype: isinstance(dtype, pd.StringDtype), _pack_text),
    (lambda dtype: isinstance(dtype, pd.PeriodDtype), _pack_periods),
    (lambda dtype: isinstance(dtype, pd.IntervalDtype), _pack_intervals),
    (lambda dtype: _is_nullable(dtype), _pack_nullable),
    (lambda dtype: dtype == np.dtype(object), _pack_objects),
    (
        lambda dtype: isinstance(dtype, np.dtype),
        lambda column, arrays, argument: pack(column.to_numpy(), arrays),
    ),
]


def _unpack_column(tree: dict[str, Any], arrays: Stored) -> pd.Series:
    for tag, read in _READ_COLUMNS.items():
        if tag in tree:
            return read(tree, arrays)
    return pd.Series(unpack(tree, arrays))


def _read_categories(tree: dict[str, Any], arrays: Stored) -> pd.Series:
    categories = _as_index(_unpack_column(tree["categories"], arrays))
    dtype = pd.CategoricalDtype(categories, tree["ordered"])
    return pd.Series(pd.Categorical.from_codes(unpack(tree["codes"], arrays), dtype=dtype))


def _read_instants(tree: dict[str, Any], arrays: Stored) -> pd.Series:
    instants = pd.Series(unpack(tree["instants"], arrays))
    return instants.dt.tz_localize("UTC").dt.tz_convert(tree["zone"])


def _read_text(tree: dict[str, Any], arrays: Stored) -> pd.Series:
    return pd.Series(tree["text"], dtype=_text_dtype(tree["storage"], tree["nan"]))


def _read_nullable(tree: dict[str, Any], arrays: Stored) -> pd.Series:
    values = pd.Series(unpack(tree["values"], arrays)).astype(tree["dtype"])
    return values.mask(unpack(tree["missing"], arrays))


def _read_periods(tree: dict[str, Any], arrays: Stored) -> pd.Series:
    dtype = pd.PeriodDtype(tree["freq"])
    return pd.Series(pd.arrays.PeriodArray(unpack(tree["periods"], arrays), dtype=dtype))


def _read_intervals(tree: dict[str, Any], arrays: Stored) -> pd.Series:
    left, right = (_unpack_column(tree[side], arrays) for side in ("left", "right"))
    return pd.Series(pd.arrays.IntervalArray.from_arrays(left, right, closed=tree["closed"]))


_READ_COLUMNS: dict[str, Callable[[dict[str, Any], Stored], pd.Series]] = {
    "codes": _read_categories,
    "instants": _read_instants,
    "text": _read_text,
    "values": _read_nullable,
    "periods": _read_periods,
    "left": _read_intervals,
    "objects": lambda tree, arrays: pd.Series(
        [unpack(x, arrays) for x in tree["objects"]], dtype=object
    ),
}


def _as_index(column: pd.Series) -> pd.Index:
    """Return a column as an index of the same dtype, without a guess at a better one."""
    return pd.Index(column.array, dtype=column.dtype)


def _unpack_index(tree: dict[str, Any], arrays: Stored) -> pd.Index:
    if "range" in tree:
        return pd.RangeIndex(*tree["range"], name=unpack(tree["name"], arrays))
    if "levels" in tree:
        return pd.MultiIndex(
            [_unpack_index(level, arrays) for level in tree["levels"]],
            [unpack(codes, arrays) for codes in tree["codes"]],
            names=[unpack(name, arrays) for name in tree["names"]],
        )
    index = _as_index(_unpack_column(tree["index"], arrays))
    if tree["freq"] is not None and not isinstance(index, pd.PeriodIndex):
        index.freq = tree["freq"]
    return index.rename(unpack(tree["name"], arrays))


def _read_table(tree: dict[str, Any], arrays: Stored) -> pd.DataFrame:
    columns = {name: _unpack_column(column, arrays) for name, column in tree["table"]}
    return pd.DataFrame(columns, index=pd.RangeIndex(tree["n_rows"]))


def _read_frame(tree: dict[str, Any], arrays: Stored) -> pd.DataFrame:
    rows = _unpack_index(tree["rows"], arrays)
    columns = dict(enumerate(_unpack_column(column, arrays) for column in tree["frame"]))
    table = pd.DataFrame(columns, index=pd.RangeIndex(len(rows)))
    table.columns = _unpack_index(tree["columns"], arrays)
    return _labelled(table, rows, tree, arrays)


def _read_series(tree: dict[str, Any], arrays: Stored) -> pd.Series:
    rows = _unpack_index(tree["rows"], arrays)
    column = _labelled(_unpack_column(tree["series"], arrays), rows, tree, arrays)
    column.name = unpack(tree["name"], arrays)
    return column


def _labelled(value: Any, rows: pd.Index, tree: dict[str, Any], arrays: Stored) -> Any:
    value.index = rows
    value.attrs = unpack(tree["attrs"], arrays)
    if not tree["duplicates"]:
        value.flags.allows_duplicate_labels = False
    return value


_UNPACK: dict[str, Callable[[dict[str, Any], Stored], Any]] = {
    "table": _read_table,
    "frame": _read_frame,
    "series": _read_series,
    "labels": lambda tree, arrays: _unpack_index(tree["labels"], arrays),
    "missing": lambda tree, arrays: _MISSING[tree["missing"]],
    "timestamp": lambda tree, arrays: _unpack_column(tree["timestamp"], arrays).iloc[0],
    "delta": lambda tree, arrays: pd.Timedelta(unpack(tree["delta"], arrays)),
    "period": lambda tree, arrays: pd.Period(ordinal=tree["period"], freq=tree["freq"]),
    "extension": lambda tree, arrays: _unpack_column(tree["extension"], arrays).array,
}


def _is_nullable(dtype: Any) -> bool:
    extension = isinstance(dtype, pd.api.extensions.ExtensionDtype)
    return extension and bool(_NULLABLE.fullmatch(dtype.name))


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
