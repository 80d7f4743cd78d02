"""The twenty tasks of Yang et al. (2019), against the facts and their definitions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks._design.catalogue import entries
from neuroloom.tasks._engine.plan import TaskPlan

FILE = Path(os.environ.get("NEUROLOOM_DATA", "/nowhere")).parent / "reference" / "tasks_envs.json"
FACTS = json.loads(FILE.read_text()) if FILE.is_file() else {}
IDS = sorted(id for id in entries() if id.startswith("yang19.") and id.endswith("-v0"))
each = pytest.mark.parametrize("task", IDS)
N = 1536


def block(task: str, n: int = N, **params):
    return TaskPlan(tasks.get_task(task, **params)).block(np.random.default_rng(5), {}, n=n)


def targets(table):
    return table.target[table.source[table.starts[1:] - 1]]


def test_all_twenty_are_there():
    assert len(IDS) == 20


@each
def test_sizes_rewards_and_periods_are_those_of_the_facts(task):
    if not FACTS:
        pytest.skip("no facts: NEUROLOOM_DATA is not set")
    known, env = FACTS[task], tasks.make(task)
    assert list(env.observation_space.shape) == known["obs"]["shape"]
    assert env.action_space.n == known["act"]["n"]
    assert env.dt == known["dt"]
    assert {k: env.rewards[k] for k in known["rewards"]} == known["rewards"]
    table = block(task)
    for name, seen in known["period_steps"].items():
        inside = table.period == table.plan.part[name]
        steps = np.bincount(table.trial[inside], minlength=N)
        apart = 5 * seen["std"] * np.sqrt(1 / seen["n"] + 1 / N) + 1e-9
        assert steps.mean() == pytest.approx(seen["mean"], abs=apart), name


@each
def test_targets_are_as_frequent_as_the_definition_says(task):
    target = targets(block(task, n=4096))
    go = target != 0
    matching = task.startswith(("yang19.dms", "yang19.dnms", "yang19.dmc", "yang19.dnmc"))
    assert go.mean() == pytest.approx(0.5 if matching else 1.0, abs=0.04 if matching else 0)
    counts = np.bincount(target[go], minlength=17)[1:]
    expected = go.sum() / 16
    assert ((counts - expected) ** 2 / expected).sum() < 45  # chi-square, 15 d.f., p = 1e-4


def test_withholding_where_no_answer_is_due_is_correct():
    table = tasks.run_trials("yang19.dms-v0", lambda o, i: np.zeros(len(o), int), 400, seed=1).table
    none_due = table["target"] == 0
    assert (table.loc[none_due, "performance"] == 1).all()
    assert (table.loc[none_due, "reward"] == 1).all()
    assert (table.loc[~none_due, "performance"] == 0).all()


def test_dmc_labels_every_direction_by_its_half_of_the_ring():
    table = block("yang19.dmc-v0", n=4096)
    sample = table.conditions["sample_direction"] // 8
    test = table.conditions["test_direction"] // 8
    np.testing.assert_array_equal(table.conditions["ground_truth"] == 1, sample == test)


def test_dlygo_keeps_the_users_timing():
    assert "delay" in tasks.get_task("yang19.dlygo-v0", timing={"stimulus": 300}).periods
    table = block("yang19.dlygo-v0", timing={"stimulus": 300})
    steps = {name: (table.period == part).sum() // N for name, part in table.plan.part.items()}
    assert steps == {"fixation": 5, "stimulus": 3, "delay": 5, "decision": 5}


@each
def test_fixation_cue_stays_until_the_answer_is_due(task):
    table = block(task, n=50)
    cue = table.levels[table.source][:, 0]
    due = table.period == table.plan.part["decision"]
    np.testing.assert_array_equal(cue, np.where(due, 0, 1))


@pytest.mark.parametrize("task", ["yang19.rtgo-v1", "yang19.rtanti-v1"])
def test_fixation_cue_stays_on_in_the_authors_reaction_time_tasks(task):
    table = block(task, n=50)
    assert (table.levels[table.source][:, 0] == 1).all()


def test_modality_does_not_alternate():
    modality = block("yang19.go-v0", n=500).conditions["modality"]
    repeats = (modality[1:] == modality[:-1]).mean()
    assert 0.4 < repeats < 0.6


@pytest.mark.parametrize("task", ["yang19.go-v0", "yang19.anti-v0"])
def test_stimulus_lies_on_the_right_side(task):
    table = block(task, n=300)
    shown = table.levels[table.source][:, 1:17] + table.levels[table.source][:, 17:33]
    stimulus = table.period == table.plan.part["stimulus"]
    peak = shown[stimulus].argmax(axis=1)
    truth = table.conditions["ground_truth"][table.trial[stimulus]]
    shift = 8 if task == "yang19.anti-v0" else 0
    np.testing.assert_array_equal(peak, (truth + shift) % 16)


@pytest.mark.parametrize(("task", "modality"), [("yang19.ctxdm1-v0", 1), ("yang19.ctxdm2-v0", 2)])
def test_context_decides_which_ring_counts(task, modality):
    c = block(task).conditions
    first = c[f"coh1_mod{modality}"] > c[f"coh2_mod{modality}"]
    np.testing.assert_array_equal(c["ground_truth"] == c["direction1"], first)


@pytest.mark.parametrize(
    ("params", "says"),
    [({"dim_ring": 5}, "even"), ({"matchto": "smaple"}, "sample")],
)
def test_parameters_of_matching_are_checked(params, says):
    with pytest.raises(tasks.TaskError, match=says):
        tasks.get_task("yang19.dms-v0", **params)
