"""Runs too long for the memory, and what begins after a run, are told of before they start."""

from __future__ import annotations

import pytest

from neuroloom import lifnet
from neuroloom.lifnet import network
from neuroloom.lifnet.errors import NetworkError, PlausibilityWarning, SimulationError

SYNAPSES = {"exc": lifnet.Exponential(0.005)}


def built(*inputs):
    cell = lifnet.Population("E", 20, 0.02, threshold=20.0, reset=10.0, synapses=SYNAPSES)
    return lifnet.Network([cell], [], list(inputs)).build(seed=0)


@pytest.mark.parametrize("duration", [1e7, 1e9, 1e15])
@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [lifnet.PoissonInput("E", network.SineRate(9e3, 1e3, 5.0), 1.0)],
        [lifnet.PoissonInput("E", 9e3, 1.0, start=0.1)],
        [lifnet.CurrentInput("E", 1.0, start=0.1)],
        [network.NoiseCurrent("E", 1.0)],
    ],
)
def test_a_run_that_cannot_fit_is_refused_with_its_size(inputs, duration):
    with pytest.raises(SimulationError, match=r"memory: expected .* GB .*state=run.state"):
        built(*inputs).simulate(duration, seed=0)


@pytest.mark.parametrize("duration", [1e8, 1e15])
@pytest.mark.parametrize("timed", [False, True])
def test_so_is_one_of_a_clustered_network(duration, timed):
    config = lifnet.load_config("2_cluster_mf")
    if timed:
        n_pops = config.architecture.clusters.total_pops
        when = {"vectors": [[5.0] * n_pops], "params": [1.0], "time_dependence": {}}
        config = config.with_value("perturbation", {"rate": when})
    clusters = lifnet.ClusteredNetwork.from_config(config, seed=1)
    with pytest.raises(SimulationError, match=r"memory: expected .* GB"):
        clusters.simulate(duration=duration, seed=0)


def late(onset, shape="hat"):
    config = lifnet.load_config("2_cluster_mf").with_value("init_params.duration_sec", 0.5)
    vectors = [[5.0] * config.architecture.clusters.total_pops]
    when = {"onset_time": onset, "shape": shape}
    block = {"rate": {"vectors": vectors, "params": [1.0], "time_dependence": when}}
    return {**config.to_mapping(), "perturbation": block}


def test_a_perturbation_that_begins_after_the_run_warns():
    with pytest.warns(
        PlausibilityWarning, match=r"perturbation.rate.*onset_time: got 0.5 s, which"
    ):
        lifnet.load_config(late(0.5))
    lifnet.load_config(late(0.4995))


def test_a_shape_that_is_none_warns():
    with pytest.warns(PlausibilityWarning, match="'ramp', which is taken as 'hat'"):
        lifnet.load_config(late(0.1, "ramp"))
    lifnet.load_config(late(0.1, "box"))


def test_a_constant_rate_below_zero_is_refused():
    with pytest.raises(NetworkError, match=r"rate_hz: expected .* at least 0 in Hz"):
        lifnet.PoissonInput("E", -1.0, 1.0)


def test_a_run_is_no_state():
    network = built()
    run = network.simulate(0.01, seed=0)
    clusters = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1)
    with pytest.raises(SimulationError, match=r"state: expected a State, as run.state"):
        network.simulate(0.01, state=run, seed=0)
    with pytest.raises(SimulationError, match=r"got Simulation"):
        clusters.simulate(duration=0.01, state=run, seed=0)
