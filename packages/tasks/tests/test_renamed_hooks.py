"""A task that writes a hook under its old name is served as one that writes it under its name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuroloom.tasks as tasks
import neuroloom.tasks.declare as d


class Common(d.Task):
    periods = d.timeline(cue=d.fixate(300), decision=d.decide(300))

    def channels(self) -> d.Names:
        return {"fixation": 1, "side": 1}

    def actions(self) -> d.Names:
        return {"fixation": 1, "choice": 2}

    def conditions(self, rng: d.Rng, n: int) -> d.Conditions:
        return {"side": d.pick(rng, 2, n)}


def fill(task: Any, c: d.Conditions, levels: d.Levels, target: d.Targets) -> None:
    levels["cue", "fixation"] = 1
    levels["decision", "side"] = 2 * c["side"] - 1
    target["decision"] = 1 + c["side"]


def count(task: Any, now: d.Now) -> None:
    now.memory["count"] = np.full(len(now.step), 2)


def right(task: Any, now: d.Now) -> np.ndarray[Any, Any]:
    return np.asarray(now.memory["count"])


def made(names: dict[str, Any]) -> type[d.Task]:
    return type("Made", (Common,), {"__module__": __name__, **names})


def old() -> type[d.Task]:
    names = {"paint": fill, "begin": count, "guide": right, "pays": {"correct": 2.0, "abort": -1.0}}
    with pytest.warns(DeprecationWarning, match="now") as told:
        cls = made(names)
    assert sorted(str(one.message) for one in told) == [
        "Made: begin is called on_trial_start now",
        "Made: guide is called correct_action now",
        "Made: paint is called fill_observation now",
        "Made: pays is called default_rewards now",
    ]
    return cls


def new() -> type[d.Task]:
    rewards = d.rewards(correct=2.0, abort=-1.0)
    hooks = {"fill_observation": fill, "on_trial_start": count, "correct_action": right}
    return made({**hooks, "default_rewards": rewards})


def walked(task: d.Task) -> list[Any]:
    env = tasks.make(task)
    seen: list[Any] = [env.reset(seed=3)[0].tolist()]
    for step in range(60):
        observation, reward, *_, info = env.step(step % 3)
        seen.append((observation.tolist(), reward, int(info["gt"])))
    return seen


def test_old_names_are_called_everywhere() -> None:
    before, after = old()(), new()()
    assert walked(before) == walked(after)
    assert {one[2] for one in walked(after)[1:]} == {2}, "the right action is the hook's"
    assert {one[1] for one in walked(after)[1:]} >= {2.0, -1.0}, "the rewards are the task's"
    inputs = [tasks.Dataset(one, seq_len=50, seed=1)()[0] for one in (before, after)]
    assert inputs[0].tobytes() == inputs[1].tobytes()
    assert inputs[0].any()
    vector = [tasks.make_vec(one, 3).reset(seed=1)[0].tobytes() for one in (before, after)]
    assert vector[0] == vector[1]


def test_super_under_the_old_name_means_the_class_above() -> None:
    above: Any = tasks.get_task("PerceptualDecisionMaking-v0").__class__
    with pytest.warns(DeprecationWarning, match="paint is called fill_observation"):

        class Louder(above):  # type: ignore[misc]
            def paint(self, c: d.Conditions, levels: d.Levels, target: d.Targets) -> None:
                super().paint(c, levels, target)
                levels["fixation", "fixation"] = 7

    first, _ = tasks.Dataset(Louder(), seq_len=1, seed=1)()
    usual, _ = tasks.Dataset(above(), seq_len=1, seed=1)()
    assert first.ravel()[0] == 7
    assert (first.ravel()[1:] == usual.ravel()[1:]).all()


def test_a_mixin_may_write_the_old_name() -> None:
    class Filled:
        paint = fill

    with pytest.warns(DeprecationWarning, match="paint is called fill_observation"):

        class Mixed(Filled, Common): ...

    usual = made({"fill_observation": fill})
    shown = [tasks.Dataset(one(), seq_len=30, seed=1)()[0] for one in (Mixed, usual)]
    assert shown[0].tobytes() == shown[1].tobytes()


def test_a_parameter_may_be_called_as_a_hook_was() -> None:
    class Own(Common):
        guide: float = 0.5

    class Further(Own): ...

    assert Further(guide=0.25).guide == 0.25
    assert not Further().overrides("correct_action")


def test_pay_is_rewards() -> None:
    with pytest.warns(DeprecationWarning, match="rewards"):
        pay = d.pay
    assert dict(pay(correct=1)) == {"correct": 1.0}
