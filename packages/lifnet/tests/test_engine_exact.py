"""The kernel against torch and an independent numpy step, threads against one thread."""

from __future__ import annotations

import numpy as np
import pytest

from neuroloom.lifnet._engine import Cells, Connectivity, CountDrive, Record, State, _run, simulate


def random_network(n=600, p=0.1, seed=0, delays=None, heterogeneous=False):
    """Return cells, connectivity and a drive of a balanced random network."""
    rng = np.random.default_rng(seed)
    n_e = int(0.8 * n)
    adjacency = rng.random((n, n)) < p
    np.fill_diagonal(adjacency, False)
    source, target = np.nonzero(adjacency)
    indptr = np.append(0, np.cumsum(adjacency.sum(axis=1)))
    weights = np.where(source < n_e, 0.04, -0.2)
    delay_steps = 0 if delays is None else rng.integers(*delays, size=len(source))
    cells = Cells.create(
        n,
        tau_membrane=rng.uniform(0.015, 0.025, n) if heterogeneous else 0.02,
        tau_synaptic=0.005,
        threshold=np.where(np.arange(n) < n_e, 1.5, 0.75),
        tau_refractory=0.005,
    )
    connectivity = Connectivity.from_csr(indptr, target, weights, delay_steps=delay_steps)
    drive = CountDrive.poisson([1.2], np.zeros(n, dtype=int), np.full(n, 0.052))
    return cells, connectivity, drive


def assert_same_spikes(a, b):
    assert len(a.spike_ids) > 500
    np.testing.assert_array_equal(a.spike_steps, b.spike_steps)
    np.testing.assert_array_equal(a.spike_ids, b.spike_ids)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("mechanism", ["analytic", "euler"])
def test_same_spikes_as_dense_steps(backend, mechanism):
    cells, connectivity, drive = random_network()
    options = dict(n_steps=800, delta_t=5e-4, drives=[drive], mechanism=mechanism, seed=5)
    record = Record(voltage=True, current=True)
    kernel = simulate(cells, connectivity, record=record, **options)
    dense = simulate(cells, connectivity, backend=backend, record=record, **options)
    assert_same_spikes(kernel, dense)
    np.testing.assert_allclose(kernel.voltage, dense.voltage, atol=1e-12)
    np.testing.assert_allclose(kernel.current, dense.current, atol=1e-10)


def test_delays_per_synapse_as_in_numpy():
    cells, connectivity, drive = random_network(delays=(2, 40))
    options = dict(n_steps=800, delta_t=5e-4, drives=[drive], seed=5)
    kernel = simulate(cells, connectivity, **options)
    assert_same_spikes(kernel, simulate(cells, connectivity, backend="numpy", **options))


@pytest.mark.parametrize("delays", [(0, 40), (1, 2), (7, 90)])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_spikes_in_flight_arrive_as_in_numpy_however_a_run_is_cut(monkeypatch, delays, n_threads):
    # numpy adds a spike to all its targets when it is fired, and knows of no flight.
    monkeypatch.setattr(_run, "_STRETCH_BYTES", 1.0)  # stretches of 200 steps
    cells, connectivity, drive = random_network(delays=delays)
    options = dict(delta_t=5e-4, drives=[drive], seed=5)
    dense = simulate(cells, connectivity, n_steps=650, backend="numpy", **options)
    kernel = simulate(cells, connectivity, n_steps=650, n_threads=n_threads, **options)
    assert_same_spikes(kernel, dense)
    per_step = np.bincount(kernel.spike_steps, minlength=650)
    if delays[1] == 90:  # hundreds on their way at a time
        assert np.convolve(per_step, np.ones(delays[1] - 1)).max() > 256
    np.testing.assert_allclose(kernel.state.voltage, dense.state.voltage, atol=1e-12)
    # What is on its way at the end arrives in a run of either kind.
    for first in (dense, kernel):
        rest = simulate(cells, connectivity, n_steps=150, state=first.state, **options)
        if first is dense:
            expected = rest
    assert_same_spikes(rest, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("delays", [None, (3, 20)])
def test_threads_do_not_change_a_bit(dtype, delays):
    cells, connectivity, drive = random_network(n=1400, p=0.05, delays=delays)
    options = dict(n_steps=1000, delta_t=5e-4, drives=[drive], dtype=dtype, seed=2)
    options["record"] = Record(voltage=[0, 700, 1399], population_current=True)
    one = simulate(cells, connectivity, **options)
    for n_threads in (2, 3):
        more = simulate(cells, connectivity, n_threads=n_threads, **options)
        assert_same_spikes(one, more)
        np.testing.assert_array_equal(one.voltage, more.voltage)
        np.testing.assert_array_equal(one.population_current["all"], more.population_current["all"])


@pytest.mark.parametrize("delays", [None, (3, 20)])
def test_consecutive_runs_are_one_run(delays):
    cells, connectivity, drive = random_network(delays=delays)
    options = dict(delta_t=5e-4, drives=[drive], seed=3)
    whole = simulate(cells, connectivity, n_steps=700, **options)
    first = simulate(cells, connectivity, n_steps=333, **options)
    before = first.state.voltage.copy()
    second = simulate(
        cells, connectivity, n_steps=367, first_step=333, state=first.state, **options
    )
    np.testing.assert_array_equal(first.state.voltage, before)
    ids = np.concatenate([first.spike_ids, second.spike_ids])
    np.testing.assert_array_equal(ids, whole.spike_ids)
    np.testing.assert_array_equal(second.state.voltage, whole.state.voltage)


def test_parameters_per_neuron_as_in_numpy():
    cells, connectivity, drive = random_network(heterogeneous=True)
    options = dict(n_steps=400, delta_t=5e-4, drives=[drive], seed=5)
    kernel = simulate(cells, connectivity, **options)
    assert_same_spikes(kernel, simulate(cells, connectivity, backend="numpy", **options))


def test_a_second_run_starts_without_the_refractory_state_of_the_first():
    # Regression: refractory timers of one run were still set in the next.
    cells, connectivity, drive = random_network()
    options = dict(n_steps=300, delta_t=5e-4, drives=[drive], seed=3)
    assert_same_spikes(
        simulate(cells, connectivity, **options), simulate(cells, connectivity, **options)
    )


def test_counts_are_those_the_kernel_draws():
    cells, connectivity, drive = random_network()
    options = dict(n_steps=400, delta_t=5e-4, seed=11)
    jumps = drive.counts(11, 400) * drive.jump
    drawn = simulate(cells, connectivity, drives=[drive], **options)
    assert_same_spikes(drawn, simulate(cells, connectivity, external_jumps=jumps, **options))


def test_start_voltage_is_taken_and_input_untouched():
    cells, connectivity, _ = random_network()
    state = State.rest(cells).with_voltage(0.5)
    run = simulate(
        cells, connectivity, n_steps=1, delta_t=5e-4, state=state, record=Record(voltage=True)
    )
    np.testing.assert_allclose(run.voltage[0], 0.5 * np.exp(-5e-4 / 0.02), rtol=1e-12)
    assert (state.voltage == 0.5).all()
