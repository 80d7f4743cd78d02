"""A wrapper that shows the last reward."""

from neuroloom.tasks.wrappers._shown import PassReward

__all__ = ["PassReward"]
