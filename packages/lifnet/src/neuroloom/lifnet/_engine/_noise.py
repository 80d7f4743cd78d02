"""Random counts by counter: what neuron n gets in step t depends on (seed, drive, t, n) alone.

Each step of each drive has a SplitMix64 stream of its own (`neuroloom.shared.random`) whose n-th
number belongs to neuron n. The same arithmetic runs in the kernel and in numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import ClippingWarning, NetworkError
from neuroloom.shared import checks, compiled, random

GUIDE_BITS = 8
MOST_COUNTS = 65535  # the guide keeps counts in two bytes
_BELOW_ONE = 1.0 - 2.0**-53
_ALL = np.uint64(2**64 - 1)
_GUIDE_SHIFT = np.uint64(64 - GUIDE_BITS)

mix: Any = compiled(inline="always")(random.mix)


def step_keys(seed: int, drive: int, first_step: int, n_steps: int) -> NDArray[np.uint64]:
    """Return the state at which each step's stream begins, shape (n_steps,)."""
    root = random.numbered(np.uint64(seed & (2**64 - 1)), 1)
    steps = np.arange(first_step + 1, first_step + n_steps + 1)
    return random.numbered(random.numbered(root, drive + 1), steps)


def _plain(name: str, values: ArrayLike) -> NDArray[Any]:
    return checks.plain(name, values, error=NetworkError)


@dataclass(frozen=True, slots=True, eq=False)
class CountDrive:
    """Independent random counts per neuron and step, each worth a jump of the synaptic state.

    Parameters
    ----------
    cdf : ndarray, shape (n_groups, n_counts) or (n_tables, n_groups, n_counts), or None
        Probability of at most k counts, for each group of neurons; None where `mean` is given.
    group : ndarray of int, shape (n_neurons,)
        Group of each neuron, −1 for none.
    jump : ndarray, shape (n_neurons,)
        Weight of one count.
    channel : int
        Synaptic channel that the counts enter.
    table_of_step : ndarray of int, shape (n_steps,), optional
        Which table, or row of `mean`, holds in each absolute step. Beyond the end the last entry
        holds.
    mean : ndarray, shape (n_rows, n_groups), optional
        Mean counts of a step. Their tables are made when a run comes to them, and not kept: a
        drive that changes in every step takes no more than these numbers.
    spread : ndarray, shape (n_rows, n_groups), optional
        What is added to the mean, times `nodes`.
    nodes, shares : ndarray, shape (n_nodes,), optional
        The count is Poisson with mean ``mean + spread · nodes[i]``, cut at 0, with probability
        ``shares[i]``.

    Raises
    ------
    NetworkError
        If a cdf is not one, or shapes do not fit.
    """

    cdf: NDArray[np.float64] | None
    group: NDArray[np.int32]
    jump: NDArray[np.float64]
    channel: int = 0
    table_of_step: NDArray[np.int32] | None = None
    mean: NDArray[np.float64] | None = None
    spread: NDArray[np.float64] | None = None
    nodes: NDArray[np.float64] | None = None
    shares: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        cdf = None
        if self.mean is None:
            cdf = self._checked_cdf()
        else:
            self._check_mean()
        channel = checks.whole("channel", self.channel, at_least=0, error=NetworkError)
        object.__setattr__(self, "channel", channel)
        group = np.array(checks.array("group", self.group, dtype=np.int32, error=NetworkError))
        jumps = checks.array("jump", self.jump, dtype=np.float64, error=NetworkError)
        jump = np.array(np.broadcast_to(jumps, group.shape))
        n_tables, n_groups = self.mean.shape if cdf is None else cdf.shape[:2]  # type: ignore[union-attr]
        if group.ndim != 1 or (group.size and (group.min() < -1 or group.max() >= n_groups)):
            raise NetworkError(
                f"group: expected one group per neuron, −1 to {n_groups - 1}, "
                f"got shape {group.shape}"
            )
        table = self.table_of_step
        if table is not None:
            table = np.array(
                checks.array("table_of_step", table, dtype=np.int32, error=NetworkError)
            )
            if table.ndim != 1 or not table.size or table.min() < 0 or table.max() >= n_tables:
                raise NetworkError(f"table_of_step: expected indices from 0 to {n_tables - 1}")
        elif n_tables > 1:
            raise NetworkError(
                f"table_of_step: expected one index per step, got none for {n_tables} tables"
            )
        for name, value in (("cdf", cdf), ("group", group), ("jump", jump)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "table_of_step", table)

    def _checked_cdf(self) -> NDArray[np.float64]:
        cdf = np.array(self.cdf, dtype=np.float64, ndmin=3)
        if cdf.ndim != 3 or not np.isfinite(cdf).all() or (np.diff(cdf, axis=-1) < -1e-12).any():
            raise NetworkError("cdf: expected rising probabilities, shape (groups, counts)")
        if cdf.size and (cdf.min() < 0 or cdf.max() > 1 + 1e-9):
            raise NetworkError(f"cdf: expected values from 0 to 1, got {cdf.min()} to {cdf.max()}")
        return cdf

    def _check_mean(self) -> None:
        mean = np.array(self.mean, dtype=np.float64, ndmin=2)
        spread = np.broadcast_to(0.0, mean.shape) if self.spread is None else self.spread
        spread = np.asarray(spread, dtype=np.float64)
        nodes = np.zeros(1) if self.nodes is None else np.array(self.nodes, np.float64)
        shares = np.ones(1) if self.shares is None else np.array(self.shares, np.float64)
        if mean.ndim != 2 or spread.shape != mean.shape or shares.shape != nodes.shape:
            raise NetworkError(
                "mean: expected shape (rows, groups) as for spread, and one share per node, got "
                f"{mean.shape}, {spread.shape}, {shares.shape} and {nodes.shape}"
            )
        if not all(np.isfinite(values).all() for values in (mean, spread, nodes, shares)):
            raise NetworkError("mean: expected finite values, got NaN or infinity")
        given = {"mean": mean, "spread": spread, "nodes": nodes, "shares": shares}
        for name, values in given.items():
            object.__setattr__(self, name, values)
        if self.n_counts > MOST_COUNTS:
            raise NetworkError(
                f"mean: expected means for at most {MOST_COUNTS} counts a step, got {mean.max():g}"
            )

    @property
    def n_counts(self) -> int:
        """Length of the tables: larger counts never come."""
        if self.cdf is not None:
            return int(self.cdf.shape[-1])
        mean, spread, nodes = self._mixture
        largest = max(0.0, float((mean + spread * nodes.max()).max()))
        return 20 + int(largest + 14 * np.sqrt(largest))

    @property
    def _mixture(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        if self.mean is None or self.spread is None or self.nodes is None:
            raise NetworkError("cdf: expected tables or a mean, got neither")
        return self.mean, self.spread, self.nodes

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self._mixture[0].shape[1] if self.cdf is None else self.cdf.shape[1])

    @classmethod
    def from_pmf(
        cls, pmf: ArrayLike, group: ArrayLike, jump: ArrayLike, *, channel: int = 0
    ) -> CountDrive:
        """Return a drive from the probabilities of 0, 1, … counts, shape (n_groups, n_counts)."""
        mass = np.asarray(pmf, dtype=np.float64)
        cdf = np.minimum(np.cumsum(mass, axis=-1), 1.0)
        return cls(cdf, _plain("group", group), _plain("jump", jump), channel=channel)

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
        plain = checks.plain("mean_count", mean_count, error=NetworkError)
        mean = np.asarray(plain, dtype=np.float64)
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
        if mean.ndim == 2:
            steps = np.maximum(np.arange(-first_step, len(mean), dtype=np.int32), 0)
            return cls(
                None, _plain("group", group), _plain("jump", jump), channel, steps, mean=mean
            )
        # A tail below 2^-60 is never drawn.
        largest = min(float(mean.max()), MOST_COUNTS)
        reach = np.arange(20 + int(largest + 14 * np.sqrt(largest)))
        top = int(np.argmax(scipy.stats.poisson.sf(reach, largest) < 2.0**-60)) + 2
        if top > MOST_COUNTS:
            raise NetworkError(
                f"mean_count: expected means for at most {MOST_COUNTS} counts a step, got "
                f"{mean.max():g}"
            )
        tables = scipy.stats.poisson.cdf(np.arange(top), mean[np.newaxis, :, np.newaxis])
        return cls(tables, _plain("group", group), _plain("jump", jump), channel)

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
        limit = np.empty((len(used), self.n_groups, self.n_counts), dtype=np.uint64)
        guide = np.empty((*limit.shape[:2], 2**GUIDE_BITS), dtype=np.uint16)
        if self.cdf is not None:
            # The largest count takes what is left, so that a search always ends.
            limit[:] = np.ldexp(np.minimum(self.cdf[used], _BELOW_ONE), 64).astype(np.uint64)
            limit[..., -1] = np.uint64(2**64 - 1)
            _guides(limit, guide)
        else:
            mean, spread, nodes = self._mixture
            _poisson_tables(mean[used], spread[used], nodes, self.shares, limit)
            _guides(limit, guide)
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


@compiled
def _poisson_tables(mean: Any, spread: Any, nodes: Any, shares: Any, limit: Any) -> None:
    """Fill the thresholds of mixtures of Poisson counts, from each one's largest term outwards."""
    n_counts = limit.shape[2]
    mass = np.empty(n_counts)
    for r in range(mean.shape[0]):
        for g in range(mean.shape[1]):
            if g and mean[r, g] == mean[r, g - 1] and spread[r, g] == spread[r, g - 1]:
                for k in range(n_counts):
                    limit[r, g, k] = limit[r, g - 1, k]
                continue
            mass[:] = 0.0
            for i in range(len(nodes)):
                rate = mean[r, g] + spread[r, g] * nodes[i]
                if rate <= 0.0:
                    mass[0] += shares[i]
                    continue
                top = int(rate)
                largest = shares[i] * np.exp(top * np.log(rate) - rate - math.lgamma(top + 1.0))
                here = largest
                for k in range(top, n_counts):
                    mass[k] += here
                    here *= rate / (k + 1)
                here = largest
                for k in range(top, 0, -1):
                    here *= k / rate
                    mass[k - 1] += here
            total = 0.0
            for k in range(n_counts - 1):
                total += mass[k]
                limit[r, g, k] = np.uint64(min(total, _BELOW_ONE) * 2.0**64)
            limit[r, g, n_counts - 1] = _ALL


@compiled
def _guides(limit: Any, guide: Any) -> None:
    """Fill how many thresholds are at most each of the guide's edges."""
    last = limit.shape[2] - 1
    for r in range(limit.shape[0]):
        for g in range(limit.shape[1]):
            if g and (limit[r, g] == limit[r, g - 1]).all():
                guide[r, g] = guide[r, g - 1]
                continue
            k = 0
            for e in range(guide.shape[2]):
                edge = np.uint64(e) << _GUIDE_SHIFT
                while k < last and limit[r, g, k] <= edge:
                    k += 1
                guide[r, g, e] = k
