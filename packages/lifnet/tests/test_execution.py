"""Stagers, repeats and sweeps: files, seeds, resuming, and the same results however they run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from neuroloom.lifnet import (
    Analyzer,
    FullMeanFieldStager,
    LifnetError,
    MeanFieldBaseSweepRunner,
    Repeater,
    SNNBaseSweepRunner,
    StageSNNSimulation,
    load_config,
    save_config,
)
from neuroloom.lifnet.__main__ import main
from neuroloom.lifnet._execution._sweep import varied
from neuroloom.lifnet.errors import ConfigError, PerturbationError, SimulationError
from neuroloom.lifnet.execution import Logger

RATE = ["external_currents", "nu_ext_baseline"]


def small() -> dict[str, Any]:
    """A network of 300 neurons in 2 clusters, quick to run."""
    mapping = load_config().to_mapping()
    mapping["init_params"] |= {
        "n_neurons": 300,
        "n_excitatory": 240,
        "n_inhibitory": 60,
        "duration_sec": 0.2,
    }
    mapping["architecture"]["clusters"] |= {
        "n_excitatory_background": 80,
        "n_inhibitory_background": 20,
        "n_clusters": 2,
        "total_pops": 6,
        "j_potentiated": [2.0, 1.5, 1.5, 1.5],
    }
    return mapping


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder but logs, which say the time of day."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".log"
    }


class Counts(SNNBaseSweepRunner):
    """Spikes and rates of each value, and a file for each."""

    def _step(self, param, idx, sweep_param, **kwargs):
        spikes = self._sweep_object.run(output_keys=["spikes"], **kwargs)["spikes"]
        return {"count": int(spikes.sum()), "per_neuron": spikes.sum(axis=0)}

    def _store(self, result, idx, sweep_param, directory):
        np.save(directory / "data" / f"{idx}.npy", result["per_neuron"])

    def summary(self, results, sweep_params):
        self.counts = [result["count"] for result in results]

    def _summary_plot(self, results, sweep_params, directory):
        (directory / "plots" / "summary.txt").write_text(str(self.counts))

    def summarize_repeated_run(self, trials, directory):
        (directory / "trials.json").write_text(
            json.dumps([[r["count"] for r in t] for t in trials])
        )


def sweep(folder: Path, **options: Any) -> list[int]:
    runner = Counts()
    runner.execute(folder, small(), RATE, [5.0, 7.0, 9.0], 0, progress=False, **options)
    return runner.counts


# Sweeps


def test_a_sweep_writes_its_folder(tmp_path):
    counts = sweep(tmp_path)
    assert counts[0] < counts[1] < counts[2]
    assert set(contents(tmp_path)) == {
        *(f"configs/{i}.yaml" for i in range(3)),
        *(f"data/{i}.npy" for i in range(3)),
        "plots/summary.txt",
        "metadata/job/job.json",
    }
    log = (tmp_path / "metadata" / "sweep.log").read_text()
    assert "3 values of external_currents.nu_ext_baseline, seed 256" in log
    for i, value in enumerate((5.0, 7.0, 9.0)):
        again = StageSNNSimulation(tmp_path / "configs" / f"{i}.yaml", 256)
        assert again.config.external_currents.nu_ext_baseline[0] == value
        assert int(again.run(output_keys=["spikes"])["spikes"].sum()) == counts[i]


# Processes are in test_doors.py: they could not import the classes of this file.


def test_a_parallel_sweep_gives_the_same_files(tmp_path):
    serial = sweep(tmp_path / "serial")
    parallel = sweep(tmp_path / "parallel", parallel=True, max_workers=2, executor="thread")
    assert serial == parallel
    assert contents(tmp_path / "serial") == contents(tmp_path / "parallel")


def test_a_repeated_sweep_has_a_folder_and_a_seed_per_trial(tmp_path):
    runner = Counts()
    options = {"progress": False, "seed": 3}
    trials = runner.repeat(tmp_path, 2, small(), RATE, [5.0, 9.0], 0, **options)
    assert {p.name for p in tmp_path.iterdir()} == {"trial_0", "trial_1", "trials.json"}
    counts = [[result["count"] for result in trial] for trial in trials]
    assert json.loads((tmp_path / "trials.json").read_text()) == counts
    assert counts[0] != counts[1]


def test_perturbations_are_written_and_act(tmp_path):
    push = np.zeros(6)
    push[0] = 20.0
    plain, pushed = Counts(), Counts()
    for runner, folder, options in (
        (plain, "plain", {}),
        (pushed, "pushed", {"rate_perturbation": push}),
    ):
        runner.execute(tmp_path / folder, small(), RATE, [7.0], 0, progress=False, **options)
    assert pushed.counts[0] > plain.counts[0]
    with np.load(tmp_path / "pushed" / "metadata" / "perturbations_0.npz") as written:
        np.testing.assert_array_equal(written["rate"], push)


class Stable(MeanFieldBaseSweepRunner):
    def _step(self, param, idx, sweep_param, **kwargs):
        return len({tuple(x) for x in self._sweep_object.run(n_runs=20)["fixed_point"].round(3)})

    def _store(self, *args, **kwargs):
        pass

    def summary(self, results, sweep_params):
        pass

    def _summary_plot(self, *args, **kwargs):
        pass

    def summarize_repeated_run(self, *args, **kwargs):
        pass


def test_a_sweep_over_the_theory(tmp_path):
    path = ["architecture", "clusters", "j_potentiated"]
    found = Stable().execute(tmp_path, "2_cluster_mf", path, [5.0, 20.0], 0, progress=False)
    assert found[0] == 1
    assert found[1] >= 2


def test_a_path_that_leads_nowhere_stops_a_sweep_before_it_begins(tmp_path):
    for path, values, index, message in (
        (["external_currents", "nu_ext"], [5.0], 0, "'nu_ext_baseline'"),
        (RATE, [5.0], 7, "item from 0 to 3"),
        (RATE, [5.0, -1.0], 0, "nu_ext_baseline"),
    ):
        with pytest.raises(ConfigError, match=message):
            Counts().execute(tmp_path / "none", small(), path, values, index, progress=False)
    with pytest.raises(SimulationError, match="process, thread"):
        sweep(tmp_path / "none", executor="mpi")
    assert not (tmp_path / "none").exists()


class Unkept(Counts):
    def _step(self, param, idx, sweep_param, **kwargs):
        return object()


def test_results_that_cannot_be_kept_say_so(tmp_path):
    with pytest.raises(SimulationError, match="resume=False"):
        Unkept().execute(tmp_path, small(), RATE, [7.0], 0, progress=False)


KILLED = """
import time
from pathlib import Path
from neuroloom.lifnet import SNNBaseSweepRunner

class Slow(SNNBaseSweepRunner):
    def _step(self, param, idx, sweep_param, **kwargs):
        with open("ran.txt", "a") as file:
            file.write(str(idx))
        if idx == 2 and not Path("again").exists():
            Path("there").touch()
            time.sleep(120)
        return int(self._sweep_object.run(output_keys=["spikes"])["spikes"].sum())

    def _store(self, result, idx, value, directory):
        (directory / "data" / str(idx)).write_text(str(result))

    def summary(self, results, sweep_params):
        print(*results)

    def _summary_plot(self, *args, **kwargs):
        pass

    def summarize_repeated_run(self, *args, **kwargs):
        pass

Slow().execute(
    "sweep", "small.yaml", ["external_currents", "nu_ext_baseline"], [5.0, 6.0, 7.0, 8.0], 0
)
"""


@pytest.mark.slow
def test_a_sweep_killed_half_way_resumes(tmp_path):
    save_config(load_config(small()), tmp_path / "small.yaml")
    (tmp_path / "run.py").write_text(KILLED)
    command = [sys.executable, "run.py"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    while not (tmp_path / "there").exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "ran.txt").read_text() == "012"
    (tmp_path / "again").touch()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # The first two were kept; the third, at which it was killed, and the fourth were run.
    assert (tmp_path / "ran.txt").read_text() == "01223"
    counts = [int(c) for c in done.stdout.split()]
    stagers = (
        StageSNNSimulation(load_config(small()).with_value((*RATE, 0), value), 256)
        for value in (5.0, 6.0, 7.0, 8.0)
    )
    assert counts == [int(s.run(output_keys=["spikes"])["spikes"].sum()) for s in stagers]
    assert not (tmp_path / "sweep" / "metadata" / "unfinished").exists()
    assert len(list((tmp_path / "sweep" / "data").iterdir())) == 4


# Repeats


def test_repeats_are_single_runs_with_the_seeds_that_are_written(tmp_path):
    repeater = Repeater(3, tmp_path, config=small(), seed=4)
    files = repeater.run(progress=False)
    seeds = [int(line) for line in (tmp_path / "metadata" / "seeds.txt").read_text().split()]
    assert seeds == np.random.RandomState(4).randint(2**31, size=3).tolist()
    for file, seed in zip(files, seeds, strict=True):
        single = StageSNNSimulation(small(), seed).run(output_keys=["spikes"])["spikes"]
        np.testing.assert_array_equal(np.load(file), single)
    assert len(list((tmp_path / "plots").glob("*.png"))) == 3


def test_parallel_repeats_write_the_same_files(tmp_path):
    options = {"config": small(), "plots": False}
    Repeater(3, tmp_path / "a", **options).run(progress=False)
    parallel = {"parallel": True, "max_workers": 2, "executor": "thread"}
    Repeater(3, tmp_path / "b", **options, **parallel).run(progress=False)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_saved_seeds_are_taken_again(tmp_path):
    (tmp_path / "seeds.txt").write_text("11\n22\n")
    options = {"config": small(), "plots": False, "seeds_file": tmp_path / "seeds.txt"}
    repeater = Repeater(2, tmp_path / "run", load_saved_seeds=True, **options)
    assert repeater.seeds == [11, 22]
    with pytest.raises(LifnetError, match="expected 3 seeds, got 2"):
        Repeater(3, tmp_path / "run", load_saved_seeds=True, **options)
    with pytest.raises(LifnetError, match="no file"):
        Repeater(3, tmp_path / "new", config=small(), load_saved_seeds=True)


def test_compact_files_hold_the_same_spikes(tmp_path):
    for compact in (False, True):
        folder = tmp_path / str(compact)
        Repeater(2, folder, config=small(), plots=False, compact=compact).run(progress=False)
    small_size = sum(p.stat().st_size for p in (tmp_path / "True" / "data").iterdir())
    assert small_size < sum(p.stat().st_size for p in (tmp_path / "False" / "data").iterdir()) / 2
    both = [
        Analyzer(tmp_path / n / "data", tmp_path / n / "clusters.npy") for n in ("True", "False")
    ]
    for a, b in zip(*(analyzer.get_data() for analyzer in both), strict=True):
        np.testing.assert_array_equal(a, b)


def test_functions_of_ones_own_replace_run_and_files(tmp_path):
    def count(stager):
        return int(stager.run(output_keys=["spikes"])["spikes"].sum())

    def keep(outputs, index, folder):
        (folder / f"{index}.txt").write_text(str(outputs))

    files = Repeater(2, tmp_path, config=small(), run_fn=count, save_fn=keep, plots=False).run(
        progress=False
    )
    assert files == []
    assert int((tmp_path / "0.txt").read_text()) > 0


def test_repeats_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(SimulationError, match="n_repeats"):
        Repeater(0, tmp_path, config=small())
    with pytest.raises(SimulationError, match="executor"):
        Repeater(1, tmp_path, config=small(), executor="dask")


# Dask


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_sweeps_and_repeats_run_on_a_dask_cluster(tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs neuroloom-shared[dask]")
    here = sweep(tmp_path / "here")
    Repeater(2, tmp_path / "repeats", config=small(), plots=False).run(progress=False)
    # Workers in threads: what crosses processes is tested for the map beneath, in the core.
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    options["processes"] = False
    with (
        distributed.LocalCluster(**options) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        there = sweep(tmp_path / "there", parallel=True, executor=None)
        Repeater(
            2, tmp_path / "far", config=small(), plots=False, parallel=True, executor=None
        ).run(progress=False)
    assert here == there
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert contents(tmp_path / "repeats") == contents(tmp_path / "far")


# Stagers


def test_arguments_of_a_stager_that_cannot_be():
    with pytest.raises(TypeError, match="_perturbation"):
        StageSNNSimulation(small(), rate=1.0)
    with pytest.raises(PerturbationError, match="target: expected one of"):
        StageSNNSimulation(small(), rates_perturbation=1.0)
    with pytest.raises(ConfigError, match="random_seed"):
        StageSNNSimulation(small(), -1)
    with pytest.raises(ConfigError, match="output_keys"):
        StageSNNSimulation(small(), 1).run(output_keys=["spike"])
    with pytest.raises(SimulationError, match="at least one step"):
        StageSNNSimulation(small(), 1).run(duration_sec=1e-5)
    with pytest.raises(SimulationError, match="n_runs"):
        FullMeanFieldStager("2_cluster_mf").run(n_runs=0)
    with pytest.raises(SimulationError, match=r"n_runs: expected none .* as its 1 starts, got 5"):
        FullMeanFieldStager("2_cluster_mf").run(nu_init=np.zeros(6), n_runs=5)
    for name in ("stager_factory", "run_fn", "save_fn"):
        with pytest.raises(SimulationError, match=f"{name}: expected a function .* got 3"):
            Repeater(1, "nowhere", config=small(), **{name: 3})


def test_pictures_show_the_run_that_was_asked_for(tmp_path, monkeypatch):
    shown = []
    for place, name in (
        ("_snn_stager", "plot_raster"),
        ("_mean_field_stagers", "plot_fixed_points"),
    ):
        target = f"neuroloom.lifnet._execution.{place}.{name}"
        monkeypatch.setattr(target, lambda what, **_: shown.append(what))
    stager = StageSNNSimulation(load_config(small()).with_settings(plot=True), 1)
    stager.execute(directory=tmp_path / "snn", duration_sec=0.1, delta_t=0.001)
    assert shown[0].duration == pytest.approx(0.1)
    kept = load_config(tmp_path / "snn" / "metadata" / "config.yaml").init_params
    assert (kept.duration_sec, kept.delta_t) == (0.1, 0.001)
    field = FullMeanFieldStager(load_config("2_cluster_mf").with_settings(plot=True), 1)
    options = {"n_runs": 3, "rate_perturbation": np.full(6, 0.5)}
    outputs = field.execute("x", directory=tmp_path / "mf", **options)
    drawn = np.sort([point.rates[:3] for point in shown[1]], axis=1)
    for state in np.sort(outputs["fixed_point"][outputs["converged"]][:, :3], axis=1):
        assert np.abs(drawn - state).max(axis=1).min() < 1e-6


def test_what_cannot_be_drawn_is_refused_before_the_run(tmp_path):
    stager = StageSNNSimulation(load_config(small()).with_settings(plot=True), 1)
    with pytest.raises(SimulationError, match="output_keys: expected spikes among them"):
        stager.execute(directory=tmp_path / "a", output_keys=["clusters"])
    assert not (tmp_path / "a").exists()


def test_the_landscape_of_each_population_is_there(capsys):
    assert main(["mean-field", "--config", "2_cluster_mf", "--focus-pops", "5",
                 "--grid-density", "20"]) == 0  # fmt: skip
    assert "of the landscape of populations [5]" in capsys.readouterr().out


def test_a_folder_has_to_be_named():
    stager = StageSNNSimulation(load_config("snn_test_run").with_settings(save=True))
    with pytest.raises(ConfigError, match=r"settings\.save_dir: missing"):
        stager.execute()


def test_a_stager_of_a_mapping_and_of_bytes(tmp_path):
    mapping = small()
    text = json.dumps(mapping).encode()
    first = StageSNNSimulation.from_dict(mapping, 3).run(output_keys=["spikes"])["spikes"]
    second = StageSNNSimulation(text, 3).run(output_keys=["spikes"])["spikes"]
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("what", ["spikes", "rates", "voltage", "currents"])
def test_each_picture_of_a_run(tmp_path, what):
    stager = StageSNNSimulation(load_config(small()).with_settings(plot=True), 1)
    stager.execute(what, directory=tmp_path)
    (picture,) = (tmp_path / "plots").iterdir()
    assert picture.stat().st_size > 5000
    with pytest.raises(SimulationError, match="plot_arg"):
        stager.execute("spike", directory=tmp_path)


def test_the_logger_writes_to_stream_and_file(tmp_path, capsys):
    with Logger("name", level="DEBUG", file_path=tmp_path / "log", include_timestamp=False) as log:
        log.debug_once("once")
        log.debug_once("once")
        log.info("said")
        log.warning("careful")
        log.error("bad")
    lines = ["DEBUG name: once", "INFO name: said", "WARNING name: careful", "ERROR name: bad"]
    assert (tmp_path / "log").read_text().splitlines() == lines
    assert capsys.readouterr().err.splitlines() == lines
    quiet = Logger("name", level="ERROR", stream=sys.stdout)
    quiet.info("nothing")
    assert capsys.readouterr().out == ""
    with pytest.raises(LifnetError, match="level"):
        Logger(level="LOUD")


# Command line


@pytest.fixture
def config_file(tmp_path) -> str:
    return str(save_config(load_config(small()), tmp_path / "small.yaml"))


def test_run_and_analyze(tmp_path, config_file, capsys):
    folder = tmp_path / "run"
    given = ["--config", config_file, "--save-dir", str(folder), "--n-repeats", "2"]
    assert main(["run", *given, "--seed", "3", "--no-plots", "--log-level", "error"]) == 0
    command = (folder / "metadata" / "cmd.txt").read_text()
    assert command.startswith("neuroloom-lifnet run --config")
    assert main(["analyze", str(folder)]) == 0
    assert "states:" in capsys.readouterr().out
    seeds = folder / "metadata" / "seeds.txt"
    again = tmp_path / "again"
    given = ["--config", config_file, "--save-dir", str(again), "--n-repeats", "2"]
    more = ["--seeds-file", str(seeds), "--load-saved-seeds", "--no-plots", "--log-level", "error"]
    assert main(["run", *given, *more]) == 0
    assert contents(folder / "data") == contents(again / "data")


@pytest.mark.slow
def test_array_jobs_of_the_commands(tmp_path, config_file, capsys):
    run = ["run", "--config", config_file, "--n-repeats", "3", "--no-plots", "--log-level", "error"]
    sweep = ["sweep", "--config", config_file, "--param", "external_currents.nu_ext_baseline"]
    sweep += ["--param-idx", "0", "--range", "6", "8", "1"]
    for line, results in ((run, "data/spikes_2.npy"), (sweep, "data/rates_2.json")):
        given = [*line, "--save-dir", str(tmp_path / line[0] / "parts")]
        assert main([*given, "--shard", "0/2", "--no-resume"]) == 2
        assert "--no-resume" in capsys.readouterr().err
        for i, kept in enumerate((2, 3)):
            assert main([*given, "--shard", f"{i}/2"]) == 0
            assert f"shard {i}/2: {kept} of 3 items are kept" in capsys.readouterr().out
        assert not (tmp_path / line[0] / "parts" / "analysis").exists()
        assert main(given) == 0
        assert main([*line, "--save-dir", str(tmp_path / line[0] / "whole")]) == 0
        one, two = (tmp_path / line[0] / name / results for name in ("parts", "whole"))
        assert one.read_bytes() == two.read_bytes()


def test_perturb_needs_a_perturbation(tmp_path, config_file, capsys):
    given = ["perturb", "--config", config_file, "--save-dir", str(tmp_path / "p")]
    assert main(given) == 2
    assert "perturbation block" in capsys.readouterr().err
    mapping = small() | {"perturbation": {"rate": {"vectors": [[9.0] * 6], "params": [1.0]}}}
    save_config(load_config(mapping), config_file)
    assert main([*given, "--sim-name", "named", "--no-plots", "--log-level", "error"]) == 0
    assert (tmp_path / "p" / "named" / "metadata" / "perturbations.npz").is_file()


@pytest.mark.slow
def test_sweep_and_mean_field(tmp_path, config_file, capsys):
    folder = tmp_path / "sweep"
    given = ["--config", config_file, "--save-dir", str(folder)]
    which = ["--param", "external_currents.nu_ext_baseline", "--param-idx", "0"]
    assert main(["sweep", *given, *which, "--range", "6", "8", "1"]) == 0
    assert len(list((folder / "data").iterdir())) == 3
    assert (folder / "plots" / "rates.png").is_file()
    assert main(["mean-field", "--config", "2_cluster_mf", "--save-dir", str(tmp_path / "mf")]) == 0
    assert capsys.readouterr().out.count("stable node") == 1
    assert (tmp_path / "mf" / "plots" / "fixed_points.png").is_file()
    focus = ["--focus-pops", "0", "1", "--grid-density", "20"]
    given = ["--config", "2_cluster_mf", "--save-dir", str(tmp_path / "two")]
    assert main(["mean-field", *given, *focus]) == 0
    assert (tmp_path / "two" / "data" / "outputs.npz").is_file()


LEVEL = "sweep --config default_snn_params --save-dir x --param arousal"


@pytest.mark.parametrize(
    "line",
    [
        "run --config nowhere.yaml --save-dir x",
        "analyze nowhere",
        f"{LEVEL}.levl --sweep-values 0.1",
        f"{LEVEL}.level --sweep-values 1.5",
        f"{LEVEL}.level --range 1 0 0.1",
    ],
)
def test_errors_are_one_line_and_a_status(line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(line.split()) == 2
    message = capsys.readouterr().err
    assert message.startswith("neuroloom-lifnet: error: ")
    assert message.count("\n") == 1


@pytest.mark.slow
def test_the_module_can_be_run():
    command = [sys.executable, "-m", "neuroloom.lifnet", "--help"]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"COLUMNS": "80"}
    )
    assert done.returncode == 0
    for name in ("run", "perturb", "sweep", "analyze", "mean-field", "configs"):
        assert name in done.stdout


def test_a_mended_step_is_told_and_not_mixed_with_old_results(tmp_path):
    from neuroloom.lifnet.execution.sweep.spiking_net import SNNBaseSweepRunner
    from neuroloom.shared import DataError

    class Quiet(SNNBaseSweepRunner):
        def _store(self, *a, **k): ...
        def summary(self, *a, **k): ...
        def _summary_plot(self, *a, **k): ...
        def summarize_repeated_run(self, *a, **k): ...

    def first(self, param, idx, sweep_param, **kwargs):
        if idx == 1:
            raise ValueError("a mistake of the user")
        return 1000

    def mended(self, param, idx, sweep_param, **kwargs):
        return 1

    def sweep(step):
        kind = type("Count", (Quiet,), {"_step": step, "__abstractmethods__": frozenset()})
        base = load_config("2_cluster_mf")
        return kind().execute(tmp_path, base, "arousal.level", [0.1, 0.2], progress=False)

    with pytest.raises(ValueError, match="a mistake of the user"):
        sweep(first)
    with pytest.raises(DataError, match=r"differs in \['code', 'methods'\]"):
        sweep(mended)


def test_a_landscape_without_a_folder_is_printed_and_its_populations_are_checked(capsys):
    given = ["mean-field", "--config", "2_cluster_mf", "--grid-density", "20", "--focus-pops"]
    assert main([*given, "0"]) == 0
    assert "wells of the landscape of populations [0]" in capsys.readouterr().out
    assert main([*given, "0", "9"]) == 2
    assert "9" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-5", "99999999999"])
def test_a_seed_that_cannot_be_is_one_line(seed, tmp_path, capsys):
    folder = str(tmp_path / "x")
    assert main(["run", "--config", "2_cluster_mf", "--save-dir", folder, "--seed", seed]) == 2
    assert "seed: expected" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        ["--n-runs", "0"],
        ["--focus-pops", "9"],
        ["--focus-pops", "0", "0"],
        ["--focus-pops", "0", "1", "2"],
        ["--focus-pops", "0", "--grid-density", "-1"],
        ["--focus-pops", "0", "--grid-density", "90"],
        ["--focus-pops", "0", "--grid-lims", "9", "3"],
    ],
)
def test_a_mean_field_that_cannot_be_leaves_no_folder(tmp_path, capsys, wrong):
    folder = tmp_path / "mf"
    assert main(["mean-field", "--config", "2_cluster_mf", "--save-dir", str(folder), *wrong]) == 2
    told = capsys.readouterr().err
    assert any(f"{option}: expected" in told for option in wrong if option.startswith("--"))
    assert not folder.exists()


def test_a_sweep_over_seeds_is_refused():
    with pytest.raises(ConfigError, match="one seed for all values"):
        varied(load_config("2_cluster_mf"), "settings.random_seed", [1, 2], None)
