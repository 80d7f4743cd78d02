"""Tasks by their ids."""

from neuroloom.tasks._info import all_envs, all_tags
from neuroloom.tasks._registry import make, register

__all__ = ["all_envs", "all_tags", "make", "register"]
