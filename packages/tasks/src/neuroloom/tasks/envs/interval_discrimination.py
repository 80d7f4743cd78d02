"""Which of two intervals was longer."""

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
    decide,
    fixate,
    register,
    rewards,
    timeline,
)


@register(
    "IntervalDiscrimination-v0",
    tags=("timing", "working memory", "delayed response", "two-alternative", "supervised"),
    paper=Paper(
        "Feature- and Order-Based Timing Representations in the Frontal Cortex",
        "https://www.sciencedirect.com/science/article/pii/S0896627309004887",
    ),
    by_paper=(
        "The paper: the two stimuli have colours, and the answer is the colour of the longer one. "
        "NeuroGym, and -v0: the answer is first or second."
    ),
)
class IntervalDiscrimination(Task):
    """Say which of two stimuli was shown for longer.

    **Description.** Two stimuli are shown one after the other, each for 300 to 600 ms; after a
    delay the agent says which lasted longer. Both last whole steps; if as many, the second counts
    as longer.

    **Action Space.** 0 fixates; 1 and 2 choose the first and the second stimulus.

    **Observation Space.** ``fixation`` is 1 until the decision; ``stim1`` and ``stim2`` are 1 in
    their periods.

    **Rewards.** ``correct`` for the right answer, ``fail`` for the other; ``abort`` for an action
    during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer in the decision period, or with the period.

    Genovesio, Tsujimoto & Wise (2009).
    """

    dt: float = 80.0

    periods = timeline(
        fixation=fixate(300),
        stim1=("uniform", (300, 600)),
        delay1=("uniform", (800, 1500)),
        stim2=("uniform", (300, 600)),
        delay2=500,
        decision=decide(300),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stim1": 1, "stim2": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "choice1": 1, "choice2": 1}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["duration1"] = steps["stim1"] * self.dt
        c["duration2"] = steps["stim2"] * self.dt
        c["ground_truth"] = np.where(steps["stim1"] > steps["stim2"], 1, 2)

    def evidence(self, c: Conditions) -> Array:
        longer: Array = (c["duration2"] - c["duration1"]) / 1000
        return longer

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[slice(-1), "fixation"] = 1
        levels["stim1", "stim1"] = 1
        levels["stim2", "stim2"] = 1
        target["decision"] = c["ground_truth"]
