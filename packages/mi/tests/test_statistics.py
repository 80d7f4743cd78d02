"""Standard errors, intervals, the jackknife, clips and corrections, each against a closed form."""

import math

import numpy as np
import pytest
import torch
from scipy.signal import lfilter
from scipy.stats import linregress, norm, t

from neuroloom import mi
from neuroloom.mi import _direct as direct
from neuroloom.mi import exceptions as ex
from neuroloom.mi._critics.bounds import smile
from neuroloom.mi._critics.gaussian import rank_normal
from neuroloom.mi._direct.estimators import DIRECT
from neuroloom.mi._modes.crosschecks import look
from neuroloom.mi._modes.subsampling import _block_bootstrap
from neuroloom.mi._samples.conditional import expected, surrogate_sources
from neuroloom.mi._samples.surrogates import surrogates
from neuroloom.mi._statistics import reliability
from neuroloom.mi._statistics.correlation import (
    block_length,
    correlation_time,
    joint_memory,
    memory,
    standard_error,
)
from neuroloom.mi._statistics.curve import clear, fit_curve
from neuroloom.mi._statistics.interval import BOUND, NEIGHBOURS, SHIFT, SPREAD, interval
from neuroloom.mi._statistics.jackknife import jackknife
from neuroloom.shared import Seed


def ar(seed, n, phi):
    noise = np.random.default_rng(seed).standard_normal(n + 600)
    return lfilter([1.0], [1.0, -phi], noise)[600:]


def exact_error(n, phi):
    lag = np.arange(1, n)
    return math.sqrt((1 + 2 * ((1 - lag / n) * phi**lag).sum()) / (1 - phi**2) / n)


@pytest.mark.parametrize(("phi", "n", "within"), [(0.0, 500, 0.03), (0.8, 3000, 0.05)])
def test_standard_error_of_an_autoregressive_series_is_exact(phi, n, within):
    found = [standard_error(ar(seed, n, phi)) for seed in range(120)]
    assert np.mean(found) == pytest.approx(exact_error(n, phi), rel=within)


def test_standard_error_leaves_missing_values_out_and_one_value_has_none():
    values = np.random.default_rng(0).standard_normal(400)
    gaps = np.insert(values, [10, 200], np.nan)
    assert standard_error(gaps) == standard_error(values)
    assert math.isnan(standard_error(np.ones(1)))


def test_correlation_time_memory_and_blocks_grow_with_correlation():
    slow, white = ar(0, 4000, 0.9), ar(0, 4000, 0.0)
    assert correlation_time(white) == 1.0
    assert memory(white) == 0
    assert block_length(white) == 1
    times = [correlation_time(ar(seed, 4000, 0.9)) for seed in range(30)]
    assert np.mean(times) == pytest.approx(19.0, rel=0.1)  # (1 + φ) / (1 − φ)
    assert 10 < memory(slow) < 60
    # Politis & White 2004: (2 G² / D)^(1/3) n^(1/3) with G = 2 φ / (1 − φ)² …, about 80 here.
    assert 40 < np.mean([block_length(ar(seed, 4000, 0.9)) for seed in range(10)]) < 130
    assert joint_memory(slow[:, None], white[:, None]) == 0


@pytest.mark.parametrize("confidence", [0.5, 0.68, 0.95])
def test_intervals_are_those_of_student_and_of_the_normal_law(confidence):
    z, few = norm.ppf(0.5 + confidence / 2), t.ppf(0.5 + confidence / 2, 4)
    assert interval(1.0, 0.2, confidence) == pytest.approx((1 - 0.2 * z, 1 + 0.2 * z))
    assert interval(1.0, 0.2, confidence, dof=4) == pytest.approx((1 - 0.2 * few, 1 + 0.2 * few))


def test_what_is_open_widens_upwards_only():
    low, high = interval(1.0, 0.1, 0.68, left_open=0.4)
    z, few = norm.ppf(0.84), t.ppf(0.84, 3)
    assert high == pytest.approx(1 + SHIFT * 0.4 + math.hypot(z * 0.1, few * SPREAD * 0.4))
    plain = interval(1.0, 0.1, 0.68)
    assert plain[0] == low < 1.0 < plain[1] < high
    assert interval(1.0, 0.1, 0.68, left_open=-1.0) == plain
    assert interval(1.0, 0.1, 0.68, left_open=math.nan) == plain


def test_a_bound_is_below_the_truth_by_a_part_of_its_scatter():
    z, few = norm.ppf(0.84), t.ppf(0.84, 3)
    low, high = interval(1.0, 0.1, 0.68, left_open=0.4, evidence=BOUND)
    width = math.hypot(z * 0.1, few * SPREAD * 0.4)
    assert high == pytest.approx(1 + SHIFT * 0.4 + BOUND.short * 0.1 + width)
    assert BOUND.short > 0
    assert low == pytest.approx(1 - z * 0.1)


def test_jackknife_of_a_mean_has_its_closed_form():
    values = np.random.default_rng(1).standard_normal(1000)
    error, dof = jackknife(lambda rows: float(values[rows].mean()), 1000)
    # Leaving out stretch g of a mean leaves (n x̄ − m x̄_g) / (n − m): for equal stretches the
    # jackknife's variance is that of the stretches' means over their number.
    means = values.reshape(10, 100).mean(axis=1)
    assert error == pytest.approx(means.std(ddof=1) / math.sqrt(10), rel=1e-9)
    assert dof == 9
    assert jackknife(lambda rows: float(values[rows].mean()), 1000, memory=100)[1] == 2


def test_smile_clips_both_sides_of_the_independent_scores_and_not_the_joint_ones():
    scores = torch.tensor([[9.0, 7.0, -20.0], [1.0, 0.0, 8.0], [-9.0, 2.0, -7.0]]).double()
    off = [7.0, -20.0, 1.0, 8.0, -9.0, 2.0]
    clipped = np.clip(off, -5, 5)
    expected = np.mean([9.0, 0.0, -7.0]) - math.log(np.mean(np.exp(clipped)))
    assert float(smile(scores, clip=5.0)) == pytest.approx(expected)
    free = np.mean([9.0, 0.0, -7.0]) - math.log(np.mean(np.exp(off)))
    assert float(smile(scores, clip=None)) == pytest.approx(free)


def test_a_line_has_its_intercept_weights_and_no_form_error():
    gamma = np.arange(1.0, 6.0)
    fit = fit_curve(gamma, 2.0 - 0.1 * gamma)
    assert fit.intercept == pytest.approx(2.0)
    assert fit.slope == pytest.approx(-0.1)
    assert fit.linear
    assert fit.scatter == pytest.approx(0.0, abs=1e-9)
    assert fit.form == pytest.approx(0.0, abs=1e-9)
    assert fit.weights.sum() == pytest.approx(1.0)
    assert fit.weights @ gamma == pytest.approx(0.0, abs=1e-12)
    assert fit.ends == ()
    bent = fit_curve(gamma, 2.0 - 0.4 * np.sqrt(gamma))
    assert bent.form > 0.01
    assert not bent.linear


def test_a_noisy_line_has_the_textbooks_error_and_its_form_is_half_of_what_a_parabola_adds():
    gamma = np.arange(1.0, 7.0)
    mean = 2.0 - 0.1 * gamma + 0.004 * np.array([1, -2, 1, 1.5, -1, -0.5])
    fit = fit_curve(gamma, mean)
    line = linregress(gamma, mean)
    assert fit.kept == 6
    assert fit.intercept == pytest.approx(line.intercept)
    assert fit.scatter == pytest.approx(line.intercept_stderr)
    parabola = np.polyfit(gamma, mean, 2)[-1]
    assert fit.form == pytest.approx(abs(parabola - line.intercept) / 2)
    assert fit.form > 1e-4


def test_bootstrap_over_stretches_has_the_unbiased_variance_of_their_mean():
    values = np.repeat(np.random.default_rng(5).standard_normal(6), 20)
    draws = _block_bootstrap(values, 20, np.random.default_rng(0))
    expected = values[::20].var(ddof=1) / 6
    assert draws.var() == pytest.approx(expected, rel=0.12)  # without (B − 1) / B: 17 % less
    assert draws.mean() == pytest.approx(values.mean(), abs=4 * math.sqrt(expected / len(draws)))


def test_normal_variables_without_dependence_show_none_on_average():
    """The entropies' bias by Misra et al. 2005 is exact: so few samples would show .8 nats."""
    rng = np.random.default_rng(0)
    found = [direct.gaussian(*rng.standard_normal((2, 12, 3))) for _ in range(3000)]
    assert np.mean(found) == pytest.approx(0, abs=4 * np.std(found) / math.sqrt(3000))


@pytest.mark.parametrize("mode", ["estimate", "rigorous"])
def test_evidence_of_bounds_reaches_the_interval(mode):
    x, e = np.random.default_rng(3).standard_normal((2, 300, 1))
    small = {"n_epochs": 2, "n_inits": 1, "n_folds": 2, "hidden_dim": 8, "embedding_dim": 2}
    options = {"gamma_range": [1, 2]} if mode == "rigorous" else {}
    options |= {"base_params": small, "random_seed": 0, "verbose": False}
    result = mi.run(x, 0.8 * x + 0.6 * e, mode=mode, **options)
    details = result.details
    (low, high), error, checks = details["interval"], details["mi_error"], details["checks"]
    row = details["tidy"][0]
    rise, gap = checks.get("rise", 0.0), row["train_mi"] - row["test_mi"]
    if mode == "rigorous":
        rise = max(checks["added"], 0) + max(np.nan_to_num(checks["learning"]), 0)
        gap -= checks["added"]
    beyond = checks["neighbours"] - result.mi_estimate
    more = sum(max(part, 0) for part in (rise, gap, beyond))
    assert low == pytest.approx(result.mi_estimate - norm.ppf(0.84) * error)
    width = math.hypot(norm.ppf(0.84) * error, t.ppf(0.84, 3) * SPREAD * more)
    above = SHIFT * more + BOUND.short * error + width
    assert high == pytest.approx(result.mi_estimate + above)


def test_errors_of_neighbours_and_copulas_reach_the_interval():
    x, e = np.random.default_rng(3).standard_normal((2, 400, 1))
    for name in ("ksg", "gcmi"):
        result = mi.run(x, 0.8 * x + 0.6 * e, estimator=name, random_seed=0, verbose=False)
        low, _ = result.details["interval"]
        reach = (result.mi_estimate - low) / result.details["mi_error"]
        assert reach == pytest.approx(norm.ppf(0.84))


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.15, 0.6])
def test_the_error_of_neighbours_is_no_smaller_than_their_estimates_scatter(rho):
    found = []
    for seed in range(60):
        x, e = np.random.default_rng(seed).standard_normal((2, 300, 1))
        y = rho * x + math.sqrt(1 - rho**2) * e
        result = mi.run(x, y, estimator="ksg", random_seed=0, verbose=False)
        found.append((result.mi_estimate, result.details["mi_error"]))
    estimates, errors = np.array(found).T
    # The standard deviation of 60 estimates is itself known to 9 %.
    assert 0.82 < errors.mean() / estimates.std(ddof=1) < 1.5
    truth = -0.5 * math.log2(1 - rho**2)
    bar = np.maximum(np.maximum(0.1 * truth, 0.05), 2 * errors)
    assert np.mean(estimates - truth > bar) <= 0.05


def test_structure_finer_than_the_samples_is_told_and_smooth_structure_is_not():
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 4, 1000)
    fine = x % 1 + 0.05 * rng.uniform(-0.5, 0.5, 1000)
    smooth = x + 0.05 * rng.standard_normal(1000)
    for y, told in ((fine, True), (smooth, False)):
        seen = look(x[:, None], y[:, None], 0, Seed(0))
        near, rise = seen.neighbours, seen.neighbours_rise
        assert (reliability.too_fine(near, near, rise) is not None) == told
        assert reliability.too_fine(near + 1.1 * rise + 0.01, near, rise) is None


def test_noise_about_a_line_is_called_a_bend_in_one_of_twenty_curves():
    gamma, rng = np.arange(1.0, 11.0), np.random.default_rng(2)
    curves = 1.0 - 0.01 * gamma + 0.1 * rng.standard_normal((1000, 10))
    found = np.mean([clear(gamma, curve, 2) for curve in curves])
    assert found == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 1000))
    # The coefficient's error by the textbook, from another fit.
    curve = curves[0]
    (c2, *_), covariance = np.polyfit(gamma, curve, 2, cov=True)
    expected = 2 * t.sf(abs(c2) / math.sqrt(covariance[0, 0]), 7) < 0.05
    assert clear(gamma, curve, 2) == expected
    # Lines keep all of their points, unless a bend is clear and large.
    kept = [fit_curve(gamma, c).kept == 10 for c in curves[:200]]
    assert np.mean(kept) > 0.9
    assert not clear(gamma[:3], curve[:3], 2)  # three points lie on every parabola


def test_a_bend_is_told_where_a_curve_that_is_clear_ends_beyond_the_interval():
    gamma, rng = np.arange(1.0, 11.0), np.random.default_rng(2)
    noise = 0.002 * rng.standard_normal(10)
    fit = fit_curve(gamma, 2.0 - 0.4 * np.sqrt(gamma) + noise)
    assert not fit.linear
    parabola, cubic = fit.ends
    assert fit.intercept < cubic < 2.0
    assert fit.intercept + fit.form > parabola - 1e-9  # both ends are within the form's error
    lenient = fit_curve(gamma, 2.0 - 0.4 * np.sqrt(gamma) + noise, 0.1)
    assert (lenient.kept, lenient.linear) == (10, True)  # the published rule sees a line there
    assert lenient.intercept < fit.intercept - 0.05
    assert "is bent" in reliability.bent(fit.intercept, fit.ends, (1.5, cubic - 0.01))
    assert reliability.bent(fit.intercept, fit.ends, (1.5, 2.0)) is None
    straight = fit_curve(gamma, 2.0 - 0.1 * gamma + noise)
    assert straight.linear
    assert reliability.bent(straight.intercept, (), (1.9, 2.1)) is None


def test_neighbours_are_apart_from_a_bound_only_beyond_the_errors_of_both():
    x, e = np.random.default_rng(5).standard_normal((2, 400, 1))
    seen = look(x, 0.8 * x + 0.6 * e, 0, Seed(0), ordered=False)
    local = direct.ksg_local(rank_normal(x), rank_normal(0.8 * x + 0.6 * e), k=5)
    assert seen.neighbours == pytest.approx(local.mean())
    known = NEIGHBOURS * local.std() / math.sqrt(400)
    # The standard error looks for a memory, and shuffled samples have next to none.
    assert seen.neighbours_error == pytest.approx(known, rel=0.25)
    far = 2 * math.hypot(0.1, 0.1)
    assert reliability.missed(1.0, 0.1, 0.99 + far, "others", seen_error=0.1) is None
    assert "train for longer" in reliability.missed(1.0, 0.1, 1.01 + far, "a", seen_error=0.1)
    assert reliability.missed(1.0, 0.1, 1.21, "others") is not None  # no error known


def test_a_steep_curve_is_told_as_what_it_is():
    assert reliability.steep(1.0, -0.14) is None
    assert "still rises" in reliability.steep(1.0, -0.16)
    assert "falls" in reliability.steep(1.0, 0.16)


def test_reasons_say_what_was_found_and_what_to_do():
    assert reliability.much_is_open(1.0, rise=0.01, gap=0.05, beyond=-0.2) is None
    told = reliability.much_is_open(1.0, rise=0.3, gap=math.nan, beyond=0.1)
    assert "twice the samples added 0.43 bits" in told
    assert "train" in told
    assert reliability.open_above(1.0, rise=0.3, gap=math.nan, beyond=-0.1) == 0.3
    assert "12 of its own" in reliability.too_short(240, 20.0)
    assert reliability.too_short(400, 20.0) is None


@pytest.mark.parametrize(("n", "w"), [(60, 4), (400, 90), (400, 198)])
def test_neighbours_in_time_are_left_out(n, w):
    """The excluded count by brute force, also where hundreds of those left out are nearest."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((n, 1)).cumsum(axis=0) for _ in range(2))
    k = 3
    a, b = direct.standardized(x)[:, 0], direct.standardized(y)[:, 0]
    from scipy.special import psi

    expected = []
    for i in range(n):
        other = np.abs(np.arange(n) - i) > w
        dx, dy = np.abs(a - a[i])[other], np.abs(b - b[i])[other]
        reach = np.sort(np.maximum(dx, dy))[k - 1]
        inside = psi((dx < reach).sum() + 1) + psi((dy < reach).sum() + 1)
        expected.append(psi(k) + psi(other.sum() + 1) - inside)
    np.testing.assert_allclose(direct.ksg_local(x, y, k=k, exclude=w), expected, atol=1e-9)


def test_slow_independent_series_show_nothing_to_neighbours_that_know_of_time():
    plain, knowing = [], []
    for seed in range(12):
        x, y = ar(2 * seed, 800, 0.95)[:, None], ar(2 * seed + 1, 800, 0.95)[:, None]
        plain.append(direct.ksg(x, y))
        knowing.append(direct.ksg(x, y, exclude=joint_memory(x, y)))
    assert np.mean(plain) > 0.07
    assert abs(np.mean(knowing)) < 0.06


@pytest.mark.parametrize("name", ["ksg", "lmi", "plugin"])
def test_copied_labels_tell_their_entropy_and_no_more(name):
    label = np.random.default_rng(0).integers(0, 16, (2000, 1)).astype(float)
    value = np.nanmean(DIRECT[name].local(label, label)) / math.log(2)
    assert value == pytest.approx(4.0, abs=0.25)
    assert value < 4.05


@pytest.mark.parametrize("correction", ["miller_madow", "quadratic", "nsb"])
def test_corrections_take_most_of_a_plugins_bias_off(correction):
    plain, better = [], []
    for seed in range(20):
        x, y = np.random.default_rng(seed).integers(0, 8, (2, 300))
        plain.append(direct.plugin(x, y, correction="none"))
        better.append(direct.plugin(x, y, correction=correction))
    assert np.mean(plain) == pytest.approx(49 / 600, rel=0.2)
    assert abs(np.mean(better)) < 0.3 * np.mean(plain)


def test_channels_that_say_nothing_do_not_matter_and_a_copy_is_infinite():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 2))
    y = x[:, :1] + rng.standard_normal((300, 1))
    more = np.c_[x, np.zeros(300), x[:, 0]]
    assert direct.gcmi(more, y) == pytest.approx(direct.gcmi(x, y), abs=1e-9)
    assert direct.gcmi(x, x) == math.inf
    result = mi.run(x, x, estimator="gcmi", random_seed=0, verbose=False)
    assert not result.is_reliable
    assert "infinite" in result.reasons[0]
    with pytest.raises(ex.InsufficientDataError, match="features"):
        direct.gaussian(rng.standard_normal((5, 4)), rng.standard_normal((5, 4)))


def test_rotations_are_exchangeable_with_the_data():
    """A statistic that only the shift decides: its rank among all rotations is uniform."""
    order = surrogates(20, 19, "circular", np.random.default_rng(0))
    firsts = sorted(int(o[0]) for o in order)
    assert firsts == list(range(1, 20))


class Residual:
    n, kind, block, trials = 6, "residual", None, None


def test_residual_surrogates_keep_what_z_says_and_time():
    z, own = ar(0, 900, 0.95)[:, None], ar(1, 900, 0.95)[:, None]
    x = 2.0 * z + own
    own, *moves = surrogate_sources(x, z, Residual, np.random.default_rng(0))
    explained = expected(x, z)
    # The data are treated as their surrogates are: what z explains of the rest by chance is off.
    assert np.corrcoef((own - explained)[:, 0], (x - explained)[:, 0])[0, 1] > 0.95
    for source in (own, *moves):
        assert expected(source - explained, z) == pytest.approx(np.zeros_like(x), abs=1e-9)
    assert len(moves) == 6
    for moved in moves:
        assert np.corrcoef(moved[:, 0], z[:, 0])[0, 1] > 0.7
        assert correlation_time(moved[:, 0]) > 10
        assert not np.allclose(moved, x)


def test_the_callers_torch_is_neither_used_nor_changed():
    x, y = mi.datasets.generate_correlated_gaussians(200, 2, 1.0, use_torch=False, seed=0)
    few = {"n_epochs": 2, "n_inits": 1, "n_folds": 2, "hidden_dim": 8, "embedding_dim": 4}
    options = {"random_seed": 0, "verbose": False}
    others = [{**few}, {**few, "critic_type": "concat"}]
    plain = [mi.run(x, y, base_params=p, **options).mi_estimate for p in others]
    torch.manual_seed(5)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            again = [mi.run(x, y, base_params=p, **options).mi_estimate for p in others]
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert again == plain
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_tensors_of_any_kind_are_read_or_refused():
    x, y = mi.datasets.generate_correlated_gaussians(200, 1, 1.0, use_torch=False, seed=0)
    half = torch.tensor(x).to(torch.bfloat16).requires_grad_()
    assert np.isfinite(mi.run(half, y, estimator="gcmi", verbose=False).mi_estimate)
    with pytest.raises(ex.InvalidDataError, match="meta"):
        mi.run(torch.empty(200, 1, device="meta"), y, estimator="gcmi", verbose=False)


def test_a_cell_of_one_half_has_skaggs_information_of_one_bit_per_spike():
    assert mi.skaggs_information([0, 8], [3, 3]) == pytest.approx((1.0, 4.0))
    assert mi.skaggs_information([5, 5, 5], [1, 2, 3]) == pytest.approx((0.0, 0.0))
    with pytest.raises(ex.DataShapeError, match="one length"):
        mi.skaggs_information([1, 2], [1])


def test_few_stretches_widen_intervals_of_slow_recordings():
    """The jackknife's degrees of freedom reach the interval."""
    x, noise = (np.stack([ar(s, 1200, 0.9)]).T for s in (1, 2))
    result = mi.run(x, x + noise, estimator="ksg", random_seed=0, verbose=False)
    low, _ = result.details["interval"]
    reach = (result.mi_estimate - low) / result.details["mi_error"]
    assert 1.04 < reach < 1.33  # Student's t of 2 to 4.5 degrees, not the normal .994
