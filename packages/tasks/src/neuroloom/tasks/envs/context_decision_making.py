"""Decide on one modality and ignore the other."""

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
    RingSize,
    Rng,
    Targets,
    Task,
    cosines,
    decide,
    fail,
    fixate,
    pick,
    register,
    rewards,
    ring,
    timeline,
)


@register(
    "ContextDecisionMaking-v1",
    tags=("perceptual", "context dependent", "two-alternative", "supervised"),
    paper=Paper(
        "Context-dependent computation by recurrent dynamics in prefrontal cortex",
        "https://www.nature.com/articles/nature12742",
    ),
    go_cue=True,
    by_paper=(
        "The paper: the fixation point goes off as the signal to answer; so it is here. "
        "NeuroGym, and -v0: it goes off with the stimulus on."
    ),
)
@register(
    "ContextDecisionMaking-v0",
    tags=("perceptual", "context dependent", "two-alternative", "supervised"),
    paper=Paper(
        "Context-dependent computation by recurrent dynamics in prefrontal cortex",
        "https://www.nature.com/articles/nature12742",
    ),
    by_paper=(
        "NeuroGym's rule: the fixation point goes off when the stimulus comes on. By the paper, "
        "and in -v1, it goes off as the signal to answer."
    ),
)
class ContextDecisionMaking(Task):
    """Say which direction one of two modalities shows, whatever the other does.

    **Description.** Two modalities each show a direction of their own at the same time. The
    context says which of them counts: it is shown, or always the same and to be found out.

    **Action Space.** 0 fixates; 1 to `dim_ring` choose a direction.

    **Observation Space.** ``fixation`` is 1 in the fixation period; ``stim1_mod1`` and so on have
    one channel a direction and modality at ``0.5 + coh / 200 * cos(distance)`` plus noise;
    with a shown context, ``context1`` or ``context2`` is 1 throughout.

    **Rewards.** ``correct`` for the right direction, 0 for another; ``abort`` for an action
    during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first choice in the decision period, or with the period.

    Mante, Sussillo, Shenoy & Newsome (2013).

    Parameters
    ----------
    use_expl_context : bool
        Whether the context is shown, and drawn for every trial.
    impl_context_modality : int
        The modality that counts (0 or 1) if the context is not shown.
    dim_ring : int
        Number of directions.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    go_cue : bool
        Whether the fixation point stays on until the decision, so that its going off says when to
        answer.
    """

    use_expl_context: bool = False
    impl_context_modality: int = 0
    dim_ring: RingSize = 2
    sigma: NoiseLevel = 1.0
    go_cue: bool = False

    periods = timeline(
        fixation=fixate(300),
        stimulus=750,
        delay=("truncated_exponential", (600, 300, 3000)),
        decision=decide(100),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def validate(self) -> None:
        if self.impl_context_modality not in (0, 1):
            raise fail("impl_context_modality", "0 or 1", repr(self.impl_context_modality))

    @property
    def cohs(self) -> list[int]:
        """Coherences in percent."""
        return [5, 15, 50]

    @property
    def contexts(self) -> list[int]:
        """The modalities that can count."""
        return [0, 1] if self.use_expl_context else [self.impl_context_modality]

    @property
    def theta(self) -> Array:
        """The directions in radians."""
        return ring(self.dim_ring)

    def channels(self) -> Names:
        names = {"fixation": 1}
        for modality in (1, 2):
            names |= {f"stim{i + 1}_mod{modality}": 1 for i in range(self.dim_ring)}
        return names | ({"context1": 1, "context2": 1} if self.use_expl_context else {})

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring}

    def noise(self) -> Noise:
        return {("stimulus", name): self.sigma for name in self.channels() if "_mod" in name}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {
            "ground_truth": 1 + pick(rng, self.dim_ring, n),
            "other_choice": 1 + pick(rng, self.dim_ring, n),
            "context": pick(rng, self.contexts, n),
            "coh_1": pick(rng, self.cohs, n),
            "coh_2": pick(rng, self.cohs, n),
        }

    def evidence(self, c: Conditions) -> Array | None:
        if self.dim_ring != 2:
            return None
        coh = np.where(c["context"] == 0, c["coh_1"], c["coh_2"])
        signed: Array = np.where(c["ground_truth"] == 2, 1, -1) * coh / 100
        return signed

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        until = slice(-1) if self.go_cue else "fixation"
        levels[until, "fixation"] = 1
        for modality in (0, 1):
            counts = c["context"] == modality
            shown = np.where(counts, c["ground_truth"], c["other_choice"]) - 1
            coh = c[f"coh_{modality + 1}"]
            direction = cosines(self.dim_ring)[shown] * coh[:, None] / 200
            for i in range(self.dim_ring):
                levels["stimulus", f"stim{i + 1}_mod{modality + 1}"] = 0.5 + direction[:, i]
            if self.use_expl_context:
                levels[slice(None), f"context{modality + 1}"] = counts
        target["decision"] = c["ground_truth"]
