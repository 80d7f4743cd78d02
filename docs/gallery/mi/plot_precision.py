"""
How precise are spike times?
============================

Spike times are rounded to coarser and coarser steps. Where the information falls, spike timing
matters.
"""

import numpy as np

from neuroloom import mi

rng = np.random.default_rng(5)
events = np.arange(0.2, 200, 0.2) + rng.uniform(-0.05, 0.05, 999)
before = np.sort(events)
after = np.sort(events + 0.02 + 0.004 * rng.standard_normal(999))  # 4 ms of jitter

result = mi.run(
    [before],
    [after],
    mode="precision",
    precision=mi.Precision(tau_grid=[0.002, 0.005, 0.01, 0.02, 0.05], n_noise_samples=3),
    processor_type_x="spike",
    processor_type_y="spike",
    processor_params_x={"window_size": 0.2, "step_size": 0.2},
    processor_params_y={"window_size": 0.2, "step_size": 0.2},
    training=mi.Training(n_epochs=20),
    split=mi.Split(train_fraction=0.8),
    random_seed=0,
    verbose=False,
)
print(result)
result.plot().set(xlabel="width to which spike times are known (s)")
