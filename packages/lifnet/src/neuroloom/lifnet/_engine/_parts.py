"""Synapses as the kernel reads them: rows split by target, synapses sorted into segments.

A row holds what one source neuron sends to one part of the targets. Synapses of a row that share
delay, channel and, if weights repeat, the weight lie together in a segment, so that a synapse
costs two bytes (its target within the part) or two bytes and its weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._errors import LifnetError, NetworkError
from neuroloom.shared import compiled

MAX_PART = 65536
# Parts begin at multiples of this, which is also the kernel's tile.
GRID = 256
# What a neuron costs besides its synapses, in synapses: a step of .5 ms against spikes at 10 Hz.
_COST_OF_A_NEURON = 200.0
MOST_CODES = 4096
MOST_STEPS = 2**31 - 2  # of a delay, which is kept in 32 bits


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Synapses, split at the target neurons in `bounds`.

    Segment s holds the synapses ``start[s]`` to ``start[s + 1]``; row j of part p the segments
    ``rows[p, j]`` to ``rows[p, j + 1]``. ``target`` counts from the part's first neuron.
    `weight` has one entry per segment if `shared_weights`, else one per synapse.
    """

    bounds: NDArray[np.int64]
    rows: NDArray[np.int64]
    start: NDArray[np.int64]
    delay: NDArray[np.int32]
    channel: NDArray[np.uint8]
    target: NDArray[np.uint16]
    weight: NDArray[Any]
    shared_weights: bool
    block: NDArray[np.int32] | None = None
    """Where the weight of each segment stands in a table of blocks, if it is from one."""

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        arrays = (self.rows, self.start, self.delay, self.channel, self.target, self.weight)
        return sum(array.nbytes for array in arrays)


def read_only(parts: Parts) -> Parts:
    """Return `parts` after making their arrays read-only: what is made of them would be stale."""
    for name in Parts.__slots__:
        value = getattr(parts, name)
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return parts


def even_bounds(n_neurons: int, n_parts: int) -> NDArray[np.int64]:
    """Return where parts of about equal size begin, on the grid, and the number of neurons."""
    if n_parts == 1:
        return np.array([0, n_neurons], dtype=np.int64)
    inner = np.rint(np.arange(1, n_parts) * n_neurons / (n_parts * GRID)).astype(np.int64) * GRID
    return np.concatenate([[0], np.minimum(inner, n_neurons), [n_neurons]])


def balanced_bounds(in_degree: NDArray[Any], n_parts: int) -> NDArray[np.int64]:
    """Return where parts of about equal work begin, on the grid, and the number of neurons."""
    n = len(in_degree)
    if n_parts == 1:
        return np.array([0, n], dtype=np.int64)
    edges = np.append(np.arange(0, n, GRID), n)
    work = np.append(0.0, np.cumsum(in_degree + _COST_OF_A_NEURON))[edges]
    wanted = work[-1] * np.arange(1, n_parts) / n_parts
    cell = np.argmin(np.abs(work[:, np.newaxis] - wanted), axis=0)
    bounds = np.concatenate([[0], edges[cell], [n]]).astype(np.int64)
    sizes = np.diff(bounds)
    if sizes.min() == 0 or sizes.max() > MAX_PART:
        return even_bounds(n, n_parts)
    return bounds


def classes(values: NDArray[Any], most: int) -> tuple[NDArray[Any] | None, NDArray[np.uint16]]:
    """Return the distinct values, None if there are more than `most`, and each entry's class."""
    if values.ndim == 0 or values.size == 0:
        return np.atleast_1d(values)[:1] if values.size else np.zeros(1, values.dtype), np.zeros(
            0, dtype=np.uint16
        )
    sample = values[:: max(1, values.size // 20000)]
    if len(np.unique(sample)) > most:
        return None, np.zeros(0, dtype=np.uint16)
    distinct, code = np.unique(values, return_inverse=True)
    if len(distinct) > most:
        return None, np.zeros(0, dtype=np.uint16)
    return distinct, code.astype(np.uint16)


def as_precision(
    name: str, values: NDArray[Any], dtype: Any, *, error: type[LifnetError] = NetworkError
) -> NDArray[Any]:
    """Return `values` in a precision.

    Parameters
    ----------
    name : str
        What an error calls them.
    values : ndarray
        Finite values.
    dtype : dtype
        Precision.
    error : type
        Error to raise.

    Raises
    ------
    LifnetError
        If a value lies beyond the largest number of the precision.
    """
    with np.errstate(over="ignore"):
        result = np.asarray(values).astype(dtype, copy=False)
    # Extremes in place of a mask, which would take a byte for each synapse.
    if result.size and not (np.isfinite(result.max()) and np.isfinite(result.min())):
        limit, largest = np.finfo(result.dtype).max, np.abs(values).max()
        raise error(
            f"{name}: expected magnitudes up to {limit:.3g}, the largest of {result.dtype.name}, "
            f"got {f'{largest:g}' if np.isfinite(largest) else 'larger ones'}; take another unit "
            "or dtype='float64'"
        )
    return result


def replace_weight(parts: Parts, weight: NDArray[Any]) -> Parts:
    return Parts(
        parts.bounds,
        parts.rows,
        parts.start,
        parts.delay,
        parts.channel,
        parts.target,
        weight,
        parts.shared_weights,
        parts.block,
    )


def sort_synapses(
    indptr: NDArray[np.int64],
    target: NDArray[Any],
    weight: NDArray[np.float64],
    weight_values: NDArray[np.float64] | None,
    weight_code: NDArray[np.uint16],
    delay_values: NDArray[np.int32],
    delay_code: NDArray[np.uint16],
    channel: NDArray[np.uint8],
    bounds: NDArray[np.int64],
) -> Parts:
    shared = weight_values is not None
    n_weights = len(weight_values) if weight_values is not None else 1
    n_codes = n_weights * len(delay_values)
    n, n_parts = len(indptr) - 1, len(bounds) - 1
    target = target.astype(np.int32, copy=False)
    rows = np.zeros((n_parts, n + 1), dtype=np.int64)
    sizes = np.zeros(n_parts, dtype=np.int64)
    _count_segments(
        indptr, target, weight_code, delay_code, n_weights, n_codes, bounds, rows, sizes
    )
    n_segments = 0
    for p in range(n_parts):
        rows[p] += n_segments
        n_segments = int(rows[p, -1]) + 1  # one more, for the end of the part's last segment
    start = np.zeros(n_segments, dtype=np.int64)
    code = np.zeros(n_segments, dtype=np.int32)
    local = np.empty(len(target), dtype=np.uint16)
    each = np.empty(0 if shared else len(target), dtype=np.float64)
    _fill_segments(
        indptr,
        target,
        np.atleast_1d(weight),
        weight_code,
        delay_code,
        n_weights,
        n_codes,
        bounds,
        rows,
        sizes,
        start,
        code,
        local,
        each,
    )
    source_channel = np.zeros(n_segments, dtype=np.uint8)
    for p in range(n_parts):
        source_channel[rows[p, 0] : rows[p, -1]] = np.repeat(channel, np.diff(rows[p]))
    return Parts(
        bounds=bounds,
        rows=rows,
        start=start,
        delay=delay_values[code // n_weights],
        channel=source_channel,
        target=local,
        weight=weight_values[code % n_weights] if weight_values is not None else each,
        shared_weights=shared,
    )


def resplit(parts: Parts, bounds: NDArray[np.int64]) -> Parts:
    """Return the same segments cut at other bounds."""
    n_old, n = parts.rows.shape[0], parts.rows.shape[1] - 1
    n_new = len(bounds) - 1
    rows = np.zeros((n_new, n + 1), dtype=np.int64)
    sizes = np.zeros(n_new, dtype=np.int64)
    nothing = np.zeros(0, dtype=np.int64)
    arguments = (parts.bounds, parts.rows, parts.start, parts.target, n_old, bounds, rows, sizes)
    _cut(*arguments, nothing, nothing, np.zeros(0, np.uint16), False, nothing)
    n_segments = 0
    for p in range(n_new):
        rows[p] += n_segments
        n_segments = int(rows[p, -1]) + 1
    start = np.zeros(n_segments, dtype=np.int64)
    origin = np.zeros(n_segments, dtype=np.int64)
    target = np.empty(len(parts.target), dtype=np.uint16)
    synapse = np.zeros(0 if parts.shared_weights else len(target), dtype=np.int64)
    _cut(*arguments, start, origin, target, True, synapse)
    return Parts(
        bounds=bounds,
        rows=rows,
        start=start,
        delay=parts.delay[origin],
        channel=parts.channel[origin],
        target=target,
        weight=parts.weight[origin if parts.shared_weights else synapse],
        shared_weights=parts.shared_weights,
        block=None if parts.block is None else parts.block[origin],
    )


@compiled
def _count_segments(
    indptr: Any,
    target: Any,
    weight_code: Any,
    delay_code: Any,
    n_weights: int,
    n_codes: int,
    bounds: Any,
    rows: Any,
    sizes: Any,
) -> None:
    n_parts = len(bounds) - 1
    seen = np.full((n_parts, n_codes), -1, dtype=np.int64)
    for j in range(len(indptr) - 1):
        for p in range(n_parts):
            rows[p, j + 1] = rows[p, j]
        for s in range(indptr[j], indptr[j + 1]):
            code = 0
            if len(delay_code):
                code = int(delay_code[s]) * n_weights
            if len(weight_code):
                code += weight_code[s]
            p = 0
            while target[s] >= bounds[p + 1]:
                p += 1
            sizes[p] += 1
            if seen[p, code] != j:
                seen[p, code] = j
                rows[p, j + 1] += 1


@compiled
def _fill_segments(
    indptr: Any,
    target: Any,
    weight: Any,
    weight_code: Any,
    delay_code: Any,
    n_weights: int,
    n_codes: int,
    bounds: Any,
    rows: Any,
    sizes: Any,
    start: Any,
    code_of: Any,
    local: Any,
    each: Any,
) -> None:
    n_parts = len(bounds) - 1
    count = np.zeros((n_parts, n_codes), dtype=np.int64)
    place = np.zeros(n_parts, dtype=np.int64)
    for p in range(1, n_parts):
        place[p] = place[p - 1] + sizes[p - 1]
    for j in range(len(indptr) - 1):
        count[:] = 0
        for turn in range(2):
            for s in range(indptr[j], indptr[j + 1]):
                code = 0
                if len(delay_code):
                    code = int(delay_code[s]) * n_weights
                if len(weight_code):
                    code += weight_code[s]
                p = 0
                while target[s] >= bounds[p + 1]:
                    p += 1
                if turn == 0:
                    count[p, code] += 1
                else:
                    k = count[p, code]
                    count[p, code] += 1
                    local[k] = target[s] - bounds[p]
                    if len(each):
                        each[k] = weight[s if len(weight) > 1 else 0]
            if turn == 0:
                for p in range(n_parts):
                    segment = rows[p, j]
                    for code in range(n_codes):
                        n_here = count[p, code]
                        if n_here:
                            start[segment] = place[p]
                            code_of[segment] = code
                            segment += 1
                        count[p, code] = place[p]
                        place[p] += n_here
    for p in range(n_parts):
        start[rows[p, len(indptr) - 1]] = place[p]


@compiled
def _cut(
    old_bounds: Any,
    old_rows: Any,
    old_start: Any,
    old_target: Any,
    n_old: int,
    bounds: Any,
    rows: Any,
    sizes: Any,
    start: Any,
    origin: Any,
    target: Any,
    fill: bool,
    synapse: Any,
) -> None:
    n_new = len(bounds) - 1
    n = old_rows.shape[1] - 1
    place = np.zeros(n_new, dtype=np.int64)
    segment = np.zeros(n_new, dtype=np.int64)
    last = np.zeros(n_new, dtype=np.int64)
    for q in range(n_new):
        segment[q] = rows[q, 0]
        if q:
            place[q] = place[q - 1] + sizes[q - 1]
    for j in range(n):
        for old in range(n_old):
            for s in range(old_rows[old, j], old_rows[old, j + 1]):
                last[:] = -1
                for k in range(old_start[s], old_start[s + 1]):
                    neuron = old_bounds[old] + old_target[k]
                    q = 0
                    while neuron >= bounds[q + 1]:
                        q += 1
                    if last[q] != s:
                        last[q] = s
                        if fill:
                            start[segment[q]] = place[q]
                            origin[segment[q]] = s
                        segment[q] += 1
                    if fill:
                        target[place[q]] = neuron - bounds[q]
                        if len(synapse):
                            synapse[place[q]] = k
                        place[q] += 1
                    else:
                        sizes[q] += 1
        if not fill:
            for q in range(n_new):
                rows[q, j + 1] = segment[q]
    if fill:
        for q in range(n_new):
            start[rows[q, n]] = place[q]


@compiled
def gather(
    bounds: Any,
    rows: Any,
    start: Any,
    seg_delay: Any,
    seg_channel: Any,
    local: Any,
    seg_weight: Any,
    shared: bool,
    indptr: Any,
    target: Any,
    weight: Any,
    delay: Any,
    channel: Any,
) -> None:
    for j in range(len(indptr) - 1):
        k = indptr[j]
        for p in range(len(bounds) - 1):
            for s in range(rows[p, j], rows[p, j + 1]):
                for i in range(start[s], start[s + 1]):
                    target[k] = bounds[p] + local[i]
                    weight[k] = seg_weight[s] if shared else seg_weight[i]
                    delay[k] = seg_delay[s]
                    channel[k] = seg_channel[s]
                    k += 1
