"""The errors and warnings of glmhmm."""

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

__all__ = [
    "CollapseWarning",
    "CollinearWarning",
    "ConvergenceWarning",
    "DeadStateWarning",
    "GLMHMMError",
    "GLMHMMWarning",
    "InitializationWarning",
    "InputError",
    "InputTypeError",
    "NotFittedError",
    "SeparationWarning",
    "SessionWarning",
    "UnknownNameError",
]
