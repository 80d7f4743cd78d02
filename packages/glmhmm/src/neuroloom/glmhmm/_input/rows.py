"""Whether tables that belong together have their rows in one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from neuroloom.glmhmm._errors import fail


def index_of(*values: Any) -> Any:
    """Return the index of the first pandas object among values and what they hold, or None."""
    return next((table.index for value in values for table in _tables(value)), None)


def check_rows(name: str, value: Any, index: Any) -> None:
    """Raise if a table's rows have the labels of `index` in another order.

    Rows are taken one after the other: what was sorted would go to other trials. Tables whose
    labels are others say nothing.
    """
    if index is None:
        return
    for table in _tables(value):
        held = table.index
        if held.equals(index) or len(held) != len(index):
            continue
        if Counter(held.tolist()) == Counter(index.tolist()):
            raise fail(
                name,
                "rows in the order of X",
                "the same index in another order; "
                f"pass {name}.loc[X.index], or both without an index",
            )


def _tables(value: Any) -> Iterator[Any]:
    if type(value).__module__.split(".")[0] == "pandas":
        if hasattr(value, "index"):
            yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tables(part)
    elif isinstance(value, (list, tuple)) and value and hasattr(value[0], "index"):
        for part in value:
            yield from _tables(part)
