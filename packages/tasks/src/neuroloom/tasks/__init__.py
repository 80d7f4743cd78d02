"""Cognitive tasks as environments and data sets."""

from neuroloom.tasks._env import TaskEnv
from neuroloom.tasks._registry import load_tasks, make, make_vec
from neuroloom.tasks._version import __version__

load_tasks()
__all__ = ["TaskEnv", "__version__", "make", "make_vec"]
