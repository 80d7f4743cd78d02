"""Which stimuli belong together."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Conditions,
    Levels,
    Names,
    Noise,
    NoiseLevel,
    Paper,
    Rng,
    StepCounts,
    Targets,
    Task,
    decide,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)

PAIRS = np.array([(1, 3), (1, 4), (2, 3), (2, 4)])


@register(
    "DelayPairedAssociation-v0",
    tags=("perceptual", "working memory", "go-no-go", "supervised"),
    paper=Paper(
        "Active information maintenance in working memory by a sensory cortex",
        "https://elifesciences.org/articles/43191",
    ),
    differs=(
        "Not to go on a non-matching pair has a performance of 1 (NeuroGym 2.3.1 reports 0, so "
        "that a perfect agent scores 0.5); sigma is applied, and 0 unless asked for (there it is "
        "1 and has no effect)."
    ),
    by_paper=(
        "The paper: mice lick after two of four pairs of odours. NeuroGym, and -v0: the same rule, "
        "with a channel an odour."
    ),
)
class DelayPairedAssociation(Task):
    """Go if the second stimulus is the partner of the first.

    **Description.** Two stimuli are shown, a delay apart. 1 and 3 belong together, and 2 and 4.
    After a second delay the agent has to act if the pair belongs together.

    **Action Space.** 0 holds still; 1 goes.

    **Observation Space.** ``fixation`` is 1 until the decision; one of the four ``stimulus``
    channels is 1 in each stimulus period.

    **Rewards.** ``correct`` for going after a pair, ``miss`` for not doing so, ``fail`` for going
    after other stimuli; holding still there pays ``withhold``, 0. The mean of a perfect agent is
    ``correct / 2``.

    **Starting State.** The first step of the first stimulus, as fixation lasts 0 ms unless asked
    for.

    **Episode End.** A trial ends with an action in the decision period, or with the period.

    Zhang, Yan, Wang et al. (2019).

    Parameters
    ----------
    sigma : float
        Noise of a stimulus channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    sigma: NoiseLevel = 0.0

    periods = timeline(
        fixation=fixate(0),
        stim1=1000,
        delay_btw_stim=1000,
        stim2=1000,
        delay_aft_stim=1000,
        decision=decide(500),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=-1.0, miss=0.0, withhold=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": 4}

    def actions(self) -> Names:
        return {"fixation": 1, "go": 1}

    def noise(self) -> Noise:
        return {("stim1", "stimulus"): self.sigma, ("stim2", "stimulus"): self.sigma}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"pair": pick(rng, PAIRS, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["ground_truth"] = ((c["pair"][:, 1] - c["pair"][:, 0]) % 2 == 0).astype(int)

    def evidence(self, c: Conditions) -> Array:
        return np.where(c["ground_truth"] == 1, 1.0, -1.0)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        shown = np.eye(5)[c["pair"]][..., 1:]
        levels[slice(-1), "fixation"] = 1
        levels["stim1", "stimulus"] = shown[:, 0]
        levels["stim2", "stimulus"] = shown[:, 1]
        target["decision"] = c["ground_truth"]
