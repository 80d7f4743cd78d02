"""A game against an opponent that learns."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

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
    real,
    register,
    rewards,
    steps,
    timeline,
    unknown,
)

OPPONENTS = ("mean_action", "random")


@register(
    "MatchingPenny-v0",
    tags=("two-alternative",),
    paper=Paper(
        "Prefrontal cortex and decision making in a mixed-strategy game",
        "https://www.nature.com/articles/nn1209",
    ),
    differs=(
        "The opponent begins without an opinion and draws where it has none, and the observation "
        "before the first trial shows no move (NeuroGym 2.3.1: it expects action 0, and the first "
        "observation is a random move)."
    ),
    by_paper=(
        "The paper: the opponent tests statistically whether the choices and rewards of past "
        "trials foretell the next choice. NeuroGym, and -v0: it follows the mean of the choices."
    ),
)
class MatchingPenny(Task):
    """Choose what the opponent chooses, who tries to foresee it and choose the other.

    **Description.** A trial is a single step. The opponent follows how often the agent took
    each action, with a running mean, and takes the one that the agent is less likely to take; an
    agent is hard to exploit only if it cannot be foreseen.

    **Action Space.** The two targets, 0 and 1.

    **Observation Space.** ``opponent``: one channel for each target, 1 for the one that the
    opponent took in the trial before.

    **Rewards.** ``correct`` if both take the same target, or else ``fail``.

    **Starting State.** No move has been seen, and the opponent has no opinion.

    **Episode End.** A trial ends after one step.

    Barraclough, Conroy & Lee (2004).

    Parameters
    ----------
    opponent_type : {"mean_action", "random"}
        An opponent that learns, or one that flips a coin.
    learning_rate : float
        Weight of the last action in the opponent's running mean.
    """

    opponent_type: str = "mean_action"
    learning_rate: float = 0.2

    periods = timeline(choice=free(steps(1)))
    answer = Answer(periods=("choice",), first=0)
    default_rewards = rewards(correct=1.0, fail=0.0)
    no_ground_truth = "the opponent's move is not known before the choice"

    def validate(self) -> None:
        if self.opponent_type not in OPPONENTS:
            raise unknown("opponent_type", self.opponent_type, list(OPPONENTS))
        if not 0 < real("learning_rate", self.learning_rate, minimum=0) <= 1:
            raise fail("learning_rate", "a number above 0, at most 1", self.learning_rate)

    def channels(self) -> Names:
        return {"opponent": 2}

    def actions(self) -> Names:
        return {"choice": 2}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"coin": rng.integers(2, size=n)}

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        pass

    def on_trial_start(self, now: Now) -> None:
        nothing = np.full(len(now), -1)
        now.memory["seen"] = now.memory.get("move", nothing)
        mean = now.memory.setdefault("mean", np.full(len(now), 0.5))
        move, coin = (mean < 0.5).astype(np.int64), now.conditions["coin"]
        if self.opponent_type == "random":
            move = coin
        now.memory["move"] = np.where(mean == 0.5, coin, move)

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        mean = now.memory["mean"]
        now.memory["mean"] = mean + self.learning_rate * (action - mean)
        same = action == now.memory["move"]
        reward = np.where(same, self.reward["correct"], self.reward["fail"])
        return reward, np.ones(len(now), dtype=bool), same

    def observe(self, now: Now, observation: Array) -> Array:
        for target in (0, 1):
            observation[:, target] = now.memory["seen"] == target
        return observation
