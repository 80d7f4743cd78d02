"""Values of every kind come back from their packed form in the type and with the bits they had."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import io
import json
import pathlib
import zoneinfo
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared_strategies import TEXT, columns

from neuroloom.shared import DataError
from neuroloom.shared.io import register
from neuroloom.shared.io._values import pack, unpack

Pair = register(collections.namedtuple("Pair", "a b"))


@register
@dataclasses.dataclass(frozen=True, slots=True)
class Fit:
    weights: Any
    note: str = ""


def there_and_back(value: Any) -> Any:
    arrays: dict[str, Any] = {}
    tree = json.loads(json.dumps(pack(value, arrays)))
    return unpack(tree, {name: from_a_file(found) for name, found in arrays.items()})


def from_a_file(values: Any) -> Any:
    file = io.BytesIO()
    np.lib.format.write_array(file, values, allow_pickle=False)
    file.seek(0)
    return np.lib.format.read_array(file)


def told(dtype: Any) -> Any:
    """Return what a type says beside its layout, of its fields, too."""
    fields = [(name, told(dtype.fields[name][0])) for name in dtype.names or ()]
    return dtype.type, dtype.metadata, dtype.isalignedstruct, fields


def assert_same(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if isinstance(a, (np.ndarray, np.generic)):
        assert told(a.dtype) == told(b.dtype)
    if isinstance(a, np.ma.MaskedArray):
        assert a.hardmask == b.hardmask
        assert (a.mask is np.ma.nomask) == (b.mask is np.ma.nomask)
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_exact=True, check_freq=True, check_flags=True)
        assert repr(a.attrs) == repr(b.attrs)
    elif isinstance(a, pd.Series):
        pd.testing.assert_series_equal(a, b, check_exact=True, check_freq=True, check_flags=True)
    elif isinstance(a, pd.Index):
        pd.testing.assert_index_equal(a, b, exact=True)
        assert getattr(a, "freq", None) == getattr(b, "freq", None)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.flags.f_contiguous == b.flags.f_contiguous
        assert repr(a) == repr(b)
    elif isinstance(a, (str, bytes)):  # numpy's show no zeros at the end
        assert list(a) == list(b)
    elif a is pd.NA or a is pd.NaT:
        assert a is b
    else:
        assert repr(a) == repr(b)


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
DAYS = pd.date_range("2026-01-01", periods=3, freq="D", tz="Europe/Berlin")
MIXED = pd.DataFrame(
    {
        "t": pd.timedelta_range(0, periods=3, freq="s"),
        "p": pd.period_range("2026-01", periods=3, freq="M"),
        "i": pd.interval_range(0, 3),
    },
    index=DAYS,
)
NOTED = pd.DataFrame({"a": [1]})
NOTED.attrs = {"unit": "s", "x": np.arange(2)}
MIXED_FIELDS = [("a", "i1"), ("b", "f8")]
STRICT = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
VALUES = {
    "complex": 1 + 2j,
    "bytes": b"a\0",
    "set": {1, 2},
    "frozenset": frozenset({"a"}),
    "range": range(1, 5, 2),
    "slice": slice(1, None),
    "moment": datetime.datetime(2026, 1, 1, 3, fold=1),
    "moment in UTC": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    "moment in a zone": datetime.datetime(2026, 1, 1, tzinfo=BERLIN),
    "date": datetime.date(2026, 1, 1),
    "time": datetime.time(3, 4),
    "timedelta": datetime.timedelta(1, 2, 3),
    "path": pathlib.Path("/a/b"),
    "numpy text": np.str_("a\0"),
    "numpy bytes": np.bytes_(b"a\0\0"),
    "numpy bytes among objects": np.array([np.bytes_(b"\0"), np.str_("\0"), 1], dtype=object),
    "raw bytes": np.void(b"a\0\0"),
    "objects by columns": np.array([[1, None], ["a", 2.0]], dtype=object, order="F"),
    "numbers by columns": np.array([[1, 2], [3, 4]], order="F"),
    "hard mask": np.ma.MaskedArray([1, 2], [True, False], hard_mask=True),
    "no mask": np.ma.MaskedArray([1, 2]),
    "masked fields": np.ma.MaskedArray([(1, 2.0)], [(True, False)], dtype=MIXED_FIELDS),
    "aligned": np.ones(2, np.dtype(MIXED_FIELDS, align=True)),
    "of aligned": np.ones(2, np.dtype([("x", np.dtype(MIXED_FIELDS, align=True))]))[0],
    "fields in another order": np.ones(
        2, np.dtype({"names": ["b", "a"], "formats": ["i1", "f4"], "offsets": [4, 0]})
    ),
    "fields with titles": np.ones(2, [(("of the unit", "a"), "i4"), ("b", "f4", (2,))]),
    "rows with attributes": np.rec.array([(1, 2.0)], dtype=MIXED_FIELDS),
    "a row with attributes": np.rec.array([(1, 2.0)], dtype=MIXED_FIELDS)[0],
    "metadata": np.ones(2, np.dtype("f8", metadata={"unit": "s", "range": (0, 1.5)})),
    "metadata of a field": np.ones(2, np.dtype([("a", np.dtype("f8", metadata={"u": 1}))])),
    "no rows of fields": np.ones((2, 0), MIXED_FIELDS),
    "objects": np.array([1, "a", None], dtype=object).reshape(3, 1),
    "masked": np.ma.MaskedArray([1, 2], [True, False]),
    "records": np.zeros(2, dtype=[("a", "f8"), ("b", "U3")]),
    "record": np.zeros(1, dtype=[("a", "f8")])[0],
    "float32": np.float32(1.5),
    "timestamp": pd.Timestamp("2026-01-01", tz="UTC"),
    "nanosecond": pd.Timestamp(1, unit="ns"),
    "pandas timedelta": pd.Timedelta(3, "s"),
    "period": pd.Period("2026-01", "M"),
    "NA": pd.NA,
    "NaT": pd.NaT,
    "named tuple": Pair(1, [2]),
    "dataclass": Fit(np.arange(3), "µ"),
    "minus zero": -0.0,
    "large integer": 10**30,
    "series": pd.Series([1, 2], index=["a", "b"], name="x"),
    "index": pd.Index([1, 2], name="k"),
    "multi-index": pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["u", None]),
    "range index": pd.RangeIndex(2, 10, 3, name="r"),
    "dates": DAYS,
    "categories": pd.CategoricalIndex(["a", "b"]),
    "intervals": pd.interval_range(0, 3),
    "periods": pd.period_range("2026-01", periods=2, freq="M"),
    "rows with names": pd.DataFrame({"v": [1.0, 2.0]}, index=pd.Index(["u1", "u2"], name="unit")),
    "nested columns": pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])
    ),
    "columns of one name": pd.DataFrame([[1, 2.0]], columns=["a", "a"]),
    "nested rows": pd.DataFrame({"a": [1, 2]}).set_index(
        pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["p", "q"])
    ),
    "rows alone": pd.DataFrame(index=["a"]),
    "nothing": pd.DataFrame(),
    "columns alone": pd.DataFrame(columns=["a"]),
    "columns of two kinds": pd.DataFrame({1: [1], "b": [2]}),
    "times": MIXED,
    "nullable array": pd.array([1, None], dtype="Int8"),
    "nullable text": pd.Series(["a", None], dtype="string"),
    "rows of numbers": pd.Series([1, 2], index=pd.Index([1.5, np.nan])),
    "dates as categories": pd.Series(pd.Categorical(pd.to_datetime(["2026-01-01"]))),
    "seconds": pd.Series([1], index=pd.DatetimeIndex(["2026-01-01"]).as_unit("s")),
    "a fixed zone": pd.Series(pd.to_datetime(["2026-01-01"]).as_unit("ms").tz_localize("+02:00")),
    "attributes": NOTED,
    "flags": STRICT,
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_was(name: str) -> None:
    assert_same(VALUES[name], there_and_back(VALUES[name]))
    nested = {"x": [(VALUES[name],)]}
    assert_same(VALUES[name], there_and_back(nested)["x"][0][0])


@st.composite
def tables(draw: Any) -> pd.DataFrame:
    """Tables with any columns, under any names, with any rows."""
    n = draw(st.integers(0, 4))
    names = draw(st.lists(st.one_of(TEXT, st.integers(0, 3)), max_size=4))
    table = pd.DataFrame({i: draw(columns(n)) for i in range(len(names))}, index=range(n))
    table.columns = pd.Index(names, name=draw(st.none() | TEXT), dtype=object)
    if draw(st.booleans()):
        table.index = pd.Index(draw(columns(n)), name=draw(st.none() | TEXT | st.integers()))
    return table


@pytest.mark.slow
@given(tables())
def test_tables_of_any_shape(table: pd.DataFrame) -> None:
    assert_same(table, there_and_back(table))


@given(hnp.arrays(hnp.scalar_dtypes() | hnp.array_dtypes(), hnp.array_shapes(min_dims=0)))
def test_arrays_of_any_dtype(values: Any) -> None:
    back = there_and_back(values)
    assert type(back) is type(values)
    assert back.dtype == values.dtype
    assert back.tobytes() == values.tobytes()


@pytest.mark.parametrize(
    "value",
    [object(), lambda: 0, pd.Series([1]).rolling(2), {"x": [object()]}],
)
def test_what_would_need_pickle_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"expected values that can be kept without pickle"):
        pack(value, {})


def test_classes_are_allowed_one_by_one() -> None:
    @dataclasses.dataclass
    class Unknown:
        x: int

    with pytest.raises(DataError, match=r"without pickle, got Unknown"):
        pack(Unknown(1), {})
    with pytest.raises(DataError, match=r"registered classes only, got os.system"):
        unpack({"registered": "os.system", "fields": {}}, {})
    with pytest.raises(DataError, match=r"a dataclass or a named tuple"):
        register(int)


class Own(np.ndarray):
    """An array of a class that nothing here knows."""


@pytest.mark.parametrize(
    "value",
    [
        np.array([(1, None)], [("a", "i4"), ("b", "O")]),
        np.ones(2).view(Own),
        np.ones(2, np.dtype("f8", metadata={"made by": object()})),
        np.ma.masked,
    ],
)
def test_arrays_that_would_need_pickle_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match="without"):
        there_and_back(value)


def test_numbers_of_another_library_are_no_bytes() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(DataError, match="numpy's own types, got bfloat16"):
        there_and_back(np.ones(2, ml_dtypes.bfloat16))
