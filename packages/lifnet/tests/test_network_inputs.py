"""Inputs reach the neurons they name, with the mean over each step; what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pytest

from neuroloom.lifnet import (
    Bernoulli,
    CurrentInput,
    Delta,
    Exponential,
    FixedIndegree,
    LifnetError,
    Network,
    Normal,
    PoissonInput,
    Population,
    Projection,
    Record,
)
from neuroloom.lifnet.engine import Connectivity
from neuroloom.lifnet.errors import NetworkError
from neuroloom.lifnet.network import Explicit, FixedTotal, SampledRate, SineRate, Uniform
from neuroloom.shared import Seed

CELLS = dict(tau_membrane=0.02, threshold=20.0, reset=0.0, synapses={"exc": Delta()})
SEED = Seed(1)


def pair(*inputs, projections=()):
    return Network(
        [Population("A", 10, **CELLS), Population("B", 12, **CELLS)], projections, inputs
    )


@pytest.mark.parametrize(
    ("neurons", "expected"),
    [
        ([2, 11], [2, 11]),
        (np.int64(3), [3]),
        (np.array(4), [4]),
        (range(2), [0, 1]),
        (np.arange(12) % 6 == 5, [5, 11]),
        (iter([1, 7]), [1, 7]),
        (None, range(12)),
    ],
)
def test_a_current_enters_the_neurons_that_it_names(neurons, expected):
    run = pair(CurrentInput("B", 3000.0, neurons=neurons)).simulate(0.05, seed=1)
    assert sorted(set(run.spike_ids.tolist())) == [10 + k for k in expected]


@pytest.mark.parametrize(
    "neurons", [[12], [-1], -1, [1.5], [2.0], [True, False], [3, 3], "B", [True, 2], [[1]]]
)
def test_neurons_that_do_not_exist_are_refused(neurons):
    with pytest.raises(LifnetError, match=r"CurrentInput\.neurons of B"):
        pair(CurrentInput("B", 1.0, neurons=neurons))


@pytest.mark.parametrize("name", ["indptr", "indices"])
def test_explicit_synapses_are_whole_numbers(name):
    given = {"indptr": [0, 1], "indices": [0]}
    given[name] = np.array(given[name]) + 0.5 * (name == "indices")
    given[name] = given[name].astype(float)
    with pytest.raises(NetworkError, match=f"Explicit.{name}: expected whole numbers"):
        Explicit(**given)
    with pytest.raises(NetworkError, match="31 bits"):
        Explicit([0, 1], [2**32])


def brute(values, interval, n_steps, delta_t, *, start=0.0, hold=True, fine=600):
    """Return the mean over each step from the values at many moments of it."""
    time = (np.arange(n_steps * fine) + 0.5) * delta_t / fine - start
    index = np.floor(time / interval).astype(int)
    inside = index >= 0 if hold else (index >= 0) & (index < len(values))
    at = np.where(inside, values[np.clip(index, 0, len(values) - 1)], 0.0)
    return at.reshape(n_steps, fine).mean(axis=1)


@pytest.mark.parametrize("interval", [0.25e-4, 0.5e-4, 0.4e-4, 1e-4, 1.5e-4, 3e-4])
def test_samples_are_averaged_over_the_step(interval):
    values = np.random.default_rng(0).uniform(0, 2000, 30)
    got = SampledRate(values, interval).sample(60, 1e-4, SEED)
    expected = brute(values, interval, 60, 1e-4)
    np.testing.assert_allclose(got, expected, atol=2000 / 300)
    assert (got[-3:] == values[-1]).all() or interval > 1.5e-4
    for start in (0.0, 2.5e-4, 1e-3):
        source = CurrentInput("A", 2.0, start, waveform=values, sample_interval=interval)
        expected = 2 * brute(values, interval, 60, 1e-4, start=start, hold=False)
        np.testing.assert_allclose(source.sample(60, 1e-4), expected, atol=4000 / 300)


def test_samples_of_the_step_are_taken_as_they_are():
    values = np.random.default_rng(1).uniform(0, 2000, 5000)
    assert (SampledRate(values, 1e-4).sample(5000, 1e-4, SEED) == values).all()
    assert (SampledRate(values, 3e-4).sample(5000, 1e-4, SEED) == values.repeat(3)[:5000]).all()


def test_a_current_is_on_for_its_share_of_a_step():
    got = CurrentInput("A", 3.0, 2.5e-4, 6e-4).sample(8, 1e-4)
    np.testing.assert_allclose(got, [0, 0, 1.5, 3, 3, 3, 0, 0], atol=1e-12)
    got = CurrentInput("A", 3.0, 0.1, 0.3).sample(5000, 1e-4)
    expected = np.zeros(5000)
    expected[1000:3000] = 3.0
    assert (got == expected).all()


def test_a_wave_that_the_step_cannot_follow_is_refused():
    SineRate(100.0, 50.0, 5000.0).sample(10, 1e-4, SEED)
    with pytest.raises(NetworkError, match="two steps"):
        SineRate(100.0, 50.0, 6000.0).sample(10, 1e-4, SEED)


@pytest.mark.parametrize(
    "change",
    [
        dict(start=float("nan")),
        dict(stop=float("nan")),
        dict(start=1.0, stop=1.0),
        dict(waveform=[1.0]),
        dict(sample_interval=1.0),
        dict(waveform=[1.0], sample_interval=float("inf")),
    ],
)
def test_currents_that_cannot_be(change):
    with pytest.raises(NetworkError, match="CurrentInput"):
        CurrentInput("A", 1.0, **change)


@pytest.mark.parametrize("n", [1, 5])
def test_an_in_degree_that_cannot_be_met_is_refused(n):
    one = Population("E", 1, **CELLS)
    rule = FixedIndegree(n, multapses=True, autapses=False)
    with pytest.raises(NetworkError, match="at most 0 sources"):
        Network([one], [Projection("E", "E", rule, 1.0)])
    none = FixedIndegree(0, multapses=True, autapses=False)
    built = Network([one], [Projection("E", "E", none, 1.0)]).build(seed=1)
    assert built.connectivity.n_synapses == 0
    # Two neurons: each hears the other n times.
    two = Network([Population("E", 2, **CELLS)], [Projection("E", "E", rule, 1.0)])
    np.testing.assert_array_equal(two.build(seed=1).connectivity.to_dense(), [[0, n], [n, 0]])


@pytest.mark.parametrize("rule", [Bernoulli(1.0, autapses=False), FixedTotal(0), Bernoulli(0.0)])
def test_rules_without_a_synapse_end(rule):
    net = Network([Population("E", 1, **CELLS)], [Projection("E", "E", rule, 1.0)])
    assert net.build(seed=1).connectivity.n_synapses == 0


def test_bounds_that_no_value_meets_are_refused():
    with pytest.raises(NetworkError, match="one in"):
        Normal(0.0, 1.0, 1.0, 1.0 + 1e-9)
    for delay in (Normal(1e-3, 1e-3, high=-0.5e-3), Uniform(-1e-3, 2e-3)):
        with pytest.raises(NetworkError):
            Projection("A", "B", Bernoulli(0.1), 1.0, delay)
    assert Normal(1.0, 0.0, 1.0, 2.0).sd == 0


def test_more_receptors_than_a_synapse_can_name_are_refused():
    def network(n):
        synapses = {f"r{k}": Delta() for k in range(n)}
        cells = dict(CELLS, synapses=synapses)
        return Network(
            [Population("A", 1, **cells)],
            [Projection("A", "A", Bernoulli(1.0), 1.0, 1e-3, f"r{n - 1}")],
        )

    channel = network(256).build(seed=1).connectivity.to_csr()[-1]
    assert channel.tolist() == [255]
    with pytest.raises(NetworkError, match="at most 256 receptors"):
        network(257)


@pytest.mark.parametrize("channel", [256, -1, 0.5, [0, 300], [0], [[0, 1]]])
def test_channels_that_cannot_be(channel):
    with pytest.raises(NetworkError, match="channel"):
        Connectivity.from_csr([0, 1, 2], [1, 0], 1.0, channel=channel)


@pytest.mark.parametrize("receptors", [("exc",), ("exc", "inh")])
def test_currents_of_neurons_are_in_the_recording(receptors):
    synapses = {name: Exponential(0.005) for name in receptors}
    cells = Population("E", 5, **dict(CELLS, synapses=synapses))
    inputs = [PoissonInput("E", 1000.0, 0.3, name) for name in receptors]
    record = Record(voltage=[4, 0], current=[1, 3])
    run = Network([cells], inputs=inputs).simulate(0.02, record=record, seed=1)
    signals = run.recording.signals
    assert signals["voltage"].values.shape == (200, 2)
    for c, name in enumerate(receptors):
        expected = run.current if len(receptors) == 1 else run.current[:, c]
        got = signals[f"current of neurons, {name}"]
        np.testing.assert_array_equal(got.values, expected)
        assert got.start == signals["voltage"].start
        assert (got.values != 0).any()


@pytest.mark.parametrize("name", ["indptr", "indices", "weights"])
def test_masked_synapses_are_refused(name):
    given = {"indptr": [0, 1, 2], "indices": [0, 1], "weights": [5.0, 1.0]}
    given[name] = np.ma.array(given[name], mask=[0] * (len(given[name]) - 1) + [1])
    with pytest.raises(NetworkError, match=rf"Explicit\.{name}"):
        Explicit(**given)


def test_a_class_is_no_rate():
    with pytest.raises(NetworkError, match=r"PoissonInput\.rate_hz"):
        PoissonInput("E", SineRate, 1.0)
