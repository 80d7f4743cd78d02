"""Degrees of drawn synapses, counted where they lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine import Connectivity

_CHUNK = 2**20  # synapses at a time: counting takes several times their memory


def in_degree(connectivity: Connectivity, sources: tuple[int, int]) -> NDArray[np.int64]:
    """Return the synapses that each neuron gets from the sources first to last − 1.

    Parameters
    ----------
    connectivity : Connectivity
        The synapses.
    sources : (int, int)
        First source, and the one after the last.
    """
    parts = connectivity.parts
    out = np.zeros(connectivity.n_neurons, dtype=np.int64)
    for first, rows in zip(parts.bounds[:-1], parts.rows, strict=True):
        begin, end = (int(parts.start[rows[j]]) for j in sources)
        for a in range(begin, end, _CHUNK):
            counts = np.bincount(parts.target[a : min(end, a + _CHUNK)])
            out[first : first + len(counts)] += counts
    return out


def out_degree(connectivity: Connectivity, targets: tuple[int, int]) -> NDArray[np.int64]:
    """Return the synapses that each neuron sends to the targets first to last − 1.

    Parameters
    ----------
    connectivity : Connectivity
        The synapses.
    targets : (int, int)
        First target, and the one after the last.
    """
    parts = connectivity.parts
    out = np.zeros(connectivity.n_neurons, dtype=np.int64)
    for first, rows in zip(parts.bounds[:-1], parts.rows, strict=True):
        ends = parts.start[rows]
        inside = np.zeros(len(ends), dtype=np.int64)  # synapses inside, up to each row's end
        total = 0
        for a in range(int(ends[0]), int(ends[-1]), _CHUNK):
            b = min(int(ends[-1]), a + _CHUNK)
            target = parts.target[a:b] + np.int64(first)
            counted = np.append(0, np.cumsum((target >= targets[0]) & (target < targets[1])))
            here = (ends > a) & (ends <= b)
            inside[here] = total + counted[ends[here] - a]
            total += int(counted[-1])
        out += np.diff(inside)
    return out
