"""Everything that a task file needs: ``from neuroloom.tasks.declare import ...``."""

import warnings
from typing import Any

from neuroloom.tasks._design.catalogue import register
from neuroloom.tasks._design.directions import bump, bumps, cosine, cosines, pick, ring
from neuroloom.tasks._design.durations import (
    Choice,
    Constant,
    Duration,
    TruncatedExponential,
    Uniform,
    Until,
)
from neuroloom.tasks._design.levels import Levels, Targets
from neuroloom.tasks._design.parameters import Check, Coherences, NoiseLevel, RingSize
from neuroloom.tasks._design.spaces import Box, Discrete
from neuroloom.tasks._design.state import Now
from neuroloom.tasks._design.table import Conditions, Rows
from neuroloom.tasks._design.task import (
    Answer,
    Array,
    Names,
    Noise,
    Paper,
    Period,
    StepCounts,
    Task,
    computed,
    decide,
    fixate,
    free,
    rewards,
    steps,
    timeline,
)
from neuroloom.tasks._design.timing_reward import timing_reward
from neuroloom.tasks._errors import TaskError, fail, real, unknown, whole
from neuroloom.tasks._random.counter import Draws, Rng

__all__ = [
    "Answer",
    "Array",
    "Box",
    "Check",
    "Choice",
    "Coherences",
    "Conditions",
    "Constant",
    "Discrete",
    "Draws",
    "Duration",
    "Levels",
    "Names",
    "Noise",
    "NoiseLevel",
    "Now",
    "Paper",
    "Period",
    "RingSize",
    "Rng",
    "Rows",
    "StepCounts",
    "Targets",
    "Task",
    "TaskError",
    "TruncatedExponential",
    "Uniform",
    "Until",
    "bump",
    "bumps",
    "computed",
    "cosine",
    "cosines",
    "decide",
    "fail",
    "fixate",
    "free",
    "rewards",
    "pick",
    "real",
    "register",
    "ring",
    "steps",
    "timeline",
    "timing_reward",
    "unknown",
    "whole",
]


def __getattr__(name: str) -> Any:
    if name == "pay":
        warnings.warn("declare.pay is called rewards now", DeprecationWarning, stacklevel=2)
        return rewards
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
