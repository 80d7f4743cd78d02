"""Mutual information between neural recordings, with intervals, nulls and cross-checks."""

from neuroloom.mi import datasets, exceptions, logger, results
from neuroloom.mi._results import Results
from neuroloom.mi._run import run
from neuroloom.mi._version import __version__

__all__ = [
    "Results",
    "__version__",
    "datasets",
    "exceptions",
    "logger",
    "results",
    "run",
]
