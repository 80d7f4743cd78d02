"""What an analysis would not use is refused, and what it uses is checked where it is named."""

import warnings

import numpy as np
import pytest

from neuroloom import mi

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 1))
Y = X + RNG.standard_normal((300, 1))
TINY = {"n_epochs": 1, "n_inits": 1, "n_folds": 2, "hidden_dim": 4, "embedding_dim": 2}
DIRECT = ["ksg", "gcmi", "cca", "lmi"]


def refused(name, **options):
    with pytest.raises(mi.exceptions.NeuralMIError, match=rf"^{name}\b.*: expected .* got "):
        mi.run(X, Y, verbose=False, **options)


@pytest.mark.together
@pytest.mark.parametrize("estimator", DIRECT)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("train_indices", np.arange(200)),
        ("test_indices", np.arange(200, 300)),
        ("custom_embedding_cls", dict),
        ("return_embeddings", True),
    ],
)
def test_estimators_that_train_nothing_refuse_what_only_training_uses(estimator, name, value):
    refused(name, estimator=estimator, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_params", {"n_epochs": 3}),
        ("model", {"hidden_dim": 8}),
        ("training", mi.Training(n_epochs=3)),
    ],
)
def test_settings_of_networks_that_are_not_used_are_warned_of(name, value):
    with pytest.warns(UserWarning, match=f"^{name} is not used with estimator='ksg'") as told:
        result = mi.run(X, Y, estimator="ksg", verbose=False, **{name: value})
    assert told[0].filename == __file__
    assert result.mi_estimate == mi.run(X, Y, estimator="ksg", verbose=False).mi_estimate


@pytest.mark.parametrize("estimator", DIRECT)
def test_folds_of_the_null_are_of_trained_bounds(estimator):
    refused("null_folds", estimator=estimator, n_permutations=3, null_folds=2)


@pytest.mark.parametrize("mode", ["estimate", "lag", "pairwise", "precision", "transfer"])
@pytest.mark.parametrize("estimator", ["ksg", "infonce"])
def test_grids_are_of_modes_that_go_through_them(mode, estimator):
    needed = {"lag": {"lag_range": [0]}, "precision": {"tau_grid": [0.1]}}.get(mode, {})
    grid = {"hidden_dim": [4, 8]}
    refused("sweep_grid", mode=mode, estimator=estimator, sweep_grid=grid, **needed)


def test_a_sweep_of_neighbours_goes_through_windows_only():
    window = {"processor_params_x": {"window_size": 2}, "processor_type_x": "continuous"}
    refused("sweep_grid", mode="sweep", estimator="ksg", sweep_grid={"hidden_dim": [4, 8]})
    grid = {"window_size": [1, 2]}
    swept = mi.run(
        X.T, Y.T, mode="sweep", estimator="ksg", sweep_grid=grid, verbose=False, **window
    )
    assert len(swept.dataframe) == 2


@pytest.mark.parametrize("name", ["delta_threshold", "min_gamma_points"])
@pytest.mark.parametrize("mode", ["estimate", "conditional", "transfer"])
def test_options_of_subsampling_want_subsampling(name, mode):
    options = {"z_data": RNG.standard_normal((300, 1))} if mode == "conditional" else {}
    refused(name, mode=mode, **options, **{name: 4})


def test_gammas_want_rigorous_beside_them():
    refused("gamma_range", mode="transfer", gamma_range=range(1, 6))


@pytest.mark.parametrize("value", [dict, np.zeros(3), "mlp"])
def test_an_embedding_is_a_module(value):
    refused("custom_embedding_cls", custom_embedding_cls=value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("channel_names_x", ["a", "b"]),
        ("channel_names_y", "a"),
        ("channel_names_y", [1]),
        ("x_name", 3),
        ("y_name", ["V1"]),
    ],
)
def test_names_are_texts_one_for_each_channel(name, value):
    refused(name, estimator="ksg", **{name: value})


def test_a_parameter_is_named_once():
    with pytest.raises(mi.exceptions.OptionError, match=r"hidden_dim.*name it once"):
        mi.run(X, Y, model={"hidden_dim": 8}, base_params={"hidden_dim": 16}, verbose=False)
    same = {**TINY, "hidden_dim": 4}
    mi.run(X, Y, model={"hidden_dim": 4}, base_params=same, verbose=False, random_seed=0)


def test_defaults_named_beside_neighbours_are_no_contradiction():
    assert mi.run(X, Y, estimator="ksg", min_gamma_points=5, return_embeddings=False, verbose=False)


def test_information_given_a_copy_is_nothing_and_no_warning_of_numpy():
    for estimator in ("ksg", "gcmi"):
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            result = mi.run(X, Y, mode="conditional", z_data=Y, estimator=estimator, verbose=False)
        assert abs(result.mi_estimate) < 0.02 or not result.is_reliable


def test_a_result_is_shown_in_a_line():
    result = mi.run(X, Y, estimator="ksg", verbose=False)
    assert repr(result) == f"<Results of {result}>"
    assert len(repr(result)) < 300
