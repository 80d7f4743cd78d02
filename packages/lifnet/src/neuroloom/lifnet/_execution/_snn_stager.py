"""`StageSNNSimulation`: one spiking run of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._clustered._clustered_network import ClusteredNetwork
from neuroloom.lifnet._clustered._perturbation import checked, config_perturbations, merged
from neuroloom.lifnet._clustered._stimulus import stimulated_neurons, waveform
from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._engine import Record, Simulation, State, check_memory
from neuroloom.lifnet._errors import ConfigError, SimulationError
from neuroloom.lifnet._execution._stager import Stager, by_target, perturbations_of
from neuroloom.lifnet._plots import plot_raster, plot_rates
from neuroloom.shared import Seed, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class StageSNNSimulation(Stager):
    """One run of the clustered spiking network of a configuration.

    Parameters are those of `Stager`. The same seed gives the same connections and spikes in every
    call of `run`.

    Examples
    --------
    >>> stager = StageSNNSimulation("default_snn_params", random_seed=123)
    >>> outputs = stager.run(duration_sec=0.05)
    >>> outputs["spikes"].shape, outputs["spikes"].dtype
    ((100, 2000), dtype('bool'))
    """

    def run(
        self,
        duration_sec: float | None = None,
        delta_t: float | None = None,
        *,
        output_keys: Iterable[str] | None = None,
        dtype: str = "float32",
        n_threads: int = 1,
        checkpoint: str | Path | None = None,
        checkpoint_every: float | None = None,
        **named: Any,
    ) -> dict[str, Any]:
        """Return what was asked for of one run.

        Parameters
        ----------
        duration_sec, delta_t : float, optional
            In seconds; the configuration's if not given.
        output_keys : iterable of str, optional
            Some of ``voltage, current, spikes, stimulus, weights, clusters``; all if not given.
            What is not named is not recorded.
        dtype : {"float32", "float64"}
            Precision of the state.
        n_threads : int
            Threads of the run.
        checkpoint, checkpoint_every
            As for `ClusteredNetwork.simulate`; `execute` has a folder of its own for them.
        **named : array_like
            Perturbations of this run, ``rate_perturbation=…``; they replace the stager's.

        Returns
        -------
        dict
            ``voltage``, ``current`` and ``stimulus`` of shape (n_steps, n_neurons); ``spikes``
            likewise, boolean; ``weights[post, pre]``; and ``clusters``, the population of each
            neuron from 1.
        """
        keys = _keys(output_keys)
        config = self.configured(duration_sec, delta_t)
        _check_size(keys, config, np.dtype(dtype).itemsize)
        network = self.network()
        record = Record(
            voltage=True if "voltage" in keys else None,
            current=True if "current" in keys else None,
        )
        run = self.simulate(
            duration_sec,
            delta_t,
            record=record,
            dtype=dtype,
            n_threads=n_threads,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            network=network,
            **named,
        )
        parameters = network.parameters
        result: dict[str, Any] = {}
        for key in keys:
            if key == "spikes":
                result[key] = run.raster()
            elif key == "stimulus":
                result[key] = self._stimulus(config, run.n_steps, parameters)
            elif key == "weights":
                result[key] = network.wiring.dense(parameters)
            elif key == "clusters":
                result[key] = parameters.population + 1
            else:
                result[key] = getattr(run, key)
        return result

    def simulate(
        self,
        duration_sec: float | None = None,
        delta_t: float | None = None,
        *,
        record: Record | None = None,
        dtype: str = "float32",
        n_threads: int = 1,
        checkpoint: str | Path | None = None,
        checkpoint_every: float | None = None,
        progress: bool = False,
        network: ClusteredNetwork | None = None,
        **named: Any,
    ) -> Simulation:
        """Return one run as a `Simulation`: spikes as (step, neuron), rates, what is recorded.

        Parameters
        ----------
        duration_sec, delta_t : float, optional
            In seconds; the configuration's if not given.
        record : Record, optional
            What to record; spikes if not given.
        dtype : {"float32", "float64"}
            Precision of the state.
        n_threads : int
            Threads; spikes are the same for any number.
        checkpoint : path, optional
            Folder that keeps what is done of a long run, as for `ClusteredNetwork.simulate`.
        checkpoint_every : float, optional
            Simulated seconds between two checkpoints.
        progress : bool
            Show a bar.
        network : ClusteredNetwork, optional
            That of `network()`, if it is drawn already.
        **named : array_like
            Perturbations of this run, ``rate_perturbation=…``; they replace the stager's.
        """
        return (network or self.network()).simulate(
            duration=duration_sec,
            delta_t=delta_t,
            perturbations={**self.perturbations, **by_target(named)},
            record=record,
            dtype=dtype,
            n_threads=n_threads,
            checkpoint=checkpoint,
            checkpoint_every=checkpoint_every,
            progress=progress,
            seed=self._root.child("run"),
        )

    def network(self) -> ClusteredNetwork:
        """Return the network with the connections of this stager's seed."""
        return ClusteredNetwork.from_config(self.config, seed=self._root.child("connectivity"))

    @property
    def _root(self) -> Seed:
        return Seed(self.random_seed)

    def configured(self, duration_sec: float | None, delta_t: float | None) -> Config:
        """Return the configuration with another duration or step.

        Parameters
        ----------
        duration_sec, delta_t : float, optional
            In seconds; the configuration's if not given.
        """
        config = self.config
        if duration_sec is not None:
            config = config.with_value("init_params.duration_sec", duration_sec)
        if delta_t is not None:
            config = config.with_value("init_params.delta_t", delta_t)
        return config

    def applied_perturbations(
        self, duration_sec: float | None = None, delta_t: float | None = None, **named: Any
    ) -> dict[str, NDArray[np.float64]]:
        """Return all perturbations of a run: the configuration's, replaced by those given.

        Parameters
        ----------
        duration_sec, delta_t : float, optional
            In seconds; the configuration's if not given.
        **named : array_like
            Perturbations of this run, ``rate_perturbation=…``; they replace the stager's.

        Returns
        -------
        dict of str to ndarray
            By target, each of shape (n_pops,), (n_pops, n_pops), or these and a last axis of one
            value per step.
        """
        config = self.configured(duration_sec, delta_t)
        init = config.init_params
        given = {**self.perturbations, **by_target(named)}
        own = config_perturbations(config, in_time=True)
        return checked(
            merged(own, given),
            config.architecture.clusters.total_pops,
            round(init.duration_sec / init.delta_t),
        )

    def _applied(self, options: Mapping[str, Any]) -> Mapping[str, NDArray[np.float64]]:
        timed = {name: options.get(name) for name in ("duration_sec", "delta_t")}
        return self.applied_perturbations(**timed, **perturbations_of(options))

    def _config_of(self, options: Mapping[str, Any]) -> Config:
        return self.configured(options.get("duration_sec"), options.get("delta_t"))

    def _stimulus(self, config: Config, n_steps: int, parameters: Any) -> NDArray[np.float64]:
        stimulus = config.stimulus
        if not (stimulus.onsets and stimulus.amplitude):
            return np.broadcast_to(np.zeros(()), (n_steps, parameters.n_neurons))
        neurons = stimulated_neurons(
            stimulus, parameters, seed=self._root.child("run").child("stimulus")
        )
        return np.outer(waveform(stimulus, n_steps, config.init_params.delta_t), neurons)

    def _check_plot(self, plot_arg: str | None, options: Mapping[str, Any]) -> None:
        name = _shown(plot_arg)
        needed = "spikes" if name == "rates" else name
        keys = _keys(options.get("output_keys"))
        if needed not in keys:
            raise SimulationError(
                f"output_keys: expected {needed} among them, which plot_arg={plot_arg!r} draws, "
                f"got {', '.join(keys) or 'none'}; add it, or pass plot_arg=None"
            )

    def _plot(
        self, outputs: Mapping[str, Any], plot_arg: str | None, options: Mapping[str, Any]
    ) -> dict[str, Figure]:
        """Return a raster, or the traces of some neurons for ``voltage`` or ``current``."""
        from matplotlib.figure import Figure

        name = _shown(plot_arg)
        with style():
            figure = Figure(figsize=(8, 5), layout="constrained")
            ax = figure.subplots()
            step = self._config_of(options).init_params.delta_t
            if name in ("spikes", "rates"):
                run = as_simulation(outputs["spikes"], self.network(), step)
                (plot_raster if name == "spikes" else plot_rates)(run, ax=ax)
            else:
                values = np.asarray(outputs[name])
                chosen = np.linspace(0, values.shape[1] - 1, 6).astype(int)
                ax.plot(np.arange(len(values)) * step, values[:, chosen], linewidth=0.6)
                ax.set(xlabel="time (s)", ylabel=name)
                ax.legend([f"neuron {i}" for i in chosen], fontsize="small", ncols=6)
        return {"spike_raster" if name == "spikes" else name: figure}


def _check_size(keys: Iterable[str], config: Config, itemsize: int) -> None:
    """Raise, before anything is drawn, if the arrays of a run cannot fit into memory."""
    init = config.init_params
    samples = round(init.duration_sec / init.delta_t) * init.n_neurons
    stimulated = bool(config.stimulus.onsets and config.stimulus.amplitude)
    each = {
        "voltage": samples * itemsize,
        "current": samples * itemsize,
        "spikes": samples,
        "stimulus": samples * 8 * stimulated,
        "weights": init.n_neurons**2 * 8,
        "clusters": init.n_neurons * 8,
    }
    sizes: dict[str, float] = {key: float(each[key]) for key in keys}
    if not sizes:
        return
    check_memory(
        {**sizes, "copies": max(sizes.values())},
        remedy='name what you need, output_keys=("spikes", "clusters"), or take simulate(), which '
        "keeps a few bytes per spike, and with Record(voltage=[…], every=…) some voltages",
    )


def as_simulation(
    raster: NDArray[np.bool_], network: ClusteredNetwork, delta_t: float
) -> Simulation:
    """Return a raster as a run without anything else, for the pictures."""
    steps, neurons = np.nonzero(raster)
    spans = network.populations
    label = np.zeros(raster.shape[1], dtype=np.int64)
    for i, (start, stop) in enumerate(spans.values()):
        label[start:stop] = i
    counts = np.bincount(steps * len(spans) + label[neurons], minlength=len(raster) * len(spans))
    empty = np.empty((0, 0))

    return Simulation(
        delta_t=delta_t,
        n_steps=len(raster),
        first_step=0,
        n_neurons=raster.shape[1],
        spike_steps=steps,
        spike_ids=neurons.astype(np.int32),
        spike_counts=counts.reshape(len(raster), -1).astype(np.int32),
        populations=spans,
        voltage=None,
        current=None,
        population_current={},
        population_voltage={},
        every=1,
        channels=(),
        state=State(empty, empty, empty.astype(np.int32)),
    )


def _shown(plot_arg: str | None) -> str:
    """Return what of a run is to be drawn."""
    name = {"currents": "current"}.get(str(plot_arg), str(plot_arg))
    if name not in ("spikes", "rates", "voltage", "current"):
        raise SimulationError(
            f"plot_arg: expected spikes, rates, voltage or current, got {plot_arg!r}"
        )
    return name


def _keys(wanted: Iterable[str] | None) -> list[str]:
    allowed = ("voltage", "current", "spikes", "stimulus", "weights", "clusters")
    if wanted is None:
        return list(allowed)
    keys = [wanted] if isinstance(wanted, str) else list(wanted)
    for key in keys:
        if key not in allowed:
            raise ConfigError(f"output_keys: expected some of {', '.join(allowed)}, got {key!r}")
    return keys
