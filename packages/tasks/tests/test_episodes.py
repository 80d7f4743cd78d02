"""Ends of episodes, resets, seeds: against gymnasium's own vector of single environments."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import neuroloom.tasks as tasks

PDM = "PerceptualDecisionMaking-v0"
MODES = ["next_step", "same_step", "disabled"]


def pair(task: str, mode: str, backend: Any) -> tuple[Any, Any]:
    """Return ours, and gymnasium's of single environments with the same trials."""
    made: dict[str, Any] = {"trials_per_episode": 2}
    ours = tasks.make_vec(task, 3, autoreset_mode=mode, backend=backend, **made)
    theirs = SyncVectorEnv(
        [lambda: tasks.make(task, **made) for _ in range(3)],
        autoreset_mode=AutoresetMode[mode.upper()],
    )
    return ours, theirs


@pytest.mark.parametrize("backend", ["numpy", "auto"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("task", ["GoNogo-v0", "DawTwoStep-v0", "IBL-v0", "MatchingPenny-v0"])
def test_every_autoreset_mode_is_gymnasiums(task: str, mode: str, backend: Any) -> None:
    ours, theirs = pair(task, mode, backend)
    first = [env.reset(seed=[5, 6, 7])[0] for env in (ours, theirs)]
    np.testing.assert_array_equal(*first)
    rng = np.random.default_rng(1)
    for _ in range(200):
        actions = rng.integers(ours.single_action_space.n, size=3)
        a, b = ours.step(actions), theirs.step(actions)
        for mine, other in zip(a[:4], b[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
        over = a[2] | a[3]
        if mode == "same_step" and over.any():
            for at in np.flatnonzero(over):
                np.testing.assert_array_equal(a[4]["final_obs"][at], b[4]["final_obs"][at])
                last = a[4]["final_info"]["performance"][at]
                assert last == b[4]["final_info"]["performance"][at]
        if mode == "disabled" and over.any():
            resets = [env.reset(options={"reset_mask": over})[0] for env in (ours, theirs)]
            np.testing.assert_array_equal(resets[0][over], resets[1][over])


def test_an_episode_that_is_over_waits_for_a_reset() -> None:
    env = tasks.make("Bandit-v0", trials_per_episode=1)
    env.reset(seed=1)
    assert env.step(0)[2]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)
    envs = tasks.make_vec("Bandit-v0", 2, trials_per_episode=1, autoreset_mode="disabled")
    envs.reset(seed=1)
    envs.step(np.zeros(2, dtype=int))
    with pytest.raises(gymnasium.error.ResetNeeded, match="reset_mask"):
        envs.step(np.zeros(2, dtype=int))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": [1, 2]}, "3 seeds"),
        ({"seed": [1, 2, -3]}, "seed"),
        ({"seed": [1, 2, 0.5]}, "seed"),
        ({"options": {"reset_mask": [1, 0, 1]}}, "booleans"),
        ({"options": {"reset_mask": np.ones(2, dtype=bool)}}, "booleans"),
    ],
)
def test_seeds_and_masks_are_checked(given: dict[str, Any], message: str) -> None:
    with pytest.raises((tasks.TaskError, tasks.TaskTypeError), match=message):
        tasks.make_vec(PDM, 3).reset(**given)
    with pytest.raises(tasks.TaskError, match="autoreset_mode"):
        tasks.make_vec(PDM, 3, autoreset_mode="samestep")


def test_some_environments_are_seeded_anew_and_the_others_go_on() -> None:
    for backend in ("numpy", "auto"):
        envs = tasks.make_vec(PDM, 3, backend=backend)  # type: ignore[arg-type]
        first = envs.reset(seed=[1, 2, 3])[0]
        shown = [envs.step(np.zeros(3, dtype=int))[0] for _ in range(5)]
        envs.reset(seed=[1, None, None], options={"reset_mask": np.array([True, False, False])})
        again = [envs.step(np.zeros(3, dtype=int))[0] for _ in range(5)]
        np.testing.assert_array_equal(np.stack(again)[:, 0], np.stack(shown)[:, 0])
        assert not np.array_equal(np.stack(again)[:, 1], np.stack(shown)[:, 1])
        assert first.shape == (3, 3)


def test_a_seed_given_at_make_survives() -> None:
    def shown(env: Any) -> bytes:
        env.reset()
        return b"".join(env.step(0)[0].tobytes() for _ in range(60))

    plain = tasks.make(PDM, seed=4)
    assert shown(copy.deepcopy(plain)) == shown(tasks.make(PDM, seed=4))
    biased = [
        tasks.wrappers.SideBias(tasks.make(PDM, seed=4), [[0.2, 0.8], [0.8, 0.2]]) for _ in range(2)
    ]
    assert shown(biased[0]) == shown(biased[1])
    fast = [tasks.wrappers.ReactionTime(tasks.make(PDM, seed=4)) for _ in range(2)]
    assert shown(fast[0]) == shown(fast[1])
    rows = [tasks.Dataset(tasks.make(PDM, seed=4), seq_len=20)()[0] for _ in range(2)]
    np.testing.assert_array_equal(*rows)


def test_given_trials_are_those_drawn_alone() -> None:
    """A trial with a condition is the same whether many of its kind are drawn ahead or none."""
    wanted = [0, 1, 1, 0, 1, 1, 1, 0, 0, 1] * 6
    many, one = tasks.make(PDM, seed=2), tasks.make(PDM, seed=2)
    for k, truth in enumerate(wanted):
        many.new_trial(ground_truth=truth)
        if k % 7 == 6:  # drawn by itself: the number of the trial is all that counts
            alone = copy.deepcopy(one)
            alone._streams._apart = k
            alone.new_trial(ground_truth=truth)
            np.testing.assert_array_equal(many.ob, alone.ob)
            assert many.trial == alone.trial


@pytest.mark.together
@pytest.mark.slow
def test_workers_of_a_loader_read_streams_of_their_own() -> None:
    data = pytest.importorskip("torch.utils.data")
    dataset = tasks.Dataset(PDM, batch_size=2, seq_len=30, max_batch=3, output="torch", seed=1)
    alone = [inputs.numpy() for inputs, _ in dataset.iterable()]
    np.testing.assert_array_equal(
        alone[0], tasks.Dataset(PDM, batch_size=2, seq_len=30, seed=1)()[0]
    )
    of = [dataset.for_worker(k)()[0].numpy() for k in range(3)]
    assert not np.array_equal(of[0], of[1])
    wide = tasks.Dataset(PDM, batch_size=6, seq_len=30, seed=1)()[0]
    np.testing.assert_array_equal(np.concatenate(of, axis=1), wide)
    endless = tasks.Dataset(PDM, batch_size=2, seq_len=30, seed=1)
    expected = [endless()[0] for _ in range(6)]
    loader = data.DataLoader(dataset.iterable(), batch_size=None)
    two_passes = [inputs.numpy() for _ in range(2) for inputs, _ in loader]
    np.testing.assert_array_equal(two_passes, expected)
    staying = data.DataLoader(
        dataset.iterable(), batch_size=None, num_workers=1, persistent_workers=True
    )
    two_passes = [inputs.numpy() for _ in range(2) for inputs, _ in staying]
    np.testing.assert_array_equal(two_passes, expected)
    assert len(pickle.loads(pickle.dumps(dataset))()) == 2


def test_batches_come_back_from_files_as_they_were(tmp_path: Path) -> None:
    batch = tasks.Dataset(PDM, batch_size=3, align="trial", seed=1).batch()
    file = batch.save(tmp_path / "batch")
    again = tasks.Batch.load(file)
    np.testing.assert_array_equal(again.inputs, batch.inputs)
    np.testing.assert_array_equal(again.conditions["coh"], batch.conditions["coh"])
    assert (again.digest, again.card) == (batch.digest, batch.card)
    with np.load(file) as record:
        changed = {**record, "target": record["target"] + 1}
    np.savez(file, **changed)
    with pytest.raises(tasks.TaskError, match="digest"):
        tasks.Batch.load(file)


def test_an_ended_episode_takes_no_step_and_options_are_known() -> None:
    env = tasks.make("PerceptualDecisionMaking-v0", trials_per_episode=1, abort=True)
    env.reset(seed=1)
    assert env.step(1)[2]  # ended in the first step, with most of the trial to come
    for action in (0, 1, np.int64(0)):
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(action)
    with pytest.raises(tasks.TaskError, match="options"):
        env.reset(options={"streams": 3})
    assert env.reset(options={"no_step": True})[0].shape == (3,)


def test_observations_are_the_callers_own_in_copies_too() -> None:
    env = tasks.make("PerceptualDecisionMaking-v0", seed=2)
    env.reset()
    seen = [env.step(0)[0] for _ in range(3)]
    twin = copy.deepcopy(env)
    kept = env.ob
    seen[-1][:] = 9
    assert (env.ob == kept).all()
    for _ in range(60):
        ours, theirs = env.step(0)[0], twin.step(np.int64(0))[0]
        assert ours.tobytes() == theirs.tobytes()
        ours[:] = 7


@pytest.mark.parametrize("task", ["Reaching1D-v0", "AngleReproduction-v0", "GoNogo-v0"])
def test_an_episode_ends_with_what_was_seen_last(task: str) -> None:
    single = tasks.make(task, trials_per_episode=1)
    envs = {
        mode: tasks.make_vec(task, 1, trials_per_episode=1, autoreset_mode=mode) for mode in MODES
    }
    seen = single.reset(seed=45)[0]
    for env in envs.values():
        env.reset(seed=45)
    over = False
    while not over:
        before = seen
        seen, _, over, *_ = single.step(1)
        stepped = {mode: env.step(np.array([1])) for mode, env in envs.items()}
    np.testing.assert_array_equal(seen, before)
    for mode, step in stepped.items():
        last = step[4]["final_obs"] if mode == "same_step" else step[0]
        np.testing.assert_array_equal(last[0], before)
    for kept in (single, copy.deepcopy(single), pickle.loads(pickle.dumps(single))):
        np.testing.assert_array_equal(kept.ob_now, before)
        again = kept.reset(seed=45)[0]
        np.testing.assert_array_equal(again, envs["disabled"].reset(seed=45)[0][0])


@pytest.mark.slow
def test_a_damaged_file_is_told_from_a_batch(tmp_path: Path) -> None:
    batch = tasks.Dataset("GoNogo-v0", batch_size=2, align="trial", seed=1).batch()
    batch.save(tmp_path / "batch")
    assert tasks.Batch.load(tmp_path / "batch").digest == batch.digest
    whole = (tmp_path / "batch.npz").read_bytes()
    file = tmp_path / "damaged.npz"
    refused = 0
    for at in range(0, len(whole), 13):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            assert tasks.Batch.load(file).digest == batch.digest
        except tasks.TaskError:
            refused += 1
    assert refused > len(whole) // 26
    for text in (b"", b"trials", whole[:-9]):
        file.write_bytes(text)
        with pytest.raises(tasks.TaskError, match=r"Batch\.save"):
            tasks.Batch.load(file)
    np.save(tmp_path / "one.npy", batch.inputs)
    with pytest.raises(tasks.TaskError, match=r"Batch\.save"):
        tasks.Batch.load(tmp_path / "one.npy")
    with pytest.raises(FileNotFoundError):
        tasks.Batch.load(tmp_path / "none")
