"""Mutual information between neural recordings, with intervals, nulls and cross-checks."""

from neuroloom.mi import datasets, exceptions, logger, results, visualize
from neuroloom.mi._benchmark._tasks import BenchmarkTask, benchmark_tasks
from neuroloom.mi._configs import (
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
from neuroloom.mi._direct_run import crosscheck
from neuroloom.mi._null import benjamini_hochberg, max_statistic, p_value, surrogate
from neuroloom.mi._options import Model, Params, Training
from neuroloom.mi._results import Results
from neuroloom.mi._run import run
from neuroloom.mi._sandwich import sandwich
from neuroloom.mi._saved_critic import SavedCritic, extract_embeddings, load_critic
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
    "load_critic",
    "logger",
    "max_statistic",
    "p_value",
    "results",
    "run",
    "sandwich",
    "surrogate",
    "visualize",
]
