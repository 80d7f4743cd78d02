"""Which of several conditions comes next."""

from neuroloom.tasks._schedules import (
    BaseSchedule,
    RandomBlockSchedule,
    RandomSchedule,
    SequentialBlockSchedule,
    SequentialSchedule,
)

__all__ = [
    "BaseSchedule",
    "RandomBlockSchedule",
    "RandomSchedule",
    "SequentialBlockSchedule",
    "SequentialSchedule",
]
