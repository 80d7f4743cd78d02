"""The errors of circuit_inference.

::

    CircuitInferenceError(DataError, so also ValueError)
    ├── ArgumentError                  an option outside what it can be
    │   ├── UnknownNameError           a model, feature or proxy that does not exist
    │   └── DelayTooLongError          a proxy's delay is longer than the signal
    ├── ShapeError                     arrays that do not fit one another
    ├── SeriesError                    a time series that has no features
    │   ├── InvalidSeriesError         NaN or infinity in it
    │   ├── ConstantSeriesError        all its values are the same
    │   └── SeriesTooShortError        fewer samples than the method needs
    ├── FeatureMismatchError           not the features that the model was trained on
    ├── PriorError                     parameters outside the prior, or no prior
    ├── NoValidSimulationsError        nothing is left to learn from
    ├── LibraryError                   a simulation library that cannot be read or continued
    └── ModelFormatError               a model file that is foreign, newer or damaged
        └── UnsafeFormatError          a file that would run code when opened
    NotFittedError                     (CircuitInferenceError, shared's and scikit-learn's)
    ScriptError(RuntimeError)          a user's simulation script failed

    OutOfDistributionWarning(UserWarning)   an observation outside the simulated cloud
    SeriesLengthWarning(UserWarning)        series longer or shorter than those of the training
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from neuroloom.shared import DataError, NeuroloomError
from neuroloom.shared import NotFittedError as SharedNotFittedError
from neuroloom.shared.checks import did_you_mean


class CircuitInferenceError(DataError):
    """Base of the errors that circuit_inference raises itself."""


class ArgumentError(CircuitInferenceError):
    """An option has a value that it cannot have."""


class UnknownNameError(ArgumentError):
    """A name that stands for nothing here."""


class DelayTooLongError(ArgumentError):
    """A proxy's delay is longer than the simulated signal."""


class ShapeError(CircuitInferenceError):
    """Arrays that belong together have shapes that do not."""


class SeriesError(CircuitInferenceError):
    """A time series that features cannot be computed of.

    Attributes
    ----------
    index : int or None
        Which row of the batch.
    """

    def __init__(self, message: str, *, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class InvalidSeriesError(SeriesError):
    """A time series holds NaN or infinity."""


class ConstantSeriesError(SeriesError):
    """All values of a time series are the same."""


class SeriesTooShortError(SeriesError):
    """A time series has fewer samples than the method needs.

    Attributes
    ----------
    needed, got : int
        Samples asked for and there.
    """

    def __init__(self, message: str, *, needed: int, got: int, index: int | None = None) -> None:
        super().__init__(message, index=index)
        self.needed = needed
        self.got = got


class FeatureMismatchError(CircuitInferenceError):
    """Features are not those that the model was trained on.

    Parameters
    ----------
    message : str
        What is wrong.

    Attributes
    ----------
    missing, extra : tuple of str
        Names that the model knows and the features lack, and the other way round.
    order : bool
        Whether the names agree and only their order differs.
    """

    def __init__(
        self,
        message: str,
        *,
        missing: Iterable[str] = (),
        extra: Iterable[str] = (),
        order: bool = False,
    ) -> None:
        super().__init__(message)
        self.missing = tuple(missing)
        self.extra = tuple(extra)
        self.order = order


class PriorError(CircuitInferenceError):
    """Parameters lie outside their prior, or the prior cannot be one."""


class NoValidSimulationsError(CircuitInferenceError):
    """No simulation with finite features and parameters is left.

    Parameters
    ----------
    message : str
        What is wrong.

    Attributes
    ----------
    n_dropped : int
        How many were refused.
    reasons : dict of str to int
        Why, and how often.
    """

    def __init__(self, message: str, *, n_dropped: int, reasons: dict[str, int]) -> None:
        super().__init__(message)
        self.n_dropped = n_dropped
        self.reasons = reasons


class LibraryError(CircuitInferenceError):
    """A simulation library cannot be read, or is not the one to go on with."""


class ModelFormatError(CircuitInferenceError):
    """A saved model is foreign, newer than this version, stale or damaged."""


class UnsafeFormatError(ModelFormatError):
    """Opening a file would run code that it brings along."""


class NotFittedError(CircuitInferenceError, SharedNotFittedError):
    """A prediction was asked of a model that was not trained."""


class ScriptError(NeuroloomError, RuntimeError):
    """A user's simulation script ended with an error.

    Attributes
    ----------
    returncode : int
        The script's exit status.
    stderr : str
        What it wrote on standard error.
    """

    def __init__(self, message: str, *, returncode: int, stderr: str) -> None:
        super().__init__(message)
        self.returncode = returncode
        self.stderr = stderr


class OutOfDistributionWarning(UserWarning):
    """An observation lies outside what the simulations produce."""


class SeriesLengthWarning(UserWarning):
    """Series are longer or shorter than those that a model learned from."""


def not_fitted(what: str, verb: str) -> NotFittedError:
    """Return the error for asking an untrained model; scikit-learn's own class too."""
    return _sklearn_not_fitted()(f"{what}: expected a trained model for {verb}, train it first")


@cache
def _sklearn_not_fitted() -> type[NotFittedError]:
    # scikit-learn takes half a second to import: only when the error is raised.
    from sklearn.exceptions import NotFittedError as SklearnNotFittedError

    return type("NotFittedError", (NotFittedError, SklearnNotFittedError), {"__module__": __name__})


def unknown(argument: str, got: object, known: Iterable[str]) -> UnknownNameError:
    """Return the error for an unknown name, with the nearest known one."""
    names: Sequence[str] = sorted(known)
    hint = did_you_mean(got, names)
    shown = ", ".join(names) if len(names) <= 30 else f"{len(names)} names"
    return UnknownNameError(f"{argument}: expected one of {shown}, got {got!r}{hint}")
