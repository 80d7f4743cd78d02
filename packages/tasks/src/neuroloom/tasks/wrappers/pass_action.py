"""A wrapper that shows the last action."""

from neuroloom.tasks.wrappers._shown import PassAction

__all__ = ["PassAction"]
