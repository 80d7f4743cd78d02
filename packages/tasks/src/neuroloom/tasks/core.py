"""Environments with trials, as in NeuroGym."""

from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._neurogym.info import env_string
from neuroloom.tasks._neurogym.trial_env import BaseEnv, PeriodEnv, TrialEnv
from neuroloom.tasks.wrappers._base import TrialWrapper

__all__ = ["BaseEnv", "PeriodEnv", "TaskEnv", "TrialEnv", "TrialWrapper", "env_string"]
