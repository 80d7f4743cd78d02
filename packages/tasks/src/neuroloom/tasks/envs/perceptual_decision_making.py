"""Two-alternative (or ring) decisions on random dots."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Coherences,
    Conditions,
    Levels,
    Names,
    Noise,
    NoiseLevel,
    Paper,
    RingSize,
    Rng,
    Targets,
    Task,
    cosines,
    decide,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)


@register(
    "PerceptualDecisionMaking-v1",
    tags=("perceptual", "two-alternative", "supervised"),
    paper=Paper(
        "The analysis of visual motion: a comparison of neuronal and psychophysical performance",
        "https://www.jneurosci.org/content/12/12/4745",
    ),
    go_cue=True,
    by_paper=(
        "The paper: the fixation point goes off as the signal to answer; so it is here. "
        "NeuroGym, and -v0: it goes off with the stimulus on."
    ),
)
@register(
    "PerceptualDecisionMaking-v0",
    tags=("perceptual", "two-alternative", "supervised"),
    paper=Paper(
        "The analysis of visual motion: a comparison of neuronal and psychophysical performance",
        "https://www.jneurosci.org/content/12/12/4745",
    ),
    by_paper=(
        "NeuroGym's rule: the fixation point goes off when the stimulus comes on. By the paper, "
        "and in -v1, it goes off as the signal to answer."
    ),
)
class PerceptualDecisionMaking(Task):
    """Say into which of `dim_ring` directions a cloud of dots moves.

    Every direction has a channel at ``0.5 + coherence / 200 * cos(distance)`` plus noise.

    Parameters
    ----------
    dim_ring : int
        Number of directions.
    cohs : sequence of float
        Coherences in percent, one of which is drawn for every trial.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    go_cue : bool
        Whether the fixation point stays on until the decision, so that its going off says when to
        answer.
    """

    dim_ring: RingSize = 2
    cohs: Coherences = (0, 6.4, 12.8, 25.6, 51.2)
    sigma: NoiseLevel = 1.0
    go_cue: bool = False

    periods = timeline(fixation=fixate(100), stimulus=2000, delay=0, decision=decide(100))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": self.dim_ring}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring}

    def noise(self) -> Noise:
        return {("stimulus", "stimulus"): self.sigma}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": pick(rng, self.dim_ring, n), "coh": pick(rng, self.cohs, n)}

    def evidence(self, c: Conditions) -> Array | None:
        if self.dim_ring != 2:
            return None
        signed: Array = np.where(c["ground_truth"] == 1, 1, -1) * c["coh"] / 100
        return signed

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        direction = cosines(self.dim_ring)[c["ground_truth"]]
        until = slice(-1) if self.go_cue else "fixation"
        levels[until, "fixation"] = 1
        levels["stimulus", "stimulus"] = 0.5 + direction * c["coh"][:, None] / 200
        target["decision"] = 1 + c["ground_truth"]
