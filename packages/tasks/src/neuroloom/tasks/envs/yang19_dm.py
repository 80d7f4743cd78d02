"""The decision families of Yang et al. (2019): say which of two directions was stronger."""

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
)

_ABOUT: dict[str, Any] = {
    "tags": ("perceptual", "supervised"),
    "paper": Paper(
        "Task representations in neural networks trained to perform many cognitive tasks",
        "https://doi.org/10.1038/s41593-018-0310-2",
    ),
    "differs": (
        "The fixation cue stays until the decision, as in the go tasks and in the paper "
        "(NeuroGym 2.3.1: it goes off with the stimulus, issue 231)."
    ),
    "by_paper": (
        "The paper: the fixation cue stays until the signal to answer; so it does in -v0. "
        "NeuroGym: it goes off with the stimulus."
    ),
}
_BOTH, _FIRST, _SECOND = (1, 1), (1, 0), (0, 1)


class _Decide(Task):
    """What both families share: two directions, two modalities, a weight for each modality."""

    sigma: NoiseLevel = 1.0
    cohs: Coherences = (0.08, 0.16, 0.32, 0.64)
    dim_ring: RingSize = 16
    w_mod: tuple[int, int] = _BOTH
    stim_mod: tuple[bool, bool] = (True, True)
    abort: bool = False

    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        for name in ("w_mod", "stim_mod"):
            if len(getattr(self, name)) != 2:
                raise fail(name, "one entry for each of two modalities", getattr(self, name))

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus_mod1": self.dim_ring, "stimulus_mod2": self.dim_ring}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        drawn: Conditions = {
            "direction1": pick(rng, self.dim_ring, n),
            "turn": 1 + pick(rng, self.dim_ring - 1, n),
            "coin": pick(rng, 2, n),
        }
        for modality in (1, 2):
            drawn.update(self.strengths(rng, n, modality))
        return drawn

    def strengths(self, rng: Rng, n: int, modality: int) -> Conditions:
        raise NotImplementedError

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        c["direction2"] = (c["direction1"] + c["turn"]) % self.dim_ring
        c["theta1"] = ring(self.dim_ring)[c["direction1"]]
        c["theta2"] = ring(self.dim_ring)[c["direction2"]]
        first, second = (
            sum(
                weight * shown * c[f"coh{which}_mod{modality}"]
                for modality, weight, shown in zip((1, 2), self.w_mod, self.stim_mod, strict=True)
            )
            for which in (1, 2)
        )
        apart = np.round(first - second, 9)
        chosen = np.where(apart == 0, c["coin"] == 0, apart > 0)
        c["ground_truth"] = np.where(chosen, c["direction1"], c["direction2"])

    def noise(self) -> Noise:
        return {
            (period, f"stimulus_mod{modality}"): self.sigma
            for period in self.periods
            if period.startswith("stim")
            for modality in (1, 2)
        }

    @property
    def shown(self) -> list[int]:
        return [modality for modality in (1, 2) if self.stim_mod[modality - 1]]

    def shape(self, c: Conditions, which: int, modality: int) -> Array:
        height = c[f"coh{which}_mod{modality}"][:, None]
        shown: Array = bumps(self.dim_ring)[c[f"direction{which}"]] * height
        return shown


@register(
    "yang19.dm1-v0",
    stim_mod=(True, False),
    timing={"stimulus": ("choice", [200, 400, 600])},
    **_ABOUT,
)
@register("yang19.dm2-v0", stim_mod=(False, True), **_ABOUT)
@register("yang19.ctxdm1-v0", w_mod=_FIRST, **_ABOUT)
@register("yang19.ctxdm2-v0", w_mod=_SECOND, **_ABOUT)
@register("yang19.multidm-v0", **_ABOUT)
class Yang19Decision(_Decide):
    """Say which of two directions shown together is the stronger one.

    **Description.** Two bumps appear together, with strengths ``(1 ± coherence) / 2``, on one
    ring or on both. In the context tasks only one ring counts, in the multisensory task both.

    **Action Space.** 0 fixates; 1 … `dim_ring` choose a direction.

    **Observation Space.** ``fixation`` is 1 until the decision; ``stimulus_mod1`` and
    ``stimulus_mod2`` show the bumps with noise.

    **Rewards.** ``correct`` for the stronger direction, ``fail`` for another; ``abort`` for an
    action during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer, or with the decision period.

    Parameters
    ----------
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    cohs : sequence of float
        Coherences, of either sign.
    dim_ring : int
        Number of directions.
    w_mod : tuple of int
        Weight of each modality in the decision.
    stim_mod : tuple of bool
        Which modalities show a stimulus.
    """

    periods = timeline(fixation=fixate(("uniform", (200, 500))), stimulus=500, decision=decide(200))

    def strengths(self, rng: Rng, n: int, modality: int) -> Conditions:
        coherence = pick(rng, self.cohs, n) * pick(rng, [-1, 1], n)
        return {
            f"coh1_mod{modality}": (1 + coherence) / 2,
            f"coh2_mod{modality}": (1 - coherence) / 2,
        }

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "stimulus"), "fixation"] = 1
        for modality in self.shown:
            both = self.shape(c, 1, modality) + self.shape(c, 2, modality)
            levels["stimulus", f"stimulus_mod{modality}"] = both
        target["decision"] = 1 + c["ground_truth"]


@register("yang19.dlydm1-v0", stim_mod=(True, False), **_ABOUT)
@register("yang19.dlydm2-v0", stim_mod=(False, True), **_ABOUT)
@register("yang19.ctxdlydm1-v0", w_mod=_FIRST, **_ABOUT)
@register("yang19.ctxdlydm2-v0", w_mod=_SECOND, **_ABOUT)
@register("yang19.multidlydm-v0", **_ABOUT)
class Yang19DelayDecision(_Decide):
    """Say which of two directions shown one after the other was the stronger one.

    **Description.** A bump, a delay, and a second bump of another direction and strength, on one
    ring or on both. In the context tasks only one ring counts, in the multisensory task both.

    **Action Space.** 0 fixates; 1 … `dim_ring` choose a direction.

    **Observation Space.** ``fixation`` is 1 until the decision; ``stimulus_mod1`` and
    ``stimulus_mod2`` show the bumps with noise.

    **Rewards.** ``correct`` for the stronger direction, ``fail`` for another; ``abort`` for an
    action during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer, or with the decision period.

    Parameters
    ----------
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    cohs : sequence of float
        Strengths, two different ones of which are drawn for each modality.
    dim_ring : int
        Number of directions.
    w_mod : tuple of int
        Weight of each modality in the decision.
    stim_mod : tuple of bool
        Which modalities show a stimulus.
    """

    cohs: Coherences = (0.3, 0.6, 1.0)

    periods = timeline(
        fixation=fixate(("uniform", (200, 500))),
        stim1=500,
        delay=1000,
        stim2=500,
        decision=decide(200),
    )

    def validate(self) -> None:
        super().validate()
        if len(self.cohs) < 2:
            raise fail("cohs", "at least two strengths to compare", list(self.cohs))

    def strengths(self, rng: Rng, n: int, modality: int) -> Conditions:
        k = len(self.cohs)
        first = pick(rng, k, n)
        second = (first + 1 + pick(rng, k - 1, n)) % k
        values = np.asarray(self.cohs, dtype=float)
        return {f"coh1_mod{modality}": values[first], f"coh2_mod{modality}": values[second]}

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "stim1", "delay", "stim2"), "fixation"] = 1
        for modality in self.shown:
            for which in (1, 2):
                shown = self.shape(c, which, modality)
                levels[f"stim{which}", f"stimulus_mod{modality}"] = shown
        target["decision"] = 1 + c["ground_truth"]
