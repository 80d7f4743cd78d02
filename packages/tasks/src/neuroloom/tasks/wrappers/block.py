"""Wrappers that decide what the next trial is."""

from neuroloom.tasks.wrappers._trials import (
    MultiEnvs,
    RandomGroundTruth,
    ScheduleAttr,
    ScheduleEnvs,
    TrialHistoryV2,
)

__all__ = ["MultiEnvs", "RandomGroundTruth", "ScheduleAttr", "ScheduleEnvs", "TrialHistoryV2"]
