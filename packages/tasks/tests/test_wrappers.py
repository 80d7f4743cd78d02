"""Wrappers and step-by-step environments: NeuroGym's way of putting trials together."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import neuroloom.tasks as tasks
from neuroloom.shared import NeuroloomError
from neuroloom.tasks import wrappers
from neuroloom.tasks.utils import scheduler, spaces

PDM = "PerceptualDecisionMaking-v0"


class Flash(tasks.TrialEnv):
    """Say whether a light was on, written step by step."""

    def __init__(self, dt: float = 100, sigma: float = 0.0) -> None:
        super().__init__(dt=dt)
        self.timing = {"fixation": 200, "stimulus": ("uniform", (300, 700)), "decision": 200}
        self.rewards = {"correct": 1.0, "fail": 0.0, "abort": -0.1}
        self.sigma = sigma
        self.choices = [1, 2]
        self.observation_space = spaces.Box(
            -np.inf, np.inf, shape=(2,), dtype=np.float32, name={"fixation": 0, "light": 1}
        )
        self.action_space = spaces.Discrete(3, name={"fixation": 0, "choice": [1, 2]})

    def _new_trial(self, **kwargs: Any) -> dict[str, Any]:
        trial = {"ground_truth": self.rng.choice(self.choices), **kwargs}
        self.add_period(["fixation", "stimulus", "decision"])
        self.add_ob(1, ["fixation", "stimulus"], where="fixation")
        self.add_ob(trial["ground_truth"] == 1, "stimulus", where="light")
        self.add_randn(0, self.sigma, "stimulus", where="light")
        self.set_groundtruth(trial["ground_truth"], "decision")
        return trial

    def _step(self, action: int) -> Any:
        reward, new_trial = 0.0, False
        if self.in_period("decision") and action != 0:
            new_trial = True
            if action == self.gt_now:
                reward, self.performance = self.rewards["correct"], 1
        elif not self.in_period("decision") and action != 0:
            reward = self.rewards["abort"]
        return self.ob_now, reward, False, False, {"new_trial": new_trial, "gt": self.gt_now}


def follow(env: Any, n_trials: int, seed: int = 3) -> list[dict[str, Any]]:
    """The infos of trials' ends of an agent that knows what is right."""
    env.reset(seed=seed)
    ends: list[dict[str, Any]] = []
    while len(ends) < n_trials:
        *_, info = env.step(env.unwrapped.gt_now)
        if info["new_trial"]:
            ends.append(info)
    return ends


class TestStepByStep:
    @pytest.mark.filterwarnings("ignore:.*infinity.*", "ignore:.*`seed` function.*")
    @pytest.mark.filterwarnings("ignore:.*Official support for the")
    def test_passes_gymnasiums_checker(self) -> None:
        check_env(Flash(sigma=0.5), skip_render_check=True)

    def test_reset_shows_the_first_observation_and_determines_what_follows(self) -> None:
        env = Flash(sigma=1.0)
        runs = []
        for _ in range(2):
            first, _ = env.reset(seed=5)
            assert np.array_equal(first, env.ob[0])
            runs.append([first, *(env.step(0)[0] for _ in range(100))])
        assert np.array_equal(*map(np.stack, runs))

    def test_following_the_ground_truth_is_always_right(self) -> None:
        assert all(info["performance"] == 1 for info in follow(Flash(), 30))

    def test_info_describes_the_trial_that_ended(self) -> None:
        env = Flash()
        env.reset(seed=1)
        for _ in range(20):
            trial = env.trial
            while True:
                *_, info = env.step(0)
                if info["new_trial"]:
                    break
            assert info["trial"] is trial
            assert env.trial is not trial

    def test_pickled_and_copied_go_on_alike(self) -> None:
        env = Flash(sigma=1.0)
        env.reset(seed=2)
        twins = [pickle.loads(pickle.dumps(env)), copy.deepcopy(env)]
        ahead = [env.step(0)[0] for _ in range(50)]
        for twin in twins:
            assert np.array_equal([twin.step(0)[0] for _ in range(50)], ahead)

    def test_data_set_shows_its_trials(self) -> None:
        data = tasks.Dataset(Flash(), batch_size=3, seq_len=40, seed=1)
        inputs, target = data()
        assert (inputs.shape, target.shape) == ((40, 3, 2), (40, 3))
        again = tasks.Dataset(Flash(), batch_size=3, seq_len=40, seed=1)()
        assert np.array_equal(inputs, again[0])
        assert not np.array_equal(inputs[:, 0], inputs[:, 1])
        whole = tasks.Dataset(Flash(), batch_size=8, align="trial", seed=1).batch()
        lit = (whole.inputs[..., 1] > 0).any(axis=0)
        assert (whole.target.max(axis=0) == np.where(lit, 1, 2)).all()

    def test_late_periods_and_lengths(self) -> None:
        env = Flash()
        env.reset(seed=1)
        with pytest.raises(tasks.TaskError, match="first observation"):
            env.add_period("late", duration=100, after="decision")
        stats = env.trial_length_stats(200)
        assert 7 <= stats["mean"] <= 11
        assert stats["max"] <= 11


class TestTrialsAsAsked:
    @pytest.mark.parametrize("make", [lambda: tasks.make(PDM), Flash])
    def test_random_ground_truth(self, make: Any) -> None:
        env = wrappers.RandomGroundTruth(make(), p=[0.8, 0.2])
        right = [info["trial"]["ground_truth"] for info in follow(env, 600)]
        share = np.mean(np.asarray(right) == env.unwrapped.choices[0])
        assert share == pytest.approx(0.8, abs=5 * np.sqrt(0.16 / 600))

    def test_trial_history(self) -> None:
        env = wrappers.TrialHistoryV2(tasks.make(PDM), probs=[[0.9, 0.1], [0.1, 0.9]])
        right = np.array([info["trial"]["ground_truth"] for info in follow(env, 600)])
        repeats = np.mean(right[1:] == right[:-1])
        assert repeats == pytest.approx(0.9, abs=5 * np.sqrt(0.09 / 600))

    def test_side_bias_changes_block_after_its_length(self) -> None:
        env = wrappers.SideBias(tasks.make(PDM), probs=[[1, 0], [0, 1]], block_dur=10)
        right = np.array([info["trial"]["ground_truth"] for info in follow(env, 100)])
        lengths = np.diff(np.flatnonzero(np.diff(right, prepend=right[0] - 1)))
        assert (lengths == 10).all()

    def test_schedule_of_conditions(self) -> None:
        schedule = scheduler.SequentialSchedule(2)
        env = wrappers.ScheduleAttr(tasks.make(PDM), schedule, [{"coh": 0}, {"coh": 51.2}])
        cohs = [info["trial"]["coh"] for info in follow(env, 6)]
        assert cohs == [0, 51.2, 0, 51.2, 0, 51.2]

    def test_seed_determines_the_wrappers_draws_too(self) -> None:
        runs = []
        for _ in range(2):
            env = wrappers.RandomGroundTruth(tasks.make(PDM))
            runs.append([info["trial"]["ground_truth"] for info in follow(env, 40, seed=9)])
        assert runs[0] == runs[1]


class TestSeveralTasks:
    def test_schedule_of_environments(self) -> None:
        ids = ["yang19.go-v0", "yang19.dm1-v0", "yang19.dms-v0"]
        env = wrappers.ScheduleEnvs(
            [tasks.make(id) for id in ids], scheduler.SequentialSchedule(3), env_input=True
        )
        env.reset(seed=1)
        assert env.observation_space.shape == (36,)
        order = []
        for _ in range(9):
            assert env.ob[:, 33:].argmax(axis=1).tolist() == [env.i_env] * len(env.ob)
            order.append(env.i_env)
            while not env.step(env.unwrapped.gt_now)[4]["new_trial"]:
                pass
        assert order == [0, 1, 2] * 3

    def test_data_set_of_scheduled_environments(self) -> None:
        envs = [tasks.make(id) for id in ("yang19.go-v0", "yang19.dm1-v0")]
        env = wrappers.ScheduleEnvs(envs, scheduler.RandomSchedule(2), env_input=True)
        inputs, target = tasks.Dataset(env, batch_size=2, seq_len=200, seed=1)()
        assert inputs.shape == (200, 2, 35)
        assert target.shape == (200, 2)
        assert set(inputs[..., 33:].sum(axis=2).ravel()) == {1.0}
        assert 0 < inputs[..., 33].mean() < 1

    def test_a_property_of_a_task_is_not_taken_for_a_wrappers(self) -> None:
        """The decisions of yang19 have one called `shown`, as wrappers of observations do."""
        envs = [tasks.make(id) for id in ("yang19.dm1-v0", "yang19.go-v0")]
        assert envs[0].shown == [1]
        env = wrappers.ScheduleEnvs(envs, scheduler.RandomSchedule(2), env_input=True)
        assert tasks.Dataset(env, batch_size=2, seq_len=50, seed=1)()[0].shape == (50, 2, 35)
        copied = copy.deepcopy(envs[0])
        assert copied.shown == [1]
        assert pickle.loads(pickle.dumps(copied)).dim_ring == 16
        envs[0].become(envs[1].task)
        assert not hasattr(envs[0], "shown")


class TestWhatIsShown:
    @pytest.mark.filterwarnings("ignore:.*infinity.*", "ignore:.*unwrapped version.*")
    @pytest.mark.parametrize("kind", ["Noise", "PassAction", "PassReward"])
    @pytest.mark.filterwarnings("ignore:.*Official support for the")
    def test_passes_gymnasiums_checker(self, kind: str) -> None:
        check_env(getattr(wrappers, kind)(tasks.make(PDM)), skip_render_check=True)

    def test_action_and_reward_are_passed_on(self) -> None:
        env = wrappers.PassReward(wrappers.PassAction(tasks.make(PDM)))
        first, _ = env.reset(seed=1)
        assert first.dtype == np.float32
        assert first[-2:].tolist() == [0, 0]
        shown, reward, *_ = env.step(2)
        assert shown[-2:].tolist() == [2, np.float32(reward)]

    def test_noise_leaves_the_environment_alone(self) -> None:
        env = wrappers.Noise(tasks.make(PDM, sigma=0.0), std_noise=0.5)
        env.reset(seed=1)
        shown = np.array([env.step(0)[0][0] for _ in range(4000)])
        quiet = np.array([0.0, 1.0])
        apart = shown - quiet[(shown > 0.5).astype(int)]
        assert apart.std() < 0.5
        assert set(np.unique(env.unwrapped.ob[:, 0])) <= {0.0, 1.0}

    def test_reaction_time_of_a_step_by_step_environment(self) -> None:
        env = wrappers.ReactionTime(Flash(), urgency=-0.01)
        env.reset(seed=1)
        for _ in range(3):
            env.step(0)
        *_, info = env.step(env.unwrapped.gt_now)
        assert info["new_trial"]
        assert info["performance"] == 1
        assert info["tr_dur"] == 4


class TestMonitor:
    def test_keeps_trials_and_writes_them(self, tmp_path: Path) -> None:
        env = wrappers.Monitor(tasks.make(PDM), interval=20, verbose=False, save_dir=tmp_path)
        env.reset(seed=1)
        follow_up = 0
        while follow_up < 45:
            follow_up += env.step(env.unwrapped.gt_now)[4]["new_trial"]
        files = sorted(tmp_path.rglob("trial_*.npz"))
        assert [f.name for f in files] == ["trial_20.npz", "trial_40.npz"]
        with np.load(files[0], allow_pickle=False) as kept:
            assert (kept["performance"] == 1).all()
            assert (kept["cum_reward"] == 1).all()
            assert kept["coh"].shape == (20,)
        figure = env.plot_training_history()
        assert len(figure.axes) == 2
        other = wrappers.Monitor(tasks.make(PDM), name="other", save_dir=tmp_path)
        with pytest.warns(UserWarning, match="no files of trials.*every 1000 trials"):
            assert other.plot_training_history() is None

    def test_evaluates_a_policy(self) -> None:
        env = wrappers.Monitor(tasks.make(PDM), verbose=False)
        env.env.action_space.seed(1)
        out = env.evaluate_policy(50, verbose=False)
        assert len(out["rewards"]) == 50
        assert 0 <= out["mean_performance"] <= 1
        assert out["mean_reward"] == np.mean(np.asarray(out["rewards"]) > 0)

    def test_records_activations(self) -> None:
        torch = pytest.importorskip("torch")
        layer = torch.nn.Linear(3, 5)
        probe = wrappers.Monitor(tasks.make(PDM), verbose=False).record_activations(layer, "out", 4)
        with torch.no_grad():
            for _ in range(6):
                layer(torch.ones(3))
        assert probe.activations.shape == (4, 5)
        assert probe.plot().get_title() == "out"
        probe.close()

    def test_draws_activations_by_trial(self) -> None:
        torch = pytest.importorskip("torch")
        layer = torch.nn.Linear(3, 5)
        env = wrappers.Monitor(tasks.make(PDM), verbose=False)
        probe = env.record_activations(layer)
        shown, _ = env.reset(seed=1)
        ends = 0
        with torch.no_grad():
            while ends < 3:
                layer(torch.from_numpy(shown.copy()))
                shown, *_, info = env.step(0)
                ends += info["new_trial"]
        assert [trial.shape for trial in probe.by_trial()] == [(22, 5)] * 3
        figure, axes = env.plot_activations("Linear", neurons=[0, 3])
        assert [len(ax.lines) for ax in figure.axes] == [3, 3]
        assert axes[1].lines[0].get_ydata() == pytest.approx(probe.by_trial()[0][:, 3])
        drawn, (ax,) = env.plot_activations("Linear", "output", neurons=1, mean=True)
        expected = np.mean(probe.by_trial(), axis=0)[:, 1]
        assert ax.lines[0].get_ydata() == pytest.approx(expected)
        assert len(drawn.axes) == 1
        with pytest.raises(tasks.TaskError, match="neurons"):
            env.plot_activations("Linear", neurons=7)
        with pytest.raises(tasks.TaskError, match="name"):
            env.plot_activations("Lineer")
        with pytest.raises(tasks.TaskError, match="population"):
            env.plot_activations("Linear", "hidden")

    def test_keeps_what_a_recurrent_layer_remembers(self) -> None:
        torch = pytest.importorskip("torch")
        layer = torch.nn.LSTM(3, 6)
        env = wrappers.Monitor(tasks.make(PDM), verbose=False)
        probe = env.record_activations(layer, "lstm")
        assert probe.get_population_shapes() == {"output": (6,), "hidden": (6,), "cell": (6,)}
        state, wanted = None, []
        with torch.no_grad():
            for _ in range(4):
                _, state = layer(torch.ones(1, 1, 3), state)
                wanted.append(state[1][:, 0].numpy())
        assert np.array_equal(probe.history["cell"][0], wanted)
        assert probe.history["hidden"][0][0].shape == (1, 6)
        assert env.plot_activations("lstm", "cell", neurons=[0], batch_dim=2)[1].shape == (1,)

    def test_learning_is_not_recorded_unless_asked_for(self) -> None:
        torch = pytest.importorskip("torch")
        layer = torch.nn.Linear(3, 5)
        env = wrappers.Monitor(tasks.make(PDM), verbose=False)
        probe = env.record_activations(layer)
        layer(torch.ones(3))
        with pytest.raises(tasks.TaskError, match="all 1 calls were for learning"):
            env.plot_activations("Linear")
        probe.monitor_during_training = True
        layer(torch.ones(3))
        layer.eval()(torch.ones(3))
        assert len(probe.activations) == 2
        probe.pause()
        layer(torch.ones(3))
        probe.resume()
        layer(torch.ones(3))
        assert len(probe.activations) == 3


def test_a_biased_trial_says_by_which_probabilities_it_was_drawn() -> None:
    probs = [[0.9, 0.1], [0.1, 0.9]]
    env = wrappers.SideBias(tasks.make(PDM, seed=1), probs, block_dur=5)
    env.reset(seed=2)
    told: list[Any] = []
    while len(told) < 60:
        *_, info = env.step(env.unwrapped.right_action)
        if info["new_trial"]:
            told.append((info["trial"]["probs"].tolist(), info["trial"]["ground_truth"]))
    blocks = [told[at : at + 5] for at in range(0, 60, 5)]
    assert all(len({str(p) for p, _ in block}) == 1 for block in blocks)
    assert [block[0][0] for block in blocks[:2]] in (probs, probs[::-1])
    likely = np.mean([truth == env.choices[int(np.argmax(p))] for p, truth in told])
    assert likely > 0.75
    table = tasks.run_trials(env, "ground_truth", 40, seed=3).table
    assert len(table["probs"][0]) == 2


@pytest.mark.filterwarnings("ignore:.*infinity.*", "ignore:.*unwrapped version.*")
def test_data_set_looks_through_what_changes_nothing() -> None:
    made = gymnasium.wrappers.RecordEpisodeStatistics(gymnasium.make(f"neuroloom/{PDM}", seed=4))
    inside = tasks.Dataset(PDM, batch_size=2, seq_len=50, seed=4)()[0]
    assert tasks.Dataset(made, batch_size=2, seq_len=50)()[0].tobytes() == inside.tobytes()


def test_data_set_refuses_what_changes_what_is_shown() -> None:
    stacked = gymnasium.wrappers.FrameStackObservation(tasks.make(PDM), 3)
    for env in (
        stacked,
        wrappers.PassReward(tasks.make(PDM)),
        wrappers.SideBias(stacked, [[0.5, 0.5]]),
    ):
        with pytest.raises(tasks.TaskTypeError, match="changes what is shown"):
            tasks.Dataset(env, batch_size=2, seq_len=50)


@pytest.mark.parametrize("at", [-1, 2, 0.0, None, True])
def test_a_schedule_names_one_of_those_that_there_are(at: Any) -> None:
    conditions = [{"coh": 0}, {"coh": 51.2}]
    with pytest.raises(tasks.TaskError, match="schedule: expected an integer from 0 to 1"):
        wrappers.ScheduleAttr(tasks.make(PDM), lambda: at, conditions).reset(seed=1)
    with pytest.raises(tasks.TaskError, match="schedule: expected an integer from 0 to 1"):
        wrappers.ScheduleEnvs([tasks.make(PDM), tasks.make(PDM)], lambda: at)


def test_wrong_schedules_and_switches_are_refused_when_made() -> None:
    envs = [tasks.make(PDM), tasks.make(PDM)]
    for make in (
        lambda: wrappers.ScheduleAttr(tasks.make(PDM), 5, [{"coh": 0}]),
        lambda: wrappers.ScheduleAttr(tasks.make(PDM), lambda: 0, []),
        lambda: wrappers.ScheduleEnvs(envs, None),
        lambda: wrappers.ScheduleEnvs(envs, lambda: 0, env_input="no"),
        lambda: wrappers.MultiEnvs(envs).set_i(-1),
        lambda: wrappers.RandomGroundTruth(tasks.make(PDM), p="ab"),
    ):
        with pytest.raises(NeuroloomError, match="expected"):
            make()


@pytest.mark.parametrize("name", ["RandomGroundTruth", "TrialHistoryV2", "SideBias"])
@pytest.mark.parametrize(
    "task",
    ["DelayPairedAssociation-v0", "IntervalDiscrimination-v0", "PulseDecisionMaking-v0"],
)
def test_a_ground_truth_that_follows_is_not_drawn(name: str, task: str) -> None:
    given = {"probs": [[0.9, 0.1], [0.1, 0.9]]} if name == "SideBias" else {}
    wrap = getattr(wrappers, name)
    for within in (tasks.make(task), wrappers.PassReward(tasks.make(task))):
        with pytest.raises(tasks.TaskTypeError, match="can be given a ground truth"):
            wrap(within, **given)


def test_a_wrapper_may_make_a_ground_truth_of_something_else() -> None:
    class Paired(tasks.TrialWrapper):
        """Chooses the pair by what is right."""

        def new_trial(self, *, ground_truth: int, **conditions: Any) -> Any:
            return self.env.new_trial(pair=(1, 3) if ground_truth else (1, 4), **conditions)

    for p, right in (((0, 1), 1), ((1, 0), 0)):
        made = Paired(tasks.make("DelayPairedAssociation-v0"))
        env = wrappers.RandomGroundTruth(made, p=p)
        truths = tasks.run_trials(env, "ground_truth", 5, seed=1).table["ground_truth"]
        assert truths.tolist() == [right] * 5
