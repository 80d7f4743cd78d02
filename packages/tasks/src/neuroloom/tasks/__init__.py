"""Cognitive tasks as environments and data sets."""

from neuroloom.tasks._curves import Curve, chronometric, psychometric
from neuroloom.tasks._dataset import Batch, Dataset
from neuroloom.tasks._env import TaskEnv
from neuroloom.tasks._errors import ActionError, TaskError, TaskTypeError, TimingError
from neuroloom.tasks._observers import BoundedObserver, IdealObserver, ideal_trials
from neuroloom.tasks._registry import get_task, load_tasks, make, make_vec, register
from neuroloom.tasks._run import Policy, run_trials
from neuroloom.tasks._task import Task
from neuroloom.tasks._vector import TaskVectorEnv
from neuroloom.tasks._version import __version__

__all__ = [
    "ActionError",
    "Batch",
    "BoundedObserver",
    "Curve",
    "Dataset",
    "IdealObserver",
    "Policy",
    "Task",
    "TaskEnv",
    "TaskError",
    "TaskTypeError",
    "TaskVectorEnv",
    "TimingError",
    "__version__",
    "chronometric",
    "get_task",
    "ideal_trials",
    "make",
    "make_vec",
    "psychometric",
    "register",
    "run_trials",
]

load_tasks()
