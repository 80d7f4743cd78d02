"""Mutual information between neural recordings, with intervals, nulls and cross-checks."""

import warnings

from neuroloom.mi import datasets, exceptions, logger, results, visualize
from neuroloom.mi._benchmark._tasks import BenchmarkTask, benchmark_tasks
from neuroloom.mi._direct._skaggs import skaggs_information
from neuroloom.mi._modes.crosscheck import crosscheck
from neuroloom.mi._modes.information_bounds import information_bounds
from neuroloom.mi._options.configs import (
    Conditional,
    Dimensionality,
    Estimator,
    Lag,
    Null,
    Output,
    Precision,
    Processing,
    Rigorous,
    Split,
    Transfer,
)
from neuroloom.mi._options.params import Model, Params, Training
from neuroloom.mi._results.results import Results
from neuroloom.mi._run import run
from neuroloom.mi._samples.surrogates import benjamini_hochberg, max_statistic, p_value, surrogate
from neuroloom.mi._training.saved_critic import SavedCritic, extract_embeddings, load_critic
from neuroloom.mi._version import __version__

__all__ = [
    "BenchmarkTask",
    "Conditional",
    "Dimensionality",
    "Estimator",
    "Lag",
    "Model",
    "Null",
    "Output",
    "Params",
    "Precision",
    "Processing",
    "Results",
    "Rigorous",
    "SavedCritic",
    "Split",
    "Training",
    "Transfer",
    "__version__",
    "benchmark_tasks",
    "benjamini_hochberg",
    "crosscheck",
    "datasets",
    "exceptions",
    "extract_embeddings",
    "information_bounds",
    "load_critic",
    "logger",
    "max_statistic",
    "p_value",
    "results",
    "run",
    "skaggs_information",
    "surrogate",
    "visualize",
]


def __getattr__(name: str) -> object:
    if name == "sandwich":
        warnings.warn(
            "neuroloom.mi.sandwich is now called information_bounds",
            DeprecationWarning,
            stacklevel=2,
        )
        return information_bounds
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
