"""
Are the intervals calibrated?
=============================

How often intervals of each size contain the true parameters of held-out simulations.
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
report = inferer.diagnose(table.values[110:], library.theta[110:], seed=1)

print(report.summary())
ci.plots.plot_calibration(report)
