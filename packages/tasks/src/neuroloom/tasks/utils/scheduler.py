"""Which of several conditions comes next."""

from neuroloom.tasks._neurogym.schedules import (
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
