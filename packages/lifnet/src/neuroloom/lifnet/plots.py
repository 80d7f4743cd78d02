"""Figures of runs and of the theory; each takes axes or makes them, and returns them."""

from neuroloom.lifnet._plots import (
    plot_bifurcation,
    plot_fixed_points,
    plot_landscape,
    plot_raster,
    plot_rates,
    plot_transitions,
)

__all__ = [
    "plot_bifurcation",
    "plot_fixed_points",
    "plot_landscape",
    "plot_raster",
    "plot_rates",
    "plot_transitions",
]
