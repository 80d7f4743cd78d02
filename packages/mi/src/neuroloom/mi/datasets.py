"""Data sets with known mutual information, lag or structure, under the names users know."""

from neuroloom.mi._datasets._events import (
    generate_correlated_categorical_series,
    generate_correlated_spike_trains,
)
from neuroloom.mi._datasets._independent import (
    generate_correlated_gaussians,
    generate_nonlinear_from_latent,
    generate_xor_data,
    mi_to_rho,
)
from neuroloom.mi._datasets._temporal import (
    generate_event_related_data,
    generate_full_data,
    generate_history_data,
    generate_linear_data,
    generate_nonlinear_data,
    generate_temporally_convolved_data,
)

__all__ = [
    "generate_correlated_categorical_series",
    "generate_correlated_gaussians",
    "generate_correlated_spike_trains",
    "generate_event_related_data",
    "generate_full_data",
    "generate_history_data",
    "generate_linear_data",
    "generate_nonlinear_data",
    "generate_nonlinear_from_latent",
    "generate_temporally_convolved_data",
    "generate_xor_data",
    "mi_to_rho",
]
