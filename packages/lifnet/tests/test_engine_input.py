"""What does not fit is refused by a clear error of our own, and connectivity comes back whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroloom.lifnet import LifnetError, Record
from neuroloom.lifnet.engine import Cells, Connectivity, CountDrive, State, simulate
from neuroloom.lifnet.errors import NetworkError, SimulationError


def cells(n=4, **changes):
    values = dict(tau_membrane=0.02, tau_synaptic=0.005, threshold=1.5)
    return Cells.create(n, **(values | changes))


def ring(n=4, weight=0.1, **options):
    return Connectivity.from_csr(np.arange(n + 1), (np.arange(n) + 1) % n, weight, **options)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (dict(tau_membrane=0.0), "tau_membrane: expected positive"),
        (dict(tau_membrane=-0.02), "tau_membrane: expected positive"),
        (dict(tau_synaptic=0.0), "tau_synaptic: expected positive"),
        (dict(tau_refractory=-1e-3), "tau_refractory: expected 0 or more"),
        (dict(threshold=0.0), "above reset"),
        (dict(threshold=np.nan), "finite"),
        (dict(tau_membrane=[0.02, 0.02]), "one per neuron"),
        (dict(reset=[0.0, 0.0, 0.0]), "one per neuron"),
    ],
)
def test_bad_cells(changes, match):
    with pytest.raises(NetworkError, match=match):
        cells(**changes)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([0, 2, 1], [0, 1], 1.0), "rising"),
        (([0, 1, 2], [0, 5], 1.0), "targets from 0 to 1"),
        (([0, 1, 2], [0, -1], 1.0), "targets from 0 to 1"),
        (([0, 1, 2], [0.0, 1.0], 1.0), "whole numbers"),
        (([0, 1, 2], [0, 1], [1.0, np.nan]), "finite"),
        (([0, 1, 2], [0, 1], [1.0]), "one per synapse"),
    ],
)
def test_bad_connectivity(arguments, match):
    with pytest.raises(NetworkError, match=match):
        Connectivity.from_csr(*arguments)


def test_negative_delay():
    with pytest.raises(NetworkError, match="delay_steps"):
        ring(delay_steps=-1)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (dict(delta_t=0.0), "delta_t"),
        (dict(delta_t=-1e-4), "delta_t"),
        (dict(delta_t=np.nan), "delta_t"),
        (dict(delta_t=4e-3), "at most half the shortest time constant"),
        (dict(delta_t=0.011, mechanism="euler"), "at most half"),
        (dict(mechanism="heun"), "mechanism"),
        (dict(n_steps=0), "n_steps"),
        (dict(n_steps=2.5), "n_steps"),
        (dict(n_threads=0), "n_threads"),
        (dict(first_step=-1), "first_step"),
        (dict(dtype="float16"), "dtype"),
        (dict(backend="gpu"), "backend"),
        (dict(stimulus=np.zeros((3, 4))), r"stimulus: expected shape \(10, 4\)"),
        (dict(stimulus=np.full((10, 4), np.nan)), "stimulus: expected finite"),
        (dict(stimulus=[(np.zeros(3), np.zeros(4))]), "waveforms of shape"),
        (dict(external_jumps=np.zeros((10, 5))), "external_jumps"),
        (dict(progress=1), "progress: expected True or False, got 1"),
        (dict(record=Record(voltage=[4])), "record: expected indices from 0 to 3, got 4"),
        (dict(populations={"E": (0, 5)}), "a range in 0 to 4"),
        (dict(state=State(np.zeros(3), np.zeros((1, 4)), np.zeros(4, np.int32))), "state.voltage"),
        (
            dict(state=State(np.full(4, np.inf), np.zeros((1, 4)), np.zeros(4, np.int32))),
            "state.voltage: expected finite",
        ),
        (dict(drives=[CountDrive.poisson([1.0], np.zeros(3, int), 1.0)]), "4 neurons"),
        (dict(drives=[CountDrive.poisson([1.0], np.zeros(4, int), 1.0, channel=1)]), "channel"),
    ],
)
def test_bad_runs(changes, match):
    arguments = dict(n_steps=10, delta_t=5e-4) | changes
    with pytest.raises(SimulationError, match=match) as caught:
        simulate(cells(), ring(), **arguments)
    assert isinstance(caught.value, LifnetError)
    assert isinstance(caught.value, ValueError)


def test_sizes_must_agree():
    with pytest.raises(SimulationError, match="expected 5 neurons, got 4"):
        simulate(cells(5), ring(4), n_steps=10, delta_t=5e-4)


def test_every_must_be_a_number_of_steps():
    with pytest.raises(SimulationError, match="every"):
        Record(every=0)


def test_input_is_not_written_to():
    stimulus, weights = np.full((10, 4), 30.0), np.full(4, 0.1)
    state = State.rest(cells())
    kept = [stimulus.copy(), weights.copy(), state.voltage.copy()]
    net = ring(weight=weights)
    simulate(cells(), net, n_steps=10, delta_t=5e-4, stimulus=stimulus, state=state)
    for before, after in zip(kept, (stimulus, weights, state.voltage), strict=True):
        np.testing.assert_array_equal(before, after)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 700),
    density=st.floats(0, 0.05),
    n_weights=st.sampled_from([1, 3, 10_000]),
    max_delay=st.integers(0, 30),
    n_parts=st.integers(1, 3),
    seed=st.integers(0, 2**31),
)
def test_any_connectivity_comes_back(n, density, n_weights, max_delay, n_parts, seed):
    rng = np.random.default_rng(seed)
    rows = rng.binomial(n, density, n)
    indptr = np.append(0, np.cumsum(rows))
    target = rng.integers(0, n, indptr[-1])
    weight = rng.choice(rng.normal(size=n_weights), indptr[-1])
    delay = rng.integers(0, max_delay + 1, indptr[-1])
    source = np.repeat(np.arange(n), rows)
    net = Connectivity.from_csr(indptr, target, weight, delay_steps=delay)
    expected = np.lexsort((weight, delay, target, source))
    for whole in (net, split(net, n_parts)):
        back = whole.to_csr()
        np.testing.assert_array_equal(back[0], indptr)
        order = np.lexsort((back[2], back[3], back[1], source))
        np.testing.assert_array_equal(back[1][order], target[expected])
        np.testing.assert_array_equal(back[2][order], weight[expected])
        np.testing.assert_array_equal(back[3][order], delay[expected])


def split(net, n_parts):
    parts = net.split(n_parts, "float64")
    return Connectivity(
        net.n_neurons, net.n_synapses, net.min_delay, net.max_delay, net.n_channels, parts
    )
