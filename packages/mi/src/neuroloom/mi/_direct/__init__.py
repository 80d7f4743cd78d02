"""Estimators that train nothing: neighbours, Gaussian copula, Gaussian, counts.

Each takes samples ``(n_samples, n_features)`` and returns nats; inputs are trusted here.
"""

from neuroloom.mi._direct._copula import NOTHING_LOST, Lost, lost
from neuroloom.mi._direct._counts import (
    codes,
    miller_madow_entropy,
    nsb_entropy,
    pairs_of,
    plugin,
    plugin_local,
    unseen,
)
from neuroloom.mi._direct._gaussian import (
    gaussian,
    gaussian_local,
    gcmi,
    gcmi_conditional,
    gcmi_conditional_local,
    gcmi_local,
)
from neuroloom.mi._direct._lattice import dequantized, lattice
from neuroloom.mi._direct._neighbours import (
    ksg,
    ksg_conditional,
    ksg_conditional_local,
    ksg_local,
    ksg_mixed,
    ksg_mixed_local,
    nearest,
    ross,
    ross_local,
    standardized,
)

__all__ = [
    "NOTHING_LOST",
    "Lost",
    "codes",
    "dequantized",
    "gaussian",
    "gaussian_local",
    "gcmi",
    "gcmi_conditional",
    "gcmi_conditional_local",
    "gcmi_local",
    "ksg",
    "ksg_conditional",
    "ksg_conditional_local",
    "ksg_local",
    "ksg_mixed",
    "ksg_mixed_local",
    "lattice",
    "lost",
    "miller_madow_entropy",
    "nearest",
    "nsb_entropy",
    "pairs_of",
    "plugin",
    "plugin_local",
    "ross",
    "ross_local",
    "standardized",
    "unseen",
]
