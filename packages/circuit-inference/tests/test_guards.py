"""Guards that speak: outsiders, contraction, identity of features, rates and lengths."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from neuroloom.circuit_inference import (
    BandPower,
    Catch22,
    FeatureMismatchError,
    FeatureSet,
    FeatureTable,
    Inferer,
    Moments,
    OutOfDistributionWarning,
    Preprocessing,
    Prior,
    gao_library,
    simulate_library,
)
from neuroloom.circuit_inference._estimators.mdn import mean_rank
from neuroloom.circuit_inference._estimators.mixture import Marginals
from neuroloom.circuit_inference._inference.recalibration import Recalibration
from neuroloom.circuit_inference.diagnostics import SimulatedCloud
from neuroloom.circuit_inference.errors import ArgumentError, SeriesLengthWarning, ShapeError
from neuroloom.shared import Seed

QUICK = {"n_members": 2, "n_folds": 0, "max_epochs": 3}


class TestOutsiders:
    @pytest.mark.parametrize("n", [20, 40, 65, 99, 300])
    def test_an_absurd_row_is_outside_any_number_of_simulations(self, n, rng):
        cloud = SimulatedCloud.of(rng.standard_normal((n, 3)))
        assert cloud.p_value(np.full((1, 3), 1e6))[0] < 1e-3
        assert cloud.smallest_p == pytest.approx(1 / (n + 1))

    @pytest.mark.parametrize("n", [40, 100])
    def test_false_alarms_are_as_rare_as_they_say(self, n):
        # Whatever lies beyond all simulations gets its p from the fitted tail: rare, not sure.
        alarms, rows = 0, 0
        for seed in range(25):
            rng = np.random.default_rng(seed)
            cloud = SimulatedCloud.of(rng.standard_normal((n, 3)))
            alarms += (cloud.p_value(rng.standard_normal((200, 3))) < 0.01).sum()
            rows += 200
        assert alarms / rows < 0.03

    @pytest.mark.slow
    def test_several_distances_are_no_more_chances(self):
        # Each distance has an outermost simulation of its own: being beyond one of them is
        # several times as likely as 1/(n + 1), with features that hardly vary in some directions.
        alarms = []
        for seed in range(30):
            rng = np.random.default_rng([seed, 7])
            a = rng.standard_normal((180, 2))
            x = np.column_stack([a, a @ np.ones((2, 6)) + 0.03 * rng.standard_normal((180, 6))])
            alarms.append((SimulatedCloud.of(x[:60]).p_value(x[60:]) < 0.05).mean())
        assert np.mean(alarms) < 0.07

    def test_directions_in_which_simulations_hardly_vary(self, rng):
        a = rng.standard_normal(500)
        x = np.column_stack([a, a + 1e-3 * rng.standard_normal(500)])
        p = SimulatedCloud.of(x).p_value(np.array([[0.5, 0.5], [0.5, 0.6]]))
        assert p[0] > 0.05
        assert p[1] < 0.001

    def test_too_few_to_say(self, rng):
        cloud = SimulatedCloud.of(rng.standard_normal((19, 2)))
        assert np.isnan(cloud.p_value(np.zeros((1, 2)))).all()
        model = Inferer("Ridge", Prior.box({"a": (0, 1)}))
        model.fit(rng.standard_normal((19, 2)), rng.random((19, 1)))
        with pytest.warns(OutOfDistributionWarning, match="cannot be said"):
            model.predict(np.zeros((1, 2)))


class TestContraction:
    @pytest.mark.slow
    def test_gates_are_no_data(self, rng):
        # Noise as features: the posterior is what the gates left of the prior, no less.
        prior = Prior.box({"J": (0, 4)})
        theta = prior.sample(1000, seed=3)
        theta = theta[theta[:, 0] < 1.2]
        x = rng.standard_normal((len(theta), 2))
        options = {"n_members": 2, "n_folds": 0, "max_epochs": 30}
        model = Inferer("mdn", prior, hyperparams=options).fit(x[:200], theta[:200], seed=0)
        assert model.predict(x[200:], seed=0).contraction.mean() < 0.1
        report = model.diagnose(x[200:], theta[200:], seed=0)
        assert report.unidentified == ("J",)
        assert "not constrained" in report.summary()
        assert "r = " not in report.summary()

    def test_what_was_learned_from_tests_nothing(self, rng):
        theta = rng.random((100, 1))
        x = theta + 0.1 * rng.standard_normal((100, 2))
        model = Inferer("Ridge", Prior.box({"a": (0, 1)})).fit(x[:60], theta[:60])
        with pytest.raises(ArgumentError, match="1 of 41 that it learned from"):
            model.diagnose(x[59:], theta[59:])
        model.diagnose(x[60:], theta[60:])


class TestIdentity:
    def test_every_option_matters(self, rng):
        series = rng.standard_normal((40, 600))
        first = FeatureSet(BandPower(bands=((1, 10), (10, 40))))
        theta = rng.random((40, 1))
        model = Inferer("Ridge", Prior.box({"a": (0, 1)}))
        model.fit(first.compute(series, rate=100.0), theta, feature_set=first)
        for other in (
            FeatureSet(BandPower(bands=((1, 10), (10, 40)), window_s=1.0)),
            FeatureSet(*first.families, preprocessing=Preprocessing(zscore=True)),
            FeatureSet(*first.families, preprocessing=Preprocessing(detrend="linear")),
        ):
            with pytest.raises(FeatureMismatchError, match="computed otherwise"):
                model.predict(other.compute(series, rate=100.0))
        # What is done with series that cannot be used does not make other features.
        masked = FeatureSet(*first.families, preprocessing=Preprocessing(invalid="mask"))
        model.predict(masked.compute(series, rate=100.0), warn=False)
        with pytest.raises(FeatureMismatchError, match="computed otherwise"):
            model.fit(masked.compute(series, rate=100.0), theta, feature_set=FeatureSet(
                BandPower(bands=((1, 10), (10, 40)), window_s=1.0)))  # fmt: skip

    def test_columns_of_data_frames(self, rng):
        frame = pd.DataFrame(rng.standard_normal((30, 2)), columns=["a", "b"])
        model = Inferer("Ridge", Prior.box({"x": (0, 1)})).fit(frame, rng.random((30, 1)))
        assert model.feature_names == ("a", "b")
        with pytest.raises(FeatureMismatchError) as caught:
            model.predict(frame[["b", "a"]])
        assert caught.value.order
        with pytest.raises(FeatureMismatchError):
            model.predict(frame.rename(columns={"a": "c"}))

    def test_rate_and_length(self, rng):
        library = gao_library(40, duration_s=2.0, progress=False, seed=0)
        chosen = FeatureSet(Catch22())
        model = Inferer("Ridge", library.prior)
        model.fit(library.features(chosen), library.theta, feature_set=chosen)
        series = library.signals["lfp"][:2]
        for rate in (None, 250.0, 1001.0):
            with pytest.raises(FeatureMismatchError, match="rate"):
                model.predict_series(series, rate=rate)
        with pytest.warns(SeriesLengthWarning, match="2 s long"):
            model.predict_series(series[:, :1000], rate=1000.0)
        with warnings.catch_warnings():
            warnings.simplefilter("error", SeriesLengthWarning)
            model.predict_series(
                np.repeat(series, 2, axis=1), rate=2000.0, resample=True, warn=False
            )

    def test_frequencies_above_half_the_rate(self, rng):
        chosen = FeatureSet(BandPower(bands=((1, 60),)))
        with pytest.raises(ArgumentError, match="at least 120 Hz"):
            chosen.compute(rng.standard_normal((2, 500)), rate=100.0)

    def test_a_signal_knows_its_rate(self, rng):
        from neuroloom.shared import Signal

        signals = [Signal(rng.standard_normal(n), 100.0) for n in (300, 400)]
        table = FeatureSet(Moments()).compute(signals)
        assert table.rate_hz == 100.0
        assert table.n_times.tolist() == [300, 400]
        with pytest.raises(ArgumentError, match="own 100 Hz"):
            FeatureSet(Moments()).compute(signals, rate=200.0)
        with pytest.raises(ShapeError, match="Signals only"):
            FeatureSet(Moments()).compute([signals[0], np.ones(5)])


class TestRows:
    def simulated(self):
        def simulator(theta, seed):
            x = seed.generator().standard_normal(100)
            if theta[0] > 0.8:
                return {"reason": "stopped"}
            return {"x": x, "reason": "odd: 1" if theta[0] > 0.5 else ""}

        prior = Prior.box({"a": (0, 1)})
        return simulate_library(simulator, prior, 30, rate_hz=10.0, progress=False, seed=0)

    def test_what_failed_its_gates_is_nan(self):
        library = self.simulated()
        table = library.features(FeatureSet(Moments()))
        np.testing.assert_array_equal(table.valid, library.valid)
        assert all(
            "gates" in r for r, ok in zip(table.reasons, library.valid, strict=True) if not ok
        )
        every = library.features(FeatureSet(Moments()), failed=True)
        assert every.valid.sum() == (library.theta[:, 0] <= 0.8).sum() > library.valid.sum()

    def test_masks_and_numbers(self):
        library = self.simulated()
        few = library.rows(library.valid)
        np.testing.assert_array_equal(few.theta, library.theta[library.valid])
        np.testing.assert_array_equal(library.rows(slice(2, 4)).theta, library.theta[2:4])
        for wrong in (np.ones(5, bool), [99], [0.5]):
            with pytest.raises(ShapeError):
                library.rows(wrong)

    def test_what_is_handed_out_cannot_be_written_to(self):
        library = self.simulated()
        table = library.features(FeatureSet(Moments()))
        for array in (library.theta, library.signals["x"], table.values):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0
        assert isinstance(table, FeatureTable)


class TestRecalibratedDensity:
    def test_it_is_the_density_of_the_draws(self):
        # A normal distribution moved by m and stretched by s in its scores is N(m, s) again.
        one = np.ones((4000, 1))
        marginals = Marginals(one, np.zeros((4000, 1, 1)), np.ones((4000, 1, 1)))
        recalibration = Recalibration(np.array([0.3]), np.array([1.7]))
        points = np.linspace(-3, 3, 4000)[:, None]
        origins, log_slope = recalibration.undo(points, marginals)
        density = norm.logpdf(origins[:, 0]) + log_slope
        np.testing.assert_allclose(density, norm.logpdf(points[:, 0], 0.3, 1.7), atol=1e-6)

    def test_quantiles_undo_probabilities(self, rng):
        weights = np.array([[0.3, 0.7]])
        means, spreads = np.array([[[-2.0], [1.0]]]), np.array([[[0.5], [1.5]]])
        marginals = Marginals(weights, means, spreads)
        points = np.array([[0.4]])
        below = 0.3 * ndtr(4.8) + 0.7 * ndtr(-0.4)
        assert marginals.cdf(points)[0, 0] == pytest.approx(below)
        assert marginals.quantile(marginals.cdf(points))[0, 0] == pytest.approx(0.4)

    def test_no_probability_is_more_than_one(self, rng):
        # Weights that are fractions add up to a little more than one in every third row.
        weights = rng.dirichlet(np.ones(4), 1000)
        weights[::3] *= 1 + 4e-16
        assert (weights.sum(axis=1) > 1).any()
        marginals = Marginals(weights, np.zeros((1000, 4, 2)), np.ones((1000, 4, 2)))
        assert marginals.cdf(np.full((1000, 2), 40.0)).max() == 1
        assert marginals.cdf(np.full((1000, 2), -40.0)).min() == 0

    def test_truths_above_every_component_can_be_recalibrated(self):
        # 1/6 of one, six times, may be more than one.
        for members in range(1, 12):
            outside = np.ones((members, 50), dtype=bool)
            ranks = mean_rank(outside, np.ones((members, 50, 1)))
            assert 1 - 1e-12 < ranks.min() <= ranks.max() <= 1
            Recalibration.fit(ranks)

    def test_a_width_wrong_by_root_two_is_caught(self, rng):
        # Draws of the scores' true distribution against one that is √2 too wide.
        truth = rng.standard_normal((2000, 1))
        for factor, calibrated in ((1.0, True), (np.sqrt(2), False)):
            ranks = ndtr(truth / factor)
            fitted = Recalibration.fit(ranks)
            assert bool(abs(fitted.scale[0] - 1) < 0.05) is calibrated
            assert fitted.scale[0] == pytest.approx(1 / factor, abs=0.05)
            draws = factor * rng.standard_normal((2000, 200, 1))
            low, high = np.quantile(fitted.apply(draws), [0.05, 0.95], axis=1)
            assert ((truth > low) & (truth < high)).mean() == pytest.approx(0.9, abs=0.025)


class TestCallersTorch:
    @pytest.mark.slow
    def test_default_dtype_gradients_and_threads_are_left_alone(self, rng):
        import torch

        theta = rng.random((60, 1))
        x = theta + 0.1 * rng.standard_normal((60, 2))
        prior = Prior.box({"a": (0, 1)})
        model = Inferer("mdn", prior, hyperparams=QUICK).fit(x, theta, seed=Seed(1))
        threads, state = torch.get_num_threads(), np.random.get_state()[1].copy()  # noqa: NPY002
        torch.set_default_dtype(torch.float64)
        try:
            with torch.no_grad():
                other = Inferer("mdn", prior, hyperparams=QUICK).fit(x, theta, seed=Seed(1))
            assert torch.get_default_dtype() == torch.float64
        finally:
            torch.set_default_dtype(torch.float32)
        with torch.inference_mode():
            third = Inferer("mdn", prior, hyperparams=QUICK).fit(x, theta, seed=Seed(1))
        for again in (other, third):
            np.testing.assert_array_equal(again.sample(x, 5, seed=0), model.sample(x, 5, seed=0))
        assert torch.get_num_threads() == threads
        np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002
