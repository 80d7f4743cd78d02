"""
What is the phase diagram of a clustered network?
=================================================

Fixed points over the strength of connections within clusters: one stable state below a critical
strength, two above it.
"""

from neuroloom import lifnet

j_plus = ("architecture", "clusters", "j_potentiated", 0)
branches = lifnet.bifurcation_diagram("2_cluster_mf", j_plus, (10.0, 25.0), start_at=[25.0])
lifnet.plots.plot_bifurcation(branches, n_clusters=2, label="potentiation within clusters J+")
