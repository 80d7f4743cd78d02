"""Programs compiled on first use, and once per shape.

Most of a first fit is spent in the compiler. XLA's older emitters for fused loops need half of the
time of its newer ones, and their code is about as fast.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

_WISHES: dict[str, bool | str] = {"xla_cpu_use_fusion_emitters": False}


@functools.cache
def options() -> dict[str, bool | str]:
    """Return those of our compiler options that the installed XLA knows."""
    try:
        jax.jit(lambda: 0, compiler_options=_WISHES).lower().compile()
    except Exception:  # a later XLA may drop the option, and names no error of its own for that
        return {}
    return dict(_WISHES)


@functools.cache
def program(function: Callable[..., Any], *static: str) -> Any:
    """Return the function compiled, with the named arguments fixed at compile time."""
    return jax.jit(function, static_argnames=static, compiler_options=options())


def double_precision() -> Any:
    """Return a context in which this thread computes in float64; nothing global is changed."""
    return jax.enable_x64(True)


def as_arrays(tree: Any) -> Any:
    """Return the tree with its leaves as JAX arrays (inside a double-precision block)."""
    return jax.device_put(tree)
