"""What NWB has no place for, kept as a note in the files that we write.

A file of ours holds the text ``scratch/neuroloom``, JSON with an entry per part of the recording.
Each entry has the part as it was and a digest of what any other reader finds in the file. Where
somebody changed the file since, the digest differs and what the file says counts.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

import numpy as np

from neuroloom.shared._convert._nwb._parts import Parts
from neuroloom.shared._convert._nwb._series import Source, digest_of
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail

NAME = "neuroloom"
VERSION = 1
# Fields of a source that say where and how to read, not what another tool may have changed.
_FOUND = ("shape", "rate", "start", "conversion", "offset", "channels", "unit")


def digest(value: Any) -> str:
    """Return a number for what a part holds, equal for equal parts."""
    from neuroloom.shared.io._values import pack  # loads pandas

    if isinstance(value, Source):
        value = {name: getattr(value, name) for name in _FOUND}
    arrays: dict[str, Any] = {}
    tree = pack(value, arrays)
    found = hashlib.blake2b(json.dumps(tree).encode(), digest_size=16)
    for name, values in arrays.items():
        found.update(f"{name} {values.dtype} {values.shape}".encode())
        found.update(np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def as_json(value: Any) -> Any:
    """Return what `save` can keep as JSON alone; numbers come back to the bit."""
    from neuroloom.shared.io._values import pack

    arrays: dict[str, Any] = {}
    tree = pack(value, arrays)
    listed = {}
    for name, values in arrays.items():
        plain = values.view(np.int64) if values.dtype.kind in "mM" else values
        if values.dtype.kind == "c":  # real and imaginary parts in turn
            plain = np.ascontiguousarray(values).reshape(-1).view(values.real.dtype)
        listed[name] = [str(values.dtype), list(values.shape), plain.ravel().tolist()]
    return {"tree": tree, "arrays": listed}


def from_json(given: Any) -> Any:
    """Return what `as_json` was given."""
    from neuroloom.shared.io._values import unpack

    arrays = {}
    for name, (dtype, shape, listed) in given["arrays"].items():
        kind = np.dtype(dtype)
        if kind.hasobject:
            raise fail("scratch/neuroloom", "numbers and text", f"dtype {dtype}")
        values = np.array(listed, np.int64).view(kind) if kind.kind in "mM" else None
        if kind.kind == "c":
            values = np.array(listed, f"f{kind.itemsize // 2}").view(kind)
        arrays[name] = (np.array(listed, kind) if values is None else values).reshape(shape)
    return unpack(given["tree"], arrays)


def read_notes(file: Any, skipped: Skipped) -> dict[str, Any] | None:
    """Return the notes of a file that we wrote, None for any other."""
    item = (file.scratch or {}).get(NAME)
    if item is None:
        return None
    with skipped.guard(f"scratch/{NAME}"):
        data = item.data
        text = data[()] if hasattr(data, "shape") else data
        notes = json.loads(text.decode() if isinstance(text, bytes) else str(text))
        if notes["version"] > VERSION:
            raise fail("version", f"{VERSION} or older", f"{notes['version']}; update neuroloom")
        kept = {"metadata": dict(notes["metadata"]), "entries": list(notes["entries"])}
        return {**kept, "said": notes.get("said")}  # which older files do not have
    return None


def corrected(notes: dict[str, Any], now: dict[str, Any], skipped: Skipped) -> dict[str, Any]:
    """Return the metadata as written, and what the file says otherwise since then."""
    metadata: dict[str, Any] = dict(notes["metadata"])
    said = notes["said"]
    if said is None:
        return metadata
    subject = metadata.get("subject")
    about = dict(subject) if isinstance(subject, dict) else {}
    if _correct(about, said.get("subject", {}), now.get("subject", {}), "subject.", skipped):
        metadata["subject"] = about
    _correct(metadata, said, now, "", skipped)
    if now.get("objects"):  # none of them is of our writing
        before = metadata.get("objects")
        metadata["objects"] = {**(before if isinstance(before, dict) else {}), **now["objects"]}
    return metadata


def _correct(
    known: dict[str, Any], said: dict[str, Any], now: dict[str, Any], of: str, skipped: Skipped
) -> bool:
    """Put what a file says now in the place of what was noted; return whether there was any."""
    own = ("subject", "objects")
    changed = [x for x in {**said, **now} if x not in own and said.get(x) != now.get(x)]
    for name in changed:
        if name in now:
            known[name] = now[name]
        else:
            known.pop(name, None)
        skipped.note(f"scratch/{NAME}: {of}{name}", "not used: the file was changed since")
    return bool(changed)


def restored(parts: Parts, notes: dict[str, Any], skipped: Skipped) -> None:
    """Give parts back the form in which they were written."""
    changed = Parts()
    for entry in notes["entries"]:
        with skipped.guard(f"scratch/{NAME}: {entry.get('name') or entry.get('kind')}"):
            _restore(entry, parts, changed, skipped)
    for kind in ("sources", "epochs", "tables"):
        # What came to the file later stands behind what was written.
        getattr(changed, kind).update(getattr(parts, kind))
        setattr(parts, kind, getattr(changed, kind))
    for name in ("spikes", "trials"):
        if getattr(changed, name) is not None:
            setattr(parts, name, getattr(changed, name))


def _restore(entry: dict[str, Any], parts: Parts, changed: Parts, skipped: Skipped) -> None:
    """Move one part from `parts` to `changed`, in its own form."""
    kind, native, name = entry["kind"], entry["native"], entry["name"]
    single = kind in ("spikes", "trials")
    found = _found(entry, parts)
    part = found
    if (native is None and not single) or digest(found) == entry["digest"]:
        part, key = _exact(entry, found, parts, skipped), name
    elif found is None:
        skipped.note(name or kind, "no more in the file")
        return
    else:
        skipped.note(f"scratch/{NAME}: {name or kind}", "not used: the file was changed since")
        part, key = _named(part, entry.get("columns", {})), native
    if single:
        setattr(changed, kind, part)
    else:
        getattr(changed, kind)[key] = part


def _named(part: Any, columns: dict[str, str]) -> Any:
    """Return a table or spikes with the columns' own names where the file has others for them."""
    if isinstance(part, SpikeTrains):
        own = {columns.get(name, name): name for name in part.properties}
        if len(own) < len(part.properties):  # a column of that name has come since
            return part
        return part.replace(properties={new: part.properties[old] for new, old in own.items()})
    if not isinstance(part, Trials):
        return part
    table = part.table
    # NWB's start_time is read as start, too: which of them is the user's own, the note says.
    twice = [x for x, name in columns.items() if {x, name} <= {*table} and _alike(table, x, name)]
    table = table.drop(columns=twice).rename(columns=columns)
    if not table.columns.is_unique:
        return part
    roles = {
        key: [columns.get(x, x) for x in value if x not in twice]
        for key, value in part.metadata.items()
        if key.endswith("_columns") and isinstance(value, list)
    }
    return part.replace(table=table, metadata={**part.metadata, **roles})


def _alike(table: Any, one: str, other: str) -> bool:
    return bool(table[one].equals(table[other]))


def _found(entry: dict[str, Any], parts: Parts) -> Any:
    """Return what the file says of a part, and take it out of the others."""
    if entry["table"]:  # trials without times stand among the tables
        return parts.tables.pop(entry["table"], None)
    if entry["kind"] in ("spikes", "trials"):
        return getattr(parts, entry["kind"])
    named = getattr(parts, entry["kind"])
    return named.pop(entry["native"], None) if entry["native"] is not None else None


def _exact(entry: dict[str, Any], found: Any, parts: Parts, skipped: Skipped) -> Any:
    """Return a part as it was written."""
    exact = from_json(entry["exact"])
    if entry["kind"] == "sources":
        return _source(found, entry["name"], exact, parts, skipped)
    if entry["kind"] == "spikes":
        for note in ("obs_intervals", "units"):
            skipped.pop(note, None)
        times, units = ([], []) if found is None else (found.times, found.units)
        return SpikeTrains(times, units, **exact)
    return exact


def _source(
    found: Source | None, name: str, exact: dict[str, Any], parts: Parts, skipped: Skipped
) -> Source:
    """Return a signal's place in the file, with what the file does not say of it."""
    seen = exact.pop("observed")
    if seen is not None:
        exact["observed"] = parts.sources.pop(seen).data
    stamps = exact.pop("stamps", None)
    if stamps and found is not None and digest_of(found.times()) != stamps:
        exact["epochs"] = None  # those of other times
        skipped.note(f"scratch/{NAME}: {name}.epochs", "not used: the times were changed since")
    if found is None:
        return Source(name, None, **exact)
    exact.pop("shape")
    return dataclasses.replace(found, name=name, **exact)


def entry(
    kind: str, native: str | None, name: str | None, found: Any, exact: Any, *, table: str = ""
) -> dict[str, Any]:
    """Return the note about one part: what any reader finds, and what it was."""
    return {
        "kind": kind,
        "native": native,
        "name": name,
        "table": table,
        "digest": digest(found),
        "exact": as_json(exact),
    }
