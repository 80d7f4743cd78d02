"""Each mode on data whose answer is known."""

import math

import numpy as np
import pytest

from neuroloom import mi
from neuroloom.mi._results.record import TIDY

FAST = {"n_epochs": 10, "n_inits": 1, "n_folds": 4, "hidden_dim": 32, "embedding_dim": 8}
OPTIONS = {"base_params": FAST, "random_seed": 0, "verbose": False}


def gaussian(n, dim, bits, seed=0):
    return mi.datasets.generate_correlated_gaussians(n, dim, bits, use_torch=False, seed=seed)


def delayed(n, lag, seed=0, noise=0.5):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n + lag)
    return x[lag:], x[:n] + noise * rng.standard_normal(n)


def autoregressive(n=1500, seed=0):
    rng = np.random.default_rng(seed)
    x, noise = rng.standard_normal(n), rng.standard_normal(n)
    return x, np.r_[noise[0], 0.8 * x[:-1] + 0.3 * noise[1:]]


def test_sweep_keeps_the_reference_columns():
    grid = {"embedding_dim": [2, 8], "learning_rate": [1e-3]}
    result = mi.run(*gaussian(600, 2, 1.0), mode="sweep", sweep_grid=grid, **OPTIONS)
    assert list(result.dataframe) == ["embedding_dim", "learning_rate", "mi_mean", "mi_std"]
    assert result.params["sweep_var"] == "embedding_dim"
    assert result.dataframe["mi_mean"].to_numpy() == pytest.approx([1.0, 1.0], abs=0.2)
    assert result.plot().get_xlabel() == "embedding_dim"


@pytest.mark.slow
def test_sweep_repeats_runs_and_sweeps_windows():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 800))
    y = x + 0.5 * rng.standard_normal((1, 800))
    result = mi.run(
        x,
        y,
        mode="sweep",
        processor_type_x="continuous",
        sweep_grid={"window_size": [1, 3], "run_id": [0, 1]},
        **OPTIONS,
    )
    assert list(result.dataframe["window_size"]) == [1, 3]
    assert len(result.to_frame()) == 4
    one, three = result.dataframe["mi_mean"]
    assert three > 1.5 * one  # three independent samples per window


@pytest.mark.slow
@pytest.mark.parametrize("processor", [None, "continuous"])
def test_lag_is_found_exactly_on_raw_and_processed_input(processor):
    x, y = delayed(800, 5)
    data = (x, y) if processor is None else (x[None], y[None])
    result = mi.run(*data, mode="lag", processor_type_x=processor, lag_range=range(8), **OPTIONS)
    assert result.details["best_lag"] == 5
    assert list(result.dataframe) == ["lag", "mi_mean", "mi_std"]
    others = result.dataframe.query("lag != 5")["mi_mean"]
    assert others.abs().max() < 0.1
    assert result.dataframe.query("lag == 5")["mi_mean"].item() > 0.8


@pytest.mark.slow
def test_lag_of_spikes_is_in_seconds():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(0, 200, 1500))
    y = np.sort(x + 0.3)
    window = {"window_size": 0.1, "step_size": 0.1, "bin_size": 0.1, "n_seconds": 200.0}
    result = mi.run(
        [x],
        [y],
        mode="lag",
        processor_type_x="spike",
        processor_params_x=window,
        lag_range=[0.0, 0.1, 0.2, 0.3, 0.4],
        **OPTIONS,
    )
    assert result.details["best_lag"] == pytest.approx(0.3)


@pytest.mark.slow
def test_lag_p_values_are_corrected_for_all_lags():
    result = mi.run(*delayed(300, 2), mode="lag", lag_range=range(5), n_permutations=19, **OPTIONS)
    p = result.dataframe["p_value"].to_numpy()
    assert p[2] == pytest.approx(1 / 20)
    assert (p[[0, 1, 3, 4]] > 0.05).all()


@pytest.mark.slow
def test_transfer_entropy_plain():
    result = mi.run(
        *autoregressive(), mode="transfer", history_window=2, bidirectional=True, **OPTIONS
    )
    truth = 0.5 * math.log2(1 + 0.64 / 0.09)
    assert result.mi_estimate == pytest.approx(truth, abs=0.1)
    assert abs(result.details["te_yx"]) < 0.05
    assert result.details["directionality"] > 0.9


@pytest.mark.slow
def test_transfer_entropy_rigorous_windows_before_it_subsamples():
    options = {"history_window": 2, "rigorous": True, "gamma_range": [1, 2, 3], **OPTIONS}
    result = mi.run(*autoregressive(), mode="transfer", **options)
    assert result.mi_estimate == pytest.approx(1.51, abs=0.1)


@pytest.mark.slow
def test_conditional_information_of_a_common_cause_is_nothing():
    rng = np.random.default_rng(0)
    z = rng.standard_normal(1500)
    x, y = (z + 0.5 * rng.standard_normal(1500) for _ in range(2))
    joint = mi.run(x, y, **OPTIONS)
    given = mi.run(x, y, z_data=z, mode="conditional", n_permutations=9, **OPTIONS)
    assert joint.mi_estimate > 0.5
    assert abs(given.mi_estimate) < 0.05
    assert given.p_value > 0.1


@pytest.mark.slow
def test_conditional_surrogates_find_what_is_left():
    rng = np.random.default_rng(0)
    z = rng.standard_normal(600)
    x = z + rng.standard_normal(600)
    y = x + z + rng.standard_normal(600)
    result = mi.run(x, y, z_data=z, mode="conditional", n_permutations=19, **OPTIONS)
    assert result.mi_estimate == pytest.approx(0.5, abs=0.15)  # ½ log₂(1 + 1)
    assert result.p_value == pytest.approx(1 / 20)


@pytest.mark.slow
def test_pairwise_finds_the_pairs_and_gives_p_values():
    x, y = gaussian(400, 3, 3.0)
    result = mi.run(x, y, mode="pairwise", n_permutations=19, **OPTIONS)
    matrix = result.details["mi_matrix"]
    assert np.diag(matrix) == pytest.approx(np.ones(3), abs=0.3)
    assert np.abs(matrix[~np.eye(3, dtype=bool)]).max() < 0.1
    assert np.diag(result.details["p_matrix"]) == pytest.approx(1 / 20)
    assert result.plot().get_xlabel() == "channel of y"


@pytest.mark.slow
def test_pairwise_of_one_recording_has_a_null_too():
    rng = np.random.default_rng(0)
    common = rng.standard_normal((300, 1))
    x = np.hstack([common + 0.5 * rng.standard_normal((300, 2)), rng.standard_normal((300, 1))])
    result = mi.run(
        x, mode="pairwise", permutation_test=True, n_permutations=9, correction="bh", **OPTIONS
    )
    assert len(result.dataframe) == 3
    assert result.dataframe["p_corrected"].notna().all()
    matrix = result.details["mi_matrix"]
    assert matrix[0, 1] == matrix[1, 0] > matrix[0, 2]


@pytest.mark.slow
def test_precision_is_the_width_at_which_information_goes():
    result = mi.run(*gaussian(800, 1, 2.0), mode="precision", tau_grid=[0.01, 0.1, 4.0], **OPTIONS)
    table = result.dataframe.set_index("tau")["mi_mean"]
    assert table[0.01] == pytest.approx(table[0.0], abs=0.1)
    assert result.details["precision_tau"] == 4.0


@pytest.mark.slow
@pytest.mark.parametrize("dim", [3, 5])
def test_dimensionality_counts_shared_latents(dim):
    rng = np.random.default_rng(0)
    latent = rng.standard_normal((1500, dim))
    x = latent @ rng.standard_normal((dim, 24)) + 0.5 * rng.standard_normal((1500, 24))
    result = mi.run(
        x,
        mode="dimensionality",
        n_splits=2,
        sweep_grid={"embedding_dim": [1, 2, 4]},
        **OPTIONS,
    )
    assert result.details["participation_ratio"] == pytest.approx(dim, abs=1)
    assert set(result.details["estimated_dims"]) == {"0.1", "1.0", "15.0"}
    assert result.params["estimator"] == "smile"


@pytest.mark.slow
def test_rigorous_interval_holds_the_truth():
    x, y = gaussian(1500, 4, 2.0)
    result = mi.run(x, y, mode="rigorous", confidence_level=0.99, **OPTIONS)
    low, high = result.details["interval"]
    assert low < 2.0 < high
    assert high - low < 0.8
    assert {"gamma", "test_mi"} <= set(result.dataframe)
    for key in ("mi_corrected", "mi_error", "slope", "is_reliable", "gammas_used"):
        assert key in result.details
    assert "γ" in result.plot().get_xlabel()


@pytest.mark.slow
def test_peer_ladder_has_its_55_parts_and_fewer_steps_on_smaller_ones():
    x, y = gaussian(1500, 4, 2.0)
    with pytest.warns(UserWarning, match="asks for 1000"):
        result = mi.run(x, y, mode="rigorous", method="abdelaleem2025", **OPTIONS)
    counts = result.dataframe.groupby("gamma").size()
    assert list(counts) == list(range(1, 11))
    assert {"mi_error_pred", "train_mi", "raw_test_mi"} <= {
        *result.details,
        *result.dataframe.columns,
    }


@pytest.mark.slow
def test_direct_estimators_and_crosscheck():
    x, y = gaussian(1000, 2, 1.0)
    for name in ("ksg", "gcmi", "cca", "lmi"):
        result = mi.run(x, y, estimator=name, n_permutations=19, random_seed=0, verbose=False)
        assert result.mi_estimate == pytest.approx(1.0, abs=0.2), name
        assert result.p_value == pytest.approx(1 / 20)
    lag = mi.run(*delayed(300, 3), mode="lag", estimator="ksg", lag_range=range(6), random_seed=0)
    assert lag.details["best_lag"] == 3
    assert list(mi.crosscheck(x, y)["estimator"]) == ["ksg", "gcmi", "cca", "lmi"]


@pytest.mark.slow
def test_every_mode_has_the_same_tidy_columns():
    x, y = gaussian(400, 2, 1.0)
    runs = [
        mi.run(x, y, **OPTIONS),
        mi.run(x, y, mode="sweep", sweep_grid={"embedding_dim": [4]}, **OPTIONS),
        mi.run(x, y, mode="lag", lag_range=[0, 1], **OPTIONS),
        mi.run(x, y, mode="precision", tau_grid=[1.0], **OPTIONS),
        mi.run(x, y, mode="pairwise", **OPTIONS),
        mi.run(x[:, 0], y[:, 0], mode="transfer", **OPTIONS),
        mi.run(x, y, estimator="gcmi", **{**OPTIONS, "base_params": None}),
    ]
    for result in runs:
        frame = result.to_frame()
        assert frame.columns[0] == "mode"
        assert tuple(frame.columns[-len(TIDY) :]) == TIDY
        assert set(frame["units"]) == {"bits"}


@pytest.mark.slow
def test_xor_is_one_bit_and_its_parts_nothing():
    x, y = mi.datasets.generate_xor_data(4000, use_torch=False, seed=0)
    params = {**FAST, "n_epochs": 30, "learning_rate": 2e-3}
    options = {**OPTIONS, "base_params": params}
    assert mi.run(x, y, **options).mi_estimate == pytest.approx(1.0, abs=0.05)
    for k in (0, 1):
        assert abs(mi.run(x[:, k], y, **options).mi_estimate) < 0.02


def test_training_that_still_gains_leaves_more_open():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 2))
    y = x + 0.3 * rng.standard_normal((400, 2))
    # Without the baseline a few steps are too few, and parts of all sizes lack the same.
    base = {"n_epochs": 6, "n_inits": 1, "n_folds": 2, "baseline": False, "learning_rate": 2e-3}
    options = {"mode": "rigorous", "gamma_range": [1, 2], "min_gamma_points": 2, "verbose": False}
    result = mi.run(x, y, base_params=base, random_seed=0, **options)
    learning = result.details["checks"]["learning"]
    assert learning > 0.1
    high = result.details["interval"][1]
    assert high - result.mi_estimate > 0.4 * learning
    assert {row["gamma"] for row in result.details["raw_results"]} == {1, 2}
    assert len(result.details["raw_results"]) == 3
