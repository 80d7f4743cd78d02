"""Go or not."""

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
    Targets,
    Task,
    decide,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)


@register(
    "GoNogo-v0",
    tags=("delayed response", "go-no-go", "supervised"),
    paper=Paper(
        "Active information maintenance in working memory by a sensory cortex",
        "https://elifesciences.org/articles/43191",
    ),
    differs=(
        "Not to go on a no-go trial has a performance of 1 (NeuroGym 2.3.1 reports 0, so that a "
        "perfect agent scores 0.5)."
    ),
    by_paper=(
        "The paper: mice lick after one of two odours. NeuroGym, and -v0: the same rule, with a "
        "delay before the answer."
    ),
)
class GoNogo(Task):
    """Go after one stimulus, hold still after the other.

    **Description.** One of two stimuli is shown; after a delay the agent has to act if it was
    the go stimulus, and not to act if it was the other.

    **Action Space.** 0 holds still; 1 goes.

    **Observation Space.** ``fixation`` is 1 until the decision; ``nogo`` or ``go`` is 1 in the
    stimulus period.

    **Rewards.** ``correct`` for going on a go trial, ``miss`` for not doing so, ``fail`` for going
    on a no-go trial; holding still there pays ``withhold``, 0. The mean of a perfect agent is
    ``correct / 2``.

    **Starting State.** The first step of the stimulus, as fixation lasts 0 ms unless asked for.

    **Episode End.** A trial ends with an action in the decision period, or with the period.

    Zhang, Yan, Wang et al. (2019).
    """

    periods = timeline(fixation=fixate(0), stimulus=500, delay=500, decision=decide(500))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=-0.5, miss=-0.5, withhold=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "nogo": 1, "go": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "go": 1}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": pick(rng, 2, n)}

    def evidence(self, c: Conditions) -> Array:
        return np.where(c["ground_truth"] == 1, 1.0, -1.0)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "stimulus", "delay"), "fixation"] = 1
        levels["stimulus", "nogo"] = c["ground_truth"] == 0
        levels["stimulus", "go"] = c["ground_truth"] == 1
        target["decision"] = c["ground_truth"]
