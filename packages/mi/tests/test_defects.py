"""What was found wrong in NeuralMI 1.0.0 and its reference, one test each, and is right here."""

import inspect
import math

import joblib
import numpy as np
import pytest
import torch

from neuroloom import mi
from neuroloom.mi import exceptions as ex
from neuroloom.mi._modes.subsampling import parts
from neuroloom.mi._samples.folds import folds
from neuroloom.mi._samples.surrogates import surrogate

FAST = {"n_epochs": 4, "n_inits": 1, "n_folds": 3, "hidden_dim": 16, "embedding_dim": 8}
OPTIONS = {"base_params": FAST, "random_seed": 0, "verbose": False}


def gaussian(n=400, dim=2, bits=1.0, seed=0):
    return mi.datasets.generate_correlated_gaussians(n, dim, bits, use_torch=False, seed=seed)


def delayed(n, lag, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n + lag)
    return x[lag:], x[:n] + 0.3 * rng.standard_normal(n)


def test_defect_1_lag_works_on_preprocessed_arrays():
    x, y = delayed(500, 5)
    result = mi.run(x[:, None], y[:, None], mode="lag", lag_range=[0, 3, 5, 7], **OPTIONS)
    assert result.details["best_lag"] == 5
    assert result.mi_estimate > 1.0


@pytest.mark.slow
def test_defect_2_rigorous_transfer_windows_before_it_subsamples():
    # Time points in each part keep their neighbours: stretches of time, in order.
    for part in parts(100, 4, "blocked", np.random.default_rng(0)):
        assert (np.diff(part) == 1).all()
    rng = np.random.default_rng(0)
    x, noise = rng.standard_normal((2, 900))
    y = np.r_[0.0, 0.8 * x[:-1] + 0.3 * noise[1:]]
    result = mi.run(x, y, mode="transfer", history_window=1, rigorous=True, **OPTIONS)
    truth = 0.5 * math.log2(1 + 0.64 / 0.09)
    assert result.mi_estimate == pytest.approx(truth, abs=0.2)  # short and small on purpose
    assert result.details["plain"] == pytest.approx(truth, abs=0.2)


def test_defect_3_same_seed_same_numbers():
    x, y = gaussian()
    runs = [mi.run(x, y, **{**OPTIONS, "random_seed": 7}).mi_estimate for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]


class Product(torch.nn.Module):
    """A critic of a user's, drawn in some state."""

    def __init__(self):
        super().__init__()
        self.left, self.right = torch.nn.Linear(2, 4), torch.nn.Linear(2, 4)

    def forward(self, x, y):
        return self.left(x.flatten(1)) @ self.right(y.flatten(1)).T, torch.zeros(())


@pytest.mark.slow
def test_defect_4_a_custom_critic_is_copied_and_drawn_anew_for_every_fit():
    x, y = gaussian(900)
    critic = Product()
    before = {k: v.clone() for k, v in critic.state_dict().items()}
    params = {"n_epochs": 20, "n_inits": 1, "n_folds": 3, "learning_rate": 5e-3}
    result = mi.run(
        x,
        y,
        mode="rigorous",
        custom_critic=critic,
        gamma_range=[1, 2, 3],
        min_gamma_points=3,
        **{**OPTIONS, "base_params": params},
    )
    assert all(torch.equal(v, before[k]) for k, v in critic.state_dict().items())
    mean = result.dataframe.groupby("gamma")["test_mi"].mean()
    assert mean[3] < mean[1] + 0.1  # training on and on made it grow from .16 to .87


def test_defect_5_pairwise_gives_nulls_and_p_values_within_and_across():
    x, y = gaussian(200)
    options = {"mode": "pairwise", "permutation_test": True, "n_permutations": 3, **OPTIONS}
    within, across = mi.run(x, **options), mi.run(x, y, **options)
    for result, n in ((within, 1), (across, 4)):
        assert len(result.dataframe) == n
        assert result.dataframe["p_value"].between(0, 1).all()
        assert np.isfinite(result.details["null_distribution"]).all()


def test_defect_6_constant_data_are_refused_and_constant_channels_named():
    x, y = gaussian()
    with pytest.raises(ex.InvalidDataError, match="constant"):
        mi.run(np.ones_like(x), y, **OPTIONS)
    wide = np.stack([x[:, 0], np.zeros(len(x))], axis=1)[:, :, None]
    with pytest.warns(ex.DegenerateDataWarning, match=r"\[1\]"):
        mi.run(wide, y, **OPTIONS)


def test_defect_7_unequal_lengths_are_an_error():
    x, y = gaussian()
    with pytest.raises(ex.DataShapeError, match=r"400.*350"):
        mi.run(x, y[:350], **OPTIONS)


@pytest.mark.slow
def test_defect_8_shapes_sizes_and_units_are_noticed():
    x, y = gaussian()
    assert mi.run(x[:, 0], y[:, 0], **OPTIONS).details["n_samples"] == 400
    with (
        pytest.warns(ex.AxisWarning, match="transpose"),
        pytest.raises(ex.InsufficientDataError, match="got 2"),
    ):
        mi.run(x.T, y.T, **OPTIONS)
    for n in (8, 2):
        with pytest.raises(ex.InsufficientDataError, match=f"got {n}"):
            mi.run(x[:n, :1], y[:n, :1], **OPTIONS)
    # Milliseconds, none on the border of a window: a time of 0 would look like no spike.
    trains = [np.arange(1, 20) * 130.0 + np.random.default_rng(0).uniform(0, 50, 19)]
    window = {"window_size": 0.1}
    with pytest.warns(ex.UnitsWarning):
        mi.run(trains, trains, processor_type_x="spike", processor_params_x=window, **OPTIONS)


def test_defect_9_documented_options_of_dimensionality_arrive():
    x = np.random.default_rng(0).standard_normal((300, 6))
    result = mi.run(
        x,
        mode="dimensionality",
        n_splits=1,
        sweep_grid={"embedding_dim": [2]},
        **{**OPTIONS, "base_params": {**FAST, "shared_encoder": True, "n_epochs": 1}},
    )
    assert result.params["base_params"]["shared_encoder"]
    assert "participation_ratio" in result.details


@pytest.mark.parametrize("estimator", ["infonce", "nwj", "tuba", "smile", "js"])
def test_defect_10_all_five_bounds_are_there_and_right(estimator):
    x, y = gaussian(1500, 1, 1.0)
    result = mi.run(x, y, estimator=estimator, **OPTIONS)
    assert result.mi_estimate == pytest.approx(1.0, abs=0.15)


def test_defect_11_an_integer_learning_rate_is_a_number():
    x, y = gaussian(100)
    whole, real = (
        mi.run(x, y, **{**OPTIONS, "base_params": {**FAST, "learning_rate": rate}})
        for rate in (1, 1.0)
    )
    np.testing.assert_equal(whole.mi_estimate, real.mi_estimate)


def test_defect_12_the_users_dicts_are_never_changed():
    x, y = gaussian()
    window, params = {"window_size": 2}, dict(FAST)
    mi.run(
        x.T,
        y.T,
        processor_type_x="continuous",
        processor_params_x=window,
        base_params=params,
        random_seed=0,
        verbose=False,
    )
    assert window == {"window_size": 2}
    assert params == FAST


def test_defect_13_every_entry_of_base_params_has_a_default():
    x, y = gaussian()
    assert mi.run(x, y, random_seed=0, verbose=False, base_params={"n_epochs": 1}).mi_estimate
    defaults = mi.Params().to_dict()
    assert (defaults["n_epochs"], defaults["batch_size"]) == (50, 128)
    # Few steps learn faster, unless a rate is asked for.
    training = mi.Training()
    assert (training.rate(), training.rate(5000), training.rate(500)) == (5e-4, 5e-4, 1.5e-3)
    assert training.rate(10) == 2e-3
    assert mi.Training(learning_rate=1e-3).rate(10) == 1e-3
    assert (defaults["embedding_dim"], defaults["hidden_dim"], defaults["n_layers"]) == (64, 64, 2)
    assert defaults["patience"] is None


def test_blocked_splits_leave_a_gap_of_a_window_on_either_side():
    for fold in folds(
        np.arange(600),
        n_folds=4,
        mode="blocked",
        gap=7,
        validation=0.15,
        rng=np.random.default_rng(0),
    ):
        for held in (fold.test, fold.validation):
            distance = np.abs(fold.train[:, None] - held[None]).min()
            assert distance > 7


def test_surrogates_keep_autocorrelation_unless_samples_are_asked_for():
    walk = np.cumsum(np.random.default_rng(0).standard_normal(500))
    steps = np.abs(np.diff(walk)).mean()
    kept = walk[surrogate(500, "circular", np.random.default_rng(1))]
    shuffled = walk[surrogate(500, "permutation", np.random.default_rng(1))]
    assert np.abs(np.diff(kept)).mean() < 1.5 * steps
    assert np.abs(np.diff(shuffled)).mean() > 3 * steps


def test_conditional_surrogates_test_x_and_not_what_is_given():
    rng = np.random.default_rng(0)
    z = rng.standard_normal(400)
    x, y = rng.standard_normal(400), z + 0.3 * rng.standard_normal(400)  # y depends on z alone
    result = mi.run(x, y, mode="conditional", z_data=z, n_permutations=9, **OPTIONS)
    assert result.p_value > 0.1


def test_a_null_comes_with_its_p_value():
    x, y = gaussian(200)
    result = mi.run(x, y, permutation_test=True, n_permutations=9, **OPTIONS)
    assert result.p_value == pytest.approx(0.1)


def test_more_workers_do_not_change_what_is_computed():
    x, y = gaussian(200)
    one = mi.run(x, y, **OPTIONS)
    with joblib.parallel_config(backend="threading"):
        four = mi.run(x, y, n_workers=4, **OPTIONS)
    assert len(one.details["raw_results"]) == len(four.details["raw_results"])
    assert one.mi_estimate == four.mi_estimate


def test_small_information_is_signed_and_not_cut_off():
    rng = np.random.default_rng(0)
    values = [
        mi.run(*rng.standard_normal((2, 100, 5)), **{**OPTIONS, "random_seed": s}).mi_estimate
        for s in range(4)
    ]
    assert min(values) < 0


def test_run_has_the_references_parameters_in_its_order():
    reference = (
        "x_data y_data mode processor_type processor_params processor_type_x processor_params_x "
        "processor_type_y processor_params_y base_params sweep_grid output_units estimator "
        "estimator_params custom_critic custom_embedding_cls save_best_model_path random_seed "
        "verbose device split_mode train_indices test_indices delta_threshold min_gamma_points "
        "confidence_level analysis_kwargs"
    ).split()
    assert list(inspect.signature(mi.run).parameters) == reference
