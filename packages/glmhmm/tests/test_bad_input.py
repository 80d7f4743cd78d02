"""Every row of the table of bad inputs: a clear error or warning of our own, input untouched."""

import numpy as np
import pandas as pd
import pytest

from neuroloom import shared
from neuroloom.glmhmm import (
    GLMHMM,
    cross_validate,
    fit_lapse,
    fit_subjects,
    parametric_bootstrap,
    plot_psychometric,
    predictive_check,
)
from neuroloom.glmhmm.errors import (
    CollinearWarning,
    ConvergenceWarning,
    DeadStateWarning,
    GLMHMMError,
    InitializationWarning,
    InputError,
    NotFittedError,
    SeparationWarning,
    SessionWarning,
)
from neuroloom.glmhmm.observation_models import CategoricalObservations
from neuroloom.glmhmm.results import DesignMatrix


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (rng.random(60) < 0.5).astype(float)
    return X, y


def fails(X, y, match, model=None, **options):
    before = np.array(X, copy=True), np.array(y, copy=True)
    with pytest.raises(GLMHMMError, match=match) as caught:
        (model or GLMHMM(2)).fit(X, y, **options)
    assert isinstance(caught.value, ValueError)
    np.testing.assert_array_equal(before[0], X)
    np.testing.assert_array_equal(before[1], y)


@pytest.mark.parametrize("n_states", [0, -1, 2.5, True, 2.0, "2", None])
def test_number_of_states(n_states):
    with pytest.raises(TypeError, match="n_states") as caught:
        GLMHMM(n_states)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maxiter", 0),
        ("maxiter", 2.5),
        ("tol", 0.0),
        ("tol", -1.0),
        ("tol", "a"),
        ("dirichlet_initial_proba", [-0.5, 2.0]),
        ("dirichlet_initial_proba", [1.0, 2.0, 3.0]),
        ("dirichlet_transition_proba", np.ones(2)),
        ("regularizer_strength", -1.0),
        ("regularizer_strength", "much"),
        ("n_init", 0),
        ("n_init", "all"),
        ("missing", "drop"),
        ("inverse_link_function", "expp"),
        ("inverse_link_function", lambda x: np.asarray(x).sum()),
        ("solver_kwargs", {"tolerance": 1}),
        ("solver_kwargs", {"stepsize": 1.0}),
        ("solver_kwargs", {"acceleration": True}),
        ("solver_kwargs", {"maxsteps": 3, "maxiter": 4}),
        ("scale_floor", 0.0),
        ("scale_prior", -1.0),
        ("transition_regularizer_strength", np.nan),
    ],
)
def test_constructor_values(name, value):
    with pytest.raises(ValueError, match=name):
        GLMHMM(2, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dirichlet_initial_proba", 2.0),
        ("observation_model", "Binomial"),
        ("observation_model", 3),
        ("regularizer", "Ridgy"),
        ("seed", 1.5),
        ("seed", np.zeros(3, np.uint32)),
        ("seed", True),
    ],
)
def test_constructor_types(name, value):
    with pytest.raises(TypeError, match=name):
        GLMHMM(2, **{name: value})


def test_unknown_initializer_keys_and_near_misses():
    with pytest.raises(KeyError, match="did you mean 'glm_params_init'"):
        GLMHMM(2, model_initialization_funcs={"glm_param_init": "random"})
    with pytest.raises(ValueError, match="did you mean 'sticky'"):
        GLMHMM(2).setup(transition_proba_init="stick")
    with pytest.raises(ValueError, match="prob_stay"):
        GLMHMM(2).setup(transition_proba_init_kwargs={"prob_sty": 0.9})
    with pytest.raises(ValueError, match="without"):
        GLMHMM(2).setup(glm_params_init=lambda X: X)
    with pytest.raises(ValueError, match="one of"):
        GLMHMM(2, regularizer="Lasso", solver_name="LBFGS")


def test_nan_inside_of_a_session(data):
    X, y = data
    gap = y.copy()
    gap[[0, 35, 59]] = np.nan
    fails(X, gap, r"y: .* row 35 \(session 1\)", session_starts=np.array([0, 30]))
    holes = X.copy()
    holes[10, 1] = np.nan
    fails(holes, y, r"X: .* row 10")
    model = GLMHMM(2, missing="mask").fit(X, gap, session_starts=np.array([0, 30]))
    assert np.isfinite(model.smooth_proba(X, gap)).all()


def test_nan_at_the_border_is_dropped_and_comes_back(data):
    X, y = data
    edge = y.copy()
    edge[[0, 1, 29, 30, 59]] = np.nan
    model = GLMHMM(2).fit(X, edge, session_starts=np.array([0, 30]))
    post = model.smooth_proba(X, edge, session_starts=np.array([0, 30]))
    assert np.isnan(post[[0, 1, 29, 30, 59]]).all()
    assert np.isfinite(np.delete(post, [0, 1, 29, 30, 59], axis=0)).all()
    kept = np.isfinite(edge)
    starts = np.zeros(60, bool)
    starts[[2, 31]] = True
    same = model.smooth_proba(X[kept], edge[kept], starts[kept])
    np.testing.assert_allclose(post[kept], same, atol=1e-12)


def test_infinite_values_lengths_and_empty_data(data):
    X, y = data
    bad = X.copy()
    bad[7, 1] = np.inf
    fails(bad, y, "row 7, column 1")
    fails(X, y[:-1], "60 trials of X, got 59")
    fails(X[:0], y[:0], "at least one trial")
    fails(X[:, 0], y, "Reshape your data")
    fails(X, np.full(60, np.nan), "at least one trial without NaN")
    fails(X, np.zeros((60, 2, 2)), "shape")
    fails([["a", "b"]] * 60, y, "numbers")


def test_responses_outside_of_the_family(data):
    X, y = data
    fails(X, 2 * y - 1, r"pass \(y \+ 1\) / 2")
    fails(X, y + 1, "pass y − 1")
    fails(X, np.where(np.arange(60) == 3, 0.5, y), "0.5")
    fails(X, -y - 1, "counts", GLMHMM(2, "Poisson"))
    fails(X, y + 0.5, "counts", GLMHMM(2, "NegativeBinomial"))
    fails(X, y, "above 0", GLMHMM(2, "Gamma"))


def test_one_class_only(data):
    X, _ = data
    with pytest.warns(SeparationWarning, match="one value"):
        model = GLMHMM(1, maxiter=30).fit(X, np.ones(60))
    assert np.isfinite(model.coef_).all()


def test_separable_choices_stay_finite(data):
    X, _ = data
    with pytest.warns(SeparationWarning):
        model = GLMHMM(1, regularizer="UnRegularized").fit(X, (X[:, 0] > 0).astype(float))
    assert np.isfinite(model.coef_).all()
    assert model.score(X, (X[:, 0] > 0).astype(float)) > -0.1


def test_session_starts(data):
    X, y = data
    for bad, match in (
        ([0, 60], "indices from 0 to 59"),
        ([-1], "indices"),
        (np.zeros(59, bool), "length 59"),
        (["a"], "mask"),
        ([0.5, 2], "mask"),
        (np.zeros((60, 2)), "shape"),
        ([25, 20, 15], "lengths of sessions"),
    ):
        fails(X, y, match, session_starts=bad)
    with pytest.warns(SessionWarning, match="twice"):
        GLMHMM(2).fit(X, y, session_starts=[0, 30, 30])
    mask = np.zeros(60, bool)
    mask[[0, 30]] = True
    fitted = GLMHMM(2, seed=1).fit(X, y, session_starts=mask)
    for same in ([0, 30], (30, 0), [30.0], mask.astype(int), np.array([30])):
        assert fitted.score(X, y, same) == pytest.approx(fitted.score(X, y, mask), abs=1e-12)
    assert fitted.score(X, y, []) == pytest.approx(fitted.score(X, y), abs=1e-12)


def test_tables_in_another_order_are_refused(data):
    X, y = pd.DataFrame(data[0], columns=["a", "b"]), pd.Series(data[1])
    with pytest.raises(ValueError, match="same index in another order"):
        GLMHMM(1).fit(X, y[::-1])
    shifted = y.set_axis(np.arange(60) + 60)  # other labels: rows go together by their places
    np.testing.assert_array_equal(GLMHMM(1).fit(X, shifted).coef_, GLMHMM(1).fit(X, y).coef_)


def test_one_trial_is_legal():
    X, y = np.array([[0.3], [1.0]]), np.array([1.0, 0.0])
    model = GLMHMM(1).fit(X, y)
    assert model.smooth_proba(X[:1], y[:1]).shape == (1, 1)


def test_collinear_columns(data):
    X, y = data
    with pytest.warns(CollinearWarning):
        model = GLMHMM(2).fit(np.column_stack([X, X[:, 0]]), y)
    np.testing.assert_allclose(model.coef_[0], model.coef_[2], atol=1e-6)


def test_states_that_start_alike_are_parted(data):
    X, y = data
    start = GLMHMM(2).initialize_params(X, y)
    same = (np.zeros((2, 2)), np.zeros(2), *start[2:])
    with pytest.warns(InitializationWarning, match="alike|same weights"):
        model = GLMHMM(2).fit(X, y, init_params=same)
    assert np.abs(np.diff(model.coef_, axis=1)).max() > 1e-3


def test_dead_state_keeps_its_weights(data):
    X, y = data
    start = GLMHMM(2).initialize_params(X, y)
    initial, transition = np.array([1.0, 0.0]), np.array([[1.0, 0.0], [0.5, 0.5]])
    coef = np.array([[0.1, 7.0], [0.0, -7.0]])
    with pytest.warns(DeadStateWarning, match=r"\[1\]"):
        model = GLMHMM(2).fit(X, y, init_params=(coef, start[1], start[2], initial, transition))
    np.testing.assert_array_equal(model.coef_[:, 1], coef[:, 1])
    revived = GLMHMM(2, reinit_dead=True).fit(
        X, y, init_params=(coef, start[1], start[2], initial, transition)
    )
    assert revived.smooth_proba(X, y).sum(axis=0).min() > 0.5


def test_more_states_than_rows_for_kmeans():
    X = np.repeat([[0.0], [1.0]], 20, axis=0)
    y = np.tile([0.0, 1.0], 20)
    model = GLMHMM(6, maxiter=5, tol=1e3)
    model.setup(
        glm_params_init="kmeans", transition_proba_init="kmeans", initial_proba_init="kmeans"
    )
    with (
        pytest.warns(InitializationWarning, match="only 4 rows"),
        pytest.warns(SeparationWarning, match="one side"),
    ):
        model.fit(X, y)
    assert np.isfinite(model.coef_).all()


def test_not_fitted(data):
    X, y = data
    for call in (
        lambda m: m.score(X, y),
        lambda m: m.smooth_proba(X, y),
        lambda m: m.filter_proba(X, y),
        lambda m: m.decode_state(X, y),
        lambda m: m.simulate(0, X),
    ):
        with pytest.raises(NotFittedError, match=r"coef_.*Call fit") as caught:
            call(GLMHMM(2))
        assert isinstance(caught.value, ValueError)
        assert isinstance(caught.value, shared.NotFittedError)


def test_formats_and_features(data):
    X, y = data
    model = GLMHMM(2).fit(X, y)
    with pytest.raises(ValueError, match="one-hot"):
        model.decode_state(X, y, state_format="both")
    with pytest.raises(ValueError, match="2 features"):
        model.score(X[:, :1], y)


def test_init_params(data):
    X, y = data
    good = GLMHMM(2).initialize_params(X, y)
    with pytest.raises(TypeError, match="5-tuple"):
        GLMHMM(2).fit(X, y, init_params="no")
    fails(X, y, "5 parts", init_params=good[:4])
    fails(X, y, "coef of shape", init_params=(np.zeros((3, 2)), *good[1:]))
    fails(X, y, "finite", init_params=(np.full((2, 2), np.nan), *good[1:]))
    fails(X, y, "sum to 1", init_params=(*good[:3], np.array([0.5, 0.4]), good[4]))
    fails(X, y, "scale above 0", init_params=(*good[:2], np.array([1.0, 0.0]), *good[3:]))


def test_gamma_start_with_rates_below_zero(data):
    X, _ = data
    y = np.random.default_rng(0).gamma(2.0, 1.0, 60)
    good = GLMHMM(2, "Gamma").initialize_params(X, y)
    fails(X, y, "positive finite rates", GLMHMM(2, "Gamma"), init_params=(5 + good[0], *good[1:]))


def test_too_few_iterations(data):
    X, y = data
    with pytest.warns(ConvergenceWarning, match="maxiter"):
        GLMHMM(2, maxiter=2).fit(X, y)
    with pytest.warns(RuntimeWarning):
        GLMHMM(2, maxiter=2).fit(X, y)


def test_labels_of_choices_are_not_guessed():
    X = np.zeros((4, 1))
    with pytest.raises(InputError, match=r"labels \['left', 'right'\]; pass \(y == 'right'\)"):
        GLMHMM(2).fit(X, ["left", "right", "right", "left"])
    with pytest.raises(InputError, match=r"CategoricalObservations\(3\)"):
        GLMHMM(2).fit(X, np.array(["L", "N", "R", "L"]))
    with pytest.raises(InputError, match=r"expected numbers, got the labels \['many'\]"):
        GLMHMM(2, "Poisson").fit(X, np.array([1, 2, "many", 0], dtype=object))


def test_rows_of_all_tables_are_in_one_order(data):
    """Nothing is taken by its place from a table that was sorted, whatever it holds."""
    X, y = data
    frame, choice = pd.DataFrame(X, columns=["a", "b"]), pd.Series(y)
    rng = np.random.default_rng(1)
    other = rng.permutation(60)
    starts, u = pd.Series(np.arange(60) % 20 == 0), pd.DataFrame(rng.normal(size=(60, 1)))
    who = pd.Series(np.repeat(["a", "b", "c"], 20))
    model = GLMHMM(2, maxiter=2, tol=9.0)
    mixed = GLMHMM(1, {"choice": "Bernoulli", "rt": "Gaussian"}, maxiter=2, tol=9.0)
    fitted = GLMHMM(2, maxiter=2, tol=9.0).fit(frame, choice)
    there = (frame, choice, starts)
    calls = {
        "y": lambda: mixed.fit(frame, {"choice": choice, "rt": choice.iloc[other]}),
        "X": lambda: model.fit({"a": frame[["a"]], "b": frame[["b"]].iloc[other]}, choice),
        "session_starts": lambda: model.fit(*there[:2], session_starts=starts.iloc[other]),
        "transition_inputs": lambda: model.fit(*there[:2], transition_inputs=u.iloc[other]),
        "subjects": lambda: fit_subjects(*there[:2], who.iloc[::-1], starts, global_model=fitted),
        "folds": lambda: cross_validate(*there, folds=who.iloc[::-1], n_states=(1,)),
        "stimulus": lambda: predictive_check(fitted, *there, stimulus=frame["a"].iloc[other]),
    }
    for name, call in calls.items():
        with pytest.raises(InputError, match=f"^{name}: .* same index in another order"):
            call()
    with pytest.raises(InputError, match=r"stimulus: .* same index in another order"):
        plot_psychometric(fitted, *there, stimulus=frame["a"].iloc[other])
    with pytest.raises(InputError, match=r"y: .* same index in another order"):
        fit_lapse(frame, choice.iloc[other])


def test_categories_are_all_labels_and_masked_ones_none(data):
    X, _ = data
    labels = np.array(["left", "none", "right"])[np.arange(60) % 3]
    hidden = np.arange(60) % 7 == 5
    with_none = np.where(hidden, None, labels.astype(object))
    model = GLMHMM(1, CategoricalObservations(3), missing="mask", tol=1e-3)
    expected = model.fit(X, with_none).score(X, with_none)
    for same in (
        np.ma.masked_array(labels, hidden),
        [float("nan") if there else str(v) for v, there in zip(labels, hidden, strict=True)],
        pd.Series(with_none, dtype="string"),
        pd.Series(pd.Categorical(with_none, categories=["right", "none", "left"])),
    ):
        assert model.score(X, same) == expected
    mixed = np.where(labels == "none", 0, labels.astype(object))
    two = GLMHMM(1, CategoricalObservations(2), missing="mask")
    with pytest.raises(InputError, match=r"labels alone, or numbers alone, got labels and \['0'\]"):
        two.fit(X, mixed)


def test_lapses_read_regressors_as_the_fit_does(data):
    X, y = data
    model = fit_lapse(X, y)
    expected = model.predict(X)
    frame = pd.DataFrame(X).astype("Float64")
    masked = np.ma.masked_array(X, np.arange(X.size).reshape(X.shape) == 0)
    np.testing.assert_array_equal(model.predict(frame), expected)
    design = DesignMatrix(X, y, np.arange(len(y)) == 0, tuple("abc"[: X.shape[1]]))
    np.testing.assert_array_equal(model.predict(design), expected)
    assert fit_lapse(design).log_likelihood == model.log_likelihood
    np.testing.assert_array_equal(model.predict(masked), [np.nan, *expected[1:]])
    with pytest.raises(ValueError, match="X: expected"):
        model.predict(X[:, 0])
    with pytest.raises(ValueError, match="X: expected 2 features"):
        model.predict(X[:, :1])
    plain = fit_lapse(y=y)
    np.testing.assert_allclose(plain.predict(), y.mean(), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_init", 0), ("n_init", 2.5), ("n_init", "auto"), ("ridge", -1.0), ("ridge", np.nan)],
)
def test_lapses_refuse_what_has_no_optimum(data, name, value):
    with pytest.raises(InputError, match=f"{name}: expected"):
        fit_lapse(*data, **{name: value})


@pytest.mark.parametrize("value", [0, -1, 2.5, True, "many"])
def test_numbers_of_simulations_are_whole(data, value):
    X, y = data
    model = GLMHMM(1).fit(X, y)
    for function in (predictive_check, parametric_bootstrap):
        with pytest.raises(InputError, match="n_samples: expected"):
            function(model, X, y, n_samples=value)


def test_lapses_are_scored_on_choices_alone(data):
    X, y = data
    model = fit_lapse(X, y)
    assert model.score(X, y) == pytest.approx(model.log_likelihood)
    gaps = np.where(np.arange(60)[:, None] == 7, np.nan, X)
    p = model.predict(np.delete(X, 7, axis=0))
    by_hand = np.log(np.where(np.delete(y, 7) == 1, p, 1 - p)).sum()
    assert model.score(gaps, y) == pytest.approx(by_hand)
    with pytest.raises(InputError, match="0 and 1"):
        model.score(X, 2 * y - 1)


def test_outputs_have_one_length(data):
    X, y = data
    with pytest.raises(InputError, match=r"of one length, got \[60, 59\]"):
        GLMHMM(1, {"choice": "Bernoulli", "rt": "Gaussian"}).fit(X, {"choice": y, "rt": y[1:]})


def test_an_output_without_a_value_is_no_output():
    y = np.random.default_rng(0).poisson(2.0, (40, 2)).astype(float)
    y[:, 1] = np.nan
    with pytest.raises(ValueError, match=r"y: expected a value of every output.*columns \[1\]"):
        GLMHMM(2, "Poisson", missing="mask").fit(y=y)
    with pytest.raises(ValueError, match="a value of every output"):
        GLMHMM(2, {"n": "Poisson", "rt": "LogNormal"}, missing="mask").fit(y=y)
