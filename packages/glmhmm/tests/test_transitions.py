"""Transitions driven by inputs: against a plain loop, and parameters that come back."""

import numpy as np
import pytest
from scipy.special import softmax

from neuroloom.glmhmm import GLMHMM, information_criteria, order_states, standard_errors


@pytest.fixture(scope="module")
def driven():
    rng = np.random.default_rng(0)
    truth = GLMHMM(2, "Gaussian")
    truth.coef_, truth.intercept_ = np.array([[1.0, 1.0]]), np.array([0.0, 3.0])
    truth.scale_, truth.initial_prob_ = np.array([0.5, 0.5]), np.array([0.5, 0.5])
    truth.transition_prob_ = np.array([[0.95, 0.05], [0.1, 0.9]])
    truth.transition_coef_ = np.array([[[0.0, 1.5], [-1.0, 0.0]]])
    X, u = rng.normal(size=(2000, 1)), rng.normal(size=(2000, 1))
    starts = np.arange(2000) % 100 == 0
    y, *_ = truth.simulate(0, X, session_starts=starts, transition_inputs=u)
    return truth, X, np.asarray(y), starts, u


def matrices(model, u):
    logits = np.log(model.transition_prob_) + np.einsum("tp,pij->tij", u, model.transition_coef_)
    return softmax(logits, axis=2)


def test_likelihood_and_states_by_a_plain_loop(driven):
    truth, X, y, starts, u = driven
    keep = slice(0, 120)
    every = matrices(truth, u[keep])
    mean = truth.state_rates(X[keep])
    density = np.exp(-((y[keep, None] - mean) ** 2) / (2 * 0.5)) / np.sqrt(2 * np.pi * 0.5)
    total, filtered = 0.0, []
    for t in range(120):
        before = truth.initial_prob_ if starts[t] else filtered[-1] @ every[t]
        joint = before * density[t]
        total += np.log(joint.sum())
        filtered.append(joint / joint.sum())
    after, smooth = np.ones(2), [None] * 120
    for t in reversed(range(120)):
        smooth[t] = filtered[t] * after / (filtered[t] * after).sum()
        after = np.ones(2) if starts[t] else every[t] @ (density[t] * after)
        after /= after.sum()
    arguments = (X[keep], y[keep], starts[keep])
    options = {"transition_inputs": u[keep]}
    assert truth.score(*arguments, **options) == pytest.approx(total, rel=1e-11)
    np.testing.assert_allclose(truth.filter_proba(*arguments, **options), filtered, atol=1e-10)
    np.testing.assert_allclose(truth.smooth_proba(*arguments, **options), smooth, atol=1e-10)
    ahead = truth.predict_proba(*arguments, **options)
    np.testing.assert_allclose(ahead[1], filtered[0] @ every[1], atol=1e-10)
    path = truth.decode_state(*arguments, state_format="index", **options)
    best = np.log(truth.initial_prob_) + np.log(density[0])
    sources = []
    for t in range(1, 120):
        if starts[t]:
            sources.append(np.full(2, best.argmax()))
            best = best.max() + np.log(truth.initial_prob_) + np.log(density[t])
        else:
            scores = best[:, None] + np.log(every[t])
            sources.append(scores.argmax(axis=0))
            best = scores.max(axis=0) + np.log(density[t])
    expected = [int(best.argmax())]
    for source in reversed(sources):
        expected.append(int(source[expected[-1]]))
    np.testing.assert_array_equal(path, expected[::-1])


@pytest.mark.slow
def test_parameters_come_back(driven):
    truth, X, y, starts, u = driven
    model = GLMHMM(2, "Gaussian", n_init=2, seed=0, tol=1e-5)
    model.fit(X, y, session_starts=starts, transition_inputs=u)
    model = order_states(model, by="intercept")
    np.testing.assert_allclose(model.transition_prob_, truth.transition_prob_, atol=0.04)
    assert model.transition_coef_.shape == (1, 2, 2)
    assert model.transition_coef_[0, 0, 1] == pytest.approx(1.5, abs=0.5)
    assert model.transition_coef_[0, 1, 0] == pytest.approx(-1.0, abs=0.5)
    assert (np.diagonal(model.transition_coef_, axis1=1, axis2=2) == 0).all()
    trace = model.solver_state_.objective_history
    assert np.diff(trace[np.isfinite(trace)]).min() >= -1e-8 * abs(np.nanmax(trace))
    plain = GLMHMM(2, "Gaussian", n_init=2, seed=0, tol=1e-5).fit(X, y, session_starts=starts)
    gain = model.score(X, y, starts, transition_inputs=u) - plain.score(X, y, starts)
    assert gain > 10


@pytest.mark.slow
def test_what_does_not_fit_is_refused(driven, tmp_path):
    truth, X, y, starts, u = driven
    with pytest.raises(ValueError, match="transition_inputs"):
        truth.score(X, y, starts)
    with pytest.raises(ValueError, match="trials"):
        GLMHMM(2, "Gaussian").fit(X, y, transition_inputs=u[:5])
    with pytest.raises(ValueError, match="finite"):
        GLMHMM(2, "Gaussian").fit(X, y, transition_inputs=np.full_like(u, np.nan))
    with pytest.raises(ValueError, match="transition_inputs"):
        standard_errors(truth, X, y, starts)
    plain = GLMHMM(1, "Gaussian").fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="fitted without"):
        plain.score(X[:50], y[:50], transition_inputs=u[:50])
    assert information_criteria(plain, X[:50], y[:50]).n_parameters == 3
