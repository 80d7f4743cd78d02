"""A wrapper that keeps a record."""

from neuroloom.tasks._neurogym.activations import ActivationProbe
from neuroloom.tasks.wrappers._monitor import Monitor

__all__ = ["ActivationProbe", "Monitor"]
