"""The two-step task."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.tasks.declare import (
    Answer,
    Array,
    Conditions,
    Levels,
    Names,
    Now,
    Paper,
    Targets,
    Task,
    fixate,
    free,
    register,
    rewards,
    steps,
    timeline,
)

P_COMMON, P_SWITCH, P_HIGH, P_LOW = 0.8, 0.025, 0.9, 0.1


@register(
    "DawTwoStep-v0",
    tags=("two-alternative",),
    paper=Paper(
        "Model-Based Influences on Humans Choices and Striatal Prediction Errors",
        "https://www.sciencedirect.com/science/article/pii/S0896627311001255",
    ),
    differs=(
        "A trial begins with the fixation channel at 1 and the reached state is shown in the step "
        "after the choice, as float32 (NeuroGym 2.3.1 returns what lies outside its own space)."
    ),
    by_paper=(
        "The paper: a second choice is made in the state reached, common transitions have 70 %, "
        "and what pays drifts slowly. NeuroGym, and -v0: no second choice, 80 %, and the two "
        "states change roles at once."
    ),
)
class DawTwoStep(Task):
    """Choose an action by where it leads and by what is to be had there.

    **Description.** Either action leads to its own state in 80 % of trials and to the other state
    in the rest. One state pays in 90 % of trials, the other in 10 %; before each trial the two
    change roles with a probability of 2.5 %. A learner that knows which action leads where (a
    model-based one) takes a reward after a rare transition as a reason to switch.

    **Action Space.** 0 holds still, 1 and 2 choose.

    **Observation Space.** ``fixation`` is 1 in the first step, in which the choice is due;
    ``state`` shows in the second step which state was reached.

    **Rewards.** ``correct`` if the reached state pays, 0 if not; ``abort`` for no choice in the
    first step, which ends the trial, and for any action in the second. The performance is 1 for
    the action that mostly leads to the state that mostly pays.

    **Starting State.** The choice.

    **Episode End.** A trial ends after two steps, or after the first without a choice.

    Daw, Gershman, Seymour, Dayan & Dolan (2011), without the second-stage choices, as in Wang,
    Kurth-Nelson, Kumaran et al. (2018).
    """

    periods = timeline(choice=free(steps(1)), state=fixate(steps(1)))
    answer = Answer(periods=("choice",))
    default_rewards = rewards(abort=-0.1, correct=1.0)
    no_ground_truth = "which state is going to pay is not known before it is reached"

    def channels(self) -> Names:
        return {"fixation": 1, "state": 2}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": 2}

    def session(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        switches = np.cumsum(rng.random(n) < P_SWITCH)
        hi_state = (memory.get("hi_state", 0) + switches) % 2
        memory["hi_state"] = int(hi_state[-1])
        common = rng.random((n, 2)) < P_COMMON
        chance = np.where(np.arange(2) == hi_state[:, None], P_HIGH, P_LOW)
        return {
            "hi_state": hi_state,
            "transition": np.where(common, [0, 1], [1, 0]),
            "pays": rng.random((n, 2)) < chance,
        }

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["choice", "fixation"] = 1

    def on_trial_start(self, now: Now) -> None:
        now.memory["state"] = np.full(len(now), -1)
        now.memory["performance"] = np.zeros(len(now))

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        choosing, acted = now.inside("choice"), action != 0
        trials, chosen = np.arange(len(now)), np.maximum(action - 1, 0)
        state = now.conditions["transition"][trials, chosen]
        paid = self.reward["correct"] * now.conditions["pays"][trials, state]
        reward = np.where(choosing & acted, paid, 0.0)
        reward[choosing != acted] = self.reward["abort"]
        good = choosing & acted & (chosen == now.conditions["hi_state"])
        performance = np.where(choosing, good, now.memory["performance"])
        now.memory["state"] = np.where(choosing & acted, state, now.memory["state"])
        now.memory["performance"] = performance
        return reward, choosing & ~acted, performance

    def observe(self, now: Now, observation: Array) -> Array:
        for state in (0, 1):
            observation[:, 1 + state] = now.inside("state") & (now.memory["state"] == state)
        return observation
