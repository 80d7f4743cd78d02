"""States under other numbers: what a model says of its data does not depend on them."""

import numpy as np
import pytest
from problems import drawn, known
from sklearn.base import clone

from neuroloom.glmhmm import GLMHMM, permute_states, standard_errors
from neuroloom.glmhmm.regularizer import GroupLasso

BY_STATE = np.array([[1.0, 3.0], [2.0, 0.5]])
SETTINGS = {
    "dirichlet": {
        "dirichlet_initial_proba": [2.0, 5.0],
        "dirichlet_transition_proba": [[3.0, 2.0], [1.5, 4.0]],
    },
    "ridge": {"regularizer_strength": BY_STATE},
    "ridge of lists": {"regularizer_strength": BY_STATE.tolist()},
    "elastic net": {"regularizer": "ElasticNet", "regularizer_strength": (BY_STATE, 0.3)},
    "groups": {"regularizer": GroupLasso(np.array([[[1, 0], [1, 0]], [[0, 1], [0, 0]]]))},
    "pytree": {"regularizer_strength": {"a": BY_STATE[:1], "b": BY_STATE[1:]}},
}
PARTS = ("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_")


def objective(model, X, y, starts):
    """Return the penalised log-likelihood at a model's parameters, under its settings."""
    params, fresh = tuple(getattr(model, name) for name in PARTS), clone(model)
    state = fresh.initialize_optimizer_and_state(params, X, y)
    return fresh.update(params, state, X, y, session_starts=starts).state.objective


@pytest.fixture(scope="module")
def trials():
    X, y, starts, _ = drawn(known(), 200)
    return X, y, starts


@pytest.mark.parametrize("name", SETTINGS)
def test_priors_of_single_states_move_with_them(trials, name):
    X, y, starts = trials
    if name == "pytree":
        X = {"a": X[:, :1], "b": X[:, 1:]}
    model = GLMHMM(2, tol=1e-6, seed=1, **SETTINGS[name]).fit(X, y, session_starts=starts)
    swapped = permute_states(model, [1, 0])
    value = objective(model, X, y, starts)
    assert objective(swapped, X, y, starts) == pytest.approx(value, abs=1e-9)
    again = permute_states(swapped, [1, 0])
    assert objective(again, X, y, starts) == pytest.approx(value, abs=1e-9)
    if model.regularizer.smooth:
        errors = standard_errors(model, X, y, starts)
        moved = standard_errors(swapped, X, y, starts)
        np.testing.assert_allclose(moved.intercept, errors.intercept[::-1], rtol=1e-6)
        np.testing.assert_allclose(moved.transition_prob, errors.transition_prob[::-1, ::-1])
