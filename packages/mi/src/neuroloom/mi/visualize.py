"""Pictures of results; every function takes axes and returns them."""

from neuroloom.mi._results.data_plots import (
    plot_cross_correlation,
    plot_embeddings,
    plot_noise_ladder,
)
from neuroloom.mi._results.heatmap import HeatmapAnalysis, analyze_mi_heatmap
from neuroloom.mi._results.mode_plots import (
    plot_bias_correction_fit,
    plot_dimensionality_curve,
    plot_sweep_curve,
)

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
