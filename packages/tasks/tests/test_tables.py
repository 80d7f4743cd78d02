"""The table of `run_trials` holds the core's contract on every id, whoever acts."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest

import neuroloom.tasks as tasks

IDS = tasks.all_envs(psychopy=True, contrib=True, collections=True)
# Choice 0 is no action, and a choice all the same.
HOLDS = ("AnnubesEnv-v0", "DelayPairedAssociation-v0", "Detection-v0", "GoNogo-v0")
# The action that is choice 0, where it is not 1: the arms of a bandit are numbered from 0, two
# actions of hierarchical reasoning name the rule.
FIRST = {
    "Bandit-v0": 0,
    "MatchingPenny-v0": 0,
    "ToneDetection-v0": 0,
    "HierarchicalReasoning-v0": 3,
}


def anything(space: Any, seed: int) -> Any:
    """Return a policy that does anything in any step, also what chooses nothing."""
    rng = np.random.default_rng(seed)

    def policy(observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        n = len(observation)
        if space.shape:
            some = rng.uniform(-1, 1, (n, *space.shape)).astype(space.dtype)
            return np.clip(some, space.low, space.high)
        return rng.integers(space.n, size=n)

    return policy


@pytest.mark.parametrize("who", ["anything", "random", "ground_truth", "withhold"])
@pytest.mark.parametrize("id", IDS)
def test_columns_mean_what_the_contract_says(id: str, who: str) -> None:
    task = tasks.get_task(id)
    if who == "ground_truth" and task.no_ground_truth:
        pytest.skip("no ground truth")
    space = tasks.make(id).action_space
    policy = anything(space, 5) if who == "anything" else who
    trials = tasks.run_trials(id, policy, 90, sessions=3, seed=2)
    table = trials.table
    assert table.groupby("session")["trial"].apply(list).tolist() == [list(range(30))] * 3
    assert table["correct"].dtype == bool
    assert (table["correct"] == (table["performance"] >= 1)).all()
    assert np.isfinite(table["reward"]).all()
    seconds = table["reaction_time"].to_numpy(dtype=float)
    steps = seconds[~np.isnan(seconds)] * 1000 / task.dt
    assert (steps >= 0).all()
    assert np.allclose(steps, np.rint(steps), atol=1e-6)
    if not space.shape:
        choices(id, table, seconds, int(space.n))
    with warnings.catch_warnings():
        # That an agent that does anything is no good, or slow: not said by the columns.
        warnings.simplefilter("ignore", UserWarning)
        known = trials.contract()
    assert {"correct", "reward", "reaction_time", "session"} <= set(known.columns)


def choices(id: str, table: Any, seconds: np.ndarray, n_actions: int) -> None:
    """Check actions and choices by the numbers of the actions."""
    action, choice = table["action"].to_numpy(), table["choice"].to_numpy(dtype=float)
    first = FIRST.get(id, 1)
    assert ((action >= 0) & (action < n_actions)).all()
    if id in HOLDS:
        assert (choice == (action != 0)).all()
        assert (np.isnan(seconds) == (action == 0)).all()
        return
    chosen = ~np.isnan(choice)
    assert (choice[chosen] == action[chosen] - first).all()
    assert (choice[chosen] >= 0).all()
    assert (action[~chosen] < max(first, 1)).all()
    # Whoever did something, or where nothing is an answer too, did it at a time.
    assert (~np.isnan(seconds[(action > 0) | chosen])).all()
    if first > 0:
        assert np.isnan(seconds[action == 0]).all()


@pytest.mark.parametrize("sessions", [1, 3])
def test_a_trial_that_is_cut_off_leaves_nothing_to_the_next(sessions: int) -> None:
    # Trials of 22 steps: one that costs at its first step and is paid at its last earns 0.9.
    env = gymnasium.wrappers.TimeLimit(tasks.make("PerceptualDecisionMaking-v1"), 30)
    steps: list[Any] = []

    def policy(observation: Any, info: dict[str, Any]) -> Any:
        steps.append(info["new_trial"].copy())
        return np.ones(len(observation), dtype=int)

    table = tasks.run_trials(env, policy, 12 * sessions, sessions=sessions, seed=1).table
    assert set(table["reward"].round(9)) <= {-0.1, 0.9}
    assert table["trial"].tolist() == list(range(12)) * sessions
    np.testing.assert_array_equal(table["reaction_time"], 0.0)
    # An episode of 30 steps: a trial of 22, and 8 steps of the one that is cut off.
    begun = np.flatnonzero(np.array(steps)[:, 0])
    assert begun[:4].tolist() == [0, 22, 30, 52]


def test_episodes_that_end_no_trial_are_refused() -> None:
    env = gymnasium.wrappers.TimeLimit(tasks.make("PerceptualDecisionMaking-v1"), 5)
    with pytest.raises(tasks.TaskError, match="longer than a trial"):
        tasks.run_trials(env, "random", 3, seed=1)
