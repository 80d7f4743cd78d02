"""Produce one of two intervals."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Conditions,
    Levels,
    Names,
    Paper,
    Rng,
    StepCounts,
    Targets,
    Task,
    computed,
    decide,
    fixate,
    pick,
    real,
    register,
    rewards,
    steps,
    timeline,
)

INTERVALS = (800, 1500)


@register(
    "MotorTiming-v0",
    tags=("timing", "go-no-go", "supervised"),
    paper=Paper(
        "Flexible timing by temporal scaling of cortical responses",
        "https://www.nature.com/articles/s41593-017-0028-6",
    ),
    differs=(
        "Set lasts 83 ms and is seen (NeuroGym 2.3.1: 50 ms, no step of dt 80 ms, so that it never "
        "appears); the interval is a whole number of steps, and target and reward share one clock "
        "that starts at set, so that following the target earns 1 (there 0.87)."
    ),
    by_paper=(
        "The paper: set is to be followed by an action after 800 or 1500 ms, as the cue says. "
        "NeuroGym, and -v0: the same rule."
    ),
)
class MotorTiming(Task):
    """Go 800 or 1500 ms after set, as the cue says.

    **Description.** A cue says which of two intervals to produce. Some time later set comes, and
    the agent has to act when the interval has passed since its onset.

    **Action Space.** 0 waits; 1 goes.

    **Observation Space.** ``fixation`` is 1 until set is over; ``cue`` has a channel for each
    interval, 1 from the cue's onset until set is over; ``set`` is 1 during set.

    **Rewards.** For going ``error`` ms off the interval, ``correct`` times
    ``(1 - error / window)**1.5``, not below a tenth, inside the window of ``prod_margin *
    interval + 25`` ms, and ``fail`` outside; ``abort`` for an action before the end of set.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first action after set, or two intervals later.

    Wang, Narain, Hosseini & Jazayeri (2018).

    Parameters
    ----------
    prod_margin : float
        Width of the rewarded window, as a share of the interval.
    """

    dt: float = 80.0
    prod_margin: float = 0.2

    periods = timeline(
        fixation=fixate(500),
        cue=fixate(("uniform", (1000, 3000))),
        set=fixate(83),
        production=decide(computed),
        go=decide(steps(1)),
        late=decide(computed),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        real("prod_margin", self.prod_margin, minimum=0)

    def channels(self) -> Names:
        return {"fixation": 1, "cue": 2, "set": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "go": 1}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"production_ind": pick(rng, 2, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        asked = np.asarray(INTERVALS)[c["production_ind"]]
        interval = np.maximum(np.rint(asked / self.dt).astype(int), steps["set"])
        c["production"] = interval * self.dt
        c["set_onset"] = (steps["fixation"] + steps["cue"]) * self.dt
        steps["production"] = interval - steps["set"]
        window = np.floor(2 * asked / self.dt + 1e-9).astype(int)
        steps["late"] = np.maximum(window - steps["production"] - 1, 0)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "cue", "set"), "fixation"] = 1
        levels[("cue", "set"), "cue"] = np.eye(2)[c["production_ind"]]
        levels["set", "set"] = 1
        target["go"] = 1

    def answer_timing(self, c: Conditions) -> tuple[Array, Array, float]:
        return c["set_onset"] + c["production"], c["production"], self.prod_margin
