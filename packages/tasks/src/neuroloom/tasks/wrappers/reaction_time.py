"""A wrapper that lets a task be answered early."""

from neuroloom.tasks.wrappers._shown import ReactionTime

__all__ = ["ReactionTime"]
