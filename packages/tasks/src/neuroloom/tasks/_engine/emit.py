"""From tables to steps: levels, targets and noise, written where they are wanted."""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from neuroloom.tasks._design.table import Pieces, Table
from neuroloom.tasks._random.backend import compiled
from neuroloom.tasks._random.counter import normal_table, normals

_FEW = 4


class Noisy(Protocol):
    """Which channels get noise in which periods, and how much."""

    backend: Literal["numba", "numpy"]
    noisy: NDArray[np.bool_]
    noise_columns: NDArray[np.int64]
    noise_scale: NDArray[np.float32]
    noise_gain: Any
    noise_first: int


def emit(
    plan: Noisy,
    table: Table,
    pieces: Pieces,
    observation: NDArray[np.float32],
    target: NDArray[Any],
    stride: int,
) -> None:
    """Write pieces of a table, each into every `stride`-th row; see `TaskPlan.emit`."""
    if plan.backend == "numba":
        compiled("emit")(
            *(table.levels, table.base, table.target, table.stepwise, table.counts),
            *(table.segment_period, table.starts, plan.noisy, table.keys, plan.noise_scale),
            *(plan.noise_columns, *normal_table(), np.asarray(pieces), observation, target, stride),
        )
        return
    for start, stop, offset in pieces:
        part = slice(offset, offset + (stop - start) * stride, stride)
        right = slice(start, stop) if table.stepwise else table.segment[start:stop]
        target[part] = table.target[right]
        shown = table.levels.take(table.source[start:stop], axis=0)
        if plan.noise_columns.size:
            noisy = table.noisy
            rows = noisy[noisy.searchsorted(start) : noisy.searchsorted(stop)]
            _add(plan, shown, rows - start, _noise(plan, table, rows))
        observation[part] = shown


def _noise(plan: Noisy, table: Table, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the noise of some steps, one number a noisy channel."""
    assert table.keys is not None
    width = plan.noise_columns.size
    first = table.step[rows] * ((width + 1) // 2)
    draws = normals(table.keys[table.trial[rows]], first, width)
    draws *= plan.noise_scale[table.period[rows]] if plan.noise_gain is None else plan.noise_gain
    return draws


def _add(
    plan: Noisy, shown: NDArray[np.float32], rows: NDArray[np.int64], draws: NDArray[np.float32]
) -> None:
    width = draws.shape[1]
    if width <= _FEW:
        # numpy adds to rows of one column faster than to rows of two.
        for j, at in enumerate(plan.noise_columns):
            column = shown[:, at]
            column[rows] += draws[:, j]
    elif plan.noise_first >= 0:
        shown[rows, plan.noise_first : plan.noise_first + width] += draws
    else:
        shown[rows[:, None], plan.noise_columns] += draws
