"""One BLAS and OpenMP thread while an item is computed, and as many as before afterwards.

A BLAS that splits a sum over threads may add in another order than one that does not: with one
thread the bits are the same for every number of workers. BLAS libraries count threads for the
process, OpenMP for each thread, and a library that is loaded meanwhile reads the environment; maps
may overlap in threads of one process, so that the last to end restores what the first one found.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import joblib
from threadpoolctl import ThreadpoolController

_VARIABLES = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
)
_local = threading.local()


class _Process:
    """What the process looked like before the first of the limits that hold now."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.depth = 0
        self.environment: dict[str, str | None] = {}
        self.before: dict[str, tuple[Any, int]] = {}
        self.libraries: list[Any] = []
        self.n_modules = -1

    def enter(self) -> None:
        with self.lock:
            if self.depth == 0:
                self.environment = {name: os.environ.get(name) for name in _VARIABLES}
                self.before = {}
            for library in self.loaded():
                if not _each_thread(library):
                    # One that was loaded under a limit has never had another number.
                    n_threads = self.usual() if self.depth else _n_threads(library)
                    self.before.setdefault(library.filepath, (library, n_threads))
                    _set(library, 1)
            self.depth += 1
            os.environ.update(dict.fromkeys(_VARIABLES, "1"))

    def leave(self) -> None:
        with self.lock:
            self.depth -= 1
            if self.depth:
                return
            for name, value in self.environment.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value
            for library, n_threads in self.before.values():
                _set(library, n_threads)
            for library in self.loaded():
                if library.filepath not in self.before and not _each_thread(library):
                    _set(library, self.usual())

    def loaded(self) -> list[Any]:
        """Return the libraries that are loaded; looked for only if a module was since."""
        with self.lock:
            if len(sys.modules) != self.n_modules:
                self.n_modules = len(sys.modules)
                self.libraries = ThreadpoolController().lib_controllers
            return self.libraries

    def usual(self) -> int:
        """Return the number of threads that a library takes which is loaded without a limit."""
        for name in _VARIABLES:
            text = self.environment.get(name) or ""
            if text.isdigit():
                return int(text)
        return int(joblib.cpu_count())


_process = _Process()
if hasattr(os, "register_at_fork"):  # a thread of the parent may hold the lock
    os.register_at_fork(after_in_child=lambda: setattr(_process, "lock", threading.RLock()))


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS and OpenMP to one thread, libraries loaded meanwhile included.

    Leaves no trace: afterwards thread limits and environment are as they were, also if several of
    these overlap in threads. Limits may be nested.

    Examples
    --------
    >>> import numpy as np
    >>> with one_thread():
    ...     product = np.ones((3, 3)) @ np.ones((3, 3))
    """
    if getattr(_local, "limited", False):
        yield
        return
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "get_num_threads"):
        torch.get_num_threads()  # in a new thread, torch would set its own number later
    _process.enter()
    before = {}
    for library in _process.loaded():
        if _each_thread(library):
            before[library.filepath] = _n_threads(library)
            _set(library, 1)
    _local.limited = True
    try:
        yield
    finally:
        _local.limited = False
        for library in _process.loaded():
            if _each_thread(library):
                n_threads = before.get(library.filepath) or _process.usual()
                _set(library, n_threads)
        _process.leave()


@contextmanager
def allotted(n_cores: int) -> Iterator[None]:
    """Let `n_cores` say within the context how many cores this thread's work may use."""
    before = getattr(_local, "n_cores", None)
    _local.n_cores = n_cores
    try:
        yield
    finally:
        _local.n_cores = before


@contextmanager
def pool_of(n_threads: int) -> Iterator[None]:
    """Let thread pools that XLA starts within the context have so many threads.

    It counts cores once, when it starts, and goes by ``NPROC`` where that is set.
    """
    before = os.environ.get("NPROC")
    os.environ["NPROC"] = str(n_threads)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("NPROC", None)
        else:
            os.environ["NPROC"] = before


def n_cores() -> int:
    """Return how many cores this process may use, or this item of a map its worker gave it.

    Counts the cores that an affinity (``taskset``, Slurm) and a control group (containers) leave,
    and divides by the workers of a surrounding `neuroloom.shared.map`.

    Examples
    --------
    >>> n_cores() >= 1
    True
    """
    given = getattr(_local, "n_cores", None)
    return int(joblib.cpu_count()) if given is None else int(given)


def inside_map() -> bool:
    """Return whether this thread computes an item of a map."""
    return getattr(_local, "n_cores", None) is not None


def _each_thread(library: Any) -> bool:
    """Return whether a library counts its threads for each thread that calls it."""
    layer = getattr(library, "threading_layer", None)
    return library.user_api == "openmp" or layer == "openmp"


def _set(library: Any, n_threads: int) -> None:
    """Set a library's number of threads, whichever thread did so before.

    threadpoolctl 3.8 lets the first thread alone set the number of a BLAS; here each does so in
    turn, under a lock.
    """
    free = getattr(library, "clear_controlling_thread", lambda force: None)
    free(force=True)
    library.set_num_threads(n_threads)
    free(force=True)


def _n_threads(library: Any) -> int:
    return int(library.get_num_threads())
