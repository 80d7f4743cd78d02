"""
How long does a cluster stay active?
====================================

A state of the network is the set of clusters that are active together. Each curve shows the
fraction of states with that number of active clusters that last longer than a given time.
"""

from neuroloom import lifnet
from neuroloom.shared import axes

run = lifnet.ClusteredNetwork.from_config("default_snn_params", seed=1).simulate(
    duration=4.0, seed=2
)
analyzer = lifnet.Analyzer.from_run(run, populations=range(18))
states = analyzer.occurrences()
states["active"] = states["clusters"].map(len)

ax = axes()
for n, some in states[states["active"] < 3].groupby("active"):
    label = f"{n} active clusters, {len(some)} times"
    ax.ecdf(1000 * some["duration"], complementary=True, label=label)
ax.set(xlabel="dwell time (ms)", ylabel="fraction that lasts longer")
ax.legend()
