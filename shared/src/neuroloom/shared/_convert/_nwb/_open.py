"""Opening NWB files with pynwb, and the names of what is in them."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._errors import require
from neuroloom.shared.checks import fail

EXTRA = "neuroloom-shared[nwb]"


@contextlib.contextmanager
def opened(path: str | Path, skipped: Skipped) -> Iterator[Any]:
    """Open a file to read; parts that pynwb cannot construct are noted and left out.

    Raises
    ------
    DataError
        If the file is missing, or no NWB.
    MissingDependencyError
        If pynwb is not installed.
    """
    pynwb = require("pynwb", extra=EXTRA)
    source = Path(path)
    if not source.is_file():
        raise fail("path", "an existing file", f"{source}")
    with contextlib.ExitStack() as stack:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pynwb warns of each departure from its schema
                io = stack.enter_context(pynwb.NWBHDF5IO(str(source), "r", load_namespaces=True))
                file = _constructed(io, skipped)
        except Exception as error:  # whatever h5py, hdmf and pynwb raise on foreign files
            text = " ".join(str(error).split())
            raise fail("path", "an NWB file", f"{source.name}: {text}") from error
        yield file


def _constructed(io: Any, skipped: Skipped) -> Any:
    """Return the file, without the parts whose construction fails."""
    build = require("hdmf.build", extra=EXTRA)
    root = io.read_builder()
    while True:
        try:
            return io.read()
        except build.ConstructError as error:
            broken = error.args[0]
            reason = str(error.__cause__ or error.args[-1]).split("\n")[0]
            if not _removed(broken):
                raise
            skipped.note(broken.path.removeprefix(f"{root.name}/"), f"damaged: {reason}")


def _removed(builder: Any) -> bool:
    """Take a part out of the tree of builders, and return whether it was there."""
    parent, name = builder.parent, str(builder.name)
    for parts in (getattr(parent, "groups", {}), getattr(parent, "datasets", {})):
        if parts.get(name) is builder:
            del parts[name]
            return True
    return False


def path_of(item: Any, file: Any) -> str:
    """Return where an object stands in the file, ``behavior/Position/head``."""
    if item is None or item is file:
        return ""
    above = path_of(item.parent, file)
    return f"{above}/{item.name}" if above else str(item.name)


def names_of(items: list[Any], file: Any) -> dict[str, Any]:
    """Return objects by name; those whose name comes twice by their whole path."""
    own = [str(item.name) for item in items]
    named: dict[str, Any] = {}
    for name, item in zip(own, items, strict=True):
        key = name
        if own.count(name) > 1:
            place = path_of(item, file)
            section = "" if "/" in place else f"{_section(item, file)}/"
            key = f"{section}{place}"
        named[key] = item
    return named


def _section(item: Any, file: Any) -> str:
    for section in ("acquisition", "stimulus", "stimulus_template", "analysis", "scratch"):
        parts = getattr(file, section, None)
        if parts is not None and any(part is item for part in parts.values()):
            return section
    return "file"
