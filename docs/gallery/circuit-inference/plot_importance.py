"""
Which features does the posterior need?
=======================================

How much worse the posterior becomes when one feature is shuffled.
"""

import neuroloom.circuit_inference as ci

library = ci.gao_library(150, duration_s=6.0, progress=False, seed=1)
features = ci.FeatureSet(
    ci.Aperiodic(freq_range=(10, 150)),
    ci.BandPower(bands=((5, 15), (15, 40), (40, 100), (100, 200))),
)
learned, held_out = library.rows(range(110)), library.rows(range(110, 150))
inferer = ci.Inferer("mdn", library.prior)

inferer.fit(learned.features(features), learned.theta, seed=1)
report = inferer.diagnose(held_out.features(features), held_out.theta, seed=1)

ci.plots.plot_importance(report)
