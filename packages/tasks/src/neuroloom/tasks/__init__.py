"""Cognitive tasks as environments and data sets."""

from importlib import import_module as _import_module
from importlib.util import find_spec as _find_spec
from typing import Any as _Any
from warnings import warn as _warn

from neuroloom.tasks._behaviour.curves import chronometric, psychometric
from neuroloom.tasks._behaviour.diffusion import Diffusion, fit_diffusion
from neuroloom.tasks._behaviour.ideal import IdealObserver, ideal_trials
from neuroloom.tasks._behaviour.run import run_trials
from neuroloom.tasks._behaviour.switching import switching_trials
from neuroloom.tasks._design.catalogue import get_task, register
from neuroloom.tasks._design.catalogue import load_tasks as _load_tasks
from neuroloom.tasks._design.task import Task
from neuroloom.tasks._engine.mixture import Mixture, mix
from neuroloom.tasks._engine.reaction_time import ReactionTimeTask, reaction_time
from neuroloom.tasks._environments.batch import Batch
from neuroloom.tasks._environments.card import card, plot_trial
from neuroloom.tasks._environments.dataset import Dataset
from neuroloom.tasks._environments.making import make, make_vec
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._environments.vector import TaskVectorEnv
from neuroloom.tasks._errors import ActionError, TaskError, TaskTypeError, TimingError
from neuroloom.tasks._neurogym.info import (
    all_envs,
    all_tags,
    all_wrappers,
    get_collection,
    show_all_tags,
    show_all_tasks,
    show_all_wrappers,
    show_info,
)
from neuroloom.tasks._neurogym.trial_env import PeriodEnv, TrialEnv
from neuroloom.tasks._version import __version__
from neuroloom.tasks.wrappers._base import TrialWrapper

_MOVED = ("BoundedObserver", "Curve", "Policy", "SwitchingObserver")
_MODULES = {
    "behaviour": "behaviour",
    "config": "config",
    "core": "core",
    "envs": "envs",
    "info": "utils.info",
    "spaces": "utils.spaces",
    "utils": "utils",
    "wrappers": "wrappers",
}
_INSTALLED = {
    "_PSYCHOPY_INSTALLED": ("psychopy",),
    "_SB3_INSTALLED": ("stable_baselines3", "sb3_contrib"),
}


def __getattr__(name: str) -> _Any:
    """Return what NeuroGym has under a name: a submodule is imported when it is asked for."""
    if name in _MOVED:
        _warn(
            f"neuroloom.tasks.{name} is neuroloom.tasks.behaviour.{name}; the old place goes with "
            "the next version",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(_import_module(f"{__name__}.behaviour"), name)
    if name in _MODULES:
        return _import_module(f"{__name__}.{_MODULES[name]}")
    if name in _INSTALLED:
        return all(_find_spec(one) is not None for one in _INSTALLED[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "ActionError",
    "Batch",
    "Dataset",
    "Diffusion",
    "IdealObserver",
    "Mixture",
    "PeriodEnv",
    "ReactionTimeTask",
    "Task",
    "TaskEnv",
    "TaskError",
    "TaskTypeError",
    "TaskVectorEnv",
    "TimingError",
    "TrialEnv",
    "TrialWrapper",
    "__version__",
    "all_envs",
    "all_tags",
    "all_wrappers",
    "card",
    "chronometric",
    "fit_diffusion",
    "get_collection",
    "get_task",
    "ideal_trials",
    "make",
    "make_vec",
    "mix",
    "plot_trial",
    "psychometric",
    "reaction_time",
    "register",
    "run_trials",
    "show_all_tags",
    "show_all_tasks",
    "show_all_wrappers",
    "show_info",
    "switching_trials",
]

_load_tasks()
