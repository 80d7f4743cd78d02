"""A barrier for a few threads inside compiled code.

Threads of one network meet thousands of times per second; a barrier on atomics costs a fraction
of a microsecond where a parallel loop's start costs many. A thread that waits long gives its core
away, so that a busy machine slows a run down and does not stop it.
"""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from neuroloom.shared import compiled

# SwitchToThread lies in kernel32, which every Windows process has loaded.
_give_way = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)
_SPINS_BEFORE_YIELD = 4000


def _pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    array_type = signature.args[0]
    array = context.make_array(array_type)(context, builder, args[0])
    return cgutils.get_item_pointer(  # type: ignore[no-untyped-call]
        context, builder, array_type, array, [args[1]], wraparound=False
    )


@intrinsic
def _atomic_add(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature, args)
        return builder.atomic_rmw("add", pointer, args[2], "seq_cst")

    return types.int64(types.Array(types.int64, 1, "C"), types.intp, types.int64), codegen


@intrinsic
def _atomic_load(typingctx: Any, array: Any, index: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature, args)
        zero = ir.Constant(ir.IntType(64), 0)
        return builder.atomic_rmw("add", pointer, zero, "seq_cst")

    return types.int64(types.Array(types.int64, 1, "C"), types.intp), codegen


@compiled
def meet(counter: Any, n_threads: int, meeting: int) -> None:
    """Wait until all threads have come to this meeting, the `meeting`-th (from 1) of the run."""
    _atomic_add(counter, 0, 1)  # type: ignore[call-arg]
    goal = n_threads * meeting
    spins = 0
    while _atomic_load(counter, 0) < goal:
        spins += 1
        if spins > _SPINS_BEFORE_YIELD:
            _give_way()
