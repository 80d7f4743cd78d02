"""What the seed's users have in their scripts: its README's snippets, with the import changed."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from neuroloom import lifnet
from neuroloom.lifnet import Analyzer, load_config
from neuroloom.lifnet.__main__ import main
from neuroloom.shared import Seed

SINGLE = """
from neuroloom.lifnet.execution.stagers import StageSNNSimulation

stager = StageSNNSimulation("configs/default_snn_params.yaml", random_seed=123)
outputs = stager.run()
stager.execute(plot_arg="spikes")
"""

TEMPLATE = (
    "from neuroloom.lifnet.execution.stagers import StageSNNSimulation; "
    "StageSNNSimulation('configs/my_sim.yaml').execute(plot_arg='spikes')"
)

RUN = """
python scripts/run_snn.py \\
  --config configs/snn_test_run.yaml \\
  --save-dir simulations/snn_test_run \\
  --n-repeats 4
"""

RUN_PARALLEL = """
python scripts/run_snn.py \\
  --config configs/snn_test_run.yaml \\
  --save-dir simulations/snn_test_run \\
  --n-repeats 4 \\
  --parallel \\
  --executor process
"""

PERTURBED = """
python scripts/run_perturbed_snn.py \\
  --config configs/perturbed/default_snn_params_with_perturbation.yaml \\
  --save-dir simulations/perturbed_snn \\
  --n-repeats 4
"""

MEAN_FIELD = """
from neuroloom.lifnet.execution.stagers.mean_field import FullMeanFieldStager, ReducedMeanFieldStager

full = FullMeanFieldStager("configs/2_cluster_mf.yaml", random_seed=7)
full_outputs = full.run(n_runs=50)

reduced = ReducedMeanFieldStager("configs/2_cluster_mf.yaml", random_seed=7)
reduced_outputs = reduced.run(focus_pops=[0, 1], grid_density=0.5, grid_lims=(0.0, 60.0))
"""  # noqa: E501

SWEEP = """
from neuroloom.lifnet.execution.sweep.spiking_net import SNNBaseSweepRunner

class SpikeCountSweep(SNNBaseSweepRunner):
    def _step(self, param, idx, sweep_param, **kwargs):
        outputs = self._sweep_object.run(**kwargs)
        return int(outputs["spikes"].sum())

    def _store(self, *args, **kwargs):
        pass

    def summary(self, results, sweep_params):
        print(list(zip(sweep_params, results)))

    def _summary_plot(self, *args, **kwargs):
        pass

    def summarize_repeated_run(self, *args, **kwargs):
        pass

sweep = SpikeCountSweep()
sweep.execute(
    main_dir="simulations/sweep_demo",
    baseline_params="configs/snn_test_run.yaml",
    param=["external_currents", "nu_ext_baseline"],
    sweep_params=[5.0, 7.5, 10.0],
    param_idx=0,
)
"""

SWEEP_PARALLEL = """
sweep.execute(
    main_dir="simulations/sweep_demo",
    baseline_params="configs/snn_test_run.yaml",
    param=["external_currents", "nu_ext_baseline"],
    sweep_params=[5.0, 7.5, 10.0],
    param_idx=0,
    parallel=True,
    executor="process",
)
"""

PERTURBATION = """
perturbation:
  rate:
    vectors:
      - [1, 1, -1]
      - [-1, 1, 1]
      - [1, -1, 1]
    involved_clusters:
      - [0, 1, 2]
      - [1, 2, 3]
      - [2, 3, 4]
    seed: 256
    params: [0.3, 0.02, 0.2]
    time_dependence:
      shape: hat
      onset_time: 0
      offset_time:
  arousal_level:
    vectors:
      - [1, 1, -1]
      - [-1, 1, 1]
      - [1, -1, 1]
    involved_clusters:
      - [0, 1, 2]
      - [1, 2, 3]
      - [2, 3, 4]
    seed: 256
    params: [0.3, 0.02, 0.2]
    time_dependence:
      shape: hat
      onset_time: 0
      offset_time:
"""

ANALYZER = """
from neuroloom.lifnet.core.spiking_net.analysis.analyzer import Analyzer

analyzer = Analyzer("simulations/snn_test_run/data", clusters="simulations/snn_test_run/clusters.npy", dt=0.5e-3)
print(analyzer.get_num_states())
analyzer.save_analysis("simulations/snn_test_run/analysis")

loaded = Analyzer.load_analysis("simulations/snn_test_run/analysis")
print(loaded.get_transition_matrix().shape)
"""  # noqa: E501

DIRECT = """
import numpy as np
from neuroloom.lifnet.core.mean_field.core import LIFMeanField

n_clusters = 2
C = np.ones((n_clusters, n_clusters), dtype=int)
J = 0.1 * np.ones((n_clusters, n_clusters))
j_ext = np.array([2.3, 2.3])
c_ext = np.array([320, 320])
nu_ext = np.array([7.0, 7.0])

lif_mf = LIFMeanField(
    n_clusters=n_clusters,
    c_matrix=C,
    j_matrix=J,
    j_ext=j_ext,
    c_ext=c_ext,
    nu_ext=nu_ext,
    tau_membrane=[0.02, 0.02],
    tau_synaptic=[0.005, 0.005],
    threshold=[1.5, 0.75],
    reset_voltage=0.0,
    tau_refractory=0.005,
)

sol = lif_mf.solve_rates()
nu_star = sol.x
fp_type, eigvals = lif_mf.determine_stability(nu_star)
print("Fixed point:", nu_star)
print("Type:", fp_type)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder made by ``neuroloom-lifnet configs DIR``, to work in."""
    assert main(["configs", str(tmp_path)]) == 0
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(code: str) -> dict:
    names: dict = {"__name__": "snippet"}
    exec(code, names)
    return names


@pytest.fixture
def script(monkeypatch):
    """Run a shell line of the README, without the seconds that another interpreter takes."""

    def run_line(command: str) -> None:
        python, path, *options = shlex.split(command.replace("\\\n", " "))
        assert python == "python"
        monkeypatch.setattr(sys, "argv", [path, *options])
        status = None
        try:
            runpy.run_path(path, run_name="__main__")
        except SystemExit as end:
            status = end.code
        assert status in (None, 0)

    return run_line


def test_the_snippets_are_those_of_the_document():
    data = os.environ.get("NEUROLOOM_DATA")
    name = "seeds/lifnet-vectorial-neuromodulators-readme.txt"
    path = Path(data or ".").parent / name
    if data is None or not path.is_file():
        pytest.skip(f"{name} beside NEUROLOOM_DATA is not there")
    text = path.read_text().replace("neuro_mod.", "neuroloom.lifnet.")
    for snippet in (SINGLE, RUN, RUN_PARALLEL, PERTURBED, MEAN_FIELD, SWEEP, SWEEP_PARALLEL):
        assert snippet.strip() in text
    for snippet in (PERTURBATION, ANALYZER, DIRECT, TEMPLATE):
        assert snippet.strip() in text


@pytest.mark.slow
def test_single_simulation(folder):
    names = run(SINGLE)
    outputs = names["outputs"]
    assert set(outputs) == {"voltage", "current", "spikes", "stimulus", "weights", "clusters"}
    for key in ("voltage", "current", "spikes", "stimulus"):
        assert outputs[key].shape == (5000, 2000)
    assert outputs["spikes"].dtype == bool
    assert outputs["weights"].shape == (2000, 2000)
    assert set(np.unique(outputs["clusters"])) == set(range(1, 39))
    # Neither save nor plot is set in this configuration.
    assert not Path("simulations").exists()


@pytest.mark.slow
def test_the_example_writes_the_output_folder(folder, script):
    script("python examples/spiking_net_test_simulation.py")
    written = Path("simulations/test_sim")
    assert {p.relative_to(written).as_posix() for p in written.rglob("*") if p.is_file()} == {
        "data/outputs.npz",
        "plots/spike_raster.png",
        "metadata/run.log",
        "metadata/config.yaml",
        "metadata/job/job.json",
    }
    with np.load(written / "data" / "outputs.npz") as outputs:
        assert set(outputs) == {
            "voltage",
            "current",
            "spikes",
            "stimulus",
            "weights",
            "clusters",
        }
    assert load_config(written / "metadata" / "config.yaml").settings.random_seed == 256


@pytest.mark.slow
def test_a_template_of_ones_own(folder):
    mapping = load_config("snn_test_run").to_mapping()
    template = yaml.safe_load(Path("configs/templates/spiking_net_template.yaml").read_text())
    template |= {k: mapping[k] for k in ("architecture", "external_currents")}
    template["init_params"] = mapping["init_params"] | {"duration_sec": 0.2}
    template["settings"] = {"save": True, "plot": True, "save_dir": "mine", "sim_name": "first"}
    Path("configs/my_sim.yaml").write_text(yaml.safe_dump(template))
    run(TEMPLATE)
    assert Path("mine/first/data/outputs.npz").is_file()
    assert Path("mine/first/plots/spike_raster.png").is_file()


@pytest.mark.slow
def test_repeated_runs_and_their_analysis(folder, script, capsys):
    script(RUN)
    written = Path("simulations/snn_test_run")
    assert {p.name for p in (written / "data").iterdir()} == {f"spikes_{i}.npy" for i in range(4)}
    spikes = np.load(written / "data" / "spikes_3.npy")
    assert (spikes.shape, spikes.dtype) == ((5000, 2000), bool)
    assert {p.name for p in (written / "metadata").iterdir()} == {
        "cmd.txt",
        "config.yaml",
        "job",
        "run.log",
        "seeds.txt",
    }
    assert {p.name for p in (written / "analysis").iterdir()} == {
        "attractors.json",
        "transition_matrix.npy",
        "analysis_config.json",
    }
    assert (written / "clusters.npy").is_file()
    assert len(list((written / "plots").glob("spikes_*.png"))) == 4
    capsys.readouterr()
    names = run(ANALYZER)  # on the files that the command wrote
    n = names["analyzer"].get_num_states()
    # What the seed system finds in these very spikes.
    assert n == Analyzer.load_analysis(written / "analysis").get_num_states() == 72
    assert abs(names["analyzer"].get_attractor_probs().sum() - 0.811) < 1e-3
    assert capsys.readouterr().out.split("\n")[:2] == [str(n), f"({n}, {n})"]
    script("python scripts/load_snn_analysis.py simulations/snn_test_run")


@pytest.mark.slow
def test_repeated_runs_in_parallel_write_the_same(folder, script):
    script(RUN)
    files = {p: p.read_bytes() for p in Path("simulations/snn_test_run/data").iterdir()}
    for path in files:
        path.unlink()
    script(RUN_PARALLEL)
    assert {p: p.read_bytes() for p in Path("simulations/snn_test_run/data").iterdir()} == files


@pytest.mark.slow
def test_perturbed_runs(folder, script):
    script(PERTURBED + " --no-plots")
    written = Path("simulations/perturbed_snn")
    assert len(list((written / "data").glob("spikes_*.npy"))) == 4
    with np.load(written / "metadata" / "perturbations.npz") as given:
        assert set(given) == {"rate", "arousal_level"}
        rate = given["rate"]
    assert rate.shape == (38, 5000)
    # .3 (1, 1, −1) on 0–2, .02 (−1, 1, 1) on 1–3, .2 (1, −1, 1) on 2–4.
    np.testing.assert_allclose(rate[:6, 0], [0.3, 0.28, -0.08, -0.18, 0.2, 0.0])


@pytest.mark.slow
def test_stagers_of_the_mean_field(folder):
    names = run(MEAN_FIELD)
    full, reduced = names["full_outputs"], names["reduced_outputs"]
    assert {"fixed_point", "nu_init"} <= set(full)
    assert full["fixed_point"].shape == full["nu_init"].shape == (50, 6)
    assert set(reduced) == {
        "potential",
        "displacement",
        "force_field",
        "path",
        "nu_outs",
        "mesh",
    }
    assert reduced["force_field"].shape == (121, 121, 2)
    ends = {tuple(end) for end in full["fixed_point"][:, :2].round(1)}
    assert ends <= {(51.1, 2.5), (2.5, 51.1), (21.8, 21.8)}


@pytest.mark.slow
def test_sweep(folder, capsys):
    names = run(SWEEP)
    shown = capsys.readouterr().out
    counts = [int(c) for c in re.findall(r", (\d+)\)", shown)]
    assert counts[0] < counts[1] < counts[2]
    written = Path("simulations/sweep_demo")
    for i, value in enumerate((5.0, 7.5, 10.0)):
        config = load_config(written / "configs" / f"{i}.yaml")
        assert config.external_currents.nu_ext_baseline == (value, 7.0, 0.0, 0.0)
    assert (written / "metadata" / "sweep.log").is_file()
    assert names["sweep"].execute is not None


@pytest.mark.slow
def test_a_parallel_sweep_needs_no_guard_and_gives_the_same(folder):
    listing = "\nimport os; print(sorted(os.listdir('simulations/sweep_demo')))\n"
    Path("sweep.py").write_text(SWEEP + listing + SWEEP_PARALLEL + listing)
    done = subprocess.run([sys.executable, "sweep.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().split("\n")
    assert len(lines) == 4
    assert lines[:2] == lines[2:]


def test_the_perturbation_block(folder):
    mapping = load_config().to_mapping() | yaml.safe_load(PERTURBATION)
    config = load_config(mapping)
    shipped = load_config("configs/perturbed/default_snn_params_with_perturbation.yaml")
    assert config.perturbation == shipped.perturbation


def test_the_mean_field_directly(capsys):
    names = run(DIRECT)
    assert names["sol"].success
    assert names["nu_star"].shape == (2,)
    assert names["fp_type"] == "stable node"
    field, nu = names["lif_mf"], names["nu_star"]
    np.testing.assert_allclose(field.response(nu), nu, rtol=1e-9)
    assert "Type: stable node" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:neuroloom.lifnet:DeprecationWarning")
def test_every_door_opens():
    code = (
        "from neuroloom.lifnet.execution.stagers import StageSNNSimulation, "
        "FullMeanFieldStager, ReducedMeanFieldStager\n"
        "from neuroloom.lifnet.execution.stagers.mean_field import FullMeanFieldStager\n"
        "from neuroloom.lifnet.execution.sweep.spiking_net import SNNBaseSweepRunner\n"
        "from neuroloom.lifnet.execution.sweep.mean_field import MeanFieldBaseSweepRunner\n"
        "from neuroloom.lifnet.execution.repeater import Repeater\n"
        "from neuroloom.lifnet.execution import Logger, Repeater\n"
        "from neuroloom.lifnet.core.spiking_net.analysis.analyzer import Analyzer\n"
        "from neuroloom.lifnet.core.spiking_net import LIFNet, VectorialPerturbation\n"
        "from neuroloom.lifnet.core.mean_field.core import LIFMeanField\n"
    )
    names: dict[str, object] = {}
    exec(code, names)
    opened = [value for name, value in names.items() if name != "__builtins__"]
    assert len(opened) == 11
    assert all(getattr(lifnet, value.__name__) is value for value in opened)


def test_a_stager_without_a_file_uses_the_default():
    from neuroloom.lifnet import StageSNNSimulation

    stager = StageSNNSimulation()
    assert stager.config == load_config("default_snn_params")
    assert Seed(stager.random_seed) == Seed(256)
