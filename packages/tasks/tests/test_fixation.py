"""Trials that begin when the subject fixates."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import neuroloom.tasks as tasks

IDS = ("PerceptualDecisionMaking-v1", "ContextDecisionMaking-v0", "DelayMatchSample-v0", "IBL-v1")


@pytest.mark.parametrize("id", IDS)
class TestWaitsForFixation:
    def test_a_trial_is_the_same_one_but_later(self, id: str) -> None:
        plain, waits = tasks.make(id, seed=3), tasks.make(id, seed=3, waits_for_fixation=True)
        first, _ = plain.reset()
        assert np.array_equal(waits.reset()[0], first)
        for _ in range(40):
            shown, reward, *_, info = waits.step(1)
            assert np.array_equal(shown, first)
            assert (reward, info["new_trial"], info["waiting"]) == (0, False, True)
        assert waits.t == 0
        for _ in range(60):
            one, other = plain.step(plain.right_action), waits.step(waits.right_action)
            assert np.array_equal(one[0], other[0])
            assert one[1:4] == other[1:4]
            assert one[4]["new_trial"] == other[4]["new_trial"]

    def test_every_door_waits_alike(self, id: str) -> None:
        rng = np.random.default_rng(0)
        single = tasks.make(id, waits_for_fixation=True)
        vectors = [
            tasks.make_vec(id, 3, backend=name, waits_for_fixation=True)
            for name in ("numba", "numpy")
        ]
        seen = [single.reset(seed=5)[0], *(v.reset(seed=5)[0][0] for v in vectors)]
        waited = 0
        for _ in range(300):
            assert all(np.array_equal(seen[0], other) for other in seen)
            action = int(rng.integers(single.action_space.n)) if rng.random() < 0.7 else 0
            shown, reward, *_, info = single.step(action)
            seen, waited = [shown], waited + info.get("waiting", False)
            for envs in vectors:
                others, gains, *_, told = envs.step(np.array([action, 0, 1]))
                seen.append(others[0])
                assert gains[0] == reward
                assert told["waiting"][0] == info.get("waiting", False)
                assert told["new_trial"][0] == info["new_trial"]
        assert waited > 5


class TestWhatWaits:
    def test_an_agent_that_never_fixates_begins_no_trial(self) -> None:
        envs = tasks.make_vec("PerceptualDecisionMaking-v1", 2, waits_for_fixation=True)
        envs.reset(seed=1)
        for _ in range(500):
            *_, info = envs.step(np.array([1, 0]))
            assert info["waiting"].tolist()[0]
        assert not info["new_trial"][0]

    @pytest.mark.parametrize("mode", ["same_step", "next_step"])
    def test_an_episode_begins_with_waiting_too(self, mode: str) -> None:
        envs = tasks.make_vec(
            *("PerceptualDecisionMaking-v1", 1),
            trials_per_episode=1,
            autoreset_mode=mode,
            waits_for_fixation=True,
        )
        envs.reset(seed=1)
        while not envs.step(envs.right_action)[2].any():
            pass
        if mode == "next_step":
            assert not envs.step(np.array([1]))[4]["waiting"].any()  # it begins the episode
        assert envs.step(np.array([1]))[4]["waiting"].all()

    def test_waiting_is_no_reaction_time(self) -> None:
        def late(observation: np.ndarray, info: dict[str, np.ndarray]) -> np.ndarray:
            late.calls = np.where(info["new_trial"], 0, late.calls + 1)  # type: ignore[attr-defined]
            return np.where(late.calls < 7, 2, info["gt"])  # type: ignore[attr-defined]

        late.calls = np.zeros(4, dtype=int)  # type: ignore[attr-defined]
        id = "PerceptualDecisionMaking-v1"
        envs = tasks.make_vec(id, 4, waits_for_fixation=True)
        slow = tasks.run_trials(envs, late, 40, seed=2).table
        prompt = tasks.run_trials(tasks.make_vec(id, 4), "ground_truth", 40, seed=2).table
        for name in ("reaction_time", "action", "stimulus", "reward"):
            assert np.array_equal(slow[name], prompt[name])

    def test_survives_copies_and_become(self) -> None:
        env = tasks.make("PerceptualDecisionMaking-v1", waits_for_fixation=True, seed=1)
        env.reset()
        for one in (env, copy.deepcopy(env), pickle.loads(pickle.dumps(env))):
            assert one.step(1)[4]["waiting"]
        env.become(tasks.get_task("DelayMatchSample-v0"))
        env.reset()
        assert env.step(1)[4]["waiting"]
        with pytest.raises(tasks.TaskError, match="waits_for_fixation"):
            env.become(tasks.get_task("Null-v0"))

    def test_refuses_what_has_no_fixation(self) -> None:
        for make in (tasks.make, tasks.make_vec):
            with pytest.raises(tasks.TaskError, match="fixate"):
                make("Null-v0", waits_for_fixation=True)
            with pytest.raises(tasks.TaskTypeError, match="waits_for_fixation"):
                make("PerceptualDecisionMaking-v1", waits_for_fixation="yes")
