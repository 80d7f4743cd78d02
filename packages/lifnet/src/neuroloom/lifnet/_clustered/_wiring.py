"""Connections of single neurons: a fixed number of inputs per neuron and block, drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._clustered._parameters import ClusteredParameters
from neuroloom.lifnet._engine import Connectivity
from neuroloom.lifnet._errors import NetworkError, as_seed
from neuroloom.shared import Seed, compiled

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Wiring:
    """Who projects to whom, as sparse rows by source neuron.

    Every neuron draws exactly ``in_degree[post, pre]`` different inputs of each population; a
    neuron that drew itself is left out.
    """

    starts: NDArray[np.int64]
    """Where each source's targets begin, shape (n_neurons + 1,)."""
    targets: NDArray[np.integer[Any]]
    """Target neurons, ascending within a source."""
    population: NDArray[np.int64]
    """Population of each neuron, shape (n_neurons,)."""
    _kept: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        for array in (self.starts, self.targets, self.population):
            array.flags.writeable = False  # what is made of them would be stale

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_kept": {}}

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.population)

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return len(self.targets)

    def weights(
        self, parameters: ClusteredParameters, dtype: Any = np.float64
    ) -> NDArray[np.floating[Any]]:
        """Return the efficacy of each synapse, which its block alone decides."""
        table = parameters.efficacy.astype(dtype)
        return cast(
            "NDArray[np.floating[Any]]",
            _block_weights(self.starts, self.targets, self.population, table),
        )

    def connectivity(self, parameters: ClusteredParameters) -> Connectivity:
        """Return what the engine runs on; sorted once, whatever the efficacies."""
        n, table, kept = parameters.n_pops, parameters.efficacy, self._kept
        if kept.get("n") != n:
            blocks = Connectivity.from_blocks(self.starts, self.targets, self.population, n)
            kept.update(n=n, blocks=blocks, table=None)
        if kept["table"] is None or not np.array_equal(kept["table"], table):
            kept.update(table=table.copy(), last=kept["blocks"].with_table(table))
        return cast("Connectivity", kept["last"])

    def dense(self, parameters: ClusteredParameters) -> NDArray[np.float64]:
        """Return the matrix W[post, pre]; for small networks."""
        matrix = np.zeros((self.n_neurons, self.n_neurons))
        sources = np.repeat(np.arange(self.n_neurons), np.diff(self.starts))
        matrix[self.targets, sources] = self.weights(parameters)
        return matrix


def draw_wiring(parameters: ClusteredParameters, *, seed: int | Seed = 0) -> Wiring:
    """Return connections of a clustered network, drawn from `seed`.

    Raises
    ------
    NetworkError
        If a neuron would need more inputs from a population than that has neurons.
    """
    sizes = parameters.sizes
    if (parameters.in_degree > sizes[None, :]).any():
        raise NetworkError(
            f"in_degree: expected at most the {sizes.max()} neurons of a population, "
            f"got {parameters.in_degree.max()}"
        )
    index = np.uint16 if parameters.n_neurons <= 2**16 else np.int32
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    degree = np.where(sizes[:, None] > 0, parameters.in_degree, 0)
    sources = np.empty(int((degree * sizes[:, None]).sum()), dtype=index)
    population = parameters.population
    generator = as_seed(seed).generator()
    _draw_sources(population, first, degree, sources, np.arange(parameters.n_neurons), generator)
    starts, targets = _by_source(population, degree.sum(axis=1), sources)
    return Wiring(starts, targets, population)


@compiled
def _draw_sources(population, first, degree, sources, pool, generator):  # type: ignore[no-untyped-def]
    """Fill `sources`, neuron by neuron, with distinct inputs of each block of the `pool`."""
    place = 0
    for post in range(population.size):
        for block in range(first.size - 1):
            begin, end = first[block], first[block + 1]
            # The pool need not be put in order again: any order is as good to draw from.
            for i in range(begin, begin + degree[population[post], block]):
                other = i + int(generator.random() * (end - i))
                pool[i], pool[other] = pool[other], pool[i]
                sources[place] = pool[i]
                place += 1


@compiled
def _by_source(population, row_length, sources):  # type: ignore[no-untyped-def]
    """Return the connections sorted by source, without those of a neuron to itself."""
    n = population.size
    starts = np.zeros(n + 1, np.int64)
    place = 0
    for post in range(n):
        for _ in range(row_length[population[post]]):
            if sources[place] != post:
                starts[sources[place] + 1] += 1
            place += 1
    for source in range(n):
        starts[source + 1] += starts[source]
    targets = np.empty(starts[n], sources.dtype)
    filled = starts[:-1].copy()
    place = 0
    for post in range(n):
        for _ in range(row_length[population[post]]):
            source = sources[place]
            if source != post:
                targets[filled[source]] = post
                filled[source] += 1
            place += 1
    return starts, targets


@compiled
def _block_weights(starts, targets, population, table):  # type: ignore[no-untyped-def]
    weights = np.empty(targets.size, table.dtype)
    for source in range(population.size):
        for k in range(starts[source], starts[source + 1]):
            weights[k] = table[population[targets[k]], population[source]]
    return weights
