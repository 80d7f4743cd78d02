"""Digests of values and functions that are the same in every process, and change with the code.

A function is known by its code (not its lines, comments or docstrings), its defaults, what it
closes over, and everything it refers to by a global name: functions, classes and values of the
user's modules are read, and what those refer to; of installed distributions and of Python the
version counts. What is found by text at run time (``getattr``, ``eval``, ``globals()["K"]``,
``importlib.import_module("a")``, ``__subclasses__()``) is not seen. Of objects everything counts
that travels when they are pickled; only exact numpy arrays and tensors are their numbers.
"""

from __future__ import annotations

import contextvars
import copyreg
import functools
import hashlib
import importlib
import importlib.util
import inspect
import pickle
import struct
import sys
import threading
import types
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from neuroloom.shared.checks import fail
from neuroloom.shared.jobs._code import code_digest, references
from neuroloom.shared.jobs._origin import distribution, origin, told, version_of

# What cannot be pickled raises any of these.
_UNREADABLE = (TypeError, AttributeError, ValueError, RuntimeError, pickle.PicklingError)
_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
_SHARED = 4096  # bytes from which a value's digest is kept: items often share large ones


class _Circle(Exception):
    """A value contains itself."""


class Walk:
    """One reading of a function or value with everything that it refers to.

    Parameters
    ----------
    deep : bool
        Read the code of installed distributions as well, except numpy's and numba's.
    """

    def __init__(self, *, deep: bool = False) -> None:
        self.deep = deep
        self.entries: dict[str, set[str]] = {}
        self.versions: dict[str, str] = {}
        self._known: dict[int, tuple[Any, str]] = {}
        self._queue: deque[tuple[str, Any]] = deque()
        self._queued: dict[int, Any] = {}
        self._open: dict[int, Any] = {}
        self._order: dict[int, tuple[int, Any]] | None = None
        self.unread: dict[str, str] = {}

    def of(self, value: Any) -> str:
        """Return the digest of a value; functions and classes in it are read by `follow`.

        Raises
        ------
        DataError
            If the value, or a part of it, is one that could not be sent to another process.
        """
        try:
            return self._root(value)
        except (*_UNREADABLE, RecursionError) as error:
            raise fail(
                "items", "items and bound values that can be sent to a worker", repr(error)
            ) from error

    def follow(self) -> dict[str, str]:
        """Return a digest for each function, class and module that the values so far led to."""
        while self._queue:
            name, value = self._queue.popleft()
            self.entries.setdefault(name, set()).add(self._entry(value))
        return {name: _hash("entry", sorted(found)) for name, found in sorted(self.entries.items())}

    @property
    def waiting(self) -> bool:
        """Whether functions or classes were met that are not read yet."""
        return bool(self._queue)

    def skip(self, function: Callable[..., Any]) -> None:
        """Read a function's code and globals, but not its defaults and what it closes over."""
        self._bare = function

    _bare: Callable[..., Any] | None = None

    def _root(self, value: Any) -> str:
        self._open.clear()
        try:
            return self._digest(value)
        except _Circle:
            # Once more, with numbers for what was met before.
            self._open.clear()
            self._order = {}
            try:
                return self._digest(value)
            finally:
                self._order = None

    def _lenient(self, value: Any, name: str) -> str:
        """Return the digest of a global or a class's attribute, of its type if it has no other."""
        before, self._open = self._open, {}
        try:
            return self._root(value)
        except (*_UNREADABLE, RecursionError):
            if type(value) not in _LOCKS:
                self.unread[name] = _type_name(type(value))
            return _hash("unreadable", [name, _type_name(type(value))])
        finally:
            self._open = before

    def _digest(self, value: Any) -> str:
        kind = type(value)
        if kind in _PLAIN:
            if kind is bytes and len(value) > _SHARED:
                return _hash("long bytes", [], value)
            return _hash(kind.__name__, [_plain(value)])
        if id(value) in self._known:
            return self._known[id(value)][1]
        for accepts, read in _READERS:
            if accepts(value):
                return read(self, value)
        return self._inside(value, Walk._object)

    def _inside(self, value: Any, read: Callable[[Walk, Any], str]) -> str:
        """Return the digest of a value with parts, which may lead back to it."""
        if self._order is not None:
            if id(value) in self._order:
                return _hash("seen", [str(self._order[id(value)][0])])
            self._order[id(value)] = (len(self._order), value)
            return read(self, value)
        if id(value) in self._open:
            raise _Circle
        self._open[id(value)] = value
        try:
            return read(self, value)
        finally:
            self._open.pop(id(value), None)

    def _array(self, value: np.ndarray) -> str:
        if value.dtype.hasobject:
            parts = [self._digest(part) for part in value.ravel().tolist()]
            return _hash("objects", [str(value.dtype), str(value.shape), *parts])
        tag = f"{_type_name(type(value))} {value.dtype.descr} {value.shape}"
        plain = np.ascontiguousarray(value)
        digest = _hash(tag, [], plain.reshape(-1).view(np.uint8).data if plain.size else b"")
        if plain.nbytes > _SHARED:
            self._known[id(value)] = (value, digest)
        return digest

    def _sequence(self, value: Iterable[Any]) -> str:
        return _hash(type(value).__name__, [self._digest(part) for part in value])

    def _set(self, value: Iterable[Any]) -> str:
        return _hash(type(value).__name__, sorted(self._digest(part) for part in value))

    def _mapping(self, value: Mapping[Any, Any]) -> str:
        parts = (self._digest(part) for pair in value.items() for part in pair)
        return _hash(type(value).__name__, parts)

    def _table(self, value: Any) -> str:
        from neuroloom.shared.io._values import Arrays, pack

        arrays: Arrays = {}
        try:
            tree = repr(pack(value, arrays))
        except ValueError:  # a dtype that files do not hold
            return self._object(value)
        digest = _hash("table", [tree, *map(self._digest, arrays.values())])
        self._known[id(value)] = (value, digest)
        return digest

    def _function(self, value: types.FunctionType) -> str:
        where, name = _module_of(value), value.__qualname__
        module = told(where)
        if not self._read(where):
            stands = any(_stands(value, module) for module in (where, value.__module__))
            if stands and not self._read(str(value.__module__)):
                return self._named(where, name)
            return self._inside(value, Walk._made)
        # Several may be called <lambda>: which of them is meant, the code says.
        code = _code_of(value) if "<" in name else ""
        return _hash("function", [self._enqueue(f"{module}.{name}", value), code])

    def _made(self, value: types.FunctionType) -> str:
        """Return the digest of a function that a library's code made: of what it was made from."""
        if _dispatches(value):
            # Beside its registry it keeps what it found in earlier calls.
            return _hash("singledispatch", [self._set(vars(value)["registry"].items())])
        name = f"{told(value.__module__)}.{value.__qualname__}"
        parts = [self._named(_module_of(value), value.__code__.co_qualname), _code_of(value)]
        return _hash("made", [*parts, *self._bound(value, name)])

    def _bound(self, function: types.FunctionType, name: str) -> list[str]:
        """Return a digest of each value that a function carries: defaults, closure, attributes."""
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        values: dict[str, Any] = {n: _cell(cell) for n, cell in cells}
        values.update({f"default {i}": v for i, v in enumerate(function.__defaults__ or ())})
        values.update({f"keyword {k}": v for k, v in (function.__kwdefaults__ or {}).items()})
        values.update({f"attribute {k}": v for k, v in vars(function).items()})
        return [_hash(k, [self._part(v, f"{name} ({k})")]) for k, v in values.items()]

    def _part(self, value: Any, name: str) -> str:
        """Return the digest of a value inside another; of its type if it cannot be read."""
        try:
            return self._digest(value)
        except RecursionError:
            raise
        except _UNREADABLE:
            if type(value) not in _LOCKS:
                self.unread[name] = _type_name(type(value))
            return _hash("unreadable", [name, _type_name(type(value))])

    def _method(self, value: types.MethodType) -> str:
        return _hash("method", [self._digest(value.__func__), self._digest(value.__self__)])

    def _builtin(self, value: Any) -> str:
        owner = getattr(value, "__self__", None)
        if owner is None or inspect.ismodule(owner):
            return self._named(value.__module__ or "builtins", value.__qualname__)
        return _hash("builtin method", [value.__qualname__, self._digest(owner)])

    def _class(self, value: type) -> str:
        where = value.__module__
        if not value.__flags__ & _PYTHON_CLASS and not self._read(where):  # C's, as types.CodeType
            return self._named(where, value.__qualname__)
        if _stands_there(value) and (
            not self._read(where) or (self.deep and origin(where) != "user")
        ):
            return self._named(where, value.__qualname__)
        name = f"{told(value.__module__)}.{value.__qualname__}"
        return _hash("class", [self._enqueue(name, value)])

    def _partial(self, value: functools.partial[Any]) -> str:
        words = sorted(value.keywords.items())
        return _hash("partial", map(self._digest, (value.func, value.args, words)))

    def _module(self, value: types.ModuleType) -> str:
        if self._read(value.__name__) and (spec := getattr(value, "__spec__", None)) is not None:
            source = spec.loader.get_source(value.__name__) if _has_source(spec) else ""
            code = compile(source or "", value.__name__, "exec", dont_inherit=True)
            return _hash("module", [value.__name__, code_digest(code)])
        return self._named(value.__name__, "")

    def _wrapper(self, value: Any) -> str:
        """Return the digest of what holds a function: compiled, cached, a property, a method."""
        options = getattr(value, "targetoptions", None)
        tag = _type_name(type(value)) if options is None else "compiled"
        parts = [self._digest(sorted(options.items()) if options else None)]
        if self.deep and hasattr(value, "py_func"):
            function = value.py_func
            name = f"{told(_module_of(function))}.{function.__qualname__}"
            parts += [self._enqueue(name, function), _code_of(function)]
        else:
            parts += [self._digest(getattr(value, name, None)) for name in _HELD]
        return _hash(tag, parts)

    def _dataclass(self, value: Any) -> str:
        kind = type(value)
        own = getattr(kind, "__getstate__", None)
        # A class that says what of it travels says what it is; dataclasses write one for slots.
        if inspect.isfunction(own) and own.__module__ != "dataclasses":
            return _hash("object", [self._digest(kind), self._digest(value.__getstate__())])
        state = {field.name: getattr(value, field.name, None) for field in fields(value)}
        state.update(getattr(value, "__dict__", {}))
        return self._state(kind, state)

    def _masked(self, value: np.ma.MaskedArray[Any, Any]) -> str:
        """Return the digest of a masked array, whose state also says what was asked of it."""
        fill = value.view().fill_value  # of a view: numpy notes the default when it is asked
        parts = [value.data, np.ma.getmaskarray(value), np.asarray(fill), value.hardmask]
        digest = _hash("masked", [str(value.shape), *map(self._digest, parts)])
        self._known[id(value)] = (value, digest)
        return digest

    def _tensor(self, value: Any) -> str:
        """Return the digest of a tensor: its numbers, whether it has a gradient, its attributes."""
        plain = value.detach().cpu()
        parts = [self._array(np.asarray(plain))]
        if getattr(value, "requires_grad", False) or getattr(value, "__dict__", None):
            parts.append(self._digest([value.requires_grad, vars(value)]))
        digest = _hash(_type_name(type(value)), parts)
        self._known.pop(id(plain), None)
        self._known[id(value)] = (value, digest)
        return digest

    def _object(self, value: Any) -> str:
        kind = type(value)
        registered = copyreg.dispatch_table.get(kind)
        reduced = value.__reduce_ex__(4) if registered is None else registered(value)
        if isinstance(reduced, str):
            if not _stands_somewhere(value, reduced):
                raise pickle.PicklingError(f"{value!r} is found in no module as {reduced!r}")
            return self._named(kind.__module__, reduced)
        make, arguments, state, listed, paired = (*reduced, None, None, None)[:5]
        make = make if make is not getattr(copyreg, "__newobj__", None) else "new"
        state = self._kept(kind, state)
        parts = [make, arguments, state, list(listed or ()), list(paired or ())]
        if _forgets(kind) and (attributes := getattr(value, "__dict__", None)):
            parts.append(attributes)
        digest = _hash("object", [self._digest(kind), *map(self._digest, parts)])
        if self._order is None and hasattr(kind, "__array__"):
            self._known[id(value)] = (value, digest)
        return digest

    def _kept(self, kind: type, state: Any) -> Any:
        """Return an object's state without what it only keeps to be quicker."""
        if type(state) is tuple:
            parts = [self._kept(kind, part) if isinstance(part, dict) else part for part in state]
            emptied = [
                isinstance(old, dict) and old and not new
                for old, new in zip(state, parts, strict=True)
            ]
            return tuple(part for part, gone in zip(parts, emptied, strict=True) if not gone)
        state = _without_cached(kind, state)
        if not isinstance(state, dict) or self._read(kind.__module__):
            return state
        return {key: _unmarked(value) for key, value in state.items() if key != "_cache"}

    def _weak(self, value: Any) -> str:
        return _hash("weak reference", [self._digest(value())])

    def _local(self, value: Any) -> str:
        return _hash("thread's own", [self._digest(type(value)), self._digest(vars(value))])

    def _context(self, value: contextvars.ContextVar[Any]) -> str:
        """Return the digest of a context variable: what it is here, and where nothing set it."""
        found = [_content(value), contextvars.Context().run(_content, value)]
        return _hash("context variable", [value.name, *map(self._digest, found)])

    def _stencil(self, value: Any) -> str:
        """Return the digest of a numba stencil, known by the function that it was made from."""
        function = value.kernel_ir.func_id.func
        parts = [value.mode, sorted(value.options.items()), function]
        return _hash("stencil", [*map(self._digest, parts), _code_of(function)])

    def _state(self, kind: type, state: dict[str, Any]) -> str:
        return _hash("object", [self._digest(kind), self._digest(_without_cached(kind, state))])

    def _named(self, module: str, name: str) -> str:
        where = origin(module)
        if where != "python":
            self.versions[distribution(module)] = version_of(module)
        return _hash("named", [told(module), name])

    def _read(self, module: str) -> bool:
        where = origin(module)
        if where == "installed" and self.deep:
            return distribution(module) not in ("numpy", "numba", "llvmlite")
        return where in ("own", "user")

    def _enqueue(self, name: str, value: Any) -> str:
        if id(value) not in self._queued:
            self._queued[id(value)] = value
            self._queue.append((name, value))
        return name

    def _entry(self, value: Any) -> str:
        return self._class_entry(value) if isinstance(value, type) else self._function_entry(value)

    def _function_entry(self, function: types.FunctionType) -> str:
        own = not self.deep and origin(_module_of(function)) == "own"
        parts = [_code_of(function)]
        if function is not self._bare:
            cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
            closed = {name: _cell(cell) for name, cell in cells}
            for values in (function.__defaults__, function.__kwdefaults__, closed):
                parts.append(self._carried(values, function))
            if vars(function) and not own:
                parts.append(self._carried(vars(function), function))
        found = references(function.__code__)
        for chain in found.globals:
            if chain[0] in function.__globals__:
                parts.append(self._global(chain, function.__globals__[chain[0]], own))
        for name in found.imports:
            parts.append(self._import(name, function, found.names))
        return _hash("function", parts)

    def _carried(self, values: Any, function: types.FunctionType) -> str:
        """Return the digest of values that a function carries, one by one if some are unreadable.

        One lock must not hide the others.
        """
        known = dict(self.unread)
        name = f"{told(_module_of(function))}.{function.__qualname__}"
        whole = self._lenient(values, name)
        if self.unread == known or not values:
            return whole
        self.unread = known
        named = values.items() if isinstance(values, dict) else enumerate(values)
        return _hash("carried", [self._lenient(v, f"{name} ({key})") for key, v in named])

    def _global(self, chain: tuple[str, ...], value: Any, own: bool) -> str:
        """Return the digest of what a name, and attributes taken from it at once, lead to."""
        rest = list(chain[1:])
        while inspect.ismodule(value) and rest and self._read(value.__name__):
            if not hasattr(value, rest[0]):
                break
            value = getattr(value, rest.pop(0))
        if own and not _constant(value):  # the state of our own packages is no part of a job
            return _hash("state", [".".join(chain), _type_name(type(value))])
        return _hash(".".join(chain), [self._lenient(value, ".".join(chain))])

    def _import(self, name: str, function: Any, names: frozenset[str]) -> str:
        """Return the digest of what a function takes from a module that it imports itself."""
        if not self._readable(name):
            return self._named(name, "")
        try:
            module = importlib.import_module(name, function.__globals__.get("__package__"))
        except ImportError:
            return _hash("missing", [name])
        taken = [
            self._global((name, part), getattr(module, part), origin(name) == "own")
            for part in sorted(names)
            if part in vars(module)
        ]
        return _hash("import", [name, *taken])

    def _readable(self, name: str) -> bool:
        """Return whether a module is one to read, without loading one that is not."""
        if not name or origin(name) == "python":
            return False
        if name not in sys.modules:
            top = importlib.util.find_spec(name.split(".")[0])
            file = None if top is None else top.origin
            if top is None or (file and {"site-packages", "dist-packages"} & set(_parts(file))):
                return False
        return self._read(name)

    def _class_entry(self, kind: type) -> str:
        parts = [self._digest(base) for base in (type(kind), *kind.__bases__)]
        own = origin(kind.__module__) == "own"
        for name, value in sorted(vars(kind).items()):
            code = isinstance(value, (types.FunctionType, classmethod, staticmethod, property))
            if name.startswith("__") and not code:
                continue
            if name.startswith(("_abc_", "_is_")) or (own and not code and not _constant(value)):
                continue
            parts.append(_hash(name, [self._lenient(value, name)]))
        return _hash("class", parts)


def fingerprint(value: Any) -> str:
    """Return a digest of a value, or of a function with all that it refers to.

    The same in every process, for any hash seed, on any machine with the same versions. Functions
    count with their code (not lines, comments and docstrings), defaults, closures, and the
    functions, classes and values of the user's modules that they refer to; what they find by text
    when they run (``import_module("a")``, ``globals()["K"]``, ``__subclasses__()``) is not seen.
    Objects count with all that travels when they are pickled, arrays of other libraries and
    subclasses of numpy's with their units, masks, names and attributes. Values that functions
    refer to and nothing can read are told by a RuntimeWarning.

    Parameters
    ----------
    value : object
        Numbers, text, arrays, tables, tensors, collections of them, the data types, functions,
        classes, and any object that can be pickled.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    DataError
        If a part of the value can be neither read nor pickled.

    Examples
    --------
    >>> fingerprint({"x": 1}) == fingerprint({"x": 1.0})
    False
    """
    walk = Walk()
    parts = [walk.of(value), repr(walk.follow()), repr(sorted(walk.versions.items()))]
    tell_unread(walk)
    return _hash("value", parts)


def tell_unread(walk: Walk) -> None:
    """Warn of what functions refer to and nothing can read: a change of it changes no digest."""
    if walk.unread:
        found = ", ".join(f"{name} ({kind})" for name, kind in sorted(walk.unread.items()))
        warnings.warn(
            f"a change of what these hold goes unseen, for it cannot be read: {found}; "
            "pass it with the items, or as something that can be pickled",
            RuntimeWarning,
            stacklevel=3,
        )


def bound(function: Callable[..., Any]) -> list[Any]:
    """Return the values that a function carries along."""
    if isinstance(function, functools.partial):
        return [*bound(function.func), function.args, sorted(function.keywords.items())]
    if inspect.ismethod(function):
        return [*bound(function.__func__), function.__self__]
    if inspect.isfunction(function):
        if _dispatches(function):
            return [function]
        cells = [_cell(cell) for cell in function.__closure__ or ()]
        return [function.__defaults__, function.__kwdefaults__, *cells]
    return [] if inspect.isroutine(function) or inspect.isclass(function) else [function]


def innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function in partials and methods."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        else:
            return function


def name_of(function: Callable[..., Any]) -> str:
    """Return the name under which a function is told."""
    found = innermost(function)
    named = found if hasattr(found, "__qualname__") else type(found)
    return f"{told(named.__module__)}.{named.__qualname__}"


_HELD = ("py_func", "__wrapped__", "__func__", "fget", "fset", "fdel", "func")
_WRAPPERS = (property, classmethod, staticmethod, functools.cached_property)


def _wraps(value: Any) -> bool:
    if isinstance(value, _WRAPPERS):
        return True
    return callable(value) and any(
        isinstance(inspect.getattr_static(value, name, None), types.FunctionType)
        or inspect.isfunction(getattr(value, name, None))
        for name in ("py_func", "__wrapped__")
    )


def _dispatches(function: types.FunctionType) -> bool:
    """Return whether `functools.singledispatch` made a function."""
    registry = vars(function).get("registry")
    made = function.__globals__ is vars(functools)
    return made and isinstance(registry, types.MappingProxyType)


def _is_tensor(value: Any) -> bool:
    return not isinstance(value, type) and all(
        hasattr(value, name) for name in ("detach", "__array__", "dtype", "shape")
    )


def _forgets(kind: type) -> bool:
    """Return whether the pickles of a class are written by a class of C, without attributes."""
    for base in kind.__mro__:
        if {"__reduce__", "__reduce_ex__", "__getstate__"} & vars(base).keys():
            return base is not object and not base.__flags__ & _PYTHON_CLASS
    return False


_PYTHON_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_LOCKS = (type(threading.Lock()), type(threading.RLock()))
_WEAK = (weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet)


_Reader = tuple[Callable[[Any], bool], Callable[[Walk, Any], str]]


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds


def _within(read: Callable[[Walk, Any], str]) -> Callable[[Walk, Any], str]:
    return lambda walk, value: walk._inside(value, read)


_READERS: list[_Reader] = [
    (lambda v: type(v) in (np.ndarray, np.memmap), Walk._array),
    (_of(np.ma.MaskedArray), Walk._masked),
    (
        lambda v: isinstance(v, np.generic) and v.dtype.type is type(v),
        lambda walk, v: walk._array(np.asarray(v)),
    ),
    (lambda v: isinstance(v, np.dtype), lambda walk, v: _hash("dtype", [repr(v.descr)])),
    (_of(list, tuple), _within(Walk._sequence)),
    (_of(set, frozenset), _within(Walk._set)),
    (_of(dict, types.MappingProxyType), _within(Walk._mapping)),
    (_of(functools.partial), _within(Walk._partial)),
    (lambda v: isinstance(v, type), Walk._class),
    (inspect.isfunction, Walk._function),
    (inspect.ismethod, _within(Walk._method)),
    (inspect.isbuiltin, _within(Walk._builtin)),
    (inspect.ismodule, Walk._module),
    (_wraps, _within(Walk._wrapper)),
    (lambda v: type(v).__module__.split(".")[0] == "pandas" and hasattr(v, "index"), Walk._table),
    (_is_tensor, Walk._tensor),
    (lambda v: isinstance(v, weakref.ref), _within(Walk._weak)),
    (lambda v: isinstance(v, _WEAK), lambda walk, v: _hash("weak", [type(v).__name__])),
    (lambda v: isinstance(v, threading.local), _within(Walk._local)),
    (_of(contextvars.ContextVar), _within(Walk._context)),
    (lambda v: type(v).__name__ == "StencilFunc", _within(Walk._stencil)),
    (is_dataclass, _within(Walk._dataclass)),
]


def _hash(tag: str, parts: Iterable[str], data: Any = b"") -> str:
    digest = hashlib.blake2b(tag.encode("utf-8", "surrogatepass"), digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(struct.pack("<q", len(raw)))
        digest.update(raw)
    digest.update(data)
    return digest.hexdigest()


def _plain(value: Any) -> str:
    return value.hex() if type(value) is float else repr(value)


def _type_name(kind: type) -> str:
    return f"{told(kind.__module__)}.{kind.__qualname__}"


def _module_of(function: Any) -> str:
    """Return the module that a function's code stands in; `functools.wraps` may name another."""
    return str(function.__globals__.get("__name__") or "")


def _stands_there(kind: type) -> bool:
    """Return whether a class is where it says; one made by ``type(…)`` may name another module."""
    return _stands(kind, kind.__module__)


def _stands(value: Any, module: str | None) -> bool:
    return _found(module, value.__qualname__) is value


def _found(module: str | None, name: str) -> Any:
    found: Any = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _stands_somewhere(value: Any, name: str) -> bool:
    """Return whether a module has a value under a name, as `pickle` asks of what goes by name."""
    first = (type(value).__module__, getattr(value, "__module__", None))
    if any(_found(module, name) is value for module in first):
        return True
    # Without getattr, at which modules load others or warn.
    loaded = list(sys.modules.values())
    return any(getattr(module, "__dict__", {}).get(name) is value for module in loaded)


def _code_of(function: Any) -> str:
    return code_digest(function.__code__)


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return "an empty cell"


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


def _constant(value: Any) -> bool:
    """Return whether a value is no state: code, numbers, text, arrays and tuples of them."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(_constant, value))
    if isinstance(value, (*_PLAIN, type, types.ModuleType, np.generic, np.ndarray)):
        return True
    return isinstance(value, functools.partial) or inspect.isroutine(value) or _wraps(value)


def _has_source(spec: Any) -> bool:
    return hasattr(spec.loader, "get_source")


def _parts(file: str) -> list[str]:
    return file.replace("\\", "/").split("/")
