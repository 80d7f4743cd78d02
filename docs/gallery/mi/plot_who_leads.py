"""
Does this area lead that one?
=============================

Signals of two areas, the second 30 ms behind the first. The information peaks at the delay between
them. The p-value is for the maximum over all lags, against shifted recordings.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from neuroloom import mi
from neuroloom.shared import Signal

rng = np.random.default_rng(0)
source, *noise = gaussian_filter1d(rng.standard_normal((3, 8_000)), 3)
first = Signal((source + noise[0])[:, None], rate=200.0)
second = Signal((np.roll(source, 6) + noise[1])[:, None], rate=200.0)

window = {"window_size": 0.005, "step_size": 0.01}
result = mi.run(
    first,
    second,
    mode="lag",
    lag_range=np.arange(-0.08, 0.085, 0.01),
    estimator="gcmi",
    processor_params_x=window,
    processor_params_y=window,
    n_permutations=49,
    random_seed=0,
    verbose=False,
)
print(result)
result.plot().set(xlabel="lag of the second area (s)", ylim=(-0.01, 0.3))
