"""Choose between juices."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Conditions,
    Levels,
    Names,
    Paper,
    Rng,
    StepCounts,
    Targets,
    Task,
    decide,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)

OFFERS = np.array([(0, 1), (1, 3), (1, 2), (1, 1), (2, 1), (3, 1), (4, 1), (6, 1), (2, 0)])
B_TO_A = 1 / 2.2


@register(
    "EconomicDecisionMaking-v0",
    tags=("perceptual", "value-based"),
    paper=Paper(
        "Neurons in the orbitofrontal cortex encode economic value",
        "https://www.nature.com/articles/nature04676",
    ),
    by_paper=(
        "The paper: what juice A is worth is measured from each session's choices. NeuroGym, and "
        "-v0: it is given, 2.2 of B, and the choice of the more valuable offer is the right one."
    ),
)
class EconomicDecisionMaking(Task):
    """Choose between two amounts of two juices, one of which is worth more a drop.

    **Description.** Some drops of juice A are offered on one side, some of juice B on the other. A
    drop of A is worth 2.2 drops of B.

    **Action Space.** 0 fixates; 1 and 2 choose the offer of a side.

    **Observation Space.** ``fixation`` is 1 until the decision; while the offer is on, ``a1`` or
    ``b1`` and ``a2`` or ``b2`` say which juice is on which side, and ``n1`` and ``n2`` are the
    numbers of drops, over 5.

    **Rewards.** The chosen juice: ``correct`` a drop of A, ``correct / 2.2`` a drop of B;
    ``abort`` for an action before the decision. The performance is 1 if the better offer is
    chosen. No choice is wrong, so that there is no ground truth.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    Padoa-Schioppa & Assad (2006).
    """

    periods = timeline(
        fixation=fixate(1500), offer_on=fixate(("uniform", (1000, 2000))), decision=decide(750)
    )
    default_rewards = rewards(abort=-0.1, correct=0.22)
    no_ground_truth = "every choice is paid what it is worth, none is the right one"

    def channels(self) -> Names:
        return {"fixation": 1, "a1": 1, "b1": 1, "a2": 1, "b2": 1, "n1": 1, "n2": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "choice1": 1, "choice2": 1}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"juice": pick(rng, [["a", "b"], ["b", "a"]], n), "offer": pick(rng, OFFERS, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        a_first = c["juice"][:, 0] == "a"
        n_b, n_a = c["offer"].T
        c["n1"], c["n2"] = np.where(a_first, n_a, n_b), np.where(a_first, n_b, n_a)
        worth = np.where(c["juice"] == "a", 1.0, B_TO_A) * self.reward["correct"]
        c["value1"], c["value2"] = c["n1"] * worth[:, 0], c["n2"] * worth[:, 1]

    def evidence(self, c: Conditions) -> Array:
        more: Array = c["value2"] - c["value1"]
        return more

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "offer_on"), "fixation"] = 1
        for side in (0, 1):
            for juice in ("a", "b"):
                levels["offer_on", f"{juice}{side + 1}"] = c["juice"][:, side] == juice
            levels["offer_on", f"n{side + 1}"] = c[f"n{side + 1}"] / 5

    def payoff(self, c: Conditions) -> tuple[Array, Array]:
        nothing = np.zeros_like(c["value1"])
        reward = np.stack([nothing, c["value1"], c["value2"]], axis=1)
        better = np.stack([nothing, c["value1"] > c["value2"], c["value2"] > c["value1"]], axis=1)
        return reward, better.astype(float)
