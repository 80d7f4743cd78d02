"""Priors, simulation libraries and two models that need no network."""

from neuroloom.circuit_inference._libraries.library import SimulationLibrary
from neuroloom.circuit_inference._libraries.marginal import Marginal
from neuroloom.circuit_inference._libraries.paced_field import (
    PACED_PRIOR,
    paced_field,
    paced_library,
    paced_one,
)
from neuroloom.circuit_inference._libraries.prior import Prior
from neuroloom.circuit_inference._libraries.simulate import simulate_library
from neuroloom.circuit_inference._libraries.synaptic_field import (
    FIELD_PRIOR,
    field_library,
    field_one,
    synaptic_field,
)
from neuroloom.circuit_inference._libraries.toy_models import (
    GAO_PRIOR,
    SHOT_NOISE_PRIOR,
    gao_lfp,
    gao_library,
    shot_noise_library,
    shot_noise_rates,
)

__all__ = [
    "FIELD_PRIOR",
    "GAO_PRIOR",
    "Marginal",
    "PACED_PRIOR",
    "Prior",
    "SHOT_NOISE_PRIOR",
    "SimulationLibrary",
    "field_library",
    "field_one",
    "gao_lfp",
    "gao_library",
    "paced_field",
    "paced_library",
    "paced_one",
    "shot_noise_library",
    "shot_noise_rates",
    "simulate_library",
    "synaptic_field",
]
