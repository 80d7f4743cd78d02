"""Published networks: their sizes, and what they do in short, small runs."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from neuroloom.lifnet import Record, models
from neuroloom.lifnet.errors import NetworkError, SimulationError
from neuroloom.lifnet.network import simulate_batch, simulate_trials
from neuroloom.shared import as_seed
from neuroloom.shared.jobs import fingerprint


def summary(run):
    return {"ids": run.spike_ids, "counts": run.spike_counts.sum(axis=0)}


def small_hagen(point):
    return models.hagen(j_ext=point, scale=1 / 32)


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        (models.hagen(), {"E": 8192, "I": 1024}),
        (models.cavallari(), {"E": 4000, "I": 1000}),
        (models.brunel_delta(), {"E": 10_000, "I": 2500}),
        (models.potjans_diesmann(), {"L23E": 20_683, "L6I": 2948}),
        (models.four_area(), {"frontal E": 8192, "occipital I": 1024}),
    ],
)
def test_sizes(network, sizes):
    ends = network.spans
    for name, size in sizes.items():
        assert ends[name][1] - ends[name][0] == size


def test_number_of_synapses():
    assert models.four_area().n_neurons == 36_864
    total = sum(p.rule.n for p in models.potjans_diesmann().projections)
    assert abs(total / 0.2987e9 - 1) < 0.01


def test_weight_that_gives_the_wanted_potential():
    pulse = models.potjans_diesmann().inputs[0].weight
    assert abs(pulse - 87.81) < 0.01


def test_brunel_alpha_peak_potential():
    network = models.brunel_alpha(order=100)
    assert abs(network.inputs[0].weight - 20.68) < 0.01


@pytest.mark.slow
def test_hagen_rates_are_near_the_published_ones_when_small():
    run = models.hagen(scale=1 / 8).simulate(1.0, seed=1)
    rates = run.rates_hz(after=0.2)
    assert abs(rates["E"] - 7.6) < 0.5
    assert abs(rates["I"] - 11.8) < 0.8


@pytest.mark.slow
def test_brunel_delta_rate():
    # NEST's example of this size: 52.92 and 53.17 Hz.
    run = models.brunel_delta(order=500).simulate(0.6, seed=1)
    for rate in run.rates_hz(after=0.1).values():
        assert abs(rate - 53.0) < 1.0


@pytest.mark.slow
def test_cavallari_currents_have_their_signs():
    record = Record(population_current=True, spikes=False)
    run = models.cavallari(scale=1 / 10, v_0=3.0).simulate(0.3, record=record, seed=2)
    assert run.channels == ("exc", "inh")
    ampa, gaba = run.population_current["E"][1600:].T
    assert (ampa > 0).all()
    assert gaba.mean() < 0
    assert run.spike_counts.sum() > 0
    assert len(run.spike_ids) == 0
    with pytest.raises(ValueError, match="did not record"):
        run.to_spike_trains()


def test_both_populations_of_cavallari_see_one_cortical_rate():
    network = models.cavallari()
    cortex = [i.rate_hz for i in network.inputs[2:]]
    assert cortex[0] is cortex[1]


def test_the_cortical_rate_of_cavallari_has_the_moments_of_its_equation():
    process = models.cavallari().inputs[2].rate_hz
    delta_t, n, tau = 1e-3, 4_000_000, 16e-3
    cut = process.sample(n, delta_t, as_seed(1))
    # The positive part of a normal of standard deviation .4: mean and variance in closed form.
    samples = n * delta_t / (2 * tau)  # that are as good as independent
    assert cut.mean() == pytest.approx(0.4 / np.sqrt(2 * np.pi), abs=4 * 0.24 / np.sqrt(samples))
    variance = 0.4**2 * (0.5 - 1 / (2 * np.pi))
    assert cut.var() == pytest.approx(variance, rel=6 / np.sqrt(samples))
    # Far above 0 nothing is cut: the process itself.
    above = dataclasses.replace(process, mean_hz=10.0).sample(n, delta_t, as_seed(2)) - 10.0
    assert above.var() == pytest.approx(0.4**2, rel=6 / np.sqrt(samples))
    lag = round(tau / delta_t)
    assert np.mean(above[lag:] * above[:-lag]) / above.var() == pytest.approx(np.exp(-1), abs=0.02)


def test_clusters_of_litwin_kumar_and_doiron_are_denser_inside():
    network = models.litwin_kumar_doiron(n_clusters=10, n_excitatory=800, n_inhibitory=200)
    within = network.projections[0]
    across = network.projections[1]
    assert within.pre == within.post == "E1"
    assert within.rule.p / across.rule.p == pytest.approx(2.5)
    mean = (within.rule.p + 9 * across.rule.p) / 10
    assert mean == pytest.approx(0.2)
    run = network.simulate(0.3, seed=1)
    assert 0.5 < np.mean(list(run.rates_hz(after=0.1).values())) < 60


def test_four_areas_excite_each_other():
    alone = models.four_area(scale=1 / 64, inter_probability=0.0)
    joined = models.four_area(scale=1 / 64, overrides={"frontal": {"j_ext": 33.0}})
    assert joined.populations[0].name == "frontal E"
    quiet, loud = (
        np.mean(list(net.simulate(0.4, seed=1).rates_hz(after=0.1).values()))
        for net in (alone, joined)
    )
    assert loud > quiet


def test_areas_can_be_joined_by_a_matrix():
    def between(network):
        return {
            (p.pre, p.post): (p.rule.p, p.weight.mean, p.receptor)
            for p in network.projections
            if p.pre.split()[0] != p.post.split()[0]
        }

    default = between(models.four_area())
    assert len(default) == 4 * 3 * 2
    assert default["frontal E", "parietal I"] == (0.02, pytest.approx(0.15 * 2.020), "exc")
    assert between(models.four_area(inter_probability=[[0.02, 0], [0.02, 0]])) == default
    inhibited = between(models.four_area(inter_probability=0.01 * np.ones((2, 2)), inter_weight=
                                         0.1 * np.ones((2, 2))))  # fmt: skip
    assert len(inhibited) == 4 * 3 * 4
    assert inhibited["frontal I", "parietal E"] == (0.01, pytest.approx(-2.384), "inh")
    one = np.zeros((8, 8))
    one[2, 0] = 0.05  # to the second area's E cells from the first one's
    assert list(between(models.four_area(inter_probability=one))) == [("frontal E", "parietal E")]


def test_microcircuit_scaled_down_keeps_the_order_of_its_rates():
    run = models.potjans_diesmann(scale=0.02).simulate(0.6, seed=3)
    rates = run.rates_hz(after=0.1)
    assert rates["L23E"] < rates["L4E"] < rates["L5I"]
    assert all(0 <= rate < 30 for rate in rates.values())


def test_batches_do_not_depend_on_workers():
    options = dict(summarize=summary, progress=False, seed=5)
    serial = simulate_batch(small_hagen, [28.0, 31.0, 34.0], 0.2, **options)
    threads = simulate_batch(
        small_hagen, [28.0, 31.0, 34.0], 0.2, n_workers=2, backend="threading", **options
    )
    for a, b in zip(serial, threads, strict=True):
        np.testing.assert_array_equal(a["ids"], b["ids"])
    totals = [int(row["counts"].sum()) for row in serial]
    assert totals[0] < totals[2]


def test_trials_share_a_network_and_resume(tmp_path):
    built = small_hagen(30.0).build(seed=1)
    options = dict(summarize=summary, progress=False, seed=7)
    rows = simulate_trials(built, 3, 0.1, resume=tmp_path, **options)
    assert not np.array_equal(rows[0]["ids"], rows[1]["ids"])
    again = simulate_trials(built, 3, 0.1, resume=tmp_path, **options)
    fresh = simulate_trials(built, 3, 0.1, **options)
    for a, b, c in zip(rows, again, fresh, strict=True):
        np.testing.assert_array_equal(a["ids"], b["ids"])
        np.testing.assert_array_equal(a["ids"], c["ids"])


@pytest.mark.slow
def test_a_network_is_the_same_job_after_it_has_run():
    built = small_hagen(30.0).build(seed=1)
    before = fingerprint(built)
    built.simulate(0.01, n_threads=2, seed=1)
    built.connectivity.split(2, "float64")
    assert fingerprint(built) == before
    sent = pickle.loads(pickle.dumps(built))
    a, b = (network.simulate(0.05, n_threads=2, seed=1) for network in (built, sent))
    np.testing.assert_array_equal(a.spike_ids, b.spike_ids)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: models.potjans_diesmann(scale=2.0), "scale"),
        (lambda: models.litwin_kumar_doiron(n_clusters=7), "divisor"),
        (lambda: models.litwin_kumar_doiron(r_ee=0.0), "r_ee"),
        (lambda: models.four_area(overrides={"frontl": {}}), "overrides"),
        (lambda: models.four_area(overrides={"frontal": {"j_e": 1.0}}), "expected some of"),
        (lambda: models.four_area(inter_probability=np.ones(2)), "inter_probability"),
        (lambda: models.four_area(inter_weight=np.ones((8, 8))), "within areas"),
    ],
)
def test_bad_parameters(make, match):
    with pytest.raises(NetworkError, match=match):
        make()


@pytest.mark.parametrize("tau_synaptic", [1e-4, 5e-3, 15e-3, 19.9999e-3, 20e-3, 30e-3, 0.2, 1.0])
def test_the_voltage_after_a_spike_peaks_at_j(tau_synaptic):
    """The membrane equation, integrated by scipy, has its peak at j for any synapse."""
    tau_membrane, capacitance, j = 20e-3, 0.25, 0.1
    net = models.brunel_alpha(order=10, tau_synaptic=tau_synaptic, j=j)
    current = net.projections[0].weight

    def change(t, v):
        s = t / tau_synaptic
        return -v / tau_membrane + current * s * np.exp(1 - s) / capacitance

    end = 3 * (tau_synaptic + tau_membrane)
    fastest = min(tau_synaptic, tau_membrane)
    run = solve_ivp(
        change, (0, end), [0.0], rtol=1e-10, atol=1e-13, max_step=fastest / 4, dense_output=True
    )
    assert run.sol(np.linspace(0, end, 200_001)).max() == pytest.approx(j, rel=1e-6)


def test_functions_of_a_batch_that_cannot_be():
    options = {"duration": 0.01, "progress": False, "seed": 1}
    with pytest.raises(SimulationError, match=r"network: expected a function .*, got 3"):
        simulate_batch(3, [28.0], **options)
    with pytest.raises(SimulationError, match=r"returns a Network .*28\.0, got 28\.0"):
        simulate_batch(float, [28.0], n_workers=1, **options)
    with pytest.raises(SimulationError, match=r"summarize: expected a function .*, got 3"):
        simulate_batch(small_hagen, [28.0], summarize=3, **options)
    with pytest.raises(SimulationError, match=r"summarize: expected a function .*, got 3"):
        simulate_trials(small_hagen(28.0).build(seed=1), 2, summarize=3, **options)
