"""The errors of every neuroloom package.

::

    NeuroloomError
    ├── DataError(ValueError)                         an input that does not fit
    ├── NotFittedError(ValueError, AttributeError)    a result asked for before the fit
    ├── ConvergenceError(RuntimeError)                an iteration that did not arrive
    ├── WorkerError(RuntimeError)                     a worker died, or its error cannot be sent
    ├── UnfinishedError(RuntimeError)                 a shard is kept, and others are missing
    └── MissingDependencyError(ImportError)           an optional library is not installed
"""

from __future__ import annotations

import importlib
from types import ModuleType


class NeuroloomError(Exception):
    """Base of all errors that neuroloom raises itself."""


class DataError(NeuroloomError, ValueError):
    """An argument or a file does not have the form that was asked for."""


class NotFittedError(NeuroloomError, ValueError, AttributeError):
    """A fitted attribute was read before the model was fitted."""


class ConvergenceError(NeuroloomError, RuntimeError):
    """An iterative method stopped before it reached its tolerance."""


class WorkerError(NeuroloomError, RuntimeError):
    """A worker was killed by the system, or raised what other processes cannot read."""


class UnfinishedError(NeuroloomError, RuntimeError):
    """A shard of a long job is computed and kept; the job needs the other shards to go on."""


class MissingDependencyError(NeuroloomError, ImportError):
    """An optional library is needed and not installed."""


# Tracebacks show where an error is imported from, not where it happens to be written.
for _kind in (NeuroloomError, DataError, NotFittedError, ConvergenceError, MissingDependencyError):
    _kind.__module__ = "neuroloom.shared"
for _kind in (WorkerError, UnfinishedError):
    _kind.__module__ = "neuroloom.shared.parallel"


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional library, or say how to install it.

    Parameters
    ----------
    module : str
        Name of the module to import, ``"pynapple"``.
    extra : str
        What to install, ``"neuroloom-shared[pynapple]"``.

    Returns
    -------
    ModuleType
        The imported module.

    Raises
    ------
    MissingDependencyError
        If the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{module} is needed here and could not be imported ({error}); "
            f'install it with: pip install "{extra}"'
        ) from error
