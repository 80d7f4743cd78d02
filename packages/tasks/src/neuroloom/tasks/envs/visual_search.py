"""One among many."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroloom.tasks.declare import (
    Conditions,
    Levels,
    Names,
    Noise,
    NoiseLevel,
    Paper,
    RingSize,
    Rng,
    StepCounts,
    Targets,
    Task,
    decide,
    fail,
    fixate,
    pay,
    pick,
    register,
    timeline,
)


@register(
    "VisualSearch-v0",
    tags=("perceptual", "n-alternative", "supervised"),
    paper=Paper(
        "A feature-integration theory of attention",
        "https://doi.org/10.1016/0010-0285(80)90005-5",
    ),
    differs="Items have a colour and an orientation as channels (NeuroGym draws pictures of them).",
)
class VisualSearch(Task):
    """Look at the one item that has both of the target's features.

    **Description.** Items stand on a ring. The target has colour 1 and orientation 1; half of
    the others share its colour only, half its orientation only (a conjunction search), or all
    of them its orientation only (``conjunction=False``, a search for one feature).

    **Action Space.** 0 fixates; 1 … `dim_ring` look at a place on the ring.

    **Observation Space.** ``fixation`` is 1 until the decision; ``color`` and ``orientation``
    have a channel for each place: 1, -1, or 0 where there is no item, plus noise.

    **Rewards.** ``correct`` for looking at the target, ``fail`` elsewhere; ``abort`` for an
    action during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first look, or with the decision period.

    Treisman & Gelade (1980).

    Parameters
    ----------
    dim_ring : int
        Number of places.
    set_sizes : sequence of int
        Numbers of items, one of which is drawn for every trial.
    conjunction : bool
        Whether the target has no feature of its own.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    dim_ring: RingSize = 16
    set_sizes: Sequence[int] = (2, 4, 8, 16)
    conjunction: bool = True
    sigma: NoiseLevel = 1.0

    periods = timeline(fixation=fixate(500), stimulus=1000, decision=decide(500))
    pays = pay(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        sizes = np.asarray(self.set_sizes)
        fits = sizes.size and sizes.dtype.kind in "iu" and (sizes >= 1).all()
        if not fits or (sizes > self.dim_ring).any():
            raise fail("set_sizes", f"whole numbers from 1 to dim_ring {self.dim_ring}", sizes)

    def channels(self) -> Names:
        return {"fixation": 1, "color": self.dim_ring, "orientation": self.dim_ring}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring}

    def noise(self) -> Noise:
        return {("stimulus", "color"): self.sigma, ("stimulus", "orientation"): self.sigma}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {
            "ground_truth": pick(rng, self.dim_ring, n),
            "set_size": pick(rng, self.set_sizes, n),
            "order": rng.random((n, self.dim_ring)),
        }

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        target = c["ground_truth"][:, None] == np.arange(self.dim_ring)
        rank = np.where(target, -1.0, c["order"]).argsort(axis=1).argsort(axis=1)
        item = rank < c["set_size"][:, None]
        shares_color = (rank % 2 == 1) & self.conjunction
        c["color"] = item * np.where(target | shares_color, 1, -1)
        c["orientation"] = item * np.where(target | ~shares_color, 1, -1)

    def paint(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "stimulus"), "fixation"] = 1
        levels["stimulus", "color"] = c["color"]
        levels["stimulus", "orientation"] = c["orientation"]
        target["decision"] = 1 + c["ground_truth"]
