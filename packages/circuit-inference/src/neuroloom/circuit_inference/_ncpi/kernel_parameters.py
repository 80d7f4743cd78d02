"""From ncpi's multicompartment parameters to the pathways of dipole kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neuroloom.circuit_inference._forward.cable import (
    EXCITATORY,
    INHIBITORY,
    REST_MV,
    Conductance,
    Places,
)
from neuroloom.circuit_inference._forward.kernels import Pathway
from neuroloom.circuit_inference._ncpi.biophysics import compute_mean_nu_X
from neuroloom.circuit_inference.errors import ArgumentError

_POPULATION_SD_UM = 75.0  # somata along z
_MULTAPSES = (2.0, 5.0)  # synapses per connection from E and I
_EXTERNAL = {"weight": 0.0002, "tau1": 0.2, "tau2": 1.8}
_N_EXTERNAL = (465, 160)
_INTERVAL_MS = 25.0  # between spikes of an external input
_RATES = {"E": 2.0, "I": 5.0}


def of(params: Any, name: str, default: Any = None) -> Any:
    """Return an attribute (or item) of ncpi's parameters.

    Raises
    ------
    ArgumentError
        If it is missing and there is no default.
    """
    value = params.get(name) if isinstance(params, Mapping) else getattr(params, name, None)
    value = default if value is None else value
    if value is None:
        raise ArgumentError(f"params: expected the attribute {name!r}, got none")
    return value


def kernel_pathways(params: Any, output_path: str | None) -> dict[str, Pathway]:
    """Return the pathways ``"Y:X"`` of ncpi's parameters; see `FieldPotential.create_kernel`."""
    names, sizes = of(params, "population_names"), of(params, "population_sizes")
    rates = (
        {name: _RATES.get(name[0], 2.0) for name in names}
        if output_path is None
        else compute_mean_nu_X(params, output_path)
    )
    out = {}
    for j, post in enumerate(names):
        background = _background(params, names, j, rates)
        for i, pre in enumerate(names):
            synapse = of(params, "synapseParameters")[i][j]
            delay = of(params, "delayArguments")[i][j]
            probability = float(of(params, "connectionProbability")[i][j])
            weight = of(params, "MC_params")[f"weight_{post}{pre}"]
            lowest = delay["loc"] + delay["a"] * delay["scale"] if "a" in delay else 0.3
            out[f"{post}:{pre}"] = Pathway(
                n_synapses=probability * sizes[j] * _multapses(params, i, j),
                weight_na=float(weight) * (float(synapse["e"]) - REST_MV),  # µS mV
                tau_rise_ms=float(synapse.get("tau1", 0.0)),
                tau_decay_ms=float(synapse["tau2"]),
                delay_ms=float(delay["loc"]),
                delay_sd_ms=float(delay["scale"]),
                delay_min_ms=float(lowest),
                places=_places(params, i, j),
                cell=EXCITATORY if j == 0 else INHIBITORY,
                background=background,
            )
    return out


def _background(
    params: Any, names: Sequence[str], j: int, rates: Mapping[str, float]
) -> tuple[Conductance, ...]:
    """Return the mean conductances of all inputs of a cell, where ``g_eff`` asks for them."""
    given = of(params, "MC_params")
    if not given.get("g_eff", True):
        return ()
    external = of(params, "extSynapseParameters", _EXTERNAL)
    count = given.get("n_ext", _N_EXTERNAL)[j]
    rate = 1e3 / float(of(params, "netstim_interval", _INTERVAL_MS))
    out = [Conductance(count * _mean_us(external["weight"], external, rate))]
    for i, pre in enumerate(names):
        n_in = float(of(params, "connectionProbability")[i][j]) * of(params, "population_sizes")[i]
        weight = given[f"weight_{names[j]}{pre}"]
        mean = _mean_us(weight, of(params, "synapseParameters")[i][j], rates[pre])
        out.append(Conductance(n_in * _multapses(params, i, j) * mean, _places(params, i, j)))
    return tuple(out)


def _mean_us(weight: float, synapse: Mapping[str, float], rate_hz: float) -> float:
    """Return the mean conductance of one synapse: its integral times its rate."""
    rise, decay = float(synapse.get("tau1", 0.0)), float(synapse["tau2"])
    if rise == 0:
        return float(abs(weight) * decay * rate_hz * 1e-3)
    peak = rise * decay / (decay - rise) * np.log(decay / rise)
    area_ms = (decay - rise) / (np.exp(-peak / decay) - np.exp(-peak / rise))
    return float(abs(weight) * area_ms * rate_hz * 1e-3)


def _multapses(params: Any, i: int, j: int) -> float:
    """Return the mean number of synapses per connection: a normal density at whole numbers."""
    given = of(params, "multapseArguments", ())
    if not len(given):
        return _MULTAPSES[min(i, 1)]
    entry = given[i][j]
    low = entry["loc"] + entry["a"] * entry["scale"]
    high = entry["loc"] + entry["b"] * entry["scale"]
    counts = np.arange(1, 100)
    counts = counts[(counts >= low - 1e-9) & (counts <= high + 1e-9)]
    weights = np.exp(-0.5 * ((counts - entry["loc"]) / entry["scale"]) ** 2)
    return float(np.average(counts, weights=weights))


def _places(params: Any, i: int, j: int) -> Places:
    """Return where the synapses lie, somata spread along z."""
    given = of(params, "synapsePositionArguments")[i][j]
    population = of(params, "populationParameters", {"pop_args": {"scale": _POPULATION_SD_UM}})
    spread = float(population["pop_args"]["scale"])
    parts = given["funargs"]
    sections = given.get("section", ("soma",) if i == 1 else ())
    return Places(
        tuple(float(part["loc"]) for part in parts),
        tuple(float(np.hypot(part.get("scale", 100.0), spread)) for part in parts),
        tuple(float(w) for w in given.get("funweights", [1.0] * len(parts))),
        soma="soma" in sections or sections == "allsec",
    )
