"""A perturbation that changes in every step is to the bit a chain of runs with constant ones."""

from __future__ import annotations

import numpy as np
import pytest

from neuroloom.lifnet import ClusteredNetwork, Record, load_config
from neuroloom.lifnet._clustered import _clustered_network as module
from neuroloom.lifnet.errors import PerturbationError

DT, N, P = 5e-4, 26, 6
RECORD = Record(voltage=[0, 700], current=[3], population_current=True, every=2)
TARGETS = {
    "rate": 3.0,
    "j_baseline": 0.1,
    "j": 1.2,
    "j_potentiated": 0.2,
    "j_ext": 2.0,
    "threshold": 0.2,
    "tau_membrane": 0.004,
    "tau_synaptic": 0.001,
    "tau_refractory": 0.003,
    "arousal_level": 0.4,
    "arousal_M": 300.0,
}


@pytest.fixture(scope="module")
def network():
    config = load_config("2_cluster_mf").with_value("arousal", {"level": 0.3})
    return ClusteredNetwork.from_config(config, seed=1)


def shape_of(kind: str) -> np.ndarray:
    if kind == "pairs":
        return np.random.default_rng(2).uniform(0.7, 1, (P, P))
    return np.ones(P) if kind == "equal" else np.linspace(0.5, 1, P)


def chained(network, target, values, options):
    runs, state = [], None
    start = 0
    for stop in range(1, N + 1):
        if stop == N or (values[..., stop] != values[..., start]).any():
            runs.append(
                network.simulate(duration=(stop - start) * DT, state=state,
                                 perturbations={target: values[..., start]}, **options)
            )  # fmt: skip
            state, start = runs[-1].state, stop
    return runs


@pytest.mark.filterwarnings("ignore:tau_refractory")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["equal", "unequal", "pairs"])
@pytest.mark.parametrize("target", TARGETS)
def test_versions_are_a_chain_of_runs(network, target, kind, dtype, monkeypatch):
    if kind == "pairs" and target not in ("j", "j_baseline"):
        pytest.skip("only efficacies have one value per pair")
    ramp = np.linspace(0.5 if target == "j" else 0.0, TARGETS[target], N)
    ramp[10:14] = ramp[10]
    values = shape_of(kind)[..., None] * ramp
    options = dict(delta_t=DT, dtype=dtype, seed=2, record=RECORD)
    parts = chained(network, target, values, options)
    assert len(parts) == N - 3
    for most, threads in ((2000, 2), (7, 1)):
        monkeypatch.setattr(module, "_MOST_VERSIONS", most)
        whole = network.simulate(duration=N * DT, perturbations={target: values},
                                 n_threads=threads, **options)  # fmt: skip
        np.testing.assert_array_equal(np.concatenate([p.spike_ids for p in parts]), whole.spike_ids)
        for name in ("voltage", "current", "spike_counts"):
            joined = np.concatenate([getattr(part, name) for part in parts])
            np.testing.assert_array_equal(joined, getattr(whole, name))
        for name in ("voltage", "current", "refractory"):
            np.testing.assert_array_equal(
                getattr(parts[-1].state, name), getattr(whole.state, name)
            )
    plain = network.simulate(duration=N * DT, **options)
    assert any(
        not np.array_equal(getattr(plain.state, name), getattr(whole.state, name))
        for name in ("voltage", "refractory")
    )


def test_what_a_version_makes_impossible_is_refused(network):
    ramp = np.outer(np.ones(P), np.linspace(0, -1, N))
    for target, words in (
        ("threshold", "above the reset"),
        ("tau_membrane", "time constants"),
        ("tau_refractory", "at least 0"),
    ):
        with pytest.raises(PerturbationError, match=words):
            network.simulate(duration=N * DT, delta_t=DT, perturbations={target: 20 * ramp})


def test_connectivity_is_sorted_once(network):
    parameters = network.parameters
    first = network.wiring.connectivity(parameters)
    assert network.wiring.connectivity(parameters) is first
    other = module.clustered_parameters(network.config, {"j": 0.5})
    second = network.wiring.connectivity(other)
    assert second.blocks is first.blocks
    np.testing.assert_array_equal(second.to_dense(), network.wiring.dense(other))
    np.testing.assert_array_equal(
        second.split(2, "float32").weight, second.split(2, "float64").weight.astype(np.float32)
    )
    with pytest.raises(ValueError, match="read-only"):
        network.wiring.targets[0] = 1
