"""Consecutive runs as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine._result import Simulation


def join(pieces: Sequence[Simulation]) -> Simulation:
    """Return consecutive runs as one."""
    first = pieces[0]
    if len(pieces) == 1:
        return first

    def stack(name: str) -> NDArray[Any] | None:
        parts = [getattr(piece, name) for piece in pieces]
        return None if parts[0] is None else np.concatenate(parts)

    shift = [piece.first_step - first.first_step for piece in pieces]
    return replace(
        first,
        n_steps=sum(piece.n_steps for piece in pieces),
        spike_steps=np.concatenate(
            [piece.spike_steps + by for piece, by in zip(pieces, shift, strict=True)]
        ),
        spike_ids=np.concatenate([piece.spike_ids for piece in pieces]),
        spike_counts=np.concatenate([piece.spike_counts for piece in pieces]),
        voltage=stack("voltage"),
        current=stack("current"),
        population_current={
            name: np.concatenate([piece.population_current[name] for piece in pieces])
            for name in first.population_current
        },
        population_voltage={
            name: np.concatenate([piece.population_voltage[name] for piece in pieces])
            for name in first.population_voltage
        },
        state=pieces[-1].state,
    )
