"""Produce the interval between three flashes."""

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
    timeline,
)


@register(
    "OneTwoThreeGo-v0",
    tags=("timing", "go-no-go", "supervised"),
    paper=Paper(
        "Internal models of sensorimotor integration regulate cortical dynamics",
        "https://www.nature.com/articles/s41593-019-0500-6",
    ),
    by_paper=(
        "The paper: act where the fourth of evenly spaced flashes would be. NeuroGym, and -v0: the "
        "same rule, the last gap counted from the end of the third flash."
    ),
)
class OneTwoThreeGo(Task):
    """Act where a fourth flash would follow three evenly spaced ones.

    **Description.** Three flashes come with the same gap between them; the agent has to act when
    the gap has passed once more since the end of the third.

    **Action Space.** 0 waits; 1 goes.

    **Observation Space.** ``fixation`` is 1 throughout; ``stimulus`` is 1 during each flash;
    ``target`` is 1 from the end of fixation on.

    **Rewards.** For going ``error`` ms off, ``correct`` times ``(1 - error / window)**1.5``, not
    below a tenth, inside the window of ``prod_margin * interval + 25`` ms, and ``fail`` outside;
    ``abort`` for an action before the end of the third flash.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first action after the third flash, or with the response
    period.

    Egger, Remington, Chang & Jazayeri (2019).

    Parameters
    ----------
    prod_margin : float
        Width of the rewarded window, as a share of the interval.
    """

    dt: float = 80.0
    prod_margin: float = 0.2

    periods = timeline(
        fixation=fixate(("truncated_exponential", (400, 100, 800))),
        target=fixate(("truncated_exponential", (1000, 500, 1500))),
        s1=fixate(100),
        interval1=fixate((600, 700, 800, 900, 1000)),
        s2=fixate(100),
        interval2=fixate(computed),
        s3=fixate(100),
        interval3=decide(computed),
        response=decide(1000),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        real("prod_margin", self.prod_margin, minimum=0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": 1, "target": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "go": 1}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        interval = steps["interval1"]
        steps["interval2"] = steps["interval3"] = interval
        before = ("fixation", "target", "s1", "interval1", "s2", "interval2", "s3", "interval3")
        c["interval"] = interval * self.dt
        c["due"] = np.sum([steps[name] for name in before], axis=0) * self.dt

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[slice(None), "fixation"] = 1
        levels[("s1", "s2", "s3"), "stimulus"] = 1
        levels[slice(1, None), "target"] = 1
        target["response"] = 1

    def answer_timing(self, c: Conditions) -> tuple[Array, Array, float]:
        return c["due"], c["interval"], self.prod_margin
