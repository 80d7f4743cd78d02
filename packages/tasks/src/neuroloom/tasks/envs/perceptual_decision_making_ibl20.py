"""Random dots whose directions are not equally likely, in blocks."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroloom.tasks.declare import Array, Conditions, Paper, Rng, fail, pick, register, whole
from neuroloom.tasks.envs.perceptual_decision_making import PerceptualDecisionMaking


@register(
    "perceptualdecisionmaking.ibl20-v1",
    tags=("perceptual", "two-alternative", "supervised"),
    paper=Paper(
        "Standardized and reproducible measurement of decision-making in mice",
        "https://elifesciences.org/articles/63711",
    ),
    go_cue=True,
    by_paper=(
        "The paper: the fixation point goes off as the signal to answer; so it is here. "
        "NeuroGym, and -v0: it goes off with the stimulus on."
    ),
)
@register(
    "perceptualdecisionmaking.ibl20-v0",
    tags=("perceptual", "two-alternative", "supervised"),
    paper=Paper(
        "Standardized and reproducible measurement of decision-making in mice",
        "https://elifesciences.org/articles/63711",
    ),
    by_paper=(
        "NeuroGym's rule: the fixation point goes off when the stimulus comes on. By the paper, "
        "and in -v1, it goes off as the signal to answer."
    ),
)
class PerceptualDecisionMakingBlocks(PerceptualDecisionMaking):
    """Say into which direction a cloud of dots moves; one direction is likelier for a while.

    **Description.** As PerceptualDecisionMaking, in blocks of trials. In every block the
    directions have probabilities of their own, which are not shown.

    **Action Space.** 0 fixates; 1 to `dim_ring` choose a direction.

    **Observation Space.** ``fixation`` is 1 in the fixation period; ``stimulus`` has one channel
    a direction at ``0.5 + coh / 200 * cos(distance)`` plus noise.

    **Rewards.** ``correct`` for the right direction, ``fail`` for another; ``abort`` for an
    action during fixation.

    **Starting State.** Fixation; the first trial of a session is the first of the first block.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    International Brain Laboratory (2021).

    Parameters
    ----------
    probs : sequence of sequence of float
        Probabilities of the directions, one row a kind of block.
    block_lens : sequence of int
        Trials in a block, one a kind. After each block another kind is drawn.
    """

    probs: Sequence[Sequence[float]] = ((0.8, 0.2), (0.2, 0.8))
    block_lens: Sequence[int] = (90, 90)

    def validate(self) -> None:
        probs = np.asarray(self.probs, dtype=float)
        if probs.ndim != 2 or len(probs) < 2 or probs.shape[1] != self.dim_ring:
            raise fail(
                "probs", f"two or more rows of dim_ring {self.dim_ring} probabilities", self.probs
            )
        if not np.isfinite(probs).all() or (probs < 0).any():
            raise fail("probs", "probabilities of at least 0", self.probs)
        if not np.allclose(probs.sum(axis=1), 1, rtol=0, atol=1e-9):
            raise fail("probs", "rows that sum to 1", self.probs)
        if len(self.block_lens) != len(probs):
            raise fail("block_lens", f"{len(probs)} lengths, one a row of probs", self.block_lens)
        for length in self.block_lens:
            whole("block_lens", length, minimum=1)

    def example(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": pick(rng, self.dim_ring, n), "coh": pick(rng, self.cohs, n)}

    def history(self) -> KnownBlocks:
        return KnownBlocks(np.asarray(self.probs, dtype=float), np.asarray(self.block_lens))

    def session(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        block = np.empty(n, dtype=np.int64)
        at = 0
        while at < n:
            if memory.get("left", 0) == 0:
                old = memory.get("block")
                step = 0 if old is None else 1 + int(rng.integers(len(self.probs) - 1))
                memory["block"] = ((old or 0) + step) % len(self.probs)
                memory["left"] = int(self.block_lens[memory["block"]])
            take = min(n - at, memory["left"])
            block[at : at + take] = memory["block"]
            memory["left"] -= take
            at += take
        probs = np.asarray(self.probs, dtype=float)[block]
        below = rng.random(n)[:, None] >= np.cumsum(probs, axis=1)[:, :-1]
        return {
            "ground_truth": below.sum(axis=1),
            "coh": pick(rng, self.cohs, n),
            "block": block,
            "probabilityLeft": probs[:, 0],
        }


class KnownBlocks:
    """What can be known of blocks of known lengths, of which any other kind may come next.

    Beliefs are probabilities of the kind of block and of how many of its trials are over.

    Parameters
    ----------
    probs : array, (n_kinds, n_directions)
        Probabilities of the directions.
    lengths : array of int, (n_kinds,)
        Trials in a block of each kind.
    """

    condition = "ground_truth"

    def __init__(self, probs: Array, lengths: Array) -> None:
        self._probs = probs / probs.sum(axis=1, keepdims=True)
        self._lengths = lengths
        self.values = tuple(range(probs.shape[1]))

    def begin(self, n: int) -> Array:
        """Return the beliefs of `n` sessions, which begin with a block of the first kind."""
        p = np.zeros((n, len(self._lengths), int(self._lengths.max())))
        p[:, 0, 0] = 1
        return p

    def prior(self, belief: Array, sessions: Array) -> Array:
        """Return the probabilities of the directions."""
        prior: Array = belief[sessions].sum(axis=2) @ self._probs
        return prior

    def learn(self, belief: Array, sessions: Array, right: Array) -> None:
        """Take in which directions were right."""
        p = belief[sessions] * self._probs[:, right - 1].T[:, :, None]
        p /= p.sum(axis=(1, 2), keepdims=True)
        kinds = np.arange(len(self._lengths))
        ended = p[:, kinds, self._lengths - 1].copy()
        p[:, kinds, self._lengths - 1] = 0
        following = np.roll(p, 1, axis=2)
        following[:, :, 0] = (ended.sum(axis=1, keepdims=True) - ended) / (len(kinds) - 1)
        belief[sessions] = following
