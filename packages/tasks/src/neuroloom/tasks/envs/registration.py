"""Tasks by their ids."""

from neuroloom.tasks._design.catalogue import register
from neuroloom.tasks._environments.making import make
from neuroloom.tasks._neurogym.info import all_envs, all_tags

__all__ = ["all_envs", "all_tags", "make", "register"]
