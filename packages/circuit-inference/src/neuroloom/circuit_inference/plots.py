"""Pictures of posteriors, diagnoses and electrodes."""

from neuroloom.circuit_inference._recordings.topomap import electrode_positions, topomap
from neuroloom.circuit_inference._report.plots import (
    plot_calibration,
    plot_correlations,
    plot_identifiability,
    plot_importance,
    plot_intervals,
    plot_outside,
    plot_posterior,
)

__all__ = [
    "electrode_positions",
    "plot_calibration",
    "plot_correlations",
    "plot_identifiability",
    "plot_importance",
    "plot_intervals",
    "plot_outside",
    "plot_posterior",
    "topomap",
]
