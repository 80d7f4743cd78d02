"""Trials on which a regressor is missing, and responses that no state can make."""

import numpy as np
import oracle
import pandas as pd
import pytest
from problems import TRANSITION, drawn, known
from scipy import stats

from neuroloom.glmhmm import (
    OnlineFilter,
    parametric_bootstrap,
    predictive_check,
)

GAPS = [3, 50, 99, 100, 333]


@pytest.fixture(scope="module")
def counts():
    """A model of counts, and data in which regressors are missing here and there."""
    model = known("Poisson", coef=((0.5, -0.3),), intercept=(0.0, 2.0)).set_params(missing="mask")
    X, y, starts, _ = drawn(model)
    X[GAPS, 0] = np.nan
    return model, X, y, starts


def test_nothing_is_predicted_where_a_regressor_is_missing(counts):
    model, X, y, starts = counts
    seen = np.isfinite(X[:, 0])
    rates = model.state_rates(X)
    log_p = np.where(
        seen[:, None], stats.poisson.logpmf(y[:, None], np.where(seen[:, None], rates, 1)), 0
    )
    value, smoothed, filtered = oracle.forward_backward(
        log_p, model.initial_prob_, model.transition_prob_, starts
    )
    assert model.score(X, y, starts) == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(model.smooth_proba(X, y, starts), smoothed, atol=1e-10)
    expected = np.tile(model.initial_prob_, (len(X), 1))
    expected[~starts] = (filtered @ model.transition_prob_)[np.flatnonzero(~starts) - 1]
    np.testing.assert_allclose(
        model.predict(X, y, starts), (rates * expected).sum(axis=1), rtol=1e-9
    )
    assert np.flatnonzero(np.isnan(model.predict(X, y, starts))).tolist() == GAPS


def test_simulations_leave_them_out_and_go_on(counts):
    model, X, y, starts = counts
    simulated, mean, states = model.simulate(1, X, session_starts=starts)
    for values in (simulated, mean):
        assert np.flatnonzero(np.isnan(values)).tolist() == GAPS
    filled = model.simulate(1, np.nan_to_num(X), session_starts=starts)[2]
    np.testing.assert_array_equal(states, filled)
    boot = parametric_bootstrap(model, X, y, starts, n_samples=3, seed=0)
    assert (np.abs(boot.coef - model.coef_) < 0.3).all()
    check = predictive_check(model, X, y, starts, n_samples=3, seed=0)
    seen = np.isfinite(X[:, 0])
    assert check.observed["mean"][0] == pytest.approx(y[seen].mean())
    assert not (check.levels == 0).any()
    with pytest.raises(ValueError, match="NaN"):
        known("Poisson", coef=((0.5, -0.3),)).simulate(1, X, session_starts=starts)


def test_the_online_filter_passes_over_them_and_refuses_infinities(counts):
    model, X, y, starts = counts
    online = OnlineFilter(model)
    steps, ahead = [], []
    for t in range(120):
        if starts[t]:
            online.reset()
        ahead.append(online.predict(X[t]))
        steps.append(online.step(X[t], y[t]))
    np.testing.assert_allclose(steps, model.filter_proba(X, y, starts)[:120], atol=1e-10)
    np.testing.assert_allclose(ahead, model.predict(X, y, starts)[:120], rtol=1e-9)
    for x, response in (([np.inf], 1.0), ([0.0], np.inf)):
        with pytest.raises(ValueError, match="finite"):
            online.step(x, response)


def test_the_online_filter_reads_what_is_missing_as_fits_do():
    """Masked values, None and pandas' NA say nothing; behind a mask there may be any number."""
    model = known()
    model.set_params(missing="mask")
    X = np.random.default_rng(0).normal(size=(5, 2))
    y = np.ma.masked_array([1, 0, 1, 0, 1], [False, True, False, False, False])
    hidden = np.ma.masked_array(X, np.arange(10).reshape(5, 2) == 6)
    expected = model.filter_proba(hidden, y)
    nullable = pd.array([1, None, 1, 0, 1], dtype="Int64")
    for responses in (y, nullable, [1, None, 1, 0, 1]):
        online = OnlineFilter(model)
        steps = [online.step(*pair) for pair in zip(hidden, responses, strict=True)]
        np.testing.assert_allclose(steps, expected, atol=1e-12)
    p = TRANSITION.T @ expected[0]  # of the masked trial the chain's own step is left
    np.testing.assert_allclose(expected[1], p, atol=1e-12)


def test_a_response_that_no_state_can_make_leaves_the_states_as_they_were(counts):
    _, _, y, starts = counts
    silent = known("Poisson", coef=((0.0, 0.0),), intercept=(0.0, 0.0))
    silent.set_params(inverse_link_function="identity")
    x, response = np.zeros((120, 1)), np.append(y[:119], 3.0)
    assert silent.score(x, response, starts[:120]) == -np.inf
    online = OnlineFilter(silent)
    for t, expected in enumerate(silent.filter_proba(x, response, starts[:120])):
        if starts[t]:
            online.reset()
        np.testing.assert_allclose(online.step(x[t], response[t]), expected, atol=1e-12)
