"""Psychometric curves."""

from neuroloom.tasks._neurogym.psychometric_plot import (
    fit_probit,
    plot_psychometric,
    probit,
)

__all__ = [
    "fit_probit",
    "plot_psychometric",
    "probit",
]
