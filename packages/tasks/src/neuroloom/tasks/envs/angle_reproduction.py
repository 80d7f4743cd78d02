"""Reproduce two remembered angles, one after the other."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
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
    cosine,
    free,
    register,
    rewards,
    timeline,
)
from neuroloom.tasks.envs.reaching_1d import SPEED, nearest, place, turn

RING = 16
HAND = slice(RING, 2 * RING)


def _wanted(now: Now) -> tuple[Array, Array]:
    """Return the angle that is due, and whether one is due."""
    first, second = now.inside("go1"), now.inside("go2")
    c = now.conditions
    return np.where(first, c["ground_truth1"], c["ground_truth2"]), first | second


@register(
    "AngleReproduction-v0",
    tags=("perceptual", "working memory", "delayed response", "steps action space"),
    paper=Paper(
        "Visual perception as retrospective Bayesian decoding from high- to low-level features",
        "https://www.pnas.org/content/114/43/E9115.short",
    ),
    differs=(
        "Unregistered in NeuroGym 2.3.1. The distance to the angle is taken without a sign (there "
        "a negative one is rewarded); the right action is the move towards the angle, not the "
        "angle; the performance is the distance covered as a share of what could be covered."
    ),
    by_paper=(
        "The paper: people see two lines and reproduce their orientations. NeuroGym, unregistered, "
        "and -v0: a hand is turned step by step to two angles, the first one first."
    ),
)
class AngleReproduction(Task):
    """Turn a hand to the first of two angles that were shown, then to the second.

    **Description.** Two angles are shown one after the other, each followed by a delay. At the
    first go cue the hand has to be turned to the first, at the second to the second. The hand
    starts at 180 degrees and moves by 0.05 rad a step, in all periods.

    **Action Space.** 0 holds still; 1 moves left (to higher angles), 2 right.

    **Observation Space.** ``stimulus`` has 16 channels at the cosine of their distance from the
    angle shown; ``self`` as many at that from the hand, always; ``go1`` and ``go2`` are 1
    during each cue.

    **Rewards.** In every step of the go periods ``correct`` less the distance to the angle in
    radians, not below ``fail``. The performance is the mean over these steps of where the hand is
    between the farthest (0) and the nearest (1) place that it could have come to since the cue.

    **Starting State.** The hand at 180 degrees, no angle shown.

    **Episode End.** A trial ends with the second go period.

    Ding, Cueva, Tsodyks & Qian (2017).
    """

    periods = timeline(
        fixation=free(500),
        stim1=free(500),
        delay1=free(500),
        stim2=free(500),
        delay2=free(500),
        go1=free(500),
        go2=free(500),
    )
    default_rewards = rewards(correct=1.0, fail=-0.1)

    def channels(self) -> Names:
        return {"stimulus": RING, "self": RING, "go1": 1, "go2": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "left": 1, "right": 1}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {name: rng.uniform(0, 2 * np.pi, n) for name in ("ground_truth1", "ground_truth2")}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["go1_steps"], c["go2_steps"] = steps["go1"], steps["go2"]

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["stim1", "stimulus"] = cosine(RING, c["ground_truth1"])
        levels["stim2", "stimulus"] = cosine(RING, c["ground_truth2"])
        levels["go1", "go1"] = 1
        levels["go2", "go2"] = 1

    def curve(self, rows: Rows, observation: Array, target: Array) -> None:
        """Show what an agent sees that holds still until a cue, then takes the shortest way."""
        c, trial = rows.conditions, rows.trial
        moved = np.zeros(len(trial), dtype=np.int64)
        at = np.zeros(len(c["ground_truth1"]), dtype=np.int64)
        for go in ("1", "2"):
            way = turn(place(at), c[f"ground_truth{go}"])
            needed, side = nearest(way, np.inf).astype(np.int64), np.where(way > 0, 1, -1)
            inside = rows.inside(f"go{go}")
            done = np.minimum(rows.elapsed, needed[trial])
            moved = np.where(inside, at[trial] + side[trial] * done, moved)
            right = np.where(side > 0, 1, 2)[trial]
            target[:] = np.where(inside, np.where(done < needed[trial], right, 0), target)
            at = at + side * np.minimum(c[f"go{go}_steps"], needed)
        observation[:, HAND] += cosine(RING, place(moved)).astype(np.float32)

    def on_trial_start(self, now: Now) -> None:
        now.memory["moves"] = np.zeros(len(now), dtype=np.int64)
        now.memory["onset"] = np.zeros(len(now), dtype=np.int64)
        now.memory["performance"] = np.zeros(len(now))

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        (angle, going), memory = _wanted(now), now.memory
        onset = np.where(going & (now.elapsed == 0), memory["moves"], memory["onset"])
        moved = memory["moves"] + (action == 1) - (action == 2)
        distance = np.abs(turn(place(moved), angle))
        could, way = now.elapsed + 1, np.abs(turn(place(onset), angle))
        best = np.abs(way - SPEED * nearest(way, could))
        worst = np.minimum(way + SPEED * could, np.pi)
        near = np.clip((worst - distance) / np.maximum(worst - best, 1e-12), 0, 1)
        total = memory["performance"] + np.where(going, near, 0)
        worth = np.maximum(self.reward["correct"] - distance, self.reward["fail"])
        memory["moves"], memory["onset"], memory["performance"] = moved, onset, total
        due = now.conditions["go1_steps"] + now.conditions["go2_steps"]
        share = np.minimum(np.round(total / np.maximum(due, 1), 9), 1.0)
        return np.where(going, worth, 0.0), np.zeros(len(now), dtype=bool), share

    def observe(self, now: Now, observation: Array) -> Array:
        observation[:, HAND] = cosine(RING, place(now.memory["moves"]))
        return observation

    def correct_action(self, now: Now) -> Array:
        angle, going = _wanted(now)
        way = turn(place(now.memory["moves"]), angle)
        move = going & (nearest(way, np.ones(len(now))) > 0)
        return np.where(move, np.where(way > 0, 1, 2), 0)
