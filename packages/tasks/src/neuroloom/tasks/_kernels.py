"""The inner loops, compiled by numba where it is installed; the same bits as in numpy."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

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
    numba = require("numba", extra="neuroloom-tasks[fast]")
    loop: Callable[..., Any] = numba.njit(cache=True, nogil=True)(globals()[name])
    return loop


def emit_loop(
    levels: NDArray[np.float32],
    right: NDArray[Any],
    source: NDArray[np.int64],
    rows: NDArray[np.int64],
    draws: NDArray[np.float32],
    scale: NDArray[np.float32],
    columns: NDArray[np.int64],
    period: NDArray[np.int16],
    start: int,
    observation: NDArray[np.float32],
    target: NDArray[Any],
) -> None:
    """Write levels, targets and noise of the steps from `start` on."""
    for at in range(len(observation)):
        one = source[start + at]
        for channel in range(levels.shape[1]):
            observation[at, channel] = levels[one, channel]
        target[at] = right[one]
    for at in range(len(rows)):
        part, row = period[rows[at]], rows[at] - start
        for k in range(len(columns)):
            observation[row, columns[k]] += draws[at, k] * scale[part, k]


def describe_loop(
    period: NDArray[np.int16],
    starts: NDArray[np.int64],
    due: NDArray[np.bool_],
    phase_of: NDArray[np.int8],
    start: int,
    stop: int,
    first: int,
    at: int,
    slot: int,
    out_period: NDArray[np.int16],
    out_phase: NDArray[np.int8],
    out_left: NDArray[np.int64],
    out_slot: NDArray[np.int64],
    out_due: NDArray[np.bool_],
) -> None:
    """Write what the steps from `start` to `stop` belong to; `first` is the first one's trial."""
    trial = first
    for row in range(start, stop):
        if row == starts[trial + 1]:
            trial += 1
        out_period[at] = period[row]
        out_phase[at] = phase_of[period[row]]
        out_left[at] = starts[trial + 1] - row
        out_slot[at] = slot + trial - first
        out_due[at] = due[trial]
        at += 1


def step_loop(
    actions: NDArray[np.int64],
    at: NDArray[np.int64],
    ob: NDArray[np.float32],
    right: NDArray[np.int64],
    phase: NDArray[np.int8],
    left: NDArray[np.int64],
    due: NDArray[np.bool_],
    slot: NDArray[np.int64],
    worth: NDArray[np.float64],
    merit: NDArray[np.float64],
    mode: int,
    pays: NDArray[np.float64],
    abort_ends: bool,
    observation: NDArray[np.float32],
    reward: NDArray[np.float64],
    end: NDArray[np.bool_],
    performance: NDArray[np.float64],
    target: NDArray[np.int64],
    slots: NDArray[np.int64],
) -> int:
    """Act in every environment, go on, and write what they show.

    `worth` and `merit` are reward and performance of an answer: `(n, room)` by step for mode 1,
    `(n, trials, actions)` by trial for mode 2, not used for mode 0. Returns how many environments
    have run out of steps; those show nothing yet.
    """
    out = 0
    n, room, channels = ob.shape
    for i in range(n):
        here, action = at[i], actions[i]
        steps, wanted = left[i, here], right[i, here]
        last = steps == 1
        gain, merits, over, answered, stopped = 0.0, 0.0, last, False, False
        if action != 0:
            if phase[i, here] == 2:
                answered = over = True
                if mode == 1:
                    gain, merits = worth[i, here, 0], merit[i, here, 0]
                elif mode == 2:
                    gain = worth[i, slot[i, here], action]
                    merits = merit[i, slot[i, here], action]
                elif action == wanted:
                    gain, merits = pays[1], 1.0
                else:
                    gain = pays[2]
            elif phase[i, here] == 1:
                gain = pays[0]
                if abort_ends:
                    over = stopped = True
        if last and not answered and not stopped:
            if due[i, here]:
                gain += pays[3]
            else:
                gain += pays[4]
                merits = 1.0
        slots[i] = slot[i, here]
        reward[i], end[i], performance[i], target[i] = gain, over, merits, wanted
        here += steps if over else 1
        at[i] = here
        if here >= room:
            out += 1
        else:
            for channel in range(channels):
                observation[i, channel] = ob[i, here, channel]
    return out
