"""Random dots, a delay, and an answer."""

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
    Targets,
    Task,
    decide,
    fixate,
    pick,
    real,
    register,
    rewards,
    timeline,
)


@register(
    "PerceptualDecisionMakingDelayResponse-v0",
    tags=("perceptual", "delayed response", "two-alternative", "supervised"),
    paper=Paper(
        "Discrete attractor dynamics underlies persistent activity in the frontal cortex",
        "https://www.nature.com/articles/s41586-019-0919-7",
    ),
    by_paper=(
        "The paper: mice lick left or right, after a delay, as a cue before it said. NeuroGym, and "
        "-v0: two noisy channels in place of the cue."
    ),
)
class PerceptualDecisionMakingDelayResponse(Task):
    """Say after a delay which of two noisy stimuli was stronger.

    **Description.** Two channels show evidence for 1.15 s. After a delay of 0.3 to 4 s, in which
    nothing but the fixation point is shown, the side of the stronger one has to be chosen.

    **Action Space.** 0 fixates; 1 and 2 choose a side.

    **Observation Space.** ``fixation`` is 1 until the decision; ``stimulus`` is
    ``0.5 + coh / 200`` on the right side and ``0.5 - coh / 200`` on the other, plus noise.

    **Rewards.** ``correct`` for the right side, ``fail`` for the other; ``abort`` for an action
    during fixation.

    **Starting State.** The first step of the stimulus, as fixation lasts 0 ms unless asked for.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    Inagaki, Fontolan, Romani & Svoboda (2019).

    Parameters
    ----------
    stim_scale : float
        Factor on the coherences 0, 6.4, 12.8, 25.6 and 51.2 %.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    stim_scale: float = 1.0
    sigma: NoiseLevel = 1.0

    periods = timeline(
        fixation=fixate(0),
        stimulus=1150,
        delay=(300, 500, 700, 900, 1200, 2000, 3200, 4000),
        decision=decide(1500),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        real("stim_scale", self.stim_scale, minimum=0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": 2}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": 2}

    def noise(self) -> Noise:
        return {("stimulus", "stimulus"): self.sigma}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        cohs = self.stim_scale * np.array([0, 6.4, 12.8, 25.6, 51.2])
        return {"ground_truth": pick(rng, [1, 2], n), "coh": pick(rng, cohs, n)}

    def evidence(self, c: Conditions) -> Array:
        signed: Array = np.where(c["ground_truth"] == 2, 1, -1) * c["coh"] / 100
        return signed

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        sign = np.where(c["ground_truth"][:, None] == [1, 2], 1, -1)
        levels[("fixation", "stimulus", "delay"), "fixation"] = 1
        levels["stimulus", "stimulus"] = 0.5 + sign * c["coh"][:, None] / 200
        target["decision"] = c["ground_truth"]
