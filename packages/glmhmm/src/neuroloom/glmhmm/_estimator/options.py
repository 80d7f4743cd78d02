"""Constructor parameters as attributes: kept as given, read as what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Option:
    """A parameter that is checked when it is set, and understood when it is read.

    Raw values live in ``__dict__`` under the parameter's name, where scikit-learn looks for them.

    Parameters
    ----------
    read : callable
        Called with the model and the raw value; returns what it means, or raises.
    doc : str
        What the attribute holds.
    """

    def __init__(self, read: Callable[[Any, Any], Any], doc: str) -> None:
        self.read = read
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, model: Any, owner: type | None = None) -> Any:
        """Return what the value means."""
        return self if model is None else self.read(model, model.__dict__[self.name])

    def __set__(self, model: Any, value: Any) -> None:
        """Keep the value, if it means something."""
        self.read(model, value)
        model.__dict__[self.name] = value
