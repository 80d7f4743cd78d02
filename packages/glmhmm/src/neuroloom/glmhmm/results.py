"""What the functions of glmhmm return."""

from neuroloom.glmhmm._analysis.ashwood2022 import Protocol
from neuroloom.glmhmm._analysis.baselines import LapseModel
from neuroloom.glmhmm._analysis.bootstrap import Bootstrap
from neuroloom.glmhmm._analysis.criteria import Criteria
from neuroloom.glmhmm._analysis.cross_validation import CrossValidation
from neuroloom.glmhmm._analysis.diagnostics import Diagnostics
from neuroloom.glmhmm._analysis.dwell import Stays
from neuroloom.glmhmm._analysis.predictive import PredictiveCheck
from neuroloom.glmhmm._analysis.standard_errors import StandardErrors
from neuroloom.glmhmm._analysis.subjects import SubjectFits
from neuroloom.glmhmm._estimator.results import EMState
from neuroloom.glmhmm._tables.design import DesignMatrix

__all__ = [
    "Bootstrap",
    "Criteria",
    "CrossValidation",
    "DesignMatrix",
    "Diagnostics",
    "EMState",
    "LapseModel",
    "PredictiveCheck",
    "Protocol",
    "StandardErrors",
    "Stays",
    "SubjectFits",
]
