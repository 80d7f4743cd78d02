"""Whether loops run in numba or in numpy."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from typing import Any, Literal

from neuroloom.shared import require
from neuroloom.tasks._errors import unknown

Backend = Literal["auto", "numba", "numpy"]


def chosen(backend: Backend) -> Literal["numba", "numpy"]:
    """Return the backend that `backend` means here: numba if installed, for ``"auto"``.

    Raises
    ------
    MissingDependencyError
        If numba is asked for and not installed.
    TaskError
        If there is no such backend.
    """
    if backend == "auto":
        return "numba" if importlib.util.find_spec("numba") else "numpy"
    if backend not in ("numba", "numpy"):
        raise unknown("backend", backend, ("auto", "numba", "numpy"))
    if backend == "numba":
        require("numba", extra="neuroloom-tasks[fast]")
    return backend


@functools.cache
def compiled(name: str) -> Callable[..., Any]:
    """Return the loop called `name`, compiled on its first call."""
    require("numba", extra="neuroloom-tasks[fast]")
    loop: Callable[..., Any] = getattr(
        importlib.import_module("neuroloom.tasks._engine.compiled"), name
    )
    return loop
