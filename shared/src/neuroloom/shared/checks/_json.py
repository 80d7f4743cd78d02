"""JSON: what it cannot hold is told by its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from neuroloom.shared._errors import DataError
from neuroloom.shared.checks._names import MakeError, fail

_LEAVES = (str, int, float, type(None))


def as_json(
    argument: str, given: dict[str, Any], *, nan: bool = True, error: MakeError = DataError
) -> str:
    """Return a dict as JSON, which would make text of names that are none, and so refuses them.

    Parameters
    ----------
    argument : str
        Name of the argument.
    given : dict
        What to write.
    nan : bool
        Write NaN and infinity, which Python reads and the standard does not know.
    error : callable
        What makes the error of a message.

    Raises
    ------
    DataError
        Or what `error` makes: the first value that JSON cannot hold is told by its place.
    """
    try:
        text = json.dumps(given, allow_nan=nan)
    except (TypeError, ValueError, RecursionError) as cause:
        try:
            got, hint = next(_strange(argument, given, nan, ()), (f"{cause}", ""))
        except RecursionError:
            got, hint = "too many levels inside one another", ""
        expected = "a mapping that JSON can hold"
        raise fail(argument, expected, got, hint=hint, error=error) from cause
    for strange in _no_texts(argument, given):
        hint = "; give it as text, which JSON would make of it"
        raise fail(argument, "names as text", strange, hint=hint, error=error)
    return text


def _no_texts(place: str, value: Any) -> Iterator[str]:
    """Yield the names in a value that are no text, with their place."""
    if isinstance(value, dict):
        yield from (f"{key!r} in {place}" for key in value if not isinstance(key, str))
    elif not isinstance(value, (list, tuple)):
        return
    named = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in named:
        if isinstance(part, (dict, list, tuple)):
            yield from _no_texts(f"{place}[{key!r}]", part)


def _strange(
    place: str, value: Any, nan: bool, around: tuple[int, ...]
) -> Iterator[tuple[str, str]]:
    """Yield what JSON cannot hold, with its place, and what to do."""
    kind = type(value).__name__
    if isinstance(value, (dict, list, tuple)):
        if id(value) in around:
            yield f"{place}, a {kind} inside itself", ""
            return
        named = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in named:
            if not isinstance(key, _LEAVES):
                yield f"a name of type {type(key).__name__} in {place}", "; give it as text"
            yield from _strange(f"{place}[{key!r}]", part, nan, (*around, id(value)))
    elif not isinstance(value, _LEAVES):
        numbers = type(value).__module__ == "numpy"
        hint = "; call .tolist() on what is numpy's" if numbers else "; give it as text or numbers"
        yield f"a value of type {kind} at {place}", hint
    elif isinstance(value, float) and not nan and value - value != 0:
        yield f"{value} at {place}", "; give None for what is not known"
