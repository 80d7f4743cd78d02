"""Held-out scores against EM and the forward pass in plain numpy, fold by fold."""

import numpy as np
import pytest
from problems import drawn, known
from scipy.special import expit, log_expit
from scipy.stats import norm

from neuroloom.glmhmm import GLMHMM, cross_validate

RIDGE = 1.0
MASKED = slice(3, None, 17)


def log_density(family, w, scale, x, y):
    """Return log p(y | state), (n_trials, n_states), 0 where no response was seen."""
    eta = x @ w
    if family == "Bernoulli":
        value = log_expit(np.where(y[:, None] > 0.5, eta, -eta))
    else:
        value = norm.logpdf(y[:, None], eta, np.sqrt(scale))
    return np.where(np.isnan(y)[:, None], 0.0, value)


def e_step(p, initial, transition, starts):
    """Return log-likelihood, posteriors, and expected first states and transitions."""
    n, k = p.shape
    ahead, size, behind = np.empty((n, k)), np.empty(n), np.ones((n, k))
    for t in range(n):
        now = p[t] * (initial if starts[t] else ahead[t - 1] @ transition)
        size[t] = now.sum()
        ahead[t] = now / size[t]
    pairs = np.zeros((k, k))
    for t in range(n - 2, -1, -1):
        if not starts[t + 1]:
            after = p[t + 1] * behind[t + 1] / size[t + 1]
            behind[t] = transition @ after
            pairs += ahead[t][:, None] * transition * after
    gamma = ahead * behind
    return np.log(size).sum(), gamma, gamma[starts].sum(axis=0), pairs


def m_step(family, w, x, y, gamma):
    """Return weights and scales at the optimum of the ridge-penalised Q."""
    seen = ~np.isnan(y)
    x, y, gamma = x[seen], y[seen], gamma[seen]
    ridge = np.diag([RIDGE] * (x.shape[1] - 1) + [0.0])
    w, scale = w.copy(), np.ones(w.shape[1])
    for k, g in enumerate(gamma.T):
        if family == "Bernoulli":
            for _ in range(30):
                mean = expit(x @ w[:, k])
                slope = x.T @ (g * (y - mean)) - ridge @ w[:, k]
                w[:, k] += np.linalg.solve((x.T * (g * mean * (1 - mean))) @ x + ridge, slope)
        else:  # the penalty is not over the scale: the two optima are found in turn
            for _ in range(60):
                w[:, k] = np.linalg.solve((x.T * g) @ x + scale[k] * ridge, x.T @ (g * y))
                scale[k] = (g * (y - x @ w[:, k]) ** 2).sum() / g.sum()
    return w, scale


def fitted(family, start, x, y, starts):
    """Return the parameters where EM in numpy ends."""
    w, scale, initial, transition = start
    before = -np.inf
    for _ in range(500):
        p = np.exp(log_density(family, w, scale, x, y))
        value, gamma, first, pairs = e_step(p, initial, transition, starts)
        objective = value - 0.5 * RIDGE * (w[:-1] ** 2).sum()
        if objective - before < 1e-9:
            break
        before = objective
        w, scale = m_step(family, w, x, y, gamma)
        initial, transition = first / first.sum(), pairs / pairs.sum(axis=1, keepdims=True)
    return (w, scale, initial, transition), objective


@pytest.mark.parametrize("family", ["Bernoulli", "Gaussian"])
def test_every_fold_is_scored_as_in_numpy(family):
    truth = known(family, intercept=(0.0, 1.2), scale=(0.5, 1.5))
    if family == "Bernoulli":
        truth.scale_ = np.ones(2)
    X, y, _, _ = drawn(truth, 400, seed=4)
    starts = np.isin(np.arange(400), [0, 70, 100, 190, 260, 300, 370])
    y[MASKED] = np.nan
    fold = np.array([0, 1, 2, 1, 0, 2, 1])[np.cumsum(starts) - 1]
    template = GLMHMM(2, family, missing="mask", tol=1e-9, n_init=3, seed=2, maxiter=2000)
    found = cross_validate(X, y, starts, n_states=(2,), folds=fold, model=template, progress=False)
    whole = found.models[2]
    start = (
        *(np.vstack([whole.coef_, whole.intercept_]), whole.scale_),
        *(np.maximum(whole.initial_prob_, 1e-3), whole.transition_prob_),
    )
    x = np.column_stack([X, np.ones(len(X))])
    for i, row in found.folds.iterrows():
        train = fold != row["fold"]
        best, objective = fitted(family, start, x[train], y[train], starts[train])
        w, scale, initial, transition = best
        held = ~train
        p = np.exp(log_density(family, w, scale, x[held], y[held]))
        value = e_step(p, initial, transition, starts[held])[0]
        assert row["train_objective"] == pytest.approx(objective, abs=1e-5), i
        assert row["log_likelihood"] == pytest.approx(value, abs=2e-3)
        seen_train, seen = train & ~np.isnan(y), held & ~np.isnan(y)
        assert row["n_trials"] == seen.sum()
        if family == "Bernoulli":
            rate = y[seen_train].mean()
            null = np.log(np.where(y[seen] == 1, rate, 1 - rate)).sum()
        else:
            null = norm.logpdf(y[seen], y[seen_train].mean(), y[seen_train].std()).sum()
        bits = (value - null) / seen.sum() / np.log(2)
        assert row["bits_per_trial"] == pytest.approx(bits, abs=1e-4)
