"""What a value's repr says: one screen, whatever its size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDE = 96
_MANY = 6


def span(start: float, stop: float) -> str:
    """Return a stretch of time in words."""
    return f"({start:.9g} to {stop:.9g} s)"


def many(n: int, one: str) -> str:
    """Return a number of things in words."""
    return f"{n:,} {one}{'' if n == 1 else 's'}"


def lines(kind: str, head: str, *more: str, properties: Mapping[str, NDArray[Any]]) -> str:
    """Return a first line and a few indented ones."""
    below = [x for x in more if x]
    if properties:
        below.append(listed("properties", [_property(n, v) for n, v in properties.items()]))
    return "\n  ".join([f"{kind}: {head}", *map(_cut, below)])


def listed(what: str, items: Any) -> str:
    """Return the first few of many items, and how many more there are."""
    shown = [str(x) for x in list(items)[:_MANY]]
    more = len(items) - len(shown)
    return f"{what}: {', '.join(shown)}{f', … {more} more' if more else ''}"


def _property(name: str, values: NDArray[Any]) -> str:
    if values.ndim > 1:
        return f"{name} {values.shape[1:]}"
    items = values.tolist()
    kinds = list(dict.fromkeys(x for x in items if x is not None and x == x))
    if values.dtype.kind in "OU" and len(kinds) <= 3:
        tally = ", ".join(f"{kind} {items.count(kind)}" for kind in kinds)
        return f"{name} ({tally})"
    return name


def _cut(line: str) -> str:
    return line if len(line) <= _WIDE else f"{line[: _WIDE - 1]}…"


def spread(values: NDArray[Any], zeros: int = 0) -> str:
    """Return median and range of numbers, none below 0, and of so many zeros beside them."""
    known = np.sort(values[np.isfinite(values)])
    n = zeros + len(known)
    if not n:
        return "unknown"
    places = [(n - 1) // 2 - zeros, n // 2 - zeros]
    median = np.mean([known[place] if place >= 0 else 0.0 for place in places])
    least, most = (0.0 if zeros else known[0]), (known[-1] if len(known) else 0.0)
    return f"median {median:.4g}, {least:.4g} to {most:.4g}"
