"""Parameters that change while a run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine import _kernel as kernel
from neuroloom.lifnet._engine._cells import Cells, propagators
from neuroloom.lifnet._errors import SimulationError


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Versions of a network of one exponential channel, and which one holds in each step.

    Parameters
    ----------
    version : ndarray of int, shape (n_steps,)
        Version of each step of the run.
    group : ndarray of int, shape (n_neurons,)
        Group of each neuron, whose parameters are those of its group.
    n_groups : int
        Number of groups.
    cells : Cells
        Parameters of all groups in all versions, version by version: n_versions · n_groups
        entries.
    jump : ndarray, shape (n_versions, n_drives, n_groups), optional
        Weight of one count of each drive, where that changes.
    table : ndarray, shape (n_versions, n_groups, n_groups), optional
        Weights (post, pre), where these change; the connectivity is one by blocks.

    Raises
    ------
    SimulationError
        If shapes differ, or the cells are of another kind.
    """

    version: NDArray[np.int64]
    group: NDArray[np.int64]
    n_groups: int
    cells: Cells
    jump: NDArray[np.float64] | None = None
    table: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        n_groups = self.n_groups
        n_versions, rest = divmod(self.cells.n_neurons, n_groups)
        if rest or len(self.version) == 0 or self.version.max() >= n_versions:
            raise SimulationError(
                f"schedule: expected cells of {n_groups} groups in each version, got "
                f"{self.cells.n_neurons} for versions up to {self.version.max()}"
            )
        if (
            self.cells.n_channels != 1
            or (self.cells.tau_rise > 0).any()
            or self.cells.reversal is not None
            or self.cells.delta_channels.any()
            or self.cells.bias.any()
        ):
            raise SimulationError("schedule: expected cells of one exponential channel, no bias")

    @property
    def starts(self) -> NDArray[np.int64]:
        """Neurons at which another group begins."""
        return np.flatnonzero(np.diff(self.group)) + 1

    def arrays(
        self,
        at: NDArray[np.int64],
        block: NDArray[np.int32] | None,
        delta_t: float,
        mechanism: str,
        dtype: np.dtype[Any],
    ) -> kernel.Changes:
        """Return the versions in the kernel's form.

        Parameters
        ----------
        at : ndarray of int, shape (n_tiles,)
            First neuron of each tile.
        block : ndarray of int, shape (n_segments,), optional
            Where the weight of each segment stands in the table.
        delta_t : float
            Step in seconds.
        mechanism : str
            How the linear equations are solved.
        dtype : dtype
            Precision.
        """
        cells, groups = self.cells, self.group[at]
        step = propagators(cells, delta_t, mechanism)

        def one(values: NDArray[Any], kind: Any = dtype) -> NDArray[Any]:
            return np.ascontiguousarray(values.reshape(-1, self.n_groups)[:, groups].astype(kind))

        jump = np.zeros((0, 0, 0)) if self.jump is None else self.jump[:, :, groups]
        table = np.zeros((0, 0)) if self.table is None else self.table.reshape(len(self.table), -1)
        if self.table is not None and block is None:
            raise SimulationError("schedule: expected a connectivity by blocks for its weights")
        return kernel.Changes(
            version=self.version.astype(np.int64),
            v_v=one(step.v_v),
            v_b=one(step.v_b),
            threshold=one(cells.threshold - cells.resting),
            reset=one(cells.reset - cells.resting),
            n_refractory=one(step.n_refractory, np.int32),
            v_i=one(step.v_i[0]),
            i_i=one(step.i_i[0]),
            scale=one(cells.scale[0]),
            jump=np.ascontiguousarray(jump, dtype=dtype),
            table=np.ascontiguousarray(table, dtype=dtype),
            block=_still(np.zeros(0, np.int32) if block is None else block),
        )


def no_changes(dtype: np.dtype[Any]) -> kernel.Changes:
    """Return what the kernel takes where nothing changes: arrays of the same types, empty."""
    none = np.zeros((0, 0), dtype=dtype)
    return kernel.Changes(
        version=np.zeros(0, dtype=np.int64),
        v_v=none,
        v_b=none,
        threshold=none,
        reset=none,
        n_refractory=np.zeros((0, 0), dtype=np.int32),
        v_i=none,
        i_i=none,
        scale=none,
        jump=np.zeros((0, 0, 0), dtype=dtype),
        table=none,
        block=_still(np.zeros(0, np.int32)),
    )


def _still(block: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return an array read-only, as those of synapses are."""
    block.flags.writeable = False
    return block
