"""Every kind of model takes every verb: driven transitions, masks, populations, mixed outputs."""

import inspect

import matplotlib as mpl
import numpy as np
import oracle
import pandas as pd
import pytest
from problems import drawn, known
from scipy import stats

from neuroloom import glmhmm, shared
from neuroloom.glmhmm import (
    GLMHMM,
    OnlineFilter,
    cross_validate,
    design_matrix,
    diagnose,
    dwell_stays,
    dwell_times,
    information_criteria,
    load_model,
    occupancy,
    parametric_bootstrap,
    plot_dwell_times,
    plot_occupancy,
    plot_posterior,
    plot_psychometric,
    plot_weights,
    predictive_check,
    standard_errors,
)
from neuroloom.glmhmm.errors import CollinearWarning
from neuroloom.glmhmm.observation_models import CategoricalObservations
from neuroloom.glmhmm.results import Stays

mpl.use("agg")
N, STARTS = 300, np.arange(300) % 50 == 0


@pytest.fixture(scope="module")
def driven():
    """A model whose transitions are driven by an input, choices masked here and there."""
    rng = np.random.default_rng(0)
    X, u = rng.normal(size=(N, 1)), rng.normal(size=(N, 1))
    truth = GLMHMM(2)
    truth.coef_, truth.intercept_ = np.array([[5.0, 0.0]]), np.array([0.0, 2.0])
    truth.scale_ = np.ones(2)
    truth.initial_prob_ = np.array([0.5, 0.5])
    truth.transition_prob_ = np.array([[0.85, 0.15], [0.2, 0.8]])
    truth.transition_coef_ = np.array([[[0.0, 0.8], [-0.8, 0.0]]])
    told = {"session_starts": STARTS, "transition_inputs": u}
    y, *_ = truth.simulate(3, X, **told)
    y[::29] = np.nan
    model = GLMHMM(2, missing="mask", seed=1, tol=1e-5, transition_regularizer_strength=1.0)
    names = ("coef_", "intercept_", "scale_", "initial_prob_", "transition_prob_")
    model.fit(X, y, init_params=tuple(getattr(truth, name) for name in names), **told)
    return model, X, y, u


def test_driven_models_take_every_verb(driven, tmp_path):
    model, X, y, u = driven
    told = {"session_starts": STARTS, "transition_inputs": u}
    errors = standard_errors(model, X, y, **told)
    off = ~np.eye(2, dtype=bool)
    assert (errors.transition_coef[0][off] > 0).all()
    low, high = errors.intervals()["transition_coef"]
    assert (low[0][off] < high[0][off]).all()
    boot = parametric_bootstrap(model, X, y=y, n_samples=3, seed=1, **told)
    assert boot.transition_coef.shape == (3, 1, 2, 2)
    criteria = information_criteria(model, X, y, **told)
    assert criteria.n_trials == np.isfinite(y).sum()
    assert criteria.n_parameters == 2 + 2 + 1 + 2 + 2
    posterior = model.smooth_proba(X, y, **told)[np.isfinite(y)]
    entropy = -(posterior * np.log(posterior)).sum()
    assert criteria.icl - criteria.bic == pytest.approx(2 * entropy)
    assert diagnose(model, X, y, **told).converged
    assert occupancy(model, X, y, **told).sum() == pytest.approx(1)
    assert occupancy(model, X, y, per_session=True, **told).shape == (6, 2)
    stays = dwell_times(model, X, y, censored=True, **told)
    assert sum(map(np.sum, stays)) == N
    for plot in (plot_posterior, plot_occupancy, plot_dwell_times):
        plot(model, X, y, **told)
    plot_psychometric(model, X, y, stimulus=X[:, 0], **told)
    path = tmp_path / "driven.npz"
    model.save_params(path)
    loaded = load_model(path)
    assert loaded.score(X, y, **told) == model.score(X, y, **told)
    assert diagnose(loaded, X, y, **told).agreement != diagnose(model, X, y, **told).agreement
    online = OnlineFilter(model)
    steps = []
    for t in range(60):
        if STARTS[t]:
            online.reset()
        steps.append(online.step(X[t], y[t], transition_inputs=u[t]))
    np.testing.assert_allclose(steps, model.filter_proba(X, y, **told)[:60], atol=1e-10)
    with pytest.raises(ValueError, match="transition_inputs"):
        online.step(X[0], 1.0)


def test_driven_models_are_cross_validated_and_checked(driven):
    model, X, y, u = driven
    found = cross_validate(
        *(X, y, STARTS), transition_inputs=u, n_states=(2,), folds=2, model=model, progress=False
    )
    assert np.isfinite(found.table["bits_per_trial"]).all()
    assert found.models[2].transition_coef_.shape == (1, 2, 2)
    check = predictive_check(
        model, X, y, STARTS, transition_inputs=u, n_samples=5, seed=0, stimulus=X[:, 0]
    )
    assert check.simulated["runs"].shape == (5, 60)
    assert check.observed["runs"][0] == 1
    seen = np.isfinite(y)
    assert check.observed["mean"][0] == pytest.approx(y[seen].mean())
    figure = check.plot()
    assert len(figure.axes) == 3


def test_pictures_of_checks_hold_counts_and_show_each_category():
    counts = known("Poisson", coef=((0.5, -0.3),), intercept=(0.0, 2.0))
    X, y, starts, _ = drawn(counts)
    stimulus = np.where(np.arange(len(X)) % 7 == 0, np.nan, np.sign(X[:, 0]))
    check = predictive_check(counts, X, y, starts, n_samples=3, seed=0, stimulus=stimulus)
    by_hand = [y[stimulus == side].mean() for side in (-1, 1)]
    np.testing.assert_allclose(check.observed["psychometric"], by_hand)
    low, high = check.plot().axes[0].get_ylim()
    assert low < min(by_hand) < max(by_hand) < high
    options = known(CategoricalObservations(3), coef=np.ones((1, 2, 2)), intercept=np.eye(2))
    X, y, starts, _ = drawn(options)
    check = predictive_check(options, X, y, starts, n_samples=3, seed=0, stimulus=np.sign(X[:, 0]))
    fractions = [[(y[np.sign(X[:, 0]) == side] == c).mean() for side in (-1, 1)] for c in range(3)]
    np.testing.assert_allclose(check.observed["psychometric"], fractions)
    np.testing.assert_allclose(check.observed["mean"], [(y == c).mean() for c in range(3)])
    assert check.simulated["psychometric"].shape == (3, 3, 2)
    assert len(check.plot().axes[0].lines) == 3


def test_update_takes_what_fit_takes_and_refuses_the_rest(driven):
    _, X, y, u = driven
    one = GLMHMM(2, missing="mask", seed=1)
    params = one.initialize_params(X, y)
    state = one.initialize_optimizer_and_state(params, X, y)
    for _ in range(3):
        params, state = one.update(params, state, X, y, session_starts=STARTS, transition_inputs=u)
    assert one.transition_coef_.shape == (1, 2, 2)
    history = state.objective_history[:3]
    assert (np.diff(history) > 0).all()
    with pytest.raises(TypeError):
        one.update(params, state, X, y, session_start=STARTS)
    with pytest.raises(ValueError, match="transition_inputs: expected 1 inputs"):
        one.update(params, state, X, y, transition_inputs=np.column_stack([u, u**2]))
    with pytest.raises(ValueError, match="opt_state: expected what initialize"):
        one.update(params, None, X, y)


def test_sparse_and_flat_priors_of_driven_rows_have_their_closed_form():
    """With an input that is always zero, driven rows are plain ones: counts plus α − 1."""
    rng = np.random.default_rng(2)
    X = rng.normal(size=(N, 1))
    y = (rng.random(N) < 0.5).astype(float)
    alpha = np.array([[3.0, 2.0], [1.5, 4.0]])
    plain = GLMHMM(2, seed=1, tol=1e-9, dirichlet_transition_proba=alpha)
    begin = (np.array([[2.0, -1.0]]), np.zeros(2), np.ones(2), np.ones(2) / 2, np.full((2, 2), 0.5))
    plain.fit(X, y, init_params=begin, session_starts=STARTS)
    same = GLMHMM(2, seed=1, tol=1e-9, dirichlet_transition_proba=alpha)
    zero = np.zeros((N, 1))
    with pytest.warns(CollinearWarning, match="constant"):
        same.fit(X, y, init_params=begin, session_starts=STARTS, transition_inputs=zero)
    np.testing.assert_allclose(same.transition_prob_, plain.transition_prob_, atol=1e-4)
    gamma = plain.smooth_proba(X, y, STARTS)
    filtered, a = plain.filter_proba(X, y, STARTS), plain.transition_prob_
    pairs = np.zeros((2, 2))
    for t in np.flatnonzero(~STARTS):
        pull = gamma[t] / (filtered[t - 1] @ a)
        pairs += filtered[t - 1][:, None] * a * pull[None]
    mode = pairs + alpha - 1
    np.testing.assert_allclose(a, mode / mode.sum(axis=1, keepdims=True), atol=1e-4)


def test_sparse_priors_prune_transitions():
    rng = np.random.default_rng(0)
    n = 600
    X = rng.normal(size=(n, 1))
    state = np.repeat(np.arange(3), 200)
    y = np.array([-4.0, 0.0, 4.0])[state] + rng.normal(size=n)
    fits = [
        GLMHMM(3, "Gaussian", seed=0, tol=1e-7, dirichlet_transition_proba=np.full((3, 3), a))
        for a in (1.0, 0.2)
    ]
    start = (np.zeros((1, 3)), np.array([-4.0, 0.0, 4.0]), np.ones(3), np.ones(3) / 3)
    transition = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    for model in fits:
        model.fit(X, y, init_params=(*start, transition))
        trace = model.solver_state_.objective_history
        trace = trace[np.isfinite(trace)]
        assert np.diff(trace).min() >= -1e-8 * abs(trace[-1])
    flat, sparse = (np.sort(m.transition_prob_.ravel())[:4] for m in fits)
    assert (sparse <= flat + 1e-12).all()
    assert sparse.max() < 1e-6


@pytest.mark.slow
def test_a_missing_output_is_masked_on_its_own():
    rng = np.random.default_rng(0)
    model = GLMHMM(2, "Poisson", missing="mask")
    model.coef_ = 0.3 * rng.normal(size=(1, 3, 2))
    model.intercept_ = np.array([[0.0, 2.0], [1.0, 0.5], [2.0, 0.0]])
    model.scale_ = np.ones((3, 2))
    model.initial_prob_ = np.array([0.6, 0.4])
    model.transition_prob_ = np.array([[0.95, 0.05], [0.08, 0.92]])
    X = rng.normal(size=(120, 1))
    y, _, _ = model.simulate(0, X)
    y = np.where(rng.random(y.shape) < 0.2, np.nan, y)
    y[10] = np.nan
    log_p = stats.poisson.logpmf(np.nan_to_num(y)[..., None], model.state_rates(X))
    log_p = np.where(np.isfinite(y)[..., None], log_p, 0.0).sum(axis=1)
    value, smoothed, filtered = oracle.forward_backward(
        log_p, model.initial_prob_, model.transition_prob_
    )
    assert model.score(X, y) == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(model.smooth_proba(X, y), smoothed, atol=1e-10)
    per_trial = model.log_likelihood_per_trial(X, y)
    assert per_trial.sum() == pytest.approx(value, rel=1e-10)
    online = OnlineFilter(model)
    steps = [online.step(*pair) for pair in zip(X[:30], y[:30], strict=True)]
    np.testing.assert_allclose(steps, filtered[:30], atol=1e-10)
    fitted = GLMHMM(2, "Poisson", missing="mask", seed=0, tol=1e-3, maxiter=200).fit(X, y)
    assert fitted.score(X, y) > value - 5


@pytest.mark.slow
def test_held_out_trials_with_missing_outputs_count_nowhere_else():
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(120, 1)), rng.poisson(3, size=(120, 2)).astype(float)
    y[5:15, 1], y[70] = np.nan, np.nan
    starts, held = np.arange(120) % 20 == 0, np.arange(120) // 20 % 2 == 0
    model = GLMHMM(1, "Poisson", missing="mask", tol=1e-9)
    told = {"folds": held.astype(int), "n_states": (1,), "progress": False}
    found = cross_validate(X, y, starts, model=model, **told).folds
    for fold, test in ((1, held), (0, ~held)):
        train = GLMHMM(1, "Poisson", missing="mask", tol=1e-9).fit(X[~test], y[~test])
        density = stats.poisson.logpmf(np.nan_to_num(y[test]), train.state_rates(X[test])[..., 0])
        expected = np.where(np.isfinite(y[test]), density, 0.0).sum()
        got = found.set_index("fold").log_likelihood[fold]
        assert got == pytest.approx(expected, abs=1e-4)


def test_a_model_without_regressors():
    rng = np.random.default_rng(0)
    y = np.where((np.arange(N) // 30) % 2 == 0, -3.0, 3.0) + rng.normal(size=N)
    plain = GLMHMM(2, "Gaussian", seed=0, n_init=3, tol=1e-6).fit(y=y, session_starts=STARTS)
    assert plain.coef_.shape == (0, 2)
    assert plain.score(None, y, STARTS) == pytest.approx(
        oracle.forward_backward(
            stats.norm.logpdf(y[:, None], plain.intercept_, np.sqrt(plain.scale_)),
            plain.initial_prob_,
            plain.transition_prob_,
            STARTS,
        )[0]
    )
    np.testing.assert_allclose(np.sort(plain.intercept_), [-3, 3], atol=0.4)
    drawn, *_ = plain.simulate(0, n_trials=50)
    assert drawn.shape == (50,)
    assert diagnose(plain, None, y, STARTS).ok
    assert information_criteria(plain, None, y, STARTS).n_parameters == 2 + 2 + 1 + 2
    with pytest.raises(ValueError, match="X=None"):
        GLMHMM(2, "Gaussian").fit(np.zeros((N, 0)), y)
    for function in (plain.score, plain.smooth_proba, plain.predict):
        np.testing.assert_array_equal(
            function(y=y, session_starts=STARTS), function(None, y, STARTS)
        )


def test_regressors_may_be_left_out_wherever_fit_leaves_them_out():
    methods = [getattr(GLMHMM, name) for name in dir(GLMHMM) if not name.startswith("_")]
    functions = [getattr(glmhmm, name) for name in glmhmm.__all__]
    given = []
    for function in filter(callable, methods + functions):
        parameters = inspect.signature(function).parameters
        if {"X", "y"} <= set(parameters):
            given.append(function)
            assert parameters["X"].default is None, function
            assert parameters["y"].default is None, function
    assert len(given) > 20


@pytest.mark.slow
def test_units_change_no_prediction():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 2))
    u = rng.normal(size=(N, 1))
    state = (np.arange(N) // 50) % 2
    y = np.where(state == 0, X @ [1.0, 0.5], 2 - X[:, 0]) + 0.5 * rng.normal(size=N)
    predicted, scores = [], []
    for size, unit in ((np.ones(2), 1.0), (np.array([1e3, 1e-3]), 1e-3), (np.full(2, 1e-3), 1e3)):
        model = GLMHMM(2, "Gaussian", regularizer="UnRegularized", seed=3, tol=1e-9, n_init=2)
        told = {"session_starts": STARTS, "transition_inputs": u * unit}
        model.fit(X * size, y * unit, **told)
        predicted.append(model.predict(X * size, y * unit, **told) / unit)
        scores.append(model.score(X * size, y * unit, **told) + N * np.log(unit))
    np.testing.assert_allclose(scores, scores[0], atol=1e-3)
    np.testing.assert_allclose(predicted, np.tile(predicted[0], (3, 1)), atol=1e-3)


def test_collapse_is_told_and_a_prior_prevents_it():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 1))
    y = X[:, 0] + rng.normal(size=N)
    y[100:103] = 7.0  # three equal values: a state of their own has no variance
    start = (
        np.zeros((1, 2)),
        np.array([0.0, 7.0]),
        np.array([1.0, 0.01]),
        np.ones(2) / 2,
        np.array([[0.95, 0.05], [0.05, 0.95]]),
    )
    with pytest.warns(RuntimeWarning, match="collapsed"):
        model = GLMHMM(2, "Gaussian", tol=1e-5).fit(X, y, init_params=start)
    found = diagnose(model, X, y)
    assert not found.ok
    assert found.collapsed_states == (1,)
    assert model.scale_[1] == pytest.approx(1e-6 * np.var(y))
    safe = GLMHMM(2, "Gaussian", tol=1e-5, scale_prior=2.0).fit(X, y, init_params=start)
    gamma = safe.smooth_proba(X, y)
    residual = (y[:, None] - X @ safe.coef_ - safe.intercept_) ** 2
    total = (gamma * residual).sum(axis=0) + 2 * np.var(y)
    np.testing.assert_allclose(safe.scale_, total / (gamma.sum(axis=0) + 2), rtol=1e-3)
    assert not diagnose(safe, X, y).collapsed_states


def test_a_start_on_the_saddle_is_left():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 1))
    state = (np.arange(N) // 50) % 2
    y = (rng.random(N) < 1 / (1 + np.exp(-np.where(state == 0, 5.0, -5.0) * X[:, 0]))).astype(float)
    # The default start differs by 0.001: a tolerance of 0.1 takes the saddle for the optimum.
    model = GLMHMM(2, tol=0.1, seed=0).fit(X, y)
    assert abs(model.coef_[0, 0] - model.coef_[0, 1]) > 2
    assert not diagnose(model, X, y).duplicate_states


def test_kaplan_meier_by_hand():
    # Lengths 2, 3+, 4, 5+ (a plus is cut off): P(≥3) = 3/4; P(≥5) = 3/4 · 1/2.
    stays = Stays(np.array([2, 3, 4, 5]), np.array([False, True, False, True]))
    np.testing.assert_allclose(stays.survival(), [1, 1, 0.75, 0.75, 0.375])
    assert Stays(np.zeros(0, int), np.zeros(0, bool)).survival().size == 0


def test_dwell_curves_follow_the_law_in_short_sessions():
    model = GLMHMM(2, "Gaussian")
    model.coef_, model.intercept_ = np.zeros((1, 2)), np.array([-5.0, 5.0])
    model.scale_, model.initial_prob_ = np.ones(2), np.ones(2) / 2
    model.transition_prob_ = np.array([[0.98, 0.02], [0.02, 0.98]])
    n = 50 * 2000
    X = np.zeros((n, 1))
    starts = np.arange(n) % 50 == 0
    y, _, _ = model.simulate(0, X, session_starts=starts)
    for stays in dwell_stays(model, X, y, starts):
        survival = stays.survival()[:40]
        np.testing.assert_allclose(survival, 0.98 ** np.arange(40), atol=0.03)


def test_labels_are_sessions_and_ambiguous_masks_are_refused():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 1)), (rng.random(60) < 0.5).astype(float)
    model = GLMHMM(2, seed=0, maxiter=3, tol=10.0).fit(X, y)
    starts = np.arange(0, 60, 20)
    expected = model.score(X, y, starts)
    numbers = np.repeat([7, 3, 5], 20)
    for labels in (
        numbers,
        numbers.astype(float),
        np.repeat(["a", "b", "a"], 20),
        pd.Series(numbers),
        pd.Categorical(np.repeat(["x", "y", "z"], 20)),
        np.isin(np.arange(60), starts).astype(int),
    ):
        assert model.score(X, y, labels) == pytest.approx(expected)
    with pytest.raises(ValueError, match="may be either"):
        model.score(X, y, np.repeat([0, 1, 0], 20))
    with pytest.raises(ValueError, match="label"):
        model.score(X, y, np.array([0, 75]))


def test_tables_signals_and_named_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    y = (rng.random(60) < 0.5).astype(float)
    model = GLMHMM(1).fit(frame, y)
    assert list(model.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.score(frame[["b", "a"]], y)
    signal = shared.Signal(frame.to_numpy(), rate=10.0)
    by_signal = GLMHMM(1).fit(signal, shared.Signal(y, rate=10.0))
    np.testing.assert_array_equal(by_signal.coef_, model.coef_)
    with pytest.raises(ValueError, match="rate"):
        GLMHMM(1).fit(signal, shared.Signal(y, rate=20.0))
    trials = pd.DataFrame(
        {"stimulus": frame.a, "choice": y, "reward": y == (frame.a > 0), "session": "s"}
    )
    by_trials = GLMHMM(1).fit(shared.Trials(trials))
    design = design_matrix(trials)
    by_design = GLMHMM(1).fit(design)
    by_hand = GLMHMM(1).fit(design.X, design.y, session_starts=design.session_starts)
    np.testing.assert_array_equal(by_trials.coef_, by_hand.coef_)
    np.testing.assert_array_equal(by_design.coef_, by_hand.coef_)
    missing = np.ma.masked_array(frame.to_numpy(), mask=np.arange(120).reshape(60, 2) == 7)
    nullable = frame.convert_dtypes()
    nullable.iloc[3, 1] = pd.NA
    fits = [GLMHMM(1, missing="mask").fit(x, y) for x in (missing, nullable)]
    np.testing.assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert fits[0].dof_resid_ == 59 - 3


@pytest.mark.slow
def test_categories_by_label():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 1))
    labels = np.array(["left", "none", "right"])[rng.integers(0, 3, 90)]
    model = GLMHMM(1, CategoricalObservations(3)).fit(X, labels)
    assert model.classes_.tolist() == ["left", "none", "right"]
    codes = np.searchsorted(model.classes_, labels)
    same = GLMHMM(1, CategoricalObservations(np.int64(3))).fit(X, codes)
    np.testing.assert_array_equal(model.coef_, same.coef_)
    assert model.score(X[:5], labels[:5]) == same.score(X[:5], codes[:5])
    drawn_labels, rates, _ = model.simulate(1, X)
    numbers, same_rates, _ = same.simulate(1, X)
    np.testing.assert_array_equal(drawn_labels, model.classes_[numbers.astype(int)])
    np.testing.assert_array_equal(rates, same_rates)
    assert np.isfinite(model.score(X, drawn_labels))
    gaps = model.set_params(missing="mask").simulate(1, np.where(np.arange(90) == 7, np.nan, X.T).T)
    assert gaps[0][7] is None
    assert gaps[0].tolist()[8:] == drawn_labels.tolist()[8:]
    model.set_params(missing="raise")
    boot = [
        parametric_bootstrap(m, X, y=v, n_samples=2) for m, v in ((model, labels), (same, codes))
    ]
    np.testing.assert_array_equal(boot[0].coef, boot[1].coef)
    online = OnlineFilter(GLMHMM(2, CategoricalObservations(3), maxiter=3, tol=9.0).fit(X, labels))
    first = online.step(X[0], labels[0])
    online.reset()
    np.testing.assert_array_equal(first, online.step(X[0], codes[0]))
    with pytest.raises(ValueError, match="labels"):
        online.step(X[0], "miss")
    ax = plot_psychometric(model, X, labels, stimulus=X[:, 0])
    assert len(ax.get_legend_handles_labels()[1]) == 3
    plot_weights(model, output=1)
    with pytest.raises(ValueError, match="which of the 2 outputs"):
        plot_weights(model)
    with pytest.raises(ValueError, match="labels"):
        model.score(X, np.where(labels == "none", "miss", labels))
