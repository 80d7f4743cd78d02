"""Nothing to do."""

# ruff: noqa: D102 — what the methods do is said in Task

from __future__ import annotations

from neuroloom.tasks.declare import (
    Conditions,
    Levels,
    Names,
    Targets,
    Task,
    free,
    register,
    timeline,
)


@register(
    "Null-v0",
    by_paper="Of no paper: NeuroGym's empty task; so it is here.",
)
class Null(Task):
    """Do nothing; there is nothing to see and nothing to earn.

    **Description.** A baseline for machinery around tasks.

    **Action Space.** 0 is the only action.

    **Observation Space.** One channel, ``nothing``, always 0.

    **Rewards.** None.

    **Starting State.** As every other state.

    **Episode End.** A trial ends after 10 s.
    """

    periods = timeline(nothing=free(10_000))
    no_ground_truth = "there is nothing to do"

    def channels(self) -> Names:
        return {"nothing": 1}

    def actions(self) -> Names:
        return {"nothing": 1}

    def fill_observation(self, c: Conditions, levels: Levels, target: Targets) -> None:
        pass
