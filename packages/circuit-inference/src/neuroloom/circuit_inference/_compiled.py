"""One way to compile: cached, without the interpreter's lock, NaN instead of ZeroDivisionError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

_njit: Any = numba.njit

compiled: Callable[[Any], Any] = _njit(cache=True, nogil=True, error_model="numpy")
compiled_sum: Callable[[Any], Any] = _njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"}
)
