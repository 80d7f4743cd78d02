"""Remember a place and point to it."""

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
    Rng,
    StepCounts,
    Targets,
    Task,
    decide,
    fail,
    fixate,
    real,
    register,
    rewards,
    timeline,
)


@register(
    "ReachingDelayResponse-v0",
    tags=(
        "perceptual",
        "delayed response",
        "continuous action space",
        "multidimensional action space",
        "supervised",
    ),
    differs=(
        "The action space goes from -1 to 1 unless the bounds ask for more (NeuroGym 2.3.1: the "
        "second number to 2), so that it is symmetric."
    ),
    by_paper="Of no paper: NeuroGym's own; -v0: its rule.",
)
class ReachingDelayResponse(Task):
    """Point to where the stimulus was, when told to go.

    **Description.** A number is shown, followed by a delay of 0, 1 or 2 s. At the go signal the
    agent has to respond with the same number.

    **Action Space.** Two numbers from -1 to 1 (or as far as the bounds go): the first responds if
    it is above 0, the second is where to.

    **Observation Space.** ``go`` is 1 in the decision period; ``stimulus`` is the number to be
    remembered while it is shown, and -0.5 afterwards.

    **Rewards.** ``correct / (1 + distance)**2`` for a response, of which the performance is the
    share of ``correct``; ``miss`` for none; ``abort`` for a first number that is not below 0
    while the stimulus is shown.

    **Starting State.** The stimulus.

    **Episode End.** A trial ends with the first response in the decision period, or with the
    period.

    Parameters
    ----------
    lowbound, highbound : float
        Range of the numbers to be remembered, at least -1.
    """

    lowbound: float = 0.0
    highbound: float = 1.0

    periods = timeline(stimulus=fixate(500), delay=(0, 1000, 2000), decision=decide(500))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0, miss=-0.5)

    def validate(self) -> None:
        low, high = real("lowbound", self.lowbound), real("highbound", self.highbound)
        if not -1 <= low <= high:
            raise fail("lowbound, highbound", "-1 <= lowbound <= highbound", (low, high))

    def channels(self) -> Names:
        return {"go": 1, "stimulus": 1}

    def actions(self) -> Box:
        return Box(
            np.array([-1, -1], dtype=np.float32),
            np.array([1, max(1.0, self.highbound)], dtype=np.float32),
            name={"go": 0, "place": 1},
            dtype=np.float32,
        )

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": rng.uniform(self.lowbound, self.highbound, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["delay"] = steps["delay"] * self.dt

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["stimulus", "stimulus"] = c["ground_truth"]
        levels[("delay", "decision"), "stimulus"] = -0.5
        levels["decision", "go"] = 1
        target[("stimulus", "delay")] = np.array([-1, -0.5])
        target["decision"] = np.stack([np.ones_like(c["ground_truth"]), c["ground_truth"]], axis=1)

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        pays = self.reward
        early = now.inside("stimulus") & ~(action[:, 0] < 0)
        answered = now.inside("decision") & (action[:, 0] > 0)
        share = 1 / (1 + np.abs(action[:, 1] - now.target[:, 1]).astype(float)) ** 2
        reward = np.where(answered, pays["correct"] * share, 0.0)
        reward[early] = pays["abort"]
        stopped = early & self.abort
        reward[now.last & ~answered & ~stopped] += pays["miss"]
        return reward, answered | stopped, np.where(answered, share, 0.0)
