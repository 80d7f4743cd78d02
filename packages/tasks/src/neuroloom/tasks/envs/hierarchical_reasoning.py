"""Infer a hidden rule from success and failure."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.tasks.declare import (
    Answer,
    Array,
    Choice,
    Conditions,
    Levels,
    Names,
    Now,
    Paper,
    StepCounts,
    Targets,
    Task,
    decide,
    fixate,
    free,
    pick,
    register,
    rewards,
    timeline,
)


@register(
    "HierarchicalReasoning-v0",
    tags=("perceptual", "two-alternative", "supervised"),
    paper=Paper(
        "Hierarchical reasoning by neural circuits in the frontal cortex",
        "https://science.sciencemag.org/content/364/6441/eaav8911",
    ),
    differs=(
        "The delay that is shown is the one that is asked about, and it counts as long above the "
        "median of all delays, 850 ms (NeuroGym 2.3.1 draws the two apart, so that what is shown "
        "says nothing, and compares with 610 ms)."
    ),
    by_paper=(
        "The paper: the animal answers by where it looks after the flashes, and rules are found by "
        "failures. NeuroGym, and -v0: the agent also says which rule it takes to hold."
    ),
)
class HierarchicalReasoning(Task):
    """Say under a hidden rule whether the delay between two flashes was long.

    **Description.** First the agent says which of two rules holds. Then two flashes appear on one
    side, a delay apart. Under one rule (1) a long delay asks for the side of the flashes and a
    short one for the other side; under the other (0) it is the reverse. The rule changes every 10
    to 20 trials without a sign, so that a failure is due to the rule or to the eye.

    **Action Space.** 0 fixates; 1 and 2 name a rule; 3 and 4 choose a side.

    **Observation Space.** ``fixation`` is 1 until the decision; both ``rule`` channels are 1 while
    the rule is asked for; ``stimulus`` is 1 on the side of the flashes during each.

    **Rewards.** ``correct`` for the right side, if the rule named last was right too, or else
    ``fail``; ``abort`` for an action in the other periods.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first action in the decision period, or with the period.

    Sarafyazd & Jazayeri (2019).
    """

    periods = timeline(
        fixation=fixate(("truncated_exponential", (600, 400, 800))),
        rule_target=free(1000),
        fixation2=fixate(("truncated_exponential", (600, 400, 900))),
        flash1=fixate(100),
        delay=fixate((530, 610, 690, 770, 850, 930, 1010, 1090, 1170)),
        flash2=fixate(100),
        decision=decide(700),
    )
    answer = Answer(first=3)
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def middle(self) -> float:
        """Return the median of the delays in ms."""
        duration = free((self.timing or {}).get("delay", self.periods["delay"].duration)).duration
        if isinstance(duration, Choice):
            return float(np.median(duration.values))
        return float(np.median(duration.draw(np.random.default_rng(0), 10_001)))

    def channels(self) -> Names:
        return {"fixation": 1, "rule": 2, "stimulus": 2}

    def actions(self) -> Names:
        return {"fixation": 1, "rule": 2, "choice": 2}

    def session(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        rule = np.empty(n, dtype=np.int64)
        at = 0
        while at < n:
            if memory.get("left", 0) == 0:
                memory["rule"] = 1 - memory.get("rule", 0)
                memory["left"] = int(rng.integers(10, 21))
            take = min(n - at, memory["left"])
            rule[at : at + take] = memory["rule"]
            memory["left"] -= take
            at += take
        return {"rule": rule, "side": pick(rng, 2, n), "coin": pick(rng, 2, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        # The middle on the grid of steps; a delay just as long counts as either.
        apart = steps["delay"] - int(self.middle() / self.dt + 1e-9)
        long = np.where(apart == 0, c["coin"] == 1, apart > 0)
        c["interval"] = steps["delay"] * self.dt
        c["long_interval"] = long
        c["pro_choice"] = long == (c["rule"] == 1)

    def evidence(self, c: Conditions) -> Array:
        apart = np.abs(c["interval"] - self.middle()) / 1000
        right = np.where(c["pro_choice"], c["side"], 1 - c["side"])
        signed: Array = np.where(right == 1, 1, -1) * apart
        return signed

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        side = np.eye(2)[c["side"]]
        levels[slice(-1), "fixation"] = 1
        levels["rule_target", "rule"] = 1
        levels[("flash1", "flash2"), "stimulus"] = side
        target["rule_target"] = 1 + c["rule"]
        target["decision"] = 3 + np.where(c["pro_choice"], c["side"], 1 - c["side"])

    def on_trial_start(self, now: Now) -> None:
        now.memory["knows_rule"] = np.zeros(len(now), dtype=bool)

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        naming, deciding = now.inside("rule_target"), now.inside("decision")
        acted, hit = action != 0, action == now.target
        knows = np.where(naming, hit, now.memory["knows_rule"])
        now.memory["knows_rule"] = knows
        answered, aborted = deciding & acted, acted & ~deciding & ~naming
        right = answered & hit & knows
        reward = np.where(answered, np.where(right, self.reward["correct"], self.reward["fail"]), 0)
        reward = np.where(aborted, self.reward["abort"], reward)
        return reward, answered | (aborted & self.abort), right.astype(float)
