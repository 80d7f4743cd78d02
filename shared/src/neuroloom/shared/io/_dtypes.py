"""Types of numpy's arrays in words: what the header of an ``.npy`` file does not say, too.

The header leaves out metadata, alignment and whether rows are records, and takes a type of another
library (``bfloat16``) for bytes without a meaning.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def described(dtype: np.dtype[Any]) -> dict[str, Any]:
    """Return all that tells a type from others, in text, numbers and what its metadata hold."""
    found: dict[str, Any]
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        found = {"base": described(base), "shape": shape}
    elif dtype.names is not None:
        assert dtype.fields is not None
        fields = [dtype.fields[name] for name in dtype.names]
        found = {
            "names": list(dtype.names),
            "formats": [described(field[0]) for field in fields],
            "offsets": [field[1] for field in fields],
            "titles": [field[2] if len(field) > 2 else None for field in fields],
            "itemsize": dtype.itemsize,
            "aligned": dtype.isalignedstruct,
            "records": issubclass(dtype.type, np.record),
        }
    else:
        found = {"str": dtype.str}
        if foreign(dtype):
            found["type"] = f"{dtype.type.__module__}.{dtype.type.__qualname__}"
    return found | ({"metadata": dict(dtype.metadata)} if dtype.metadata else {})


def built(words: dict[str, Any]) -> np.dtype[Any]:
    """Return the type that `described` was given."""
    found: np.dtype[Any]
    if "base" in words:
        found = np.dtype((built(words["base"]), tuple(words["shape"])))
    elif "names" in words:
        fields: Any = {name: words[name] for name in ("names", "offsets", "titles", "itemsize")}
        fields["formats"] = [built(each) for each in words["formats"]]
        found = np.dtype(fields, align=words["aligned"])
        found = np.dtype((np.record, found)) if words["records"] else found
    else:
        found = np.dtype(words["str"])
    if "metadata" in words:
        return np.dtype(found, align=words.get("aligned", False), metadata=words["metadata"])
    return found


def foreign(dtype: np.dtype[Any]) -> bool:
    """Return whether a type, or that of a field, is one that only another library makes."""
    if dtype.subdtype is not None:
        return foreign(dtype.subdtype[0])
    if dtype.names is not None:
        assert dtype.fields is not None
        return any(foreign(dtype.fields[name][0]) for name in dtype.names)
    return not dtype.hasobject and np.dtype(dtype.str) != dtype


def usual(dtype: np.dtype[Any]) -> bool:
    """Return whether the header of a file says all of a type: one of numpy's without fields."""
    return dtype.names is None and not dtype.metadata and not foreign(dtype)
