"""A wrapper that adds noise."""

from neuroloom.tasks.wrappers._shown import Noise

__all__ = ["Noise"]
