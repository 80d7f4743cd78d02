"""Penalties and solvers: optimality conditions, and one optimum by every route."""

import numpy as np
import pytest
from problems import drawn, known
from scipy.special import expit

from neuroloom.glmhmm import GLMHMM
from neuroloom.glmhmm._estimator.problem import posed
from neuroloom.glmhmm.regularizer import ElasticNet, GroupLasso, Lasso, Ridge

TIGHT = {"tol": 1e-11, "maxiter": 3000}


@pytest.fixture(scope="module")
def choices():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 4))
    y = (rng.random(300) < expit(1.5 * X[:, 0] + 0.1 * X[:, 1])).astype(float)
    return X, y


def slope(model, X, y, k=0):
    """Return the log-likelihood's gradient in state k's weights, at the model's posterior."""
    weight = model.smooth_proba(X, y)[:, k]
    return X.T @ (weight * (y - expit(X @ model.coef_[:, k] + model.intercept_[k])))


def test_lasso_meets_its_optimality_conditions(choices):
    X, y = choices
    model = GLMHMM(1, regularizer="Lasso", regularizer_strength=12.0, **TIGHT).fit(X, y)
    g, w = slope(model, X, y), model.coef_[:, 0]
    zero = w == 0
    assert zero.any()
    assert not zero.all()
    np.testing.assert_allclose(g[~zero], 12 * np.sign(w[~zero]), atol=1e-3)
    assert (np.abs(g[zero]) <= 12 + 1e-6).all()
    assert model.dof_resid_ == 300 - np.count_nonzero(w) - 1


@pytest.mark.parametrize("strength", [(8.0, 0.7), 8.0])
def test_elastic_net_meets_its_optimality_conditions(choices, strength):
    X, y = choices
    model = GLMHMM(1, regularizer="ElasticNet", regularizer_strength=strength, **TIGHT).fit(X, y)
    alpha, ratio = strength if isinstance(strength, tuple) else (strength, 0.5)
    g, w = slope(model, X, y), model.coef_[:, 0]
    zero = w == 0
    expected = alpha * ((1 - ratio) * w + ratio * np.sign(w))
    np.testing.assert_allclose(g[~zero], expected[~zero], atol=1e-3)
    assert (np.abs(g[zero]) <= alpha * ratio + 1e-6).all()


def test_group_lasso_drops_groups_whole(choices):
    X, y = choices
    mask = np.zeros((2, 4, 1))
    mask[0, :2], mask[1, 2:] = 1, 1
    model = GLMHMM(1, regularizer=GroupLasso(mask), regularizer_strength=16.0, **TIGHT).fit(X, y)
    g, w = slope(model, X, y), model.coef_[:, 0]
    assert (w[2:] == 0).all()
    assert np.linalg.norm(g[2:]) <= 16 * np.sqrt(2) + 1e-6
    np.testing.assert_allclose(g[:2], 16 * np.sqrt(2) * w[:2] / np.linalg.norm(w[:2]), atol=1e-3)
    by_leaf = GLMHMM(1, regularizer="GroupLasso", regularizer_strength=16.0, **TIGHT)
    by_leaf.fit({"a": X[:, :2], "b": X[:, 2:]}, y)
    np.testing.assert_allclose(np.concatenate([by_leaf.coef_["a"], by_leaf.coef_["b"]])[:, 0], w)


@pytest.mark.slow
def test_penalties_hold_in_every_state():
    X, y, starts, _ = drawn(known(), 400)
    model = GLMHMM(2, regularizer="Lasso", regularizer_strength=4.0, n_init=3, **TIGHT)
    model.fit(X, y, session_starts=starts)
    weight = model.smooth_proba(X, y, starts)
    for k in range(2):
        w = model.coef_[:, k]
        g = X.T @ (weight[:, k] * (y - expit(X @ w + model.intercept_[k])))
        np.testing.assert_allclose(g[w != 0], 4 * np.sign(w[w != 0]), atol=2e-2)
        assert (np.abs(g[w == 0]) <= 4 + 1e-3).all()
    trace = model.solver_state_.objective_history
    assert np.diff(trace[np.isfinite(trace)]).min() >= -1e-8 * abs(np.nanmax(trace))


@pytest.mark.parametrize(
    "name", ["GradientDescent", "BFGS", "LBFGS", "NonlinearCG", "ProximalGradient"]
)
def test_named_solvers_reach_the_newton_optimum(choices, name):
    X, y = choices
    newton = GLMHMM(1, regularizer_strength=3.0, **TIGHT).fit(X, y)
    model = GLMHMM(1, regularizer_strength=3.0, solver_name=name, tol=1e-9)
    model.set_params(solver_kwargs={"tol": 1e-9, "maxiter": 2000}).fit(X, y)
    assert model.solver_name == model.solver_spec.name == name
    np.testing.assert_allclose(model.coef_, newton.coef_, atol=2e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:EM did not reach")
@pytest.mark.parametrize("penalty", ["Ridge", "Lasso"])
def test_settings_of_a_solver_without_a_name_are_those_of_the_one_reported(choices, penalty):
    X, y = choices
    options = {"regularizer": penalty, "regularizer_strength": 3.0, "tol": 1e-3, "maxiter": 2}
    told = {"solver_kwargs": {"maxiter": 1}}
    reported = GLMHMM(1, **options, **told).fit(X, y)
    named = GLMHMM(1, **options, **told, solver_name=reported.solver_name).fit(X, y)
    newton = GLMHMM(1, **options).fit(X, y)
    assert reported.solver_spec == named.solver_spec
    assert reported.solver_spec.maxiter == 1
    np.testing.assert_array_equal(reported.coef_, named.coef_)
    assert np.abs(reported.coef_ - newton.coef_).max() > 1e-4


@pytest.mark.parametrize("regularizer", [Lasso(), GroupLasso()])
def test_proximal_gradient_reaches_the_newton_optimum_of_kinked_penalties(choices, regularizer):
    X, y = choices
    ours = GLMHMM(1, regularizer=regularizer, regularizer_strength=12.0, **TIGHT).fit(X, y)
    assert np.abs(ours.coef_).max() > 0.1
    named = GLMHMM(1, regularizer=regularizer, regularizer_strength=12.0, tol=1e-9)
    named.set_params(solver_name="ProximalGradient", solver_kwargs={"tol": 1e-9, "maxiter": 3000})
    named.fit(X, y)
    np.testing.assert_allclose(named.coef_, ours.coef_, atol=2e-4)


def test_strengths_per_leaf_and_per_weight(choices):
    X, y = choices
    tree = {"a": X[:, :2], "b": X[:, 2:]}
    model = GLMHMM(1, regularizer_strength={"a": 1e-6, "b": 1e6}, **TIGHT).fit(tree, y)
    assert np.abs(model.coef_["a"]).max() > 0.5
    assert np.abs(model.coef_["b"]).max() < 1e-3
    with pytest.raises(ValueError, match="regularizer_strength"):
        GLMHMM(1, regularizer_strength={"a": 1.0}).fit(tree, y)


@pytest.mark.slow
def test_wide_designs_use_lbfgs_and_agree_with_newton():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(260, 210))
    y = (rng.random(260) < expit(X[:, 0])).astype(float)
    wide = GLMHMM(1, regularizer_strength=20.0, tol=1e-8).fit(X, y)
    assert posed(wide, X, y).problem.static.solver == "LBFGS"
    g = X.T @ (y - expit(X @ wide.coef_[:, 0] + wide.intercept_[0]))
    np.testing.assert_allclose(g, 20 * wide.coef_[:, 0], atol=1e-3)


def test_tables_of_the_reference():
    smooth = ("GradientDescent", "BFGS", "LBFGS", "NonlinearCG", "ProximalGradient")
    for name, default, allowed in (
        ("UnRegularized", "LBFGS", smooth),
        ("Ridge", "LBFGS", smooth),
        ("Lasso", "ProximalGradient", ("ProximalGradient",)),
        ("ElasticNet", "ProximalGradient", ("ProximalGradient",)),
        ("GroupLasso", "ProximalGradient", ("ProximalGradient",)),
    ):
        model = GLMHMM(2, regularizer=name)
        assert model.solver_name == default
        assert model.regularizer.allowed_solvers == allowed
    assert repr(GLMHMM(2, regularizer=Ridge).regularizer) == "Ridge()"
    with pytest.raises(ValueError, match="ratio"):
        GLMHMM(2, regularizer=ElasticNet(), regularizer_strength=(1.0, 0.0))
