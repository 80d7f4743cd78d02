"""Spike times of several units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._types._base import Data
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._validate import array, count, fail, number


@dataclass(frozen=True, slots=True, eq=False, init=False)
class SpikeTrains(Data):
    """Spike times of `n_units` units in one flat, sorted array.

    Parameters
    ----------
    times : array_like, shape (n_spikes,)
        Spike times in seconds, sorted.
    units : array_like, shape (n_spikes,)
        Unit of each spike, 0 to ``n_units - 1``.
    n_units : int, optional
        Number of units, silent ones included; the largest unit + 1 if not given.
    epochs : Epochs, optional
        When was recorded. If not given, one epoch from 0 (or the first spike, if earlier) to
        just after the last spike.

    Raises
    ------
    DataError
        If times are unsorted, not finite or outside `epochs`, lengths differ, a unit is out of
        range, or there is neither a spike nor `epochs`.

    Examples
    --------
    >>> spikes = SpikeTrains([0.1, 0.2, 0.25], [0, 1, 0], epochs=Epochs(0.0, 0.3))
    >>> spikes.of(0)
    array([0.1 , 0.25])
    >>> spikes.counts(0.1).values
    array([[0., 0.],
           [1., 0.],
           [1., 1.]])
    """

    times: NDArray[np.float64]
    units: NDArray[np.int32]
    n_units: int
    epochs: Epochs

    def __init__(
        self,
        times: ArrayLike,
        units: ArrayLike,
        n_units: int | None = None,
        epochs: Epochs | None = None,
    ) -> None:
        when = array("times", times, np.float64, ndim=1)
        who = array("units", units, np.int32, ndim=1)
        if len(when) != len(who):
            raise fail("units", f"one per spike ({len(when)})", len(who))
        drop = np.flatnonzero(np.diff(when) < 0)
        if drop.size:
            i = drop[0]
            raise fail("times", "sorted times", f"{when[i + 1]} after {when[i]}")
        if n_units is None:
            n_units = int(who.max()) + 1 if len(who) else 0
        n_units = count("n_units", n_units)
        if len(who) and (who.min() < 0 or who.max() >= n_units):
            wrong = who[(who < 0) | (who >= n_units)][0]
            raise fail("units", f"units from 0 to {n_units - 1}", wrong)
        if epochs is None:
            if not len(when):
                raise fail("epochs", "epochs where there are no spikes", None)
            epochs = Epochs(min(0.0, when[0]), np.nextafter(when[-1], np.inf))
        if not isinstance(epochs, Epochs):
            raise fail("epochs", "Epochs", type(epochs).__name__)
        outside = np.flatnonzero(~epochs.contains(when))
        if outside.size:
            raise fail("times", "spikes inside the epochs", f"a spike at {when[outside[0]]}")
        object.__setattr__(self, "times", when)
        object.__setattr__(self, "units", who)
        object.__setattr__(self, "n_units", n_units)
        object.__setattr__(self, "epochs", epochs)

    @classmethod
    def from_lists(cls, trains: Sequence[ArrayLike], epochs: Epochs | None = None) -> SpikeTrains:
        """Return spike trains from one array of times (seconds, in any order) per unit."""
        arrays = [array(f"trains[{i}]", t, np.float64, ndim=1) for i, t in enumerate(trains)]
        times = np.concatenate([*arrays, np.empty(0)])
        units = np.repeat(np.arange(len(arrays), dtype=np.int32), [len(a) for a in arrays])
        order = np.lexsort((units, times))
        return cls(times[order], units[order], len(arrays), epochs)

    def to_lists(self) -> list[NDArray[np.float64]]:
        """Return one sorted array of times per unit."""
        order = np.argsort(self.units, kind="stable")
        edges = np.searchsorted(self.units[order], np.arange(1, self.n_units))
        return np.split(self.times[order], edges) if self.n_units else []

    def __len__(self) -> int:
        return len(self.times)

    def of(self, unit: int) -> NDArray[np.float64]:
        """Return the times of one unit in seconds, shape (n_spikes_of_unit,).

        Raises
        ------
        DataError
            If there is no such unit.
        """
        if not 0 <= count("unit", unit) < self.n_units:
            raise fail("unit", f"a unit from 0 to {self.n_units - 1}", unit)
        times: NDArray[np.float64] = self.times[self.units == unit]
        return times

    @property
    def rates_hz(self) -> NDArray[np.float64]:
        """Mean firing rate of each unit over the epochs in Hz, shape (n_units,)."""
        if not len(self.epochs):
            raise fail("epochs", "some time recorded", "none")
        return np.bincount(self.units, minlength=self.n_units) / self.epochs.duration

    def restrict(self, epochs: Epochs) -> SpikeTrains:
        """Return the spikes inside `epochs`, and the time recorded there."""
        common = self.epochs.intersect(epochs)
        keep = common.contains(self.times)
        return SpikeTrains(self.times[keep], self.units[keep], self.n_units, common)

    def counts(self, bin_width: float) -> Signal:
        """Return spike counts per bin, from the first epoch's start to the last one's stop.

        Parameters
        ----------
        bin_width : float
            Width of a bin in seconds. The last bin is kept only if it is whole.

        Returns
        -------
        Signal
            Counts, shape (n_bins, n_units), at ``rate = 1 / bin_width``; `start` is the centre
            of the first bin.

        Raises
        ------
        DataError
            If `bin_width` is not positive, there are no units, or no bin fits.
        """
        width = number(
            "bin_width",
            bin_width,
            expected="a positive width in seconds",
            accept=lambda x: 0 < x < np.inf,
        )
        if not self.n_units or not len(self.epochs):
            raise fail("n_units, epochs", "at least one unit and one epoch", "none")
        begin, end = self.epochs.start[0], self.epochs.stop[-1]
        n_bins = int(np.floor((end - begin) / width * (1 + 1e-12)))
        if n_bins < 1:
            raise fail("bin_width", f"at most the {end - begin:g} s recorded", width)
        edges = begin + np.arange(n_bins + 1) * width
        place = np.searchsorted(edges, self.times, side="right") - 1
        kept = (place >= 0) & (place < n_bins)
        flat = place[kept] * self.n_units + self.units[kept]
        counts = np.bincount(flat, minlength=n_bins * self.n_units)
        return Signal(
            counts.reshape(n_bins, self.n_units).astype(np.float64), 1 / width, begin + width / 2
        )
