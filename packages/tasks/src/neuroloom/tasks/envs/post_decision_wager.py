"""Decide, or take the sure bet."""

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
    cosines,
    decide,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)

COHS = (0, 3.2, 6.4, 12.8, 25.6, 51.2)


@register(
    "PostDecisionWager-v1",
    tags=("perceptual", "delayed response", "confidence"),
    paper=Paper(
        "Representation of Confidence Associated with a Decision by Neurons in the Parietal Cortex",
        "https://science.sciencemag.org/content/324/5928/759.long",
    ),
    differs=(
        "The choice of the right direction is paid (NeuroGym 2.3.1 compares an action that counts "
        "from 1 with a direction that counts from 0, so that the right answer earns 0)."
    ),
    clean_cues=True,
    by_paper=(
        "Noise is on what the subject judges; NeuroGym, and -v0, put it on the fixation point "
        "and sure bet too (neurogym#235)."
    ),
)
@register(
    "PostDecisionWager-v0",
    tags=("perceptual", "delayed response", "confidence"),
    paper=Paper(
        "Representation of Confidence Associated with a Decision by Neurons in the Parietal Cortex",
        "https://science.sciencemag.org/content/324/5928/759.long",
    ),
    differs=(
        "The choice of the right direction is paid (NeuroGym 2.3.1 compares an action that counts "
        "from 1 with a direction that counts from 0, so that the right answer earns 0)."
    ),
    by_paper=(
        "NeuroGym's rule: noise on the fixation point and sure bet too. In -v1 it is on what "
        "the subject judges (neurogym#235)."
    ),
)
class PostDecisionWager(Task):
    """Say into which direction dots move, or take a smaller but sure reward if it is offered.

    **Description.** Dots move for 0.1 to 0.9 s. On half of the trials a sure bet appears during
    the delay, which pays less than the right answer but always pays. Whoever knows how sure they
    are takes it after weak stimuli.

    **Action Space.** 0 fixates; 1 to `dim_ring` choose a direction; the last action takes the
    sure bet.

    **Observation Space.** ``fixation`` is 1 until the decision; ``stimulus`` has one channel a
    direction at ``0.5 + coh / 200 * cos(distance)``; ``sure`` is 1 while the sure bet is offered,
    from 500 to 750 ms into the delay (``pre_sure``) to the end. All channels have noise in the
    stimulus period.

    **Rewards.** ``correct`` for the right direction, ``fail`` for another; ``sure`` (0.7 of
    ``correct`` unless set) for the sure bet where it is offered, with a performance of its share
    between fail and correct; ``abort`` where it is not, and for an action during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    Kiani & Shadlen (2009).

    Parameters
    ----------
    dim_ring : int
        Number of directions.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    clean_cues : bool
        Whether only the stimulus channels have noise, and not the fixation point or the sure bet.
    """

    dim_ring: RingSize = 2
    sigma: NoiseLevel = 1.0
    clean_cues: bool = False

    periods = timeline(
        fixation=fixate(100),
        stimulus=("truncated_exponential", (180, 100, 900)),
        pre_sure=("uniform", (500, 750)),
        delay=("truncated_exponential", (1350, 1200, 1800)),
        decision=decide(100),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0, sure=0.7)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": self.dim_ring, "sure": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring, "sure": 1}

    def noise(self) -> Noise:
        return {("stimulus", "stimulus" if self.clean_cues else "*"): self.sigma}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {
            "wager": pick(rng, [True, False], n),
            "ground_truth": pick(rng, self.dim_ring, n),
            "coh": pick(rng, COHS, n),
        }

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        steps["pre_sure"] = np.minimum(steps["pre_sure"], steps["delay"])  # begins with the delay
        steps["delay"] = steps["delay"] - steps["pre_sure"]

    def evidence(self, c: Conditions) -> Array | None:
        if self.dim_ring != 2:
            return None
        signed: Array = np.where(c["ground_truth"] == 1, 1, -1) * c["coh"] / 100
        return signed

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        direction = cosines(self.dim_ring)[c["ground_truth"]]
        levels[slice(-1), "fixation"] = 1
        levels["stimulus", "stimulus"] = 0.5 + direction * c["coh"][:, None] / 200
        levels[("delay", "decision"), "sure"] = c["wager"]
        target["decision"] = 1 + c["ground_truth"]

    def payoff(self, c: Conditions) -> tuple[Array, Array]:
        pays = self.reward
        sure = pays["sure"] if "sure" in (self.rewards or {}) else 0.7 * pays["correct"]
        right = np.arange(self.dim_ring + 2) == 1 + c["ground_truth"][:, None]
        reward = np.where(right, pays["correct"], pays["fail"])
        reward[:, -1] = np.where(c["wager"], sure, pays["abort"])
        performance = right.astype(float)
        span = pays["correct"] - pays["fail"]
        share = (sure - pays["fail"]) / span if span else 0.0
        performance[:, -1] = np.where(c["wager"], share, 0.0)
        return reward, performance
