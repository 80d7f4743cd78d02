"""Files that hold numbers and text only: ``.npz`` arrays with a JSON header.

Nothing in such a file is code, and nothing is run by opening one: arrays of objects are refused
when written and when read. A file says what `kind` of thing it holds and the `version` of that
kind's format.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._validate import fail

_HEADER = "neuroloom.json"


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
        Numbers, booleans or text; no objects.
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
        If an array would need pickle, or the header does not fit JSON.
    """
    plain = {}
    for name, values in arrays.items():
        values = np.asarray(values)
        if values.dtype.hasobject:
            raise fail(f"arrays[{name!r}]", "numbers, booleans or text", "Python objects")
        plain[name] = values
    try:
        text = json.dumps(
            {"kind": kind, "version": version, "header": dict(header or {})}, allow_nan=True
        )
    except (TypeError, ValueError) as error:
        raise fail("header", "a mapping that JSON can hold", error) from error
    target = Path(path)
    with _atomic(target) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_HEADER, text)
        for name, values in plain.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, values, allow_pickle=False)
    return target


def load_arrays(
    path: str | Path, *, kind: str, version: int = 1
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the header of a file that `save_arrays` wrote.

    Parameters
    ----------
    path : str or Path
        File to read.
    kind : str
        What the file must hold.
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
    source = Path(path)
    if not source.is_file():
        raise fail("path", "an existing file", f"{source}")
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
            if _HEADER not in names:
                raise fail("path", f"a neuroloom file of kind {kind!r}", f"{source.name}, foreign")
            top = _read_header(archive.read(_HEADER), source)
            if top["kind"] != kind:
                raise fail("path", f"a file of kind {kind!r}", f"kind {top['kind']!r}")
            if top["version"] > version:
                raise fail(
                    "path",
                    f"format {version} or older of kind {kind!r}",
                    f"format {top['version']}; update neuroloom to read it",
                )
            arrays = {}
            for name in names:
                if name != _HEADER:
                    data = io.BytesIO(archive.read(name))
                    arrays[name.removesuffix(".npy")] = _read_array(data, name, source)
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise fail(
            "path", f"a neuroloom file of kind {kind!r}", f"{source.name}: {error}"
        ) from error
    return arrays, top["header"]


def _read_header(raw: bytes, source: Path) -> dict[str, Any]:
    try:
        top = json.loads(raw)
        if isinstance(top["kind"], str) and isinstance(top["version"], int):
            return {"header": {}, **top}
    except (ValueError, KeyError, TypeError):
        pass
    raise fail("path", "a readable header", f"{source.name} with a damaged one")


def _read_array(data: BinaryIO, name: str, source: Path) -> NDArray[Any]:
    try:
        return np.lib.format.read_array(data, allow_pickle=False)
    except ValueError as error:
        raise fail(
            "path", "plain arrays only", f"{source.name} with {name}: {error}; nothing was run"
        ) from error


@contextmanager
def _atomic(target: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `target` once all is written."""
    if not target.parent.is_dir():
        raise fail("path", "a file in an existing folder", f"{target}")
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
