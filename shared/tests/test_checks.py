"""Checks of arguments: what is taken in which form, what is refused, and with which error."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuroloom.shared import DataError, Epochs, Signal, SpikeTrains, TimeSeries, checks
from neuroloom.shared.data import Clock


class Wrong(DataError):
    """A package's own error."""


class WrongType(Wrong, TypeError):
    """A package's own error for a wrong type."""


OWN: dict[str, Any] = {"error": Wrong, "type_error": WrongType}


class TestNames:
    def test_each_choice_is_given_back(self) -> None:
        assert checks.choice("side", np.str_("left"), ("left", "right")) == "left"
        assert type(checks.choice("order", np.int64(2), (1, 2))) is int
        assert checks.choice("detrend", None, (None, "constant")) is None

    @pytest.mark.parametrize("value", [True, 3, 1j, [1], np.array([1, 2]), None])
    def test_what_is_no_choice(self, value: object) -> None:
        with pytest.raises(Wrong, match="order: expected one of 1, 2, got"):
            checks.choice("order", value, (1, 2), **OWN)

    def test_a_wrong_type_has_its_own_error(self) -> None:
        with pytest.raises(WrongType):
            checks.choice("side", 1, ("left", "right"), **OWN)
        with pytest.raises(Wrong, match="did you mean 'left'") as caught:
            checks.choice("side", "lefd", ("left", "right"), **OWN)
        assert type(caught.value) is Wrong

    @pytest.mark.parametrize(
        ("name", "known", "near"),
        [
            ("POISSON", ["Gamma", "Poisson"], "Poisson"),
            ("n_rep", ["n_repeats", "name"], "n_repeats"),
            ("sede", ["seed", "n"], "seed"),
        ],
    )
    def test_the_nearest(self, name: str, known: list[str], near: str) -> None:
        assert checks.did_you_mean(name, known) == f"; did you mean {near!r}?"

    def test_no_name_is_near(self) -> None:
        assert checks.did_you_mean("zzz", ["seed"]) == ""
        assert checks.did_you_mean("", ["seed"]) == ""
        assert "there are no names" in str(checks.unknown("x", "a", []))
        assert "40 names" in str(checks.unknown("x", "a", map(str, range(40))))

    def test_keys(self) -> None:
        checks.keys("options", {"seed": 1}, ("seed", "n"), required=("seed",))
        with pytest.raises(Wrong, match="options: expected keys among seed, n, got 'sed'; did you"):
            checks.keys("options", {"sed": 1}, ("seed", "n"), error=Wrong)
        with pytest.raises(Wrong, match="expected the key 'seed', got only n"):
            checks.keys("options", {"n": 1}, ("seed", "n"), required=("seed",), error=Wrong)


class TestScalars:
    @pytest.mark.parametrize(
        "value", [2, 2.0, np.int8(2), np.float32(2), np.array(2), Fraction(2), Decimal(2)]
    )
    def test_a_number_in_any_form(self, value: object) -> None:
        found = checks.real("x", value)
        assert (type(found), found) == (float, 2.0)

    @pytest.mark.parametrize(
        "value",
        [
            *(True, np.True_, "2", None, 2j, np.array([2.0]), np.timedelta64(2, "s"), pd.NA),
            *(pd.NaT, np.ma.masked, np.array(True), np.array("2"), [2.0], {}),
        ],
    )  # fmt: skip
    def test_what_is_no_number(self, value: object) -> None:
        with pytest.raises(WrongType, match="x: expected a finite number, got"):
            checks.real("x", value, **OWN)
        with pytest.raises(WrongType, match="x: expected an integer, got"):
            checks.whole("x", value, **OWN)

    @pytest.mark.parametrize("value", [float("nan"), np.inf, -np.inf, 10**400])
    def test_what_is_not_finite_is_of_the_right_type(self, value: object) -> None:
        with pytest.raises(Wrong, match="finite number") as caught:
            checks.real("x", value, **OWN)
        assert type(caught.value) is Wrong
        if value == np.inf:
            assert checks.real("x", value, finite=False) == np.inf

    @given(st.floats(-2, 2), st.floats(-2, 2))
    def test_limits_are_those_named(self, value: float, limit: float) -> None:
        for name, inside in [
            ("at_least", value >= limit),
            ("above", value > limit),
            ("at_most", value <= limit),
            ("below", value < limit),
        ]:
            limits: dict[str, Any] = {name: limit}
            if inside:
                assert checks.real("x", value, **limits) == value
            else:
                with pytest.raises(DataError):
                    checks.real("x", value, **limits)

    def test_words_of_a_range(self) -> None:
        with pytest.raises(DataError, match="a finite number above 0 and at most 1 in Hz, got 3"):
            checks.real("rate", 3, above=0, at_most=1, unit="Hz")
        with pytest.raises(DataError, match="an integer of at least 1 and at most 3, got 9"):
            checks.whole("n", 9, at_least=1, at_most=3)
        with pytest.raises(DataError, match="a probability, got 3"):
            checks.real("p", 3, at_most=1, expected="a probability")

    @pytest.mark.parametrize("value", [3, np.uint64(3), np.array(3)])
    def test_an_integer_in_any_form(self, value: object) -> None:
        found = checks.whole("n", value)
        assert (type(found), found) == (int, 3)

    def test_floats_are_no_integers_unless_asked_for(self) -> None:
        with pytest.raises(DataError):
            checks.whole("n", 3.0)
        assert checks.whole("n", 3.0, accept_floats=True) == 3
        for value in (3.5, np.inf, np.nan):
            with pytest.raises(DataError):
                checks.whole("n", value, accept_floats=True)

    def test_flags_and_texts(self) -> None:
        assert checks.flag("x", np.True_) is True
        assert checks.flag("x", np.array(False)) is False
        for value in (0, 1, "yes", None, np.array([True]), 1.0):
            with pytest.raises(Wrong, match="expected True or False"):
                checks.flag("x", value, error=Wrong)
        assert checks.text("x", "name") == "name"
        for value in ("", 3, None, b"name"):
            with pytest.raises(Wrong, match="expected text"):
                checks.text("x", value, error=Wrong)


HIDDEN = [
    np.ma.array([1, 999], mask=[False, True]),
    np.ma.array([1.0, 999.0], mask=[False, True]),
    pd.array([1, None], dtype="Int64"),
    pd.Series([1, None], dtype="UInt8"),
    pd.Series([1.0, None], dtype="Float64"),
    pd.Series([1.0, None], dtype="float64[pyarrow]"),
    pd.Series([1, None], dtype="int64[pyarrow]"),
    pd.Index([1, None], dtype="Int64"),
    pd.Categorical([1, None]),
    pd.Series([1, None], dtype=object),
    [1, None],
    [1.0, pd.NA],
    np.array([1, None], dtype=object),
]


class TestArrays:
    @pytest.mark.parametrize("values", HIDDEN, ids=lambda v: type(v).__name__)
    def test_what_is_missing_is_nan_or_refused(self, values: Any) -> None:
        np.testing.assert_array_equal(checks.plain("x", values), [1.0, np.nan])
        np.testing.assert_array_equal(checks.array("x", values, missing=True), [1.0, np.nan])
        with pytest.raises(DataError, match=r"x: expected finite values, got nan at \[1\]"):
            checks.array("x", values)
        with pytest.raises(DataError, match="whole numbers"):
            checks.array("x", values, np.int64, missing=True)

    def test_nothing_missing_keeps_the_type(self) -> None:
        for values, dtype in [
            (pd.array([1, 2], dtype="Int16"), np.int16),
            (pd.Series([True, False], dtype="boolean"), np.bool_),
            (pd.Series([1, 2], dtype="int64[pyarrow]"), np.int64),
            (pd.Series([1, 2], dtype=object), np.int64),
            (np.ma.array([1, 2], mask=False), np.int64),
        ]:
            assert checks.plain("x", values).dtype == dtype
        texts = checks.plain("x", pd.Series(["a", None], dtype="string"))
        assert texts.tolist() == ["a", None]
        assert checks.plain("x", np.ma.array(["a", "b"], mask=[0, 1])).tolist() == ["a", None]
        assert checks.plain("x", pd.Categorical(["a", None])).tolist() == ["a", None]

    def test_nothing_present(self) -> None:
        for values in ([None, None], pd.array([None, None], dtype="Int64")):
            assert np.isnan(checks.array("x", values, missing=True)).all()
        for empty in ([], pd.Series([], dtype=object), np.array([], dtype=object)):
            assert checks.array("x", empty, ndim=1).dtype == np.float64

    def test_frames(self) -> None:
        frame = pd.DataFrame({"a": [1, None], "b": [0.5, 1.5]})
        for one in (frame, frame.convert_dtypes(), frame.convert_dtypes(dtype_backend="pyarrow")):
            found = checks.array("x", one, ndim=2, missing=True)
            np.testing.assert_array_equal(found, [[1, 0.5], [np.nan, 1.5]])
        assert checks.array("x", frame[[]], ndim=2).shape == (2, 0)
        with pytest.raises(WrongType):
            checks.array("x", pd.DataFrame({"a": [1], "b": [True]}), **OWN)
        with pytest.raises(WrongType):
            checks.array("x", pd.DataFrame({"a": [1], "b": ["c"]}), **OWN)

    @pytest.mark.parametrize(
        "values",
        [
            [True, False],
            [True, 2],
            [[1, 2], [False, 3]],
            pd.array([True, None], dtype="boolean"),
            ["1", "2"],
            [1j],
            np.array(["2020"], dtype="M8[D]"),
            np.array([3], dtype="m8[s]"),
            [1, "a"],
            pd.Series(["a", "b"]).astype("category"),
            [pd.NaT, 1j],
        ],
    )
    def test_what_is_no_number(self, values: Any) -> None:
        with pytest.raises(WrongType, match="x: expected numbers"):
            checks.array("x", values, finite=False, **OWN)

    def test_booleans_if_asked_for(self) -> None:
        flags = pd.array([True, None], dtype="boolean")
        found = checks.array("x", flags, booleans=True, missing=True)
        np.testing.assert_array_equal(found, [1, np.nan])
        assert checks.array("x", [True, False], booleans=True).dtype == np.float64

    def test_ragged_sparse_and_wrong_shape(self) -> None:
        pairs = pd.MultiIndex.from_tuples([(1, 2)])
        for values in ([[1], [1, 2]], [1, [2]], np.array([[1], [1, 2]], dtype=object), pairs):
            with pytest.raises(Wrong, match="ragged values"):
                checks.array("x", values, error=Wrong)
        with pytest.raises(Wrong, match=r"a 1-D or 2-D array, got shape \(1, 1, 1\)"):
            checks.array("x", [[[1]]], ndim=(1, 2), error=Wrong)
        sparse = pytest.importorskip("scipy.sparse")
        with pytest.raises(Wrong, match="toarray"):
            checks.array("x", sparse.csr_matrix([[1.0]]), error=Wrong)

    def test_units_are_not_dropped(self) -> None:
        pq = pytest.importorskip("quantities")
        with pytest.raises(Wrong, match="plain numbers, got values in ms; convert"):
            checks.array("times", [1, 2] * pq.ms, error=Wrong)
        assert checks.array("x", [1, 2] * pq.dimensionless).tolist() == [1, 2]
        with pytest.raises(Wrong):
            checks.real("x", 3 * pq.ms, error=Wrong)
        table = pd.DataFrame({"magnitude": [1.0], "units": [2.0]})  # columns, no quantity
        assert checks.array("x", table).tolist() == [[1.0, 2.0]]

    @given(st.integers(-(2**63), 2**64 - 1), st.sampled_from(["i1", "u1", "i4", "i8", "u8"]))
    def test_integers_stay_what_they_are_or_are_refused(self, value: int, dtype: str) -> None:
        raw = np.array([value])
        limits = np.iinfo(dtype)
        if limits.min <= value <= limits.max:
            assert int(checks.array("x", raw, dtype)[0]) == value
        else:
            with pytest.raises(DataError, match="values that fit"):
                checks.array("x", raw, dtype)

    @given(st.integers(-(2**63), 2**64 - 1))
    def test_integers_as_floats(self, value: int) -> None:
        if int(float(value)) == value:
            assert int(checks.array("x", np.array([value]), np.float64)[0]) == value
        else:
            with pytest.raises(DataError, match="float64 can hold"):
                checks.array("x", np.array([value]), np.float64)
        for dtype in ("Int64", "int64[pyarrow]") if value < 2**63 else ():
            column = pd.array([value, None], dtype=dtype)
            if int(float(value)) == value:
                assert int(checks.array("x", column, missing=True)[0]) == value
            else:
                with pytest.raises(DataError):
                    checks.array("x", column, missing=True)

    @pytest.mark.parametrize("dtype", [np.float16, np.float32])
    @given(value=st.floats(allow_nan=False))
    def test_finite_numbers_stay_finite(self, dtype: Any, value: float) -> None:
        about = np.finfo(dtype)
        # Rounds up to infinity from half a step above the largest on.
        step = 2.0 ** (about.maxexp - 1 - about.nmant)
        fits = abs(value) < float(about.max) + step / 2 or np.isinf(value)
        if fits:
            found = checks.array("x", [value], dtype, finite=False)
            assert np.isinf(found[0]) == np.isinf(value)
        else:
            with pytest.raises(DataError, match=f"x: expected values that fit {np.dtype(dtype)}"):
                checks.array("x", [value], dtype, finite=False)

    def test_the_result_is_apart_and_read_only(self) -> None:
        mine = np.arange(3.0)
        found = checks.array("x", mine)
        mine[0] = 9
        assert found[0] == 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            found.flags.writeable = True
        assert checks.array("x", found) is found
        assert np.shares_memory(checks.array("x", found[1:]), found)
        assert np.shares_memory(checks.array("x", mine, copy=False), mine)
        view = mine[:2]
        view.flags.writeable = False  # its base can still be written to
        assert not np.shares_memory(checks.array("x", view), mine)


class TestIndices:
    @given(st.integers(1, 6), st.data())
    def test_as_numpy_takes_them(self, n: int, data: st.DataObject) -> None:
        places = data.draw(st.lists(st.integers(-n, n - 1), max_size=6))
        expected = np.arange(n)[np.array(places, dtype=int)]
        for form in (places, tuple(places), np.array(places, dtype=np.int8), iter(places)):
            np.testing.assert_array_equal(checks.indices("i", form, n), expected)
        mask = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
        for marked in (mask, np.array(mask), pd.array(mask, dtype="boolean")):
            found = checks.indices("i", marked, n)
            np.testing.assert_array_equal(found, np.arange(n)[np.array(mask)])
        assert checks.index("i", -1, n) == n - 1

    @pytest.mark.parametrize("one", [2, np.int64(2), np.array(2), -1, slice(2, None), "c", ["c"]])
    def test_one_place_in_any_form(self, one: Any) -> None:
        assert checks.indices("i", one, 3, names=("a", "b", "c")).tolist() == [2]

    @pytest.mark.parametrize(
        ("value", "error"),
        [
            (True, WrongType),
            (1.0, WrongType),
            ([1.0], WrongType),
            ([True, 2], WrongType),
            (None, WrongType),
            ("a", WrongType),
            ([[0, 1]], Wrong),
            ([True], Wrong),
            (pd.array([True, None, False], dtype="boolean"), WrongType),
            (np.ma.array([0, 1], mask=[0, 1]), WrongType),
            ([3], Wrong),
            (-4, Wrong),
            ([0, -3], Wrong),
            (np.uint64(2**63), Wrong),
            (np.array([2**63], dtype=np.uint64), Wrong),
        ],
    )
    def test_what_is_no_index(self, value: Any, error: type[Exception]) -> None:
        with pytest.raises(error, match="i: expected") as caught:
            checks.indices("i", value, 3, unique=True, **OWN)
        assert type(caught.value) is error

    def test_missing_indices_are_told(self) -> None:
        for marked in (
            pd.array([True, None, False], dtype="boolean"),
            pd.Series([0, None], dtype="Int64"),
            np.ma.array([0, 1], mask=[False, True]),
        ):
            with pytest.raises(DataError, match="1 are missing"):
                checks.indices("i", marked, 3)

    def test_names(self) -> None:
        with pytest.raises(Wrong, match="did you mean 'CA1'"):
            checks.indices("channel", ["CA11"], 2, names=("CA1", "CA3"), error=Wrong)
        with pytest.raises(Wrong, match="nothing to choose from"):
            checks.index("channel", 0, 0, error=Wrong)


class TestRegularTimes:
    @settings(max_examples=200)
    @given(
        rate=st.sampled_from([0.1, 1, 7.5, 100 / 3, 128, 250, 512, 1000.0213, 24414.0625, 5e4]),
        start=st.sampled_from([0.0, -3.7, 1e5 + 1 / 3, 1.7e9]),
        n=st.integers(2, 3000),
    )  # fmt: skip
    def test_a_grid_is_found_at_any_offset(self, rate: float, start: float, n: int) -> None:
        spacing = np.spacing(abs(start) + n / rate)
        times = start + np.arange(n) / rate
        if (np.diff(times) <= 0).any() or spacing > 0.1 / rate:
            return
        found, first = checks.regular_times("t", times)
        assert first == times[0]
        # n - 1 steps of the found rate end where the times end, to their last digit.
        assert abs((n - 1) / found - (n - 1) / rate) <= max(4 * spacing, 2.1e-9)

    @given(
        rate=st.sampled_from([1.0, 30.0, 128.0, 1000.0, 3e4]),
        start=st.sampled_from([0.0, 86400.0, 1.7e9]),
        n=st.integers(4, 3000),
        data=st.data(),
    )
    def test_a_missing_sample_is_always_found(
        self, rate: float, start: float, n: int, data: st.DataObject
    ) -> None:
        times = start + np.arange(n) / rate
        gone = data.draw(st.integers(1, n - 2))
        for decimals in (3, 6, 12):
            written = np.round(np.delete(times, gone), decimals)
            with pytest.raises(DataError, match=r"t: expected (regular times|times that rise)"):
                checks.regular_times("t", written)

    def test_written_with_few_decimals(self) -> None:
        times = np.round(1e5 + np.arange(128 * 60) / 128, 3)
        assert checks.regular_times("t", times) == (128.0, 100000.0)
        single = (np.arange(100_000) / 1000).astype(np.float32)
        assert checks.regular_times("t", single)[0] == 1000.0
        with pytest.raises(DataError):  # the decimal is longer than half a step
            checks.regular_times("t", np.round(np.arange(1000) / 512, 3))

    def test_jitter_drift_and_a_wrong_rate(self) -> None:
        grid = np.arange(1000) / 100
        jitter = np.random.default_rng(0).uniform(-1, 1, 1000)
        assert checks.regular_times("t", grid + 1e-5 * jitter, 100)[0] == 100
        with pytest.raises(DataError, match="interpolate"):
            checks.regular_times("t", grid + 1e-3 * jitter)
        with pytest.raises(DataError, match="times at 101 Hz, got regular times at 100 Hz"):
            checks.regular_times("t", grid, 101)
        with pytest.raises(DataError):  # each step is right to 0.02 %, the sum is not
            checks.regular_times("t", grid**1.0001)

    def test_too_few_or_not_rising(self) -> None:
        with pytest.raises(Wrong, match="fewer than two"):
            checks.regular_times("t", [1.0], error=Wrong)
        assert checks.regular_times("t", [1.0], 10) == (10.0, 1.0)
        for times in ([], [1.0, 1.0], [1.0, 0.0], [0.0, np.nan]):
            with pytest.raises(Wrong):
                checks.regular_times("t", times, error=Wrong)


@pytest.mark.parametrize("wrap", [list, tuple, lambda parts: [list(parts)]])
def test_lists_of_arrays_are_read_as_the_arrays_are(wrap: Callable[[Any], Any]) -> None:
    hidden = np.ma.array([1, 2], mask=[False, True])
    found = checks.array("x", wrap([hidden, [3, 4]]), missing=True)
    np.testing.assert_array_equal(found.reshape(2, 2), [[1, np.nan], [3, 4]])
    words = np.ma.array(["a", "b"], mask=[False, True])
    assert checks.plain("x", wrap([words])).ravel().tolist() == ["a", None]
    assert checks.plain("x", wrap([np.ma.masked, "a"])).ravel().tolist() == [None, "a"]
    quantities = pytest.importorskip("quantities")
    seconds, milliseconds = quantities.Quantity(1, "s"), quantities.Quantity(2, "ms")
    for parts in ([seconds, milliseconds], [[1.0, 2.0], quantities.Quantity([1, 2], "s")]):
        with pytest.raises(DataError, match="values in s"):
            checks.array("x", wrap(parts))


@pytest.mark.parametrize("values", [["a", np.nan], ["a", None, 1], [1.5, "a"], [["a"], [np.nan]]])
def test_what_stands_beside_text_in_a_list_stays(values: list[Any]) -> None:
    as_objects = np.empty(np.shape(values), dtype=object)
    as_objects[...] = np.array(values, dtype=object)
    found = checks.plain("x", values)
    assert found.tolist() == checks.plain("x", as_objects).tolist()
    assert not any(isinstance(x, str) and x != "a" for x in found.flat)


@pytest.mark.parametrize(
    "values",
    [
        (x for x in [0.1]),
        iter([0.1]),
        zip([0.1], [0.2], strict=True),
        {0.1},
        frozenset({0.1}),
        {0.1: 1},
        {"a": 0.1}.values(),
        {0.1: 1}.keys(),
    ],
)
def test_what_gives_its_values_one_by_one_is_refused_with_what_to_do(values: Any) -> None:
    expected = rf"expected a list or an array, got {type(values).__name__}; pass list\(…\)"
    uses: list[Callable[[Any], Any]] = [
        lambda x: checks.array("times", x),
        lambda x: SpikeTrains(x, [0]),
        lambda x: SpikeTrains.from_lists([x]),
        lambda x: Epochs(x, [1.0]),
        lambda x: TimeSeries(None, x),
        lambda x: Signal([1.0], 1.0).at(x),
        lambda x: SpikeTrains([0.1], [0]).align(x, (-1, 1)),
        lambda x: Clock().times(x),
    ]
    for use in uses:
        with pytest.raises(DataError, match=expected):
            use(values)


@pytest.mark.parametrize("kind", [Decimal, Fraction])
@pytest.mark.parametrize("hold", [list, tuple, lambda x: np.array(x, object), pd.Series])
def test_decimals_and_fractions_are_the_nearest_floats(kind: Any, hold: Any) -> None:
    texts = ["0.1", "0.25", "1.7"]
    given = hold([kind(x) for x in texts])
    assert checks.array("times", given).tolist() == [float(x) for x in texts]
    assert SpikeTrains(given, [0, 1, 0]).times.tolist() == [float(x) for x in texts]
    assert checks.array("x", hold([kind("0.5"), None]), missing=True).tolist()[0] == 0.5
    with pytest.raises(DataError, match="finite"):
        checks.array("x", hold([Decimal("nan")]))
    with pytest.raises(DataError, match="numbers"):
        checks.array("x", hold([Decimal("sNaN")]))
