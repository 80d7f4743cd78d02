"""Observers that hold as bounds, tables that feed, learners that are found again."""

from __future__ import annotations

from math import comb
from typing import Any

import gymnasium
import numpy as np
import pytest
from scipy.stats import norm

import neuroloom.tasks as tasks
from neuroloom.shared import DataError
from neuroloom.tasks import declare as d
from neuroloom.tasks.behaviour import QLearner, fit_q_learning


class Flash(d.Task):
    """Say on which side a flash is."""

    sigma: d.NoiseLevel = 1.0
    level: float = 0.2
    periods = d.timeline(fixation=d.fixate(100), stimulus=400, decision=d.decide(100))
    default_rewards = d.rewards(correct=1.0)

    def channels(self) -> d.Names:
        return {"fixation": 1, "stimulus": 2}

    def actions(self) -> d.Names:
        return {"fixation": 1, "choice": 2}

    def noise(self) -> d.Noise:
        return {("stimulus", "stimulus"): self.sigma}

    def conditions(self, rng: d.Rng, n: int) -> d.Conditions:
        return {"side": d.pick(rng, 2, n)}

    def fill_observation(self, c: d.Conditions, levels: d.Levels, target: d.Targets) -> None:
        shown = np.where(c["side"][:, None] == [0, 1], self.level, 0)
        levels["stimulus", "stimulus"] = shown
        target["decision"] = 1 + c["side"]


def accuracy(table: Any) -> tuple[float, float]:
    right = table["correct"].to_numpy(dtype=float)
    return float(right.mean()), float(np.sqrt(right.mean() * (1 - right.mean()) / len(right)))


@pytest.mark.parametrize("task", [Flash(sigma=2.0), Flash(sigma=4.0, dt=50)])
def test_bound_of_two_equal_normal_sides_is_the_closed_form(task: Flash) -> None:
    """The difference of two channels over n steps: d' = level * sqrt(n) / (sqrt(2) * sd)."""
    n, sd = 400 / task.dt, task.sigma / np.sqrt(task.dt)
    expected = norm.cdf(task.level * np.sqrt(n) / (np.sqrt(2) * sd))
    got, error = accuracy(tasks.ideal_trials(task, 20_000, seed=1).table)
    assert abs(got - expected) < 4 * error


def test_the_observer_waits_for_evidence_that_goes_on() -> None:
    """Four steps and not one: an observer of half the time would have d' over sqrt(2)."""

    class Lasting(Flash):
        periods = d.timeline(fixation=d.fixate(100), decision=d.decide(400))

        def noise(self) -> d.Noise:
            return {("decision", "stimulus"): self.sigma}

        def fill_observation(self, c: d.Conditions, levels: d.Levels, target: d.Targets) -> None:
            levels["decision", "stimulus"] = np.where(c["side"][:, None] == [0, 1], self.level, 0)
            target["decision"] = 1 + c["side"]

    table = tasks.ideal_trials(Lasting(sigma=3.0), 20_000, seed=1).table
    expected = norm.cdf(0.2 * 2 / (np.sqrt(2) * 0.3))
    got, error = accuracy(table)
    assert abs(got - expected) < 4 * error
    assert np.allclose(table["reaction_time"], 0.3)


@pytest.mark.slow
def test_prior_knowledge_of_blocks_is_worth_what_it_is() -> None:
    """Without a stimulus the best is to follow the block: 80 % at most, less what is not known."""
    table = tasks.ideal_trials("IBL-v0", 20_000, seed=3, contrasts=(0.0,), n_unbiased=0).table
    got, error = accuracy(table)
    assert 0.72 < got < 0.8
    told = tasks.run_trials(
        tasks.get_task("IBL-v0", contrasts=(0.0,), n_unbiased=0), win_stay, 20_000, seed=3
    ).table
    assert got > accuracy(told)[0] + 3 * error


class _WinStay:
    def __init__(self) -> None:
        self.side = np.zeros(0, dtype=int)

    def __call__(self, observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
        if len(self.side) != len(observation):
            self.side = np.ones(len(observation), dtype=int)
        lost = info["new_trial"] & (info["performance"] == 0)
        self.side = np.where(lost, 3 - self.side, self.side)
        return np.where(info["asked"], self.side, 0)


win_stay = _WinStay()


def test_visual_search_by_counting_is_the_sum_over_all_displays() -> None:
    """Brute force: every display of four places, weighed one by one."""
    task = tasks.get_task("VisualSearch-v0", dim_ring=4, set_sizes=(2, 4), sigma=3.0)
    rng = np.random.default_rng(0)
    sigma, steps = 3.0 / 10, 10
    total = rng.normal(0, 3, (6, 8))
    posterior = np.zeros((6, 4))
    for size in (2, 4):
        n_colour = len([r for r in range(1, size) if r % 2])
        for place in range(4):
            for code in range(3**3):
                other = [(code // 3**k) % 3 for k in range(3)]
                if other.count(1) != n_colour or other.count(2) != size - 1 - n_colour:
                    continue
                kinds = [*other[:place], 3, *other[place:]]
                colour = np.array([(0, 1, -1, 1)[k] for k in kinds])
                orientation = np.array([(0, -1, 1, 1)[k] for k in kinds])
                level = np.concatenate([colour, orientation])
                fit = (total @ level - steps * (level**2).sum() / 2) / sigma**2
                ways = comb(3, n_colour) * comb(3 - n_colour, size - 1 - n_colour)
                posterior[:, place] += np.exp(fit - 400) / ways
    posterior /= posterior.sum(axis=1, keepdims=True)
    search: Any = task.search(np.full((3, 9), sigma))
    sums = np.zeros((6, 3, 9))
    sums[:, 1, 1:] = total
    counts = np.zeros((6, 3))
    counts[:, 1] = steps
    assert search.expected(sums, counts)[:, 1:] == pytest.approx(posterior, abs=1e-9)


@pytest.mark.slow
def test_detection_is_worth_what_backward_induction_says() -> None:
    observer = tasks.IdealObserver("Detection-v0", sigma=2.0)
    promised = float(observer._own._wait[0][0])
    earned = tasks.run_trials(observer.task, observer, 20_000, sessions=256, seed=3).table["reward"]
    assert abs(earned.mean() - promised) < 4 * earned.std() / np.sqrt(len(earned))


def earned(task: Any, n: int = 4000, **params: Any) -> np.ndarray:
    return tasks.ideal_trials(task, n, seed=2, **params).table["reward"].to_numpy(float)


@pytest.mark.parametrize(
    ("task", "steps"),
    [("PerceptualDecisionMaking-v0", 5), ("VisualSearch-v0", 5), ("Detection-v0", 3)],
)
def test_rewarded_actions_in_fixation_are_taken_in_every_step(task: str, steps: int) -> None:
    """They change nothing else: the bound rises by what all of them earn, trial by trial."""
    timing = {"fixation": steps * tasks.get_task(task).dt}
    without = earned(task, timing=timing, rewards={"abort": 0.0})
    assert earned(task, timing=timing, rewards={"abort": 0.25}) == pytest.approx(
        without + 0.25 * steps, abs=1e-9
    )


def test_a_trial_is_ended_in_fixation_only_where_that_is_sure_to_pay() -> None:
    """Of two sides one can always be guessed, for 1/2 (or for 0, at -1 for the wrong one)."""
    pays = earned(Flash(sigma=2.0, abort=True, rewards={"correct": 1.0}))
    guessing = {"correct": 1.0, "abort": 0.49}

    class Paid(Flash):
        default_rewards = d.rewards(correct=1.0, fail=0.0, abort=0.0, miss=0.0)

    assert np.array_equal(earned(Paid(sigma=2.0, abort=True, rewards=guessing)), pays)
    assert (earned(Paid(sigma=2.0, abort=True, rewards={"abort": 1.0})) == 1.0).all()
    costly = {"fail": -1.0, "miss": -1.0, "abort": -0.01}
    assert earned(Paid(sigma=2.0, abort=True, rewards=costly)).min() == -1.0
    for refused in ({"abort": 0.51}, {**costly, "abort": 0.01}):
        with pytest.raises(tasks.TaskError, match=r"no bound here.*abort=False"):
            tasks.IdealObserver(Paid(abort=True, rewards=refused))

    class After(Paid):
        periods = d.timeline(stimulus=400, decision=d.decide(100), after=d.fixate(100))

    with pytest.raises(tasks.TaskError, match="after the answer"):
        tasks.IdealObserver(After(rewards={"abort": 0.1}))
    assert tasks.IdealObserver(After()).n_actions == 3


def test_there_is_no_bound_where_what_is_shown_depends_on_lengths() -> None:
    class Fading(Flash):
        periods = d.timeline(
            fixation=d.fixate(100), stimulus=("choice", [200, 400]), decision=d.decide(100)
        )

        def arrange(self, c: d.Conditions, steps: d.StepCounts) -> None:
            c["strength"] = 0.8 / steps["stimulus"]

        def fill_observation(self, c: d.Conditions, levels: d.Levels, target: d.Targets) -> None:
            side = c["side"][:, None] == [0, 1]
            levels["stimulus", "stimulus"] = side * c["strength"][:, None]
            target["decision"] = 1 + c["side"]

    with pytest.raises(tasks.TaskError, match="how long periods are"):
        tasks.IdealObserver(Fading())
    assert tasks.IdealObserver(Fading(timing={"stimulus": 300})).n_actions == 3


@pytest.mark.slow
def test_detection_is_ended_in_fixation_where_the_window_is_worth_less() -> None:
    observer = tasks.IdealObserver("Detection-v0", abort=True)
    worth = float(observer._own._wait[0][0])
    low, high = worth - 0.01, worth + 0.01
    without = earned("Detection-v0", abort=True)
    assert np.array_equal(earned("Detection-v0", abort=True, rewards={"abort": low}), without)
    assert (earned("Detection-v0", abort=True, rewards={"abort": high}) == high).all()


@pytest.mark.parametrize("task", ["ReadySetGo-v0", "AnnubesEnv-v0", "GoNogo-v0"])
def test_no_bound_is_refused_with_its_reason(task: str) -> None:
    with pytest.raises(tasks.TaskError, match=r"no bound|noise"):
        tasks.IdealObserver(task)


@pytest.mark.parametrize(
    "task", ["PerceptualDecisionMaking-v0", "DelayComparison-v1", "IBL-v0", "Bandit-v0"]
)
def test_an_environment_of_a_task_gives_the_tables_of_its_id(task: str) -> None:
    """Session i is stream i of the seed, by whichever door."""

    def rows(what: Any, **sessions: int) -> list[tuple[Any, ...]]:
        table = tasks.run_trials(what, "random", 90, seed=4, **sessions).table
        return [tuple(table.columns), *table.itertuples(index=False, name=None)]

    by_id, three = rows(task), rows(task, sessions=3)
    env = tasks.make(task, seed=9)
    env.reset()
    assert repr(rows(env)) == repr(by_id)
    assert repr(rows(env, sessions=3)) == repr(three)
    assert repr(rows(gymnasium.wrappers.OrderEnforcing(env), sessions=3)) == repr(three)
    assert repr(rows(tasks.make_vec(task, 3))) == repr(three)
    many = gymnasium.vector.SyncVectorEnv([lambda: tasks.make(task)] * 3)
    assert repr(rows(many)) == repr(three)
    assert repr(rows(tasks.make(task, trials_per_episode=2), sessions=3)) == repr(three)


def test_wrappers_have_random_numbers_of_their_own_in_every_session() -> None:
    env = tasks.wrappers.SideBias(
        tasks.make("PerceptualDecisionMaking-v0"), [[0.5, 0.5], [0.5, 0.5]], 3
    )
    table = tasks.run_trials(env, "random", 400, sessions=2, seed=4).table
    first, second = (table[table["session"] == k]["ground_truth"].to_numpy() for k in (0, 1))
    assert 0.3 < (first == second).mean() < 0.7
    env.reset(seed=4)
    by_hand = []
    while len(by_hand) < 50:
        info = env.step(0)[-1]
        if info["new_trial"]:
            by_hand.append(info["trial"]["ground_truth"])
    assert by_hand == first[:50].tolist()


def test_running_trials_leaves_the_callers_environments_alone() -> None:
    vector = tasks.make_vec("PerceptualDecisionMaking-v0", 2)
    before = vector.reset(seed=1)[0]
    ahead = [vector.step(np.zeros(2, dtype=int))[0] for _ in range(40)]
    assert (vector.reset(seed=1)[0] == before).all()
    tasks.run_trials(vector, "random", 20, seed=7)
    after = [vector.step(np.zeros(2, dtype=int))[0] for _ in range(40)]
    assert np.array_equal(ahead, after)


TWO = [
    "PerceptualDecisionMaking-v0",
    "PerceptualDecisionMakingDelayResponse-v0",
    "ContextDecisionMaking-v1",
    "MultiSensoryIntegration-v1",
    "DelayComparison-v0",
    "DelayMatchSample-v0",
    "DelayMatchCategory-v0",
    "IBL-v0",
    "IntervalDiscrimination-v0",
    "PulseDecisionMaking-v0",
    "ProbabilisticReasoning-v0",
    "EconomicDecisionMaking-v0",
    "GoNogo-v0",
    "DelayPairedAssociation-v0",
    "HierarchicalReasoning-v0",
    "perceptualdecisionmaking.ibl20-v0",
    "perceptualdecisionmaking.roitman02-v0",
]


@pytest.mark.parametrize("task", TWO)
def test_the_stimulus_speaks_for_choice_1_where_it_is_positive(task: str) -> None:
    if tasks.get_task(task).no_ground_truth:

        def better(observation: np.ndarray, info: dict[str, Any]) -> np.ndarray:
            return np.where(info["asked"], 1, 0)

        table = tasks.run_trials(task, better, 200, seed=1).table
        assert (table["choice"] == 0).all()
        return
    table = tasks.run_trials(task, "ground_truth", 400, seed=1).table
    assert table["choice"].isin([0, 1]).all()
    some = table[table["stimulus"] != 0]
    favours = np.sign(some["stimulus"]) == 2 * some["choice"] - 1
    # A coin decides where evidence is a probability, as in probabilistic reasoning.
    assert favours.mean() > (0.8 if task == "ProbabilisticReasoning-v0" else 0.999)


def test_reaction_times_begin_with_the_stimulus_in_reaction_time_tasks() -> None:
    def after(k: int) -> Any:
        return lambda observation, info: np.where(info["asked"] & (info["period"] == 2), k, 0)

    table = tasks.run_trials("perceptualdecisionmaking.roitman02-v0", after(1), 20, seed=1).table
    assert np.allclose(table["reaction_time"], 0.1)
    same = tasks.reaction_time(tasks.get_task("PerceptualDecisionMaking-v0"))
    assert np.allclose(tasks.run_trials(same, after(1), 20, seed=1).table["reaction_time"], 0.1)


def test_agents_run_in_whatever_has_trials() -> None:
    inner = tasks.make("PerceptualDecisionMaking-v0")
    biased = tasks.wrappers.SideBias(tasks.wrappers.PassReward(inner), [[0.9, 0.1], [0.1, 0.9]], 20)
    table = tasks.run_trials(biased, "ground_truth", 200, seed=1).table
    assert table["correct"].all()
    repeats = (table["ground_truth"].diff()[1:] == 0).mean()
    assert repeats > 0.7
    envs = tasks.make_vec("GoNogo-v0", 4)
    assert len(tasks.run_trials(envs, "ground_truth", 40, seed=1)) == 40
    with pytest.raises(tasks.TaskTypeError, match="task"):
        tasks.run_trials(3, "random", 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    "task",
    [
        "Bandit-v0",
        pytest.param("DawTwoStep-v0", marks=pytest.mark.slow),
        pytest.param("MatchingPenny-v0", marks=pytest.mark.slow),
    ],
)
def test_learning_rate_of_a_learner_is_found_again(task: str) -> None:
    first = tasks.get_task(task).answer.first
    n = int(tasks.make(task).action_space.n)  # type: ignore[attr-defined]
    found = []
    for seed in range(3):
        agent = QLearner(n, first=first, learning_rate=0.3, inverse_temperature=3, seed=seed)
        found.append(fit_q_learning(tasks.run_trials(task, agent, 6000, seed=seed)).learning_rate)
    assert np.mean(found) == pytest.approx(0.3, rel=0.1)


def test_a_subjects_own_table_is_drawn() -> None:
    own = {"stimulus": [-1, -1, 1, 1], "choice": [0, 0, 1, 0], "session": [0, 0, 1, 1]}
    curve = tasks.psychometric(own, stimulus="stimulus", response="choice")
    assert curve.mean.tolist() == [0, 0.5]
    # Wilson's interval of one s.e. for 1 of 2: z sqrt(p (1 - p) / n + z²/4n²) / (1 + z²/n).
    half = np.sqrt(0.25 / 2 + 1 / 16) / 1.5
    assert curve.high[1] - curve.low[1] == pytest.approx(2 * half)


def test_curves_know_the_contracts_columns() -> None:
    own = {
        "stimulus": [-1, -1, 1, 1, 1],
        "choice": [0, 1, 1, 1, np.nan],
        "correct": [1, 0, 1, 1, np.nan],
        "reaction_time": [0.2, 0.9, 0.4, 0.6, 0.8],
    }
    curve = tasks.psychometric(own)
    assert curve.mean.tolist() == [0.5, 1]
    assert curve.n.tolist() == [2, 2]  # the trial without a choice is no choice of 0
    ax = curve.plot()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("stimulus", "Proportion of choice 1")
    times = tasks.chronometric(own)
    assert times.mean.tolist() == [0.2, 0.5]  # nor is a trial of unknown outcome a right one
    assert times.plot().get_ylabel() == "Reaction time (s)"
    with pytest.raises(tasks.TaskError, match="a stimulus in every trial"):
        tasks.psychometric({**own, "stimulus": [-1, np.nan, 1, 1, 1]})
    with pytest.raises(tasks.TaskError, match="at least one response"):
        tasks.psychometric({**own, "choice": [np.nan] * 5})


def test_milliseconds_are_told_and_a_missing_stimulus_is_named() -> None:
    own = {"stimulus": [-1, 1], "choice": [0, 1], "correct": [1, 1]}
    with pytest.warns(UserWarning, match="milliseconds"):
        tasks.chronometric({**own, "reaction_time": [350.0, 420.0]})
    with pytest.raises(DataError, match="'stimulus'"):
        tasks.psychometric({"choice": [0, 1], "correct": [1, 1]})


def test_curves_of_our_own_table_need_no_names() -> None:
    table = tasks.run_trials("IBL-v1", "ground_truth", 500, seed=1)
    curve = tasks.psychometric(table)
    assert (curve.mean == (curve.stimulus > 0)).all() or 0 in curve.stimulus
    with_coherence = tasks.run_trials("PerceptualDecisionMaking-v1", "ground_truth", 200, seed=1)
    assert (tasks.psychometric(with_coherence).mean == 1).all()


@pytest.mark.parametrize("cohs", [(-20.0,), (0, 120), (np.nan,), ()])
def test_coherences_are_percent(cohs: tuple[float, ...]) -> None:
    with pytest.raises(tasks.TaskError, match="between 0 and 100 %"):
        tasks.get_task("PerceptualDecisionMaking-v1", cohs=cohs)


@pytest.mark.parametrize(
    ("table", "match"),
    [
        ({"stimulus": [1, 1], "reaction_time": [0.2, 0.4], "correct": [0.5, 1]}, "correct.*0 and"),
        ({"stimulus": [1, 1], "reaction_time": [np.inf, 0.4], "correct": [1, 1]}, "finite numbers"),
        ({"stimulus": [1, 1], "reaction_time": [-0.2, 0.4], "correct": [1, 1]}, "at least 0"),
        ({"stimulus": ["a", "b"], "reaction_time": [0.2, 0.4], "correct": [1, 1]}, "stimulus.*num"),
    ],
)  # fmt: skip
def test_chronometric_says_which_column_is_wrong(table: dict[str, Any], match: str) -> None:
    with pytest.raises(tasks.TaskError, match=match):
        tasks.chronometric(table)


def test_psychometric_says_that_choices_are_words() -> None:
    with pytest.raises(tasks.TaskError, match=r"'choice': expected 0 and 1, got .'left', 'right'"):
        tasks.psychometric({"stimulus": [-1, 1], "choice": ["left", "right"]})


def test_a_task_made_of_another_says_why_it_has_no_bound() -> None:
    made = tasks.reaction_time(tasks.get_task("ContextDecisionMaking-v1"))
    with pytest.raises(tasks.TaskError, match="made of another"):
        tasks.IdealObserver(made)
