"""Who projects to whom: outgoing synapses in compressed rows, split by target.

How they lie in memory stands in `_parts`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._engine._parts import (
    MAX_PART,
    MOST_CODES,
    MOST_STEPS,
    Parts,
    as_precision,
    balanced_bounds,
    classes,
    even_bounds,
    gather,
    read_only,
    replace_weight,
    resplit,
    sort_synapses,
)
from neuroloom.lifnet._errors import NetworkError
from neuroloom.shared import checks

MOST_CHANNELS = 256  # the channel of a synapse is kept in one byte


@dataclass(frozen=True, slots=True, eq=False)
class Connectivity:
    """All synapses of a network.

    Build one with `from_csr`; `simulate` splits it as its threads need. Its arrays are read-only:
    other weights are another connectivity.
    """

    n_neurons: int
    n_synapses: int
    min_delay: int
    max_delay: int
    n_channels: int
    parts: Parts
    _splits: dict[tuple[int, str], Parts] = field(default_factory=dict, repr=False)
    known: dict[str, int] = field(default_factory=dict, repr=False)
    """What was computed of the synapses and is kept."""
    blocks: Connectivity | None = field(default=None, repr=False)
    """The same synapses by block, which all tables of weights share."""

    def __post_init__(self) -> None:
        read_only(self.parts)

    def __getstate__(self) -> list[Any]:
        """Return the fields without what is kept: it is no part of what the synapses are."""
        kept: dict[str, Any] = {"_splits": {}, "known": {}}
        return [kept.get(part.name, getattr(self, part.name)) for part in fields(self)]

    def reached_at_once(self, channel: int) -> NDArray[np.bool_]:
        """Return which neurons synapses without delay enter on a channel, shape (n_neurons,)."""
        parts, hit = self.parts, np.zeros(self.n_neurons, dtype=bool)
        for begin, row in zip(parts.bounds[:-1], parts.rows, strict=True):
            mine = slice(row[0], row[-1])
            at_once = (parts.delay[mine] == 0) & (parts.channel[mine] == channel)
            start = parts.start[row[0] : row[-1] + 1]
            targets = parts.target[start[0] : start[-1]]
            hit[begin + targets[np.repeat(at_once, np.diff(start))].astype(np.int64)] = True
        return hit

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
            If the rows are not well formed, a target does not exist, a weight is not finite, a
            delay is negative, or a channel is not a whole number from 0 to 255.
        """
        pointer, target = _rows_of(indptr, indices, n_neurons)
        n = len(pointer) - 1
        given = checks.array("weights", weights, dtype=np.float64, error=NetworkError)
        weight = _per_synapse("weights", given, len(target))
        delay = _per_synapse("delay_steps", _plain("delay_steps", delay_steps), len(target))
        channels = _channels_of(channel, n)
        if delay.dtype.kind not in "iu" or (
            delay.size and not 0 <= delay.min() <= delay.max() <= MOST_STEPS
        ):
            raise NetworkError(f"delay_steps: expected whole numbers from 0 to {MOST_STEPS:,}")
        weight_values, weight_code = classes(weight, MOST_CODES)
        delay_values, delay_code = classes(delay.astype(np.int64), MOST_CODES)
        if delay_values is None:
            raise NetworkError(f"delay_steps: expected at most {MOST_CODES} distinct delays")
        n_weights = 1 if weight_values is None else len(weight_values)
        if len(delay_values) * n_weights > MOST_CODES:
            weight_values, weight_code, n_weights = None, np.zeros(0, dtype=np.uint16), 1
        parts = sort_synapses(
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

    @classmethod
    def from_blocks(
        cls, indptr: NDArray[np.int64], targets: NDArray[Any], group: NDArray[np.int64], n: int
    ) -> Connectivity:
        """Return synapses without delay whose weights are those of a table; see `with_table`.

        Parameters
        ----------
        indptr : ndarray of int, shape (n_neurons + 1,)
            Row j is ``targets[indptr[j]:indptr[j + 1]]``, the targets of neuron j.
        targets : ndarray of int, shape (n_synapses,)
            Target neurons.
        group : ndarray of int, shape (n_neurons,)
            Group of each neuron.
        n : int
            Number of groups.
        """
        n_neurons = len(group)
        parts = sort_synapses(
            indptr,
            targets,
            np.zeros(1),
            np.arange(n, dtype=np.float64),
            group[targets].astype(np.uint16),
            np.zeros(1, dtype=np.int32),
            np.zeros(0, dtype=np.uint16),
            np.zeros(n_neurons, dtype=np.uint8),
            even_bounds(n_neurons, -(-n_neurons // MAX_PART)),
        )
        source = np.zeros(len(parts.start), dtype=np.int64)
        for row in parts.rows:
            source[row[0] : row[-1]] = np.repeat(group, np.diff(row))
        block = (parts.weight * n + source).astype(np.int32)
        return cls(n_neurons, len(targets), 0, 0, 1, replace(parts, block=block))

    def with_table(self, table: NDArray[np.float64]) -> Connectivity:
        """Return these synapses with the weights of a table.

        Parameters
        ----------
        table : ndarray, shape (n_groups, n_groups)
            Weight from each group (column) to each group (row).
        """
        weight = table.ravel()[self.parts.block]
        parts = replace_weight(self.parts, weight)
        return replace(self, parts=parts, _splits={}, known={}, blocks=self)

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
                self._splits[key] = read_only(self._cut(n_parts))
            parts = self._splits[key]
        if parts.weight.dtype != dtype:
            key = (n_parts, dtype)
            if key not in self._splits:
                weight = as_precision("weights", parts.weight, dtype)
                self._splits[key] = read_only(replace_weight(parts, weight))
            parts = self._splits[key]
        return parts

    def _cut(self, n_parts: int) -> Parts:
        """Return the synapses in `n_parts` parts; those of all tables are cut once."""
        if self.blocks is None:
            return resplit(self.parts, balanced_bounds(self.in_degree(), n_parts))
        parts = self.blocks.split(n_parts, "float64")
        values = np.zeros(1 + int(self.parts.block.max()))  # type: ignore[union-attr]
        values[self.parts.block] = self.parts.weight
        return replace_weight(parts, values[parts.block])

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
        gather(
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


def _plain(name: str, values: ArrayLike) -> NDArray[Any]:
    return checks.plain(name, values, error=NetworkError)


def _rows_of(
    indptr: ArrayLike, indices: ArrayLike, n_neurons: int | None
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return row ends and targets that are well formed."""
    pointer = np.array(checks.array("indptr", indptr, dtype=np.int64, error=NetworkError))
    target = _plain("indices", indices)
    if target.shape == (0,):  # of no type, where a list is empty
        target = target.astype(np.int64)
    n = pointer.size - 1
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
    return pointer, target


def _per_synapse(name: str, value: NDArray[Any], n: int) -> NDArray[Any]:
    """Return a number, or one for each synapse, if it is that."""
    if value.ndim > 1 or (value.ndim == 1 and value.shape != (n,)):
        raise NetworkError(
            f"{name}: expected a number or one per synapse ({n}), got shape {value.shape}"
        )
    if not np.isfinite(value).all():
        raise NetworkError(f"{name}: expected finite values, got NaN or infinity")
    return value


def _channels_of(channel: ArrayLike, n: int) -> NDArray[np.uint8]:
    """Return the channel of each source's synapses."""
    given = _plain("channel", channel)
    if given.shape not in ((), (n,)):
        raise NetworkError(f"channel: expected one or one per neuron ({n}), got {given.shape}")
    if given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= MOST_CHANNELS:
        raise NetworkError(
            f"channel: expected whole numbers from 0 to {MOST_CHANNELS - 1}, got {channel!r}"
        )
    return np.broadcast_to(given.astype(np.uint8), (n,))
