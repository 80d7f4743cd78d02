"""Files that hold numbers and text only: ``.npz`` arrays with a JSON header.

Nothing in such a file is code, and nothing is run by opening one: arrays of objects are refused
when written and when read. A file says what `kind` of thing it holds and the `version` of that
kind's format.
"""

from __future__ import annotations

import errno
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._errors import DataError
from neuroloom.shared.checks import fail, text, whole
from neuroloom.shared.checks import path as as_path
from neuroloom.shared.checks import plain as as_numpy
from neuroloom.shared.checks._json import as_json
from neuroloom.shared.io._atomic import atomic

_HEADER = "neuroloom.json"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,99}")
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
    *(KeyError, RuntimeError, NotImplementedError, MemoryError),
)


class DamagedFileError(DataError):
    """A file was cut short or changed after it was written."""


DamagedFileError.__module__ = "neuroloom.shared.io"  # where it is imported from


def save_arrays(
    path: str | Path,
    arrays: Mapping[str, ArrayLike],
    *,
    kind: str,
    header: Mapping[str, Any] | None = None,
    version: int = 1,
) -> Path:
    """Write arrays and a JSON header to `path`, whole or not at all.

    Parameters
    ----------
    path : str or Path
        File to write; an existing one is replaced at the end.
    arrays : mapping of str to array_like
        Numbers, booleans, dates or text; no objects and no physical units. Missing numbers
        (masked, pandas' NA) are kept as NaN. Names that are no plain words are kept in
        the header, and their members numbered: nobody can unpack such a file somewhere else.
    kind : str
        What the file holds, ``"SpikeTrains"``.
    header : mapping, optional
        Anything that JSON can hold.
    version : int
        Version of this kind's format.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    DataError
        If an array would need pickle or carries a physical unit, the header does not fit JSON,
        or the folder is missing.
    """
    target = as_path("path", path)
    with atomic(target) as file:
        write_arrays(file, arrays, kind=kind, header=header, version=version)
    return target


def write_arrays(
    file: BinaryIO,
    arrays: Mapping[str, ArrayLike],
    *,
    kind: str,
    header: Mapping[str, Any] | None = None,
    version: int = 1,
) -> None:
    """Write what `save_arrays` does into an open file."""
    kind, version = text("kind", kind), whole("version", version, at_least=0)
    for argument, mapping in (("arrays", arrays), ("header", {} if header is None else header)):
        if not isinstance(mapping, Mapping):
            raise fail(argument, "a mapping", type(mapping).__name__)
    members: dict[str, str] = {}
    plain: dict[str, NDArray[Any]] = {}
    for place, (name, values) in enumerate(arrays.items()):
        if not isinstance(name, str):
            raise fail("arrays", "names that are text", f"{name!r}")
        plain[name] = _plain(f"arrays[{name!r}]", values)
        members[name] = f"{name if _PLAIN_NAME.fullmatch(name) else f'~{place}'}.npy"
    about = dict(header or {})
    as_json("header", about)
    top = {"kind": kind, "version": version, "members": members, "header": about}
    written = json.dumps(top)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open(_HEADER, "w") as member:  # `writestr` would write the time of day
            member.write(written.encode())
        for name, values in plain.items():
            with archive.open(members[name], "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)


def _plain(argument: str, values: Any) -> NDArray[Any]:
    """Return an array as the file holds it."""
    found = as_numpy(argument, values)
    # Objects without a type of their own are none, even if all of them are numbers.
    untyped = np.asarray(values) if isinstance(values, (list, tuple, np.ndarray)) else found
    if found.dtype.hasobject or untyped.dtype.hasobject:
        raise fail(argument, "numbers, booleans or text", "Python objects")
    return found


def load_arrays(
    path: str | Path, *, kind: str | tuple[str, ...], version: int = 1
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the header of a file that `save_arrays` wrote.

    Parameters
    ----------
    path : str or Path
        File to read.
    kind : str or tuple of str
        What the file must hold, or may.
    version : int
        Newest version of the format that the caller understands.

    Returns
    -------
    arrays : dict of str to ndarray
    header : dict

    Raises
    ------
    DataError
        If the file is missing, damaged, foreign, of another kind, newer than `version`, or
        holds a pickled object. No code of the file is run.
    """
    source = as_path("path", path)
    version = whole("version", version, at_least=0)
    kinds = (kind,) if isinstance(kind, str) else kind
    if not isinstance(kinds, tuple) or not all(isinstance(one, str) for one in kinds):
        raise fail("kind", "text, or a tuple of texts", type(kind).__name__)
    wanted = f"a neuroloom file of kind {' or '.join(kinds)}"
    if not source.is_file():
        raise fail("path", "an existing file", f"{source}")
    try:
        with zipfile.ZipFile(source) as archive:
            if _HEADER not in archive.namelist():
                raise fail("path", wanted, f"{source.name}, a foreign archive")
            top = _read_header(archive.read(_HEADER), source)
            if top["kind"] not in kinds:
                raise fail("path", wanted, f"kind {top['kind']!r} in {source.name}")
            if top["version"] > version:
                raise fail(
                    "path",
                    f"format {version} or older of kind {top['kind']!r}",
                    f"format {top['version']} in {source.name}; update neuroloom to read it",
                )
            arrays = {}
            for name, member in top["members"].items():
                with archive.open(member) as data:
                    arrays[name] = _read_array(data, member, source)
    except (*_DAMAGE, DataError) as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            got = f"{source}: {error.strerror}"  # which says nothing of what is in it
            raise fail("path", "a file that can be read", got) from error
        if isinstance(error, DataError) and _is_whole(source):
            raise
        message = f"path: expected {wanted}, got {source.name}, foreign or damaged: {error}"
        raise DamagedFileError(message) from error
    return arrays, top["header"]


def _is_whole(source: Path) -> bool:
    """Return whether the checksums of an archive hold and its two lists of names agree."""
    try:
        with zipfile.ZipFile(source) as archive:
            return archive.testzip() is None
    except _DAMAGE:
        return False


def header_of(path: Path) -> dict[str, Any] | None:
    """Return what a file says of itself (kind, version, header), None for damaged or foreign ones.

    The arrays are not read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read_header(archive.read(_HEADER), path)
    except (*_DAMAGE, DataError):
        return None


def _read_header(raw: bytes, source: Path) -> dict[str, Any]:
    shape = {"kind": str, "version": int, "members": dict, "header": dict}
    try:
        top = json.loads(raw)
        if all(isinstance(top[key], kind) for key, kind in shape.items()):
            return dict(top)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise fail("path", "a readable header", f"{source.name} with {error!r}") from error
    raise fail("path", "a readable header", f"{source.name} with a damaged one")


def _read_array(data: IO[bytes], member: str, source: Path) -> NDArray[Any]:
    try:
        values = np.lib.format.read_array(data, allow_pickle=False)
        if data.read(1):  # reading to the end has the checksum compared, too
            raise ValueError("more bytes than its shape says")
    except _DAMAGE:
        raise
    except Exception as error:  # numpy parses the header as Python text, with whatever that raises
        raise fail(
            "path", "plain arrays only", f"{source.name} with {member}: {error}; nothing was run"
        ) from error
    return values
