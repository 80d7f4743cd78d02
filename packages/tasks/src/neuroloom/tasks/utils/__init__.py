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

__all__ = [
    "data",
    "info",
    "ngym_random",
    "plotting",
    "psychometric",
    "scheduler",
    "spaces",
    "tasktools",
]
