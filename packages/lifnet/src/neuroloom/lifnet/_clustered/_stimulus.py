"""The external stimulus: one waveform into some neurons of some E clusters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neuroloom.lifnet._clustered._parameters import ClusteredParameters
from neuroloom.lifnet._config._schema import StimulusParams
from neuroloom.lifnet._errors import as_seed
from neuroloom.shared import Seed

Array = NDArray[np.float64]


def waveform(params: StimulusParams, n_steps: int, delta_t: float) -> Array:
    """Return the stimulus over time, shape (n_steps,), as added to dV/dt.

    ``box`` is `amplitude` from onset to offset; ``linear`` rises from 0 to `amplitude` over that
    time; ``diff2exp`` is a difference of exponentials, ``exp(−t/τ_decay) − exp(−t/τ_rise)``, with
    peak `amplitude`, from onset on (to the offset, if there is one). Windows add up.
    """
    time = np.arange(n_steps) * delta_t
    result = np.zeros(n_steps)
    for window in params.onsets:
        onset, offset = window if isinstance(window, tuple) else (window, n_steps * delta_t)
        # Half a step of slack: 0.3 / 0.0005 is 599.99….
        inside = (time >= onset - delta_t / 2) & (time < offset - delta_t / 2)
        elapsed = np.where(inside, time - onset, 0.0)
        if params.stimulus_shape == "box":
            shape = np.ones(n_steps)
        elif params.stimulus_shape == "linear":
            shape = elapsed / (offset - onset)
        else:
            rise, decay = params.tau_rise, params.tau_decay
            peak = np.log(decay / rise) * rise * decay / (decay - rise)
            scale = 1.0 / (np.exp(-peak / decay) - np.exp(-peak / rise))
            shape = scale * (np.exp(-elapsed / decay) - np.exp(-elapsed / rise))
        result += np.where(inside, params.amplitude * shape, 0.0)
    return result


def stimulated_neurons(
    params: StimulusParams, parameters: ClusteredParameters, *, seed: int | Seed
) -> NDArray[np.bool_]:
    """Return which neurons are stimulated, shape (n_neurons,).

    ``int(Q · stimulated_clusters_prob)`` different E clusters are drawn, and in each
    ``int(n · stimulated_neuron_prob)`` different neurons.
    """
    generator = as_seed(seed).generator()
    q, size = parameters.n_clusters, int(parameters.sizes[0])
    n_clusters = int(q * params.stimulated_clusters_prob + 1e-9)
    n_neurons = int(size * params.stimulated_neuron_prob + 1e-9)
    chosen = np.zeros(parameters.n_neurons, dtype=bool)
    for cluster in generator.permutation(q)[:n_clusters]:
        chosen[cluster * size + generator.permutation(size)[:n_neurons]] = True
    return chosen
