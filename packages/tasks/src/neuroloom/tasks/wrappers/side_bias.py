"""A wrapper that draws the ground truth in blocks."""

from neuroloom.tasks.wrappers._trials import SideBias

__all__ = ["SideBias"]
