"""The parallel map: the same bits for any workers, and nothing lost or done twice."""

from __future__ import annotations

import argparse
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import threadpoolctl
from hypothesis import given
from hypothesis import strategies as st
from shared_strategies import JSON, KINDS

from neuroloom import shared
from neuroloom.shared import DataError, Epochs, Seed, Signal
from neuroloom.shared.parallel import WorkerError, add_options

WORKERS = [(1, None), (1, "sequential"), (2, "threading"), (2, "loky")]


def product(item: int, stream: Seed) -> np.ndarray:
    """Return sums whose order BLAS chooses by its number of threads."""
    draws = stream.generator().standard_normal((200, 200 + item))
    return draws @ draws.T


def threads(item: int) -> list[int]:
    return [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]


def fails_at_three(item: int) -> int:
    if item == 3:
        raise ValueError("three is too many")
    return item


def takes_the_next(item: int) -> int:
    return item if item != 3 else next(iter(()))


def described(item: int, stream: Seed) -> tuple[list[str | int], float]:
    return [*stream.path], float(stream.generator().random())


def marked(item: int, folder: str) -> int:
    """Leave one line per execution."""
    with open(Path(folder, str(item)), "a") as file:
        file.write("x\n")
    return item**2


def quiet(function: Callable[..., Any], items: Any, **options: Any) -> list[Any]:
    return shared.map(function, items, progress=False, **options)


class TestResults:
    @pytest.mark.slow
    def test_equal_to_the_last_bit_for_any_workers(self) -> None:
        with threadpoolctl.threadpool_limits(1):
            expected = [product(item, Seed(3, (item,))) for item in range(6)]
        for n_workers, backend in WORKERS:
            found = quiet(product, range(6), n_workers=n_workers, backend=backend, seed=3)
            for a, b in zip(found, expected, strict=True):
                assert a.tobytes() == b.tobytes()

    def test_in_the_order_of_the_items(self) -> None:
        items = [0.05, 0.0, 0.02, 0.0]
        assert quiet(_sleep, items, n_workers=2, backend="threading") == items

    def test_items_may_be_few_or_none_or_an_iterator(self) -> None:
        assert quiet(abs, []) == []
        assert quiet(abs, (x for x in (-1, 2))) == [1, 2]

    def test_each_item_has_a_stream_of_its_own_place(self) -> None:
        found = quiet(described, "abc", seed=Seed(1).child("fit"))
        assert [path for path, _ in found] == [["fit", 0], ["fit", 1], ["fit", 2]]
        assert len({draw for _, draw in found}) == 3
        assert quiet(described, "ab", seed=Seed(1).child("fit")) == found[:2]

    @pytest.mark.parametrize(("n_workers", "backend"), WORKERS)
    def test_one_blas_thread_per_worker(self, n_workers: int, backend: str | None) -> None:
        before = threads(0)
        for pools in quiet(threads, range(3), n_workers=n_workers, backend=backend):
            assert set(pools) <= {1}
        assert threads(0) == before

    @pytest.mark.parametrize(("n_workers", "backend"), WORKERS)
    def test_an_error_says_at_which_item(self, n_workers: int, backend: str | None) -> None:
        with pytest.raises(ValueError, match=r"three is too many") as caught:
            quiet(fails_at_three, range(5), n_workers=n_workers, backend=backend)
        assert "raised by item 3 of neuroloom.shared.map" in caught.value.__notes__

    @pytest.mark.parametrize(("n_workers", "backend"), WORKERS)
    def test_an_exhausted_iterator_in_an_item_ends_no_loop(
        self, n_workers: int, backend: str | None
    ) -> None:
        with pytest.raises(WorkerError, match=r"item 3: StopIteration") as caught:
            quiet(takes_the_next, range(5), n_workers=n_workers, backend=backend)
        assert "in takes_the_next" in str(caught.value)

    @pytest.mark.slow
    def test_a_surrounding_configuration_is_followed(self) -> None:
        with joblib.parallel_config(backend="threading", n_jobs=2):
            assert set(quiet(_process, range(4))) == {os.getpid()}
        with joblib.parallel_config(backend="loky", n_jobs=2):
            assert os.getpid() not in quiet(_process, range(4))

    def test_a_seed_that_is_no_seed(self) -> None:
        with pytest.raises(DataError, match=r"seed: expected an integer"):
            quiet(described, range(2), seed=-1)


def _sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def _process(item: int) -> int:
    return os.getpid()


class TestProgress:
    def test_the_bar_counts_what_is_done(self, capsys: pytest.CaptureFixture[str]) -> None:
        shared.map(abs, range(7), description="fits")
        shown = capsys.readouterr().err
        assert "fits" in shown
        assert "7/7" in shown
        assert "100%" in shown

    def test_what_was_done_before_counts(
        self, capsys: pytest.CaptureFixture[str], tmp_path: Path
    ) -> None:
        with pytest.raises(ValueError, match=r"too many"):
            quiet(fails_at_three, range(4), resume=tmp_path)
        with pytest.raises(ValueError, match=r"too many"):
            shared.map(fails_at_three, range(4), resume=tmp_path)
        assert "3/4" in capsys.readouterr().err

    def test_silence(self, capsys: pytest.CaptureFixture[str]) -> None:
        quiet(abs, range(7))
        assert capsys.readouterr() == ("", "")


def anything(item: Any) -> Any:
    return item


VALUES = st.recursive(
    JSON
    | st.floats()
    | st.sampled_from([np.float32(1.5), np.int8(3), np.nan, np.str_("µ"), np.datetime64(5, "s")])
    | KINDS["Signal"]
    | KINDS["Trials"]
    | KINDS["Trials"].map(lambda trials: trials.table),
    lambda x: st.tuples(x, x) | st.dictionaries(st.integers() | st.text(max_size=3), x, max_size=2),
    max_leaves=4,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if hasattr(a, "equals"):
        return bool(a.equals(b))
    return type(a) is type(b) and bool(a == b or (a != a and b != b))


class TestResume:
    @pytest.mark.slow
    @given(st.lists(VALUES, max_size=3))
    def test_kept_results_come_back_in_their_types(self, values: list[Any]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            first = quiet(anything, values, resume=folder)
            second = quiet(anything, values, resume=folder)
        assert same(first, values)
        assert same(second, values)

    @pytest.mark.parametrize(("n_workers", "backend"), WORKERS)
    def test_what_is_done_is_not_done_again(
        self, tmp_path: Path, n_workers: int, backend: str | None
    ) -> None:
        runs, job = tmp_path / "runs", tmp_path / "job"
        runs.mkdir()
        work = functools.partial(marked, folder=str(runs))
        options = {"n_workers": n_workers, "backend": backend, "resume": job}
        assert quiet(work, range(6), **options) == [i**2 for i in range(6)]
        (job / "item-000004.npz").unlink()
        assert quiet(work, range(6), **options) == [i**2 for i in range(6)]
        counts = [len((runs / str(i)).read_text().split()) for i in range(6)]
        assert counts == [1, 1, 1, 1, 2, 1]
        assert not list(job.glob("*.lock"))

    def test_a_failed_item_leaves_the_others(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=r"too many"):
            quiet(fails_at_three, range(6), resume=tmp_path)
        assert len(list(tmp_path.glob("item-*.npz"))) == 3

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"function": abs}, "function"),
            ({"items": [1, 2, 4]}, "items"),
            ({"items": [1, 2, 3.0]}, "items"),
            ({"seed": 1}, "seed"),
            ({"function": functools.partial(marked, folder="elsewhere")}, "bound"),
        ],
    )
    def test_another_job_is_refused(self, tmp_path: Path, change: Any, name: str) -> None:
        (tmp_path / "runs").mkdir()
        job = {
            "function": functools.partial(marked, folder=str(tmp_path / "runs")),
            "items": [1, 2, 3],
            "seed": None,
        }

        def run(function: Any, items: Any, seed: Any) -> list[Any]:
            return quiet(function, items, seed=seed, resume=tmp_path / "job")

        run(**job)
        with pytest.raises(DataError, match=rf"resume: expected .* differs in \[.*'{name}'"):
            run(**{**job, **change})

    def test_values_in_a_closure_and_in_large_items_count(self, tmp_path: Path) -> None:
        def power(exponent: int) -> Callable[[Any], Any]:
            return lambda item: float(np.sum(item[0] ** exponent))

        data = np.arange(1000.0)
        quiet(power(2), [(data, 0), (data, 1)], resume=tmp_path)
        with pytest.raises(DataError, match=r"differs in \['bound'\]"):
            quiet(power(3), [(data, 0), (data, 1)], resume=tmp_path)
        other = data.copy()
        other[500] = -1
        with pytest.raises(DataError, match=r"differs in \['items'\]"):
            quiet(power(2), [(data, 0), (other, 1)], resume=tmp_path)

    @pytest.mark.slow
    def test_the_same_items_in_another_process_are_the_same_job(self, tmp_path: Path) -> None:
        code = (
            "import numpy as np, pandas as pd;"
            "from neuroloom.shared.jobs import fingerprint as _digest;"
            "from neuroloom.shared import Epochs, Signal, Trials;"
            "print(_digest([{'b', 'a', 'c'}, np.arange(3), Epochs(0, 1), Trials({'x': ['a']}),"
            "{'k': (1, None)}, pd.DataFrame({'x': [1.5]}), print, np.mean]))"
        )
        environment = {**os.environ}
        digests = set()
        for salt in ("1", "2"):
            environment["PYTHONHASHSEED"] = salt
            command = [sys.executable, "-c", code]
            digests.add(subprocess.check_output(command, env=environment, text=True))
        assert len(digests) == 1

    def test_what_items_share_is_read_once(self, tmp_path: Path) -> None:
        from neuroloom.shared.jobs import fingerprint

        shared_by_all = np.zeros(2_000_000)
        begin = time.process_time()
        fingerprint([shared_by_all])
        once = time.process_time() - begin
        begin = time.process_time()
        fingerprint([(shared_by_all, i) for i in range(500)])
        assert time.process_time() - begin < 100 * max(once, 1e-3)

    def test_results_that_would_need_pickle(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"result of function\['x'\]: .* got object") as caught:
            quiet(lambda item: {"x": object()}, [1], resume=tmp_path)
        assert "item 0" in caught.value.__notes__[0]

    def test_a_damaged_record(self, tmp_path: Path) -> None:
        (tmp_path / "job.json").write_text("{")
        with pytest.raises(
            DataError, match=r"resume: expected a folder of a job, .* text that is no JSON"
        ):
            quiet(abs, [1], resume=tmp_path)

    def test_items_of_another_job_are_refused(self, tmp_path: Path) -> None:
        quiet(abs, [1], resume=tmp_path / "a")
        quiet(abs, [2], resume=tmp_path / "b")
        os.replace(tmp_path / "a" / "item-000000.npz", tmp_path / "b" / "item-000000.npz")
        with pytest.raises(DataError, match=r"differs in \['items'\] \(item 0\)"):
            quiet(abs, [2], resume=tmp_path / "b")
        quiet(float, [1], resume=tmp_path / "c")
        os.replace(tmp_path / "c" / "item-000000.npz", tmp_path / "b" / "item-000000.npz")
        with pytest.raises(DataError, match=r"items of this job only"):
            quiet(abs, [2], resume=tmp_path / "b")

    def test_the_record_says_which_job_it_is(self, tmp_path: Path) -> None:
        quiet(described, "ab", seed=Seed(5).child("x"), resume=tmp_path)
        record = json.loads((tmp_path / "job.json").read_text())
        assert record["function"].endswith("test_map.described")
        assert record["seed"] == [5, "x"]

    def test_data_types_are_kept(self, tmp_path: Path) -> None:
        made = [Signal([1.0], 2.0), Epochs(0, 1)]
        assert quiet(anything, made, resume=tmp_path) == made
        assert quiet(anything, made, resume=tmp_path) == made


JOB = """
import sys, time
from pathlib import Path
from neuroloom import shared

def work(item, stream):
    time.sleep(0.05)
    value = stream.generator().random(3)
    with open(Path(sys.argv[1], str(item)), "a") as file:
        file.write("x\\n")
    return {"item": item, "value": value}

if __name__ == "__main__":
    done = shared.map(work, range(24), seed=8, resume=sys.argv[2], n_workers=int(sys.argv[3]),
                      backend=sys.argv[4])
    assert [d["item"] for d in done] == list(range(24))
    print(float(sum(d["value"].sum() for d in done)).hex())
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize(
    ("n_workers", "backend"), [(1, "sequential"), (2, "threading"), (2, "loky")]
)
def test_a_killed_run_goes_on_with_nothing_lost_or_done_twice(
    tmp_path: Path, n_workers: int, backend: str
) -> None:
    runs, job, script = tmp_path / "runs", tmp_path / "job", tmp_path / "job.py"
    runs.mkdir()
    script.write_text(JOB)
    command = [sys.executable, str(script), str(runs), str(job), str(n_workers), backend]
    log = tmp_path / "log"
    with log.open("w") as stderr:
        first = subprocess.Popen(command, stderr=stderr, start_new_session=True)
    deadline = time.monotonic() + 300
    while len(list(runs.iterdir())) < 6 and time.monotonic() < deadline:
        assert first.poll() is None, log.read_text()
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    killed_at = len(list(runs.iterdir()))
    assert 6 <= killed_at < 24
    second = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert second.returncode == 0, second.stderr
    expected = float(sum(Seed(8, (i,)).generator().random(3).sum() for i in range(24))).hex()
    assert second.stdout.strip() == expected
    counts = [len((runs / str(i)).read_text().split()) for i in range(24)]
    # SIGKILL may fall between the end of an item and its file: then, and only then, the item that
    # each worker was at is done again. Workers of their own outlive the caller and lose nothing.
    spare = 0 if backend == "loky" else n_workers
    assert sum(counts) <= 24 + spare
    assert set(counts) <= {1, 2}


def test_fewer_than_all_cores_is_no_number_of_workers() -> None:
    with pytest.raises(DataError, match=r"n_workers: expected None, a positive number, or −1"):
        shared.map(abs, [1], n_workers=-2)


def test_a_cluster_has_its_own_number_of_workers(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--workers", "2", "--dask", "tcp://host:8786"])
    assert "--dask: not allowed with argument --workers" in capsys.readouterr().err
