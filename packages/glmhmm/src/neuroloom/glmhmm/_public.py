"""What `neuroloom.glmhmm` holds at its top; imported when a name of it is first used."""

from neuroloom.glmhmm import errors, glm_hmm, hmm, observation_models, regularizer, results
from neuroloom.glmhmm._analysis.ashwood2022 import fit_global, fit_protocol
from neuroloom.glmhmm._analysis.baselines import fit_glm, fit_lapse
from neuroloom.glmhmm._analysis.bootstrap import parametric_bootstrap
from neuroloom.glmhmm._analysis.criteria import information_criteria
from neuroloom.glmhmm._analysis.cross_validation import cross_validate
from neuroloom.glmhmm._analysis.diagnostics import diagnose
from neuroloom.glmhmm._analysis.dwell import dwell_stays, dwell_times, occupancy
from neuroloom.glmhmm._analysis.online import OnlineFilter
from neuroloom.glmhmm._analysis.predictive import predictive_check
from neuroloom.glmhmm._analysis.standard_errors import standard_errors
from neuroloom.glmhmm._analysis.states import match_states, order_states, permute_states
from neuroloom.glmhmm._analysis.subjects import fit_subjects
from neuroloom.glmhmm._estimator.estimator import GLMHMM
from neuroloom.glmhmm._estimator.loading import load_model
from neuroloom.glmhmm._plots.dwell import plot_dwell_times
from neuroloom.glmhmm._plots.psychometric import plot_psychometric
from neuroloom.glmhmm._plots.selection import plot_cross_validation
from neuroloom.glmhmm._plots.states import plot_occupancy, plot_posterior, plot_transitions
from neuroloom.glmhmm._plots.weights import plot_weights
from neuroloom.glmhmm._tables.design import design_matrix
from neuroloom.glmhmm._version import __version__

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
