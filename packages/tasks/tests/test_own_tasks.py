"""Tasks of one's own that are written wrongly: said at the call, in the task's own words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.shared import NeuroloomError
from neuroloom.tasks import declare as d


def fill(self: Any, c: Any, levels: Any, target: Any) -> None:
    levels["stimulus", "stimulus"] = np.where(c["side"][:, None] == [0, 1], 0.3, 0)
    target["decision"] = 1 + c["side"]


RIGHT: dict[str, Any] = {
    "periods": d.timeline(fixation=d.fixate(100), stimulus=300, decision=d.decide(100)),
    "default_rewards": d.rewards(correct=1.0, abort=-0.1),
    "channels": lambda self: {"fixation": 1, "stimulus": 2},
    "actions": lambda self: {"fixation": 1, "choice": 2},
    "conditions": lambda self, rng, n: {"side": d.pick(rng, 2, n)},
    "fill_observation": fill,
}


def own(**written: Any) -> Any:
    return type("Mine", (d.Task,), {**RIGHT, **written})()


def use(task: Any) -> None:
    """Go through both doors, and into a table."""
    tasks.run_trials(task, "random", 40)
    env = tasks.make(task)
    env.reset(seed=1)
    for _ in range(40):
        env.step(1)


def test_the_task_from_which_the_others_differ_is_right() -> None:
    use(own())


def ones(self: Any, c: Any) -> Any:
    return np.ones((len(c["side"]), 3)), np.full((len(c["side"]), 3), np.nan)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"conditions": lambda self, rng, n: {"side": np.zeros(3, dtype=int)}}, "'side'.*rows"),
    ({"conditions": lambda self, rng, n: {"side": 0}}, "'side'.*rows"),
    ({"conditions": lambda self, rng, n: {"side": [0] * n}}, "'side'.*rows"),
    ({"conditions": lambda self, rng, n: None}, "dict of arrays"),
    ({"arrange": lambda self, c, steps: c.update(x=np.zeros(2))}, "'x'.*rows"),
    ({"arrange": lambda self, c, steps: steps.update(stim=steps["stimulus"])}, "mean 'stimulus'"),
    ({"arrange": lambda self, c, steps: steps.update(stimulus=steps["stimulus"] * 0.5)}, "whole"),
    ({"arrange": lambda self, c, steps: steps.update(stimulus=-steps["stimulus"])}, "whole"),
    ({"fill_observation": lambda self, c, levels, t: t.__setitem__("decision", 1.5)}, "whole"),
    (
        {
            "fill_observation": lambda self, c, levels, t: levels.__setitem__(
                ("stimulus", "stimulus"), np.ones((len(c["side"]), 3))
            )
        },
        "levels.*one a trial",
    ),
    ({"payoff": lambda self, c: (np.ones(3), np.ones(3))}, "payoff.*shape"),
    ({"payoff": ones}, "payoff.*NaN"),
    ({"payoff": lambda self, c: None}, "payoff"),
    ({"grade": lambda self, rows: (np.ones(3), np.ones(3))}, "grade.*shape"),
    ({"evidence": lambda self, c: np.zeros(2)}, "evidence"),
    ({"outcome": lambda self, now, action: (1.0, False, 0.0)}, "Mine.outcome"),
    ({"outcome": lambda self, now, action: (np.ones(len(action)),) * 2}, "Mine.outcome"),
    ({"channels": lambda self: {}}, "at least one name"),
    ({"channels": lambda self: {"fixation": 0, "stimulus": range(1, 3)}}, "at least 1"),
    ({"channels": lambda self: {"fixation": [-1], "stimulus": 2}}, "from 0 on"),
    ({"periods": {"stimulus": 300}}, "timeline"),
    ({"default_rewards": {"correct": "x"}}, "default_rewards"),
    ({"default_rewards": d.rewards(corect=1.0)}, "mean 'correct'"),
]


@pytest.mark.parametrize(("written", "message"), WRONG, ids=[str(k) for k in range(len(WRONG))])
def test_what_is_written_wrongly_is_said(written: dict[str, Any], message: str) -> None:
    with pytest.raises(NeuroloomError, match=message):
        use(own(**written))
