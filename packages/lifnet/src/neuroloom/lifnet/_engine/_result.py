"""What a run leaves: spikes as (step, neuron), and what was asked for besides."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine._memory import check_memory
from neuroloom.lifnet._engine._state import State
from neuroloom.lifnet._errors import RoundingWarning, SimulationError
from neuroloom.shared import Epochs, Recording, Signal, SpikeTrains, checks

Watch = bool | Sequence[int] | NDArray[np.integer] | None


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """What to record.

    Parameters
    ----------
    spikes : bool
        Keep each spike; population rates are there without.
    voltage, current : None, True or sequence of int
        Nothing, all neurons, or these neurons, at the end of every `every`-th step.
    population_current, population_voltage : bool
        Sums over each population: synaptic currents per channel (for conductance channels the
        current ``g (E − V)`` that flows in), and voltages.
    every : int
        Steps between two samples, the first at the end of step `every`: a run that ends before it
        has none, and one that goes on from it has it.
    """

    spikes: bool = True
    voltage: Watch = None
    current: Watch = None
    population_current: bool = False
    population_voltage: bool = False
    every: int = 1

    def __post_init__(self) -> None:
        for name in ("spikes", "population_current", "population_voltage"):
            checks.flag(f"Record.{name}", getattr(self, name), error=SimulationError)
        for name in ("voltage", "current"):
            watch = getattr(self, name)
            if isinstance(watch, Iterator):  # is asked for more than once
                object.__setattr__(self, name, list(watch))
        every = checks.whole(
            "every", self.every, at_least=1, accept_floats=True,
            expected="a whole number of steps", error=SimulationError,
        )  # fmt: skip
        object.__setattr__(self, "every", every)


@dataclass(frozen=True, slots=True, eq=False)
class Simulation:
    """The outcome of a run.

    Parameters
    ----------
    delta_t : float
        Step in seconds.
    n_steps, first_step : int
        Number of steps, and the absolute number of the first.
    n_neurons : int
        Number of neurons.
    spike_steps, spike_ids : ndarray, shape (n_spikes,)
        Step (from 0 in this run) and neuron of each spike, sorted; empty if not recorded.
    spike_counts : ndarray, shape (n_steps, n_populations)
        Spikes of each population in each step.
    populations : dict of str to (int, int)
        First neuron of each population and the one after its last.
    voltage, current : ndarray or None
        Shapes (n_samples, n_watched) and (n_samples, n_channels, n_watched), the latter without
        its second axis if there is one channel.
    population_current : dict of str to ndarray, shape (n_samples, n_channels)
        Sums over each population; empty if not asked for.
    population_voltage : dict of str to ndarray, shape (n_samples,)
        Sums over each population; empty if not asked for.
    every : int
        Steps between two samples, which are taken at the end of each absolute step k for which
        ``k + 1`` is a multiple of `every`.
    channels : tuple of str
        Names of the synaptic channels.
    state : State
        Where the run ended.
    metadata : mapping of str to object
        What else `recording` is to tell of the run; its values are plain (JSON).
    """

    delta_t: float
    n_steps: int
    first_step: int
    n_neurons: int
    spike_steps: NDArray[np.int64]
    spike_ids: NDArray[np.int32]
    spike_counts: NDArray[np.int32]
    populations: dict[str, tuple[int, int]]
    voltage: NDArray[Any] | None
    current: NDArray[Any] | None
    population_current: dict[str, NDArray[np.float64]]
    population_voltage: dict[str, NDArray[np.float64]]
    every: int
    channels: tuple[str, ...]
    state: State
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def duration(self) -> float:
        """Simulated time in seconds."""
        return self.n_steps * self.delta_t

    def raster(self) -> NDArray[np.bool_]:
        """Return whether each neuron spiked in each step, shape (n_steps, n_neurons)."""
        check_memory(
            {"raster": float(self.n_steps) * self.n_neurons},
            remedy="take spike_steps and spike_ids, or a shorter run",
        )
        out = np.zeros((self.n_steps, self.n_neurons), dtype=bool)
        out[self.spike_steps, self.spike_ids] = True
        return out

    def rates_hz(self, *, after: float = 0.0) -> dict[str, float]:
        """Return the mean rate of each population in Hz, from `after` seconds on."""
        skip = self._whole_steps("after", after)
        if not 0 <= skip < self.n_steps:
            raise SimulationError(f"after: expected 0 to {self.duration:g} s, got {after!r}")
        time = (self.n_steps - skip) * self.delta_t
        totals = self.spike_counts[skip:].sum(axis=0)
        return {
            name: float(total) / (time * (stop - start))
            for (name, (start, stop)), total in zip(self.populations.items(), totals, strict=True)
        }

    def population_rates(self, *, bin_width: float | None = None) -> Signal:
        """Return each population's rate in Hz over time, each at the centre of its bin.

        Parameters
        ----------
        bin_width : float, optional
            Width of the bins in seconds, a step if not given; a last bin that the run does not
            fill is left out. One that is no multiple of the step is rounded, with a warning.

        Raises
        ------
        SimulationError
            If a bin is shorter than a step or longer than the run.
        """
        steps = 1 if bin_width is None else self._whole_steps("bin_width", bin_width)
        if steps < 1 or steps > self.n_steps:
            raise SimulationError(
                f"bin_width: expected {self.delta_t:g} to {self.duration:g} s, got {bin_width!r}"
            )
        n_bins = self.n_steps // steps
        counts = self.spike_counts[: n_bins * steps].reshape(n_bins, steps, -1).sum(axis=1)
        sizes = np.array([stop - start for start, stop in self.populations.values()])
        width = steps * self.delta_t
        start = self.first_step * self.delta_t + width / 2
        return Signal(
            counts / (sizes * width), 1.0 / width, start, list(self.populations), unit="Hz"
        )

    def _whole_steps(self, name: str, time: float) -> int:
        """Return a time in steps; one between two steps is rounded, with a warning."""
        seconds = checks.real(name, time, unit="s", error=SimulationError)
        steps = round(seconds / self.delta_t)
        if abs(seconds / self.delta_t - steps) > 1e-6 * max(1, steps):
            warnings.warn(
                f"{name} of {seconds:g} s is not a multiple of delta_t ({self.delta_t:g} s); "
                f"rounded to {steps * self.delta_t:g} s",
                RoundingWarning,
                stacklevel=3,
            )
        return steps

    def to_spike_trains(self, *, start: float = 0.0) -> SpikeTrains:
        """Return the spikes from `start` seconds after the run's begin on.

        Step k covers the time from ``k · delta_t`` to ``(k + 1) · delta_t``, and a spike of step k
        has the time ``k · delta_t``; the epoch ends with the last step. The property
        ``population`` names each neuron's population.

        Parameters
        ----------
        start : float
            Seconds to leave out.

        Raises
        ------
        SimulationError
            If the run did not record spikes, or ends before `start`.
        """
        if len(self.spike_ids) == 0 and self.spike_counts.sum():
            raise SimulationError("to_spike_trains: the run did not record spikes")
        skip = self._whole_steps("start", start)
        if not 0 <= skip < self.n_steps:
            raise SimulationError(f"start: expected 0 to {self.duration:g} s, got {start!r}")
        keep = self.spike_steps >= skip
        times = (self.first_step + self.spike_steps[keep]) * self.delta_t
        edges = np.array([self.first_step + skip, self.first_step + self.n_steps]) * self.delta_t
        properties = {"population": self._population_names()} if self.populations else None
        return SpikeTrains(
            times, self.spike_ids[keep], self.n_neurons, Epochs(*edges), properties=properties
        )

    def _population_names(self) -> list[str]:
        """Return the name of each neuron's population, in the order of the neurons."""
        names = [""] * self.n_neurons
        for name, (start, stop) in self.populations.items():
            names[start:stop] = [name] * (stop - start)
        return names

    @property
    def recording(self) -> Recording:
        """Spikes, population rates and whatever else was recorded, on one clock.

        All that belongs to step k lies within it: its spikes at its first moment, and its rates,
        voltages and currents, which are those at its end, at its centre. Columns of voltages and
        currents of neurons are in the order in which `Record` names them; the currents of each
        synaptic channel are a signal of their own.
        """
        signals = {"rates": self.population_rates()}
        rate = 1.0 / (self.delta_t * self.every)
        first = (self.first_step // self.every + 1) * self.every - 1
        start = (first + 0.5) * self.delta_t
        for name, current in self.population_current.items():
            signals[f"current {name}"] = Signal(current, rate, start, self.channels)
        if self.population_voltage:
            stacked = np.stack(list(self.population_voltage.values()), axis=1)
            signals["voltage sums"] = Signal(stacked, rate, start, list(self.population_voltage))
        if self.voltage is not None and self.voltage.size:
            signals["voltage"] = Signal(self.voltage, rate, start)
        if self.current is not None and self.current.size:
            current = self.current.reshape(len(self.current), len(self.channels), -1)
            for c, channel in enumerate(self.channels):
                signals[f"current of neurons, {channel}"] = Signal(current[:, c], rate, start)
        spikes = None
        if len(self.spike_ids) or not self.spike_counts.sum():
            spikes = self.to_spike_trains()
        places = {name: list(span) for name, span in self.populations.items()}
        metadata = {"delta_t": self.delta_t, "populations": places, **self.metadata}
        return Recording(spikes=spikes, signals=signals, metadata=metadata)
