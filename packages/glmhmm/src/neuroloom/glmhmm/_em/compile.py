"""Programs compiled on first use, and once per shape.

Most of a first fit is spent in the compiler. XLA's older emitters for fused loops need half of the
time of its newer ones, and their code is about as fast.

Sums are left to the compiled loops: XLA's library for them parts a sum among the cores of the
machine, so that its last bits would depend on their number. Matrix products it does not part.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

_FEW = 1024  # trials
_WISHES: dict[str, bool | str] = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT",
}


@functools.cache
def options() -> dict[str, bool | str]:
    """Return those of our compiler options that the installed XLA knows."""
    if _known(_WISHES):
        return dict(_WISHES)
    return {name: value for name, value in _WISHES.items() if _known({name: value})}


def _known(wishes: dict[str, bool | str]) -> bool:
    try:
        jax.jit(lambda: 0, compiler_options=wishes).lower().compile()
    except Exception:  # a later XLA may drop an option, and names no error of its own for that
        return False
    return True


@functools.cache
def program(function: Callable[..., Any], *static: str) -> Any:
    """Return the function compiled, with the named arguments fixed at compile time."""
    return jax.jit(function, static_argnames=static, compiler_options=options())


def double_precision() -> Any:
    """Return a context in which this thread computes in float64; nothing global is changed."""
    return jax.enable_x64(True)


def bucket(n: int) -> int:
    """Return a size of at least `n` from a coarse grid, so that near sizes share a program."""
    if n <= 8:
        return max(n, 1)
    step = 2 ** max(int(np.floor(np.log2(n))) - 3, 0)
    return int(-(-n // step) * step)


def power_of_two(n: int) -> int:
    """Return the smallest power of two of at least `n`."""
    return 1 << max(n - 1, 0).bit_length()


def grid_for(n_trials: int) -> Callable[[int], int]:
    """Return the rule that sizes are rounded up by.

    Few trials are computed in less than a thousandth of the time that compiling takes, and may as
    well be padded to the next power of two.
    """
    return power_of_two if n_trials <= _FEW else bucket


def by_trial(
    function: Callable[..., Any], arrays: tuple[NDArray[Any], ...], *rest: Any, **static: Any
) -> NDArray[Any]:
    """Return ``function(*arrays, *rest, **static)``, compiled for near numbers of trials at once.

    Trials stand along the last axis of all arrays and of what the function returns, which says
    nothing of a trial that depends on another: the last one is repeated up to a size that others
    have too.
    """
    n = arrays[0].shape[-1]
    more = grid_for(n)(n) - n if n else 0
    padded = [np.concatenate([a, np.repeat(a[..., -1:], more, axis=-1)], axis=-1) for a in arrays]
    with double_precision():
        out = program(function, *static)(*padded, *rest, **static)
    return np.asarray(out)[..., :n]


def as_arrays(tree: Any) -> Any:
    """Return the tree with its leaves as JAX arrays (inside a double-precision block)."""
    return jax.device_put(tree)
