"""The vector environment against what gymnasium asks of one."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Literal

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

import neuroloom.tasks as tasks
from neuroloom.tasks._design.catalogue import entries

each_task = pytest.mark.parametrize("task", sorted(entries()))


def check_vector_env(envs: VectorEnv, n: int) -> None:
    """What gymnasium's checker asks of an environment, asked of a vector of them."""
    assert envs.num_envs == n
    assert isinstance(envs.metadata["autoreset_mode"], AutoresetMode)
    for space, single in (
        (envs.observation_space, envs.single_observation_space),
        (envs.action_space, envs.single_action_space),
    ):
        assert space == gymnasium.vector.utils.batch_space(single, n)
    with pytest.raises(ResetNeeded):
        copy.deepcopy(envs).step(envs.action_space.sample())
    seen = []
    for _ in range(2):
        observation, info = envs.reset(seed=3)
        assert isinstance(info, dict)
        envs.action_space.seed(4)
        run = [observation]
        for _ in range(40):
            observation, reward, terminated, truncated, info = envs.step(envs.action_space.sample())
            assert envs.observation_space.contains(observation)
            assert np.isfinite(observation).all()
            assert (reward.shape, reward.dtype) == ((n,), np.float64)
            assert np.isfinite(reward).all()
            for flags in (terminated, truncated):
                assert (flags.shape, flags.dtype) == ((n,), np.bool_)
            for name in info:
                if f"_{name}" in info:
                    assert info[f"_{name}"].shape == (n,)
            run += [observation, reward, terminated]
        seen.append([part.tobytes() for part in run])
    assert seen[0] == seen[1]
    kept = envs.reset(seed=3)[0]
    before = kept.copy()
    envs.step(envs.action_space.sample())
    assert np.array_equal(kept, before), "an observation was written to after it was returned"
    apart = envs.reset(seed=list(range(n)))[0]
    assert apart.shape == (n, *envs.single_observation_space.shape)


@each_task
def test_passes_the_checks(task: str) -> None:
    check_vector_env(tasks.make_vec(task, 3), 3)


@each_task
def test_gymnasium_makes_the_same(task: str) -> None:
    made = gymnasium.make_vec(f"neuroloom/{task}", num_envs=2)
    assert isinstance(made.unwrapped, tasks.TaskVectorEnv)
    assert made.reset(seed=5)[0].tobytes() == tasks.make_vec(task, 2).reset(seed=5)[0].tobytes()
    single = gymnasium.make(f"neuroloom/{task}")
    assert single.reset(seed=5)[0].tobytes() == tasks.make(task).reset(seed=5)[0].tobytes()


def test_gymnasiums_own_vector_of_single_environments_works() -> None:
    id = "neuroloom/PerceptualDecisionMaking-v0"
    slow = SyncVectorEnv([lambda: gymnasium.make(id)] * 3)
    fast = tasks.make_vec("PerceptualDecisionMaking-v0", 3)
    seeds = [1, 2, 3]
    assert slow.reset(seed=seeds)[0].tobytes() == fast.reset(seed=seeds)[0].tobytes()
    for _ in range(60):
        actions = slow.action_space.sample()
        assert slow.step(actions)[0].tobytes() == fast.step(actions)[0].tobytes()


@pytest.mark.parametrize("backend", ["numba", "numpy"])
@pytest.mark.parametrize("task", sorted(entries()))
def test_trials_that_run_out_at_different_times_are_followed_by_the_next(
    task: str, backend: Literal["numba", "numpy"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for four trials each, topped up again and again: the same as one by one."""
    if backend == "numba":
        pytest.importorskip("numba")
    monkeypatch.setattr("neuroloom.tasks._environments.vector._VALUES", 1)
    n, seeds = 3, [4, 5, 6]
    envs = tasks.make_vec(task, n, backend=backend)
    single = [tasks.make(task) for _ in seeds]
    shown = envs.reset(seed=seeds)[0]
    for env, seed, row in zip(single, seeds, shown, strict=True):
        assert env.reset(seed=seed)[0].tobytes() == row.tobytes()
    envs.action_space.seed(1)
    for _ in range(160):
        actions = envs.action_space.sample()
        # One environment answers as it should, one never, one at random.
        actions[0], actions[1] = envs.right_action[0], actions[1] * 0
        if not envs.single_action_space.contains(actions[1]):
            actions[1] = envs.action_space.sample()[1]
        shown, rewards, _, _, info = envs.step(actions)
        for i, env in enumerate(single):
            row, reward, _, _, own = env.step(actions[i])
            assert row.tobytes() == shown[i].tobytes()
            assert (reward, own["new_trial"]) == (rewards[i], info["new_trial"][i])
            if own["new_trial"]:
                for name, value in own["trial"].items():
                    assert np.array_equal(value, info["trial"][name][i])


@each_task
def test_pickled_and_copied_go_on_alike(task: str) -> None:
    envs = tasks.make_vec(task, 2)
    envs.reset(seed=5)
    envs.action_space.seed(6)
    acts = [envs.action_space.sample() for _ in range(40)]
    for act in acts:
        envs.step(act)
    twins = [pickle.loads(pickle.dumps(envs)), copy.deepcopy(envs)]
    ahead = [envs.step(act)[0].tobytes() for act in acts]
    for twin in twins:
        assert [twin.step(act)[0].tobytes() for act in acts] == ahead


@each_task
def test_pickled_and_copied_data_sets_go_on_alike(task: str) -> None:
    if tasks.get_task(task).no_ground_truth:
        pytest.skip("no ground truth: no data set")
    data = tasks.Dataset(task, batch_size=2, seq_len=30, cache_len=60, seed=5)
    data()
    twins = [pickle.loads(pickle.dumps(data)), copy.deepcopy(data)]
    ahead = [data()[0].tobytes() for _ in range(3)]
    for twin in twins:
        assert [twin()[0].tobytes() for _ in range(3)] == ahead


def test_episodes_end_and_say_what_was_last_seen() -> None:
    envs = tasks.make_vec("PerceptualDecisionMaking-v0", 2, trials_per_episode=1)
    envs.reset(seed=1)
    for _ in range(30):
        _, _, terminated, _, info = envs.step(np.zeros(2, dtype=int))
        if terminated.any():
            break
    assert terminated.all()
    assert info["_final_obs"].all()
    assert info["final_obs"][0].shape == (3,)


def test_import_is_light() -> None:
    code = (
        "import sys, time; t = time.perf_counter(); import neuroloom.tasks; "
        "print(sorted({'torch', 'numba', 'stable_baselines3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
