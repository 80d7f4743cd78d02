"""GLM-HMMs for choices and spike counts: states you can publish, in minutes.

Submodules `glm_hmm`, `hmm`, `observation_models` and `regularizer` keep the module paths that users
of the reference import.
"""

from neuroloom.glmhmm import glm_hmm, hmm, observation_models, regularizer
from neuroloom.glmhmm._analysis.ashwood2022 import Protocol, fit_global, fit_protocol
from neuroloom.glmhmm._analysis.baselines import LapseModel, fit_glm, fit_lapse
from neuroloom.glmhmm._analysis.bootstrap import Bootstrap, parametric_bootstrap
from neuroloom.glmhmm._analysis.criteria import Criteria, information_criteria
from neuroloom.glmhmm._analysis.cross_validation import CrossValidation, cross_validate
from neuroloom.glmhmm._analysis.diagnostics import Diagnostics, diagnose
from neuroloom.glmhmm._analysis.dwell import dwell_times, occupancy
from neuroloom.glmhmm._analysis.online import OnlineFilter
from neuroloom.glmhmm._analysis.standard_errors import StandardErrors, standard_errors
from neuroloom.glmhmm._analysis.states import match_states, order_states, permute_states
from neuroloom.glmhmm._analysis.subjects import SubjectFits, fit_subjects
from neuroloom.glmhmm._errors import (
    CollapseWarning,
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
from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm._estimator.loading import load_model
from neuroloom.glmhmm._estimator.results import EMState
from neuroloom.glmhmm._plots.dwell import plot_dwell_times
from neuroloom.glmhmm._plots.psychometric import plot_psychometric
from neuroloom.glmhmm._plots.selection import plot_cross_validation
from neuroloom.glmhmm._plots.states import plot_occupancy, plot_posterior, plot_transitions
from neuroloom.glmhmm._plots.weights import plot_weights
from neuroloom.glmhmm._tables.design import DesignMatrix, design_matrix
from neuroloom.glmhmm._version import __version__

__all__ = [
    "Bootstrap",
    "CollapseWarning",
    "CollinearWarning",
    "ConvergenceWarning",
    "Criteria",
    "CrossValidation",
    "DeadStateWarning",
    "DesignMatrix",
    "Diagnostics",
    "EMState",
    "GLMHMM",
    "GLMHMMError",
    "GLMHMMWarning",
    "InitializationWarning",
    "InputError",
    "InputTypeError",
    "LapseModel",
    "NotFittedError",
    "OnlineFilter",
    "Protocol",
    "SeparationWarning",
    "SessionWarning",
    "StandardErrors",
    "SubjectFits",
    "UnknownNameError",
    "__version__",
    "cross_validate",
    "design_matrix",
    "diagnose",
    "dwell_times",
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
    "regularizer",
    "standard_errors",
]
