"""Locks between processes, on file systems that have them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neuroloom.shared.checks import fail

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Mount options with which a lock is not seen by other machines (Lustre, NFS).
_LOCAL = {"localflock", "noflock", "nolock", "local_lock=all", "local_lock=flock"}


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Yield whether this process may work at what `path` stands for; others are kept off it.

    The system frees it when the process dies. Without file locks everybody may.
    """
    try:
        opened = path.open("a")
    except FileNotFoundError:
        raise  # the folder went away
    except OSError as error:
        got = f"{path}: {error.strerror}"
        raise fail("resume", "a folder in which files can be made", got) from error
    with opened as file:
        mine = _lock(file.fileno(), path)
        try:
            yield mine
        finally:
            if mine:
                path.unlink(missing_ok=True)


@contextmanager
def present(record: Path) -> Iterator[bool]:
    """Yield whether a job's record is there; while the context lasts, nobody may `discard` it."""
    try:
        file = os.open(record, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # without locks nobody is asked
                fcntl.flock(file, fcntl.LOCK_SH)
        try:
            there = os.path.samestat(os.fstat(file), record.stat())
        except FileNotFoundError:
            there = False
        yield there
    finally:
        os.close(file)


@contextmanager
def alone(record: Path) -> Iterator[bool]:
    """Yield whether no other process is `present` at a job's record; while it lasts, none comes.

    Where the file system has no locks it cannot be known, and the answer is no.
    """
    try:
        file = os.open(record, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        yield fcntl is None or _exclusive(file)
    finally:
        os.close(file)


@contextmanager
def agreed(path: Path, word: str) -> Iterator[str]:
    """Yield what all processes that are here at once go by: the word of the first of them.

    Where the file system has no locks, or nothing can be written, each goes by its own.
    """
    try:
        file = path.open("a+", encoding="ascii", errors="replace")
    except OSError:
        yield word
        return
    with file:
        if fcntl is None:
            yield word
            return
        try:
            if _exclusive(file.fileno()):
                file.truncate(0)
                file.write(word)
                file.flush()
            fcntl.flock(file, fcntl.LOCK_SH)
        except OSError:  # a file system without locks, or a full disk
            yield word
            return
        file.seek(0)
        yield file.read() or word


def _exclusive(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _lock(file: int, path: Path) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # file systems have many words for it; `locks_hold` tells the user
        return True
    try:  # whoever had it may have removed the file, and a third made it anew
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def locks_hold(folder: Path) -> bool:
    """Return whether a lock taken in `folder` keeps off processes on every machine that sees it."""
    if fcntl is None or _LOCAL & _mount_options(folder):
        return False
    probe = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(probe)
    return True


def _mount_options(folder: Path) -> set[str]:
    """Return the options of the mount that `folder` lies on; none where Linux does not tell."""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return set()
    where, best, options = folder.resolve(), -1, set[str]()
    for line in lines:
        _, mount, _, found = line.split()[:4]
        mount = mount.replace("\\040", " ")
        if where.is_relative_to(mount) and len(mount) >= best:
            best, options = len(mount), set(found.split(","))
    return options
