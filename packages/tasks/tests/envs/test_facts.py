"""Every task against the facts about NeuroGym 2.3.1's task of the same name.

The facts (channels, actions, durations, frequencies of the right action, rewards of three policies)
were measured on NeuroGym itself. Where they record one of its defects, `DEFECTS` says which, and
what the paper intends is tested in `test_defects.py`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks._design.catalogue import entries
from neuroloom.tasks._design.table import Rows
from neuroloom.tasks._design.task import DECIDE, FIXATE
from neuroloom.tasks._engine.plan import TaskPlan

FILE = Path(os.environ.get("NEUROLOOM_DATA", "/nowhere")).parent / "reference" / "tasks_envs.json"
FACTS: dict[str, dict[str, Any]] = json.loads(FILE.read_text()) if FILE.is_file() else {}
NATIVE = sorted(id for id in entries() if not id.startswith("yang19.") and id in FACTS)
_NO_FACTS = pytest.param("", marks=pytest.mark.skip(reason="no facts: NEUROLOOM_DATA is not set"))
each_known = pytest.mark.parametrize("task", NATIVE or [_NO_FACTS])

N = 1536
# NeuroGym's periods that are several of ours, as a part of them is different or overlaps.
MERGED = {
    "MotorTiming-v0": {"production": ("production", "go", "late")},
    "ReadySetGo-v0": {"measure": ("ready", "measure")},
    "PostDecisionWager-v0": {"delay": ("pre_sure", "delay")},
    "ToneDetection-v0": {"stimulus": ("toneTiming", "toneDur", "stimulus")},
    "perceptualdecisionmaking.roitman02-v0": {"stimulus": ("onset", "stimulus")},
}
# Periods that differ: NeuroGym's defect, and what the paper intends.
OTHER_PERIODS = {
    ("MotorTiming-v0", "set"): "set of 50 ms has no step of 80 ms there; here 83 ms, one step",
    ("perceptualdecisionmaking.roitman02-v0", "delay"): "never reached there",
    ("perceptualdecisionmaking.roitman02-v0", "decision"): "never reached there",
    ("ReadySetGo-v0", "production"): "counted from the end of measure there, from set here",
}
# Rewards that differ: NeuroGym's defect.
DEFECTS = {
    ("AnnubesEnv-v0", "gt"): "pays every step of the stimulus",
    ("AnnubesEnv-v0", "random"): "pays every step of the stimulus",
    ("AnnubesEnv-v0", "fix"): "pays every step of the stimulus",
    ("DualDelayMatchSample-v0", "gt"): "pays every step of the first test",
    ("DualDelayMatchSample-v0", "random"): "pays every step of the first test",
    ("MotorTiming-v0", "gt"): "target and reward have clocks of their own",
    ("MotorTiming-v0", "random"): "no step of set, in which actions cost",
    ("PostDecisionWager-v0", "gt"): "compares 1-based actions with 0-based directions",
    ("PostDecisionWager-v0", "random"): "compares 1-based actions with 0-based directions",
    ("ReachingDelayResponse-v0", "random"): "its actions go up to 2 and are not symmetric",
    ("Reaching1D-v0", "gt"): "the target angle is cut to an integer, and is no action",
    ("Reaching1D-v0", "random"): "the target angle is cut to an integer",
    ("Reaching1D-v0", "fix"): "the target angle is cut to an integer",
    ("Reaching1DWithSelfDistraction-v0", "gt"): "the target angle is cut to an integer",
    ("Reaching1DWithSelfDistraction-v0", "random"): "the target angle is cut to an integer",
    ("Reaching1DWithSelfDistraction-v0", "fix"): "the target angle is cut to an integer",
    ("ReadySetGo-v0", "gt"): "target and reward have clocks of their own",
    ("ReadySetGo-v0", "random"): "the flashes of ready and set are taken out of other periods",
    ("SpatialSuppressMotion-v0", "gt"): "never pays",
    ("SpatialSuppressMotion-v0", "random"): "never pays",
    ("SpatialSuppressMotion-v0", "fix"): "never pays",
    ("ToneDetection-v0", "gt"): "never pays",
    ("ToneDetection-v0", "random"): "never pays",
    ("ToneDetection-v0", "fix"): "never pays",
}
NO_TARGET_FREQUENCY = {
    "Reaching1D-v0": "the truncated angle stands in the place of an action",
    "Reaching1DWithSelfDistraction-v0": "the truncated angle stands in the place of an action",
    "ReachingDelayResponse-v0": "continuous",
    "SpatialSuppressMotion-v0": "continuous",
}


def block(task: str, n: int = N) -> Any:
    return TaskPlan(tasks.get_task(task)).block(np.random.default_rng(4), {}, n=n)


def named(names: dict[str, Any]) -> dict[str, list[int]]:
    return {name: np.atleast_1d(at).tolist() for name, at in names.items()}


@each_known
def test_channels_are_those_of_the_facts(task: str) -> None:
    space, known = tasks.make(task).observation_space, FACTS[task]["obs"]
    assert list(space.shape) == known["shape"]
    assert str(space.dtype) == known["dtype"]
    if known["name"] is not None:
        assert named(space.name) == named(known["name"])


@each_known
def test_actions_are_those_of_the_facts(task: str) -> None:
    space, known = tasks.make(task).action_space, FACTS[task]["act"]
    assert type(space).__name__ == known["type"]
    if known["n"] is not None:
        assert space.n == known["n"]
    assert list(space.shape) == known["shape"]
    if known["name"] is not None:
        assert named(space.name) == named(known["name"])


@each_known
def test_step_rewards_and_timing_are_those_of_the_facts(task: str) -> None:
    env, known = tasks.make(task), FACTS[task]
    assert env.dt == known["dt"]
    assert {name: env.rewards[name] for name in known["rewards"]} == pytest.approx(known["rewards"])
    for name, duration in known["timing"].items():
        reached = "never" not in OTHER_PERIODS.get((task, name), "")
        if reached and name not in ("interval2", "interval3"):
            assert name in env.plan.part
            if isinstance(duration, (int, float)) and not 0 < duration < env.dt:
                tasks.make(task, timing={name: duration + env.dt})


@each_known
def test_periods_last_as_long_as_in_the_facts(task: str) -> None:
    table = block(task)
    part = table.plan.part
    for name, known in FACTS[task]["period_steps"].items():
        if (task, name) in OTHER_PERIODS or not known:
            continue
        ours = [part[p] for p in MERGED.get(task, {}).get(name, (name,))]
        inside = np.isin(table.period, ours)
        steps = np.bincount(table.trial[inside], minlength=table.n_trials)
        # Two samples of about 1500 trials: five standard errors of their difference.
        apart = 5 * known["std"] * np.sqrt(1 / known["n"] + 1 / N)
        assert steps.mean() == pytest.approx(known["mean"], abs=apart + 1e-9), name
        assert steps.min() >= known["min"] - (known["std"] > 0), name
        assert steps.max() <= known["max"] + (known["std"] > 0), name


@each_known
def test_targets_are_as_frequent_as_in_the_facts(task: str) -> None:
    known = FACTS[task]["gt_last_step_freq"]
    if task in NO_TARGET_FREQUENCY or not known:
        pytest.skip(NO_TARGET_FREQUENCY.get(task, "no ground truth"))
    table = block(task)
    last = table.starts[1:] - 1
    target = table.target[table.source[last]]
    assert set(np.unique(target).astype(str)) == set(known)
    for value, frequency in known.items():
        ours = (target == int(value)).mean()
        p = (ours + frequency) / 2
        assert ours == pytest.approx(frequency, abs=5 * np.sqrt(p * (1 - p) * 2 / 1500) + 1e-9)


@pytest.mark.parametrize("policy", ["gt", "random", "fix"])
@each_known
def test_policies_earn_what_they_earn_in_the_facts(task: str, policy: str) -> None:
    known = FACTS[task]["oracle"][policy]
    if (task, policy) in DEFECTS:
        pytest.skip(f"NeuroGym {DEFECTS[task, policy]}: see test_defects.py")
    if "reward_per_trial" not in known:
        pytest.skip("no ground truth")
    name = {"gt": "ground_truth", "random": "random", "fix": "withhold"}[policy]
    reward = tasks.run_trials(task, name, 1024, seed=9).table["reward"]
    # The facts begin at the second step of the first trial, and have one more trial cut short.
    cut = 2 / known["trials"]
    sem = np.hypot(known["reward_sem"], reward.std() / np.sqrt(len(reward)))
    assert reward.mean() == pytest.approx(known["reward_per_trial"], abs=5 * sem + cut)


def expected(task: str, n: int = 512) -> tuple[float, float]:
    """Mean reward of uniformly random actions, and its standard error: step by step, by hand."""
    made = tasks.get_task(task)
    table = block(task, n)
    plan, pays = table.plan, made.reward
    graded = made.grade(Rows(table, 0, table.n_rows)) if plan.graded else None
    share = 1 / plan.n_actions
    earned = np.zeros(n)
    for trial in range(n):
        alive = 1.0
        for row in range(table.starts[trial], table.starts[trial + 1]):
            phase = plan.phase[table.period[row]]
            if phase == FIXATE:
                earned[trial] += alive * (1 - share) * pays.get("abort", 0)
                alive *= share if made.abort else 1
            elif phase == DECIDE:
                for action in range(1, plan.n_actions):
                    right = action == table.target[table.source[row]]
                    worth = pays["correct"] if right else pays.get("fail", 0)
                    if plan.pays:
                        worth = table.payoff[0][trial, action]
                    if graded is not None:
                        worth = graded[0][row]
                    earned[trial] += alive * share * worth
                alive *= share
        shown = table.target[table.source[table.starts[trial] : table.starts[trial + 1]]]
        earned[trial] += alive * pays.get("miss" if shown.any() else "withhold", 0)
    return float(earned.mean()), float(earned.std() / np.sqrt(n))


RULED = [id for id in sorted(entries()) if not TaskPlan(tasks.get_task(id)).custom]


@pytest.mark.parametrize("task", RULED)
def test_random_actions_earn_what_the_definition_predicts(task: str) -> None:
    reward = tasks.run_trials(task, "random", 1024, seed=10).table["reward"]
    mean, error = expected(task)
    sem = np.hypot(error, reward.std() / np.sqrt(len(reward)))
    assert reward.mean() == pytest.approx(mean, abs=5 * sem + 1e-9)


# A perfect trial earns `correct` where an action is due and `withhold` where none is, but for:
OTHER_MAXIMUM = {
    "AngleReproduction-v0": "as far as the hand gets",
    "AnnubesEnv-v0": "withholding on a catch trial is paid as correct",
    "DualDelayMatchSample-v0": "two tests, each paid",
    "DualDelayMatchSample-v1": "two tests, each paid",
    "LeverPressWithPoke-v0": "water comes at the port, where nothing more is to be done",
    "MemoryRecall-v0": "every pattern recalled is paid",
    "Reaching1D-v0": "as far as the hand gets: see test_reaching_pays_by_the_distance",
    "Reaching1DWithSelfDistraction-v0": "as far as the hand gets",
    "ToneDetection-v0": "no tone is an answer too",
}
SUPERVISED = [id for id in sorted(entries()) if not tasks.get_task(id).no_ground_truth]


@pytest.mark.parametrize("task", SUPERVISED)
def test_following_the_ground_truth_earns_the_maximum(task: str) -> None:
    pays = tasks.make(task).rewards
    trials = tasks.run_trials(task, "ground_truth", 256, seed=12).table
    assert trials["correct"].all()
    if task in OTHER_MAXIMUM:
        best = {
            "AnnubesEnv-v0": 1,
            "DualDelayMatchSample-v0": 2,
            "DualDelayMatchSample-v1": 2,
            "LeverPressWithPoke-v0": pays["correct"],
            "MemoryRecall-v0": trials.get("n_recall"),
            "ToneDetection-v0": 1,
        }.get(task)
        assert best is None or (trials["reward"] == best).all()
        return
    due = np.array([np.any(np.asarray(target) != 0) for target in trials["target"]])
    maximum = np.where(due, pays["correct"], pays.get("withhold", 0))
    assert trials["reward"].to_numpy() == pytest.approx(maximum, abs=1e-6)


SECTIONS = ("Description", "Action Space", "Observation Space", "Rewards", "Starting State")
# Whose text has another form.
OTHER_TEXT = ("DelayMatchSample-v0", "PerceptualDecisionMaking-v0", "ReadySetGo-v0")


@each_known
def test_card_tells_everything_in_the_same_order(task: str) -> None:
    if task in OTHER_TEXT:
        pytest.skip("written in another form")
    known = entries()[task]
    text = known.cls.__doc__ or ""
    places = [text.find(f"**{section}.**") for section in (*SECTIONS, "Episode End")]
    assert places[0] > 0
    assert places == sorted(places)
    assert (known.paper is None) == (FACTS[task]["paper_link"] in (None, "None"))
