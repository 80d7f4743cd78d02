"""The standard task of the International Brain Laboratory."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    fail,
    fixate,
    pick,
    real,
    register,
    rewards,
    timeline,
    whole,
)

SHORTEST, LONGEST, SCALE = 20, 100, 60


@register(
    "IBL-v1",
    tags=("perceptual", "two-alternative", "context dependent", "supervised"),
    paper=Paper(
        "Standardized and reproducible measurement of decision-making in mice",
        "https://doi.org/10.7554/eLife.63711",
    ),
    differs=(
        "The protocol of the paper: contrasts, 90 unbiased trials, then blocks of 20 to 100 trials "
        "(NeuroGym 2.3.1: coherences, blocks of 200 trials drawn with replacement, an unfinished "
        "step that pays always)."
    ),
    p_zero=0.5,
    by_paper=(
        "The rig: zero contrast is half as likely as each other; so it is here. In -v0 all "
        "contrasts are as likely."
    ),
)
@register(
    "IBL-v0",
    tags=("perceptual", "two-alternative", "context dependent", "supervised"),
    paper=Paper(
        "Standardized and reproducible measurement of decision-making in mice",
        "https://doi.org/10.7554/eLife.63711",
    ),
    differs=(
        "The protocol of the paper: contrasts, 90 unbiased trials, then blocks of 20 to 100 trials "
        "(NeuroGym 2.3.1: coherences, blocks of 200 trials drawn with replacement, an unfinished "
        "step that pays always)."
    ),
    by_paper=(
        "All contrasts are as likely. On the rig, and in -v1, zero contrast is half as likely "
        "as each other."
    ),
)
class IBL(Task):
    """Say on which side a grating is, faint or not shown at all, by what is seen and expected.

    **Description.** A grating of one of five contrasts is on the left or on the right. In the
    first trials of a session both sides are as likely; then blocks alternate in which one side
    has a probability of `p_biased`. At zero contrast only that helps.

    **Action Space.** 0 waits, 1 says left, 2 right.

    **Observation Space.** ``fixation`` is 1 before the stimulus; ``stimulus`` has a channel for
    the contrast on each side, plus noise.

    **Rewards.** ``correct`` for the right side, ``fail`` for the other, ``miss`` for none;
    ``abort`` for an action during fixation.

    **Starting State.** Fixation, in the unbiased first block.

    **Episode End.** A trial ends with the answer, or with the stimulus period.

    Lengths of blocks are exponential with a scale of 60 trials, between 20 and 100.

    Parameters
    ----------
    contrasts : sequence of float
        Contrasts between 0 and 1, one of which is drawn for every trial.
    p_biased : float
        Probability of the block's side.
    n_unbiased : int
        Trials before the first biased block.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    p_zero : float
        How likely zero contrast is, over how likely each other contrast is.
    """

    contrasts: Sequence[float] = (0.0, 0.0625, 0.125, 0.25, 1.0)
    p_biased: float = 0.8
    n_unbiased: int = 90
    sigma: NoiseLevel = 1.0
    p_zero: float = 1.0

    periods = timeline(fixation=fixate(500), stimulus=decide(1000))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0, miss=0.0)

    def validate(self) -> None:
        contrasts = np.asarray(self.contrasts, dtype=float)
        if contrasts.size == 0 or not ((contrasts >= 0) & (contrasts <= 1)).all():
            raise fail("contrasts", "one or more contrasts between 0 and 1", self.contrasts)
        real("p_zero", self.p_zero, minimum=0)
        whole("n_unbiased", self.n_unbiased, minimum=0)
        if not 0.5 <= real("p_biased", self.p_biased, minimum=0) <= 1:
            raise fail("p_biased", "a probability between 0.5 and 1", self.p_biased)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": 2}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": 2}

    def noise(self) -> Noise:
        return {("stimulus", "stimulus"): self.sigma}

    def session(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        p_left, block = np.empty(n), np.empty(n, dtype=np.int64)
        at = 0
        memory.setdefault("p_left", 0.5)
        memory.setdefault("block", 0)
        memory.setdefault("left", self.n_unbiased)
        while at < n:
            if memory["left"] == 0:
                side = memory["p_left"] < 0.5 if memory["block"] else rng.random() < 0.5
                memory["p_left"] = self.p_biased if side else 1 - self.p_biased
                memory["block"] += 1
                memory["left"] = _length(rng)
            take = min(n - at, memory["left"])
            p_left[at : at + take], block[at : at + take] = memory["p_left"], memory["block"]
            memory["left"] -= take
            at += take
        return {
            "ground_truth": (rng.random(n) >= p_left).astype(np.int64),
            "contrast": self._contrasts(rng, n),
            "probabilityLeft": p_left,
            "block": block,
        }

    def _contrasts(self, rng: Rng, n: int) -> Array:
        if self.p_zero == 1:
            return pick(rng, self.contrasts, n)
        values = np.asarray(self.contrasts, dtype=float)
        weights = np.where(values == 0, self.p_zero, 1.0)
        return rng.choice(values, size=n, p=weights / weights.sum())

    def evidence(self, c: Conditions) -> Array:
        signed: Array = np.where(c["ground_truth"] == 1, 1, -1) * c["contrast"]
        return signed

    def example(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": pick(rng, 2, n), "contrast": self._contrasts(rng, n)}

    def history(self) -> Blocks:
        return Blocks(self.n_unbiased, self.p_biased)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["fixation", "fixation"] = 1
        side = c["ground_truth"][:, None] == np.arange(2)
        levels["stimulus", "stimulus"] = side * c["contrast"][:, None]
        target["stimulus"] = 1 + c["ground_truth"]


def _length(rng: np.random.Generator) -> int:
    """Return the length of a biased block: exponential, redrawn until it fits."""
    while True:
        length = int(rng.exponential(SCALE))
        if SHORTEST <= length <= LONGEST:
            return length


class Blocks:
    """What can be known of the blocks of a session by the sides that were right so far.

    Beliefs are probabilities of the side of the block and of how many trials it has lasted,
    filtered by Bayes' rule; the length of the unbiased first block is known.

    Parameters
    ----------
    n_unbiased : int
        Trials of the first block.
    p_biased : float
        Probability of the block's side.
    """

    condition = "ground_truth"
    values = (0, 1)

    def __init__(self, n_unbiased: int, p_biased: float) -> None:
        self._n_unbiased, self._p = n_unbiased, p_biased
        lengths = np.arange(SHORTEST, LONGEST + 1)
        chance = np.exp(-lengths / SCALE)  # of the whole part of an exponential
        chance /= chance.sum()
        longer = np.cumsum(chance[::-1])[::-1]
        # Probability that a block ends after its k-th trial, given that it has lasted so long.
        self._ends = np.zeros(LONGEST + 1)
        self._ends[SHORTEST:] = chance / longer

    def begin(self, n: int) -> dict[str, Array]:
        """Return the beliefs of `n` sessions before their first trial."""
        belief = {"trial": np.zeros(n, dtype=np.int64), "p": np.zeros((n, 2, LONGEST + 1))}
        belief["p"][:, :, 1] = 0.5
        return belief

    def prior(self, belief: dict[str, Array], sessions: Array) -> Array:
        """Return the probabilities of left and right, ``(n, 2)``."""
        left = belief["p"][sessions, 0].sum(axis=1)
        p_left = self._p * left + (1 - self._p) * (1 - left)
        p_left = np.where(belief["trial"][sessions] < self._n_unbiased, 0.5, p_left)
        return np.stack([p_left, 1 - p_left], axis=1)

    def learn(self, belief: dict[str, Array], sessions: Array, right: Array) -> None:
        """Take in which sides were right."""
        known = belief["trial"][sessions] >= self._n_unbiased
        belief["trial"][sessions] += 1
        at = sessions[known]
        if not at.size:
            return
        p = belief["p"][at]
        side = (right[known] - 1)[:, None] == np.arange(2)
        p *= np.where(side, self._p, 1 - self._p)[:, :, None]
        p /= p.sum(axis=(1, 2), keepdims=True)
        ended = (p * self._ends).sum(axis=2)
        following = np.zeros_like(p)
        following[:, :, 2:] = (p * (1 - self._ends))[:, :, 1:-1]
        following[:, :, 1] = ended[:, ::-1]  # blocks alternate
        belief["p"][at] = following
