"""
How long does a cluster stay active?
====================================

Rates of two clusters that compete: one wins for a while.
"""

from neuroloom import lifnet

network = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1)
run = network.simulate(duration=3.0, seed=2)
analyzer = lifnet.Analyzer(
    run.raster(), network.parameters.population + 1, run.delta_t, populations=range(2)
)
print(analyzer.occurrences())
lifnet.plots.plot_rates(run)
