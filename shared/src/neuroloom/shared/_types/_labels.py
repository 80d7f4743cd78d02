"""Names and properties of units, channels and epochs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._errors import DataError
from neuroloom.shared._tables import check_order, numbered
from neuroloom.shared.checks import fail, frozen, indices, unknown
from neuroloom.shared.checks._indices import check_rows
from neuroloom.shared.checks._scalars import holds_mask

Label = str | int
Properties = dict[str, NDArray[Any]]


def labels(argument: str, given: Iterable[Any], n: int, one: str) -> tuple[Label, ...]:
    """Return distinct names, text or whole numbers, one per `one` (or none at all)."""
    if not isinstance(given, Iterable):
        raise fail(argument, "names", repr(given))
    check_order(argument, given)
    names = (given,) if isinstance(given, str) else tuple(given)
    plain = tuple(int(x) if isinstance(x, np.integer) else x for x in names)
    plain = tuple(str(x) if isinstance(x, str) else x for x in plain)
    if not all(isinstance(x, (str, int)) and not isinstance(x, bool) for x in plain):
        raise fail(argument, "names as text or whole numbers", names)
    if plain and len(plain) != n:
        raise fail(argument, f"{n} names, one per {one}", len(plain))
    if len(set(plain)) != len(plain):
        raise fail(argument, "distinct names", names)
    return plain


def properties(
    argument: str,
    given: Mapping[str, Any] | None,
    n: int,
    one: str,
    names: Sequence[Label] = (),
    beside: Any = None,
) -> Properties:
    """Return named columns as read-only arrays with one entry per `one`.

    Their order is that of the `names`, or of the columns of a table that they stand `beside`.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping) and not hasattr(given, "columns"):
        raise fail(argument, "a mapping of name to values", type(given).__name__)
    if hasattr(given, "columns"):
        check_order(argument, given, names, beside)
        given, beside = numbered(argument, given), None
    found: Properties = {}
    for name in given:
        if not isinstance(name, str):
            raise fail(argument, "names as text", repr(name))
        check_order(f"{argument}[{name!r}]", given[name], names, beside)
        values = _column(f"{argument}[{name!r}]", given[name])
        if values.ndim < 1 or len(values) != n:
            got = "one value" if values.ndim < 1 else len(values)
            raise fail(f"{argument}[{name!r}]", f"{n} values, one per {one}", got)
        found[name] = values
    return found


def handed_out(columns: Properties) -> Properties:
    """Return the columns as they may be given away: nobody writes to the stored ones."""
    # The flag of an array of objects is all that keeps it, and can be set.
    return {name: frozen(x) if x.dtype.hasobject else x for name, x in columns.items()}


def taken(columns: Properties, index: NDArray[Any]) -> Properties:
    """Return the entries at `index` of every column."""
    return {name: values[index] for name, values in columns.items()}


def _column(argument: str, given: Any) -> NDArray[Any]:
    if isinstance(given, str):
        raise fail(argument, "a list or array of values", repr(given))
    given = _without_index(given)
    if isinstance(given, np.ndarray) and given.dtype.kind in "biufUMm":
        if holds_mask(given):
            raise fail(argument, "values without a mask", "masked values")
        return frozen(given)
    try:
        items = _without_nan_among_text(given, [_plain(x) for x in given])
    except TypeError as error:
        raise fail(argument, "a list or array of values", type(given).__name__) from error
    kinds = {type(x) for x in items}
    simple = kinds <= {bool} or kinds <= {int, float} or kinds <= {str}
    if simple and items:
        values = np.array(items)
        if values.dtype.kind in "biufU":
            return frozen(values)
    values = np.empty(len(items), dtype=object)
    for i, x in enumerate(items):
        values[i] = x
        if not _is_plain(x):
            raise fail(argument, "numbers, text, None or lists of them", f"{x!r} at [{i}]")
    return frozen(values)


def _without_index(given: Any) -> Any:
    """Return the array that a column of pandas or xarray is, with its type; others as they are."""
    own = isinstance(getattr(given, "dtype", None), np.dtype)
    return given.to_numpy() if own and hasattr(given, "to_numpy") else given


def _without_nan_among_text(given: Any, items: list[Any]) -> list[Any]:
    """Return a column's values, those missing among text as None: pandas may write them as NaN."""
    present = [x for x in items if not _is_missing(x)]
    text = bool(present) and all(isinstance(x, str) for x in present)
    if not text and type(getattr(given, "dtype", None)).__name__ != "StringDtype":
        return items
    return [None if _is_missing(x) else x for x in items]


def _plain(x: Any) -> Any:
    """Return plain Python values: lists as tuples, every kind of missing text as None."""
    if isinstance(x, (np.datetime64, np.timedelta64)):
        return x.astype(f"{x.dtype.kind}8[us]").item()
    if isinstance(x, np.generic) or (isinstance(x, np.ndarray) and not x.ndim):
        x = x.item()
    if isinstance(x, str):
        return str(x)
    if isinstance(x, (list, tuple, np.ndarray)):
        return tuple(_plain(y) for y in x)
    if type(x).__name__ in ("NAType", "NaTType"):  # pandas' missing, without importing pandas
        return None
    return x


def _is_plain(x: Any) -> bool:
    if isinstance(x, tuple):
        return all(map(_is_plain, x))
    return x is None or isinstance(x, (bool, int, float, str))


def positions(
    argument: str,
    wanted: Any,
    names: tuple[Label, ...],
    n: int,
    one: str,
) -> NDArray[np.int64]:
    """Return places of the wanted items: a mask, places from 0, names, or one of them.

    Text is a name. A whole number is a place, also where names are numbers: names that are
    numbers are asked for by ``names=``.
    """
    if wanted is None:
        return np.arange(n)
    if _is_mask(wanted):
        check_order(argument, wanted, names)
        check_rows(argument, wanted, names)
        wanted = np.asarray(wanted)
    texts = [name for name in names if isinstance(name, str)]
    if len(texts) != n:  # names of which some are numbers are asked for by names=
        texts = []
    place = indices(argument, wanted, n, names=texts, unique=True)
    given = np.asarray(wanted) if not isinstance(wanted, slice) else np.empty(0)
    if given.dtype.kind in "if" and (given < 0).any():
        # −1 is the noise cluster of sorters and "no state" of others, not the last one.
        raise fail(argument, f"a {one} from 0 on", int(given[given < 0].ravel()[0]))
    return place.astype(np.int64)


def _is_mask(wanted: Any) -> bool:
    """Return whether an array or column holds truth values."""
    kind = getattr(getattr(wanted, "dtype", None), "kind", "")
    return kind == "b" or (kind == "O" and all(isinstance(x, (bool, np.bool_)) for x in wanted))


def several(argument: str, given: Any, what: str) -> list[Any]:
    """Return one text, or several, as a list."""
    if not isinstance(given, Iterable):
        raise fail(argument, what, repr(given))
    return [given] if isinstance(given, str) else list(given)


def named(argument: str, wanted: Any, names: tuple[Label, ...], one: str) -> NDArray[np.int64]:
    """Return the places of names."""
    where = {(type(name), name): place for place, name in enumerate(names)}
    asked = _asked(wanted)
    for name in asked:
        if type(name) not in (str, int):
            raise fail(argument, "names as text or whole numbers", repr(name))
        if (type(name), name) not in where:
            raise unknown(argument, name, names)
    if len(set(asked)) != len(asked):
        raise fail(argument, f"each {one} once", asked)
    return np.array([where[type(name), name] for name in asked], dtype=np.int64)


def where_property(argument: str, columns: Properties, name: str, wanted: Any) -> NDArray[np.bool_]:
    """Return which entries of a column are the wanted value, among the wanted ones, or accepted."""
    if name not in columns:
        raise unknown("properties", name, sorted(columns))
    values = columns[name]
    if values.ndim > 1:
        raise fail(argument, "a property with one value each", f"{name!r}, shape {values.shape}")
    return fitting(argument, values, wanted)


def fitting(
    argument: str, items: Iterable[Any], wanted: Any, known: Iterable[Any] = ()
) -> NDArray[np.bool_]:
    """Return which items are a wanted value, one of several, or accepted by a function.

    Text must be among the items (or the `known` values beside them), since a slip would select
    nothing without a word; numbers and missing values may be absent. Text among numbers, numbers
    among text and the like are refused. True is 1 where all values are 0, 1, True or False.
    """
    own = [_plain(x) for x in items]
    values = [x for x in [*own, *map(_plain, known)] if not _is_missing(x)]
    column = _Column(argument, values)
    if callable(wanted):
        gap = np.nan if column.kinds <= {float} else None
        given = [gap if _is_missing(x) else x for x in own]
        return np.array([_accepts(argument, wanted, x) for x in given], dtype=bool)
    asked = [wanted] if isinstance(wanted, tuple) and wanted in own else _asked(wanted)
    for x in asked:
        column.check(x)
    keys = [column.key(x) for x in asked]
    return np.array(_among(keys, [column.key(x) for x in own]), dtype=bool)


class _Column:
    """The values that a column holds, and what can be asked of it."""

    def __init__(self, argument: str, values: list[Any]) -> None:
        self.argument, self.values = argument, values
        # Where there are only 0 and 1, nobody can mean anything else by True.
        self.flags = all(isinstance(x, (int, float)) and x in (0, 1) for x in values)
        self.kinds = {self.kind(x) for x in values}
        self.texts = dict.fromkeys(x for x in values if isinstance(x, str))

    def kind(self, x: Any) -> type:
        """Return what two values must share to be compared."""
        if isinstance(x, bool):
            return float if self.flags else bool
        if isinstance(x, (int, float)):
            return float
        return str if isinstance(x, str) else object

    def key(self, x: Any) -> Any:
        """Return what is the same for equal values of one kind, and for all missing ones."""
        return None if _is_missing(x) else (self.kind(x), x)

    def check(self, x: Any) -> None:
        """Refuse what cannot be meant."""
        if not self.values or _is_missing(x):
            return
        if self.kind(x) not in self.kinds | {object}:
            got = f"{x!r} ({type(x).__name__})"
            raise fail(self.argument, f"values such as {self.values[0]!r}", got)
        if isinstance(x, str) and x not in self.texts:
            raise unknown(self.argument, x, self.texts, error=_or_a_function)


def _among(asked: list[Any], own: list[Any]) -> list[bool]:
    try:
        known = set(asked)
        return [x in known for x in own]
    except TypeError:  # dicts in a column
        return [x in asked for x in own]


def _or_a_function(message: str) -> Exception:
    return DataError(f"{message}; for what may be absent pass a function")


def _asked(wanted: Any) -> list[Any]:
    """Return one value, or several in whatever holds them, as plain ones."""
    one = isinstance(wanted, str) or not isinstance(wanted, Iterable)
    one = one or getattr(wanted, "shape", None) == ()
    return [_plain(x) for x in ([wanted] if one else wanted)]


def _accepts(argument: str, function: Any, item: Any) -> bool:
    answer = function(item)
    if isinstance(answer, (bool, np.bool_)):
        return bool(answer)
    raise fail(argument, "a function that returns True or False", f"{answer!r} for {item!r}")


def _is_missing(x: Any) -> bool:
    return x is None or (isinstance(x, float) and x != x)
