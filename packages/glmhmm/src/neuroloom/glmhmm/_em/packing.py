"""Trials laid out for the recursions: columns that a machine can work on side by side.

Time runs down the `n_steps` rows of `n_columns` columns. A column begins at a session's start,
unless one session is so long that it is cut over several columns (`split`). Places that hold
no trial are session starts of their own with likelihood one: they change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._em.compile import bucket, grid_for

Array = Any
_MAX_REGRESSORS = 8  # up to here the regressors' products are kept, 36 numbers per trial


class Trials(NamedTuple):
    """Packed arrays, the traced input of the compiled programs.

    `x` has shape (n_regressors + 1, n_places) with a last row of ones, `y` (n_outputs, n_places)
    or (1, n_places), the masks (n_steps, n_columns).
    """

    x: Array
    y: Array
    observed: Array  # 1.0 where the observation counts
    reset: Array  # True where the chain starts afresh, or no trial is
    start: Array  # 1.0 where a session starts
    u: Array  # regressors of the transitions, (n_inputs, n_steps, n_columns); n_inputs may be 0
    products: Array  # x_i x_j for i ≤ j, (n_products, n_places); none for wide designs
    seen: Array  # 1.0 where a single output counts (n_rows, n_places); none if all do


@dataclass(frozen=True)
class Layout:
    """Which trial stands where: `place[t]` is the flat position of trial `t`."""

    place: NDArray[np.int64]
    n_steps: int
    n_columns: int
    split: bool

    @property
    def size(self) -> int:
        """Number of places, filled or not."""
        return self.n_steps * self.n_columns

    def widened(self, n_steps: int, n_columns: int) -> Layout:
        """Return the same trials in a larger layout; a cut session keeps its columns' length."""
        step, column = np.divmod(self.place, self.n_columns)
        if self.split:
            t = np.arange(len(self.place))
            step, column = t % n_steps, t // n_steps
        return Layout(step * n_columns + column, n_steps, n_columns, self.split)

    def put(self, values: NDArray[Any], fill: float) -> NDArray[Any]:
        """Return values of the trials (first axis) in their places along the last axis."""
        out = np.full((*values.shape[1:], self.size), fill, dtype=values.dtype)
        out[..., self.place] = np.moveaxis(values, 0, -1)
        return out

    def take(self, packed: Array) -> NDArray[Any]:
        """Return what stands in the trials' places of the last axis, trials first."""
        return np.moveaxis(np.asarray(packed)[..., self.place], -1, 0)


def lay_out(
    starts: NDArray[np.bool_], n_steps: int | None = None, *, whole: bool = False
) -> Layout:
    """Return the layout of trials whose sessions begin where `starts` is True.

    `n_steps` asks for columns of that length, at least that of the longest session; `whole` keeps
    sessions in one column each, however long.
    """
    n = len(starts)
    first = np.flatnonzero(starts)
    lengths = np.diff(np.append(first, n))
    side = max(int(np.ceil(np.sqrt(n))), 1)
    longest = int(lengths.max())
    rounded = grid_for(n)
    if n_steps is not None and n_steps >= longest:
        return _fill(lengths, first, n_steps)
    if whole and longest > 4 * side:
        return _fill(lengths, first, rounded(longest))
    if longest <= 4 * side:
        sizes = {rounded(max(longest, int(side * factor))) for factor in (0.5, 0.7, 1.0, 1.4)}
        if rounded is bucket:
            sizes |= {longest * repeats for repeats in (1, 2, 3) if longest * repeats <= 2 * side}
        return min(
            (_fill(lengths, first, size) for size in sorted(sizes)),
            key=lambda layout: layout.size + 60 * layout.n_steps,
        )
    n_steps = rounded(side)
    n_columns = rounded(-(-n // n_steps))
    t = np.arange(n)
    return Layout((t % n_steps) * n_columns + t // n_steps, n_steps, n_columns, split=True)


def _fill(lengths: NDArray[np.int64], first: NDArray[np.int64], n_steps: int) -> Layout:
    """Return the layout with whole sessions below one another, as many as a column holds."""
    column, used = 0, 0
    offsets, columns = np.empty_like(lengths), np.empty_like(lengths)
    for i, length in enumerate(lengths.tolist()):
        if used + length > n_steps:
            column, used = column + 1, 0
        columns[i], offsets[i] = column, used
        used += length
    n_columns = grid_for(int(lengths.sum()))(column + 1)
    step = np.repeat(offsets - first, lengths) + np.arange(int(lengths.sum()))
    place = step * n_columns + np.repeat(columns, lengths)
    return Layout(place, n_steps, n_columns, split=False)


def _products(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the products of regressors that the Hessian sums up, if they are few."""
    if len(x) > _MAX_REGRESSORS:
        return np.zeros((0, x.shape[1]))
    rows, columns = np.triu_indices(len(x))
    out = np.empty((len(rows), x.shape[1]))
    for row, i, j in zip(out, rows, columns, strict=True):
        np.multiply(x[i], x[j], out=row)
    return out


def moved(trials: Trials, shift: NDArray[np.float64]) -> Trials:
    """Return the trials with a number taken off each regressor, and what depends on it."""
    x = np.asarray(trials.x) - np.append(shift, 0.0)[:, None]
    return trials._replace(x=x, products=_products(x))


def pack(
    layout: Layout,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    starts: NDArray[np.bool_],
    observed: NDArray[np.bool_],
    u: NDArray[np.float64] | None = None,
    seen: NDArray[np.bool_] | None = None,
) -> Trials:
    """Return the trials in their places; values that are not observed become harmless ones.

    `seen` (n_trials, n_rows) says which single outputs count, where not all do.
    """
    shape = (layout.n_steps, layout.n_columns)
    y2 = y[:, None] if y.ndim == 1 else y
    counts = np.repeat(observed[:, None], y2.shape[1], axis=1) if seen is None else seen
    # A value of the output's own is in the family's support, whatever that is.
    safe = np.array([c[k][0] if k.any() else 1.0 for c, k in zip(y2.T, counts.T, strict=True)])
    y2 = np.where(counts, y2, safe)
    design = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    inputs = np.zeros((len(x), 0)) if u is None else u
    # Empty places repeat a real trial, so that no link meets a value outside of its domain.
    x_packed = np.repeat(design[:1].T, layout.size, axis=1)
    x_packed[:, layout.place] = design.T
    y_packed = np.repeat(safe[:, None], layout.size, axis=1)
    y_packed[:, layout.place] = y2.T
    partial = seen is not None and bool((counts != observed[:, None]).any())
    kept = counts.astype(np.float64)
    return Trials(
        x=x_packed,
        y=y_packed,
        observed=layout.put(observed.astype(np.float64), 0.0).reshape(shape),
        reset=layout.put(starts, True).reshape(shape),
        start=layout.put(starts.astype(np.float64), 0.0).reshape(shape),
        u=layout.put(inputs, 0.0).reshape(-1, *shape),
        products=_products(x_packed),
        seen=layout.put(kept, 0.0) if partial else np.zeros((0, layout.size)),
    )
