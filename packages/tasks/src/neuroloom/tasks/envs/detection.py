"""Whether something appeared."""

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
    StepCounts,
    Targets,
    Task,
    computed,
    decide,
    fixate,
    pay,
    pick,
    real,
    register,
    timeline,
)


@register(
    "Detection-v0",
    tags=("perceptual", "reaction time", "go-no-go", "supervised"),
    paper=Paper(
        "Neuronal correlates of subjective sensory experience",
        "https://www.nature.com/articles/nn1588",
    ),
    differs=(
        "Withholding the answer where nothing appeared is the right action of such trials and is "
        "correct (NeuroGym 2.3.1: they have no right action); a step to answer in is always left."
    ),
)
class Detection(Task):
    """Go as soon as a stimulus appears, and hold still if none does.

    **Description.** After fixation comes a window of random length. In half of the trials a
    stimulus of `stim_dur` appears in it, at any time.

    **Action Space.** 0 holds still, 1 goes.

    **Observation Space.** ``fixation`` is 1 before the window; ``stimulus`` is 0.5 while the
    stimulus is there, plus noise in the whole window.

    **Rewards.** ``correct`` for going after the stimulus began; ``fail`` for going before, or
    without a stimulus; ``miss`` for not going where it was due; ``abort`` for an action during
    fixation. Holding still without a stimulus is right, and not paid.

    **Starting State.** Fixation.

    **Episode End.** A trial ends when the agent goes, or with the window.

    de Lafuente & Romo (2005).

    Parameters
    ----------
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    delay : float, optional
        Time in ms from the beginning of the window to the stimulus; drawn if not given.
    stim_dur : float
        Duration of the stimulus in ms.
    """

    sigma: NoiseLevel = 1.0
    delay: float | None = None
    stim_dur: float = 100.0

    periods = timeline(
        fixation=fixate(500),
        before=decide(computed),
        onset=decide(computed),
        stimulus=decide(("truncated_exponential", (1000, 500, 1500))),
    )
    pays = pay(abort=-0.1, correct=1.0, fail=-1.0, miss=-1.0)

    def validate(self) -> None:
        real("stim_dur", self.stim_dur, minimum=self.dt)
        if self.delay is not None:
            real("delay", self.delay, minimum=0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "go": 1}

    def noise(self) -> Noise:
        return {(name, "stimulus"): self.sigma for name in ("before", "onset", "stimulus")}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": pick(rng, 2, n), "when": rng.random(n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        shown, there = int(self.stim_dur // self.dt), c["ground_truth"] == 1
        room = np.maximum(steps["stimulus"] - shown - 1, 0)
        if self.delay is None:
            before = (c["when"] * (room + 1)).astype(np.int64)
        else:
            before = np.minimum(int(self.delay // self.dt), room)
        onset = np.minimum(shown, steps["stimulus"] - before)
        steps["before"] = np.where(there, before, 0)
        steps["onset"] = np.where(there, onset, 0)
        steps["stimulus"] = steps["stimulus"] - steps["before"] - steps["onset"]

    def evidence(self, c: Conditions) -> Array:
        return np.where(c["ground_truth"] == 1, 1.0, -1.0)

    def paint(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["fixation", "fixation"] = 1
        levels["onset", "stimulus"] = 0.5
        for name in ("onset", "stimulus"):
            target[name] = c["ground_truth"]
