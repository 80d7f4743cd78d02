"""Repeated runs."""

from neuroloom.lifnet._execution._repeater import Repeater

__all__ = ["Repeater"]
