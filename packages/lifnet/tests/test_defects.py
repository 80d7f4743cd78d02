"""One test for each thing that the seed of this package got wrong, by its number in the list."""

from __future__ import annotations

import copy
import subprocess
import sys

import numpy as np
import pytest
import torch

from neuroloom.lifnet import (
    Analyzer,
    ClusteredNetwork,
    FullMeanFieldStager,
    LIFMeanField,
    LIFNet,
    ReducedMeanFieldStager,
    SNNBaseSweepRunner,
    StageSNNSimulation,
    load_config,
)
from neuroloom.lifnet._clustered._drive import external_drives
from neuroloom.lifnet._clustered._wiring import draw_wiring
from neuroloom.lifnet._theory._stability import linearized_eigenvalues
from neuroloom.lifnet.analysis import ClusteringParams
from neuroloom.lifnet.clustered import clustered_parameters
from neuroloom.lifnet.errors import ConfigError, PerturbationError, RoundingWarning
from neuroloom.lifnet.theory import classify
from neuroloom.shared import Seed


def small_mapping() -> dict:
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


def single(tau_refractory=0.005, tau_synaptic=0.005, delta_t=0.5e-3) -> LIFNet:
    return LIFNet(
        torch.zeros(1, 1, dtype=torch.float64),
        [1.0, 0, 0, 0],
        0.02,
        tau_synaptic,
        tau_refractory,
        1.5,
        delta_t=delta_t,
    )


def test_01_stability_comes_from_the_right_jacobian():
    matrix = np.array([[-1.0, 2.0], [0.5, -3.0]])
    values = linearized_eigenvalues(matrix + np.eye(2))
    np.testing.assert_allclose(np.sort(values.real), np.sort(np.linalg.eigvals(matrix)))
    field = LIFMeanField.from_config("2_cluster_mf")
    winner = field.solve_rates([51, 2, 2, 13, 13, 13]).x
    label, eigenvalues = field.determine_stability(winner)
    assert label == "stable node"
    assert eigenvalues.real.max() == pytest.approx(-0.203, abs=1e-3)


def test_02_foci_are_told_from_nodes():
    assert classify([-2.5 + 1.9j, -2.5 - 1.9j]) == "stable focus (spiral sink)"
    assert classify([-1 + 3j, -1 - 3j]) == "stable focus (spiral sink)"


@pytest.mark.slow
def test_03_a_refractory_time_between_steps_does_not_lock_the_neuron():
    drive = torch.full((2000, 1), 120.0, dtype=torch.float64)
    zero = torch.zeros(1, dtype=torch.float64)
    whole = int(single(0.005)(zero, zero, drive)[2].sum())
    with pytest.warns(RoundingWarning):
        between = int(single(0.0052)(zero, zero, drive)[2].sum())
    # Constant drive μ = 120 · .02 = 2.4: one interval is τ_ref + dt-rounded first passage.
    interval = 0.02 * np.log(2.4 / (2.4 - 1.5)) + 0.005
    assert whole == pytest.approx(1 / interval, rel=0.05)
    assert between == whole


def test_04_equal_time_constants_are_a_limit_not_a_zero():
    def peak(tau_synaptic):
        net = single(tau_synaptic=tau_synaptic)
        zero = torch.zeros(1, dtype=torch.float64)
        start = torch.full((1,), 100.0, dtype=torch.float64)
        quiet = torch.zeros(400, 1, dtype=torch.float64)
        return float(net(zero, start, quiet)[0].max())

    # V = I₀ t exp(−t/τ) has its peak I₀ τ/e at t = τ: 100 · .02 / e = .736.
    assert peak(0.02) == pytest.approx(100 * 0.02 / np.e, rel=1e-3)
    assert peak(0.02 * (1 + 1e-9)) == pytest.approx(peak(0.02), rel=1e-6)


def test_05_refractory_timers_do_not_leak_into_the_next_run():
    net = single()
    zero, drive = torch.zeros(1, dtype=torch.float64), torch.full((100, 1), 300.0).double()
    first, second = (net(zero, zero, drive)[2] for _ in range(2))
    assert int(first.sum()) > 1
    assert torch.equal(first, second)
    # Going on on purpose is possible: the timers of a call are there to be handed in.
    assert float(net.spikes_timer) >= 0


def test_06_inhibitory_neurons_have_their_own_external_drive():
    mapping = load_config("2_cluster_mf").to_mapping()
    config = load_config(mapping)
    parameters = clustered_parameters(config)
    e, i = parameters.j_ext[0, 0], parameters.j_ext[0, 3]
    assert (e, i) == (14.5 / np.sqrt(800), 12.9 / np.sqrt(800))
    (drive,) = external_drives(parameters, 0.5e-3)
    assert set(np.round(drive.jump[:640], 12)) == {round(e, 12)}
    assert set(np.round(drive.jump[640:], 12)) == {round(i, 12)}
    mapping["external_currents"]["nu_ext_baseline"][1] = 1e3
    louder = clustered_parameters(load_config(mapping))
    (drive,) = external_drives(louder, 0.5e-3)
    mean = drive.counts(1, 400).mean(axis=0)
    expected = louder.mean_nu_ext[0, [0, 3]] * 128 * 0.5e-3
    assert mean[:640].mean() == pytest.approx(expected[0], rel=0.02)
    assert mean[640:].mean() == pytest.approx(expected[1], rel=0.02)


@pytest.mark.slow
def test_07_unequal_connection_probabilities_keep_their_direction():
    mapping = small_mapping()
    mapping["architecture"]["clusters"]["connectivity_fraction_probs"] = [0.2, 0.5, 0.3, 0.4]
    parameters = clustered_parameters(load_config(mapping))
    dense = draw_wiring(parameters, seed=1).dense(parameters) != 0
    assert dense[240:, :240].mean() == pytest.approx(0.5, abs=0.01)  # E→I
    assert dense[:240, 240:].mean() == pytest.approx(0.3, abs=0.01)  # I→E
    assert dense[:240, :240].mean() == pytest.approx(0.2, abs=0.01)
    assert dense[240:, 240:].mean() == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize(
    ("target", "value"),
    [
        ("threshold", 1e6),
        ("j_ext", 1.0),
        ("tau_membrane", 0.01),
        ("tau_synaptic", 0.005),
        ("tau_refractory", 0.02),
    ],
)
def test_08_the_configurations_perturbations_act_in_the_spiking_net(target, value):
    mapping = small_mapping()
    spikes = StageSNNSimulation(mapping, 3).run(output_keys=["spikes"])["spikes"]
    mapping["perturbation"] = {
        target: {
            "vectors": [[1.0] * 6],
            "params": [value],
            "time_dependence": {"shape": "hat", "onset_time": 0.1},
        }
    }
    moved = StageSNNSimulation(mapping, 3).run(output_keys=["spikes"])["spikes"]
    np.testing.assert_array_equal(spikes[:200], moved[:200])
    assert not np.array_equal(spikes[200:], moved[200:])
    if target == "threshold":
        assert moved[200:].sum() == 0
    arguments = {f"{target}_perturbation": np.full(6, value)}
    by_argument = StageSNNSimulation(small_mapping(), 3).run(output_keys=["spikes"], **arguments)
    assert not np.array_equal(by_argument["spikes"], spikes)


def test_09_unknown_names_and_impossible_values_are_errors():
    mapping = small_mapping()
    mapping["init_params"]["delta_tt"] = 1
    with pytest.raises(ConfigError, match="'delta_t'"):
        load_config(mapping)
    mapping = small_mapping()
    mapping["architecture"]["network"]["tau_membrane"] = -0.02
    with pytest.raises(ConfigError, match="tau_membrane"):
        load_config(mapping)
    with pytest.raises(PerturbationError, match=r"target: .*did you mean .threshold"):
        StageSNNSimulation(small_mapping(), perturbations={"tresh": 1.0})


def test_10_unequal_membrane_times_scale_the_receiving_population():
    config = load_config("2_cluster_mf").with_value(
        "architecture.network.tau_membrane", [0.02, 0.01]
    )
    field = LIFMeanField.from_config(config)
    nu = np.arange(1.0, 7.0)
    tau = np.repeat([0.02, 0.01], 3)
    expected = tau * (
        (field.c_matrix * field.j_matrix) @ nu + (field.j_ext * field.c_ext * field.nu_ext).sum(0)
    )
    np.testing.assert_allclose(field.moments(nu)[0], expected, rtol=1e-12)
    # Whichever populations are held, each of the others keeps its own time constants.
    point = field.solve_rates([51, 2, 2, 13, 13, 13]).x
    for focus in ([0, 1], [3], [5, 0]):
        others = np.delete(point, focus)
        answer = field.effective_response_function(focus, point[focus], nu_init=others)
        np.testing.assert_allclose(answer, point, rtol=1e-7)


def test_11_the_mean_fields_external_rate_is_exact():
    rates = {
        float(FullMeanFieldStager("2_cluster_mf", random_seed=s).mean_field().nu_ext[0, 0])
        for s in (7, 8)
    }
    assert len(rates) == 1
    arousal = clustered_parameters(load_config("2_cluster_mf")).arousal
    assert rates == {7.0 + arousal.rate_span / 2}


def test_12_solves_that_do_not_arrive_are_flagged_and_stability_is_returned():
    outputs = FullMeanFieldStager("2_cluster_mf", random_seed=7).run(n_runs=10)
    assert outputs["converged"].all()
    assert set(outputs["label"]) <= {"stable node", "saddle"}
    assert outputs["eigenvalues"].shape == (10, 6)
    runaway = LIFMeanField(1, [[1000.0]], [[1.0]], 1.0, 1000, 50.0, 0.02, 0.0, 20.0, 10.0)
    assert not runaway.solve_rates([10.0]).success


def test_13_landscapes_of_any_populations_can_be_run_and_drawn(tmp_path):
    stager = ReducedMeanFieldStager("2_cluster_mf", random_seed=7)
    outputs = stager.run(focus_pops=[3, 1], grid_density=10.0, grid_lims=[(5, 25), (0, 60)])
    assert outputs["force_field"].shape == (3, 7, 2)
    # The response of the held populations minus their rates, whichever they are.
    expected = outputs["nu_outs"][..., [3, 1]] - np.moveaxis(outputs["mesh"], 0, -1)
    np.testing.assert_allclose(outputs["force_field"], expected)
    drawn = ReducedMeanFieldStager(load_config("2_cluster_mf").with_settings(plot=True))
    drawn.execute(directory=tmp_path, grid_density=20.0)
    assert (tmp_path / "plots" / "landscape.png").is_file()


def test_14_the_kernel_of_the_analyzer_is_in_milliseconds():
    raster = np.zeros((4001, 10), dtype=bool)
    raster[2000] = True
    clusters = np.ones(10, dtype=int)

    def width(dt, kernel):
        params = ClusteringParams(kernel_type=kernel, kernel_param=20.0)
        rates = Analyzer(raster, clusters, dt, clustering_params=params).get_cluster_rates()[:, 0]
        if kernel == "box":
            return (rates > 1e-9).sum() * dt
        time = (np.arange(4001) - 2000) * dt
        return np.sqrt((rates * time**2).sum() / rates.sum())

    for dt in (0.5e-3, 0.25e-3):
        assert width(dt, "gaussian") == pytest.approx(0.020, rel=0.02)
        assert width(dt, "box") == pytest.approx(0.020, rel=0.05)


def three_states() -> Analyzer:
    """The second population is active first, then both, then the first."""
    raster = np.zeros((3000, 20), dtype=bool)
    for start, who in ((0, [1]), (1000, [0, 1]), (2000, [0])):
        for population in who:
            for k in range(10):
                raster[start + k : start + 1000 : 10, 10 * population + k] = True
    sharp = ClusteringParams(kernel_type="box", kernel_param=0.5)
    return Analyzer(raster, np.repeat([1, 2], 10), clustering_params=sharp)


def test_15_transitions_have_the_numbers_of_their_states():
    analyzer = three_states()
    # Sorted, the states would be (0,), (0, 1), (1,); they appear the other way round.
    assert analyzer.get_unique_attractors() == [(1,), (0, 1), (0,)]
    first, both = analyzer.get_attractor_idx(1), analyzer.get_attractor_idx(0, 1)
    assert analyzer.get_transition_prob(first, both) == 1.0
    assert analyzer.get_transition_prob(both, first) == 0.0
    assert analyzer.get_transition_matrix()[first, both] == 1.0


@pytest.mark.slow
def test_16_sizes_do_not_wrap_and_importing_changes_nothing_global():
    mapping = load_config().to_mapping()
    mapping["init_params"] |= {"n_neurons": 70_000, "n_excitatory": 56_000, "n_inhibitory": 14_000}
    mapping["architecture"]["clusters"] |= {
        "n_excitatory_background": 0,
        "n_inhibitory_background": 0,
        "n_clusters": 2,
        "total_pops": 6,
        "connectivity_fraction_probs": [0.0001, 0.0001, 0.0002, 0.0002],
    }
    assert draw_wiring(clustered_parameters(load_config(mapping)), seed=0).targets.max() > 2**16
    mapping["init_params"] |= {"n_neurons": 2000, "n_excitatory": 1600, "n_inhibitory": 400}
    mapping["architecture"]["clusters"] |= {
        "n_excitatory_background": 200,
        "n_inhibitory_background": 120,
        "n_clusters": 140,
        "total_pops": 282,
    }
    labels = clustered_parameters(load_config(mapping)).population + 1
    assert labels.max() == 282
    assert len(labels) == 2000
    with pytest.raises(ConfigError, match="multiple of 18"):
        load_config().with_value(
            "init_params", {"n_neurons": 2001, "n_excitatory": 1601, "n_inhibitory": 400}
        )
    code = (
        "import torch, numpy as np, random; a = torch.get_default_dtype(); "
        "s = np.random.get_state()[1].sum(), torch.initial_seed(); import neuroloom.lifnet; "
        "assert torch.get_default_dtype() is a and s[0] == np.random.get_state()[1].sum()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    zero = torch.zeros(1)
    voltage, _, _ = single()(zero, zero, torch.zeros(10, 1), external_currents=None)
    assert voltage.shape == (10, 1)


def test_17_rows_of_the_transition_matrix_sum_to_one_where_a_state_was_left():
    analyzer = three_states()
    sums = analyzer.get_transition_matrix().sum(axis=1)
    last = analyzer.get_attractor_idx(0)
    assert sums[last] == 0.0  # the session ends in it
    np.testing.assert_array_equal(np.delete(sums, last), 1.0)


def test_18_a_run_keeps_spikes_only_unless_asked():
    network = ClusteredNetwork.from_config(small_mapping(), seed=1)
    run = network.simulate(seed=1)
    assert run.voltage is None
    assert run.current is None
    assert run.spike_ids.nbytes + run.spike_steps.nbytes < 0.02 * 400 * 300 * 8 * 3
    outputs = StageSNNSimulation(small_mapping(), 1).run(output_keys=["spikes", "clusters"])
    assert set(outputs) == {"spikes", "clusters"}


class CountSweep(SNNBaseSweepRunner):
    def _step(self, param, idx, sweep_param, **kwargs):
        return int(self._sweep_object.run(output_keys=["spikes"])["spikes"].sum())

    def _store(self, *args, **kwargs):
        pass

    def summary(self, results, sweep_params):
        pass

    def _summary_plot(self, *args, **kwargs):
        pass

    def summarize_repeated_run(self, *args, **kwargs):
        pass


@pytest.mark.slow
def test_19_sweeps_leave_the_baseline_alone_and_use_the_seed(tmp_path):
    baseline = small_mapping()
    before = copy.deepcopy(baseline)
    path = ["external_currents", "nu_ext_baseline"]

    def sweep(name, **options):
        return CountSweep().execute(
            tmp_path / name, baseline, path, [6.0, 8.0], 0, progress=False, **options
        )

    serial = sweep("a", seed=1)
    assert baseline == before
    assert serial == sweep("b", seed=1, parallel=True, executor="thread", max_workers=2)
    assert serial != sweep("c", seed=2)


def test_20_a_single_neuron_is_exact_to_the_step():
    # The exact scheme knows the voltage at every step, so the first spike comes at the first
    # step at or after the analytic crossing, whatever the step; Euler's comes by its own error.
    crossing = 0.02 * np.log(2.4 / (2.4 - 1.5))
    zero = torch.zeros(1, dtype=torch.float64)
    for dt in (2e-3, 1e-3, 0.5e-3, 0.1e-3):
        drive = torch.full((int(0.1 / dt), 1), 120.0, dtype=torch.float64)
        net = single(delta_t=dt, tau_synaptic=0.005, tau_refractory=0.004)
        exact = int(net(zero, zero, drive)[2].argmax())
        assert exact == int(np.ceil(crossing / dt)) - 1
        euler = int(net(zero, zero, drive, mechanism="euler")[2].argmax())
        own = int(np.ceil(np.log(1 - 1.5 / 2.4) / np.log(1 - dt / 0.02))) - 1
        assert euler == own


def test_21_a_perturbed_external_efficacy_is_the_same_in_both_halves():
    config = load_config("2_cluster_mf")
    values = np.array([1.0, 0, 0, 2.0, 0, 0])
    parameters = clustered_parameters(config, {"j_ext": values})
    (drive,) = external_drives(parameters, 0.5e-3)
    field = LIFMeanField.from_config(config, perturbations={"j_ext": values})
    root = np.sqrt(800)
    assert drive.jump[0] == pytest.approx((14.5 + 1.0) / root)
    assert drive.jump[640] == pytest.approx(12.9 / root)  # I_b: I clusters are empty here
    np.testing.assert_allclose(field.j_ext[0, [0, 3]], [(14.5 + 1) / root, (12.9 + 2) / root])


def test_22_single_stagers_read_the_perturbation_block(tmp_path):
    mapping = small_mapping()
    mapping["perturbation"] = {"rate": {"vectors": [[5.0] * 6], "params": [1.0]}}
    plain = StageSNNSimulation(small_mapping(), 3).run(output_keys=["spikes"])["spikes"]
    own = StageSNNSimulation(mapping, 3).run(output_keys=["spikes"])["spikes"]
    assert own.sum() > 1.2 * plain.sum()
    field = LIFMeanField.from_config(mapping)
    stager = FullMeanFieldStager(mapping, 3)
    np.testing.assert_allclose(stager.mean_field().nu_ext, field.nu_ext)
    assert field.nu_ext[0, 0] == pytest.approx(
        LIFMeanField.from_config(small_mapping()).nu_ext[0, 0] + 5
    )
    # An argument replaces the block's, and both are written down.
    back = StageSNNSimulation(mapping, 3, rate_perturbation=np.zeros(6))
    np.testing.assert_array_equal(back.run(output_keys=["spikes"])["spikes"], plain)
    stager = StageSNNSimulation(mapping, 3, threshold_perturbation=np.full(6, 0.1))
    stager.execute(None, save_outputs=True, directory=tmp_path, output_keys=["spikes"])
    with np.load(tmp_path / "metadata" / "perturbations.npz") as written:
        assert set(written) == {"rate", "threshold"}
        assert written["rate"].tolist() == [5.0] * 6


def test_23_in_degrees_stay_as_they_are():
    field = LIFMeanField(1, [[70_000.5]], [[-0.001]], 1.0, 100, 20.0, 0.02, 0.005, 1.5, 0.0, 0.005)
    assert field.c_matrix[0, 0] == 70_000.5
    assert field.moments([2.0])[0][0] == pytest.approx(0.02 * (-70.0005 * 2 + 2000))


def test_runs_of_one_stager_are_the_same_each_time():
    stager = StageSNNSimulation(small_mapping(), 11)
    first, second = (stager.run(output_keys=["spikes"])["spikes"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert Seed(11) == stager._root
