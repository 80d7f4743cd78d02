"""A map ends, whatever becomes of its workers: nothing waits for what nobody computes."""

from __future__ import annotations

import ast
import multiprocessing.pool
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from joblib.pool import PicklingPool

from neuroloom import shared

SCRIPT = '''
import gc, os, signal, struct, sys, threading, time, warnings
from pathlib import Path

import joblib
from joblib.externals.loky import process_executor, reusable_executor
from neuroloom import shared

folder, backend = Path(sys.argv[1]), sys.argv[2]
caller = os.getpid()

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def once(name):
    """Return whether this is the first call with a name, in any process."""
    try:
        (folder / name).touch(exist_ok=False)
        return True
    except FileExistsError:
        return False

def replaced(item):
    """Let loky believe that a process which has computed two items holds too much memory."""
    process_executor._USE_PSUTIL, process_executor._MEMORY_LEAK_CHECK_DELAY = True, 0.0
    sizes = iter(range(0, 10**12, 10**9))
    process_executor._get_memory_usage = lambda pid, force_gc=False: next(sizes)
    return item

def half_sent(item):
    """Die in the middle of sending something."""
    if item == 3 and once("half sent"):
        queue = next(o for o in gc.get_objects() if hasattr(o, "_writer") and
                     ("SimpleQueue" in type(o).__name__ or "PicklingQueue" in type(o).__name__)
                     and o._writer is not None and is_results(o))
        os.write(queue._writer.fileno(), struct.pack("!i", 1000) + b"beginning")
        die()
    return item

def is_results(queue):
    frame, found = sys._getframe(), []
    while frame is not None:  # of the functions that serve this process, the one with its queues
        for name in ("result_queue", "outqueue"):
            if frame.f_locals.get(name) is queue:
                return True
        frame = frame.f_back
    return False

def large(pair):
    if pair[0] == 3 and once("large"):
        die()
    return pair[0]

class Unreadable:
    def __reduce__(self):
        return refuse, ()

def refuse():
    raise ValueError("cannot be read")

class Deadly:
    def __reduce__(self):
        if os.getpid() != caller:
            die()
        return Deadly, ()

def deadly(item):
    return Deadly() if item == 3 else item

def unreadable(item):
    return Unreadable() if item == 3 else item

def slow(item):
    time.sleep(0.02)
    return item

def fails(item):
    time.sleep(0.02)
    if item == 12:
        raise ValueError("twelve")
    return item

def run(function, items, n_workers=2):
    try:
        return shared.map(function, items, n_workers=n_workers, backend=backend, progress=False)
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def together(*calls):
    found = {}
    def one(place, call):
        found[place] = run(*call)
    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[place] for place in range(len(calls))]

def tell(name, value):
    print(repr((name, value)), flush=True)

if __name__ == "__main__":
    tell("half sent", run(half_sent, range(8)))
    tell("large", run(large, [(i, bytes(3_000_000)) for i in range(12)]))
    tell("unreadable result", run(unreadable, range(6)))
    tell("unreadable item", run(str, [Unreadable() for i in range(4)]))
    tell("deadly", run(deadly, range(6)))
    if backend == "loky":
        tell("sizes", together((slow, range(40)), (slow, range(10), 3)))
        tell("other fails", together((slow, range(40)), (fails, range(20))))
        run(slow, range(2))
        left = reusable_executor._executor
        left._executor_manager_thread.add_call_item_to_queue = refuse
        with left._shutdown_lock:
            left._executor_manager_thread_wakeup.wakeup()
        left._executor_manager_thread.join()
        tell("left behind", run(slow, range(5), 3))
        warnings.simplefilter("error")
        tell("replaced", run(replaced, range(12)))
'''


@pytest.fixture(scope="module", params=["loky", "multiprocessing"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what a script prints that would wait for ever if a map did."""
    folder = tmp_path_factory.mktemp(request.param)
    script = folder / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(folder), request.param]
    out, err = folder / "out", folder / "err"  # no pipes, which workers left behind would hold
    with out.open("w") as stdout, err.open("w") as stderr:
        try:
            subprocess.run(command, stdout=stdout, stderr=stderr, timeout=500, check=False)
        except subprocess.TimeoutExpired:
            print("the script was stopped after 500 s", file=stdout)
    print(out.read_text(), Path(err).read_text())
    lines = [line for line in out.read_text().splitlines() if line.startswith("(")]
    return request.param, dict(ast.literal_eval(line) for line in lines)


class TestWorkersThatAreGone:
    def test_one_dies_while_it_sends(self, told: Any) -> None:
        assert told[1]["half sent"] == list(range(8))

    def test_one_dies_while_large_items_are_sent(self, told: Any) -> None:
        assert told[1]["large"] == list(range(12))

    def test_one_dies_of_each_try_to_send_a_result(self, told: Any) -> None:
        assert told[1]["deadly"].startswith("WorkerError: item 3: the system killed")

    def test_one_is_replaced_where_warnings_are_errors(self, told: Any) -> None:
        if told[0] == "loky":
            assert told[1]["replaced"] == list(range(12))

    def test_the_pool_that_another_left_is_not_served(self, told: Any) -> None:
        if told[0] == "loky":
            assert told[1]["left behind"] == list(range(5))


class TestWhatCannotBeRead:
    def test_a_result_names_its_item(self, told: Any) -> None:
        error = told[1]["unreadable result"]
        assert error.startswith("WorkerError: item")
        assert " 3" in error.partition(":")[2].partition(": a result cannot be read")[0]

    def test_an_item(self, told: Any) -> None:
        assert told[1]["unreadable item"].startswith("WorkerError: items 0, 1, 2, 3: ")


class TestMapsInThreads:
    def test_of_other_sizes_wait_for_each_other(self, told: Any) -> None:
        if told[0] == "loky":
            assert told[1]["sizes"] == [list(range(40)), list(range(10))]

    def test_an_error_in_one_does_not_end_the_other(self, told: Any) -> None:
        if told[0] == "loky":
            assert told[1]["other fails"][0] == list(range(40))
            assert told[1]["other fails"][1].startswith("ValueError: twelve")


def _parent(item: int) -> int:
    return os.getppid()


@pytest.mark.slow
def test_multiprocessing_gets_its_pools_back_from_ray() -> None:
    """ray's backend puts a pool of its own below joblib's, for all backends and for good."""

    class Rays(multiprocessing.pool.Pool):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            raise AssertionError("computed on ray")

    PicklingPool.__bases__ = (Rays,)
    try:
        found = shared.map(
            _parent, range(4), n_workers=2, backend="multiprocessing", progress=False
        )
    finally:
        PicklingPool.__bases__ = (multiprocessing.pool.Pool,)
    assert found == [os.getpid()] * 4


AFTER_RAY = """
import os, ray
from neuroloom import shared
from ray.util.joblib import register_ray

def parent(item):
    return os.getppid()

ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
register_ray()
for backend in ("ray", "multiprocessing", "ray"):
    found = shared.map(parent, range(4), n_workers=2, backend=backend, progress=False)
    print(backend, [one == os.getpid() for one in found])
"""


def test_multiprocessing_computes_here_after_a_map_on_ray(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    (tmp_path / "after.py").write_text(AFTER_RAY)
    done = subprocess.run(
        [sys.executable, "after.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "raylet" not in line][-3:] == [
        f"ray {[False] * 4}",
        f"multiprocessing {[True] * 4}",
        f"ray {[False] * 4}",
    ]


ORPHANS = """
import os, sys, time
from pathlib import Path
from neuroloom import shared

folder, backend, resume = Path(sys.argv[1]), sys.argv[2], sys.argv[3] or None
seconds = float(sys.argv[4])

def item(index):
    (folder / f"worker-{os.getpid()}").touch()
    time.sleep(seconds)
    return index

if __name__ == "__main__":
    shared.map(item, range(2), n_workers=2, backend=backend, progress=False, resume=resume)
    (folder / "done").touch()
    time.sleep(600)
"""


def _lives(process: int) -> bool:
    """Return whether a process runs; one that waits to be collected does not."""
    try:
        said = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return said.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux which processes run")
@pytest.mark.parametrize(
    ("backend", "seconds", "keeps"),
    [
        ("loky", 0.01, False),
        ("loky", 300, False),
        ("multiprocessing", 300, False),
        ("loky", 8, True),
    ],
)
def test_workers_end_with_the_process_they_work_for(
    backend: str, seconds: float, keeps: bool, tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(ORPHANS)
    kept = tmp_path / "kept"
    given = [tmp_path, backend, kept if keeps else "", seconds]
    with subprocess.Popen([sys.executable, tmp_path / "script.py", *map(str, given)]) as caller:
        try:
            until = time.monotonic() + 120
            while not (tmp_path / "done").exists():
                if seconds > 1 and len(list(tmp_path.glob("worker-*"))) == 2:
                    break
                assert time.monotonic() < until
                time.sleep(0.05)
        finally:
            caller.kill()
    workers = [int(path.name.partition("-")[2]) for path in tmp_path.glob("worker-*")]
    until = time.monotonic() + 60
    while any(_lives(worker) for worker in workers):
        assert time.monotonic() < until
        time.sleep(0.1)
    if keeps:  # what they were at is there
        assert sorted(path.name for path in kept.glob("item*.npz")) == [
            "item-000000.npz",
            "item-000001.npz",
        ]


NESTED = """
import itertools, time
from neuroloom import shared
from neuroloom.shared.parallel import n_cores


def spans(below):
    if not below:
        begin = time.monotonic_ns()
        while time.monotonic_ns() - begin < 2e7:
            pass
        return [(begin, time.monotonic_ns())]
    inner, *rest = below
    return sum(shared.map(spans, [rest] * 3, n_workers=-1, backend=inner, progress=False), [])


if __name__ == "__main__":
    kinds = ("loky", "threading", "multiprocessing")
    for outer, *below in itertools.product(kinds[:2], kinds, kinds[:2]):
        found = shared.map(spans, [below] * 3, n_workers=2, backend=outer, progress=False)
        pairs = sum(found, [])
        edges = sorted((t, step) for pair in pairs for t, step in zip(pair, (1, -1)))
        print(len(pairs), max(itertools.accumulate(step for _, step in edges)), n_cores())
"""


@pytest.mark.slow
def test_maps_in_maps_use_no_more_cores_than_the_outermost_has(tmp_path: Path) -> None:
    script = tmp_path / "nested.py"
    script.write_text(NESTED)
    command = [sys.executable, str(script)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    told = [list(map(int, line.split())) for line in ended.stdout.splitlines()]
    assert len(told) == 12
    for n, most, cores in told:
        assert n == 27
        assert most <= max(cores, 2)
    if told[0][2] <= 3:  # an item has one core, which is nothing to warn of
        assert ended.stderr == ""
