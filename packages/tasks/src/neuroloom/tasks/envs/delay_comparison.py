"""Parametric working memory."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Sequence

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
    fail,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)


@register(
    "DelayComparison-v1",
    tags=("perceptual", "working memory", "two-alternative", "supervised"),
    paper=Paper(
        "Neuronal Population Coding of Parametric Working Memory",
        "https://www.jneurosci.org/content/30/28/9424",
    ),
    clean_cues=True,
    by_paper=(
        "Noise is on what the subject judges; NeuroGym, and -v0, put it on the fixation point "
        "too (neurogym#235)."
    ),
)
@register(
    "DelayComparison-v0",
    tags=("perceptual", "working memory", "two-alternative", "supervised"),
    paper=Paper(
        "Neuronal Population Coding of Parametric Working Memory",
        "https://www.jneurosci.org/content/30/28/9424",
    ),
    by_paper=(
        "NeuroGym's rule: noise on the fixation point too. In -v1 it is on what the subject "
        "judges (neurogym#235)."
    ),
)
class DelayComparison(Task):
    """Say which of two stimuli, a delay apart, was of higher frequency.

    **Description.** Two vibrations are felt one after the other; the first has to be remembered
    over the delay to be compared with the second.

    **Action Space.** 0 fixates; 1 says that the first was higher, 2 that the second was.

    **Observation Space.** ``fixation`` is 1 until the decision; ``stimulus`` is the frequency
    scaled to 0.5 (lowest of all) to 1 (highest) in the stimulus periods. Both channels have noise
    there.

    **Rewards.** ``correct`` for the right answer, ``fail`` for the other; ``abort`` for an action
    during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer in the decision period, or with the period.

    Barak, Tsodyks & Romo (2010).

    Parameters
    ----------
    vpairs : sequence of pairs
        Frequencies in Hz, the higher one first.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    clean_cues : bool
        Whether only the stimulus channels have noise, and not the fixation point.
    """

    vpairs: Sequence[tuple[float, float]] | None = (
        (18, 10),
        (22, 14),
        (26, 18),
        (30, 22),
        (34, 26),
    )
    sigma: NoiseLevel = 1.0
    clean_cues: bool = False

    periods = timeline(
        fixation=fixate(500), stimulus1=500, delay=1000, stimulus2=500, decision=decide(100)
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        if self.vpairs is None:
            object.__setattr__(self, "vpairs", type(self).vpairs)
        pairs = np.asarray(self.vpairs, dtype=float)
        if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isfinite(pairs).all():
            raise fail("vpairs", "one or more pairs of frequencies", repr(self.vpairs))
        if (pairs[:, 0] <= pairs[:, 1]).any():
            raise fail("vpairs", "pairs with the higher frequency first", repr(self.vpairs))

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": 2}

    def noise(self) -> Noise:
        where = "stimulus" if self.clean_cues else "*"
        return {("stimulus1", where): self.sigma, ("stimulus2", where): self.sigma}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        pairs = np.asarray(self.vpairs, dtype=float)
        return {"ground_truth": pick(rng, [1, 2], n), "vpair": pick(rng, pairs, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        first = c["ground_truth"] == 1
        c["v1"] = np.where(first, c["vpair"][:, 0], c["vpair"][:, 1])
        c["v2"] = np.where(first, c["vpair"][:, 1], c["vpair"][:, 0])

    def evidence(self, c: Conditions) -> Array:
        pairs = np.asarray(self.vpairs, dtype=float)
        higher: Array = (c["v2"] - c["v1"]) / (pairs.max() - pairs.min())
        return higher

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        pairs = np.asarray(self.vpairs, dtype=float)
        low, high = pairs.min(), pairs.max()
        levels[slice(-1), "fixation"] = 1
        levels["stimulus1", "stimulus"] = 0.5 + 0.5 * (c["v1"] - low) / (high - low)
        levels["stimulus2", "stimulus"] = 0.5 + 0.5 * (c["v2"] - low) / (high - low)
        target["decision"] = c["ground_truth"]
