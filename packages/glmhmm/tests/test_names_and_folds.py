"""Names of sessions, subjects and folds as tables hold them: kept apart as they are, or refused."""

import datetime

import numpy as np
import pandas as pd
import pytest
from problems import drawn, known

from neuroloom.glmhmm import GLMHMM, cross_validate, fit_protocol, fit_subjects
from neuroloom.glmhmm._analysis.cross_validation import deal_sessions, numbers_of_states, read_folds
from neuroloom.glmhmm._estimator.reading import read_data
from neuroloom.glmhmm._input.arrays import names_in
from neuroloom.glmhmm._input.sessions import keep_subjects_apart, read_sessions
from neuroloom.shared import Seed

STARTS = np.arange(40) % 10 == 0
LABEL = np.arange(40) // 10


def starts_of(session_starts, n=40):
    return read_sessions(session_starts, n, None)[0]


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series(["1", "01", "1.0", "1e0"]).repeat(10),  # four texts, one number
        pd.MultiIndex.from_arrays([LABEL // 2, LABEL % 2]),
        STARTS.astype(object),
        pd.Series(STARTS, dtype="boolean"),
        np.ma.masked_array(LABEL, np.zeros(40, bool)),
        [datetime.date(2026, 1, 1 + day) for day in LABEL],
    ],
    ids=["texts", "levels", "objects", "nullable", "unmasked", "days"],
)
def test_sessions_start_where_their_labels_change(labels):
    np.testing.assert_array_equal(starts_of(labels), STARTS)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (pd.Series(LABEL).where(LABEL != 2), "none at place 20"),
        (pd.Series(LABEL, dtype="Int64").mask(LABEL == 1), "none at place 10"),
        (["a"] * 20 + [None] * 10 + ["b"] * 10, "none at place 20"),
        (["a"] * 20 + [float("nan")] * 10 + ["b"] * 10, "none at place 20"),
        (np.ma.masked_array(np.repeat(list("abcd"), 10), LABEL == 0), "none at place 0"),
        (np.where(LABEL == 3, np.datetime64("NaT"), np.datetime64("2026-01-01")), "place 30"),
        (STARTS.astype(str), "true and false as text"),
        (LABEL[:-1], "39 values, of which 4 differ"),
    ],
)
def test_sessions_without_a_name_are_refused(labels, match):
    with pytest.raises(ValueError, match=match):
        starts_of(labels)


def test_subjects_keep_the_names_they_have():
    """Texts that read as one number are several subjects, in sessions and in results."""
    texts = pd.Series(["1", "01", "10", "1e1"]).repeat(10)
    np.testing.assert_array_equal(keep_subjects_apart(np.full(40, "a"), texts), STARTS)
    mask = STARTS.astype(object)
    assert keep_subjects_apart(mask, texts) is mask
    for given in (texts, texts.astype("string"), texts.astype("category")):
        assert list(dict.fromkeys(names_in(given).tolist())) == ["1", "01", "10", "1e1"]
    for given in (
        pd.Series(LABEL, dtype="Int64"),
        pd.Series(LABEL, dtype="category"),
        np.ma.masked_array(LABEL, np.zeros(40, bool)),
    ):
        names = names_in(given).tolist()
        assert names == LABEL.tolist()
        assert {type(name) for name in names} == {int}
    days = pd.to_datetime("2026-01-01") + pd.to_timedelta(LABEL, unit="D")
    assert names_in(days)[-1] == datetime.datetime(2026, 1, 4)


def test_subjects_of_one_number_are_fitted_one_by_one():
    X, y, starts, _ = drawn(known(), 240, 60)
    texts = pd.Series(["1", "01"]).repeat(120)
    model = known()
    found = fit_subjects(X, y, texts, starts, global_model=model, folds=2)
    assert list(found.models) == ["1", "01"]
    expected = fit_subjects(X, y, np.repeat(["a", "b"], 120), starts, global_model=model, folds=2)
    for name, other in (("1", "a"), ("01", "b")):
        np.testing.assert_array_equal(found.models[name].coef_, expected.models[other].coef_)
    assert list(found.diagnose(X, y, texts, starts)) == ["1", "01"]


@pytest.fixture(scope="module")
def data():
    X, y, _, _ = drawn(known(), 40, 10)
    return read_data(known(), X, y, STARTS)


def test_folds_are_numbers_or_labels_of_trials_or_sessions(data):
    assert read_folds(np.int64(3), data) == 3
    for labels in (["b", "a", "b", "a"], [1.5, 0, 1.5, 0], pd.Categorical(["y", "x", "y", "x"])):
        for given in (labels, np.repeat(np.asarray(labels), 10)):
            np.testing.assert_array_equal(read_folds(given, data), 1 - LABEL % 2)
    dealt = deal_sessions(STARTS, 2, Seed(0)).reshape(4, 10)
    assert (np.ptp(dealt, axis=1) == 0).all()
    assert sorted(dealt[:, 0]) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("folds", "match"),
    [
        (2.5, "folds: expected an integer"),
        (True, "folds: expected an integer"),
        (None, "folds: expected an integer"),
        (1, "at least 2"),
        ([0, 1, np.nan, 1], "none at place 2"),
        (np.ma.masked_array([0, 1, 0, 1], [False, True, False, False]), "none at place 1"),
        ([0, 0, 0, 0], "two folds at least"),
        ([0, 1, 0], "per trial"),
        (np.arange(40) % 2, "constant within a session"),
    ],
)
def test_folds_that_are_none_are_refused(data, folds, match):
    with pytest.raises(ValueError, match=match):
        read_folds(folds, data)


@pytest.mark.parametrize("n_states", [2, "12", (2.5,), (2, 2), (0, 1), (), (True,), np.array(2)])
def test_numbers_of_states_are_whole_and_different(n_states):
    with pytest.raises(ValueError, match="n_states: expected"):
        numbers_of_states(n_states)
    assert numbers_of_states(k for k in (1, np.int64(3))) == [1, 3]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"dirichlet_transition_proba": np.full((2, 2), 2.0)}, "dirichlet_transition_proba"),
        ({"dirichlet_initial_proba": [2.0, 2.0]}, "dirichlet_initial_proba"),
        ({"regularizer_strength": np.ones((2, 2))}, "regularizer_strength"),
    ],
)
def test_priors_of_one_number_of_states_are_refused_before_the_first_fit(options, name, tmp_path):
    X, y, starts, _ = drawn(known(), 40, 10)
    model = GLMHMM(2, **options)
    with pytest.raises(ValueError, match=rf"{name}.* with 3 of n_states=\(2, 3\)"):
        cross_validate(
            *(X, y, starts), n_states=(2, 3), model=model, folds=2, progress=False, resume=tmp_path
        )
    assert not list(tmp_path.rglob("*.npz"))
    if name.startswith("dirichlet"):
        told = {"n_states": (1,), "folds": 2, "progress": False, **options}
        with pytest.raises(ValueError, match=rf"{name}.* with 1 of n_states=\(1,\)"):
            fit_protocol(X, y, LABEL // 2, starts, **told)


def test_priors_and_models_of_cohorts_are_checked():
    X, y, starts, _ = drawn(known(), 40, 10)
    told = {"global_model": known(), "folds": 2}
    for options, match in (
        ({"sigma": []}, "sigma"),
        ({"sigma": [[1.0, 2.0]]}, "sigma"),
        ({"sigma": (1.0, -1.0)}, "sigma"),
        ({"sigma": "wide"}, "sigma"),
        ({"alpha": np.ones((2, 2))}, "alpha"),
        ({"alpha": np.nan}, "alpha"),
        ({"folds": [0, 1, 0]}, "folds"),
        ({"global_model": None}, "global_model"),
        ({"global_model": GLMHMM(2)}, "not fitted"),
        ({"subjects": None}, "subjects: expected a label"),
    ):
        with pytest.raises((ValueError, TypeError), match=match):
            fit_subjects(X, y, **{"subjects": LABEL // 2, **told, **options}, session_starts=starts)
    with pytest.raises(TypeError, match="model: expected a GLMHMM"):
        cross_validate(X, y, starts, model=3, progress=False)
