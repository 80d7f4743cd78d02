"""
What do clustered networks do?
==============================

Clusters of excitatory neurons switch on and off spontaneously.
"""

from neuroloom import lifnet

network = lifnet.ClusteredNetwork.from_config("default_snn_params", seed=1)
run = network.simulate(duration=2.0, seed=2)
lifnet.plots.plot_raster(run, every=2)
