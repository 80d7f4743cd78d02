import numpy as np
import pytest

import neuroloom.circuit_inference as ci

BOX = ci.Prior.box({"a": (0.0, 1.0, "pA"), "b": (-2.0, 2.0)})
FAST = {"max_epochs": 20, "n_folds": 0, "n_members": 2, "hidden": (16,), "batch_size": 32}


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    theta = BOX.sample(300, seed=0)
    x = theta + 0.1 * rng.standard_normal(theta.shape)
    inferer = ci.Inferer("mdn", BOX, hyperparams=FAST).fit(x[:200], theta[:200])
    return inferer, x[200:], theta[200:]


class TestPictures:
    @pytest.mark.slow
    def test_posterior(self, world):
        inferer, x, theta = world
        posterior = inferer.predict(x[:3], warn=False)
        ax = ci.plots.plot_posterior(posterior, "a", prior=BOX, row=1, truth=theta[1, 0])
        area = sum(patch.get_height() * patch.get_width() for patch in ax.patches)
        assert area == pytest.approx(1.0)
        assert ax.get_xlabel() == "a (pA)"
        assert ax.lines[-1].get_xdata()[0] == theta[1, 0]
        bad = inferer.predict([[np.nan, 0.0]], warn=False)
        with pytest.raises(ci.errors.ArgumentError, match="valid"):
            ci.plots.plot_posterior(bad, "a")

    def test_intervals_cross_out_what_lies_outside(self, world):
        inferer, x, _ = world
        posterior = inferer.predict(np.vstack([x[:4], [[50.0, 50.0]]]), warn=False)
        ax = ci.plots.plot_intervals(posterior, "b", labels=list("vwxyz"))
        inside, outside = ax.lines
        assert len(outside.get_xdata()) == 1
        assert len(inside.get_xdata()) == 4
        assert [t.get_text() for t in ax.get_yticklabels()] == list("vwxyz")
        with pytest.raises(ci.errors.UnknownNameError):
            ci.plots.plot_intervals(posterior, "c")

    def test_diagnosis(self, world):
        inferer, x, theta = world
        report = inferer.diagnose(x, theta, n_samples=50)
        curve = ci.plots.plot_calibration(report).lines[1].get_ydata()
        assert (np.diff(curve) >= 0).all()
        bars = ci.plots.plot_identifiability(report).patches
        wanted = np.maximum(report.contraction, 0)
        np.testing.assert_allclose([bar.get_width() for bar in bars], wanted)
        image = ci.plots.plot_correlations(report).images[0]
        np.testing.assert_array_equal(image.get_array(), report.correlation)
        widths = [bar.get_width() for bar in ci.plots.plot_importance(report).patches]
        assert widths == sorted(widths)

    def test_outside(self, world):
        inferer, x, _ = world
        ax = ci.plots.plot_outside(inferer, np.vstack([x[:5], [[9.0, 9.0]]]))
        simulations, observed, outside = ax.lines[:3]
        assert len(simulations.get_xdata()) == 200
        assert len(outside.get_xdata()) == 1
        assert outside.get_xdata().max() > 1 > observed.get_xdata().max()


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    theta = BOX.sample(200, seed=3)
    values = np.column_stack(
        [
            theta[:, 0] + 0.3 * rng.standard_normal(200),
            theta[:, 0] + 0.3 * rng.standard_normal(200),
            rng.standard_normal(200),
        ]
    )
    return ci.FeatureTable(values, ("one", "two", "noise"), ("",) * 200), theta


class TestBenchmark:
    def test_two_witnesses_are_better_than_one(self, table):
        result = ci.features.benchmark_features(
            (*table, BOX), {"both": ["one", "two"]}, model="Ridge", seed=2
        )
        assert result.ranking("a")[0] == "both"
        scores = result.table.set_index(["set", "target"])["r"]
        # r of one witness is sd / √(sd² + .3²), of the mean of two sd / √(sd² + .3²/2).
        sd = 1 / np.sqrt(12)
        assert scores["one", "a"] == pytest.approx(sd / np.hypot(sd, 0.3), abs=0.1)
        assert scores["both", "a"] == pytest.approx(sd / np.hypot(sd, 0.3 / 2**0.5), abs=0.1)
        assert abs(scores["both", "b"]) < 0.25
        rows = result.table
        assert ((rows["r low"] < rows["r"]) & (rows["r"] < rows["r high"])).all()

    def test_targets_and_pictures(self, table):
        result = ci.features.benchmark_features(
            (*table, BOX),
            {"both": ["one", "two"], "noise": ["noise"]},
            {"double": lambda theta: 2 * theta["a"]},
            model="Ridge",
            singles=False,
            seed=2,
        )
        scores = result.table.set_index(["set", "target"])["r"]
        assert scores["both", "double"] == pytest.approx(scores["both", "a"])
        ax = result.plot("double")
        assert [t.get_text() for t in ax.get_yticklabels()] == ["noise", "both"]

    def test_bad_input(self, table):
        with pytest.raises(ci.errors.ArgumentError, match="n_folds"):
            ci.features.benchmark_features((*table, BOX), {"x": ["one"]}, n_folds=1)
        with pytest.raises(ci.errors.ArgumentError, match="at least one"):
            ci.features.benchmark_features((*table, BOX), {})
        with pytest.raises(ci.FeatureMismatchError):
            ci.features.benchmark_features((*table, BOX), {"x": ["three"]})
