"""A folder of results belongs to one job, which its ``metadata/job`` tells."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from neuroloom.lifnet._config._schema import Config
from neuroloom.lifnet._errors import LifnetError
from neuroloom.lifnet._version import __version__
from neuroloom.shared import DataError, checks
from neuroloom.shared.jobs import Job, alone, discard

RECORD = Path("metadata") / "job"
_OURS = "neuroloom.lifnet."
_RESULTS = ("data", "configs", "analysis")


def check_flags(**flags: object) -> None:
    """Raise unless each of these is True or False: "no" would be taken for yes."""
    for name, value in flags.items():
        checks.flag(name, value, error=LifnetError)


def claim(
    folder: Path,
    config: Config,
    parts: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> Job:
    """Return the job of a folder, which is this one's; nothing is written if it is another's.

    Parameters
    ----------
    folder : Path
        Where results go.
    config : Config
        The configuration; where and whether to write does not tell jobs from others.
    parts : mapping of str to object
        What tells the job from others besides. Of functions of the user, the code does.
    overwrite : bool
        Move the folder of another job away, to the same name with the time behind it.

    Raises
    ------
    LifnetError
        If the folder is another job's, or holds results that no job tells of.
    """
    blocks = {
        f"configuration.{name}": block
        for name, block in config.to_mapping().items()
        if name != "settings"
    }
    told = {**blocks, **parts, "lifnet": __version__}
    if folder.exists() and not folder.is_dir():
        raise LifnetError(f"save_dir: expected a folder, got {folder}, a file")
    try:
        _refuse_unknown(folder)
        return _open(folder, told)
    except DataError as error:
        if not overwrite:
            raise LifnetError(
                f"{error}; take another folder, or overwrite, which moves this one away"
            ) from error
    _move_away(folder)
    return _open(folder, told)


@contextmanager
def working(folder: Path, open_job: Callable[[], Job]) -> Iterator[Path]:
    """Work on a folder, with other processes maybe; yield where finished parts are kept meanwhile.

    The last one that comes to the end removes those: before, another would do them again. What is
    refused before a part is finished leaves the folder as it was.

    Parameters
    ----------
    folder : Path
        The folder.
    open_job : callable
        Makes it this job's and returns the job, as `claim` does.
    """
    with untouched_if_refused(folder):
        job = open_job()
        kept = job.folder.parent / "unfinished"
        with job.working():
            yield kept
    with job.alone() as last:
        if last:
            discard(kept)


@contextmanager
def untouched_if_refused(folder: Path) -> Iterator[None]:
    """Leave a folder as it was where input turns out to be impossible before a part is finished.

    Parameters
    ----------
    folder : Path
        The folder, there or not.
    """
    before = set(folder.iterdir()) if folder.is_dir() else set()
    was = folder.stat().st_ino if folder.is_dir() else None
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        yield
    except DataError:
        away = _moved_to(folder, was)
        kept = set() if away else before
        if _nothing_done(folder, kept):
            for path in set(folder.iterdir()) - kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            for one in [folder] if away else missing:
                one.rmdir()
            if away:
                away.rename(folder)
        raise


def _nothing_done(folder: Path, before: set[Path]) -> bool:
    """Return whether what a folder holds more than before are no results, and nobody works in it.

    Parameters
    ----------
    folder : Path
        The folder.
    before : set of Path
        What was in it.
    """
    if not folder.is_dir() or folder / "metadata" in before:
        return False
    record = folder / RECORD / "job.json"
    kept = (folder / "metadata" / "unfinished").glob("**/*.npz")
    results = (path for name in ("data", "analysis") for path in (folder / name).glob("*"))
    return not any(kept) and not any(results) and (not record.is_file() or _at_rest(record))


def _moved_to(folder: Path, inode: int | None) -> Path | None:
    """Return where a folder of this number was moved to make room for another of its name."""
    if inode is None or (folder.is_dir() and folder.stat().st_ino == inode):
        return None
    named = folder.parent.glob(f"{glob.escape(folder.name)}.*")
    return next((one for one in named if one.is_dir() and one.stat().st_ino == inode), None)


def files_of(folder: Path, n_repeats: int, *, compact: bool) -> list[Path]:
    """Return the files of spikes of a folder's job, in order.

    Parameters
    ----------
    folder : Path
        The job's folder.
    n_repeats : int
        Number of runs.
    compact : bool
        Whether spikes are kept as steps and neurons.
    """
    suffix = "npz" if compact else "npy"
    return [folder / "data" / f"spikes_{i}.{suffix}" for i in range(n_repeats)]


def users_own(function: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Return a function, or None for one of this package, which the version tells of."""
    return None if str(getattr(function, "__module__", "")).startswith(_OURS) else function


def methods_of(kind: type) -> dict[str, Any]:
    """Return what the user's classes among a class and its bases define, by name."""
    return {
        f"{base.__qualname__}.{name}": value
        for base in kind.__mro__
        if not base.__module__.startswith(_OURS) and base is not object
        for name, value in vars(base).items()
        if not name.startswith("__") and name != "_abc_impl"
    }


def _open(folder: Path, told: Mapping[str, Any]) -> Job:
    return Job.open(folder / RECORD, told, argument="save_dir", shared=False)


def _refuse_unknown(folder: Path) -> None:
    """Raise if there are results without a record of their job."""
    record = folder / RECORD / "job.json"
    if record.is_file() and record.read_bytes().strip(b"\0"):  # zeros are what a power cut leaves
        return
    found = [name for name in _RESULTS if _any(folder / name)]
    if found:
        raise DataError(
            f"save_dir: expected a new folder or one of the same job, got {folder} with "
            f"{', '.join(found)} of a job that is not known"
        )


def _any(folder: Path) -> bool:
    contents: Iterable[Path] = folder.iterdir() if folder.is_dir() else ()
    return any(True for _ in contents)


def _move_away(folder: Path) -> None:
    """Give a folder another name, unless a process works in it."""
    record = folder / RECORD / "job.json"
    if record.is_file() and not _at_rest(record):
        raise LifnetError(f"save_dir: expected a folder at rest, got {folder}, in which another "
                          "process works")  # fmt: skip
    stamp = f"{datetime.now():%Y%m%d-%H%M%S}"
    away = folder.with_name(f"{folder.name}.{stamp}")
    n = 1
    while away.exists():
        away, n = folder.with_name(f"{folder.name}.{stamp}-{n}"), n + 1
    folder.rename(away)


def _at_rest(record: Path) -> bool:
    with alone(record) as so:
        return so
