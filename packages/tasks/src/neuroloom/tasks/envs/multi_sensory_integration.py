"""One direction, seen through two senses."""

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
    "MultiSensoryIntegration-v1",
    tags=("perceptual", "two-alternative", "supervised"),
    clean_cues=True,
    by_paper=(
        "Noise is on what the subject judges; NeuroGym, and -v0, put it on the fixation point "
        "too (neurogym#235)."
    ),
)
@register(
    "MultiSensoryIntegration-v0",
    tags=("perceptual", "two-alternative", "supervised"),
    by_paper=(
        "NeuroGym's rule: noise on the fixation point too. In -v1 it is on what the subject "
        "judges (neurogym#235)."
    ),
)
class MultiSensoryIntegration(Task):
    """Say which direction two modalities together speak for.

    **Description.** Two modalities show the same direction; how the coherence is shared between
    them differs from trial to trial, so that neither suffices alone.

    **Action Space.** 0 fixates; 1 to `dim_ring` choose a direction.

    **Observation Space.** ``fixation`` is 1 until the decision; each modality has a channel a
    direction at ``0.5 + share * coh / 200 * cos(distance)``, the shares adding up to 1. All
    channels have noise in the stimulus period.

    **Rewards.** ``correct`` for the right direction, 0 for another; ``abort`` for an action
    during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    Parameters
    ----------
    dim_ring : int
        Number of directions.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    clean_cues : bool
        Whether only the stimulus channels have noise, and not the fixation point.
    """

    sigma: NoiseLevel = 1.0
    clean_cues: bool = False
    dim_ring: RingSize = 2

    periods = timeline(fixation=fixate(300), stimulus=750, decision=decide(100))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus_mod1": self.dim_ring, "stimulus_mod2": self.dim_ring}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring}

    def noise(self) -> Noise:
        if not self.clean_cues:
            return {("stimulus", "*"): self.sigma}
        return {("stimulus", f"stimulus_mod{k}"): self.sigma for k in (1, 2)}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {
            "ground_truth": pick(rng, self.dim_ring, n),
            "coh": pick(rng, [5, 15, 50], n),
            "coh_prop": rng.uniform(0, 1, n),
        }

    def evidence(self, c: Conditions) -> Array | None:
        if self.dim_ring != 2:
            return None
        signed: Array = np.where(c["ground_truth"] == 1, 1, -1) * c["coh"] / 100
        return signed

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        direction = cosines(self.dim_ring)[c["ground_truth"]]
        shift = direction * c["coh"][:, None] / 200
        levels[("fixation", "stimulus"), "fixation"] = 1
        levels["stimulus", "stimulus_mod1"] = 0.5 + shift * c["coh_prop"][:, None]
        levels["stimulus", "stimulus_mod2"] = 0.5 + shift * (1 - c["coh_prop"][:, None])
        target["decision"] = 1 + c["ground_truth"]
