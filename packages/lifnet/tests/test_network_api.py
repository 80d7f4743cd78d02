"""Neurons that differ, synapses of several kinds, rules, noise and rates in time.

Against closed forms and an integrator of its own in numpy.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from neuroloom.lifnet.engine import Record
from neuroloom.lifnet.errors import NetworkError
from neuroloom.lifnet.network import (
    Alpha,
    Bernoulli,
    Beta,
    CurrentInput,
    Delta,
    Explicit,
    Exponential,
    FixedIndegree,
    FixedOutdegree,
    FixedTotal,
    Network,
    NoiseCurrent,
    Normal,
    OneToOne,
    PoissonInput,
    Population,
    Projection,
    SampledRate,
    SineRate,
    Uniform,
)

STEP = 1e-4
CURRENT = {"exc": Exponential(0.005)}


def population(name="A", size=10, **changes):
    given = dict(tau_membrane=0.02, threshold=20.0, reset=10.0, synapses=CURRENT)
    return Population(name, size, **(given | changes))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_parameter_may_differ_between_neurons(dtype):
    rng = np.random.default_rng(1)
    n = 60
    tau, capacity = rng.uniform(0.01, 0.03, n), rng.uniform(0.5, 2, n)
    rest, reset = rng.uniform(-70, -60, n), rng.uniform(-75, -65, n)
    first, theta = rng.uniform(-65, -58, n), rng.uniform(-55, -50, n)
    refractory = rng.integers(0, 50, n) * STEP
    bias = (theta - rest) * capacity / tau * rng.uniform(1.2, 3, n)
    cells = population(
        size=n, tau_membrane=tau, threshold=theta, reset=list(reset), resting=tuple(rest),
        tau_refractory=refractory, capacitance=capacity, bias=bias, initial_voltage=first,
    )  # fmt: skip
    run = Network([cells], delta_t=STEP).simulate(0.3, dtype=dtype, seed=0)
    # V relaxes to V∞ from the first voltage, then from the reset after each refractory time.
    top = rest + bias * tau / capacity
    to_first = tau / STEP * np.log((top - first) / (top - theta))
    between = tau / STEP * np.log((top - reset) / (top - theta))
    for k in range(n):
        mine = run.spike_steps[run.spike_ids == k]
        assert abs(mine[0] + 1 - np.ceil(to_first[k])) <= (dtype == "float32")
        gap = np.ceil(between[k]) + round(refractory[k] / STEP)
        assert abs(np.diff(mine) - gap).max() <= (dtype == "float32")


def test_parameters_are_drawn_from_distributions():
    cells = population(
        size=4000, threshold=Normal(20, 1, low=15), tau_membrane=Uniform(0.01, 0.03),
        reset=Normal(5, 0.5), tau_refractory=Uniform(0.001, 0.003), initial_voltage=Uniform(0, 10),
    )  # fmt: skip
    built = Network([cells], delta_t=STEP).build(seed=3)
    assert stats.kstest(built.cells.threshold, "norm", (20, 1)).pvalue > 1e-3
    assert stats.kstest(built.cells.tau_membrane, "uniform", (0.01, 0.02)).pvalue > 1e-3
    steps = built.cells.tau_refractory / STEP
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)
    assert 10 <= steps.min() < 12
    assert 28 < steps.max() <= 30
    again = Network([cells], delta_t=STEP).build(seed=3)
    np.testing.assert_array_equal(built.cells.threshold, again.cells.threshold)
    assert abs(np.corrcoef(built.cells.threshold, built.cells.reset)[0, 1]) < 0.06


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": [20.0] * 9},
        {"threshold": [20.0] * 9 + [np.nan]},
        {"threshold": np.full((10, 1), 20.0)},
        {"threshold": [20.0] * 9 + [10.0]},
        {"tau_membrane": [0.02] * 9 + [0.0]},
        {"tau_refractory": [-1e-3] + [0.0] * 9},
        {"capacitance": True},
        {"reset": "low"},
        {"initial_voltage": [0.0]},
    ],
)
def test_impossible_parameters_are_refused(changes):
    with pytest.raises(NetworkError, match=rf"A\.({next(iter(changes))}|threshold)"):
        population(**changes)


def test_drawn_parameters_are_checked():
    with pytest.raises(NetworkError, match="threshold"):
        Network([population(size=500, threshold=Normal(11, 3))]).build(seed=1)


def test_numpy_scalars_and_arrays_without_axes_are_numbers():
    cells = population(threshold=np.float32(20), tau_membrane=np.array(0.02), reset=np.int64(10))
    assert (cells.threshold, cells.tau_membrane, cells.reset) == (20.0, 0.02, 10.0)


def integrate(network, built, n_steps):
    """Return spikes (step, neuron) by exact steps of each neuron's own linear equations."""
    from scipy.linalg import expm

    cells = built.cells
    indptr, target, weight, delay, channel = built.connectivity.to_csr()
    n, n_channels = cells.n_neurons, cells.n_channels
    size = 1 + 2 * n_channels
    steps = np.zeros((n, size, size))
    entry = np.zeros((n, n_channels), dtype=int)
    for k in range(n):
        rates = np.zeros((size, size))
        rates[0, 0] = -1 / cells.tau_membrane[k]
        for c in range(n_channels):
            i, x = 1 + 2 * c, 2 + 2 * c
            decay, rise = cells.tau_decay[c, k], cells.tau_rise[c, k]
            entry[k, c] = 0 if decay == 0 else i if rise == 0 else x
            if decay > 0:
                rates[0, i], rates[i, i] = 1 / cells.capacitance[k], -1 / decay
            if rise > 0:
                rates[i, x], rates[x, x] = 1.0, -1 / rise
        steps[k] = expm(rates * built.delta_t)
    constant = cells.bias * cells.tau_membrane / cells.capacitance
    constant = constant * -np.expm1(-built.delta_t / cells.tau_membrane)
    state = np.zeros((n, size))
    state[:, 0] = built.state.voltage - cells.resting
    wait = np.zeros(n, dtype=int)
    period = np.rint(cells.tau_refractory / built.delta_t).astype(int)
    slots = int(delay.max()) + 2
    coming = np.zeros((slots, n_channels, n))
    found = []
    for t in range(n_steps):
        state = np.einsum("kij,kj->ki", steps, state)
        state[:, 0] += constant
        now = coming[t % slots]
        for c in range(n_channels):
            jump = cells.scale[c] * now[c]
            direct = entry[:, c] == 0
            state[direct, 0] += jump[direct]
        held = wait > 0
        state[held, 0] = (cells.reset - cells.resting)[held]
        fired = state[:, 0] >= cells.threshold - cells.resting
        state[fired, 0] = (cells.reset - cells.resting)[fired]
        wait[held] -= 1
        wait[fired] = period[fired]
        for j in np.flatnonzero(fired):
            row = slice(indptr[j], indptr[j + 1])
            np.add.at(coming, ((t + delay[row]) % slots, channel[row], target[row]), weight[row])
        for c in range(n_channels):
            where = np.flatnonzero(entry[:, c])
            state[where, entry[where, c]] += (cells.scale[c] * now[c])[where]
        now[:] = 0
        found += [(t, k) for k in np.flatnonzero(fired)]
    return np.array(found)


def mixed_network():
    """Return populations whose receptors of one name are of three kinds."""
    kinds = {
        "A": {"exc": Exponential(0.005), "inh": Alpha(0.004)},
        "B": {"exc": Alpha(0.003), "inh": Delta()},
        "C": {"exc": Delta(), "inh": Exponential(0.008)},
    }
    populations = [
        Population(
            name, 20, Uniform(0.01, 0.02), Normal(20, 1), Normal(8, 1), synapses,
            tau_refractory=Uniform(0.0, 0.002), bias=Uniform(1100, 2500),
            initial_voltage=Uniform(0, 18),
        )
        for name, synapses in kinds.items()
    ]  # fmt: skip
    strength = {"A": 300.0, "B": 200.0, "C": 1.0}
    inhibition = {"A": -200.0, "B": -1.0, "C": -200.0}
    projections = [
        Projection(pre, post, Bernoulli(0.2), strength[post], Uniform(STEP, 3e-3), "exc")
        for pre, post in ("AB", "BC", "CA", "AA")
    ] + [
        Projection(pre, post, FixedOutdegree(4), inhibition[post], 1e-3, "inh")
        for pre, post in ("BA", "CB", "AC")
    ]
    return Network(populations, projections, delta_t=STEP)


@pytest.mark.slow
def test_kinds_of_one_receptor_differ_between_populations():
    network = mixed_network()
    built = network.build(dtype="float64", seed=4)
    run = built.simulate(0.15, seed=1)
    expected = integrate(network, built, 1500)
    assert len(expected) > 500
    found = np.stack([run.spike_steps, run.spike_ids], axis=1)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_mixed_networks_go_on_and_do_not_depend_on_threads(dtype):
    built = mixed_network().build(dtype=dtype, seed=4)
    whole = built.simulate(0.1, seed=1)
    first = built.simulate(0.037, seed=1)
    second = built.simulate(0.063, state=first.state, seed=1)
    steps = np.append(first.spike_steps, second.spike_steps + first.n_steps)
    np.testing.assert_array_equal(steps, whole.spike_steps)
    np.testing.assert_array_equal(np.append(first.spike_ids, second.spike_ids), whole.spike_ids)
    np.testing.assert_array_equal(second.state.voltage, whole.state.voltage)


def test_conductances_and_currents_do_not_mix():
    other = population("B", synapses={"exc": Beta(0.001, 0.005, 0.0)})
    with pytest.raises(NetworkError, match="conductances or currents"):
        Network([population(), other])


def pairs(rule, n_pre=50, n_post=40, own=False, seed=0):
    post = "pre" if own else "post"
    network = Network(
        [population("pre", n_pre), population("post", n_post)],
        [Projection("pre", post, rule, 1.0, 1e-3)],
    )
    built = network.build(seed=seed)
    indptr, target, *_ = built.connectivity.to_csr()
    source = np.repeat(np.arange(n_pre + n_post), np.diff(indptr))
    return source, target - (0 if own else n_pre), built


def test_one_to_one():
    source, target, _ = pairs(OneToOne(), 40, 40)
    np.testing.assert_array_equal(source, np.arange(40))
    np.testing.assert_array_equal(target, np.arange(40))
    with pytest.raises(NetworkError, match="equal size, got 50 and 40"):
        pairs(OneToOne())


@pytest.mark.parametrize("n", [0, 1, 7, 30, 39])
@pytest.mark.parametrize("own", [False, True])
def test_fixed_outdegree(n, own):
    rule = FixedOutdegree(n, autapses=False)
    source, target, built = pairs(rule, own=own)
    assert (built.out_degree("pre") == n).all()
    assert built.n_synapses == 50 * n
    assert len(set(zip(source.tolist(), target.tolist(), strict=True))) == len(source)
    assert not own or not (source == target).any()


def test_fixed_outdegree_draws_targets_evenly():
    _, target, _ = pairs(FixedOutdegree(300, multapses=True), 200, 40)
    assert stats.chisquare(np.bincount(target, minlength=40)).pvalue > 1e-3
    _, target, _ = pairs(FixedOutdegree(30), 2000, 40)
    # Without repetition each pair has the same chance.
    counts = np.bincount(target, minlength=40)
    expected, sd = 2000 * 0.75, np.sqrt(2000 * 0.75 * 0.25)
    assert (np.abs(counts - expected) < 4.5 * sd).all()


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("multapses", [False, True])
@pytest.mark.parametrize("n", [0, 400, 1900])
def test_fixed_total(n, own, multapses):
    source, target, built = pairs(
        FixedTotal(n, multapses=multapses, autapses=False), 50, 50, own=own
    )
    assert len(source) == built.n_synapses == n
    assert not own or not (source == target).any()
    if not multapses:
        assert len(set(zip(source.tolist(), target.tolist(), strict=True))) == n


@pytest.mark.slow
def test_fixed_total_without_repetition_takes_pairs_evenly():
    inside = np.zeros((8, 6))
    for seed in range(300):
        source, target, _ = pairs(FixedTotal(20, multapses=False), 8, 6, seed=seed)
        inside[source, target] += 1
    share = 20 / 48
    sd = np.sqrt(300 * share * (1 - share))
    assert (np.abs(inside - 300 * share) < 4.5 * sd).all()


@pytest.mark.parametrize(
    "rule",
    [
        FixedTotal(2001, multapses=False),
        FixedOutdegree(41),
        FixedIndegree(51),
    ],
)
def test_rules_that_cannot_be_are_refused(rule):
    with pytest.raises(NetworkError, match="expected at most"):
        pairs(rule)
    with pytest.raises(NetworkError, match="expected at most 0"):
        pairs(type(rule)(1, multapses=True, autapses=False), 1, 1, own=True)


def test_drawn_delays_are_at_least_a_step():
    network = Network(
        [population(size=100)], [Projection("A", "A", Bernoulli(0.5), 1.0, Uniform(0.0, 3e-4))]
    )
    delay = network.build(seed=1).connectivity.to_csr()[3]
    assert delay.min() == 1
    assert abs((delay == 1).mean() - 0.5) < 0.03


@pytest.mark.parametrize("n_threads", [1, 3])
def test_degrees_are_those_of_the_synapses(n_threads):
    rng = np.random.default_rng(2)
    ends = np.append(0, np.cumsum(rng.integers(0, 40, 700)))
    network = Network(
        [population("A", 700), population("B", 300)],
        [
            Projection("A", "B", Explicit(ends, rng.integers(0, 300, ends[-1])), 1.0, 1e-3),
            Projection("B", "A", FixedIndegree(11), Normal(1, 0.1), Normal(1e-3, 3e-4)),
            Projection("A", "A", FixedTotal(5000), 1.0, 1e-3),
        ],
    )
    built = network.build(seed=1, n_threads=n_threads)
    indptr, target, *_ = built.connectivity.to_csr()
    source = np.repeat(np.arange(1000), np.diff(indptr))
    a, b = slice(0, 700), slice(700, 1000)
    count = np.zeros((1000, 1000), dtype=int)
    np.add.at(count, (source, target), 1)
    np.testing.assert_array_equal(built.in_degree(), count.sum(axis=0))
    np.testing.assert_array_equal(built.in_degree("A"), count[a].sum(axis=0))
    np.testing.assert_array_equal(built.in_degree("B", "A"), np.full(700, 11))
    np.testing.assert_array_equal(built.in_degree("A", "B"), count[a, b].sum(axis=0))
    np.testing.assert_array_equal(built.out_degree("A", "B"), np.diff(ends))
    np.testing.assert_array_equal(built.out_degree(post="A"), count[:, a].sum(axis=1))
    assert built.n_synapses == len(target)
    with pytest.raises(NetworkError, match="did you mean 'A'"):
        built.in_degree("a")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_white_noise_has_the_variance_of_its_equation(dtype):
    cells = population(size=400, threshold=1e6, capacitance=0.5)
    network = Network([cells], inputs=[NoiseCurrent("A", sigma=30.0)], delta_t=STEP)
    run = network.simulate(0.4, dtype=dtype, record=Record(voltage=True, every=200), seed=2)
    v = run.voltage[5:]
    # In steps: x' = k x + (1 − k) τ/C I with k = exp(−Δt/τ) and the variance σ²/Δt of I.
    keep = np.exp(-STEP / 0.02)
    expected = 30.0**2 / STEP * ((1 - keep) * 0.02 / 0.5) ** 2 / (1 - keep**2)
    assert abs(expected / (30.0**2 * 0.02 / 2 / 0.5**2) - 1) < 1e-5
    assert abs(v.var() / expected - 1) < 5 * np.sqrt(2 / v.size * 2)
    assert stats.kstest(v.ravel()[::3], "norm", (0, np.sqrt(expected))).pvalue > 1e-3
    assert np.abs(np.corrcoef(v.T[:40]) - np.eye(40)).mean() < 0.3
    correlation = np.mean(v[1:] * v[:-1]) / expected
    assert abs(correlation - np.exp(-1)) < 0.03


def test_filtered_noise_is_an_ornstein_uhlenbeck_current():
    tau = 0.01
    for synapse in (Exponential(tau), Exponential(tau, charge=True)):
        cells = population(size=500, threshold=1e9, synapses={"exc": Delta(), "noise": synapse})
        network = Network([cells], inputs=[NoiseCurrent("A", 7.0, receptor="noise")])
        run = network.simulate(0.3, dtype="float64", record=Record(current=True, every=50), seed=1)
        i = run.current[20:, 1]
        expected = 7.0**2 / (2 * tau)
        assert abs(i.var() / expected - 1) < 0.05
        assert abs(np.mean(i[1:] * i[:-1]) / expected - np.exp(-0.5)) < 0.03


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_noise_goes_on_and_does_not_depend_on_threads(dtype):
    synapses = CURRENT | {"noise": Exponential(0.01)}
    network = Network(
        [population("A", 700, synapses=synapses, bias=900.0), population("B", 5)],
        inputs=[
            NoiseCurrent("A", 40.0),
            NoiseCurrent("A", 20.0, "noise", start=0.01, stop=0.04),
            NoiseCurrent("B", 10.0, start=0.02),
        ],
    )
    built = network.build(dtype=dtype, seed=1)
    whole = built.simulate(0.06, seed=5)
    first = built.simulate(0.0231, seed=5, n_threads=2)
    second = built.simulate(0.0369, seed=5, state=first.state, n_threads=3)
    np.testing.assert_array_equal(second.state.voltage, whole.state.voltage)
    np.testing.assert_array_equal(second.state.current, whole.state.current)
    assert len(whole.spike_steps) == len(first.spike_steps) + len(second.spike_steps) > 0
    other = built.simulate(0.06, seed=6)
    assert not np.array_equal(other.state.voltage, whole.state.voltage)


def test_noise_begins_and_ends():
    network = Network([population()], inputs=[NoiseCurrent("A", 10.0, start=0.01, stop=0.02)])
    run = network.simulate(0.03, dtype="float64", record=Record(voltage=True), seed=1)
    v = run.voltage
    assert (v[:100] == 0).all()
    assert (v[100] != 0).all()
    np.testing.assert_allclose(v[201:] / v[200:-1], np.exp(-STEP / 0.02), rtol=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sigma": -1.0}, "sigma"),
        ({"sigma": np.nan}, "sigma"),
        ({"start": -0.1}, "start"),
        ({"start": 0.2, "stop": 0.1}, "stop"),
        ({"receptor": "inh"}, "receptor"),
        ({"receptor": "fast"}, "Exponential"),
        ({"post": "Z"}, "post"),
    ],
)
def test_impossible_noise_is_refused(changes, words):
    cells = population(synapses=CURRENT | {"fast": Delta()})
    with pytest.raises(NetworkError, match=words):
        Network([cells], inputs=[NoiseCurrent(**({"post": "A", "sigma": 1.0} | changes))])


def counts(**changes):
    """Return Poisson spikes per 1 ms into 2,000 neurons, by the charge that came in."""
    cells = population(size=2000, threshold=1e9, tau_membrane=0.9, synapses={"exc": Delta()})
    network = Network([cells], inputs=[PoissonInput("A", weight=1.0, **changes)])
    run = network.simulate(
        0.04, dtype="float64", record=Record(population_voltage=True, every=10), seed=3
    )
    # What came in during 1 ms; it decays by less than one in a thousand until then.
    sums = run.population_voltage["A"].ravel()
    return sums - np.append(0.0, sums[:-1]) * np.exp(-1e-3 / 0.9)


def test_rates_begin_end_and_have_a_phase():
    found = counts(rate_hz=1000.0, start=0.01, stop=0.0255)
    expected = 2000 * np.clip(
        np.minimum(np.arange(1, 41), 25.5) - np.maximum(np.arange(40), 10), 0, 1
    )
    assert (np.abs(found - expected) < 5 * np.sqrt(expected) + 0.2).all()
    assert (found[:10].round(3) == 0).all()
    assert (found[26:].round(2) == 0).all()
    wave = SineRate(1000.0, 1000.0, 50.0, phase=-np.pi / 2)
    found = counts(rate_hz=wave, start=0.005)
    edges = np.arange(401) * STEP
    rate = 1000 + 1000 * -np.diff(np.cos(2 * np.pi * 50 * edges - np.pi / 2)) / (
        2 * np.pi * 50 * STEP
    )
    rate[:50] = 0
    expected = rate.reshape(40, 10).sum(axis=1) * STEP * 2000
    assert (np.abs(found - expected) < 5 * np.sqrt(expected) + 0.2).all()
    held = counts(rate_hz=SampledRate([500.0, 1500.0], 0.02), stop=0.03)
    expected = np.repeat([1000.0, 3000.0, 0.0], [20, 10, 10])
    assert (np.abs(held - expected) < 5 * np.sqrt(expected) + 0.2).all()


def test_rates_in_a_window_go_on():
    network = Network(
        [population(size=50, bias=800.0)],
        inputs=[
            PoissonInput("A", 5000.0, 200.0, start=0.01, stop=0.0305),
            CurrentInput("A", 100.0, start=0.02),
        ],
    )
    built = network.build(dtype="float64", seed=1)
    whole = built.simulate(0.05, seed=2)
    first = built.simulate(0.0222, seed=2)
    second = built.simulate(0.0278, seed=2, state=first.state)
    np.testing.assert_array_equal(second.state.voltage, whole.state.voltage)


def test_refractory_times_drawn_below_zero_are_refused():
    drawn = Normal(0.002, 0.002)
    with pytest.raises(NetworkError, match=r"A\.tau_refractory: .* at least 0 s.*got -"):
        Network([population(size=500, tau_refractory=drawn)]).build(seed=1)
    cut = dataclasses.replace(drawn, low=0.0)
    built = Network([population(size=500, tau_refractory=cut)]).build(seed=1)
    assert built.cells.tau_refractory.min() >= 0


def test_the_first_sample_is_that_of_the_run_that_reaches_it():
    built = Network([population(size=5)]).build(seed=1)
    rare = Record(voltage=[0], every=30)
    run = built.simulate(20 * built.delta_t, record=rare, seed=1)
    later = built.simulate(20 * built.delta_t, record=rare, state=run.state, seed=1)
    assert [r.voltage.shape for r in (run, later)] == [(0, 1), (1, 1)]
