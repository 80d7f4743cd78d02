"""Digests of values: arrays, tables, collections, and objects by what of them is pickled."""

from __future__ import annotations

import contextvars
import copyreg
import functools
import inspect
import pickle
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from neuroloom.shared.io._dtypes import described, usual
from neuroloom.shared.jobs._names import PYTHON_CLASS, hashed, stands_somewhere, type_name
from neuroloom.shared.jobs._walk import SHARED, Reading

WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)


def array(walk: Reading, value: np.ndarray) -> str:
    if value.dtype.hasobject:
        parts = [walk.digest(part) for part in value.ravel().tolist()]
        return hashed("objects", [_dtype(walk, value.dtype), str(value.shape), *parts])
    tag = f"{type_name(type(value))} {_dtype(walk, value.dtype)} {value.shape}"
    # Sums over an array that lies by columns are rounded elsewhere; pickling keeps that, too.
    tag += " F" if value.flags.f_contiguous and not value.flags.c_contiguous else ""
    plain = np.ascontiguousarray(value)
    digest = hashed(tag, [], plain.reshape(-1).view(np.uint8).data if plain.size else b"")
    if plain.nbytes > SHARED:
        walk.keep(value, digest)
    return digest


def dtype_(walk: Reading, value: np.dtype[Any]) -> str:
    return hashed("dtype", [_dtype(walk, value)])


def _dtype(walk: Reading, dtype: np.dtype[Any]) -> str:
    """Return the words for a type; of one that says more than its numbers, the digest of all."""
    return str(dtype.descr) if usual(dtype) else walk.digest(described(dtype))


def scalar(walk: Reading, value: np.generic) -> str:
    """Return the digest of a numpy scalar, which is none of an array of no dimensions."""
    return hashed("scalar", [array(walk, np.asarray(value))])


def sequence(walk: Reading, value: Iterable[Any]) -> str:
    return hashed(type(value).__name__, [walk.digest(part) for part in value])


def set_(walk: Reading, value: Iterable[Any]) -> str:
    return hashed(type(value).__name__, sorted(walk.digest(part) for part in value))


def mapping(walk: Reading, value: Mapping[Any, Any]) -> str:
    parts = (walk.digest(part) for pair in value.items() for part in pair)
    return hashed(type(value).__name__, parts)


def table(walk: Reading, value: Any) -> str:
    from neuroloom.shared.io._values import Arrays, pack

    arrays: Arrays = {}
    try:
        tree = repr(pack(value, arrays))
    except ValueError:  # a dtype that files do not hold
        return object_(walk, value)
    digest = hashed("table", [tree, *map(walk.digest, arrays.values())])
    return walk.keep(value, digest)


def partial(walk: Reading, value: functools.partial[Any]) -> str:
    words = sorted(value.keywords.items())
    return hashed("partial", map(walk.digest, (value.func, value.args, words)))


def dataclass_(walk: Reading, value: Any) -> str:
    kind = type(value)
    own = getattr(kind, "__getstate__", None)
    # A class that says what of it travels says what it is; dataclasses write one for slots.
    if inspect.isfunction(own) and own.__module__ != "dataclasses":
        return hashed("object", [walk.digest(kind), walk.digest(value.__getstate__())])
    state = {field.name: getattr(value, field.name, None) for field in fields(value)}
    state.update(getattr(value, "__dict__", {}))
    return _state(walk, kind, state)


def masked(walk: Reading, value: np.ma.MaskedArray[Any, Any]) -> str:
    """Return the digest of a masked array, whose state also says what was asked of it."""
    fill = value.view().fill_value  # of a view: numpy notes the default when it is asked
    parts = [value.data, np.ma.getmaskarray(value), np.asarray(fill), value.hardmask]
    digest = hashed("masked", [str(value.shape), *map(walk.digest, parts)])
    return walk.keep(value, digest)


def tensor(walk: Reading, value: Any) -> str:
    """Return the digest of a tensor: its numbers, whether it has a gradient, its attributes."""
    plain = value.detach().cpu()
    parts = [array(walk, np.asarray(plain))]
    if getattr(value, "requires_grad", False) or getattr(value, "__dict__", None):
        parts.append(walk.digest([value.requires_grad, vars(value)]))
    digest = hashed(type_name(type(value)), parts)
    walk.known.pop(id(plain), None)
    return walk.keep(value, digest)


def object_(walk: Reading, value: Any) -> str:
    kind = type(value)
    registered = copyreg.dispatch_table.get(kind)
    reduced = value.__reduce_ex__(4) if registered is None else registered(value)
    if isinstance(reduced, str):
        if not stands_somewhere(value, reduced):
            raise pickle.PicklingError(f"{value!r} is found in no module as {reduced!r}")
        return walk.named(kind.__module__, reduced)
    make, arguments, state, listed, paired = (*reduced, None, None, None)[:5]
    make = make if make is not getattr(copyreg, "__newobj__", None) else "new"
    state = _kept(walk, kind, state)
    parts = [make, arguments, state, list(listed or ()), list(paired or ())]
    if _forgets(kind) and (attributes := _kept(walk, kind, getattr(value, "__dict__", None))):
        parts.append(attributes)
    digest = hashed("object", [walk.digest(kind), *map(walk.digest, parts)])
    if walk.order is None and hasattr(kind, "__array__"):
        walk.keep(value, digest)
    return digest


def _kept(walk: Reading, kind: type, state: Any) -> Any:
    """Return an object's state without what it only keeps to be quicker."""
    if type(state) is tuple:
        parts = [_kept(walk, kind, part) if isinstance(part, dict) else part for part in state]
        emptied = [
            isinstance(old, dict) and old and not new for old, new in zip(state, parts, strict=True)
        ]
        return tuple(part for part, gone in zip(parts, emptied, strict=True) if not gone)
    state = _without_cached(kind, state)
    if not isinstance(state, dict) or walk.reads(kind.__module__):
        return state
    return {key: _unmarked(value) for key, value in state.items() if key != "_cache"}


def weak(walk: Reading, value: Any) -> str:
    return hashed("weak reference", [walk.digest(value())])


def weak_collection(walk: Reading, value: Any) -> str:
    """Return the digest of a weak set or dictionary: what is alive in it, and its attributes."""
    base = next(kind for kind in WEAK if isinstance(value, kind))
    live = set(value) if base is weakref.WeakSet else dict(value)
    more = {name: part for name, part in vars(value).items() if name not in vars(base())}
    return hashed("weak", map(walk.digest, (type(value), live, more)))


def local(walk: Reading, value: Any) -> str:
    return hashed("thread's own", [walk.digest(type(value)), walk.digest(vars(value))])


def context(walk: Reading, value: contextvars.ContextVar[Any]) -> str:
    """Return the digest of a context variable: what it is here, and where nothing set it."""
    found = [_content(value), contextvars.Context().run(_content, value)]
    return hashed("context variable", [value.name, *map(walk.digest, found)])


def _state(walk: Reading, kind: type, state: dict[str, Any]) -> str:
    return hashed("object", [walk.digest(kind), walk.digest(_without_cached(kind, state))])


def is_tensor(value: Any) -> bool:
    return not isinstance(value, type) and all(
        hasattr(value, name) for name in ("detach", "__array__", "dtype", "shape")
    )


def _forgets(kind: type) -> bool:
    """Return whether the pickles of a class are written by a class of C, without attributes."""
    for base in kind.__mro__:
        if {"__reduce__", "__reduce_ex__", "__getstate__"} & vars(base).keys():
            return base is not object and not base.__flags__ & PYTHON_CLASS
    return False


def _unmarked(value: Any) -> Any:
    """Return a list, as `dir` makes it, without the mark that pickling leaves on classes."""
    if type(value) is not list:
        return value
    return [part for part in value if not (type(part) is str and part == "__slotnames__")]


def _content(variable: contextvars.ContextVar[Any]) -> Any:
    try:
        return variable.get()
    except LookupError:
        return "an empty variable"


def _without_cached(kind: type, state: Any) -> Any:
    """Return an object's state without what its cached properties keep."""
    if not isinstance(state, dict):
        return state
    cached = functools.cached_property
    return {
        key: value
        for key, value in state.items()
        if not (isinstance(key, str) and isinstance(getattr(kind, key, None), cached))
    }
