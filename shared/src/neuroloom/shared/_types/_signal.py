"""Regularly sampled signals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._types._base import Data
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._validate import array, fail, number


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Signal(Data):
    """A regularly sampled signal of one or more channels.

    Parameters
    ----------
    values : array_like, shape (n_times, n_channels) or (n_times,)
        Samples; NaN marks a missing one. A 1-D array is one channel. float32 stays float32,
        everything else becomes float64.
    rate : float
        Sampling rate in Hz.
    start : float
        Time of the first sample in seconds.
    channels : iterable of str
        Names of the channels; empty for none.

    Raises
    ------
    DataError
        If `values` is ragged, empty of channels, not numeric or infinite, `rate` is not a
        positive number, or `channels` is not one distinct name per channel.

    Examples
    --------
    >>> lfp = Signal([[0.0, 1.0], [0.5, 2.0]], rate=1000.0, channels=["CA1", "CA3"])
    >>> lfp.times
    array([0.   , 0.001])
    >>> lfp.channel("CA3").values[:, 0]
    array([1., 2.])
    """

    values: NDArray[np.floating]
    rate: float
    start: float
    channels: tuple[str, ...]

    def __init__(
        self,
        values: ArrayLike,
        rate: float,
        start: float = 0.0,
        channels: Iterable[str] = (),
    ) -> None:
        try:
            raw = np.asarray(values)
        except ValueError as error:
            raise fail("values", "a regular 2-D array", "ragged values") from error
        dtype = np.float32 if raw.dtype == np.float32 else np.float64
        if raw.ndim == 1:
            raw = raw.reshape(-1, 1)
        samples = array("values", raw, dtype, ndim=2, finite=False)
        if samples.shape[1] == 0:
            raise fail("values", "at least one channel", f"shape {samples.shape}")
        if np.isinf(samples).any():
            time, channel = np.argwhere(np.isinf(samples))[0]
            raise fail("values", "finite samples, NaN where missing", f"inf at [{time}, {channel}]")
        if not isinstance(channels, Iterable):
            raise fail("channels", "names", repr(channels))
        names = (channels,) if isinstance(channels, str) else tuple(channels)
        if not all(isinstance(name, str) for name in names):
            raise fail("channels", "names as text", names)
        if names and len(names) != samples.shape[1]:
            raise fail("channels", f"{samples.shape[1]} names, one per channel", len(names))
        if len(set(names)) != len(names):
            raise fail("channels", "distinct names", names)
        hertz = number(
            "rate",
            rate,
            expected="a positive sampling rate in Hz",
            accept=lambda x: 0 < x < np.inf,
        )
        object.__setattr__(self, "values", samples)
        object.__setattr__(self, "rate", hertz)
        object.__setattr__(self, "start", number("start", start))
        object.__setattr__(self, "channels", names)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return int(self.values.shape[1])

    @property
    def times(self) -> NDArray[np.float64]:
        """Time of each sample in seconds, shape (n_times,)."""
        return self.start + np.arange(len(self)) / self.rate

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self) / self.rate

    def channel(self, name: str) -> Signal:
        """Return the channel called `name` alone.

        Raises
        ------
        DataError
            If there is no such channel.
        """
        if name not in self.channels:
            raise fail("name", f"one of {list(self.channels)}", repr(name))
        column = self.channels.index(name)
        return Signal(self.values[:, column : column + 1], self.rate, self.start, (name,))

    def restrict(self, epochs: Epochs) -> list[Signal]:
        """Return one signal for each epoch that holds samples, in order."""
        times = self.times
        first = np.searchsorted(times, epochs.start)
        after = np.searchsorted(times, epochs.stop)
        return [
            Signal(self.values[i:j], self.rate, times[i], self.channels)
            for i, j in zip(first, after, strict=True)
            if i < j
        ]
