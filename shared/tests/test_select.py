"""Selecting by names and by values: one rule for units, channels and trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from neuroloom.shared import DataError, Epochs, Signal, SpikeTrains, TimeSeries, Trials

COLUMNS: dict[str, list[Any]] = {
    "region": ["CA1", "CA3", None],
    "depth": [1.0, np.nan, 3.0],
    "good": [True, False, True],
    "flag": [0, 1, 1],
    "cells": [(1, 2), (3,), (1, 2)],
}


def of_units(**wanted: Any) -> list[int]:
    spikes = SpikeTrains([0.1, 0.2, 0.3], [0, 1, 2], names=[0, 1, 2], properties=COLUMNS)
    return [int(name) for name in spikes.select(**wanted).names]


def of_trials(**wanted: Any) -> list[int]:
    table = pd.DataFrame({"row": [0, 1, 2], **COLUMNS})
    return Trials(table).select(**wanted).table["row"].tolist()


def of_channels(**wanted: Any) -> list[int]:
    signal = Signal(np.arange(3.0)[None], 1.0, properties=COLUMNS)
    try:
        return [int(x) for x in signal.select(**wanted).values[0]]
    except DataError as error:
        if "none that fits" in str(error):
            return []
        raise


WAYS = pytest.mark.parametrize("of", [of_units, of_trials, of_channels])


@WAYS
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"region": "CA1"}, [0]),
        ({"region": pd.Series(["CA3", "CA1"])}, [0, 1]),
        ({"region": pd.array(["CA1", None], dtype="string")}, [0, 2]),
        ({"region": {"CA1"}}, [0]),
        ({"region": None}, [2]),
        ({"region": np.nan}, [2]),
        ({"region": pd.NA}, [2]),
        ({"depth": np.nan}, [1]),
        ({"depth": [None, 3]}, [1, 2]),
        ({"depth": np.array(1.0)}, [0]),
        ({"depth": 7}, []),
        ({"good": True}, [0, 2]),
        ({"good": 1}, [0, 2]),
        ({"flag": True}, [1, 2]),
        ({"flag": np.bool_(False)}, [0]),
        ({"cells": (1, 2)}, [0, 2]),
        ({"depth": lambda um: um > 1}, [2]),
        ({"region": lambda x: x is None}, [2]),
        ({"region": lambda x: x == "CA2"}, []),
    ],
)
def test_values_mean_the_same_everywhere(
    of: Callable[..., list[int]], wanted: dict[str, Any], expected: list[int]
) -> None:
    assert of(**wanted) == expected


@WAYS
@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"region": "CA11"}, "region: expected one of 'CA1', 'CA3', got 'CA11'; did you mean"),
        ({"region": ["CA1", "ca3"]}, "got 'ca3'; did you mean 'CA3'"),
        ({"region": 7}, "region: expected values such as 'CA1', got 7"),
        ({"depth": True}, "depth: expected values such as 1.0, got True"),
        ({"depth": "1"}, "depth: expected values such as 1.0, got '1'"),
        ({"good": "True"}, "good: expected values such as True, got 'True'"),
        ({"depth": lambda um: pd.NA}, "True or False, got <NA> for 1.0"),
        ({"depth": lambda um: um}, "True or False, got 1.0 for 1.0"),
        ({"dept": 1.0}, "did you mean 'depth'"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    of: Callable[..., list[int]], wanted: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message.replace("[", r"\[")):
        of(**wanted)


VALUES = st.none() | st.integers(-2, 2) | st.floats(-2, 2).map(lambda x: round(x, 1))


@given(st.lists(VALUES, min_size=1, max_size=6), st.lists(VALUES, max_size=3))
def test_numbers_against_a_plain_loop(column: list[Any], wanted: list[Any]) -> None:
    expected = [i for i, x in enumerate(column) if any(x == y for y in wanted)]
    trials = Trials(pd.DataFrame({"x": pd.Series(column, dtype=object), "row": range(len(column))}))
    assert trials.select(x=wanted).table["row"].tolist() == expected


def test_dates_and_categories() -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-02"])
    animals = pd.Categorical(["rat", "rat"], categories=["rat", "mouse"])
    trials = Trials({"day": days, "animal": animals})
    for day in (days[1], np.datetime64("2024-01-02"), days[1].to_pydatetime()):
        assert len(trials.select(day=day)) == 1
    assert len(trials.select(animal="mouse")) == 0  # a category, though nobody's
    with pytest.raises(DataError, match="animal: expected one of 'rat', 'mouse', got 'mose'"):
        trials.select(animal="mose")


def test_names() -> None:
    spikes = SpikeTrains([0.1, 0.2], [0, 1], names=[12, 7])
    for names in (7, np.int64(7), pd.Series([7]), np.array(7)):
        assert spikes.select(names=names).names == (7,)
    for wrong in (7.0, True, None.__class__):
        with pytest.raises(DataError, match="names: expected names as text or whole numbers"):
            spikes.select(names=wrong)
    with pytest.raises(DataError, match="names: expected one of 12, 7, got '7'; did you mean 7"):
        spikes.select(names="7")
    with pytest.raises(DataError, match="name: expected one of 'CA1', got 'CA'; did you mean"):
        Signal([0.0], 1.0, channels=["CA1"]).channel("CA")


def test_an_empty_recording_has_nothing_of_anything() -> None:
    none = SpikeTrains([], [], 0, Epochs(0.0, 1.0), properties={"region": []})
    assert none.select(region="CA1").n_units == 0


@pytest.mark.parametrize("states", [np.eye(2), [[1], [2]], [{}], np.array(3)])
def test_states_that_are_none(states: Any) -> None:
    with pytest.raises(DataError, match="states: expected one state for each sample or trial"):
        Epochs.from_states(states, rate=1.0)
    big = 2**53 + 1
    assert list(Epochs.from_states([big, None, big], rate=1.0)) == [big]


UNITS = {"region": ["CA1", "CA3", "CA3"], "rate_hz": [1.0, 3.0, 2.0]}
RANKED = pd.DataFrame(UNITS).sort_values("rate_hz", ascending=False)  # rows 1, 2, 0


@pytest.mark.parametrize(
    "take",
    [
        lambda: SpikeTrains([0.1, 0.2, 0.3], [0, 1, 2]).select(RANKED.rate_hz > 1.5),
        lambda: SpikeTrains([0.1, 0.2, 0.3], [0, 1, 2]).pool(RANKED.region),
        lambda: SpikeTrains([0.1, 0.2, 0.3], [0, 1, 2]).pool({"fast": RANKED.rate_hz > 1.5}),
        lambda: Signal(np.zeros((4, 3)), 10.0).select(RANKED.rate_hz > 1.5),
        lambda: Trials({"x": [0, 1, 2]}).join(RANKED),
        lambda: Trials({"x": [0, 1, 2]}).select(RANKED.rate_hz > 1.5),
    ],
)
def test_rows_in_another_order_are_refused(take: Callable[[], Any]) -> None:
    with pytest.raises(DataError, match="in the order of the rows"):
        take()


def test_rows_in_their_order_are_taken() -> None:
    spikes = SpikeTrains([0.1, 0.2, 0.3], [0, 1, 2])
    sorted_again = RANKED.sort_index()
    assert spikes.select(sorted_again.rate_hz > 1.5).times.tolist() == [0.2, 0.3]
    assert spikes.select((RANKED.rate_hz > 1.5).to_numpy()).times.tolist() == [0.1, 0.2]
    # Places are places, in the order in which they are asked for.
    places = pd.Series([2, 0, 1], index=[1, 2, 0])
    assert spikes.select(places).to_lists()[0].tolist() == [0.3]
    assert Trials({"x": [0, 1, 2]}).join(sorted_again).table["rate_hz"].tolist() == UNITS["rate_hz"]


NAMED = ["b", "a", "c"]
BY_NAME = pd.Series([True, False, False], index=["a", "b", "c"])
BY_ID = pd.Series([True, False, False], index=[7, 12, 31])
IDS = [12, 7, 31]


def of_names(names: Any, **about: Any) -> SpikeTrains:
    return SpikeTrains([0.1, 0.2, 0.3], [0, 1, 2], names=names, **about)


@pytest.mark.parametrize(
    "take",
    [
        lambda: of_names(NAMED).select(BY_NAME),
        lambda: of_names(NAMED).select(BY_NAME.astype(object)),
        lambda: of_names(IDS).select(BY_ID),
        lambda: of_names(NAMED).select(
            xr.DataArray(BY_NAME.to_numpy(), dims="unit", coords={"unit": list("abc")})
        ),
        lambda: of_names(NAMED).pool(BY_NAME),
        lambda: of_names(NAMED).pool({"some": BY_NAME}),
        lambda: of_names(NAMED, properties={"good": BY_NAME}),
        lambda: of_names(NAMED, properties=BY_NAME.rename_axis("unit").to_frame("good")),
        lambda: Signal(np.zeros((4, 3)), 10.0, channels=NAMED).select(BY_NAME),
        lambda: Signal(np.zeros((4, 3)), 10.0, channels=NAMED, properties={"good": BY_NAME}),
        lambda: TimeSeries(np.zeros((4, 3)), range(4), NAMED).select(BY_NAME),
        lambda: Trials({"id": NAMED}).select(BY_NAME.rename_axis("id")),
        lambda: Trials({"id": NAMED}).assign(good=BY_NAME.rename_axis("id")),
        lambda: Trials({"id": NAMED}, session=BY_NAME.rename_axis("id")),
        lambda: Trials({"day": [1, 1, 2], "trial": [0, 1, 0]}).assign(
            good=pd.Series(
                [1, 2, 3],
                pd.MultiIndex.from_tuples([(1, 1), (1, 0), (2, 0)], names=["day", "trial"]),
            )
        ),
    ],
)
def test_names_in_another_order_are_refused(take: Callable[[], Any]) -> None:
    with pytest.raises(DataError, match="in the order of the names"):
        take()


def test_names_in_their_order_are_taken() -> None:
    assert of_names(NAMED).select(BY_NAME.reindex(NAMED)).names == ("a",)
    assert of_names(IDS).select(BY_ID.reindex(IDS)).names == (7,)
    assert of_names(NAMED).select(BY_NAME.to_numpy()).names == ("b",)
    # Row numbers are places, also where names are numbers; labels of something else are no names.
    assert of_names(IDS).select(BY_ID.reset_index(drop=True)).names == (12,)
    with pytest.raises(DataError, match="numbered from 0, got u, v, w in the index"):
        of_names(NAMED).select(BY_NAME.set_axis(["u", "v", "w"]))
    trials = Trials({"id": NAMED}).assign(good=BY_NAME.reindex(NAMED).rename_axis("id"))
    assert trials.table["good"].tolist() == [False, True, False]
    gaps = Trials({"id": ["b", np.nan, np.nan], "x": [1, 2, 3]})
    table = gaps.table.set_index("id")
    assert gaps.select(table.x > 1).table["x"].tolist() == [2, 3]
    # Names to select by come in the order in which they are asked for.
    assert of_names(NAMED).select(pd.Series(["c", "b"], index=["b", "c"])).names == ("c", "b")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda a, b: Epochs(a, b + 0.5), "stop"),
        (lambda a, b: SpikeTrains(a, b.astype(int)), "units"),
        (lambda a, b: TimeSeries(b, a), "values"),
        (lambda a, b: TimeSeries(b.to_frame("x"), a), "values"),
        (lambda a, b: of_names(NAMED).counts_in((a, b + 0.5)), "stop"),
        (lambda a, b: Epochs.from_states(a, b, b + 0.5), "start"),
    ],
)
@pytest.mark.parametrize("labels", [[2, 0, 1], list("cab"), [5, 5, 3]])
def test_columns_that_were_sorted_alone_are_refused(
    first: Callable[[Any, Any], Any], second: str, labels: list[Any]
) -> None:
    rows = pd.Series([0.0, 1.0, 2.0], index=labels)
    alone = pd.Series([0.0, 1.0, 2.0], index=sorted(labels, key=str))
    with pytest.raises(DataError, match=f"^{second}: expected rows in the order of"):
        first(rows, alone)
    # One order says what belongs together, and so do places where no index says otherwise.
    first(rows, pd.Series([0.0, 1.0, 2.0], index=labels))
    first(rows.reset_index(drop=True), rows.reset_index(drop=True))
    first(rows.set_axis([1, 4, 7]), pd.Series([0.0, 1.0, 2.0], index=[7, 8, 9]))


def in_rows(labels: Any, values: Any = (0.0, 1.0, 2.0)) -> Any:
    return pd.Series(values, index=labels)


ROWS = np.arange(3.0)
BESIDE = {
    "times of units": lambda x: SpikeTrains(in_rows(x), [0, 1, 2]),
    "units of times": lambda x: SpikeTrains(ROWS, in_rows(x, [0, 1, 2])),
    "values of times": lambda x: TimeSeries(in_rows(x), ROWS),
    "table of times": lambda x: TimeSeries(in_rows(x).to_frame("a"), ROWS),
    "times of values": lambda x: TimeSeries(ROWS, in_rows(x)),
    "start of stop": lambda x: Epochs(in_rows(x), ROWS + 0.5),
    "stop of start": lambda x: Epochs(ROWS, in_rows(x) + 0.5),
    "states of stretches": lambda x: Epochs.from_states(in_rows(x), ROWS, ROWS + 0.5),
    "starts of windows": lambda x: of_names(NAMED).counts_in((in_rows(x), ROWS + 0.5)),
    "names": lambda x: SpikeTrains([0.1], [0], 3, names=in_rows(x, list("abc"))),
    "channels": lambda x: Signal(np.ones((2, 3)), 1.0, 0.0, in_rows(x, list("abc"))),
    "property of epochs": lambda x: Epochs(ROWS, ROWS + 0.5, {"a": in_rows(x)}),
    "table of epochs": lambda x: Epochs(ROWS, ROWS + 0.5, in_rows(x).to_frame("a"))
    if not isinstance(x[0], str)  # which has to have a name, to become a column
    else None,
    "property of units": lambda x: SpikeTrains([0.1], [0], 3, properties={"a": in_rows(x)}),
    "labels of sessions": lambda x: Trials({"a": ROWS}, session=in_rows(x)),
    "column of trials": lambda x: Trials({"a": ROWS}).assign(b=in_rows(x)),
}


@pytest.mark.parametrize("case", BESIDE)
def test_rows_that_were_moved_are_refused_beside_others_without_an_index(case: str) -> None:
    for labels in ([2, 1, 0], [1, 2, 0], [30, 10, 20], pd.Index([2, 1, 0], name="row")):
        with pytest.raises(DataError, match="in the order of"):
            BESIDE[case](labels)
    # Row numbers, rows of a larger table in its order, labels of something else.
    for kept in ([0, 1, 2], [1, 4, 7], ["u", "v", "w"], pd.Index([12, 7, 31], name="cluster_id")):
        BESIDE[case](kept)


def test_rows_of_one_table_belong_together_in_any_order() -> None:
    table = pd.DataFrame({"t": [2.0, 0.0, 1.0], "unit": [2, 0, 1], "a": list("cab")})
    rows = table.sort_values("t")
    assert SpikeTrains(rows.t, rows.unit).units.tolist() == [0, 1, 2]
    assert TimeSeries(rows.unit, rows.t).values[:, 0].tolist() == [0, 1, 2]
    for known in ({"a": rows.a}, rows[["a"]]):
        assert Epochs(rows.t, rows.t + 0.5, known).properties["a"].tolist() == list("abc")
    for before in ({"a": table.a}, table[["a"]]):  # as it was before it was sorted
        with pytest.raises(DataError, match="rows in the order of the table"):
            Epochs(rows.t, rows.t + 0.5, before)
    for held in (rows, {"t": rows.t}):
        assert Trials(held, session=rows.unit.rename("day")).table["session"].tolist() == [0, 1, 2]
        with pytest.raises(DataError, match="session: expected rows in the order of the table"):
            Trials(held, session=table.unit)


def test_channels_are_named_by_the_columns_of_a_table() -> None:
    table = pd.DataFrame({"b": [1.0, 2.0], "a": [3.0, 4.0]})
    for made in (Signal(table, 10.0), TimeSeries(table, [0.0, 0.1])):
        assert made.channels == ("b", "a")
        assert made.channel("a").values[:, 0].tolist() == [3.0, 4.0]
    assert Signal(table, 10.0, channels=["x", "y"]).channels == ("x", "y")
    assert Signal(table.set_axis([0, 1], axis=1), 10.0).channels == ()
    with pytest.raises(DataError, match="order"):
        Signal(table, 10.0, channels=["a", "b"])
    with pytest.raises(DataError, match="order"):
        TimeSeries(table, [0.0, 0.1], ["a", "b"])
    with pytest.raises(DataError, match=r"^observed: expected columns in the order"):
        Signal(table, 10.0, observed=table[["a", "b"]])
    assert Signal(table, 10.0, observed=table).observed is not None


@pytest.mark.parametrize("rest", ["keep", "drop"])
def test_no_rest_is_left_by_edges_of_ones_own(rest: Any) -> None:
    with pytest.raises(DataError, match="rest"):
        of_names(NAMED).counts(edges=[0.0, 0.5], rest=rest)
