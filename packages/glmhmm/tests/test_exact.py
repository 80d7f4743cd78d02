"""Exact likelihoods and paths where probabilities are zero and trials thousands of nats apart.

The oracle works in plain numpy and logarithms.
"""

import warnings

import numpy as np
import oracle
import pytest
from scipy.special import log_expit
from scipy.stats import norm

from neuroloom.glmhmm import GLMHMM


def gaussian(rng, k, spread):
    """Return a model with random structural zeros, one way through them at least, and its data."""
    model = GLMHMM(k, "Gaussian")
    model.coef_, model.intercept_ = np.zeros((1, k)), spread * rng.normal(size=k)
    model.scale_ = np.ones(k)
    zeros = (rng.random((k, k)) < 0.5) & ~np.eye(k, dtype=bool)
    zeros[np.arange(k), (np.arange(k) + 1) % k] = False
    transition = np.where(zeros, 0.0, rng.dirichlet(np.ones(k), size=k))
    model.transition_prob_ = transition / transition.sum(axis=1, keepdims=True)
    model.initial_prob_ = np.eye(k)[rng.integers(k)]
    return model


@pytest.mark.parametrize("seed", range(6))
def test_structural_zeros_with_trials_thousands_of_nats_apart(seed):
    rng = np.random.default_rng(seed)
    k, n = 3, 120
    model = gaussian(rng, k, spread=(60.0, 150.0)[seed % 2])
    y = model.intercept_[rng.integers(k, size=n)] + rng.normal(size=n)
    starts = np.arange(n) % 40 == 0
    log_p = norm.logpdf(y[:, None], model.intercept_)
    assert np.ptp(log_p, axis=1).max() > 1e3
    arguments = (log_p, model.initial_prob_, model.transition_prob_, starts)
    value, smoothed, filtered = oracle.forward_backward(*arguments)
    X = np.zeros((n, 1))
    assert model.score(X, y, starts) == pytest.approx(value, rel=1e-6)
    np.testing.assert_allclose(model.smooth_proba(X, y, starts), smoothed, atol=1e-6)
    np.testing.assert_allclose(model.filter_proba(X, y, starts), filtered, atol=1e-6)
    path = model.decode_state(X, y, starts, state_format="index")
    found = oracle.path_value(path, *arguments)
    assert found == pytest.approx(oracle.viterbi(*arguments)[1], rel=1e-9)


def test_a_static_mixture_compares_whole_sessions():
    """Each session is in one state throughout: evidence adds up far beyond what a number holds."""
    rng = np.random.default_rng(0)
    model = GLMHMM(2, "Gaussian")
    model.coef_, model.intercept_ = np.zeros((1, 2)), np.array([0.0, 6.0])
    model.scale_ = np.ones(2)
    model.initial_prob_, model.transition_prob_ = np.array([0.3, 0.7]), np.eye(2)
    # Early trials speak for state 0 by 1,800 nats, later ones for state 1 by twice that.
    y = np.concatenate([rng.normal(0, 1, 100), rng.normal(6, 1, 200)])
    log_p = norm.logpdf(y[:, None], model.intercept_)
    by_state = np.log(model.initial_prob_) + log_p.sum(axis=0)
    X = np.zeros((300, 1))
    assert model.score(X, y) == pytest.approx(np.logaddexp(*by_state), rel=1e-9)
    np.testing.assert_allclose(model.smooth_proba(X, y)[:, 1], 1.0, atol=1e-12)


def test_zeros_stay_zeros_under_inputs_and_in_fits():
    rng = np.random.default_rng(1)
    n = 240
    X, u = rng.normal(size=(n, 1)), rng.normal(size=(n, 1))
    start = np.arange(n) % 60 == 0
    model = GLMHMM(3, "Gaussian", maxiter=30, tol=1e-3)
    y = np.where(np.arange(n) % 60 < 30, X[:, 0], 3 - X[:, 0]) + 0.3 * rng.normal(size=n)
    left_to_right = np.array([[0.9, 0.1, 0.0], [0.0, 0.9, 0.1], [0.0, 0.0, 1.0]])
    first = np.array([1.0, 0.0, 0.0])
    begin = (
        np.array([[1.0, -1.0, 0.0]]),
        np.array([0.0, 3.0, 1.0]),
        np.ones(3),
        first,
        left_to_right,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the last state may stay without trials
        model.fit(X, y, init_params=begin, session_starts=start, transition_inputs=u)
    assert (model.transition_prob_[left_to_right == 0] == 0).all()
    assert (model.initial_prob_[1:] == 0).all()
    logits = oracle.log(model.transition_prob_) + np.tensordot(u, model.transition_coef_, axes=1)
    every = np.exp(logits - logits.max(axis=2, keepdims=True))
    every /= every.sum(axis=2, keepdims=True)
    mean = X @ model.coef_ + model.intercept_
    log_p = norm.logpdf(y[:, None], mean, np.sqrt(model.scale_))
    value, smoothed, _ = oracle.forward_backward(log_p, model.initial_prob_, every, start)
    found = model.score(X, y, start, transition_inputs=u)
    assert found == pytest.approx(value, rel=1e-8)
    posterior = model.smooth_proba(X, y, start, transition_inputs=u)
    np.testing.assert_allclose(posterior, smoothed, atol=1e-8)


def test_choices_that_no_state_explains_have_their_exact_likelihood():
    model = GLMHMM(2)
    model.coef_, model.intercept_ = np.array([[1.0, 1.0]]), np.array([0.0, 5.0])
    model.scale_ = np.ones(2)
    model.initial_prob_, model.transition_prob_ = np.ones(2) / 2, np.full((2, 2), 0.5)
    X = np.array([[-2000.0], [0.3], [1500.0], [-700.0]])
    y = np.array([1.0, 1.0, 0.0, 1.0])
    log_p = log_expit((2 * y - 1)[:, None] * (X @ model.coef_ + model.intercept_))
    value, smoothed, _ = oracle.forward_backward(log_p, model.initial_prob_, model.transition_prob_)
    assert model.score(X, y) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(model.smooth_proba(X, y), smoothed, atol=1e-12)
