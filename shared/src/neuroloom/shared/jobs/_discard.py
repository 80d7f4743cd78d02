"""Removing what a job kept, and nothing else."""

from __future__ import annotations

import warnings
from pathlib import Path

from neuroloom.shared.checks import fail
from neuroloom.shared.checks import path as as_path
from neuroloom.shared.io._arrays import header_of
from neuroloom.shared.jobs._job import BATCHES, KIND, is_leftover
from neuroloom.shared.jobs._locks import alone
from neuroloom.shared.jobs._record import recorded

_SHOWN = 5  # names of files that are left


def discard(folder: str | Path) -> bool:
    """Remove what a job kept in a folder, unless another process works on it.

    The folder goes with its last file. Files that are not the job's own stay, subfolders too, and
    a warning names them.

    Parameters
    ----------
    folder : str or Path
        Folder of a job whose results stand elsewhere now.

    Returns
    -------
    bool
        Whether the folder is gone.

    Raises
    ------
    DataError
        If `folder` is no path or a file, or its ``job.json`` is no record of a job.

    Warns
    -----
    RuntimeWarning
        If the folder holds files that the job did not write, or that are damaged.
    """
    where = as_path("folder", folder)
    if where.is_file():
        raise fail("folder", "a folder", f"{where}, a file")
    record = where / "job.json"
    with alone(record) as mine:
        if not mine:
            return not where.exists()
        job = recorded(record, "folder")
        left = []
        for path in sorted(where.iterdir()):
            if path == record:
                continue
            if _is_own(path, job):
                path.unlink(missing_ok=True)
            else:
                left.append(path.name)
        record.unlink()  # last: whoever comes before goes on, or waits and begins anew
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        warnings.warn(
            f"folder: what the job kept is removed; {where} stays, for it also holds "
            f"{', '.join(map(repr, left[:_SHOWN]))}{more}, which the job did not write",
            RuntimeWarning,
            stacklevel=2,
        )
        return False
    try:
        where.rmdir()
    except OSError:  # the job of another process by now
        return False
    return True


def _is_own(path: Path, job: str) -> bool:
    """Return whether a job wrote a file: a part of its own, a lock, or what was left of one."""
    if path.is_symlink() or not path.is_file():
        return False
    if path.name == BATCHES or is_leftover(path.name):
        return True
    if path.suffix == ".lock":
        return not path.stat().st_size
    if path.suffix != ".npz":
        return False
    header = header_of(path)
    return header is not None and header["kind"] == KIND and header["header"].get("job") == job
