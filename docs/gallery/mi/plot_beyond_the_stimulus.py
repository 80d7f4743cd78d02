"""
Do two areas share more than the stimulus?
==========================================

Conditional information: how much two areas tell about each other when the stimulus is known. In
this simulation, both follow the stimulus and also share noise.
"""

import numpy as np

from neuroloom import mi
from neuroloom.shared import axes

rng = np.random.default_rng(3)
stimulus, shared = rng.standard_normal((2, 3000, 1))
left = stimulus + 0.7 * shared + rng.standard_normal((3000, 1))
right = stimulus + 0.7 * shared + rng.standard_normal((3000, 1))
alone = stimulus + rng.standard_normal((3000, 1))

options = {"estimator": "gcmi", "verbose": False, "random_seed": 0}
found = {}
for name, other in {"with shared noise": right, "stimulus alone": alone}.items():
    found[name, "all"] = mi.run(left, other, **options).mi_estimate
    found[name, "beyond stimulus"] = mi.run(
        left, other, mode="conditional", conditional=mi.Conditional(z_data=stimulus), **options
    ).mi_estimate

ax = axes()
ax.set(xlabel="other area", ylabel="information (bits)")
names = ["with shared noise", "stimulus alone"]
for shift, part in ((-0.2, "all"), (0.2, "beyond stimulus")):
    ax.bar(np.arange(2) + shift, [found[name, part] for name in names], 0.38, label=part)
ax.set_xticks(range(2), names)
ax.legend()
