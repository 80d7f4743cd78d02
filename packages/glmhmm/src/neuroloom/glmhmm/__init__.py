"""GLM-HMMs for choices, reaction times and spike counts: states you can publish, in minutes.

Submodules `glm_hmm`, `hmm`, `observation_models` and `regularizer` keep the module paths that users
of the reference import; `results` holds what functions return, `errors` what they raise.
"""

# ruff: noqa: F403, F405

import warnings as _warnings
from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from neuroloom.glmhmm._version import __version__

if _TYPE_CHECKING:
    from neuroloom.glmhmm._public import *

__all__ = [
    "GLMHMM",
    "OnlineFilter",
    "__version__",
    "cross_validate",
    "design_matrix",
    "diagnose",
    "dwell_stays",
    "dwell_times",
    "errors",
    "fit_glm",
    "fit_global",
    "fit_lapse",
    "fit_protocol",
    "fit_subjects",
    "glm_hmm",
    "hmm",
    "information_criteria",
    "load_model",
    "match_states",
    "observation_models",
    "occupancy",
    "order_states",
    "parametric_bootstrap",
    "permute_states",
    "plot_cross_validation",
    "plot_dwell_times",
    "plot_occupancy",
    "plot_posterior",
    "plot_psychometric",
    "plot_transitions",
    "plot_weights",
    "predictive_check",
    "regularizer",
    "results",
    "standard_errors",
]


def __getattr__(name: str) -> _Any:
    """Import the package at the first use of a name: JAX and scikit-learn take seconds."""
    if name in __all__:
        public = _import_module("neuroloom.glmhmm._public")
        globals().update({each: getattr(public, each) for each in __all__})
        return globals()[name]
    moved = () if name.startswith("_") else ("errors", "results")  # for one version
    for module in map(__getattr__, moved):
        if name in module.__all__:
            where = module.__name__
            _warnings.warn(
                f"neuroloom.glmhmm.{name} moved to {where}.{name}", DeprecationWarning, stacklevel=2
            )
            return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
