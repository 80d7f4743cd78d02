"""Spikes, rates, currents and voltages of one run agree on when a step is."""

from __future__ import annotations

import numpy as np
import pytest

from neuroloom import lifnet
from neuroloom.lifnet import Record
from neuroloom.lifnet.errors import RoundingWarning, SimulationError
from neuroloom.shared import Epochs, SpikeTrains

DT = 5e-4


@pytest.fixture(scope="module")
def network() -> lifnet.ClusteredNetwork:
    return lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1)


def by_population(run, spikes) -> SpikeTrains:
    spans = list(run.populations.values())
    label = np.concatenate([np.full(b - a, i) for i, (a, b) in enumerate(spans)])
    return SpikeTrains(spikes.times, label[spikes.units], len(spans), spikes.epochs)


@pytest.mark.parametrize("width", [DT, 0.003, 0.01])
@pytest.mark.parametrize("first", [0, 333])
def test_counts_of_spikes_are_sums_over_steps(network, width, first):
    state = None
    if first:
        state = network.simulate(duration=first * DT, delta_t=DT, seed=2).state
    run = network.simulate(duration=0.3, delta_t=DT, state=state, seed=2)
    assert run.spike_counts.sum() > 500
    assert run.first_step == first
    steps = round(width / DT)
    expected = run.spike_counts.reshape(-1, steps, len(run.populations)).sum(axis=1)
    counts = by_population(run, run.recording.spikes).counts(width)
    np.testing.assert_array_equal(counts.values, expected)
    rates = run.population_rates(bin_width=width)
    sizes = np.array([b - a for a, b in run.populations.values()])
    np.testing.assert_allclose(rates.values * sizes * width, expected, atol=1e-9)
    np.testing.assert_allclose(rates.times, counts.times, atol=1e-12)


def test_the_last_step_counts(network):
    run = network.simulate(duration=0.2, delta_t=DT, seed=2)
    last = int(run.spike_steps[-1]) + 1
    cut = network.simulate(duration=last * DT, delta_t=DT, seed=2)
    spikes = cut.to_spike_trains()
    assert len(spikes) == len(cut.spike_ids) == cut.spike_counts.sum()
    assert spikes.epochs.stop[-1] == last * DT
    assert spikes.times[-1] == (last - 1) * DT
    assert cut.spike_counts[-1].sum() > 0


def test_spikes_know_their_population(network):
    run = network.simulate(duration=0.2, delta_t=DT, seed=2)
    spikes = run.to_spike_trains()
    pooled = spikes.pool("population")
    for column, (name, (start, stop)) in enumerate(run.populations.items()):
        assert spikes.select(population=name).n_units == stop - start
        assert len(pooled.of(name)) == run.spike_counts[:, column].sum()


def test_states_of_a_run_are_those_of_its_raster(network):
    run = network.simulate(duration=0.5, delta_t=DT, seed=2)
    labels = network.parameters.population + 1
    by_hand = lifnet.Analyzer(run.raster(), labels, run.delta_t, populations=[0, 1])
    found = lifnet.Analyzer.from_run(run, populations=[0, 1])
    assert found.occurrences().equals(by_hand.occurrences())
    assert found.config == by_hand.config


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize("first", [0, 50, 51])
def test_a_window_of_steps_holds_the_same_steps_of_everything(network, every, first):
    options = dict(
        delta_t=DT,
        seed=2,
        record=lifnet.Record(
            voltage=[0, 7],
            current=[3],
            population_current=True,
            population_voltage=True,
            every=every,
        ),
    )
    whole = network.simulate(duration=0.2, **options)
    state = network.simulate(duration=first * DT, **options).state if first else None
    run = network.simulate(duration=0.2 - first * DT, state=state, **options)
    low, high = 120, 280
    part = run.recording.restrict(Epochs(low * DT, high * DT))
    assert len(part.signals["rates"]) == high - low
    inside = (run.spike_steps + first >= low) & (run.spike_steps + first < high)
    np.testing.assert_array_equal(part.spikes.units, run.spike_ids[inside])
    wanted = [k for k in range(low, high) if (k + 1) % every == 0]
    for name, values in {
        "voltage": whole.voltage,
        "current of neurons, " + whole.channels[0]: whole.current,
        "current E1": whole.population_current["E1"],
        "voltage sums": np.stack(list(whole.population_voltage.values()), axis=1),
    }.items():
        signal = part.signals[name]
        steps = [(k + 1) // every - 1 for k in wanted]
        np.testing.assert_array_equal(signal.values, values[steps])
        np.testing.assert_allclose(signal.times, (np.array(wanted) + 0.5) * DT, atol=1e-12)


def test_a_neuron_is_at_its_reset_in_the_step_of_its_spike(network):
    run = network.simulate(duration=0.2, delta_t=DT, seed=2, record=Record(voltage=True))
    reset = network.parameters.per_neuron(network.parameters.reset_voltage)
    for k, i in list(zip(run.spike_steps, run.spike_ids, strict=True))[::20]:
        assert run.voltage[k, i] == np.float32(reset[i])
    signal, spikes = run.recording.signals["voltage"], run.recording.spikes
    place = np.floor(signal.times / DT + 1e-6).astype(int)
    at = np.searchsorted(place, np.rint(spikes.times / DT).astype(int))
    np.testing.assert_array_equal(
        signal.values[at, spikes.units], reset[spikes.units].astype(np.float32)
    )


def test_times_between_two_steps_are_said(network):
    run = network.simulate(duration=0.05, delta_t=DT, seed=2)
    for call in (
        lambda: run.population_rates(bin_width=0.0032),
        lambda: run.rates_hz(after=0.0101),
        lambda: run.to_spike_trains(start=0.0101),
    ):
        with pytest.warns(RoundingWarning, match="not a multiple of delta_t"):
            call()
    for call in (
        lambda: run.population_rates(bin_width=1.0),
        lambda: run.population_rates(bin_width=float("nan")),
        lambda: run.rates_hz(after=0.05),
        lambda: run.to_spike_trains(start=-0.01),
    ):
        with pytest.raises(SimulationError):
            call()


def test_what_a_run_keeps_is_in_its_recording():
    """The block of the how-to, for two threads: counted and summed by hand."""
    network = lifnet.ClusteredNetwork.from_config("2_cluster_mf", seed=1)
    record = lifnet.Record(voltage=[0, 100], population_current=True, every=10)
    run = network.simulate(duration=0.2, record=record, n_threads=2, progress=True, seed=1)
    recording = run.recording
    assert recording.spikes.times.size == len(run.spike_ids) == run.raster().sum()
    np.testing.assert_array_equal(recording.signals["voltage"].values, run.voltage)
    assert recording.signals["voltage"].values.shape == (run.n_steps // 10, 2)
    for name, current in run.population_current.items():
        np.testing.assert_array_equal(recording.signals[f"current {name}"].values, current)
    rates = run.population_rates(bin_width=0.01)
    for p, (first, last) in enumerate(run.populations.values()):
        inside = (run.spike_ids >= first) & (run.spike_ids < last)
        bins = run.spike_steps[inside] // round(0.01 / run.delta_t)
        counts = np.bincount(bins, minlength=len(rates.values))
        np.testing.assert_allclose(rates.values[:, p], counts / (0.01 * (last - first)))
