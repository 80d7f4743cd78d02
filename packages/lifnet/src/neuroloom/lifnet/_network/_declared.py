"""What building and wiring need to know of a network's declaration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from neuroloom.lifnet._network._inputs import Input
from neuroloom.lifnet._network._population import Population
from neuroloom.lifnet._network._projection import Projection


class Declared(Protocol):
    """The parts of a `Network` that are read when it is built and run."""

    @property
    def populations(self) -> Sequence[Population]: ...
    @property
    def projections(self) -> Sequence[Projection]: ...
    @property
    def inputs(self) -> Sequence[Input]: ...
    @property
    def n_neurons(self) -> int: ...
    @property
    def receptors(self) -> tuple[str, ...]: ...
    @property
    def spans(self) -> Mapping[str, tuple[int, int]]: ...
