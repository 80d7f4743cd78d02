"""The matching family of Yang et al. (2019): go to the test if it matches, or if it does not."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from typing import Any

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
    bumps,
    decide,
    fail,
    fixate,
    pick,
    register,
    rewards,
    ring,
    timeline,
    unknown,
)

_ABOUT: dict[str, Any] = {
    "tags": ("perceptual", "working memory", "two-alternative", "supervised"),
    "paper": Paper(
        "Task representations in neural networks trained to perform many cognitive tasks",
        "https://doi.org/10.1038/s41593-018-0310-2",
    ),
    "differs": (
        "Withholding the answer where none is due is correct and paid (NeuroGym 2.3.1: performance "
        "0, so that a perfect agent has 0.495). Half of the ring is one category, half the other "
        "(there 6.3 % of the trials by category are labelled wrong). The fixation cue stays until "
        "the decision (there it goes off with the sample, issue 231), and the modality is drawn "
        "anew for every trial (there it alternates)."
    ),
}


_APART = (
    "The authors' code: sample and test have a modality each, and a test that does not match lies "
    "anywhere from 20 to 340 degrees off; so it is here. NeuroGym, and -v0: one modality, opposite."
)
_SAME = (
    "NeuroGym's rule: sample and test have one modality, and a test that does not match is "
    "opposite to the sample. In the authors' code, and in -v1, each has its own; it lies anywhere."
)
_V1: dict[str, Any] = {"apart": True, "by_paper": _APART, **_ABOUT}
_V0: dict[str, Any] = {"by_paper": _SAME, **_ABOUT}


@register("yang19.dms-v1", **_V1)
@register("yang19.dnms-v1", matchgo=False, **_V1)
@register("yang19.dmc-v1", matchto="category", **_V1)
@register("yang19.dnmc-v1", matchto="category", matchgo=False, **_V1)
@register("yang19.dms-v0", **_V0)
@register("yang19.dnms-v0", matchgo=False, **_V0)
@register("yang19.dmc-v0", matchto="category", **_V0)
@register("yang19.dnmc-v0", matchto="category", matchgo=False, **_V0)
class Yang19Match(Task):
    """Look at the test if it matches the sample (or if it does not), and stay put otherwise.

    **Description.** A sample and, after a delay, a test appear on one of two rings. A match has
    the sample's direction (`matchto` ``"sample"``; else it is opposite) or lies on the same half
    of the ring (``"category"``).

    **Action Space.** 0 fixates; 1 … `dim_ring` look into a direction.

    **Observation Space.** ``fixation`` is 1 until the decision; one of ``stimulus_mod1`` and
    ``stimulus_mod2`` shows a bump with noise during sample and test.

    **Rewards.** ``correct`` for looking at the test where that is due, ``withhold`` for not
    answering where that is; ``fail`` for another answer; ``abort`` for an action during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer, or with the decision period.

    Parameters
    ----------
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    dim_ring : int
        Number of directions, even.
    matchto : {"sample", "category"}
        What has to match.
    matchgo : bool
        Whether a match, or its absence, is the signal to go.
    apart : bool
        Whether sample and test have a modality each, and a test that does not match the sample
        lies anywhere else and not just opposite.
    """

    sigma: NoiseLevel = 1.0
    dim_ring: RingSize = 16
    matchto: str = "sample"
    matchgo: bool = True
    apart: bool = False
    abort: bool = False

    periods = timeline(fixation=fixate(300), sample=500, delay=1000, test=500, decision=decide(900))
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0, withhold=1.0)

    def validate(self) -> None:
        if self.matchto not in ("sample", "category"):
            raise unknown("matchto", self.matchto, ["sample", "category"])
        if self.dim_ring % 2:
            raise fail("dim_ring", "an even number of directions", self.dim_ring)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus_mod1": self.dim_ring, "stimulus_mod2": self.dim_ring}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring}

    def noise(self) -> Noise:
        return {
            (period, f"stimulus_mod{modality}"): self.sigma
            for period in ("sample", "test")
            for modality in (1, 2)
        }

    def conditions(self, rng: Rng, n: int) -> Conditions:
        drawn = {
            "ground_truth": pick(rng, [1, 2], n),
            "modality": pick(rng, [1, 2], n),
            "sample_direction": pick(rng, self.dim_ring, n),
            "within": pick(rng, self.dim_ring // 2, n),
        }
        if self.apart:
            drawn["test_modality"] = pick(rng, [1, 2], n)
            drawn["turn"] = 1 + pick(rng, self.dim_ring - 1, n)
        return drawn

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        half, match = self.dim_ring // 2, c["ground_truth"] == 1
        sample = c["sample_direction"]
        if self.matchto == "category":
            category = np.where(match, sample // half, 1 - sample // half)
            test = c["within"] + category * half
        else:
            turn = c["turn"] if self.apart else half
            test = np.where(match, sample, (sample + turn) % self.dim_ring)
        c["test_direction"] = test
        c["sample_theta"] = ring(self.dim_ring)[sample]
        c["test_theta"] = ring(self.dim_ring)[test]

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "sample", "delay", "test"), "fixation"] = 1
        for modality in (1, 2):
            for period in ("sample", "test"):
                which = "test_modality" if self.apart and period == "test" else "modality"
                seen = (c[which] == modality)[:, None]
                shape = bumps(self.dim_ring)[c[f"{period}_direction"]]
                levels[period, f"stimulus_mod{modality}"] = shape * seen
        go = (c["ground_truth"] == 1) == self.matchgo
        target["decision"] = np.where(go, 1 + c["test_direction"], 0)
