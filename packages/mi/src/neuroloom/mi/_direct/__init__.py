"""Estimators that train nothing: neighbours, Gaussian copula, Gaussian, counts.

Each takes samples ``(n_samples, n_features)`` and returns nats; inputs are trusted here.
"""

from neuroloom.mi._direct._counts import miller_madow_entropy, plugin
from neuroloom.mi._direct._gaussian import gaussian, gcmi, gcmi_conditional
from neuroloom.mi._direct._neighbours import ksg, ksg_conditional, ksg_local, ksg_mixed, ross

__all__ = [
    "gaussian",
    "gcmi",
    "gcmi_conditional",
    "ksg",
    "ksg_conditional",
    "ksg_local",
    "ksg_mixed",
    "miller_madow_entropy",
    "plugin",
    "ross",
]
