"""Every kind of wrong input is met by an error that says what to do."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.error import NameNotFound, ResetNeeded

import neuroloom.tasks as tasks
from neuroloom.shared import NeuroloomError
from neuroloom.tasks import wrappers
from neuroloom.tasks.utils import plotting, scheduler, spaces
from neuroloom.tasks.utils.ngym_random import TruncExp, random_number_fn, trunc_exp

PDM = "PerceptualDecisionMaking-v0"


def make(**params: Any) -> Any:
    return tasks.make(PDM, **params)


@pytest.mark.parametrize("dt", [0, -10, float("nan"), float("inf"), "100", True])
def test_step_must_be_a_positive_number(dt: Any) -> None:
    with pytest.raises(tasks.TaskError, match="dt"):
        make(dt=dt)
    with pytest.raises(tasks.TaskError, match="dt"):
        tasks.TrialEnv(dt=dt)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"timing": {"stimulis": 500}}, "did you mean 'stimulus'"),
        ({"rewards": {"abrt": -1}}, "did you mean 'abort'"),
        ({"rewards": {"abort": "x"}}, "rewards"),
        ({"sigm": 1}, "did you mean 'sigma'"),
        ({"timing": {"stimulus": -500}}, "at least 0"),
        ({"timing": {"stimulus": float("nan")}}, "finite"),
        ({"timing": {"stimulus": [500, -1]}}, "at least 0"),
        ({"timing": {"stimulus": []}}, "at least one"),
        ({"timing": {"stimulus": ("uniform", (600, 500))}}, "low <= high"),
        ({"timing": {"stimulus": ("normal", (600, 500))}}, "normal"),
        ({"timing": {"stimulus": 50}}, "less than one step of dt 100 ms"),
        ({"timing": {"stimulus": ("uniform", (50, 500))}}, "less than one step"),
        ({"timing": {"delay": [0, 50, 100]}}, "less than one step"),
        ({"timing": {"stimulus": ("truncated_exponential", (1, 200, 201))}}, "probability"),
        ({"timing": {"stimulus": ("truncated_exponential", (0, 200, 300))}}, "mean above 0"),
        ({"timing": {"stimulus": ("truncated_exponential", (10, 300, 200))}}, "min <= max"),
        ({"timing": {"decision": ("until", 200)}}, "lies before the end"),
        ({"dim_ring": 1}, "dim_ring"),
        ({"cohs": []}, "cohs"),
        ({"cohs": [120]}, "cohs"),
        ({"cohs": [float("nan")]}, "cohs"),
        ({"sigma": -1}, "sigma"),
        ({"trials_per_episode": 0}, "trials_per_episode"),
        ({"seed": -1}, "seed"),
    ],
)
def test_parameters_out_of_range_are_named(params: dict[str, Any], message: str) -> None:
    with pytest.raises((NeuroloomError, ValueError), match=message):
        make(**params).reset()


def test_periods_of_exactly_0_are_allowed() -> None:
    make(timing={"fixation": 0, "delay": 0}).reset(seed=1)


def test_a_trial_without_any_step_is_refused() -> None:
    timing = {"fixation": 0, "stimulus": 0, "delay": 0, "decision": 0}
    with pytest.raises(tasks.TimingError, match="every period"):
        make(timing=timing).reset(seed=1)


def test_functions_that_return_no_durations_are_refused() -> None:
    for function in (lambda: -5, lambda: 30, lambda rng, n: rng.random(n)[1:]):
        with pytest.raises(tasks.TimingError):
            make(timing={"stimulus": function}).reset(seed=1)


def test_coherences_may_be_an_array_and_are_left_alone() -> None:
    cohs = np.array([6.4, 25.6])
    make(cohs=cohs).reset(seed=1)
    assert cohs.tolist() == [6.4, 25.6]


def test_a_kind_of_duration_that_cannot_be_is_a_type_error() -> None:
    with pytest.raises(tasks.TaskTypeError, match="timing"):
        make(timing={"stimulus": object()})


@pytest.mark.parametrize("action", [-1, 3, 99, 1.0, "1", None, np.array([1, 2])])
def test_action_outside_the_space(action: Any) -> None:
    env = make()
    env.reset(seed=1)
    with pytest.raises(tasks.ActionError, match="0 to 2"):
        env.step(action)


@pytest.mark.parametrize(
    ("actions", "message"),
    [([0, 3], r"actions\[1\]"), ([0], "shape"), ([0.0, 1.0], "integers"), ([-1, 0], r"\[0\]")],
)
@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_actions_of_the_vector_environment(actions: Any, message: str, backend: Any) -> None:
    envs = tasks.make_vec(PDM, 2, backend=backend)
    envs.reset(seed=1)
    with pytest.raises(tasks.ActionError, match=message):
        envs.step(np.array(actions))


def test_step_before_reset() -> None:
    with pytest.raises(ResetNeeded):
        make().step(0)
    with pytest.raises(ResetNeeded):
        tasks.make_vec(PDM, 2).step(np.zeros(2, dtype=int))


def test_unknown_task_and_backend() -> None:
    with pytest.raises(NameNotFound, match="did you mean 'PerceptualDecisionMaking-v0'"):
        tasks.make("PerceptualDecisionMakin-v0")
    with pytest.raises(tasks.TaskError, match="backend"):
        tasks.make_vec(PDM, 2, backend="fortran")  # type: ignore[arg-type]
    with pytest.raises(tasks.TaskError, match="made already"):
        tasks.make(tasks.get_task(PDM), sigma=2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, tasks.TaskError, "batch_size"),
        ({"batch_size": 1.5}, tasks.TaskTypeError, "batch_size"),
        ({"seq_len": 0}, tasks.TaskError, "seq_len"),
        ({"seq_len": "10"}, tasks.TaskTypeError, "seq_len"),
        ({"max_batch": 0}, tasks.TaskError, "max_batch"),
        ({"cache_len": 0}, tasks.TaskError, "cache_len"),
        ({"cache_len": 500, "align": "trial"}, tasks.TaskError, "cache_len"),
        ({"align": "trials"}, tasks.TaskError, "did you mean 'trial'"),
        ({"output": "jax"}, tasks.TaskError, "output"),
        ({"mask_weights": {"decision": 1}}, tasks.TaskError, "did you mean 'decide'"),
        ({"mask_weights": {"decide": -1}}, tasks.TaskError, "mask_weights"),
        ({"seed": -1}, ValueError, "seed"),
        ({"env_kwargs": {"sigm": 1}}, tasks.TaskError, "did you mean 'sigma'"),
    ],
)
def test_dataset_options(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        tasks.Dataset(PDM, **arguments)


def test_dataset_of_what_is_no_task() -> None:
    with pytest.raises(tasks.TaskTypeError, match="an id, a Task or"):
        tasks.Dataset(3)  # type: ignore[arg-type]
    with pytest.raises(tasks.TaskTypeError, match="no end"):
        len(tasks.Dataset(PDM))
    with pytest.raises(tasks.TaskError, match="the longest trial"):
        tasks.Dataset(PDM, align="trial", seq_len=5, seed=1)()


def test_dataset_of_a_task_without_ground_truth_says_why() -> None:
    with pytest.raises(tasks.TaskTypeError, match="no ground truth"):
        tasks.Dataset("Null-v0")


def test_kinds_of_values_that_mean_something_else() -> None:
    with pytest.raises(tasks.TaskError, match="cohs"):
        tasks.make(PDM, cohs=[[0.0, 51.2]])
    with pytest.raises(tasks.TaskTypeError, match="split"):
        tasks.Dataset(PDM, split=3)  # type: ignore[arg-type]
    with pytest.raises(tasks.TaskTypeError, match="env_kwargs"):
        tasks.Dataset(PDM, env_kwargs=[1])  # type: ignore[arg-type]
    env = tasks.make(PDM)
    env.reset(seed=1)
    with pytest.raises(tasks.ActionError, match="True"):
        env.step(True)
    with pytest.raises(tasks.TaskError, match="nan"):
        tasks.make("IBL-v0", p_biased=float("nan"))


@pytest.mark.parametrize(
    "given",
    [
        *({"step_fn": 3}, {"save_dir": 3}, {"verbose": "yes"}, {"plot_create": "no"}),
        *({"trigger": "no"}, {"name": 5}, {"config": 5}, {"config": {"monitor": {}}}),
    ],
)
def test_settings_of_a_monitor_are_checked_when_it_is_made(given: dict[str, Any]) -> None:
    with pytest.raises(NeuroloomError, match=next(iter(given))):
        wrappers.Monitor(tasks.make(PDM), **given)


def test_a_monitor_whose_file_names_no_folder_has_none_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[monitor]\nname = ""\n')
    env = tasks.make("PerceptualDecisionMaking-v0")
    assert wrappers.Monitor(env, config=file, save_dir=tmp_path).save_dir == tmp_path
    with pytest.raises(NeuroloomError, match="name"):
        wrappers.Monitor(env, name="")


@pytest.mark.parametrize("given", [{"num_steps": 0}, {"num_trials": 0}, {"model": 3}])
def test_runs_of_an_environment_are_checked(given: dict[str, Any]) -> None:
    with pytest.raises(NeuroloomError, match=next(iter(given))):
        plotting.run_env(tasks.make(PDM), **given)
    with pytest.raises(tasks.TaskTypeError, match="one environment"):
        plotting.run_env(tasks.make_vec(PDM, 2))


def run_on(env: tasks.TaskEnv) -> None:
    for _ in range(2000):
        env.step(0)


@pytest.mark.parametrize(("name", "value"), [("sigma", 9.0), ("cohs", [0]), ("dt", 10)])
def test_parameters_set_on_an_environment_are_refused(name: str, value: Any) -> None:
    """They would do nothing: what an environment shows is made from its task."""
    env = tasks.make(PDM)
    env.reset(seed=1)
    setattr(env, name, value)
    with pytest.raises(tasks.TaskError, match=f"{name}: parameters cannot be set"):
        env.reset()
    env = tasks.make(PDM)
    env.reset(seed=1)
    setattr(env, name, value)
    with pytest.raises(tasks.TaskError, match=f"{name}: parameters cannot be set"):
        run_on(env)
    assert tasks.make(PDM).reset(seed=1)[0].shape == (3,)


def test_rewards_and_timing_of_an_environment_are_to_be_read() -> None:
    env = tasks.make(PDM)
    with pytest.raises(tasks.TaskTypeError, match="to make"):
        env.rewards["fail"] = -1.0  # type: ignore[index]
    with pytest.raises(tasks.TaskTypeError, match="to make"):
        env.timing.update({"stimulus": 500})  # type: ignore[attr-defined]
    for own in (
        copy.deepcopy(env.timing),
        dict(env.timing),
        pickle.loads(pickle.dumps(env.timing)),
    ):
        own["stimulus"] = 500
    assert env.timing["stimulus"] == 2000
    with pytest.raises(AttributeError):
        env.timing = {"stimulus": 500}  # type: ignore[misc]
    assert dict(env.rewards) == {**env.task.reward}


def test_a_task_stays_what_it_is_when_what_it_was_made_with_changes() -> None:
    timing: dict[str, Any] = {"stimulus": ("choice", [100, 200])}
    rewards = {"fail": -1.0}
    cohs = [0.0, 51.2]
    task = tasks.get_task(PDM, timing=timing, rewards=rewards, cohs=cohs)
    timing["stimulus"][1][0] = 900
    timing["decision"], rewards["fail"] = 5, 7.0
    cohs.append(3.0)
    assert task.timing == {"stimulus": ("choice", [100, 200])}
    assert task.reward["fail"] == -1
    assert list(task.cohs) == [0.0, 51.2]  # type: ignore[attr-defined]


def test_run_trials_options() -> None:
    with pytest.raises(tasks.TaskError, match="policy"):
        tasks.run_trials(PDM, "greedy")  # type: ignore[arg-type]
    with pytest.raises(tasks.TaskTypeError, match="policy"):
        tasks.run_trials(PDM, 3)
    with pytest.raises(tasks.TaskError, match="sessions"):
        tasks.run_trials(PDM, n_trials=3, sessions=4)
    with pytest.raises(tasks.TaskTypeError, match="no ground truth"):
        tasks.run_trials("Null-v0", "ground_truth")


def test_observers_and_curves() -> None:
    with pytest.raises(tasks.TaskError, match="noise"):
        tasks.IdealObserver("ReadySetGo-v0")
    with pytest.raises(tasks.TaskError, match="0 and 1"):
        tasks.psychometric({"coh": [1, 2], "correct": [0, 2]})
    with pytest.raises(NeuroloomError, match="reaction_time"):
        tasks.chronometric({"coh": [1, 2], "correct": [0, 1]})
    with pytest.raises(tasks.TaskError, match="bound"):
        tasks.behaviour.BoundedObserver(0, dt=100, periods=(1,))


def test_random_numbers() -> None:
    rng = np.random.default_rng(1)
    for mean, low, high in ((1, 200, 201), (0, 1, 2), (-1, 1, 2), (1, 3, 2)):
        with pytest.raises(tasks.TimingError):
            TruncExp(mean, low, high)
        with pytest.raises(tasks.TimingError):
            trunc_exp(rng, mean, low, high)
    with pytest.raises(ValueError, match="distribution"):
        random_number_fn("normal", (0, 1), rng)


def test_schedules() -> None:
    for schedule in (scheduler.SequentialBlockSchedule, scheduler.RandomBlockSchedule):
        with pytest.raises(ValueError, match="block_lens"):
            schedule(3, [1, 2])
        with pytest.raises(ValueError, match="block_lens"):
            schedule(2, [1, 0])
    with pytest.raises(ValueError, match="n: expected"):
        scheduler.RandomSchedule(0)


def test_spaces_take_names_as_dicts_only() -> None:
    for make_space in (lambda n: spaces.Box(0, 1, n), lambda n: spaces.Discrete(3, n)):
        with pytest.raises(TypeError, match="name"):
            make_space(["fixation"])


@pytest.mark.parametrize(
    "probs", [[[0.5, 0.6]], [[-0.1, 1.1]], [[1.0]], [[0.3, 0.3, 0.4]], [[np.nan, 1]], 0.5, []]
)
def test_wrappers_refuse_what_is_no_distribution(probs: Any) -> None:
    kind = tasks.TaskTypeError if isinstance(probs, float) else tasks.TaskError
    with pytest.raises(kind, match="probs"):
        wrappers.SideBias(make(), probs)
    with pytest.raises(tasks.TaskError, match="probs"):
        wrappers.TrialHistoryV2(make(), probs)


@pytest.mark.parametrize("p", [[0.5, 0.6], [2.0, -1.0], [1.0], [0.2, 0.2, 0.6]])
def test_random_ground_truth_refuses_what_is_no_distribution(p: Any) -> None:
    with pytest.raises(tasks.TaskError, match="p:"):
        wrappers.RandomGroundTruth(make(), p)


@pytest.mark.parametrize("length", [0, -3, 0.0, 1.0, (5, 3), (1, 2, 3), "200"])
def test_side_bias_refuses_block_lengths_that_cannot_be(length: Any) -> None:
    with pytest.raises(NeuroloomError, match="block_dur"):
        wrappers.SideBias(make(), [[0.2, 0.8], [0.8, 0.2]], length)


def test_environments_of_unequal_spaces_do_not_go_together() -> None:
    with pytest.raises(tasks.TaskError, match=r"envs\[1\].observation_space"):
        wrappers.MultiEnvs([make(), make(dim_ring=4)])


def test_monitor_and_plots() -> None:
    with pytest.raises(tasks.TaskError, match="trigger"):
        wrappers.Monitor(make(), trigger="trials")
    with pytest.raises(tasks.TaskError, match="interval"):
        wrappers.Monitor(make(), interval=0)
    with pytest.raises(tasks.TaskError, match="ob_traces: expected 3 names"):
        plotting.plot_env(PDM, num_steps=5, ob_traces=["a", "b"])
    with pytest.raises(tasks.TaskError, match="2 or 4 dimensions"):
        plotting.visualize_run(np.zeros((3, 2, 2)), np.zeros(3))


def test_registration() -> None:
    with pytest.raises(tasks.TaskError, match="version"):
        tasks.register("MyTask")
    with pytest.raises(tasks.TaskError, match="taken"):
        tasks.register(PDM)(type(tasks.get_task("DelayMatchSample-v0")))


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: tasks.make(PDM, timing=5), "timing: expected a mapping"),
        (lambda: tasks.make(PDM, rewards=[1]), "rewards: expected a mapping"),
        (lambda: tasks.make_vec(PDM, 2, seed=[1, 2]), "is for reset"),
        (lambda: tasks.make_vec(PDM, 2).reset(options=5), "options: expected a dict"),
        (lambda: tasks.make_vec(PDM, 2).reset(options={"mask": 1}), "reset_mask"),
        (lambda: tasks.Dataset(PDM, batch_first="no"), "batch_first"),
        (lambda: tasks.run_trials(PDM, lambda observation: 0, 3), "observation and info"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused_at_the_call(call: Any, expected: str) -> None:
    with pytest.raises((tasks.TaskError, tasks.TaskTypeError), match=expected):
        call()


@pytest.mark.parametrize("name", ["noise", "session", "evidence", "reward", "history", "outcome"])
def test_a_parameter_does_not_hide_what_the_engine_calls(name: str) -> None:
    body = {"__annotations__": {name: float}, name: 3.0, "__doc__": "Own."}
    with pytest.raises(tasks.TaskTypeError, match=f"hide Task.{name}"):
        type("Own", (tasks.Task,), body)


@pytest.mark.parametrize(
    ("name", "value"), [("answer", 3.0), ("unannounced", "before"), ("no_ground_truth", 3)]
)
def test_words_of_a_task_are_of_their_kind(name: str, value: Any) -> None:
    with pytest.raises(tasks.TaskTypeError, match=f"Own.{name}"):
        type("Own", (tasks.Task,), {name: value, "__doc__": "Own."})


@pytest.mark.parametrize("align", ["stream", "trial"])
def test_conditions_that_are_refused_leave_a_data_set_as_it_was(align: str) -> None:
    task = "PerceptualDecisionMaking-v1"
    options: dict[str, Any] = {"batch_size": 3, "align": align, "max_batch": 5, "seed": 1}
    asked, left_alone = (tasks.Dataset(task, **options) for _ in range(2))
    asked(), left_alone()
    for bad in ("a", True, [[1], [1, 2]], np.array([51.2, 25.6, 0.0])):
        for _ in range(2):
            with pytest.raises(tasks.TaskError, match="coh"):
                asked(coh=bad)
    for _ in range(4):
        for mine, theirs in zip(asked(coh=51.2), left_alone(coh=51.2), strict=True):
            assert mine.tobytes() == theirs.tobytes()
    with pytest.raises(StopIteration):
        asked()


def test_an_array_that_is_given_twice_is_the_same_condition() -> None:
    shapes = np.array([0, 1, 2, 3])
    options: dict[str, Any] = {"batch_size": 2, "seq_len": 20, "seed": 1}
    once, twice = (tasks.Dataset("ProbabilisticReasoning-v0", **options) for _ in range(2))
    both = [twice(locs=shapes.copy())[0] for _ in range(2)]
    alone = [once(locs=[0, 1, 2, 3])[0] for _ in range(2)]
    assert [one.tobytes() for one in both] == [one.tobytes() for one in alone]


def test_a_truth_value_is_no_coherence() -> None:
    with pytest.raises(tasks.TaskError, match="coh"):
        tasks.make("PerceptualDecisionMaking-v1", seed=1).new_trial(coh=True)


@pytest.mark.parametrize(
    ("task", "name", "ends", "beyond"),
    [
        ("ReachingDelayResponse-v0", "ground_truth", (0.0, 1.0), (-1e-6, 1.0001)),
        ("Reaching1D-v0", "ground_truth", (0.0, 2 * np.pi), (-1e-6, 6.284)),
        ("MultiSensoryIntegration-v1", "coh_prop", (0.0, 1.0), (-1e-6, 1.0001)),
    ],
)
def test_conditions_reach_to_the_ends_of_what_is_drawn(
    task: str, name: str, ends: tuple[float, float], beyond: tuple[float, float]
) -> None:
    env = tasks.make(task)
    env.reset(seed=1)
    for value in ends:
        assert env.new_trial(**{name: value})[name] == value
    for value in beyond:
        with pytest.raises(tasks.TaskError, match=name):
            env.new_trial(**{name: value})
