"""A wrapper that keeps a record."""

from neuroloom.tasks.wrappers._monitor import ActivationProbe, Monitor

__all__ = ["ActivationProbe", "Monitor"]
