"""Group statistics: effect sizes, mixed-effects models, corrections, the bootstrap."""

from neuroloom.circuit_inference._report.mixed_models import (
    MixedEffects,
    likelihood_ratio,
    mixed_effects,
)
from neuroloom.circuit_inference._report.statistics import (
    Bootstrap,
    EffectSize,
    bootstrap,
    cohen_d,
    holm,
)

__all__ = [
    "Bootstrap",
    "EffectSize",
    "MixedEffects",
    "bootstrap",
    "cohen_d",
    "holm",
    "likelihood_ratio",
    "mixed_effects",
]
