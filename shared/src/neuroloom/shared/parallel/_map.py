"""One map for all long work: joblib's backends, a progress bar, seeds per item, and resuming.

The backend is the caller's: processes by default, threads, and through
``joblib.parallel_config(backend="dask")`` or ``"ray"`` a cluster.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from neuroloom.shared._errors import WorkerError
from neuroloom.shared._seed import Seed, as_seed
from neuroloom.shared.checks import fail, flag, whole
from neuroloom.shared.checks._scalars import shown as written
from neuroloom.shared.jobs import Job
from neuroloom.shared.parallel._backends import Kind, n_cores_each, open_work, progress_bar
from neuroloom.shared.parallel._kept import Kept
from neuroloom.shared.parallel._send import InRay, Sender, Shared
from neuroloom.shared.parallel._shards import shard_of, surrounding_shard, unfinished
from neuroloom.shared.parallel._watch import (
    BrokenProcessPool,
    PoolLost,
    Work,
    ended_elsewhere,
    turn,
)
from neuroloom.shared.parallel._worker import Batch, FarBatch, Log, Outcome, Setting

T = TypeVar("T")
R = TypeVar("R")

_TRIES = 3  # after so many deaths of its worker, an item ends the run
_BIG_CALL = 10_000  # bytes of a function that are sent once instead of with each item


def map(
    function: Callable[..., R],
    items: Iterable[T],
    *,
    n_workers: int | None = None,
    backend: str | None = None,
    progress: bool = True,
    description: str = "",
    resume: str | Path | None = None,
    shard: tuple[int, int] | None = None,
    batch_size: int = 1,
    seed: int | Seed | None = None,
) -> list[R]:
    """Return ``[function(item) for item in items]``, computed by several workers.

    The results are equal to the last bit for any backend and number of workers: each item has
    its own random stream, and is computed with one BLAS and one OpenMP thread. Thread limits and
    environment are afterwards as they were.

    Parameters
    ----------
    function : callable
        Called as ``function(item)``, or as ``function(item, stream)`` if `seed` is given.
    items : iterable
        One task each.
    n_workers : int, optional
        Number of workers, −1 for all cores that this process may use. If not given, what a
        surrounding ``joblib.parallel_config`` says, otherwise 1. Inside an item of another map
        there are never more than the cores of that item.
    backend : {"loky", "threading", "multiprocessing", "sequential", "dask", "ray"}, optional
        joblib backend. If not given, what a surrounding ``joblib.parallel_config`` says,
        otherwise ``"loky"``. ``"ray"`` needs ``ray.util.joblib.register_ray()`` first.
    progress : bool
        Show a bar.
    description : str
        Text in front of the bar.
    resume : str or Path, optional
        Folder in which each finished item is kept, so that a run that was stopped goes on where
        it was, and several processes on it share the items between them. Results must then be
        made of dicts, lists, tuples, sets, numbers, text, dates, arrays, tables, this package's
        data types and classes that `neuroloom.shared.io.register` allowed. The folder belongs to
        one job: the same function (its code and that of the user's functions it refers to, with
        the values bound to it), seed, versions, and the same item at each place; further items
        may follow. What the function finds by text when it runs, in files or in the environment,
        and the state of Python and of libraries (levels of loggers, `builtins`) is not seen;
        `neuroloom.shared.jobs.fingerprint` lists it all. Pass it with the items.
    shard : tuple of (int, int), optional
        ``(i, n)`` computes part i of n (from 0) and returns its results only. The same call
        without it reads what all parts kept in `resume`, and computes what is missing. For jobs
        that are made of maps see `neuroloom.shared.parallel.sharded`.
    batch_size : int
        Items per task, fewer where a shard would get none. Results of a task are kept in one
        file; another size may go on with it. While other processes work on `resume`, the size of
        the first of them holds for all: it goes before this one, and a shard of another size is
        refused.
    seed : int or Seed, optional
        Root of the items' streams; item ``i`` gets ``seed.child(i)``.

    Returns
    -------
    list
        One result per item, in the order of the items; with `shard`, per item of the shard.

    Raises
    ------
    DataError
        If an argument is not understood, `resume` belongs to another job, or a result cannot be
        kept there.
    UnfinishedError
        If `resume` is given inside `neuroloom.shared.parallel.sharded`, and other parts are
        missing.
    WorkerError
        If the system kills the worker of an item for the third time, for want of memory say (on
        dask, once its ``allowed-failures`` are used up), if the pool of workers is lost three
        times with nothing done between, or an item, a result or an error cannot pass on its way:
        what another process cannot read, and ``StopIteration``, which would end loops.
    Exception
        What `function` raised, with a note that says at which item.

    Examples
    --------
    >>> from neuroloom import shared
    >>> shared.map(abs, [-1, 2, -3], progress=False)
    [1, 2, 3]
    >>> shared.map(abs, range(-5, 0), shard=(0, 2), progress=False)
    [5, 3, 1]
    """
    n_workers = _checked_workers(n_workers)
    _check_call(function, items)
    tasks = list(items)
    root = None if seed is None else as_seed(seed)
    size = whole("batch_size", batch_size, at_least=1)
    _batches(len(tasks), size, shard)
    mine = surrounding_shard() if shard is None and resume is not None else None
    run = _Run(function, tasks, root, n_workers, backend)
    shown = {"desc": description or None, "disable": not flag("progress", progress)}
    with ExitStack() as stack:
        if resume is not None:
            part = shard or mine
            job = _opened(stack, resume, function, root, alone=part is None)
            size = _agreed(stack, job, _size(len(tasks), size, part), part)
            run.kept = Kept.of(job, tasks)
        batches = _batches(len(tasks), size, shard)
        wanted = [index for batch in batches for index in batch]
        run.recall(wanted)
        left = run.missing(batches)
        todo = left if mine is None else run.missing(_batches(len(tasks), size, mine))
        done = len(run.results)
        total = done + sum(len(batch) for batch in todo)
        run.bar = stack.enter_context(progress_bar(initial=done, total=total, **shown))
        run.complete(todo)
        if mine is not None and left:
            raise unfinished(mine, len(run.results), len(tasks), resume)
    return [run.results[index] for index in wanted]


def _opened(
    stack: ExitStack, folder: str | Path, function: Any, root: Seed | None, *, alone: bool
) -> Job:
    """Return the job of a folder, which stays as long as the stack."""
    while True:
        job = Job.open(folder, {"seed": _seed_parts(root)}, function=function, shared=alone)
        if stack.enter_context(job.working()):
            return job


def _agreed(stack: ExitStack, job: Job, size: int, shard: tuple[int, int] | None) -> int:
    """Return the size of batches that the processes on a folder have, as long as the stack lasts.

    Items are shared between them by batches, so that all must have the same. Parts that were dealt
    out by another size would overlap, or leave items to nobody.
    """
    word = stack.enter_context(job.agreed(size))
    found = int(word) if word.isascii() and word.isdigit() and int(word) else size
    if shard is not None and found != size:
        got = f"{size} for shard {shard[0]}/{shard[1]}"
        hint = "; wait for it, or take its size"
        expected = f"{found}, as the process that works on {job.folder} has"
        raise fail("batch_size", expected, got, hint=hint)
    return found


@dataclass
class _Run:
    """One call of the map: what is to be done, and what has come in."""

    function: Callable[..., Any]
    tasks: Sequence[Any]
    root: Seed | None
    n_workers: int | None
    backend: str | None
    kept: Kept | None = None
    results: dict[int, Any] = field(default_factory=dict)
    strikes: Counter[int] = field(default_factory=Counter)
    bar: Any = None

    def recall(self, wanted: list[int]) -> None:
        """Take what a job has kept of some items."""
        if self.kept is not None:
            self.results.update(self.kept.read(wanted))

    def complete(self, batches: list[tuple[int, ...]]) -> None:
        """Compute all batches, in as many rounds as other processes and dead workers make it."""
        in_vain, pause = 0, 0.02
        while todo := self.missing(batches):
            busy: set[int] = set()
            for group in self._groups(todo):
                done = len(self.results)
                try:
                    busy.update(self._compute(group))
                except _WorkersDied as death:
                    in_vain = (in_vain if len(self.results) == done else 0) + (not death.items)
                    self._count(death.items, in_vain, death, group)
                    break
            if busy and self.kept is not None:
                self._add(self.kept.read(sorted(busy)))
                if not self.missing(batches):
                    break
                time.sleep(pause)
                pause = min(2 * pause, 1.0)

    def missing(self, batches: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return what is left of the batches."""
        left = (tuple(i for i in batch if i not in self.results) for batch in batches)
        return [batch for batch in left if batch]

    def _groups(self, todo: list[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
        """Return what to compute together.

        What was begun when workers died comes last, and what was so twice comes alone: with all
        the memory, and with nothing else to blame.
        """
        if not self.strikes:
            return [todo]
        free, once, alone = list[tuple[int, ...]](), list[tuple[int, ...]](), list[Any]()
        for batch in todo:
            if not any(self.strikes[i] for i in batch):
                free.append(batch)
                continue
            for i in batch:
                if self.strikes[i] < _TRIES - 1:
                    once.append((i,))
                else:
                    alone.append([(i,)])
        return [group for group in [free + once, *alone] if group]

    def _count(
        self, items: list[int], in_vain: int, error: Exception, group: list[tuple[int, ...]]
    ) -> None:
        self.strikes.update(items)
        worst = [i for i in items if self.strikes[i] >= _TRIES]
        if worst:
            raise WorkerError(
                f"item {worst[0]}: the system killed the worker at it {_TRIES} times; often memory "
                f"ran out, and fewer workers or smaller items help ({error})"
            ) from error
        if in_vain >= _TRIES:
            left = [i for batch in group for i in batch if i not in self.results]
            raise WorkerError(
                f"{_listed(left)}: the workers were lost {_TRIES} times one after the other before "
                f"any of them began or ended ({error})"
            ) from error

    def _compute(self, group: list[tuple[int, ...]]) -> list[int]:
        """Compute some batches; return the items that other processes are at."""
        work, kind, stepwise = open_work(self.n_workers, self.backend)
        busy: list[int] = []
        with turn(work), _log(kind) as log:
            cores = n_cores_each(work, kind)
            job = None if self.kept is None else self.kept.job
            setting = Setting(self.root, job, cores, os.getpid(), log)
            if not stepwise:
                work.bar = self.bar
            try:
                for indices, values in _outcomes(work, self._calls(group, kind, setting)):
                    if values is None:
                        busy.extend(indices)
                        continue
                    if self.kept is not None:
                        self.kept.keep_if_missing(self._batch(indices), values)
                    self._add(dict(zip(indices, values, strict=True)), show=stepwise)
            except BrokenProcessPool as error:
                if not work.died(error):
                    raise self._unread(error, group, log) from error
                if self.kept is not None:
                    missing = [i for batch in group for i in batch if i not in self.results]
                    self._add(self.kept.read(missing))
                if work.dealt is not None:
                    self._take(work.dealt.outcomes)
                    raise _WorkersDied(error, work.dealt.begun) from error
                lost = isinstance(error, PoolLost)
                raise _WorkersDied(error, [] if lost else self._suspects(log)) from error
            except Exception as error:
                if ended_elsewhere(error):
                    raise _WorkersDied(error, []) from error
                raise _named(error) from error.__cause__
        return busy

    def _take(self, outcomes: list[Outcome]) -> None:
        """Add what came back before a worker died."""
        for indices, values in outcomes:
            if values is not None:
                if self.kept is not None:
                    self.kept.keep_if_missing(self._batch(indices), values)
                self._add(dict(zip(indices, values, strict=True)), show=False)

    def _suspects(self, log: Log | None) -> list[int]:
        """Return the items that a worker may have died at: while computing or sending them."""
        if log is None:
            return []
        unfinished, ended = log.items()
        return unfinished or [i for i in ended if i not in self.results]

    def _unread(
        self, error: Exception, group: list[tuple[int, ...]], log: Log | None
    ) -> WorkerError:
        """Return an error that says which items or results no process can read."""
        unfinished, ended = ([], []) if log is None else log.items()
        sent = [i for i in ended if i not in self.results]
        begun = {*unfinished, *ended, *self.results}
        what = "a result cannot be read by the caller, that of"
        if "task has failed" in str(error):
            what = "an item cannot be read by a worker, the first of"
            sent = [i for batch in group for i in batch if i not in begun]
        cause = "" if error.__cause__ is None else f"\n{error.__cause__}"
        return WorkerError(f"{_listed(sent)}: {what} these ({error}){cause}")

    def _add(self, found: dict[int, Any], *, show: bool = True) -> None:
        self.results.update(found)
        if show:
            self.bar.update(len(found))

    def _batch(self, indices: tuple[int, ...], kind: Kind = "here") -> Batch:
        digests = None if self.kept is None else tuple(self.kept.digests[i] for i in indices)
        return (FarBatch if kind in ("dask", "ray") else Batch)(indices, digests)

    def _calls(
        self, group: list[tuple[int, ...]], kind: Kind, setting: Setting
    ) -> Iterator[tuple[Batch, tuple[Any, ...], dict[str, Any]]]:
        """Yield joblib's tasks: what to call, with which arguments."""
        if kind in ("here", "processes"):
            for indices in group:
                items = [self.tasks[i] for i in indices]
                yield self._batch(indices), (self.function, items, setting), {}
            return
        sender = Sender(Shared if kind == "dask" else lambda value, size: InRay(value))
        call, apart = sender.pack(self.function)
        sent = call if len(call) < _BIG_CALL else sender.share(call)
        for indices in group:
            raw, more = sender.pack([self.tasks[i] for i in indices])
            arguments = (sent, raw, setting, len(apart), *apart, *more)
            yield self._batch(indices, kind), arguments, {}


class _WorkersDied(Exception):
    def __init__(self, error: Exception, items: list[int]) -> None:
        super().__init__(str(error))
        self.items = items


def _listed(items: list[int]) -> str:
    """Return items in words, the first few of many."""
    more = ", …" if len(items) > 5 else ""
    return f"item{'s' * (len(items) > 1)} {', '.join(str(i) for i in items[:5])}{more}"


def _outcomes(work: Work, calls: Iterator[Any]) -> Iterator[Outcome]:
    """Yield what workers return; end them if the caller stops early."""
    outcomes = work(calls)
    try:
        yield from outcomes
    finally:
        if hasattr(outcomes, "close"):
            outcomes.close()


def _named(error: Exception) -> Exception:
    """Return an error of a cluster as one that names the item; others as they are.

    dask ends each item that a worker had been given when it died, also one that waited there or
    whose result was on its way. Which items ran is known from the worker's last heartbeat.
    """
    if type(error).__name__ != "KilledWorker":
        return error
    told = _item_of(getattr(error, "task", ""))
    ran = getattr(getattr(error, "last_worker", None), "executing", {})
    items = [item for item in dict.fromkeys([*map(_item_of, ran), told]) if item]
    which = f"item {' or '.join(items)}" if items else str(getattr(error, "task", ""))
    beside = "" if ran else ", or another that the same worker had been given"
    return WorkerError(f"{which}{beside}: the workers that computed it died; {error}")


def _item_of(key: object) -> str:
    """Return the number of the item that a task of a cluster is named after, "" if none."""
    return str(key).partition("item-")[2].partition("_")[0]


@contextmanager
def _log(kind: Kind) -> Iterator[Log | None]:
    """Yield a record of begun items where workers are other processes of this machine."""
    if kind != "processes":
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="neuroloom-map-"))
    path = folder / "begun"
    path.touch()
    try:
        yield Log(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_call(function: object, items: object) -> None:
    if not callable(function):
        raise fail("function", "something that can be called", written(function))
    if not isinstance(items, Iterable) or getattr(items, "shape", None) == ():
        raise fail("items", "several items", written(items))


def _checked_workers(n_workers: object) -> int | None:
    if n_workers is None:
        return None
    expected = "None, a positive number, or −1 for all cores"
    number = whole("n_workers", n_workers, at_least=-1, at_most=2**31 - 1, expected=expected)
    if number == 0:
        raise fail("n_workers", expected, number)
    return number


def _batches(n: int, size: int, shard: tuple[int, int] | None) -> list[tuple[int, ...]]:
    """Return the items of each task; a shard takes every n-th of them."""
    part, parts = (0, 1) if shard is None else shard_of(shard)
    size = _size(n, size, shard)
    every = [tuple(range(start, min(start + size, n))) for start in range(0, n, size)]
    return every[part::parts]


def _size(n: int, size: int, shard: tuple[int, int] | None) -> int:
    """Return the size of batches by which no part is empty while others have two."""
    parts = 1 if shard is None else shard_of(shard)[1]
    return max(1, min(size, n // parts))


def _seed_parts(root: Seed | None) -> list[Any] | None:
    return None if root is None else [root.entropy, *root.path]
