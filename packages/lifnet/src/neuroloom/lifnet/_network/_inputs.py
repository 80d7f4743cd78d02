"""What comes from outside: Poisson spikes and currents."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import SLOWEST, NetworkError, warn_of_milliseconds
from neuroloom.lifnet._indices import places
from neuroloom.shared import Seed, checks


def _mean_of_steps(
    values: NDArray[np.float64], interval: float, edges: NDArray[np.float64], delta_t: float
) -> NDArray[np.float64]:
    """Return the mean over each step of samples held for `interval` seconds, the last for ever.

    Parameters
    ----------
    values : ndarray, shape (n_samples,)
        Samples.
    interval : float
        Time that each is held, in seconds.
    edges : ndarray, shape (n_steps + 1,)
        Where the steps begin and end, in seconds from the first sample on; time that two equal
        edges leave out of a step counts as 0.
    delta_t : float
        Step in seconds.
    """
    place = edges / interval
    whole = np.round(place)
    place = np.where(np.abs(place - whole) < 1e-9 * np.maximum(1.0, np.abs(whole)), whole, place)
    sample = np.minimum(np.floor(place).astype(np.int64), len(values) - 1)
    integral = np.append(0.0, np.cumsum(values))[sample] + (place - sample) * values[sample]
    mean = np.diff(integral) * (interval / delta_t)
    last = np.minimum(np.ceil(place[1:]).astype(np.int64) - 1, len(values) - 1)
    full = np.diff(edges) > delta_t * (1 - 1e-6)
    # Within one sample the value itself is exact; the difference of sums is rounded.
    return np.where(full & (last <= sample[:-1]), values[sample[:-1]], mean)


def check_window(name: str, start: float, stop: float | None) -> None:
    """Raise unless an input begins at 0 or later and ends after its beginning.

    Parameters
    ----------
    name : str
        What an error calls the input.
    start : float
        When it begins, in seconds.
    stop : float, optional
        When it ends, in seconds.
    """
    checks.real(f"{name}.start", start, at_least=0, unit="s", error=NetworkError)
    if stop is not None:
        checks.real(f"{name}.stop", stop, above=start, unit="s", error=NetworkError)


def on_fraction(
    n_steps: int, delta_t: float, start: float, stop: float | None
) -> NDArray[np.float64]:
    """Return the fraction of each step in which an input is on.

    Parameters
    ----------
    n_steps : int
        Number of steps.
    delta_t : float
        Step in seconds.
    start : float
        When it begins, in seconds.
    stop : float, optional
        When it ends, in seconds; the end if not given.
    """
    edges: NDArray[np.float64] = np.arange(n_steps + 1, dtype=np.float64) * delta_t
    # Edges that miss the begin or the end by rounding alone lie on it.
    end = np.inf if stop is None else stop
    for border in (start, end):
        edges = np.where(np.abs(edges - border) < delta_t * 1e-6, border, edges)
    share = np.diff(np.clip(edges, start, end)) / delta_t
    return np.where(share > 1 - 1e-6, 1.0, share)


@dataclass(frozen=True, slots=True, eq=False)
class SampledRate:
    """A rate given as samples, each held for `delta_t` seconds, the last one for ever.

    The rate of a step is the mean over the step: samples finer than the step are averaged.

    Parameters
    ----------
    values_hz : array_like, shape (n_samples,)
        Samples in Hz.
    delta_t : float
        Time that each is held, in seconds.
    """

    values_hz: NDArray[np.float64]
    delta_t: float

    def __post_init__(self) -> None:
        values = checks.array("SampledRate.values_hz", self.values_hz, ndim=1, error=NetworkError)
        if not len(values):
            raise NetworkError("SampledRate.values_hz: expected at least one sample, got none")
        checks.real("SampledRate.delta_t", self.delta_t, above=0, unit="s", error=NetworkError)
        object.__setattr__(self, "values_hz", values)

    def sample(self, n_steps: int, delta_t: float, seed: Seed) -> NDArray[np.float64]:
        """Return the rate in Hz in each of `n_steps` steps of `delta_t` s, drawn from `seed`."""
        edges = np.arange(n_steps + 1, dtype=np.float64) * delta_t
        return _mean_of_steps(self.values_hz, self.delta_t, edges, delta_t)


@dataclass(frozen=True, slots=True)
class SineRate:
    """``mean + amplitude · sin(2π frequency t + phase)``, cut at 0.

    A step has the mean of the wave over the step, as it has of samples (`SampledRate`); where the
    wave crosses 0 within a step, the mean is cut.

    Parameters
    ----------
    mean_hz, amplitude_hz : float
        Mean and amplitude of the rate in Hz.
    frequency : float
        Frequency in Hz.
    phase : float
        Phase at time 0 in radians.
    """

    mean_hz: float
    amplitude_hz: float
    frequency: float
    phase: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mean_hz", "amplitude_hz", "frequency"):
            checks.real(f"SineRate.{name}", getattr(self, name), unit="Hz", error=NetworkError)
        checks.real("SineRate.phase", self.phase, unit="radians", error=NetworkError)

    def sample(self, n_steps: int, delta_t: float, seed: Seed) -> NDArray[np.float64]:
        """Return the rate in Hz in each of `n_steps` steps of `delta_t` s; no `seed` matters.

        Raises
        ------
        NetworkError
            If the steps cannot follow the wave: half a period is shorter than a step.
        """
        fastest = 0.5 / delta_t
        checks.real(
            "SineRate.frequency", abs(self.frequency), at_most=fastest, unit="Hz",
            expected=f"at most {fastest:g} Hz, two steps of {delta_t:g} s a period",
            error=NetworkError,
        )  # fmt: skip
        # Half the angle of a step to its middle, where the mean is the wave's times sin(a) / a.
        half = np.pi * self.frequency * delta_t
        wave = np.sin(half * (2 * np.arange(n_steps) + 1) + self.phase) * np.sinc(half / np.pi)
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
        name = "OrnsteinUhlenbeck"
        checks.real(f"{name}.mean_hz", self.mean_hz, unit="Hz", error=NetworkError)
        checks.real(f"{name}.sd_hz", self.sd_hz, at_least=0, unit="Hz", error=NetworkError)
        checks.real(f"{name}.tau", self.tau, above=0, unit="s", error=NetworkError)
        warn_of_milliseconds(f"{name}.tau", self.tau, longest=SLOWEST)

    def sample(self, n_steps: int, delta_t: float, seed: Seed) -> NDArray[np.float64]:
        """Return the rate in Hz in each of `n_steps` steps of `delta_t` s, drawn from `seed`."""
        return self.go_on(n_steps, delta_t, seed)[0]

    def go_on(
        self,
        n_steps: int,
        delta_t: float,
        seed: Seed,
        *,
        first_step: int = 0,
        distance: float = 0.0,
    ) -> tuple[NDArray[np.float64], float]:
        """Return the rate in each step in Hz, and the process's distance from its mean at the end.

        Parameters
        ----------
        n_steps : int
            Number of steps.
        delta_t : float
            Step in seconds.
        seed : Seed
            Seed of the kicks; each step has its own.
        first_step : int
            Absolute number of the first step.
        distance : float
            Distance from the mean in the step before, in Hz.
        """
        keep = math.exp(-delta_t / self.tau)
        kicks = seed.generator().standard_normal(first_step + n_steps)[first_step:]
        kicks *= self.sd_hz * math.sqrt(-math.expm1(-2 * delta_t / self.tau))
        distances, _ = scipy.signal.lfilter([1.0], [1.0, -keep], kicks, zi=[keep * distance])
        return np.maximum(self.mean_hz + distances, 0.0), float(distances[-1])


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
    start, stop : float
        When the sources fire, in seconds; `stop` None is the end. A step in which they begin or
        end has its share of the rate.
    """

    post: str
    rate_hz: Rate
    weight: float
    receptor: str = "exc"
    n_sources: float = 1.0
    start: float = 0.0
    stop: float | None = None

    def __post_init__(self) -> None:
        check_window("PoissonInput", self.start, self.stop)
        if isinstance(self.rate_hz, type) or not hasattr(self.rate_hz, "sample"):
            expected = "a finite number of at least 0 in Hz, or a rate in time"
            rate = checks.real(
                "PoissonInput.rate_hz",
                self.rate_hz,
                at_least=0,
                expected=expected,
                error=NetworkError,
            )
            object.__setattr__(self, "rate_hz", rate)
        checks.real("PoissonInput.weight", self.weight, error=NetworkError)
        checks.real("PoissonInput.n_sources", self.n_sources, at_least=0, error=NetworkError)

    @property
    def always(self) -> bool:
        """Whether the sources fire from beginning to end."""
        return self.start == 0 and self.stop is None


@dataclass(frozen=True, slots=True, eq=False)
class CurrentInput:
    """A current into some or all neurons of a population.

    The current of a step is the mean over the step: samples finer than the step are averaged, and
    a step in which the current begins or ends gets its share.

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
    neurons : array_like of int or boolean mask, optional
        Neurons, counted from 0 within the population, or a mask of its size; all if not given.
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
        check_window("CurrentInput", self.start, self.stop)
        if isinstance(self.neurons, Iterator):  # is asked for more than once
            object.__setattr__(self, "neurons", list(self.neurons))
        if (self.waveform is None) != (self.sample_interval is None):
            raise NetworkError("CurrentInput: expected sample_interval and waveform together")
        if self.waveform is not None:
            name, interval = "CurrentInput.sample_interval", self.sample_interval
            checks.real(name, interval, above=0, unit="s", error=NetworkError)
            name = "CurrentInput.waveform"
            samples = checks.array(name, self.waveform, ndim=1, error=NetworkError)
            if not len(samples):
                raise NetworkError(f"{name}: expected at least one sample, got none")
            object.__setattr__(self, "waveform", samples)

    def sample(self, n_steps: int, delta_t: float) -> NDArray[np.float64]:
        """Return the current in each of `n_steps` steps of `delta_t` seconds."""
        edges: NDArray[np.float64] = np.arange(n_steps + 1, dtype=np.float64) * delta_t - self.start
        shape, interval = np.ones(1), delta_t
        end = np.inf if self.stop is None else self.stop - self.start
        if self.waveform is not None and self.sample_interval is not None:
            shape, interval = np.asarray(self.waveform), float(self.sample_interval)
            end = min(end, len(shape) * interval)
        # Edges that miss the begin or the end by rounding alone lie on it.
        for border in (0.0, end):
            edges = np.where(np.abs(edges - border) < delta_t * 1e-6, border, edges)
        return self.amplitude * _mean_of_steps(shape, interval, np.clip(edges, 0.0, end), delta_t)

    def places(self, size: int) -> NDArray[np.int64]:
        """Return the neurons that get the current, in a population of `size`.

        Raises
        ------
        NetworkError
            If a neuron does not exist or is named twice.
        """
        if self.neurons is None:
            return np.arange(size)
        name = f"CurrentInput.neurons of {self.post}"
        return places(name, self.neurons, size, error=NetworkError)


@dataclass(frozen=True, slots=True)
class NoiseCurrent:
    """Independent Gaussian noise into every neuron of a population.

    White noise: ``C dV/dt = … + σ ξ(t)``, whose integral over a time T has the variance σ² T. In
    steps of the simulation it is constant, with standard deviation σ/√Δt. Without threshold and
    other input, the voltage has the variance ``σ² τ / (2 C²)``, up to terms of the order Δt/τ.

    Through a receptor that is `Exponential` with time constant τ_s it is an Ornstein–Uhlenbeck
    current of correlation time τ_s and variance ``σ² / (2 τ_s)``, that starts at 0.

    Parameters
    ----------
    post : str
        Population.
    sigma : float
        Noise amplitude σ, in the unit of current times √s.
    receptor : str, optional
        Synapse of the population that filters the noise; white noise if not given.
    start, stop : float
        When it flows, in seconds; `stop` None is the end. Both are rounded to the step.

    Raises
    ------
    NetworkError
        If a value is impossible; by `Network` if the receptor is not `Exponential`.

    Examples
    --------
    >>> from neuroloom import lifnet
    >>> net = lifnet.Network(
    ...     [lifnet.Population("E", 100, 0.02, 20.0, 10.0, {"exc": lifnet.Delta()})],
    ...     inputs=[lifnet.network.NoiseCurrent("E", sigma=30.0)],
    ... )
    >>> net.simulate(0.2, seed=1).n_steps
    2000
    """

    post: str
    sigma: float
    receptor: str | None = None
    start: float = 0.0
    stop: float | None = None

    def __post_init__(self) -> None:
        sigma = checks.real("NoiseCurrent.sigma", self.sigma, at_least=0, error=NetworkError)
        object.__setattr__(self, "sigma", sigma)
        check_window("NoiseCurrent", self.start, self.stop)


Input = PoissonInput | CurrentInput | NoiseCurrent
