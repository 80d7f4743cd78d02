"""
What does my own network do?
============================

A network built from its parts: populations, projections with a connection rule, a synapse and a
weight distribution, and inputs.
"""

from neuroloom import lifnet

network = lifnet.models.brunel_delta(order=100, g=5.0, eta=2.0)
print(network)
run = network.build(seed=1).simulate(duration=0.4, seed=2)
lifnet.plots.plot_raster(run, every=5)
