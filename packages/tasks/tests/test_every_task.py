"""What every registered task has to hold, through every door."""

from __future__ import annotations

import copy
import pickle
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import neuroloom.tasks as tasks
from neuroloom.tasks._design.catalogue import entries
from neuroloom.tasks._engine.plan import TaskPlan

IDS = sorted(entries())
SUPERVISED = [i for i in IDS if not tasks.get_task(i).no_ground_truth]
each_task = pytest.mark.parametrize("task", IDS)
each_supervised_task = pytest.mark.parametrize("task", SUPERVISED)


def actions(env: tasks.TaskEnv, n: int, seed: int = 0) -> list[object]:
    space = copy.deepcopy(env.action_space)
    space.seed(seed)
    return [space.sample() for _ in range(n)]


def run(env: tasks.TaskEnv, acts: list[object], seed: int | None = 5) -> list[bytes]:
    """Everything the environment says, as bytes."""
    seen = [env.reset(seed=seed)[0].tobytes()]
    for act in acts:
        observation, reward, *_, info = env.step(act)
        trial = [np.asarray(v).tobytes() for v in info.get("trial", {}).values()]
        seen += [observation.tobytes(), np.float64(reward).tobytes(), *trial]
    return seen


@each_task
def test_passes_gymnasiums_checker_without_a_warning_but_for_unbounded_boxes(task: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(tasks.make(task), skip_render_check=True)
        gymnasium.make(f"neuroloom/{task}").reset(seed=1)
    said = [str(w.message) for w in caught]
    # NeuroGym's users call env.seed, and -v0 is not the newest where there is a -v1.
    expected = ("infinity", "`seed` function", "is out of date")
    assert [s for s in said if not any(known in s for known in expected)] == []


@each_task
def test_reset_with_a_seed_determines_what_follows(task: str) -> None:
    env = tasks.make(task)
    acts = actions(env, 200)
    first = run(env, acts)
    env.step(acts[0])
    assert run(env, acts) == first
    assert run(tasks.make(task), acts) == first


@each_task
def test_pickled_and_copied_environments_go_on_alike(task: str) -> None:
    env = tasks.make(task)
    acts = actions(env, 60)
    run(env, acts)
    twins = [pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
    ahead = [env.step(act)[0].tobytes() for act in acts]
    for twin in twins:
        assert [twin.step(act)[0].tobytes() for act in acts] == ahead


@each_task
def test_vector_environment_shows_the_same_as_single_ones(task: str) -> None:
    """Environment 0 is the single environment of the seed: observation, reward, info, bytes."""
    single, vector = tasks.make(task), tasks.make_vec(task, 3)
    a, b = single.reset(seed=7)[0], vector.reset(seed=7)[0]
    assert a.tobytes() == b[0].tobytes()
    assert vector.observation_space.contains(b)
    for act in actions(single, 300):
        a, reward, terminated, _, info = single.step(act)
        b, rewards, ends, _, infos = vector.step(np.stack([np.asarray(act)] * 3))
        assert a.tobytes() == b[0].tobytes()
        assert reward == rewards[0]
        assert terminated == ends[0]
        assert np.array_equal(info["gt"], infos["gt"][0])
        assert info["new_trial"] == infos["new_trial"][0]
        if info["new_trial"]:
            assert info["performance"] == infos["performance"][0]
            assert infos["_performance"][0]
            for name, value in info["trial"].items():
                assert np.array_equal(value, infos["trial"][name][0])


@pytest.mark.parametrize(
    "task", ["Reaching1D-v0", "Reaching1DWithSelfDistraction-v0", "AngleReproduction-v0"]
)
@pytest.mark.parametrize("dt", [100, 30])
def test_data_sets_show_what_the_right_actions_lead_to(task: str, dt: int) -> None:
    """To the last byte, although a data set knows the whole way and an agent goes it by steps."""
    made = tasks.get_task(task, dt=dt)
    inputs, target = tasks.Dataset(made, batch_size=8, seq_len=600, seed=3)()
    vector, single = tasks.make_vec(made, 8), tasks.make(made)
    shown, alone = vector.reset(seed=3)[0], single.reset(seed=3)[0]
    for at in range(600):
        assert shown.tobytes() == inputs[at].tobytes(), at
        assert alone.tobytes() == inputs[at, 0].tobytes(), at
        assert (vector.right_action == target[at]).all(), at
        alone = single.step(single.right_action)[0]
        shown = vector.step(vector.right_action)[0]


@each_supervised_task
def test_dataset_rows_are_the_streams_of_the_vector_environment(task: str) -> None:
    vector = tasks.make_vec(task, 3)
    if vector.plan.observes:
        pytest.skip("what is seen depends on what is done")
    shown = [vector.reset(seed=7)[0]]
    nothing = np.zeros(vector.action_space.shape, dtype=vector.action_space.dtype)
    for low in (getattr(vector.single_action_space, "low", None),):
        if low is not None:
            nothing = nothing + np.maximum(low, -1).astype(nothing.dtype)
    short = tasks.Dataset(task, batch_size=3, seq_len=7, cache_len=9, seed=7)
    long = tasks.Dataset(task, batch_size=3, seq_len=91, batch_first=True, seed=7)
    a = np.concatenate([short()[0] for _ in range(26)])
    b = np.concatenate([long()[0] for _ in range(2)], axis=1).swapaxes(0, 1)
    assert a.tobytes() == b.tobytes()
    assert a[0].tobytes() == shown[0].tobytes()
    if not vector.plan.custom:
        for at in range(1, 182):
            (
                observation,
                *_,
            ) = vector.step(nothing)
            assert observation.tobytes() == a[at].tobytes(), at


@each_supervised_task
def test_whole_trials_are_the_stream_cut_at_trials(task: str) -> None:
    whole = tasks.Dataset(task, batch_size=2, align="trial", seed=7)
    stream = tasks.Dataset(task, batch_size=2, seq_len=400, seed=7)
    inputs, target = stream()
    at = np.zeros(2, dtype=int)
    while True:
        batch = whole.batch()
        length = (batch.trial >= 0).sum(axis=0)
        if (at + length > 400).any():
            break
        for row in range(2):
            part = slice(at[row], at[row] + length[row])
            assert batch.inputs[: length[row], row].tobytes() == inputs[part, row].tobytes()
            assert batch.target[: length[row], row].tobytes() == target[part, row].tobytes()
            assert not batch.inputs[length[row] :, row].any()
        at += length
    assert at.min() > 0 or length.max() > 400


@each_supervised_task
def test_following_the_ground_truth_is_always_right(task: str) -> None:
    trials = tasks.run_trials(task, "ground_truth", 256, sessions=8, seed=3).table
    assert trials["performance"].to_numpy() == pytest.approx(1, abs=1e-6)
    best = tasks.run_trials(task, "random", 256, sessions=8, seed=3).table
    assert trials["reward"].mean() >= best["reward"].mean()


@each_task
def test_random_actions_run_and_are_worse_than_perfect(task: str) -> None:
    trials = tasks.run_trials(task, "random", 128, sessions=4, seed=3).table
    assert np.isfinite(trials["reward"]).all()
    assert (trials["performance"] <= 1).all()


@each_task
def test_episodes_end_where_asked_for(task: str) -> None:
    env = tasks.make(task, trials_per_episode=2)
    env.reset(seed=1)
    seen = 0
    for act in actions(env, 3000):
        _, _, terminated, truncated, info = env.step(act)
        seen += info["new_trial"]
        assert not truncated
        assert terminated == (seen == 2)
        if terminated:
            break
    assert seen == 2


@each_task
def test_action_outside_the_space_is_refused(task: str) -> None:
    single, vector = tasks.make(task), tasks.make_vec(task, 2)
    single.reset(seed=1)
    vector.reset(seed=1)
    if single.plan.discrete:
        bad: object = single.plan.n_actions
        several = np.array([0, single.plan.n_actions])
    else:
        bad = np.full(single.plan.target_shape, np.nan, dtype=np.float32)
        several = np.stack([single.action_space.sample(), bad])
    with pytest.raises(tasks.ActionError, match="action"):
        single.step(bad)
    with pytest.raises(tasks.ActionError, match=r"actions\[1\]"):
        vector.step(several)


@each_task
def test_card_says_what_to_do(task: str) -> None:
    known = entries()[task]
    assert known.cls.__doc__
    assert "dataclass" not in known.cls.__doc__
    assert TaskPlan(tasks.get_task(task)).observation_space.name
