"""Sequences of presses on a lever."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

import numpy as np

from neuroloom.tasks.declare import (
    Answer,
    Array,
    Conditions,
    Levels,
    Names,
    Now,
    Paper,
    Rng,
    Rows,
    StepCounts,
    Targets,
    Task,
    computed,
    fail,
    free,
    real,
    register,
    rewards,
    timeline,
    whole,
)

_PAPER = Paper(
    "Start/stop signals emerge in nigrostriatal circuits during sequence learning",
    "https://www.nature.com/articles/nature09263",
)
_LONGEST_WAIT = 64


@register(
    "LeverPress-v0",
    tags=("motor", "steps action space"),
    paper=_PAPER,
    differs=(
        "A wait and the sequence after it are a trial, which ends when the sequence is broken "
        "(NeuroGym's draft has no trials and cannot be stepped)."
    ),
    by_paper=(
        "The paper: animals press as fast as they like, and the fourth press brings the reward. "
        "NeuroGym's draft, unregistered, and -v0: a cue begins the sequence."
    ),
)
class LeverPress(Task):
    """Press a lever `n_press` times in a row when a cue says so, and not before.

    **Description.** After a wait of random length a cue comes on for a step. From then on every
    step asks for a press.

    **Action Space.** 0 leaves the lever, 1 presses it.

    **Observation Space.** ``cue`` is 1 in the step in which the first press is due.

    **Rewards.** ``correct`` with the last press of the sequence; ``abort`` for each press before
    the cue. A broken sequence ends the trial without a reward.

    **Starting State.** The wait.

    **Episode End.** A trial ends with the sequence, whole or broken.

    Jin & Costa (2010).

    Parameters
    ----------
    n_press : int
        Presses in a sequence.
    signal_prob : float
        Probability that the cue comes after a step of waiting.
    """

    n_press: int = 4
    signal_prob: float = 0.5

    periods = timeline(wait=free(computed), press=free(computed))
    answer = Answer(periods=("press",))
    default_rewards = rewards(abort=-1.0, correct=10.0)

    def validate(self) -> None:
        whole("n_press", self.n_press, minimum=1)
        if not 0 < real("signal_prob", self.signal_prob, minimum=0) <= 1:
            raise fail("signal_prob", "a probability above 0", self.signal_prob)

    def channels(self) -> Names:
        return {"cue": 1}

    def actions(self) -> Names:
        return {"rest": 1, "press": 1}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"wait": np.minimum(rng.geometric(self.signal_prob, n), _LONGEST_WAIT)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        steps["wait"] = c["wait"]
        steps["press"] = np.full_like(c["wait"], self.n_press)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        target["press"] = 1

    def curve(self, rows: Rows, observation: Array, target: Array) -> None:
        observation[:, 0] = rows.inside("press") & (rows.elapsed == 0)

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        pressed, due = action == 1, now.inside("press")
        whole_sequence = due & pressed & now.last
        reward = np.where(pressed & ~due, self.reward["abort"], 0.0)
        reward = np.where(whole_sequence, self.reward["correct"], reward)
        return reward, due & ~pressed, whole_sequence


@register(
    "LeverPressWithPoke-v0",
    tags=("motor", "steps action space"),
    paper=_PAPER,
    differs="A trial ends with the reward, or after `n_steps` steps (NeuroGym's draft has none).",
    by_paper=(
        "The paper: the reward of a sequence of presses is fetched at a port. NeuroGym's draft, "
        "unregistered, and -v0: so it is here, without other movements between."
    ),
)
class LeverPressWithPoke(Task):
    """Press a lever `n_press` times, unseen and uncounted, then fetch the reward at the port.

    **Description.** Nothing tells how often the lever was pressed. A poke before it is enough
    gives nothing, and costs a step.

    **Action Space.** 0 pokes, 1 presses.

    **Observation Space.** ``constant``, always 1.

    **Rewards.** ``correct`` for a poke after at least `n_press` presses.

    **Starting State.** No presses.

    **Episode End.** A trial ends with the reward, or after `n_steps` steps.

    Jin & Costa (2010).

    Parameters
    ----------
    n_press : int
        Presses that the reward asks for.
    n_steps : int
        Steps until a trial ends without a reward.
    """

    n_press: int = 4
    n_steps: int = 40

    periods = timeline(act=free(computed))
    default_rewards = rewards(correct=1.0)

    def validate(self) -> None:
        whole("n_press", self.n_press, minimum=1)
        whole("n_steps", self.n_steps, minimum=self.n_press + 1)

    def channels(self) -> Names:
        return {"constant": 1}

    def actions(self) -> Names:
        return {"poke": 1, "press": 1}

    def conditions(self, rng: Rng, n: int) -> Conditions:
        return {"n_press": np.full(n, self.n_press)}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        steps["act"] = np.full_like(c["n_press"], self.n_steps)

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        levels["act", "constant"] = 1

    def curve(self, rows: Rows, observation: Array, target: Array) -> None:
        target[:] = rows.elapsed < self.n_press

    def on_trial_start(self, now: Now) -> None:
        now.memory["presses"] = np.zeros(len(now), dtype=np.int64)

    def outcome(self, now: Now, action: Array) -> tuple[Array, Array, Array]:
        paid = (action == 0) & (now.memory["presses"] >= self.n_press)
        now.memory["presses"] = now.memory["presses"] + (action == 1)
        return np.where(paid, self.reward["correct"], 0.0), paid, paid

    def correct_action(self, now: Now) -> Array:
        return (now.memory["presses"] < self.n_press).astype(np.int64)
