"""Tables of pandas as they come: an index that says something becomes columns."""

from __future__ import annotations

import copy
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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
        raise _no_table(argument, table) from error
    return numbered(argument, frame)


def _no_table(argument: str, table: Any) -> Exception:
    """Return the error for what pandas makes no table of."""
    if not isinstance(table, Mapping):
        what = "columns: a DataFrame, or a mapping of name to values"
        got = f"{type(table).__name__} that is no table"
        return fail(argument, what, got, hint="; give each column a name: {'choice': [0, 1]}")
    shapes = {name: _shape(values) for name, values in table.items()}
    wide = {name: shape for name, shape in shapes.items() if len(shape) > 1}
    if wide:
        hint = "; give each of its columns a name, or a list per row: list(values)"
        return fail(argument, "columns with one value per row", f"shapes {wide}", hint=hint)
    if not any(shapes.values()):
        hint = "; put single values into lists: {'choice': [1]}"
        return fail(argument, "columns, a value per row", f"one value as {list(shapes)}", hint=hint)
    lengths = {name: shape[0] for name, shape in shapes.items() if shape}
    if len(set(lengths.values())) > 1:
        return fail(argument, "columns of one length", f"values in each: {lengths}")
    kinds = {name: type(values).__name__ for name, values in table.items()}
    return fail(argument, "columns of one length", f"columns of types {kinds}")


def _shape(values: Any) -> tuple[int, ...]:
    """Return the shape of a column; a list per row is one value."""
    found = getattr(values, "shape", None)
    if isinstance(found, tuple):
        return found
    single = isinstance(values, (str, bytes)) or not hasattr(values, "__len__")
    return () if single else (len(values),)


def copied(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a copy of a table whose cells are copies, too, where they could be changed."""
    import pandas as pd

    found = frame.copy()
    for place, dtype in enumerate(found.dtypes):
        # What pandas calls mixed holds other things than text, numbers or dates alone.
        column = found.iloc[:, place]
        untyped = isinstance(dtype, np.dtype) and dtype.hasobject
        if untyped and pd.api.types.infer_dtype(column) in _MIXED:
            cells = np.empty(len(column), dtype=object)
            for row, cell in enumerate(column):
                cells[row] = copy.deepcopy(cell)
            found.isetitem(place, pd.Series(cells, index=found.index, dtype=object))
    return found


_MIXED = ("mixed", "mixed-integer", "mixed-integer-float", "unknown-array")


def not_taken(argument: str, own: Iterable[str], names: Iterable[object], do: str) -> None:
    """Refuse names of a user's that a table's own columns have: one would hide the other."""
    columns = list(own)
    taken = [name for name in names if name in columns]
    if taken:
        raise fail(argument, f"other names than the table's own columns {columns}", taken, hint=do)


RENAME = "; rename them: data.replace(properties=…)"


def check_order(
    argument: str, values: Any, names: Sequence[Hashable] = (), beside: Any = None
) -> None:
    """Refuse values whose index says that they are in another order than what they belong to.

    Values are taken one after the other: what was sorted would go to other trials or units. They
    are in order where their index is that of the table that they stand `beside`, numbers rows, or
    holds the `names`; labels of which nothing is known say no order.
    """
    index = _index_of(values)
    if index is None:
        return
    if isinstance(beside, Mapping):  # of columns with one index
        beside = next((x for x in beside.values() if _index_of(x) is not None), None)
    if _same_rows(argument, index, "the table", _index_of(beside)) or _counts_up(index):
        return
    held, known = _comparable(index.tolist()), _comparable(names)
    if held == known:
        return
    if index.dtype.kind in "iu":  # numbers may be alike by chance, names may not
        _check_unmoved(argument, index)
        alike = Counter(held) == Counter(known)
    else:
        alike = not set(known).isdisjoint(held)
    if alike:
        expected = f"values in the order of the names {known[:6]}{'…' * (len(known) > 6)}"
        got = f"{held[:6]}{'…' * (len(held) > 6)} in the index"
        hint = "; reindex() them, or pass .to_numpy() if this is the order"
        raise fail(argument, expected, got, hint=hint)


def check_together(**arguments: Any) -> None:
    """Refuse arguments that belong together row by row and whose indexes are in other orders.

    A column that was sorted alone holds the rows of the other under the same labels, in another
    order. Where one of them has other labels, or none, rows belong together by their places, and
    no index may say that its rows were moved.
    """
    rows = {k: x for k, x in arguments.items() if x is not None and not np.isscalar(x)}
    indexes = {name: _index_of(values) for name, values in rows.items()}
    held = {name: index for name, index in indexes.items() if index is not None}
    first = next(iter(held), "")
    one = [_same_rows(name, index, first, held[first]) for name, index in held.items()]
    if not (all(one) and len(one) == len(rows)):
        for name, index in held.items():
            _check_unmoved(name, index)


def _same_rows(argument: str, index: pd.Index, name: str, other: pd.Index | None) -> bool:
    """Return whether two indexes are one; refuse those that hold one in another order."""
    if other is None or len(index) != len(other):
        return False
    if index.equals(other):
        return True
    if Counter(_comparable(index.tolist())) == Counter(_comparable(other.tolist())):
        hint = "; sort the table and not its columns, or reset_index(drop=True) each"
        raise fail(argument, f"rows in the order of {name}", "another order", hint=hint)
    return False


def _check_unmoved(argument: str, index: pd.Index) -> None:
    """Refuse an index of row numbers that do not rise.

    Numbers with gaps are rows of a larger table in its order. Those of an index with a name may be
    labels, ids of clusters, unless they are the numbers of these rows.
    """
    if index.dtype.kind not in "iu" or index.is_monotonic_increasing or not index.is_unique:
        return
    held = index.tolist()
    if index.name is None or sorted(held) == list(range(len(held))):
        got = f"another order, {held[:6]}{'…' * (len(held) > 6)} in the index"
        hint = "; sort_index() it, or reset_index(drop=True) if this is the order"
        raise fail(argument, "values in the order of the rows", got, hint=hint)


def columns_of(values: Any) -> tuple[str, ...]:
    """Return the names that a table's columns have, none where they are no distinct texts."""
    pd: Any = sys.modules.get("pandas")
    names = values.columns.tolist() if pd and isinstance(values, pd.DataFrame) else []
    dims: Any = getattr(values, "dims", ())
    indexes: Any = getattr(values, "indexes", {})
    if len(dims) == 2 and hasattr(indexes, "get") and dims[1] in indexes:  # of xarray
        names = indexes[dims[1]].tolist()
    distinct = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    return tuple(map(str, names)) if distinct else ()


def check_columns(argument: str, values: Any, names: Sequence[str]) -> None:
    """Refuse a table whose columns are the `names` in another order."""
    held = columns_of(values)
    if held != tuple(names) and set(held) == set(names):
        hint = f"; reorder them: table[{list(names)}], or pass .to_numpy() if this is the order"
        raise fail(argument, f"columns in the order {list(names)}", list(held), hint=hint)


def _comparable(labels: Iterable[Any]) -> list[Any]:
    """Return labels with one for all missing ones; what cannot be a label is one of its own."""
    found = [None if isinstance(x, float) and x != x else x for x in labels]
    return [x if isinstance(x, Hashable) else object() for x in found]


def labels_of(table: pd.DataFrame, values: Any) -> list[Hashable]:
    """Return the labels of a table's rows in the columns that name the index of `values`."""
    index = _index_of(values)
    names = [] if index is None else list(index.names)
    if not names or not all(name in table.columns for name in names):
        return []
    columns = [table[name].tolist() for name in names]
    return list(zip(*columns, strict=True)) if len(names) > 1 else columns[0]


def _index_of(values: Any) -> pd.Index | None:
    """Return the index of what pandas or xarray hold, None for anything else."""
    pd: Any = sys.modules.get("pandas")  # nobody has its objects who did not import it
    if pd is None:
        return None
    if isinstance(values, (pd.Series, pd.DataFrame)):
        return values.index
    dims: Any = getattr(values, "dims", ())
    indexes: Any = getattr(values, "indexes", {})
    found = indexes.get(dims[0]) if len(dims) == 1 and hasattr(indexes, "get") else None
    return found if isinstance(found, pd.Index) else None


def _counts_up(index: pd.Index) -> bool:
    """Return whether an index numbers the rows from 0 on."""
    if index.dtype.kind not in "iu":
        return not len(index)
    return bool((index.to_numpy() == np.arange(len(index))).all())


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
        return copied(frame.reset_index(drop=True))
    if any(name is None for name in index.names):
        raise fail(argument, "a name for every level of the index", list(index.names))
    twice = [name for name in index.names if name in frame.columns]
    for name in twice:
        if frame[name].tolist() != index.get_level_values(name).tolist():
            hint = "; rename one of them"
            raise fail(argument, "one meaning of a name", f"{name!r} twice", hint=hint)
    kept = frame.drop(columns=twice)
    return copied(kept.reset_index())
