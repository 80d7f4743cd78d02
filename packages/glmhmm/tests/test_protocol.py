"""Cross-validation and the two stages, checked by hand on small data."""

import numpy as np
import pytest
from problems import drawn, known

from neuroloom.glmhmm import (
    GLMHMM,
    cross_validate,
    fit_glm,
    fit_global,
    fit_protocol,
    fit_subjects,
    information_criteria,
)
from neuroloom.glmhmm._estimator.problem import params_of


@pytest.fixture(scope="module")
def herd():
    """Three animals with nearly the same states."""
    parts = [drawn(known(), 400, 50, seed=seed)[:3] for seed in range(3)]
    X, y, starts = (np.concatenate(column) for column in zip(*parts, strict=True))
    y = y.copy()
    y[[7, 300, 900]] = np.nan
    return X, y, starts, np.repeat(["ada", "bob", "cleo"], 400)


def bits(model, train, test):
    X, y, starts = test
    rate = np.nanmean(train)
    seen = np.isfinite(y)
    null = np.sum(y[seen] * np.log(rate) + (1 - y[seen]) * np.log(1 - rate))
    return (model.score(X, y, starts) - null) / seen.sum() / np.log(2)


@pytest.mark.slow
def test_cross_validation_by_hand(herd):
    X, y, starts, _ = herd
    fold = (np.cumsum(starts) - 1) % 3
    template = GLMHMM(2, n_init=3, tol=1e-8, missing="mask", regularizer_strength=0.25)
    found = cross_validate(
        X, y, starts, n_states=(1, 2), model=template, folds=fold, progress=False
    )
    assert found.best == 2
    assert found.table.loc[2, "bits_per_trial"] > found.table.loc[1, "bits_per_trial"] + 0.02
    for k in (1, 2):
        rows = found.folds[found.folds["n_states"] == k].sort_values("fold")
        for f in range(3):
            train, test = fold != f, fold == f
            model = GLMHMM(k, n_init=6, seed=1, tol=1e-8, missing="mask", regularizer_strength=0.25)
            model.fit(X[train], y[train], session_starts=starts[train])
            expected = bits(model, y[train], (X[test], y[test], starts[test]))
            assert rows["bits_per_trial"].iloc[f] == pytest.approx(expected, abs=1e-4)
    whole = found.models[2]
    criteria = information_criteria(whole, X, y, starts)
    value = whole.score(X, y, starts)
    assert criteria.n_parameters == 2 * 2 + 2 + 1 + 2
    assert criteria.n_trials == 1197
    assert found.table.loc[2, "aic"] == pytest.approx(2 * 9 - 2 * value)
    assert criteria.bic == pytest.approx(9 * np.log(1197) - 2 * value)
    assert criteria.icl > criteria.bic
    again = cross_validate(
        X, y, starts, n_states=(1, 2), model=template, folds=fold, progress=False
    )
    assert again.folds.equals(found.folds)


def test_sessions_stay_whole(herd):
    X, y, starts, _ = herd
    template = GLMHMM(2, missing="mask", tol=1e-3)
    with pytest.raises(ValueError, match="24 sessions"):
        cross_validate(X, y, starts, model=template, folds=25, progress=False)
    with pytest.raises(ValueError, match="constant within"):
        cross_validate(X, y, starts, model=template, folds=np.arange(1200) % 2, progress=False)
    by_session = cross_validate(
        X, y, starts, n_states=[1], model=template, folds=np.arange(24) % 2, progress=False
    )
    assert by_session.folds["n_trials"].sum() == 1197


@pytest.mark.slow
def test_subjects_by_hand(herd):
    X, y, starts, who = herd
    together = fit_global(X, y, starts, n_states=2, n_init=4, seed=0)
    fold = (np.cumsum(starts) - 1) % 4
    fits = fit_subjects(X, y, who, starts, global_model=together, folds=fold)
    assert list(fits.table.index) == ["ada", "bob", "cleo"]
    for name in ("ada", "cleo"):
        rows = who == name
        options = {
            "regularizer_strength": 0.25,
            "dirichlet_transition_proba": np.full((2, 2), 2.0),
            "missing": "mask",
            "penalize_intercept": True,
        }
        alone = GLMHMM(2, **options, tol=1e-9).fit(
            X[rows], y[rows], init_params=params_of(together), session_starts=starts[rows]
        )
        model = fits.models[name]
        np.testing.assert_allclose(model.coef_, alone.coef_, atol=0.03)
        assert fits.table.loc[name, "objective"] == pytest.approx(
            alone.solver_state_.objective, abs=1e-3
        )
        scores = []
        for f in range(4):
            train, test = rows & (fold != f), rows & (fold == f)
            one = GLMHMM(2, **options, tol=1e-9).fit(
                X[train], y[train], init_params=params_of(together), session_starts=starts[train]
            )
            scores.append(bits(one, y[train], (X[test], y[test], starts[test])))
        assert fits.table.loc[name, "bits_per_trial"] == pytest.approx(np.mean(scores), abs=1e-3)
    grid = fit_subjects(
        X, y, who, starts, global_model=together, sigma=(0.5, 2.0), alpha=(1.0, 2.0), folds=fold
    )
    assert len(grid.grid) == 3 * 4
    best = grid.grid.groupby("subject")["bits_per_trial"].max()
    np.testing.assert_allclose(grid.table["bits_per_trial"], best[grid.table.index])
    same = grid.grid[(grid.grid["sigma"] == 2) & (grid.grid["alpha"] == 2)]
    np.testing.assert_allclose(same["bits_per_trial"], fits.table["bits_per_trial"])
    with pytest.raises(ValueError, match="one subject each"):
        fit_subjects(X, y, np.roll(who, 3), starts, global_model=together)
    with pytest.raises(ValueError, match="shape"):
        fit_subjects(X, y, who[:5], starts, global_model=together)


def test_protocol_shows_progress_and_a_table(herd, capsys):
    X, y, starts, who = herd
    found = fit_protocol(X, y, who, starts, n_states=(1, 2), n_init=3, folds=2)
    shown = capsys.readouterr().err
    assert "states × folds" in shown
    assert "subjects" in shown
    scores = found.scores()
    assert scores.shape == (3, 2)
    assert (scores[2] > scores[1]).all()
    quiet = fit_protocol(X, y, who, starts, n_states=(1, 2), n_init=3, folds=2, progress=False)
    assert capsys.readouterr().err == ""
    assert quiet.scores().equals(scores)


def test_one_state_is_the_glm(herd):
    X, y, starts, _ = herd
    glm = fit_glm(X, y, starts, missing="mask")
    assert glm.coef_.shape == (2, 1)
    assert glm.transition_prob_.tolist() == [[1.0]]
