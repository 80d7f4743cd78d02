"""Pictures of the data types, and how all figures of the packages are made.

`raster`, `traces`, `trials_table` and `state_ribbon` draw on the axes given, or on a new figure,
and return the axes. `style` is the packages' look, `axes` and `figure` make new figures that
pyplot and notebooks know.

Examples
--------
>>> import matplotlib.pyplot as plt
>>> from neuroloom.shared import Epochs, SpikeTrains, plots
>>> with plots.style():
...     ax = plots.raster(SpikeTrains([0.1, 0.2], [0, 1], epochs=Epochs(0, 1)))
>>> plt.close(ax.figure)
"""

from neuroloom.shared.plots._figures import axes, figure
from neuroloom.shared.plots._raster import raster
from neuroloom.shared.plots._style import POPULATION_COLORS, STATE_COLORS, state_colors, style
from neuroloom.shared.plots._traces import traces
from neuroloom.shared.plots._trials import state_ribbon, trials_table

__all__ = [
    "POPULATION_COLORS",
    "STATE_COLORS",
    "axes",
    "figure",
    "raster",
    "state_colors",
    "state_ribbon",
    "style",
    "traces",
    "trials_table",
]
