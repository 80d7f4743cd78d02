"""Digests of code: functions, methods, classes, modules, and what holds functions."""

from __future__ import annotations

import abc
import functools
import importlib
import importlib.util
import inspect
import sys
import types
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from neuroloom.shared.jobs._code import code_digest, references
from neuroloom.shared.jobs._names import (
    PLAIN,
    PYTHON_CLASS,
    cell_of,
    code_of,
    hashed,
    hashed_again,
    module_of,
    plain,
    stands,
    stands_there,
    type_name,
)
from neuroloom.shared.jobs._origin import origin, told
from neuroloom.shared.jobs._values import object_, set_
from neuroloom.shared.jobs._walk import Reading

_HELD = ("py_func", "__wrapped__", "__func__", "fget", "fset", "fdel", "func")
_WRAPPERS = (property, classmethod, staticmethod, functools.cached_property)


def function_(walk: Reading, value: types.FunctionType) -> str:
    where, name = module_of(value), value.__qualname__
    module = told(where)
    if not walk.reads(where):
        there = any(stands(value, at) for at in (where, value.__module__))
        if there and not walk.reads(str(value.__module__)):
            return walk.keep(value, walk.named(where, name))
        return walk.inside(value, _made)
    # Several may be called <lambda>: which of them is meant, the code says.
    code = code_of(value) if "<" in name else ""
    return walk.keep(value, hashed_again("function", walk.enqueue(f"{module}.{name}", value), code))


def _made(walk: Reading, value: types.FunctionType) -> str:
    """Return the digest of a function that a library's code made: of what it was made from."""
    if _dispatches(value):
        # Beside its registry it keeps what it found in earlier calls.
        return hashed("singledispatch", [set_(walk, vars(value)["registry"].items())])
    name = f"{told(value.__module__)}.{value.__qualname__}"
    parts = [walk.named(module_of(value), value.__code__.co_qualname), code_of(value)]
    return hashed("made", [*parts, *_bound(walk, value, name)])


def _bound(walk: Reading, function: types.FunctionType, name: str) -> list[str]:
    """Return a digest of each value that a function carries: defaults, closure, attributes."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    values: dict[str, Any] = {n: cell_of(cell) for n, cell in cells}
    values.update({f"default {i}": v for i, v in enumerate(function.__defaults__ or ())})
    values.update({f"keyword {k}": v for k, v in (function.__kwdefaults__ or {}).items()})
    values.update({f"attribute {k}": v for k, v in vars(function).items()})
    return [hashed(k, [walk.part(v, f"{name} ({k})")]) for k, v in values.items()]


def method(walk: Reading, value: types.MethodType) -> str:
    return hashed("method", [walk.digest(value.__func__), walk.digest(value.__self__)])


def builtin(walk: Reading, value: Any) -> str:
    owner = getattr(value, "__self__", None)
    if owner is None or inspect.ismodule(owner):
        return walk.named(value.__module__ or "builtins", value.__qualname__)
    return hashed("builtin method", [value.__qualname__, walk.digest(owner)])


def class_(walk: Reading, value: type) -> str:
    return walk.keep(value, _class(walk, value))


def _class(walk: Reading, value: type) -> str:
    where = value.__module__
    if not value.__flags__ & PYTHON_CLASS and not walk.reads(where):  # C's, as types.CodeType
        return walk.named(where, value.__qualname__)
    if stands_there(value) and (not walk.reads(where) or (walk.deep and origin(where) != "user")):
        return walk.named(where, value.__qualname__)
    name = f"{told(value.__module__)}.{value.__qualname__}"
    return hashed("class", [walk.enqueue(name, value)])


def module_(walk: Reading, value: types.ModuleType) -> str:
    return walk.keep(value, _module(walk, value))


def _module(walk: Reading, value: types.ModuleType) -> str:
    if walk.reads(value.__name__) and (spec := getattr(value, "__spec__", None)) is not None:
        source = spec.loader.get_source(value.__name__) if _has_source(spec) else ""
        code = compile(source or "", value.__name__, "exec", dont_inherit=True)
        return hashed("module", [value.__name__, code_digest(code)])
    return walk.named(value.__name__, "")


def wrapper(walk: Reading, value: Any) -> str:
    """Return the digest of what holds a function: compiled, cached, a property, a method.

    An object of a class of the user's is what its class and its attributes make of the function.
    """
    if origin(type(value).__module__) in ("own", "user") and not isinstance(value, _WRAPPERS):
        return object_(walk, value)
    options = getattr(value, "targetoptions", None)
    tag = type_name(type(value)) if options is None else "compiled"
    parts = [walk.digest(sorted(options.items()) if options else None)]
    if walk.deep and hasattr(value, "py_func"):
        function = value.py_func
        name = f"{told(module_of(function))}.{function.__qualname__}"
        parts += [walk.enqueue(name, function), code_of(function)]
    else:
        parts += [walk.digest(getattr(value, name, None)) for name in _HELD]
    return hashed(tag, parts)


def stencil(walk: Reading, value: Any) -> str:
    """Return the digest of a numba stencil, known by the function that it was made from."""
    function = value.kernel_ir.func_id.func
    parts = [value.mode, sorted(value.options.items()), function]
    return hashed("stencil", [*map(walk.digest, parts), code_of(function)])


def wraps(value: Any) -> bool:
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


def _has_source(spec: Any) -> bool:
    return hasattr(spec.loader, "get_source")


def bound(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the values that a function carries along, by what they are to it."""
    if isinstance(function, functools.partial):
        found = bound(function.func)
        for key, value in [*enumerate(function.args), *sorted(function.keywords.items())]:
            name = f"argument {key}"
            while name in found:  # of a partial in this one, which keeps what was set on it
                name = f"outer {name}"
            found[name] = value
        return found
    if inspect.ismethod(function):
        return {**bound(function.__func__), "self": function.__self__}
    if inspect.isfunction(function):
        if _dispatches(function):
            return {"function": function}
        code, values = function.__code__, function.__defaults__ or ()
        names = code.co_varnames[: code.co_argcount][code.co_argcount - len(values) :]
        defaults = {**dict(zip(names, values, strict=True)), **(function.__kwdefaults__ or {})}
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        closed = {f"{name}, closed over": cell_of(cell) for name, cell in cells}
        return {**{f"default of {name}": x for name, x in defaults.items()}, **closed}
    known = inspect.isroutine(function) or inspect.isclass(function)
    return {} if known else {"function": function}


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


def entry(walk: Reading, value: Any) -> str:
    return _class_entry(walk, value) if isinstance(value, type) else _function_entry(walk, value)


def _function_entry(walk: Reading, function: types.FunctionType) -> str:
    own = not walk.deep and origin(module_of(function)) == "own"
    parts = [code_of(function)]
    if function is not walk.bare:
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        closed = {name: cell_of(cell) for name, cell in cells}
        for values in (function.__defaults__, function.__kwdefaults__, closed):
            parts.append(_carried(walk, values, function))
        if vars(function) and not own:
            parts.append(_carried(walk, vars(function), function))
    found = references(function.__code__)
    for chain in found.globals:
        if chain[0] in function.__globals__:
            where = module_of(function)
            parts.append(_global(walk, function, where, chain, function.__globals__[chain[0]], own))
    for name, taken in found.imports:
        parts += _imports(walk, name, taken, function, found.names)
    return hashed_again("function", *parts)


def _carried(walk: Reading, values: Any, function: types.FunctionType) -> str:
    """Return the digest of values that a function carries, one by one if some are unreadable.

    One lock must not hide the others.
    """
    if not values:
        return plain(None) if values is None else hashed_again(type(values).__name__)
    known = dict(walk.unread)
    name = f"{told(module_of(function))}.{function.__qualname__}"
    whole = walk.lenient(values, name)
    if walk.unread == known:
        return whole
    walk.unread = known
    named = values.items() if isinstance(values, dict) else enumerate(values)
    return hashed("carried", [walk.lenient(v, f"{name} ({key})") for key, v in named])


def _global(
    walk: Reading, reader: Any, where: str, chain: tuple[str, ...], value: Any, own: bool
) -> str:
    """Return the digest of what a name, and attributes taken from it at once, lead to.

    Values have a digest of their own, under the module that they stand in; which function reads
    which is part of it, for two modules may have one name.
    """
    name, rest = chain[0], list(chain[1:])
    if where == name and not inspect.ismodule(value):  # taken from a module imported inside
        name, rest = chain[1], []
    while inspect.ismodule(value) and rest and walk.reads(value.__name__):
        if not hasattr(value, rest[0]):
            break
        where, name = value.__name__, rest.pop(0)
        value = getattr(value, name)
    if own and not _constant(value):  # the state of our own packages is no part of a job
        return hashed_again("state", ".".join(chain), type_name(type(value)))
    digest = walk.lenient(value, ".".join(chain))
    if _is_code(value):
        return hashed_again(".".join(chain), digest)
    walk.note_global(f"{told(where)}.{name}", hashed_again(name_of(reader), digest))
    return hashed_again("global", ".".join(chain))


def _is_code(value: Any) -> bool:
    """Return whether a value is a function, a class, a module or what holds a function."""
    return isinstance(value, (type, types.ModuleType)) or inspect.isroutine(value) or wraps(value)


def _imports(
    walk: Reading, name: str, taken: tuple[str, ...], function: Any, names: frozenset[str]
) -> list[str]:
    """Return a digest for each module that one import inside a function leads to."""
    try:
        name = importlib.util.resolve_name(name, function.__globals__.get("__package__"))
    except ImportError:
        return [hashed("missing", [name])]
    if not taken:  # `import a.b` gives a, and b in it
        levels = name.split(".")
        modules = [".".join(levels[: n + 1]) for n in range(len(levels))]
    else:
        module = _imported(name) if _readable(walk, name) else None
        given = {} if module is None else _given(module, taken)
        below = (f"{name}.{part}" for part, value in given.items() if inspect.ismodule(value))
        modules = [name, *(one for one in below if one in sys.modules)]
    return [_import(walk, one, taken, modules, function, names) for one in modules]


def _import(
    walk: Reading,
    name: str,
    taken: tuple[str, ...],
    apart: list[str],
    function: Any,
    names: frozenset[str],
) -> str:
    """Return the digest of what a function takes from a module, but for modules that go apart."""
    if not _readable(walk, name):
        return walk.named(name, "")
    if (module := _imported(name)) is None:
        return hashed("missing", [name])
    # Where a module makes names when they are asked for, what it lists may be asked for.
    listed = dir(module) if "__getattr__" in vars(module) else vars(module)
    asked = {*names.intersection(listed), *(taken if name == apart[0] else ())}
    own = origin(name) == "own"
    found = [
        _global(walk, function, name, (name, part), value, own)
        for part, value in _given(module, sorted(asked)).items()
        if f"{name}.{part}" not in apart
    ]
    return hashed("import", [name, *found])


def _imported(name: str) -> types.ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _given(module: types.ModuleType, names: Iterable[str]) -> dict[str, Any]:
    """Return what ``from module import name`` gives for each name that is there."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a name is old, the function says when it runs
        for name in names:
            try:
                found[name] = getattr(module, name)
            except (AttributeError, ImportError):
                if (below := _imported(f"{module.__name__}.{name}")) is not None:
                    found[name] = below
    return found


def _readable(walk: Reading, name: str) -> bool:
    """Return whether a module is one to read, without loading one that is not."""
    if not name or origin(name) == "python":
        return False
    if name not in sys.modules:
        top = importlib.util.find_spec(name.split(".")[0])
        file = None if top is None else top.origin
        if top is None or (file and {"site-packages", "dist-packages"} & set(_parts(file))):
            return False
    return walk.reads(name)


def _class_entry(walk: Reading, kind: type) -> str:
    parts = [walk.digest(base) for base in (type(kind), *kind.__bases__)]
    own = origin(kind.__module__) == "own"
    for name, value in sorted(vars(kind).items()):
        code = isinstance(value, (types.FunctionType, classmethod, staticmethod, property))
        if name.startswith("__") and not code:
            continue
        if name.startswith(("_abc_", "_is_")) or (own and not code and not _constant(value)):
            continue
        parts.append(hashed_again(name, walk.lenient(value, name)))
    if registered := _registered(kind):  # `isinstance` asks for these, too
        counts = [one for one in registered if not own or origin(one.__module__) == "user"]
        parts.append(set_(walk, counts))
    return hashed("class", parts)


def _registered(kind: type) -> list[type]:
    """Return the classes that an abstract class was told to take as its own."""
    if not isinstance(kind, abc.ABCMeta):
        return []
    dump = getattr(abc, "_get_dump", None)  # what abc itself prints a registry with
    found = [] if dump is None else [reference() for reference in dump(kind)[0]]
    return [one for one in found if one is not None]


def _constant(value: Any) -> bool:
    """Return whether a value is no state: code, numbers, text, arrays and tuples of them."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(_constant, value))
    if isinstance(value, (*PLAIN, type, types.ModuleType, np.generic, np.ndarray)):
        return True
    return isinstance(value, functools.partial) or inspect.isroutine(value) or wraps(value)


def _parts(file: str) -> list[str]:
    return file.replace("\\", "/").split("/")
