"""Random counts by counter: what neuron n gets in step t depends on (seed, drive, t, n) alone.

Each step of each drive has a SplitMix64 stream of its own (`neuroloom.shared.random`) whose n-th
number belongs to neuron n. The same arithmetic runs in the kernel and in numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import ClippingWarning, NetworkError
from neuroloom.shared import compiled, random

GUIDE_BITS = 8

mix: Any = compiled(inline="always")(random.mix)


def step_keys(seed: int, drive: int, first_step: int, n_steps: int) -> NDArray[np.uint64]:
    """Return the state at which each step's stream begins, shape (n_steps,)."""
    root = random.numbered(np.uint64(seed & (2**64 - 1)), 1)
    steps = np.arange(first_step + 1, first_step + n_steps + 1)
    return random.numbered(random.numbered(root, drive + 1), steps)


@dataclass(frozen=True, slots=True, eq=False)
class CountDrive:
    """Independent random counts per neuron and step, each worth a jump of the synaptic state.

    Parameters
    ----------
    cdf : ndarray, shape (n_groups, n_counts) or (n_tables, n_groups, n_counts)
        Probability of at most k counts, for each group of neurons.
    group : ndarray of int, shape (n_neurons,)
        Group of each neuron, −1 for none.
    jump : ndarray, shape (n_neurons,)
        Weight of one count.
    channel : int
        Synaptic channel that the counts enter.
    table_of_step : ndarray of int, shape (n_steps,), optional
        Which table holds in each absolute step. Beyond the end the last entry holds.

    Raises
    ------
    NetworkError
        If a cdf is not one, or shapes do not fit.
    """

    cdf: NDArray[np.float64]
    group: NDArray[np.int32]
    jump: NDArray[np.float64]
    channel: int = 0
    table_of_step: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        cdf = np.array(self.cdf, dtype=np.float64, ndmin=3)
        group = np.array(self.group, dtype=np.int32)
        jump = np.array(np.broadcast_to(np.asarray(self.jump, dtype=np.float64), group.shape))
        if cdf.ndim != 3 or not np.isfinite(cdf).all() or (np.diff(cdf, axis=-1) < -1e-12).any():
            raise NetworkError("cdf: expected rising probabilities, shape (groups, counts)")
        if cdf.size and (cdf.min() < 0 or cdf.max() > 1 + 1e-9):
            raise NetworkError(f"cdf: expected values from 0 to 1, got {cdf.min()} to {cdf.max()}")
        if group.ndim != 1 or (group.size and (group.min() < -1 or group.max() >= cdf.shape[1])):
            raise NetworkError(
                f"group: expected one group per neuron, −1 to {cdf.shape[1] - 1}, "
                f"got shape {group.shape}"
            )
        if not np.isfinite(jump).all():
            raise NetworkError("jump: expected finite values, got NaN or infinity")
        table = self.table_of_step
        if table is not None:
            table = np.array(table, dtype=np.int32)
            if table.ndim != 1 or not table.size or table.min() < 0 or table.max() >= len(cdf):
                raise NetworkError(f"table_of_step: expected indices from 0 to {len(cdf) - 1}")
        elif len(cdf) > 1:
            raise NetworkError(
                f"table_of_step: expected one index per step, got none for {len(cdf)} tables"
            )
        for name, value in (("cdf", cdf), ("group", group), ("jump", jump)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "table_of_step", table)

    @classmethod
    def from_pmf(
        cls, pmf: ArrayLike, group: ArrayLike, jump: ArrayLike, *, channel: int = 0
    ) -> CountDrive:
        """Return a drive from the probabilities of 0, 1, … counts, shape (n_groups, n_counts)."""
        mass = np.asarray(pmf, dtype=np.float64)
        cdf = np.minimum(np.cumsum(mass, axis=-1), 1.0)
        return cls(cdf, np.asarray(group), np.asarray(jump), channel=channel)

    @classmethod
    def poisson(
        cls,
        mean_count: ArrayLike,
        group: ArrayLike,
        jump: ArrayLike,
        *,
        channel: int = 0,
        first_step: int = 0,
    ) -> CountDrive:
        """Return Poisson counts.

        Parameters
        ----------
        mean_count : array_like, shape (n_groups,) or (n_steps, n_groups)
            Mean count per step, constant or for each step from `first_step` on. Negative means
            count as 0, with a warning.
        group, jump, channel
            As for the class.
        first_step : int
            Absolute number of the step of the first row. The steps before have its mean, too.
        """
        mean = np.asarray(mean_count, dtype=np.float64)
        if mean.ndim not in (1, 2) or not mean.size or not np.isfinite(mean).all():
            raise NetworkError(
                "mean_count: expected finite values, shape (groups,) or (steps, groups), "
                f"got shape {mean.shape}"
            )
        if (mean < 0).any():
            import warnings

            warnings.warn(
                f"negative Poisson rate ({mean.min():g} per step) set to 0",
                ClippingWarning,
                stacklevel=2,
            )
            mean = np.maximum(mean, 0.0)
        # A tail below 2^-60 is never drawn.
        reach = np.arange(20 + int(mean.max() + 14 * np.sqrt(mean.max())))
        top = int(np.argmax(scipy.stats.poisson.sf(reach, mean.max()) < 2.0**-60)) + 2
        tables = scipy.stats.poisson.cdf(np.arange(top), np.atleast_2d(mean)[..., np.newaxis])
        steps = None
        if mean.ndim == 2:
            steps = np.maximum(np.arange(-first_step, len(tables), dtype=np.int32), 0)
        return cls(tables, np.asarray(group), np.asarray(jump), channel, steps)

    def tables(
        self, first_step: int, n_steps: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint16], NDArray[np.int32]]:
        """Return 64-bit thresholds, the guide into them, and the table of each step."""
        if self.table_of_step is None:
            index = np.zeros(n_steps, dtype=np.int32)
        else:
            last = len(self.table_of_step) - 1
            index = self.table_of_step[
                np.minimum(np.arange(first_step, first_step + n_steps), last)
            ]
        used, of_step = np.unique(index, return_inverse=True)
        cdf = self.cdf[used]
        # The largest count takes what is left, so that a search always ends.
        limit = np.ldexp(np.minimum(cdf, 1.0 - 2.0**-53), 64).astype(np.uint64)
        limit[..., -1] = np.uint64(2**64 - 1)
        edges = np.arange(2**GUIDE_BITS, dtype=np.uint64) << np.uint64(64 - GUIDE_BITS)
        guide = np.zeros((*limit.shape[:2], len(edges)), dtype=np.uint16)
        for k in range(limit.shape[-1] - 1):
            guide += limit[..., k, np.newaxis] <= edges
        return limit, guide, of_step.astype(np.int32)

    def counts(
        self, seed: int, n_steps: int, *, first_step: int = 0, index: int = 0
    ) -> NDArray[np.int32]:
        """Return the counts that a run draws, shape (n_steps, n_neurons).

        Parameters
        ----------
        seed : int
            Seed of the run.
        n_steps : int
            Number of steps.
        first_step : int
            Absolute number of the first step.
        index : int
            Place of this drive in the run's list of drives.
        """
        limit, _, of_step = self.tables(first_step, n_steps)
        keys = step_keys(seed, index, first_step, n_steps)
        out = np.zeros((n_steps, len(self.group)), dtype=np.int32)
        members = [np.flatnonzero(self.group == g) for g in range(limit.shape[1])]
        for t in range(n_steps):
            z = random.numbered(keys[t], np.arange(1, len(self.group) + 1))
            for g, who in enumerate(members):
                edges = limit[of_step[t], g]
                out[t, who] = np.searchsorted(edges[:-1], z[who], side="right")
        return out
