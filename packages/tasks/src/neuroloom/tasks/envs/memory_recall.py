"""Recall of patterns from parts of them."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Box,
    Conditions,
    Levels,
    Names,
    Now,
    Paper,
    Rng,
    Rows,
    StepCounts,
    Targets,
    Task,
    computed,
    fail,
    free,
    real,
    register,
    rewards,
    timeline,
    whole,
)


@register(
    "MemoryRecall-v0",
    tags=("working memory", "supervised"),
    paper=Paper(
        "Neural networks and physical systems with emergent collective computational abilities",
        "https://doi.org/10.1073/pnas.79.8.2554",
    ),
    differs=(
        "The reward falls with the error of the recalled pattern and performance is the share of "
        "elements on the right side (NeuroGym 2.3.1 pays the error itself); sequences are long "
        "enough for one pattern to be recalled."
    ),
    by_paper=(
        "The paper is about a network that recalls patterns, and has no trials. NeuroGym's task, "
        "and -v0: patterns are stored, and a part of one asks for the whole."
    ),
)
class MemoryRecall(Task):
    """Complete patterns that were to be stored, in the order in which they come up again.

    **Description.** Random patterns of -1 and 1 pass by, one a step; a signal marks those to be
    stored. Then each of these comes up again with some elements left out, and the agent gives
    the whole pattern.

    **Action Space.** A vector of `stim_dim` numbers from -1 to 1, the recalled pattern.

    **Observation Space.** ``stimulus``: the pattern; ``store``: 1 where it is to be stored.

    **Rewards.** In every step of recall ``correct`` less the mean distance from the pattern, not
    below ``fail``. The performance is the share of recalled elements with the right sign.

    **Starting State.** The first pattern.

    **Episode End.** A trial ends after the last recall.

    Hopfield (1982).

    Parameters
    ----------
    stim_dim : int
        Elements of a pattern.
    t_min, t_max : int
        Shortest and longest trial in steps.
    p_recall : float
        Share of the steps in which patterns are recalled, at most a half.
    chance : float
        Share of elements that guessing the rest gets right: a share of ``2 (1 - chance)`` is
        left out.
    """

    dt: float = 1.0
    stim_dim: int = 10
    t_min: int = 15
    t_max: int = 25
    p_recall: float = 0.1
    chance: float = 0.7

    periods = timeline(show=free(computed), recall=free(computed))
    default_rewards = rewards(correct=1.0, fail=0.0)

    def validate(self) -> None:
        whole("stim_dim", self.stim_dim, minimum=1)
        whole("t_max", self.t_max, minimum=whole("t_min", self.t_min, minimum=2))
        if not 0 < real("p_recall", self.p_recall, minimum=0) <= 0.5:
            raise fail("p_recall", "a share above 0, at most 0.5", self.p_recall)
        if not 0.5 <= real("chance", self.chance, minimum=0) <= 1:
            raise fail("chance", "a share between 0.5 and 1", self.chance)

    def channels(self) -> Names:
        return {"stimulus": self.stim_dim, "store": 1}

    def actions(self) -> Box:
        return Box(-1.0, 1.0, shape=(self.stim_dim,), dtype=np.float32)

    def conditions(self, rng: Rng, n: int) -> Conditions:
        shape = (n, self.t_max, self.stim_dim)
        return {
            "n_steps": rng.integers(self.t_min, self.t_max + 1, size=n),
            "patterns": (2 * rng.integers(2, size=shape) - 1).astype(np.float32),
            "known": rng.random(shape) >= 2 * (1 - self.chance),
            "order": rng.random((n, self.t_max)),
        }

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        recall = np.maximum((self.p_recall * c["n_steps"]).astype(np.int64), 1)
        steps["recall"], steps["show"] = recall, c["n_steps"] - recall
        inside = np.arange(self.t_max) < steps["show"][:, None]
        rank = np.where(inside, c["order"], 2.0).argsort(axis=1)
        # Which pattern is recalled at each step, in the order in which they were shown.
        place = np.where(np.arange(self.t_max) < recall[:, None], rank, self.t_max)
        c["which"] = np.sort(place, axis=1)
        c["n_recall"] = recall

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        pass

    def curve(self, rows: Rows, observation: Array, target: Array) -> None:
        c, trial, at = rows.conditions, rows.trial, rows.elapsed
        showing = rows.inside("show")
        recalled = np.minimum(c["which"][trial, at], self.t_max - 1)
        pattern = c["patterns"][trial, np.where(showing, at, recalled)]
        known = c["known"][trial, recalled] | showing[:, None]
        observation[:, : self.stim_dim] = np.where(known, pattern, 0.0)
        stored = (c["which"][trial] == at[:, None]).any(axis=1)
        observation[:, self.stim_dim] = showing & stored
        target[:] = np.where(showing[:, None], 0.0, pattern)

    def on_trial_start(self, now: Now) -> None:
        now.memory["performance"] = np.zeros(len(now))

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        recalling = now.inside("recall")
        error = np.abs(action - now.target).mean(axis=1)
        worth = np.maximum(self.reward["correct"] - error, self.reward["fail"])
        right = (np.sign(action) == np.sign(now.target)).mean(axis=1)
        share = now.memory["performance"] + recalling * right / now.conditions["n_recall"]
        now.memory["performance"] = share
        ends = np.zeros(len(now), dtype=bool)
        return np.where(recalling, worth, 0.0), ends, np.round(share, 9)
