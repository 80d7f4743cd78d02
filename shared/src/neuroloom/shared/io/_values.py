"""Nested values as JSON and plain arrays, and back: what files hold instead of pickles.

What can be packed: None, numbers, text, bytes, dates, paths, arrays, lists, tuples, sets and dicts
of such, tables, the data types of this package, and classes that were registered. Everything comes
back in the type it had.
"""

from __future__ import annotations

import datetime
import pathlib
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._types._base import Data
from neuroloom.shared.checks import fail
from neuroloom.shared.checks._names import written
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
from neuroloom.shared.io._codec import READERS, WRITERS, Arrays, Stored, pack, put, unpack
from neuroloom.shared.io._dtypes import built, described, foreign, usual

__all__ = ["TYPES", "Arrays", "pack", "register", "unpack"]

C = TypeVar("C", bound=type)

_KINDS = (
    *(AlignedSignal, AlignedSpikes, Clock, Counts, Epochs),
    *(Recording, Signal, SpikeTrains, TimeSeries, Trials),
)
TYPES: dict[str, type[Data]] = {kind.__name__: kind for kind in _KINDS}
_REGISTERED: dict[str, type] = {}
_JSON = (type(None), bool, int, float, str)


def register(kind: C) -> C:
    """Allow a dataclass or named tuple in files, and return it, so that it serves as a decorator.

    Its fields are kept and put back as they are; nothing of the class is run.

    Parameters
    ----------
    kind : type
        A dataclass or a named tuple whose fields can be kept.

    Returns
    -------
    type
        The class itself.

    Raises
    ------
    DataError
        If it is neither.
    """
    if not (is_dataclass(kind) or hasattr(kind, "_fields")):
        raise fail("kind", "a dataclass or a named tuple", written(kind))
    _REGISTERED[f"{kind.__module__}.{kind.__qualname__}"] = kind
    return kind


def _write(value: Any, arrays: Arrays, argument: str) -> Any:
    kind = type(value)
    if kind in _JSON:
        return value
    if kind in _PACK:
        return _PACK[kind](value, arrays, argument)
    if isinstance(value, (np.ndarray, np.generic)):
        return _pack_array(value, arrays, argument)
    if kind.__module__.split(".")[0] == "pandas":
        from neuroloom.shared.io._tables import pack_pandas

        return pack_pandas(value, arrays, argument)
    if kind in TYPES.values():
        named = zip(value.arguments(), value.parts(), strict=True)
        parts = {name: pack(part, arrays, name) for name, part in named}
        return {"data": kind.__name__, "fields": parts}
    name = f"{kind.__module__}.{kind.__qualname__}"
    if _REGISTERED.get(name) is kind:
        names = getattr(value, "_fields", None) or [f.name for f in fields(value)]
        parts = {n: pack(getattr(value, n), arrays, f"{argument}.{n}") for n in names}
        return {"registered": name, "fields": parts}
    if isinstance(value, pathlib.PurePath):
        return {"path": str(value)}
    raise fail(argument, "values that can be kept without pickle", kind.__name__)


def _read(tree: dict[str, Any], arrays: Stored) -> Any:
    tag = next(iter(tree))
    if tag in _UNPACK:
        return _UNPACK[tag](tree, arrays)
    from neuroloom.shared.io._tables import unpack_pandas

    return unpack_pandas(tree, arrays)


def _pack_array(value: Any, arrays: Arrays, argument: str) -> Any:
    kind = type(value)
    if kind not in (np.ndarray, np.recarray) and not isinstance(value, np.generic):
        raise fail(argument, "values that can be kept without pickle", kind.__name__)
    dtype = value.dtype
    if dtype.hasobject:
        if dtype != np.dtype(object) or kind is np.recarray:
            raise fail(argument, "arrays without Python objects in their fields", dtype)
        return _pack_objects(value, arrays, argument)
    if foreign(dtype):
        raise fail(argument, "arrays of numpy's own types", dtype)
    tag = "scalar" if isinstance(value, np.generic) else kind.__name__.removeprefix("nd")
    if usual(dtype):
        return {tag: put(value, arrays)}
    words = pack(described(dtype), arrays, f"{argument}.dtype")
    return {tag: put(np.asarray(value).view(f"V{dtype.itemsize}"), arrays), "dtype": words}


def _masked(value: Any, arrays: Arrays, argument: str) -> Any:
    mask = None if value.mask is np.ma.nomask else value.mask
    parts = (np.asarray(value.data), mask, np.asarray(value.fill_value))
    packed = [pack(part, arrays, argument) for part in parts]
    return {"masked": packed, "hard": value.hardmask}


def _pack_objects(value: NDArray[Any], arrays: Arrays, argument: str) -> Any:
    order: Any = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    flat = [pack(part, arrays, argument) for part in value.ravel(order).tolist()]
    return {"objects": flat, "shape": list(value.shape), "order": order}


def _several(value: Any, arrays: Arrays, argument: str) -> Any:
    parts = [pack(part, arrays, f"{argument}[{i}]") for i, part in enumerate(value)]
    return {type(value).__name__: parts}


def _mapping(value: Mapping[Any, Any], arrays: Arrays, argument: str) -> Any:
    pairs = [[pack(k, arrays), pack(v, arrays, f"{argument}[{k!r}]")] for k, v in value.items()]
    return {"dict": pairs}


def _moment(value: Any, arrays: Arrays, argument: str) -> Any:
    """Return a date, a time or both; a zone must be one that its name leads back to."""
    zone = getattr(value, "tzinfo", None)
    if zone is None or type(zone) is datetime.timezone:
        return {type(value).__name__: value.isoformat(), "fold": getattr(value, "fold", 0)}
    if type(zone) is zoneinfo.ZoneInfo and zone.key:
        text = value.replace(tzinfo=None).isoformat()
        return {type(value).__name__: text, "fold": value.fold, "zone": zone.key}
    raise fail(argument, "a time zone of the standard library", repr(zone))


def _bytes(value: bytes, arrays: Arrays, argument: str) -> Any:
    return {"bytes": pack(np.frombuffer(value, np.uint8), arrays)}


_PACK: dict[type, Callable[[Any, Arrays, str], Any]] = {
    list: _several,
    tuple: _several,
    set: _several,
    frozenset: _several,
    dict: _mapping,
    MappingProxyType: _mapping,
    bytes: _bytes,
    np.ma.MaskedArray: _masked,
    # An array, and .item(), would drop zeros at the end.
    np.str_: lambda value, arrays, argument: {"str_": "".join(value)},
    np.bytes_: lambda value, arrays, argument: {"bytes_": pack(bytes(value), arrays)},
    complex: lambda value, arrays, argument: {"complex": [value.real, value.imag]},
    range: lambda value, arrays, argument: {"range": [value.start, value.stop, value.step]},
    slice: lambda value, arrays, argument: {
        "slice": [pack(part, arrays) for part in (value.start, value.stop, value.step)]
    },
    datetime.datetime: _moment,
    datetime.date: _moment,
    datetime.time: _moment,
    datetime.timedelta: lambda value, arrays, argument: {
        "timedelta": [value.days, value.seconds, value.microseconds]
    },
}


def _read_objects(tree: dict[str, Any], arrays: Stored) -> NDArray[Any]:
    out = np.empty(len(tree["objects"]), dtype=object)
    for i, part in enumerate(tree["objects"]):
        out[i] = unpack(part, arrays)
    return out.reshape(tree["shape"], order=tree.get("order", "C"))


def _read_masked(tree: dict[str, Any], arrays: Stored) -> Any:
    data, mask, fill = (unpack(part, arrays) for part in tree["masked"])
    mask = np.ma.nomask if mask is None else mask
    return np.ma.MaskedArray(data, mask, fill_value=fill[()], hard_mask=tree.get("hard", False))


def _read_array(kind: str) -> Callable[[dict[str, Any], Stored], Any]:
    def read(tree: dict[str, Any], arrays: Stored) -> Any:
        found = arrays[tree[kind]]
        if "dtype" in tree:
            found = found.view(built(unpack(tree["dtype"], arrays)))
        if kind == "recarray":
            return found.view(np.recarray)
        return found[()] if kind == "scalar" else found

    return read


def _read_moment(kind: Any) -> Callable[[dict[str, Any], Stored], Any]:
    def read(tree: dict[str, Any], arrays: Stored) -> Any:
        value = kind.fromisoformat(tree[kind.__name__])
        if kind is datetime.date:
            return value
        if "zone" in tree:
            value = value.replace(tzinfo=zoneinfo.ZoneInfo(tree["zone"]))
        return value.replace(fold=tree["fold"])

    return read


def _read_data(tree: dict[str, Any], arrays: Stored) -> Data:
    parts = {name: unpack(part, arrays) for name, part in tree["fields"].items()}
    return TYPES[tree["data"]](**parts)


def _read_registered(tree: dict[str, Any], arrays: Stored) -> Any:
    kind = _REGISTERED.get(tree["registered"])
    if kind is None:
        raise fail("path", "registered classes only", tree["registered"])
    parts = {name: unpack(part, arrays) for name, part in tree["fields"].items()}
    if issubclass(kind, tuple):
        return tuple.__new__(kind, parts.values())
    value = object.__new__(kind)
    for name, part in parts.items():
        object.__setattr__(value, name, part)
    return value


def _read_several(kind: Any) -> Callable[[dict[str, Any], Stored], Any]:
    return lambda tree, arrays: kind(unpack(part, arrays) for part in tree[kind.__name__])


_UNPACK: dict[str, Callable[[dict[str, Any], Stored], Any]] = {
    "array": _read_array("array"),
    "recarray": _read_array("recarray"),
    "scalar": _read_array("scalar"),
    "list": _read_several(list),
    "tuple": _read_several(tuple),
    "set": _read_several(set),
    "frozenset": _read_several(frozenset),
    "dict": lambda tree, arrays: {unpack(k, arrays): unpack(v, arrays) for k, v in tree["dict"]},
    "objects": _read_objects,
    "masked": _read_masked,
    "str_": lambda tree, arrays: np.str_(unpack(tree["str_"], arrays)),
    "bytes_": lambda tree, arrays: np.bytes_(unpack(tree["bytes_"], arrays)),
    "bytes": lambda tree, arrays: unpack(tree["bytes"], arrays).tobytes(),
    "complex": lambda tree, arrays: complex(*tree["complex"]),
    "range": lambda tree, arrays: range(*tree["range"]),
    "slice": lambda tree, arrays: slice(*(unpack(part, arrays) for part in tree["slice"])),
    "datetime": _read_moment(datetime.datetime),
    "date": _read_moment(datetime.date),
    "time": _read_moment(datetime.time),
    "timedelta": lambda tree, arrays: datetime.timedelta(*tree["timedelta"]),
    "path": lambda tree, arrays: pathlib.Path(tree["path"]),
    "data": _read_data,
    "registered": _read_registered,
}

WRITERS.append(_write)
READERS.append(_read)
