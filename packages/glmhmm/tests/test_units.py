"""Units and origins of regressors: kelvin or degrees, seconds or days, in every verb."""

import math

import numpy as np
import pytest
from problems import drawn, known

from neuroloom.glmhmm import (
    GLMHMM,
    OnlineFilter,
    cross_validate,
    diagnose,
    fit_global,
    fit_subjects,
    parametric_bootstrap,
    predictive_check,
    standard_errors,
)
from neuroloom.glmhmm._input.trials import moments_of
from neuroloom.glmhmm.errors import CollinearWarning
from neuroloom.glmhmm.observation_models import WienerObservations

N = 600
WHO = np.repeat(["a", "b"], N // 2)
# What stands in the tables: size · X + origin.
UNITS = {
    "plain": (np.ones(2), np.zeros(2)),
    "scaled": (np.array([1e3, 1e-3]), np.zeros(2)),
    "far": (np.ones(2), np.array([1e4, -1e4])),
    "both": (np.array([1e-3, 1e3]), np.array([1e1, 1e7])),
}


@pytest.fixture(scope="module")
def trials():
    X, y, starts, _ = drawn(known(), N, session=60)
    return X, y, starts


def said(X, y, starts, size):
    """Return what every verb says, with weights in units of the plain regressors."""
    free = {"regularizer": "UnRegularized", "seed": 1, "tol": 1e-6, "n_init": 2}
    model = GLMHMM(2, **free).fit(X, y, session_starts=starts)
    out = {
        "weights": model.coef_ * size[:, None],
        "predict": model.predict(X, y, starts),
        "rates": model.state_rates(X),
        "smooth": model.smooth_proba(X, y, starts),
        "filter": model.filter_proba(X, y, starts),
        "path": model.decode_state(X, y, starts),
        "score": model.score(X, y, starts),
        "objective": model.solver_state_.objective,
        "drawn": model.simulate(5, X, session_starts=starts)[0],
    }
    online = OnlineFilter(model)
    out["online"] = [online.step(x, v) for x, v in zip(X[:30], y[:30], strict=True)]
    one = GLMHMM(2, **free)
    params = one.initialize_params(X, y, starts)
    state = one.initialize_optimizer_and_state(params, X, y)
    for _ in range(3):
        params, state = one.update(params, state, X, y, session_starts=starts)
    out["updated"] = one.predict(X, y, starts)
    out["updated objective"] = state.objective
    cv = cross_validate(
        X, y, starts, n_states=(2,), folds=2, model=GLMHMM(2, **free), progress=False
    )
    out["held out"] = cv.folds["log_likelihood"].to_numpy()
    errors = standard_errors(model, X, y, starts)
    out["errors"] = errors.coef * size[:, None]
    out["errors of rows"] = errors.transition_prob
    boot = parametric_bootstrap(model, X, y, starts, n_samples=2)
    out["bootstrap"] = boot.coef * size[:, None]
    found = diagnose(model, X, y, starts)
    out["diagnosed"] = [*found.occupancy, found.overlap, float(found.converged)]
    check = predictive_check(model, X, y, starts, n_samples=2, seed=0)
    out |= {f"checked {key}": values for key, values in check.simulated.items()}
    each = fit_subjects(X, y, WHO, starts, global_model=model, folds=2)
    out["subjects"] = each.table[["bits_per_trial", "objective"]].to_numpy()
    for name, rows in (("a", WHO == "a"), ("b", WHO == "b")):
        out[f"weights of {name}"] = each.models[name].coef_ * size[:, None]
        out[f"subject {name}"] = each.models[name].predict(X[rows], y[rows], starts[rows])
    return out


@pytest.fixture(scope="module")
def plain(trials):
    return said(*trials, np.ones(2))


@pytest.mark.parametrize("name", ["scaled", "far", "both"])
def test_units_and_origins_change_nothing_in_any_verb(trials, plain, name):
    X, y, starts = trials
    size, origin = UNITS[name]
    found = said(size * X + origin, y, starts, size)
    for verb, values in plain.items():
        np.testing.assert_allclose(found[verb], values, rtol=2e-3, atol=2e-3, err_msg=verb)


def test_a_prior_on_the_bias_is_on_its_level_at_far_means(trials):
    """The published protocol's prior, with a clock among the regressors: any origin is the same."""
    X, y, starts = trials
    scores = []
    for origin in (1e4, 3e5):
        far = X + np.array([origin, 0.0])
        model = fit_global(far, y, starts, n_states=2, n_init=2, sigma=2.0, tol=1e-7)
        each = fit_subjects(far, y, WHO, starts, global_model=model, folds=2)
        scores.append([model.solver_state_.objective, *each.table["objective"]])
        assert diagnose(each.models["a"], *(v[: N // 2] for v in (far, y, starts))).converged
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-3)
    # And it is the prior's at the mean: weights² and (intercept at the mean)², over 2σ².
    level = model.intercept_ + far.mean(axis=0)[0] * model.coef_[0]
    prior = (model.coef_**2).sum() / 8 + (level**2).sum() / 8
    value = model.score(far, y, starts) - prior
    assert scores[1][0] == pytest.approx(value, abs=1e-3)


@pytest.mark.slow
def test_inputs_far_from_zero_are_refused_and_useless_ones_told(trials):
    X, y, starts = trials
    u = np.random.default_rng(1).normal(size=(N, 1))
    model = GLMHMM(2, seed=1)
    with pytest.raises(ValueError, match=r"subtract their mean, got values from .* in column 1"):
        model.fit(X, y, session_starts=starts, transition_inputs=np.hstack([u, u + 1e4]))
    assert not hasattr(model, "coef_")
    with pytest.raises(ValueError, match="subtract their mean"):
        cross_validate(X, y, starts, transition_inputs=u + 1e4, n_states=(2,), folds=2)
    with pytest.warns(CollinearWarning, match="transition_inputs has columns"):
        GLMHMM(2, tol=1.0).fit(X, y, session_starts=starts, transition_inputs=np.ones((N, 1)))


@pytest.mark.parametrize("n", [7, 601, 90_000])
def test_moments_are_numpys_also_far_from_zero_and_of_constants(n):
    rng = np.random.default_rng(n)
    x = np.column_stack([rng.normal(size=n), 3e5 + rng.normal(size=n), np.full(n, 0.1)])
    found = moments_of(x)
    assert found.spread[2] == 0  # of which np.std gives what rounding left
    exact = [math.fsum(column) / n for column in x.T]
    np.testing.assert_allclose(found.mean, exact, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(found.spread[:2], x[:, :2].std(axis=0), rtol=1e-9)
    expected = np.corrcoef(x[:, :2].T)
    np.testing.assert_allclose(found.correlation[:2, :2], expected, rtol=1e-9, atol=1e-9)


SLOPES = ((0.2, -0.1), (0.1, 0.0))
FAST = {"coef": SLOPES, "intercept": (-0.5, 0.6), "scale": (0.2, 0.05)}
SLOW = {**FAST, "intercept": (1.5, 4.0)}
FAR = {"coef": ((2.0, -1.0), (0.0, 1.0)), "intercept": (0.0, 3.0), "scale": (0.5, 2.0)}
BOTH = {"choice": "Bernoulli", "rt": "LogNormal"}
TWO = {
    "coef": [[[4.0, 0.3], [-0.2, 0.1]], [[0.0, 0.0], [0.1, 0.0]]],
    "intercept": [[0.0, 1.0], [-1.0, -0.2]],
    "scale": [[1.0, 1.0], [0.05, 0.2]],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "link", "parameters"),
    [
        ("Gaussian", "identity", FAR),
        ("LogNormal", "identity", FAST),
        ("Gamma", "one_over_x", SLOW),
        ("Gamma", "exp", FAST),
        ("InverseGaussian", "exp", FAST),
        (BOTH, None, TWO),
    ],
)
def test_every_start_ends_at_the_same_fit_in_all_units_of_the_response(family, link, parameters):
    """Seconds or milliseconds: the density in y·size is that in y over the size of each trial."""
    told = {"regularizer": "UnRegularized", "seed": 1, "tol": 1e-7, "inverse_link_function": link}
    truth = known(family, **parameters).set_params(inverse_link_function=link)
    X, y, starts, _ = drawn(truth, 300, session=60, spread=0.4)
    fits = []
    for size in (1.0, 1e3, 1e-3):
        scaled = y * size if y.ndim == 1 else y * [1.0, size]
        model = GLMHMM(2, family, n_init=4, **told).fit(X, scaled, session_starts=starts)
        ends = model.restarts_["objective"] + len(y) * np.log(size)
        posterior = model.smooth_proba(X, scaled, starts)
        # Starts that end alike may have the states in either order.
        fits.append((ends, posterior[:, np.argsort(posterior.sum(axis=0))]))
    for ends, posterior in fits[1:]:
        np.testing.assert_allclose(ends, fits[0][0], atol=1e-3)
        np.testing.assert_allclose(posterior, fits[0][1], atol=1e-3)


def test_every_start_ends_at_the_same_fit_at_all_origins_of_a_gaussian_response():
    X, y, starts, _ = drawn(known("Gaussian", **FAR), 300, session=60, spread=0.4)
    told = {"regularizer": "UnRegularized", "seed": 1, "tol": 1e-7, "n_init": 4}
    fits = [GLMHMM(2, "Gaussian", **told).fit(X, y + z, session_starts=starts) for z in (0.0, 1e3)]
    ends = [model.restarts_["objective"] for model in fits]
    np.testing.assert_allclose(ends[1], ends[0], atol=1e-3)
    np.testing.assert_allclose(fits[1].intercept_ - 1e3, fits[0].intercept_, atol=1e-2)


def test_diffusion_starts_follow_the_unit_of_time():
    """Times·c: drifts are over √c, log boundaries ½ log c and log non-decision times log c more."""
    family, rng = WienerObservations(), np.random.default_rng(0)
    link = family.default_inverse_link_function
    for rt in (rng.gamma(4, 0.2, 50), np.full(50, 0.7)):
        y = np.column_stack([rng.integers(0, 2, 50), rt])
        for c in (1e3, 1e-3):
            scaled = y * [1.0, c]
            shift = family.starts(scaled, link) - family.starts(y, link)
            np.testing.assert_allclose(shift, np.log(c) * np.array([0, 0.5, 0, 1]), atol=1e-12)
            ratio = family.predictor_unit(scaled, link) / family.predictor_unit(y, link)
            np.testing.assert_allclose(ratio, [c**-0.5, 1, 1, 1])
            np.testing.assert_array_equal(family.moved_by_units(link), shift != 0)


def test_dead_states_come_back_in_the_regressors_own_unit(trials):
    X, y, starts = trials
    coef, intercept = known().coef_, np.array([0.0, 1.2])
    dead = np.array([[1.0, 0.0], [1.0, 0.0]])  # nothing is ever in the second state
    scores = []
    for size in (np.ones(2), np.array([1e3, 1e-3])):
        begin = (coef / size[:, None], intercept, np.ones(2), dead[0], dead)
        model = GLMHMM(2, regularizer="UnRegularized", seed=1, tol=1e-7, reinit_dead=True)
        model.fit(size * X, y, init_params=begin, session_starts=starts)
        assert model.transition_prob_[0, 1] > 0
        scores.append(model.solver_state_.objective_history[:2])
    np.testing.assert_allclose(scores[1], scores[0], rtol=1e-9)
