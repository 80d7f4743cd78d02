"""One among many."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from types import SimpleNamespace
from typing import Any

import numpy as np

from neuroloom.tasks.declare import (
    Array,
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
    pick,
    register,
    rewards,
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
    by_paper=(
        "The paper: people say whether the target is there. NeuroGym, and -v0: it always is, and "
        "the answer is its place."
    ),
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
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

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

    def search(self, sigma: Array) -> Search:
        return Search(self, np.asarray(sigma[1, 1:], dtype=float))

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "stimulus"), "fixation"] = 1
        levels["stimulus", "color"] = c["color"]
        levels["stimulus", "orientation"] = c["orientation"]
        target["decision"] = 1 + c["ground_truth"]


class Search:
    """The posterior of where the target is, by counting all ways to fill the other places.

    Given the number of items, so many of the others share the target's colour, so many its
    orientation, and the places of each are as likely as any: a sum of products, one factor a
    place, which a recursion over the places adds up (as for elementary symmetric polynomials).

    Parameters
    ----------
    task : VisualSearch
        The task.
    sigma : array, (2 * dim_ring,)
        S.d. of the noise of colours and orientations in a step.
    """

    def __init__(self, task: VisualSearch, sigma: Array) -> None:
        self._task = task
        self._precision = 1 / np.maximum(sigma, 1e-3) ** 2

    def kinds(self, plan: Any) -> Any:
        """Return when to answer, in the first step of the decision, and what answers are worth."""
        k, pays = self._task.dim_ring, self._task.reward
        right, wrong = pays.get("correct", 0.0), pays.get("fail", 0.0)
        stakes = np.full((k, 1 + k), float(wrong))
        stakes[np.arange(k), 1 + np.arange(k)] = right
        stakes[:, 0] = pays.get("miss", 0.0)
        return SimpleNamespace(answer=plan.part["decision"], waits=0, stakes=stakes)

    def expected(self, total: Array, steps: Array) -> Array:
        """Return the expected reward of every action.

        Parameters
        ----------
        total : array, (n, n_periods, n_channels)
            Sums of what was shown.
        steps : array, (n, n_periods)
            Of how many steps.
        """
        k, pays = self._task.dim_ring, self._task.reward
        shown, n_steps = total[:, 1, 1:], steps[:, 1, None]

        def fits(colour: float, orientation: float) -> Array:
            level = np.repeat([colour, orientation], k)
            fit = (shown * level - n_steps * level**2 / 2) * self._precision
            return np.asarray(fit[:, :k] + fit[:, k:])

        target, by_colour, by_orientation = fits(1, 1), fits(1, -1), fits(-1, 1)
        # Ratios to an empty place, scaled place by place, so that nothing overflows.
        top = np.maximum(np.maximum(by_colour, by_orientation), 0)
        empty, first, second = np.exp(-top), np.exp(by_colour - top), np.exp(by_orientation - top)
        log_p = np.stack(
            [
                self._others(place, empty, first, second) + target[:, place] - top[:, place]
                for place in range(k)
            ],
            axis=1,
        )
        log_p -= log_p.max(axis=1, keepdims=True)
        posterior = np.exp(log_p)
        posterior /= posterior.sum(axis=1, keepdims=True)
        right, wrong = pays.get("correct", 0.0), pays.get("fail", 0.0)
        worth = wrong + (right - wrong) * posterior
        nothing = np.full((len(worth), 1), float(pays.get("miss", 0.0)))
        return np.concatenate([nothing, worth], axis=1)

    def _others(self, place: int, empty: Array, first: Array, second: Array) -> Array:
        """Return the log of the sum over all that the other places can hold."""
        k = self._task.dim_ring
        most = max(self._task.set_sizes)
        ways = np.zeros((len(empty), most + 1, most + 1))
        ways[:, 0, 0] = 1
        log_scale = np.zeros(len(empty))
        for other in range(k):
            if other == place:
                continue
            here = (one[:, other, None, None] for one in (empty, first, second))
            none, colour, orientation = here
            following = ways * none
            following[:, 1:] += ways[:, :-1] * colour
            following[:, :, 1:] += ways[:, :, :-1] * orientation
            scale = following.max(axis=(1, 2), keepdims=True)
            ways = following / scale
            log_scale += np.log(scale[:, 0, 0])
        total = np.zeros(len(empty))
        for size in self._task.set_sizes:
            ranks = np.arange(1, size)
            n_colour = int((ranks % 2 == 1).sum()) if self._task.conjunction else 0
            n_orientation = size - 1 - n_colour
            arrangements = comb(k - 1, n_colour) * comb(k - 1 - n_colour, n_orientation)
            total += ways[:, n_colour, n_orientation] / arrangements
        return log_scale + np.log(np.maximum(total, 1e-300))
