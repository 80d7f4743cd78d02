"""M-steps run to their optimum: the same way in all units of regressors and responses."""

import numpy as np
import pytest

from neuroloom.glmhmm import GLMHMM
from neuroloom.glmhmm._em.compile import double_precision, program
from neuroloom.glmhmm._em.em import posterior_weights
from neuroloom.glmhmm._em.mstep import full_emission_step, weight_units
from neuroloom.glmhmm._em.solvers import solve_emissions
from neuroloom.glmhmm._estimator.problem import core_of, pose
from neuroloom.glmhmm._estimator.reading import read_data

N = 64
SOLVERS = ("GradientDescent", "BFGS", "LBFGS", "NonlinearCG", "ProximalGradient")
# Families whose response has a unit, and what their predictors are times, or gain, in another one.
IN_UNITS = {
    ("Gaussian", "identity"): lambda eta, c: eta * c,
    ("Gamma", "one_over_x"): lambda eta, c: eta / c,
    ("Gamma", "exp"): lambda eta, c: eta + np.log(c),
    ("LogNormal", "identity"): lambda eta, c: eta + np.log(c),
    ("InverseGaussian", "exp"): lambda eta, c: eta + np.log(c),
}


def predictors(family, link, solver, size, unit, **options):
    """Return the linear predictors after one M-step from given posteriors, and the log scales."""
    rng = np.random.default_rng(1)
    X, gamma = rng.normal(size=(N, 2)), rng.dirichlet(np.ones(2), N)
    y = rng.integers(0, 2 if family == "Bernoulli" else 3, N).astype(float)
    if (family, link) in IN_UNITS:
        y = unit * (rng.normal(size=N) if family == "Gaussian" else rng.gamma(4, 0.2, N))
    named = {} if solver == "newton" else {"solver_name": solver}
    told = {"solver_kwargs": {"maxiter": 40, "tol": 1e-9}} if named else {}
    options = {"regularizer": "UnRegularized", **options}
    model = GLMHMM(2, family, link, **named, **told, **options)
    problem = pose(model, read_data(model, X * size, y, None), full=True)
    start = {"one_over_x": 2.0 / unit, "identity": 0.0}.get(link, 0.0)
    if (link == "exp" and (family, link) in IN_UNITS) or family == "LogNormal":
        start = np.log(unit)
    spread = unit**2 if family == "Gaussian" else 1.0
    spread = spread / unit if family == "InverseGaussian" else spread
    begin = np.zeros((2, 2)), np.full(2, start), np.full(2, spread)
    core = core_of(model, (*begin, np.ones(2) / 2, np.eye(2) / 2 + 0.25), problem.data)
    with double_precision():
        weighted = problem.layout.put(gamma, 0.0)
        shape = (*problem.trials.reset.shape, 2)
        smoothed = np.moveaxis(weighted.reshape(shape), -1, 1)
        now = (
            *(core.weights, core.log_scale, problem.trials),
            posterior_weights(smoothed, problem.trials),
            *(problem.prior.penalty, problem.prior.scale),
        )
        units = weight_units(problem.trials, problem.prior.predictor, core.weights.shape)
        step = program(full_emission_step if solver == "newton" else solve_emissions, "model")
        weights, log_scale = step(*now, model=problem.static, units=units)
    x = np.column_stack([X * size, np.ones(N)])
    return np.asarray(weights)[:, 0] @ x.T, np.asarray(log_scale)[:, 0]


EVERY = [("Gaussian", "identity", solver) for solver in ("newton", *SOLVERS)]
EVERY += [(*family, "LBFGS") for family in list(IN_UNITS)[1:]]
EVERY += [("Gamma", "one_over_x", "newton"), ("Poisson", None, "BFGS"), ("Bernoulli", None, "BFGS")]


@pytest.mark.parametrize(("family", "link", "solver"), EVERY)
def test_m_steps_go_the_same_way_in_all_units(family, link, solver):
    plain, scale = predictors(family, link, solver, np.ones(2), 1.0)
    assert np.abs(plain - plain[:, :1]).max() > 0.01  # it has moved
    for size, unit in ((np.array([1e3, 1e-3]), 1e3), (np.array([1e-3, 1.0]), 1e-3)):
        found, there = predictors(family, link, solver, size, unit)
        in_unit = IN_UNITS.get((family, link), lambda eta, _: eta)
        np.testing.assert_allclose(in_unit(found, 1 / unit), plain, rtol=1e-5, atol=1e-5)
        moved = {"Gaussian": 2 * np.log(unit), "InverseGaussian": -np.log(unit)}.get(family, 0.0)
        np.testing.assert_allclose(there - moved, scale, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("solver", ["newton", "ProximalGradient"])
@pytest.mark.parametrize("name", ["Lasso", "GroupLasso"])
def test_penalties_with_a_kink_go_the_same_way_where_their_strengths_have_the_units(name, solver):
    # A group has one strength, and so one unit.
    size = np.array([1e3, 1e-3]) if name == "Lasso" else np.array([1e3, 1e3])
    found = []
    for one in (np.ones(2), size):
        strength = np.tile(0.3 * one[:, None], 2) if name == "Lasso" else 0.3 * one[0]
        told = {"regularizer": name, "regularizer_strength": strength}
        found.append(predictors("Bernoulli", None, solver, one, 1.0, **told)[0])
    assert np.abs(found[0] - found[0][:, :1]).max() > 0.01
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
