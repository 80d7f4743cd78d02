"""Measure an interval and produce it."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Conditions,
    Levels,
    Names,
    Paper,
    StepCounts,
    Targets,
    Task,
    computed,
    decide,
    fixate,
    real,
    register,
    rewards,
    steps,
    timeline,
)


@register(
    "ReadySetGo-v0",
    tags=("timing", "go-no-go", "supervised"),
    paper=Paper(
        "Flexible Sensorimotor Computations through Rapid Reconfiguration of Cortical Dynamics",
        "https://www.sciencedirect.com/science/article/pii/S0896627318304185",
    ),
    differs=(
        "The target and the reward share one clock that starts at set, so that following the "
        "target earns 1 (NeuroGym 2.3.1: 0.55)."
    ),
    by_paper=(
        "The paper: a cue says in every block whether the interval or 1.5 times as long is to be "
        "produced. NeuroGym, and -v0: no cue, `gain` holds for all trials."
    ),
)
class ReadySetGo(Task):
    """Go so long after set as set came after ready, times `gain`.

    Parameters
    ----------
    gain : float
        The interval to produce over the one that was measured.
    prod_margin : float
        Width of the rewarded window, as a share of the interval.
    """

    dt: float = 80.0
    gain: float = 1
    prod_margin: float = 0.2

    periods = timeline(
        fixation=fixate(100),
        ready=fixate(83),
        measure=fixate(("uniform", (800, 1500))),
        set=fixate(83),
        production=decide(computed),
        go=decide(steps(1)),
        late=decide(computed),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        real("gain", self.gain, minimum=0, above=True)
        real("prod_margin", self.prod_margin, minimum=0)

    def channels(self) -> Names:
        return {"fixation": 1, "ready": 1, "set": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "go": 1}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        interval = np.maximum(np.rint(self.gain * steps["measure"]), 1 + steps["set"])
        c["measure"] = steps["measure"] * self.dt
        c["production"] = interval * self.dt
        c["set_onset"] = (steps["fixation"] + steps["measure"]) * self.dt
        steps["production"] = interval.astype(int) - steps["set"]
        steps["late"] = 2 * interval.astype(int) - steps["production"] - 1
        steps["measure"] = np.maximum(steps["measure"] - steps["ready"], 0)  # both begin at ready

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "ready", "measure", "set"), "fixation"] = 1
        levels["ready", "ready"] = 1
        levels["set", "set"] = 1
        target["go"] = 1

    def answer_timing(self, c: Conditions) -> tuple[Array, Array, float]:
        return c["set_onset"] + c["production"], c["production"], self.prod_margin
