"""Arguments and tables that contradict themselves are refused, in the package's own words."""

import json

import jax
import numpy as np
import pandas as pd
import pytest
from problems import known

from neuroloom import shared
from neuroloom.glmhmm import (
    GLMHMM,
    OnlineFilter,
    cross_validate,
    design_matrix,
    dwell_times,
    fit_global,
    fit_subjects,
    occupancy,
    parametric_bootstrap,
    plot_weights,
    standard_errors,
)
from neuroloom.glmhmm.__main__ import main
from neuroloom.glmhmm._cli.run import LIST, at_once
from neuroloom.glmhmm.errors import GLMHMMError, GLMHMMWarning, InputError

X = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.3], [2.0, 1.0]])
Y = np.array([0.0, 1.0, 0.0, 1.0])


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "session": np.repeat([1, 2], 10),
            "stimulus": rng.normal(size=20),
            "choice": np.tile([0, 1], 10),
            "reward": 1,
        }
    )


@pytest.mark.parametrize("value", ["no", 1, None, np.ones(2)])
def test_flags_are_true_or_false(table, value):
    calls = {
        "standardize": lambda: design_matrix(table, standardize=value),
        "previous_choice": lambda: design_matrix(table, previous_choice=value),
        "win_stay_lose_switch": lambda: design_matrix(table, win_stay_lose_switch=value),
        "progress": lambda: cross_validate(X, Y, progress=value),
        "censored": lambda: dwell_times(known(), X, Y, censored=value),
        "per_session": lambda: occupancy(known(), X, Y, per_session=value),
        "penalized": lambda: standard_errors(known(), X, Y, penalized=value),
    }
    for name, call in calls.items():
        with pytest.raises(GLMHMMError, match=f"{name}: expected True or False"):
            call()
    for call in (
        lambda: parametric_bootstrap(known(), X, progress=value),
        lambda: fit_subjects(X, Y, ["a"] * 4, global_model=known(), progress=value),
        lambda: GLMHMM(1).fit(X, Y, progress=value),
    ):
        with pytest.raises(GLMHMMError, match="progress: expected True or False"):
            call()


def test_the_response_is_no_regressor(table):
    for more in ({"stimulus": "choice"}, {"covariates": ["choice"]}, {"reward": "choice"}):
        name = next(iter(more))
        with pytest.raises(InputError, match=f"{name}: expected columns other than the response"):
            design_matrix(table, **more)


def test_tables_and_names_of_a_wrong_type(table):
    with pytest.raises(InputError, match="trials: expected a DataFrame"):
        design_matrix(None)
    with pytest.raises(shared.DataError, match="expected columns: a DataFrame"):
        design_matrix(3)
    for name in ("covariates", "stimulus"):
        with pytest.raises(InputError, match=f"{name}: expected a name of a column"):
            design_matrix(table, **{name: 3})


def test_codes_that_the_table_contradicts(table):
    with pytest.raises(InputError, match=r"0 \(10 trials\), 1 \(10 trials\)") as caught:
        design_matrix(table, codes="ibl")
    assert 'codes={"left": 0, "right": 1}' in str(caught.value)
    beside_contrasts = table.assign(contrastLeft=0.5, contrastRight=np.nan)
    with pytest.raises(InputError, match=r"0 \(10 trials\), 1 \(10 trials\)"):
        design_matrix(beside_contrasts, codes="ibl")
    with pytest.warns(GLMHMMWarning, match="read as right"):
        design_matrix(table, codes={"left": 1, "right": -1, "none": 0})
    with pytest.raises(InputError, match="at least one choice by the codes"):
        design_matrix(table, codes={"left": 2, "right": 3, "none": [0, 1]})
    ibl = table.assign(choice=np.where(np.arange(20) == 3, 0, np.tile([-1, 1], 10)))
    assert np.isnan(design_matrix(ibl, codes="ibl").y).sum() == 1


def test_an_interrupted_session_is_named(table):
    with pytest.raises(InputError, match="'1' interrupted by another one: it goes on in row 15"):
        design_matrix(table.assign(session=np.repeat([1, 2, 3, 1], 5)))


def test_online_missing_values_and_mixed_responses_by_name():
    model = known()
    for x, y in (([0.0, np.nan], 1.0), ([0.0, 0.0], np.nan)):
        with pytest.raises(InputError, match="NaN"):
            OnlineFilter(model).step(x, y)
        masked = known().set_params(missing="mask")
        np.testing.assert_allclose(OnlineFilter(masked).step(x, y), [0.6, 0.4])
    with pytest.raises(InputError, match="y: expected one value"):
        OnlineFilter(model).step([0.0, 0.0], [1.0, 0.0])
    with pytest.raises(InputError, match="y: expected the response"):
        OnlineFilter(model).step([0.0, 0.0], {"choice": 1})


def test_a_fit_replaces_a_former_one_as_a_whole(tmp_path):
    def write(*names):
        return lambda folder: [(folder / name).write_text(name) for name in names]

    out = tmp_path / "out"
    at_once(out, write("model-1.npz", "model-4.npz"))
    (out / "mine.txt").write_text("mine")
    at_once(out, write("model-1.npz", "model-2.npz"))
    assert {p.name for p in out.iterdir()} == {LIST, "mine.txt", "model-1.npz", "model-2.npz"}
    assert json.loads((out / LIST).read_text()) == {"files": ["model-1.npz", "model-2.npz"]}
    with pytest.raises(InputError, match=r"mine\.txt"):
        at_once(out, write("mine.txt"))
    assert (out / "mine.txt").read_text() == "mine"
    (out / LIST).write_text(json.dumps({"files": ["../elsewhere", 3]}))
    (tmp_path / "elsewhere").write_text("")
    at_once(out, write("new.txt"))
    assert (tmp_path / "elsewhere").exists()
    assert (out / "model-2.npz").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--starts", "0"], "--starts: expected auto or a whole number"),
        (["--starts", "many"], "--starts: expected auto or a whole number"),
        (["--alpha", "-1"], "--alpha: expected a finite number above 0"),
        (["--alpha", "3"], "--alpha: expected --subject beside it"),
        (["--too-few", "raise"], "--too-few: expected --subject beside it"),
        (["--folds", "1"], "--folds: expected a whole number of at least 2"),
        (["--states", "1,1"], "--states: expected each number of states once"),
        (["--states", "500"], "--states: expected fewer parameters"),
        (["--covariates", "choice"], "covariates: expected columns other than the response"),
        (["--stimulus", "choice"], "stimulus: expected columns other than the response"),
    ],
)
def test_the_command_names_the_option(table, tmp_path, capsys, words, said):
    path = tmp_path / "trials.csv"
    table.to_csv(path, index=False)
    line = ["fit", str(path), "--out", str(tmp_path / "out"), "--quiet", *words]
    try:
        status = main(line)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_others_and_a_broken_file(table, tmp_path, capsys):
    path = tmp_path / "trials.csv"
    table.to_csv(path, index=False)
    (tmp_path / "report.html").write_text("mine")
    assert main(["fit", str(path), "--out", str(tmp_path), "--quiet"]) == 2
    assert "report.html" in capsys.readouterr().err
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no more")
    assert main(["fit", str(tmp_path / "broken.parquet"), "--out", str(tmp_path / "a")]) == 2
    assert "a parquet file" in capsys.readouterr().err


def test_a_strength_that_nothing_reads_is_refused():
    with pytest.raises(InputError, match="regularizer_strength: expected None, or the default"):
        GLMHMM(1, regularizer="UnRegularized", regularizer_strength=3)
    for strength in (None, {"a": None}):  # once NaN penalties, and weights of no meaning
        with pytest.raises(GLMHMMError, match="regularizer_strength: expected a number"):
            GLMHMM(1, regularizer_strength=strength)
    model = GLMHMM(1, regularizer_strength=3.0).set_params(regularizer="UnRegularized")
    assert model.regularizer_strength is None
    assert model.set_params(regularizer="Ridge").regularizer_strength == 1.0
    model = GLMHMM(1, regularizer_strength=3.0)
    model.regularizer = "UnRegularized"
    with pytest.raises(InputError, match="regularizer_strength"):
        model.fit(X, Y)


def test_a_sigma_that_nothing_reads_is_refused():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 2)), rng.binomial(1, 0.5, 60)
    for own in ({"regularizer": "UnRegularized"}, {"regularizer_strength": 7.0}):
        with pytest.raises(InputError, match="sigma: expected 100, the default"):
            fit_global(x, y, n_states=1, sigma=3, **own)
    assert fit_global(x, y, n_states=1, regularizer_strength=7.0).regularizer_strength == 7
    lasso = fit_global(x, y, n_states=1, regularizer="Lasso")
    with pytest.raises(InputError, match="sigma: expected a global model with a Ridge"):
        fit_subjects(x, y, ["a"] * 60, global_model=lasso, sigma=[1.0, 3.0])


def test_a_family_with_links_of_its_own_takes_no_other():
    y = np.column_stack([np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.5, 0.6, 0.7, 0.8])])
    x = np.array([[0.1], [-0.3], [0.4], [0.0]])
    for link in ("exp", jax.numpy.exp):
        with pytest.raises(ValueError, match="links of its own"):
            GLMHMM(1, "Wiener", inverse_link_function=link).fit(x, y)
    GLMHMM(1, "Wiener", inverse_link_function="identity")


def test_a_text_is_one_name_and_not_its_letters():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((200, 2)), rng.integers(0, 2, 200)
    model = GLMHMM(2, seed=0).fit(x, y)
    with pytest.raises(ValueError, match="labels: expected 2 names"):
        plot_weights(model, labels="ab")
    with pytest.raises(ValueError, match="features: expected 2 names"):
        plot_weights(model, features="ab")
    with pytest.raises(ValueError, match="features: expected 2 names"):
        plot_weights(model, features=[1, 2])
