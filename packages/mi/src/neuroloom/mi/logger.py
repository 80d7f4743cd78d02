"""How much is said while an analysis runs."""

from __future__ import annotations

import logging

from neuroloom import shared
from neuroloom.mi._errors import OptionError, closest

__all__ = ["set_verbosity"]

_LEVELS = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")


def set_verbosity(level: int | str) -> None:
    """Set how much the package logs.

    Parameters
    ----------
    level : int or str
        0 (``"CRITICAL"``), 1 (``"ERROR"``), 2 (``"WARNING"``), 3 (``"INFO"``) or 4 (``"DEBUG"``).

    Raises
    ------
    OptionError
        If there is no such level (a ``ValueError``).

    Examples
    --------
    >>> set_verbosity("WARNING")
    """
    if isinstance(level, str) and level.upper() in _LEVELS:
        name = level.upper()
    elif isinstance(level, int) and not isinstance(level, bool) and 0 <= level < len(_LEVELS):
        name = _LEVELS[level]
    else:
        raise OptionError(
            f"level: expected 0 to 4 or one of {list(_LEVELS)}, got {level!r}"
            f"{closest(str(level).upper(), _LEVELS)}"
        )
    shared.set_verbosity(getattr(logging, name), package="neuroloom.mi")
