"""What a task's class may still be written with: its hooks' names of before."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

RENAMED: Mapping[str, str] = {
    "paint": "fill_observation",
    "guide": "correct_action",
    "begin": "on_trial_start",
    "pays": "default_rewards",
}
"""Old name of a hook to its name."""


def adopt_old_names(cls: type) -> None:
    """Give a task's class its hooks under both names, the one that is written first in its MRO.

    A class that writes a hook under its old name overrides the hook, with a warning. One that
    writes it under its name has it under the old one too, for subclasses whose ``super().paint``
    means this class.

    Parameters
    ----------
    cls : type
        The class, before it is made a dataclass.

    Warns
    -----
    DeprecationWarning
        If a hook is written under its old name.
    """
    for old, new in RENAMED.items():
        owner = next((k for k in cls.__mro__ if old in vars(k) or new in vars(k)), None)
        if owner is None:
            continue
        written = vars(owner)
        if new in written:
            if old not in written and old not in _parameters(cls):
                setattr(cls, old, written[new])
        elif old not in _parameters(cls):
            # Third from here is the class statement, after `__init_subclass__`.
            warnings.warn(
                f"{cls.__name__}: {old} is called {new} now", DeprecationWarning, stacklevel=3
            )
            setattr(cls, new, written[old])


def _parameters(cls: type) -> set[str]:
    """Return the names that a class and its bases annotate, but for class variables."""
    return {
        name
        for base in cls.__mro__
        for name, annotation in vars(base).get("__annotations__", {}).items()
        if "ClassVar" not in str(annotation)
    }
