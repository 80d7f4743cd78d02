"""What every long job promises, checked on a small one of a package: `long_job_checks`.

Each check runs in a process of its own, which imports the test's module by its file's name: so do
the workers of that process, however pytest named the module.
"""

from __future__ import annotations

import dis
import functools
import importlib
import inspect
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType
from typing import Any
from unittest import mock

import joblib

from neuroloom.shared._errors import UnfinishedError
from neuroloom.shared.jobs import _walk, fingerprint
from neuroloom.shared.jobs._origin import origin
from neuroloom.shared.parallel import sharded

Run = Callable[[Path | None], Any]
_LONGEST = 300  # seconds until a check gives up
_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from neuroloom.shared.testing import _long_jobs
getattr(_long_jobs, sys.argv[2])(*sys.argv[3:])
"""


def a_killed_run_goes_on(run: Run, code: Callable[..., Any], folder: Path) -> None:
    """Check that a killed run goes on to the same bits, and refuses other code.

    Parameters
    ----------
    run : callable
        ``run(folder)`` does the job, resuming from the folder, or from nothing if that is None.
        A function at the top of a test module; it takes a surrounding ``joblib.parallel_config``.
    code : callable
        One of the functions that the job's items run.
    folder : Path
        An empty folder.

    Raises
    ------
    AssertionError
        If the job does not keep the promise; it says what happened.
    """
    _in_own_process(_killed_run, run, code, folder)


def a_killed_worker_changes_nothing(run: Run, code: Callable[..., Any], folder: Path) -> None:
    """Check that the death of one of two worker processes changes no bit.

    Parameters
    ----------
    run, code, folder
        As in `a_killed_run_goes_on`.

    Raises
    ------
    AssertionError
        If the job does not keep the promise; it says what happened.
    """
    _in_own_process(_killed_worker, run, code, folder)


def two_processes_share_a_folder(run: Run, code: Callable[..., Any], folder: Path) -> None:
    """Check that two processes on one folder compute each part once, and the same result.

    Parameters
    ----------
    run, code, folder
        As in `a_killed_run_goes_on`.

    Raises
    ------
    AssertionError
        If the job does not keep the promise; it says what happened.
    """
    _in_own_process(_two_processes, run, code, folder)


def shards_make_one_result(run: Run, code: Callable[..., Any], folder: Path) -> None:
    """Check that parts of a job end by saying so, and that the job takes what they kept.

    Parameters
    ----------
    run, code, folder
        As in `a_killed_run_goes_on`.

    Raises
    ------
    AssertionError
        If the job does not keep the promise; it says what happened.
    """
    _in_own_process(_shards, run, code, folder)


long_job_checks = (
    a_killed_run_goes_on,
    a_killed_worker_changes_nothing,
    two_processes_share_a_folder,
    shards_make_one_result,
)


def killed_run(run: Run, job: Path, kept: Path, n_parts: int) -> None:
    """Do a job in a process of its own, and kill that when it is about to keep one part more.

    Parameters
    ----------
    run : callable
        As in `a_killed_run_goes_on`.
    job : Path
        The job's folder.
    kept : Path
        File to write down the parts that were kept.
    n_parts : int
        How many parts are kept.

    Raises
    ------
    AssertionError
        If the job ended before.
    """
    child = _start("work", run, job, kept, n_parts)
    child.communicate(timeout=_LONGEST)
    killed = child.returncode == -signal.SIGKILL
    _assert(killed, f"the job ended ({child.returncode}) before it had kept {n_parts} parts")


@contextmanager
def killed_worker(job: Path) -> Iterator[None]:
    """Compute by two processes within the context, and kill one when a part is kept.

    Processes that earlier work left idle are ended first: one that does nothing here would be
    killed in place of one that computes.

    Parameters
    ----------
    job : Path
        The folder of the job that is done within the context.

    Raises
    ------
    AssertionError
        If there was no worker to kill.
    """
    killed, over = list[int](), threading.Event()

    def kill() -> None:
        while not over.is_set():
            if workers := _loky_workers() if _stamps(job) else []:
                killed.append(workers[0])
                os.kill(workers[0], signal.SIGKILL)
                return
            over.wait(0.002)

    if (left := _loky_executor()) is not None:
        left.shutdown(wait=True, kill_workers=True)
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with joblib.parallel_config("loky", n_jobs=2):
            yield
    finally:
        over.set()
        killer.join()
    _assert(bool(killed), "no worker was killed: the job started none, or ended too soon")


def _killed_run(run: Run, code: FunctionType, folder: Path) -> None:
    job = folder / "job"
    killed_run(run, job, folder / "kept", 2)
    before = _stamps(job)
    _assert(len(before) == 2, f"expected two parts of the killed run, got {sorted(before)}")
    with _other(code):
        _is_refused(run, job, code)
    _equal(run, run(job))
    after = _stamps(job)
    rewritten = [str(path) for path in before if after.get(path, before[path]) != before[path]]
    _assert(not rewritten, f"what was kept was computed again: {rewritten}")


def _killed_worker(run: Run, code: FunctionType, folder: Path) -> None:
    job = folder / "job"
    with killed_worker(job):
        found = run(job)
    _equal(run, found)


def _two_processes(run: Run, code: FunctionType, folder: Path) -> None:
    job, theirs, ours = folder / "job", folder / "theirs", folder / "ours"
    child = _start("work", run, job, theirs, 0)
    end = time.monotonic() + _LONGEST
    while not theirs.exists() and child.poll() is None and time.monotonic() < end:
        time.sleep(0.002)
    _write_down(job, ours)
    found = fingerprint(run(job))
    printed, _ = child.communicate(timeout=_LONGEST)
    _assert(child.returncode == 0, "the other process failed")
    _assert(printed.split()[-1] == found, "the two processes have different results")
    texts = [path.read_text() for path in (theirs, ours) if path.exists()]
    parts = [part for text in texts for part in text.splitlines()]
    twice = sorted({part for part in parts if parts.count(part) > 1})
    _assert(not twice, f"parts were computed twice: {twice}")
    _assert(theirs.exists(), "the other process kept nothing")
    _assert(fingerprint(run(None)) == found, "the result is not that of one process")


def _shards(run: Run, code: FunctionType, folder: Path) -> None:
    job, n = folder / "job", 3
    before = dict[Path, int]()
    for part in range(n):
        try:
            with sharded((part, n)):
                run(job)
        except UnfinishedError:
            now = _stamps(job)
        else:
            raise AssertionError(f"shard {part}/{n} did not end when it had kept its part")
        again = [str(path) for path in before if now.get(path) != before[path]]
        _assert(not again, f"shard {part}/{n} computed what others had kept: {again}")
        _assert(len(now) > len(before), f"shard {part}/{n} kept nothing")
        before = now
    kept = folder / "kept"
    _write_down(job, kept)
    _equal(run, run(job))
    written = set(kept.read_text().splitlines()) if kept.exists() else set[str]()
    again = sorted(written & {str(path) for path in before})
    _assert(not again, f"what the shards had kept was computed again: {again}")


def check(name: str, run: str, module: str, code: str, folder: str) -> None:
    """Run a check in this process, which was started for it."""
    function = functools.reduce(getattr, code.split("."), importlib.import_module(module))
    globals()[name](_imported(run), function, Path(folder))


def work(run: str, job: str, kept: str, ends_after: str) -> None:
    """Do a job, write down what is kept, and end by SIGKILL after some parts (0: never)."""
    _write_down(Path(job), Path(kept), int(ends_after))
    print(fingerprint(_imported(run)(Path(job))))


def _in_own_process(
    what: Callable[..., None], run: Run, code: Callable[..., Any], folder: Path
) -> None:
    file = Path(inspect.getfile(run))
    module = file.stem if code.__module__ == run.__module__ else code.__module__
    child = _start("check", run, what.__name__, module, code.__qualname__, folder)
    _, told = child.communicate(timeout=2 * _LONGEST)
    if child.returncode != 0:
        raise AssertionError(told.strip())


def _start(what: str, run: Run, *arguments: Any) -> subprocess.Popen[str]:
    file = Path(inspect.getfile(run))
    name = f"{file.stem}:{run.__name__}"
    given = [str(argument) for argument in arguments]
    given.insert(1 if what == "check" else 0, name)
    command = [sys.executable, "-W", "ignore", "-c", _CHILD, str(file.parent), what, *given]
    own = subprocess.PIPE if what == "check" else None
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=own, text=True)


def _imported(run: str) -> Run:
    module, _, name = run.partition(":")
    found: Run = getattr(importlib.import_module(module), name)
    return found


def _write_down(job: Path, kept: Path, ends_after: int = 0) -> None:
    """Write down each part that this process keeps; end it when one more is to be kept.

    What keeps a part is not replaced, since its code may belong to the job: an audit hook sees
    the file get its name.
    """
    n = 0

    def see(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal n
        if event != "os.rename" or not str(arguments[1]).endswith(".npz"):
            return
        if job not in Path(arguments[1]).parents:
            return
        if ends_after and n == ends_after:
            os.kill(os.getpid(), signal.SIGKILL)
        n += 1
        with kept.open("a") as file:
            file.write(f"{arguments[1]}\n")

    sys.addaudithook(see)


@contextmanager
def _other(function: FunctionType) -> Iterator[None]:
    """Let a function have other code that does the same; of an installed one, another version."""
    if origin(function.__module__) == "installed":
        with mock.patch.object(_walk, "version_of", return_value="0+other"):
            yield
        return
    before = function.__code__
    # Behind its last instruction, where nothing gets to.
    function.__code__ = before.replace(co_code=before.co_code + bytes([dis.opmap["POP_TOP"], 0]))
    try:
        yield
    finally:
        function.__code__ = before


def _is_refused(run: Run, job: Path, code: FunctionType) -> None:
    try:
        run(job)
    except Exception as error:
        told = str(error)
        _assert("differs in" in told, f"the error does not say what differs: {told}")
        return
    raise AssertionError(f"{code.__qualname__} is another one, and the folder was taken")


def _loky_executor() -> Any:
    loky: Any = importlib.import_module("joblib.externals.loky.reusable_executor")
    return loky._executor


def _loky_workers() -> list[int]:
    executor = _loky_executor()
    return [] if executor is None else list(executor._processes or ())


def _stamps(folder: Path) -> dict[Path, int]:
    found = (path for path in folder.rglob("*.npz") if not path.name.startswith("."))
    return {path: path.stat().st_mtime_ns for path in found}


def _equal(run: Run, found: Any) -> None:
    _assert(fingerprint(found) == fingerprint(run(None)), "the result is not that of one run")


def _assert(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
