"""
How much information do spikes carry about position, with error bars?
=====================================================================

The input is spike times and a position in centimetres; windows are in seconds. More cells carry
more information, up to the entropy of position. Bars are intervals of held-out information.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from neuroloom import mi
from neuroloom.shared import Signal, SpikeTrains, axes

rng = np.random.default_rng(0)
place = gaussian_filter1d(rng.standard_normal(12000), 30)
place = np.clip(50 + 25 * place / place.std(), 0, 100)  # cm, 30 times a second
fields = np.exp(-(((place[:, None] - rng.permutation(np.linspace(5, 95, 12))) / 12) ** 2) / 2)
steps, units = np.nonzero(rng.random(fields.shape) < (0.5 + 15 * fields) / 30)
spikes = SpikeTrains((steps + 0.5) / 30, units, 12)
position = Signal(place, rate=30.0, channels=["position"], unit="cm")

window = {"window_size": 0.2, "step_size": 0.2}
numbers, found = (1, 2, 4, 8, 12), []
for n in numbers:
    result = mi.run(
        spikes.select(range(n)),
        position,
        estimator="lmi",
        processor_params_x={**window, "bin_size": 0.2},
        processor_params_y=window,
        random_seed=0,
        verbose=False,
    )
    found.append((result.mi_estimate, *result.details["interval"]))

estimate, low, high = np.transpose(found)
ax = axes()
ax.errorbar(numbers, estimate, [estimate - low, high - estimate], fmt="o-", capsize=3)
ax.set(xlabel="number of cells", ylabel="information about position (bits)", ylim=(0, None))
