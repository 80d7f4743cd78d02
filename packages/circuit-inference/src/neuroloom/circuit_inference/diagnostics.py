"""How far posteriors can be trusted: calibration, predictive checks, the simulated cloud."""

from neuroloom.circuit_inference._inference.blind_spots import blind_spots
from neuroloom.circuit_inference._inference.comparison import (
    Difference,
    ModelComparison,
    compare_models,
    difference,
)
from neuroloom.circuit_inference._inference.diagnostics import Diagnosis, tarp
from neuroloom.circuit_inference._inference.directions import (
    ConditionPairs,
    condition_pairs,
    direction,
)
from neuroloom.circuit_inference._inference.out_of_distribution import SimulatedCloud
from neuroloom.circuit_inference._inference.posterior import ei_ratio
from neuroloom.circuit_inference._inference.predictive_check import (
    PredictiveCheck,
    predictive_check,
)

__all__ = [
    "ConditionPairs",
    "Diagnosis",
    "Difference",
    "ModelComparison",
    "PredictiveCheck",
    "SimulatedCloud",
    "blind_spots",
    "compare_models",
    "condition_pairs",
    "difference",
    "direction",
    "ei_ratio",
    "predictive_check",
    "tarp",
]
