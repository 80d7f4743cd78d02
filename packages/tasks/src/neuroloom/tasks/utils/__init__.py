"""NeuroGym's utilities under their paths."""

from neuroloom.tasks.utils import (
    data,
    info,
    ngym_random,
    plotting,
    psychometric,
    scheduler,
    spaces,
    tasktools,
)
from neuroloom.tasks.utils.ngym_random import TruncExp
from neuroloom.tasks.utils.plotting import plot_env
from neuroloom.tasks.utils.psychometric import plot_psychometric
from neuroloom.tasks.utils.scheduler import (
    RandomSchedule,
    SequentialBlockSchedule,
    SequentialSchedule,
)

__all__ = [
    "RandomSchedule",
    "SequentialBlockSchedule",
    "SequentialSchedule",
    "TruncExp",
    "data",
    "info",
    "ngym_random",
    "plot_env",
    "plot_psychometric",
    "plotting",
    "psychometric",
    "scheduler",
    "spaces",
    "tasktools",
]
