"""Tasks by their ids."""

from neuroloom.tasks._environments.registry import make, register
from neuroloom.tasks._neurogym.info import all_envs, all_tags

__all__ = ["all_envs", "all_tags", "make", "register"]
