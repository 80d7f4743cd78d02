"""Time series with a known lag or memory, shape ``(1, n_samples)``: channels first.

A positive lag means that y follows x: ``y[t]`` depends on ``x[t − lag]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._datasets._output import hand_out, not_negative, positive, stream
from neuroloom.mi._errors import InsufficientDataError
from neuroloom.shared import Seed

Array = NDArray[np.float64]


def generate_temporally_convolved_data(
    n_samples: int,
    lag: int = 30,
    noise: float = 0.1,
    use_torch: bool = True,
    seed: int | Seed | None = None,
) -> tuple[Any, Any]:
    """Return a random walk x and ``y[t] = x[t − lag] +`` noise.

    Parameters
    ----------
    n_samples : int
        Number of time points.
    lag : int
        Delay of y in time points.
    noise : float
        Standard deviation of the noise on y.
    use_torch : bool
        Return tensors (float32) rather than arrays (float64).
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : Tensor or ndarray, shape (1, n_samples)

    Raises
    ------
    OptionError
        If a size is not positive, or `lag` or `noise` is negative.
    InsufficientDataError
        If `lag` is not shorter than the series.
    """
    rng = _checked("temporally convolved", n_samples, lag, noise, seed)
    walk = np.cumsum(rng.standard_normal(n_samples + lag))
    y = walk[:n_samples] + noise * rng.standard_normal(n_samples)
    return hand_out(use_torch, walk[None, lag:], y[None])


def generate_event_related_data(
    n_samples: int = 5000,
    lag: int = 30,
    n_events: int = 100,
    response_length: int = 20,
    noise: float = 0.1,
    use_torch: bool = True,
    seed: int | Seed | None = None,
) -> tuple[Any, Any]:
    """Return single events x and a sine-shaped response y that starts `lag` points after each.

    Parameters
    ----------
    n_samples : int
        Number of time points.
    lag : int
        Time points from an event to the start of its response.
    n_events : int
        Number of events, at distinct times.
    response_length : int
        Length of a response: one period of a sine.
    noise : float
        Standard deviation of the noise on y.
    use_torch : bool
        Return tensors (float32) rather than arrays (float64).
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : Tensor or ndarray, shape (1, n_samples)

    Raises
    ------
    OptionError
        If a size is not positive, or `lag` or `noise` is negative.
    InsufficientDataError
        If the events with their responses do not fit into the series.
    """
    positive(n_events=n_events, response_length=response_length)
    rng = _checked("event related", n_samples, lag, noise, seed)
    room = n_samples - lag - response_length
    if room < n_events:
        raise InsufficientDataError(
            f"n_samples: expected at least {n_events + lag + response_length} for {n_events} "
            f"events with their responses, got {n_samples}"
        )
    events = rng.choice(room, size=n_events, replace=False)
    x, y = np.zeros(n_samples), np.zeros(n_samples)
    x[events] = 1.0
    response = np.sin(2 * np.pi * np.arange(response_length) / response_length)
    for event in events:
        y[event + lag : event + lag + response_length] += response
    return hand_out(use_torch, x[None], (y + noise * rng.standard_normal(n_samples))[None])


def generate_linear_data(
    n_samples: int = 5000,
    true_lag: int = 50,
    noise_level: float = 0.5,
    seed: int | Seed | None = None,
) -> tuple[Array, Array]:
    """Return white noise x and ``y[t] = x[t − true_lag] +`` noise.

    At the true lag I(x; y) is ``½ log₂(1 + 1 / noise_level²)`` bits, and 0 at all others.

    Parameters
    ----------
    n_samples : int
        Number of time points.
    true_lag : int
        Delay of y in time points.
    noise_level : float
        Standard deviation of the noise on y.
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : ndarray, shape (1, n_samples)

    Raises
    ------
    OptionError
        If a size is not positive, or the lag or the noise is negative.
    InsufficientDataError
        If `true_lag` is not shorter than the series.

    Examples
    --------
    >>> x, y = generate_linear_data(1000, true_lag=7, noise_level=0.1, seed=0)
    >>> bool(np.corrcoef(x[0, :-7], y[0, 7:])[0, 1] > 0.99)
    True
    """
    return _lagged("linear", n_samples, true_lag, noise_level, seed, lambda x: x)


def generate_nonlinear_data(
    n_samples: int = 5000,
    true_lag: int = 50,
    noise_level: float = 0.2,
    seed: int | Seed | None = None,
) -> tuple[Array, Array]:
    """Return white noise x and ``y[t] = x[t − true_lag]² +`` noise, uncorrelated with x.

    Parameters and errors are those of `generate_linear_data`.
    """
    return _lagged("nonlinear", n_samples, true_lag, noise_level, seed, np.square)


def generate_history_data(
    n_samples: int = 5000,
    history_duration: int = 20,
    noise_level: float = 0.1,
    seed: int | Seed | None = None,
) -> tuple[Array, Array]:
    """Return white noise x and y, a saturating function of x's mean over the last points.

    ``y[t] = tanh(√h · mean(x[t − h + 1 … t])) +`` noise for ``h = history_duration``: memory,
    and no lag beyond it.

    Parameters
    ----------
    n_samples : int
        Number of time points.
    history_duration : int
        Length of the memory in time points.
    noise_level : float
        Standard deviation of the noise on y.
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : ndarray, shape (1, n_samples)

    Raises
    ------
    OptionError
        If a size is not positive or the noise is negative.
    InsufficientDataError
        If the memory is not shorter than the series.
    """
    return generate_full_data(n_samples, 0, history_duration, noise_level, seed)


def generate_full_data(
    n_samples: int = 5000,
    true_lag: int = 30,
    history_duration: int = 20,
    noise_level: float = 0.3,
    seed: int | Seed | None = None,
) -> tuple[Array, Array]:
    """Return white noise x and y, a saturating function of x's mean over a past window.

    ``y[t] = tanh(√h · mean(x[t − lag − h + 1 … t − lag])) +`` noise for
    ``h = history_duration``.

    Parameters
    ----------
    n_samples : int
        Number of time points.
    true_lag : int
        Time points from the window's last point to y.
    history_duration : int
        Length of the window in time points.
    noise_level : float
        Standard deviation of the noise on y.
    seed : int or Seed, optional
        Random stream; a fresh one if not given.

    Returns
    -------
    x, y : ndarray, shape (1, n_samples)

    Raises
    ------
    OptionError
        If a size is not positive, or the lag or the noise is negative.
    InsufficientDataError
        If lag and window are not shorter than the series.
    """
    positive(history_duration=history_duration)
    before = true_lag + history_duration - 1
    rng = _checked("lag and history", n_samples, before, noise_level, seed)
    x = rng.standard_normal(n_samples + before)
    window = np.full(history_duration, 1 / np.sqrt(history_duration))
    drive = np.convolve(x, window, mode="valid")[:n_samples]
    y = np.tanh(drive) + noise_level * rng.standard_normal(n_samples)
    return x[None, before:], y[None]


def _lagged(
    name: str, n_samples: int, lag: int, noise: float, seed: int | Seed | None, function: Any
) -> tuple[Array, Array]:
    rng = _checked(name, n_samples, lag, noise, seed)
    x = rng.standard_normal(n_samples + lag)
    y = function(x[:n_samples]) + noise * rng.standard_normal(n_samples)
    return x[None, lag:], y[None]


def _checked(
    name: str, n_samples: int, lag: int, noise: float, seed: int | Seed | None
) -> np.random.Generator:
    positive(n_samples=n_samples)
    not_negative(lag=lag, noise=noise)
    if lag >= n_samples:
        raise InsufficientDataError(
            f"n_samples: expected more time points than the lag of {lag}, got {n_samples}"
        )
    return stream(name, seed)
