"""Public functions given anything: they understand it, or refuse it in words of their own."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import decimal
import fractions
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from neuroloom.shared import (
    DataError,
    Epochs,
    NeuroloomError,
    checks,
    io,
    jobs,
    parallel,
    plots,
    random,
    report,
)


class Plain:
    """An object that nothing here knows."""


class Unwritable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Uncounted:
    def __len__(self) -> int:
        raise RuntimeError("no length")


class Unreadable:
    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise KeyError("no array")


class Incomparable:
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")


def of_one(value: Any) -> pd.Series:
    """Return a column of one cell, which no library has looked into."""
    cells = np.empty(1, object)
    cells[0] = value
    return pd.Series(cells, dtype=object)


def inside_itself() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


FIELDS = np.zeros(2, "i4,f8")
SCALARS: list[Any] = [
    *(
        None,
        True,
        0,
        -1,
        1,
        2**63,
        2**64,
        10**400,
        -(2**63),
        0.5,
        math.nan,
        math.inf,
        -math.inf,
        1j,
    ),
    *("a", "", "\ud800", "a\0b", b"a", np.int64(3), np.uint64(2**64 - 1), np.float32(1.5)),
    *(
        np.True_,
        np.str_("a"),
        np.datetime64("2020"),
        np.datetime64("NaT", "s"),
        np.timedelta64(1, "s"),
    ),
    *(FIELDS[0], np.ma.masked, pd.NA, pd.NaT, pd.Timestamp("2020"), datetime.date(2020, 1, 1)),
    *(decimal.Decimal("1.5"), decimal.Decimal("sNaN"), fractions.Fraction(1, 3)),
    *(fractions.Fraction(10**400, 3), fractions.Fraction(-(10**400), 3)),
    *(Plain(), Plain, Unwritable(), Uncounted(), Unreadable(), Incomparable(), len, sys, ...),
    *(NotImplemented, ValueError("x"), Path("nowhere/x"), Path()),
]
SEVERAL: list[Any] = [
    *([], [1], [1, "a"], [2**63, -1], [2**63 + 1, -1], [2**64], [10**400, 1.0], [[1], [1, 2]]),
    *([None], [True, 2], (1, 2), {}, {"a": 1}, {1: 2}, set(), {1, "a"}, range(3), inside_itself()),
    *(slice(0, "a"), slice(0, 2, 0), slice(0.5), slice(None, 2)),
    *(
        np.arange(3),
        np.array(5),
        np.ones((2, 2)),
        np.empty((0, 3)),
        np.array([1, "a", None], object),
    ),
    *(np.array(["a", "b"]), FIELDS, np.ma.array(FIELDS, mask=[(1, 0), (0, 0)])),
    *(np.ma.array(FIELDS, mask=[(1, 0), (0, 0)])[0], np.ma.array([1, 2], mask=[1, 0])),
    *(np.ma.array(["a", "b"], mask=[1, 0]), np.rec.array([(1, 2.0)]), np.array([1j])),
    *(np.array([2**64 - 1], np.uint64), np.array([-(2**63)]), np.array([1, np.nan], "f2")),
    *(np.array([1], np.longdouble), memoryview(b"abc")),
    *(pd.Series([1, None]), pd.Series(["a", None]), pd.Categorical(["a", None]), pd.DataFrame()),
    *(pd.DataFrame({"a": [1]}), pd.DataFrame([[1, 2]], columns=["a", "a"])),
    *(pd.MultiIndex.from_tuples([(1, 2)]), pd.arrays.IntervalArray.from_breaks([0, 1, 2])),
    *(pd.Series(pd.period_range("2020", periods=2, freq="D")), pd.arrays.SparseArray([0, 1])),
    *(pd.Series(pd.date_range("2020", periods=2, tz="UTC")),),
]
ONE = pd.DataFrame({"a": [1]})


def atomic(path: Any) -> None:
    with io.atomic(path) as file:
        file.write(b"")


def within(context: Callable[..., Any]) -> Callable[[Any], None]:
    def enter(value: Any) -> None:
        with context(value):
            pass

    return enter


def workers(value: Any) -> None:
    if not (isinstance(value, (int, np.integer)) and 1 < value < 2**31):  # they would be started
        parallel.map(abs, [1], n_workers=value, progress=False)


@pytest.mark.parametrize("value", [1, 0, None, "no", 1.0, []])
def test_flags_are_booleans(value: Any, tmp_path: Path) -> None:
    uses: dict[str, Callable[[Any], Any]] = {
        "progress": lambda x: parallel.map(abs, [1], progress=x),
        "durable": lambda x: within(lambda y: io.atomic(tmp_path / "a", durable=y))(x),
        "shared": lambda x: jobs.Job.open(tmp_path, shared=x),
        "resume": lambda x: parallel.add_options(argparse.ArgumentParser(), resume=x),
        "shard": lambda x: parallel.add_options(argparse.ArgumentParser(), shard=x),
        "pyplot": lambda x: within(lambda y: plots.style(pyplot=y))(x),
        "warning": lambda x: report.note("a", warning=x),
    }
    for name, use in uses.items():
        with pytest.raises(DataError, match=f"{name}: expected True or False"):
            use(value)
    assert not list(tmp_path.iterdir())
    assert parallel.map(abs, [-1], progress=np.False_) == [1]  # type: ignore[arg-type]


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "array": lambda x: checks.array("x", x),
    "array of floats": lambda x: checks.array("x", x, np.float64, missing=True, booleans=True),
    "array of integers": lambda x: checks.array("x", x, np.int64, finite=False, copy=False),
    "plain": lambda x: checks.plain("x", x),
    "frozen": checks.frozen,
    "real": lambda x: checks.real("x", x),
    "whole": lambda x: checks.whole("x", x, accept_floats=True, at_least=0),
    "flag": lambda x: checks.flag("x", x),
    "text": lambda x: checks.text("x", x),
    "path": lambda x: checks.path("x", x),
    "regular_times": lambda x: checks.regular_times("x", x),
    "regular_times, rate": lambda x: checks.regular_times("x", [0, 1], x),
    "index": lambda x: checks.index("x", x, 3),
    "index, names": lambda x: checks.index("x", x, 3, names=("a", "b", "c")),
    "indices": lambda x: checks.indices("x", x, 3),
    "indices, names": lambda x: checks.indices("x", x, 3, names=("a", "b", "c"), unique=True),
    "choice": lambda x: checks.choice("x", x, ("a", 1, None, 0.5)),
    "unknown": lambda x: checks.unknown("x", x, ("a", "b")),
    "did_you_mean": lambda x: checks.did_you_mean(x, ("a", "b")),
    "fail": lambda x: checks.fail("x", "a number", x),
    "keys": lambda x: checks.keys("x", x, ("a",)),
    "keys, one": lambda x: checks.keys("x", [x], ("a",)),
    "heading": report.heading,
    "heading, level": lambda x: report.heading("a", level=x),
    "report.text": report.text,
    "note": report.note,
    "note, warning": lambda x: report.note("a", warning=x),
    "table": report.table,
    "table, caption": lambda x: report.table(ONE, caption=x),
    "table, most_rows": lambda x: report.table(ONE, most_rows=x),
    "table, cell": lambda x: report.table(pd.DataFrame({"a": of_one(x)})),
    "figure": lambda x: report.figure(x, "a"),
    "figure, alt": lambda x: report.figure(plt.gcf(), x),
    "figure, caption": lambda x: report.figure(plt.gcf(), "a", caption=x),
    "figure, close": lambda x: report.figure(plt.gcf(), "a", close=x),
    "page, title": lambda x: report.page(x, []),
    "page, parts": lambda x: report.page("a", x),
    "page, part": lambda x: report.page("a", [x]),
    "page, footer": lambda x: report.page("a", [], footer=x),
    "report.save": lambda x: report.save(x, "a", []),
    "report.save, title": lambda x: report.save("x.html", x, []),
    "key": random.key,
    "numbered, keys": lambda x: random.numbered(x, 1),
    "numbered, numbers": lambda x: random.numbered(1, x),
    "uniform": random.uniform,
    "mix_in_place": random.mix_in_place,
    "atomic": atomic,
    "save_arrays": lambda x: io.save_arrays("a.npz", x, kind="k"),
    "save_arrays, array": lambda x: io.save_arrays("a.npz", {"x": x}, kind="k"),
    "save_arrays, path": lambda x: io.save_arrays(x, {}, kind="k"),
    "save_arrays, kind": lambda x: io.save_arrays("a.npz", {}, kind=x),
    "save_arrays, header": lambda x: io.save_arrays("a.npz", {}, kind="k", header=x),
    "save_arrays, entry": lambda x: io.save_arrays("a.npz", {}, kind="k", header={"a": x}),
    "save_arrays, version": lambda x: io.save_arrays("a.npz", {}, kind="k", version=x),
    "load_arrays": lambda x: io.load_arrays(x, kind="k"),
    "load_arrays, kind": lambda x: io.load_arrays("k.npz", kind=x),
    "load_arrays, version": lambda x: io.load_arrays("k.npz", kind="k", version=x),
    "load": io.load,
    "load, kind": lambda x: io.load("k.npz", x),
    "save": lambda x: io.save("a.npz", x),
    "save, path": lambda x: io.save(x, Epochs([0], [1])),
    "load_table": io.load_table,
    "save_table": lambda x: io.save_table("a.csv", x),
    "register": io.register,
    "map, items": lambda x: parallel.map(id, x, progress=False),
    "map, n_workers": workers,
    "map, shard": lambda x: parallel.map(id, [], shard=x, progress=False),
    "map, batch_size": lambda x: parallel.map(id, [], batch_size=x, progress=False),
    "map, resume": lambda x: parallel.map(id, [], resume=x, progress=False),
    "cluster": lambda x: within(parallel.cluster)(x) if not isinstance(x, str) else None,
    "sharded": within(parallel.sharded),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_odd_values_are_understood_or_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    io.save_arrays("k.npz", {}, kind="k")
    raw = {}
    for place, value in enumerate([*SCALARS, *SEVERAL]):
        try:
            with contextlib.suppress(NeuroloomError):
                FUNCTIONS[name](value)
        except Exception as error:
            raw[place] = f"{type(value).__name__}: {error!r}"
    assert not raw


@pytest.mark.parametrize(
    "values",
    [
        [2**63 + 1, -1],
        [2**53 + 1, 0.5],
        [[2**63 + 1], [-1]],
        np.array([2**63 + 1, -1], dtype=object),
        [np.array([2**63 + 1], np.uint64), np.array([-1])],
        [2**64 + 1],
        [2**64 + 1, None],
        [2**53 + 1, None],
        pd.Series([2**63 + 1, -1]),
        pd.DataFrame({"a": np.array([2**63 + 1], np.uint64), "b": [-1]}),
        pd.DataFrame({"a": [2**53 + 1], "b": [0.5]}),
        [10**400, 0.5],
        [10**400],
    ],
)
@pytest.mark.parametrize("dtype", [None, np.float64])
def test_integers_that_floats_do_not_hold_are_refused(values: Any, dtype: Any) -> None:
    with pytest.raises(NeuroloomError, match="x: expected integers"):
        checks.array("x", values, dtype, missing=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2**63, -1], [2**63, -1]),
        ([2**64, 1], [2**64, 1]),
        ([2**53, 0.5], [2**53, 0.5]),
        ([2**53 + 1, 1], [2**53 + 1, 1]),
        ([-(2**63), 2**63 - 1], [-(2**63), 2**63 - 1]),
        ([2**64 - 1], [2**64 - 1]),
        (np.array([2**63, -1], object), [2**63, -1]),
        ([fractions.Fraction(1, 2), 1], [0.5, 1]),
        (pd.DataFrame({"a": np.array([2**63], np.uint64), "b": [-1]}), [[2**63, -1]]),
    ],
)
def test_integers_that_one_type_holds_keep_their_values(values: Any, expected: Any) -> None:
    found = checks.array("x", values).tolist()
    assert found == expected  # Python compares integers with floats exactly
    assert np.shape(found) == np.shape(expected)


def test_infinity_is_no_integer() -> None:
    with pytest.raises(NeuroloomError, match="x: expected whole numbers"):
        checks.array("x", [np.inf], np.int64, finite=False)


def test_slices_and_masked_fields_are_told_in_words() -> None:
    with pytest.raises(NeuroloomError, match="units: expected a slice of integers"):
        checks.indices("units", slice(0, "a"), 3)
    assert checks.indices("units", slice(np.int64(1), None, -1), 3).tolist() == [1, 0]
    with pytest.raises(NeuroloomError, match="x: expected values of one type, got masked fields"):
        checks.plain("x", np.ma.array(FIELDS, mask=[(0, 1), (0, 0)]))
    assert checks.plain("x", np.ma.array(FIELDS)).dtype == FIELDS.dtype


def test_a_report_shows_what_has_no_bytes(tmp_path: Path) -> None:
    path = report.save(tmp_path / "a.html", "rat \udcff", [report.text("a \ud800")])
    assert "rat \\udcff" in path.read_text(encoding="utf-8")
