"""Names: one of several, with the nearest where it is none of them."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import TypeVar

from neuroloom.shared._errors import DataError

MakeError = Callable[[str], Exception]
T = TypeVar("T")

# difflib's own 0.6 misses slips in short names ("lfp" for "lpf").
_ALIKE = 0.5
_MOST_SHOWN = 30


def fail(
    argument: str, expected: str, got: object, *, hint: str = "", error: MakeError = DataError
) -> Exception:
    """Return the error that names an argument, what was expected and what came.

    Parameters
    ----------
    argument : str
        Name of the argument, as the caller writes it.
    expected : str
        What it has to be, in words.
    got : object
        What came; text is written as it stands, so pass ``repr(value)`` where quotes help. Of an
        object that cannot be written, the type is named.
    hint : str
        What to do, appended as it is: begin it with ``"; "``.
    error : callable
        Class of the error, or a function that makes one of a message.

    Examples
    --------
    >>> str(fail("rate", "a number", "'fast'"))
    "rate: expected a number, got 'fast'"
    """
    return error(f"{argument}: expected {expected}, got {written(got, str)}{hint}")


def written(value: object, how: Callable[[object], str] = repr) -> str:
    """Return how a value is written, or its type if it cannot be."""
    try:
        return how(value)
    except Exception:  # a class of the caller's may raise whatever it likes
        return f"a value of type {type(value).__name__}"


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """Return ``"; did you mean 'left'?"`` if a known name is near, otherwise ``""``.

    Parameters
    ----------
    name : object
        What came.
    known : iterable
        The names that there are; those that are no text are compared by what they print.

    Notes
    -----
    In this order: the same but for upper and lower case, the only one that begins so, the most
    alike (`difflib`, ratio of at least 0.5).
    """
    folded = {str(one).casefold(): one for one in reversed(list(known))}
    got = written(name, str).casefold()
    begun = [one for one in folded if got and one.startswith(got)]
    if got in folded:
        near = [got]
    elif len(begun) == 1:
        near = begun
    else:
        near = difflib.get_close_matches(got, list(folded), n=1, cutoff=_ALIKE)
    return f"; did you mean {folded[near[0]]!r}?" if near else ""


def unknown(
    argument: str, got: object, known: Iterable[object], *, error: MakeError = DataError
) -> Exception:
    """Return the error for a name that does not exist, with those that do and the nearest.

    Parameters
    ----------
    argument : str
        Name of the argument.
    got : object
        What came.
    known : iterable
        The names that there are, shown in this order (up to 30 of them).
    error : callable
        Class of the error, or a function that makes one of a message.
    """
    names = list(known)
    shown = ", ".join(map(repr, names))
    if len(names) > _MOST_SHOWN:
        shown = f"{len(names)} names"
    expected = f"one of {shown}" if names else "none: there are no names to choose from"
    return fail(argument, expected, written(got), hint=did_you_mean(got, names), error=error)


def choice(
    argument: str,
    value: object,
    choices: Iterable[T],
    *,
    error: MakeError = DataError,
    type_error: MakeError | None = None,
) -> T:
    """Return the one of `choices` that `value` is.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        What came. Numbers of numpy are those of Python; True is not 1.
    choices : iterable
        What it can be: texts, numbers or None.
    error, type_error : callable
        What makes the error for a value that is none of them, and for one of a type that none
        of them has (`error` if not given).

    Raises
    ------
    DataError
        Or what `error` and `type_error` make: the message lists the choices and the nearest.

    Examples
    --------
    >>> choice("detrend", None, (None, "constant", "linear"))
    >>> choice("order", 2, (1, 2))
    2
    """
    allowed = list(choices)
    for one in allowed:
        if _kind(one) == _kind(value) and bool(one == value):
            return one
    foreign = _kind(value) not in {_kind(one) for one in allowed}
    raise unknown(argument, value, allowed, error=type_error if foreign and type_error else error)


def keys(
    argument: str,
    given: Iterable[object],
    allowed: Iterable[str],
    *,
    required: Iterable[str] = (),
    error: MakeError = DataError,
) -> None:
    """Check that all names `given` are `allowed`, and that none of the `required` is missing.

    Parameters
    ----------
    argument : str
        Name of the argument that holds them.
    given : iterable
        The keys of a mapping, say.
    allowed : iterable of str
        Names that there are.
    required : iterable of str
        Those of them that must be given.
    error : callable
        Class of the error, or a function that makes one of a message.

    Raises
    ------
    DataError
        Or what `error` makes, for the first key that is unknown (with the nearest) or missing,
        and if `given` are no names at all.
    """
    try:
        present = None if isinstance(given, str) else list(given)
    except TypeError:
        present = None
    if present is None:
        raise fail(argument, "a mapping, or names", type(given).__name__, error=error)
    names = list(allowed)
    for name in present:
        if not isinstance(name, str) or name not in names:
            listed = f"keys among {', '.join(names)}" if names else "no keys"
            hint = did_you_mean(name, names)
            raise fail(argument, listed, written(name), hint=hint, error=error)
    missing = [name for name in required if name not in present]
    if missing:
        got = f"only {', '.join(map(str, present))}" if present else "none"
        raise fail(argument, f"the key {missing[0]!r}", got, error=error)


def _kind(value: object) -> object:
    """Return what two values must share to be compared: text, number, or their type."""
    if isinstance(value, str):
        return str
    shape = getattr(value, "shape", None)
    if shape == () and getattr(value, "dtype", None) is not None:
        return {"b": bool, "i": float, "u": float, "f": float, "U": str}.get(
            value.dtype.kind,  # type: ignore[attr-defined]
            type(value),
        )
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float
    return type(value)
