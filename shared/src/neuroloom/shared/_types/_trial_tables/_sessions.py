"""Which columns tell sessions and subjects apart, and where one session follows another."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import check_order, labels_of
from neuroloom.shared.checks import fail, plain, unknown

if TYPE_CHECKING:
    import pandas as pd


def grouping(
    argument: str, name: str | ArrayLike | None, frame: pd.DataFrame, table: Any
) -> str | None:
    """Return the column that tells sessions or subjects apart, the contract's by default.

    Labels, one a trial, become that column; their rows are those of the `table` as it came.
    """
    if name is not None and not isinstance(name, str):
        check_order(argument, name, labels_of(frame, name), table)
        given = plain(argument, name)
        if given.shape != (len(frame),):
            expected = f"the name of a column, or a label for each of {len(frame)} trials"
            raise fail(argument, expected, f"shape {given.shape}")
        if argument in frame.columns:
            raise fail(argument, f"no labels where the table has a column {argument!r}", "both")
        frame[argument] = given
        name = argument
    if name is None:
        if argument not in frame.columns:
            return None
        name = argument
    if name not in frame.columns:
        raise unknown(argument, name, frame.columns)
    if frame[name].isna().any():
        row = int(frame[name].isna().to_numpy().argmax())
        raise fail(argument, "a value in every row", f"none in row {row}")
    if not all(isinstance(x, Hashable) for x in frame[name]):
        raise fail(argument, "labels", "lists")
    return name


def session_numbers(table: pd.DataFrame, keys: list[str]) -> NDArray[np.int64]:
    """Return the number of each row's session, from 0 by first appearance."""
    if not keys:
        return np.zeros(len(table), dtype=np.int64)
    groups = table.groupby(keys, sort=False, dropna=False, observed=True)
    return np.asarray(groups.ngroup().to_numpy(dtype=np.int64))


def session_changes(numbers: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each row is of another session than the one before."""
    return np.asarray(np.diff(numbers, prepend=-1) != 0)


def in_one_piece(
    table: pd.DataFrame, keys: list[str], numbers: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return whether each row is the first of its session; refuse sessions that are interrupted."""
    changes = session_changes(numbers)
    if changes.sum() > len(np.unique(numbers)):
        later = np.flatnonzero(changes)
        seen = np.unique(numbers[later], return_inverse=True)[1]
        again = later[np.flatnonzero(np.diff(seen, prepend=-1) < 0)[0]]
        label = [table[name].tolist()[again] for name in keys]
        hint = "; sort the trials by session first, or give those that came later a label"
        got = f"{label} again in row {again}"
        raise fail("session", "sessions in one piece each", got, hint=hint)
    return changes
