"""One map for all long work: joblib's backends, a progress bar, seeds per item, and resuming.

The backend is the caller's: processes by default, threads, and through
``joblib.parallel_config(backend="dask")`` or ``"ray"`` a cluster.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import joblib
import numpy as np
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from neuroloom.shared._saving import load_arrays, save_arrays
from neuroloom.shared._seed import Seed, as_seed
from neuroloom.shared._validate import fail

T = TypeVar("T")
R = TypeVar("R")

_KIND = "map-item"


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
    backend : {"loky", "threading", "multiprocessing", "sequential"}, optional
        joblib backend. If not given, what a surrounding ``joblib.parallel_config`` says,
        otherwise ``"loky"``.
    progress : bool
        Show a bar.
    description : str
        Text in front of the bar.
    resume : str or Path, optional
        Folder in which each finished item is kept, so that a run that was stopped goes on where
        it was. Results must then be made of dicts, lists, numbers, text, None and arrays.
        The folder belongs to one job: the same function, number of items and seed.
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

    Examples
    --------
    >>> from neuroloom import shared
    >>> shared.map(abs, [-1, 2, -3], progress=False)
    [1, 2, 3]
    """
    tasks = list(items)
    streams = as_seed(seed).children(len(tasks)) if seed is not None else None
    results: dict[int, Any] = {}
    folder = None if resume is None else Path(resume)
    if folder is not None:
        _open_job(folder, function, tasks, seed)
        results = _finished(folder, len(tasks))
    waiting = [i for i in range(len(tasks)) if i not in results]
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
                function, i, tasks[i], None if streams is None else streams[i], os.getpid()
            )
            for i in waiting
        )
        for index, result in done:
            if folder is not None:
                _keep(folder, index, result)
            results[index] = result
            bar.update()
    return [results[i] for i in range(len(tasks))]


def _one(
    function: Callable[..., Any], index: int, item: Any, stream: Seed | None, parent: int
) -> tuple[int, Any]:
    if os.getpid() != parent:  # threads share the caller's limit, other processes need their own
        threadpool_limits(1)
    return index, function(item) if stream is None else function(item, stream)


def _open_job(
    folder: Path, function: Callable[..., Any], tasks: list[Any], seed: int | Seed | None
) -> None:
    """Claim `folder` for this job, or check that it is this job's."""
    while isinstance(function, functools.partial):
        function = function.func
    stream = None if seed is None else as_seed(seed)
    job = {
        "function": f"{function.__module__}.{getattr(function, '__qualname__', repr(function))}",
        "n_items": len(tasks),
        "items": joblib.hash(tasks),
        "seed": None if stream is None else [stream.entropy, *stream.path],
    }
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "job.json"
    if record.exists():
        known = json.loads(record.read_text())
        if known != job:
            changed = sorted(key for key in job if known.get(key) != job[key])
            raise fail(
                "resume", "a folder of the same job", f"{folder}, which differs in {changed}"
            )
    else:
        record.write_text(json.dumps(job, indent=1))


def _finished(folder: Path, n_items: int) -> dict[int, Any]:
    results = {}
    for index in range(n_items):
        path = _path(folder, index)
        if path.exists():
            arrays, header = load_arrays(path, kind=_KIND)
            results[index] = _join(header["result"], arrays)
    return results


def _keep(folder: Path, index: int, result: Any) -> None:
    arrays: dict[str, Any] = {}
    tree = _part(result, arrays)
    save_arrays(_path(folder, index), arrays, kind=_KIND, header={"result": tree})


def _path(folder: Path, index: int) -> Path:
    return folder / f"item-{index:06d}.npz"


def _part(value: Any, arrays: dict[str, Any]) -> Any:
    """Return `value` as JSON with its arrays moved to `arrays`."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic)):
        name = f"a{len(arrays)}"
        arrays[name] = value
        return {"array": name, "scalar": isinstance(value, np.generic)}
    if isinstance(value, (list, tuple)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_part(item, arrays) for item in value]}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _part(item, arrays) for key, item in value.items()}}
    raise fail("function", "results that can be kept without pickle", type(value).__name__)


def _join(tree: Any, arrays: dict[str, Any]) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        values = arrays[tree["array"]]
        return values[()] if tree["scalar"] else values
    if "dict" in tree:
        return {key: _join(item, arrays) for key, item in tree["dict"].items()}
    if "tuple" in tree:
        return tuple(_join(item, arrays) for item in tree["tuple"])
    return [_join(item, arrays) for item in tree["list"]]
