"""One parameter vector in, field potentials and gates out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference._forward.kernels import dipole_kernels, dipole_moment
from neuroloom.circuit_inference._forward.proxies import weighted_sum
from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._libraries.simulate import simulate_library
from neuroloom.circuit_inference.simulate._gates import Gates, spectral_measures, spike_measures
from neuroloom.circuit_inference.simulate._models import _EXTRA, NetworkModel, network_model
from neuroloom.shared import Seed, require
from neuroloom.shared.random import SeedLike

Array = NDArray[np.float64]

RATE_HZ = 1600.0  # of the signals: the networks' 16 kHz, decimated by ten
_EVERY = 2  # steps between two samples of the currents
_SETTLE_S = 0.1  # kernels and delays reach that far back: signals start later than the spikes


@dataclass(frozen=True)
class NetworkSimulator:
    """A callable ``simulator(theta, seed)`` that runs one network of a model.

    Parameters
    ----------
    model : str
        A name in `MODELS`.
    duration_s, transient_s : float
        Length of the signals, and of the run before them that is thrown away.
    gates : Gates
        Validity gates. A network that fires above ``max_rate_hz`` at the end of its transient is
        not run any further.
    """

    model: str
    duration_s: float = 10.0
    transient_s: float = 0.5
    gates: Gates = field(default_factory=Gates)

    def __post_init__(self) -> None:
        network_model(self.model)
        positive("duration_s", self.duration_s, "of seconds")
        positive("transient_s", self.transient_s, "of seconds")

    def __call__(self, theta: Array, seed: Seed) -> dict[str, Any]:
        """Return signals by name at `RATE_HZ`, the gates' measures, and the reason if invalid."""
        record: Any = require("neuroloom.lifnet", extra=_EXTRA).Record
        model = network_model(self.model)
        values = dict(zip(model.prior.names, map(float, theta), strict=True))
        built = model.network(values).build(dtype="float32", seed=seed.child("network"))
        start = built.simulate(
            self.transient_s, record=record(spikes=False), seed=seed.child("transient")
        )
        measures = _rates(start, model, start.n_steps // 2)
        if measures["rate_max"] > self.gates.max_rate_hz:
            return {**measures, "reason": self.gates.judge(measures)}
        run = built.simulate(
            self.duration_s + _SETTLE_S,
            record=record(spikes=True, population_current=True, every=_EVERY),
            state=start.state,
            seed=seed.child("run"),
        )
        measures = _rates(run, model, 0)
        n = min(self.gates.n_neurons, run.n_neurons)
        neurons = seed.child("sampled").generator().choice(run.n_neurons, n, replace=False)
        measures |= spike_measures(
            run.spike_steps, run.spike_ids, neurons, run.delta_t, run.n_steps
        )
        settled = round(_SETTLE_S * RATE_HZ)
        signals = {name: x[settled:] for name, x in _signals(run, model, values).items()}
        main = signals["cdm"] if "cdm" in signals else signals["LRWS"]
        measures |= spectral_measures(main, RATE_HZ)
        return {**signals, **measures, "reason": self.gates.judge(measures)}


def network_library(
    model: str,
    n_sims: int,
    *,
    duration_s: float = 10.0,
    transient_s: float = 0.5,
    gates: Gates | None = None,
    prior: Prior | None = None,
    folder: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    batch_size: int = 4,
    n_workers: int | None = None,
    backend: str | None = None,
    progress: bool = True,
    seed: SeedLike = None,
) -> SimulationLibrary:
    """Return a library of simulated networks.

    Signals: ``LRWS``, the proxy of Mazzoni et al. (2015) over the excitatory neurons, and for
    models with kernels ``cdm``, the current dipole moment along z (nA µm). The four-area model has
    both for each area too, ``"LRWS frontal"`` and so on.

    Parameters
    ----------
    model : str
        ``"hagen"``, ``"cavallari"``, ``"four_area"``, or one of them with ``"_eighth"``: networks
        of an eighth of the size, which are other models of their own.
    n_sims : int
    duration_s, transient_s : float
        In seconds.
    gates : Gates, optional
    prior : Prior, optional
        Bounds within the model's parameters, in the same order; the model's own if not given.
    folder, shard, batch_size, n_workers, backend, progress, seed
        As in `simulate_library`: finished batches are kept in `folder` and not done again.

    Raises
    ------
    MissingDependencyError
        If neuroloom-lifnet is not installed.
    UnknownNameError
        If there is no such model.
    PriorError
        If `prior` has other parameters than the model.
    """
    chosen = network_model(model)
    lifnet = require("neuroloom.lifnet", extra=_EXTRA)
    simulator = NetworkSimulator(model, duration_s, transient_s, gates or Gates())
    used = prior or chosen.prior
    if used.names != chosen.prior.names:
        from neuroloom.circuit_inference.errors import PriorError

        raise PriorError(f"prior: expected the parameters {chosen.prior.names}, got {used.names}")
    return simulate_library(
        simulator,
        used,
        n_sims,
        rate_hz=RATE_HZ,
        folder=folder,
        shard=shard,
        batch_size=batch_size,
        n_workers=n_workers,
        backend=backend,
        progress=progress,
        describe={
            "name": model,
            "duration_s": duration_s,
            "transient_s": transient_s,
            "gates": asdict(simulator.gates),
            "lifnet": lifnet.__version__,
        },
        seed=seed,
    )


def _rates(run: Any, model: NetworkModel, first: int) -> dict[str, float]:
    counts = np.asarray(run.spike_counts[first:])
    seconds = len(counts) * run.delta_t
    rates = {
        name: counts[:, i].sum() / (stop - start) / seconds
        for i, (name, (start, stop)) in enumerate(run.populations.items())
    }
    measures = {f"rate_{name.replace(' ', '_')}": float(rate) for name, rate in rates.items()}
    measures["rate_max"] = float(max(rates.values()))
    measures["rate_E"] = float(np.mean([rates[name] for name in model.excitatory]))
    return measures


def _signals(run: Any, model: NetworkModel, values: dict[str, float]) -> dict[str, Array]:
    """Return the signals of the whole network, and of each area where there are several."""
    areas = [name.removesuffix(" E") for name in model.excitatory if name.endswith(" E")]
    out: dict[str, Array] = {}
    if model.pathways is not None:
        dt_ms = run.delta_t * 1e3
        spikes = {
            name: np.asarray(run.spike_counts[:, i], dtype=np.float64) * _weight(run, name)
            for i, name in enumerate(run.populations)
        }
        kernels = dipole_kernels(model.pathways(values), dt_ms=dt_ms)
        factor = round(1e3 / dt_ms / RATE_HZ)
        for area in areas or [""]:
            local = {name: h for name, h in kernels.items() if name.startswith(area)}
            moment = dipole_moment(local, spikes)
            out[f"cdm {area}".strip()] = _decimated(moment, factor)
    for name in model.excitatory:
        area = name.removesuffix("E").strip()
        out[f"LRWS {area}".strip()] = _lrws(run, name)
    if areas:
        for kind in ("cdm", "LRWS"):
            parts = [x for name, x in out.items() if name.startswith(f"{kind} ")]
            if parts:
                out[kind] = np.sum(parts, axis=0)
    return out


def _lrws(run: Any, population: str) -> Array:
    step_ms = run.delta_t * 1e3 * _EVERY
    currents = np.asarray(run.population_current[population]).T
    by_channel = dict(zip(run.channels, currents, strict=True))
    weights = weighted_sum("LRWS")
    shift = round(weights.ampa_ms / step_ms)
    ampa = np.concatenate([np.zeros(shift), by_channel["exc"]])[: len(by_channel["exc"])]
    lrws = ampa - weights.alpha * by_channel["inh"]
    return _decimated(lrws, round(1e3 / step_ms / RATE_HZ))


def _decimated(x: Array, factor: int) -> Array:
    from scipy.signal import decimate

    return np.asarray(decimate(x, factor, ftype="fir", zero_phase=True))


def _weight(run: Any, name: str) -> float:
    """Return how many spikes of the full-size population one spike of a smaller one stands for."""
    start, stop = run.populations[name]
    return float((8192 if name.endswith("E") else 1024) / (stop - start))
