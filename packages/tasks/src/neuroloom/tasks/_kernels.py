"""The inner loops, compiled by numba where it is installed; the same bits as in numpy."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.shared import require
from neuroloom.tasks._errors import unknown

_NARROW = 8

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
    loop: Callable[..., Any] = shared.compiled(globals()[name])
    return loop


def count_loop(
    counts: NDArray[np.int64],
    period: NDArray[np.int16],
    noisy: NDArray[np.bool_],
    segment: int,
    row: int,
    start: int,
    stop: int,
) -> int:
    """Return how many of the steps from `start` to `stop` get noise.

    `row` is the first step of `segment`, which lies at `start` or before.
    """
    n = 0
    while row < stop:
        end = row + counts[segment]
        if noisy[period[segment]]:
            n += max(min(end, stop) - max(row, start), 0)
        row = end
        segment += 1
    return n


def emit_loop(
    levels: NDArray[np.float32],
    right: NDArray[Any],
    stepwise: bool,
    counts: NDArray[np.int64],
    period: NDArray[np.int16],
    noisy: NDArray[np.bool_],
    draws: NDArray[np.float32],
    scale: NDArray[np.float32],
    columns: NDArray[np.int64],
    first_column: int,
    segment: int,
    row: int,
    start: int,
    stop: int,
    observation: NDArray[np.float32],
    target: NDArray[Any],
    offset: int,
    stride: int,
) -> None:
    """Write levels, targets and noise of the steps from `start` to `stop`.

    Step ``start + i`` goes into row ``offset + i * stride`` of `observation` and `target`.
    `first_column` is where the noisy channels begin, -1 if there are gaps between them.
    """
    k = 0
    narrow = levels.shape[1] <= _NARROW and not stepwise
    while row < stop:
        end = row + counts[segment]
        part = period[segment]
        first, last = max(row, start), min(end, stop)
        begin = offset + (first - start) * stride
        if narrow:
            # A level stays the same for many steps: with few channels, channel by channel.
            for channel in range(levels.shape[1]):
                level = levels[segment, channel]
                out = begin
                for _ in range(first, last):
                    observation[out, channel] = level
                    out += stride
            out = begin
            for _ in range(first, last):
                target[out] = right[segment]
                out += stride
        else:
            out = begin
            for at in range(first, last):
                one = at if stepwise else segment
                for channel in range(levels.shape[1]):
                    observation[out, channel] = levels[one, channel]
                target[out] = right[one]
                out += stride
        if noisy[part]:
            if first_column >= 0 and not narrow:
                out = begin
                for _ in range(first, last):
                    for j in range(draws.shape[1]):
                        observation[out, first_column + j] += draws[k, j] * scale[part, j]
                    k += 1
                    out += stride
            else:
                for j in range(draws.shape[1]):
                    size, column = scale[part, j], columns[j]
                    out = begin
                    for at in range(last - first):
                        observation[out, column] += draws[k + at, j] * size
                        out += stride
                k += max(last - first, 0)
        row = end
        segment += 1


def describe_loop(
    counts: NDArray[np.int64],
    n_parts: int,
    period: NDArray[np.int16],
    starts: NDArray[np.int64],
    due: NDArray[np.bool_],
    phase_of: NDArray[np.int8],
    start: int,
    stop: int,
    first: int,
    at: int,
    slot: int,
    right: NDArray[np.int64],
    steps: Any,
) -> None:
    """Write what the steps from `start` to `stop` belong to; `first` is the first one's trial."""
    trial = first
    row = starts[trial]
    shift = at - start
    while row < stop:
        over = starts[trial + 1]
        for part in range(trial * n_parts, (trial + 1) * n_parts):
            end = row + counts[part]
            for step in range(max(row, start), min(end, stop)):
                one = steps[shift + step]
                one.right = right[shift + step]
                one.period = period[part]
                one.phase = phase_of[period[part]]
                one.left = over - step
                one.slot = slot + trial - first
                one.due = due[trial]
            row = end
        trial += 1


def step_loop(
    actions: NDArray[np.int64],
    at: NDArray[np.int64],
    ob: NDArray[np.float32],
    steps: Any,
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
    packed: NDArray[np.float64],
    ended: NDArray[np.float64],
    slots: NDArray[np.int64],
    n_actions: int,
) -> int:
    """Act in every environment, go on, and write what they show.

    Nothing is done if an action is none of `n_actions`; then -1 less the environment's number is
    returned. What was drawn for trials that end goes from `packed` into the columns of `ended`.

    `worth` and `merit` are reward and performance of an answer: `(n, room)` by step for mode 1,
    `(n, trials, actions)` by trial for mode 2, not used for mode 0. Returns how many environments
    have run out of steps; those show nothing yet.
    """
    out = 0
    n, room, channels = ob.shape
    for i in range(n):
        if actions[i] < 0 or actions[i] >= n_actions:
            return -1 - i
    for i in range(n):
        here, action = at[i], actions[i]
        one = steps[i, here]
        left, wanted, slot, phase = one.left, one.right, one.slot, one.phase
        last = left == 1
        gain, merits, over, answered, stopped = 0.0, 0.0, last, False, False
        if action != 0:
            if phase == 2:
                answered = over = True
                if mode == 1:
                    gain, merits = worth[i, here, 0], merit[i, here, 0]
                elif mode == 2:
                    gain = worth[i, slot, action]
                    merits = merit[i, slot, action]
                elif action == wanted:
                    gain, merits = pays[1], 1.0
                else:
                    gain = pays[2]
            elif phase == 1:
                gain = pays[0]
                if abort_ends:
                    over = stopped = True
        if last and not answered and not stopped:
            if one.due:
                gain += pays[3]
            else:
                gain += pays[4]
                merits = 1.0
        slots[i] = slot
        reward[i], end[i], performance[i], target[i] = gain, over, merits, wanted
        if over:
            for k in range(ended.shape[0]):
                ended[k, i] = packed[i, slot, k]
        here += left if over else 1
        at[i] = here
        if here >= room:
            out += 1
        else:
            for channel in range(channels):
                observation[i, channel] = ob[i, here, channel]
    return out
