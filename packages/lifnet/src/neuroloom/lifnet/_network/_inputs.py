"""What comes from outside: Poisson spikes and currents."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.signal import lfilter

from neuroloom.lifnet._errors import NetworkError
from neuroloom.shared import Seed, checks


@dataclass(frozen=True, slots=True, eq=False)
class SampledRate:
    """A rate given as samples, each held for `delta_t` seconds, the last one for ever."""

    values_hz: NDArray[np.float64]
    delta_t: float

    def __post_init__(self) -> None:
        values = np.array(self.values_hz, dtype=np.float64)
        if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
            raise NetworkError("SampledRate: expected finite values, shape (n_samples,)")
        checks.real("SampledRate.delta_t", self.delta_t, above=0, unit="s", error=NetworkError)
        object.__setattr__(self, "values_hz", values)

    def sample(self, n_steps: int, delta_t: float, seed: Seed) -> NDArray[np.float64]:
        """Return the rate in each step in Hz."""
        index = np.floor((np.arange(n_steps) + 0.5) * delta_t / self.delta_t).astype(int)
        return np.asarray(self.values_hz[np.minimum(index, len(self.values_hz) - 1)])


@dataclass(frozen=True, slots=True)
class SineRate:
    """``mean + amplitude · sin(2π frequency t)``, cut at 0."""

    mean_hz: float
    amplitude_hz: float
    frequency: float

    def sample(self, n_steps: int, delta_t: float, seed: Seed) -> NDArray[np.float64]:
        """Return the rate in each step in Hz."""
        wave = np.sin(2 * np.pi * self.frequency * np.arange(n_steps) * delta_t)
        return np.asarray(np.maximum(self.mean_hz + self.amplitude_hz * wave, 0.0))


@dataclass(frozen=True, slots=True)
class OrnsteinUhlenbeck:
    """A rate that wanders: an Ornstein–Uhlenbeck process, cut at 0, that starts at its mean.

    Parameters
    ----------
    mean_hz, sd_hz : float
        Mean and standard deviation of the process before the cut.
    tau : float
        Correlation time in seconds.
    """

    mean_hz: float
    sd_hz: float
    tau: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tau) and self.tau > 0 and self.sd_hz >= 0):
            raise NetworkError(f"OrnsteinUhlenbeck: expected tau > 0 and sd ≥ 0, got {self}")

    def sample(self, n_steps: int, delta_t: float, seed: Seed) -> NDArray[np.float64]:
        """Return the rate in each step in Hz."""
        keep = math.exp(-delta_t / self.tau)
        kicks = seed.generator().standard_normal(n_steps)
        kicks *= self.sd_hz * math.sqrt(-math.expm1(-2 * delta_t / self.tau))
        process = self.mean_hz + lfilter([1.0], [1.0, -keep], kicks)
        return np.asarray(np.maximum(process, 0.0))


Rate = float | SampledRate | SineRate | OrnsteinUhlenbeck


@dataclass(frozen=True, slots=True)
class PoissonInput:
    """Independent Poisson spikes into every neuron of a population.

    Parameters
    ----------
    post : str
        Population.
    rate_hz : float or a rate in time
        Rate of one source in Hz.
    weight : float
        Weight of each spike.
    receptor : str
        Synapse of the population that the spikes enter.
    n_sources : float
        Number of sources per neuron.
    """

    post: str
    rate_hz: Rate
    weight: float
    receptor: str = "exc"
    n_sources: float = 1.0

    def __post_init__(self) -> None:
        if not hasattr(self.rate_hz, "sample"):
            expected = "a finite number in Hz or a rate in time"
            rate = checks.real(
                "PoissonInput.rate_hz", self.rate_hz, expected=expected, error=NetworkError
            )
            object.__setattr__(self, "rate_hz", rate)
        checks.real("PoissonInput.weight", self.weight, error=NetworkError)
        checks.real("PoissonInput.n_sources", self.n_sources, at_least=0, error=NetworkError)


@dataclass(frozen=True, slots=True, eq=False)
class CurrentInput:
    """A current into some or all neurons of a population.

    Parameters
    ----------
    post : str
        Population.
    amplitude : float
        Current, times `waveform` if there is one.
    start, stop : float
        When it flows, in seconds; `stop` None is the end.
    waveform : array_like, shape (n_samples,), optional
        Shape in time from `start` on, one sample per `sample_interval` seconds.
    sample_interval : float, optional
        Needed with `waveform`.
    neurons : array_like of int, optional
        Neurons within the population; all if not given.
    """

    post: str
    amplitude: float
    start: float = 0.0
    stop: float | None = None
    waveform: ArrayLike | None = None
    sample_interval: float | None = None
    neurons: ArrayLike | None = None

    def __post_init__(self) -> None:
        checks.real("CurrentInput.amplitude", self.amplitude, error=NetworkError)
        if self.start < 0 or (self.stop is not None and self.stop <= self.start):
            raise NetworkError(
                f"CurrentInput: expected 0 ≤ start < stop, got {self.start}, {self.stop}"
            )
        if self.waveform is not None:
            if self.sample_interval is None or self.sample_interval <= 0:
                raise NetworkError("CurrentInput: expected sample_interval > 0 with a waveform")
            samples = np.array(self.waveform, dtype=np.float64)
            if samples.ndim != 1 or not len(samples) or not np.isfinite(samples).all():
                raise NetworkError("CurrentInput: expected finite samples, shape (n_samples,)")
            object.__setattr__(self, "waveform", samples)

    def sample(self, n_steps: int, delta_t: float) -> NDArray[np.float64]:
        """Return the current in each step."""
        time = np.arange(n_steps) * delta_t
        on: NDArray[Any] = time >= self.start - delta_t * 1e-6
        if self.stop is not None:
            on = on & (time < self.stop - delta_t * 1e-6)
        out = self.amplitude * on
        if self.waveform is not None and self.sample_interval is not None:
            shape = np.asarray(self.waveform)
            index = np.floor((time - self.start + delta_t / 2) / self.sample_interval).astype(int)
            inside = (index >= 0) & (index < len(shape))
            out = out * np.where(inside, shape[np.clip(index, 0, len(shape) - 1)], 0.0)
        return np.asarray(out, dtype=np.float64)


Input = PoissonInput | CurrentInput
