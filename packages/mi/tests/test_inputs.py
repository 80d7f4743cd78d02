"""Every bad input has its error, and no input is changed."""

import re

import numpy as np
import pandas as pd
import pytest
import torch

from neuroloom import mi
from neuroloom.mi import exceptions as ex
from neuroloom.shared import DataError, NeuroloomError, Signal

OPTIONS = {"base_params": {"n_epochs": 1, "n_inits": 1}, "random_seed": 0, "verbose": False}
RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 3))
Y = X + RNG.standard_normal((200, 3))
HOLED = X.copy()
HOLED[7, 1] = np.nan
SPIKES = [np.sort(RNG.uniform(0, 100, 300)) for _ in range(2)]
WINDOW = {"window_size": 0.5}
SPIKE = {"processor_type_x": "spike", "processor_params_x": WINDOW}


class Wrong(torch.nn.Module):
    def forward(self, x, y):
        return x.sum() + y.sum()


BAD = {
    "nan": ((HOLED, Y), {}, ex.InvalidDataError, ValueError, r"x: .* 1 NaN .*channel 1"),
    "nan in z": (
        (X, Y),
        {"mode": "conditional", "z_data": HOLED},
        ex.InvalidDataError,
        ValueError,
        "z: ",
    ),
    "inf": ((X, np.where(Y > 2, np.inf, Y)), {}, ex.InvalidDataError, ValueError, "y: "),
    "nan spikes": (
        ([np.array([0.1, np.nan])], Y),
        SPIKE,
        ex.InvalidDataError,
        ValueError,
        r"x\[0\]",
    ),
    "all constant": ((np.ones((200, 2)), Y), {}, ex.InvalidDataError, ValueError, "constant"),
    "unequal": ((X, Y[:150]), {}, ex.DataShapeError, ValueError, "200.*150"),
    "unequal z": (
        (X, Y),
        {"mode": "conditional", "z_data": Y[:150]},
        ex.DataShapeError,
        ValueError,
        "'z': 150",
    ),
    "few": ((X[:20], Y[:20]), {}, ex.InsufficientDataError, ValueError, "at least 50 .* got 20"),
    "two": ((X[:2, :1], Y[:2, :1]), {}, ex.InsufficientDataError, ValueError, "got 2"),
    "few for a ladder": ((X, Y), {"mode": "rigorous"}, ex.InsufficientDataError, ValueError, "γ"),
    "window": (
        (X.T, Y.T),
        {"processor_type_x": "continuous", "processor_params_x": {"window_size": 300}},
        ex.InsufficientDataError,
        ValueError,
        "window",
    ),
    "text": ((X.astype(str), Y), {}, ex.UnknownOptionError, TypeError, "dtype"),
    "objects": ((X.astype(object), Y), {}, ex.UnknownOptionError, TypeError, "dtype"),
    "4 dimensions raw": (
        (X[None, None], Y),
        {"processor_type_x": "continuous"},
        ex.DataShapeError,
        ValueError,
        "2-D",
    ),
    "negative spikes": (([SPIKES[0] - 50], SPIKES), SPIKE, ex.InvalidDataError, ValueError, "≥ 0"),
    "spikes no list": ((np.float64(3), SPIKES), SPIKE, ex.UnknownOptionError, TypeError, "list"),
    "spikes 2-D": (([X], SPIKES), SPIKE, ex.UnknownOptionError, TypeError, "1-D"),
    "spikes an array": ((X, SPIKES), SPIKE, ex.UnknownOptionError, TypeError, "list of 1-D"),
    "long lag of spikes": (
        (SPIKES, SPIKES),
        {**SPIKE, "mode": "lag", "lag_range": [500.0]},
        ex.InsufficientDataError,
        ValueError,
        "500",
    ),
    "permutations": ((X, Y), {"n_permutations": -1}, ex.OptionError, ValueError, "n_permut"),
    "no spikes": (([np.array([])], SPIKES), SPIKE, ex.InvalidDataError, ValueError, "spikes"),
    "no clock": (
        (SPIKES, X.T),
        {**SPIKE, "processor_type_y": "continuous"},
        ex.OptionError,
        ValueError,
        "sample_rate",
    ),
    "float labels": (
        (X.T, Y.T),
        {"processor_type_x": "categorical"},
        ex.UnknownOptionError,
        TypeError,
        "integer",
    ),
    "negative labels": (
        (np.full((1, 200), -1), np.ones((1, 200), int)),
        {"processor_type_x": "categorical"},
        ex.InvalidDataError,
        ValueError,
        "≥ 0",
    ),
    "units": ((X, Y), {"output_units": "bit"}, ex.OptionError, ValueError, "did you mean 'bits'"),
    "mode": ((X, Y), {"mode": "rigourous"}, ex.OptionError, ValueError, "did you mean 'rigorous'"),
    "estimator": (
        (X, Y),
        {"estimator": "info_nce"},
        ex.OptionError,
        ValueError,
        "did you mean 'infonce'",
    ),
    "processor": (
        (X, Y),
        {"processor_type_x": "spikes"},
        ex.OptionError,
        ValueError,
        "did you mean 'spike'",
    ),
    "key": (
        (X, Y),
        {"base_params": {"learning_rat": 1}},
        ex.UnknownOptionError,
        TypeError,
        "learning_rate",
    ),
    "option": ((X, Y), {"lag_rang": [1]}, ex.UnknownOptionError, TypeError, "lag_rang"),
    "processor key": (
        (X.T, Y.T),
        {"processor_type_x": "continuous", "processor_params_x": {"window": 3}},
        ex.UnknownOptionError,
        TypeError,
        "window_size",
    ),
    "learning rate": (
        (X, Y),
        {"base_params": {"learning_rate": -1}},
        ex.OptionError,
        ValueError,
        "above 0",
    ),
    "epochs": ((X, Y), {"base_params": {"n_epochs": 0}}, ex.OptionError, ValueError, "n_epochs"),
    "batch": ((X, Y), {"base_params": {"batch_size": 1}}, ex.OptionError, ValueError, "at least 2"),
    "embedding": (
        (X, Y),
        {"base_params": {"embedding_dim": 0}},
        ex.OptionError,
        ValueError,
        "at least 1",
    ),
    "wrong type": (
        (X, Y),
        {"base_params": {"n_epochs": "5"}},
        ex.UnknownOptionError,
        TypeError,
        "n_epochs",
    ),
    "delta": ((X, Y), {"delta_threshold": 0}, ex.OptionError, ValueError, "delta_threshold"),
    "confidence": ((X, Y), {"confidence_level": 1.0}, ex.OptionError, ValueError, "confidence"),
    "no gammas": (
        (X, Y),
        {"mode": "rigorous", "gamma_range": []},
        ex.OptionError,
        ValueError,
        "gamma_range",
    ),
    "broken gamma": (
        (X, Y),
        {"mode": "rigorous", "gamma_range": [1, 1.5]},
        ex.OptionError,
        ValueError,
        "integer",
    ),
    "no lags": ((X, Y), {"mode": "lag"}, ex.OptionError, ValueError, "lag_range"),
    "empty lags": (
        (X, Y),
        {"mode": "lag", "lag_range": []},
        ex.OptionError,
        ValueError,
        "lag_range",
    ),
    "long lag": (
        (X, Y),
        {"mode": "lag", "lag_range": [200]},
        ex.InsufficientDataError,
        ValueError,
        "lag",
    ),
    "no grid": ((X, Y), {"mode": "sweep"}, ex.OptionError, ValueError, "sweep_grid"),
    "empty grid": (
        (X, Y),
        {"mode": "sweep", "sweep_grid": {"n_epochs": []}},
        ex.OptionError,
        ValueError,
        "n_epochs",
    ),
    "critic output": (
        (X, Y),
        {"custom_critic": Wrong()},
        ex.CriticOutputError,
        TypeError,
        r"\(7, 7\)",
    ),
    "critic no module": ((X, Y), {"custom_critic": 3}, ex.UnknownOptionError, TypeError, "Module"),
    "overlap": (
        (X, Y),
        {"train_indices": np.arange(100), "test_indices": np.arange(99, 200)},
        ex.OptionError,
        ValueError,
        "no common sample",
    ),
    "out of range": (
        (X, Y),
        {"train_indices": np.arange(100), "test_indices": np.arange(150, 250)},
        ex.OptionError,
        ValueError,
        "0 to 199",
    ),
    "workers": ((X, Y), {"n_workers": 0}, ex.OptionError, ValueError, "n_workers"),
    "concat_cnn": (
        (X, Y),
        {"base_params": {"critic_type": "concat_cnn"}},
        ex.OptionError,
        ValueError,
        "cnn",
    ),
    "z missing": ((X, Y), {"mode": "conditional"}, ex.OptionError, ValueError, "z_data"),
    "sparse": ((torch.eye(200).to_sparse(), Y), {}, ex.InvalidDataError, ValueError, "to_dense"),
    "text and numbers": (
        (pd.DataFrame({"a": X[:, 0], "b": "u"}), Y),
        {},
        ex.UnknownOptionError,
        TypeError,
        "'u'",
    ),
    "missing whole numbers": (
        (pd.DataFrame({"a": pd.array([None] + [1] * 199, dtype="Int64")}), Y),
        {},
        ex.InvalidDataError,
        ValueError,
        "1 NaN",
    ),
    "labels in a signal": (
        (Signal(X, 10.0), Signal(Y, 10.0)),
        {"processor_type_x": "categorical"},
        ex.InvalidDataError,
        ValueError,
        "whole numbers as labels",
    ),
    "kinds": (
        (np.r_[200_000, np.arange(199)][None], Y.T[:1]),
        {"processor_type_x": "categorical", "processor_type_y": "continuous"},
        ex.InvalidDataError,
        ValueError,
        "200001 kinds",
    ),
    "names of many kinds": (
        (np.array([f"{k}a" for k in range(20_000)]), np.arange(20_000) % 7),
        {},
        ex.InvalidDataError,
        ValueError,
        "20000 kinds",
    ),
    **{
        f"{option} without its surrogate": (
            (X, Y),
            {"n_permutations": 3, **given},
            ex.OptionError,
            ValueError,
            f"{option}: expected surrogate=",
        )
        for option, given in (
            ("surrogate_block", {"surrogate_block": 5}),
            ("trials", {"trials": np.repeat(np.arange(20), 10)}),
        )
    },
    **{
        f"{option} of {value!r}": (
            (X, Y),
            {"n_permutations": 3, "surrogate": "block", option: value},
            own,
            builtin,
            f"^{option}",
        )
        for option, value, own, builtin in (
            ("surrogate_block", -3, ex.OptionError, ValueError),
            ("surrogate_block", 1.5, ex.OptionError, ValueError),
            ("surrogate_block", 1000, ex.OptionError, ValueError),
            ("surrogate", X[:, 0], ex.OptionError, ValueError),
        )
    },
    "surrogate alone": ((X, Y), {"surrogate": "block"}, ex.OptionError, ValueError, "n_permut"),
    "clip": (
        (X, Y),
        {"estimator": "smile", "estimator_params": {"clip": -1.0}},
        ex.OptionError,
        ValueError,
        "clip",
    ),
    "spikes per window": (
        (SPIKES, SPIKES),
        {**SPIKE, "processor_params_x": {**WINDOW, "max_spikes_per_window": 0}},
        ex.OptionError,
        ValueError,
        "max_spikes_per_window",
    ),
    **{
        f"seed {value!r}": (
            (X, Y),
            {"random_seed": value},
            ex.OptionError,
            ValueError,
            "^random_seed",
        )
        for value in (-1, 1.5, "a", True)
    },
    "neighbours": (
        (X, Y),
        {"estimator": "ksg", "estimator_params": {"k": 60}, "base_params": None},
        ex.OptionError,
        ValueError,
        "at most 49 of 200",
    ),
    **{
        f"y missing in {mode}": (
            (X,),
            {"mode": mode, **({"lag_range": [0]} if mode == "lag" else {})},
            ex.OptionError,
            ValueError,
            f"'{mode}'",
        )
        for mode in ("estimate", "rigorous", "lag", "precision", "transfer")
    },
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_has_its_error(case):
    data, options, own, builtin, message = BAD[case]
    with pytest.raises(own, match=message) as caught:
        mi.run(*data, **{**OPTIONS, **options})
    assert isinstance(caught.value, ex.NeuralMIError)
    assert isinstance(caught.value, NeuroloomError)
    assert isinstance(caught.value, builtin)


def test_error_tree():
    assert issubclass(ex.InsufficientDataError, ex.DataShapeError)
    assert issubclass(ex.DataShapeError, DataError)
    assert issubclass(ex.TrainingError, RuntimeError)


@pytest.mark.slow
def test_diverged_training_names_epochs_and_rate():
    with pytest.raises(ex.TrainingError, match="learning rate 1e"):
        mi.run(
            X,
            Y,
            **{
                **OPTIONS,
                "base_params": {
                    "learning_rate": 1e30,
                    "n_epochs": 30,
                    "baseline": False,
                    "validation": 0.4,
                },
            },
        )


def test_a_diverged_fit_of_a_sweep_leaves_the_others():
    with pytest.warns(ex.SmallSampleWarning, match="diverged"):
        result = mi.run(
            X,
            Y,
            mode="sweep",
            sweep_grid={"learning_rate": [1e-3, 1e30]},
            **{**OPTIONS, "base_params": {"n_epochs": 30, "n_inits": 1, "baseline": False}},
        )
    mean = result.dataframe.set_index("learning_rate")["mi_mean"]
    assert np.isfinite(mean[1e-3])
    assert np.isnan(mean[1e30])


def test_align_truncates_when_asked():
    assert mi.run(X, Y[:150], align="truncate", **OPTIONS).details["n_samples"] == 150


def test_axis_warning_names_the_choice_and_data_format_silences_it():
    window = {"processor_type_x": "continuous"}
    with pytest.warns(ex.AxisWarning, match="n_timepoints, n_channels"):
        warned = mi.run(X, Y, **window, **OPTIONS)
    told = {"data_format": "channels_last"}
    silent = mi.run(X, Y, **window, processor_params_x=told, **OPTIONS)
    assert (
        warned.mi_estimate
        == silent.mi_estimate
        == mi.run(X.T, Y.T, **window, **OPTIONS).mi_estimate
    )


def test_some_constant_channels_are_named():
    x = X[:, :, None].copy()
    x[:, 1] = 3.0
    with pytest.warns(ex.DegenerateDataWarning, match=re.escape("[1]")):
        mi.run(x, Y, **OPTIONS)


def test_unsorted_spikes_are_copied_and_sorted():
    shuffled = [SPIKES[0][::-1].copy(), SPIKES[1]]
    before = shuffled[0].copy()
    other = [np.sort(RNG.uniform(0, 100, 300))]
    with pytest.warns(UserWarning, match="sorted"):
        result = mi.run(shuffled, other, **SPIKE, **OPTIONS)
    np.testing.assert_array_equal(shuffled[0], before)
    assert result.mi_estimate == mi.run(SPIKES, other, **SPIKE, **OPTIONS).mi_estimate


def test_milliseconds_for_seconds_are_noticed():
    trains = [train[:6] * 1000 for train in SPIKES]  # a few seconds' worth
    with pytest.warns(ex.UnitsWarning, match="seconds"):
        mi.run(trains, trains[::-1], **SPIKE, **OPTIONS)


def test_inputs_and_options_are_left_as_they_were():
    x, y, window = X.T.copy(), Y.T.copy(), {"window_size": 2}
    params = {"n_epochs": 1, "n_inits": 1}
    critic = torch.nn.Bilinear(6, 6, 1)
    before = [w.clone() for w in critic.parameters()]
    mi.run(
        x,
        y,
        processor_type_x="continuous",
        processor_params_x=window,
        base_params=params,
        random_seed=0,
        verbose=False,
    )
    np.testing.assert_array_equal(x, X.T)
    assert window == {"window_size": 2}
    assert params == {"n_epochs": 1, "n_inits": 1}
    assert all(torch.equal(a, b) for a, b in zip(before, critic.parameters(), strict=True))


def test_one_dimensional_input_is_one_channel():
    one = mi.run(X[:, 0], Y[:, 0], **OPTIONS)
    two = mi.run(X[:, :1], Y[:, :1], **OPTIONS)
    assert one.mi_estimate == two.mi_estimate


def test_mixed_spikes_and_signal_share_a_grid_in_seconds():
    signal = Signal(RNG.standard_normal((1000, 2)), rate=10.0)
    result = mi.run(
        SPIKES, signal, **SPIKE, processor_type_y="continuous", processor_params_y=WINDOW, **OPTIONS
    )
    array = mi.run(
        SPIKES,
        signal.values.T,
        **SPIKE,
        processor_type_y="continuous",
        processor_params_y={**WINDOW, "sample_rate": 10.0},
        **OPTIONS,
    )
    assert result.mi_estimate == array.mi_estimate
    assert 195 < result.details["n_samples"] <= 200


def test_global_random_state_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    numpy_before = np.random.get_state()[1].copy()  # noqa: NPY002 — that it is untouched
    mi.run(
        X, Y, **{**OPTIONS, "base_params": {"critic_type": "hybrid", "n_epochs": 1, "n_inits": 1}}
    )
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(numpy_before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("device", ["gpu", "cuda:99", 3])
def test_a_device_that_torch_has_not_is_refused(device):
    with pytest.raises(ex.OptionError, match="device: expected one that torch has here"):
        mi.run(X, Y, **{**OPTIONS, "device": device})


@pytest.mark.parametrize("estimator", ["ksg", "gcmi", "cca", "lmi"])
def test_units_of_any_size_change_nothing(estimator):
    plain = mi.run(X[:, 0], Y[:, 0], estimator=estimator)
    for scale in (2.0**-1000, 2.0**900):
        scaled = mi.run(X[:, 0] * scale, Y[:, 0] / scale, estimator=estimator)
        assert scaled.mi_estimate == plain.mi_estimate
        assert scaled.details["interval"] == plain.details["interval"]


def test_nullable_columns_are_numbers():
    table = pd.DataFrame({"a": pd.array(X[:, 0] > 0, dtype="boolean"), "b": X[:, 1]})
    table = table.astype({"b": "Float64"})
    plain = np.column_stack([X[:, 0] > 0, X[:, 1]]).astype(float)
    ours, theirs = (mi.run(x, Y[:, 0], estimator="ksg") for x in (table, plain))
    assert ours.mi_estimate == theirs.mi_estimate


@pytest.mark.slow
def test_names_of_kinds_have_no_order():
    rng = np.random.default_rng(0)
    kind, order = rng.integers(0, 12, 600), rng.permutation(12)
    names = np.array(list("abcdefghijkl"))
    x, y = names[kind], names[order[kind]]
    result = mi.run(x, y, base_params={"n_epochs": 15, "n_inits": 1}, verbose=False, random_seed=0)
    entropy = mi.run(x, x, estimator="plugin", estimator_params={"correction": "none"}).mi_estimate
    # The same in whatever order the alphabet has them, and all that there is.
    assert result.mi_estimate == pytest.approx(entropy, abs=0.2)
    again = np.array(list("lcjafhkdbige"))
    renamed = mi.run(again[kind], y, estimator="ksg", random_seed=0)
    plain = mi.run(x, y, estimator="ksg", random_seed=0)
    assert renamed.mi_estimate == pytest.approx(plain.mi_estimate, rel=1e-9)


@pytest.mark.slow
def test_a_bijection_of_labels_is_found_and_relied_on():
    rng = np.random.default_rng(0)
    kind, order = rng.integers(0, 16, 800), rng.permutation(16)
    result = mi.run(
        kind[None],
        order[kind][None],
        processor_type_x="categorical",
        base_params={"n_epochs": 15, "n_inits": 1},
        verbose=False,
        random_seed=0,
    )
    assert result.mi_estimate == pytest.approx(4.0, abs=0.1)
    assert result.is_reliable, result.details["reasons"]


def test_tables_whose_rows_were_moved_are_refused():
    x, e = np.random.default_rng(0).standard_normal((2, 300))
    table, other = pd.Series(x), pd.Series(0.8 * x + 0.6 * e)
    moved = other.sample(frac=1, random_state=0)
    options = {"estimator": "gcmi", "random_seed": 0, "verbose": False}
    with pytest.raises(ex.InvalidDataError, match="rows in one order"):
        mi.run(table, moved, **options)
    with pytest.raises(ex.InvalidDataError, match="rows in one order"):
        mi.run(table, other, mode="conditional", z_data=moved.to_frame(), **options)
    for whole in (mi.crosscheck, mi.information_bounds):
        with pytest.raises(ex.InvalidDataError, match="rows in one order"):
            whole(table, moved)
    back = mi.run(table, moved.loc[table.index], **options).mi_estimate
    assert back == mi.run(x, other.to_numpy(), **options).mi_estimate
    # Rows of other moments are a lag that was meant.
    assert mi.run(table.iloc[:-5], other.iloc[5:], **options).details["n_samples"] == 295
