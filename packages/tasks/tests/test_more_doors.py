"""Mixtures, reaction-time versions, the switching observer: tasks made of tasks."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks._random.backend import chosen
from neuroloom.tasks.wrappers import ReactionTime

PDM = "PerceptualDecisionMaking-v0"
YANG = tasks.get_collection("yang19")
BACKENDS = ["numpy", *(["numba"] if chosen("auto") == "numba" else [])]


def mixture(**params: Any) -> tasks.Task:
    return tasks.mix("yang19", **params)


def made_of_tasks() -> dict[str, tasks.Task]:
    return {
        "mixture": mixture(),
        "reaction time": tasks.reaction_time(tasks.get_task(PDM)),
        "to the end": tasks.reaction_time(
            tasks.get_task("ContextDecisionMaking-v0"), end_on_stimulus=False
        ),
    }


each = pytest.mark.parametrize("kind", list(made_of_tasks()))


@each
@pytest.mark.parametrize("backend", BACKENDS)
def test_all_doors_show_the_same_bytes(kind: str, backend: Any) -> None:
    task = made_of_tasks()[kind]
    rows = tasks.Dataset(task, batch_size=2, seq_len=90, seed=4, backend=backend)()[0]
    pieces = tasks.Dataset(task, batch_size=2, seq_len=9, cache_len=9, seed=4)
    assert np.concatenate([pieces()[0] for _ in range(10)]).tobytes() == rows.tobytes()
    single, envs = tasks.make(task), tasks.make_vec(task, 2, backend=backend)
    assert single.reset(seed=4)[0].tobytes() == rows[0, 0].tobytes()
    assert envs.reset(seed=4)[0].tobytes() == rows[0].tobytes()
    for at in range(1, 90):
        assert single.step(0)[0].tobytes() == rows[at, 0].tobytes()
        assert envs.step(np.zeros(2, dtype=int))[0].tobytes() == rows[at].tobytes()
    twins = [pickle.loads(pickle.dumps(single)), copy.deepcopy(single)]
    ahead = [single.step(0)[0].tobytes() for _ in range(40)]
    for twin in twins:
        assert [twin.step(0)[0].tobytes() for _ in range(40)] == ahead


@each
def test_following_the_ground_truth_is_always_right(kind: str) -> None:
    table = tasks.run_trials(made_of_tasks()[kind], "ground_truth", 1500, seed=2).table
    assert table["correct"].all()
    assert (table["reward"] == 1).all()


@pytest.mark.slow
def test_mixture_draws_every_task_as_often_as_asked_for() -> None:
    p = np.array([0.5, 0.3, 0.2])
    task = tasks.mix(YANG[:3], p=p)
    which = tasks.run_trials(task, "ground_truth", 3000, sessions=3, seed=1).table["task"]
    share = np.bincount(which, minlength=3) / 3000
    assert np.abs(share - p).max() < 5 * np.sqrt(0.25 / 3000)


def test_mixture_shows_what_its_tasks_show() -> None:
    """Trials of one task in a mixture have that task's durations, channels and right answers."""
    batch = tasks.Dataset(mixture(), align="trial", batch_size=400, seed=3).batch()
    which = batch.conditions["task"][0]
    length = (batch.trial >= 0).sum(axis=0)
    names = [label.split("/")[0] for label in batch.period_names]
    for k, id in enumerate(YANG):
        own = np.flatnonzero(which == k)
        shown = {names[part] for part in np.unique(batch.period[:, own]) if part >= 0}
        assert shown == {id.removesuffix("-v0")}
        alone = tasks.Dataset(id, align="trial", batch_size=200, seed=3).batch()
        lengths = (alone.trial >= 0).sum(axis=0)
        assert set(length[own]) <= set(range(lengths.min(), lengths.max() + 1))
        rule = batch.inputs[0, own, 33:]
        assert (rule.argmax(axis=1) == k).all()
        assert (rule.sum(axis=1) == 1).all()


def test_mixture_names_all_conditions_whatever_is_drawn() -> None:
    """Small draws, which lack some of the tasks, look as large ones do."""
    task = tasks.mix(YANG, p=[0.99, *np.full(len(YANG) - 1, 0.01 / (len(YANG) - 1))])
    envs = tasks.make_vec(task, 1, backend="numpy")
    envs.reset(seed=1)
    single = tasks.make(task)
    single.reset(seed=1)
    names = set(single.trial)
    assert {"ground_truth", "within", "coh1_mod1", "anti"} <= names
    for _ in range(400):
        action = envs.right_action
        *_, info = envs.step(action)
        *_, own = single.step(int(action[0]))
        if own["new_trial"]:
            assert set(own["trial"]) == set(info["trial"]) == names
            assert all(info["trial"][name][0] == own["trial"][name] for name in names)


def test_mixture_takes_conditions_and_a_task_of_ones_own() -> None:
    env = tasks.make(mixture())
    env.reset(seed=1)
    for k in (0, 7, 19):
        trial = env.new_trial(task=k)
        assert trial["task"] == k
        assert env.period.startswith(YANG[k].removesuffix("-v0") + "/")


def test_mixture_refuses_what_does_not_go_together() -> None:
    with pytest.raises(tasks.TaskError, match="n_channels"):
        tasks.mix([PDM, "yang19.go-v0"])
    with pytest.raises(tasks.TaskTypeError, match="ScheduleEnvs"):
        tasks.mix(["ReadySetGo-v0", "ReadySetGo-v0"])
    with pytest.raises(tasks.TaskTypeError, match="no ground truth"):
        tasks.mix(["Null-v0"])
    with pytest.raises(tasks.TaskError, match="p: expected 2 probabilities"):
        tasks.mix(YANG[:2], p=[0.5, 0.6])
    with pytest.raises(tasks.TaskError, match="reward"):
        tasks.mix([tasks.get_task(YANG[0]), tasks.get_task(YANG[0], rewards={"fail": -1})])
    with pytest.raises(tasks.TaskError, match="dt"):
        tasks.mix([tasks.get_task(YANG[0]), tasks.get_task(YANG[0], dt=50)])
    with pytest.raises(tasks.TaskError, match="at least one task"):
        tasks.mix([])
    with pytest.raises(tasks.TaskError, match="mixture"):
        tasks.IdealObserver(mixture())


def test_reaction_time_answers_count_from_the_second_step_of_the_stimulus() -> None:
    env = ReactionTime(tasks.make(PDM), urgency=-0.1)
    env.reset(seed=1)
    assert [env.step(0)[1] for _ in range(2)] == [-0.1, -0.1]
    assert env.unwrapped.period == "stimulus"
    _, reward, _, _, info = env.step(env.unwrapped.gt_now)
    assert reward == pytest.approx(0.9)
    assert info["new_trial"]
    assert (info["performance"], info["tr_dur"]) == (1, 3)
    env.step(0)
    assert not env.step(1)[4]["new_trial"], "the first step of the stimulus is no time to answer"


def test_reaction_time_version_agrees_with_the_registered_one() -> None:
    ours = tasks.reaction_time(tasks.get_task(PDM))
    theirs = tasks.get_task("perceptualdecisionmaking.roitman02-v0")
    a, b = (tasks.Dataset(task, batch_size=4, seq_len=60, seed=2)() for task in (ours, theirs))
    assert np.array_equal(a[1], b[1])
    assert a[0] == pytest.approx(b[0], abs=1e-6)


def test_reaction_time_refuses_tasks_without_a_stimulus_or_with_rules_of_their_own() -> None:
    with pytest.raises(tasks.TaskError, match="stimulus"):
        tasks.reaction_time(tasks.get_task("DelayMatchSample-v0"))
    with pytest.raises(tasks.TaskTypeError, match="rules of its own"):
        tasks.reaction_time(tasks.get_task("ReachingDelayResponse-v0"))


@pytest.mark.slow
def test_switching_observer_follows_its_chain() -> None:
    p = np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.05, 0.15, 0.8]])
    table = tasks.switching_trials(PDM, 20_000, sessions=20, transition=p, seed=3).table
    state = table["state"].to_numpy()
    within = table["session"].to_numpy()[1:] == table["session"].to_numpy()[:-1]
    for k in range(3):
        following = state[1:][(state[:-1] == k) & within]
        share = np.bincount(following, minlength=3) / len(following)
        # Five standard errors of a proportion.
        assert np.abs(share - p[k]).max() < 5 * np.sqrt(0.25 / len(following))
    biased = table[table["state"] == 1]
    assert (biased["action"] == 1).mean() == pytest.approx(0.9, abs=5 * 0.3 / len(biased) ** 0.5)
    lapsing = table[table["state"] == 2]
    assert lapsing["correct"].mean() == pytest.approx(0.5, abs=5 * 0.5 / len(lapsing) ** 0.5)
    engaged = table[table["state"] == 0]
    bound = tasks.ideal_trials(PDM, 20_000, seed=5).table["correct"].mean()
    assert engaged["correct"].mean() == pytest.approx(bound, abs=0.02)


def test_switching_observer_is_determined_by_its_seed() -> None:
    a, b, c = (tasks.switching_trials(PDM, 300, seed=s).table for s in (1, 1, 2))
    assert a.equals(b)
    assert not a["state"].equals(c["state"])


def test_switching_observer_refuses_what_is_no_chain() -> None:
    ideal = tasks.IdealObserver(PDM)
    with pytest.raises(tasks.TaskError, match="transition"):
        tasks.behaviour.SwitchingObserver(ideal, transition=np.eye(2))
    with pytest.raises(tasks.TaskError, match="bias"):
        tasks.behaviour.SwitchingObserver(ideal, bias=1.5)
    with pytest.raises(tasks.TaskError, match="side"):
        tasks.behaviour.SwitchingObserver(ideal, side=3)
