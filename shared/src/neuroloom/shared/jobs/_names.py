"""Names and hashes: where a value stands, and digests of words and bytes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from neuroloom.shared.jobs._code import code_digest
from neuroloom.shared.jobs._origin import told

PLAIN = (type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented))
PYTHON_CLASS = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_NOTHING = b""
_LONG = 100  # characters


def hashed(tag: str, parts: Iterable[str], data: Any = _NOTHING) -> str:
    pieces = [tag.encode("utf-8", "surrogatepass")]
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        pieces += (len(raw).to_bytes(8, "little"), raw)
    digest = hashlib.blake2b(b"".join(pieces), digest_size=16)
    if data is not _NOTHING:
        digest.update(data)
    return digest.hexdigest()


@lru_cache(maxsize=20_000)
def hashed_again(tag: str, *parts: str) -> str:
    """Return what `hashed` does, for code: a process reads the same functions time and again."""
    return hashed(tag, parts)


def plain(value: Any) -> str:
    """Return the digest of a value of a type in `PLAIN`."""
    text = value.hex() if type(value) is float else repr(value)
    return (hashed_word if len(text) < _LONG else _hashed_text)(type(value).__name__, text)


def _hashed_text(kind: str, text: str) -> str:
    return hashed(kind, [text])


hashed_word = lru_cache(maxsize=10_000)(_hashed_text)  # names and small numbers come again


def type_name(kind: type) -> str:
    return f"{told(kind.__module__)}.{kind.__qualname__}"


def module_of(function: Any) -> str:
    """Return the module that a function's code stands in; `functools.wraps` may name another."""
    return str(function.__globals__.get("__name__") or "")


def stands_there(kind: type) -> bool:
    """Return whether a class is where it says; one made by ``type(…)`` may name another module."""
    return stands(kind, kind.__module__)


def stands(value: Any, module: str | None) -> bool:
    return value_at(module, value.__qualname__) is value


def value_at(module: str | None, name: str) -> Any:
    found: Any = sys.modules.get(module or "")
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def stands_somewhere(value: Any, name: str) -> bool:
    """Return whether a module has a value under a name, as `pickle` asks of what goes by name."""
    first = (type(value).__module__, getattr(value, "__module__", None))
    if any(value_at(module, name) is value for module in first):
        return True
    # Without getattr, at which modules load others or warn.
    loaded = list(sys.modules.values())
    return any(getattr(module, "__dict__", {}).get(name) is value for module in loaded)


def code_of(function: Any) -> str:
    return code_digest(function.__code__)


def cell_of(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return "an empty cell"
