"""From a table to regressors, and from the shell to files."""

import numpy as np
import pandas as pd
import pytest
from problems import drawn, known

from neuroloom import shared
from neuroloom.glmhmm import GLMHMM, design_matrix, load_model, plot_posterior
from neuroloom.glmhmm.__main__ import main
from neuroloom.glmhmm._cli.options import parser
from neuroloom.glmhmm._cli.run import design_of, label_columns, read_table
from neuroloom.glmhmm._cli.text import read_text


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "session": ["a"] * 5 + ["b"] * 4,
            "stimulus": [-1.0, 0.5, 1.0, -0.5, 0.0, 1.0, -1.0, 0.25, 0.5],
            "choice": [0, 1, -1, 1, 0, -1, 1, 1, 0],
            "reward": [1, 0, 0, 0, 1, 0, 1, 0, 0],
        }
    )


def test_covariates_by_a_plain_loop(table):
    found = design_matrix(table, standardize=False, violation=-1)
    previous, stay, last = [], [], None
    for i, row in table.iterrows():
        if i == 0 or row.session != table.session[i - 1]:
            last = None
        previous.append(0 if last is None else last[0])
        stay.append(0 if last is None else last[0] * last[1])
        if row.choice >= 0:
            last = (2 * row.choice - 1, 1 if row.reward > 0 else -1)
    np.testing.assert_array_equal(found.X, np.column_stack([table.stimulus, previous, stay]))
    np.testing.assert_array_equal(np.isnan(found.y), table.choice == -1)
    np.testing.assert_array_equal(np.flatnonzero(found.session_starts), [0, 5])
    own = design_matrix(table, standardize=False, first_trial="own", violation=-1)
    assert own.X[0].tolist() == [-1.0, -1.0, -1.0]
    assert own.X[5].tolist() == [1.0, 0.0, 0.0]  # a violation leaves nothing behind


def test_options_of_the_design(table):
    told = {"codes": {"left": 0, "right": 1, "none": -1}}
    z = design_matrix(table, previous_choice=False, win_stay_lose_switch=False, **told)
    assert z.features == ("stimulus",)
    assert z.X.mean() == pytest.approx(0)
    assert z.X.std() == pytest.approx(1)
    more = design_matrix(
        shared.Trials(table.assign(time=np.arange(9.0)), session="session"),
        covariates=["time"],
        win_stay_lose_switch=False,
        **told,
    )
    assert more.features == ("stimulus", "previous_choice", "time")
    signed = design_matrix(
        table.assign(choice=np.where(table.choice == -1, 9, 2 * table.choice - 1)),
        codes={"left": -1, "right": 1, "none": [9, 10]},
    )
    np.testing.assert_array_equal(signed.y, z.y)
    whole = design_matrix(table, session=None, **told)
    assert whole.session_starts.sum() == 1


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.drop(columns="reward"), "reward"),
        (lambda t: t.assign(stimulus="left"), "'left' in row 0"),
        (lambda t: t.assign(stimulus=np.nan), "finite number"),
        (lambda t: t.assign(choice=3), "choices 0 and 1"),
        (lambda t: t.assign(stimulus=1.0), "varies"),
        (lambda t: t.assign(stimulus=t.stimulus + 1j), "real numbers"),
        (lambda t: t.assign(stimulus=pd.to_timedelta(t.stimulus, unit="s")), "in seconds"),
        (lambda t: t.assign(choice=np.inf), r"inf \(9 trials\)"),
        (lambda t: "trials.csv", "read_csv"),
        (lambda t: t.assign(session=["a", "b", "a"] * 3), "interrupted"),
        (lambda t: t.assign(session=[None, *"aaaabbbb"]), "row 0"),
        (lambda t: t.iloc[:0], "at least one trial"),
    ],
)
def test_tables_that_do_not_fit(table, change, match):
    with pytest.raises(ValueError, match=match):
        design_matrix(change(table.replace({"choice": {-1: np.nan}})))


def test_no_column_takes_the_place_of_another(table):
    table = table.assign(previous_choice=np.arange(9.0) % 2, weight=np.arange(9.0))
    for options in (
        {"covariates": ["stimulus"]},
        {"covariates": ["previous_choice"]},
        {"covariates": ["weight", "weight"]},
        {"stimulus": ["stimulus", "stimulus"]},
        {"stimulus": ["stimulus", "previous_choice"]},
    ):
        with pytest.raises(ValueError, match=r"twice|once"):
            design_matrix(table, violation=-1, **options)
    found = design_matrix(table, violation=-1, covariates="weight", previous_choice=False)
    assert found.features == ("stimulus", "win_stay_lose_switch", "weight")
    own = design_matrix(
        table, violation=-1, stimulus="previous_choice", standardize=False, previous_choice=False
    )
    assert own.features == ("previous_choice", "win_stay_lose_switch")
    np.testing.assert_array_equal(own.X[:, 0], table.previous_choice)


def test_a_table_of_the_ibl_to_a_figure_in_three_lines(tmp_path):
    """The how-to's three lines beside regressors worked out by a plain loop."""
    X, y, starts, _ = drawn(known(), 600, 60)
    side = np.where(X[:, 0] < 0, -1.0, 1.0)
    size = np.random.default_rng(0).choice([0.0625, 0.125, 0.25, 1.0], 600)
    choice = np.where(y == 1, -1, 1)
    choice[::50] = 0
    table = {
        "contrastLeft": np.where(side < 0, size, np.nan),
        "contrastRight": np.where(side > 0, size, np.nan),
        "choice": choice.astype("int8"),
        "feedbackType": np.where(choice == -side, 1, -1).astype("int8"),
        "session": np.cumsum(starts),
    }
    pd.DataFrame(table).to_csv(tmp_path / "_ibl_trials.table.csv", index=False)
    options = {"n_init": 3, "missing": "mask", "tol": 1e-4, "seed": 0}

    design = design_matrix(read_table(tmp_path / "_ibl_trials.table.csv"))  # as the command does
    model = GLMHMM(3, **options).fit(design)
    figure = plot_posterior(model, design)

    signed = np.array([s * c for s, c in zip(side, size, strict=True)])
    rows, answers, last = [], [], 0.0
    for t in range(600):
        if starts[t]:
            last, won = 0.0, 0.0
        rows.append([(signed[t] - signed.mean()) / signed.std(), last, last * won])
        answers.append(np.nan if choice[t] == 0 else float(choice[t] == -1))
        if choice[t] != 0:
            last, won = float(-choice[t]), float(table["feedbackType"][t])
    rows, answers = np.array(rows), np.array(answers)
    other = GLMHMM(3, **options).fit(rows, answers, session_starts=starts)
    prepared, read = other.smooth_proba(rows, answers, starts), model.smooth_proba(design)
    np.testing.assert_allclose(read, prepared, atol=1e-8, rtol=0)
    assert len(figure.lines) >= 3


@pytest.mark.together
@pytest.mark.slow
def test_tables_of_two_alternative_tasks_in_one_line():
    tasks = pytest.importorskip("neuroloom.tasks")
    read = {}
    for name in tasks.all_envs():
        trials = tasks.run_trials(name, "random", 60, sessions=2, seed=1)
        if not {"choice", "stimulus"} <= set(trials.table):
            continue
        if set(trials.table["choice"].dropna()) <= {0, 1}:
            read[name] = design_matrix(trials)
    assert len(read) >= 12
    for design in read.values():
        assert design.features == ("stimulus", "previous_choice", "win_stay_lose_switch")
        assert np.isfinite(design.X).all()
        assert set(np.unique(design.y[np.isfinite(design.y)])) <= {0.0, 1.0}
        assert design.session_starts.sum() == 2
    one = read["PerceptualDecisionMaking-v0"]
    model = GLMHMM(2, missing="mask", tol=1e-2).fit(one)
    assert model.smooth_proba(one).shape == (60, 2)


@pytest.fixture(scope="module")
def trials():
    """Two subjects whose sessions share numbers, with violations."""
    parts = []
    for name, seed in (("ada", 0), ("bob", 1)):
        X, y, starts, _ = drawn(known(), 480, 60, seed=seed)
        part = pd.DataFrame({"animal": name, "day": np.cumsum(starts), "contrast": X[:, 0]})
        part["choice"] = y.astype(int)
        part["reward"] = ((X[:, 0] > 0) == (y == 1)).astype(int)
        part.loc[::97, "choice"] = -1
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.mark.slow
def test_command_writes_parameters_tables_and_figures(trials, tmp_path, capsys):
    trials.to_csv(tmp_path / "trials.csv", index=False)
    out = tmp_path / "out"
    arguments = [
        *("fit", str(tmp_path / "trials.csv"), "--states", "1-2", "--stimulus", "contrast"),
        *("--session", "day", "--subject", "animal", "--starts", "3", "--folds", "2"),
        *("--codes", "left=0,right=1,none=-1"),
        *("--out", str(out), "--quiet"),
    ]
    assert main(arguments) == 0
    printed = capsys.readouterr().out.split()
    names = {path.name for path in out.iterdir()}
    assert {f"{out}/{name}" for name in names} == set(printed)
    for name in (
        *("cross-validation.csv", "folds.csv", "cross-validation.png", "model-2.npz"),
        *("model-2.json", "weights-2.png", "transitions-2.png", "posterior-2.png"),
        *("psychometric-2.png", "occupancy-2.png", "dwell-times-2.png", "subjects-2.csv"),
        *("model-2-ada.npz", "model-2-bob.npz"),
    ):
        assert name in names
    scores = pd.read_csv(out / "cross-validation.csv", index_col="n_states")
    assert scores.loc[2, "bits_per_trial"] > scores.loc[1, "bits_per_trial"]
    model = load_model(out / "model-2.npz")
    import json

    told = json.loads((out / "model-2.json").read_text())
    assert told["features"] == ["contrast", "previous_choice", "win_stay_lose_switch"]
    np.testing.assert_array_equal(told["coef"], model.coef_)


@pytest.mark.slow
def test_command_fits_one_animal_without_history(trials, tmp_path):
    trials[trials.animal == "ada"].to_csv(tmp_path / "t.csv", index=False)
    out = tmp_path / "out"
    arguments = ["fit", str(tmp_path / "t.csv"), "--states", "2", "--stimulus", "contrast"]
    options = ["--session", "day", "--no-history", "--starts", "2", "--folds", "2", "--quiet"]
    options += ["--violation", "-1"]
    assert main([*arguments, *options, "--out", str(out)]) == 0
    assert load_model(out / "model-2.npz").coef_.shape == (1, 2)


def test_names_that_look_like_numbers_stay_apart(tmp_path):
    names = ["001", "01", "1", "1e2", "100", "100.0"]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"animal": np.repeat(names, 20), "day": np.tile(np.repeat(["1", "01"], 10), 6)}
    )
    frame = frame.assign(stimulus=rng.normal(size=120), choice=np.tile([0, 1], 60), reward=1)
    frame.to_csv(tmp_path / "t.csv", index=False)
    line = ["fit", str(tmp_path / "t.csv"), "--subject", "animal", "--session", "day"]
    options = parser().parse_args([*line, "--states", "1"])
    design = design_of(read_table(options.table, label_columns(options)), options)
    assert list(dict.fromkeys(design.subject.tolist())) == names
    np.testing.assert_array_equal(np.flatnonzero(design.session_starts), np.arange(0, 120, 10))


@pytest.mark.slow
def test_an_array_job_of_the_command(trials, tmp_path, capsys):
    trials.to_csv(tmp_path / "t.csv", index=False)
    line = ["fit", str(tmp_path / "t.csv"), "--states", "1-2", "--stimulus", "contrast"]
    line += ["--session", "day", "--subject", "animal", "--starts", "2", "--folds", "2", "--quiet"]
    line += ["--codes", "left=0,right=1,none=-1"]
    assert main([*line, "--out", str(tmp_path / "whole")]) == 0
    capsys.readouterr()
    shared_line = [*line, "--resume", str(tmp_path / "kept"), "--out", str(tmp_path / "out")]
    for i in range(3):
        assert main([*shared_line, "--shard", f"{i}/3"]) == 0
        assert f"shard {i}/3: " in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
    # A second round takes the next step: the subjects, whose prior is the fit of all.
    assert main([*shared_line, "--shard", "0/3"]) == 0
    assert "subjects-1" in capsys.readouterr().out
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.npz")}
    assert main(shared_line) == 0
    assert kept == {path: path.stat().st_mtime_ns for path in kept}
    for name in ("folds.csv", "cross-validation.csv", "model-2.json", "subjects-2.csv"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def spoil(trials, how):
    t = trials.copy()
    if how == "column":
        return t.drop(columns="reward")
    if how == "text":
        return t.astype({"contrast": object}).assign(contrast=lambda f: ["high", *f.contrast[1:]])
    if how == "session":
        t.loc[t.day == 3, "choice"] = np.nan
        return t
    return t.iloc[:0]


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ("column", "reward"),
        ("text", "'high' in row 0"),
        ("session", "ada/3"),
        ("empty", "at least one trial"),
    ],
)
def test_command_names_what_is_wrong(trials, tmp_path, capsys, how, match):
    spoil(trials, how).to_csv(tmp_path / "t.csv", index=False)
    arguments = ["fit", str(tmp_path / "t.csv"), "--stimulus", "contrast", "--subject", "animal"]
    arguments += ["--violation", "-1"]
    assert main([*arguments, "--session", "day", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert match in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_command_refuses_other_nonsense(trials, tmp_path, capsys):
    trials.to_csv(tmp_path / "t.csv", index=False)
    for arguments, match in (
        (["fit", str(tmp_path / "none.csv")], "existing file"),
        (["fit", str(tmp_path / "t.csv"), "--states", "two", "--stimulus", "contrast"], "states"),
        (["fit", str(tmp_path / "t.csv"), "--stimulus", "sound"], "sound"),
    ):
        assert main(arguments) == 2
        assert match in capsys.readouterr().err


@pytest.mark.slow
def test_command_fits_other_families(tmp_path, capsys):
    from neuroloom.glmhmm._cli.figures import pictures
    from neuroloom.glmhmm._cli.options import FAMILIES, parser
    from neuroloom.glmhmm._cli.run import fit
    from neuroloom.glmhmm._families.registry import FAMILIES as REGISTERED

    assert set(FAMILIES) == set(REGISTERED) - {"Wiener"}  # whose response has two columns
    truth = known("Poisson", coef=((0.4, -0.3), (0.2, 0.1)), intercept=(2.0, 0.3))
    X, y, starts, _ = drawn(truth, 300, 60)
    table = pd.DataFrame(X, columns=["speed", "light"]).assign(spikes=y, session=np.cumsum(starts))
    table.loc[10, "spikes"] = np.nan
    table.to_csv(tmp_path / "t.csv", index=False)
    begin = ["fit", str(tmp_path / "t.csv"), "--states", "2", "--family", "Poisson", "--quiet"]
    begin += ["--out", str(tmp_path / "out"), "--covariates", "speed,light"]
    for extra, match in (
        ([], "--response"),
        (["--response", "spikes", "--violation", "-1"], "--violation"),
        (["--response", "speed"], "the response itself"),
        (["--response", "speed", "--covariates", "light"], "counts"),
    ):
        assert main([*begin, *extra]) == 2
        assert match in capsys.readouterr().err
    begin += ["--response", "spikes", "--starts", "2", "--folds", "2"]
    found = fit(parser().parse_args(begin))
    model = found.both.global_cv.models[2]
    order = np.argsort(-model.intercept_)
    np.testing.assert_allclose(model.intercept_[order], [2.0, 0.3], atol=0.15)
    names = {name for name, _, _ in pictures(found)}
    assert "dwell-times-2" in names
    assert "psychometric-2" not in names


@pytest.mark.parametrize("name", ["eid", "session_id"])
def test_sessions_under_their_usual_names_are_found(name):
    frame = pd.DataFrame(
        {
            "stimulus": [0.1, -0.2, 0.3, 0.4],
            "choice": [1, 0, 1, 0],
            "reward": [1, 0, 1, 0],
            name: ["a", "a", "b", "b"],
        }
    )
    design = design_matrix(frame)
    assert np.flatnonzero(design.session_starts).tolist() == [0, 2]
    assert f"sessions: column {name}" in design.notes
    given = design_matrix(frame.assign(session=["x", "y", "y", "y"]))
    assert np.flatnonzero(given.session_starts).tolist() == [0, 1]


def test_an_animal_may_be_called_na(tmp_path):
    """NA, nan and null are names; an empty field is none."""
    (tmp_path / "t.csv").write_text(
        "subject,eid,stimulus\nNA,null,.1\nnan,007,.2\n,1,\n", encoding="utf-8"
    )
    table = read_text(tmp_path / "t.csv", ["subject", "session", "eid"])
    assert table["subject"].iloc[:2].tolist() == ["NA", "nan"]
    assert table["subject"].isna().tolist() == [False, False, True]
    assert table["eid"].tolist() == ["null", "007", "1"]
    assert table["stimulus"].isna().tolist() == [False, False, True]
