"""The cortical column of 77,169 neurons in four layers.

Parameters: Potjans & Diesmann, "The cell-type specific cortical microcircuit: relating structure
and activity in a full-scale spiking network model", Cereb Cortex 24 (2014), tables 4 and 5.
"""

from __future__ import annotations

import math

from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network import (
    Exponential,
    FixedTotal,
    Network,
    Normal,
    PoissonInput,
    Population,
    Projection,
)
from neuroloom.shared import checks

POPULATIONS = ("L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I")
_SIZES = (20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948)
_EXTERNAL = (1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100)
_PROBABILITY = (  # rows receive
    (0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0),
    (0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0),
    (0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0),
    (0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0),
    (0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0),
    (0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0),
    (0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252),
    (0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443),
)
_TAU_MEMBRANE, _TAU_SYNAPTIC, _CAPACITANCE = 10e-3, 0.5e-3, 0.25
_PSP, _G, _BACKGROUND_HZ = 0.15, 4.0, 8.0


def potjans_diesmann(*, scale: float = 1.0) -> Network:
    """Return the microcircuit with Poisson input, 0.3 · 10⁹ synapses at full scale.

    Parameters
    ----------
    scale : float
        Size of all populations relative to the published ones, at the published probabilities;
        weights grow with the square root of the synapses lost, and currents make up for the lost
        mean, at the published rates.

    Examples
    --------
    >>> potjans_diesmann(scale=0.01).n_neurons
    771
    """
    checks.real("scale", scale, above=0, at_most=1, error=NetworkError)
    sizes = [round(scale * size) for size in _SIZES]
    growth = 1 / math.sqrt(scale)
    pulse = _pulse(_PSP)
    populations, projections, inputs = [], [], []
    for post, name in enumerate(POPULATIONS):
        lost = 0.0  # mean current that the synapses left out would bring, in pA
        for pre, source in enumerate(POPULATIONS):
            p = _PROBABILITY[post][pre]
            if not p:
                continue
            full = math.log(1 - p) / math.log(1 - 1 / (_SIZES[pre] * _SIZES[post]))
            weight = pulse if pre % 2 == 0 else -_G * pulse
            if (name, source) == ("L23E", "L4E"):
                weight *= 2
            delay = 1.5e-3 if pre % 2 == 0 else 0.75e-3
            total = full * scale**2
            in_degree = full / _SIZES[post]
            lost += (1 - math.sqrt(scale)) * in_degree * weight * _RATES_HZ[pre]
            projections.append(
                Projection(
                    source,
                    name,
                    FixedTotal(round(total)),
                    Normal.relative(weight * growth, 0.1),
                    Normal(delay, 0.5 * delay, low=1e-4),
                    "exc" if pre % 2 == 0 else "inh",
                )
            )
        lost += (1 - math.sqrt(scale)) * _EXTERNAL[post] * pulse * _BACKGROUND_HZ
        populations.append(
            Population(
                name,
                sizes[post],
                tau_membrane=_TAU_MEMBRANE,
                threshold=-50.0,
                reset=-65.0,
                resting=-65.0,
                tau_refractory=2e-3,
                capacitance=_CAPACITANCE,
                bias=lost * _TAU_SYNAPTIC,
                initial_voltage=Normal(-58.0, 10.0),
                synapses={"exc": Exponential(_TAU_SYNAPTIC), "inh": Exponential(_TAU_SYNAPTIC)},
            )
        )
        inputs.append(
            PoissonInput(
                name, _BACKGROUND_HZ, pulse * growth, "exc", n_sources=_EXTERNAL[post] * scale
            )
        )
    return Network(populations, projections, inputs, delta_t=1e-4, name="potjans_diesmann")


# Mean rates of the model with Poisson input, which downscaled networks assume.
_RATES_HZ = (0.943, 3.026, 4.368, 5.882, 7.733, 8.664, 1.096, 7.851)


def _pulse(psp: float) -> float:
    """Return the jump of the current in pA whose voltage response peaks at `psp` mV."""
    tm, ts = _TAU_MEMBRANE, _TAU_SYNAPTIC
    peak = tm * ts / (tm - ts) * math.log(tm / ts)
    per_current = (tm * ts / (tm - ts)) * (math.exp(-peak / tm) - math.exp(-peak / ts))
    return psp * _CAPACITANCE / per_current
