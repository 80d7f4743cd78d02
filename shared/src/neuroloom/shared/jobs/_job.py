"""A folder that keeps the finished items of a long job, so that a stopped run can go on.

Each item is kept by the worker that computed it, at once and whole, while it holds the item's lock:
when the run is killed, what is finished stays; when it is started again while workers of the
killed run are still at their last items, it waits for those instead of computing them twice.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import pickle
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from neuroloom.shared._seed import Seed
from neuroloom.shared._validate import fail
from neuroloom.shared.io._arrays import load_arrays, save_arrays
from neuroloom.shared.io._atomic import atomic
from neuroloom.shared.io._values import Arrays, pack, unpack

try:
    import fcntl
except ImportError:  # Windows: no waiting for a killed run's last workers
    fcntl = None  # type: ignore[assignment]

_KIND = "map-item"


@dataclass(frozen=True, slots=True)
class Job:
    """Where a job's finished items are kept, and the digest that tells it from other jobs."""

    folder: Path
    digest: str

    @classmethod
    def open(
        cls, folder: Path, function: Callable[..., Any], items: list[Any], seed: Seed | None
    ) -> Job:
        """Return the job kept in `folder`, which it claims if that is new.

        Raises
        ------
        DataError
            If the folder belongs to another job.
        """
        job = {
            "function": _name(function),
            "bound": _digest(_bound(function), {}),
            "n_items": len(items),
            "items": _digest(items, {}),
            "seed": None if seed is None else [seed.entropy, *seed.path],
        }
        record = folder / "job.json"
        folder.mkdir(parents=True, exist_ok=True)
        if not record.exists():
            with atomic(record) as file:
                file.write(json.dumps(job, indent=1).encode())
        try:
            known = dict(json.loads(record.read_bytes()))
        except (ValueError, TypeError) as error:
            raise fail(
                "resume", "a folder with a readable job.json", f"{folder}: {error}"
            ) from error
        if known != job:
            changed = [key for key in job if known.get(key) != job[key]]
            raise fail(
                "resume", "a folder of the same job", f"{folder}, which differs in {changed}"
            )
        return cls(folder, hashlib.sha1(json.dumps(job).encode()).hexdigest())

    def path(self, index: int) -> Path:
        """Return where an item is kept."""
        return self.folder / f"item-{index:06d}.npz"

    def here(self) -> bool:
        """Return whether this process sees the folder; a worker on another machine may not."""
        return (self.folder / "job.json").is_file()

    def read(self, index: int) -> Any:
        """Return the result of a finished item."""
        arrays, header = load_arrays(self.path(index), kind=_KIND)
        if header.get("job") != self.digest:
            raise fail("resume", "items of this job only", f"{self.path(index)} of another one")
        return unpack(header["result"], arrays)

    def keep(self, index: int, result: Any) -> None:
        """Keep a result, whole or not at all."""
        arrays: Arrays = {}
        tree = pack(result, arrays, "result of function")
        header = {"job": self.digest, "result": tree}
        save_arrays(self.path(index), arrays, kind=_KIND, header=header)

    @contextmanager
    def lock(self, index: int) -> Iterator[None]:
        """Keep other processes from this item; the system frees it when the process dies."""
        path = self.path(index).with_suffix(".lock")
        with path.open("w") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
        path.unlink(missing_ok=True)


def _name(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def _bound(function: Callable[..., Any]) -> list[Any]:
    """Return the values that a function carries along: they make it another job, too."""
    if isinstance(function, functools.partial):
        return [*_bound(function.func), function.args, function.keywords]
    if inspect.ismethod(function):
        return [*_bound(function.__func__), function.__self__]
    if inspect.isfunction(function):
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        return [function.__defaults__, function.__kwdefaults__, *cells]
    return [] if inspect.isroutine(function) or inspect.isclass(function) else [function]


def _digest(value: Any, known: dict[int, str]) -> str:
    """Return a digest of `value`; what several items share is read once.

    `known` holds the digests by identity, for values that live as long as the call.
    """
    if id(value) in known:
        return known[id(value)]
    kind = type(value)
    digest = hashlib.sha1(f"{kind.__module__}.{kind.__qualname__}".encode())
    parts: Iterable[Any] = ()
    if kind is np.ndarray and not value.dtype.hasobject:
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    elif kind in (list, tuple):
        parts = value
    elif kind is dict:
        parts = [part for pair in value.items() for part in pair]
    elif kind is pd.DataFrame:
        arrays: Arrays = {}
        digest.update(json.dumps(pack(value, arrays, "items")).encode())
        parts = [_digest(array, {}) for array in arrays.values()]
    elif is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name) for field in fields(value)]
    elif inspect.isroutine(value) or isinstance(value, functools.partial):
        parts = [_name(value), *_bound(value)]
    else:
        try:
            digest.update(joblib.hash(value, hash_name="sha1").encode())
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            raise fail(
                "items", "items and bound values that can be sent to a worker", error
            ) from error
    for part in parts:
        digest.update(_digest(part, known).encode())
    if parts or isinstance(value, np.ndarray):
        known[id(value)] = digest.hexdigest()
    return digest.hexdigest()
