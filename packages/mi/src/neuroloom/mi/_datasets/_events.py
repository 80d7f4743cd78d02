"""Spike trains and series of categories that depend on one another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._datasets._output import not_negative, positive, stream
from neuroloom.mi._errors import OptionError
from neuroloom.shared import Seed

Array = NDArray[np.float64]


def generate_correlated_spike_trains(
    n_neurons: int = 10,
    duration: float = 100.0,
    firing_rate: float = 5.0,
    delay: float = 0.02,
    jitter: float = 0.005,
    seed: int | Seed | None = None,
) -> tuple[list[Array], list[Array]]:
    """Return Poisson trains x, and y: each spike of x again, delayed and jittered.

    Parameters
    ----------
    n_neurons : int
        Number of neurons on each side.
    duration : float
        Length in seconds.
    firing_rate : float
        Rate of each neuron in Hz.
    delay : float
        Seconds from a spike of x to its copy in y.
    jitter : float
        Standard deviation of that time in seconds.
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : list of ndarray
        Sorted spike times of each neuron in seconds, within ``[0, duration)``.

    Raises
    ------
    OptionError
        If a size or a rate is not positive, or `jitter` is negative.

    Examples
    --------
    >>> x, y = generate_correlated_spike_trains(3, duration=10.0, seed=0)
    >>> len(x), len(y)
    (3, 3)
    """
    positive(n_neurons=n_neurons, duration=duration, firing_rate=firing_rate)
    not_negative(jitter=jitter)
    rng = stream("correlated spike trains", seed)
    x, y = [], []
    for _ in range(n_neurons):
        times = np.sort(rng.uniform(0, duration, rng.poisson(firing_rate * duration)))
        copies = np.sort(times + delay + jitter * rng.standard_normal(len(times)))
        x.append(times)
        y.append(copies[(copies >= 0) & (copies < duration)])
    return x, y


def generate_correlated_categorical_series(
    n_samples: int,
    n_channels: int = 1,
    n_categories: int = 3,
    transition_probability: float = 0.9,
    seed: int | Seed | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return uniform random categories x, and y: the same with that probability, else another.

    With ``p = transition_probability`` and ``c`` categories each channel has
    ``log₂ c + p log₂ p + (1 − p) log₂((1 − p) / (c − 1))`` bits.

    Parameters
    ----------
    n_samples : int
        Number of time points.
    n_channels : int
        Number of independent channels.
    n_categories : int
        Number of categories, at least 2.
    transition_probability : float
        Probability that y shows x's category.
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : ndarray of int, shape (n_channels, n_samples)

    Raises
    ------
    OptionError
        If a size is not positive, there are fewer than 2 categories, or the probability is
        outside 0 to 1.
    """
    positive(n_samples=n_samples, n_channels=n_channels)
    if n_categories < 2:
        raise OptionError(f"n_categories: expected at least 2, got {n_categories}")
    if not 0 <= transition_probability <= 1:
        raise OptionError(
            f"transition_probability: expected 0 to 1, got {transition_probability!r}"
        )
    rng = stream("correlated categories", seed)
    shape = (n_channels, n_samples)
    x = rng.integers(0, n_categories, shape)
    other = (x + rng.integers(1, n_categories, shape)) % n_categories
    return x, np.where(rng.uniform(size=shape) < transition_probability, x, other)
