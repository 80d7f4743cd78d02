"""One way to compile: cached, without the interpreter's lock, NaN instead of ZeroDivisionError."""

from __future__ import annotations

from neuroloom import shared

compiled = shared.compiled(error_model="numpy")
compiled_sum = shared.compiled(error_model="numpy", fastmath={"reassoc", "contract"})
