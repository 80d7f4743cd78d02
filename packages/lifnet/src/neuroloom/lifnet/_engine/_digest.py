"""What tells a network from others: a digest of its neurons and synapses."""

from __future__ import annotations

import hashlib

import numpy as np

from neuroloom.lifnet._engine._cells import Cells
from neuroloom.lifnet._engine._connectivity import Connectivity
from neuroloom.lifnet._engine._noise import mix
from neuroloom.shared import compiled
from neuroloom.shared.random import GOLDEN


def network_digest(cells: Cells, connectivity: Connectivity) -> str:
    """Return the digest of a network, whatever the number of parts its synapses are kept in.

    Parameters
    ----------
    cells : Cells
        The neurons.
    connectivity : Connectivity
        The synapses.
    """
    told = hashlib.blake2b(digest_size=16)
    for name in cells.__slots__:
        value = getattr(cells, name)
        if value is not None:
            told.update(f"{name}{np.shape(value)}".encode())
            told.update(np.ascontiguousarray(value, dtype=np.float64).tobytes())
    told.update(f"synapses{connectivity.n_synapses}:{synapse_sum(connectivity)}".encode())
    return told.hexdigest()


def synapse_sum(connectivity: Connectivity) -> int:
    """Return a 64-bit sum over all synapses, in which their order does not count."""
    kept = connectivity.known
    if "sum" not in kept:
        parts = connectivity.parts
        kept["sum"] = int(
            _sum(
                parts.bounds,
                parts.rows,
                parts.start,
                parts.delay,
                parts.channel,
                parts.target,
                parts.weight,
                parts.shared_weights,
            )
        )
    return kept["sum"]


@compiled
def _sum(bounds, rows, start, delay, channel, target, weight, shared):  # type: ignore[no-untyped-def]
    total = np.uint64(0)
    # The bits of one weight at a time: a copy of all would be as large as the network.
    number = np.zeros(1, dtype=np.float64)
    bits = number.view(np.uint64)
    for p in range(len(bounds) - 1):
        for source in range(rows.shape[1] - 1):
            for s in range(rows[p, source], rows[p, source + 1]):
                segment = mix(np.uint64(source) + GOLDEN)
                segment = mix(segment + np.uint64(delay[s]) + GOLDEN)
                segment = mix(segment + np.uint64(channel[s]) + GOLDEN)
                if shared:
                    number[0] = weight[s] + 0.0  # a weight of −0 is one of 0
                    segment = mix(segment + bits[0] + GOLDEN)
                for k in range(start[s], start[s + 1]):
                    post = mix(segment + np.uint64(bounds[p] + target[k]) + GOLDEN)
                    if not shared:
                        number[0] = weight[k] + 0.0
                        post = mix(post + bits[0] + GOLDEN)
                    total += post
    return total
