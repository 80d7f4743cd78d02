"""Reach to a target that is drowned out by the hand."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import Array, Conditions, Levels, Names, Now, Targets, cosine, register
from neuroloom.tasks.envs.reaching_1d import DIFFERS, Reaching, place


@register(
    "Reaching1DWithSelfDistraction-v0",
    tags=("motor", "steps action space"),
    differs=DIFFERS,
    by_paper="Of no paper: NeuroGym's own; -v0: its rule.",
)
class Reaching1DWithSelfDistraction(Reaching):
    """Move a hand on a circle to the direction of a target that is fainter than the hand.

    **Description.** As Reaching1D, but hand and target are seen through the same channels, and
    the hand is seen more strongly, as an electric fish senses its own discharges.

    **Action Space.** 0 holds still; 1 moves left (to higher angles), 2 right.

    **Observation Space.** ``both`` has 32 channels at the cosine of their distance from the hand
    plus, in the reach period, 0.3 of that from the target.

    **Rewards.** In every step of the reach period ``correct`` less the distance to the target in
    radians, not below ``fail``. The performance is the mean over these steps of where the hand is
    between the farthest (0) and the nearest (1) place that it could have come to since the target
    appeared.

    **Starting State.** The hand at 180 degrees, no target.

    **Episode End.** A trial ends with the reach period.
    """

    def channels(self) -> Names:
        return {"both": 32}

    def hand(self) -> slice:
        return slice(None)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["reach", "both"] = 0.3 * cosine(32, c["ground_truth"])

    def observe(self, now: Now, observation: Array) -> Array:
        shown = 0.3 * now.inside("reach")[:, None] * cosine(32, now.conditions["ground_truth"])
        # Added in single precision, as in a data set.
        seen: Array = shown.astype(np.float32) + cosine(32, place(now.memory["moves"])).astype(
            np.float32
        )
        return seen
