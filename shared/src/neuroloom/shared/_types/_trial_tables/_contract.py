"""The contract of a table of trials: what its columns mean, and what is refused.

One rule for who writes such tables (converters, tasks) and who reads them (models, curves): a
column of one of these names holds what is said here, or `checked` refuses it. Other columns are
free.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared.checks import did_you_mean, fail

if TYPE_CHECKING:
    import pandas as pd

MEANING: Mapping[str, str] = {
    "choice": "0 or 1 (0…n−1, or labels) of what was chosen; missing: no answer",
    "action": "what was done, as the environment numbers it",
    "stimulus": "strength of the stimulus, signed where there are two sides: positive favours 1",
    "correct": "whether the choice was right; missing where that is not known",
    "reward": "reward of the trial, in the task's unit",
    "reaction_time": "seconds from when the subject could first answer; missing: no answer",
    "session": "which session the trial belongs to",
    "subject": "which subject did it",
    "start": "first moment of the trial, s",
    "stop": "first moment after the trial, s",
}
"""The columns of the contract, and what each holds."""

IBL = {1: 0, -1: 1, 0: None}
"""The choices of the International Brain Laboratory (1 left, −1 right, 0 none) as ours."""

_MOST_CHOICES = 1000  # numbers from here on are ids or times; models make a column of each choice
_LONGEST = 60.0  # s; half of the reaction times above it are milliseconds


def checked(table: pd.DataFrame, session: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the columns of the contract in plain dtypes.

    Parameters
    ----------
    table : DataFrame
        Columns of the contract only.
    session : ndarray of bool, shape (n_trials,)
        Whether a trial is the first of its session, from which on times start anew.

    Raises
    ------
    DataError
        If a column does not hold what the contract says.
    """
    found = table.copy()
    for name in table.columns:
        if name in _CHECKS:
            found[name] = _CHECKS[name](name, table[name])
    if {"start", "stop"} <= set(found):
        short = np.flatnonzero((found["stop"] < found["start"]).to_numpy())
        if short.size:
            raise fail("stop", "times from start on", f"{_row(found, short[0])}")
    if "start" in found:
        start = found["start"].to_numpy()
        known = np.flatnonzero(~np.isnan(start))  # a missing start parts no trials
        same = np.diff(np.cumsum(session)[known]) == 0
        wrong = np.flatnonzero((np.diff(start[known]) < 0) & same)
        if wrong.size:
            above, row = known[wrong[0]], known[wrong[0] + 1]
            got = f"{_row(found, row)} before the trial in row {above}"
            raise fail("start", "trials in order within a session", got)
    _tell(found)
    return found


def recoded(
    name: str, column: pd.Series, codes: Mapping[Any, Any] | str, argument: str = "codes"
) -> pd.Series:
    """Return a column with other codes: every value must have one, missing stays missing.

    Errors speak of the codes as the `argument`.
    """
    known = _known_codes(codes, argument)
    values = _objects(column)
    try:
        without = [x for x in dict.fromkeys(values) if x not in known]
    except TypeError as error:
        raise fail(name, "values that can be looked up", error) from error
    if without:
        others = [x for x in known if x is not None]
        hint = _as_other_type(without[0], others) or did_you_mean(without[0], others)
        got = f"none for {without[:8]}"
        raise fail(argument, f"a code for every value of {name!r}", got, hint=hint)
    new = [known[x] for x in values]
    return from_objects([None if _missing(x) else x for x in new], column.index)


def _known_codes(codes: object, argument: str) -> dict[Any, Any]:
    """Return the code of each value, None standing for what is missing."""
    codes = IBL if isinstance(codes, str) and codes == "ibl" else codes
    if not isinstance(codes, Mapping):
        got = repr(codes) if isinstance(codes, str) else type(codes).__name__
        raise fail(argument, 'a mapping of old to new, or "ibl"', got)
    # A code for what is missing is one, whatever stands for it: None, NaN or pandas' NA.
    if sum(map(_missing, codes)) > 1:
        raise fail(argument, "one code for what is missing", [x for x in codes if _missing(x)])
    known = {None if _missing(old) else old: new for old, new in codes.items()}
    return {None: None, **known}


def _as_other_type(value: Any, keys: list[Any]) -> str:
    """Return what to write where the values are text and the keys are numbers, or vice versa."""
    text = isinstance(value, str)
    others = [x for x in keys if isinstance(x, str) != text and _in_words(x) is not None]
    same = [x for x in others if _in_words(x) == _in_words(value)]
    if _in_words(value) is None or not (same or (others and len(others) == len(keys))):
        return ""
    instead = f" instead of {same[0]!r}" if same else ""
    return f"; the values are {'text' if text else 'numbers'}: write {value!r}{instead}"


def _in_words(value: Any) -> str | None:
    """Return a number or text as text."""
    if isinstance(value, (int, float, np.number)):
        return f"{value:.15g}"
    return value if isinstance(value, str) else None


def _labels(name: str, column: pd.Series, values: list[Any]) -> pd.Series:
    """Return choices that are text as categories, in their own order or the alphabet's."""
    import pandas as pd

    known = [x for x in values if x is not None]
    mixed = [x for x in known if not isinstance(x, str)]
    if mixed:
        raise fail(name, "labels or numbers, not both", f"{mixed[0]!r} among text")
    labels = sorted(set(known))
    if isinstance(column.dtype, pd.CategoricalDtype):
        labels = list(column.dtype.categories)
    return pd.Series(pd.Categorical(values, categories=labels), index=column.index)


def _choice(name: str, column: pd.Series) -> Any:
    """Return choices as numbers with NaN, or as categories."""
    values = _objects(column)
    known = [x for x in values if x is not None]
    if any(isinstance(x, str) for x in known):
        return _labels(name, column, values)
    if all(isinstance(x, bool) for x in known):
        return from_objects([None if x is None else float(x) for x in values], column.index)
    numbers = _numbers(name, column, "choices 0 to n − 1, missing where there was no answer")
    there = numbers[np.isfinite(numbers)]
    tally = {f"{x:g}": int((there == x).sum()) for x in np.unique(there)[:8]}
    bad = there[(there != np.trunc(there)) | (there < 0) | (there >= _MOST_CHOICES)]
    one_based = there.size and there.min() > 0 and len(np.unique(there)) > 1
    if bad.size or one_based:
        what = "choices numbered from 0, missing (NaN) where there was no answer"
        if there.max() >= _MOST_CHOICES:
            what = f"choices numbered from 0 to n − 1, n at most {_MOST_CHOICES:,}"
        call = "say what each means: trials.recode('choice', {…: 0, …: 1, …: None})"
        raise fail(name, what, f"{tally} (value: trials); {call}, or codes 'ibl'")
    return numbers


def _stimulus(name: str, column: pd.Series) -> NDArray[np.float64]:
    return _numbers(name, column, "signed numbers, positive for what favours choice 1")


def _correct(name: str, column: pd.Series) -> NDArray[np.float64]:
    numbers = _numbers(name, column, "whether the choice was right: True, False, 1, 0 or missing")
    wrong = numbers[np.isfinite(numbers) & (numbers != 0) & (numbers != 1)]
    if wrong.size:
        raise fail(name, "True, False, 1, 0 or missing", f"{wrong[0]:g}")
    return numbers


def _reward(name: str, column: pd.Series) -> NDArray[np.float64]:
    return _numbers(name, column, "numbers")


def _reaction_time(name: str, column: pd.Series) -> NDArray[np.float64]:
    numbers = _numbers(name, column, "seconds from when the subject could first answer")
    early = np.flatnonzero(numbers < 0)
    if early.size:
        got = f"{numbers[early[0]]:g} in row {early[0]}"
        raise fail(name, "seconds, 0 or more, missing where there was no answer", got)
    return numbers


def _time(name: str, column: pd.Series) -> NDArray[np.float64]:
    return _numbers(name, column, "seconds")


def _label(name: str, column: pd.Series) -> pd.Series:
    if column.isna().any():
        row = int(column.isna().to_numpy().argmax())
        raise fail(name, "a value in every row", f"none in row {row}")
    return column


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "choice": _choice,
    "stimulus": _stimulus,
    "correct": _correct,
    "reward": _reward,
    "reaction_time": _reaction_time,
    "start": _time,
    "stop": _time,
    "session": _label,
    "subject": _label,
}


def _tell(found: pd.DataFrame) -> None:
    """Warn of what is no contradiction in itself and yet most likely a mistake."""
    if "reaction_time" in found:
        middle = found["reaction_time"].median()
        if middle > _LONGEST:
            warnings.warn(
                f"reaction_time: half are above {middle:g} s; expected seconds, are these "
                "milliseconds?",
                stacklevel=4,
            )
    if {"choice", "stimulus", "correct"} <= set(found) and found["choice"].dtype == np.float64:
        choice, stimulus = found["choice"].to_numpy(), found["stimulus"].to_numpy()
        tells = np.isin(choice, (0.0, 1.0)) & np.isfinite(stimulus) & (stimulus != 0)
        tells &= found["correct"].to_numpy() == 1
        against = (np.sign(stimulus[tells]) != 2 * choice[tells] - 1).mean() if tells.any() else 0
        two_sided = tells.any() and len(np.unique(np.sign(stimulus[tells]))) == 2
        if two_sided and against > 0.5:
            warnings.warn(
                f"stimulus: expected positive where 1 is right, got the opposite sign in "
                f"{against:.0%} of the correct trials",
                stacklevel=4,
            )


def _numbers(name: str, column: Any, expected: str) -> NDArray[np.float64]:
    """Return a column as floats, missing as NaN; text and objects are refused."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_complex_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        items = _objects(column)
        other = [x for x in items if x is not None and not isinstance(x, (bool, int, float))]
        if other:
            raise fail(name, expected, f"{other[0]!r}")
        values = np.array([np.nan if x is None else float(x) for x in items], dtype=np.float64)
    if np.isinf(values).any():
        raise fail(name, f"finite {expected}", f"inf in row {int(np.isinf(values).argmax())}")
    return np.asarray(values)


def _objects(column: Any) -> list[Any]:
    """Return a column's values as plain Python ones, None where missing."""
    missing = column.isna().to_numpy()
    return [None if gone else x for x, gone in zip(column.tolist(), missing, strict=True)]


def _missing(x: Any) -> bool:
    return (
        x is None or (isinstance(x, float) and x != x) or type(x).__name__ in ("NAType", "NaTType")
    )


def fit_floats(values: Iterable[Any]) -> bool:
    """Return whether float64 holds all whole numbers among the values as they are."""
    whole = [int(x) for x in values if isinstance(x, (int, np.integer))]
    return all(abs(x) < 2**1023 and int(float(x)) == x for x in whole)


def from_objects(values: list[Any], index: Any) -> pd.Series:
    """Return plain values as a column: numbers with NaN where they fit, or objects with None."""
    import pandas as pd

    plain = all(x is None or isinstance(x, (bool, int, float)) for x in values)
    if plain and fit_floats(x for x in values if x is not None):
        numbers = [np.nan if x is None else float(x) for x in values]
        return pd.Series(numbers, index=index, dtype=np.float64)
    return pd.Series(values, index=index, dtype=object)


def _row(table: pd.DataFrame, row: int) -> str:
    shown = ", ".join(f"{k} {table[k].iloc[row]:g}" for k in ("start", "stop") if k in table)
    return f"{shown} in row {row}"
