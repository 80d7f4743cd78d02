"""Which side pulsed more often."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


@register(
    "PulseDecisionMaking-v0",
    tags=("perceptual", "two-alternative", "supervised"),
    paper=Paper(
        "Sources of noise during accumulation of evidence in unrestrained and voluntarily "
        "head-restrained rats",
        "https://elifesciences.org/articles/11308",
    ),
    differs=(
        "A dt that is longer than a pulse raises an error (NeuroGym 2.3.1 shows no pulse then)."
    ),
    by_paper=(
        "The paper: rats turn to the side of more flashes. NeuroGym, and -v0: the same rule, with "
        "bins at fixed times."
    ),
)
class PulseDecisionMaking(Task):
    """Say which of two channels gave more pulses.

    **Description.** In each of `n_bin` bins either channel may give a pulse of 10 ms, one of them
    with the higher probability. If both gave as many, the right answer is a coin flip.

    **Action Space.** 0 fixates; 1 and 2 choose a channel.

    **Observation Space.** ``fixation`` is 1 until the decision; ``stimulus`` is 1 during a pulse.

    **Rewards.** ``correct`` for the right channel, ``fail`` for the other; ``abort`` for an
    action in any period before the decision.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    Scott, Constantinople, Erlich, Tank & Brody (2015).

    Parameters
    ----------
    p_pulse : pair of float
        Probability of a pulse in a bin on the one side and on the other.
    n_bin : int
        Number of bins.
    """

    dt: float = 10.0
    p_pulse: Sequence[float] = (0.3, 0.7)
    n_bin: int = 6

    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    @property
    def periods(self) -> Mapping[str, Period]:  # type: ignore[override]
        bins: dict[str, Any] = {}
        for i in range(self.n_bin):
            bins |= {f"cue{i}": fixate(10), f"bin{i}": fixate(240)}
        return timeline(fixation=fixate(500), **bins, decision=decide(500))

    def validate(self) -> None:
        whole("n_bin", self.n_bin, minimum=1)
        p = np.asarray(self.p_pulse, dtype=float)
        if p.shape != (2,) or not ((p >= 0) & (p <= 1)).all():
            raise fail("p_pulse", "two probabilities between 0 and 1", repr(self.p_pulse))

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": 2}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": 2}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        p = np.asarray(self.p_pulse, dtype=float)
        p = np.where(rng.random(n)[:, None] < 0.5, p, p[::-1])
        pulses = rng.random((n, 2, self.n_bin)) < p[:, :, None]
        return {
            "pulse1": pulses[:, 0].astype(float),
            "pulse2": pulses[:, 1].astype(float),
            "coin": rng.integers(2, size=n),
        }

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        more = c["pulse2"].sum(axis=1) - c["pulse1"].sum(axis=1)
        c["ground_truth"] = np.where(more == 0, c["coin"], more > 0).astype(int)

    def evidence(self, c: Conditions) -> Array:
        more: Array = (c["pulse2"] - c["pulse1"]).sum(axis=1) / self.n_bin
        return more

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[slice(-1), "fixation"] = 1
        for i in range(self.n_bin):
            shown = np.stack([c["pulse1"][:, i], c["pulse2"][:, i]], axis=1)
            levels[f"cue{i}", "stimulus"] = shown
        target["decision"] = 1 + c["ground_truth"]
