"""Opening NWB files with pynwb, and the names of what is in them."""

from __future__ import annotations

import contextlib
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._errors import require
from neuroloom.shared.checks import fail
from neuroloom.shared.checks import path as as_path

EXTRA = "neuroloom-shared[nwb]"
_DEFINITIONS = ".specloc"


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
    source = as_path("path", path)
    if not source.is_file():
        raise fail("path", "an existing file", f"{source}")
    with contextlib.ExitStack() as stack:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # pynwb warns of each departure from its schema
                file = _read(pynwb.NWBHDF5IO, source, stack, skipped)
        except Exception as error:  # whatever h5py, hdmf and pynwb raise on foreign files
            text = " ".join(str(error).split())
            raise fail("path", "an NWB file", f"{source.name}: {text}") from error
        yield file


def _read(pynwbs: Any, source: Path, stack: contextlib.ExitStack, skipped: Skipped) -> Any:
    """Return the file as the definitions in it say, or as pynwb's own do if those are damaged."""
    gone: dict[str, str] = {}
    reader = _reader(pynwbs, gone)
    try:
        io = stack.enter_context(reader(str(source), "r", load_namespaces=True))
    except Exception as error:  # whatever h5py and hdmf raise on foreign definitions
        h5 = stack.enter_context(_without_definitions(source))
        io = stack.enter_context(reader(file=h5, mode="r", load_namespaces=False))
        text = " ".join(str(error).split())
        reason = f"damaged: {text}; types are read as pynwb itself defines them"
        file = _constructed(io, gone, skipped)
        skipped.note(_DEFINITIONS, reason)
        return file
    return _constructed(io, gone, skipped)


def _without_definitions(source: Path) -> Any:
    """Return an HDF5 file that hides where its definitions of NWB stand."""
    h5py = require("h5py", extra=EXTRA)

    class File(h5py.File):  # type: ignore[misc,name-defined]
        @property
        def attrs(self) -> Any:
            return {name: x for name, x in super().attrs.items() if name != _DEFINITIONS}

    return File(source, "r")


def _reader(pynwbs: Any, gone: dict[str, str]) -> Any:
    """Return pynwb's reader as one that opens files with attributes that refer to nothing.

    `gone` gets the objects that have such an attribute. hdmf has no other place to step in than
    this method of its own; should it go, such files are refused as hdmf does.
    """

    class Reader(pynwbs):  # type: ignore[misc]
        def _HDF5IO__read_attrs(self, item: Any) -> Any:
            try:
                return super()._HDF5IO__read_attrs(item)
            except Exception:  # whatever h5py raises
                there = dict(_without_gone(item, gone))
                if item.name not in gone:
                    raise
                mended = types.SimpleNamespace(attrs=there, file=item.file)
                return super()._HDF5IO__read_attrs(mended)

    return Reader


def _without_gone(item: Any, gone: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield an HDF5 object's attributes, and note those that refer to something gone."""
    for name, value in item.attrs.items():
        if type(value).__name__ == "Reference":
            try:
                item.file[value]
            except Exception:
                gone[item.name] = name
                continue
        yield name, value


def _constructed(io: Any, gone: dict[str, str], skipped: Skipped) -> Any:
    """Return the file, without the parts whose construction fails."""
    build = require("hdmf.build", extra=EXTRA)
    root = io.read_builder()
    for place, attribute in gone.items():
        reason = f"damaged: its attribute {attribute!r} refers to something that is gone"
        _leave_out(root, place, reason, skipped)
        # Without its index a ragged column would pass for one value a row.
        _leave_out(root, place.removesuffix("_index"), "damaged: its index", skipped)
        _leave_out(root, f"{place}_index", "damaged: its column", skipped)
    while True:
        try:
            return io.read()
        except build.ConstructError as error:
            broken = error.args[0]
            reason = str(error.__cause__ or error.args[-1]).split("\n")[0]
            if not _removed(broken):
                raise
            skipped.note(broken.path.removeprefix(f"{root.name}/"), f"damaged: {reason}")


def _leave_out(root: Any, place: str, reason: str, skipped: Skipped) -> None:
    """Take what stands at a place out of the tree of builders, and note it."""
    found = root
    for name in place.strip("/").split("/"):
        found = getattr(found, "groups", {}).get(name) or getattr(found, "datasets", {}).get(name)
    if found is None or not _removed(found):
        return
    skipped.note(place.strip("/"), reason)
    columns = found.parent.attributes.get("colnames")
    if columns is not None:
        found.parent.attributes["colnames"] = [x for x in columns if x != found.name]


def _removed(builder: Any) -> bool:
    """Take a part out of the tree of builders, and return whether it was there."""
    parent, name = builder.parent, str(builder.name)
    for parts in (getattr(parent, "groups", {}), getattr(parent, "datasets", {})):
        if parts.get(name) is builder:
            del parts[name]
            getattr(parent, "obj_type", {}).pop(name, None)  # else "in" says that it is there
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
