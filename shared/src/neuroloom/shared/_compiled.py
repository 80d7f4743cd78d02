"""Compile with numba and keep the machine code on disk, safe for many processes at once.

numba's own cache numbers its files in an index. Two processes that store code for different types
of argument at the same time can take the same number; one's code then runs on the other's arrays,
and results are silently wrong. Here a file is called after what it holds: the types, the target,
and all code and constants that are compiled into it. There is no index, and processes that meet
write the same file. Where nothing can be written or read, code is compiled in memory.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
import platform
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from neuroloom.shared._errors import require
from neuroloom.shared.io._atomic import atomic
from neuroloom.shared.jobs import Walk

_CHECK = 32  # bytes of the checksum at a file's end


def compiled(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Compile a function with numba on its first call; it runs without the interpreter's lock.

    The machine code is kept on disk where numba keeps its own (beside the source if that can be
    written to) and found again by later processes. A change of the function, of a compiled
    function or stencil that it calls, of a constant that they use, or of what was given to numba's
    ``overload`` makes it anew, wherever those stand. Code that uses a value which cannot be read
    is not kept.
    Where code cannot be kept (a container that is read-only, a full disk) or a file is damaged,
    it is compiled in memory, with one warning.

    Parameters
    ----------
    function : callable, optional
        What to compile. Without it a decorator is returned.
    **options
        Passed to ``numba.njit``, ``error_model="numpy"`` say.

    Returns
    -------
    callable
        The compiled function, or a decorator.

    Raises
    ------
    MissingDependencyError
        If numba is not installed; neuroloom.shared itself does without.
    """
    if function is None:
        return functools.partial(compiled, **options)
    dispatcher = require("numba", extra="numba").njit(nogil=True, **options)(function)
    try:
        dispatcher._cache = _cache_class()(dispatcher)
    except (RuntimeError, OSError) as error:  # numba finds no place that can be written to
        if Path(function.__code__.co_filename).is_file():  # which a notebook's cell is not
            _warn(str(error))
    return dispatcher


@functools.lru_cache(maxsize=1)
def _cache_class() -> Any:
    """Return numba's cache for functions, with files named after their content."""
    # By name: releases of numba differ in which of their modules are typed.
    version = importlib.import_module("numba").__version__
    caching = importlib.import_module("numba.core.caching")

    class Cache(caching.FunctionCache):  # type: ignore[misc,name-defined]
        def __init__(self, dispatcher: Any) -> None:
            super().__init__(dispatcher.py_func)
            self._dispatcher = dispatcher

        def _load_overload(self, sig: Any, target_context: Any) -> Any:
            path = self._path(sig, target_context.codegen())
            if not self._enabled or path is None:
                return None
            try:
                if not path.exists():
                    return None
                content = path.read_bytes()
                if hashlib.sha256(content[:-_CHECK]).digest() != content[-_CHECK:]:
                    raise ValueError("its checksum differs")
                # Reads to the end of the pickle that numba wrote, not the checksum behind it.
                data = self._cache_file._load_data(path.name)
                return self._impl.rebuild(target_context, data)
            except Exception as error:  # numba's own code may fail in any way on foreign data
                _warn(f"{path}: {type(error).__name__}: {error}")
                return None

        def _save_overload(self, sig: Any, data: Any) -> None:
            path = self._path(sig, data.codegen)
            try:
                if not self._enabled or path is None or not self._impl.check_cachable(data):
                    return
                self._impl.locator.ensure_cache_path()
                content = self._cache_file._dump(self._impl.reduce(data))
                with atomic(path) as file:
                    file.write(content + hashlib.sha256(content).digest())
            except Exception as error:  # no space, no right, a folder in its place, numba's own
                _warn(f"{path}: {type(error).__name__}: {error}")

        def _path(self, sig: Any, codegen: Any) -> Path | None:
            """Return the file for a signature, None for one that other processes cannot know."""
            if (read := _read(self._dispatcher, sig)) is None:
                return None
            kinds, code, versions = read
            python = platform.python_version_tuple()[:2]
            content = repr((version, python, kinds, codegen.magic_tuple(), code, versions))
            name = f"{self._py_func.__module__}.{self._py_func.__qualname__}"
            plain = re.sub(r"[^\w.-]", "_", name)[-100:]
            digest = hashlib.sha256(content.encode()).hexdigest()[:32]
            return Path(os.fspath(self.cache_path), f"{plain}.{digest}.nbc")

        def flush(self) -> None:
            raise NotImplementedError("delete the files *.nbc instead")

    return Cache


def _read(dispatcher: Any, sig: Any) -> tuple[Any, Any, Any] | None:
    """Return digests of the types and the code, and versions; None if not all can be read."""
    walk = Walk(deep=True)
    kinds = [
        walk.of(kind.dispatcher) if hasattr(kind, "dispatcher") else repr(kind) for kind in sig
    ]
    if any(" at 0x" in kind for kind in kinds):
        return None
    extensions = sorted({walk.of(function) for function in _extensions()})
    code = walk.of(dispatcher), extensions, walk.follow(), walk.read_globals
    # Of what could not be read a change would not be seen.
    return None if walk.unread else (kinds, code, sorted(walk.versions.items()))


def _extensions() -> Iterator[Callable[..., Any]]:
    """Yield what others gave numba with ``overload`` and the like: no code refers to it."""
    registry = importlib.import_module("numba.core.typing.templates").builtin_registry
    templates = [one for _, kind in registry.globals for one in getattr(kind, "templates", ())]
    for template in [*templates, *registry.attributes]:
        function = getattr(template, "_overload_func", None)
        if function is not None and not str(function.__module__).startswith("numba."):
            yield function


@functools.lru_cache(maxsize=1)
def _told() -> list[str]:
    return []


def _warn(reason: str) -> None:
    """Say once in a process that machine code is not kept."""
    if not _told():
        _told().append(reason)
        warnings.warn(
            f"compiled code is made anew in memory ({reason}); set NUMBA_CACHE_DIR to a folder "
            "that can be written to, to keep it",
            RuntimeWarning,
            stacklevel=3,
        )
