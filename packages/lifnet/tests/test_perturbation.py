from __future__ import annotations

import numpy as np
import pytest

from neuroloom.lifnet import ClusteredNetwork, LIFMeanField, load_config
from neuroloom.lifnet._clustered._arousal import sigmoid
from neuroloom.lifnet._clustered._perturbation import config_perturbations, segments
from neuroloom.lifnet.clustered import (
    CirculantPerturbation,
    VectorialPerturbation,
    clustered_parameters,
)
from neuroloom.lifnet.errors import ClippingWarning, PerturbationError

N_POPS = 38


def ramp(low: float, high: float) -> np.ndarray:
    return np.linspace(low, high, N_POPS)


def test_vectors_go_where_they_are_sent():
    made = VectorialPerturbation([1, 2, 3], length=5, involved_clusters=[4, 0, 2])
    assert made.get_perturbation(2.0).tolist() == [4.0, 0.0, 6.0, 0.0, 2.0]


def test_vectors_of_their_own_clusters_add_up():
    made = VectorialPerturbation(
        [1, 1, -1], [-1, 1, 1], length=6, involved_clusters=[[0, 1, 2], [1, 2, 3]]
    )
    np.testing.assert_allclose(made.get_perturbation(0.3, 0.02), [0.3, 0.28, -0.28, 0.02, 0, 0])
    in_time = made.get_perturbation(np.array([[0.3, 0.0], [0.02, 0.0]]))
    assert in_time.shape == (6, 2)
    np.testing.assert_allclose(in_time[:, 0], made.get_perturbation(0.3, 0.02))


def test_random_vectors_are_structured_or_normal_and_repeat():
    signs = VectorialPerturbation(n_vectors=400, length=10, balance=0.25)
    assert set(np.unique(signs.vectors)) == {-1.0, 1.0}
    assert (signs.vectors == 1).mean() == pytest.approx(0.25, abs=0.03)
    normal = VectorialPerturbation(
        n_vectors=400, length=10, structured=False, mean=2.0, sigma=0.5, involved_clusters=range(5)
    )
    assert (normal.vectors[:, 5:] == 0).all()
    assert normal.vectors[:, :5].mean() == pytest.approx(2.0, abs=0.05)
    assert normal.vectors[:, :5].std() == pytest.approx(0.5, abs=0.05)
    again = VectorialPerturbation(n_vectors=400, length=10, balance=0.25)
    np.testing.assert_array_equal(signs.vectors, again.vectors)


@pytest.mark.parametrize(
    ("vectors", "options", "params", "message"),
    [
        (([1, 2, 3],), {"involved_clusters": [0, 1]}, None, "at most one value per involved"),
        (([1],), {"involved_clusters": [9]}, None, "indices from 0 to 4"),
        (([1, 1],), {"involved_clusters": [1, 1]}, None, "once"),
        (([1], [1]), {"involved_clusters": [[0]]}, None, "one list per vector"),
        (([1], [1]), {"n_vectors": 1}, None, "n_vectors"),
        (([1], [1]), {}, (1.0,), r"params: expected shape \(2,\)"),
        (([1],), {"balance": 1.5}, None, "balance"),
        (([np.nan],), {}, None, "finite"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(vectors, options, params, message):
    with pytest.raises(PerturbationError, match=message):
        VectorialPerturbation(*vectors, length=5, **options).get_perturbation(*(params or (1.0,)))


def test_a_circulant_couples_neighbours():
    factors = CirculantPerturbation(3, alpha=0.1, beta=0.2).get_perturbation()
    assert factors.shape == (8, 8)
    assert factors[0, 1] == factors[1, 2] == factors[2, 0] == pytest.approx(1.1)
    assert factors[1, 4] == factors[2, 5] == factors[0, 6] == pytest.approx(1.2)
    assert (factors != 1).sum() == 6


def test_arousal_is_the_sigmoid_of_its_parameters():
    assert sigmoid([0.0, 0.5, 1.0], 0.2, 1.25) == pytest.approx([0.0, 0.2, 1.0], abs=1e-5)
    p = clustered_parameters(load_config())
    assert p.arousal.ee_scale == pytest.approx(0.961280, abs=1e-6)
    assert p.arousal.mean_rate == pytest.approx(0.338801, abs=1e-6)


def test_blocks_are_those_of_the_reference(oracle):
    p = clustered_parameters(load_config())
    np.testing.assert_allclose(p.efficacy, oracle["model"]["J_post_pre"], rtol=1e-12)
    expected = np.array(oracle["model"]["P_post_pre"]) * np.array(oracle["model"]["pops"])
    np.testing.assert_array_equal(p.in_degree, expected.astype(int))


# What each target does to the parameters of the populations.
def test_each_target_changes_its_own_parameters():
    config = load_config()
    base = clustered_parameters(config)
    p = ramp(-0.1, 0.1)

    def changed(target, values=p):
        return clustered_parameters(config, {target: values})

    np.testing.assert_allclose(changed("rate").nu_ext, base.nu_ext + p)
    np.testing.assert_allclose(changed("threshold").threshold, base.threshold + p)
    for target, small in (("tau_membrane", 0.01), ("tau_synaptic", 0.01), ("tau_refractory", 0.01)):
        moved = getattr(changed(target, p * small), target)
        np.testing.assert_allclose(moved, getattr(base, target) + p * small)
    np.testing.assert_allclose(changed("j_ext").j_ext[0], base.j_ext[0] + p / np.sqrt(2000))
    np.testing.assert_allclose(changed("j_baseline").efficacy, base.efficacy * (1 + p)[:, None])
    np.testing.assert_allclose(changed("j").efficacy, base.efficacy * p[:, None])
    pairs = np.add.outer(p, p)
    np.testing.assert_allclose(changed("j_baseline", pairs).efficacy, base.efficacy * (1 + pairs))
    stronger = changed("j_potentiated").efficacy / base.efficacy
    same = np.zeros((N_POPS, N_POPS), dtype=bool)
    for a in (0, 19):
        for b in (0, 19):
            same[np.arange(18) + a, np.arange(18) + b] = True
    np.testing.assert_allclose(stronger[~same], 1.0)
    expected = np.broadcast_to(1 + p[None, :], same.shape)
    np.testing.assert_allclose(stronger[same], expected[same])


@pytest.mark.parametrize("name", ["level", "L", "x_0", "k", "M"])
def test_arousal_targets_add_their_mean(name):
    config = load_config()
    vector = ramp(0.0, 0.1)
    ours = clustered_parameters(config, {f"arousal_{name}": vector})
    value = getattr(config.arousal, name) + vector.mean()
    by_config = clustered_parameters(config.with_value(f"arousal.{name}", value))
    assert ours.arousal == pytest.approx(by_config.arousal) or ours.arousal == by_config.arousal
    np.testing.assert_allclose(ours.efficacy, by_config.efficacy, rtol=1e-12)
    np.testing.assert_allclose(ours.mean_nu_ext, by_config.mean_nu_ext, rtol=1e-12)


def test_a_level_beyond_its_range_is_clipped_with_a_warning():
    with pytest.warns(ClippingWarning, match="arousal level"):
        p = clustered_parameters(load_config(), {"arousal_level": 2.0})
    assert p.arousal.activation == pytest.approx(1.0)


# Every target acts in the spiking net and in the mean field.
STRONG = {
    "rate": 3.0,
    "j_baseline": 0.4,
    "j": 0.6,
    "j_potentiated": 0.4,
    "j_ext": 0.4,
    "threshold": 0.3,
    "tau_membrane": 0.01,
    "tau_synaptic": 0.004,
    "tau_refractory": 0.02,
    "arousal_level": 0.5,
    "arousal_L": -0.5,
    "arousal_x_0": 0.4,
    "arousal_k": 3.0,
    "arousal_M": 60.0,
}


@pytest.fixture(scope="module")
def small() -> ClusteredNetwork:
    """A network of 600 neurons in 4 clusters, quick to run."""
    mapping = load_config().to_mapping()
    mapping["init_params"] |= {"n_neurons": 600, "n_excitatory": 480, "n_inhibitory": 120}
    mapping["architecture"]["clusters"] |= {
        "n_excitatory_background": 80,
        "n_inhibitory_background": 20,
        "n_clusters": 4,
        "total_pops": 10,
        "j_potentiated": [3.0, 1.5, 1.5, 1.5],
    }
    return ClusteredNetwork.from_config(mapping, seed=1)


@pytest.fixture(scope="module")
def plain(small):
    return small.simulate(duration=0.4, seed=5)


def same_spikes(a, b) -> bool:
    return np.array_equal(a.spike_steps, b.spike_steps) and np.array_equal(a.spike_ids, b.spike_ids)


@pytest.mark.parametrize("target", sorted(STRONG))
def test_every_target_acts_in_both_halves(small, plain, target):
    values = np.full(10, STRONG[target])
    run = small.simulate(duration=0.4, seed=5, perturbations={target: values})
    assert not same_spikes(run, plain)
    field = LIFMeanField.from_config(small.config)
    moved = LIFMeanField.from_config(small.config, perturbations={target: values})
    nu = np.full(10, 5.0)
    assert np.abs(moved.response(nu) - field.response(nu)).max() > 1e-3


@pytest.mark.parametrize("target", sorted(STRONG))
def test_every_target_can_act_in_time(small, plain, target):
    n_steps = plain.n_steps
    values = np.full((10, n_steps), STRONG[target])
    values[:, : n_steps // 2] = 1.0 if target == "j" else 0.0
    run = small.simulate(duration=0.4, seed=5, perturbations={target: values})
    half = n_steps // 2
    before = plain.spike_steps < half
    mine = run.spike_steps < half
    # Nothing differs before it begins: the halves of the run are one run.
    np.testing.assert_array_equal(run.spike_steps[mine], plain.spike_steps[before])
    np.testing.assert_array_equal(run.spike_ids[mine], plain.spike_ids[before])
    assert not same_spikes(run, plain)


def test_a_threshold_out_of_reach_silences_its_population_only(small):
    values = np.zeros(10)
    values[2] = 1e6
    rates = small.simulate(duration=0.4, seed=5, perturbations={"threshold": values}).rates_hz()
    assert rates["E3"] == 0
    assert min(rates[name] for name in rates if name != "E3") > 0


def test_segments_join_where_nothing_changes():
    mask = np.zeros(100)
    mask[30:60] = 1.0
    parts = segments({"rate": np.outer(np.ones(10), mask), "threshold": np.ones(10)}, 10, 100)
    assert [(start, stop) for start, stop, _ in parts] == [(0, 30), (30, 60), (60, 100)]
    assert parts[1][2]["rate"].tolist() == [1.0] * 10


def test_the_configuration_says_when_a_perturbation_is_on():
    mapping = load_config().to_mapping()
    mapping["perturbation"] = {
        "rate": {
            "vectors": [[1.0]],
            "involved_clusters": [3],
            "params": [2.0],
            "time_dependence": {"shape": "hat", "onset_time": 0.5, "offset_time": 1.0},
        }
    }
    config = load_config(mapping)
    values = config_perturbations(config, in_time=True)["rate"]
    assert values.shape == (38, 5000)
    assert np.flatnonzero(values[3]).tolist() == list(range(1000, 2000))
    assert np.abs(np.delete(values, 3, axis=0)).max() == 0
    static = config_perturbations(config, in_time=False)["rate"]
    assert static.tolist() == [0, 0, 0, 2.0] + [0] * 34


@pytest.mark.parametrize(
    ("perturbations", "message"),
    [
        ({"treshold": 1.0}, "target: .*did you mean 'threshold'"),
        ({"rate": np.zeros(9)}, r"expected a scalar or \(10,\).*got shape \(9,\)"),
        ({"rate": np.zeros((10, 7))}, r"\(10, 800\).*\(10, 7\)"),
        ({"rate": np.full(10, np.nan)}, "finite"),
        ({"tau_membrane": -0.05}, "tau_membrane"),
        ({"tau_refractory": -1.0}, "tau_refractory"),
        ({"threshold": -5.0}, "threshold"),
    ],
)
def test_perturbations_that_cannot_be_are_refused(small, perturbations, message):
    with pytest.raises(PerturbationError, match=message):
        small.simulate(duration=0.4, seed=5, perturbations=perturbations)


def test_rates_below_zero_are_clipped_with_a_warning(small):
    with pytest.warns(ClippingWarning, match="negative rates"):
        run = small.simulate(duration=0.2, seed=5, perturbations={"rate": np.full(10, -100.0)})
    assert len(run.spike_ids) == 0


def test_the_mean_field_cuts_rates_at_zero_as_the_spiking_net_does():
    config = load_config("2_cluster_mf").with_value("arousal.level", 0.9)
    span = clustered_parameters(config).arousal.rate_span
    down = np.full(6, -7.0 - span / 2)  # half of what arousal adds is cut
    parameters = clustered_parameters(config, {"rate": down})
    rng = np.random.default_rng(0)
    drawn = np.maximum(-span / 2 + span * rng.beta(10, 10, 400_000), 0.0).mean()
    np.testing.assert_allclose(parameters.mean_nu_ext[0], drawn, rtol=5e-3)
    with pytest.warns(ClippingWarning, match="E1 is -"):
        field = LIFMeanField.from_config(config, perturbations={"rate": down})
    np.testing.assert_allclose(field.nu_ext[0], drawn, rtol=5e-3)
