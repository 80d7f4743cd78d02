"""
What does a network of my own do?
=================================

A network from its parts: populations, projections with a rule, a synapse and a distribution of
weights, and inputs.
"""

from neuroloom import lifnet

network = lifnet.models.brunel_delta(order=100, g=5.0, eta=2.0)
print(network)
run = network.build(seed=1).simulate(duration=0.4, seed=2)
lifnet.plots.plot_raster(run, every=5)
