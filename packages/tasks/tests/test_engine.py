"""Streams, timing and noise of the engine."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neuroloom.tasks as tasks
from neuroloom.tasks import declare as d
from neuroloom.tasks._engine.plan import TaskPlan
from neuroloom.tasks._engine.streams import Reader, Streams

PDM = "PerceptualDecisionMaking-v0"


def read(task: str, sizes: list[int], index: int = 0, **params: object) -> np.ndarray:
    plan = TaskPlan(tasks.get_task(task, **params))
    reader = Reader(Streams(plan, 11, index + 1), index + 1, 10)
    out = np.empty((sum(sizes), plan.n_channels), dtype=np.float32)
    target, place = np.empty(len(out), dtype=np.int64), 0
    for size in sizes:
        for at, rows in reader.read(size)[index]:
            plan.emit(rows.table, [(rows.start, rows.stop, place + at)], out, target, 1)
        place += size
    return out


@given(st.lists(st.integers(1, 700), min_size=1, max_size=12))
@settings(max_examples=25, deadline=None)
def test_pieces_of_any_size_are_one_stream(sizes: list[int]) -> None:
    whole = read(PDM, [sum(sizes)])
    assert read(PDM, sizes).tobytes() == whole.tobytes()


def test_streams_are_independent_of_one_another() -> None:
    a, b = read(PDM, [4000], 0, cohs=[0])[:, 1], read(PDM, [4000], 1, cohs=[0])[:, 1]
    noisy = (a != 0) & (b != 0)
    assert noisy.sum() > 3000
    assert abs(np.corrcoef(a[noisy], b[noisy])[0, 1]) < 5 / np.sqrt(noisy.sum())


def test_noise_leaves_the_conditions_as_they_are() -> None:
    quiet = tasks.run_trials(PDM, "random", 64, sigma=0.0, seed=2).table
    loud = tasks.run_trials(PDM, "random", 64, sigma=3.0, seed=2).table
    for name in ("ground_truth", "coh"):
        assert (quiet[name] == loud[name]).all()


def test_noise_has_the_size_that_sigma_says() -> None:
    plan = TaskPlan(tasks.get_task(PDM, sigma=2.0, dt=20))
    noise = read(PDM, [200_000], sigma=2.0, dt=20) - read(PDM, [200_000], sigma=0.0, dt=20)
    shown = noise[noise[:, 1] != 0]
    assert plan.sigma.max() == pytest.approx(2 / np.sqrt(20))
    # The s.d. of n normal numbers is known to 1 / sqrt(2 n) of itself; five of these.
    assert shown[:, 1:].std() == pytest.approx(2 / np.sqrt(20), rel=5 / np.sqrt(2 * shown.size))
    assert abs(np.corrcoef(shown[:, 1], shown[:, 2])[0, 1]) < 5 / np.sqrt(len(shown))
    assert not noise[:, 0].any()


def test_trials_of_a_stream_do_not_depend_on_those_drawn_beside_them() -> None:
    plan = TaskPlan(tasks.get_task("DelayComparison-v0"))
    together = Streams(plan, 3, 4).take(np.array([5, 0, 2, 300]))
    assert together.number.tolist() == [*range(5), 0, 1, *range(300)]
    alone = Streams(plan, 3, 4)
    alone.take(np.array([0, 0, 2, 120]))
    later = alone.take(np.array([5, 0, 0, 180]))
    for name, values in together.conditions.items():
        assert (values[:5] == later.conditions[name][:5]).all()
        assert (values[-180:] == later.conditions[name][5:]).all()
    assert (together.keys[-180:] == later.keys[5:]).all()
    assert len(np.unique(together.keys)) == 307


def test_conditions_given_to_a_new_trial_are_followed_by_what_derives_from_them() -> None:
    env = tasks.make("DelayMatchSample-v0", sigma=0.0)
    env.reset(seed=1)
    for right in (1, 2, 1):
        trial = env.new_trial(ground_truth=right)
        assert trial["ground_truth"] == right
        assert np.isclose(trial["sample_theta"], trial["test_theta"]) == (right == 1)
        total = 0.0
        for _ in range(100):
            _, reward, _, _, info = env.step(env.right_action)
            total += reward
            if info["new_trial"]:
                break
        assert info["trial"]["ground_truth"] == right
        assert (total, info["performance"]) == (1.0, 1.0)


def test_a_trial_of_ones_own_leaves_the_stream_after_it() -> None:
    """The trials after it are those that would have come next in the block."""
    plain, other = tasks.make(PDM), tasks.make(PDM)
    plain.reset(seed=4)
    other.reset(seed=4)
    expected = [plain.new_trial() for _ in range(40)]
    got = []
    for _ in range(20):
        got += [other.new_trial(), other.new_trial()]
        other.new_trial(coh=51.2)
    assert got == expected


def test_conditions_given_to_a_data_set_act_from_the_first_trial_not_yet_begun() -> None:
    """However much of the stream has been drawn ahead by then."""
    served = []
    for cache_len, batch_first in ((50, False), (1000, False), (5000, True)):
        data = tasks.Dataset(
            "DelayComparison-v0", None, 2, 50, cache_len=cache_len, batch_first=batch_first, seed=3
        )
        for _ in range(3):
            before = data.batch()
        data(ground_truth=2)
        batch = data.batch(ground_truth=2)
        back = data.batch()
        if batch_first:
            last, first = before.trial[:, -1], data.batch().trial[:, 0]
        else:
            last, first = before.trial[-1], data.batch().trial[0]
        assert (first > last).all()
        assert (batch.conditions["ground_truth"] == 2).all()
        assert set(np.unique(back.conditions["ground_truth"])) == {1, 2}
        inputs = [batch.inputs, back.inputs]
        served.append([x.swapaxes(0, 1) if batch_first else x for x in inputs])
        numbers = data.batch().trial
        assert (np.diff(numbers, axis=1 if batch_first else 0) <= 1).all()
    for one in served[1:]:
        for a, b in zip(one, served[0], strict=True):
            assert a.tobytes() == b.tobytes()


def test_unknown_condition_is_named() -> None:
    env = tasks.make(PDM)
    env.reset(seed=1)
    with pytest.raises(tasks.TaskError, match="did you mean 'coh'"):
        env.new_trial(cho=3)


class Memory(d.Task):
    """Count the trials of a session."""

    periods = d.timeline(decision=d.decide(100))
    default_rewards = d.rewards(correct=1)

    def channels(self) -> d.Names:
        return {"count": 1}

    def actions(self) -> d.Names:
        return {"stay": 1, "go": 1}

    def session(self, rng: np.random.Generator, n: int, memory: dict[str, int]) -> d.Conditions:
        start = memory.get("count", 0)
        memory["count"] = start + n
        return {"count": np.arange(start, start + n)}

    def fill_observation(self, c: d.Conditions, levels: d.Levels, target: d.Targets) -> None:
        levels["decision", "count"] = c["count"]
        target["decision"] = 1


def test_session_memory_goes_on_from_block_to_block() -> None:
    inputs, _ = tasks.Dataset(Memory(), seq_len=1000, seed=1)()
    assert (inputs[:, 0, 0] == np.arange(1000)).all()


def test_reset_without_a_seed_goes_on_with_the_next_trial() -> None:
    env = tasks.make(Memory())
    assert [env.reset(seed=1)[0][0], env.reset()[0][0], env.reset()[0][0]] == [0, 1, 2]
    vector = tasks.make_vec(Memory(), 2)
    vector.reset(seed=1)
    assert vector.reset()[0].ravel().tolist() == [1, 1]
    mask = np.array([True, False])
    assert vector.reset(options={"reset_mask": mask})[0].ravel().tolist() == [2, 1]
