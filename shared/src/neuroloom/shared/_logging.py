"""Logging: silent unless asked."""

from __future__ import annotations

import logging

from neuroloom.shared.checks import choice, whole

logging.getLogger("neuroloom").addHandler(logging.NullHandler())


def logger(name: str) -> logging.Logger:
    """Return the logger of a module.

    Parameters
    ----------
    name : str
        Name of the module, ``__name__``.
    """
    return logging.getLogger(name)


def set_verbosity(level: int | str, *, package: str = "neuroloom") -> logging.Logger:
    """Show a package's log on the terminal, and return its logger.

    Parameters
    ----------
    level : int or str
        ``"INFO"``, ``logging.DEBUG``, …
    package : str
        Name of the logger, ``"neuroloom.mi"``.

    Raises
    ------
    DataError
        If there is no such level.
    """
    if isinstance(level, str):
        level = choice("level", level.upper(), logging.getLevelNamesMapping())
    else:
        level = whole("level", level, at_least=0, expected="a level of logging")
    log = logging.getLogger(package)
    if not any(type(handler) is logging.StreamHandler for handler in log.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        log.addHandler(handler)
    log.setLevel(level)
    return log
