"""scikit-learn's protocol, containers in and out, files, and EM in the caller's hands."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import sklearn
from problems import drawn, known
from sklearn.base import clone, is_regressor
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from neuroloom import shared
from neuroloom.glmhmm import GLMHMM, load_model, standard_errors
from neuroloom.glmhmm.observation_models import CategoricalObservations, PoissonObservations
from neuroloom.glmhmm.regularizer import GroupLasso

FITTED = ("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_")


@pytest.fixture(scope="module")
def choices():
    return drawn(known(), 400)[:3]


@pytest.fixture(scope="module")
def fitted(choices):
    X, y, starts = choices
    return GLMHMM(2, n_init=3, seed=5).fit(X, y, session_starts=starts)


def test_every_parameter_is_kept_and_cloned():
    given = {
        "n_states": 3,
        "observation_model": "Poisson",
        "inverse_link_function": jnp.exp,
        "regularizer": "ElasticNet",
        "regularizer_strength": (0.3, 0.4),
        "dirichlet_initial_proba": np.full(3, 2.0),
        "dirichlet_transition_proba": np.full((3, 3), 1.5),
        "solver_name": "ProximalGradient",
        "solver_kwargs": {"tol": 1e-7},
        "maxiter": 50,
        "tol": 1e-5,
        "seed": jax.random.PRNGKey(7),
        "hmm_initialization_funcs": {"initial_proba_init": "random"},
        "model_initialization_funcs": {"glm_params_init": "kmeans"},
        "n_init": 2,
        "missing": "mask",
        "reinit_dead": True,
        "transition_regularizer_strength": 0.5,
        "penalize_intercept": False,
        "scale_floor": 1e-5,
        "scale_prior": 1.0,
    }
    model = GLMHMM(**given)
    assert model.get_params() == given
    copy = clone(model)
    assert copy.get_params().keys() == given.keys()
    assert copy.regularizer_strength == (0.3, 0.4)
    assert copy.maxiter == 50
    assert repr(GLMHMM(2, "Poisson")) == "GLMHMM(n_states=2, observation_model='Poisson')"
    order = ["n_states", "observation_model", "inverse_link_function", "regularizer"]
    import inspect

    assert list(inspect.signature(GLMHMM).parameters)[:4] == order


def test_set_params_sets_what_belongs_together():
    model = GLMHMM(2).set_params(regularizer="ElasticNet", regularizer_strength=(1.0, 0.2))
    assert model.regularizer_strength == (1.0, 0.2)
    assert model.set_params(regularizer="UnRegularized").regularizer_strength is None
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(states=3)


def test_seeds_of_every_kind(choices):
    X, y, _ = choices
    key = jax.random.PRNGKey(3)
    starts = [
        GLMHMM(2, seed=seed).initialize_params(X, y)[0]
        for seed in (3, key, jax.random.key(3), np.array([0, 3], np.uint32))
    ]
    for one in starts[1:]:
        np.testing.assert_array_equal(one, starts[0])
    assert np.any(GLMHMM(2, seed=shared.Seed(3)).initialize_params(X, y)[0] != starts[0])


def test_same_seed_same_bits_on_any_number_of_threads(choices, monkeypatch):
    from neuroloom.glmhmm._em import batch

    X, y, starts = choices
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(batch, "n_cores", lambda n=cores: n)
        found.append(GLMHMM(2, n_init=12, seed=5).fit(X, y, session_starts=starts))
    for name in FITTED:
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
    pd.testing.assert_frame_equal(found[0].restarts_, found[1].restarts_)


@pytest.mark.slow
def test_batched_fits_equal_those_one_by_one(choices, tmp_path):
    from neuroloom.glmhmm._em.batch import fit_all
    from neuroloom.glmhmm._em.compile import double_precision
    from neuroloom.glmhmm._em.kept import Kept
    from neuroloom.glmhmm._estimator.problem import core_of, pose
    from neuroloom.glmhmm._estimator.reading import read_data
    from neuroloom.shared.jobs import Job

    X, y, starts = choices
    model = GLMHMM(2)
    problem = pose(model, read_data(model, X, y, starts))
    params = [GLMHMM(2, seed=s).initialize_params(X, y) for s in range(3)]
    begins = [core_of(model, one, problem.data) for one in params]
    arguments = (begins, [problem.trials], [problem.prior], 1e-6, 200, problem.static, 256)
    with double_precision():
        one_by_one = fit_all(*arguments, vectorised=False)
        batched = fit_all(*arguments, vectorised=True)
    for a, b in zip(one_by_one, batched, strict=True):
        assert float(a.objective) == pytest.approx(float(b.objective), abs=1e-5)
    # What a folder keeps of a batch is what the batch computes, and is not computed again.
    keep = Kept(Job.open(tmp_path, {"which": "batch"}), "batch", (4, 7, 9))
    for _ in range(2):
        with double_precision():
            kept = fit_all(*arguments, vectorised=True, keep=keep)
        for a, b in zip(batched, kept, strict=True):
            for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
                np.testing.assert_array_equal(one, other)
    assert {path.stem for path in tmp_path.glob("*.npz")} == {f"batch-000{n}" for n in (4, 7, 9)}


def test_restart_report(fitted, choices):
    X, y, starts = choices
    report = fitted.restarts_
    assert list(report["start"]) == [0, 1, 2]
    assert report["objective"].max() == pytest.approx(fitted.solver_state_.objective)
    best = report.loc[report["objective"].idxmax()]
    assert best["log_likelihood"] == pytest.approx(fitted.score(X, y, starts), abs=1e-4)
    many = GLMHMM(2, n_init="auto", seed=0).fit(X, y, session_starts=starts)
    assert len(many.restarts_) > 50
    assert many.restarts_["finished"].sum() < len(many.restarts_)
    assert many.solver_state_.objective >= fitted.solver_state_.objective - 1e-6
    trace = many.solver_state_.objective_history
    trace = trace[np.isfinite(trace)]
    assert len(trace) == many.solver_state_.iterations
    assert np.diff(trace).min() >= -1e-8 * abs(trace[-1])


@pytest.mark.slow
def test_scikit_learns_own_checks():
    not_ours = {
        "predict and predict_proba look one trial ahead, so they take the responses, too": {
            *("check_dict_unchanged", "check_dtype_object", "check_estimators_dtypes"),
            *("check_estimators_pickle", "check_estimators_unfitted"),
            *("check_f_contiguous_array_estimator", "check_fit2d_predict1d"),
            *("check_fit_idempotent", "check_n_features_in_after_fitting"),
            *("check_methods_sample_order_invariance", "check_methods_subset_invariance"),
            *("check_regressor_data_not_an_array", "check_regressor_multioutput"),
            *("check_regressors_int", "check_regressors_no_decision_function"),
            *("check_regressors_train", "check_supervised_y_2d"),
        },
        "rows with NaN at the border are dropped, as by the reference": {
            "check_estimators_nan_inf",
        },
        "wrong values are refused at once, as by the reference": {
            "check_do_not_raise_errors_in_init_or_set_params",
        },
        "the error's words are ours": {
            *("check_estimator_sparse_array", "check_estimator_sparse_matrix"),
            *("check_estimator_sparse_tag", "check_requires_y_none"),
        },
    }
    # Gaussian responses take any target, so that the checks about real targets apply.
    model = GLMHMM(1, "Gaussian", tol=1e-4, maxiter=500)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of set_params, see above
        outcome = check_estimator(model, on_fail=None, on_skip=None)
    failed = {r["check_name"] for r in outcome if r["status"] == "failed"}
    expected = set().union(*not_ours.values())
    assert failed <= expected, failed - expected
    assert sum(r["status"] == "passed" for r in outcome) >= 24
    assert is_regressor(GLMHMM(1))


@pytest.mark.slow
def test_grid_search_pipeline_and_metadata_routing(choices):
    X, y, starts = choices
    search = GridSearchCV(GLMHMM(1, tol=1e-4), {"n_states": [1, 2]}, cv=KFold(2)).fit(X, y)
    assert set(search.best_params_) == {"n_states"}
    with sklearn.config_context(enable_metadata_routing=True):
        model = GLMHMM(2, seed=1).set_fit_request(session_starts=True)
        model.set_score_request(session_starts=True)
        session = np.cumsum(starts)
        scores = cross_val_score(
            model,
            X,
            y,
            cv=GroupKFold(2),
            params={"session_starts": starts, "groups": session},
        )
        train, test = next(iter(GroupKFold(2).split(X, y, session)))
        by_hand = clone(model).fit(X[train], y[train], session_starts=starts[train])
        assert scores[0] == pytest.approx(by_hand.score(X[test], y[test], starts[test]))
        assert model.get_metadata_routing().fit.requests["session_starts"] is True
    pipeline = make_pipeline(StandardScaler(), GLMHMM(1)).fit(X, y)
    assert np.isfinite(pipeline.score(X, y))


def test_containers_give_one_fit(choices, fitted):
    X, y, starts = choices
    for design in (X.tolist(), pd.DataFrame(X, columns=["a", "b"]), jnp.asarray(X)):
        model = GLMHMM(2, n_init=3, seed=5).fit(design, y.tolist(), session_starts=starts)
        if not isinstance(design, jax.Array):  # JAX arrays come in float32
            np.testing.assert_array_equal(model.coef_, fitted.coef_)
    tree = {"one": X[:, :1], "two": X[:, 1:]}
    model = GLMHMM(2, seed=5).fit(tree, y, session_starts=starts)
    assert {k: v.shape for k, v in model.coef_.items()} == {"one": (1, 2), "two": (1, 2)}
    flat = np.concatenate([model.coef_["one"], model.coef_["two"]])
    other = GLMHMM(2)
    other.coef_, other.intercept_, other.scale_ = flat, model.intercept_, model.scale_
    other.initial_prob_, other.transition_prob_ = model.initial_prob_, model.transition_prob_
    assert model.score(tree, y, starts) == pytest.approx(other.score(X, y, starts), abs=1e-9)
    params = model.initialize_params(tree, y)
    loss = model.compute_loss(params, tree, y)
    assert loss == pytest.approx(
        model.compute_loss((np.concatenate(list(params[0].values())), *params[1:]), X, y)
    )
    with pytest.raises(ValueError, match="lengths"):
        GLMHMM(2).fit({"one": X[:, :1], "two": X[:5, 1:]}, y)


def test_pynapple_in_and_out(choices, fitted):
    nap = pytest.importorskip("pynapple")
    X, y, starts = choices
    t = 0.1 * np.arange(len(X)) + 100.0 * np.cumsum(starts)
    first = np.flatnonzero(starts)
    epochs = nap.IntervalSet(t[first] - 1, t[np.append(first[1:], len(X)) - 1] + 1)
    X_tsd = nap.TsdFrame(t=t, d=X, time_support=epochs)
    y_tsd = nap.Tsd(t=t, d=y, time_support=epochs)
    model = GLMHMM(2, n_init=3, seed=5).fit(X_tsd, y_tsd)
    np.testing.assert_array_equal(model.coef_, fitted.coef_)
    expected = fitted.smooth_proba(X, y, starts)
    for arguments in ((X_tsd, y_tsd), (X_tsd, y), (X, y_tsd)):
        smooth = model.smooth_proba(*arguments)
        assert type(smooth).__name__ == "TsdFrame"
        assert list(smooth.columns) == ["state_0", "state_1"]
        np.testing.assert_allclose(smooth.values, expected, atol=1e-12)
    plain = nap.Tsd(t=t, d=y)
    with_epochs = model.filter_proba(X, plain, session_starts=epochs)
    np.testing.assert_allclose(with_epochs.values, fitted.filter_proba(X, y, starts), atol=1e-12)
    states = model.decode_state(X_tsd, y_tsd, state_format="index")
    assert type(states).__name__ == "Tsd"
    assert type(model.decode_state(X_tsd, y_tsd)).__name__ == "TsdFrame"
    simulated, rates, path = model.simulate(jax.random.key(1), X_tsd)
    assert {type(v).__name__ for v in (simulated, rates, path)} == {"Tsd"}
    plain_draw = model.simulate(jax.random.key(1), X, session_starts=starts)
    np.testing.assert_array_equal(simulated.values, plain_draw[0])
    with pytest.raises(ValueError, match="IntervalSet"):
        model.score(X, y, session_starts=epochs)
    # NaN at the borders of an epoch is dropped, and stays NaN in what comes back.
    gap = y.copy()
    gap[first[1]] = np.nan
    smooth = model.smooth_proba(X_tsd, nap.Tsd(t=t, d=gap, time_support=epochs))
    assert np.isnan(smooth.values[first[1]]).all()
    assert np.isfinite(np.delete(smooth.values, first[1], axis=0)).all()


def test_stepping_leads_where_fit_leads(choices):
    X, y, starts = choices
    model = GLMHMM(2, seed=5, tol=1e-7)
    params = model.initialize_params(X, y, starts)
    params = (params[0] + [[1.0, 0.0], [0.0, 0.0]], *params[1:])
    state = model.initialize_optimizer_and_state(params, X, y)
    assert not state.converged
    begin = params
    for _ in range(400):
        params, state = model.optimizer_update(params, state, X, y, session_starts=starts)
        if state.converged:
            break
    assert state.converged
    assert state.iterations > 3
    np.testing.assert_array_equal(model.coef_, params[0])
    trace = state.objective_history[np.isfinite(state.objective_history)]
    assert np.diff(trace).min() >= -1e-8 * abs(trace[-1])
    ours = GLMHMM(2, tol=1e-7).fit(X, y, init_params=begin, session_starts=starts)
    assert ours.solver_state_.objective == pytest.approx(trace[-1], abs=1e-3)
    assert ours.solver_state_.iterations < state.iterations
    ended, ran = model.optimizer_run(begin, X, y, session_starts=starts)
    assert ran.objective == pytest.approx(ours.solver_state_.objective, abs=1e-6)
    assert len(ended) == 5
    assert callable(model.optimizer_init_state)
    before = model.update(begin, state, X, y, session_starts=starts, n_samples=1000)
    assert model.dof_resid_ == 1000 - 2 * 2 - 2 - 1 - 2
    assert before[1].iterations == state.iterations + 1


@pytest.mark.slow
def test_initializers(choices):
    X, y, starts = choices
    for hmm in ("uniform", "random", "dirichlet", "kmeans"):
        model = GLMHMM(3, seed=2)
        model.setup(
            initial_proba_init=hmm,
            transition_proba_init=hmm,
            glm_params_init="kmeans" if hmm == "kmeans" else "random",
            scale_init="kmeans" if hmm == "kmeans" else "constant",
        )
        coef, intercept, scale, initial, transition = model.initialize_params(X, y, starts)
        assert coef.shape == (2, 3)
        assert intercept.shape == scale.shape == initial.shape == (3,)
        assert initial.sum() == pytest.approx(1)
        np.testing.assert_allclose(transition.sum(axis=1), 1)
        assert (initial >= 0).all()
    model = GLMHMM(2)
    model.setup(
        transition_proba_init_kwargs={"prob_stay": 0.8},
        initial_proba_init="dirichlet",
        initial_proba_init_kwargs={"alphas": [1000.0, 1000.0]},
        glm_params_init_kwargs={"std_dev": 0.0},
        scale_init_kwargs={"scale_val": 3.0},
    )
    coef, intercept, scale, initial, transition = model.initialize_params(X, y)
    np.testing.assert_allclose(np.diag(transition), 0.8)
    np.testing.assert_allclose(initial, 0.5, atol=0.05)
    assert (coef == 0).all()
    np.testing.assert_allclose(1 / (1 + np.exp(-intercept)), y.mean())
    np.testing.assert_allclose(scale, 3)
    by_dict = GLMHMM(2, hmm_initialization_funcs={"transition_proba_init": "uniform"})
    np.testing.assert_allclose(by_dict.initialize_params(X, y)[4], 0.5)


def my_start(n_states, X, y, inverse_link_function, observation_model, session_starts, random_key):
    coef = jnp.array([[2.0, 0.0], [0.0, 0.0]])
    return coef, jnp.zeros((n_states,))


@pytest.mark.slow
def test_files_hold_everything_but_the_trace(choices, tmp_path):
    X, y, starts = choices
    tree = {"a": X[:, :1], "b": X[:, 1:]}
    mask = {"a": np.ones((1, 1, 2)), "b": np.ones((1, 1, 2))}
    models = [
        (GLMHMM(2, seed=5), X, y),
        (GLMHMM(2, seed=shared.Seed(5), regularizer=GroupLasso(mask)), tree, y),
        (GLMHMM(2, PoissonObservations(), "softplus", regularizer="UnRegularized"), X, y),
        (GLMHMM(2, CategoricalObservations(2), seed=jax.random.key(2), maxiter=3), X, y),
        (GLMHMM(2, dirichlet_transition_proba=np.full((2, 2), 2.0), n_init=2), X, y),
    ]
    models[0][0].setup(glm_params_init=my_start)
    for i, (model, design, target) in enumerate(models):
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            model.fit(design, target, session_starts=starts)
        model.save_params(tmp_path / f"{i}.npz")
        own = {"model_initialization_funcs": {"glm_params_init": my_start}}
        loaded = load_model(tmp_path / f"{i}.npz", own if i == 0 else None)
        assert loaded.score(design, target, starts) == model.score(design, target, starts)
        assert loaded.dof_resid_ == model.dof_resid_
        assert loaded.get_params().keys() == model.get_params().keys()
        assert loaded.maxiter == model.maxiter
        assert not hasattr(loaded, "solver_state_")
        clone(loaded).set_params(maxiter=2)
    with pytest.raises(ValueError, match="my_start"):
        load_model(tmp_path / "0.npz")
    with pytest.raises(KeyError, match="n_states"):
        load_model(tmp_path / "1.npz", {"states": 3})
    with pytest.raises(ValueError, match="npz"):
        load_model(tmp_path / "none.npz")
    raw = (tmp_path / "1.npz").read_bytes()
    (tmp_path / "bad.npz").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(ValueError, match="bad"):
        load_model(tmp_path / "bad.npz")


def test_prediction_is_one_step_ahead(choices, fitted):
    X, y, starts = choices
    ahead, filtered = fitted.predict_proba(X, y, starts), fitted.filter_proba(X, y, starts)
    np.testing.assert_allclose(ahead[starts], np.tile(fitted.initial_prob_, (starts.sum(), 1)))
    rest = np.flatnonzero(~starts)
    np.testing.assert_allclose(ahead[rest], filtered[rest - 1] @ fitted.transition_prob_)
    p = fitted.predict(X, y, starts)
    total = np.log(np.where(y == 1, p, 1 - p)).sum()
    assert total == pytest.approx(fitted.score(X, y, starts), rel=1e-10)
    # The response of a trial does not touch its own prediction.
    other = y.copy()
    other[50] = 1 - other[50]
    assert fitted.predict(X, other, starts)[50] == p[50]


def test_regressors_far_from_zero_are_fitted_around_their_mean():
    """A temperature in kelvin, the second of the day: the same fit and the same errors."""
    X, y, starts, _ = drawn(known(), 300)
    far = X + np.array([1e4, 0.0])
    options = {"regularizer": "UnRegularized", "n_init": 3, "tol": 1e-6, "seed": 1}
    near, moved = (GLMHMM(2, **options).fit(x, y, session_starts=starts) for x in (X, far))
    np.testing.assert_allclose(moved.coef_, near.coef_, rtol=1e-4)
    level = moved.intercept_ + 1e4 * moved.coef_[0]
    np.testing.assert_allclose(level, near.intercept_, atol=1e-3)
    assert moved.score(far, y, starts) == pytest.approx(near.score(X, y, starts), abs=1e-5)
    one, other = standard_errors(near, X, y, starts), standard_errors(moved, far, y, starts)
    np.testing.assert_allclose(other.coef, one.coef, rtol=1e-3)
    n = one.coef.shape[0]
    block = one.covariance[: n + 1, : n + 1]  # of the first state: two weights and the intercept
    back = np.array([-1e4, 0.0, 1.0])
    assert other.intercept[0] == pytest.approx(np.sqrt(back @ block @ back), rel=1e-3)
    again = GLMHMM(2, **options).fit(
        far, y, init_params=tuple(getattr(moved, name) for name in FITTED), session_starts=starts
    )
    np.testing.assert_allclose(again.coef_, moved.coef_, rtol=1e-3)
