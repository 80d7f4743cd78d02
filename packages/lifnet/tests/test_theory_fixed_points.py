from __future__ import annotations

import numpy as np
import pytest

from neuroloom.lifnet import Config, LIFMeanField, LifnetError, fixed_points, landscape, load_config
from neuroloom.lifnet._theory import _enclosure as enclosure
from neuroloom.lifnet._theory._enclosure import proves_complete
from neuroloom.lifnet._theory._exploration import distinct
from neuroloom.lifnet._theory._fixed_points import initial_rates
from neuroloom.lifnet._theory._symmetry import symmetry
from neuroloom.lifnet.theory import classify, integrate_rates


@pytest.fixture(scope="module")
def default() -> LIFMeanField:
    return LIFMeanField.from_config("default_snn_params")


@pytest.fixture(scope="module")
def default_points(default):
    return fixed_points(default, n_starts=50, seed=1)


def active(point, n_clusters=18) -> int:
    """Return the number of active clusters of a state with two levels, −1 of others."""
    rates = point.rates[:n_clusters]
    levels = np.unique(rates.round(3))
    if len(levels) == 1:
        return 0
    return int((rates > levels.mean()).sum()) if len(levels) == 2 else -1


def test_the_jacobian_is_that_of_central_differences(default):
    nu = np.random.default_rng(0).uniform(1, 40, 38)
    h = 1e-5
    columns = [
        (default.response(nu + h * e) - default.response(nu - h * e)) / (2 * h) for e in np.eye(38)
    ]
    np.testing.assert_allclose(default.jacobian(nu), np.array(columns).T, atol=1e-6)


def test_two_clusters_have_two_winners_and_a_saddle_between():
    field = LIFMeanField.from_config("2_cluster_mf")
    points = fixed_points(field, up_to_permutation=False, seed=3)
    assert len(points) == 3
    stable = [point for point in points if point.stable]
    (saddle,) = [point for point in points if point.label == "saddle"]
    assert len(stable) == 2
    for point in stable:
        assert sorted(point.rates[:2]) == pytest.approx([2.5, 51.1], abs=0.05)
        assert point.growth == pytest.approx(-0.203, abs=5e-4)
    np.testing.assert_allclose(stable[0].rates[:2], stable[1].rates[1::-1], rtol=1e-9)
    assert saddle.rates[:2] == pytest.approx([21.8, 21.8], abs=0.05)
    assert saddle.growth == pytest.approx(0.149, abs=5e-4)


def test_states_of_the_default_network(default_points, oracle):
    states = {active(point): point for point in default_points if active(point) >= 0}
    assert set(range(8)) <= set(states)
    for k, (_, rates, growth) in oracle["mean_field_default_k_active"].items():
        point = states[int(k)]
        shown = point.rates[[0, 17, 18, 19, 36, 37]]
        np.testing.assert_allclose(shown, rates, atol=1e-3)
        assert point.growth == pytest.approx(growth, abs=1e-6)


def test_two_to_six_active_clusters_are_stable_and_nothing_else(default_points):
    stable = sorted(active(point) for point in default_points if point.stable)
    assert stable == [2, 3, 4, 5, 6]
    for point in default_points:
        if active(point) in (0, 1, 7):
            assert point.label == "saddle"


def test_no_random_start_ends_outside_the_list(default, default_points):
    listed = np.array([point.rates for point in default_points])
    answer = default.solve_many(initial_rates(200, 38, seed=77))
    ends = symmetry(default).canonical(answer.rates[answer.converged])
    assert len(ends) > 150
    for end in ends:
        assert np.abs(listed - end).max(axis=1).min() < 1e-5


def test_multiplicity_counts_the_orders_of_clusters(default_points):
    by_active = {active(point): point.multiplicity for point in default_points}
    assert by_active[2] == 153
    assert by_active[3] == 816
    assert by_active[0] == 1


def test_broken_symmetry_leaves_only_equal_clusters_exchangeable():
    shift = np.zeros(38)
    shift[[0, 1]] = 0.05
    field = LIFMeanField.from_config("default_snn_params", perturbations={"threshold": shift})
    classes = sorted(symmetry(field).classes, key=len)
    assert [c.tolist() for c in classes] == [[0, 1], list(range(2, 18))]


def test_fixed_points_solve_the_equations(default, default_points):
    for point in default_points:
        assert np.abs(point.rates - default.response(point.rates)).max() < 1e-9
        assert point.residual < 1e-9


def test_equal_states_are_kept_once():
    states = np.array([[1.0, 2.0], [1.0, 2.0 + 1e-9], [1.0, 2.1]])
    assert len(distinct(states)) == 2


@pytest.mark.parametrize(
    ("eigenvalues", "label"),
    [
        ([-1, -2], "stable node"),
        ([-2.5 + 1.9j, -2.5 - 1.9j], "stable focus (spiral sink)"),
        ([-1 + 3j, -1 - 3j], "stable focus (spiral sink)"),
        ([1, 2], "unstable node"),
        ([1 + 2j, 1 - 2j], "unstable focus (spiral source)"),
        ([-1, 0.3], "saddle"),
        ([-1, 0.3 + 1j, 0.3 - 1j], "spiral saddle"),
        ([-1, 0.0], "neutral/marginal"),
        ([np.nan, 1], "undefined"),
    ],
)
def test_labels(eigenvalues, label):
    assert classify(eigenvalues) == label


def test_time_constants_of_the_rates_scale_the_eigenvalues(default):
    nu = default.solve_rates().x
    plain = default.determine_stability(nu)[1]
    slow = default.determine_stability(nu, tau=0.02)[1]
    np.testing.assert_allclose(slow, plain / 0.02)
    apart = default.determine_stability(nu, tau=[0.02, 0.01])[1]
    matrix = (default.jacobian(nu) - np.eye(38)) / np.repeat([0.02, 0.01], 19)[:, None]
    np.testing.assert_allclose(np.sort(apart.real), np.sort(np.linalg.eigvals(matrix).real))


def test_a_solve_that_does_not_arrive_is_flagged():
    # Positive feedback without limit: no rate is large enough, whatever the start.
    field = LIFMeanField(
        1, [[1000.0]], [[1.0]], 1.0, 1000, 50.0, 0.02, 0.0, 20.0, 10.0, tau_refractory=0.0
    )
    solution = field.solve_rates([10.0])
    assert not solution.success
    assert "no solution" in solution.message
    assert len(fixed_points(field, n_starts=5)) == 0


def test_clamped_populations_leave_the_others_at_their_fixed_point():
    field = LIFMeanField.from_config("2_cluster_mf")
    point = field.solve_rates([51, 2, 2, 13, 13, 13]).x
    for focus in ([0, 1], [1, 0], [4, 2]):
        others = np.delete(point, focus)
        answer = field.effective_response_function(focus, point[focus], nu_init=others)
        np.testing.assert_allclose(answer, point, rtol=1e-8)
    many = field.effective_response_function([0, 1], np.array([point[:2], [30.0, 30.0]]))
    assert many.shape == (2, 6)
    np.testing.assert_allclose(many[0], point, rtol=1e-8)


GOOD = {
    "n_clusters": 2,
    "c_matrix": np.ones((2, 2)),
    "j_matrix": 0.1 * np.ones((2, 2)),
    "j_ext": [2.3, 2.3],
    "c_ext": [320, 320],
    "nu_ext": [7.0, 7.0],
    "tau_membrane": [0.02, 0.02],
    "tau_synaptic": [0.005, 0.005],
    "threshold": [1.5, 0.75],
    "reset_voltage": 0.0,
    "tau_refractory": 0.005,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"c_matrix": np.ones((3, 2))}, "c_matrix.*square"),
        ({"c_matrix": np.ones((3, 3))}, r"c_matrix.*\(2, 2\)"),
        ({"c_matrix": -np.ones((2, 2))}, "c_matrix.*at least 0"),
        ({"j_matrix": [[np.nan, 1], [1, 1]]}, "j_matrix.*finite"),
        ({"nu_ext": [-1.0, 7.0]}, "nu_ext"),
        ({"tau_membrane": 0.0}, "tau_membrane"),
        ({"tau_membrane": [0.02, 0.02, 0.02]}, "tau_membrane"),
        ({"tau_refractory": -0.001}, "tau_refractory"),
        ({"threshold": 0.0}, "threshold"),
        ({"j_ext": [np.inf, 1.0]}, "j_ext"),
    ],
)
def test_impossible_networks_are_refused(change, message):
    with pytest.raises(LifnetError, match=message):
        LIFMeanField(**{**GOOD, **change})


def test_rates_of_the_wrong_shape_are_refused():
    field = LIFMeanField(**GOOD)
    for bad in ([1.0], [[1.0, 2.0, 3.0]], [np.nan, 1.0]):
        with pytest.raises(LifnetError, match="nu"):
            field.determine_stability(bad)
    with pytest.raises(LifnetError, match="focus"):
        field.effective_response_function([0, 0], [1.0, 1.0])


def test_a_configuration_is_not_changed_by_its_mean_field():
    config = load_config()
    before = config.to_mapping()
    LIFMeanField.from_config(config, perturbations={"rate": np.ones(38)})
    assert config.to_mapping() == before


def few_clusters(q: int, shift: float, seed: int) -> LIFMeanField:
    """Return a network of `q` clusters whose thresholds differ by about `shift`."""
    values = load_config("default_snn_params").to_mapping()
    clusters = values["architecture"]["clusters"]
    clusters.update(n_clusters=q, total_pops=2 * q + 2)
    n_e, n_i = 80 * q + 160, 20 * q + 40
    values["init_params"].update(n_excitatory=n_e, n_inhibitory=n_i, n_neurons=n_e + n_i)
    root = ((n_e + n_i) / 2000) ** 0.5
    clusters["j_baseline"] = [j * root for j in clusters["j_baseline"]]
    network = values["architecture"]["network"]
    network["j_ext"] = [j * root for j in network["j_ext"]]
    change = np.zeros(2 * q + 2)
    change[:q] = shift * np.random.default_rng(seed).standard_normal(q)
    return LIFMeanField.from_config(
        Config.from_mapping(values), perturbations={"threshold": change}
    )


def competing(seed: int) -> LIFMeanField:
    """Return two to five populations that excite themselves and inhibit each other, all unequal."""
    random = np.random.default_rng(seed)
    q = int(random.integers(2, 6))
    j = -0.1 * random.uniform(0.5, 1.5) * random.uniform(0.8, 1.2, (q, q))
    j[np.arange(q), np.arange(q)] = random.uniform(0.3, 0.55, q)
    return LIFMeanField(
        q,
        np.full((q, q), 100.0),
        j,
        j_ext=0.1,
        c_ext=1000,
        nu_ext=random.uniform(9, 13, q),
        tau_membrane=0.02,
        tau_synaptic=0.005,
        threshold=20.0,
        reset_voltage=10.0,
        tau_refractory=0.005,
    )


def found_by_brute_force(field: LIFMeanField, n_starts: int, seed: int) -> np.ndarray:
    """Return the distinct ends of a plain Newton iteration from random starts of every scale."""
    random = np.random.default_rng(seed)
    scale = random.choice([5.0, 60.0, 200.0], (n_starts, 1))
    nu = random.uniform(0, 1, (n_starts, field.n_pops)) ** 2 * scale
    unit = np.eye(field.n_pops)
    for _ in range(40):
        error = nu - field.response(nu)
        step = np.linalg.solve(unit - field.jacobian(nu), error[..., None])[..., 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        nu = np.maximum(nu - step * np.minimum(1.0, 20.0 / np.maximum(longest, 1e-12)), 0.0)
        nu = np.minimum(nu, 1000.0)
    ends = nu[np.abs(nu - field.response(nu)).max(axis=1) < 1e-8]
    kept: list[np.ndarray] = []
    for end in ends:
        if not any(np.abs(end - other).max() < 1e-4 * (1 + end.max()) for other in kept):
            kept.append(end)
    return np.array(kept)


@pytest.mark.slow
@pytest.mark.parametrize(
    "field",
    [few_clusters(3, 0.1, 0), few_clusters(4, 1e-4, 1), *(competing(seed) for seed in range(4))],
    ids=["different", "nearly equal", *(f"competing {seed}" for seed in range(4))],
)
def test_brute_force_finds_no_fixed_point_that_is_not_listed(field):
    listed = np.array([p.rates for p in fixed_points(field, up_to_permutation=False)])
    exist = found_by_brute_force(field, 400, seed=3)
    assert len(exist) >= 3
    for state in exist:
        assert np.abs(listed - state).max(axis=1).min() < 1e-3


@pytest.mark.slow
def test_fixed_points_persist_when_equal_clusters_become_slightly_unequal():
    # The implicit function theorem: none is lost, none is won.
    equal = fixed_points(few_clusters(5, 0.0, 1), n_starts=20)
    unequal = fixed_points(few_clusters(5, 1e-4, 1), n_starts=20)
    assert len(unequal) == sum(point.multiplicity for point in equal)
    assert sum(p.stable for p in unequal) == sum(p.stable * p.multiplicity for p in equal)


@pytest.mark.slow
def test_all_orders_are_listed_or_counted():
    field = few_clusters(4, 0.0, 0)
    kinds = fixed_points(field)
    n_all = sum(point.multiplicity for point in kinds)
    every = fixed_points(field, up_to_permutation=False)
    assert len(every) == n_all
    assert every.n_left_out == 0
    assert len(distinct(np.array([p.rates for p in every]))) == n_all
    short = fixed_points(field, up_to_permutation=False, max_points=n_all - 2)
    assert len(short) == n_all - 2
    assert short.n_left_out == 2
    assert short.complete is False


def excitatory_inhibitory(**changes) -> LIFMeanField:
    numbers = {
        "c_matrix": [[200, 50], [200, 50]],
        "j_matrix": [[0.38, -0.874], [0.15, -0.885]],
        "j_ext": [0.38, 0.15],
        "c_ext": 200,
        "nu_ext": [4.74, 52.67],
        "tau_membrane": [0.02, 0.01],
        "tau_synaptic": 0.0,
        "threshold": 20.0,
        "reset_voltage": 10.0,
        "tau_refractory": [0.002, 0.001],
    }
    return LIFMeanField(1, **{**numbers, **changes})


def test_two_populations_are_proved_complete_and_reach_the_highest_rates():
    points = fixed_points(excitatory_inhibitory(), n_starts=20)
    assert [p.label.startswith("stable") for p in points] == [True, False, True]
    assert points[-1].rates.max() > 300
    assert points.complete is True
    assert sum(point.index for point in points) == 1


@pytest.mark.slow
def test_a_short_list_is_never_called_complete():
    field = excitatory_inhibitory()
    states = np.array([point.rates for point in fixed_points(field, n_starts=20)])
    assert proves_complete(field.equations, states)
    for left_out in range(len(states)):
        assert not proves_complete(field.equations, np.delete(states, left_out, axis=0))
    assert not proves_complete(field.equations, np.empty((0, 2)))


def test_enclosures_hold_responses_and_derivatives():
    random = np.random.default_rng(5)
    for tau_synaptic in (0.0, 0.01):
        equations = excitatory_inhibitory(tau_synaptic=tau_synaptic).equations
        low = random.uniform(0, 300, (200, 2))
        high = low + random.choice([1e-3, 1.0, 100.0], (200, 1)) * random.uniform(0, 1, (200, 2))
        below, above = enclosure._response(equations, low, high)
        least, most = enclosure._jacobian(equations, low, high)
        for _ in range(20):
            rate, jacobian = equations.linearized(random.uniform(low, high))
            assert (below <= rate).all()
            assert (rate <= above).all()
            assert (least <= jacobian).all()
            assert (jacobian <= most).all()


@pytest.mark.slow
def test_labels_agree_with_where_a_small_kick_goes():
    # Unequal membranes: one common time constant calls some of these unstable foci.
    random = np.random.default_rng(11)
    n_seen = 0
    for _ in range(20):
        field = excitatory_inhibitory(
            j_matrix=[[random.uniform(0.05, 0.5), -random.uniform(0.2, 1.5)]] * 2,
            nu_ext=random.uniform(5, 40, 2),
            tau_membrane=random.uniform(0.005, 0.04, 2),
            tau_refractory=0.002,
        )
        for point in fixed_points(field, n_starts=10):
            if abs(point.growth) < 0.2 or point.rates.max() < 0.1:
                continue
            kicked = point.rates * (1 + 1e-4)
            run = integrate_rates(field, kicked, duration=0.4, delta_t=1e-3)
            away = np.abs(run.rates - point.rates).max(axis=1)
            comes_back = bool(away[-50:].max() < 0.5 * away[:50].max())
            assert comes_back == point.stable
            n_seen += 1
    assert n_seen >= 10


@pytest.mark.parametrize("tau", [-0.02, 0.0, [0.02, -0.01], [0.02, 0.01, 0.01, 0.01]])
def test_time_constants_of_the_rates_are_checked_everywhere(tau):
    field = LIFMeanField.from_config("2_cluster_mf")
    rates = field.solve_rates().x
    for call in (
        lambda: field.determine_stability(rates, tau=tau),
        lambda: fixed_points(field, n_starts=1, tau=tau),
        lambda: integrate_rates(field, rates, duration=0.01, tau=tau),
        lambda: landscape(field, [0], step=30.0, tau=tau),
    ):
        with pytest.raises(LifnetError, match="tau"):
            call()
