"""Checks of what a caller hands over: each gives the value back in one form, or refuses it.

Every error says which argument, what was expected and what came, in the form
``"rate: expected a finite number above 0, got -3"``. All functions take the error to raise, so
that a package keeps its own tree of errors: ``error`` where the value is wrong, ``type_error``
where its type is (``error`` too, if not given). Both are called with the message, so a class
serves, and so does a function that builds the error.

Examples
--------
>>> from neuroloom.shared import checks
>>> checks.whole("n_states", 3, at_least=1)
3
>>> checks.choice("side", "lefd", ("left", "right"))
Traceback (most recent call last):
neuroloom.shared.DataError: side: expected one of 'left', 'right', got 'lefd'; did you \
mean 'left'?
"""

from neuroloom.shared.checks._arrays import array, frozen, plain
from neuroloom.shared.checks._indices import index, indices
from neuroloom.shared.checks._names import choice, did_you_mean, fail, keys, unknown
from neuroloom.shared.checks._scalars import flag, path, real, text, whole
from neuroloom.shared.checks._times import regular_times

__all__ = [
    "array",
    "choice",
    "did_you_mean",
    "fail",
    "flag",
    "frozen",
    "index",
    "indices",
    "keys",
    "path",
    "plain",
    "real",
    "regular_times",
    "text",
    "unknown",
    "whole",
]
