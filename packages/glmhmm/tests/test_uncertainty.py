"""Standard errors against closed forms and finite differences; the bootstrap beside them."""

import numpy as np
import pandas as pd
import pytest
from problems import drawn, known
from scipy.special import expit

from neuroloom.glmhmm import GLMHMM, diagnose, parametric_bootstrap, standard_errors
from neuroloom.glmhmm.results import DesignMatrix


def test_one_state_has_the_errors_of_logistic_regression():
    X, y, *_ = drawn(known(), 500)
    model = GLMHMM(1, regularizer_strength=0.5, tol=1e-10).fit(X, y)
    design = np.column_stack([X, np.ones(len(X))])
    p = expit(X @ model.coef_[:, 0] + model.intercept_[0])
    information = (design * (p * (1 - p))[:, None]).T @ design
    prior = np.diag([0.5, 0.5, 0.0])
    errors = standard_errors(model, X, y)
    expected = np.sqrt(np.diag(np.linalg.inv(information + prior)))
    np.testing.assert_allclose(np.append(errors.coef[:, 0], errors.intercept), expected, rtol=1e-8)
    free = standard_errors(model, X, y, penalized=False)
    expected = np.sqrt(np.diag(np.linalg.inv(information)))
    np.testing.assert_allclose(np.append(free.coef[:, 0], free.intercept), expected, rtol=1e-8)
    low, high = errors.intervals(0.95)["coef"]
    np.testing.assert_allclose(high - low, 2 * 1.959963985 * errors.coef, rtol=1e-8)


def test_two_states_by_finite_differences():
    X, y, starts, _ = drawn(known(), 400, 50)
    model = GLMHMM(2, n_init=4, seed=0, tol=1e-9, regularizer_strength=0.3)
    model.set_params(dirichlet_initial_proba=[3.0, 3.0])  # keeps it away from 0 and 1
    model.fit(X, y, session_starts=starts)

    def objective(theta):
        coef, intercept = theta[:4].reshape(2, 2), theta[4:6]
        first = expit(theta[6])
        stay = expit(theta[7:9])
        transition = np.array([[stay[0], 1 - stay[0]], [1 - stay[1], stay[1]]])
        params = (coef, intercept, np.ones(2), np.array([first, 1 - first]), transition)
        prior = 2 * np.log(first * (1 - first)) - 0.15 * np.sum(coef**2)
        return prior - model.compute_loss(params, X, y, starts)

    def logit(p):
        return np.log(p / (1 - p))

    at = np.concatenate(
        [
            model.coef_.ravel(),
            model.intercept_,
            [logit(model.initial_prob_[0])],
            logit(np.diag(model.transition_prob_)),
        ]
    )
    h, n = 2e-3, len(at)
    eye = h * np.eye(n)
    hessian = np.array(
        [
            [
                objective(at + a + b)
                - objective(at + a - b)
                - objective(at - a + b)
                + objective(at - a - b)
                for b in eye
            ]
            for a in eye
        ]
    ) / (4 * h * h)
    expected = np.sqrt(np.diag(np.linalg.inv(-hessian)))
    errors = standard_errors(model, X, y, starts)
    np.testing.assert_allclose(errors.coef.ravel(), expected[:4], rtol=5e-3)
    np.testing.assert_allclose(errors.intercept, expected[4:6], rtol=5e-3)
    p = model.initial_prob_
    np.testing.assert_allclose(errors.initial_prob, expected[6] * p[0] * p[1], rtol=5e-3)
    stay = np.diag(model.transition_prob_)
    by_delta = expected[7:9] * stay * (1 - stay)
    np.testing.assert_allclose(np.diag(errors.transition_prob), by_delta, rtol=5e-3)
    bounds = errors.intervals()
    for name in ("initial_prob", "transition_prob"):
        low, high = bounds[name]
        assert (low > 0).all()
        assert (high < 1).all()
        assert (low < getattr(model, f"{name}_")).all()


def test_gaussian_scale_has_its_textbook_error():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 1))
    y = X[:, 0] + 2 * rng.normal(size=400)
    model = GLMHMM(1, "Gaussian", regularizer="UnRegularized", tol=1e-10).fit(X, y)
    errors = standard_errors(model, X, y)
    assert errors.scale[0] == pytest.approx(model.scale_[0] * np.sqrt(2 / 400), rel=1e-3)
    tree = GLMHMM(1, "Gaussian", regularizer="UnRegularized", tol=1e-10).fit({"a": X}, y)
    np.testing.assert_allclose(standard_errors(tree, {"a": X}, y).coef["a"], errors.coef)


@pytest.mark.slow
def test_probabilities_at_zero_have_no_error():
    X, y, starts, _ = drawn(known(), 400, 50)
    model = known()
    start = (model.coef_, model.intercept_, model.scale_, np.array([1.0, 0.0]))
    start = (*start, np.array([[0.95, 0.05], [0.0, 1.0]]))
    fit = GLMHMM(2).fit(X, y, init_params=start, session_starts=starts)
    errors = standard_errors(fit, X, y, starts)
    assert np.isnan(errors.initial_prob).all()
    assert np.isnan(errors.transition_prob[1]).all()
    assert np.isfinite(errors.transition_prob[0]).all()
    assert np.isfinite(errors.coef).all()
    with pytest.raises(ValueError, match="kinks"):
        standard_errors(GLMHMM(1, regularizer="Lasso").fit(X, y), X, y)
    with pytest.raises(ValueError, match="level"):
        errors.intervals(1.0)


def test_intervals_of_uncertain_probabilities_stay_in_range_without_a_warning():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 1)), rng.binomial(1, 0.5, 60).astype(float)
    model = known(coef=[[3.0, 0.0]], intercept=[0.0, 0.5])
    model.initial_prob_ = np.array([1e-4, 1 - 1e-4])
    errors = standard_errors(model, X, y)
    errors.initial_prob[:] = 0.5  # on the logit scale thousands wide
    low, high = errors.intervals()["initial_prob"]
    np.testing.assert_array_equal(low, 0.0)
    np.testing.assert_array_equal(high, 1.0)


@pytest.mark.slow
def test_bootstrap_agrees_with_the_information():
    X, y, starts, _ = drawn(known(), 2000, 100, seed=3)
    model = GLMHMM(2, n_init=4, seed=0).fit(X, y, session_starts=starts)
    errors = standard_errors(model, X, y, starts)
    found = parametric_bootstrap(model, X, starts, n_samples=60, seed=1)
    ratio = found.standard_error("coef") / errors.coef
    assert ((ratio > 0.7) & (ratio < 1.45)).all()
    low, high = found.interval("coef")
    assert ((low < model.coef_) & (high > model.coef_)).mean() >= 0.75
    again = parametric_bootstrap(model, X, starts, n_samples=3, seed=1)
    np.testing.assert_array_equal(again.coef, found.coef[:3])


def test_bootstrap_takes_responses_and_sessions_by_place_or_name():
    X, y, starts, _ = drawn(known(), 200, 50)
    y = np.where(np.arange(200) < 40, np.nan, y)
    model = known()
    model.set_params(missing="mask")
    design = DesignMatrix(X, y, starts, tuple("ab"[: X.shape[1]]))

    def intercepts(*data, **named):
        return parametric_bootstrap(model, *data, n_samples=2, seed=1, **named).intercept

    expected = intercepts(X, y=y, session_starts=starts)
    for found in (
        intercepts(X, y, starts),
        intercepts(X, y, session_starts=starts),
        intercepts(X, starts, y=y),
        intercepts(design),
    ):
        np.testing.assert_array_equal(found, expected)
    whole = intercepts(X, session_starts=starts)  # without y nothing is missing
    np.testing.assert_array_equal(intercepts(X, np.arange(0, 200, 50)), whole)
    assert (whole != expected).any()
    for data, named in (
        ((X, y), {}),
        ((X, starts.astype(int)), {}),
        ((X, np.nan_to_num(y) > 0), {}),  # Booleans, and no mask: choices come in a row
        ((X, y, starts), {"y": y}),
        ((X, starts), {"y": y, "session_starts": starts}),
        ((X, y, starts, starts), {}),
    ):
        with pytest.raises(ValueError, match="data: expected y"):
            intercepts(*data, **named)
    for number in (0, -1, 2.5):
        with pytest.raises(ValueError, match="n_samples"):
            parametric_bootstrap(model, X, starts, n_samples=number)
    seen = np.isfinite(y)
    for mask in (seen, seen.astype(float), pd.Series(seen, dtype="boolean")):
        np.testing.assert_array_equal(intercepts(X, session_starts=starts, observed=mask), expected)
    for mask in (seen.astype(str), np.where(seen, 1.0, np.nan), 2 * seen, seen[1:]):
        with pytest.raises(ValueError, match="observed: expected"):
            intercepts(X, session_starts=starts, observed=mask)
    one = parametric_bootstrap(model, X, starts, n_samples=1)
    with pytest.raises(ValueError, match="two samples at least"):
        one.standard_error("coef")
    for name in ("coeff", "transition_coef"):
        with pytest.raises(ValueError, match="name: expected one of"):
            one.interval(name)


@pytest.mark.slow
def test_zeros_of_the_chain_leave_errors_to_all_else():
    """A chain that goes one way through states far apart: the errors of plain means."""
    n = 300
    starts = np.arange(n) % 60 == 0
    model = GLMHMM(3, "Gaussian", regularizer="UnRegularized", tol=1e-9)
    one_way = np.array([[0.95, 0.05, 0.0], [0.0, 0.95, 0.05], [0.0, 0.0, 1.0]])
    start = (np.zeros((0, 3)), np.array([-9.0, 0.0, 9.0]), np.ones(3), np.array([1.0, 0, 0]))
    state = np.tile(np.repeat([0, 1, 2], 20), 5)
    y = np.array([-9.0, 0.0, 9.0])[state] + np.random.default_rng(0).normal(size=n)
    model.fit(y=y, init_params=(*start, one_way), session_starts=starts)
    errors = standard_errors(model, None, y, starts)
    mass = np.bincount(state)
    np.testing.assert_allclose(errors.intercept, np.sqrt(model.scale_ / mass), rtol=1e-4)
    stay = np.diag(model.transition_prob_)[:2]
    leaving = np.array([5, 5])
    np.testing.assert_allclose(stay, 1 - leaving / mass[:2], rtol=1e-4)
    expected = np.sqrt(stay * (1 - stay) / mass[:2])
    np.testing.assert_allclose(np.diag(errors.transition_prob)[:2], expected, rtol=1e-3)


@pytest.mark.slow
def test_errors_at_a_border_are_those_of_the_fit_along_it():
    """A probability that is linear in x, and falls to zero at the smallest x."""
    rng = np.random.default_rng(1)
    x = np.round(rng.uniform(-1, 1, 300), 2)
    y = (rng.random(300) < np.where(x < -0.6, 0.0, 0.5 + 0.35 * x)).astype(float)
    model = GLMHMM(1, "Bernoulli", "identity", regularizer="UnRegularized", tol=1e-10)
    model.fit(x[:, None], y)

    def value(w):
        p = np.clip(w[0] * x + w[1], 0, 1)
        with np.errstate(divide="ignore"):
            return -np.where(y == 1, np.log(p), np.log1p(-p)).sum()

    # Along the border one slope is left: p = b (x − min x).
    low = x.min()
    slopes = np.linspace(0.3, 1 / (x.max() - low) - 1e-6, 4000)
    along = [value((b, -b * low)) for b in slopes]
    best = slopes[int(np.argmin(along))]
    assert model.coef_[0, 0] == pytest.approx(best, abs=2e-3)
    assert -model.score(x[:, None], y) == pytest.approx(min(along), abs=1e-3)
    errors = standard_errors(model, x[:, None], y)
    p = best * (x - low)
    inside = p > 1e-9
    far = (x - low)[inside]
    information = (far**2 * np.where(y == 1, 1 / best**2, 0)[inside] / far**2).sum()
    information += (far**2 * ((1 - y[inside]) / (1 - p[inside]) ** 2)).sum()
    assert errors.coef[0, 0] == pytest.approx(information**-0.5, rel=0.02)
    assert errors.intercept[0] == pytest.approx(-low * information**-0.5, rel=0.02)
    told = diagnose(model, x[:, None], y)
    assert told.bordering_states == (0,)
    assert "border" in " ".join(told.issues)


@pytest.mark.slow
def test_tiny_probabilities_leave_errors_as_zeros_do():
    """A chain that stays in its second state: 1e-8 for a zero changes no error of the rest."""
    rng = np.random.default_rng(0)
    X, starts = rng.normal(size=(240, 1)), np.arange(240) % 40 == 0
    state = (np.arange(240) // 20) % 2
    y = np.where(state == 0, X[:, 0], 3.0) + rng.normal(size=240)
    model = GLMHMM(2, "Gaussian")
    model.coef_, model.intercept_ = np.array([[-0.08, 1.19]]), np.array([2.95, -0.18])
    model.scale_, model.initial_prob_ = np.array([0.92, 1.16]), np.array([1e-10, 1 - 1e-10])
    found = []
    for tiny in (0.0, 1e-8):
        model.transition_prob_ = np.array([[1 - tiny, tiny], [0.05, 0.95]])
        errors = standard_errors(model, X, y, starts)
        found.append(np.concatenate([errors.coef[0], errors.intercept, errors.scale]))
    assert np.isfinite(found[0]).all()
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


@pytest.mark.slow
def test_counts_by_finite_differences():
    """Entries that a compiler rounds differently when it computes them twice leave no NaN."""
    truth = known("NegativeBinomial", ((0.5, -0.3),), (0.5, 3.0), scale=(0.5, 0.2))
    X, y, starts, _ = drawn(truth, 240, 40, seed=7)
    prior = np.array([3.0, 3.0])  # keeps the first state's probability away from 0 and 1
    model = GLMHMM(2, "NegativeBinomial", tol=1e-9, dirichlet_initial_proba=prior)
    begin = (truth.coef_, truth.intercept_, truth.scale_, truth.initial_prob_)
    model.fit(X, y, init_params=(*begin, truth.transition_prob_), session_starts=starts)

    def objective(theta):
        coef, intercept, scale = theta[None, :2], theta[2:4], np.exp(theta[4:6])
        first, (a, b) = expit(theta[6]), expit(theta[7:9])
        chain = (np.array([first, 1 - first]), np.array([[a, 1 - a], [1 - b, b]]))
        log_prior = 2 * np.log(first * (1 - first)) - 0.5 * np.sum(coef**2)
        return log_prior - model.compute_loss((coef, intercept, scale, *chain), X, y, starts)

    p = np.append(model.initial_prob_[0], np.diag(model.transition_prob_))
    weights = (model.coef_[0], model.intercept_, np.log(model.scale_))
    at = np.concatenate([*weights, np.log(p / (1 - p))])
    eye = 2e-3 * np.eye(9)
    hessian = np.empty((9, 9))
    for i, a in enumerate(eye):
        for j, b in enumerate(eye[: i + 1]):
            up = objective(at + a + b) - objective(at + a - b)
            hessian[i, j] = hessian[j, i] = up - objective(at - a + b) + objective(at - a - b)
    expected = np.sqrt(np.diag(np.linalg.inv(-hessian / (4 * 2e-3**2))))
    errors = standard_errors(model, X, y, starts)
    found = (errors.coef[0], errors.intercept, errors.scale / model.scale_)
    np.testing.assert_allclose(np.concatenate(found), expected[:6], rtol=5e-3)


@pytest.mark.slow
def test_scales_at_their_floor_have_no_error():
    """Two neurons; the first one's counts vary less than Poisson ones."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(240, 1))
    y = np.column_stack([rng.binomial(8, 0.5, 240), rng.negative_binomial(2, 0.3, 240)])
    model = GLMHMM(1, "NegativeBinomial", tol=1e-8).fit(X, y.astype(float))
    errors = standard_errors(model, X, y.astype(float))
    assert model.scale_[0, 0] < 1e-4 < model.scale_[1, 0]
    np.testing.assert_array_equal(np.isnan(errors.scale[:, 0]), [True, False])
    assert np.isfinite([errors.coef, errors.intercept[None]]).all()


@pytest.mark.slow
def test_transitions_that_inputs_decide_leave_errors_to_all_else():
    """States far apart: the first is left when the input is 3, never else; the second by chance."""
    rng = np.random.default_rng(0)
    n = 400
    starts = np.arange(n) % 100 == 0
    u, state = rng.uniform(-1, 1, n), np.zeros(n, int)
    for t in range(1, n):
        if starts[t]:
            continue
        leaves = rng.random() < expit(u[t] - 1.5)
        if state[t - 1] == 0:
            u[t] = 3.0 if leaves else u[t]
        state[t] = state[t - 1] ^ leaves
    y = np.array([-9.0, 9.0])[state] + rng.normal(size=n)
    model = GLMHMM(2, "Gaussian", regularizer="UnRegularized", tol=1e-9)
    half = np.full(2, 0.5)
    begin = (np.zeros((0, 2)), np.array([-9.0, 9.0]), np.ones(2), half, np.full((2, 2), 0.5))
    inputs = {"session_starts": starts, "transition_inputs": u[:, None]}
    model.fit(y=y, init_params=begin, **inputs)
    errors = standard_errors(model, None, y, starts, transition_inputs=u[:, None])
    expected = np.sqrt(model.scale_ / np.bincount(state))
    np.testing.assert_allclose(errors.intercept, expected, rtol=1e-4)
    # The second row is a logistic regression of leaving on the input.
    at = np.flatnonzero(~starts & (np.append(0, state[:-1]) == 1))
    z = np.column_stack([np.ones(len(at)), u[at]])
    stay = model.transition_prob_[1, 1]
    logit = np.log((1 - stay) / stay) + u[at] * model.transition_coef_[0, 1, 0]
    p = expit(logit)
    covariance = np.linalg.inv((z * (p * (1 - p))[:, None]).T @ z)
    assert errors.transition_coef[0, 1, 0] == pytest.approx(covariance[1, 1] ** 0.5, rel=1e-3)
    by_delta = stay * (1 - stay) * covariance[0, 0] ** 0.5
    assert errors.transition_prob[1, 0] == pytest.approx(by_delta, rel=1e-3)
    assert np.isnan(errors.transition_coef[0, 0, 1])
    assert any("transitions from states [0]" in note for note in errors.notes)
    assert not any("weights of states" in note for note in errors.notes)


@pytest.mark.slow
def test_inputs_far_from_zero_leave_the_same_errors():
    """At zero input, far from all trials, a transition may be 1e-9, and common all the same."""
    truth = known("Gaussian", ((0.0, 0.0),), (-3.0, 3.0), scale=(1.0, 1.0))
    X, y, starts, _ = drawn(truth, 400, 50)
    u = np.random.default_rng(1).normal(size=(400, 1))
    model = GLMHMM(2, "Gaussian", tol=1e-9).fit(X, y, None, starts, transition_inputs=u)
    near = standard_errors(model, X, y, starts, transition_inputs=u)
    v, matrix = model.transition_coef_[0], model.transition_prob_
    away = 30 / np.abs(v).max()
    moved = matrix * np.exp(-away * v)
    model.transition_prob_ = moved / moved.sum(axis=1, keepdims=True)
    assert model.transition_prob_.min() < 1e-9
    far = standard_errors(model, X, y, starts, transition_inputs=u + away)
    np.testing.assert_allclose(far.coef, near.coef, rtol=1e-4)
    np.testing.assert_allclose(far.transition_coef, near.transition_coef, rtol=1e-3)
    assert np.isfinite(near.coef).all()
