"""
How much inhibition produced this signal?
=========================================

The posterior of the ratio of inhibition to excitation, with its prior and the true value.
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

observed = features.compute([ci.gao_lfp([4.0], duration_s=6.0, seed=77)[0]], rate=1000.0)
posterior = inferer.predict(observed, warn=False, seed=1)
ci.plots.plot_posterior(posterior, "gI/gE", prior=library.prior, truth=4.0)
