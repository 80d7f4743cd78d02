"""Add up the evidence of shapes."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Conditions,
    Levels,
    Names,
    Paper,
    Period,
    Rng,
    StepCounts,
    Targets,
    Task,
    decide,
    fail,
    fixate,
    register,
    rewards,
    timeline,
    whole,
)

_WEIGHTS = (-10, -0.9, -0.7, -0.5, -0.3, 0.3, 0.5, 0.7, 0.9, 10)


@register(
    "ProbabilisticReasoning-v0",
    tags=("perceptual", "two-alternative", "supervised"),
    paper=Paper(
        "Probabilistic reasoning by neurons", "https://www.nature.com/articles/nature05852"
    ),
    by_paper=(
        "The paper: four shapes of ten with weights from minus to plus infinity. NeuroGym, and "
        "-v0: the same rule by the sum of finite weights."
    ),
)
class ProbabilisticReasoning(Task):
    """Choose the side for which the shapes together speak.

    **Description.** Shapes appear one by one and stay. Each has a weight; the second choice is
    rewarded with probability ``1 / (1 + 10**-sum)`` of the weights, the first one otherwise.

    **Action Space.** 0 fixates; 1 and 2 choose.

    **Observation Space.** ``fixation`` is 1 until the decision; ``loc0`` and so on have one
    channel a shape, which is 1 from the shape's onset to the end of the last stimulus period.

    **Rewards.** ``correct`` for the choice that was drawn, ``fail`` for the other; ``abort`` for
    an action in any period before the decision.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    Yang & Shadlen (2007).

    Parameters
    ----------
    shape_weight : sequence of float
        Weight of every shape, in units of log10 odds.
    n_loc : int
        Number of shapes in a trial, each at a place of its own.
    """

    shape_weight: Sequence[float] | None = _WEIGHTS
    n_loc: int = 4

    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    @property
    def periods(self) -> Mapping[str, Period]:  # type: ignore[override]
        shapes = {f"stimulus{i}": fixate(500) for i in range(self.n_loc)}
        return timeline(
            fixation=fixate(500),
            **shapes,
            delay=fixate(("uniform", (450, 550))),
            decision=decide(500),
        )

    def validate(self) -> None:
        whole("n_loc", self.n_loc, minimum=1)
        if self.shape_weight is None:
            object.__setattr__(self, "shape_weight", _WEIGHTS)
        weights = np.asarray(self.shape_weight, dtype=float)
        if weights.ndim != 1 or not weights.size or not np.isfinite(weights).all():
            raise fail("shape_weight", "one or more finite numbers", repr(self.shape_weight))

    def channels(self) -> Names:
        n_shapes = len(self.shape_weight or ())
        return {"fixation": 1} | {f"loc{i}": n_shapes for i in range(self.n_loc)}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": 2}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        places = np.tile(np.arange(self.n_loc), (n, 1))
        return {
            "locs": rng.permuted(places, axis=1),
            "shapes": rng.integers(len(self.shape_weight or ()), size=(n, self.n_loc)),
            "chance": rng.random(n),
        }

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["log_odd"] = np.asarray(self.shape_weight, dtype=float)[c["shapes"]].sum(axis=1)
        c["ground_truth"] = (c["chance"] < 1 / (1 + 10.0 ** -c["log_odd"])).astype(int)

    def evidence(self, c: Conditions) -> Array:
        return c["log_odd"]

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        n_shapes = len(self.shape_weight or ())
        levels[slice(-1), "fixation"] = 1
        trials = np.arange(len(c["locs"]))
        for i in range(self.n_loc):
            channel = 1 + c["locs"][:, i] * n_shapes + c["shapes"][:, i]
            for later in range(i, self.n_loc):
                levels.array[trials, 1 + later, channel] = 1
        target["decision"] = 1 + c["ground_truth"]
