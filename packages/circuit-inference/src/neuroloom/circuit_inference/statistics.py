"""Group statistics: effect sizes, mixed-effects models, corrections."""

from neuroloom.circuit_inference._report.statistics import (
    EffectSize,
    MixedEffects,
    cohen_d,
    holm,
    likelihood_ratio,
    mixed_effects,
)

__all__ = ["EffectSize", "MixedEffects", "cohen_d", "holm", "likelihood_ratio", "mixed_effects"]
