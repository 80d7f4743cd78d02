"""Reach to a target, step by step."""

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
    RingSize,
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

SPEED = 0.05
START = np.pi


def turn(state: Array | float, angle: Array) -> Array:
    """Return the shortest way from `state` to `angle` in radians, left (up) positive."""
    way: Array = (angle - state + np.pi) % (2 * np.pi) - np.pi
    return way


def place(moves: Array | int) -> Array:
    """Return where a hand is after so many moves to the left (negative: to the right).

    Counted and not added up, so that it is the same number however the hand came there.
    """
    return np.asarray(START + SPEED * np.asarray(moves))


def nearest(way: Array, moves: Array | float) -> Array:
    """Return the number of moves, of at most `moves`, that come nearest to the end of `way`."""
    needed: Array = np.minimum(np.rint(np.abs(way) / SPEED), moves)
    return needed


class Reaching(Task):
    """Move a hand on a circle to the direction of a target."""

    periods = timeline(fixation=free(500), reach=free(500))
    default_rewards = rewards(correct=1.0, fail=-0.1)

    def actions(self) -> Names:
        return {"fixation": 1, "left": 1, "right": 1}

    def hand(self) -> slice:
        """Return the channels that show the hand."""
        raise NotImplementedError

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": rng.uniform(0, 2 * np.pi, n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["reach_steps"] = steps["reach"]

    def curve(self, rows: Rows, observation: Array, target: Array) -> None:
        """Show what an agent sees that holds still, then takes the shortest way."""
        first, last = rows.trial[0], rows.trial[-1]
        trial, reaching = rows.trial - first, rows.inside("reach")
        way = turn(START, rows.conditions["ground_truth"][first : last + 1])
        needed = nearest(way, np.inf).astype(np.int64)[trial]
        sign, action = np.where(way > 0, 1, -1), np.where(way > 0, 1, 2)
        moved = np.minimum(rows.elapsed, needed) * reaching
        most = int(moved.max(initial=0))
        # Of all channels, as numpy is slow with parts of rows.
        places = np.zeros((2 * most + 1, observation.shape[1]), dtype=np.float32)
        hand = places[:, self.hand()]
        hand[:] = cosine(hand.shape[1], place(np.arange(-most, most + 1)))
        observation += places.take(most + moved * sign[trial], axis=0)
        np.multiply(action[trial], reaching & (moved < needed), out=target)

    def on_trial_start(self, now: Now) -> None:
        now.memory["moves"] = np.zeros(len(now), dtype=np.int64)
        now.memory["onset"] = np.zeros(len(now), dtype=np.int64)
        now.memory["performance"] = np.zeros(len(now))

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        angle, reaching, memory = now.conditions["ground_truth"], now.inside("reach"), now.memory
        onset = np.where(reaching & (now.elapsed == 0), memory["moves"], memory["onset"])
        moved = memory["moves"] + (action == 1) - (action == 2)
        distance = np.abs(turn(place(moved), angle))
        could, way = now.elapsed + 1, np.abs(turn(place(onset), angle))
        best = np.abs(way - SPEED * nearest(way, could))
        worst = np.minimum(way + SPEED * could, np.pi)
        near = np.clip((worst - distance) / np.maximum(worst - best, 1e-12), 0, 1)
        total = memory["performance"] + np.where(reaching, near, 0)
        worth = np.maximum(self.reward["correct"] - distance, self.reward["fail"])
        memory["moves"], memory["onset"], memory["performance"] = moved, onset, total
        ends = np.zeros(len(now), dtype=bool)
        share = total / np.maximum(now.conditions["reach_steps"], 1)
        return np.where(reaching, worth, 0.0), ends, np.minimum(np.round(share, 9), 1.0)

    def correct_action(self, now: Now) -> Array:
        way = turn(place(now.memory["moves"]), now.conditions["ground_truth"])
        move = now.inside("reach") & (nearest(way, np.ones(len(now))) > 0)
        return np.where(move, np.where(way > 0, 1, 2), 0)


DIFFERS = (
    "The target angle is a float (NeuroGym 2.3.1 truncates it to whole radians); the right action "
    "is the move towards it; the performance is the distance covered as a share of what could be "
    "covered, so that following the right action gives 1 (there 0.20)."
)


@register(
    "Reaching1D-v0",
    tags=("motor", "steps action space"),
    paper=Paper(
        "Neuronal population coding of movement direction",
        "https://science.sciencemag.org/content/233/4771/1416",
    ),
    differs=DIFFERS,
    by_paper=(
        "The paper: an arm reaches from a centre to targets in space. NeuroGym, and -v0: a hand on "
        "a circle is moved step by step."
    ),
)
class Reaching1D(Reaching):
    """Move a hand on a circle to the direction of a target.

    **Description.** The hand starts at 180 degrees and moves by 0.05 rad a step. The target is
    shown as long as the hand should reach for it.

    **Action Space.** 0 holds still; 1 moves left (to higher angles), 2 right.

    **Observation Space.** ``target`` has `dim_ring` channels at the cosine of their distance from
    the target, in the reach period; ``self`` as many at that from the hand, always.

    **Rewards.** In every step of the reach period ``correct`` less the distance to the target in
    radians, not below ``fail``. The performance is the mean over these steps of where the hand is
    between the farthest (0) and the nearest (1) place that it could have come to since the target
    appeared.

    **Starting State.** The hand at 180 degrees, no target.

    **Episode End.** A trial ends with the reach period.

    Georgopoulos, Schwartz & Kettner (1986).

    Parameters
    ----------
    dim_ring : int
        Number of channels for the target and for the hand.
    """

    dim_ring: RingSize = 16

    def channels(self) -> Names:
        n = self.dim_ring
        return {"self": list(range(n, 2 * n)), "target": list(range(n))}

    def hand(self) -> slice:
        return slice(self.dim_ring, None)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["reach", "target"] = cosine(self.dim_ring, c["ground_truth"])

    def observe(self, now: Now, observation: Array) -> Array:
        observation[:, self.hand()] = cosine(self.dim_ring, place(now.memory["moves"]))
        return observation
