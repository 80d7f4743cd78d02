"""Files that are whole or not there, whatever stops their writer."""

from __future__ import annotations

import os
import stat
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from neuroloom.shared.checks import fail, flag
from neuroloom.shared.checks import path as as_path

try:
    import fcntl
except ImportError:  # Windows has no flock: names of temporary files are then unique instead
    fcntl = None  # type: ignore[assignment]

_DAY = 86400.0  # s


@contextmanager
def atomic(target: str | Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the place of `target` once all is written.

    A crash of the writer leaves the old file or the new one, and so does one of the machine if the
    file is durable: its bytes are on the disk before the name is. What a killed writer left beside
    it is taken over by the next.

    Parameters
    ----------
    target : str or Path
        File to write, in an existing folder; an existing one is replaced at the end and its
        permissions are kept. Of a symbolic link the file that it points to is written.
    durable : bool
        Wait for the disk. Who does not must be able to tell a damaged file, and do without.

    Yields
    ------
    BinaryIO
        File open for writing and seeking.

    Raises
    ------
    DataError
        If the folder does not exist, `target` is one, or no path.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "notes.txt")
    ...     with atomic(path) as file:
    ...         _ = file.write(b"all or nothing")
    ...     path.read_text()
    'all or nothing'
    """
    durable = flag("durable", durable)
    path = behind_links(target)
    if path.is_dir() or not path.parent.is_dir():
        raise fail("path", "a file in an existing folder", f"{path}{' (a folder)' * path.is_dir()}")
    mode = stat.S_IMODE(path.stat().st_mode) if path.is_file() else None
    part, file = _open_part(path)
    with file:
        try:
            if mode is not None:
                os.chmod(part, mode | stat.S_IWUSR)  # nobody reads it before who may not after
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
            else:  # closing shows other machines the bytes; the lock lasts until all are closed
                os.close(os.dup(file.fileno()))
            if mode is not None:
                os.chmod(part, mode)
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def behind_links(target: str | Path) -> Path:
    """Return the file that a path means: of a symbolic link, the one that it points to."""
    path = as_path("path", target)
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def remove_leftovers(folder: Path, ours: Callable[[str], bool]) -> None:
    """Remove the unfinished files that killed writers left in a folder; live writers keep theirs.

    Other programs call theirs ``.name.part`` as well: `ours` says by its name whether it is one.

    Without file locks nobody knows who lives: a day is waited for then.
    """
    for part in folder.glob(".*.part"):
        if not ours(part.name):
            continue
        try:
            with part.open("rb+") as file:
                free = _lock(file, part)
                if free or (free is None and time.time() - part.stat().st_mtime > _DAY):
                    part.unlink(missing_ok=True)
        except (FileNotFoundError, IsADirectoryError, PermissionError):
            continue


def _open_part(path: Path) -> tuple[Path, BinaryIO]:
    """Return an empty temporary file beside `path` that no other writer has."""
    part = path.with_name(f".{path.name[:200]}.part")
    for _ in range(3):  # a writer that ends in between takes the name along
        if part.is_dir():
            break
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "rb+")
        free = _lock(file, part)
        if free:
            if os.fstat(file.fileno()).st_size:  # ext4 writes a file at once that was cut to zero
                file.truncate()
            return part, file
        file.close()
        if free is None:
            part.unlink(missing_ok=True)
            break
    part = path.with_name(f".{path.name[:150]}-{uuid.uuid4().hex}.part")
    return part, part.open("xb+")


def _lock(file: BinaryIO, part: Path) -> bool | None:
    """Return whether an open file could be locked and still is `part`; None without locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(file.fileno()), part.stat())
    except (BlockingIOError, FileNotFoundError):  # another writer's, or gone
        return False
    except OSError:
        return None
