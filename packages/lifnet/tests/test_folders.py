"""A folder of results belongs to one job: another is refused before a byte is written."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from neuroloom.lifnet import (
    FullMeanFieldStager,
    LifnetError,
    Repeater,
    SNNBaseSweepRunner,
    StageSNNSimulation,
    load_config,
    save_config,
)
from neuroloom.lifnet.__main__ import main

CONFIG = load_config("2_cluster_mf").with_value("init_params.duration_sec", 0.1)
OTHER = CONFIG.with_value("architecture.clusters.j_potentiated.0", 12.0)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*")
            if p.is_file()}  # fmt: skip


def repeat(folder, n=2, config=CONFIG, **options):
    return Repeater(n, folder, config=config, plots=False, **options).run(progress=False)


def doubled(stager):
    return stager.run(output_keys=("spikes", "clusters"))


def test_another_job_is_refused_before_a_byte_is_written(tmp_path):
    folder = tmp_path / "out"
    repeat(folder)
    before = contents(folder)
    other_seed = {"seed": 7}
    for options, told in (
        ({"config": OTHER}, "architecture"),
        ({"stager_factory": lambda *a, **k: None}, "stager_factory"),
        ({"config": CONFIG.with_value("init_params.duration_sec", 0.2)}, "init_params"),
        (other_seed, "seed"),
        ({"compact": True}, "compact"),
        ({"run_fn": doubled}, "run_fn"),
        ({"save_fn": lambda outputs, index, folder: None}, "save_fn"),
    ):
        with pytest.raises(LifnetError, match=rf"save_dir: .*{told}.*overwrite"):
            repeat(folder, **options)
        assert contents(folder) == before
    repeat(folder)  # the same job again
    for name, content in contents(folder).items():
        assert name == "metadata/run.log" or content == before[name]


def test_a_job_may_be_given_more_repeats(tmp_path):
    repeat(tmp_path / "out", 1)
    assert len(repeat(tmp_path / "out", 3)) == 3
    repeat(tmp_path / "whole", 3)
    grown, whole = contents(tmp_path / "out"), contents(tmp_path / "whole")
    assert {n for n in grown if grown[n] != whole[n]} <= {"metadata/run.log"}
    # Fewer: the files returned are those asked for, and the seeds of the others stay.
    assert [f.name for f in repeat(tmp_path / "out", 2)] == ["spikes_0.npy", "spikes_1.npy"]
    assert contents(tmp_path / "out")["metadata/seeds.txt"] == whole["metadata/seeds.txt"]


def test_overwriting_moves_the_old_away(tmp_path):
    folder = tmp_path / "out"
    repeat(folder)
    before = contents(folder)
    repeat(folder, 1, OTHER, overwrite=True)
    (away,) = [p for p in tmp_path.iterdir() if p != folder]
    assert away.name.startswith("out.")
    assert contents(away) == before
    assert sorted(p.name for p in (folder / "data").iterdir()) == ["spikes_0.npy"]
    repeat(folder, 1, OTHER, overwrite=True)  # its own folder is not moved
    assert len(list(tmp_path.iterdir())) == 2


def test_results_without_a_job_are_not_mixed_with(tmp_path):
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data" / "spikes_0.npy", np.zeros((10, 10), bool))
    before = contents(tmp_path)
    with pytest.raises(LifnetError, match="a job that is not known"):
        repeat(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("left", [b"", b"\0" * 300])
def test_a_record_that_a_power_cut_emptied_tells_of_no_job(tmp_path, left):
    record = tmp_path / "metadata" / "job" / "job.json"
    Repeater(1, tmp_path, config=CONFIG, plots=False).claim()
    record.write_bytes(left)
    Repeater(1, tmp_path, config=OTHER, plots=False).claim()  # nothing was computed yet
    assert record.read_bytes().strip(b"\0")
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data" / "spikes_0.npy", np.zeros((10, 10), bool))
    record.write_bytes(left)
    with pytest.raises(LifnetError, match="a job that is not known"):
        Repeater(1, tmp_path, config=OTHER, plots=False).claim()
    assert record.read_bytes() == left


@pytest.mark.parametrize("left", ["", "\0" * 30])
def test_seeds_that_a_power_cut_emptied_are_written_again(tmp_path, left):
    seeds = tmp_path / "seeds.txt"
    seeds.write_text(left)
    options = {"plots": False, "run_fn": lambda _: None, "save_fn": lambda *_: None}
    repeater = Repeater(2, tmp_path / "out", config=CONFIG, seeds_file=seeds, **options)
    repeater.run(progress=False)
    assert seeds.read_text().split() == [str(seed) for seed in repeater.seeds]


@pytest.mark.slow
def test_a_folder_in_which_a_process_works_is_not_moved(tmp_path):
    repeater = Repeater(1, tmp_path / "out", config=CONFIG, plots=False)
    with repeater.claim().working():
        code = (
            "from neuroloom.lifnet import Repeater, load_config\n"
            "Repeater(1, 'out', config=load_config('2_cluster_mf'), overwrite=True).claim()"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True,
                              text=True)  # fmt: skip
    assert done.returncode != 0
    assert "another process works" in done.stderr


def test_a_stagers_folder(tmp_path):
    folder = tmp_path / "one"
    stager = StageSNNSimulation(CONFIG, random_seed=1)
    keys = {"output_keys": ["spikes"]}
    stager.execute(None, True, directory=folder, **keys)
    before = contents(folder)
    StageSNNSimulation(CONFIG, random_seed=1).execute(None, True, directory=folder, n_threads=2,
                                                       **keys)  # fmt: skip
    for other, options in (
        (StageSNNSimulation(CONFIG, random_seed=2), keys),
        (StageSNNSimulation(OTHER, random_seed=1), keys),
        (StageSNNSimulation(CONFIG, random_seed=1, rate_perturbation=0.5), keys),
        (StageSNNSimulation(CONFIG, random_seed=1), {}),
        (FullMeanFieldStager(CONFIG, random_seed=1), {"n_runs": 2}),
    ):
        with pytest.raises(LifnetError, match="save_dir"):
            other.execute(None, True, directory=folder, **options)
    after = contents(folder)
    assert {n for n in after if after[n] != before[n]} == {"metadata/run.log"}
    StageSNNSimulation(OTHER, random_seed=1).execute(
        None, True, directory=folder, overwrite=True, **keys
    )
    assert len(list(tmp_path.iterdir())) == 2


class Count(SNNBaseSweepRunner):
    scale = 1

    def _step(self, param, idx, sweep_param, **kwargs):
        return self.scale * int(self._sweep_object.run(output_keys=["spikes"])["spikes"].sum())

    def _store(self, result, idx, value, directory):
        (directory / "data" / str(idx)).write_text(str(result))

    def summary(self, results, sweep_params):
        pass

    def _summary_plot(self, *args, **kwargs):
        pass

    def summarize_repeated_run(self, *args, **kwargs):
        pass


def test_a_sweeps_folder(tmp_path):
    folder = tmp_path / "sweep"

    def run(values=(0.1, 0.2), param="arousal.level", base=CONFIG, runner=Count, **options):
        return runner().execute(folder, base, param, list(values), progress=False, **options)

    class Scaled(Count):
        def _step(self, *args, **kwargs):
            return 2 * super()._step(*args, **kwargs)

    got = run()
    before = contents(folder)
    assert run(parallel=True, max_workers=2, executor="thread") == got
    for options in (
        {"values": (0.1, 0.2, 0.3)},
        {"values": (0.1,)},
        {"param": "arousal.L"},
        {"base": OTHER},
        {"seed": 3},
        {"runner": Scaled},
    ):
        with pytest.raises(LifnetError, match="save_dir"):
            run(**options)
    after = contents(folder)
    assert {n for n in after if after[n] != before[n]} == {"metadata/sweep.log"}
    assert run(runner=Scaled, overwrite=True) == [2 * n for n in got]


def test_the_command_analyses_its_own_files_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save_config(CONFIG, "a.yaml")
    save_config(OTHER, "b.yaml")
    given = ["--save-dir", "out", "--no-plots", "--log-level", "error"]

    def lengths():
        config = json.loads(Path("out/analysis/analysis_config.json").read_text())
        return config["session_lengths_steps"]

    assert main(["run", "--config", "a.yaml", "--n-repeats", "3", *given]) == 0
    assert lengths() == [200] * 3
    before = contents(tmp_path / "out")
    assert main(["run", "--config", "b.yaml", "--n-repeats", "2", *given]) == 2
    assert "differs in" in capsys.readouterr().err
    assert contents(tmp_path / "out") == before
    for fewer in (["--n-repeats", "2"], ["--n-repeats", "3", "--e-clusters"]):
        assert main(["run", "--config", "a.yaml", *fewer, *given]) == 2
        assert "another analysis" in capsys.readouterr().err
        assert contents(tmp_path / "out") == before
    assert main(["run", "--config", "a.yaml", "--n-repeats", "4", *given]) == 0
    assert lengths() == [200] * 4
    two = ["--n-repeats", "2", "--overwrite"]
    assert main(["run", "--config", "a.yaml", *two, *given]) == 0
    assert lengths() == [200] * 2
    assert not list(tmp_path.glob("out.*"))
    assert main(["run", "--config", "b.yaml", "--n-repeats", "2", *given, "--overwrite"]) == 0
    assert lengths() == [200] * 2
    assert len(list(Path("out/data").iterdir())) == 2


BROKEN = [
    "run",
    "rn",
    "run --config 2_cluster_mf",
    "run --config nope --save-dir o",
    "run --config binary.yaml --save-dir o",
    "run --config list.yaml --save-dir o",
    "run --config broken.yaml --save-dir o",
    "run --config folder --save-dir o",
    "run --config 2_cluster_mf --save-dir o --n-repeats 0",
    "run --config 2_cluster_mf --save-dir o --n-repeats x",
    "run --config 2_cluster_mf --save-dir o --seed -5",
    "run --config 2_cluster_mf --save-dir o --seed 99999999999",
    "run --config 2_cluster_mf --save-dir file/x",
    "run --config 2_cluster_mf --save-dir file",
    "run --config 2_cluster_mf --save-dir o --load-saved-seeds",
    "run --config 2_cluster_mf --save-dir o --load-saved-seeds --seeds-file seeds.txt",
    "run --config 2_cluster_mf --save-dir o --load-saved-seeds --seeds-file negative.txt",
    "run --config 2_cluster_mf --save-dir o --load-saved-seeds --seeds-file folder",
    "run --config 2_cluster_mf --save-dir o --load-saved-seeds --seeds-file binary.yaml",
    "run --config 2_cluster_mf --save-dir o --log-level loud",
    "run --config 2_cluster_mf --save-dir o --parallel --max-workers 0",
    "run --config 2_cluster_mf --save-dir o --executor x",
    "run --config 2_cluster_mf --save-dir o --executor thread",
    "run --config 2_cluster_mf --save-dir o --dask tcp://h:1 --parallel --executor thread",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.level --sweep-values .1"
    " --max-workers 2",
    "perturb --config 2_cluster_mf --save-dir o",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.levle --sweep-values 1",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.level --sweep-values 7",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.level --sweep-values nan",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.level --range 0 1 0",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.level --range 0 1 nan",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.level --range 0 inf 1",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.level --range 0 1 1e-12",
    "sweep --config 2_cluster_mf --save-dir file/x --param arousal.level --sweep-values 0.1",
    "sweep --config 2_cluster_mf --save-dir o --param arousal.level --sweep-values 0.1 --seed -3",
    "sweep --config 2_cluster_mf --save-dir o --param external_currents.c_ext --sweep-values 1",
    "sweep --config 2_cluster_mf --save-dir o --param external_currents.c_ext --param-idx 9"
    " --sweep-values 1",
    "analyze nope",
    "analyze folder",
    "analyze bad",
    "analyze file",
    "mean-field --config 2_cluster_mf --n-runs 0",
    "mean-field --config 2_cluster_mf --seed -1",
    "mean-field --config 2_cluster_mf --focus-pops 0 9",
    "mean-field --config 2_cluster_mf --focus-pops 0 0 --grid-density 20",
    "mean-field --config 2_cluster_mf --focus-pops -1 --grid-density 20",
    "mean-field --config 2_cluster_mf --focus-pops 0 --grid-density 0",
    "mean-field --config 2_cluster_mf --focus-pops 0 --grid-density nan",
    "mean-field --config 2_cluster_mf --focus-pops 0 1 --grid-density 1e-9",
    "mean-field --config 2_cluster_mf --focus-pops 0 --grid-lims 60 0",
    "mean-field --config 2_cluster_mf --focus-pops 0 --grid-lims 0 inf",
    "mean-field --config 2_cluster_mf --grid-lims 60 0 --n-runs 2",
    "mean-field --config 2_cluster_mf --save-dir file/x --n-runs 2",
    "mean-field --config 2_cluster_mf --save-dir file --n-runs 2",
    "configs",
    "configs file",
]


def test_every_broken_input_is_one_line_and_status_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder").mkdir()
    Path("binary.yaml").write_bytes(bytes(range(256)))
    Path("list.yaml").write_text("- 1\n")
    Path("broken.yaml").write_text("a: [1,\n")
    Path("seeds.txt").write_text("12\nabc\n")
    Path("negative.txt").write_text("-12\n")
    Path("bad").mkdir()
    Path("bad/attractors.json").write_text("{")
    before = contents(tmp_path)
    for line in BROKEN:
        try:
            status = main(line.split())
        except SystemExit as stop:
            status = stop.code
        said = capsys.readouterr().err.strip()
        assert (status, said.count("\n"), bool(said)) == (2, 0, True), (line, said)
        assert contents(tmp_path) == before, line


BASE = ["--config", "a.yaml", "--save-dir", "in/out"]
RUN = ["run", *BASE, "--n-repeats", "2", "--no-plots", "--log-level", "error"]
SWEEP = ["sweep", *BASE, "--param", "arousal.level", "--sweep-values", "0.1", "0.2"]
IMPOSSIBLE = {
    "no dask": ([*RUN, "--dask", "tcp://127.0.0.1:1"], {}),
    "no dask for a sweep": ([*SWEEP, "--dask", "tcp://127.0.0.1:1"], {}),
    "too long": (RUN, {"init_params": {"duration_sec": 1e9}}),
    "too long in parallel": ([*RUN, "--parallel"], {"init_params": {"duration_sec": 1e9}}),
    "too short to analyse": (RUN, {"init_params": {"duration_sec": 5e-3}}),
    "a sweep of runs too long": (SWEEP, {"init_params": {"duration_sec": 1e9}}),
    "another number of populations": (RUN, {"perturbation": {"rate": {"vectors": [[1.0] * 7],
                                                                       "params": [1.0]}}}),
    "the same in theory": (["mean-field", *BASE], {"perturbation": {"rate": {
        "vectors": [[1.0] * 7], "params": [1.0]}}}),
    "both kinds of analysis": ([*RUN, "--e-clusters", "--all-populations"], {}),
    "an item from the end": (["sweep", *BASE, "--param", "external_currents.c_ext", "--param-idx",
                              "-1", "--sweep-values", "100"], {}),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_cannot_be_run_leaves_nothing(name, tmp_path, monkeypatch, capsys):
    line, changes = IMPOSSIBLE[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "distributed", None)
    mapping = CONFIG.to_mapping()
    for block, values in changes.items():
        mapping[block] = {**(mapping[block] or {}), **values}
    Path("a.yaml").write_text(yaml.safe_dump(mapping))
    try:
        status = main(line)
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr().err.strip().splitlines()  # a bar may stand in the line before
    errors = [line for line in said if re.match(r"neuroloom-lifnet.*: error: ", line)]
    assert (status, errors) == (2, said[-1:]), said
    assert [path.name for path in tmp_path.iterdir()] == ["a.yaml"]
    # A folder of other things, and one of another job that would be moved away, stay as they are.
    Path("in/out").mkdir(parents=True)
    Path("in/out/mine.txt").write_text("mine")
    before = contents(tmp_path)
    with contextlib.suppress(SystemExit):
        main(line)
    assert contents(tmp_path) == before
    repeat(Path("in/out"), config=OTHER)
    before = contents(tmp_path)
    with contextlib.suppress(SystemExit):
        main([*line, "--overwrite"])
    assert contents(tmp_path) == before
    assert [path.name for path in Path("in").iterdir()] == ["out"]


def test_what_is_finished_stays_when_a_later_part_is_refused(tmp_path):
    def refused_later(stager):
        if stager.random_seed == seeds[1]:
            raise LifnetError("the second one")
        return stager.run(output_keys=("spikes", "clusters"))

    repeater = Repeater(2, tmp_path / "out", config=CONFIG, plots=False, run_fn=refused_later)
    seeds = repeater.seeds
    with pytest.raises(LifnetError, match="the second one"):
        repeater.run(progress=False)
    assert (tmp_path / "out" / "data" / "spikes_0.npy").is_file()
    assert (tmp_path / "out" / "metadata" / "job" / "job.json").is_file()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    for name, now in (("one", 1e9), ("two", 1.7e9)):
        monkeypatch.setattr("time.time", lambda now=now: now)
        Repeater(1, tmp_path / name, config=CONFIG, compact=True, export_plots_pdf=True).run()
    one, two = (contents(tmp_path / name) for name in ("one", "two"))
    assert set(one) == set(two)
    assert {name for name in one if one[name] != two[name]} <= {"metadata/run.log"}
