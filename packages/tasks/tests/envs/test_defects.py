"""Where NeuroGym 2.3.1 departs from the papers: one test a defect, of the rule that is meant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks._design.table import Table
from neuroloom.tasks._engine.plan import TaskPlan


def block(task: str, n: int = 1024, **params: Any) -> Table:
    return TaskPlan(tasks.get_task(task, **params)).block(np.random.default_rng(4), {}, n=n)


def rows(table: Table, *periods: str) -> np.ndarray:
    return np.isin(table.period, table.plan.parts(periods))


def perfect(task: str, n: int = 512, **params: Any) -> pd.DataFrame:
    return tasks.run_trials(task, "ground_truth", n, seed=3, **params).table


def still(task: str, n: int = 512, **params: Any) -> pd.DataFrame:
    return tasks.run_trials(task, "withhold", n, seed=3, **params).table


def randomly(task: str, n: int = 2048, **params: Any) -> pd.DataFrame:
    return tasks.run_trials(task, "random", n, seed=3, **params).table


def close(reward: pd.Series, mean: float) -> None:
    """Five standard errors."""
    assert reward.mean() == pytest.approx(mean, abs=5 * reward.std() / np.sqrt(len(reward)))


# PostDecisionWager --------------------------------------------------------------------------------


def test_post_decision_wager_pays_the_one_who_is_right() -> None:
    """NeuroGym compares a 1-based action with a 0-based direction: who is right earns 0."""
    trials = perfect("PostDecisionWager-v0")
    assert (trials["reward"] == 1).all()
    assert (trials["action"] == 1 + trials["ground_truth"]).all()


def test_post_decision_wager_random_actions_earn_what_the_rules_say() -> None:
    trials = randomly("PostDecisionWager-v0")
    # Fixation: 3 of 4 actions cost; decision: right .25, sure .25 (0.7 where offered, else -.1).
    close(trials["reward"], -0.075 + 0.25 * (1 + (0.7 - 0.1) / 2))


def test_post_decision_wager_sure_bet_is_a_share_of_correct_unless_it_is_set() -> None:
    def sure(observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        return np.where(info["period"] == 4, 3, 0)

    for rewards, worth in (({}, 0.7), ({"correct": 2}, 1.4), ({"correct": 2, "sure": 0.5}, 0.5)):
        trials = tasks.run_trials("PostDecisionWager-v0", sure, 256, seed=1, rewards=rewards).table
        offered = trials["wager"].to_numpy()
        assert trials["reward"][offered].to_numpy() == pytest.approx(worth)
        assert trials["reward"][~offered].to_numpy() == pytest.approx(-0.1)
        share = worth / rewards.get("correct", 1)
        assert trials["performance"][offered].to_numpy() == pytest.approx(share)


def test_post_decision_wager_shows_the_sure_bet_from_pre_sure_on() -> None:
    table = block("PostDecisionWager-v0", sigma=0)
    shown = table.levels[table.source, 3]
    offered = table.conditions["wager"][table.trial]
    late = rows(table, "delay", "decision")
    assert (shown == (offered & late)).all()
    waited = np.bincount(table.trial[rows(table, "pre_sure")], minlength=1024)
    assert waited.min() == 5
    assert waited.max() == 7


# HierarchicalReasoning ----------------------------------------------------------------------------


def test_hierarchical_reasoning_shows_the_delay_that_it_asks_about() -> None:
    """NeuroGym draws the two apart: what is shown says nothing about the right answer."""
    table = block("HierarchicalReasoning-v0")
    shown = np.bincount(table.trial[rows(table, "delay")], minlength=table.n_trials)
    c = table.conditions
    assert (shown * 100 == c["interval"]).all()
    assert c["long_interval"][shown > 8].all()
    assert not c["long_interval"][shown < 8].any()
    side = np.where(c["long_interval"] == (c["rule"] == 1), c["side"], 1 - c["side"])
    last = table.target[table.source[table.starts[1:] - 1]]
    assert (last == 3 + side).all()


def test_hierarchical_reasoning_splits_delays_at_their_median() -> None:
    """NeuroGym takes the median of one element, 610 ms, where 850 ms is meant."""
    assert tasks.get_task("HierarchicalReasoning-v0").middle() == 850
    assert tasks.get_task("HierarchicalReasoning-v0", timing={"delay": [300, 500]}).middle() == 400
    even = tasks.get_task("HierarchicalReasoning-v0", timing={"delay": ("uniform", (200, 600))})
    assert even.middle() == pytest.approx(400, abs=10)
    assert block("HierarchicalReasoning-v0").conditions["long_interval"].mean() == pytest.approx(
        0.5, abs=5 * 0.5 / 32
    )


def test_hierarchical_reasoning_rule_holds_for_10_to_20_trials() -> None:
    plan, memory = TaskPlan(tasks.get_task("HierarchicalReasoning-v0")), {}
    rng = np.random.default_rng(1)
    rule = np.concatenate([plan.block(rng, memory).conditions["rule"] for _ in range(8)])
    length = np.diff(np.flatnonzero(np.diff(rule)))
    assert (length.min(), length.max()) == (10, 20)
    assert length.mean() == pytest.approx(15, abs=5 * 3.2 / np.sqrt(len(length)))


def test_hierarchical_reasoning_pays_only_who_knows_the_rule_too() -> None:
    def wrong_rule(observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        return np.where(info["period"] == 1, 3 - info["gt"], info["gt"])

    trials = tasks.run_trials("HierarchicalReasoning-v0", wrong_rule, 128, seed=1).table
    assert (trials["reward"] == 0).all()
    assert (trials["action"] == trials["target"]).all()


# Periods that get lost ----------------------------------------------------------------------------


def test_motor_timing_set_is_seen() -> None:
    """NeuroGym's set of 50 ms has no step of 80 ms: it never appears."""
    table = block("MotorTiming-v0")
    shown = table.levels[table.source, 3]
    assert (np.bincount(table.trial, weights=shown) == 1).all()
    with pytest.raises(tasks.TimingError, match=r"'set'.*50 ms.*dt 80 ms"):
        tasks.make("MotorTiming-v0", timing={"set": 50})


def test_pulse_decision_making_loses_no_pulse() -> None:
    """NeuroGym shows no pulse of 10 ms at a dt of 100 ms, and says nothing."""
    table = block("PulseDecisionMaking-v0")
    shown = table.levels[table.source][:, 1:]
    for side in (0, 1):
        counted = np.bincount(table.trial, weights=shown[:, side])
        assert (counted == table.conditions[f"pulse{side + 1}"].sum(axis=1)).all()
    with pytest.raises(tasks.TimingError, match="cue0"):
        tasks.make("PulseDecisionMaking-v0", dt=100)


def test_zero_length_periods_are_only_those_that_are_declared_so() -> None:
    with pytest.raises(tasks.TimingError, match="fixation"):
        tasks.make("AntiReach-v0", timing={"fixation": 99})
    assert tasks.make("AntiReach-v0", timing={"fixation": 0}).reset(seed=1)


# Timing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [10, 25, 80])
@pytest.mark.parametrize("task", ["MotorTiming-v0", "OneTwoThreeGo-v0", "ReadySetGo-v0"])
def test_target_and_reward_of_timing_tasks_share_one_clock(task: str, dt: float) -> None:
    """NeuroGym: 0.55 for who follows ReadySetGo's target, 0.87 for MotorTiming's."""
    trials = perfect(task, 64, dt=dt)
    assert trials["reward"].to_numpy() == pytest.approx(1)


def test_motor_timing_pays_less_the_further_off() -> None:
    """The interval is counted from the onset of set, which lasts one step."""
    n_steps = {800: 10, 1520: 19}

    for off, interval in ((0, 800), (1, 800), (2, 800), (3, 800), (-1, 1520), (3, 1520), (5, 1520)):
        env = tasks.make("MotorTiming-v0")
        env.reset(seed=2)
        env.new_trial(production_ind=int(interval == 1520))
        trial = env.trial
        assert trial["production"] == interval
        reward = 0.0
        for at in range(200):
            go = at * 80 == trial["set_onset"] + (n_steps[interval] + off) * 80
            _, step, _, _, info = env.step(int(go))
            reward += step
            if info["new_trial"]:
                break
        window = 0.2 * interval + 25
        share = 1 - abs(off) * 80 / window
        assert reward == pytest.approx(max(share**1.5, 0.1) if share > 0 else 0)
        assert info["performance"] == float(share > 0)


def test_one_two_three_go_repeats_one_interval() -> None:
    table = block("OneTwoThreeGo-v0", 256)
    gaps = [np.bincount(table.trial[rows(table, f"interval{i}")], minlength=256) for i in (1, 2, 3)]
    assert (gaps[0] == gaps[1]).all()
    assert (gaps[0] == gaps[2]).all()
    assert (gaps[0] * 80 == table.conditions["interval"]).all()


# Pay once -----------------------------------------------------------------------------------------


def test_dual_delay_match_sample_pays_each_test_once() -> None:
    """NeuroGym pays every step of the first test: 6 a trial."""
    trials = perfect("DualDelayMatchSample-v0")
    assert (trials["reward"] == 2).all()
    assert (trials["performance"] == 1).all()


def test_dual_delay_match_sample_counts_half_for_one_test() -> None:
    def first_only(observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        return np.where(info["period"] == 4, info["gt"], 0)

    trials = tasks.run_trials("DualDelayMatchSample-v0", first_only, 64, seed=1).table
    assert (trials["reward"] == 1).all()
    assert (trials["performance"] == 0.5).all()


def test_dual_delay_match_sample_random_actions_earn_what_the_rules_say() -> None:
    trials = randomly("DualDelayMatchSample-v0")
    # 30 steps in which 2 of 3 actions cost; of the answers that come within 5 steps half are right.
    close(trials["reward"], -30 * 0.1 * 2 / 3 + 2 * 0.5 * (1 - 3.0**-5))


def test_dual_delay_match_sample_cues_say_which_sample_is_tested() -> None:
    table = block("DualDelayMatchSample-v0", sigma=0)
    c, levels = table.conditions, table.levels.reshape(1024, 8, 7)
    part = table.plan.part
    first = c["test_order"]  # 0: sample 1 first
    assert (levels[:, part["cue1"], 5] == (first == 0)).all()
    assert (levels[:, part["cue2"], 5] == (first == 1)).all()
    assert (levels[:, part["cue1"], 6] == (first == 1)).all()
    for sample in (1, 2):
        at = np.where(first == sample - 1, part["test1"], part["test2"])
        shown = levels[np.arange(1024), at, 2 * sample - 1 : 2 * sample + 1]
        same = np.isclose(shown, levels[:, part["sample"], 2 * sample - 1 : 2 * sample + 1])
        assert (same.all(axis=1) == (c[f"ground_truth{sample}"] == 1)).all()


@pytest.mark.slow
def test_annubes_pays_a_trial_once() -> None:
    """NeuroGym pays every step of the stimulus: 10 a trial."""
    trials = perfect("AnnubesEnv-v0")
    assert (trials["reward"] == 1).all()
    assert trials["catch"].any()
    assert not trials["catch"].all()


@pytest.mark.slow
def test_annubes_random_actions_earn_what_the_rules_say() -> None:
    trials = randomly("AnnubesEnv-v0")
    answered = 1 - 0.5**10
    close(trials["reward"], -5 * 0.1 / 2 + 0.5 * answered + 0.5 * (1 - answered))
    close(still("AnnubesEnv-v0")["reward"], 0.5)


@pytest.mark.slow
def test_annubes_follows_max_sequential_by_modality() -> None:
    """NeuroGym reads a mapping and forgets it."""
    limits = {"v": 1, "a": None, "catch": 2}
    trials = tasks.run_trials(
        "AnnubesEnv-v0", "withhold", 800, sessions=1, seed=1, max_sequential=limits
    ).table
    kinds = trials["stim_types"].to_numpy()
    runs = np.split(kinds, np.flatnonzero(kinds[1:] != kinds[:-1]) + 1)
    longest = {kind: max(len(run) for run in runs if run[0] == kind) for kind in ("", "a", "v")}
    assert longest[""] == 2
    assert longest["v"] == 1
    assert longest["a"] > 2
    both = tasks.run_trials(
        "AnnubesEnv-v0", "withhold", 400, sessions=1, seed=1, max_sequential=2, catch_prob=0
    ).table["stim_types"]
    assert not ((both == both.shift(1)) & (both == both.shift(2))).any()


def test_annubes_draws_stimuli_in_their_proportion() -> None:
    c = block(
        "AnnubesEnv-v0", 4096, session={"v": 3, ("v", "a"): 1}, catch_prob=0.2, noise_std=0
    ).conditions
    for kind, p in (("", 0.2), ("v", 0.6), ("a+v", 0.2)):
        assert (c["stim_types"] == kind).mean() == pytest.approx(p, abs=5 * np.sqrt(p / 4096))
    assert (
        (c["stim_values"] > 0).sum(axis=1)
        == [len(k.split("+")) if k else 0 for k in c["stim_types"]]
    ).all()
    assert set(np.unique(c["stim_values"])) == {0, 0.8, 0.9, 1.0}


def test_annubes_runs_without_fixation() -> None:
    """NeuroGym's issue 64: fix_time of 0."""
    assert (perfect("AnnubesEnv-v0", 64, fix_time=0)["reward"] == 1).all()
    assert (perfect("AnnubesEnv-v0", 64, iti=("uniform", (200, 500)))["reward"] == 1).all()


# Withholding --------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["GoNogo-v0", "DelayPairedAssociation-v0"])
def test_withholding_where_it_is_right_has_a_performance_of_one(task: str) -> None:
    """NeuroGym's issue 22: a perfect agent has 0.5 there, as correct withholding scores 0."""
    trials = perfect(task)
    assert (trials["performance"] == 1).all()
    assert (trials["reward"] == trials["ground_truth"]).all()
    quiet = still(task)
    assert (quiet["performance"] == (quiet["ground_truth"] == 0)).all()
    paid = perfect(task, 64, rewards={"withhold": 0.5})
    assert paid["reward"].tolist() == np.where(paid["ground_truth"] == 1, 1, 0.5).tolist()


# Reaching -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["Reaching1D-v0", "Reaching1DWithSelfDistraction-v0"])
def test_reaching_keeps_the_angle_of_its_target(task: str) -> None:
    """NeuroGym cuts the angle to whole radians, 3.448 to 3, and pays by that."""
    env = tasks.make(task)
    env.reset(seed=1)
    trial = env.new_trial(ground_truth=3.448)
    assert trial["ground_truth"] == 3.448
    rewards = []
    for _ in range(10):
        _, reward, *_, info = env.step(env.right_action)
        rewards.append(reward)
    assert info["new_trial"]
    assert info["performance"] == pytest.approx(1)
    way = 3.448 - np.pi - 0.05 * np.arange(1, 6)
    assert rewards[:5] == [0] * 5
    assert rewards[5:] == pytest.approx(1 - np.abs(way))


@pytest.mark.parametrize("task", ["Reaching1D-v0", "Reaching1DWithSelfDistraction-v0"])
def test_reaching_pays_by_the_distance(task: str) -> None:
    """Who holds still earns what follows from the target, five times; 1 - x not below -0.1."""
    trials = still(task)
    distance = np.abs((trials["ground_truth"] - np.pi + np.pi) % (2 * np.pi) - np.pi)
    assert trials["reward"].to_numpy() == pytest.approx(5 * np.maximum(1 - distance, -0.1))
    best = perfect(task)
    moved = np.minimum(np.arange(1, 6)[:, None], np.rint(distance.to_numpy() / 0.05))
    left = np.abs(distance.to_numpy() - 0.05 * moved)
    assert best["reward"].to_numpy() == pytest.approx(np.maximum(1 - left, -0.1).sum(axis=0))
    assert best["correct"].all()

    def turn_away(observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        return np.where(info["gt"] > 0, 3 - info["gt"], 0)

    away = tasks.run_trials(task, turn_away, 64, seed=3).table
    clear = np.abs(np.cos(away["ground_truth"])) < 0.9  # neither at the hand nor opposite to it
    assert (away["performance"][clear] == 0).all()


def test_reaching_shows_where_the_hand_is() -> None:
    env = tasks.make("Reaching1D-v0")
    seen = [env.reset(seed=1)[0]]
    seen += [env.step(1)[0] for _ in range(4)]
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for at, observation in enumerate(seen):
        assert observation[16:] == pytest.approx(np.cos(angles - np.pi - 0.05 * at), abs=1e-6)
        assert not observation[:16].any()


def test_reaching_data_set_shows_the_shortest_way() -> None:
    """What a perfect agent sees and does is what the data set has."""
    for task in ("Reaching1D-v0", "Reaching1DWithSelfDistraction-v0"):
        inputs, target = tasks.Dataset(task, batch_size=1, seq_len=100, seed=5)()
        env = tasks.make(task)
        observation, _ = env.reset(seed=5)
        for at in range(100):
            assert observation == pytest.approx(inputs[at, 0], abs=1e-5)
            assert env.right_action == target[at, 0]
            observation = env.step(env.right_action)[0]


@pytest.mark.slow
def test_reaching_delay_response_random_actions_earn_what_the_rules_say() -> None:
    trials = randomly("ReachingDelayResponse-v0")
    place, goal = np.linspace(-1, 1, 2001)[:, None], np.linspace(0, 1, 1001)
    worth = (1 / (1 + np.abs(place - goal)) ** 2).mean()
    close(trials["reward"], -5 * 0.1 / 2 + (1 - 0.5**5) * worth - 0.5**5 * 0.5)


# Supervised tasks that never paid -----------------------------------------------------------------


def test_spatial_suppress_motion_steps_through_all_that_is_painted() -> None:
    """NeuroGym paints 36 steps and steps 35."""
    env = tasks.make("SpatialSuppressMotion-v0")
    env.reset(seed=1)
    for at in range(72):
        *_, info = env.step(env.right_action)
        assert info["new_trial"] == (at % 36 == 35)


def test_spatial_suppress_motion_targets_are_probabilities() -> None:
    """NeuroGym's lie between -0.015 and 0.99, outside its own action space."""
    env = tasks.make("SpatialSuppressMotion-v0")
    table = block("SpatialSuppressMotion-v0")
    assert table.target.min() >= 0
    assert table.target.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert all(env.action_space.contains(row) for row in table.target[:50])
    last = table.target[table.starts[1:] - 1]
    assert (last.argmax(axis=1) == table.conditions["direction"] - 1).all()
    early, small = table.target[table.starts[:-1] + 14], table.conditions["contrast"] < 0.5
    shown = table.conditions["direction"] - 1
    seen = early[np.arange(1024), shown]
    assert seen[small].min() > seen[~small].max()  # surround suppression


def test_spatial_suppress_motion_pays_for_the_fit() -> None:
    assert perfect("SpatialSuppressMotion-v0")["reward"].to_numpy() == pytest.approx(1)
    table = block("SpatialSuppressMotion-v0", 64)
    distance = np.abs(table.target - 0.25).sum(axis=1) / 2

    def even(observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        return np.full((len(observation), 4), 0.25, dtype=np.float32)

    trials = tasks.run_trials("SpatialSuppressMotion-v0", even, 64, seed=3).table
    expected = {
        contrast: 1 - distance[(table.conditions["contrast"] == contrast)[table.trial]].mean()
        for contrast in (0.05, 0.99)
    }
    assert trials["reward"].to_numpy() == pytest.approx(
        trials["contrast"].map(expected).to_numpy(), abs=1e-6
    )


def test_tone_detection_pays_for_the_last_answer() -> None:
    assert (perfect("ToneDetection-v0")["reward"] == 1).all()
    close(randomly("ToneDetection-v0")["reward"], 0.25 - 0.1 * 0.25 * 0.75)
    quiet = still("ToneDetection-v0")
    assert quiet["reward"].to_numpy() == pytest.approx(
        np.where(quiet["ground_truth"] == 0, 1, -0.1)
    )


def test_tone_detection_tone_comes_when_it_should() -> None:
    table = block("ToneDetection-v0", sigma=0)
    shown = table.levels[table.source, 0].reshape(1024, 40)
    condition = table.conditions["ground_truth"]
    for k in range(4):
        expected = np.zeros(40)
        if k:
            expected[10 * k] = 1
        assert (shown[condition == k] == expected).all()
    later = block("ToneDetection-v0", sigma=0, timing={"toneTiming": [100, 200], "toneDur": 100})
    assert set(later.conditions["ground_truth"]) == {0, 1, 2}
    assert later.plan.n_actions == 3


# Categories ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim_ring", [2, 3, 8])
def test_delay_match_category_can_be_told_from_what_is_shown(dim_ring: int) -> None:
    """NeuroGym's default ring shows the cosine only, which is the same in both categories."""
    table = block("DelayMatchCategory-v0", sigma=0, dim_ring=dim_ring)
    c, part = table.conditions, table.plan.part
    levels = table.levels.reshape(1024, 4, 1 + dim_ring)
    angles = np.linspace(0, 2 * np.pi, dim_ring, endpoint=False)
    for name in ("sample", "test"):
        east = (levels[:, part[name], 1:] - 0.5) @ np.cos(angles)
        sure = np.abs(east) > 1e-6
        assert ((east > 0) == (c[f"{name}_category"] == 0))[sure].all()
    same = c["sample_category"] == c["test_category"]
    assert (same == (c["ground_truth"] == 1)).all()


# No ground truth ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "task", ["EconomicDecisionMaking-v0", "Bandit-v0", "DawTwoStep-v0", "Null-v0"]
)
def test_data_set_of_a_task_without_ground_truth_says_why_not(task: str) -> None:
    """NeuroGym raises an AttributeError."""
    with pytest.raises(tasks.TaskTypeError, match=tasks.get_task(task).no_ground_truth):
        tasks.Dataset(task)


def test_null_bandit_and_two_step_show_what_is_in_their_space() -> None:
    """NeuroGym's return an int, or float64."""
    for task in ("Null-v0", "Bandit-v0", "DawTwoStep-v0"):
        env = tasks.make(task)
        observation, _ = env.reset(seed=1)
        for _ in range(20):
            assert env.observation_space.contains(observation)
            observation = env.step(env.action_space.sample())[0]
