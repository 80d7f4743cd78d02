"""The compiled part of the shot-noise generator."""

# mypy: disable-error-code="no-untyped-def,no-untyped-call"
from __future__ import annotations

import numpy as np

from neuroloom.circuit_inference._compiled import compiled


@compiled
def simulate(noise, chance, decay, length, bin_width):
    """Return mean counts per bin of neurons driven by `noise` (n_neurons, n_times).

    The kernel ``decay**k``, k < `length`, centred: output t sums noise[t + shift − k].
    """
    n_neurons, n_times = noise.shape
    n_bins = n_times // bin_width
    counts = np.zeros(n_bins)
    smooth = np.empty(n_times)
    shift = (min(length, n_times) - 1) // 2
    gone = decay**length
    for neuron in range(n_neurons):
        x = noise[neuron]
        value = 0.0
        for s in range(shift):
            value = value * decay + x[s]
        low, high = np.inf, -np.inf
        for t in range(n_times):
            s = t + shift
            value = value * decay + (x[s] if s < n_times else 0.0)
            if s - length >= 0:
                value -= gone * x[s - length]
            smooth[t] = value
            low, high = min(low, value), max(high, value)
        scale = 1 / (high - low)
        for t in range(n_bins * bin_width):
            if chance[neuron, t] < (smooth[t] - low) * scale - 0.9:
                counts[t // bin_width] += 1
    return counts / n_neurons
