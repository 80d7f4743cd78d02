"""Delayed match to sample with distractors."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Conditions,
    Levels,
    Names,
    Noise,
    NoiseLevel,
    Paper,
    Rng,
    Rows,
    StepCounts,
    Targets,
    Task,
    cosine,
    decide,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)

_TESTS = ("test1", "test2", "test3")
_N = 32


@register(
    "DelayMatchSampleDistractor1D-v0",
    tags=("perceptual", "working memory", "two-alternative", "supervised"),
    paper=Paper(
        "Neural Mechanisms of Visual Working Memory in Prefrontal Cortex of the Macaque",
        "https://www.jneurosci.org/content/jneuro/16/16/5154.full.pdf",
    ),
    differs="sigma is applied, and 0 unless asked for (in NeuroGym 2.3.1 it is 1 without effect).",
    by_paper=(
        "The paper: pictures of objects. NeuroGym, and -v0: directions on a ring; the rule, to act "
        "on the match alone, is the same."
    ),
)
class DelayMatchSampleDistractor1D(Task):
    """Act when the sample comes back among other stimuli.

    **Description.** A direction is shown, then up to three tests with delays between them. One
    test is the sample again, the others are random directions; the agent has to act on the match
    and to ignore the rest.

    **Action Space.** 0 fixates; 1 says match.

    **Observation Space.** ``fixation`` is 1 in the fixation period; ``stimulus`` has 32 channels
    at the cosine of their distance from the direction shown.

    **Rewards.** ``correct`` for acting in the match's period, ``fail`` for acting in any other
    after the sample; ``abort`` for an action during fixation and sample.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first action after the sample, or with the third test.

    Miller, Erickson & Desimone (1996).

    Parameters
    ----------
    sigma : float
        Noise of a stimulus channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    sigma: NoiseLevel = 0.0

    periods = timeline(
        fixation=fixate(300),
        sample=fixate(500),
        delay1=decide(1000),
        test1=decide(500),
        delay2=decide(1000),
        test2=decide(500),
        delay3=decide(1000),
        test3=decide(500),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=-1.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": _N}

    def actions(self) -> Names:
        return {"fixation": 1, "match": 1}

    def noise(self) -> Noise:
        return {(period, "stimulus"): self.sigma for period in ("sample", *_TESTS)}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        drawn: Conditions = {"ground_truth": pick(rng, [1, 2, 3], n)}
        for name in ("sample", *_TESTS):
            drawn[name] = rng.uniform(0, 2 * np.pi, n)
        return drawn

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        for number, name in enumerate(_TESTS, start=1):
            c[name] = np.where(c["ground_truth"] == number, c["sample"], c[name])

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["fixation", "fixation"] = 1
        for name in ("sample", *_TESTS):
            levels[name, "stimulus"] = cosine(_N, c[name])
        for number, name in enumerate(_TESTS, start=1):
            target[name] = c["ground_truth"] == number

    def grade(self, rows: Rows) -> tuple[Array, Array]:
        right = rows.of("ground_truth")
        match = np.zeros(len(rows), dtype=bool)
        for number, name in enumerate(_TESTS, start=1):
            match |= rows.inside(name) & (right == number)
        reward = np.where(match, self.reward["correct"], self.reward["fail"])
        return reward, match.astype(float)
