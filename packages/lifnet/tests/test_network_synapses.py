"""Responses of single synapses against closed forms and an ODE solver."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuroloom.lifnet._engine import (
    Cells,
    Connectivity,
    CountDrive,
    NormalDrive,
    Record,
    simulate,
)
from neuroloom.lifnet._errors import NetworkError, SimulationError
from neuroloom.lifnet._network import (
    Alpha,
    Bernoulli,
    Beta,
    CurrentInput,
    Delta,
    DoubleExponential,
    Explicit,
    Exponential,
    Lognormal,
    Network,
    Normal,
    PoissonInput,
    Population,
    Projection,
    SampledRate,
    Uniform,
)

STEP = 1e-4


def response(synapse, weight=2.0, delay=1e-3, n_steps=400, resting=-70.0, dtype="float64"):
    """Return time since arrival, voltage and synaptic state of a neuron that gets one spike."""
    common = dict(tau_membrane=0.02, threshold=-50.0, reset=-70.0, resting=resting)
    common |= dict(capacitance=0.5, synapses={"syn": synapse})
    pre = Population("pre", 1, initial_voltage=-40.0, **common)
    post = Population("post", 1, initial_voltage=-65.0, **common)
    network = Network(
        [pre, post],
        [Projection("pre", "post", Explicit([0, 1], [0]), weight, delay, "syn")],
        delta_t=STEP,
    )
    run = network.simulate(
        n_steps * STEP, dtype=dtype, record=Record(voltage=[1], current=[1]), seed=0
    )
    np.testing.assert_array_equal(run.spike_steps, [0])
    # The spike lies at the end of step 0, t = STEP; sample k is taken at (k + 1) STEP.
    since = np.arange(n_steps) * STEP - delay
    return since, run.voltage[:, 0], run.current.reshape(n_steps, -1)[:, -1]


def passive(since, delay):
    return -70.0 + 5.0 * np.exp(-(since + delay + STEP) / 0.02)


def test_exponential_current():
    since, v, i = response(Exponential(0.005))
    on = since > -STEP / 2
    np.testing.assert_allclose(i[on], 2.0 * np.exp(-since[on] / 0.005), rtol=1e-9)
    np.testing.assert_array_equal(i[~on], 0)
    kernel = 0.02 * 0.005 / 0.015 / 0.5 * (np.exp(-since / 0.02) - np.exp(-since / 0.005))
    np.testing.assert_allclose(v, passive(since, 1e-3) + 2.0 * kernel * on, rtol=1e-10)


def test_exponential_charge_is_the_voltage_step_in_the_limit():
    _, v, _ = response(Exponential(2e-4, charge=True), weight=1.0, n_steps=40)
    since, rest, _ = response(Exponential(2e-4, charge=True), weight=0.0, n_steps=40)
    assert abs((v - rest)[-1] - 2.0 * np.exp(-since[-1] / 0.02)) < 0.03


def test_equal_time_constants():
    # Regression: synapses as slow as the membrane did nothing.
    since, v, _ = response(Exponential(0.02))
    on = since > -STEP / 2
    exact = 2.0 / 0.5 * since * np.exp(-since / 0.02) * on
    np.testing.assert_allclose(v, passive(since, 1e-3) + exact, rtol=1e-10)


@pytest.mark.parametrize("near", [1e-3, 1e-6, 1e-9, 1e-12])
def test_nearly_equal_time_constants(near):
    _, v, _ = response(Exponential(0.02 * (1 + near)))
    _, limit, _ = response(Exponential(0.02))
    np.testing.assert_allclose(v, limit, rtol=1e-5 * near / 1e-3 + 1e-12)


def test_delta_steps_the_voltage():
    since, v, _ = response(Delta(), weight=3.0)
    jump = np.where(since > -STEP / 2, 3.0 * np.exp(-since / 0.02), 0.0)
    np.testing.assert_allclose(v, passive(since, 1e-3) + jump, rtol=1e-10)


@pytest.mark.parametrize(("rise", "decay"), [(1e-3, 3e-3), (3e-3, 1e-3), (2e-3, 2e-3)])
@pytest.mark.parametrize("normalise", ["peak", "area"])
def test_rise_and_decay(rise, decay, normalise):
    since, v, i = response(DoubleExponential(rise, decay, normalise), n_steps=600)
    if normalise == "area":
        assert abs(i.sum() * STEP - 2.0) < 1e-3 * 2
    else:
        assert abs(i.max() - 2.0) < 2e-3 * 2
    shape = (
        since / rise * np.exp(1 - since / rise)
        if rise == decay
        else np.exp(-since / decay) - np.exp(-since / rise)
    )
    shape = np.where(since > -STEP / 2, shape, 0)
    np.testing.assert_allclose(i / i[200], shape / shape[200], atol=1e-9)
    exact = solve_ivp(
        lambda t, x: [-x[0] / 0.02 + x[1] / 0.5, -x[1] / decay + x[2], -x[2] / rise],
        (0, since[-1]),
        [0, 0, 1.0],
        t_eval=np.maximum(since[since > -STEP / 2], 0),
        rtol=1e-10,
        atol=1e-14,
    )
    scale = i[200] / np.interp(since[200], exact.t, exact.y[1])
    got = (v - passive(since, 1e-3))[since > -STEP / 2]
    np.testing.assert_allclose(got, exact.y[0] * scale, atol=1e-6)


def test_alpha_is_the_limit_of_rise_and_decay():
    _, v, _ = response(Alpha(2e-3))
    _, near, _ = response(DoubleExponential(2e-3, 2.0001e-3))
    np.testing.assert_allclose(v, near, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_conductance_against_an_ode_solver(dtype):
    rise, decay, reversal = 0.4e-3, 2e-3, 0.0
    since, v, g = response(Beta(rise, decay, reversal), weight=5.0, dtype=dtype)
    assert abs(g.max() - 5.0) < 0.02
    on = since > -STEP / 2
    peak = np.log(decay / rise) / (1 / rise - 1 / decay)
    top = np.exp(-peak / decay) - np.exp(-peak / rise)

    def conductance(t):
        t = t - 1e-3
        return np.where(t > 0, 5.0 / top * (np.exp(-t / decay) - np.exp(-t / rise)), 0.0)

    exact = solve_ivp(
        lambda t, x: -(x - -70.0) / 0.02 - conductance(t) * (x - reversal) / 0.5,
        (0, since[-1] + 1e-3),
        [-70.0 + 5.0 * np.exp(-STEP / 0.02)],
        t_eval=np.maximum(since + 1e-3, 0),
        rtol=1e-10,
        max_step=STEP / 2,
    )
    assert np.abs(v - exact.y[0]).max() < 2e-3
    np.testing.assert_allclose(g[on], conductance(since[on] + 1e-3), atol=1e-4)


def test_population_current_is_the_sum_that_flows():
    synapses = {"exc": Beta(0.4e-3, 2e-3, 0.0), "inh": Beta(0.25e-3, 5e-3, -80.0)}
    cells = Population("E", 300, 0.02, -52.0, -59.0, synapses, resting=-70.0, capacitance=0.5)
    network = Network(
        [cells],
        [Projection("E", "E", Bernoulli(0.1), 1.0, 1e-3, "inh")],
        [PoissonInput("E", 2000.0, 2.0, "exc")],
        delta_t=STEP,
    )
    record = Record(voltage=True, current=True, population_current=True, population_voltage=True)
    run = network.simulate(0.05, record=record, dtype="float64", seed=1)
    v = run.voltage
    for c, reversal in enumerate((0.0, -80.0)):
        flow = (run.current[:, c] * (reversal - v)).sum(axis=1)
        np.testing.assert_allclose(run.population_current["E"][:, c], flow, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(run.population_voltage["E"], v.sum(axis=1), rtol=1e-12)
    assert (run.population_current["E"][100:, 0] > 0).all()
    thin = Record(population_current=True, every=5)
    part = network.simulate(0.05, record=thin, dtype="float64", seed=1)
    np.testing.assert_array_equal(part.population_current["E"], run.population_current["E"][4::5])


def test_constant_drive_fires_at_the_exact_rate():
    cells = Population(
        "E", 1, 0.02, 20.0, 10.0, {"exc": Delta()}, tau_refractory=2e-3, bias=25.0 / 0.02
    )
    run = Network([cells], delta_t=1e-5).simulate(2.0, dtype="float64", seed=0)
    period = 2e-3 + 0.02 * np.log((25.0 - 10.0) / (25.0 - 20.0))
    intervals = np.diff(run.spike_steps) * 1e-5
    assert np.abs(intervals - period).max() <= 1.5e-5


def test_refractory_time_between_steps_does_not_lock():
    # Regression: a refractory time that is no multiple of the step silenced a neuron for ever.
    cells = Population(
        "E", 1, 0.02, 20.0, 10.0, {"exc": Delta()}, tau_refractory=5.2e-3, bias=60.0 / 0.02
    )
    with pytest.warns(UserWarning, match="rounded"):
        run = Network([cells], delta_t=5e-4).simulate(1.0, dtype="float64", seed=0)
    expected = 1 / (5.2e-3 + 0.02 * np.log(50.0 / 40.0))
    assert abs(len(run.spike_ids) / expected - 1) < 0.06


def test_poisson_input_has_its_rate():
    cells = Population("E", 500, 0.02, 1e9, 0.0, {"exc": Exponential(0.005, charge=True)})
    for rate in (800.0, SampledRate([800.0], 1.0)):
        network = Network([cells], inputs=[PoissonInput("E", rate, 0.1)], delta_t=5e-4)
        run = network.simulate(1.0, dtype="float64", record=Record(current=True), seed=4)
        current = run.current[200:]
        # At the end of a step, right after the jumps: λ w / τs / (1 − e^(−dt/τs)).
        assert abs(current.mean() - 40.0 * 0.2 / (1 - np.exp(-0.1))) < 0.2
        # Shot noise, sampled at steps: variance λ w² / τs² / (1 − e^(−2 dt/τs)).
        variance = 800 * 5e-4 * (0.1 / 0.005) ** 2 / (1 - np.exp(-2 * 5e-4 / 0.005))
        assert abs(current.var() / variance - 1) < 0.03


def test_current_input_flows_when_and_where_asked():
    cells = Population("E", 4, 0.02, 1e9, 0.0, {"exc": Delta()})
    pulse = CurrentInput("E", 3.0, start=0.01, stop=0.02, neurons=[1, 2])
    ramp = CurrentInput("E", 1.0, start=0.03, waveform=[1.0, 2.0], sample_interval=1e-3)
    run = Network([cells], inputs=[pulse, ramp], delta_t=1e-4).simulate(
        0.04, dtype="float64", record=Record(voltage=True), seed=0
    )
    v = run.voltage
    assert (v[99] == 0).all()
    np.testing.assert_allclose(v[199], [0, *[3 * 0.02 * (1 - np.exp(-0.5))] * 2, 0], rtol=1e-9)
    decay = v[299, 1]
    np.testing.assert_allclose(decay, v[199, 1] * np.exp(-0.5), rtol=1e-9)
    end = 0.02 * (np.exp(-0.05) * (1 - np.exp(-0.05)) + 2 * (1 - np.exp(-0.05)))
    np.testing.assert_allclose(v[319, 0], end, rtol=1e-9)


def test_delta_synapses_without_delay_are_refused():
    cells = Population("E", 10, 0.02, 20.0, 0.0, {"exc": Delta()})
    network = Network([cells], [Projection("E", "E", Bernoulli(0.5), 1.0, 0.0)])
    with pytest.raises(SimulationError, match=r"projection E → E, delay: .* Delta receptor 'exc'"):
        network.simulate(0.01, seed=0)
    one = Cells.create(2, tau_membrane=0.02, tau_synaptic=[[0.005] * 2] * 2, threshold=1.0)
    one = replace(one, tau_decay=np.array([[0.0, 0.005], [0.005, 0.005]]))

    def run(target, **given):
        synapses = Connectivity.from_csr([0, 1, 1], [target], 1.0, **given)
        return simulate(one, synapses, n_steps=3, delta_t=1e-3)

    with pytest.raises(SimulationError, match=r"delay_steps: .* into neuron 0 on channel 0"):
        run(0)
    run(0, delay_steps=1)
    run(0, channel=[1, 0])  # an exponential one of the same neuron
    run(1)  # and one of the same channel


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_receptor_that_no_spike_enters_changes_nothing(everywhere):
    def spikes(**more):
        own = {"exc": Exponential(0.005)}
        cells = dict(tau_membrane=0.02, threshold=20.0, reset=0.0, bias=1500.0)
        first = Population("A", 30, synapses=own | (more if everywhere else {}), **cells)
        second = Population("B", 30, synapses=own | more, **cells)
        joined = [Projection(a, b, Bernoulli(0.4), 30.0, 0.0) for a in "AB" for b in "AB"]
        run = Network([first, second], joined).simulate(0.2, dtype="float64", seed=3)
        return run.spike_steps, run.spike_ids

    alone, beside = spikes(), spikes(unused=Delta())
    assert len(alone[0]) > 300
    for one, two in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(one, two)


def conductances(weight, rule=None, outside=None):
    cells = Population("E", 2, 0.02, -50.0, -60.0, {"exc": Beta(1e-3, 5e-3, 0.0)}, resting=-65.0)
    rule = Bernoulli(0.5) if rule is None else rule
    sources = [] if outside is None else [PoissonInput("E", 100.0, outside)]
    return Network([cells], [Projection("E", "E", rule, weight, 1e-3)], sources)


@pytest.mark.parametrize(
    "weight", [-1.0, Normal(1.0, 0.5), Normal(-1.0, 0.0), Uniform(-0.1, 1.0), Lognormal(-1.0, 0.1)]
)
def test_negative_conductances_are_refused(weight):
    with pytest.raises(NetworkError, match=r"projection E → E, weight: expected conductances"):
        conductances(weight)


def test_so_are_those_of_rules_and_of_inputs():
    with pytest.raises(NetworkError, match=r"projection E → E, weight: expected conductances"):
        conductances(1.0, Explicit([0, 2, 2], [0, 1], [1.0, -0.1]))
    with pytest.raises(NetworkError, match=r"PoissonInput\.weight: expected a conductance"):
        conductances(1.0, outside=-1.0)
    for fine in (0.0, Normal(1.0, 0.5, low=0.0), Normal(1.0, 0.0), Uniform(0.0, 1.0)):
        conductances(fine, outside=1.0).simulate(0.01, seed=1)


def test_and_so_are_those_of_the_engine():
    built = conductances(0.5, outside=1.0).build(dtype="float64", seed=1)
    n = built.cells.n_neurons
    drive = CountDrive.poisson([1.0], np.zeros(n, int), np.full(n, -1.0))
    for words, changes in (
        ("weights", {"connectivity": Connectivity.from_csr([0, 1, 1], [1], -0.5)}),
        ("drives", {"drives": [drive]}),
        ("external_jumps", {"external_jumps": -np.ones((5, n))}),
        ("noise", {"noise": [NormalDrive(np.ones(n), 0)]}),
        (r"state\.current", {"state": replace(built.state, current=-np.ones((1, n)))}),
    ):
        given = {"connectivity": built.connectivity, "n_steps": 5, "delta_t": 1e-4} | changes
        with pytest.raises(SimulationError, match=f"{words}: expected"):
            simulate(built.cells, **given)


@pytest.mark.parametrize("duration", [0.0, -1.0, float("nan"), 1e-6])
def test_bad_duration(duration):
    cells = Population("E", 10, 0.02, 20.0, 0.0, {"exc": Delta()})
    with pytest.raises(SimulationError, match="duration"):
        Network([cells]).simulate(duration, seed=0)
