"""Digests of values and functions that are the same in every process, and change with the code.

A function is known by its code (not its lines, comments or docstrings), its defaults, what it
closes over, and everything it refers to by a global name: functions, classes and values of the
user's modules are read, and what those refer to; of installed distributions and of Python the
version counts; what is not seen `fingerprint` lists. Of objects everything counts that travels when
they are pickled; only exact numpy arrays and tensors are their numbers, by rows
or by columns as they lie in memory, for sums over them are rounded by that order.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
import threading
import types
import warnings
import weakref
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from neuroloom.shared.jobs import _functions, _values
from neuroloom.shared.jobs._names import hashed
from neuroloom.shared.jobs._walk import Read, Reader, Reading


def _of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds


def _within(read: Read) -> Read:
    return lambda walk, value: walk.inside(value, read)


_READERS: list[Reader] = [
    (lambda v: type(v) in (np.ndarray, np.memmap), _values.array),
    (_of(np.ma.MaskedArray), _values.masked),
    (
        lambda v: isinstance(v, np.generic) and v.dtype.type is type(v),
        _values.scalar,
    ),
    (lambda v: isinstance(v, np.dtype), _values.dtype_),
    (_of(list, tuple), _within(_values.sequence)),
    (_of(set, frozenset), _within(_values.set_)),
    (_of(dict, types.MappingProxyType), _within(_values.mapping)),
    (_of(functools.partial), _within(_values.partial)),
    (lambda v: isinstance(v, type), _functions.class_),
    (inspect.isfunction, _functions.function_),
    (inspect.ismethod, _within(_functions.method)),
    (inspect.isbuiltin, _within(_functions.builtin)),
    (inspect.ismodule, _functions.module_),
    (_functions.wraps, _within(_functions.wrapper)),
    (lambda v: type(v).__module__.split(".")[0] == "pandas" and hasattr(v, "index"), _values.table),
    (_values.is_tensor, _values.tensor),
    (lambda v: isinstance(v, weakref.ref), _within(_values.weak)),
    (lambda v: isinstance(v, _values.WEAK), _within(_values.weak_collection)),
    (lambda v: isinstance(v, threading.local), _within(_values.local)),
    (_of(contextvars.ContextVar), _within(_values.context)),
    (lambda v: type(v).__name__ == "StencilFunc", _within(_functions.stencil)),
    (is_dataclass, _within(_values.dataclass_)),
]
# What most of a job's code is made of: found without asking all of these.
_EXACT: dict[type, Read] = {
    type: _functions.class_,
    types.FunctionType: _functions.function_,
    types.ModuleType: _functions.module_,
    list: _within(_values.sequence),
    tuple: _within(_values.sequence),
    dict: _within(_values.mapping),
}


class Walk(Reading):
    """One reading of a function or value with everything that it refers to.

    Parameters
    ----------
    deep : bool
        Read the code of installed distributions as well, except numpy's and numba's.
    """

    def __init__(self, *, deep: bool = False) -> None:
        super().__init__(_READERS, _EXACT, _values.object_, _functions.entry, deep=deep)


def fingerprint(value: Any) -> str:
    """Return a digest of a value, or of a function with all that it refers to.

    The same in every process, for any hash seed, on any machine with the same versions. Functions
    count with their code (not lines, comments and docstrings), defaults, closures, and the
    functions, classes and values of the user's modules that they refer to.
    Objects count with all that travels when they are pickled, arrays of other libraries and
    subclasses of numpy's with their units, masks, names and attributes. Values that functions
    refer to and nothing can read are told by a RuntimeWarning.

    Not seen, so that a change of it gives the same digest, is

    * what functions find by text when they run: ``import_module("a")``, ``globals()["K"]``,
      ``__subclasses__()``, ``eval``;
    * what they find outside of the program: files, the clock, the environment (``os.environ``);
    * the state of Python and of installed libraries: levels of loggers, warning filters, names
      put into `builtins` or set in a library's module, classes registered with an abstract one of
      theirs (``collections.abc.Sequence.register(C)``);
    * annotations of functions and classes;
    * what an object leaves out when it is pickled, by a ``__getstate__`` or ``__reduce__`` of its
      own.

    Pass such things with the value, as items or arguments.

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
    parts = [walk.of(value, "value"), repr(walk.follow()), repr(walk.read_globals)]
    parts.append(repr(sorted(walk.versions.items())))
    tell_unread(walk)
    return hashed("value", parts)


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
