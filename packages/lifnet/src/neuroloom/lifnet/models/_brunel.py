"""Sparsely connected networks of excitatory and inhibitory neurons of one kind.

Parameters: Brunel, "Dynamics of sparsely connected networks of excitatory and inhibitory spiking
neurons", J Comput Neurosci 8 (2000), model A.
"""

from __future__ import annotations

import math

from neuroloom.lifnet._errors import NetworkError
from neuroloom.lifnet._network import (
    Alpha,
    Delta,
    DoubleExponential,
    FixedIndegree,
    Network,
    PoissonInput,
    Population,
    Projection,
    Uniform,
)
from neuroloom.lifnet.models._numbers import check_positive
from neuroloom.shared import checks

_EPSILON = 0.1


def brunel_delta(
    *,
    g: float = 5.0,
    eta: float = 2.0,
    j: float = 0.1,
    order: int = 2500,
    delay: float = 1.5e-3,
    tau_membrane: float = 20e-3,
    threshold: float = 20.0,
    reset: float = 0.0,
    tau_refractory: float = 2e-3,
) -> Network:
    """Return 4 `order` excitatory and `order` inhibitory neurons with delta synapses.

    Parameters
    ----------
    g : float
        Strength of inhibitory synapses relative to excitatory ones.
    eta : float
        External rate relative to the one that takes the mean voltage to the threshold.
    j : float
        Step of the voltage per excitatory spike, in mV.
    order : int
        Number of inhibitory neurons. Each neuron hears a tenth of both populations.
    delay : float
        In seconds.
    tau_membrane, threshold, reset, tau_refractory : float
        Of all neurons, in seconds and mV. The published model has ``reset = 10``.

    Examples
    --------
    >>> brunel_delta(order=250).n_neurons
    1250
    """
    _check(g, eta, j, order, tau_membrane=tau_membrane, threshold=threshold)
    n_excitatory = round(_EPSILON * 4 * order)
    threshold_rate = threshold / (j * n_excitatory * tau_membrane)
    return _brunel(
        g=g, j=j, order=order, delay=delay, synapse=Delta(), name="brunel_delta",
        rate=eta * threshold_rate, tau_membrane=tau_membrane, threshold=threshold, reset=reset,
        tau_refractory=tau_refractory, capacitance=1.0,
    )  # fmt: skip


def brunel_alpha(
    *,
    g: float = 5.0,
    eta: float = 2.0,
    j: float = 0.1,
    order: int = 2500,
    tau_synaptic: float = 0.5e-3,
    delay: float = 1.5e-3,
    tau_membrane: float = 20e-3,
    threshold: float = 20.0,
    reset: float = 0.0,
    tau_refractory: float = 2e-3,
) -> Network:
    """Return the network of `brunel_delta` with alpha-shaped currents.

    Parameters
    ----------
    tau_synaptic : float
        Time to the peak of the current in seconds.
    j : float
        Peak of the voltage after one excitatory spike, in mV.
    g, eta, order, delay, tau_membrane, threshold, reset, tau_refractory
        As for `brunel_delta`.
    """
    _check(g, eta, j, order, tau_membrane=tau_membrane, threshold=threshold)
    synapse = Alpha(tau_synaptic)
    capacitance = 0.25
    peak_current = j / _peak_voltage(tau_membrane, tau_synaptic, capacitance)
    charge = peak_current * 2.718281828459045 * tau_synaptic
    n_excitatory = round(_EPSILON * 4 * order)
    threshold_rate = threshold * capacitance / (charge * n_excitatory * tau_membrane)
    return _brunel(
        g=g, j=peak_current, order=order, delay=delay, synapse=synapse, name="brunel_alpha",
        rate=eta * threshold_rate, tau_membrane=tau_membrane, threshold=threshold, reset=reset,
        tau_refractory=tau_refractory, capacitance=capacitance,
    )  # fmt: skip


def _check(g: float, eta: float, j: float, order: int, **positive: float) -> None:
    """Raise unless there is such a network; all of `positive` have to be above 0."""
    for name, value in (("g", g), ("eta", eta)):
        checks.real(name, value, at_least=0, error=NetworkError)
    check_positive(j=j, **positive)
    checks.whole("order", order, at_least=2, error=NetworkError)


def _peak_voltage(tau_membrane: float, tau_synaptic: float, capacitance: float) -> float:
    """Return the peak of the voltage after an alpha current of peak 1.

    The voltage turns where current and leak are equal, after the current has, however slow it is.
    """
    from scipy.optimize import brentq

    rate = 1 / tau_synaptic - 1 / tau_membrane

    def change(t: float) -> float:
        """Return dV/dt, times C, over the peak current."""
        s = t / tau_synaptic
        return s * math.exp(1 - s) - _filtered(t, rate, tau_membrane, tau_synaptic) / tau_membrane

    # The current still rises at τs, and so does the voltage; it has long turned at the end.
    end = tau_synaptic + tau_membrane
    while change(end) > 0:
        end *= 2
    peak = brentq(change, tau_synaptic, end, xtol=1e-12 * end, rtol=1e-14)
    return _filtered(peak, rate, tau_membrane, tau_synaptic) / capacitance


def _filtered(t: float, rate: float, tau_membrane: float, tau_synaptic: float) -> float:
    """Return ∫₀ᵗ (s/τs) e^(1 − s/τs) e^(−(t − s)/τm) ds."""
    x = rate * t
    if abs(x) < 1e-2:  # the series of (1 − e^(−x) (1 + x))/x², whose terms cancel here
        series = t**2 * (1 / 2 - x / 3 + x**2 / 8 - x**3 / 30 + x**4 / 144 - x**5 / 840)
        inside = math.exp(-t / tau_membrane) * series
    else:
        inside = (math.exp(-t / tau_membrane) - math.exp(-t / tau_synaptic) * (1 + x)) / rate**2
    return math.e / tau_synaptic * inside


def _brunel(
    *,
    g: float,
    j: float,
    order: int,
    delay: float,
    synapse: Delta | DoubleExponential,
    rate: float,
    name: str,
    tau_membrane: float,
    threshold: float,
    reset: float,
    tau_refractory: float,
    capacitance: float,
) -> Network:
    sizes = {"E": 4 * order, "I": order}
    weights = {"E": j, "I": -g * j}
    populations = [
        Population(
            kind,
            size,
            tau_membrane=tau_membrane,
            threshold=threshold,
            reset=reset,
            tau_refractory=tau_refractory,
            capacitance=capacitance,
            synapses={"syn": synapse},
            initial_voltage=Uniform(reset, threshold),
        )
        for kind, size in sizes.items()
    ]
    projections = [
        Projection(
            pre,
            post,
            FixedIndegree(round(_EPSILON * sizes[pre]), multapses=True),
            weights[pre],
            delay,
            "syn",
        )
        for pre in sizes
        for post in sizes
    ]
    n_sources = round(_EPSILON * sizes["E"])
    inputs = [PoissonInput(kind, rate, j, "syn", n_sources=n_sources) for kind in sizes]
    return Network(populations, projections, inputs, delta_t=1e-4, name=name)
