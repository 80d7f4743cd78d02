import numpy as np
import pandas as pd
import pytest

from neuroloom.circuit_inference import (
    Catch22,
    FeatureMismatchError,
    Features,
    FeatureSet,
    InvalidSeriesError,
    Moments,
    Preprocessing,
)
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ConstantSeriesError,
    SeriesTooShortError,
    ShapeError,
    UnknownNameError,
)
from neuroloom.shared import Signal


@pytest.fixture
def series(rng):
    return rng.standard_normal((5, 200)).cumsum(axis=1)


class TestSeedDoor:
    def test_any_index_keeps_its_rows(self, series):
        # ncpi's concat misaligns: two rows with another index became four.
        table = pd.DataFrame({"Data": list(series), "id": range(5)}, index=[7, 3, 3, 0, 9])
        out = Features("catch22").compute_features(table)
        assert list(out.index) == [7, 3, 3, 0, 9]
        assert list(out.columns) == ["Data", "id", "Features"]
        assert "Features" not in table
        wanted = FeatureSet(Catch22()).compute(series).values
        np.testing.assert_array_equal(np.array(out["Features"].tolist()), wanted)

    def test_unknown_method(self):
        with pytest.raises(UnknownNameError, match="did you mean 'catch22'"):
            Features("catch24")

    def test_no_data_column(self):
        with pytest.raises(ArgumentError, match="'Data'"):
            Features().compute_features(pd.DataFrame({"x": [1]}))


class TestFeatureSet:
    def test_ragged_series_are_computed_one_by_one(self, series):
        both = FeatureSet(Catch22()).compute([series[0], series[1][:150]])
        alone = FeatureSet(Catch22()).compute(series[1][:150])
        np.testing.assert_array_equal(both.values[1], alone.values[0])

    def test_channels_of_a_signal_are_its_series(self, series):
        signal = Signal(series.T, rate=100.0)
        table = FeatureSet(Moments()).compute(signal)
        np.testing.assert_allclose(table.values[:, 0], series.mean(axis=1))

    def test_moments_keep_the_amplitude_and_say_so(self, series):
        moments = FeatureSet(Moments())
        assert moments.amplitude
        assert not FeatureSet(Moments(("skewness", "kurtosis"))).amplitude
        assert not FeatureSet(Moments(), preprocessing=Preprocessing(zscore=True)).amplitude
        double = moments.compute(2 * series).values / moments.compute(series).values
        np.testing.assert_allclose(double, 2)

    def test_description_comes_back(self):
        full = FeatureSet(
            Catch22("classic"), Moments(("std",)), preprocessing=Preprocessing(detrend="linear")
        )
        again = FeatureSet.from_description(full.describe())
        assert again == full
        assert again.digest == full.digest

    def test_select_and_frame(self, series):
        table = FeatureSet(Catch22(), Moments()).compute(series)
        frame = table.select(["moment:std", "catch22-1.0:trev"]).to_frame()
        assert list(frame.columns) == ["moment:std", "catch22-1.0:trev"]
        with pytest.raises(FeatureMismatchError, match="trev2"):
            table.select(["trev2"])

    def test_resampling_needs_a_rate_and_uses_it(self, series):
        slower = FeatureSet(Moments(), preprocessing=Preprocessing(rate_hz=50.0))
        with pytest.raises(ArgumentError, match="rate"):
            slower.compute(series)
        t = np.arange(1000) / 100
        out = slower.compute(np.sin(2 * np.pi * 3 * t) + 5, rate=100.0)
        assert out.values[0] == pytest.approx([5.0, np.sqrt(0.5)], rel=0.02)


class TestBadInput:
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_not_finite(self, series, bad):
        series[3, 7] = bad
        before = series.copy()
        with pytest.raises(InvalidSeriesError, match="series 3") as caught:
            FeatureSet(Catch22()).compute(series)
        assert caught.value.index == 3
        np.testing.assert_array_equal(series, before)

    def test_not_finite_masked(self, series):
        series[3, 7] = np.nan
        table = FeatureSet(Catch22(), preprocessing=Preprocessing(invalid="mask")).compute(series)
        assert list(table.valid) == [True, True, True, False, True]
        assert "NaN" in table.reasons[3].replace("nan", "NaN")

    def test_not_finite_interpolated(self):
        line = np.arange(20.0)
        line[5] = np.nan
        table = FeatureSet(Moments(), preprocessing=Preprocessing(invalid="interpolate"))
        np.testing.assert_allclose(table.compute(line).values[0, 0], 9.5)

    @pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
    def test_constant(self, value):
        # pycatch22 1.0 returns plausible constants here, 776.75 for the embedding distance.
        flat = np.full(100, value)
        with pytest.raises(ConstantSeriesError, match="series 0"):
            FeatureSet(Catch22()).compute(flat)
        masked = FeatureSet(Catch22(), preprocessing=Preprocessing(invalid="mask")).compute(flat)
        assert np.isnan(masked.values).all()
        assert "changes" in masked.reasons[0]

    def test_too_short(self):
        with pytest.raises(SeriesTooShortError) as caught:
            FeatureSet(Catch22()).compute([1.0, 2.0, 3.0])
        assert (caught.value.needed, caught.value.got) == (10, 3)

    def test_no_series_and_wrong_shapes(self):
        with pytest.raises(ShapeError, match="none"):
            FeatureSet().compute([])
        with pytest.raises(ShapeError):
            FeatureSet().compute(np.ones((2, 2, 2)))
        with pytest.raises(ShapeError, match="series 0"):
            FeatureSet().compute([["a", "b"]])

    @pytest.mark.parametrize("rate", [0.0, -5.0])
    def test_rate(self, series, rate):
        with pytest.raises(ArgumentError, match="rate"):
            FeatureSet().compute(series, rate=rate)

    @pytest.mark.parametrize("n_workers", [0, -3])
    def test_workers(self, series, n_workers):
        with pytest.raises(ArgumentError, match="n_workers"):
            FeatureSet().compute(series, n_workers=n_workers)

    def test_names(self):
        with pytest.raises(UnknownNameError, match="classic"):
            Catch22("classical")
        with pytest.raises(ArgumentError, match="twice"):
            FeatureSet(Catch22(), Catch22())
