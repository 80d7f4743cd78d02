"""Keep two samples in mind."""

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
    Now,
    Paper,
    Rng,
    StepCounts,
    Targets,
    Task,
    decide,
    fixate,
    pick,
    register,
    rewards,
    timeline,
)


@register(
    "DualDelayMatchSample-v1",
    tags=("perceptual", "working memory", "two-alternative", "supervised"),
    paper=Paper(
        "Reactivation of latent working memories with transcranial magnetic stimulation",
        "https://science.sciencemag.org/content/354/6316/1136",
    ),
    differs=(
        "Each test is paid once, so that a perfect trial earns 2, and the performance is the share "
        "of tests that were right (NeuroGym 2.3.1 pays every step of the first test: 6 a trial)."
    ),
    clean_cues=True,
    by_paper=(
        "Noise is on what the subject judges; NeuroGym, and -v0, put it on the fixation point "
        "and cues too (neurogym#235)."
    ),
)
@register(
    "DualDelayMatchSample-v0",
    tags=("perceptual", "working memory", "two-alternative", "supervised"),
    paper=Paper(
        "Reactivation of latent working memories with transcranial magnetic stimulation",
        "https://science.sciencemag.org/content/354/6316/1136",
    ),
    differs=(
        "Each test is paid once, so that a perfect trial earns 2, and the performance is the share "
        "of tests that were right (NeuroGym 2.3.1 pays every step of the first test: 6 a trial)."
    ),
    by_paper=(
        "NeuroGym's rule: noise on the fixation point and cues too. In -v1 it is on what the "
        "subject judges (neurogym#235)."
    ),
)
class DualDelayMatchSample(Task):
    """Say of two samples, as they are cued one after the other, whether the test is the same.

    **Description.** Two samples are shown together. A cue says which of them is tested first;
    after the first test a second cue asks for the other one.

    **Action Space.** 0 fixates; 1 says match, 2 non-match.

    **Observation Space.** ``fixation`` is 1 throughout; ``stimulus1`` and ``stimulus2`` show
    cosine and sine of an angle of 0 or 90 degrees while sample or test is on; ``cue1`` and
    ``cue2`` are 1 in the cue period before the test of that sample. All channels have noise
    during sample and tests.

    **Rewards.** ``correct`` or ``fail`` for the first answer in each test, at most
    ``2 * correct`` a trial; ``abort`` for an action in any other period. The performance is the
    share of the two tests that were answered right.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first answer in the second test, or with that period.

    Rose, LaRocque, Riggall, Gosseries, Starrett, Meyering & Postle (2016).

    Parameters
    ----------
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    clean_cues : bool
        Whether only the stimulus channels have noise, and not the fixation point or the cues.
    """

    sigma: NoiseLevel = 1.0
    clean_cues: bool = False

    periods = timeline(
        fixation=fixate(500),
        sample=fixate(500),
        delay1=fixate(500),
        cue1=fixate(500),
        test1=decide(500),
        delay2=fixate(500),
        cue2=fixate(500),
        test2=decide(500),
    )
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=0.0)

    def channels(self) -> Names:
        return {"fixation": 1, "stimulus1": 2, "stimulus2": 2, "cue1": 1, "cue2": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "match": 1, "non-match": 1}

    def noise(self) -> Noise:
        where = ("stimulus1", "stimulus2") if self.clean_cues else ("*",)
        periods = ("sample", "test1", "test2")
        return {(period, name): self.sigma for period in periods for name in where}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {
            "ground_truth1": pick(rng, [1, 2], n),
            "ground_truth2": pick(rng, [1, 2], n),
            "sample1": pick(rng, [0, 0.5], n),
            "sample2": pick(rng, [0, 0.5], n),
            "test_order": pick(rng, 2, n),
        }

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        for k in ("1", "2"):
            same = c[f"ground_truth{k}"] == 1
            c[f"test{k}"] = np.where(same, c[f"sample{k}"], 0.5 - c[f"sample{k}"])

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels[slice(None), "fixation"] = 1
        for k, first in (("1", c["test_order"] == 0), ("2", c["test_order"] == 1)):
            levels["sample", f"stimulus{k}"] = _shown(c[f"sample{k}"])
            for period, here in (("1", first), ("2", ~first)):
                levels[f"cue{period}", f"cue{k}"] = here
                levels[f"test{period}", f"stimulus{k}"] = here[:, None] * _shown(c[f"test{k}"])
        in_turn = c["test_order"] == 0
        target["test1"] = np.where(in_turn, c["ground_truth1"], c["ground_truth2"])
        target["test2"] = np.where(in_turn, c["ground_truth2"], c["ground_truth1"])

    def on_trial_start(self, now: Now) -> None:
        now.memory["answered"] = np.zeros(len(now), dtype=bool)
        now.memory["score"] = np.zeros(len(now))

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        first, second = now.inside("test1"), now.inside("test2")
        acted = action != 0
        answered = acted & (second | (first & ~now.memory["answered"]))
        right = answered & (action == now.target)
        aborted = acted & ~first & ~second
        reward = np.where(answered, self.reward["fail"], 0.0)
        reward[right] = self.reward["correct"]
        reward[aborted] = self.reward["abort"]
        now.memory["answered"] = now.memory["answered"] | (first & acted)
        now.memory["score"] = now.memory["score"] + right / 2
        ends = (second & acted) | (aborted & self.abort)
        return reward, ends, now.memory["score"].copy()


def _shown(angle: Array) -> Array:
    return np.stack([np.cos(np.pi * angle), np.sin(np.pi * angle)], axis=1)
