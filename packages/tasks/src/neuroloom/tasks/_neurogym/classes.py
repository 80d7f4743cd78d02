"""Environment classes under NeuroGym's names and paths."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from typing import Any

from neuroloom.tasks._design.catalogue import entries, get_collection, get_task
from neuroloom.tasks._environments.single import TaskEnv
from neuroloom.tasks._errors import TaskTypeError
from neuroloom.tasks._neurogym.annubes import AnnubesEnv

__all__ = ["class_names", "environment_class", "get_collection", "provide"]

MODULES = {
    "annubes": ("AnnubesEnv",),
    "antireach": ("AntiReach",),
    "bandit": ("Bandit",),
    "contextdecisionmaking": ("ContextDecisionMaking",),
    "dawtwostep": ("DawTwoStep",),
    "delaycomparison": ("DelayComparison",),
    "delaymatchcategory": ("DelayMatchCategory",),
    "delaymatchsample": ("DelayMatchSample", "DelayMatchSampleDistractor1D"),
    "delaypairedassociation": ("DelayPairedAssociation",),
    "detection": ("Detection",),
    "dualdelaymatchsample": ("DualDelayMatchSample",),
    "economicdecisionmaking": ("EconomicDecisionMaking",),
    "gonogo": ("GoNogo",),
    "hierarchicalreasoning": ("HierarchicalReasoning",),
    "intervaldiscrimination": ("IntervalDiscrimination",),
    "multisensory": ("MultiSensoryIntegration",),
    "null": ("Null",),
    "perceptualdecisionmaking": (
        "PerceptualDecisionMaking",
        "PerceptualDecisionMakingDelayResponse",
        "PulseDecisionMaking",
    ),
    "postdecisionwager": ("PostDecisionWager",),
    "probabilisticreasoning": ("ProbabilisticReasoning",),
    "reaching": ("Reaching1D", "Reaching1DWithSelfDistraction"),
    "reachingdelayresponse": ("ReachingDelayResponse",),
    "readysetgo": ("MotorTiming", "OneTwoThreeGo", "ReadySetGo"),
    "spatialsuppressmotion": ("SpatialSuppressMotion",),
    "tonedetection": ("ToneDetection",),
}
"""NeuroGym's modules of native tasks, and what is in each."""

CONSTANTS = {"annubes": {"CATCH_KEYWORD": "catch", "CATCH_SESSION_KEY": ("catch",)}}
"""What else is in a module."""

OWN = {"AnnubesEnv": AnnubesEnv}
"""Classes with more than a task's parameters."""


def class_names() -> list[str]:
    """Return the names of all tasks' classes, sorted."""
    return sorted({known.cls.__name__ for known in entries().values()})


@functools.cache
def environment_class(name: str) -> type[TaskEnv]:
    """Return the environment class of a task.

    It takes the task's parameters, `dt` also in first place, and `seed` and `trials_per_episode`
    as `TaskEnv` does. It runs the task by NeuroGym's rules, ``-v0``.

    Parameters
    ----------
    name : str
        Of the task's class, ``"PerceptualDecisionMaking"``.

    Raises
    ------
    AttributeError
        If no task is called so.
    """
    ids = [id for id, known in entries().items() if known.cls.__name__ == name]
    if name in OWN:
        return OWN[name]
    if not ids:
        raise AttributeError(f"there is no task {name!r}")
    id = f"{name}-v0" if f"{name}-v0" in ids else ids[0]
    known = entries()[id]

    def make(
        self: TaskEnv,
        *given: Any,
        seed: Any = None,
        trials_per_episode: int | None = None,
        **params: Any,
    ) -> None:
        params |= dict(zip(("dt",), given, strict=False))
        if len(given) > 1:
            raise TaskTypeError(f"{name}: expected parameters by name, got {given}")
        TaskEnv.__init__(
            self, get_task(id, **params), seed=seed, trials_per_episode=trials_per_episode
        )

    init: Callable[..., None] = make
    space = {"__init__": init, "__doc__": known.cls.__doc__, "__module__": __name__}
    return type(name, (TaskEnv,), space)


def __getattr__(name: str) -> Any:
    # Where pickle looks for the classes that are made here.
    return environment_class(name)


def provide(package: str) -> None:
    """Make NeuroGym's modules importable from a package.

    Parameters
    ----------
    package : str
        Name of the package.
    """
    for stem, names in MODULES.items():
        full = f"{package}.{stem}"
        module = types.ModuleType(full, "Under NeuroGym's path.")
        for name in names:
            setattr(module, name, environment_class(name))
        for name, value in CONSTANTS.get(stem, {}).items():
            setattr(module, name, value)
        sys.modules[full] = module
        setattr(sys.modules[package], stem, module)
