"""What the values of a column of choices mean: told, or evident, never guessed.

Evident are 0 and 1 (with NaN for no choice), booleans, and two labels: left and right, or two that
name no side, of which the result says which is which. Others differ between laboratories: −1 is the
rightward choice in the IBL's files and the leftward one elsewhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import GLMHMMWarning, InputError, fail
from neuroloom.shared.convert import from_alf

if TYPE_CHECKING:
    import pandas as pd

_ROLES = ("left", "right", "none")
_LEFT, _RIGHT = ("left", "l"), ("right", "r")


@dataclass(frozen=True)
class Choices:
    """Choices as numbers, and what was read as which.

    Parameters
    ----------
    y : ndarray, shape (n_trials,)
        1 for the rightward (or second) choice, 0 for the other, NaN for none.
    codes : dict
        The values read as ``"left"`` (0), ``"right"`` (1) and ``"none"`` (NaN).
    note : str
        What was read as which without being told, if it is not evident from the values.
    """

    y: NDArray[np.float64]
    codes: dict[str, list[Any]]
    note: str = ""


def read_choices(
    column: pd.Series, *, codes: Any = None, violation: Any = None, implied: Any = None
) -> Choices:
    """Return the choices of a column.

    Parameters
    ----------
    column : Series
        Values as they are in the table.
    codes : "ibl" or mapping, optional
        What stands for ``"left"``, ``"right"`` and ``"none"``: a value, or several.
    violation : optional
        A value that stands for no choice, beside 0 and 1.
    implied : "ibl", optional
        Codes that the table's other columns imply.

    Raises
    ------
    InputError
        If the codes are not evident and were not told, or do not cover the values.
    """
    name = str(column.name)
    values, violation = _plain(column), _number(violation)
    if codes is not None and violation is not None:
        raise fail("violation", 'codes={"none": …} alone where codes are given', repr(violation))
    if codes is None:
        told = _untold(name, values, violation, implied)
        found = _apply(name, values, _roles(told))
        _check_some(name, found)
        return replace(found, note=_note(told, implied))
    if isinstance(codes, str) and codes == "ibl" and _contradicts_ibl(values):
        raise _ask(name, values, None, told='codes="ibl", in which −1 is right and 0 is no choice')
    found = _apply(name, values, _roles(codes))
    _check_told(name, found)
    return found


def _untold(name: str, values: list[Any], violation: Any, implied: Any) -> Any:
    """Return the codes of choices whose codes were not told."""
    if violation is not None:
        if violation in (0, 1):
            expected = "a value beside 0 and 1, which are the choices; of others pass codes="
            raise fail("violation", expected, repr(violation))
        if not set(_found(values)) <= {0, 1, violation}:
            raise _ask(name, values, implied)
        return {"left": 0, "right": 1, "none": violation}
    if implied is not None:
        if not _fits_ibl(values):
            raise _ask(name, values, implied)
        return implied
    return _evident(name, values)


def _contradicts_ibl(values: list[Any]) -> bool:
    """Return whether values are choices 0 and 1 rather than the IBL's −1, 0 and 1."""
    return {0, 1} <= set(_found(values)) and not _fits_ibl(values)


def _check_told(name: str, found: Choices) -> None:
    """Raise if the codes that were told leave no choice, warn if they leave those of one side."""
    _check_some(name, found)
    for role, number in (("left", 0), ("right", 1)):
        if not (found.y == number).any():
            warnings.warn(
                f"{name}: no trial has a choice {found.codes[role]}, read as {role}: are "
                f"codes={found.codes} those of the table?",
                GLMHMMWarning,
                stacklevel=4,
            )


def _check_some(name: str, found: Choices) -> None:
    if not np.isfinite(found.y).any():
        raise fail(name, "at least one choice by the codes", f"none with codes={found.codes}")


def _note(codes: Any, implied: Any) -> str:
    """Return what values were taken for without being told; nothing of 0, 1, left and right."""
    if codes is implied:
        return 'codes="ibl" (−1 right, 1 left, 0 none), by the contrasts'
    left, right = codes["left"], codes["right"]
    if not by_alphabet({"left": [left], "right": [right]}):
        return ""
    return f"{left!r} is 0 and {right!r} 1, by the alphabet; codes= turns them round"


def by_alphabet(codes: Mapping[str, list[Any]]) -> bool:
    """Return whether codes that were not told are those of two labels that name no side."""
    left, right = codes["left"][0], codes["right"][0]
    return isinstance(left, str) and (_side(left), _side(right)) != ("left", "right")


def _side(label: Any) -> str:
    """Return the side that a label names, or the label in small letters."""
    low = str(label).lower()
    return "left" if low in _LEFT else "right" if low in _RIGHT else low


def _plain(column: pd.Series) -> list[Any]:
    """Return the values as Python objects, None where missing, numbers where text holds them."""
    missing = column.isna().tolist()
    pairs = zip(column.tolist(), missing, strict=True)
    return [None if gone else _number(value) for value, gone in pairs]


def _found(values: list[Any]) -> list[Any]:
    present = {v for v in values if v is not None}
    real = {v: isinstance(v, (int, float)) for v in present}
    return sorted(present, key=lambda v: (not real[v], v if real[v] else str(v)))


def _fits_ibl(values: list[Any]) -> bool:
    found = set(_found(values))
    return found <= {-1, 0, 1} and -1 in found


def _ibl() -> dict[str, list[Any]]:
    """Return the codes of the IBL's files, as the core's `from_alf` reads them."""
    values = [-1, 0, 1]
    read = from_alf({"choice": values}).table["choice"].tolist()
    meaning = {0.0: "left", 1.0: "right"}
    out: dict[str, list[Any]] = {role: [] for role in _ROLES}
    for value, contract in zip(values, read, strict=True):
        out[meaning.get(contract, "none")].append(value)
    return out


def _evident(name: str, values: list[Any]) -> dict[str, Any]:
    found = _found(values)
    if not found:
        raise fail(name, "at least one choice", "none")
    if set(found) <= {0, 1}:
        return {"left": 0, "right": 1}
    if len(found) == 2 and all(isinstance(v, str) for v in found):
        sides = [_side(v) for v in found]
        if sides == ["right", "left"]:
            return {"left": found[1], "right": found[0]}
        # Of a side and something else, the latter may as well be no choice.
        if sides == ["left", "right"] or len({"left", "right", *sides}) == 4:
            return {"left": found[0], "right": found[1]}
    raise _ask(name, values, None)


def _ask(name: str, values: list[Any], implied: Any, told: str = "") -> InputError:
    """Return the error that shows the values and the calls that would be right."""
    found = _found(values)
    shown = ", ".join(f"{v!r} ({sum(w == v for w in values)} trials)" for v in found[:8])
    calls = _calls(found, told=bool(told))
    why = " (beside contrastLeft and contrastRight)" if implied is not None else ""
    if told:
        return InputError(f"{name}: expected {told}, got {shown}; pass {'; or '.join(calls[::-1])}")
    return InputError(
        f"{name}: expected choices 0 and 1 with NaN for none, booleans or two labels (left "
        f"and right, or neither of them), or to be told what the values mean, got "
        f"{shown}{why}; pass {'; or '.join(calls)}"
    )


def _calls(found: list[Any], *, told: bool) -> list[str]:
    """Return what may be passed for the values found; `told` says that codes were."""
    calls = []
    if set(found) <= {-1, 0, 1}:
        calls.append('codes="ibl" if −1 is right, 1 left and 0 no choice (files of the IBL)')
        if -1 in found and 0 in found and 1 in found:
            calls.append('codes={"left": -1, "right": 1, "none": 0}')
            calls.append('codes={"left": 0, "right": 1, "none": -1} if −1 is no choice')
        elif -1 in found and 1 in found:
            calls.append('codes={"left": -1, "right": 1}')
        elif -1 in found:
            calls.append('codes={"left": 0, "right": 1, "none": -1} if −1 is no choice')
        else:
            calls.append('codes={"left": 0, "right": 1}')
            if told:  # and it may be so all the same
                calls[0] = 'codes={"left": 1, "right": -1, "none": 0} if no choice was a right one'
    elif len(found) == 2 and not any(isinstance(v, str) for v in found):
        one = f'codes={{"left": {found[0]!r}, "right": {found[1]!r}}}'
        calls.append(f"{one} or the other way round")
    else:
        calls.append(_spellings(found))
    return calls


def _spellings(found: list[Any]) -> str:
    """Return the call for labels of two sides in several spellings, or what one looks like."""
    sides: dict[str, list[Any]] = {"left": [], "right": []}
    for value in found:
        sides.setdefault(_side(value), []).append(value)
    left, right, *others = sides.values()
    if not left and not right and len(others) == 2:
        (left, right), others = others, []
    if not left or not right:
        return 'codes={"left": …, "right": …, "none": …}'
    none = [value for values in others for value in values]
    told = {"left": left, "right": right} | ({"none": none} if none else {})
    shown = {role: values if len(values) > 1 else values[0] for role, values in told.items()}
    return f"codes={shown}"


def _roles(codes: Any) -> dict[str, list[Any]]:
    if isinstance(codes, str):
        if codes != "ibl":
            raise fail("codes", '"ibl" or a dictionary of left, right and none', repr(codes))
        codes = _ibl()
    if not isinstance(codes, Mapping):
        raise fail("codes", '"ibl" or a dictionary of left, right and none', repr(codes))
    foreign = [key for key in codes if key not in _ROLES]
    if foreign or not {"left", "right"} <= set(codes):
        expected = '{"left": value, "right": value, "none": value}, the last if there is one'
        raise fail("codes", expected, dict(codes))
    out = {}
    for role in _ROLES:
        value = codes.get(role, [])
        several = isinstance(value, Iterable) and not isinstance(value, (str, bytes))
        out[role] = [_number(v) for v in (value if several else [value])]
    told = [v for role in _ROLES for v in out[role] if v is not None]
    if len(told) > len(set(told)):
        raise fail("codes", "each value once", dict(codes))
    return out


def _number(value: Any) -> Any:
    """Return a number as int where it is whole, also of text that holds one, missing as None."""
    import pandas as pd

    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, bytes):  # text as HDF5 files hold it
        value = value.decode(errors="replace")
    if isinstance(value, str):
        text = value.strip()
        try:
            number = float(text)
        except ValueError:
            return text
        if not np.isfinite(number):
            return text
        value = number
    if isinstance(value, (bool, np.bool_, int, np.integer, float, np.floating)):
        return int(value) if float(value).is_integer() else float(value)
    return value


def _apply(name: str, values: list[Any], roles: dict[str, list[Any]]) -> Choices:
    number = dict.fromkeys(roles["none"], np.nan)
    number |= dict.fromkeys(roles["left"], 0.0) | dict.fromkeys(roles["right"], 1.0)
    number[None] = np.nan
    foreign = [v for v in _found(values) if v not in number]
    if foreign:
        count = sum(v == foreign[0] for v in values)
        raise fail(
            name, f"values among {roles}", f"{foreign[0]!r} on {count} trials ({foreign[:6]})"
        )
    y = np.array([number[v] for v in values])
    return Choices(y, {role: list(roles[role]) for role in _ROLES if roles[role]})
