"""Mean-field theory: rates, fixed points, stability, continuation, landscapes, fluctuations."""

from neuroloom.lifnet._theory._activity import classify_active_clusters
from neuroloom.lifnet._theory._continuation import Branch, bifurcation_diagram, continue_branch
from neuroloom.lifnet._theory._dynamics import (
    RateTrajectory,
    integrate_rates,
    mean_field_trajectory,
)
from neuroloom.lifnet._theory._fixed_points import FixedPoint, FixedPoints, fixed_points
from neuroloom.lifnet._theory._landscape import Landscape, landscape
from neuroloom.lifnet._theory._linear_response import (
    Transfer,
    coupling,
    power_spectrum,
    transfer_function,
)
from neuroloom.lifnet._theory._mean_field import LIFMeanField, RateSolution
from neuroloom.lifnet._theory._siegert import siegert
from neuroloom.lifnet._theory._stability import classify

__all__ = [
    "Branch",
    "FixedPoint",
    "FixedPoints",
    "LIFMeanField",
    "Landscape",
    "RateSolution",
    "RateTrajectory",
    "Transfer",
    "bifurcation_diagram",
    "classify",
    "classify_active_clusters",
    "continue_branch",
    "coupling",
    "fixed_points",
    "integrate_rates",
    "landscape",
    "mean_field_trajectory",
    "power_spectrum",
    "siegert",
    "transfer_function",
]
