"""The go and anti families of Yang et al. (2019): look there, or to the other side."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from typing import Any

import numpy as np

from neuroloom.tasks.declare import (
    Conditions,
    Levels,
    Names,
    Paper,
    RingSize,
    Rng,
    Targets,
    Task,
    bump,
    bumps,
    decide,
    fixate,
    pick,
    register,
    rewards,
    ring,
    timeline,
)

_ABOUT: dict[str, Any] = {
    "tags": ("perceptual", "steps action space"),
    "paper": Paper(
        "Task representations in neural networks trained to perform many cognitive tasks",
        "https://doi.org/10.1038/s41593-018-0310-2",
    ),
    "differs": (
        "The modality is drawn anew for every trial (NeuroGym 2.3.1: it alternates), and both "
        "modalities have names."
    ),
}
_DRAWN = (
    "The paper: the modality of the stimulus is drawn for every trial; so it is in -v0. NeuroGym: "
    "the two take turns."
)


class _Reach(Task):
    """What both families share: one of two modalities shows a bump, the answer is a direction."""

    anti: bool = False
    dim_ring: RingSize = 16
    abort: bool = False

    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus_mod1": self.dim_ring, "stimulus_mod2": self.dim_ring}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": self.dim_ring}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {
            "ground_truth": pick(rng, self.dim_ring, n),
            "anti": np.full(n, self.anti),
            "modality": pick(rng, [1, 2], n),
        }

    def show(self, c: Conditions, levels: Levels, period: str) -> None:
        n = self.dim_ring
        both = np.concatenate([bumps(n), bump(n, ring(n) + np.pi)])
        shape = both[c["ground_truth"] + n * c["anti"].astype(np.int64)]
        for modality in (1, 2):
            seen = (c["modality"] == modality)[:, None]
            levels[period, f"stimulus_mod{modality}"] = shape * seen


@register("yang19.go-v0", by_paper=_DRAWN, **_ABOUT)
@register("yang19.dlygo-v0", timing={"delay": 500}, by_paper=_DRAWN, **_ABOUT)
@register("yang19.anti-v0", anti=True, by_paper=_DRAWN, **_ABOUT)
@register("yang19.dlyanti-v0", anti=True, timing={"delay": 500}, by_paper=_DRAWN, **_ABOUT)
class Yang19Go(_Reach):
    """Look where the stimulus was, or opposite to it, when fixation goes off.

    **Description.** A bump appears on one of two rings; after it, and a delay in the delayed
    tasks, the fixation cue goes off and the agent answers with a direction.

    **Action Space.** 0 fixates; 1 … `dim_ring` look into a direction.

    **Observation Space.** ``fixation`` is 1 until the decision; one of ``stimulus_mod1`` and
    ``stimulus_mod2`` shows a bump of height 0.8 and width 22.5 degrees.

    **Rewards.** ``correct`` for the right direction, ``fail`` for another; ``abort`` for an
    action during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer, or with the decision period.

    Parameters
    ----------
    anti : bool
        Whether the right answer is opposite to the stimulus.
    dim_ring : int
        Number of directions.
    """

    periods = timeline(fixation=fixate(500), stimulus=500, delay=0, decision=decide(500))

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[("fixation", "stimulus", "delay"), "fixation"] = 1
        self.show(c, levels, "stimulus")
        target["decision"] = 1 + c["ground_truth"]


_KEPT = (
    "The authors' code: the fixation input stays on, the stimulus alone is the signal to go; so it "
    "is here. NeuroGym, and -v0: it goes off when the stimulus appears."
)
_OFF = (
    "NeuroGym's rule: the fixation input goes off when the stimulus appears. In the authors' code, "
    "and in -v1, it stays on."
)


@register("yang19.rtgo-v1", keep_fixation=True, by_paper=_KEPT, **_ABOUT)
@register("yang19.rtanti-v1", anti=True, keep_fixation=True, by_paper=_KEPT, **_ABOUT)
@register("yang19.rtgo-v0", by_paper=_OFF, **_ABOUT)
@register("yang19.rtanti-v0", anti=True, by_paper=_OFF, **_ABOUT)
class Yang19ReactGo(_Reach):
    """Look at the stimulus, or opposite to it, as soon as it appears.

    **Description.** A bump appears on one of two rings and is itself the signal to answer.

    **Action Space.** 0 fixates; 1 … `dim_ring` look into a direction.

    **Observation Space.** ``fixation`` is 1 until the stimulus appears (in -v1 throughout); one of
    ``stimulus_mod1`` and ``stimulus_mod2`` then shows a bump of height 0.8.

    **Rewards.** ``correct`` for the right direction, ``fail`` for another; ``abort`` for an
    action during fixation.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer, or with the decision period.

    Parameters
    ----------
    anti : bool
        Whether the right answer is opposite to the stimulus.
    dim_ring : int
        Number of directions.
    keep_fixation : bool
        Whether the fixation input stays on with the stimulus.
    """

    keep_fixation: bool = False

    periods = timeline(fixation=fixate(500), decision=decide(500))

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[slice(None) if self.keep_fixation else "fixation", "fixation"] = 1
        self.show(c, levels, "decision")
        target["decision"] = 1 + c["ground_truth"]
