"""Who projects to whom: outgoing synapses in compressed rows, split by target.

A row holds what one source neuron sends to one part of the targets. Synapses of a row that share
delay, channel and, if weights repeat, the weight lie together in a segment, so that a synapse
costs two bytes (its target within the part) or two bytes and its weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import NetworkError
from neuroloom.shared import compiled

MAX_PART = 65536
# Parts begin at multiples of this, which is also the kernel's tile.
GRID = 256
# What a neuron costs besides its synapses, in synapses: a step of .5 ms against spikes at 10 Hz.
_COST_OF_A_NEURON = 200.0
_MOST_CODES = 4096


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

    @property
    def nbytes(self) -> int:
        """Memory in bytes."""
        arrays = (self.rows, self.start, self.delay, self.channel, self.target, self.weight)
        return sum(array.nbytes for array in arrays)


@dataclass(frozen=True, slots=True, eq=False)
class Connectivity:
    """All synapses of a network.

    Build one with `from_csr`; `simulate` splits it as its threads need.
    """

    n_neurons: int
    n_synapses: int
    min_delay: int
    max_delay: int
    n_channels: int
    parts: Parts
    _splits: dict[tuple[int, str], Parts] = field(default_factory=dict, repr=False)

    @classmethod
    def from_csr(
        cls,
        indptr: ArrayLike,
        indices: ArrayLike,
        weights: ArrayLike,
        *,
        n_neurons: int | None = None,
        delay_steps: ArrayLike = 0,
        channel: ArrayLike = 0,
    ) -> Connectivity:
        """Return the connectivity of compressed rows, one row of targets per source neuron.

        Parameters
        ----------
        indptr : array_like of int, shape (n_neurons + 1,)
            Row j is ``indices[indptr[j]:indptr[j + 1]]``, the targets of neuron j.
        indices : array_like of int, shape (n_synapses,)
            Target neurons.
        weights : array_like, scalar or shape (n_synapses,)
            Weight of each synapse.
        n_neurons : int, optional
            Number of neurons, checked against `indptr`.
        delay_steps : array_like of int, scalar or shape (n_synapses,)
            Whole steps on the way. 0: a spike in step t acts on the voltage in step t + 1.
        channel : array_like of int, scalar or shape (n_neurons,)
            Synaptic channel that a source's synapses enter.

        Raises
        ------
        NetworkError
            If the rows are not well formed, a target does not exist, a weight is not finite or a
            delay is negative.
        """
        pointer = np.array(indptr, dtype=np.int64)
        target = np.asarray(indices)
        n = len(pointer) - 1
        if pointer.ndim != 1 or n < 1 or pointer[0] != 0 or (np.diff(pointer) < 0).any():
            raise NetworkError("indptr: expected rising row ends that begin with 0")
        if n_neurons is not None and n_neurons != n:
            raise NetworkError(f"indptr: expected {n_neurons + 1} entries, got {n + 1}")
        if target.ndim != 1 or target.dtype.kind not in "iu" or len(target) != pointer[-1]:
            raise NetworkError(
                f"indices: expected {pointer[-1]} whole numbers, got shape {target.shape} "
                f"of {target.dtype}"
            )
        if target.size and (target.min() < 0 or target.max() >= n):
            raise NetworkError(
                f"indices: expected targets from 0 to {n - 1}, got {target.min()} to {target.max()}"
            )
        weight = np.asarray(weights, dtype=np.float64)
        delay = np.asarray(delay_steps)
        channels = np.broadcast_to(np.asarray(channel, dtype=np.uint8), (n,))
        for name, value in (("weights", weight), ("delay_steps", delay)):
            if value.ndim > 1 or (value.ndim == 1 and value.shape != target.shape):
                raise NetworkError(
                    f"{name}: expected a number or one per synapse ({len(target)}), "
                    f"got shape {value.shape}"
                )
            if not np.isfinite(value).all():
                raise NetworkError(f"{name}: expected finite values, got NaN or infinity")
        if delay.dtype.kind not in "iu" or (delay.size and delay.min() < 0):
            raise NetworkError("delay_steps: expected whole numbers of at least 0")
        weight_values, weight_code = _classes(weight, _MOST_CODES)
        delay_values, delay_code = _classes(delay.astype(np.int64), _MOST_CODES)
        if delay_values is None:
            raise NetworkError(f"delay_steps: expected at most {_MOST_CODES} distinct delays")
        n_weights = 1 if weight_values is None else len(weight_values)
        if len(delay_values) * n_weights > _MOST_CODES:
            weight_values, weight_code, n_weights = None, np.zeros(0, dtype=np.uint16), 1
        parts = _sort(
            pointer,
            target,
            weight,
            weight_values,
            weight_code,
            delay_values.astype(np.int32),
            delay_code,
            np.ascontiguousarray(channels),
            even_bounds(n, -(-n // MAX_PART)),
        )
        return cls(
            n_neurons=n,
            n_synapses=len(target),
            min_delay=int(delay_values.min()) if target.size else 0,
            max_delay=int(delay_values.max()) if target.size else 0,
            n_channels=int(channels.max()) + 1,
            parts=parts,
        )

    @property
    def nbytes(self) -> int:
        """Memory of the synapses in bytes."""
        return self.parts.nbytes

    def split(self, n_parts: int, dtype: str) -> Parts:
        """Return the synapses in at least `n_parts` parts, weights as `dtype`.

        The synapses as they were built serve where they can; another split is kept for the next
        run.
        """
        parts = self.parts
        if len(parts.bounds) - 1 < n_parts:
            key = (n_parts, "")
            if key not in self._splits:
                self._splits[key] = _resplit(parts, balanced_bounds(self.in_degree(), n_parts))
            parts = self._splits[key]
        if parts.weight.dtype != dtype:
            key = (n_parts, dtype)
            if key not in self._splits:
                self._splits[key] = _replace_weight(parts, parts.weight.astype(dtype))
            parts = self._splits[key]
        return parts

    def to_csr(
        self,
    ) -> tuple[
        NDArray[np.int64], NDArray[np.int32], NDArray[Any], NDArray[np.int32], NDArray[np.uint8]
    ]:
        """Return row ends, targets, weights, delays in steps and channels of all synapses."""
        parts = self.parts
        n_parts = len(parts.bounds) - 1
        sizes = np.zeros((n_parts, self.n_neurons), dtype=np.int64)
        for p in range(n_parts):
            ends = parts.start[parts.rows[p]]
            sizes[p] = np.diff(ends)
        indptr = np.append(0, np.cumsum(sizes.sum(axis=0)))
        target = np.empty(self.n_synapses, dtype=np.int32)
        weight = np.empty(self.n_synapses, dtype=parts.weight.dtype)
        delay = np.empty(self.n_synapses, dtype=np.int32)
        channel = np.empty(self.n_synapses, dtype=np.uint8)
        _gather(
            parts.bounds,
            parts.rows,
            parts.start,
            parts.delay,
            parts.channel,
            parts.target,
            parts.weight,
            parts.shared_weights,
            indptr,
            target,
            weight,
            delay,
            channel,
        )
        return indptr, target, weight, delay, channel

    def to_dense(self) -> NDArray[np.float64]:
        """Return the weights from each neuron (column) to each neuron (row)."""
        indptr, target, weight, _, _ = self.to_csr()
        out = np.zeros((self.n_neurons, self.n_neurons))
        source = np.repeat(np.arange(self.n_neurons), np.diff(indptr))
        np.add.at(out, (target, source), weight)
        return out

    def in_degree(self) -> NDArray[np.int64]:
        """Return the number of synapses that each neuron receives."""
        out = np.zeros(self.n_neurons, dtype=np.int64)
        parts = self.parts
        for p, first in enumerate(parts.bounds[:-1]):
            begin, end = parts.start[parts.rows[p, 0]], parts.start[parts.rows[p, -1]]
            for a in range(begin, end, 2**20):  # bincount takes 8 bytes for each entry
                counts = np.bincount(parts.target[a : min(end, a + 2**20)])
                out[first : first + len(counts)] += counts
        return out


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


def _classes(values: NDArray[Any], most: int) -> tuple[NDArray[Any] | None, NDArray[np.uint16]]:
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


def _replace_weight(parts: Parts, weight: NDArray[Any]) -> Parts:
    return Parts(
        parts.bounds,
        parts.rows,
        parts.start,
        parts.delay,
        parts.channel,
        parts.target,
        weight,
        parts.shared_weights,
    )


def _sort(
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


def _resplit(parts: Parts, bounds: NDArray[np.int64]) -> Parts:
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
def _gather(
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
