"""Wrappers that change trials, what is shown of them, or keep a record."""

from neuroloom.tasks._neurogym.activations import ActivationProbe
from neuroloom.tasks.wrappers._base import TrialWrapper
from neuroloom.tasks.wrappers._monitor import Monitor
from neuroloom.tasks.wrappers._shown import Noise, PassAction, PassReward, ReactionTime
from neuroloom.tasks.wrappers._trials import (
    MultiEnvs,
    RandomGroundTruth,
    ScheduleAttr,
    ScheduleEnvs,
    SideBias,
    TrialHistoryV2,
)

__all__ = [
    "ActivationProbe",
    "Monitor",
    "MultiEnvs",
    "Noise",
    "PassAction",
    "PassReward",
    "RandomGroundTruth",
    "ReactionTime",
    "ScheduleAttr",
    "ScheduleEnvs",
    "SideBias",
    "TrialHistoryV2",
    "TrialWrapper",
]
