"""One map for all long work: joblib's backends, a progress bar, seeds per item, and resuming.

The backend is the caller's: processes by default, threads, and through
``joblib.parallel_config(backend="dask")`` or ``"ray"`` a cluster.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import joblib
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from neuroloom.shared._seed import Seed, as_seed

if TYPE_CHECKING:
    from neuroloom.shared.jobs._job import Job

T = TypeVar("T")
R = TypeVar("R")

_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def map(
    function: Callable[..., R],
    items: Iterable[T],
    *,
    n_workers: int | None = None,
    backend: str | None = None,
    progress: bool = True,
    description: str = "",
    resume: str | Path | None = None,
    seed: int | Seed | None = None,
) -> list[R]:
    """Return ``[function(item) for item in items]``, computed by several workers.

    The results are equal to the last bit for any backend and number of workers: each item has
    its own random stream, and each worker computes with one BLAS thread.

    Parameters
    ----------
    function : callable
        Called as ``function(item)``, or as ``function(item, stream)`` if `seed` is given.
    items : iterable
        One task each.
    n_workers : int, optional
        Number of workers, −1 for all cores. If not given, what a surrounding
        ``joblib.parallel_config`` says, otherwise 1.
    backend : {"loky", "threading", "sequential"}, optional
        joblib backend. If not given, what a surrounding ``joblib.parallel_config`` says,
        otherwise ``"loky"``.
    progress : bool
        Show a bar.
    description : str
        Text in front of the bar.
    resume : str or Path, optional
        Folder in which each finished item is kept, so that a run that was stopped goes on where
        it was. Results must then be made of dicts, lists, tuples, numbers, text, None, arrays,
        tables and this package's data types. The folder belongs to one job: the same function
        (by name, with the values bound to it), the same items and seed. Workers on other
        machines keep their items themselves where they see the folder.
    seed : int or Seed, optional
        Root of the items' streams; item ``i`` gets ``seed.child(i)``.

    Returns
    -------
    list
        One result per item, in the order of the items.

    Raises
    ------
    DataError
        If `resume` belongs to another job, or a result cannot be kept there.
    Exception
        What `function` raised, with a note that says at which item.

    Examples
    --------
    >>> from neuroloom import shared
    >>> shared.map(abs, [-1, 2, -3], progress=False)
    [1, 2, 3]
    """
    tasks = list(items)
    root = None if seed is None else as_seed(seed)
    streams = None if root is None else root.children(len(tasks))
    job: Job | None = None
    results: dict[int, Any] = {}
    if resume is not None:
        from neuroloom.shared.jobs._job import Job

        job = Job.open(Path(resume).absolute(), function, tasks, root)
        results = {i: job.read(i) for i in range(len(tasks)) if job.path(i).exists()}
    options: dict[str, Any] = {} if backend is None else {"backend": backend}
    with (
        threadpool_limits(1),
        tqdm(
            total=len(tasks), initial=len(results), desc=description or None, disable=not progress
        ) as bar,
    ):
        work = joblib.Parallel(n_jobs=n_workers, return_as="generator_unordered", **options)
        done: Iterator[tuple[int, Any]] = work(
            joblib.delayed(_one)(
                function, i, task, None if streams is None else streams[i], job, os.getpid()
            )
            for i, task in enumerate(tasks)
            if i not in results
        )
        for index, result in done:
            if job is not None and not job.path(index).exists():  # the worker does not see it
                job.keep(index, result)
            results[index] = result
            bar.update()
    return [results[i] for i in range(len(tasks))]


def _one(
    function: Callable[..., Any],
    index: int,
    item: Any,
    stream: Seed | None,
    job: Job | None,
    parent: int,
) -> tuple[int, Any]:
    """Return an item's result with its index; keep it first, where there is a job."""
    if os.getpid() != parent:  # threads share the caller's limit, other processes need their own
        os.environ.update(dict.fromkeys(_POOLS, "1"))  # for libraries loaded later
        threadpool_limits(1)
    try:
        if job is None or not job.here():
            return index, _call(function, item, stream)
        with job.lock(index):
            if job.path(index).exists():
                return index, job.read(index)
            result = _call(function, item, stream)
            job.keep(index, result)
            return index, result
    except Exception as error:
        error.add_note(f"raised by item {index} of neuroloom.shared.map")
        raise


def _call(function: Callable[..., Any], item: Any, stream: Seed | None) -> Any:
    return function(item) if stream is None else function(item, stream)
