"""Whether something appeared."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
    TaskError,
    computed,
    decide,
    fixate,
    free,
    pick,
    real,
    register,
    rewards,
    timeline,
)

LEVEL = 0.5
_EVEN, _FARTHEST = 2**14, 300.0
# Fine where it is open whether to go; interpolation between far points would cost rewards.
_GRID = np.concatenate([np.linspace(0, 15, 500, endpoint=False), np.linspace(15, _FARTHEST, 60)])


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
    by_paper=(
        "The paper: after a delay one of two buttons says whether there was a vibration. NeuroGym, "
        "and -v0: the answer is to go, and at once."
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
    unannounced = ("before", "onset", "stimulus")
    default_rewards = rewards(abort=-0.1, correct=1.0, fail=-1.0, miss=-1.0)

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

    def ideal_policy(self, sigma: Array) -> Watcher:
        shown = int(self.stim_dur // self.dt)
        if shown != 1:
            raise TaskError(
                f"Detection: there is a bound for a stimulus of one step only, not of {shown}"
            )
        duration = free((self.timing or {}).get("stimulus", self.periods["stimulus"].duration))
        lengths = (duration.duration.draw(_Even(), _EVEN) / self.dt + 1e-9).astype(np.int64)  # type: ignore[arg-type]
        p = np.bincount(lengths) / _EVEN
        delay = None if self.delay is None else int(self.delay // self.dt)
        noise = max(float(sigma[1, 1]), 1e-3)
        return Watcher(p, delay, noise, self.reward)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["fixation", "fixation"] = 1
        levels["onset", "stimulus"] = LEVEL
        for name in ("onset", "stimulus"):
            target[name] = c["ground_truth"]


class _Even:
    """Stands for a random generator, and gives evenly spaced quantiles of what it would draw."""

    def random(self, n: int) -> Array:
        """Return numbers between 0 and 1."""
        return (np.arange(n) + 0.5) / n

    def uniform(self, low: float, high: float, n: int) -> Array:
        """Return numbers between two."""
        return low + (high - low) * self.random(n)

    def integers(self, k: int, size: int) -> Array:
        """Return every integer as often."""
        return np.arange(size) % k


class Watcher:
    """Goes when it is worth more to go than to wait: optimal stopping, solved backwards in time.

    What was seen in a step is a likelihood ratio, of a stimulus in it to none. All that counts of
    the past is the sum of these ratios, which weighs "it has been" against "it has not been yet,
    or will not be"; the value of waiting is a function of that sum and of the step, computed on a
    grid from the last step to the first.

    Parameters
    ----------
    p : array, (longest + 1,)
        Probability of every length of the window, in steps.
    delay : int, optional
        Step at which the stimulus comes; default: any, each as likely.
    sigma : float
        S.d. of the noise in a step.
    rewards : mapping
        ``correct``, ``fail``, ``miss`` and ``withhold``.
    """

    def __init__(
        self, p: Array, delay: int | None, sigma: float, rewards: Mapping[str, float]
    ) -> None:
        self._sigma = sigma
        self._pays = [float(rewards.get(k, 0.0)) for k in ("correct", "fail", "miss", "withhold")]
        longest = len(p) - 1
        # Weight of a stimulus at step j in a window of length T: row T, column j.
        self._onset = np.zeros((longest + 1, longest + 1))
        for length in range(1, longest + 1):
            last = max(length - 2, 0)
            if delay is None:
                self._onset[length, : last + 1] = 0.5 * p[length] / (last + 1)
            else:
                self._onset[length, min(delay, last)] = 0.5 * p[length]
        self._none, self._longest = 0.5 * p, longest
        self._wait = [np.zeros(len(_GRID)) for _ in range(longest + 2)]
        self._solve()
        self._sessions = 0

    @property
    def ahead(self) -> tuple[float, float]:
        """What the window is worth before it begins: known, as nothing was seen by then."""
        value = float(self._going_on(0, np.zeros(1))[0])
        return value, value

    def begin_sessions(self, n: int) -> None:
        """Forget everything: `n` sessions begin."""
        self._sessions = n
        self._seen, self._step = np.zeros((n, self._longest + 1)), np.zeros(n, dtype=np.int64)

    def __call__(self, observation: Array, info: dict[str, Any]) -> Array:
        """Return whether to go."""
        n = len(observation)
        if self._sessions != n:
            self.begin_sessions(n)
        self._seen[info["new_trial"]], self._step[info["new_trial"]] = 0, 0
        inside = np.flatnonzero(info["period"] > 0)
        actions = np.zeros(n, dtype=np.int64)
        ratio = self._ratio(observation[:, 1].astype(float))
        for step in np.unique(self._step[inside]):
            at = inside[self._step[inside] == step]
            go, wait = self._values(int(step), self._seen[at], ratio[at])
            actions[at] = go > wait
        self._seen[inside, self._step[inside]] = ratio[inside]
        self._step[inside] += 1
        return actions

    def _ratio(self, x: Array) -> Array:
        """Return the likelihood of a step's level with a stimulus, over that without."""
        return np.exp(np.clip((LEVEL * x - LEVEL**2 / 2) / self._sigma**2, -_FARTHEST, _FARTHEST))

    def _values(self, step: int, seen: Array, ratio: Array) -> tuple[Array, Array]:
        """Return what it is worth to go and to wait, times the probability of what was seen."""
        correct, fail, miss, withhold = self._pays
        alive = slice(step + 1, None)
        weight = self._onset[alive].sum(axis=0)
        begun = seen[:, :step] @ weight[:step] + ratio * weight[step]
        not_yet = self._none[alive].sum() + weight[step + 1 :].sum()
        go = correct * begun + fail * not_yet
        over = self._onset[step + 1]
        missed = seen[:, :step] @ over[:step] + ratio * over[step]
        wait = miss * missed + withhold * self._none[step + 1]
        return go, wait + self._going_on(step + 1, self._summed(step + 1, seen, ratio, step))

    def _summed(self, following: int, seen: Array, ratio: Array, step: int) -> Array:
        """Return the sum of ratios that counts from the next step on."""
        weight = self._onset[following + 1 :].sum(axis=0)
        scale = weight[:following].max(initial=0)
        if scale == 0:
            return np.zeros(len(ratio))
        total: Array = (seen[:, :step] @ weight[:step] + ratio * weight[step]) / scale
        return total

    def _going_on(self, step: int, total: Array) -> Array:
        """Return the value of being in the window at `step`, with such a sum before it."""
        if step >= self._longest:
            return np.zeros(len(total))
        value: Array = np.interp(np.log1p(total), _GRID, self._wait[step])
        return np.asarray(value * (1 + total))

    def _solve(self) -> None:
        width = LEVEL / self._sigma
        z = np.arange(-8.0, 8.0 + 2 * width, min(0.05, width / 20))
        density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
        ratio = self._ratio(z * self._sigma)
        totals = np.expm1(_GRID)
        many = np.tile(ratio, len(totals))
        for step in range(self._longest - 1, -1, -1):
            weight = self._onset[step + 1 :].sum(axis=0)
            # All of the sum in one of the steps before: which one does not count.
            seen = np.zeros((len(many), step + 1))
            if weight[:step].any():
                seen[:, int(weight[:step].argmax())] = np.repeat(totals, len(ratio))
            go, wait = self._values(step, seen, many)
            best = np.maximum(go, wait).reshape(len(totals), len(ratio))
            self._wait[step] = best @ density / (1 + totals)
