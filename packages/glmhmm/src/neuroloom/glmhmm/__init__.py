"""GLM-HMMs for choices and spike counts: states you can publish, in minutes.

Submodules `glm_hmm`, `hmm`, `observation_models` and `regularizer` keep the module paths that users
of the reference import.
"""

from neuroloom.glmhmm import glm_hmm, hmm, observation_models, regularizer
from neuroloom.glmhmm._dwell import dwell_times, occupancy
from neuroloom.glmhmm._errors import (
    CollinearWarning,
    ConvergenceWarning,
    DeadStateWarning,
    GLMHMMError,
    GLMHMMWarning,
    InitializationWarning,
    InputError,
    InputTypeError,
    NotFittedError,
    SeparationWarning,
    SessionWarning,
    UnknownNameError,
)
from neuroloom.glmhmm._estimator import GLMHMM
from neuroloom.glmhmm._plots import (
    plot_cross_validation,
    plot_dwell_times,
    plot_occupancy,
    plot_posterior,
    plot_psychometric,
    plot_transitions,
    plot_weights,
)
from neuroloom.glmhmm._version import __version__

__all__ = [
    "CollinearWarning",
    "ConvergenceWarning",
    "DeadStateWarning",
    "GLMHMM",
    "GLMHMMError",
    "GLMHMMWarning",
    "InitializationWarning",
    "InputError",
    "InputTypeError",
    "NotFittedError",
    "SeparationWarning",
    "SessionWarning",
    "UnknownNameError",
    "__version__",
    "dwell_times",
    "glm_hmm",
    "hmm",
    "observation_models",
    "occupancy",
    "plot_cross_validation",
    "plot_dwell_times",
    "plot_occupancy",
    "plot_posterior",
    "plot_psychometric",
    "plot_transitions",
    "plot_weights",
    "regularizer",
]
