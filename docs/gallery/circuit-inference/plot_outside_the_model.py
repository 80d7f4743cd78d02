"""
Does this EEG lie outside the model?
====================================

Any signal yields a posterior. The distance from the distribution of simulations shows whether it
can be interpreted: a signal of the model lies inside, white noise outside.
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

own = ci.gao_lfp([4.0], duration_s=6.0, seed=77)[0]
noise = np.random.default_rng(0).standard_normal(6000)
observed = features.compute([own, noise], rate=1000.0)
print(inferer.predict(observed, warn=False, seed=1).to_frame().round(3))
ci.plots.plot_outside(inferer, observed)
