"""An eye on what a map waits for.

joblib waits until each result has come in, and does not ask whether anybody still computes it. A
pool of processes can be lost without a word: the thread that hands items out and takes results in
ended at an error (where warnings are errors, loky's remark that it replaced a process is one; no
memory or no file left for a new process is another), it waits for the rest of what a process was
sending when it was killed, or another map in another thread ended the pool. Here such a pool is
seen and ended, so that the map can go on with another.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import InvalidStateError
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.pool import TERMINATE, Pool
from typing import Any

import joblib
from joblib.externals.loky import reusable_executor
from joblib.externals.loky.backend.utils import kill_process_tree
from joblib.externals.loky.process_executor import (
    BrokenProcessPool,
    ShutdownExecutorError,
    TerminatedWorkerError,
)
from joblib.pool import PicklingPool

from neuroloom.shared.parallel._ray import Dealt

__all__ = [
    "BrokenProcessPool",
    "PoolLost",
    "TerminatedWorkerError",
    "Work",
    "ended_elsewhere",
    "turn",
]

_EVERY = 0.2  # s between looks at loky's processes
_PATIENCE = 10.0  # s that loky has to see by itself that a process died


class PoolLost(TerminatedWorkerError):  # type: ignore[misc]
    """A pool of processes gives nothing any more, through no item's fault."""


class Work(joblib.Parallel):  # type: ignore[misc]
    """joblib's engine, with a bar where results come all at once, and an eye on its pool."""

    bar: Any = None
    bar_seen = 0
    dealt: Dealt | None = None
    _failure: Exception | None = None
    _eye: _EyeOnExecutor | _EyeOnPool | None = None

    def _initialize_backend(self) -> Any:
        _end_what_was_left()
        n = super()._initialize_backend()
        pool = getattr(self._backend, "_pool", None)
        executor = getattr(self._backend, "_workers", None)
        if isinstance(pool, Pool):
            self._eye = _EyeOnPool(pool)
        elif isinstance(executor, reusable_executor._ReusablePoolExecutor):
            self._eye = _EyeOnExecutor(executor)
        return n

    def _wait_retrieval(self) -> bool:
        if self._failure is not None:
            raise self._failure
        # What has come in is taken first, so that each new pool brings the work further.
        if self._eye is not None and not (self.return_generator and self._jobs):
            self._eye.look()
        return bool(super()._wait_retrieval())

    def died(self, error: Exception) -> bool:
        """Return whether an error of the pool says that a process died."""
        return isinstance(error, TerminatedWorkerError) or getattr(self._eye, "killed", False)

    def dispatch_next(self) -> None:
        """Hand out more; called by threads of pools, which would only log an error."""
        try:
            super().dispatch_next()
        except Exception as error:
            self._failure = PoolLost(str(error)) if ended_elsewhere(error) else error

    def print_progress(self) -> None:
        """Move the bar; joblib calls this whenever tasks end."""
        if self.bar is not None:
            self.bar.update(self.n_completed_tasks - self.bar_seen)
            self.bar_seen = self.n_completed_tasks


def ended_elsewhere(error: BaseException) -> bool:
    """Return whether an error says that another map in another thread ended the pool."""
    return isinstance(error, ShutdownExecutorError) or isinstance(
        error.__context__, ShutdownExecutorError
    )


class _EyeOnExecutor:
    """Looks whether loky's processes and the thread that serves them are alive."""

    def __init__(self, executor: Any) -> None:
        self.executor = executor
        self.thread: Any = None
        self.next_look = 0.0
        self.dead_since: float | None = None
        self.killed = False

    def look(self) -> None:
        """End the pool if nobody serves it; its open items then raise a `PoolLost`."""
        now = time.monotonic()
        if now < self.next_look:
            return
        self.next_look = now + _EVERY
        executor = self.executor
        self.thread = executor._executor_manager_thread or self.thread
        if self.thread is None:
            return
        if not self.thread.is_alive():
            if executor._pending_work_items:
                _end_executor(executor, self.thread)
            return
        processes = list(executor._processes.values())
        # One that ends by itself is taken off this list before it may go.
        if not wait([process.sentinel for process in processes], timeout=0):
            self.dead_since = None
        elif self.dead_since is None:
            self.dead_since = now
        elif now - self.dead_since > _PATIENCE and executor._flags.broken is None:
            # The thread waits for the rest of what a dead process began to send.
            self.killed = True
            for process in processes:
                _kill(process)
            queue = executor._result_queue
            if queue is not None:
                queue._writer.close()
            self.dead_since = None


def _end_what_was_left() -> None:
    """End loky's pool, which all maps of a process share, if an earlier one left it unserved."""
    executor = reusable_executor._executor
    thread = getattr(executor, "_executor_manager_thread", None)
    if thread is None or thread.is_alive() or executor._flags.broken is not None:
        return
    # A forked process has a copy of its parent's pool, whose thread is alive there.
    if executor._call_queue._opid == os.getpid():
        _end_executor(executor, thread)


def _end_executor(executor: Any, thread: Any) -> None:
    """Do what loky's thread would have done: tell who waits, and end the processes."""
    error = PoolLost(
        "the thread that serves loky's processes ended; what it raised stands on stderr (memory "
        "or open files ran out, say, or warnings are errors and a process was replaced)"
    )
    executor._flags.flag_as_broken(error)
    waiting = executor._pending_work_items
    while waiting:
        try:
            waiting.popitem()[1].future.set_exception(error)
        except InvalidStateError:  # cancelled meanwhile
            continue
    for process in list(thread.processes.values()):
        _kill(process)
    thread.processes.clear()


def _kill(process: Any) -> None:
    try:
        kill_process_tree(process)
    except ProcessLookupError:  # it ended meanwhile
        return


class _EyeOnPool:
    """Looks whether the processes of `multiprocessing` and the threads that serve them are alive.

    Its pool replaces a process that died, and forgets the item that is gone.
    """

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.processes: tuple[Any, ...] = ()

    def look(self) -> None:
        """Raise an error if a process died or nobody takes its results."""
        now = tuple(self.pool._pool)
        codes = [process.exitcode for process in {*self.processes, *now}]
        self.processes = now
        if any(codes):
            _end_pool(self.pool)
            code = max(codes, key=bool)
            raise TerminatedWorkerError(f"a process of the pool ended with {code}")
        if not self.pool._result_handler.is_alive():
            _end_pool(self.pool)
            raise BrokenProcessPool("a result cannot be read in the calling process")


def _end_pool(pool: Any) -> None:
    """End a pool's processes and threads without what would wait for dead ones.

    Its own way of ending reads what is left in its queues, in which a dead process may have begun
    to read or write, and waits for locks that it may have held.
    """
    pool._worker_handler._state = pool._task_handler._state = TERMINATE
    pool._change_notifier.put(None)
    pool._worker_handler.join(timeout=5)  # so that it starts no more processes
    for process in list(pool._pool):
        process.kill()
        process.join()
    for lock in (pool._inqueue._rlock, pool._outqueue._wlock):
        if lock is not None:
            lock.acquire(timeout=0.1)
            lock.release()
    pool._outqueue.put = lambda _: None
    pool._outqueue._writer.close()
    pool._result_handler.join(timeout=5)
    reader, until = pool._inqueue._reader, time.monotonic() + 30
    while pool._task_handler.is_alive() and time.monotonic() < until:
        if wait([reader], timeout=0.05):
            os.read(reader.fileno(), 1 << 20)
    pool._cache.clear()


class _Turns:
    """Which maps of this process share something now, and in which setting."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.changed = threading.Condition()
        self.running: Counter[str] = Counter()
        self.mine = threading.local()

    @contextmanager
    def turn(self, key: str) -> Iterator[None]:
        """Wait until no map of another thread needs another setting."""
        if getattr(self.mine, "held", False):
            yield
            return
        with self.changed:
            self.changed.wait_for(lambda: not +self.running or self.running[key])
            self.running[key] += 1
        self.mine.held = True
        try:
            yield
        finally:
            self.mine.held = False
            with self.changed:
                self.running[key] -= 1
                self.changed.notify_all()


_loky, _pools = _Turns(), _Turns()
if hasattr(os, "register_at_fork"):  # the threads that compute stay in the parent
    os.register_at_fork(after_in_child=_loky.clear)
    os.register_at_fork(after_in_child=_pools.clear)


@contextmanager
def turn(work: Work) -> Iterator[None]:
    """Wait until no map of another thread has what this one needs in another setting.

    loky has one pool; it would wait for the other's items to change its size, with a lock that the
    other needs to hand out items: both would wait for ever. ray's backend lets joblib's class of
    pools be one of ray's, for good: here `multiprocessing` gets its own back.
    """
    backend = work._backend
    kinds = {kind.__name__ for kind in type(backend).__mro__}
    n = backend.effective_n_jobs(work.n_jobs)
    if type(backend).__name__ == "LokyBackend" and n > 1:
        inner = getattr(backend, "inner_max_num_threads", None)
        with _loky.turn(repr((n, inner, work._backend_kwargs, backend.backend_kwargs))):
            yield
    elif "MultiprocessingBackend" in kinds and n > 1:
        own = type(backend).__name__ == "MultiprocessingBackend"
        with _pools.turn("multiprocessing" if own else type(backend).__name__):
            if own:
                PicklingPool.__bases__ = (Pool,)
            yield
    else:
        yield
