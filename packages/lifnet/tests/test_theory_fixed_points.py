from __future__ import annotations

import numpy as np
import pytest

from neuroloom.lifnet import LIFMeanField, LifnetError, classify, fixed_points, load_config
from neuroloom.lifnet._theory._fixed_points import distinct, initial_rates
from neuroloom.lifnet._theory._symmetry import symmetry


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
    assert fixed_points(field, n_starts=5) == []


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
