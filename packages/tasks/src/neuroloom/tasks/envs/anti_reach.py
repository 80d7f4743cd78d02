"""Reach to a target, or away from it."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Conditions,
    Levels,
    Names,
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
    "AntiReach-v0",
    tags=("perceptual", "steps action space"),
    paper=Paper(
        "Look away: the anti-saccade task and the voluntary control of eye movement",
        "https://www.nature.com/articles/nrn1345",
    ),
    by_paper=(
        "The paper: a cue at the fixation point says in every trial whether to look at the "
        "stimulus or away from it. NeuroGym, and -v0: no cue, `anti` holds for all trials."
    ),
)
class AntiReach(Task):
    """Choose the direction opposite to the one shown.

    **Description.** A direction on a ring is shown while the agent fixates. When the fixation
    point goes off, it has to choose the opposite direction, or with ``anti=False`` the same.

    **Action Space.** 0 fixates; 1 to `dim_ring` choose a direction.

    **Observation Space.** ``fixation`` is 1 until the decision; ``stimulus`` has `dim_ring`
    channels at the cosine of their distance from the direction shown.

    **Rewards.** ``correct`` for the right direction, ``fail`` for another; ``abort`` for an
    action during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    Munoz & Everling (2004).

    Parameters
    ----------
    anti : bool
        Whether the opposite direction is the right one.
    dim_ring : int
        Number of directions.
    """

    anti: bool = True
    dim_ring: RingSize = 32

    periods = timeline(fixation=fixate(500), stimulus=500, delay=0, decision=decide(500))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": self.dim_ring}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring}

    def _shown(self) -> Array:
        return (ring(self.dim_ring) + np.pi * bool(self.anti)) % (2 * np.pi)

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": pick(rng, self.dim_ring, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["anti"] = np.full(len(c["ground_truth"]), bool(self.anti))
        c["stim_theta"] = self._shown()[c["ground_truth"]]

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "stimulus", "delay"), "fixation"] = 1
        levels["stimulus", "stimulus"] = cosine(self.dim_ring, self._shown())[c["ground_truth"]]
        target["decision"] = 1 + c["ground_truth"]
