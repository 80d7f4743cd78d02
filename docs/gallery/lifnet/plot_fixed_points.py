"""
Which states does theory predict?
=================================

All fixed points of the network's mean field, and which of them are stable.
"""

from neuroloom import lifnet

field = lifnet.LIFMeanField.from_config("default_snn_params")
points = lifnet.fixed_points(field, n_starts=10, seed=1)
print(len(points), "fixed points,", sum(point.stable for point in points), "of them stable")
lifnet.plots.plot_fixed_points(points, n_clusters=18)
