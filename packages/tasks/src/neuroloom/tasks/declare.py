"""Everything that a task file needs: ``from neuroloom.tasks.declare import ...``."""

from neuroloom.tasks._counter import Draws, Rng
from neuroloom.tasks._durations import (
    Choice,
    Constant,
    Duration,
    TruncatedExponential,
    Uniform,
    Until,
)
from neuroloom.tasks._errors import TaskError, fail, real, unknown, whole
from neuroloom.tasks._now import Now
from neuroloom.tasks._registry import register
from neuroloom.tasks._rings import bump, bumps, cosine, cosines, pick, ring
from neuroloom.tasks._spaces import Box, Discrete
from neuroloom.tasks._table import Levels, Rows, Targets
from neuroloom.tasks._task import (
    Array,
    Conditions,
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
    pay,
    steps,
    timeline,
)
from neuroloom.tasks._timing import timing_reward

__all__ = [
    "Array",
    "Box",
    "Choice",
    "Conditions",
    "Constant",
    "Discrete",
    "Draws",
    "Duration",
    "Levels",
    "Names",
    "Noise",
    "Now",
    "Paper",
    "Period",
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
    "pay",
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
