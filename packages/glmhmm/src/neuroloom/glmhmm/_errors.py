"""The errors and warnings of glmhmm.

::

    NeuroloomError
    └── GLMHMMError
        ├── InputError(DataError)                 an argument or data that do not fit
        │   └── InputTypeError(TypeError)         … because of their type
        ├── UnknownNameError(KeyError, DataError) a key or name that does not exist
        └── NotFittedError                        a result asked for before the fit
    GLMHMMWarning(RuntimeWarning)
    ├── ConvergenceWarning                        EM stopped at its largest number of iterations
    ├── DeadStateWarning                          a state explains no trials
    ├── SeparationWarning                         weights that grow without bound
    ├── CollapseWarning                           a state's scale that falls to nothing
    ├── CollinearWarning                          regressors that say the same
    ├── InitializationWarning                     a start that had to be changed
    └── SessionWarning                            repeated session starts
"""

from __future__ import annotations

from sklearn.exceptions import NotFittedError as _SklearnNotFittedError

from neuroloom import shared
from neuroloom.shared import checks


class GLMHMMError(shared.NeuroloomError):
    """Base of all errors that glmhmm raises itself."""


class InputError(GLMHMMError, shared.DataError):
    """An argument or data do not have the form that was asked for."""


class InputTypeError(InputError, TypeError):
    """An argument has a type that is not accepted; also a `TypeError`."""


class UnknownNameError(GLMHMMError, shared.DataError, KeyError):
    """A key or a name that does not exist; also a `KeyError`."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class NotFittedError(GLMHMMError, shared.NotFittedError, _SklearnNotFittedError):  # type: ignore[misc]
    """A fitted attribute was needed before the model was fitted."""


class GLMHMMWarning(RuntimeWarning):
    """Base of the warnings of glmhmm."""


class ConvergenceWarning(GLMHMMWarning):
    """EM stopped at its largest number of iterations, before its tolerance."""


class DeadStateWarning(GLMHMMWarning):
    """A state explains no trials and kept its last parameters."""


class SeparationWarning(GLMHMMWarning):
    """The data separate perfectly along a direction; the weights there have no finite optimum."""


class CollapseWarning(GLMHMMWarning):
    """A state's scale falls to nothing on a few trials, where the likelihood has no bound."""


class CollinearWarning(GLMHMMWarning):
    """Columns of the design say the same; the fit is the one of smallest norm."""


class InitializationWarning(GLMHMMWarning):
    """The starting parameters had to be changed."""


class SessionWarning(GLMHMMWarning):
    """Session starts are given twice."""


# Tracebacks show where an error is imported from, not where it happens to be written.
for _kind in [x for x in vars().values() if isinstance(x, type) and x.__module__ == __name__]:
    _kind.__module__ = "neuroloom.glmhmm.errors"


def fail(argument: str, expected: str, got: object, hint: str = "") -> Exception:
    """Return the error that names the argument, what was expected and what came."""
    return checks.fail(argument, expected, got, hint=hint, error=InputError)


def fail_type(argument: str, expected: str, got: object) -> Exception:
    """Return the error about a wrong type, with the value that came."""
    return checks.fail(argument, expected, f"{got!r} ({type(got).__name__})", error=InputTypeError)
