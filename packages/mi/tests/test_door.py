"""The reference's door: its example, its names, configs, files, pictures and words."""

import io
import logging

import matplotlib as mpl
import matplotlib.figure
import numpy as np
import pandas as pd
import pytest

import neuroloom.mi as nmi
from neuroloom import mi
from neuroloom.mi import exceptions as ex
from neuroloom.mi._options.modes import mode_options
from neuroloom.mi._results.record import TIDY
from neuroloom.mi._samples.halves import METHODS, halves
from neuroloom.shared import NeuroloomError

mpl.use("agg")
FAST = {"n_epochs": 2, "n_inits": 1, "n_folds": 2, "hidden_dim": 8, "embedding_dim": 4}
OPTIONS = {"base_params": FAST, "random_seed": 0, "verbose": False}


def halving(entries):
    return mode_options("dimensionality", entries)


def gaussian(n=200, dim=2, bits=1.0):
    return mi.datasets.generate_correlated_gaussians(n, dim, bits, use_torch=False, seed=0)


@pytest.mark.slow
def test_the_references_example_runs_with_the_import_changed():
    # Its calls, with a smaller recording and fewer epochs; `nmi` is all that differs.
    x_raw, y_raw = nmi.datasets.generate_nonlinear_from_latent(
        n_samples=600, latent_dim=10, observed_dim=100, mi=3.0
    )
    base_params = {
        "n_epochs": 2,
        "learning_rate": 1e-3,
        "batch_size": 128,
        "embedding_dim": 16,
        "hidden_dim": 64,
    }
    results = nmi.run(
        x_data=x_raw.T,
        y_data=y_raw.T,
        mode="rigorous",
        processor_type_x="continuous",
        processor_params_x={"window_size": 1},
        base_params=base_params,
        n_workers=1,
        random_seed=42,
        verbose=False,
    )
    mi_est = results.mi_estimate
    mi_err = results.details.get("mi_error", 0.0)
    text = f"Corrected MI: {mi_est:.3f} ± {mi_err:.3f} bits"
    assert text.startswith("Corrected MI: ")
    assert np.isfinite([mi_est, mi_err]).all()
    assert {"gamma", "test_mi"} <= set(results.dataframe)


def test_names_of_the_reference_are_where_it_has_them():
    for name in (
        "datasets.generate_correlated_gaussians datasets.generate_nonlinear_from_latent "
        "datasets.generate_temporally_convolved_data datasets.generate_xor_data "
        "datasets.generate_event_related_data datasets.generate_linear_data "
        "datasets.generate_nonlinear_data datasets.generate_history_data "
        "datasets.generate_full_data datasets.generate_correlated_spike_trains "
        "datasets.generate_correlated_categorical_series datasets.mi_to_rho "
        "visualize.plot_sweep_curve visualize.plot_bias_correction_fit "
        "visualize.plot_cross_correlation visualize.analyze_mi_heatmap logger.set_verbosity "
        "exceptions.NeuralMIError exceptions.DataShapeError exceptions.InsufficientDataError "
        "exceptions.TrainingError results.Results"
    ).split():
        door, attribute = name.split(".")
        assert hasattr(getattr(mi, door), attribute), name
    assert list(mi.__all__) == sorted(mi.__all__)
    assert issubclass(ex.NeuralMIError, NeuroloomError)


def test_config_objects_dicts_and_keywords_are_one():
    x, y = gaussian()
    plain = mi.run(
        x,
        y,
        base_params={**FAST, "learning_rate": 1e-3},
        split_mode="random",
        output_units="nats",
        estimator="smile",
        estimator_params={"clip": 3.0},
        random_seed=1,
        verbose=False,
    )
    objects = mi.run(
        x,
        y,
        model=mi.Model(hidden_dim=8, embedding_dim=4),
        training=mi.Training(n_epochs=2, n_inits=1, n_folds=2, learning_rate=1e-3),
        split=mi.Split(mode="random"),
        output=mi.Output(units="nats", verbose=False),
        estimator=mi.Estimator(name="smile", params={"clip": 3.0}),
        seed=1,
    )
    dicts = mi.run(
        x,
        y,
        model={"hidden_dim": 8, "embedding_dim": 4},
        training={"n_epochs": 2, "n_inits": 1, "learning_rate": 1e-3},
        split={"mode": "random", "train_fraction": 0.5},
        output={"units": "nats", "verbose": False},
        estimator={"name": "smile", "params": {"clip": 3.0}},
        seed=1,
    )
    assert plain.mi_estimate == objects.mi_estimate == dicts.mi_estimate
    assert plain.params == objects.params == dicts.params


@pytest.mark.slow
def test_configs_of_modes():
    x, y = gaussian(300, 1)
    lag = mi.run(x, y, mode="lag", lag=mi.Lag(lag_range=[0, 1], equalize_n=False), **OPTIONS)
    assert set(lag.to_frame()["n"]) == {299, 300}
    transfer = mi.run(
        x, y, mode="transfer", transfer={"history_window": 2, "bidirectional": True}, **OPTIONS
    )
    assert transfer.details["n_samples"] == 298
    assert "te_yx" in transfer.details
    conditional = mi.run(
        x, y, mode="conditional", conditional=mi.Conditional(z_data=x[::-1]), **OPTIONS
    )
    assert np.isfinite(conditional.mi_estimate)
    precision = mi.run(
        x,
        y,
        mode="precision",
        precision=mi.Precision(
            tau_grid=[0.5, 9.0],
            corruption_method="noise",
            n_noise_samples=2,
            threshold_ratio=[0.9, 0.5],
        ),
        **OPTIONS,
    )
    assert list(precision.dataframe["tau"]) == [0.0, 0.5, 9.0]
    assert len(precision.to_frame()) == 5
    assert set(precision.details["precision_taus"]) == {"0.9", "0.5"}
    with pytest.warns(UserWarning, match="lag is not used in mode 'estimate'"):
        mi.run(x, y, lag=mi.Lag(lag_range=[0]), **OPTIONS)
    with pytest.raises(TypeError, match=r"tau_gird.*did you mean 'tau_grid'"):
        mi.run(x, y, mode="precision", precision={"tau_gird": [1]}, **OPTIONS)
    with pytest.raises(TypeError, match="expected Split or a dict"):
        mi.run(x, y, split=3, **OPTIONS)


def test_times_of_samples_give_a_clock():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1, 400))
    time = 5.0 + np.arange(400) / 50
    window = {"window_size": 0.1}
    result = mi.run(
        x,
        y,
        processing=mi.Processing(
            x="continuous",
            x_params=window,
            y="continuous",
            y_params=window,
            x_time=time,
            y_time=time,
        ),
        **OPTIONS,
    )
    assert result.details["n_samples"] == 80
    with pytest.raises(ex.DataShapeError, match="x_time: expected 400 times"):
        mi.run(x, y, processor_type_x="continuous", x_time=time[:9], **OPTIONS)
    with pytest.raises(ex.DataShapeError, match="regular"):
        mi.run(x, y, processor_type_x="continuous", x_time=time**2, **OPTIONS)


@pytest.mark.parametrize("method", METHODS)
def test_halves_divide_everything_in_two(method):
    images = np.arange(60 * 6 * 4, dtype=float).reshape(60, 6, 4)
    options = {"split_method": method, "channel_indices_x": [0, 3], "lag": 2}
    (x, y), *_ = halves(images, halving(options), np.random.default_rng(0))
    if method == "temporal":
        np.testing.assert_array_equal(x[2:], y[:-2])
        assert len(x) == 58
        return
    both = np.sort(np.concatenate([x.reshape(60, -1), y.reshape(60, -1)], axis=1), axis=1)
    np.testing.assert_array_equal(both, images.reshape(60, -1))
    assert min(x[0].size, y[0].size) >= 8


def test_halves_say_what_they_need():
    rng = np.random.default_rng(0)
    flat = np.zeros((60, 1, 4))
    with pytest.raises(ex.DataShapeError, match="images"):
        halves(flat, halving({"split_method": "horizontal"}), rng)
    with pytest.raises(ex.OptionError, match="0 to 3"):
        halves(flat, halving({"split_method": "index", "channel_indices_x": [4]}), rng)
    with pytest.raises(ex.InsufficientDataError, match="at most 9"):
        halves(flat, halving({"split_method": "temporal", "lag": 30}), rng)


@pytest.mark.slow
def test_noise_ladder_ends_in_collapse():
    rng = np.random.default_rng(0)
    hidden = rng.standard_normal((400, 2))
    x = hidden @ rng.standard_normal((2, 8)) + 0.3 * rng.standard_normal((400, 8))
    result = mi.run(
        x,
        mode="dimensionality",
        n_splits=1,
        sweep_grid={"embedding_dim": [4]},
        sigma_add=[0.5, 1.0, 50.0],
        **{**OPTIONS, "base_params": {**FAST, "n_epochs": 20, "learning_rate": 3e-3}},
    )
    ladder = result.details["noise_ladder"]
    assert list(ladder["sigma"]) == [0.0, 0.5, 1.0, 50.0]
    assert ladder["regime"].iloc[-1] == "collapsed"
    assert ladder["regime"].iloc[1] == "detached"
    assert ladder["mi"].is_monotonic_decreasing
    assert 0.4 < result.details["suggested_sigma"] < 1.1
    ax = mi.visualize.plot_noise_ladder(ladder, suggested=result.details["suggested_sigma"])
    assert "added noise" in ax.get_xlabel()
    with pytest.raises(ex.OptionError, match="auto"):
        mi.run(x, mode="dimensionality", sigma_add="some", **OPTIONS)
    with pytest.raises(ex.OptionError, match="negative"):
        mi.run(x, mode="dimensionality", stabilize_counts=True, **OPTIONS)


@pytest.fixture(scope="module")
def results():
    """One small result of every mode."""
    x, y = gaussian(600, 2)
    one = {"processor_type_x": None}
    return {
        "estimate": mi.run(x, y, n_permutations=3, return_embeddings=True, **OPTIONS),
        "sweep": mi.run(
            x,
            y,
            mode="sweep",
            sweep_grid={"embedding_dim": [2, 4], "learning_rate": [1e-3, 1e-2]},
            **OPTIONS,
        ),
        "dimensionality": mi.run(
            x, y, mode="dimensionality", sweep_grid={"embedding_dim": [1, 2]}, **OPTIONS
        ),
        "rigorous": mi.run(x, y, mode="rigorous", **OPTIONS),
        "lag": mi.run(x, y, mode="lag", lag_range=[-1, 0, 1], **OPTIONS),
        "precision": mi.run(x, y, mode="precision", tau_grid=[0.5], **OPTIONS),
        "conditional": mi.run(x, y, mode="conditional", z_data=x[::-1], **OPTIONS),
        "transfer": mi.run(x[:, 0], y[:, 0], mode="transfer", **OPTIONS, **one),
        "pairwise": mi.run(
            x,
            y,
            mode="pairwise",
            n_permutations=3,
            output=mi.Output(x_name="V1", channel_names_x=["a", "b"]),
            **OPTIONS,
        ),
    }


@pytest.mark.parametrize(
    "mode",
    "estimate sweep dimensionality rigorous lag precision conditional transfer pairwise".split(),
)
def test_every_mode_plots_tells_and_keeps(mode, results, tmp_path):
    result = results[mode]
    fig = mpl.figure.Figure()
    ax = fig.subplots()
    assert result.plot(ax=ax, title="here", show=False) is ax
    assert ax.get_title(loc="left") == "here" or ax.get_title() == "here"
    assert ax.has_data()
    fig.savefig(tmp_path / "picture.png")
    frame = result.to_frame()
    assert tuple(frame.columns[-len(TIDY) :]) == TIDY
    assert set(frame["mode"]) == {mode}
    assert mode in result.summary()
    text = result.to_json(tmp_path / "result.json")
    assert (tmp_path / "result.json").read_text() == text
    assert pd.read_json(io.StringIO(text), typ="series")["mode"] == mode
    again = mi.Results.load(result.save(tmp_path / "result.npz"))
    pd.testing.assert_frame_equal(again.to_frame(), frame)


def test_names_of_channels_are_in_the_picture(results):
    ax = results["pairwise"].plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    assert ax.get_ylabel() == "channel of V1"


def test_results_are_compared_where_they_can_be(results):
    ax = mi.Results.compare([results["estimate"], results["rigorous"]], labels=["a", "b"])
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b"]
    assert mi.Results.compare([results["lag"], results["lag"]]).get_xlabel() == "lag"
    with pytest.raises(ex.OptionError, match="curves only"):
        mi.Results.compare([results["sweep"], results["estimate"]])
    with pytest.raises(ex.OptionError, match="got none"):
        mi.Results.compare([])
    with pytest.raises(ex.OptionError, match="expected 1, got 2"):
        mi.Results.compare([results["estimate"]], labels=["a", "b"])


def test_embeddings_are_drawn_on_what_they_share(results):
    ax = mi.visualize.plot_embeddings(results["estimate"])
    a, b = ax.collections[0].get_offsets().T
    assert np.corrcoef(a, b)[0, 1] > 0.3
    with pytest.raises(ex.OptionError, match="return_embeddings"):
        mi.visualize.plot_embeddings(results["lag"])


def test_plots_say_what_is_missing():
    with pytest.raises(ValueError, match="table"):
        mi.Results("sweep").plot()
    with pytest.raises(NotImplementedError, match="no picture"):
        mi.Results("other").plot()
    with pytest.raises(ex.OptionError, match="mi_mean"):
        mi.visualize.plot_sweep_curve(pd.DataFrame({"a": [1]}), "a")
    with pytest.raises(ex.OptionError, match="gamma"):
        mi.visualize.plot_bias_correction_fit(pd.DataFrame({"test_mi": [1]}), {})


def test_sweep_curve_marks_true_and_estimated_values():
    table = pd.DataFrame({"dim": [1, 2, 3], "mi_mean": [0.1, 1.0, 1.1], "mi_std": 0.1})
    ax = mi.visualize.plot_sweep_curve(table, "dim", true_value=2, estimated_values={"knee": 3})
    styles = {line.get_label(): line.get_linestyle() for line in ax.lines}
    assert styles["true value"] == "--"
    assert styles["knee"] == ":"


def test_cross_correlation_peaks_at_the_lag():
    x, y = mi.datasets.generate_linear_data(2000, true_lag=7, noise_level=0.1, seed=0)
    ax = mi.visualize.plot_cross_correlation(x, y, 7)
    lags, r = ax.lines[0].get_data()
    assert lags[np.argmax(r)] == 7


def test_heatmap_finds_contours_bridge_and_circle():
    lags, windows = np.arange(0, 41, 2), np.arange(2, 61, 2)
    table = pd.DataFrame(
        [
            # Information needs a window that reaches over sample 30, and grows until 50.
            {"lag": a, "window_size": w, "mi": float(np.clip((a + w - 30) / 20, 0, 1))}
            for a in lags
            for w in windows
        ]
    )
    found = mi.visualize.analyze_mi_heatmap(
        table, absolute_mi_threshold=0.5, true_lag=10, history_duration=20
    )
    # First window at lag 0 above floor + .1 · range is the first beyond 32.
    assert found.causal_sum == 34
    np.testing.assert_allclose(found.significant_contour.sum(axis=1), 40, atol=1e-9)
    # Two parallel lines 6 apart in the sum are 6 / √2 apart.
    ends = np.stack(found.bridge)
    assert np.hypot(*np.diff(ends, axis=0)[0]) == pytest.approx(6 / np.sqrt(2), abs=0.1)
    np.testing.assert_allclose(found.center, ends.mean(axis=0))
    assert found.radius == pytest.approx(1.2 * 6 / np.sqrt(2) / 2, abs=0.1)
    flat = mi.visualize.analyze_mi_heatmap(table, absolute_mi_threshold=2.0)
    assert flat.bridge is None
    assert len(flat.significant_contour) == 0
    with pytest.raises(ex.OptionError, match="window_size"):
        mi.visualize.analyze_mi_heatmap(table.drop(columns="window_size"))


def test_verbosity_takes_levels_and_names():
    logger = logging.getLogger("neuroloom.mi")
    before = logger.level
    try:
        for level, number in ((0, logging.CRITICAL), ("info", logging.INFO), (4, logging.DEBUG)):
            mi.logger.set_verbosity(level)
            assert logger.level == number
        for wrong in (5, -1, "LOUD", True):
            with pytest.raises(ex.OptionError, match="expected 0 to 4"):
                mi.logger.set_verbosity(wrong)
    finally:
        logger.setLevel(before)
