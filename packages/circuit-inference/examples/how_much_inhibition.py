"""The ratio of inhibition to excitation behind a signal, and whether the model could make it.

Writes how_much_inhibition.png beside this file, or where the first argument says.
"""

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import neuroloom.circuit_inference as ci
from neuroloom.shared import style

library = ci.gao_library(300, duration_s=12.0, progress=False, seed=1)
features = ci.FeatureSet(
    ci.Aperiodic(freq_range=(10, 150)),
    ci.BandPower(bands=((5, 15), (15, 40), (40, 100), (100, 200))),
)
table = library.features(features)
inferer = ci.Inferer("mdn", library.prior)
inferer.fit(table.values[:200], library.theta[:200], seed=1)

signal = ci.gao_lfp([4.0], duration_s=12.0, seed=77)[0]
noise = np.random.default_rng(0).standard_normal(12000)
observed = features.compute([signal, noise], rate=1000.0)
posterior = inferer.predict(observed, warn=False, seed=1)
print(posterior.to_frame().round(2).to_string())
report = inferer.diagnose(table.values[200:], library.theta[200:], seed=1)
print(report.summary())

with style():
    figure = Figure(figsize=(10.5, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    ci.plots.plot_posterior(posterior, "gI/gE", prior=library.prior, truth=4.0, ax=left)
    left.legend(fontsize=7)
    left.set_title("a signal of the model")
    ci.plots.plot_calibration(report, ax=middle)
    middle.set_title("100 held-out simulations")
    ci.plots.plot_outside(inferer, observed, ax=right)
    right.set_title("that signal, and white noise")
    here = Path(__file__).with_suffix(".png")
    figure.savefig(sys.argv[1] if len(sys.argv) > 1 else here, dpi=130)
