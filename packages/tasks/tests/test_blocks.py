"""Sessions in blocks give one table, whatever computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import joblib
import numpy as np
import pandas as pd
import pytest

from neuroloom.shared import Seed, Trials, as_seed
from neuroloom.tasks import TaskError, TaskTypeError, TaskVectorEnv, get_task, run_trials
from neuroloom.tasks.behaviour import QLearner
from neuroloom.tasks.wrappers import PassReward


def _same(a: Trials, b: Trials) -> None:
    pd.testing.assert_frame_equal(a.table, b.table)


BLOCKED = ("PerceptualDecisionMaking-v0", "Bandit-v0", "GoNogo-v0", "Reaching1D-v0")


@pytest.mark.parametrize("task", BLOCKED)
@pytest.mark.parametrize("size", [1, 3, 50])
def test_sessions_in_blocks_are_those_side_by_side(task: str, size: int) -> None:
    options: dict[str, Any] = {"n_trials": 43, "sessions": 7, "seed": 4}
    policy = "withhold" if task == "Bandit-v0" else "ground_truth"
    whole = run_trials(task, policy, **options)
    _same(run_trials(task, policy, side_by_side=size, **options), whole)


@pytest.mark.parametrize("seed", [4, Seed(4)])
def test_blocks_of_one_environment(seed: Any) -> None:
    env = gymnasium.make("neuroloom/PerceptualDecisionMaking-v0")
    for one in (env, env.unwrapped, PassReward(env)):
        whole = run_trials(one, "ground_truth", 20, sessions=4, seed=seed)
        _same(run_trials(one, "ground_truth", 20, sessions=4, side_by_side=3, seed=seed), whole)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_blocks_do_not_depend_on_workers(backend: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"sessions": 6, "side_by_side": 2, "seed": 3, "p": (0.2, 0.8)}
    one = run_trials("Bandit-v0", QLearner(2), 60, **options)
    with joblib.parallel_config(backend, n_jobs=2):
        _same(run_trials("Bandit-v0", QLearner(2), 60, resume=tmp_path / "kept", **options), one)
    _same(run_trials("Bandit-v0", QLearner(2), 60, resume=tmp_path / "kept", **options), one)
    assert len(list((tmp_path / "kept").glob("item-*.npz"))) == 3
    # Blocks draw from streams of their own.
    answers = one.table.groupby("session")["choice"].apply(tuple)
    assert len(set(answers)) == 6


def test_a_policy_with_memory_is_begun_anew_in_each_block() -> None:
    class Counting:
        def __init__(self) -> None:
            self.steps = 0

        def __call__(self, observation: Any, info: dict[str, Any]) -> Any:
            self.steps += 1
            return np.full(len(observation), self.steps % 2)

    policy = Counting()
    one = run_trials("Bandit-v0", policy, 40, sessions=4, side_by_side=1, seed=1)
    assert policy.steps == 0
    actions = one.table.groupby("session")["action"].apply(tuple)
    assert len(set(actions)) == 1
    with joblib.parallel_config("loky", n_jobs=2):
        _same(run_trials("Bandit-v0", policy, 40, sessions=4, side_by_side=1, seed=1), one)


def test_a_generator_is_asked_once() -> None:
    options: dict[str, Any] = {"sessions": 4, "side_by_side": 1}
    one, two = (
        run_trials("GoNogo-v0", "withhold", 40, seed=seed, **options)
        for seed in (np.random.default_rng(5), as_seed(np.random.default_rng(5)))
    )
    _same(one, two)


def test_random_draws_of_blocks_differ() -> None:
    options: dict[str, Any] = {"sessions": 4, "seed": 1, "side_by_side": 1}
    table = run_trials("Bandit-v0", "random", 200, **options).table
    assert len(set(table.groupby("session")["action"].apply(tuple))) == 4


def test_what_blocks_cannot_do_is_refused() -> None:
    rng = np.random.default_rng(0)

    def drawing(observation: Any, info: dict[str, Any]) -> Any:
        return rng.integers(2, size=len(observation))

    with pytest.raises(TaskTypeError, match="seeded"):
        run_trials("Bandit-v0", drawing, 20, sessions=4, side_by_side=2)
    with pytest.raises(TaskError, match="n_workers: expected side_by_side"):
        run_trials("Bandit-v0", "random", 20, n_workers=2)
    with pytest.raises(TaskError, match="resume: expected side_by_side"):
        run_trials("Bandit-v0", "random", 20, resume="here")
    with pytest.raises(TaskError, match="progress: expected side_by_side"):
        run_trials("Bandit-v0", "random", 20, progress=True)
    with pytest.raises(TaskError, match="side_by_side: expected"):
        run_trials("Bandit-v0", "random", 20, side_by_side=0)
    envs = TaskVectorEnv(get_task("Bandit-v0"), 4)
    with pytest.raises(TaskTypeError, match="side_by_side: expected None"):
        run_trials(envs, "random", 20, side_by_side=2)
