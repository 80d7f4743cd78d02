"""Tables of pandas as they come: an index that says something becomes columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from neuroloom.shared.checks import fail

if TYPE_CHECKING:
    import pandas as pd


def framed(argument: str, table: Any) -> pd.DataFrame:
    """Return a table as a new DataFrame with rows numbered from 0.

    An index with a name becomes a column, several levels several; one without a name must number
    rows. Columns in a mapping must have one index, if they have any.

    Raises
    ------
    DataError
        If these are no columns of one length, an index without a name holds more than row
        numbers, or a column has its name and other values.
    """
    import pandas as pd

    if isinstance(table, Mapping):
        indexes = [x.index for x in table.values() if isinstance(x, pd.Series)]
        if any(not x.equals(indexes[0]) for x in indexes):
            hint = "; pandas would bring them together by it: reset_index(drop=True) each"
            raise fail(argument, "columns with one index", "several", hint=hint)
    try:
        frame = pd.DataFrame(table)
    except (ValueError, TypeError) as error:
        raise fail(argument, "columns of equal length", error) from error
    return numbered(argument, frame)


def not_taken(argument: str, own: Iterable[str], names: Iterable[object], do: str) -> None:
    """Refuse names of a user's that a table's own columns have: one would hide the other."""
    columns = list(own)
    taken = [name for name in names if name in columns]
    if taken:
        raise fail(argument, f"other names than the table's own columns {columns}", taken, hint=do)


RENAME = "; rename them: data.replace(properties=…)"


def check_order(argument: str, values: Any) -> None:
    """Refuse what pandas holds whose row numbers say that it is in another order.

    Rows are taken one after the other: what was sorted would go to other trials.
    """
    pd: Any = sys.modules.get("pandas")  # nobody has its objects who did not import it
    if pd is None:
        return
    known = isinstance(values, (pd.Series, pd.DataFrame))
    index = values.index if known else pd.RangeIndex(0)
    if not pd.api.types.is_integer_dtype(index.dtype) or index.is_monotonic_increasing:
        return
    if index.is_unique and index.min() == 0 and index.max() == len(index) - 1:
        hint = "; sort_index() it, or reset_index(drop=True) if this is the order"
        raise fail(argument, "values in the order of the rows", "another order", hint=hint)


def numbered(argument: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a table whose index, if it has a name, has become columns."""
    import pandas as pd

    index = frame.index
    if all(name is None for name in index.names):
        whole = not isinstance(index, pd.MultiIndex) and pd.api.types.is_integer_dtype(index.dtype)
        if len(index) and not whole:
            hint = "; give it a name to keep it as a column, or reset_index(drop=True)"
            got = f"one of {index.inferred_type} without a name"
            raise fail(argument, "an index with a name, or of row numbers", got, hint=hint)
        return frame.reset_index(drop=True).copy()
    if any(name is None for name in index.names):
        raise fail(argument, "a name for every level of the index", list(index.names))
    twice = [name for name in index.names if name in frame.columns]
    for name in twice:
        if frame[name].tolist() != index.get_level_values(name).tolist():
            hint = "; rename one of them"
            raise fail(argument, "one meaning of a name", f"{name!r} twice", hint=hint)
    kept = frame.drop(columns=twice)
    return kept.reset_index()
