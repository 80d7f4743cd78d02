"""
How does a parameter change over a recording?
=============================================

Posterior intervals of twelve epochs in which inhibition rises.
"""

import neuroloom.circuit_inference as ci

library = ci.gao_library(150, duration_s=6.0, progress=False, seed=1)
features = ci.FeatureSet(
    ci.Aperiodic(freq_range=(10, 150)),
    ci.BandPower(bands=((5, 15), (15, 40), (40, 100), (100, 200))),
)
table = library.features(features)
inferer = ci.Inferer("mdn", library.prior)

inferer.fit(table.values[:110], library.theta[:110], seed=1)

import numpy as np

ratios = np.linspace(2.5, 5.5, 12)
epochs = [ci.gao_lfp([r], duration_s=6.0, seed=i)[0] for i, r in enumerate(ratios)]
posterior = inferer.predict(features.compute(epochs, rate=1000.0), warn=False, seed=1)
ax = ci.plots.plot_intervals(posterior, "gI/gE", labels=[f"epoch {i + 1}" for i in range(12)])
