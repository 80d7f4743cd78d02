"""What the reference implementation gets wrong, one test each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import nbinom

from neuroloom.glmhmm import GLMHMM
from neuroloom.glmhmm._em import em
from neuroloom.glmhmm._em.compile import program
from neuroloom.glmhmm._estimator.problem import posed

WIDE = {"n_init": 6, "seed": 3}


def two_state_choices(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    path = (np.arange(n) // 50) % 2
    eta = np.where(path == 0, 3 * X[:, 0], 1.5)
    return X, (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)


def test_dirichlet_priors_act():
    X, y = two_state_choices()
    free = GLMHMM(2, **WIDE).fit(X, y)
    alpha = np.ones((2, 2)) + 1000 * np.eye(2)
    held = GLMHMM(2, dirichlet_transition_proba=alpha, **WIDE).fit(X, y)
    assert np.diag(held.transition_prob_).min() > 0.995
    assert np.diag(free.transition_prob_).min() < 0.99
    starts = np.arange(0, 600, 60)
    first = GLMHMM(2, dirichlet_initial_proba=[500.0, 500.0], **WIDE).fit(
        X, y, session_starts=starts
    )
    np.testing.assert_allclose(first.initial_prob_, 0.5, atol=0.02)


def test_scales_are_scales():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 1))
    y = 2 * X[:, 0] + 3 * rng.normal(size=500)
    model = GLMHMM(1, "Gaussian", regularizer="UnRegularized").fit(X, y)
    residual = y - X[:, 0] * model.coef_[0, 0] - model.intercept_[0]
    assert model.scale_[0] == pytest.approx(residual.var(), rel=1e-6)
    value = -0.5 * np.sum(residual**2 / model.scale_[0] + np.log(2 * np.pi * model.scale_[0]))
    assert model.score(X, y) == pytest.approx(value, rel=1e-9)
    assert model.solver_state_.data_log_likelihood == pytest.approx(value, rel=1e-6)


def test_convergence_watches_the_objective_that_em_climbs():
    X, y = two_state_choices()
    model = GLMHMM(2, regularizer_strength=20.0, tol=1e-6, **WIDE).fit(X, y)
    state = model.solver_state_
    objective = state.objective_history[np.isfinite(state.objective_history)]
    assert abs(objective[-1] - objective[-2]) < 1e-6
    assert np.diff(objective).min() >= -1e-8 * abs(objective[-1])
    likelihood = state.log_likelihood_history[np.isfinite(state.log_likelihood_history)]
    assert likelihood[-1] == pytest.approx(model.score(X, y), abs=1e-6)
    penalty = 10.0 * np.sum(model.coef_**2)
    assert state.objective == pytest.approx(state.data_log_likelihood - penalty, abs=1e-6)


@pytest.mark.slow
def test_negative_binomial_is_fitted():
    rng = np.random.default_rng(1)
    n, k = 6000, 2
    X = rng.normal(size=(n, 1))
    path = (np.arange(n) // 100) % 2
    mu = np.exp(np.where(path == 0, 1.5 + 0.5 * X[:, 0], 0.2 - 0.4 * X[:, 0]))
    scale = np.array([0.4, 0.1])[path]
    y = rng.poisson(rng.gamma(1 / scale, mu * scale)).astype(float)
    model = GLMHMM(k, "NegativeBinomial", regularizer="UnRegularized", n_init=4).fit(X, y)
    order = np.argsort(-model.intercept_)
    np.testing.assert_allclose(model.intercept_[order], [1.5, 0.2], atol=0.1)
    np.testing.assert_allclose(model.coef_[0, order], [0.5, -0.4], atol=0.08)
    np.testing.assert_allclose(model.scale_[order], [0.4, 0.1], atol=0.08)


def test_negative_binomial_optimum_has_no_slope():
    """Finite differences of the log-likelihood by scipy's distribution, at the fit."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(400, 2))
    mu = np.exp(0.8 + X @ [0.5, -0.3])
    y = rng.poisson(rng.gamma(2.0, mu / 2)).astype(float)
    model = GLMHMM(1, "NegativeBinomial", regularizer_strength=2.0, tol=1e-10).fit(X, y)

    def objective(theta):
        mean = np.exp(X @ theta[:2] + theta[2])
        r = np.exp(-theta[3])
        return nbinom.logpmf(y, r, r / (r + mean)).sum() - np.sum(theta[:2] ** 2)

    theta = np.concatenate([model.coef_[:, 0], model.intercept_, np.log(model.scale_)])
    step = 1e-5 * np.eye(4)
    slope = [(objective(theta + s) - objective(theta - s)) / 2e-5 for s in step]
    np.testing.assert_allclose(slope, 0, atol=1e-3)
    assert objective(theta) == pytest.approx(model.solver_state_.objective, rel=1e-9)


def test_refits_do_not_recompile():
    X, y = two_state_choices()
    GLMHMM(2).fit(X, y)
    compiled = program(em.run, "model", "trace")
    size = compiled._cache_size()
    assert size
    for strength in (0.1, 0.3, 3.0):
        GLMHMM(2, regularizer_strength=strength, tol=1e-5, maxiter=900).fit(X[:-5], y[:-5])
    assert compiled._cache_size() == size


def test_zero_probabilities_stay_zero_without_nan():
    X, y = two_state_choices()
    start = GLMHMM(2).initialize_params(X, y)
    initial, transition = np.array([1.0, 0.0]), np.array([[0.9, 0.1], [0.0, 1.0]])
    coef = np.array([[3.0, 0.0], [0.0, 0.0]])
    model = GLMHMM(2).fit(X, y, init_params=(coef, start[1], start[2], initial, transition))
    assert model.initial_prob_.tolist() == [1.0, 0.0]
    assert model.transition_prob_[1, 0] == 0
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.score(X, y))
    with pytest.raises(ValueError, match="at least 0"):
        GLMHMM(2).fit(X, y, init_params=(*start[:3], np.array([1.5, -0.5]), transition))


def test_results_are_float64_whatever_jax_is_set_to():
    X, y = two_state_choices(200)
    model = GLMHMM(2).fit(X.astype(np.float32), y.astype(np.float32))
    for name in ("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_"):
        value = getattr(model, name)
        assert type(value) is np.ndarray
        assert value.dtype == np.float64
    assert model.smooth_proba(X, y).dtype == np.float64
    assert model.decode_state(X, y, state_format="index").dtype == np.int64
    assert jnp.zeros(1).dtype == jnp.float32
    assert isinstance(model.score(X, y), float)
    assert not jax.config.jax_enable_x64


def test_gaussian_ridge_is_a_fixed_objective():
    """The penalty has the variance's weight, so that two routes reach one optimum."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 2))
    y = X @ [1.0, -1.0] + 2 * rng.normal(size=300)
    model = GLMHMM(1, "Gaussian", regularizer_strength=5.0, tol=1e-12).fit(X, y)
    w, b, s = model.coef_[:, 0], model.intercept_[0], model.scale_[0]
    residual = y - X @ w - b
    np.testing.assert_allclose(X.T @ residual / s, 5.0 * w, atol=1e-4)
    assert s == pytest.approx(np.mean(residual**2), rel=1e-6)


def test_memory_grows_linearly_in_trials():
    """No array of the E-step is larger than states × trials."""
    X, y = two_state_choices(512)
    model = GLMHMM(3)
    model.fit(X, y)
    found = posed(model, X, y)
    trials, static = found.problem.trials, found.problem.static
    with jax.enable_x64(True):
        core = jax.device_put(found.core)
        jaxpr = jax.make_jaxpr(lambda p, t: em.expectations(p, t, static))(core, trials)
    sizes = [v.aval.size for e in jaxpr.eqns for v in e.outvars if hasattr(v.aval, "size")]
    assert max(sizes) <= 3 * trials.observed.size * 1.01
