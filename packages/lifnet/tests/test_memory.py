"""A run that cannot fit is refused with its size before it starts."""

from __future__ import annotations

import sys
import time
import tracemalloc

import numpy as np
import pytest

from neuroloom import lifnet
from neuroloom.lifnet import Record
from neuroloom.lifnet._engine._digest import synapse_sum
from neuroloom.lifnet.errors import NetworkError, PlausibilityWarning, SimulationError
from neuroloom.lifnet.execution.stagers import StageSNNSimulation

memory = sys.modules["neuroloom.lifnet._engine._memory"]


@pytest.fixture
def one_gigabyte(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**9)


@pytest.mark.usefixtures("one_gigabyte")
@pytest.mark.parametrize(
    ("record", "part"),
    [
        (Record(voltage=True), "voltages 6.4 GB"),
        (Record(voltage=range(400)), "voltages 3.2 GB"),
        (Record(current=True, spikes=False), "currents 6.4 GB"),
        (Record(population_current=True, population_voltage=True), "sums over populations 192 MB"),
    ],
)
def test_a_large_record_is_refused_with_its_size(record, part):
    network = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1)
    duration = 1000.0 if "sums" not in part else 1e4
    begin = time.process_time()
    with pytest.raises(SimulationError, match=r"memory: expected .* 1 GB .*every") as caught:
        network.simulate(duration=duration, delta_t=5e-4, record=record, seed=1)
    assert time.process_time() - begin < 5
    if "sums" not in part:
        assert part in str(caught.value)


@pytest.mark.usefixtures("one_gigabyte")
def test_what_fits_runs():
    network = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1)
    options = dict(duration=100.0 * 5e-4, delta_t=5e-4, seed=1)
    assert network.simulate(record=Record(voltage=True), **options).voltage.shape == (100, 800)
    sizes = lifnet._engine._checks.answer_sizes(
        Record(voltage=[1], current=True, population_voltage=True, every=10),
        lifnet.engine.Cells.create(50, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0),
        1000,
        5,
        3,
        4,
    )
    assert sizes == {
        "voltages": 100 * 4.0,
        "currents": 100 * 50 * 4.0,
        "sums over populations": 100 * 3 * 8.0,
        "spike counts": 1000 * 3 * 4.0,
    }


@pytest.mark.usefixtures("one_gigabyte")
def test_the_stager_says_what_to_leave_out():
    config = lifnet.load_config("default_snn_params")
    stager = StageSNNSimulation(config.with_value("init_params.duration_sec", 600.0), random_seed=1)
    with pytest.raises(SimulationError, match=r"voltage 9\.6 GB.*output_keys"):
        stager.run()
    long = stager.configured(60.0, None)
    assert long.init_params.duration_sec == 60.0
    with pytest.raises(SimulationError, match="stimulus"):
        StageSNNSimulation(
            config.with_value("stimulus.onsets", [0.1]).with_value("stimulus.amplitude", 1.0)
        ).run(60.0, output_keys=["stimulus"])


def test_memory_is_told():
    free = memory.available_memory()
    assert free is None or 10**6 < free < 10**14


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of the address space")
def test_a_limit_of_the_address_space_counts(monkeypatch):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (10**15, 10**15))
    assert memory._of_limit() < 10**15
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    assert memory._of_limit() is None


@pytest.mark.parametrize("way", ["data", "numpy", "copy_", "gradient", "dtype"])
def test_the_kernel_sees_changed_weights(way):
    import torch

    shared = 0.5 * np.random.default_rng(1).random((20, 20))
    weights = torch.from_numpy(shared)
    if way == "gradient":
        weights = torch.nn.Parameter(weights)
    arguments = ([1.0, 1.0, 0, 0], 0.02, 0.005, 0.002, 1.5)
    net = lifnet.LIFNet(weights, *arguments, delta_t=5e-4, backend="kernel")
    zero, drive = torch.zeros(20), 90 * torch.ones(400, 20)

    def count(network):
        return int(network(zero, zero, drive)[2].sum())

    before = count(net)
    if way == "data":
        net.synaptic_weights.data[3:].zero_()
    elif way == "numpy":
        shared[3:] = 0
    elif way == "copy_":
        net.synaptic_weights[3:] = 0
    elif way == "gradient":
        with torch.no_grad():
            net.synaptic_weights[3:] = 0
    else:
        net.synaptic_weights.data[3:].zero_()
        net.float()
    fresh = lifnet.LIFNet(net.synaptic_weights.detach().clone(), *arguments, delta_t=5e-4,
                          backend="kernel")  # fmt: skip
    assert count(net) == count(fresh) != before


def test_synapses_cannot_be_edited_under_what_was_made_of_them():
    net = lifnet.engine.Connectivity.from_csr([0, 1, 2], [1, 0], 0.5)
    with pytest.raises(ValueError, match="read-only"):
        net.parts.weight[:] = 0
    with pytest.raises(ValueError, match="read-only"):
        net.split(1, "float32").weight[:] = 0


def test_a_digest_makes_no_copy_of_the_weights():
    weights = np.random.default_rng(1).random(200_000)
    rows = np.arange(0, 200_001, 200)
    synapses = lifnet.engine.Connectivity.from_csr(rows, np.tile(np.arange(200), 1000), weights)
    synapse_sum(synapses)  # compiles
    synapses.known.clear()
    tracemalloc.start()
    synapse_sum(synapses)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < weights.nbytes / 10


def test_input_on_its_way_counts():
    cell = lifnet.Population("E", 50, 0.02, 20.0, 10.0, {"exc": lifnet.Exponential(0.005)})
    rule = lifnet.Bernoulli(0.1)
    with pytest.warns(PlausibilityWarning):
        slow = lifnet.Projection("E", "E", rule, 1.0, delay=2e5)
    with pytest.raises(lifnet.LifnetError, match=r"input on its way .* take shorter delays"):
        lifnet.Network([cell], [slow]).build(seed=1)
    with pytest.warns(PlausibilityWarning):
        slower = lifnet.Projection("E", "E", rule, 1.0, delay=1e30)
    with pytest.raises(NetworkError, match=r"delay of projection E → E: expected at most"):
        lifnet.Network([cell], [slower]).build(seed=1)
    with pytest.raises(NetworkError, match="delay_steps: expected whole numbers from 0 to"):
        lifnet.engine.Connectivity.from_csr([0, 1], [0], 1.0, delay_steps=2**33)
