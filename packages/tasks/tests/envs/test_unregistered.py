"""Tasks that NeuroGym has without registering them, against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks._design.catalogue import entries
from neuroloom.tasks._engine.plan import TaskPlan


def block(task: str, n: int = 2048, **params):
    return TaskPlan(tasks.get_task(task, **params)).block(np.random.default_rng(5), {}, n=n)


def still(observation, info):
    return np.zeros(len(observation), dtype=int)


class TestDetection:
    def test_a_stimulus_is_in_half_of_the_trials(self):
        assert block("Detection-v0").conditions["ground_truth"].mean() == pytest.approx(
            0.5, abs=0.04
        )

    def test_holding_still_is_right_without_a_stimulus_and_a_miss_with_one(self):
        table = tasks.run_trials("Detection-v0", still, 400, seed=1).table
        there = table["ground_truth"] == 1
        assert (table.loc[~there, "performance"] == 1).all()
        assert (table.loc[there, "reward"] == -1).all()

    def test_going_before_the_stimulus_fails(self):
        def hasty(observation, info):
            return (observation[:, 0] == 0).astype(int)

        table = tasks.run_trials("Detection-v0", hasty, 400, seed=1, delay=400).table
        assert (table["performance"] == 0).all()

    @pytest.mark.parametrize("stim_dur", [100, 300, 5000])
    def test_the_window_keeps_its_length_and_a_step_to_answer(self, stim_dur):
        table = block("Detection-v0", stim_dur=stim_dur)
        part = table.plan.part
        window = np.isin(table.period, [part[n] for n in ("before", "onset", "stimulus")])
        steps = np.bincount(table.trial[window], minlength=table.n_trials)
        assert steps.min() >= 5
        assert steps.max() <= 15
        if stim_dur < 400:
            left = np.bincount(table.trial[table.period == part["stimulus"]], minlength=2048)
            assert left.min() >= 1


class TestIBL:
    def test_a_session_begins_unbiased_and_then_alternates(self):
        c = block("IBL-v0", n=2048).conditions
        assert (c["probabilityLeft"][:90] == 0.5).all()
        later = c["probabilityLeft"][90:]
        assert set(np.round(later, 9)) == {0.2, 0.8}
        starts = np.flatnonzero(np.diff(c["block"]) > 0) + 1
        lengths = np.diff(starts)
        assert lengths.min() >= 20
        assert lengths.max() <= 100
        sides = later[starts - 90]
        assert (sides[1:] != sides[:-1]).all()

    def test_the_side_follows_the_block(self):
        c = block("IBL-v0", n=8192).conditions
        for p in (0.2, 0.8):
            inside = np.isclose(c["probabilityLeft"], p)
            left = (c["ground_truth"][inside] == 0).mean()
            assert left == pytest.approx(p, abs=0.03)

    def test_nothing_is_shown_at_zero_contrast(self):
        table = block("IBL-v0")
        shown = table.levels[table.source][:, 1:]
        zero = table.conditions["contrast"][table.trial] == 0
        assert (shown[zero] == 0).all()


class TestMatchingPenny:
    def test_an_agent_that_can_be_foreseen_loses(self):
        table = tasks.run_trials("MatchingPenny-v0", still, 400, seed=1).table
        assert table["reward"].mean() < 0.05

    def test_a_random_agent_wins_half(self):
        rng = np.random.default_rng(3)

        def random(observation, info):
            return rng.integers(2, size=len(observation))

        table = tasks.run_trials("MatchingPenny-v0", random, 4000, seed=1).table
        assert table["reward"].mean() == pytest.approx(0.5, abs=0.03)

    def test_a_random_opponent_cannot_be_exploited(self):
        table = tasks.run_trials(
            "MatchingPenny-v0", still, 4000, seed=1, opponent_type="random"
        ).table
        assert table["reward"].mean() == pytest.approx(0.5, abs=0.03)

    def test_the_opponents_last_move_is_shown(self):
        env = tasks.make("MatchingPenny-v0", seed=4)
        observation, _ = env.reset(seed=4)
        assert not observation.any()
        for _ in range(20):
            following, reward, _, _, _ = env.step(1)
            assert following[1 if reward == 1 else 0] == 1

    def test_an_unknown_opponent_is_named(self):
        with pytest.raises(tasks.TaskError, match="mean_action"):
            tasks.get_task("MatchingPenny-v0", opponent_type="mean")


class TestChangingEnvironment:
    def test_the_environment_changes_as_often_as_it_should(self):
        c = block("ChangingEnvironment-v0", n=8192, cxt_ch_prob=0.05).conditions
        changes = (np.diff(c["context"]) != 0).mean()
        assert changes == pytest.approx(0.05, abs=0.01)

    def test_the_target_depends_on_side_and_environment(self):
        table = block("ChangingEnvironment-v0", cxt_ch_prob=0.2)
        target = table.target[table.source[table.starts[1:] - 1]]
        np.testing.assert_array_equal(
            target, table.conditions["side"] + 2 * table.conditions["context"]
        )

    def test_a_cue_shows_the_environment_in_every_period(self):
        table = block("ChangingEnvironment-v0", cxt_ch_prob=0.2, cxt_cue=True)
        cue = table.levels[table.source][:, 3]
        np.testing.assert_array_equal(cue, 2 * table.conditions["context"][table.trial] - 1)


class TestLeverPress:
    def test_a_broken_sequence_ends_the_trial_unpaid(self):
        def once(observation, info):
            return (observation[:, 0] == 1).astype(int)

        table = tasks.run_trials("LeverPress-v0", once, 200, seed=1).table
        assert (table["reward"] == 0).all()
        assert (table["performance"] == 0).all()

    def test_pressing_always_pays_for_the_presses_before_the_cue(self):
        table = tasks.run_trials(
            "LeverPress-v0", lambda o, i: np.ones(len(o), int), 300, seed=1
        ).table
        np.testing.assert_allclose(table["reward"], 10 - table["wait"])

    def test_waits_are_geometric(self):
        wait = block("LeverPress-v0", n=8192, signal_prob=0.25).conditions["wait"]
        assert wait.mean() == pytest.approx(4, abs=0.15)

    def test_an_early_poke_is_not_paid(self):
        env = tasks.make("LeverPressWithPoke-v0")
        env.reset(seed=1)
        rewards = [env.step(a)[1] for a in (1, 1, 0, 1, 1, 0)]
        assert rewards == [0, 0, 0, 0, 0, 1]


class TestVisualSearch:
    @pytest.mark.parametrize("conjunction", [True, False])
    def test_the_target_alone_has_both_features(self, conjunction):
        c = block("VisualSearch-v0", conjunction=conjunction).conditions
        both = (c["color"] == 1) & (c["orientation"] == 1)
        np.testing.assert_array_equal(both.sum(axis=1), 1)
        np.testing.assert_array_equal(both.argmax(axis=1), c["ground_truth"])
        items = (c["color"] != 0).sum(axis=1)
        np.testing.assert_array_equal(items, c["set_size"])

    def test_one_feature_tells_only_without_conjunction(self):
        alone = block("VisualSearch-v0", conjunction=False).conditions
        assert ((alone["color"] == 1).sum(axis=1) == 1).all()
        many = block("VisualSearch-v0", set_sizes=[16]).conditions
        assert ((many["color"] == 1).sum(axis=1) > 4).all()

    def test_too_many_items_are_refused(self):
        with pytest.raises(tasks.TaskError, match="set_sizes"):
            tasks.get_task("VisualSearch-v0", set_sizes=[17])


class TestMemoryRecall:
    def test_what_is_recalled_was_marked_when_it_was_shown(self):
        env = tasks.make("MemoryRecall-v0", p_recall=0.3, chance=1.0, seed=2)
        observation, info = env.reset(seed=2)
        stored, recalled = [], []
        for _ in range(400):
            if observation[-1] == 1:
                stored.append(tuple(observation[:-1]))
            observation, _, _, _, info = env.step(np.zeros(10, np.float32))
            if info["gt"].any():
                recalled.append(tuple(info["gt"]))
            if info["new_trial"]:
                assert recalled == stored
                stored, recalled = [], []

    def test_guessing_the_rest_gets_the_share_of_chance(self):
        table = block("MemoryRecall-v0", chance=0.7)
        known = table.conditions["known"].mean()
        assert known + (1 - known) / 2 == pytest.approx(0.7, abs=0.01)

    def test_silence_earns_nothing(self):
        env = tasks.make("MemoryRecall-v0", seed=3)
        env.reset(seed=3)
        total = sum(env.step(np.zeros(10, np.float32))[1] for _ in range(100))
        assert total == 0


def test_there_are_at_least_sixty_tasks():
    assert len(entries()) >= 60


def test_angle_reproduction_pays_a_resting_hand_by_its_distance_from_both_angles() -> None:
    env = tasks.make("AngleReproduction-v0", seed=4)
    env.reset()
    trial = env.new_trial(ground_truth1=np.pi + 0.5, ground_truth2=np.pi - 3.0)
    rewards = [env.step(0)[1] for _ in range(35)]
    assert trial["ground_truth1"] == np.pi + 0.5
    assert rewards == pytest.approx([0.0] * 25 + [0.5] * 5 + [-0.1] * 5)
