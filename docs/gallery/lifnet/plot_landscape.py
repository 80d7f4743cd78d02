"""
How high is the barrier between two states?
===========================================

The force on the rates of two clusters while all other populations are at equilibrium, and the
potential along its valley.
"""

from neuroloom import lifnet
from neuroloom.shared.plots import figure

field = lifnet.LIFMeanField.from_config("2_cluster_mf")
view = lifnet.landscape(field, [0, 1], step=3.0, limits=(0.0, 60.0))
lifnet.plots.plot_landscape(view, axs=figure(figsize=(6.4, 3.2)).subplots(1, 2))
