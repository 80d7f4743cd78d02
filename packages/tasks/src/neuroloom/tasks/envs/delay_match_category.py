"""Delayed match to category."""

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
    RingSize,
    Rng,
    StepCounts,
    Targets,
    Task,
    cosine,
    decide,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)


@register(
    "DelayMatchCategory-v0",
    tags=("perceptual", "working memory", "two-alternative", "supervised"),
    paper=Paper(
        "Experience-dependent representation of visual categories in parietal cortex",
        "https://www.nature.com/articles/nature05078",
    ),
    differs=(
        "The border between the categories lies at 90 and 270 degrees, so that the two channels of "
        "the default ring tell the categories apart (NeuroGym 2.3.1: at 0 and 180 degrees, where "
        "both categories look the same)."
    ),
    by_paper=(
        "The paper: twelve directions, and the answer to a match is to let go of a lever. "
        "NeuroGym, and -v0: directions of a ring, and an action for a match and one for none."
    ),
)
class DelayMatchCategory(Task):
    """Say whether the test is of the same category as the sample.

    **Description.** Directions from -90 to 90 degrees are one category, those from 90 to 270 the
    other. A sample is shown and, after a delay, a test that has to be judged at once.

    **Action Space.** 0 fixates; 1 says match, 2 non-match.

    **Observation Space.** ``fixation`` is 1 until the test; ``stimulus`` has `dim_ring` channels
    at ``0.5 + 0.5 * cos(distance)`` in sample and test, plus noise.

    **Rewards.** ``correct`` for the right answer, ``fail`` for the other; ``abort`` for an action
    during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer in the test period, or with the period.

    Freedman & Assad (2006).

    Parameters
    ----------
    dim_ring : int
        Number of channels that show the stimulus.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    sigma: NoiseLevel = 1.0
    dim_ring: RingSize = 2

    periods = timeline(fixation=fixate(500), sample=650, first_delay=1000, test=decide(650))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": self.dim_ring}

    def actions(self) -> Names:
        return {"fixation": 1, "match": 1, "non-match": 1}

    def noise(self) -> Noise:
        return {("sample", "stimulus"): self.sigma, ("test", "stimulus"): self.sigma}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {
            "ground_truth": pick(rng, [1, 2], n),
            "sample_category": pick(rng, 2, n),
            "sample_within": rng.random(n),
            "test_within": rng.random(n),
        }

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        same = c["ground_truth"] == 1
        c["test_category"] = np.where(same, c["sample_category"], 1 - c["sample_category"])
        for name in ("sample", "test"):
            turned = c[f"{name}_category"] + c[f"{name}_within"] - 0.5
            c[f"{name}_theta"] = np.pi * turned % (2 * np.pi)

    def evidence(self, c: Conditions) -> Array:
        return np.where(c["ground_truth"] == 2, 1.0, -1.0)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "sample", "first_delay"), "fixation"] = 1
        levels["sample", "stimulus"] = 0.5 + 0.5 * cosine(self.dim_ring, c["sample_theta"])
        levels["test", "stimulus"] = 0.5 + 0.5 * cosine(self.dim_ring, c["test_theta"])
        target["test"] = c["ground_truth"]
