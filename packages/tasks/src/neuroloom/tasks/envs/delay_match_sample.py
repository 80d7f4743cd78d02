"""Delayed match to sample."""

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
    ring,
    timeline,
)


@register(
    "DelayMatchSample-v0",
    tags=("perceptual", "working memory", "two-alternative", "supervised"),
    paper=Paper(
        "Neural Mechanisms of Visual Working Memory in Prefrontal Cortex of the Macaque",
        "https://www.jneurosci.org/content/jneuro/16/16/5154.full.pdf",
    ),
    by_paper=(
        "The paper: several tests follow the sample, and the match is answered. NeuroGym, and -v0: "
        "one test, and an action for a match and one for none; for tests in a row see "
        "DelayMatchSampleDistractor1D."
    ),
)
class DelayMatchSample(Task):
    """Say whether the test is the sample seen before the delay (match) or its opposite.

    Parameters
    ----------
    dim_ring : int
        Number of channels that show the stimulus.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    dim_ring: RingSize = 2
    sigma: NoiseLevel = 1.0

    periods = timeline(fixation=fixate(300), sample=500, delay=1000, test=500, decision=decide(900))
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
            "sample_theta": pick(rng, ring(self.dim_ring), n),
        }

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        away = np.where(c["ground_truth"] == 1, 0, np.pi)
        c["test_theta"] = (c["sample_theta"] + away) % (2 * np.pi)

    def evidence(self, c: Conditions) -> Array:
        return np.where(c["ground_truth"] == 2, 1.0, -1.0)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "sample", "delay", "test"), "fixation"] = 1
        levels["sample", "stimulus"] = 0.5 + 0.5 * cosine(self.dim_ring, c["sample_theta"])
        levels["test", "stimulus"] = 0.5 + 0.5 * cosine(self.dim_ring, c["test_theta"])
        target["decision"] = c["ground_truth"]
