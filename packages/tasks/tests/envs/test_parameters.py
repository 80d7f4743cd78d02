"""What a task's own parameters do, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuroloom.tasks as tasks
from neuroloom.tasks import declare as d
from neuroloom.tasks._design.catalogue import entries
from neuroloom.tasks._design.table import Table
from neuroloom.tasks._engine.plan import TaskPlan

BAD: list[tuple[str, dict[str, Any], str]] = [
    ("AnnubesEnv-v0", {"session": {}}, "session"),
    ("AnnubesEnv-v0", {"session": {"v": -1}}, "session"),
    ("AnnubesEnv-v0", {"session": {"v": 0}}, "above 0"),
    ("AnnubesEnv-v0", {"session": {"catch": 1}}, "catch_prob"),
    ("AnnubesEnv-v0", {"session": {("v", "Catch"): 1}}, "catch_prob"),
    ("AnnubesEnv-v0", {"session": {3: 1}}, "session"),
    ("AnnubesEnv-v0", {"session": "v"}, "session"),
    ("AnnubesEnv-v0", {"catch_prob": 1.5}, "catch_prob"),
    ("AnnubesEnv-v0", {"intensities": []}, "intensities"),
    ("AnnubesEnv-v0", {"intensities": {"v": [1]}}, "intensities"),
    ("AnnubesEnv-v0", {"intensities": {"v": [1], "a": [1], "o": [1]}}, "intensities"),
    ("AnnubesEnv-v0", {"max_sequential": {"b": 1}}, "max_sequential"),
    ("AnnubesEnv-v0", {"max_sequential": 0}, "max_sequential"),
    ("AnnubesEnv-v0", {"session": {"v": 1}, "catch_prob": 0, "max_sequential": 2}, "no limit"),
    ("AnnubesEnv-v0", {"catch_prob": 1, "max_sequential": {"catch": 2}}, "no limit"),
    ("AnnubesEnv-v0", {"output_behavior": [0]}, "output_behavior"),
    ("AnnubesEnv-v0", {"noise_std": -1}, "noise_std"),
    ("AnnubesEnv-v0", {"tau": 0}, "tau"),
    ("Bandit-v0", {"n": 3}, "p: expected 3"),
    ("Bandit-v0", {"p": (0.5, 1.5)}, "p: expected 2"),
    ("Bandit-v0", {"n": 0, "p": ()}, "n:"),
    ("ContextDecisionMaking-v0", {"impl_context_modality": 2}, "impl_context_modality"),
    ("DelayComparison-v0", {"vpairs": []}, "vpairs"),
    ("DelayComparison-v0", {"vpairs": [(10, 18)]}, "higher frequency first"),
    ("MotorTiming-v0", {"prod_margin": -0.1}, "prod_margin"),
    ("OneTwoThreeGo-v0", {"prod_margin": -0.1}, "prod_margin"),
    ("OneTwoThreeGo-v0", {"timing": {"interval2": 500}}, "interval2"),
    ("PerceptualDecisionMakingDelayResponse-v0", {"stim_scale": -1}, "stim_scale"),
    ("ProbabilisticReasoning-v0", {"n_loc": 0}, "n_loc"),
    ("ProbabilisticReasoning-v0", {"shape_weight": [np.inf]}, "shape_weight"),
    ("PulseDecisionMaking-v0", {"p_pulse": (0.3, 1.2)}, "p_pulse"),
    ("PulseDecisionMaking-v0", {"p_pulse": (0.3,)}, "p_pulse"),
    ("PulseDecisionMaking-v0", {"n_bin": 0}, "n_bin"),
    ("ReachingDelayResponse-v0", {"lowbound": -2}, "lowbound"),
    ("ReachingDelayResponse-v0", {"lowbound": 1, "highbound": 0}, "lowbound"),
    ("Reaching1D-v0", {"dim_ring": 1}, "dim_ring"),
    ("ToneDetection-v0", {"timing": {"toneTiming": ("uniform", (500, 900))}}, "toneTiming"),
    ("ToneDetection-v0", {"timing": {"toneTiming": [1980]}}, "end within the stimulus"),
    ("ToneDetection-v0", {"dt": 100}, "toneDur"),
    ("perceptualdecisionmaking.ibl20-v0", {"probs": ((0.8, 0.2),)}, "probs"),
    ("perceptualdecisionmaking.ibl20-v0", {"probs": ((0.8, 0.3), (0.2, 0.8))}, "sum to 1"),
    ("perceptualdecisionmaking.ibl20-v0", {"probs": ((1.2, -0.2), (0.2, 0.8))}, "at least 0"),
    ("perceptualdecisionmaking.ibl20-v0", {"block_lens": (90,)}, "block_lens"),
    ("perceptualdecisionmaking.ibl20-v0", {"block_lens": (90, 0)}, "block_lens"),
    ("perceptualdecisionmaking.roitman02-v0", {"cohs": [120]}, "cohs"),
]


@pytest.mark.parametrize(("task", "params", "says"), BAD)
def test_parameter_that_does_not_fit_is_refused(
    task: str, params: dict[str, Any], says: str
) -> None:
    before = repr(params)
    with pytest.raises(tasks.TaskError, match=says):
        tasks.make(task, **params)
    assert repr(params) == before


GOOD: list[tuple[str, dict[str, Any]]] = [
    ("AnnubesEnv-v0", {"session": {"v": 1, ("a", "v", "o"): 2}, "catch_prob": 0}),
    ("AnnubesEnv-v0", {"intensities": {"v": [0.5], "a": [1, 2]}, "output_behavior": [0, 0.5, 1]}),
    ("AntiReach-v0", {"anti": False, "dim_ring": 7}),
    ("ContextDecisionMaking-v0", {"use_expl_context": True, "dim_ring": 4}),
    ("ContextDecisionMaking-v0", {"impl_context_modality": 1}),
    ("DelayComparison-v0", {"vpairs": np.array([[20.0, 10.0]])}),
    ("DelayComparison-v0", {"vpairs": None}),
    ("DelayMatchCategory-v0", {"dim_ring": 16, "dt": 20}),
    ("HierarchicalReasoning-v0", {"timing": {"delay": ("uniform", (500, 1200))}, "dt": 50}),
    ("MultiSensoryIntegration-v0", {"dim_ring": 5}),
    ("PerceptualDecisionMakingDelayResponse-v0", {"timing": {"fixation": 200}, "abort": True}),
    ("PostDecisionWager-v0", {"dim_ring": 4, "timing": {"pre_sure": 2000}}),
    ("ProbabilisticReasoning-v0", {"n_loc": 2, "shape_weight": [-1, 1]}),
    ("PulseDecisionMaking-v0", {"n_bin": 3, "timing": {"bin2": 100}, "p_pulse": [0, 1]}),
    ("Reaching1DWithSelfDistraction-v0", {"dt": 20}),
    ("ReachingDelayResponse-v0", {"lowbound": -1, "highbound": 2}),
    ("SpatialSuppressMotion-v0", {"dt": 20}),
    ("ToneDetection-v0", {"timing": {"toneTiming": 700}, "dt": 25}),
    (
        "perceptualdecisionmaking.ibl20-v0",
        {"probs": np.eye(3), "block_lens": [2, 3, 4], "dim_ring": 3},
    ),
    ("perceptualdecisionmaking.roitman02-v0", {"cohs": np.array([3.2, 51.2]), "dt": 20}),
]


@pytest.mark.parametrize(("task", "params"), GOOD)
def test_task_is_right_with_other_parameters(task: str, params: dict[str, Any]) -> None:
    perfect = tasks.run_trials(task, "ground_truth", 96, seed=1, **params).table
    assert perfect["correct"].all()
    assert np.isfinite(tasks.run_trials(task, "random", 96, seed=1, **params).table["reward"]).all()
    inputs, _ = tasks.Dataset(task, params, batch_size=2, seq_len=50, seed=1)()
    assert inputs.shape == (50, 2, *tasks.make(task, **params).observation_space.shape)


def block(task: str, n: int = 512, **params: Any) -> Table:
    return TaskPlan(tasks.get_task(task, **params)).block(np.random.default_rng(2), {}, n=n)


def test_context_says_which_modality_counts() -> None:
    table = block("ContextDecisionMaking-v0", use_expl_context=True, sigma=0)
    c, levels = table.conditions, table.levels.reshape(512, 4, 7)
    assert (levels[:, :, 5] == (c["context"] == 0)[:, None]).all()
    assert (levels[:, :, 6] == (c["context"] == 1)[:, None]).all()
    for context in (0, 1):
        here = c["context"] == context
        shown = levels[here, 1, 1 + 2 * context : 3 + 2 * context].argmax(axis=1)
        assert (1 + shown == c["ground_truth"][here]).all()
        other = levels[here, 1, 3 - 2 * context : 5 - 2 * context].argmax(axis=1)
        assert (1 + other == c["other_choice"][here]).all()


def test_ibl20_blocks_have_their_length_and_their_probabilities() -> None:
    plan, memory = TaskPlan(tasks.get_task("perceptualdecisionmaking.ibl20-v0")), {}
    rng = np.random.default_rng(3)
    c = [plan.block(rng, memory).conditions for _ in range(20)]
    block_, right, left = (
        np.concatenate([part[name] for part in c])
        for name in ("block", "ground_truth", "probabilityLeft")
    )
    assert (np.diff(np.flatnonzero(np.diff(block_))) == 90).all()
    assert (left == np.where(block_ == 0, 0.8, 0.2)).all()
    for kind, p in ((0, 0.2), (1, 0.8)):
        here = right[block_ == kind]
        assert here.mean() == pytest.approx(p, abs=5 * np.sqrt(0.16 / len(here)))


def test_ibl20_three_kinds_of_blocks_never_follow_themselves() -> None:
    lengths = (2, 3, 4)
    task = tasks.get_task(
        "perceptualdecisionmaking.ibl20-v0", probs=np.eye(3), block_lens=lengths, dim_ring=3
    )
    kind = TaskPlan(task).block(np.random.default_rng(3), {}, n=900).conditions["block"]
    edges = np.flatnonzero(np.diff(kind)) + 1
    for run in np.split(kind, edges)[:-1]:
        assert len(run) == lengths[run[0]]
    assert set(kind) == {0, 1, 2}


def test_roitman02_can_be_answered_from_the_second_step_of_the_stimulus_on() -> None:
    for step in range(22):
        env = tasks.make("perceptualdecisionmaking.roitman02-v0", sigma=0)
        env.reset(seed=1)
        for at in range(21):
            _, reward, *_, info = env.step(env.trial["ground_truth"] + 1 if at == step else 0)
            if info["new_trial"]:
                break
        assert at == (step if 2 <= step < 21 else 20)
        assert info["performance"] == (2 <= step < 21)
        assert reward == (1 if 2 <= step < 21 else 0)


def test_daw_two_step_transitions_and_payments_have_their_probabilities() -> None:
    plan, memory = TaskPlan(tasks.get_task("DawTwoStep-v0")), {}
    rng = np.random.default_rng(5)
    c = [plan.block(rng, memory).conditions for _ in range(64)]
    state, to, pays = (
        np.concatenate([p[name] for p in c]) for name in ("hi_state", "transition", "pays")
    )
    n = len(state)
    assert (to == [0, 1]).mean() == pytest.approx(0.8, abs=5 * 0.4 / np.sqrt(2 * n))
    assert pays[np.arange(n), state].mean() == pytest.approx(0.9, abs=5 * 0.3 / np.sqrt(n))
    assert pays[np.arange(n), 1 - state].mean() == pytest.approx(0.1, abs=5 * 0.3 / np.sqrt(n))
    switched = (np.diff(state) != 0).mean()
    assert switched == pytest.approx(0.025, abs=5 * np.sqrt(0.025 / n))


def test_daw_two_step_shows_the_state_that_was_reached() -> None:
    env = tasks.make("DawTwoStep-v0")
    observation, _ = env.reset(seed=3)
    for action in (1, 2, 0, 1) * 20:
        assert observation.tolist() == [1, 0, 0]
        trial = env.trial
        observation, reward, *_, info = env.step(action)
        if action == 0:
            assert info["new_trial"]
            assert reward == pytest.approx(-0.1)
            continue
        state = trial["transition"][action - 1]
        assert observation.tolist() == [0, state == 0, state == 1]
        assert reward == trial["pays"][state]
        observation, reward, *_, info = env.step(0)
        assert info["new_trial"]
        assert reward == 0
        assert info["performance"] == (action == trial["hi_state"] + 1)


def test_bandit_arms_pay_with_their_probabilities() -> None:
    for arm, p in enumerate((0.1, 0.6, 0.9)):

        def pull(observation: np.ndarray, info: dict[str, Any], arm: int = arm) -> np.ndarray:
            return np.full(len(observation), arm)

        table = tasks.run_trials("Bandit-v0", pull, 2000, seed=1, n=3, p=(0.1, 0.6, 0.9)).table
        assert table["reward"].mean() == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 2000))
        assert (table["performance"] == (arm == 2)).all()


def test_economic_choice_is_paid_in_drops() -> None:
    table = block("EconomicDecisionMaking-v0")
    c = table.conditions
    for k in range(50):
        n_b, n_a = c["offer"][k]
        worth = {"a": 0.22 * n_a, "b": 0.1 * n_b}
        expected = [0, *(worth[juice] for juice in c["juice"][k])]
        assert table.payoff[0][k] == pytest.approx(expected)
        assert table.payoff[1][k].argmax() == np.argmax(expected)
    observation = table.levels.reshape(512, 3, 7)[:, 1]
    a_first = c["juice"][:, 0] == "a"
    assert (observation[:, 1:5] == np.where(a_first[:, None], [1, 0, 0, 1], [0, 1, 1, 0])).all()
    assert observation[:, 5] * 5 == pytest.approx(
        np.where(a_first, c["offer"][:, 1], c["offer"][:, 0])
    )


def test_shapes_stay_and_speak_for_the_second_choice() -> None:
    table = block("ProbabilisticReasoning-v0", 4096)
    c, levels = table.conditions, table.levels.reshape(4096, 7, 41)
    assert (levels[:, 1:5, 1:].sum(axis=2) == [1, 2, 3, 4]).all()
    assert not levels[:, [0, 5, 6], 1:].any()
    weights = np.array([-10, -0.9, -0.7, -0.5, -0.3, 0.3, 0.5, 0.7, 0.9, 10])
    shown = levels[:, 4, 1:].reshape(4096, 4, 10).sum(axis=1) @ weights
    assert shown == pytest.approx(c["log_odd"])
    for low, high in ((-1.5, -0.5), (-0.5, 0.5), (0.5, 1.5)):
        here = (c["log_odd"] > low) & (c["log_odd"] < high)
        p = 1 / (1 + 10 ** -c["log_odd"][here])
        assert c["ground_truth"][here].mean() == pytest.approx(
            p.mean(), abs=5 * np.sqrt((p * (1 - p)).mean() / here.sum())
        )


def test_pulses_decide() -> None:
    c = block("PulseDecisionMaking-v0", 4096).conditions
    more = c["pulse2"].sum(axis=1) - c["pulse1"].sum(axis=1)
    assert (c["ground_truth"][more > 0] == 1).all()
    assert (c["ground_truth"][more < 0] == 0).all()
    tied = c["ground_truth"][more == 0]
    assert tied.mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(len(tied)))
    rate = np.sort([c["pulse1"].mean(axis=1), c["pulse2"].mean(axis=1)], axis=0)
    assert rate.mean() == pytest.approx(0.5, abs=0.02)


def test_delay_match_sample_distractor_ends_with_a_false_alarm() -> None:
    for at, reward in ((0, -0.1), (5, -0.1), (8, -1), (18, -1), (40, -1)):
        env = tasks.make("DelayMatchSampleDistractor1D-v0")
        env.reset(seed=1)
        env.new_trial(ground_truth=2)
        for step in range(53):
            _, got, *_, info = env.step(int(step == at))
            if step == at:
                assert got == pytest.approx(reward)
                assert info["new_trial"] == (at >= 8)
                break
    trials = tasks.run_trials("DelayMatchSampleDistractor1D-v0", "withhold", 64).table
    assert (trials["performance"] == 0).all()
    assert (trials["reward"] == 0).all()


@pytest.mark.parametrize("period", ["sample", "test1", "test2", "test3"])
def test_delay_match_sample_distractor_has_noise_if_asked_for(period: str) -> None:
    plan = TaskPlan(tasks.get_task("DelayMatchSampleDistractor1D-v0", sigma=2))
    assert plan.sigma[plan.part[period], 1:] == pytest.approx(0.2)
    assert plan.sigma[plan.part[period], 0] == 0


# Whose trials are counted in steps, not ms.
STEPWISE = ("LeverPress-v0", "LeverPressWithPoke-v0", "MemoryRecall-v0")
TIMED = [
    id for id in sorted(entries()) if id not in STEPWISE and not tasks.get_task(id).no_ground_truth
]


@pytest.mark.parametrize("task", TIMED)
def test_ground_truth_holds_on_a_finer_grid(task: str) -> None:
    """Steps of 10 ms instead of 100: as many ms, and still the maximum."""
    coarse, fine = TaskPlan(tasks.get_task(task)), TaskPlan(tasks.get_task(task, dt=10))
    trials = tasks.run_trials(task, "ground_truth", 24, seed=2, dt=10).table
    assert trials["correct"].all()
    ms = [
        np.diff(plan.block(np.random.default_rng(1), {}, n=256).starts).mean() * plan.dt
        for plan in (coarse, fine)
    ]
    # A period loses less than a step to the grid.
    assert ms[0] - 1e-6 <= ms[1] + 10 * len(coarse.period_names)
    assert ms[1] - ms[0] < coarse.dt * len(coarse.period_names)


class _HiddenName(d.Task):
    level: Secret = 1  # type: ignore[name-defined]  # noqa: F821
    share: float = 0.5

    periods = d.timeline(go=d.decide(100))


def test_an_annotation_that_cannot_be_read_is_told() -> None:
    with pytest.warns(UserWarning, match=r"_HiddenName\.level: the annotation 'Secret'.*checked"):
        _HiddenName()
    with pytest.raises(tasks.TaskError, match="share"):  # the others still are
        _HiddenName(share="half")
