"""Cohorts as animals leave them: short, one-sided and empty ones, equal labels, odd names."""

import copy

import numpy as np
import pandas as pd
import pytest
from problems import drawn, known

from neuroloom.glmhmm import GLMHMM, fit_subjects, match_states, standard_errors
from neuroloom.glmhmm.__main__ import main
from neuroloom.glmhmm._cli.run import LIST, at_once, read_table, safe_names
from neuroloom.glmhmm.errors import GLMHMMWarning, InputError, SeparationWarning


@pytest.fixture(scope="module")
def cohort():
    """Three animals: six sessions, six, and two, all with labels 0, 1, 2, …"""
    parts = []
    for name, sessions in (("ada", 6), ("bob", 6), ("cleo", 2)):
        X, y, _, _ = drawn(known(), 60 * sessions, 60, seed=len(parts))
        labels = np.arange(60 * sessions) // 60
        parts.append((X, y, np.full(len(y), name), labels))
    X, y, who, label = (np.concatenate(part) for part in zip(*parts, strict=True))
    model = known()
    model.set_params(missing="mask", tol=1e-4)
    return X, y, who, label, model


@pytest.mark.slow
def test_a_short_animal_is_named_and_nobody_else_stops(cohort):
    X, y, who, label, model = cohort
    with pytest.warns(GLMHMMWarning, match=r"'cleo' \(2 sessions\): fitted without"):
        found = fit_subjects(X, y, who, label, global_model=model, folds=3)
    assert list(found.models) == ["ada", "bob", "cleo"]
    assert np.isfinite(found.table.loc[["ada", "bob"], "bits_per_trial"]).all()
    assert np.isnan(found.table.loc["cleo", "bits_per_trial"])
    with pytest.warns(GLMHMMWarning, match="left out"):
        fewer = fit_subjects(X, y, who, label, global_model=model, folds=3, too_few="leave_out")
    assert list(fewer.models) == ["ada", "bob"]
    np.testing.assert_array_equal(fewer.models["ada"].coef_, found.models["ada"].coef_)
    with pytest.raises(ValueError, match="'cleo'"):
        fit_subjects(X, y, who, label, global_model=model, folds=3, too_few="raise")
    errors = found.standard_errors(X, y, who, label)
    diagnoses = found.diagnose(X, y, who, label)
    for name, one in found.models.items():
        assert list(match_states(one, model)) == [0, 1]
        assert np.isfinite(errors[name].coef).all()
        assert diagnoses[name].converged


@pytest.mark.slow
def test_driven_animals_have_errors_and_diagnoses_of_their_own(cohort):
    model = cohort[-1]
    short = cohort[3] < 2  # animals of one size share their programs
    X, y, who, label = (part[short] for part in cohort[:-1])
    u = np.random.default_rng(0).normal(size=(len(X), 1))
    driven = copy.copy(model)
    driven.transition_coef_ = np.array([[[0.0, 0.5], [-0.5, 0.0]]])
    starts = np.append(True, (label[1:] != label[:-1]) | (who[1:] != who[:-1]))
    found = fit_subjects(X, y, who, starts, global_model=driven, folds=2, transition_inputs=u)
    errors = found.standard_errors(X, y, who, starts, transition_inputs=u)
    diagnoses = found.diagnose(X, y, who, starts, transition_inputs=u)
    rows = who == "cleo"
    own = standard_errors(
        *(found.models["cleo"], X[rows], y[rows], starts[rows]), transition_inputs=u[rows]
    )
    np.testing.assert_allclose(errors["cleo"].transition_coef, own.transition_coef)
    assert diagnoses["cleo"].converged
    with pytest.raises(ValueError, match="transition_inputs"):
        found.diagnose(X, y, who, starts)


def test_labels_end_with_their_subject(cohort):
    X, y, who, label, model = cohort
    # Session 5 of ada is followed by session 0 of bob; one label throughout is two sessions.
    starts = np.append(True, (label[1:] != label[:-1]) | (who[1:] != who[:-1]))
    same = np.where(np.isin(who, ["ada", "bob"]), label + 7, label + 1)
    same[who == "bob"] = np.where(label[who == "bob"] == 0, 12, same[who == "bob"])
    told = {"global_model": model, "folds": 2}
    by_label = fit_subjects(X, y, who, same, **told)
    by_mask = fit_subjects(X, y, who, starts, **told)
    pd.testing.assert_frame_equal(by_label.table, by_mask.table)


def test_a_bias_stays_within_its_prior_and_is_told(cohort):
    X, y, who, label, model = cohort
    y = y.copy()
    y[who == "ada"] = 1.0  # always to one side
    y[(who == "bob") & (label == 2)] = np.nan
    with pytest.warns(SeparationWarning, match="'ada'"):
        found = fit_subjects(X, y, who, label, global_model=model, folds=2, sigma=2.0)
    assert np.abs(found.models["ada"].intercept_).max() < 3 * 2.0
    assert found.table.loc["ada", "one_sided"]
    assert not found.table.loc["cleo", "one_sided"]
    assert found.table.loc["bob", "n_trials"] == 300


def test_the_prior_is_on_weights_and_bias(cohort):
    """One state, logistic: the slope is zero where Xᵀ(y − p) = w/σ², with a column of ones in X."""
    X, y, who, label, _ = cohort
    first = GLMHMM(1, missing="mask").fit(X, y)
    found = fit_subjects(X, y, who, label, global_model=first, sigma=0.7, alpha=1.0, folds=2)
    for name, one in found.models.items():
        rows = who == name
        p = 1 / (1 + np.exp(-(X[rows] @ one.coef_[:, 0] + one.intercept_[0])))
        slope = X[rows].T @ (y[rows] - p)
        np.testing.assert_allclose(slope, one.coef_[:, 0] / 0.49, atol=1e-2)
        assert (y[rows] - p).sum() == pytest.approx(one.intercept_[0] / 0.49, abs=1e-2)


def test_the_table_holds_whole_log_likelihoods():
    """Counts have terms of their own, log y!, that no weight changes: they belong to the score."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 1)), rng.poisson(6.0, 120).astype(float)
    who, starts = np.repeat(["a", "b"], 60), np.arange(120) % 20 == 0
    together = GLMHMM(1, "Poisson").fit(X, y, session_starts=starts)
    found = fit_subjects(X, y, who, starts, global_model=together, folds=3)
    for name, one in found.models.items():
        rows = who == name
        row, score = found.table.loc[name], one.score(X[rows], y[rows], starts[rows])
        assert row["log_likelihood"] == pytest.approx(score, abs=1e-6)
        size = (one.coef_**2).sum() + (one.intercept_**2).sum()
        assert row["objective"] == pytest.approx(score - size / 8, abs=1e-6)  # σ = 2


def test_file_names_are_safe_and_distinct():
    names = ["lab/m1", "lab:m1", "lab_m1", "../x", "", 3, "A", "a", "é b"]
    found = safe_names(names)
    assert len({name.lower() for name in found.values()}) == len(names)
    assert all("/" not in name and ":" not in name for name in found.values())
    assert found[3] == "3"


def test_nothing_is_written_unless_all_of_it_is(tmp_path):
    out = tmp_path / "out"

    def half(folder):
        (folder / "a.txt").write_text("a")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        at_once(out, half)
    assert list(tmp_path.iterdir()) == []
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    written = at_once(out, lambda folder: (folder / "b.txt").write_text("b"))
    assert written == [out / "b.txt", out / LIST]
    assert {path.name for path in out.iterdir()} == {"mine.txt", "b.txt", LIST}


_CHOICES = np.random.default_rng(1).integers(0, 2, (100, 2))
ONE_SESSION = "stimulus,choice,reward\n" + "".join(
    f"{x - 0.5},{y},{x == y:d}\n" for x, y in _CHOICES
)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "a CSV file with a header"),
        (b"\x00\xff\xfe\x80binary", "expected"),
        (b"{}", "expected"),
        (b'a,b\n"1', "expected"),
        (b"choice,stimulus,choice,reward\n0,1,0,1\n", "'choice' twice"),
        # pandas would shift the names of all columns by one, and fill what is missing with NaN.
        (b"stimulus,choice,reward\n1,0.5,1,1\n2,-0.5,0,1\n", "3 fields in every line"),
        (b"stimulus,choice,reward\n0.5,1,1\n-0.5,0\n", "2 in line 3"),
        (b"stimulus,choice,reward\n0.5,1,1\n-0.5,0,1\n", "fewer parameters than the 2 responses"),
        (ONE_SESSION.encode(), "two at least, got one"),
        (b"session,stimulus,choice,reward\n1,0.5,-1,1\n1,-0.5,0,1\n1,0.2,1,0\n", "codes="),
    ],
)
def test_foreign_files_end_in_one_line(tmp_path, capsys, content, match):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    assert main(["fit", str(path), "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("neuroloom-glmhmm: error: ")
    assert match in error
    assert "\n" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["taken", "taken/deep/out"])
def test_a_folder_that_cannot_be_is_refused_before_the_fits(tmp_path, capsys, monkeypatch, out):
    (tmp_path / "taken").write_text("mine")
    monkeypatch.setattr("neuroloom.glmhmm._cli.run.fit", lambda _: pytest.fail("it was fitted"))
    assert main(["fit", str(tmp_path / "t.csv"), "--out", str(tmp_path / out)]) == 2
    assert "--out: expected a folder, got the file" in capsys.readouterr().err
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("t.csv", lambda text: text.encode()),
        ("t.csv", lambda text: text.encode("utf-8-sig")),
        ("t.csv", lambda text: text.replace("\n", ",\n").replace("reward,", "reward").encode()),
        ("t.csv", lambda text: text.replace(",", ";").replace(".", ",").encode()),
        ("t.csv", lambda text: text.replace(",", ";").encode()),
        ("t.txt", lambda text: text.replace(",", "\t").encode("utf-16")),
        ("t.tsv", lambda text: text.replace(",", "\t").replace(".", ",").encode()),
    ],
)
def test_spreadsheets_write_one_table_in_many_ways(tmp_path, name, write):
    text = "session,stimulus,choice,reward\n0,0.5,1,1\n1,-1,0,\n1,0.25,1,0\n"
    (tmp_path / name).write_bytes(write(text))
    found = read_table(tmp_path / name)
    expected = {"session": [0, 1, 1], "stimulus": [0.5, -1, 0.25], "choice": [1, 0, 1]}
    expected |= {"reward": [1, np.nan, 0]}
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected))


def test_fits_that_were_kept_are_those_that_come_back(cohort, tmp_path):
    X, y, who, label, model = cohort
    told = {"global_model": model, "folds": 2}
    first = fit_subjects(X, y, who, label, resume=tmp_path, **told)
    assert any(tmp_path.iterdir())
    again = fit_subjects(X, y, who, label, resume=tmp_path, **told)
    without = fit_subjects(X, y, who, label, **told)
    for other in (again, without):
        pd.testing.assert_frame_equal(other.table, first.table)
        np.testing.assert_array_equal(other.models["bob"].coef_, first.models["bob"].coef_)


@pytest.mark.parametrize("nobody", [None, np.nan, pd.NA])
def test_trials_without_a_subject_are_refused(cohort, nobody):
    X, y, who, label, model = cohort
    some = np.asarray(who, dtype=object).copy()
    some[5] = nobody
    for labels in (some, list(some), pd.Series(some)):
        with pytest.raises(InputError, match=r"subjects: expected a label .* none for trial 5"):
            fit_subjects(X, y, labels, label, global_model=model, folds=2)
