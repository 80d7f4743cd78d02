"""Compile with numba and keep the machine code on disk, safe for many processes at once.

numba's own cache numbers its files in an index. Two processes that store code for different types
of argument at the same time can take the same number; one's code then runs on the other's arrays,
and results are silently wrong. Here a file is called after what it holds: there is no index, and
processes that meet write the same file.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Callable
from typing import Any

from neuroloom.shared._errors import require


def compiled(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Compile a function with numba on its first call; it runs without the interpreter's lock.

    The machine code is kept on disk where numba keeps its own (beside the source if that can be
    written to) and found again by later processes. A change of the source file, or of a file that
    a compiled function called here lies in, makes it anew.

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
    dispatcher._cache = _cache(function)
    return dispatcher


def _cache(function: Callable[..., Any]) -> Any:
    """Return numba's cache for a function, with files named after their content."""
    # By name: releases of numba differ in which of their modules are typed.
    version = importlib.import_module("numba").__version__
    caching = importlib.import_module("numba.core.caching")
    dispatcher: Any = importlib.import_module("numba.core.dispatcher").Dispatcher
    cache = caching.FunctionCache(function)
    base = cache._impl.filename_base

    class Files(caching.IndexDataCacheFile):  # type: ignore[misc,name-defined]
        def name(self, key: Any) -> str:
            content = repr((version, self._source_stamp, key))
            return f"{base}.{hashlib.sha256(content.encode()).hexdigest()[:32]}.nbc"

        def save(self, key: Any, data: Any) -> None:
            self._save_data(self.name(key), data)

        def load(self, key: Any) -> Any:
            try:
                return self._load_data(self.name(key))
            except FileNotFoundError:
                return None

        def flush(self) -> None:
            raise NotImplementedError("delete the files *.nbc instead")

    # numba compiles the functions called into the caller, but looks at the caller's file only.
    called = {
        repr(value._cache._cache_file._source_stamp)
        for value in function.__globals__.values()
        if isinstance(value, dispatcher) and hasattr(value._cache, "_cache_file")
    }
    # Hashed: a stamp that quotes those below it doubles with every level of calls.
    below = hashlib.sha256(repr(sorted(called)).encode()).hexdigest()
    stamp = (cache._impl.locator.get_source_stamp(), below)
    cache._cache_file = Files(cache.cache_path, base, stamp)
    return cache
