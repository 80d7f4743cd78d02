"""A run that begins where another ended is the rest of an unbroken one, to the bit."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroloom import lifnet, shared
from neuroloom.lifnet import Record
from neuroloom.lifnet._engine import network_digest
from neuroloom.lifnet.engine import Cells, Connectivity, CountDrive, simulate
from neuroloom.lifnet.errors import SimulationError
from neuroloom.shared import Seed

DT = 5e-4
STEPS = 160
RECORD = Record(voltage=[0, 3], current=[1], population_current=True, population_voltage=True)


def rates() -> dict:
    return {
        "constant": 9000.0,
        "sampled": lifnet.network.SampledRate(np.linspace(2e3, 2e4, 9), 0.011),
        "sine": lifnet.network.SineRate(9e3, 5e3, 21.0),
        "wandering": lifnet.network.OrnsteinUhlenbeck(9e3, 4e3, 0.02),
    }


def built(synapse: str, rate: str, delay: object, dtype: str) -> lifnet.network.BuiltNetwork:
    """40 E and 20 I neurons, with rest and bias that no sum keeps exactly, and a late current."""
    kind = {
        "exponential": lifnet.Exponential(0.005),
        "alpha": lifnet.network.Alpha(0.004),
        "delta": lifnet.Delta(),
        "conductance": lifnet.network.Beta(0.001, 0.005, 0.0),
    }[synapse]
    bias = np.random.default_rng(5).uniform(0.7, 1.1, 40)
    capacitance = 1.0 if synapse != "conductance" else 0.02
    drive = {"exponential": 40.0, "alpha": 30.0, "delta": 0.12, "conductance": 1e-3}[synapse]
    population = dict(threshold=-50.3, reset=-65.7, resting=-65.1, tau_refractory=0.002)
    e = lifnet.Population("E", 40, 0.02, **population, bias=600 * bias * capacitance,
                          capacitance=capacitance, synapses={"exc": kind})  # fmt: skip
    i = lifnet.Population("I", 20, 0.011, **population, capacitance=capacitance,
                          synapses={"exc": kind})  # fmt: skip
    shared = rates()[rate]
    inputs = [
        lifnet.PoissonInput("E", shared, drive),
        lifnet.PoissonInput("I", shared, drive),
        lifnet.PoissonInput("E", rates()["wandering"], drive / 2),
        lifnet.CurrentInput("E", 300.0 * capacitance, start=0.03, stop=0.06),
    ]
    wires = [
        lifnet.Projection("E", post, lifnet.Bernoulli(0.2), weight=3 * drive, delay=delay)
        for post in ("E", "I")
    ]
    return lifnet.Network([e, i], wires, inputs, delta_t=DT).build(dtype=dtype, seed=3)


def assert_joined(whole, parts) -> None:
    offset = 0
    steps = []
    for part in parts:
        assert part.first_step == offset
        steps.append(part.spike_steps + offset)
        offset += part.n_steps
    assert offset == whole.n_steps
    np.testing.assert_array_equal(np.concatenate(steps), whole.spike_steps)
    for name in ("spike_ids", "spike_counts", "voltage", "current"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    for name in ("population_current", "population_voltage"):
        for population, values in getattr(whole, name).items():
            joined = np.concatenate([getattr(part, name)[population] for part in parts])
            np.testing.assert_array_equal(joined, values)
    last = parts[-1].state
    for name in ("voltage", "relative", "current", "refractory", "rise", "rates"):
        np.testing.assert_array_equal(getattr(last, name), getattr(whole.state, name))
    assert last.step == whole.state.step == offset
    np.testing.assert_array_equal(
        last.arrivals(offset, 50) if last.pending.any() else 0,
        whole.state.arrivals(offset, 50) if whole.state.pending.any() else 0,
    )


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    synapse=st.sampled_from(["exponential", "alpha", "delta", "conductance"]),
    rate=st.sampled_from(sorted(rates())),
    delay=st.sampled_from([DT, 0.0113, lifnet.network.Uniform(0.001, 0.018)]),
    dtype=st.sampled_from(["float32", "float64"]),
    cuts=st.lists(st.integers(1, STEPS - 1), min_size=1, max_size=3, unique=True),
    every=st.sampled_from([1, 7]),
    threads=st.lists(st.sampled_from([1, 2]), min_size=4, max_size=4),
)
@pytest.mark.filterwarnings("ignore::neuroloom.lifnet.errors.RoundingWarning")
def test_split_runs_are_the_whole_run(synapse, rate, delay, dtype, cuts, every, threads):
    network = built(synapse, rate, delay, dtype)
    record = replace(RECORD, every=every)
    whole = network.simulate(STEPS * DT, record=record, seed=4)
    assert len(whole.spike_ids) > 20
    edges = [0, *sorted(cuts), STEPS]
    parts, state = [], None
    for k, (a, b) in enumerate(pairwise(edges)):
        run = network.simulate(
            (b - a) * DT, record=record, state=state, n_threads=threads[k], seed=4
        )
        parts.append(run)
        state = run.state
    assert_joined(whole, parts)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dense_engines_go_on_too(backend, dtype):
    n = 30
    rng = np.random.default_rng(1)
    cells = Cells.create(n, tau_membrane=0.02, tau_synaptic=0.005, threshold=-50.3, reset=-66.0,
                         resting=-65.1, tau_refractory=0.002, bias=800.0)  # fmt: skip
    source, target = np.nonzero(rng.random((n, n)) < 0.2)
    delay = 0 if backend == "torch" else rng.integers(1, 30, len(source))
    net = Connectivity.from_csr(
        np.searchsorted(source, np.arange(n + 1)), target, 0.3, delay_steps=delay
    )
    drive = CountDrive.poisson([0.4], np.zeros(n, int), 0.1)
    options = dict(delta_t=DT, drives=[drive], dtype=dtype, backend=backend, seed=7)
    record = Record(voltage=True, current=True)
    whole = simulate(cells, net, n_steps=200, record=record, **options)
    assert len(whole.spike_ids) > 20
    for cut in (1, 77, 199):
        first = simulate(cells, net, n_steps=cut, record=record, **options)
        rest = simulate(cells, net, n_steps=200 - cut, record=record, state=first.state, **options)
        np.testing.assert_array_equal(np.append(first.spike_ids, rest.spike_ids), whole.spike_ids)
        for name in ("voltage", "current"):
            joined = np.concatenate([getattr(first, name), getattr(rest, name)])
            np.testing.assert_array_equal(joined, getattr(whole, name))


def test_the_kernel_goes_on_from_numpy():
    cells = Cells.create(2, tau_membrane=0.02, tau_synaptic=0.005, threshold=[1.0, 1e9])
    net = Connectivity.from_csr([0, 1, 1], [1], 5.0, delay_steps=25)
    begin = lifnet.engine.State.rest(cells).with_voltage([2.0, 0.0])
    options = dict(delta_t=DT, record=Record(voltage=[1]))
    whole = simulate(cells, net, n_steps=60, state=begin, **options)
    first = simulate(cells, net, n_steps=10, state=begin, backend="numpy", **options)
    rest = simulate(cells, net, n_steps=50, state=first.state, **options)
    np.testing.assert_allclose(rest.voltage, whole.voltage[10:], rtol=1e-12)
    assert rest.voltage.max() > 1


@pytest.mark.parametrize("first_step", [None, 10, 23])
@pytest.mark.parametrize("later", [1, 2, 80])
def test_spikes_in_flight_arrive_whatever_the_delays_become(later, first_step):
    cells = Cells.create(2, tau_membrane=0.02, tau_synaptic=0.005, threshold=[1.0, 1e9])
    slow, after = (Connectivity.from_csr([0, 1, 1], [1], 5.0, delay_steps=d) for d in (50, later))
    begin = lifnet.engine.State.rest(cells).with_voltage([2.0, 0.0])
    first = simulate(cells, slow, n_steps=10, delta_t=1e-4, state=begin)
    run = simulate(cells, after, n_steps=100, delta_t=1e-4, first_step=first_step,
                   state=first.state, record=Record(current=[1]))  # fmt: skip
    # The spike of step 0 arrives in step 50, which is the 41st of the second run.
    assert np.flatnonzero(run.current[:, 0])[0] == 40
    np.testing.assert_allclose(run.current[40, 0], 5.0 / 0.005)


def test_another_seed_is_another_future_of_the_same_past():
    network = built("exponential", "wandering", DT, "float64")
    past = network.simulate(0.05, seed=1).state
    futures = [network.simulate(0.05, state=past, seed=s) for s in (1, 2, 2)]
    assert not np.array_equal(futures[0].spike_ids, futures[1].spike_ids)
    np.testing.assert_array_equal(futures[1].spike_ids, futures[2].spike_ids)
    process = lifnet.network.OrnsteinUhlenbeck(9e3, 4e3, 1.0)
    rate, _ = process.go_on(5, 1e-3, Seed(3), first_step=100, distance=5000.0)
    assert abs(rate[0] - 14e3) < 5 * 4e3 * np.sqrt(2e-3)


def test_a_state_of_another_step_is_refused():
    network = built("exponential", "constant", DT, "float64")
    past = network.simulate(0.05, seed=1).state
    other = lifnet.Network(
        network.network.populations, network.network.projections, network.network.inputs,
        delta_t=1e-4,
    ).build(dtype="float64", seed=3)  # fmt: skip
    with pytest.raises(SimulationError, match=r"state: expected .* steps of 0\.0001 s"):
        other.simulate(0.01, state=past, seed=1)


def test_voltages_that_cannot_be_are_refused():
    state = lifnet.engine.State(np.zeros(4), np.zeros((1, 4)), np.zeros(4, dtype=np.int32))
    for wrong in (np.zeros(3), "a", np.nan, [[0.0] * 4]):
        with pytest.raises(SimulationError, match="voltage: expected"):
            state.with_voltage(wrong)


def test_voltages_that_were_changed_are_taken():
    network = built("exponential", "constant", DT, "float64")
    past = network.simulate(0.05, seed=1).state
    changed = past.voltage.copy()
    changed[3] = -60.0
    for state in (past.with_voltage(changed), replace(past, voltage=changed)):
        assert state.above_rest(network.cells.resting)[3] == -60.0 - network.cells.resting[3]


@pytest.mark.filterwarnings("ignore:.*does not reach")  # the first part alone does not
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cut", [0.1, 0.15, 0.2])
def test_clocks_of_a_configuration_go_on(dtype, cut):
    config = lifnet.load_config("2_cluster_mf")
    n_pops = config.architecture.clusters.total_pops
    config = config.with_value("stimulus.onsets", [[0.12, 0.22]])
    config = config.with_value("stimulus.amplitude", 20.0)
    vector = {"vectors": [[5.0] * n_pops], "params": [1.0]}
    when = {"time_dependence": {"onset_time": 0.14, "offset_time": 0.21}}
    config = config.with_value("perturbation", {"rate": {**vector, **when}})
    network = lifnet.ClusteredNetwork.from_config(config, seed=1)
    options = dict(delta_t=DT, dtype=dtype, seed=2, record=Record(voltage=[0], every=3))
    whole = network.simulate(duration=0.3, **options)
    first = network.simulate(duration=cut, **options)
    rest = network.simulate(duration=0.3 - cut, state=first.state, n_threads=2, **options)
    np.testing.assert_array_equal(np.append(first.spike_ids, rest.spike_ids), whole.spike_ids)
    for name in ("spike_counts", "voltage"):
        joined = np.concatenate([getattr(first, name), getattr(rest, name)])
        np.testing.assert_array_equal(joined, getattr(whole, name))
    ramp = lifnet.ClusteredNetwork.from_config(
        config.with_value("stimulus.onsets", [0.12]).with_value("stimulus.stimulus_shape", "linear")
    )
    with pytest.raises(SimulationError, match="onset, offset"):
        ramp.simulate(duration=0.05, state=first.state, **options)


def test_samples_lie_at_the_same_steps_however_a_run_is_cut_inside(monkeypatch):
    network = built("exponential", "sine", DT, "float64")
    record = Record(voltage=[0, 3], every=7)
    whole = network.simulate(0.4, record=record, seed=1)
    every_step = network.simulate(0.4, record=Record(voltage=[0, 3]), seed=1)
    np.testing.assert_array_equal(whole.voltage, every_step.voltage[6::7])
    engine = sys.modules["neuroloom.lifnet._engine._run"]
    monkeypatch.setattr(engine, "_STRETCH_BYTES", 1.0)  # 200 steps, not a multiple of 7
    np.testing.assert_array_equal(
        network.simulate(0.4, record=record, seed=1).voltage, whole.voltage
    )


@pytest.mark.parametrize("synapse", ["alpha", "delta"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_state_goes_on_from_a_file(tmp_path, synapse, dtype):
    network = built(synapse, "wandering", 0.0115, dtype)
    whole = network.simulate(0.08, record=RECORD, seed=4)
    first = network.simulate(0.03, record=RECORD, seed=4)
    path = first.state.save(tmp_path / "state.npz")
    again = built(synapse, "wandering", 0.0115, dtype)
    for state in (lifnet.engine.State.load(path), lifnet.engine.State.load(path, again)):
        assert_joined(whole, [first, again.simulate(0.05, record=RECORD, state=state, seed=4)])
    with pytest.raises(SimulationError, match="one of this network"):
        built(synapse, "wandering", 0.0115, dtype).network.build(dtype=dtype, seed=4).simulate(
            0.05, state=state, seed=4
        )
    other = built(synapse, "wandering", DT, dtype)
    with pytest.raises(SimulationError, match="one of this network"):
        lifnet.engine.State.load(path, other)
    assert other.simulate(0.01, state=replace(state, bound=False), seed=4).n_steps == 20


def test_a_clustered_state_goes_on_from_a_file(tmp_path):
    options = dict(delta_t=DT, seed=2, perturbations={"j_potentiated": 0.1})
    network = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1)
    whole = network.simulate(duration=0.1, **options)
    first = network.simulate(duration=0.04, **options)
    path = first.state.save(tmp_path / "state.npz")
    state = lifnet.engine.State.load(path, network)
    rest = network.simulate(duration=0.06, state=state, **options)
    np.testing.assert_array_equal(np.append(first.spike_ids, rest.spike_ids), whole.spike_ids)
    with pytest.raises(SimulationError, match="one of this network"):
        lifnet.engine.State.load(path, lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=2))


def test_files_that_are_no_state_are_refused(tmp_path):
    network = built("delta", "constant", DT, "float64")
    state = network.simulate(0.01, seed=1).state
    with pytest.raises(shared.DataError, match="folder"):
        state.save(tmp_path / "nowhere" / "state.npz")
    path = state.save(tmp_path / "state.npz")
    path.write_bytes(path.read_bytes()[:-200])
    np.save(tmp_path / "pickle.npy", np.array([{}]), allow_pickle=True)
    for wrong in ("state.npz", "pickle.npy", "missing.npz"):
        with pytest.raises(shared.DataError):
            lifnet.engine.State.load(tmp_path / wrong)


def test_the_digest_knows_every_synapse_and_no_layout():
    base = ([0, 2, 3], [0, 1, 0], [0.5, 0.7, 0.5])
    cells = Cells.create(2, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0)

    def digest(indptr, indices, weights, cells=cells, **options):
        net = Connectivity.from_csr(indptr, indices, weights, **options)
        return network_digest(cells, net)

    one = digest(*base)
    assert one == digest([0, 2, 3], [1, 0, 0], [0.7, 0.5, 0.5])
    others = [
        digest([0, 2, 3], [0, 1, 0], [0.7, 0.5, 0.5]),
        digest([0, 2, 3], [0, 1, 1], [0.5, 0.7, 0.5]),
        digest([0, 1, 3], [0, 1, 0], [0.5, 0.7, 0.5]),
        digest(*base, delay_steps=[0, 0, 1]),
        digest(*base, channel=[0, 1]),
        digest(*base, cells=replace(cells, threshold=np.array([1.0, 2.0]))),
    ]
    assert len({one, *others}) == 7
    big = lifnet.models.brunel_delta(order=50)
    threads = {big.build(seed=1, n_threads=n).digest for n in (1, 2)}
    assert len(threads) == 1


KILLED = """
import os, sys
from neuroloom.lifnet import StageSNNSimulation, load_config
from neuroloom.lifnet._engine import _checkpoints

if len(sys.argv) > 1:
    compute, done = _checkpoints.Job.compute, []

    def killed(self, name, *rest):
        if len(done) == 3:
            os.kill(os.getpid(), 9)
        done.append(name)
        return compute(self, name, *rest)

    _checkpoints.Job.compute = killed
config = load_config("2_cluster_mf").with_settings(save=True, save_dir="out", sim_name="long")
stager = StageSNNSimulation(config, random_seed=1, perturbations={"rate": 0.5})
stager.execute(None, duration_sec=1.0, checkpoint_every=0.2, output_keys=["spikes", "voltage"])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_a_killed_run_goes_on_from_its_checkpoint(tmp_path):
    (tmp_path / "run.py").write_text(KILLED)
    command = [sys.executable, "run.py"]
    killed = subprocess.run([*command, "kill"], cwd=tmp_path, capture_output=True)
    assert killed.returncode == -9
    kept = tmp_path / "out" / "long" / "metadata" / "unfinished"
    assert sorted(p.name for p in kept.glob("steps-*.npz")) == [
        "steps-0.npz", "steps-400.npz", "steps-800.npz",
    ]  # fmt: skip
    stamps = {p: p.stat().st_mtime_ns for p in kept.glob("steps-*.npz")}
    assert stamps
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not kept.exists()
    whole = lifnet.StageSNNSimulation(
        "2_cluster_mf", random_seed=1, perturbations={"rate": 0.5}
    ).run(1.0, output_keys=["spikes", "voltage"])
    with np.load(tmp_path / "out" / "long" / "data" / "outputs.npz") as found:
        for name in ("spikes", "voltage"):
            np.testing.assert_array_equal(found[name], whole[name])


@pytest.mark.parametrize("rate", ["sine", "wandering"])
def test_checkpoints_change_nothing(tmp_path, rate):
    network = built("alpha", rate, DT, "float32")
    whole = network.simulate(0.1, record=RECORD, seed=4)
    kept = network.simulate(0.1, record=RECORD, seed=4, checkpoint=tmp_path / "kept",
                            checkpoint_every=0.03)  # fmt: skip
    assert_joined(whole, [kept])
    assert not (tmp_path / "kept").exists()
    with pytest.raises(SimulationError, match="checkpoint_every"):
        network.simulate(0.1, seed=4, checkpoint_every=0.03)
    with pytest.raises(SimulationError, match="checkpoint_every"):
        network.simulate(0.1, seed=4, checkpoint=tmp_path / "kept", checkpoint_every=1e-6)


def test_checkpoints_of_another_run_are_refused(tmp_path, monkeypatch):
    network = built("delta", "sine", DT, "float64")
    options = dict(checkpoint=tmp_path / "kept", checkpoint_every=0.02)
    engine = sys.modules["neuroloom.lifnet._engine._checkpoints"]
    monkeypatch.setattr(engine, "discard", lambda folder: True)
    network.simulate(0.05, seed=4, **options)
    for other in (
        lambda: network.simulate(0.05, seed=5, **options),
        lambda: network.simulate(0.06, seed=4, **options),
        lambda: network.simulate(0.05, seed=4, record=Record(voltage=[1]), **options),
        lambda: built("delta", "constant", DT, "float64").simulate(0.05, seed=4, **options),
    ):
        with pytest.raises(SimulationError, match=r"checkpoint: expected .*differs in.*; take a"):
            other()
    (tmp_path / "job.json").write_text("{")
    (tmp_path / "file").touch()
    for folder in (tmp_path, tmp_path / "file"):
        with pytest.raises(SimulationError, match="checkpoint: expected"):
            network.simulate(0.05, seed=4, checkpoint=folder)
