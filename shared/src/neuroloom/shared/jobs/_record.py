"""The record ``job.json``: which job a folder belongs to, and what differs from another job."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

from neuroloom.shared._errors import DataError
from neuroloom.shared.checks import fail
from neuroloom.shared.io._arrays import header_of
from neuroloom.shared.io._atomic import atomic

FORMAT = 3
_ELSEWHERE = "; use another folder, or move it away"
# Fields of a record that hold a digest or version by name.
_NAMED = ("bound", "code", "globals", "versions")


def made(folder: Path, argument: str) -> None:
    """Make a folder unless it is there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        kind = "a link that leads nowhere" if folder.is_symlink() else "a file"
        raise fail(argument, "a folder", f"{folder}, {kind}") from error
    except OSError as error:
        raise fail(argument, "a folder that can be made", f"{folder}: {error.strerror}") from error


def read_record(record: Path, argument: str) -> tuple[bytes, dict[str, Any]]:
    """Return what a record says, as it is written and as it is meant.

    Raises
    ------
    FileNotFoundError
        If there is none.
    DataError
        If it cannot be read, or is no record of a job.
    """
    if record.is_symlink() and not record.exists():
        got = f"{record}, a link that leads nowhere"
        raise fail(argument, "a folder with a job's record", got, hint=_ELSEWHERE)
    try:
        there = record.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        got = f"{record}: {error.strerror}"
        raise fail(argument, "a job's record that can be read", got, hint=_ELSEWHERE) from error
    try:
        known = json.loads(there)
    except (ValueError, RecursionError) as error:
        raise _no_record(argument, record, "text that is no JSON") from error
    if wrong := _wrong(known):
        raise _no_record(argument, record, wrong)
    return there, known


def _no_record(argument: str, record: Path, holds: str) -> Exception:
    what = "a folder of a job, whose job.json is its record, or one without such a file"
    return fail(argument, what, f"{record}, which holds {holds}", hint=_ELSEWHERE)


def _wrong(known: Any) -> str:
    """Return in what way a value is no record of a job, "" if it may be one."""
    if not isinstance(known, dict):
        return f"no mapping but {_short(known)}"
    number = known.get("format", 1)  # the first one had none
    if type(number) is not int:
        return f"the format {_short(number)}"
    if "format" not in known and "function" not in known:
        return f"other things: {_short(sorted(known))}" if known else "nothing: {}"
    needed = ("code", "globals", "versions")
    for name in (x for x in _NAMED if number == FORMAT and (x in needed or x in known)):
        held = known.get(name)
        if not isinstance(held, dict) or not all(isinstance(x, str) for x in held.values()):
            return f"no texts by name in {name!r} but {_short(held)}"
    return ""


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def compare(record: Path, text: bytes, argument: str) -> None:
    """Raise an error that tells what differs, if a folder is another job's."""
    there, known = read_record(record, argument)
    if there == text or text_of(known) == text:
        return
    job = json.loads(text)
    if known.get("format") != FORMAT:
        raise fail(
            argument,
            f"a new folder or one of this version (format {FORMAT})",
            f"{record.parent} of format {known.get('format', 1)}, whose code is not known",
        )
    changed, details = [], []
    for name in sorted({*job, *known}):
        ours, theirs = job.get(name), known.get(name)
        if json.dumps(ours) == json.dumps(theirs):
            continue
        changed.append(name)
        if name in _NAMED and isinstance(ours, dict) and isinstance(theirs, dict):
            keys = sorted(k for k in {*ours, *theirs} if ours.get(k) != theirs.get(k))
            details += [_change(name, key, theirs.get(key), ours.get(key)) for key in keys]
    more = f" ({'; '.join(details)})" if details else ""
    raise fail(
        argument, "a folder of the same job", f"{record.parent}, which differs in {changed}{more}"
    )


def _change(name: str, key: str, before: str | None, now: str | None) -> str:
    if name == "versions":
        return f"{key} {before or 'not used'} then, {now or 'not used'} now"
    if name in ("bound", "globals"):
        what = "has another value" if before and now else ("is new" if now else "is gone")
        return f"{key} {what}"
    what = "changed" if before and now else ("is new" if now else "is gone")
    return f"{key} {what}"


def publish(record: Path, content: bytes, *, durable: bool = True) -> None:
    """Write a file unless another process is quicker; the first one stays.

    One that does not wait for the disk may hold no bytes after a power cut: see `is_lost`.
    """
    draft = draft_of(record, content, durable=durable)
    try:
        os.link(draft, record)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        os.replace(draft, record)
    draft.unlink(missing_ok=True)


def draft_of(record: Path, content: bytes, *, durable: bool = True) -> Path:
    """Return a new file beside a record with its content."""
    draft = record.with_name(f".{record.name}-{uuid.uuid4().hex}.part")
    try:
        with atomic(draft, durable=durable) as file:
            file.write(content)
    except DataError as error:  # the folder went away
        raise FileNotFoundError(str(error)) from error
    return draft


def is_lost(record: Path, digest: str) -> bool:
    """Return whether a record never reached the disk, and no part beside it is another job's.

    After a power cut it has no bytes then, or zeros.
    """
    try:
        if record.read_bytes().strip(b"\0"):
            return False
    except OSError:  # told by who reads it next
        return False
    headers = (header_of(path) for path in record.parent.glob("*.npz"))
    return all(header is None or header["header"].get("job") == digest for header in headers)


def text_of(job: dict[str, Any]) -> bytes:
    """Return a record as it is written."""
    return json.dumps(job, indent=1, sort_keys=True).encode()


def recorded(record: Path, argument: str) -> str:
    """Return the digest of the job that a folder's record tells of."""
    return digest_of(text_of(read_record(record, argument)[1]))


def digest_of(text: bytes) -> str:
    """Return the digest of a record."""
    return hashlib.blake2b(text, digest_size=16).hexdigest()
