"""A folder that keeps the finished parts of a long job, so that a stopped run can go on.

Each part is kept by the process that computed it, at once and whole, while it holds the part's
lock: when the run is killed, what is finished stays, and processes that work on one folder share
the parts between them.
"""

from __future__ import annotations

import math
import os
import platform
import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from neuroloom.shared._errors import DataError
from neuroloom.shared._version import __version__
from neuroloom.shared.checks import fail, flag
from neuroloom.shared.checks import path as as_path
from neuroloom.shared.io._arrays import DamagedFileError, load_arrays, write_arrays
from neuroloom.shared.io._atomic import atomic, remove_leftovers
from neuroloom.shared.jobs._fingerprint import Walk, tell_unread
from neuroloom.shared.jobs._functions import bound, innermost, name_of
from neuroloom.shared.jobs._locks import agreed, alone, claim, locks_hold, present
from neuroloom.shared.jobs._record import (
    FORMAT,
    compare,
    digest_of,
    draft_of,
    is_lost,
    made,
    publish,
    text_of,
)

KIND = "job-part"
BATCHES = ".batches"
_DISK_EVERY = 1.0  # s
# What a killed writer leaves of a part or a record: `atomic` and `draft_of` name it so.
_LEFTOVER = re.compile(r"\.(.+\.npz|\.?job\.json(-[0-9a-f]{32}\.part)?)(-[0-9a-f]{32})?\.part")
_waited = threading.local()


@dataclass(frozen=True, slots=True)
class Job:
    """Where a job's finished parts are kept, and the digest that tells it from other jobs.

    Use `Job.open`; `neuroloom.shared.map` does so itself for its ``resume``.

    Parameters
    ----------
    folder : Path
        Where the parts are.
    digest : str
        What tells the job from others.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     job = Job.open(folder, {"rate": 5.0}, function=abs)
    ...     job.compute("first", abs, -3)
    ...     job.compute("first", abs, -3)  # read, not computed
    3
    3
    """

    folder: Path
    digest: str

    @classmethod
    def open(
        cls,
        folder: str | Path,
        parts: Mapping[str, Any] | None = None,
        *,
        function: Callable[..., Any] | None = None,
        argument: str = "resume",
        shared: bool = True,
    ) -> Job:
        """Return the job kept in `folder`, which it claims if that is new.

        Parameters
        ----------
        folder : str or Path
            Where the job keeps what it finished; made if it is missing.
        parts : mapping of str to object, optional
            What makes it this job: parameters, data, seeds. Each is told by its name if it
            differs.
        function : callable, optional
            What computes: its code, and that of the user's functions that it refers to, belongs
            to the job, as do the values bound to it.
        argument : str
            Name of the argument to tell in errors.
        shared : bool
            Warn where the file system has no locks, and a second process would repeat the work.

        Raises
        ------
        DataError
            If the folder belongs to another job, or to one of an older format, or it or its
            record cannot be read or is something else.
        """
        where, shared = as_path(argument, folder).absolute(), flag("shared", shared)
        job = describe(parts or {}, function)
        text = text_of(job)
        record = where / "job.json"
        made(where, argument)
        while True:
            try:
                if not os.path.lexists(record):
                    publish(record, text, durable=_time_for_disk())
                elif is_lost(record, digest_of(text)):
                    os.replace(draft_of(record, text), record)
                compare(record, text, argument)
                break
            except FileNotFoundError:  # another process has just discarded it
                made(where, argument)
        remove_leftovers(where, is_leftover)
        if shared and not locks_hold(where):
            warnings.warn(
                f"{argument}: the file system of {where} has no file locks that hold for every "
                "machine; work with one process, or give each its own share: shard=(i, n), "
                "--shard i/n, or neuroloom.shared.parallel.sharded((i, n)) around the call",
                RuntimeWarning,
                stacklevel=3,
            )
        return cls(where, digest_of(text))

    def path(self, name: str) -> Path:
        """Return the file in which a part is kept."""
        return self.folder / f"{name}.npz"

    def has(self, name: str) -> bool:
        """Return whether a part is kept.

        Raises
        ------
        DataError
            If something else than a file has its name.
        """
        path = self.path(name)
        if path.is_file():
            return True
        if os.path.lexists(path):
            got = f"{path}, {'a folder' if path.is_dir() else 'a link that leads nowhere'}"
            raise fail("resume", "a file, or nothing yet", got, hint="; move it out of the folder")
        return False

    def visible(self) -> bool:
        """Return whether this process sees the folder; a worker on another machine may not."""
        return _visible(self.folder, self.digest)

    def working(self) -> AbstractContextManager[bool]:
        """Return a context that keeps other processes from discarding the folder.

        It says whether the folder still is there.
        """
        return present(self.folder / "job.json")

    def alone(self) -> AbstractContextManager[bool]:
        """Return a context that keeps other processes from beginning to work.

        It says whether none works: so that what they share may be removed.
        """
        return alone(self.folder / "job.json")

    def agreed(self, size: int) -> AbstractContextManager[str]:
        """Return a context that says what size of batches the processes at work here have."""
        return agreed(self.folder / BATCHES, str(size))

    def claim(self, name: str) -> AbstractContextManager[bool]:
        """Return a context that says whether this process may compute a part; others may not."""
        return claim(self.folder / f"{name}.lock")

    def keep(self, name: str, value: Any, note: Any = None) -> None:
        """Keep a part's value, whole or not at all.

        A killed process takes nothing of it along. A machine that loses its power may, if this
        thread opened a job or kept another part less than a second before: such quick ones do not
        wait for the disk. What is damaged then is known as such, by `recover`.

        Parameters
        ----------
        name : str
            Name of the part, letters, digits, ``-`` and ``_``.
        value : object
            None, numbers, text, dates, arrays, tables, the data types, registered classes, and
            lists, tuples, dicts and sets of them; it comes back in the type it had.
        note : object
            Anything that JSON can hold, to be read with it.

        Raises
        ------
        DataError
            If a piece of the value would need pickle.
        """
        from neuroloom.shared.io._values import Arrays, pack

        arrays: Arrays = {}
        if type(value) is list:  # the results of some items, each told as one
            tree: Any = {"list": [pack(part, arrays, "result of function") for part in value]}
        else:
            tree = pack(value, arrays, "result of function")
        header = {"job": self.digest, "note": note, "value": tree}
        with atomic(self.path(name), durable=_time_for_disk()) as file:
            write_arrays(file, arrays, kind=KIND, header=header, version=FORMAT)

    def read(self, name: str) -> tuple[Any, Any]:
        """Return a part's value and the note that was kept with it.

        Raises
        ------
        DataError
            If the file belongs to another job, or cannot be read.
        """
        from neuroloom.shared.io._values import unpack

        path = self.path(name)
        arrays, header = load_arrays(path, kind=KIND, version=FORMAT)
        if header.get("job") != self.digest:
            raise fail("resume", "items of this job only", f"{path} of another one")
        try:
            return unpack(header["value"], arrays), header["note"]
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise DamagedFileError(f"path: expected an undamaged file, got {path}") from error

    def recover(self, name: str) -> tuple[Any, Any] | None:
        """Return what `read` does; if the file is damaged, say so, remove it and return None."""
        try:
            return self.read(name)
        except DamagedFileError as error:
            warnings.warn(f"{error}; it is computed again", RuntimeWarning, stacklevel=2)
            self.path(name).unlink(missing_ok=True)
            return None
        except DataError:
            if self.has(name):
                raise
            return None

    def compute(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Return ``function(*args, **kwargs)``, read where it is kept, else computed and kept.

        While another process computes it, it is waited for.

        Parameters
        ----------
        name : str
            Name of the part.
        function : callable
            What computes it.
        *args, **kwargs
            Passed to it.
        """
        pause = 0.01
        while True:
            if self.has(name) and (found := self.recover(name)) is not None:
                return found[0]
            with self.claim(name) as mine:
                if mine and not self.has(name):
                    value = function(*args, **kwargs)
                    self.keep(name, value)
                    return value
            time.sleep(pause)
            pause = min(2 * pause, 1.0)


def describe(parts: Mapping[str, Any], function: Callable[..., Any] | None) -> dict[str, Any]:
    """Return what tells a job from others, for people and for comparison."""
    walk = Walk()
    job: dict[str, Any] = {"format": FORMAT}
    if function is not None:
        called = name_of(function)
        job["function"] = called
        walk.skip(innermost(function))
        job["bound"] = {
            name: walk.of(value, "function", f"{called} ({name})")
            for name, value in bound(function).items()
        }
        walk.of(innermost(function), "function", called)
    for name, value in parts.items():
        if name in job or name in ("code", "globals", "versions"):
            raise fail("parts", "names other than the job's own", repr(name))
        job[name] = value if _is_plain(value) else walk.of(value, name)
    job["code"] = walk.follow()
    job["globals"] = walk.read_globals
    tell_unread(walk)
    python = ".".join(platform.python_version_tuple()[:2])
    job["versions"] = {"python": python, "neuroloom.shared": __version__, **walk.versions}
    return job


def _is_plain(value: Any) -> bool:
    """Return whether a value can stand in the record as it is, for people to read."""
    if isinstance(value, list):
        return len(value) < 20 and all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def is_leftover(name: str) -> bool:
    """Return whether a file's name is that of what a killed writer of a job left."""
    return _LEFTOVER.fullmatch(name) is not None


def _time_for_disk() -> bool:
    """Return whether this thread has not waited for the disk for a second, and note that it does.

    Waiting takes longer than a quick part; what a thread worked at for a second is worth it.
    """
    now = time.monotonic()
    if now - getattr(_waited, "at", -math.inf) < _DISK_EVERY:
        return False
    _waited.at = now
    return True


@lru_cache(maxsize=1)
def _visible(folder: Path, digest: str) -> bool:
    try:
        return digest_of((folder / "job.json").read_bytes()) == digest
    except OSError:
        return False
