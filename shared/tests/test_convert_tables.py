"""pandas and xarray: what goes there comes back, and what does not fit is refused or named."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from convert_strategies import rich_epochs, rich_signals, rich_spikes, time_series
from hypothesis import given
from shared_strategies import signals, trials

from neuroloom.shared import DataError, Epochs, Recording, Signal, SpikeTrains, Trials
from neuroloom.shared.convert import (
    ConversionWarning,
    from_frame,
    from_xarray,
    to_frame,
    to_xarray,
)
from neuroloom.shared.data import TimeSeries


class TestPandas:
    @given(rich_epochs())
    def test_epochs(self, value: Epochs) -> None:
        assert from_frame(to_frame(value), Epochs) == value

    @given(rich_spikes())
    def test_spikes(self, value: SpikeTrains) -> None:
        assert from_frame(to_frame(value), SpikeTrains) == value

    @given(rich_spikes())
    def test_attrs_are_plain_so_that_pandas_can_compare_them(self, value: SpikeTrains) -> None:
        frame = to_frame(value)
        both = pd.concat([frame, to_frame(value)])
        assert both.attrs == frame.attrs

    @given(rich_signals(minimum=0))
    def test_signals(self, value: Signal) -> None:
        assert from_frame(to_frame(value), Signal) == value

    @given(time_series(values=False))
    def test_time_series(self, value: TimeSeries) -> None:
        assert from_frame(to_frame(value), TimeSeries) == value

    @given(signals(minimum=2))
    def test_a_rate_without_attrs(self, value: Signal) -> None:
        frame = to_frame(value)
        frame.attrs.clear()
        assert from_frame(frame, Signal).rate == pytest.approx(value.rate, rel=1e-4)

    def test_a_sliced_signal_has_the_rate_of_its_times(self) -> None:
        frame = to_frame(Signal(np.arange(100.0), 1000.0, unit="mV"))
        half = from_frame(frame.iloc[10::2], Signal)
        assert (half.rate, half.start, half.unit) == (500.0, 0.01, "mV")

    def test_a_slice_of_counts_keeps_its_observed_times(self) -> None:
        spikes = SpikeTrains([0.05, 0.45], [0, 0], 1, Epochs([0.0, 0.3], [0.15, 1.0]))
        counts = spikes.counts(0.1)
        frame = to_frame(counts)
        part = from_frame(frame.iloc[1:5], Signal)
        np.testing.assert_array_equal(part.observed, counts.observed[1:5])
        frame.index = frame.index + 5.0
        with pytest.raises(DataError, match=r"times of the signal that was converted"):
            from_frame(frame, Signal)
        assert from_frame(frame, Signal, observed=None).observed is None

    @pytest.mark.parametrize("kind", [Signal, TimeSeries])
    def test_columns_in_another_order_keep_what_is_known_of_them(self, kind: type) -> None:
        when = {"rate": 10.0} if kind is Signal else {"times": [0.0, 0.1, 0.5]}
        known = {"region": ["CA1", "CA3"], "xy": [[1, 2], [3, 4]]}
        data = kind(np.arange(6.0).reshape(3, 2), **when, channels=["a", "b"], properties=known)
        back = from_frame(to_frame(data)[["b", "a"]], kind)
        assert dict(zip(back.channels, back.properties["region"], strict=True)) == {
            "a": "CA1",
            "b": "CA3",
        }
        assert back.properties["xy"].tolist() == [(3, 4), (1, 2)]
        np.testing.assert_array_equal(back.select(region="CA3").values[:, 0], [1, 3, 5])
        one = from_frame(to_frame(data)[["b"]], kind)
        assert (one.channels, one.properties["region"].tolist()) == (("b",), ["CA3"])
        with pytest.raises(DataError, match="properties=… \\(or None\\)"):
            from_frame(to_frame(data).rename(columns={"b": "c"}), kind)
        renamed = from_frame(to_frame(data).rename(columns={"b": "c"}), kind, properties=None)
        assert (renamed.channels, renamed.properties) == (("a", "c"), {})

    def test_columns_without_names_keep_what_is_known_of_them(self) -> None:
        data = Signal(np.arange(6.0).reshape(3, 2), 10.0, properties={"region": ["CA1", "CA3"]})
        back = from_frame(to_frame(data)[[1, 0]], Signal)
        assert (back.channels, back.properties["region"].tolist()) == (("1", "0"), ["CA3", "CA1"])

    def test_observed_times_go_with_their_columns(self) -> None:
        spikes = SpikeTrains(
            [0.5, 1.5], [0, 1], names=["u", "v"], epochs=Epochs(0, 2),
            observed=[Epochs(0, 1), Epochs(0.5, 2)],
        )  # fmt: skip
        back = from_frame(to_frame(spikes.counts(1.0))[["v", "u"]], Signal)
        assert back.observed.tolist() == [[0.5, 1.0], [1.0, 0.0]]

    @pytest.mark.parametrize("name", ["start", "stop"])
    def test_a_property_never_hides_the_times_of_epochs(self, name: str) -> None:
        with pytest.raises(DataError, match=f"own columns.*'{name}'.*rename"):
            to_frame(Epochs([0, 1], [1, 2], {name: [10, 20]}))
        with pytest.raises(DataError, match=f"own columns.*'{name}'.*rename"):
            SpikeTrains([0.1], [0], names=[name]).counts_in(Epochs(0, 1)).to_frame()

    @pytest.mark.parametrize("name", ["name", "n_spikes", "observed_s", "rate_hz"])
    def test_a_property_never_hides_a_column_of_the_unit_table(self, name: str) -> None:
        spikes = SpikeTrains([0.1], [0], names=["a"], properties={name: [9.0]})
        with pytest.raises(DataError, match=f"own columns.*'{name}'.*rename"):
            spikes.unit_table()
        unnamed = SpikeTrains([0.1], [0], properties={"name": ["x"]}).unit_table()
        assert unnamed["name"].tolist() == ["x"]

    @pytest.mark.parametrize("name", ["event", "time"])
    def test_a_channel_never_hides_the_index_of_aligned_samples(self, name: str) -> None:
        aligned = Signal([1.0, 2, 3], 10, channels=[name]).align([0.1], (-0.1, 0.1))
        with pytest.raises(DataError, match=f"own columns.*'{name}'.*rename"):
            aligned.to_frame()

    @pytest.mark.slow
    @given(trials())
    def test_trials(self, value: Trials) -> None:
        assert from_frame(to_frame(value), Trials) == value

    def test_the_table_of_trials_is_a_copy(self) -> None:
        trials = Trials({"x": [1]})
        table = to_frame(trials)
        table["y"] = 2
        assert list(trials.table) == ["x"]

    def test_numbers_of_channels_are_names(self) -> None:
        frame = pd.DataFrame({3: [1.0, 2], 5: [1.0, 2]}, index=[0.0, 1.0])
        assert from_frame(frame, Signal).channels == ("3", "5")

    @pytest.mark.parametrize("name", ["time_ms", "ms", "t (µs)", "timeMs", "Timestamp_NS", "t_min"])
    @pytest.mark.parametrize("kind", [Signal, TimeSeries])
    def test_an_index_in_another_unit_is_not_taken_as_seconds(self, name: str, kind: Any) -> None:
        index = pd.Index([0.0, 4.0, 8.0], name=name)
        with pytest.raises(DataError, match=r"frame\.index: expected times in seconds, got "):
            from_frame(pd.DataFrame({"a": [1.0, 2, 3]}, index=index), kind)

    @pytest.mark.parametrize("name", ["time", "time_s", "seconds", "t [sec]", "items", "", None, 3])
    def test_any_other_index_is_in_seconds(self, name: Any) -> None:
        index = pd.Index([0.0, 4.0, 8.0], name=name)
        assert from_frame(pd.DataFrame({"a": [1.0, 2, 3]}, index=index), Signal).rate == 0.25

    @pytest.mark.parametrize("kind", [Signal, TimeSeries])
    def test_row_numbers_are_no_times(self, kind: Any) -> None:
        frame = pd.DataFrame({"a": [1.0, 2, 3]})
        with pytest.raises(DataError, match="expected times in seconds, got row numbers"):
            from_frame(frame, kind)
        assert len(from_frame(frame.rename_axis("time"), kind)) == 3

    @given(rich_epochs())
    def test_epochs_through_parquet(self, value: Epochs) -> None:
        file = io.BytesIO()
        to_frame(value).to_parquet(file)
        assert from_frame(pd.read_parquet(file), Epochs) == value

    @pytest.mark.parametrize(
        "labels", [["a", None], [None, "a"], [None, None], [2**60 + 1, None], [True, None]]
    )
    def test_what_is_missing_stays_missing_in_parquet(self, labels: list[Any]) -> None:
        epochs = Epochs([0, 1], [1, 2], {"label": labels})
        file = io.BytesIO()
        to_frame(epochs).to_parquet(file)
        back = from_frame(pd.read_parquet(file), Epochs)
        assert back == epochs
        assert back.properties["label"].tolist() == labels

    def test_missing_text_is_none_whoever_wrote_it(self) -> None:
        for x in (["a", np.nan], pd.Series(["a", None]), pd.Series(["a", pd.NA], dtype="str")):
            assert Epochs([0, 1], [1, 2], {"x": x}).properties["x"].tolist() == ["a", None]

    def test_time_differences_are_seconds(self) -> None:
        index = pd.to_timedelta([0, 4, 8], unit="ms")
        assert from_frame(pd.DataFrame({"a": [1.0, 2, 3]}, index=index), Signal).rate == 250.0

    @pytest.mark.parametrize(
        ("frame", "kind", "message"),
        [
            (pd.DataFrame({"begin": [0]}), Epochs, r"columns \['start', 'stop'\] too, got"),
            (pd.DataFrame({"Start": [0], "stop": [1]}), Epochs, "did you mean 'Start'"),
            (pd.DataFrame({"start": [0, 1], "stop": [2, 3]}), Epochs, "disjoint"),
            (pd.DataFrame({"a": [0, 1, 2]}, index=[0.0, 1.0, 1.5]), Signal, "regular times"),
            (pd.DataFrame({"a": [0]}), Signal, "rate: expected a rate where there are fewer"),
            (pd.DataFrame({"a": [0, 1]}, index=[1.0, 0.0]), Signal, "times that rise"),
            (pd.DataFrame({"a": [0]}, index=pd.to_datetime(["2020"])), Signal, "got dates; sub"),
            (pd.DataFrame(), Recording, "kind: expected Epochs, Signal, SpikeTrains"),
            ([1, 2], Epochs, "frame: expected a pandas DataFrame, got builtins.list"),
        ],
    )
    def test_refused(self, frame: Any, kind: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            from_frame(frame, kind)

    @pytest.mark.parametrize(
        ("kind", "keyword", "hint"),
        [(Signal, "Rate", "rate"), (Epochs, "n_units", ""), (Trials, "sesion", "session")],
    )
    def test_unknown_keywords_are_refused(self, kind: Any, keyword: str, hint: str) -> None:
        frame = to_frame(
            {Signal: Signal([1.0, 2], 1.0), Epochs: Epochs(0, 1)}.get(kind, Trials({}))
        )
        with pytest.raises(DataError, match=f"got '{keyword}'.*{hint}"):
            from_frame(frame, kind, **{keyword: 1})

    def test_no_such_type(self) -> None:
        with pytest.raises(DataError, match=r"data: expected .*, got neuroloom.shared.*Recording"):
            to_frame(Recording())  # type: ignore[arg-type]


def test_attributes_of_a_frame_become_metadata() -> None:
    frame = to_frame(Epochs([0.0], [1.0], metadata={"rig": 3}))
    frame.attrs["subject"] = "m1"
    assert from_frame(frame, Epochs).metadata == {"rig": 3, "subject": "m1"}
    assert from_frame(frame, Epochs, metadata={"a": 1}).metadata == {"a": 1}
    trials = pd.DataFrame({"choice": [0, 1]})
    trials.attrs = {"session": "s1"}
    assert from_frame(trials, Trials).metadata == {"session": "s1"}


class TestXarray:
    def test_a_missing_label_stays_none(self) -> None:
        for labels in (["A", None], [None, None], ["A", float("nan")], [1, None]):
            area = np.array([*labels, None], dtype=object)[:-1]
            value = Signal(np.zeros((3, 2)), 1.0, properties={"area": area})
            assert from_xarray(to_xarray(value)) == value
            sliced = from_xarray(to_xarray(value)[:, 1:])
            assert isinstance(sliced, Signal)
            assert sliced.properties["area"].tolist() == value.properties["area"].tolist()[1:] or (
                labels[1] != labels[1]
            )

    def test_missing_labels_of_both_kinds_stay_what_they_are(self) -> None:
        area = np.array(["A", None, float("nan")], dtype=object)
        value = Signal(np.zeros((3, 3)), 1.0, properties={"area": area})
        assert from_xarray(to_xarray(value)) == value

    @given(rich_signals(minimum=0) | time_series())
    def test_there_and_back(self, value: Signal | TimeSeries) -> None:
        there = to_xarray(value)
        assert there.dims[:2] == ("time", "channel")
        assert from_xarray(there) == value
        assert from_xarray(there.transpose()) == value

    def test_the_times_win_over_a_rate_that_no_longer_holds(self) -> None:
        signal = Signal(np.zeros(100), 1000.0)
        assert from_xarray(to_xarray(signal)[::2]).rate == 500.0
        assert from_xarray(to_xarray(signal)[10:]).start == 0.01

    def test_irregular_times_are_a_time_series(self) -> None:
        array = xr.DataArray([1.0, 2, 3], dims="time", coords={"time": [0.0, 1.0, 5.0]})
        series = from_xarray(array)
        assert isinstance(series, TimeSeries)
        assert series.times.tolist() == [0.0, 1.0, 5.0]
        filled = from_xarray(array, rate=1.0)
        assert np.isnan(filled.values[2:5]).all()
        assert filled.values[[0, 1, 5], 0].tolist() == [1, 2, 3]

    @pytest.mark.parametrize(("unit", "rate"), [("ms", 250.0), ("us", 250000.0), ("s", 0.25)])
    def test_units_of_time(self, unit: str, rate: float) -> None:
        times = ("time", [0.0, 4, 8], {"units": unit})
        array = xr.DataArray(np.zeros(3), dims="time", coords={"time": times})
        assert from_xarray(array).rate == rate

    def test_what_has_no_place_is_named(self) -> None:
        coords = {
            "time": [0.0, 1, 2], "channel": ["a", "b"], "region": ("channel", ["x", "y"]),
            "trial": ("time", [1, 1, 2]), "subject": "m1",
        }  # fmt: skip
        attrs = {"units": "mV", "filter": "none"}
        array = xr.DataArray(
            np.zeros((3, 2)), dims=("time", "channel"), coords=coords, name="lfp", attrs=attrs
        )
        signal = from_xarray(array)
        assert signal.properties["region"].tolist() == ["x", "y"]
        assert signal.unit == "mV"
        assert signal.metadata["filter"] == "none"
        assert signal.metadata["name"] == "lfp"
        assert set(signal.metadata["skipped"]) == {"trial", "subject"}

    def test_a_rate_and_a_start_that_the_times_have_not_are_told(self) -> None:
        there = to_xarray(Signal(np.zeros(100), 1000.0))
        assert "skipped" not in from_xarray(there).metadata
        skipped = from_xarray(there[::2]).metadata["skipped"]
        assert skipped == {"rate": "1000 Hz: the times are at 500 Hz"}
        skipped = from_xarray(there[10:]).metadata["skipped"]
        assert skipped == {"start": "0 s: the times begin at 0.01 s"}
        foreign = xr.DataArray(
            np.zeros(3), dims="time", coords={"time": [0.0, 1, 5]}, attrs={"rate": 30000}
        )
        assert set(from_xarray(foreign).metadata["skipped"]) == {"rate"}

    @pytest.mark.parametrize(
        "attrs",
        [
            {"rate": "1000 Hz"},
            {"rate": -1},
            {"rate": True},
            {"start": "2020-01-01"},
            {"epochs": [1, 2]},
            {"epochs": {"a": 1}},
            {"properties": "none"},
            {"properties": {"a": 1}},
        ],
    )
    def test_attributes_called_as_ours_that_are_not_ours_are_kept(self, attrs: Any) -> None:
        array = xr.DataArray(np.zeros(3), dims="time", coords={"time": [0.0, 1, 2]}, attrs=attrs)
        assert from_xarray(array).metadata == attrs
        assert from_xarray(to_xarray(from_xarray(array))).metadata == attrs

    def test_what_coordinates_and_dimensions_say(self) -> None:
        coords = {
            "time": ("time", [0.0, 1, 2], {"units": "s", "long_name": "since the stimulus"}),
            "electrode": ("electrode", ["a", "b"], {"system": "CCF"}),
            "depth": ("electrode", [1.0, 2.0], {"units": "um"}),
        }
        array = xr.DataArray(
            np.zeros((3, 2)), dims=("time", "electrode"), coords=coords, name="lfp",
            attrs={"name": "other"},
        )  # fmt: skip
        signal = from_xarray(array)
        assert signal.metadata["dimension"] == "electrode"
        assert signal.metadata["property_units"] == {"depth": "um"}
        assert signal.metadata["name"] == "other"
        assert set(signal.metadata["skipped"]) == {
            "attributes of time",
            "attributes of electrode",
            "array.name",
        }
        assert from_xarray(to_xarray(signal)) == signal

    @pytest.mark.parametrize("dims", [("t",), ("time", "a", "b")])
    def test_other_dimensions(self, dims: tuple[str, ...]) -> None:
        with pytest.raises(DataError, match=r"array: expected dimensions \(time, channel\)"):
            from_xarray(xr.DataArray(np.zeros((2,) * len(dims)), dims=dims))

    def test_something_else(self) -> None:
        with pytest.raises(DataError, match=r"array: expected an xarray DataArray"):
            from_xarray(np.zeros(3))
        with pytest.raises(DataError, match=r"signal: expected Signal"):
            to_xarray(Epochs(0, 1))  # type: ignore[arg-type]
        times = ("time", [0.0, 1], {"units": "furlongs"})
        with pytest.raises(DataError, match=r"one of the units"):
            from_xarray(xr.DataArray([0.0, 1], dims="time", coords={"time": times}))
        dates = np.array(["2020-01-01", "2020-01-02"], "datetime64[ns]")
        with pytest.raises(DataError, match=r"got dates"):
            from_xarray(xr.DataArray([0.0, 1], dims="time", coords={"time": dates}))


class TestIndexes:
    """An index of pandas says something or numbers rows; nothing of it is lost."""

    TIMES = pd.Index([0.5, 1.5], name="start")
    BOTH = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["subject", "day"])

    def test_named_ones_become_columns(self) -> None:
        table = pd.DataFrame({"stop": [1.0, 2.0]}, index=self.TIMES)
        assert Trials(table).columns == ("start", "stop")
        assert from_frame(table, Trials) == Trials(table)
        assert from_frame(table, Epochs) == Epochs([0.5, 1.5], [1.0, 2.0])
        both = Trials(pd.DataFrame({"choice": [1, 0]}, index=self.BOTH))
        assert both.table.to_dict("list") == {
            "subject": ["a", "b"],
            "day": [1, 2],
            "choice": [1, 0],
        }
        assert both.subject == "subject"
        spikes = from_frame(
            pd.DataFrame({"unit": [0, 1]}, index=self.TIMES.rename("time")), SpikeTrains
        )
        assert spikes == SpikeTrains([0.5, 1.5], [0, 1])
        about = pd.DataFrame({"region": ["CA1", "CA3"]}, index=pd.Index([7, 9], name="cluster"))
        found = SpikeTrains([0.5, 1.5], [0, 1], properties=about).properties
        assert {k: v.tolist() for k, v in found.items()} == {
            "cluster": [7, 9],
            "region": ["CA1", "CA3"],
        }
        pupil = pd.DataFrame({"pupil": [3.0, 4.0]}, index=pd.Index([1, 0], name="trial"))
        joined = Trials({"trial": [0, 1]}).join(pupil, on="trial")
        assert joined.table["pupil"].tolist() == [4.0, 3.0]

    def test_row_numbers_are_left_out(self) -> None:
        table = pd.DataFrame({"choice": [1, 0, 1]})
        assert Trials(table[table["choice"] == 1]).table.index.tolist() == [0, 1]
        assert len(Trials(table.iloc[:0].set_index(pd.Index([], dtype=object)))) == 0
        same = pd.DataFrame({"day": [1, 2]}, index=pd.Index([1, 2], name="day"))
        assert Trials(same).columns == ("day",)

    @pytest.mark.parametrize("kind", [Trials, Epochs, SpikeTrains])
    @pytest.mark.parametrize(
        ("index", "message"),
        [
            (pd.Index([0.5, 1.5]), "an index with a name, or of row numbers, got one of floating"),
            (pd.Index(["a", "b"]), "got one of string without a name"),
            (pd.to_datetime(["2024-01-01", "2024-01-02"]), "got one of datetime64"),
            (BOTH.rename([None, "day"]), "a name for every level of the index"),
            (BOTH.rename([None, None]), "got one of mixed without a name"),
            (pd.Index([1, 2], name="start"), "one meaning of a name, got 'start' twice"),
        ],
    )
    def test_others_are_refused(self, kind: Any, index: Any, message: str) -> None:
        columns = {"start": [0.0, 1.0], "stop": [1.0, 2.0], "time": [0.0, 1.0], "unit": [0, 0]}
        with pytest.raises(DataError, match=message):
            from_frame(pd.DataFrame(columns).set_index(index), kind)

    def test_columns_of_different_rows_are_not_brought_together(self) -> None:
        full = pd.Series([1, 0, 1])
        with pytest.raises(DataError, match="columns with one index, got several"):
            Trials({"choice": full, "reward": full[full == 1]})

    def test_values_of_spikes_are_told(self) -> None:
        table = pd.DataFrame({"time": [0.5], "unit": [0], "amplitude": [80.0]})
        with pytest.warns(ConversionWarning, match="amplitude: a value per spike has no place"):
            from_frame(table, SpikeTrains)


@pytest.mark.parametrize("unit", ["", "mV"])
@pytest.mark.parametrize("name", ["units", "rate", "start", "epochs", "properties"])
def test_metadata_called_like_an_attribute_of_ours(name: str, unit: str) -> None:
    about = {name: 5, "neuroloom_metadata": "x", "other": [1]}
    known = {"region": ["CA1"]}
    signal = Signal([1.0, 2, 3], 10, 7, unit=unit, properties=known, metadata=about)
    assert from_xarray(to_xarray(signal)) == signal
    series = TimeSeries([1.0, 2, 3], [0, 0.1, 0.5], unit=unit, properties=known, metadata=about)
    assert from_xarray(to_xarray(series)) == series
    foreign = xr.DataArray([1.0, 2], {"time": [0.0, 1]}, "time", attrs={"neuroloom_metadata": "x"})
    assert from_xarray(foreign).metadata == {"neuroloom_metadata": "x"}


def test_the_name_that_columns_have_together_is_kept() -> None:
    frame = to_frame(Signal(np.ones((2, 2)), 10.0, channels=["a", "b"]))
    frame.columns.name = "probe"
    found = from_frame(frame, Signal)
    assert found.metadata == {"dimension": "probe"}
    again = to_frame(found)
    assert again.columns.name == "probe"
    assert from_frame(again, Signal) == found
    assert to_frame(found.replace(metadata={"dimension": [1]})).columns.name is None


def test_names_in_attributes_that_are_no_text_are_told() -> None:
    frame = to_frame(Signal([1.0, 2.0], 10.0))
    frame.attrs["channels"] = {1: "a"}
    with pytest.warns(ConversionWarning, match=r"metadata: the names \[1\] become text"):
        assert from_frame(frame, Signal).metadata == {"channels": {"1": "a"}}


@pytest.mark.parametrize("dtype", ["M8[D]", "M8[s]", "M8[ns]", "m8[D]", "m8[s]"])
def test_dates_come_back_as_they_were(dtype: str) -> None:
    about = {"day": np.array([1, 2], dtype), "odd": np.array(["NaT", 3], dtype)}
    epochs = Epochs([0, 2], [1, 3], about)
    signal = Signal(np.eye(2), 1.0, properties=about)
    for back in (
        from_frame(to_frame(epochs), Epochs),
        from_frame(to_frame(signal), Signal),
        from_xarray(to_xarray(signal)),
    ):
        for name, values in about.items():
            assert back.properties[name].dtype == values.dtype
            np.testing.assert_array_equal(back.properties[name], values)
