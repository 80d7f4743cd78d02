"""NeuroGym's utilities, in NeuroGym's words; defects of NeuroGym 2.3.1 by name."""

from __future__ import annotations

import importlib
import itertools
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import neuroloom.tasks as ngym
from neuroloom.tasks import config
from neuroloom.tasks.utils import info, plotting, psychometric, scheduler, spaces, tasktools
from neuroloom.tasks.utils.data import Dataset
from neuroloom.tasks.utils.ngym_random import (
    TruncExp,
    random_number_fn,
    random_number_name,
    trunc_exp,
)

PDM = "PerceptualDecisionMaking-v0"


class TestDataset:
    def test_shapes(self) -> None:
        data = Dataset(PDM, env_kwargs={"dt": 100}, batch_size=16, seq_len=100)
        inputs, target = data()
        assert inputs.shape == tuple(data.inputs_shape) == (100, 16, 3)
        assert target.shape == tuple(data.target_shape) == (100, 16)
        assert (inputs.dtype, target.dtype) == (np.float32, np.int64)
        first = Dataset(PDM, batch_size=16, batch_first=True)
        assert first.seq_len == 1000
        assert first()[0].shape == (16, 1000, 3)

    def test_takes_an_environment(self) -> None:
        env = ngym.make(PDM, sigma=0.0)
        a = Dataset(env, batch_size=2, seq_len=50, seed=3)()
        b = Dataset(PDM, {"sigma": 0.0}, batch_size=2, seq_len=50, seed=3)()
        assert np.array_equal(a[0], b[0])

    def test_a_batch_that_is_kept_stays_as_it_is(self) -> None:
        data = Dataset(PDM, batch_size=4, seq_len=20, cache_len=40, seed=1)
        kept = data()
        copies = [part.copy() for part in kept]
        for _ in range(20):
            inputs, target = data()
            assert not np.shares_memory(inputs, kept[0])
            inputs[:], target[:] = -1, -1
        assert all(np.array_equal(*pair) for pair in zip(kept, copies, strict=True))

    def test_no_sequence_is_dropped_at_the_end_of_a_cache(self) -> None:
        short = Dataset(PDM, batch_size=2, seq_len=10, cache_len=20, seed=1)
        long = Dataset(PDM, batch_size=2, seq_len=200, seed=1)
        pieces = np.concatenate([short()[0] for _ in range(20)])
        assert np.array_equal(pieces, long()[0])

    def test_seed_gives_the_same_batches(self) -> None:
        a, b = (Dataset(PDM, batch_size=3, seq_len=50, seed=9) for _ in range(2))
        assert all(np.array_equal(x, y) for x, y in zip(a(), b(), strict=True))
        a.seed(9)
        assert np.array_equal(a()[0], Dataset(PDM, batch_size=3, seq_len=50, seed=9)()[0])
        assert not np.array_equal(a()[0], Dataset(PDM, batch_size=3, seq_len=50, seed=8)()[0])

    def test_durations_from_functions_follow_the_seed_of_the_data_set(self) -> None:
        timing = {"stimulus": lambda rng, n: rng.uniform(500, 2000, n)}
        env = ngym.make(PDM, timing=timing)
        a, b = (Dataset(env, batch_size=2, seq_len=300, seed=4) for _ in range(2))
        assert all(np.array_equal(x, y) for x, y in zip(a(), b(), strict=True))

    def test_splits_share_no_trial(self) -> None:
        train = Dataset(PDM, batch_size=4, align="trial", seed=1)
        test = Dataset(PDM, batch_size=4, align="trial", split="test", seed=1)
        a = {row.tobytes() for _ in range(50) for row in train()[0].swapaxes(0, 1)}
        b = {row.tobytes() for _ in range(50) for row in test()[0].swapaxes(0, 1)}
        assert len(a) == len(b) == 200
        assert not a & b

    def test_ends_after_max_batch_and_begins_again(self) -> None:
        data = Dataset(PDM, batch_size=2, seq_len=10, max_batch=3)
        assert len(data) == len(list(data)) == len(list(data)) == 3

    def test_conditions_of_a_call_hold_at_once(self) -> None:
        data = Dataset(PDM, batch_size=4, seq_len=100, seed=1)
        data()
        batch = data.batch(coh=51.2, ground_truth=1)
        assert set(np.unique(batch.conditions["coh"])) == {51.2}
        assert set(np.unique(batch.target)) == {0, 2}
        assert len(np.unique(data.batch().conditions["coh"])) > 1

    def test_batch_says_what_each_step_is(self) -> None:
        data = Dataset(
            "DelayMatchSample-v0", batch_size=3, seq_len=200, seed=1,
            mask_weights={"decide": 5, "free": 0},
        )  # fmt: skip
        data()
        batch = data.batch()
        names = np.array(batch.period_names)[batch.period]
        assert set(names[batch.target > 0]) == {"decision"}
        assert (batch.mask[names == "decision"] == 5).all()
        assert (batch.mask[names == "delay"] == 0).all()
        assert (batch.mask[names == "fixation"] == 1).all()
        assert (np.diff(batch.trial, axis=0) >= 0).all()
        right = batch.conditions["ground_truth"]
        assert (batch.target[names == "decision"] == right[names == "decision"]).all()
        for row in range(3):
            changed = np.flatnonzero(np.diff(batch.trial[:, row])) + 1
            assert set(names[changed, row]) == {"fixation"}

    def test_torch_tensors_share_the_memory(self) -> None:
        pytest.importorskip("torch")
        data = Dataset(PDM, batch_size=2, seq_len=10, output="torch", seed=1)
        inputs, target = data()
        assert np.array_equal(inputs.numpy(), Dataset(PDM, batch_size=2, seq_len=10, seed=1)()[0])
        assert target.dtype.is_floating_point is False

    def test_numba_and_numpy_give_the_same_bits(self) -> None:
        pytest.importorskip("numba")
        for task in (PDM, "DelayMatchSample-v0", "ReadySetGo-v0"):
            a, b = (
                Dataset(task, batch_size=5, seq_len=333, seed=2, backend=backend)
                for backend in ("numba", "numpy")
            )
            for _ in range(3):
                assert all(x.tobytes() == y.tobytes() for x, y in zip(a(), b(), strict=True))
            v, w = (ngym.make_vec(task, 6, backend=backend) for backend in ("numba", "numpy"))
            assert v.reset(seed=2)[0].tobytes() == w.reset(seed=2)[0].tobytes()
            rng = np.random.default_rng(1)
            for _ in range(400):
                act = rng.integers(v.plan.n_actions, size=6) * (rng.random(6) < 0.2)
                one, two = v.step(act), w.step(act)
                for x, y in zip(one[:4], two[:4], strict=True):
                    assert x.tobytes() == y.tobytes()
                assert set(one[4]) == set(two[4])
                assert np.array_equal(one[4]["gt"], two[4]["gt"])
                for name, values in one[4].get("trial", {}).items():
                    assert np.array_equal(values, two[4]["trial"][name])


class TestRandom:
    @given(st.floats(0.1, 1e4), st.floats(0, 1e4), st.floats(1e-3, 1e4), st.integers(0, 2**32 - 1))
    @settings(max_examples=60, deadline=None)
    def test_truncated_exponential_stays_in_its_window(
        self, mean: float, low: float, width: float, seed: int
    ) -> None:
        high = low + width
        if np.exp(-low / mean) - np.exp(-high / mean) < 1e-12:
            with pytest.raises(ngym.TimingError):
                TruncExp(mean, low, high)
            return
        draw = TruncExp(mean, low, high)
        draw.seed(seed)
        values = [draw() for _ in range(50)]
        assert low <= min(values) <= max(values) <= high
        assert low <= trunc_exp(np.random.RandomState(seed), mean, low, high) <= high
        assert low <= trunc_exp(np.random.default_rng(seed), mean, low, high) <= high

    def test_truncated_exponential_has_the_right_distribution(self) -> None:
        """Against the closed form of its cumulated distribution, by Kolmogorov's distance."""
        duration = TruncExp(600, 300, 3000).duration()
        x = np.sort(duration.draw(np.random.default_rng(1), 20_000))
        mass = np.exp(-300 / 600) - np.exp(-3000 / 600)
        cumulated = (np.exp(-300 / 600) - np.exp(-x / 600)) / mass
        assert np.abs(cumulated - np.arange(x.size) / x.size).max() < 1.95 / np.sqrt(x.size)

    def test_equal_bounds_give_the_bound(self) -> None:
        assert trunc_exp(np.random.default_rng(1), 600, 500, 500) == 500

    def test_two_durations_with_equal_bounds_are_independent(self) -> None:
        """NeuroGym 2.3.1 gives every duration the same seed: their correlation is 1."""
        both = {"sample": TruncExp(600, 300, 3000), "delay": TruncExp(600, 300, 3000)}
        env = ngym.make("DelayMatchSample-v0", timing=both, dt=10)
        env.reset(seed=1)
        lengths = []
        for _ in range(400):
            env.new_trial()
            stimulus = env.ob[:, 0] == 1
            periods = env.plan.period_names
            counts = env._table.counts[env._trial]
            assert stimulus.sum() == counts[:4].sum()
            lengths.append([counts[periods.index("sample")], counts[periods.index("delay")]])
        assert abs(np.corrcoef(np.array(lengths).T)[0, 1]) < 5 / np.sqrt(400)

    def test_functions_by_name(self) -> None:
        rng = np.random.default_rng(1)
        assert 1 <= random_number_fn("uniform", (1, 2), rng)() <= 2
        assert random_number_fn("choice", [4, 5], rng)() in (4, 5)
        assert 3 <= random_number_fn("truncated_exponential", (5, 3, 9), rng)() < 9
        assert random_number_fn("constant", 7, rng)() == 7

    def test_names(self) -> None:
        assert random_number_name("constant", 7) == "constant 7"
        assert random_number_name("uniform", (1, 2)) == "uniform between 1 and 2"
        assert random_number_name("choice", [1, 2]) == "choice within [1, 2]"
        expected = "truncated exponential with mean 5, min 3, max 9"
        assert random_number_name("truncated_exponential", (5, 3, 9)) == expected


class TestSchedules:
    def test_sequential_begins_with_the_first(self) -> None:
        schedule = scheduler.SequentialSchedule(3)
        assert [schedule() for _ in range(7)] == [0, 1, 2, 0, 1, 2, 0]

    def test_random_repeats_and_is_uniform(self) -> None:
        """NeuroGym 2.3.1 never repeats: with two conditions it alternates."""
        schedule = scheduler.RandomSchedule(2)
        schedule.seed(1)
        drawn = np.array([schedule() for _ in range(4000)])
        assert abs(drawn.mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)
        assert abs((np.diff(drawn) == 0).mean() - 0.5) < 5 * 0.5 / np.sqrt(4000)

    def test_random_without_repeats(self) -> None:
        schedule = scheduler.RandomSchedule(4, repeat=False)
        schedule.seed(1)
        drawn = [schedule() for _ in range(200)]
        assert all(a != b for a, b in itertools.pairwise(drawn))
        assert set(drawn) == {0, 1, 2, 3}
        assert scheduler.RandomSchedule(1, repeat=False)() == 0

    def test_sequential_blocks(self) -> None:
        schedule = scheduler.SequentialBlockSchedule(2, [2, 3])
        assert [schedule() for _ in range(8)] == [0, 0, 1, 1, 1, 0, 0, 1]
        schedule.reset()
        assert schedule() == 0

    def test_random_blocks_change_to_another(self) -> None:
        schedule = scheduler.RandomBlockSchedule(3, [2, 2, 2])
        schedule.seed(1)
        drawn = [schedule() for _ in range(100)]
        blocks = drawn[::2]
        assert drawn[0] == 0
        assert blocks == drawn[1::2]
        assert all(a != b for a, b in itertools.pairwise(blocks))

    def test_seed_determines_them(self) -> None:
        for make in (
            lambda: scheduler.RandomSchedule(5),
            lambda: scheduler.RandomBlockSchedule(3, [1, 2, 3]),
        ):
            runs = []
            for _ in range(2):
                schedule = make()
                schedule.seed(3)
                runs.append([schedule() for _ in range(30)])
            assert runs[0] == runs[1]


class TestSpaces:
    def test_names_exist_only_if_given(self) -> None:
        box = spaces.Box(low=0, high=1, shape=(3,), name={"fixation": 0, "stimulus": [1, 2]})
        assert box.name == {"fixation": 0, "stimulus": [1, 2]}
        assert not hasattr(spaces.Box(0, 1, shape=(3,)), "name")
        assert not hasattr(spaces.Discrete(3), "name")

    def test_discrete_forwards_its_keywords(self) -> None:
        space = spaces.Discrete(3, name={"go": 1}, start=2, seed=1)
        assert space.start == 2
        assert space.sample() in (2, 3, 4)


class TestTasktools:
    def test_maps_and_positions(self) -> None:
        assert tasktools.to_map("a", "b") == tasktools.to_map(["a", "b"]) == {"a": 0, "b": 1}
        assert tasktools.get_idx(np.arange(5), (1, 3)) == [1, 2]
        t, places = tasktools.get_periods_idx(10, {"fix": (0, 20), "go": (20, 40), "tmax": 50})
        assert t.tolist() == [0, 10, 20, 30, 40, 50]
        assert places == {"fix": [0, 1], "go": [2, 3]}

    def test_numbers(self) -> None:
        assert tasktools.minmax_number("uniform", (1, 2)) == (1, 2)
        assert tasktools.minmax_number("choice", [3, 1]) == (1, 3)
        assert tasktools.minmax_number("truncated_exponential", (5, 1, 9)) == (1, 9)
        assert tasktools.minmax_number("constant", 4) == (4, 4)
        assert tasktools.circular_dist(1.5 * np.pi) == pytest.approx(0.5 * np.pi)
        assert (tasktools.divide(1, 2), tasktools.divide(1, 0)) == (0.5, 0)
        count = SimpleNamespace(n_decision=8, n_trials=10, n_correct=6)
        assert tasktools.correct_2AFC(count) == (0.8, 0.75)
        assert tasktools.compute_perf(0.5, 1, 3, True) == (0.625, 4)
        assert tasktools.compute_perf(0.5, 1, 3, False) == (0.5, 3)


class TestInfo:
    def test_lists(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert PDM in info.all_envs()
        assert info.all_envs() == sorted(info.all_envs())
        assert not any("." in name.removesuffix("-v0") for name in info.all_envs())
        assert info.all_envs(tag="timing") == info.show_all_tasks("timing")
        assert "ReadySetGo-v0" in capsys.readouterr().out
        assert info.show_all_wrappers() == info.all_wrappers()
        assert "perceptual" in info.show_all_tags()
        with pytest.raises(TypeError, match="tag"):
            info.all_envs(tag=3)  # type: ignore[arg-type]
        with pytest.warns(UserWarning, match="no task has the tag"):
            info.all_envs(tag="no such tag")

    def test_show_info(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = info.show_info(PDM)
        assert "coherence" in text
        assert "fixation" in text
        assert "jneurosci" in text
        assert text in capsys.readouterr().out
        assert "SideBias" in info.show_info("SideBias-v0") or "block" in info.show_info(
            "SideBias-v0"
        )
        assert "PerceptualDecisionMaking" in info.show_info(ngym.make(PDM))
        with pytest.raises(ValueError, match="did you mean"):
            info.show_info("PerceptualDecisionMakin-v0")
        with pytest.raises(TypeError):
            info.show_info(3)  # type: ignore[arg-type]

    def test_every_task_has_a_card(self) -> None:
        for name in info.all_envs(collections=True):
            assert info.env_string(ngym.make(name), id=name).startswith(f"### {name}")

    def test_cards_say_what_paper_and_neurogym_do(self) -> None:
        for name in info.all_envs(psychopy=True, contrib=True, collections=True):
            if not type(ngym.get_task(name)).__module__.startswith("neuroloom.tasks.envs."):
                continue  # registered by another test
            text = ngym.card(name)
            assert "*Paper and NeuroGym*" in text
            assert ngym.card(ngym.get_task(name)) == text

    def test_a_task_of_ones_own_has_a_card(self) -> None:
        mixture = ngym.mix(["yang19.go-v0", "yang19.dm1-v0"])
        assert "| yang19.go/fixation |" in ngym.card(mixture)
        assert "`dt=50`" in ngym.card("GoNogo-v0", dt=50)
        assert "`dt=50`" in ngym.card(ngym.get_task("GoNogo-v0", dt=50))


class TestPlots:
    def test_run_env(self) -> None:
        env = ngym.make("DelayMatchSample-v0")
        data = plotting.run_env(env, num_steps=70, def_act=0)
        assert data["ob"].shape == (70, 3)
        ends = np.flatnonzero(data["perf"] != -1)
        assert ends.tolist() == [31, 63]
        assert [i for i, a in enumerate(data["actions_end_of_trial"]) if a != -1] == [31, 63]
        assert data["states"] is None
        assert (data["actions"] == 0).all()
        trials = plotting.run_env(env, num_trials=3)
        assert (trials["perf"] != -1).sum() == 3

    def test_ground_truth_stands_below_its_observation(self) -> None:
        env = ngym.make("DelayMatchSample-v0")
        data = plotting.run_env(env, num_trials=4, def_act=0)
        seen = np.concatenate([data["initial_ob"][None], data["ob"][:-1]])
        assert ((data["gt"] > 0) == (seen[:, 0] == 0)).all()

    @pytest.mark.slow
    def test_plot_env(self, tmp_path: Path) -> None:
        figure = plotting.plot_env(PDM, num_steps=60, fname=tmp_path / "run", name="dots")
        assert (tmp_path / "run.png").stat().st_size > 5000
        assert [ax.get_ylabel() for ax in figure.axes] == [
            "Observation", "Action", "Reward", "Performance",
        ]  # fmt: skip
        assert figure.axes[0].get_title() == "dots"
        with_lines = plotting.plot_env(
            PDM, num_steps=60, ob_traces=["fixation", "left", "right"], plot_performance=False
        )
        assert len(with_lines.axes) == 3
        lines = [line for line in with_lines.axes[0].lines if len(line.get_xdata()) == 60]
        assert len(lines) == 3

    def test_film(self) -> None:
        film = plotting.visualize_run(np.zeros((3, 4, 4, 3)), np.zeros(3))
        assert film is not None

    def test_psychometric_curve_finds_its_parameters(self) -> None:
        rng = np.random.default_rng(1)
        x = rng.normal(0, 2, 5000)
        ch = rng.random(5000) < psychometric.probit(x, 0.8, 0.3)
        slope, intercept = psychometric.fit_probit(x, ch)
        # Standard errors of a probit fit on so many trials are about 0.02.
        assert slope == pytest.approx(0.8, abs=0.08)
        assert intercept == pytest.approx(0.3, abs=0.08)
        ax = psychometric.plot_psychometric(x, ch)
        named = psychometric.plot_psychometric(x, ch, legend="block 1")
        assert [text.get_text() for text in named.get_legend().get_texts()] == ["block 1"]
        assert len({line.get_color() for line in named.lines}) == 1
        assert ax.get_ylim()[1] == pytest.approx(1.02)


class TestConfig:
    def test_module_of_that_name_does_not_hide_the_settings(self) -> None:
        importlib.import_module("neuroloom.tasks.config.config")
        package = importlib.import_module("neuroloom.tasks.config")
        assert isinstance(package.config, package.Config)

    def test_file_and_environment_on_request(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "config.toml"
        path.write_text("[monitor]\ninterval = 7\n[monitor.plot]\ncreate = true\n")
        monkeypatch.setenv("NGYM_MONITOR__TRIGGER", "step")
        read = config.Config.read(path)
        assert (read.monitor.interval, read.monitor.trigger) == (7, "trial")
        assert read.monitor.plot.create is True
        assert config.Config.read(path, environment=True).monitor.trigger == "step"
        assert config.config.monitor.interval == 1000

    def test_unknown_names(self) -> None:
        with pytest.raises(ngym.TaskError, match="did you mean 'interval'"):
            config.Config.of({"monitor": {"intervall": 3}})


def test_import_is_light() -> None:
    """No optional library comes along."""
    import subprocess
    import sys

    code = "import sys, neuroloom.tasks; print({'torch', 'numba'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_global_state_is_left_alone() -> None:
    np.random.seed(3)  # noqa: NPY002
    before: Any = np.random.get_state()[1].copy()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ngym.run_trials(PDM, "random", 20, seed=1)
        Dataset(PDM, batch_size=2, seq_len=10)()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
