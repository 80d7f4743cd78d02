"""Branches, dynamics, landscapes and linear response."""

from __future__ import annotations

from functools import partial

import mpmath
import numpy as np
import pytest

from neuroloom.lifnet import (
    LIFMeanField,
    LifnetError,
    bifurcation_diagram,
    fixed_points,
    landscape,
    load_config,
)
from neuroloom.lifnet.errors import RoundingWarning, SimulationError
from neuroloom.lifnet.theory import (
    RateSolution,
    classify_active_clusters,
    continue_branch,
    coupling,
    integrate_rates,
    mean_field_trajectory,
    power_spectrum,
    siegert,
    transfer_function,
)

J_PLUS = ("architecture", "clusters", "j_potentiated", 0)


@pytest.fixture(scope="module")
def two() -> LIFMeanField:
    return LIFMeanField.from_config("2_cluster_mf")


@pytest.fixture(scope="module")
def diagram():
    return bifurcation_diagram("2_cluster_mf", J_PLUS, (10.0, 25.0), start_at=[25.0])


@pytest.mark.slow
def test_two_clusters_split_in_a_pitchfork(diagram):
    uniform = [b for b in diagram if np.allclose(b.rates[:, 0], b.rates[:, 1])]
    winners = [b for b in diagram if not np.allclose(b.rates[:, 0], b.rates[:, 1])]
    assert len(uniform) == len(winners) == 1
    # The uniform state loses stability where the winners begin.
    (turn,) = np.flatnonzero(np.diff(uniform[0].stable.astype(int)))
    lost = uniform[0].parameter[turn : turn + 2]
    begin = winners[0].parameter.min()
    assert lost.min() - 0.3 < begin < lost.max() + 0.3
    assert winners[0].stable.mean() > 0.95


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_several_workers_find_the_same_branches(backend):
    import joblib

    options = {"start_at": [25.0, 16.0], "n_starts": 6}
    one = bifurcation_diagram("2_cluster_mf", J_PLUS, (10.0, 25.0), n_workers=1, **options)
    with joblib.parallel_config(backend, n_jobs=2):
        two = bifurcation_diagram("2_cluster_mf", J_PLUS, (10.0, 25.0), **options)
    assert len(one) == len(two) >= 2
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.rates, b.rates)
        np.testing.assert_array_equal(a.parameter, b.parameter)
        assert a.labels == b.labels


@pytest.mark.slow
def test_every_point_of_a_branch_is_a_fixed_point(diagram):
    config = load_config("2_cluster_mf")
    for branch in diagram:
        for value, rates in list(zip(branch.parameter, branch.rates, strict=True))[::9]:
            field = LIFMeanField.from_config(config.with_value(J_PLUS, float(value)))
            assert np.abs(rates - field.response(rates)).max() < 1e-6
            found = field.solve_rates(rates).x
            np.testing.assert_allclose(found, rates, atol=1e-5)


@pytest.mark.slow
def test_a_branch_goes_around_its_fold():
    # Winners of the default network exist above a J+ and come back as unstable states.
    config = load_config("default_snn_params")
    start = np.r_[np.full(3, 45.0), np.full(15, 2.3), 2.2, np.full(3, 31.0), np.full(15, 8.0), 14]

    def family(value):
        return LIFMeanField.from_config(config.with_value(J_PLUS, value))

    rates = family(16.85).solve_rates(start).x
    branch = continue_branch(family, rates, 16.85, (14.0, 17.5))
    assert len(branch.folds) >= 1
    fold = branch.parameter[branch.folds].min()
    assert 14.0 < fold < 16.85
    assert branch.stable.any()
    assert not branch.stable.all()
    below = family(fold - 0.05)
    # Below the fold the three winners are gone: a solve from them ends elsewhere.
    after = below.solve_rates(branch.rates[branch.folds[0]])
    assert not (after.success and np.abs(after.x - branch.rates[branch.folds[0]]).max() < 0.5)


@pytest.mark.slow
def test_arousal_leads_from_many_attractors_to_one():
    config = load_config("default_snn_params")
    calm = fixed_points(LIFMeanField.from_config(config), n_starts=10)
    aroused = LIFMeanField.from_config(config.with_value("arousal.level", 1.0))
    awake = [point for point in fixed_points(aroused, n_starts=10) if point.stable]
    assert sum(point.stable for point in calm) == 5
    assert len(awake) == 1
    np.testing.assert_allclose(awake[0].rates[:18], awake[0].rates[0], rtol=1e-9)


def test_impossible_branches_are_refused(two):
    with pytest.raises(LifnetError, match=r"value: expected .* at least 4 and at most 5, got 3"):
        continue_branch(lambda _: two, np.ones(6), 3.0, (4.0, 5.0))
    with pytest.raises(LifnetError, match="fixed point"):
        continue_branch(lambda _: two, np.ones(6), 4.5, (4.0, 5.0))


@pytest.mark.slow
def test_rates_in_time_end_in_the_attractor_of_their_basin(two):
    run = integrate_rates(two, [30, 2, 2, 13, 13, 13], duration=2.0, delta_t=1e-3)
    expected = two.solve_rates(run.rates[-1])
    np.testing.assert_allclose(run.rates[-1], expected.x, atol=1e-3)
    assert two.determine_stability(expected.x)[0] == "stable node"
    halved = integrate_rates(two, [30, 2, 2, 13, 13, 13], duration=0.1, delta_t=5e-4)
    whole = integrate_rates(two, [30, 2, 2, 13, 13, 13], duration=0.1, delta_t=1e-3)
    np.testing.assert_allclose(halved.rates[-1], whole.rates[-1], rtol=1e-5)


def test_small_deviations_decay_at_the_eigenvalue(two):
    point = two.solve_rates([51, 2, 2, 13, 13, 13]).x
    _, eigenvalues = two.determine_stability(point, tau=0.02)
    matrix = (two.jacobian(point) - np.eye(6)) / 0.02
    values, vectors = np.linalg.eig(matrix)
    slow = vectors[:, np.argmax(values.real)].real
    start = point + 1e-3 * slow / np.abs(slow).max()
    run = integrate_rates(two, start, duration=0.1, delta_t=1e-4, tau=0.02)
    left = (run.rates - point) @ slow / ((start - point) @ slow)
    decay = np.log(left[-1]) / 0.1
    assert decay == pytest.approx(eigenvalues[0].real, rel=1e-2)


def test_a_perturbation_that_ends_moves_the_rates_while_it_lasts():
    config = load_config("2_cluster_mf").with_value("init_params.delta_t", 1e-3)
    push = np.zeros((6, 600))
    push[1, 200:400] = 2.0
    start = LIFMeanField.from_config(config).solve_rates([51, 2, 2, 13, 13, 13]).x
    run = mean_field_trajectory(config, start, duration=0.6, perturbations={"rate": push})
    np.testing.assert_allclose(run.rates[199], start, atol=1e-6)
    assert np.argmax(run.rates[199, :2]) == 0
    assert np.argmax(run.rates[399, :2]) == 1  # the push switches the winner,
    assert np.argmax(run.rates[-1, :2]) == 1  # which then lasts
    again = mean_field_trajectory(config, start, duration=0.6, perturbations={"rate": push})
    np.testing.assert_array_equal(run.rates, again.rates)


@pytest.mark.slow
def test_finite_size_noise_is_that_of_the_linearized_equation(two):
    point = two.solve_rates([51, 2, 2, 13, 13, 13]).x
    sizes = np.full(6, 1e6)  # small enough to stay where it is linear
    run = integrate_rates(two, point, duration=16.0, delta_t=1e-3, tau=0.02, sizes=sizes, seed=3)
    # Euler–Maruyama steps x' = (1 + hA) x + noise: its covariance solves a Lyapunov equation.
    step = np.eye(6) + 1e-3 / 0.02 * (two.jacobian(point) - np.eye(6))
    noise = np.diag(point / sizes) * 1e-3 / 0.02**2
    expected = np.zeros((6, 6))
    for _ in range(3000):
        expected = step @ expected @ step.T + noise
    measured = np.cov(run.rates[2000:].T)
    np.testing.assert_allclose(np.diag(measured), np.diag(expected), rtol=0.5)


def test_landscape_has_wells_at_the_winners(two):
    shown = landscape(two, [0, 1], step=2.0, limits=(0.0, 60.0))
    assert shown.force_field.shape == (31, 31, 2)
    where = np.unravel_index(
        np.argsort(np.linalg.norm(shown.force_field, axis=-1), axis=None)[:3], (31, 31)
    )
    found = np.stack([shown.mesh[0][where], shown.mesh[1][where]], axis=1)
    for state in ([51.1, 2.5], [2.5, 51.1], [21.8, 21.8]):
        assert np.abs(shown.force_field[tuple(np.round(np.array(state) / 2).astype(int))]).max() < 3
    assert len(found) == 3


def test_landscape_of_populations_in_any_order_and_number(two):
    straight = landscape(two, [0, 4], step=10.0, limits=[(0, 60), (5, 25)])
    turned = landscape(two, [4, 0], step=10.0, limits=[(5, 25), (0, 60)])
    assert straight.force_field.shape == (7, 3, 2)
    np.testing.assert_allclose(
        straight.nu_outs, turned.nu_outs.transpose(1, 0, 2), rtol=1e-8, atol=1e-9
    )
    single = landscape(two, [0], step=1.0, limits=(0.0, 60.0))
    assert single.force_field.shape == (61, 1)
    np.testing.assert_allclose(single.displacement, single.path[:, 0] - single.path[0, 0])
    # One population alone: its force vanishes at the fixed points that its wells stand for.
    crossings = np.flatnonzero(np.diff(np.sign(single.force_field[:, 0])))
    assert {round(float(single.path[i, 0])) for i in crossings} >= {51}


@pytest.mark.parametrize(("step", "last"), [(0.6, 0.6), (0.1, 1.0), (0.3, 0.9), (1.0, 1.0)])
def test_a_landscape_reaches_the_upper_limit_and_no_further(two, step, last):
    view = landscape(two, [0], step=step, limits=(0.0, 1.0))
    assert view.path[-1, 0] == pytest.approx(last, abs=1e-12)


def test_a_mask_says_whose_landscape_it_is(two):
    n = two.n_pops
    shown = landscape(two, np.arange(n) == 1, step=20.0)
    np.testing.assert_array_equal(shown.path, landscape(two, [1], step=20.0).path)
    with pytest.raises(LifnetError, match="focus"):
        landscape(two, [True, False], step=20.0)


def test_impossible_landscapes_are_refused(two):
    for focus, options in (
        ([], {}),
        ([7], {}),
        ([-1], {}),
        ([0, 0], {}),
        ([0], {"step": 0.0}),
        ([0], {"limits": (5.0, 1.0)}),
        ([0], {"limits": (0.0, 1.0), "step": 1.5}),
        ([0], {"progress": 1}),
    ):
        with pytest.raises(LifnetError):
            landscape(two, focus, **options)
    with pytest.raises(SimulationError):
        integrate_rates(two, np.ones(5), duration=1.0)


NEURON = {
    "tau_membrane": 0.02,
    "threshold": 20.0,
    "reset_voltage": 10.0,
    "tau_refractory": 0.002,
}


@pytest.mark.parametrize(("mu", "sigma"), [(20.0, 5.0), (15.0, 5.0), (25.0, 3.0)])
def test_slow_modulations_follow_the_stationary_rate(mu, sigma):
    slow = transfer_function(0.01, mu, sigma, **NEURON)
    h = 1e-4
    rate = siegert(mu, sigma, **NEURON)
    by_mu = (siegert(mu + h, sigma, **NEURON) - siegert(mu - h, sigma, **NEURON)) / (2 * h)
    wide = [float(siegert(mu, np.sqrt(sigma**2 + d), **NEURON)) for d in (h, -h)]
    assert slow.rate == pytest.approx(float(rate), rel=1e-4)
    assert slow.by_mu[0].real == pytest.approx(float(by_mu), rel=1e-4)
    assert slow.by_variance[0].real == pytest.approx((wide[0] - wide[1]) / (2 * h), rel=1e-4)


@pytest.mark.slow
def test_fast_modulations_are_damped_and_spectra_approach_the_rate():
    answer = transfer_function([1.0, 10.0, 100.0, 1000.0, 4000.0], 20.0, 5.0, **NEURON)
    size = np.abs(answer.by_mu)
    assert size[-1] < 0.2 * size[0]
    # White-noise drive: the response to the mean falls as 1/sqrt(frequency).
    far = transfer_function([2000.0, 8000.0], 20.0, 5.0, **NEURON, n_steps=8000)
    assert np.abs(far.by_mu[1] / far.by_mu[0]) == pytest.approx(0.5, abs=0.05)
    assert answer.spectrum[-1] == pytest.approx(answer.rate, rel=0.05)
    assert answer.spectrum[0] < answer.rate  # more regular than Poisson


def test_uncoupled_populations_have_the_spectra_of_their_neurons():
    field = LIFMeanField(
        1, np.zeros((2, 2)), np.zeros((2, 2)), 0.1, 1000, 20.0, 0.02, 0.0, 20.0, 10.0, 0.002
    )
    rates = field.solve_rates().x
    f = np.array([5.0, 50.0, 500.0])
    spectra = power_spectrum(field, rates, f, [100, 25])
    mu, sigma = field.moments(rates)
    alone = transfer_function(f, mu[0], sigma[0], **NEURON).spectrum
    np.testing.assert_allclose(spectra[:, 0, 0].real, alone / 100, rtol=1e-9)
    np.testing.assert_allclose(spectra[:, 1, 1].real, alone / 25, rtol=1e-9)
    np.testing.assert_allclose(spectra[:, 0, 1], 0, atol=1e-12)


@pytest.mark.slow
def test_slow_coupling_is_the_static_jacobian(two):
    point = two.solve_rates([51, 2, 2, 13, 13, 13]).x
    matrix, _ = coupling(two, point, [1e-3])
    np.testing.assert_allclose(matrix[0].real, two.jacobian(point), rtol=1e-3, atol=1e-6)


def test_rates_of_active_and_inactive_clusters():
    states = [[48.0, 4.0, 4.0, 4.0], [40.0, 44.0, 2.0, 2.0], [9.0, 9.5, 9.0, 9.2]]
    active, inactive, uniform = classify_active_clusters(states)
    assert active == pytest.approx((48 + 40 + 44) / 3)
    assert inactive == pytest.approx((3 * 4 + 2 * 2) / 5)
    assert uniform == pytest.approx(np.mean(states[2]))
    assert classify_active_clusters([9.0, 9.0]) == (9.0, 9.0, 9.0)
    assert np.isnan(classify_active_clusters(states[:2])[2])
    assert classify_active_clusters(states, threshold=0.01)[2] != uniform
    for bad in (np.empty((0, 3)), [np.nan, 1.0], np.zeros((2, 2, 2))):
        with pytest.raises(LifnetError, match=r"nu|rates"):
            classify_active_clusters(bad)


def by_parabolic_cylinders(f, mu, sigma, tau_refractory, rate):
    """Return response to the mean, and spectrum, of a neuron in closed form.

    Lindner & Schimansky-Geier (2001), Phys. Rev. Lett. 86, 2934; D = σ²/2, time in units of τ.
    """
    tau, theta, reset = (NEURON[k] for k in ("tau_membrane", "threshold", "reset_voltage"))
    with mpmath.workdps(30):
        iw, d = 2j * mpmath.pi * f * tau, mpmath.mpf(sigma) ** 2 / 2
        top, bottom = (mu - theta) / mpmath.sqrt(d), (mu - reset) / mpmath.sqrt(d)
        raised = mpmath.exp((reset**2 - theta**2 + 2 * mu * (theta - reset)) / (4 * d))
        wait = mpmath.exp(iw * tau_refractory / tau)
        a, b = mpmath.pcfd(iw, top), raised * mpmath.pcfd(iw, bottom)
        a1, b1 = mpmath.pcfd(iw - 1, top), raised * mpmath.pcfd(iw - 1, bottom)
        by_mu = rate * iw / (mpmath.sqrt(d) * (iw - 1)) * (a1 - b1) / (a - wait * b)
        spectrum = rate * (abs(a) ** 2 - abs(b) ** 2) / abs(a - wait * b) ** 2
        return complex(mpmath.conj(by_mu)), float(spectrum)


@pytest.mark.parametrize(("mu", "sigma"), [(20.0, 5.0), (15.0, 5.0), (25.0, 3.0)])
def test_response_and_spectrum_are_those_of_the_closed_form(mu, sigma):
    frequencies = np.array([2.0, 30.0, 150.0])
    answer = transfer_function(frequencies, mu, sigma, **NEURON)
    for k, f in enumerate(frequencies):
        by_mu, spectrum = by_parabolic_cylinders(f, mu, sigma, 0.002, answer.rate)
        assert answer.by_mu[k] == pytest.approx(by_mu, rel=1e-3)
        assert answer.spectrum[k] == pytest.approx(spectrum, rel=1e-3)


def alone(nu_ext: float) -> LIFMeanField:
    """Return one population that excites itself, quiescent or active."""
    return LIFMeanField(
        0,
        [[1000.0]],
        [[0.1]],
        j_ext=0.1,
        c_ext=1000,
        nu_ext=nu_ext,
        tau_membrane=0.02,
        tau_synaptic=0.0,
        threshold=20.0,
        reset_voltage=10.0,
        tau_refractory=0.002,
    )


def test_the_others_of_a_landscape_are_at_stable_states():
    field = LIFMeanField.from_config("default_snn_params")
    focus, free = [0, 1], np.arange(2, 38)
    grid = np.array([[20.0, 4.0], [0.0, 0.0], [50.0, 50.0], [10.0, 30.0]])
    for state in field.around(focus, grid)[1]:
        matrix = field.jacobian(state)[np.ix_(free, free)] - np.eye(36)
        assert np.linalg.eigvals(matrix).real.max() < 0
        np.testing.assert_allclose(field.response(state)[free], state[free], atol=1e-6)


def test_a_quiescent_state_at_the_edge_of_the_grid_is_a_well():
    field = alone(0.0)
    low = [p.rates[0] for p in fixed_points(field, n_starts=20) if p.stable and p.rates[0] < 60]
    wells = landscape(field, [0], step=1.0, limits=(0.0, 60.0))
    assert wells.path[wells.minima(), 0] == pytest.approx(low, abs=0.5)
    # Below the threshold of activity the force leads down and out of the grid: no well.
    threshold = next(p.rates[0] for p in fixed_points(field, n_starts=20) if not p.stable)
    limits = (0.3 * threshold, 0.9 * threshold)
    slope = landscape(field, [0], step=threshold / 10, limits=limits)
    assert (slope.path_force < 0).all()
    assert slope.minima().tolist() == []


def test_spectra_are_those_of_stable_fixed_points(two):
    saddle = next(p for p in fixed_points(two, n_starts=5) if not p.stable)
    with pytest.raises(LifnetError, match="stable"):
        power_spectrum(two, saddle.rates, [10.0], np.full(6, 100))
    with pytest.raises(LifnetError, match="fixed point"):
        power_spectrum(two, np.full(6, 3.0), [10.0], np.full(6, 100))


@pytest.mark.slow
def test_a_probability_can_be_continued_over():
    path = ("architecture", "clusters", "connectivity_fraction_probs", 0)
    branches = bifurcation_diagram("2_cluster_mf", path, (0.1, 0.5), start_at=[0.3], n_starts=5)
    assert max(float(np.ptp(branch.parameter)) for branch in branches) > 0.35
    for branch in branches[:1]:
        middle = len(branch.parameter) // 2
        config = load_config("2_cluster_mf").with_value(path, float(branch.parameter[middle]))
        field = LIFMeanField.from_config(config, whole_in_degrees=False)
        state = branch.rates[middle]
        np.testing.assert_allclose(field.response(state), state, atol=1e-6)
        assert not np.array_equal(field.c_matrix, field.c_matrix.round())


def test_rates_begin_at_zero_or_above(two):
    with pytest.raises(LifnetError, match="nu_init"):
        integrate_rates(two, np.full(6, -1.0), duration=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.01])
def test_the_coupling_responds_after_its_cause(delay):
    # A filter with the wrong sign of i responds before; so does one whose delay has it.
    field = LIFMeanField.from_config("2_cluster_mf")
    rates = field.solve_rates([30, 2, 2, 13, 13, 13]).x
    width = 4.0
    f = np.arange(width, 2000.0, width)
    matrix, _ = coupling(field, rates, f, delay=delay)
    assert np.abs(matrix[:, 0, 0]).max() > 0.1
    times = np.arange(-0.1, 0.1, 1e-3)
    taper = np.cos(np.pi / 2 * f / f[-1]) ** 2
    waves = np.exp(2j * np.pi * f[:, None] * times) * taper[:, None]
    response = 2 * width * np.einsum("fij,ft->tij", matrix, waves).real
    still = response - response[times < -0.02].mean(axis=0)  # the missing frequency 0
    before = (still[times < delay - 2e-3] ** 2).sum(axis=0)
    assert (before <= 1e-3 * (still**2).sum(axis=0)).all()


@pytest.mark.parametrize("sigma", [0.2, 0.05, 0.01])
def test_spectra_at_low_noise_are_those_of_nearly_regular_spikes(sigma):
    # Small noise: intervals are normal, of the variance σ²τ² ∫ dv / (μ − v)³, and a renewal process
    # has the spectrum r (1 − |φ|²) / |1 − φ|², φ the intervals' characteristic function.
    mu, top, reset, tau, wait = 25.0, 20.0, 10.0, 0.02, 0.002
    mean = wait + tau * np.log((mu - reset) / (mu - top))
    variance = sigma**2 * tau**2 / 2 * ((mu - top) ** -2.0 - (mu - reset) ** -2.0)
    f = np.array([0.5, 12.0, 37.0, 61.0])
    omega = 2 * np.pi * f
    phi = np.exp(1j * omega * mean - omega**2 * variance / 2)
    expected = -np.expm1(-(omega**2) * variance) / np.abs(1 - phi) ** 2 / mean
    found = transfer_function(
        f, mu, sigma, tau_membrane=tau, threshold=top, reset_voltage=reset, tau_refractory=wait
    )
    np.testing.assert_allclose(found.spectrum, expected, rtol=0.01 if sigma > 0.1 else 2e-3)


@pytest.mark.parametrize("mu", [15.0, 25.0])
def test_fast_modulations_follow_the_square_root_law_until_they_are_refused(mu):
    # White noise: |χ| ~ 1/√ω at high frequencies (Brunel, Chance, Fourcaud & Abbott 2001).
    neuron = dict(tau_membrane=0.02, threshold=20.0, reset_voltage=10.0, tau_refractory=0.002)
    response = transfer_function([1e4, 4e4, 1.6e5], mu, 5.0, **neuron)
    ratio = np.abs(response.by_mu[1:] / response.by_mu[:-1])
    np.testing.assert_allclose(ratio, 0.5, rtol=0.02)
    np.testing.assert_allclose(response.spectrum, response.rate, rtol=1e-3)
    with pytest.raises(LifnetError, match=r"frequencies: expected at most .* got 1e\+08 Hz"):
        transfer_function([1.0, 1e8], mu, 5.0, **neuron)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"delay": -1e-3}, "delay: expected"),
        ({"frequencies": []}, "frequencies: expected"),
        ({"frequencies": "a"}, "frequencies: expected"),
        ({"frequencies": [1e9]}, "frequencies: expected at most"),
        ({"rates": np.full(6, -1.0)}, "rates: expected rates of at least 0 Hz, got -1"),
    ],
)
def test_spectra_that_cannot_be(two, changes, words):
    rates = next(point.rates for point in fixed_points(two, n_starts=20) if point.stable)
    given = {"rates": rates, "frequencies": [10.0], "sizes": np.full(6, 100)} | changes
    with pytest.raises(LifnetError, match=words):
        power_spectrum(two, **given)


@pytest.mark.parametrize("rates", [[-1.0, *[1.0] * 5], "a", [np.nan] * 6])
def test_rates_that_cannot_be_have_no_stability(two, rates):
    for verb in (two.determine_stability, two.solve_rates, two.response):
        with pytest.raises(LifnetError, match=r"nu|rates"):
            verb(rates)


DRIVEN = dict(mu=15.0, sigma=5.0, tau_membrane=0.02, threshold=20.0, reset_voltage=10.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mu", np.nan), ("mu", "a"), ("sigma", -1.0), ("sigma", np.nan), ("tau_membrane", 0.0),
        ("tau_membrane", "a"), ("threshold", np.nan), ("threshold", 5.0), ("threshold", 10.0),
        ("tau_refractory", -0.1), ("tau_synaptic", -0.1), ("reset_voltage", np.inf),
    ],
)  # fmt: skip
def test_a_neuron_that_cannot_be_has_no_rate_and_no_response(name, value):
    for ask in (siegert, partial(transfer_function, [10.0])):
        with pytest.raises(LifnetError, match=f"{name}: expected"):
            ask(**(DRIVEN | {name: value}))


@pytest.mark.parametrize("n_steps", [0, 1.5, True])
def test_steps_of_a_response_are_whole_numbers(n_steps):
    with pytest.raises(LifnetError, match="n_steps: expected"):
        transfer_function([10.0], **DRIVEN, n_steps=n_steps)


def test_shapes_of_rates_fit_together():
    with pytest.raises(LifnetError, match=r"that fit together, got mu \(2,\), sigma \(3,\)"):
        siegert(**(DRIVEN | {"mu": [1.0, 2.0], "sigma": [1.0, 2.0, 3.0]}))


def test_what_is_no_mean_field_is_told(two):
    nothing, here = np.ones(6), dict(duration=0.01, delta_t=1e-3)
    for ask in (
        lambda: fixed_points("2_cluster_mf"),
        lambda: landscape("2_cluster_mf", [0]),
        lambda: power_spectrum("2_cluster_mf", nothing, [10.0], nothing),
        lambda: coupling("2_cluster_mf", nothing, [10.0]),
        lambda: integrate_rates("2_cluster_mf", nothing, **here),
        lambda: integrate_rates([(10, "2_cluster_mf")], nothing, **here),
        lambda: integrate_rates([], nothing, **here),
        lambda: integrate_rates([(4, two), (5, two)], nothing, **here),
        lambda: integrate_rates([(4.5, two), (5.5, two)], nothing, **here),
    ):
        with pytest.raises(LifnetError, match="field: expected"):
            ask()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"duration": np.nan}, "duration: expected"),
        ({"duration": "a"}, "duration: expected"),
        ({"duration": True}, "duration: expected"),
        ({"duration": 5e-4}, "duration: expected"),
        ({"delta_t": np.nan}, "delta_t: expected"),
        ({"delta_t": -1e-3}, "delta_t: expected"),
        ({"duration": 1e12}, "memory: expected"),
    ],
)
def test_times_of_rates_that_cannot_be(two, given, words):
    with pytest.raises(LifnetError, match=words):
        integrate_rates(two, np.ones(6), **({"duration": 0.01, "delta_t": 1e-3} | given))


def test_a_duration_between_two_steps_is_said(two):
    with pytest.warns(RoundingWarning, match=r"duration of 0\.0104 s .* rounded to 0\.01 s"):
        run = integrate_rates(two, np.ones(6), duration=0.0104, delta_t=1e-3)
    assert len(run.rates) == 10


def test_rates_do_not_begin_at_what_is_no_fixed_point(monkeypatch):
    failed = RateSolution(np.ones(6), False, 3.0, 1, "no solution from this start: …")
    monkeypatch.setattr(LIFMeanField, "solve_rates", lambda self: failed)
    with pytest.raises(LifnetError, match=r"nu_init: expected rates to begin at, since there"):
        mean_field_trajectory("2_cluster_mf", duration=0.01)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"step": "a"}, "step: expected"),
        ({"step": None}, "step: expected"),
        ({"step": 1e-12}, "memory: expected"),
        ({"limits": "ab"}, "limits: expected"),
        ({"limits": [(0, 10)] * 3}, "limits: expected"),
        ({"limits": (0.0, 10.0, 20.0)}, "limits: expected"),
        ({"limits": (0.0, np.nan)}, "limits: expected"),
    ],
)
def test_grids_that_cannot_be(two, given, words):
    with pytest.raises(LifnetError, match=words):
        landscape(two, [0], **({"step": 20.0} | given))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"path": 3}, "path: expected"),
        ({"limits": (0.0,)}, "limits: expected"),
        ({"limits": "ab"}, "limits: expected"),
        ({"limits": (0.1, 0.0)}, "limits: expected"),
        ({"start_at": "x"}, "start_at: expected"),
        ({"start_at": [0.5]}, "start_at: expected"),
        ({"n_workers": 0}, "n_workers: expected"),
    ],
)
def test_diagrams_that_cannot_be(given, words):
    usual = {"path": "arousal.level", "limits": (0.0, 0.1)}
    with pytest.raises(LifnetError, match=words):
        bifurcation_diagram("2_cluster_mf", **(usual | given))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_clusters", -1), ("n_clusters", 1.5), ("n_clusters", "a"), ("c_matrix", "a"),
        ("nu_ext", "a"), ("tau_membrane", "a"), ("j_matrix", [[1, 2], [np.nan, 1]]),
    ],
)  # fmt: skip
def test_a_mean_field_of_other_things_is_refused(name, value):
    ones = np.ones((2, 2))
    given = dict(n_clusters=1, c_matrix=ones, j_matrix=ones, j_ext=0.1, c_ext=10, nu_ext=5.0)
    given |= dict(tau_membrane=0.02, tau_synaptic=0.0, threshold=20.0, reset_voltage=10.0)
    with pytest.raises(LifnetError, match=f"{name}: expected"):
        LIFMeanField(**(given | {name: value}))
    assert not LIFMeanField(**given).j_matrix.flags.writeable  # a change would not be seen


def test_perturbations_of_other_things_are_refused():
    for given in (3, {"rate": "a"}, {"rate": np.full(6, np.nan)}):
        with pytest.raises(LifnetError, match="perturbation"):
            mean_field_trajectory("2_cluster_mf", duration=0.01, perturbations=given)
