"""Random dots with an answer at any time."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from neuroloom.tasks.declare import (
    Answer,
    Conditions,
    Levels,
    Paper,
    StepCounts,
    Targets,
    computed,
    cosines,
    decide,
    fixate,
    free,
    register,
    timeline,
)
from neuroloom.tasks.envs.perceptual_decision_making import PerceptualDecisionMaking


@register(
    "perceptualdecisionmaking.roitman02-v0",
    tags=("perceptual", "two-alternative", "supervised"),
    paper=Paper(
        "Response of Neurons in the Lateral Intraparietal Area during a Combined Visual "
        "Discrimination Reaction Time Task",
        "https://www.jneurosci.org/content/22/21/9475",
    ),
    differs=(
        "The reaction-time rule is the task's own: there are no delay and decision periods that "
        "are never reached (NeuroGym 2.3.1 wraps the fixed-duration task)."
    ),
    by_paper=(
        "The paper: dots can be answered as long as they move. NeuroGym, and -v0: the same rule; a "
        "trial of dots without an answer ends with the stimulus."
    ),
)
class PerceptualDecisionMakingReactionTime(PerceptualDecisionMaking):
    """Say into which direction a cloud of dots moves, as soon as it is clear.

    **Description.** As PerceptualDecisionMaking, but the dots can be answered while they move:
    from the second step of the stimulus on. Waiting lets evidence add up.

    **Action Space.** 0 fixates; 1 to `dim_ring` choose a direction.

    **Observation Space.** ``fixation`` is 1 in the fixation period; ``stimulus`` has one channel
    a direction at ``0.5 + coh / 200 * cos(distance)`` plus noise.

    **Rewards.** ``correct`` for the right direction, ``fail`` for another; ``abort`` for an
    action during fixation. Nothing for a trial without an answer.

    **Starting State.** Fixation.

    **Episode End.** A trial ends with the first choice after the first step of the stimulus
    (``onset``), or with the stimulus.

    Roitman & Shadlen (2002).

    Parameters
    ----------
    dim_ring : int
        Number of directions.
    cohs : sequence of float
        Coherences in percent, one of which is drawn for every trial.
    sigma : float
        Noise of a channel in 1 ms; a step of dt ms has ``sigma / sqrt(dt)``.
    """

    answer = Answer(clock="onset")
    periods = timeline(fixation=fixate(100), onset=free(computed), stimulus=decide(2000))

    def noise(self) -> dict[tuple[str, str], float]:
        return {("onset", "stimulus"): self.sigma, ("stimulus", "stimulus"): self.sigma}

    def arrange(self, c: Conditions, steps: StepCounts) -> None:
        steps["onset"] = (steps["stimulus"] > 1).astype(int)
        steps["stimulus"] = steps["stimulus"] - steps["onset"]

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        direction = cosines(self.dim_ring)[c["ground_truth"]]
        levels["fixation", "fixation"] = 1
        levels[("onset", "stimulus"), "stimulus"] = 0.5 + direction * c["coh"][:, None] / 200
        target["stimulus"] = 1 + c["ground_truth"]
