"""
What is in this recording?
==========================

Spikes, a field potential and trials on one clock.
"""

import matplotlib.pyplot as plt
import numpy as np

from neuroloom.shared import Signal, SpikeTrains
from neuroloom.shared.plots import raster, style, traces

rng = np.random.default_rng(0)
units = np.repeat(np.arange(12), 40)
spikes = SpikeTrains(np.sort(rng.uniform(0, 4, 480)), rng.permutation(units), 12)
lfp = Signal(
    np.cumsum(rng.standard_normal((4000, 3)), axis=0) * 5, 1000.0, channels=["CA1", "CA3", "DG"]
)

with style():
    figure, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(4.8, 4), layout="constrained")
    raster(spikes, ax=top)
    traces(lfp, unit="µV", ax=bottom)
