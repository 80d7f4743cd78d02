"""A network whose synapses are drawn: what trials run on."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._engine import (
    Cells,
    Connectivity,
    CountDrive,
    NormalDrive,
    Record,
    Simulation,
    State,
    check_is_state,
    check_memory,
    in_stretches,
    network_digest,
    simulate,
)
from neuroloom.lifnet._errors import NetworkError, RoundingWarning, SimulationError, as_seed
from neuroloom.lifnet._network._declared import Declared
from neuroloom.lifnet._network._degrees import in_degree, out_degree
from neuroloom.lifnet._network._inputs import (
    CurrentInput,
    NoiseCurrent,
    OrnsteinUhlenbeck,
    PoissonInput,
    on_fraction,
)
from neuroloom.lifnet._network._synapses import Beta, Delta
from neuroloom.lifnet._network._wire import wire
from neuroloom.shared import Seed, checks


@dataclass(frozen=True, slots=True, eq=False)
class BuiltNetwork:
    """A network with its synapses; it is not changed by running.

    Parameters
    ----------
    network : Network
        The declaration.
    cells : Cells
        Parameters of the neurons.
    connectivity : Connectivity
        The synapses.
    state : State
        Voltages at the beginning.
    delta_t : float
        Step in seconds.
    dtype : {"float32", "float64"}
        Precision.
    """

    network: Declared
    cells: Cells
    connectivity: Connectivity
    state: State
    delta_t: float
    dtype: str

    @property
    def digest(self) -> str:
        """What tells these neurons and synapses from others."""
        return network_digest(self.cells, self.connectivity)

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return self.connectivity.n_synapses

    def in_degree(self, pre: str | None = None, post: str | None = None) -> NDArray[np.int64]:
        """Return the number of synapses that each neuron receives.

        Parameters
        ----------
        pre : str, optional
            Population whose synapses count; all if not given.
        post : str, optional
            Population whose neurons are asked for; all if not given.

        Returns
        -------
        ndarray, shape (n_post,)
        """
        sources, targets = self._span("pre", pre), self._span("post", post)
        return in_degree(self.connectivity, sources)[slice(*targets)]

    def out_degree(self, pre: str | None = None, post: str | None = None) -> NDArray[np.int64]:
        """Return the number of synapses that each neuron sends.

        Parameters
        ----------
        pre : str, optional
            Population whose neurons are asked for; all if not given.
        post : str, optional
            Population to which the synapses count; all if not given.

        Returns
        -------
        ndarray, shape (n_pre,)
        """
        sources, targets = self._span("pre", pre), self._span("post", post)
        return out_degree(self.connectivity, targets)[slice(*sources)]

    def _span(self, role: str, population: str | None) -> tuple[int, int]:
        if population is None:
            return 0, self.network.n_neurons
        if population not in self.network.spans:
            raise checks.unknown(role, population, list(self.network.spans), error=NetworkError)
        return self.network.spans[population]

    def simulate(
        self,
        duration: float,
        *,
        n_threads: int = 1,
        record: Record | None = None,
        state: State | None = None,
        checkpoint: str | Path | None = None,
        checkpoint_every: float | None = None,
        progress: bool = False,
        description: str = "",
        seed: int | Seed,
    ) -> Simulation:
        """Return one trial.

        Parameters
        ----------
        duration : float
            Time in seconds, a multiple of the step.
        n_threads : int
            Threads of this run; the result does not depend on it.
        record : Record, optional
            What to record; spikes if not given.
        state : State, optional
            Where to begin, as ``run.state``; the drawn initial voltages at time 0 if not given.
            With the same seed, the run is to the bit the rest of an unbroken one; with another,
            another future of the same past. Inputs count their time from the first run's start.
        checkpoint : path, optional
            Folder that keeps what is done of a long run: the same call goes on from there after a
            kill. It goes when the run is done.
        checkpoint_every : float, optional
            Simulated seconds between two checkpoints; 10 if not given.
        progress : bool
            Show a bar.
        description : str
            Text in front of the bar.
        seed : int or Seed
            Seed of the input.

        Raises
        ------
        SimulationError
            If the duration is not a positive number of at least one step.
        """
        duration = checks.real("duration", duration, unit="s", error=SimulationError)
        if duration < self.delta_t * (1 - 1e-6):
            raise SimulationError(
                f"duration: expected at least one step ({self.delta_t:g} s), got {duration!r}"
            )
        n_steps = round(duration / self.delta_t)
        if abs(duration / self.delta_t - n_steps) > 1e-6 * n_steps:
            warnings.warn(
                f"duration of {duration:g} s is not a multiple of delta_t ({self.delta_t:g} s); "
                f"rounded to {n_steps * self.delta_t:g} s",
                RoundingWarning,
                stacklevel=2,
            )
        stream = as_seed(seed)
        check_is_state(state)
        self._check_delays()
        self._check_length(0 if state is None else state.step, n_steps)

        def stretch(first: int, last: int, before: State | None) -> Simulation:
            begin = self.state if before is None else before
            rates, distances = self._rates(begin, last - first, stream)
            run = simulate(
                self.cells,
                self.connectivity,
                n_steps=last - first,
                delta_t=self.delta_t,
                drives=self._drives(begin.step, last - first, rates),
                noise=self._noise(),
                stimulus=self._currents(begin.step, last - first),
                state=begin,
                record=record,
                dtype=self.dtype,
                n_threads=n_threads,
                populations=self.network.spans,
                channels=self.network.receptors,
                progress=progress,
                description=description,
                seed=stream.child("input"),
            )
            return replace(run, state=replace(run.state, rates=distances))

        told = {
            "network": self.digest,
            "inputs": list(self.network.inputs),
            "steps": n_steps,
            "record": record,
            "seed": [stream.entropy, list(stream.path)],
        }
        return in_stretches(
            stretch,
            n_steps=n_steps,
            delta_t=self.delta_t,
            state=state,
            folder=checkpoint,
            every=checkpoint_every,
            told=told,
        )

    def _check_delays(self) -> None:
        """Refuse synapses that would have to change a voltage in the step that made the spike."""
        kinds = {p.name: p.synapses for p in self.network.populations}
        for one in self.network.projections:
            at_once = isinstance(kinds[one.post][one.receptor], Delta) and one.delay == 0
            if at_once and self.in_degree(one.pre, one.post).any():
                raise SimulationError(
                    f"projection {one.pre} → {one.post}, delay: expected at least one step "
                    f"({self.delta_t:g} s) into the Delta receptor {one.receptor!r}, which acts at "
                    "once, got 0"
                )

    def _check_length(self, first_step: int, n_steps: int) -> None:
        """Raise, before anything is drawn, if what a run holds for each step cannot fit."""
        inputs = self.network.inputs
        steady = [
            isinstance(source, NoiseCurrent)
            or (
                isinstance(source, PoissonInput)
                and source.always
                and isinstance(source.rate_hz, float)
            )
            for source in inputs
        ]
        # Rates and currents are made from step 0 on, with the times they are taken at.
        moving = 24.0 * (len(inputs) - sum(steady)) * (first_step + n_steps)
        counts = 4.0 * len(self.network.populations) * n_steps
        check_memory(
            {"spike counts": counts, "inputs in time": moving},
            remedy="run piece by piece with state=run.state",
        )

    def _rates(
        self, begin: State, n_steps: int, seed: Seed
    ) -> tuple[dict[int, NDArray[np.float64]], NDArray[np.float64] | None]:
        """Return each process's rate by its identity, and where those with a memory end."""
        # Inputs that hold the same process object see the same rate.
        inputs = [source for source in self.network.inputs if isinstance(source, PoissonInput)]
        processes: dict[int, tuple[int, Any]] = {}
        for k, source in enumerate(inputs):
            if not isinstance(source.rate_hz, (int, float)):
                processes.setdefault(id(source.rate_hz), (k, source.rate_hz))
        n_wandering = sum(isinstance(p, OrnsteinUhlenbeck) for _, p in processes.values())
        if begin.rates is not None and np.shape(begin.rates) != (n_wandering,):
            raise SimulationError(
                f"state.rates: expected one value per Ornstein–Uhlenbeck rate ({n_wandering}), "
                f"got shape {np.shape(begin.rates)}"
            )
        rates: dict[int, NDArray[np.float64]] = {}
        distances: list[float] = []
        for one, (k, process) in processes.items():
            stream = seed.child("rate").child(k)
            if isinstance(process, OrnsteinUhlenbeck) and begin.rates is not None:
                rates[one], distance = process.go_on(
                    n_steps,
                    self.delta_t,
                    stream,
                    first_step=begin.step,
                    distance=float(begin.rates[len(distances)]),
                )
                distances.append(distance)
                continue
            n_all = begin.step + n_steps
            if isinstance(process, OrnsteinUhlenbeck):
                whole, distance = process.go_on(n_all, self.delta_t, stream)
                distances.append(distance)
            else:
                given = process.sample(n_all, self.delta_t, stream)
                whole = checks.array("rate_hz", given, dtype=np.float64, error=NetworkError)
                if whole.shape != (n_all,):
                    expected = f"one rate in Hz for each of {n_all} steps from sample"
                    raise checks.fail("rate_hz", expected, whole.shape, error=NetworkError)
            rates[one] = whole[begin.step :]
        return rates, np.array(distances) if distances else None

    def _drives(
        self, first_step: int, n_steps: int, rates: dict[int, NDArray[np.float64]]
    ) -> list[CountDrive]:
        """Return the Poisson inputs; those that do not meet in a population share a drive."""
        network, spans = self.network, self.network.spans
        receptors = list(network.receptors)
        constant: dict[tuple[int, int], list[tuple[PoissonInput, Any]]] = {}
        entry: tuple[PoissonInput, Any]
        varying: dict[tuple[int, int], list[tuple[PoissonInput, Any]]] = {}
        used: dict[tuple[str, int], int] = {}
        inputs = [source for source in network.inputs if isinstance(source, PoissonInput)]
        for source in inputs:
            channel = receptors.index(source.receptor)
            layer = used.get((source.post, channel), 0)
            used[source.post, channel] = layer + 1
            factor = source.n_sources * self.delta_t
            if isinstance(source.rate_hz, (int, float)) and source.always:
                entry = (source, source.rate_hz * factor)
                constant.setdefault((channel, layer), []).append(entry)
            else:
                entry = (source, self._rate(source, first_step, n_steps, rates) * factor)
                varying.setdefault((channel, layer), []).append(entry)
        drives = []
        for table in (constant, varying):
            for (channel, _), entries in table.items():
                group = np.full(network.n_neurons, -1)
                jump = np.zeros(network.n_neurons)
                for g, (source, _) in enumerate(entries):
                    place = slice(*spans[source.post])
                    group[place], jump[place] = g, source.weight
                means = np.stack([mean for _, mean in entries], axis=-1)
                drives.append(
                    CountDrive.poisson(means, group, jump, channel=channel, first_step=first_step)
                )
        return drives

    def _rate(
        self,
        source: PoissonInput,
        first_step: int,
        n_steps: int,
        rates: dict[int, NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        """Return the rate of a source in each step, 0 where it is off."""
        if source.always:
            return rates[id(source.rate_hz)]
        on = on_fraction(first_step + n_steps, self.delta_t, source.start, source.stop)
        if isinstance(source.rate_hz, float):
            return on[first_step:] * source.rate_hz
        return on[first_step:] * rates[id(source.rate_hz)]

    def _noise(self) -> list[NormalDrive]:
        """Return the noise currents, each with a stream of its own."""
        drives = []
        for source in self.network.inputs:
            if isinstance(source, NoiseCurrent):
                sd = np.zeros(self.network.n_neurons)
                low, high = self.network.spans[source.post]
                channel = -1
                sd[low:high] = source.sigma / np.sqrt(self.delta_t)
                if source.receptor is not None:
                    channel = self.network.receptors.index(source.receptor)
                    tau = self.cells.tau_decay[channel, low:high]
                    # The kick that keeps i' = e^(-dt/tau) i + kick at the variance sigma²/(2 tau).
                    kick = np.sqrt(-np.expm1(-2 * self.delta_t / tau) / (2 * tau))
                    sd[low:high] = source.sigma * kick / self.cells.scale[channel, low:high]
                start = round(source.start / self.delta_t)
                stop = None if source.stop is None else round(source.stop / self.delta_t)
                drives.append(NormalDrive(sd, channel, start, stop))
        return drives

    def _currents(
        self, first_step: int, n_steps: int
    ) -> list[tuple[NDArray[Any], NDArray[Any]]] | None:
        pairs = []
        for source in self.network.inputs:
            if isinstance(source, CurrentInput):
                gain = np.zeros(self.network.n_neurons)
                low, high = self.network.spans[source.post]
                gain[low + source.places(high - low)] = 1.0
                wave = source.sample(first_step + n_steps, self.delta_t)
                pairs.append((wave[first_step:], gain))
        return pairs or None


_PER_NEURON = "tau_membrane threshold reset resting tau_refractory capacitance bias".split()


def build(
    network: Declared, delta_t: float, dtype: str, n_threads: int, seed: Seed
) -> BuiltNetwork:
    """Return `network` with everything drawn that is drawn once."""
    receptors, n = network.receptors, network.n_neurons
    shape = (len(receptors), n)
    decay, rise, scale = (np.zeros(shape) for _ in range(3))
    reversal: NDArray[Any] | None = None
    per_neuron = {name: np.empty(n) for name in _PER_NEURON}
    voltage = np.empty(n)
    for population in network.populations:
        here = slice(*network.spans[population.name])
        stream = seed.child(population.name)
        for name, values in per_neuron.items():
            values[here] = population.values(name, stream.child(name))
        if not isinstance(population.tau_refractory, (float, np.ndarray)):
            drawn = per_neuron["tau_refractory"]
            if (least := drawn[here].min()) < 0:
                raise checks.fail(
                    f"{population.name}.tau_refractory",
                    "a distribution of times of at least 0 s, as Normal(…, low=0)",
                    f"{least:g} s",
                    error=NetworkError,
                )
            drawn[here] = np.rint(drawn[here] / delta_t) * delta_t
        voltage[here] = (
            per_neuron["resting"][here]
            if population.initial_voltage is None
            else population.values("initial_voltage", stream.child("voltage"))
        )
        for c, receptor in enumerate(receptors):
            synapse = population.synapses.get(receptor)
            if synapse is None:  # a receptor that others have: nothing enters it here
                synapse = next(
                    p.synapses[receptor] for p in network.populations if receptor in p.synapses
                )
            rise[c, here], decay[c, here], scale[c, here] = synapse.constants
            if isinstance(synapse, Beta):
                reversal = np.zeros(shape) if reversal is None else reversal
                reversal[c, here] = synapse.reversal
    cells = Cells(tau_decay=decay, tau_rise=rise, scale=scale, reversal=reversal, **per_neuron)
    connectivity = wire(network, delta_t, dtype, n_threads, seed)
    state = State.rest(cells).with_voltage(voltage)
    return BuiltNetwork(network, cells, connectivity, state, delta_t, dtype)
