"""The clustered spiking network: from a configuration to a run on the compiled kernel."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._clustered._drive import drive_rows, external_drives
from neuroloom.lifnet._clustered._parameters import (
    ClusteredParameters,
    broadcast,
    clustered_parameters,
    perturbed,
)
from neuroloom.lifnet._clustered._perturbation import (
    changes,
    changes_in_time,
    checked,
    config_perturbations,
    merged,
)
from neuroloom.lifnet._clustered._stimulus import stimulated_neurons, waveform
from neuroloom.lifnet._clustered._wiring import Wiring, draw_wiring
from neuroloom.lifnet._config._load import load_config, warn_of_unreached
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._engine import (
    Cells,
    Record,
    Schedule,
    Simulation,
    State,
    check_is_state,
    check_memory,
    in_stretches,
    join,
    network_digest,
    simulate,
)
from neuroloom.lifnet._errors import PlausibilityWarning, SimulationError, as_seed
from neuroloom.shared import Seed

# Versions of the network that are held at a time, so that memory does not grow with the run.
_MOST_VERSIONS = 2000

Perturbations = Mapping[str, ArrayLike | None]


@dataclass(frozen=True, eq=False)
class ClusteredNetwork:
    """A clustered network with its connections drawn.

    Parameters
    ----------
    config : Config
        The configuration.
    wiring : Wiring
        The connections.

    Examples
    --------
    >>> network = ClusteredNetwork.from_config("default_snn_params", seed=1)
    >>> run = network.simulate(duration=0.1, seed=2)
    >>> run.n_neurons, run.n_steps
    (2000, 200)
    """

    config: Config
    wiring: Wiring

    @classmethod
    def from_config(cls, config: Any = None, *, seed: int | Seed = 0) -> ClusteredNetwork:
        """Return the network of a configuration, its connections drawn from `seed`.

        Parameters
        ----------
        config : anything that `load_config` reads
            The configuration.
        seed : int or Seed
            Seed of the connections.
        """
        loaded = load_config(config)
        return cls(loaded, draw_wiring(clustered_parameters(loaded), seed=seed))

    @property
    def parameters(self) -> ClusteredParameters:
        """Numbers of each population without perturbations."""
        return clustered_parameters(self.config)

    @property
    def populations(self) -> dict[str, tuple[int, int]]:
        """First neuron of each population and the one after its last; empty ones left out."""
        parameters = self.parameters
        edges = np.concatenate([[0], np.cumsum(parameters.sizes)]).tolist()
        return {
            name: (edges[i], edges[i + 1])
            for i, name in enumerate(parameters.names)
            if edges[i + 1] > edges[i]
        }

    @property
    def digest(self) -> str:
        """What tells this network, without perturbations, from others."""
        parameters = self.parameters
        return network_digest(cells(parameters), self.wiring.connectivity(parameters))

    def simulate(
        self,
        *,
        duration: float | None = None,
        delta_t: float | None = None,
        perturbations: Perturbations | None = None,
        record: Record | None = None,
        state: State | None = None,
        dtype: str = "float32",
        n_threads: int = 1,
        checkpoint: str | Path | None = None,
        checkpoint_every: float | None = None,
        progress: bool = False,
        seed: int | Seed = 0,
    ) -> Simulation:
        """Return a run of the network.

        Parameters
        ----------
        duration, delta_t : float, optional
            In seconds; the configuration's if not given.
        perturbations : mapping of target to array_like, optional
            They replace the configuration's own, target by target. Arrays may end in a time
            axis of one value per step of this run.
        record : Record, optional
            What to record; spikes if not given.
        state : State, optional
            Where to begin, as ``run.state``; rest at time 0 if not given. With the same seed, the
            run is to the bit the rest of an unbroken one. Times of the configuration (stimulus,
            perturbations) count from the first run's start.
        dtype : {"float32", "float64"}
            Precision of the state.
        n_threads : int
            Threads; spikes are the same for any number.
        checkpoint : path, optional
            Folder that keeps what is done of a long run: the same call goes on from there after a
            kill. It goes when the run is done.
        checkpoint_every : float, optional
            Simulated seconds between two checkpoints; 10 if not given.
        progress : bool
            Show a bar.
        seed : int or Seed
            Seed of the external input and of the choice of stimulated neurons.

        Raises
        ------
        ConfigError, PerturbationError, SimulationError
            If a time, perturbation or state does not fit.
        """
        config = self._timed(duration, delta_t)
        init = config.init_params
        step, n_steps = init.delta_t, round(init.duration_sec / init.delta_t)
        n_pops = config.architecture.clusters.total_pops
        check_is_state(state)
        if state is None:  # one that goes on may have been begun for what comes later
            warn_of_unreached(config)
        begin = 0 if state is None else state.step
        digest = self.digest
        if state is not None:
            state.check_network(digest)
            state = replace(state, bound=False)  # perturbations change neurons and synapses
        _check_length(config, begin + n_steps)
        own = _from_step(config, begin, n_steps)
        given = checked(merged(own, perturbations), n_pops, n_steps)
        root = as_seed(seed)
        stimulus = self._stimulus(config, begin, n_steps, root.child("stimulus"))
        starts = changes(given, n_pops, n_steps)
        record = Record() if record is None else record

        def stretch(first: int, last: int, before: State | None) -> Simulation:
            inside = np.union1d([first], starts[(starts > first) & (starts < last)])
            ends = [*inside[_MOST_VERSIONS::_MOST_VERSIONS].tolist(), last]
            pieces: list[Simulation] = []
            for start, stop in pairwise([first, *ends]):
                some = inside[(inside >= start) & (inside < stop)]
                parameters = versions(config, given, some, n_steps)
                version = np.searchsorted(some, np.arange(start, stop), side="right") - 1
                now = parameters if len(some) == 1 else at_version(parameters, 0)
                piece = simulate(
                    cells(now),
                    self.wiring.connectivity(now),
                    n_steps=stop - start,
                    delta_t=step,
                    drives=external_drives(parameters, step, _absolute(version, begin + start)),
                    schedule=None if len(some) == 1 else schedule(parameters, version),
                    stimulus=None if stimulus is None else [(stimulus[0][start:stop], stimulus[1])],
                    state=pieces[-1].state if pieces else before,
                    first_step=begin + start,
                    record=record,
                    populations=self.populations,
                    dtype=dtype,
                    n_threads=n_threads,
                    mechanism="euler" if init.mechanism == "euler" else "analytic",
                    progress=progress,
                    seed=root.child("external"),
                )
                pieces.append(piece)
            return join(pieces)

        told = {
            "network": digest,
            "configuration": config.with_settings(random_seed=None).to_mapping(),
            "perturbations": given,
            "record": record,
            "dtype": dtype,
            "seed": [root.entropy, list(root.path)],
        }
        run = in_stretches(
            stretch,
            n_steps=n_steps,
            delta_t=step,
            state=state,
            folder=checkpoint,
            every=checkpoint_every,
            told=told,
        )
        return replace(run, state=replace(run.state, network=digest))

    def _stimulus(
        self, config: Config, begin: int, n_steps: int, seed: Seed
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the stimulus in the steps of a run, and its gain for each neuron."""
        given = config.stimulus
        if not (given.onsets and given.amplitude):
            return None
        if (
            begin
            and given.stimulus_shape == "linear"
            and not all(isinstance(window, tuple) for window in given.onsets)
        ):
            raise SimulationError(
                "state: expected stimulus.onsets as (onset, offset) where a linear stimulus "
                "goes on: one without an end rises until the run's, which has moved"
            )
        wave = waveform(given, begin + n_steps, config.init_params.delta_t)[begin:]
        neurons = stimulated_neurons(given, self.parameters, seed=seed)
        if not neurons.any():
            warnings.warn(
                f"stimulus: reaches no neuron: stimulated_clusters_prob = "
                f"{given.stimulated_clusters_prob:g} of the clusters and stimulated_neuron_prob = "
                f"{given.stimulated_neuron_prob:g} of their neurons are rounded down",
                PlausibilityWarning,
                stacklevel=3,
            )
        return wave, neurons.astype(np.float64)

    def _timed(self, duration: float | None, delta_t: float | None) -> Config:
        config = self.config
        if duration is not None:
            config = config.with_value("init_params.duration_sec", duration)
        if delta_t is not None:
            config = config.with_value("init_params.delta_t", delta_t)
        if round(config.init_params.duration_sec / config.init_params.delta_t) < 1:
            raise SimulationError(
                f"duration: expected at least one step of {config.init_params.delta_t:g} s, "
                f"got {config.init_params.duration_sec:g} s"
            )
        return config


def _check_length(config: Config, n_steps: int) -> None:
    """Raise, before anything is drawn, if what a run holds for each step cannot fit."""
    n_pops = config.architecture.clusters.total_pops
    timed = [p for p in (config.perturbation or {}).values() if p.time_dependence is not None]
    sizes = {
        "spike counts": 4.0 * n_pops * n_steps,
        "changes in time": (16.0 + 8.0 * n_pops * len(timed)) * n_steps,
        "stimulus": 24.0 * n_steps * bool(config.stimulus.onsets),
    }
    check_memory(sizes, remedy="run piece by piece with state=run.state")


def _from_step(config: Config, begin: int, n_steps: int) -> dict[str, NDArray[np.float64]]:
    """Return the configuration's perturbations in the steps of a run that begins at `begin`."""
    duration = (begin + n_steps) * config.init_params.delta_t
    whole = config.with_value("init_params.duration_sec", duration) if begin else config
    result = config_perturbations(whole, in_time=True)
    for target, params in (config.perturbation or {}).items():
        if params.time_dependence is not None:
            result[target] = result[target][..., begin:]
    return result


def versions(
    config: Config,
    given: Mapping[str, NDArray[np.float64]],
    starts: NDArray[np.int64],
    n_steps: int,
) -> ClusteredParameters:
    """Return the network as it is from each of these steps on; without versions if it is one."""
    n_pops = config.architecture.clusters.total_pops
    one = len(starts) == 1
    now = {}
    for target, array in given.items():
        moves = changes_in_time(target, array, n_pops, n_steps)
        values = np.moveaxis(array[..., starts], -1, 0) if moves else array
        if moves and one:
            values = values[0]
        now[target] = broadcast(target, values, n_pops, versions=moves and not one)
    return perturbed(config, now)


_VERSIONED = {"efficacy": 2, "j_ext": 2, "nu_ext": 2, "tau_membrane": 1, "tau_synaptic": 1,
              "tau_refractory": 1, "threshold": 1, "reset_voltage": 1}  # fmt: skip


def at_version(parameters: ClusteredParameters, k: int) -> ClusteredParameters:
    """Return one version of a network."""
    found = {name: getattr(parameters, name) for name in _VERSIONED}
    return replace(
        parameters,
        **{n: v[k] if v.ndim > _VERSIONED[n] else v for n, v in found.items()},
    )


def schedule(parameters: ClusteredParameters, version: NDArray[np.int64]) -> Schedule:
    """Return the versions of a network for the engine.

    Parameters
    ----------
    parameters : ClusteredParameters
        The network in its versions.
    version : ndarray of int, shape (n_steps,)
        Version of each step.
    """
    shape = (int(version.max()) + 1, parameters.n_pops)

    def flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.broadcast_to(values, shape).ravel()

    groups = Cells.create(
        shape[0] * shape[1],
        tau_membrane=flat(parameters.tau_membrane),
        tau_synaptic=flat(parameters.tau_synaptic),
        threshold=flat(parameters.threshold),
        reset=flat(parameters.reset_voltage),
        tau_refractory=flat(parameters.tau_refractory),
        charge=True,
    )
    rows, moves = drive_rows(parameters), parameters.j_ext.ndim > 2
    table = parameters.efficacy if parameters.efficacy.ndim > 2 else None
    return Schedule(
        version,
        parameters.population,
        parameters.n_pops,
        groups,
        jump=parameters.j_ext[:, rows] if moves else None,
        table=table,
    )


def _absolute(version: NDArray[np.int64], first_step: int) -> NDArray[np.int32] | None:
    """Return the version of each absolute step, those before the first counted to it."""
    if not version[-1]:
        return None
    return np.concatenate([np.zeros(first_step, np.int32), version.astype(np.int32)])


def cells(parameters: ClusteredParameters) -> Cells:
    """Return the neurons of a clustered network for the engine."""
    spread = parameters.per_neuron
    return Cells.create(
        parameters.n_neurons,
        tau_membrane=spread(parameters.tau_membrane),
        tau_synaptic=spread(parameters.tau_synaptic),
        threshold=spread(parameters.threshold),
        reset=spread(parameters.reset_voltage),
        tau_refractory=spread(parameters.tau_refractory),
        charge=True,
    )
