"""Which arm pays."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroloom.tasks.declare import (
    Answer,
    Array,
    Conditions,
    Levels,
    Names,
    Now,
    Paper,
    Rng,
    Targets,
    Task,
    fail,
    free,
    register,
    rewards,
    steps,
    timeline,
    whole,
)


@register(
    "Bandit-v0",
    tags=("n-alternative",),
    paper=Paper(
        "Prefrontal cortex as a meta-reinforcement learning system",
        "https://www.nature.com/articles/s41593-018-0147-8",
    ),
    differs="An arm of the highest probability has a performance of 1 (NeuroGym 2.3.1: always 0).",
    by_paper=(
        "The paper: the arms' probabilities are drawn anew for every episode, to be learned within "
        "it. NeuroGym, and -v0: they are a parameter and stay."
    ),
)
class Bandit(Task):
    """Pull the arm that pays most often.

    **Description.** A trial is a single step, in which one of `n` arms is pulled. Each pays with
    a probability of its own, which is not shown.

    **Action Space.** The arms, from 0.

    **Observation Space.** One channel, ``nothing``, always 0.

    **Rewards.** ``correct`` with the probability of the arm pulled, or else 0. The performance is
    1 for an arm of the highest probability.

    **Starting State.** As every other state.

    **Episode End.** A trial ends after one step.

    Wang, Kurth-Nelson, Kumaran et al. (2018).

    Parameters
    ----------
    n : int
        Number of arms.
    p : sequence of float
        Probability of each arm.
    """

    n: int = 2
    p: Sequence[float] = (0.5, 0.5)

    periods = timeline(choice=free(steps(1)))
    answer = Answer(periods=("choice",), first=0)
    default_rewards = rewards(correct=1.0)
    no_ground_truth = "which arm is going to pay is not known before it is pulled"

    def validate(self) -> None:
        whole("n", self.n, minimum=1)
        p = np.asarray(self.p, dtype=float)
        if p.shape != (self.n,) or not ((p >= 0) & (p <= 1)).all():
            raise fail("p", f"{self.n} probabilities between 0 and 1, one an arm", repr(self.p))

    def channels(self) -> Names:
        return {"nothing": 1}

    def actions(self) -> Names:
        return {"arm": list(range(self.n))}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        p = np.tile(np.asarray(self.p, dtype=float), (n, 1))
        return {"p": p, "pays": rng.random(p.shape) < p}

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        pass

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        which = np.arange(len(now)), action
        p = now.conditions["p"]
        reward = self.reward["correct"] * now.conditions["pays"][which]
        return reward, np.ones(len(now), dtype=bool), p[which] == p.max(axis=1)
