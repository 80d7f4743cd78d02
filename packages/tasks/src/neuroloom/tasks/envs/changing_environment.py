"""Decisions under rules that change without notice."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.tasks.declare import (
    Array,
    Coherences,
    Conditions,
    Levels,
    Names,
    Noise,
    NoiseLevel,
    Paper,
    Rng,
    Targets,
    Task,
    decide,
    fail,
    fixate,
    pick,
    real,
    register,
    rewards,
    timeline,
)


@register(
    "ChangingEnvironment-v0",
    tags=("perceptual", "two-alternative", "supervised", "context dependent"),
    paper=Paper(
        "Hierarchical decision processes that operate over distinct timescales underlie choice "
        "and changes in strategy",
        "https://www.pnas.org/content/113/31/E4531",
    ),
    differs=(
        "With `cxt_cue` the cue has a channel of its own in every period (NeuroGym 2.3.1 "
        "overwrites it in fixation, and one of the stimulus channels in the stimulus)."
    ),
    by_paper=(
        "The paper: the environment changes after a number of trials, without a sign. NeuroGym, "
        "and -v0: it changes before each trial with the probability `cxt_ch_prob`."
    ),
)
class ChangingEnvironment(Task):
    """Say in which direction dots move, with the pair of targets that counts at present.

    **Description.** Dots move to one of two sides. Each side has a target in each of two
    environments, only one of which pays. The environment changes with a small probability
    before each trial, and an agent that errs has to weigh whether the dots or the environment
    misled it.

    **Action Space.** 0 fixates; 1 and 2 are the sides in the first environment, 3 and 4 in the
    second.

    **Observation Space.** ``fixation`` is 1 in the fixation period; ``stimulus`` has two channels
    at ``(1 ± coh / 100) / 2`` plus noise; with `cxt_cue`, ``context`` is -1 or 1.

    **Rewards.** ``correct`` for the right side in the environment in force, ``fail`` for any
    other; ``abort`` for an action during fixation.

    **Starting State.** Fixation, in either environment.

    **Episode End.** A trial ends with the first answer, or with the decision period.

    Purcell & Kiani (2016).

    Parameters
    ----------
    cohs : sequence of float
        Coherences in percent.
    stim_scale : float
        Factor of the coherences.
    cxt_ch_prob : float
        Probability that the environment changes before a trial.
    cxt_cue : bool
        Whether the environment is shown.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    cohs: Coherences = (0, 6.4, 12.8, 25.6, 51.2)
    stim_scale: float = 1.0
    cxt_ch_prob: float = 0.001
    cxt_cue: bool = False
    sigma: NoiseLevel = 1.0

    periods = timeline(
        fixation=fixate(500),
        stimulus=("truncated_exponential", (1000, 500, 1500)),
        decision=decide(500),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        real("stim_scale", self.stim_scale, minimum=0)
        if not 0 <= real("cxt_ch_prob", self.cxt_ch_prob, minimum=0) <= 1:
            raise fail("cxt_ch_prob", "a probability", self.cxt_ch_prob)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": 2, **({"context": 1} if self.cxt_cue else {})}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": 4}

    def noise(self) -> Noise:
        return {("stimulus", "stimulus"): self.sigma}

    def session(self, rng: np.random.Generator, n: int, memory: dict[str, Any]) -> Conditions:
        if "context" not in memory:
            memory["context"] = int(rng.integers(2))
        changes = np.cumsum(rng.random(n) < self.cxt_ch_prob)
        context = (memory["context"] + changes) % 2
        memory["context"] = int(context[-1])
        return {
            "side": pick(rng, [1, 2], n),
            "coh": pick(rng, self.cohs, n) * self.stim_scale,
            "context": context,
        }

    def example(self, rng: Rng, n: int) -> Conditions:
        cohs = np.asarray(self.cohs, dtype=float) * self.stim_scale
        return {"side": pick(rng, [1, 2], n), "coh": pick(rng, cohs, n), "context": pick(rng, 2, n)}

    def history(self) -> Told:
        return Told(self.cxt_ch_prob)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["fixation", "fixation"] = 1
        if self.cxt_cue:
            levels[("fixation", "stimulus", "decision"), "context"] = 2 * c["context"] - 1
        sign = np.where(c["side"][:, None] == [1, 2], 1, -1)
        levels["stimulus", "stimulus"] = (1 + sign * c["coh"][:, None] / 100) / 2
        target["decision"] = c["side"] + 2 * c["context"]


class Told:
    """What is known of the environment by who is told after every trial which one it was.

    Nobody who only sees whether an answer was right knows more, so that this is a bound.

    Parameters
    ----------
    change : float
        Probability that the environment changes before a trial.
    """

    condition = "context"
    values = (0, 1)

    def __init__(self, change: float) -> None:
        self._change = change

    def begin(self, n: int) -> Array:
        """Return the beliefs of `n` sessions before their first trial."""
        return np.full((n, 2), 0.5)

    def prior(self, belief: Array, sessions: Array) -> Array:
        """Return the probabilities of the environments."""
        prior: Array = belief[sessions]
        return prior

    def learn(self, belief: Array, sessions: Array, right: Array) -> None:
        """Take in which environments were in force."""
        was = ((right - 1) // 2)[:, None] == np.arange(2)
        belief[sessions] = np.where(was, 1 - self._change, self._change)
