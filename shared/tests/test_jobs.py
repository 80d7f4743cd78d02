"""Jobs: whose folder it is, what is kept, and what several processes make of one folder."""

from __future__ import annotations

import abc
import errno
import functools
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from neuroloom import shared
from neuroloom.shared import DataError
from neuroloom.shared.jobs import Job, Walk, discard, fingerprint
from neuroloom.shared.jobs import _locks as locks
from neuroloom.shared.parallel import UnfinishedError, WorkerError, sharded, surrounding_shard

BEFORE = """
    import numpy as np
    SCALE = 2.0
    TABLE = np.arange(3)

    def helper(x):
        return x + 1

    class Kind(type):
        gain = 1.0

    class Model(metaclass=Kind):
        offset = 1.0
        def predict(self, x):
            return x + self.offset

    def fit(x, power=1):
        '''Say what it does.'''
        class Inside:
            '''Say what it is.'''
            try:
                level = 12
            except ValueError:
                level = 4
            for step in range(3):
                level += step > 1
        def inner(y):
            return helper(y) * SCALE
        return inner(x) ** power + TABLE[0] + Model().predict(x) * Model.gain
"""
CHANGES = {
    "a comment": ("def helper(x):", "# why\n\n    def helper(x):", True),
    "a docstring": ("Say what it does.", "Say it better.", True),
    "a docstring of a class inside": ("Say what it is.", "Say it better.", True),
    "no docstring of a class inside": ("'''Say what it is.'''", "pass", True),
    "a value of a class inside": ("level = 12", "level = 13", False),
    "what a class inside catches": ("except ValueError", "except TypeError", False),
    "a loop of a class inside": ("step > 1", "step > 0", False),
    "another function": ("def helper", "def unused():\n        pass\n\n    def helper", True),
    "a helper": ("return x + 1", "return x + 2", False),
    "a global": ("SCALE = 2.0", "SCALE = 3.0", False),
    "an array": ("np.arange(3)", "np.arange(4)", False),
    "a default": ("power=1", "power=2", False),
    "a method": ("return x + self.offset", "return x - self.offset", False),
    "a class's value": ("offset = 1.0", "offset = 1.5", False),
    "a metaclass": ("gain = 1.0", "gain = 1.5", False),
    "a function inside": ("helper(y) * SCALE", "helper(y) / SCALE", False),
    "the body": ("** power", "* power", False),
}


def module(source: str, name: str = "written") -> Any:
    """Return the function ``fit`` of a module's source, as if it had been imported."""
    namespace: dict[str, Any] = {"__name__": name}
    exec(compile(textwrap.dedent(source), f"{name}.py", "exec"), namespace)
    return namespace["fit"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_function_is_known_by_what_it_does(change: str, tmp_path: Path) -> None:
    old, new, same = CHANGES[change]
    assert BEFORE.count(old) == 1
    first, second = module(BEFORE), module(BEFORE.replace(old, new))
    assert (fingerprint(first) == fingerprint(second)) is same
    kept = shared.map(first, [1.0, 2.0], resume=tmp_path, progress=False)
    if same:
        assert shared.map(second, [1.0, 2.0], resume=tmp_path, progress=False) == kept
    else:
        with pytest.raises(DataError, match=r"resume: expected a folder of the same job"):
            shared.map(second, [1.0, 2.0], resume=tmp_path, progress=False)


def test_the_error_names_what_changed(tmp_path: Path) -> None:
    shared.map(module(BEFORE), [1.0], resume=tmp_path, progress=False)
    changed = module(BEFORE.replace("x + 1", "x + 2"))
    with pytest.raises(DataError, match=r"\['code'\] \(written.helper changed\)"):
        shared.map(changed, [1.0], resume=tmp_path, progress=False)
    changed = module(BEFORE.replace("SCALE = 2.0", "SCALE = 3.0"))
    with pytest.raises(DataError, match=r"\['globals'\] \(written.SCALE has another value\)"):
        shared.map(changed, [1.0], resume=tmp_path, progress=False)
    changed = module(BEFORE.replace("power=1", "power=2"))
    with pytest.raises(DataError, match=r"\['bound'\] \(default of power has another value\)"):
        shared.map(changed, [1.0], resume=tmp_path, progress=False)


def test_values_that_lead_back_to_themselves_have_a_digest() -> None:
    def circle() -> list[Any]:
        inner: list[Any] = [1]
        inner.append(inner)
        return [inner, inner]

    assert fingerprint(circle()) == fingerprint(circle())
    assert fingerprint(circle()) != fingerprint([1])


@dataclass(frozen=True)
class Keeping:
    number: int
    kept: dict[str, int] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        return {"number": self.number, "kept": {}}


@pytest.mark.parametrize(
    "value",
    [
        [1, [2.0]],
        (1, ("a",)),
        {"a": [1], 2: {}},
        np,
        DataError,
        Path,
        functools.partial,
        fingerprint,
        lambda x: x + 1,
    ],
    ids=lambda value: type(value).__name__,
)
def test_types_found_at_once_are_read_as_the_list_of_readers_would(value: Any) -> None:
    asked = Walk()
    asked._exact = {}
    known = Walk()
    assert asked.of(value) == known.of(value)
    assert asked.follow() == known.follow()
    assert asked.versions == known.versions


def test_what_a_class_keeps_and_does_not_send_is_no_part_of_it() -> None:
    used = Keeping(1)
    used.kept["square"] = 1
    assert fingerprint(used) == fingerprint(Keeping(1)) != fingerprint(Keeping(2))


def test_names_of_other_modules_do_not_hide_the_users_code() -> None:
    def decorated(factor: int) -> Any:
        namespace: dict[str, Any] = {"__name__": "mine", "np": np, "functools": functools}
        source = f"""
            @functools.wraps(np.mean)
            def fit(x):
                return np.mean(x) * {factor}
        """
        exec(textwrap.dedent(source), namespace)
        return namespace["fit"]

    def made(sign: int) -> Any:
        body: Any = (lambda self, x: x) if sign > 0 else (lambda self, x: -x)
        return type("Made", (abc.ABC,), {"step": body})()

    assert decorated(2).__module__ == "numpy"
    assert fingerprint(decorated(2)) != fingerprint(decorated(3))
    assert type(made(1)).__module__ == "abc"
    assert fingerprint(made(1)) != fingerprint(made(-1))


@pytest.mark.parametrize(
    "pair",
    [(1, 1.0), (1, True), (1, np.int64(1)), (np.array(1), np.int64(1)), ((1,), [1]), (0.0, -0.0)],
)
def test_types_and_signs_count(pair: tuple[Any, Any]) -> None:
    assert fingerprint(pair[0]) != fingerprint(pair[1])
    assert fingerprint(np.float32([1])) != fingerprint(np.float64([1]))


class Tagged(np.ndarray):
    """Numbers that carry attributes."""


class Column:
    def __init__(self, values: Any, unit: str) -> None:
        self.values, self.unit = values, unit

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.values)


def tagged(rate: float) -> Any:
    numbers = np.arange(3.0).view(Tagged)
    numbers.rate = rate  # type: ignore[attr-defined]
    return numbers


def named(k: int) -> Any:
    def kept(x: int) -> int:
        return x

    kept.k = k  # type: ignore[attr-defined]
    return kept


def masked(mask: Any, dtype: Any = float, **options: Any) -> Any:
    values = [(1, 2)] if dtype is not float else [1.0, 2.0]
    return np.ma.array(values, mask=mask, dtype=dtype, **options)


def table(**options: Any) -> Any:
    return pd.DataFrame({"a": [1]}, index=pd.Index([1], **options))


def noted(unit: str, dtype: str = "f8") -> Any:
    return np.dtype(dtype, metadata={"unit": unit})


class Weak(weakref.WeakSet):  # type: ignore[type-arg]
    """A weak set that says more."""


def weak(k: int) -> Weak:
    found = Weak([named])
    found.k = k  # type: ignore[attr-defined]
    return found


DAYS = pd.date_range("2020", periods=3)
FIELDS = [("a", "i4"), ("b", "i4")]
DIFFER = {
    "mask": (masked([0, 1]), masked([1, 0])),
    "mask of fields": (masked([(0, 1)], FIELDS), masked([(1, 0)], FIELDS)),
    "masked and not": (masked([0, 0]), np.array([1.0, 2.0])),
    "fill value": (masked([0, 1], fill_value=5.0), masked([0, 1], fill_value=6.0)),
    "hard mask": (masked([0, 1], hard_mask=True), masked([0, 1])),
    "attribute of an array": (tagged(5.0), tagged(6.0)),
    "attribute of a function": (named(1), named(2)),
    "own array": (Column([1], "s"), Column([1], "ms")),
    "name of an index": (pd.Index([1], name="a"), pd.Index([1], name="b")),
    "name of a table's index": (table(name="a"), table(name="b")),
    "steps of an index": (DAYS, pd.DatetimeIndex(DAYS.to_numpy())),
    "order of categories": tuple(pd.Categorical(["a"], ["a"], ordered=o) for o in (True, False)),
    "order of an index": tuple(pd.CategoricalIndex(["a"], ["a"], ordered=o) for o in (True, False)),
    "rows or columns in memory": (np.eye(3, 4), np.asfortranarray(np.eye(3, 4))),
    "metadata of a type": (np.ones(2, noted("s")), np.ones(2, noted("ms"))),
    "metadata of objects": tuple(np.array([None], noted(x, "O")) for x in "ab"),
    "metadata of a field": tuple(np.ones(2, [("a", noted(x))]) for x in "ab"),
    "a type's own metadata": (noted("s"), noted("ms")),
    "alignment": tuple(np.ones(2, np.dtype(FIELDS, align=x)) for x in (True, False)),
    "records": (np.rec.array([(1, 2)], FIELDS)[0], np.array([(1, 2)], FIELDS)[0]),
    "zeros after text": (np.str_("a\0"), np.str_("a")),
    "zeros after bytes": (np.bytes_(b"a\0"), np.bytes_(b"a")),
    "a weak set": (weakref.WeakSet([named, masked]), weakref.WeakSet([named, table])),
    "weak values": tuple(weakref.WeakValueDictionary({"a": x}) for x in (named, masked)),
    "weak keys": tuple(weakref.WeakKeyDictionary({named: x}) for x in (1, 2)),
    "attribute of a weak set": (weak(1), weak(2)),
    "long bytes": (b"a" * 5000, b"a" * 4999 + b"b"),
}


@pytest.mark.parametrize("case", DIFFER)
def test_what_arrays_carry_beside_numbers_counts(case: str, tmp_path: Path) -> None:
    first, second = DIFFER[case]
    assert fingerprint(first) != fingerprint(second)
    shared.map(repr, [first], resume=tmp_path, progress=False)
    with pytest.raises(DataError, match=r"differs in \['items'\] \(item 0\)"):
        shared.map(repr, [second], resume=tmp_path, progress=False)


def of_quantities() -> Any:
    pq = pytest.importorskip("quantities")
    return [1.0] * pq.s, [1.0] * pq.ms


def of_neo() -> Any:
    neo, pq = pytest.importorskip("neo"), pytest.importorskip("quantities")
    return [neo.AnalogSignal([1.0], units="mV", sampling_rate=rate * pq.Hz) for rate in (1.0, 2.0)]


def of_xarray() -> Any:
    xr = pytest.importorskip("xarray")
    return [xr.DataArray([1.0, 2.0], dims="t", coords={"t": [0, last]}) for last in (1, 5)]


def of_pynapple() -> Any:
    nap = pytest.importorskip("pynapple")
    return [nap.Tsd([0.0, last], [1.0, 2.0]) for last in (1.0, 7.0)]


@pytest.mark.parametrize("make", [of_quantities, of_neo, of_xarray, of_pynapple])
def test_arrays_of_other_libraries_are_more_than_numbers(make: Any) -> None:
    first, second = make()
    assert fingerprint(first) != fingerprint(second)
    assert [fingerprint(value) for value in make()] == [fingerprint(first), fingerprint(second)]


def test_what_was_asked_of_a_value_is_no_part_of_it() -> None:
    days, numbers = pd.date_range("2020", periods=3, tz="UTC"), masked([0, 1])
    before = fingerprint([days, numbers])
    assert days.hasnans is False
    assert "2020" in repr(days)
    assert days.get_loc(days[0]) == 0
    assert numbers.fill_value == 1e20
    assert fingerprint([days, numbers]) == before


def test_an_array_that_nothing_can_read_is_refused() -> None:
    class Held(Column):
        def __init__(self) -> None:
            super().__init__([1], "s")
            self.lock = threading.Lock()

    with pytest.raises(DataError, match="value: expected what can be sent"):
        fingerprint(Held())


def test_what_cannot_be_read_is_told_with_the_callable_that_holds_it(tmp_path: Path) -> None:
    class Numbering:
        def __init__(self) -> None:
            self.numbers = (i for i in range(3))

        def __call__(self, item: int) -> int:
            return item

    generator = (i for i in range(3))
    held = {
        r"Numbering \(function\)": Numbering(),
        r"<lambda> \(x, closed over\)": (lambda x: lambda item: x)(generator),
        r"pow \(argument 0\)": functools.partial(pow, generator),
    }
    for name, function in held.items():
        with pytest.raises(DataError, match=rf"function: expected what can be sent .*{name}: "):
            Job.open(tmp_path, function=function)
    with pytest.raises(DataError, match="rates: expected what can be sent"):
        Job.open(tmp_path, {"rates": generator})


MADE = {
    "singledispatch": """
        @functools.singledispatch
        def g(x): return CODE""",
    "registered": """
        @functools.singledispatch
        def g(x): return 0
        @g.register(int)
        def _(x): return CODE""",
    "context manager": """
        @contextlib.contextmanager
        def manager(x): yield CODE
        def g(x):
            with manager(x) as found: return found""",
    "decorated by a context": """
        @np.errstate(all="ignore")
        def g(x): return CODE""",
    "own decorating context": """
        class Quiet(contextlib.ContextDecorator):
            def __enter__(self): return self
            def __exit__(self, *error): return None
        @Quiet()
        def g(x): return CODE""",
    "delayed": """
        @joblib.delayed
        def later(x): return CODE
        def g(x):
            function, arguments, options = later(x)
            return function(*arguments, **options)""",
    "context variable": """
        V = contextvars.ContextVar("V", default=lambda x: CODE)
        def g(x): return V.get()(x)""",
    "weak reference": """
        class Model:
            def step(self, x): return CODE
        MODEL = Model()
        W = weakref.ref(MODEL)
        def g(x): return W().step(x)""",
    "weak set": """
        class Model:
            def step(self, x): return CODE
        MODEL = Model()
        W = weakref.WeakSet([MODEL])
        def g(x): return next(iter(W)).step(x)""",
    "weak values": """
        class Model:
            def __init__(self, sign): self.sign = sign
        x = 1
        MODEL = Model(CODE)
        W = weakref.WeakValueDictionary({"a": MODEL})
        def g(x): return W["a"].sign * x""",
    "a thread's own": """
        L = threading.local()
        L.step = lambda x: CODE
        def g(x): return L.step(x)""",
    "decorated by a class": """
        class Twice:
            def __init__(self, inner):
                functools.update_wrapper(self, inner)
                self.inner = inner
            def __call__(self, x): return (lambda x: CODE)(self.inner(x))
        @Twice
        def g(x): return x""",
    "inside a class": """
        class Same:
            def __init__(self, inner):
                functools.update_wrapper(self, inner)
                self.inner = inner
            def __call__(self, x): return self.inner(x)
        @Same
        def g(x): return CODE""",
    "another method of a decorating class": """
        class Other:
            def __init__(self, inner): functools.update_wrapper(self, inner)
            def __call__(self, x): return self.step(self.__wrapped__(x))
            def step(self, x): return CODE
        @Other
        def g(x): return x""",
    "state of a decorating class": """
        class Sign:
            def __init__(self, inner, sign):
                functools.update_wrapper(self, inner)
                self.inner, self.sign = inner, sign
            def __call__(self, x): return self.sign * self.inner(x)
        x = 1
        g = Sign(lambda x: x, CODE)""",
    "a class that an abstract one takes as its own": """
        class Kind(abc.ABC): pass
        class First:
            @staticmethod
            def step(x): return CODE
        Kind.register(First)
        def g(x): return First.step(x) if issubclass(First, Kind) else 0""",
    "which class an abstract one takes as its own": """
        class Kind(abc.ABC): pass
        class First: pass
        class Second: pass
        x = 1
        Kind.register({1: First, -1: Second}[CODE])
        def g(x): return x if isinstance(First(), Kind) else -x""",
    "beside a lock": """
        def make(lock, step):
            def g(x): return step(x)
            return g
        g = make(threading.Lock(), lambda x: CODE)""",
}
MADE_FROM = "import abc, contextlib, contextvars, functools, joblib, threading, weakref\n"
MADE_FROM += "import numpy as np\n"


@pytest.mark.parametrize("case", MADE)
def test_code_in_what_libraries_make_counts(case: str, tmp_path: Path) -> None:
    pytest.importorskip("joblib")

    def fit(code: str) -> Any:
        body = textwrap.dedent(MADE[case]).replace("CODE", code)
        return module(f"{MADE_FROM}{body}\ndef fit(x): return g(x)\n")

    before, same, after = fit("x"), fit("(x)"), fit("-x")
    assert shared.map(before, [1, 2], resume=tmp_path, progress=False) == [1, 2]
    assert shared.map(same, [1, 2], resume=tmp_path, progress=False) == [1, 2]
    with pytest.raises(DataError, match="resume: expected a folder of the same job"):
        shared.map(after, [1, 2], resume=tmp_path, progress=False)


def test_what_nothing_can_read_is_told(tmp_path: Path) -> None:
    source = """
        import numpy as np
        g = np.frompyfunc(lambda x: -x, 1, 1)
        def fit(x): return g(x)
    """
    with pytest.warns(RuntimeWarning, match=r"goes unseen.*: g \(numpy.ufunc\)"):
        assert shared.map(module(source), [1], resume=tmp_path, progress=False) == [-1]
    assert fingerprint(np.add) != fingerprint(np.subtract)  # these stand in numpy by name
    with pytest.raises(DataError, match="is found in no module"):  # and no module's getattr is run
        fingerprint(functools.lru_cache(abs))


def noted(item: int, folder: str) -> int:
    """Leave one line per execution."""
    with open(Path(folder, str(item)), "a") as file:
        file.write("x\n")
    return item * 10


def nested_whole(item: int, folder: str) -> list[int]:
    """Return what a map inside an item returns, which keeps its items, too."""
    return shared.map(abs, range(3), resume=f"{folder}/inner-{item}", progress=False)


def executions(folder: Path) -> int:
    return sum(len(path.read_text().split()) for path in folder.iterdir())


@pytest.fixture
def work(tmp_path: Path) -> Any:
    (tmp_path / "runs").mkdir()
    return functools.partial(noted, folder=str(tmp_path / "runs"))


def quiet(work: Any, n: int, folder: Path, **options: Any) -> list[int]:
    return shared.map(work, range(n), resume=folder / "job", progress=False, **options)


class TestMoreItems:
    def test_only_new_items_are_computed(self, work: Any, tmp_path: Path) -> None:
        quiet(work, 4, tmp_path)
        assert quiet(work, 10, tmp_path) == [10 * i for i in range(10)]
        assert executions(tmp_path / "runs") == 10
        assert quiet(work, 3, tmp_path) == [0, 10, 20]
        assert executions(tmp_path / "runs") == 10

    def test_the_size_of_batches_may_change(self, work: Any, tmp_path: Path) -> None:
        expected = [10 * i for i in range(23)]
        quiet(work, 7, tmp_path, batch_size=3)
        for size in (1, 4, 50):
            assert quiet(work, 23, tmp_path, batch_size=size) == expected
        assert executions(tmp_path / "runs") == 23

    def test_shards_make_the_whole(self, work: Any, tmp_path: Path) -> None:
        parts = [quiet(work, 11, tmp_path, shard=(i, 3), batch_size=2) for i in range(3)]
        assert sorted(x for part in parts for x in part) == [10 * i for i in range(11)]
        assert quiet(work, 11, tmp_path) == [10 * i for i in range(11)]
        assert executions(tmp_path / "runs") == 11

    @pytest.mark.parametrize("batch_size", [1, 3, 100])
    def test_no_shard_is_empty_while_another_has_two_items(self, batch_size: int) -> None:
        for n, parts in [(11, 4), (9, 4), (4, 4), (3, 4), (100, 8)]:
            options: dict[str, Any] = {"progress": False, "batch_size": batch_size}
            got = [shared.map(abs, range(n), shard=(i, parts), **options) for i in range(parts)]
            assert sorted(x for part in got for x in part) == list(range(n))
            assert min(map(len, got)) >= (n >= parts)

    @pytest.mark.parametrize("shard", [(3, 3), (-1, 2), (0, 0), 1, (0.5, 2), "0/2"])
    def test_a_shard_that_is_none(self, shard: Any) -> None:
        with pytest.raises(DataError, match=r"shard: expected"):
            shared.map(abs, [1], shard=shard, progress=False)

    def test_a_job_of_several_maps_goes_a_step_each_round(self, tmp_path: Path) -> None:
        def job() -> list[int]:
            first = shared.map(abs, range(-5, 0), resume=tmp_path / "a", progress=False)
            total = functools.partial(pow, sum(first))
            return shared.map(total, range(4), resume=tmp_path / "b", progress=False)

        told = []
        for _ in range(2):
            for part in range(3):
                with pytest.raises(UnfinishedError) as end, sharded((part, 3)):
                    job()
                told.append(str(end.value).partition(" are kept in ")[0])
        assert told == [f"shard {i}/3: {k} of 5 items" for i, k in enumerate((2, 4, 5))] + [
            f"shard {i}/3: {k} of 4 items" for i, k in enumerate((2, 3, 4))
        ]
        with sharded((1, 3)):  # all is there
            assert job() == [1, 15, 225, 3375]
        assert job() == [1, 15, 225, 3375]

    @pytest.mark.parametrize("backend", ["sequential", "threading", "loky", "multiprocessing"])
    def test_a_map_inside_an_item_is_whole(self, tmp_path: Path, backend: str) -> None:
        options: dict[str, Any] = {"resume": tmp_path / "outer", "progress": False}
        work = functools.partial(nested_whole, folder=str(tmp_path))
        for part in range(2):
            with pytest.raises(UnfinishedError), sharded((part, 2)):
                shared.map(work, range(4), n_workers=2, backend=backend, **options)
        assert shared.map(work, range(4), **options) == [[0, 1, 2]] * 4

    def test_a_part_that_nobody_could_use_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="shard: expected work that keeps its items"):
            with sharded((0, 2)):
                shared.map(abs, [-1, 2], progress=False)
        with pytest.raises(ZeroDivisionError), sharded((0, 2)):  # an error stays what it is
            shared.map(abs, [1 // 0], progress=False)
        assert surrounding_shard() is None

    def test_another_item_at_a_place_is_refused(self, work: Any, tmp_path: Path) -> None:
        quiet(work, 3, tmp_path)
        with pytest.raises(DataError, match=r"differs in \['items'\] \(item 1\)"):
            shared.map(work, [0, 7, 2], resume=tmp_path / "job", progress=False)


class TestFiles:
    @pytest.mark.parametrize("cut", [0, 30, -5])
    def test_a_damaged_item_is_told_and_computed_again(
        self, work: Any, tmp_path: Path, cut: int
    ) -> None:
        quiet(work, 3, tmp_path)
        path = tmp_path / "job" / "item-000001.npz"
        path.write_bytes(path.read_bytes()[:cut])
        with pytest.warns(RuntimeWarning, match=r"item-000001.npz.*it is computed again"):
            assert quiet(work, 3, tmp_path) == [0, 10, 20]
        assert executions(tmp_path / "runs") == 4

    @pytest.mark.parametrize("kept", [0, 30, -30])
    def test_an_item_whose_bytes_no_disk_has_is_told_and_computed_again(
        self, work: Any, tmp_path: Path, kept: int
    ) -> None:
        # After a power cut a file may have its length, and zeros where nothing was written.
        quiet(work, 3, tmp_path)
        path = tmp_path / "job" / "item-000001.npz"
        whole = path.read_bytes()
        path.write_bytes(whole[:kept].ljust(len(whole), b"\0"))
        with pytest.warns(RuntimeWarning, match=r"item-000001.npz.*it is computed again"):
            assert quiet(work, 3, tmp_path) == [0, 10, 20]

    @pytest.mark.parametrize("left", [b"", b"\0" * 400])
    def test_a_record_whose_bytes_no_disk_has_is_written_again_for_the_same_job_only(
        self, work: Any, tmp_path: Path, left: bytes
    ) -> None:
        quiet(work, 3, tmp_path)
        record = tmp_path / "job" / "job.json"
        whole = record.read_bytes()
        record.write_bytes(left)
        with pytest.raises(DataError, match=r"resume: .* text that is no JSON"):
            shared.map(abs, [1], resume=tmp_path / "job", progress=False)
        assert record.read_bytes() == left
        assert quiet(work, 4, tmp_path) == [0, 10, 20, 30]
        assert record.read_bytes() == whole
        assert executions(tmp_path / "runs") == 4

    def test_quick_jobs_wait_for_the_disk_once_a_second(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[int] = []
        monkeypatch.setattr(os, "fsync", waits.append)
        monkeypatch.setattr("neuroloom.shared.jobs._job._waited", threading.local())
        clock = [1e9]
        monkeypatch.setattr(time, "monotonic", lambda: clock[0])
        for seconds, more in [(0.0, 1), (0.4, 0), (0.7, 1)]:
            clock[0] += seconds
            before = len(waits)
            Job.open(tmp_path / f"job-{clock[0]}").keep("part", 1.0)
            assert len(waits) - before == more

    def test_quick_parts_wait_for_the_disk_once_a_second(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[int] = []
        monkeypatch.setattr(os, "fsync", waits.append)
        monkeypatch.setattr("neuroloom.shared.jobs._job._waited", threading.local())
        job = Job.open(tmp_path / "job")
        clock = [1e9]
        monkeypatch.setattr(time, "monotonic", lambda: clock[0])
        for seconds, more in [(0.0, 1), (0.4, 0), (0.5, 0), (0.2, 1), (0.9, 0), (3.0, 1), (1.0, 1)]:
            clock[0] += seconds
            before = len(waits)
            job.keep(f"part-{clock[0]}".replace(".", "-"), 1.0)
            assert len(waits) - before == more

    def test_what_a_killed_writer_left_is_removed(self, work: Any, tmp_path: Path) -> None:
        quiet(work, 2, tmp_path)
        left = tmp_path / "job" / ".item-000002.npz.part"
        left.write_bytes(b"half")
        quiet(work, 3, tmp_path)
        assert not left.exists()
        assert not list((tmp_path / "job").glob("*.lock"))

    @pytest.mark.parametrize("word", ["ENOLCK", "ENOSYS", "ENOTSUP", "EIO", "EPERM", "EACCES"])
    def test_without_locks_it_says_so_and_shards_work(
        self, word: str, work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def none(*_: Any) -> None:
            raise OSError(getattr(errno, word), "No locks available")

        monkeypatch.setattr(locks.fcntl, "flock", none)
        with pytest.warns(RuntimeWarning, match=r"no file locks .* shard=\(i, n\)"):
            assert quiet(work, 3, tmp_path) == [0, 10, 20]
        assert quiet(work, 6, tmp_path, shard=(1, 2)) == [10, 30, 50]
        assert not discard(tmp_path / "job")  # another process may be at work

    def test_a_folder_of_version_010(self, tmp_path: Path) -> None:
        (tmp_path / "job.json").write_text('{"function": "builtins.abs", "n_items": 1}')
        with pytest.raises(DataError, match=r"of format 1, whose code is not known"):
            shared.map(abs, [1], resume=tmp_path, progress=False)


class TestSingleParts:
    def test_a_part_is_computed_once(self, tmp_path: Path) -> None:
        calls = []

        def stage(x: int) -> int:
            calls.append(x)
            return x + 1

        for _ in range(2):
            job = Job.open(tmp_path, {"rate": 5.0, "data": np.arange(3)})
            assert job.compute("first", stage, 2) == 3
        assert calls == [2]
        with pytest.raises(DataError, match=r"folder: expected .* differs in \['rate'\]"):
            Job.open(tmp_path, {"rate": 6.0, "data": np.arange(3)}, argument="folder")


class TestDiscard:
    def test_a_folder_stays_while_others_work_on_it(self, tmp_path: Path) -> None:
        job = Job.open(tmp_path / "job", {"x": 1})
        job.keep("part", 3)
        with job.working() as there:
            assert there
            assert not discard(tmp_path / "job")
            assert job.read("part") == (3, None)
        assert discard(tmp_path / "job")
        assert not list(tmp_path.iterdir())
        with job.working() as there:
            assert not there
        assert discard(tmp_path / "job")


SHARED = """
import os, sys, time
from neuroloom import shared
def nap(i):
    open(f"{sys.argv[1]}/{i}-{os.getpid()}", "w").close(); time.sleep(0.1)
    return {"i": i, "pid": 0}
if __name__ == "__main__":
    print(shared.map(nap, range(12), resume=sys.argv[2], progress=False))
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs file locks")
def test_processes_on_one_folder_share_the_items(tmp_path: Path) -> None:
    script, runs = tmp_path / "script.py", tmp_path / "runs"
    script.write_text(SHARED)
    runs.mkdir()
    command = [sys.executable, str(script), str(runs), str(tmp_path / "job")]
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    printed = {process.communicate(timeout=300)[0] for process in several}
    assert len(printed) == 1
    assert len(list(runs.iterdir())) == 12


def kills(item: int) -> int:
    if item == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_the_item_whose_worker_is_killed_is_told(backend: str, tmp_path: Path) -> None:
    options: Any = {"n_workers": 2, "backend": backend, "resume": tmp_path, "progress": False}
    with pytest.raises(WorkerError, match=r"item 3: the system killed the worker at it 3 times"):
        shared.map(kills, range(6), **options)
    assert len(list(tmp_path.glob("item-*.npz"))) == 5


def killed_once(item: int, folder: str) -> int:
    if item == 2 and not Path(folder, "been").exists():
        Path(folder, "been").touch()
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_one_death_does_not_end_the_run(backend: str, tmp_path: Path) -> None:
    work = functools.partial(killed_once, folder=str(tmp_path))
    found = shared.map(work, range(4), n_workers=2, backend=backend, progress=False)
    assert found == [0, 1, 2, 3]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_the_death_of_a_process_that_waits_for_work_does_not_block_the_pool() -> None:
    def kill() -> None:  # whoever waits holds the lock of the queue
        while not (children := multiprocessing.active_children()):
            time.sleep(0.01)
        time.sleep(0.4)
        for child in children[1:3]:
            os.kill(child.pid or 0, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    options: Any = {"n_workers": 4, "backend": "multiprocessing", "progress": False}
    assert shared.map(nap, [1.5, 0.0], **options) == [1.5, 0.0]
    killer.join()


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def refuse(*_: Any) -> None:
    raise TypeError("cannot be made again")


class Unsendable(Exception):
    """An error that no other process can read, even with tblib's pickling, which dask brings."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")

    def __reduce__(self) -> Any:
        return refuse, ()


def raises_unsendable(item: int) -> int:
    raise Unsendable(item, item)


def test_an_error_that_cannot_be_sent_still_names_its_item() -> None:
    with pytest.raises(WorkerError, match=r"item 0: Unsendable: 0 and 0"):
        shared.map(raises_unsendable, [0], n_workers=2, backend="multiprocessing", progress=False)


def test_a_mistyped_backend_is_told_the_nearest() -> None:
    with pytest.raises(DataError, match=r"'threds'.*did you mean 'threading'"):
        shared.map(abs, [1], backend="threds", progress=False)


@pytest.mark.parametrize("n_workers", [0, 1.5, True, "2"])
def test_numbers_of_workers_that_are_none(n_workers: Any) -> None:
    with pytest.raises(DataError, match=r"n_workers: expected"):
        shared.map(abs, [1], n_workers=n_workers, progress=False)


IMPORTS_LATER = """
import sys
from neuroloom.shared.jobs import fingerprint
def draws():
    import matplotlib.pyplot as plt
    from sklearn.linear_model import Ridge
    return plt.figure(), Ridge
if "first" in sys.argv:
    import matplotlib.pyplot, sklearn.linear_model
before = fingerprint(draws)
import matplotlib.pyplot, sklearn.linear_model
print(before, fingerprint(draws))
"""


@pytest.mark.together
@pytest.mark.slow
def test_a_library_that_is_loaded_later_changes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    script = tmp_path / "script.py"
    script.write_text(IMPORTS_LATER)
    digests = set()
    for order in ("first", "later"):
        command = [sys.executable, str(script), order]
        digests.update(subprocess.check_output(command, text=True).split())
    assert len(digests) == 1


LAB = {
    "lab/__init__.py": "",
    "lab/gains.py": "def gain(x):\n    return x * 2\n",
    "lab/late.py": """
def __getattr__(name):
    if name not in ("gain", "old_gain"):
        raise AttributeError(name)
    from lab import gains
    if name == "gain":  # as packages do that are slow to load
        globals()[name] = gains.gain
    return gains.gain
def __dir__():
    return ["gain"]
""",
    "lab/jobs.py": """
def of_a_module_below(x):
    from lab import gains
    return gains.gain(x)
def of_the_module_itself(x):
    import lab.gains
    return lab.gains.gain(x)
def of_a_short_name(x):
    import lab.gains as g
    return g.gain(x)
def of_a_name_made_late(x):
    from lab.late import gain
    return gain(x)
def of_a_name_not_listed(x):
    from lab.late import old_gain
    return old_gain(x)
def of_an_attribute_made_late(x):
    from lab import late
    return late.gain(x)
def of_a_neighbour(x):
    from .gains import gain
    return gain(x)
def of_the_package(x):
    from . import gains
    return gains.gain(x)
""",
    "told.py": """
import sys
if "loaded" in sys.argv:
    import lab.gains, lab.late
    lab.late.gain
from lab import jobs
from neuroloom.shared.jobs import fingerprint
for name, function in sorted(vars(jobs).items()):
    if name.startswith("of_"):
        print(name, fingerprint(function))
""",
}


@pytest.mark.slow
def test_what_a_function_imports_counts_whether_it_is_loaded_or_not(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    for name, text in LAB.items():
        (tmp_path / name).write_text(text)

    def told(*words: str) -> dict[str, str]:
        command = [sys.executable, "-B", "told.py", *words]
        lines = subprocess.check_output(command, text=True, cwd=tmp_path).splitlines()
        return dict(tuple(line.split()) for line in lines)

    fresh = told()
    assert len(fresh) == 8
    assert told("loaded") == fresh
    (tmp_path / "lab" / "gains.py").write_text(LAB["lab/gains.py"].replace("2", "3"))
    other = told()
    assert [name for name in fresh if other[name] == fresh[name]] == []


SPLIT = """
import sys
from neuroloom.shared.jobs import _origin
def where():
    _origin.origin.cache_clear()
    return _origin.origin("split.inner.part"), _origin.origin("split.outer")
before = where()
import split.inner.part, split.outer
print(before == where(), *before)
"""


def test_a_part_of_a_namespace_comes_from_where_its_file_is(tmp_path: Path) -> None:
    for where, name in (("site-packages", "inner/part"), ("mine", "outer")):
        file = tmp_path / where / "split" / f"{name}.py"
        file.parent.mkdir(parents=True)
        file.write_text("")
    info = tmp_path / "site-packages" / "split-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: split\nVersion: 1.0\n")
    path = os.pathsep.join([str(tmp_path / "site-packages"), str(tmp_path / "mine")])
    environment = {**os.environ, "PYTHONPATH": path}
    told = subprocess.check_output([sys.executable, "-c", SPLIT], text=True, env=environment)
    assert told.split() == ["True", "installed", "user"]


@pytest.mark.skipif(os.name == "nt", reason="needs file locks")
def test_a_process_that_works_is_not_alone(tmp_path: Path) -> None:
    job = Job.open(tmp_path / "job", {"rate": 1.0})
    with job.working():
        with job.alone() as so:
            assert not so
    with job.alone() as so:
        assert so
        with job.alone() as another:
            assert not another
    with Job(tmp_path / "none", "").alone() as so:
        assert not so
