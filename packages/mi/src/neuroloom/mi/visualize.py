"""Pictures of results; every function takes axes and returns them."""

from neuroloom.mi._heatmap import HeatmapAnalysis, analyze_mi_heatmap
from neuroloom.mi._plots import (
    plot_bias_correction_fit,
    plot_dimensionality_curve,
    plot_sweep_curve,
)
from neuroloom.mi._views import plot_cross_correlation, plot_embeddings, plot_noise_ladder

__all__ = [
    "HeatmapAnalysis",
    "analyze_mi_heatmap",
    "plot_bias_correction_fit",
    "plot_cross_correlation",
    "plot_dimensionality_curve",
    "plot_embeddings",
    "plot_noise_ladder",
    "plot_sweep_curve",
]
