"""Drawn synapses have the numbers, weights and delays of their rules, for any layout."""

from __future__ import annotations

import numpy as np
import pytest

from neuroloom.lifnet._errors import NetworkError, RoundingWarning
from neuroloom.lifnet._network import (
    Bernoulli,
    CurrentInput,
    Delta,
    Explicit,
    Exponential,
    FixedIndegree,
    FixedTotal,
    Lognormal,
    Network,
    Normal,
    OrnsteinUhlenbeck,
    PoissonInput,
    Population,
    Projection,
    SampledRate,
    SineRate,
    Uniform,
)
from neuroloom.shared import Seed


def two(rule, weight=0.1, delay=1e-3, n_a=300, n_b=500, pre="A", post="B"):
    cells = dict(tau_membrane=0.02, threshold=20.0, reset=0.0)
    cells["synapses"] = {"exc": Exponential(0.005)}
    return Network(
        [Population("A", n_a, **cells), Population("B", n_b, **cells)],
        [Projection(pre, post, rule, weight, delay)],
    )


def synapses(network, n_threads=1, seed=0):
    """Return source, target, weight and delay of every synapse."""
    built = network.build(seed=seed, n_threads=n_threads, dtype="float64")
    indptr, target, weight, delay, _ = built.connectivity.to_csr()
    source = np.repeat(np.arange(network.n_neurons), np.diff(indptr))
    assert len(target) == built.connectivity.n_synapses
    return source, target, weight, delay


def test_bernoulli_has_the_probability_and_no_repetition():
    source, target, weight, delay = synapses(two(Bernoulli(0.2)))
    assert source.max() < 300
    assert target.min() >= 300
    expected, sd = 0.2 * 300 * 500, np.sqrt(0.16 * 300 * 500)
    assert abs(len(source) - expected) < 4 * sd
    pairs = source * 1000 + target
    assert len(np.unique(pairs)) == len(pairs)
    in_degree = np.bincount(target, minlength=800)[300:]
    assert abs(in_degree.var() - 300 * 0.16) < 4 * 48 * np.sqrt(2 / 500)
    assert set(weight) == {0.1}
    assert set(delay) == {10}


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_bernoulli_at_its_ends(p):
    source, target, _, _ = synapses(two(Bernoulli(p, autapses=False), pre="A", post="A"))
    assert len(source) == p * 300 * 299
    assert (source != target).all()


@pytest.mark.parametrize("n", [7, 280])
@pytest.mark.parametrize("multapses", [False, True])
def test_fixed_indegree(n, multapses):
    rule = FixedIndegree(n, multapses=multapses, autapses=False)
    source, target, _, _ = synapses(two(rule, pre="A", post="A"))
    assert (np.bincount(target, minlength=300)[:300] == n).all()
    assert (source != target).all()
    pairs = source * 1000 + target
    assert (len(np.unique(pairs)) == len(pairs)) is (not multapses)
    out_degree = np.bincount(source, minlength=300)[:300]
    assert out_degree.std() < 3 * np.sqrt(n)


def test_fixed_total():
    source, target, _, _ = synapses(two(FixedTotal(40_000)))
    assert len(source) == 40_000
    for degree, mean in ((np.bincount(source)[:300], 133.3), (np.bincount(target)[300:], 80.0)):
        assert abs(degree.var() / mean - 1) < 4 * np.sqrt(2 / 300)


def test_explicit_rows_come_back():
    rule = Explicit([0, 2, 2, 3], [4, 1, 0], weights=[0.5, -0.25, 2.0])
    source, target, weight, _ = synapses(two(rule, n_a=3, n_b=5))
    np.testing.assert_array_equal(source, [0, 0, 2])
    order = np.lexsort((target, source))
    np.testing.assert_array_equal(target[order], [4, 7, 3])
    np.testing.assert_allclose(weight[order], [-0.25, 0.5, 2.0])


def test_distributions_of_weight_and_delay():
    weight, delay = Normal.relative(-2.0, 0.1), Normal(1.5e-3, 0.75e-3, low=0.3e-3)
    _, _, w, d = synapses(two(Bernoulli(0.3), weight=weight, delay=delay))
    n = len(w)
    assert (w < 0).all()
    assert abs(w.mean() + 2.0) < 5 * 0.2 / np.sqrt(n)
    assert abs(w.std() - 0.2) < 5 * 0.2 / np.sqrt(2 * n)
    assert d.min() == 3
    from scipy.stats import truncnorm

    exact = truncnorm((0.3 - 1.5) / 0.75, np.inf, 1.5, 0.75)
    assert abs(d.mean() / 10 - exact.mean()) < 5 * exact.std() / np.sqrt(n) + 0.005
    assert abs(np.corrcoef(w, d)[0, 1]) < 5 / np.sqrt(n)
    _, _, w, _ = synapses(two(Bernoulli(0.3), weight=Lognormal(1.0, 0.5)))
    assert abs(w.mean() - 1.0) < 5 * 0.5 / np.sqrt(len(w))
    assert abs(w.std() - 0.5) < 0.02
    _, _, w, _ = synapses(two(Bernoulli(0.3), weight=Uniform(1.0, 3.0)))
    assert w.min() >= 1
    assert w.max() < 3
    assert abs(w.mean() - 2.0) < 5 * 0.58 / np.sqrt(len(w))


@pytest.mark.parametrize("weight", [0.1, Normal.relative(0.1, 0.2)])
def test_layout_for_threads_does_not_change_synapses(weight):
    network = two(Bernoulli(0.1), weight=weight, delay=Uniform(1e-3, 3e-3))
    one = synapses(network)
    for n_threads in (2, 3):
        more = synapses(network, n_threads=n_threads)
        a, b = (np.lexsort((s[3], s[1], s[0])) for s in (one, more))
        for x, y in zip(one, more, strict=True):
            np.testing.assert_array_equal(x[a], y[b])


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.1, Normal.relative(0.1, 0.2)])
@pytest.mark.parametrize("pre", ["A", "B"])
def test_sources_shared_by_threads_have_the_same_synapses(weight, pre, monkeypatch):
    # With B as the source the first neurons send nothing, and shares of sources are empty.
    monkeypatch.setattr("neuroloom.lifnet._network._wire._WORTH_A_THREAD", 0.0)
    rules = [Bernoulli(0.1), FixedTotal(9_000)] if pre == "A" else [FixedTotal(40)]
    cells = dict(tau_membrane=0.02, threshold=20.0, reset=0.0, synapses={"exc": Delta()})
    network = Network(
        [Population("A", 300, **cells), Population("B", 700, **cells)],
        [Projection(pre, post, r, weight, Uniform(1e-3, 3e-3)) for post in "AB" for r in rules],
    )
    one = network.build(seed=4, dtype="float64")
    for n_threads in (2, 3, 5):
        more = network.build(seed=4, n_threads=n_threads, dtype="float64")
        a, b = (built.connectivity.to_csr() for built in (one, more))
        np.testing.assert_array_equal(a[0], b[0])
        source = np.repeat(np.arange(1000), np.diff(a[0]))
        orders = [np.lexsort((x[2], x[3], x[1], source)) for x in (a, b)]
        for x, y in zip(a[1:], b[1:], strict=True):
            np.testing.assert_array_equal(x[orders[0]], y[orders[1]])
        parts = more.connectivity.parts
        assert parts.start[parts.rows[:, -1]].sum() - parts.start[parts.rows[:, 0]].sum() == len(
            source
        )


def test_other_seed_other_synapses():
    network = two(Bernoulli(0.1))
    a, b, c = (synapses(network, seed=s)[1] for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert len(a) != len(c) or (a != c).any()


def test_memory_per_synapse():
    network = two(Bernoulli(0.2), n_a=2000, n_b=2000, weight=Normal.relative(1.0, 0.1))
    connectivity = network.build(seed=1, dtype="float32").connectivity
    assert connectivity.nbytes <= 8 * connectivity.n_synapses
    connectivity = two(Bernoulli(0.2), n_a=2000, n_b=2000).build(seed=1).connectivity
    assert connectivity.nbytes <= 3 * connectivity.n_synapses


def test_more_neurons_than_sixteen_bits_count():
    cells = dict(tau_membrane=0.02, threshold=20.0, reset=0.0)
    cells["synapses"] = {"exc": Delta()}
    network = Network(
        [Population("A", 100, **cells), Population("B", 70_000, **cells)],
        [Projection("A", "B", FixedTotal(50_000), 30.0, 1e-3)],
    )
    built = network.build(seed=0)
    _, target, _, _, _ = built.connectivity.to_csr()
    assert target.max() > 69_900
    assert target.min() < 200
    parts = built.connectivity.parts
    assert parts.weight.size > parts.rows[:, -1].sum(), "parts leave room unused"
    assert set(np.unique(parts.weight)) == {np.float32(0.0), np.float32(30.0)}
    start = built.state.voltage.copy()
    start[:100] = 25.0
    run = built.simulate(2e-3, state=built.state.with_voltage(start), seed=0)
    hit = np.unique(target)
    np.testing.assert_array_equal(run.spike_ids[run.spike_ids >= 100], hit)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Bernoulli(1.2), r"Bernoulli\.p: .* of at least 0 and at most 1"),
        (lambda: Bernoulli(float("nan")), r"Bernoulli\.p: .* got nan"),
        (lambda: FixedIndegree(-1), r"FixedIndegree\.n: .* integer of at least 0"),
        (lambda: FixedTotal(2.5), r"FixedTotal\.n: .* integer of at least 0"),
        (lambda: Exponential(0.0), r"Exponential\.tau: .* above 0"),
        (lambda: two(Bernoulli(0.1), weight=float("nan")), "finite"),
        (lambda: two(Bernoulli(0.1), delay=-1e-3), "0 or more"),
        (lambda: two(Bernoulli(0.1), pre="C"), "one of"),
        (lambda: two(FixedIndegree(301)), "at most 300"),
        (lambda: two(Explicit([0, 1], [0])), "300 rows"),
        (lambda: Population("A", 0, 0.02, 1.0, 0.0, {"exc": Delta()}), "at least 1"),
        (lambda: Population("A", 5, 0.02, 1.0, 1.0, {"exc": Delta()}), "above reset"),
        (
            lambda: Population("A", 5, -0.02, 1.0, 0.0, {"exc": Delta()}),
            r"A\.tau_membrane: .* above 0",
        ),
        (
            lambda: PoissonInput("A", float("nan"), 1.0),
            r"rate_hz: .* finite number of at least 0 in Hz",
        ),
        (
            lambda: CurrentInput("A", 1.0, start=1.0, stop=0.5),
            "stop: expected a finite number above 1",
        ),
    ],
)
def test_bad_declarations(make, match):
    with pytest.raises(NetworkError, match=match):
        make()


def test_a_name_nearly_right_is_suggested():
    with pytest.raises(NetworkError, match="did you mean 'A'"):
        two(Bernoulli(0.1), pre="a" if False else "AA")


def test_delay_between_steps_is_rounded_with_a_warning():
    with pytest.warns(RoundingWarning, match="delay of 0.00133"):
        _, _, _, delay = synapses(two(Bernoulli(0.1), delay=1.33e-3))
    assert set(delay) == {13}


@pytest.mark.parametrize("delay", [0.3e-4, 0.99e-4])
def test_delay_below_a_step_is_refused(delay):
    with pytest.raises(NetworkError, match="delay of projection A → B: expected 0 or at least"):
        synapses(two(Bernoulli(0.1), delay=delay))
    assert set(synapses(two(Bernoulli(0.1), delay=0.0))[3]) == {0}


def test_rates_in_time():
    seed = Seed(3)
    held = SampledRate([1.0, 2.0, 4.0], 0.01).sample(500, 1e-4, seed)
    np.testing.assert_array_equal(held[[0, 99, 100, 250, 499]], [1, 1, 2, 4, 4])
    sine = SineRate(1.0, 2.0, 5.0).sample(4000, 1e-4, seed)
    assert sine.min() == 0
    edges = np.arange(41) * 0.01  # a tenth of a period: means of steps by the antiderivative
    mean = 5.0 - 2.0 * np.diff(np.cos(2 * np.pi * 10.0 * edges + 0.3)) / (2 * np.pi * 10.0 * 0.01)
    slow = SineRate(5.0, 2.0, 10.0, phase=0.3).sample(40, 0.01, seed)
    np.testing.assert_allclose(slow, mean, rtol=1e-12)
    wander = OrnsteinUhlenbeck(10.0, 1.0, 0.016).sample(400_000, 1e-4, seed)
    assert abs(wander.mean() - 10.0) < 0.15
    assert abs(wander.std() - 1.0) < 0.1
    lag = np.corrcoef(wander[:-160], wander[160:])[0, 1]
    assert abs(lag - np.exp(-1)) < 0.08
