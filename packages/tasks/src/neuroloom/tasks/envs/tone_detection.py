"""When a tone was heard."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Answer,
    Array,
    Choice,
    Conditions,
    Constant,
    Duration,
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
    TaskError,
    free,
    pick,
    register,
    rewards,
    timeline,
)


@register(
    "ToneDetection-v0",
    tags=("auditory", "perceptual", "supervised", "decision"),
    paper=Paper(
        "Representation of Tones in Noise in the Responses of Auditory Nerve Fibers in Cats",
        "https://www.jneurosci.org/content/jneuro/5/12/3261.full.pdf",
    ),
    differs=(
        "The action in the last step is the answer and is paid by the rewards of the task "
        "(NeuroGym 2.3.1 has them but never pays)."
    ),
    by_paper=(
        "The paper records nerve fibres, and asks for no answer. NeuroGym's task, and -v0: which "
        "of the onsets a tone in noise had, if any."
    ),
)
class ToneDetection(Task):
    """Say when a tone was heard in noise, if it was.

    **Description.** Noise goes on for 2 s. In three of four trials a tone of 50 ms comes after
    0.5, 1 or 1.5 s. What the agent says in the last step is its answer.

    **Action Space.** 0 says that there was no tone; 1, 2 and 3 say that it came at the first,
    second or third time.

    **Observation Space.** One channel, ``stimulus``: 1 during the tone, plus noise always.

    **Rewards.** For the answer in the last step: ``correct`` if it is right, ``noresp`` if there
    was a tone and the answer is that there was none, 0 for another time. The target is the right
    answer in every step.

    **Starting State.** Noise.

    **Episode End.** A trial ends with the stimulus.

    Costalupes (1985).

    Parameters
    ----------
    sigma : float
        Noise in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    dt: float = 50.0
    sigma: NoiseLevel = 0.2

    periods = timeline(toneTiming=(500, 1000, 1500), toneDur=50, stimulus=2000)
    answer = Answer(periods=("toneTiming", "toneDur", "stimulus"), first=0, last_step=True)
    default_rewards = rewards(abort=-0.1, correct=1.0, noresp=-0.1)

    def validate(self) -> None:
        stimulus = self._duration("stimulus")
        last = max(self.onsets) + max(self._duration("toneDur").shortest(), default=0.0)
        if isinstance(stimulus, Constant) and last > stimulus.ms:
            raise TaskError(
                f"timing: expected every tone to end within the stimulus of {stimulus.ms:g} ms, "
                f"got one that ends at {last:g} ms"
            )

    def _duration(self, name: str) -> Duration:
        return free((self.timing or {}).get(name, self.periods[name].duration)).duration

    @property
    def onsets(self) -> tuple[float, ...]:
        """When a tone can begin, in ms."""
        duration = self._duration("toneTiming")
        if isinstance(duration, Choice):
            return duration.values
        if isinstance(duration, Constant):
            return (duration.ms,)
        raise TaskError(f"timing['toneTiming']: expected a list of numbers of ms, got {duration}")

    def channels(self) -> Names:
        return {"stimulus": 1}

    def actions(self) -> Names:
        return {"fixation": 1, "choice": len(self.onsets)}

    def noise(self) -> Noise:
        return {("*", "stimulus"): self.sigma}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"ground_truth": pick(rng, 1 + len(self.onsets), n)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        # toneTiming is the time before the tone, stimulus what is left after it.
        onsets = np.array([0, *(int(ms / self.dt + 1e-9) for ms in self.onsets)])
        steps["toneTiming"] = onsets[c["ground_truth"]]
        steps["toneDur"] = np.where(c["ground_truth"] > 0, steps["toneDur"], 0)
        past = steps["toneTiming"] + steps["toneDur"]
        steps["stimulus"] = np.maximum(steps["stimulus"] - past, 0)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["toneDur", "stimulus"] = 1
        target[slice(None)] = c["ground_truth"]

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        right = now.last & (action == now.target)
        reward = np.where(right, self.reward["correct"], 0.0)
        reward[now.last & ~right & (action == 0)] = self.reward["noresp"]
        return reward, np.zeros(len(now), dtype=bool), right.astype(float)
