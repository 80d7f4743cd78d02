"""What people see of large and small moving patterns."""

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
    free,
    pick,
    register,
    rewards,
    timeline,
)

# Probability that people report the direction shown, and the opposite one, after so many frames
# of 8.3 ms (from 0), with straight lines between: Tadin et al. (2003), the values as in NeuroGym.
FRAME = 8.3
FRAMES = np.array([0, 6, 7, 8, 9, 12, 14, 17, 20, 27, 35])
SEEN = {
    "large": [0.249, 0.249, 0.249, 0.249, 0.249, 0.27, 0.32, 0.4583, 0.65, 0.85, 0.99],
    "small": [0.249, 0.249, 0.25, 0.26, 0.2583, 0.325, 0.45, 0.575, 0.875, 0.933, 0.99],
}
OPPOSITE = {
    "large": [0.249, 0.249, 0.249, 0.29, 0.31, 0.4, 0.475, 0.4167, 0.3083, 0.075, 0.04],
    "small": [0.249, 0.249, 0.25, 0.26, 0.2583, 0.267, 0.1417, 0.1167, 0.058, 0.016, 0.003],
}
DIRECTIONS = np.array([-np.pi / 2, np.pi / 2, 0, np.pi])
ANTI = np.array([1, 0, 3, 2])
CONTRASTS = (0.05, 0.99)


@register(
    "SpatialSuppressMotion-v0",
    tags=("perceptual", "plaid", "motion", "center-surround"),
    paper=Paper(
        "Perceptual consequences of centre-surround antagonism in visual motion processing",
        "https://www.nature.com/articles/nature01800",
    ),
    differs=(
        "A trial has as many steps as its stimulus (NeuroGym 2.3.1 paints 36 and steps 35); the "
        "probabilities follow time and not the number of the step, lie between 0 and 1 and add up "
        "to 1 (there -0.015 to 0.99); the fit is paid in the last step (there never)."
    ),
    by_paper=(
        "The paper: people say in which direction a grating moved, at several durations. NeuroGym, "
        "and -v0: the agent gives the probabilities with which they say so."
    ),
)
class SpatialSuppressMotion(Task):
    """Report how likely each direction is to be seen, as people would.

    **Description.** A pattern moves in one of four directions: a small faint one, or a large one
    of high contrast, whose motion is harder to see because surround inhibits centre. The agent
    gives in every step the probability with which people report each direction after a
    presentation of that length.

    **Action Space.** Four numbers from 0 to 1: left, right, up, down.

    **Observation Space.** ``direction1`` to ``direction4`` have eight channels each, one a size:
    ``contrast * (1 + cos(distance)) / 2`` in those that are not larger than the pattern.

    **Rewards.** ``correct`` times the performance in the last step. The performance is 1 less the
    mean distance over the steps, half the sum of the absolute differences, and not below 0.

    **Starting State.** The first frame of the pattern.

    **Episode End.** A trial ends with the stimulus.

    Tadin, Lappin, Gilroy & Blake (2003).
    """

    dt: float = 8.3

    periods = timeline(stimulus=free(300))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def channels(self) -> Names:
        return {f"direction{i}": 8 for i in (1, 2, 3, 4)}

    def actions(self) -> Box:
        return Box(0, 1, shape=(4,), name={"direction": [0, 1, 2, 3]}, dtype=np.float32)

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"direction": 1 + pick(rng, 4, n), "contrast": pick(rng, CONTRASTS, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["diameter"] = np.where(c["contrast"] > 0.5, 8, 1)
        c["n_steps"] = steps["stimulus"]

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        apart = DIRECTIONS - DIRECTIONS[c["direction"] - 1][:, None]
        drive = (1 + np.cos(apart)) * c["contrast"][:, None] / 2
        reached = np.arange(8) < c["diameter"][:, None]
        for i in range(4):
            levels["stimulus", f"direction{i + 1}"] = drive[:, i, None] * reached

    def curve(self, rows: Rows, observation: Array, target: Array) -> None:
        frame = np.arange(rows.elapsed.max(initial=0) + 1) * self.dt / FRAME
        reports = np.stack([_reports(frame, size) for size in ("small", "large")])
        large = (rows.conditions["contrast"] > 0.5).astype(int)
        kind = np.stack([large, rows.conditions["direction"] - 1])[:, rows.trial]
        target[:] = reports[kind[0], kind[1], rows.elapsed]

    def on_trial_start(self, now: Now) -> None:
        now.memory["distance"] = np.zeros(len(now))

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        apart = np.abs(action.astype(float) - now.target).sum(axis=1) / 2
        total = now.memory["distance"] + apart
        now.memory["distance"] = total
        performance = np.maximum(1 - total / now.conditions["n_steps"], 0)
        reward = np.where(now.last, self.reward["correct"] * performance, 0.0)
        return reward, np.zeros(len(now), dtype=bool), performance


def _reports(frame: Array, size: str) -> Array:
    """Return how often each direction is reported, (direction shown, frame, direction)."""
    seen, opposite = np.interp(frame, FRAMES, SEEN[size]), np.interp(frame, FRAMES, OPPOSITE[size])
    across = np.maximum(1 - seen - opposite, 0) / 2
    share = np.tile(across[:, None], (4, 1, 4))
    for shown in range(4):
        share[shown, :, shown], share[shown, :, ANTI[shown]] = seen, opposite
    reports: Array = share / share.sum(axis=-1, keepdims=True)
    return reports
