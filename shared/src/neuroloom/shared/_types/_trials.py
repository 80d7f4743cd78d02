"""Tables of trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from neuroloom.shared._types._base import Data
from neuroloom.shared._validate import fail

if TYPE_CHECKING:  # pandas takes half a second, and not everybody has trials
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Trials(Data):
    """One row per trial, in the order in which they were run.

    Parameters
    ----------
    table : pandas.DataFrame or mapping of column name to values
        The trials. A copy is kept, its rows numbered from 0.
    session : str, optional
        Column that tells sessions apart; without it all trials are one session.

    Raises
    ------
    DataError
        If the table cannot be read as one, has a repeated column name, or lacks the session
        column or some of its values.

    Examples
    --------
    >>> trials = Trials({"choice": [1, 0, 1], "day": [1, 1, 2]}, session="day")
    >>> [len(session) for session in trials.sessions()]
    [2, 1]
    >>> trials.require("choice", "stimulus")
    Traceback (most recent call last):
    ...
    neuroloom.shared._errors.DataError: table: expected the columns ['stimulus'] too, got ['choice', 'day']
    """  # noqa: E501 — the error is shown as printed

    table: pd.DataFrame
    session: str | None

    def __init__(self, table: pd.DataFrame | Mapping[str, Any], session: str | None = None) -> None:
        import pandas as pd

        try:
            frame = pd.DataFrame(table).reset_index(drop=True).copy()
        except (ValueError, TypeError) as error:
            raise fail("table", "columns of equal length", error) from error
        if not all(isinstance(name, str) for name in frame.columns):
            raise fail("table", "column names as text", list(frame.columns))
        if not frame.columns.is_unique:
            twice = list(frame.columns[frame.columns.duplicated()])
            raise fail("table", "distinct column names", f"{twice} twice")
        if session is not None:
            if session not in frame.columns:
                raise fail("session", f"one of the columns {list(frame.columns)}", repr(session))
            if frame[session].isna().any():
                row = int(frame[session].isna().to_numpy().argmax())
                raise fail("session", "a value in every row", f"none in row {row}")
        object.__setattr__(self, "table", frame)
        object.__setattr__(self, "session", session)

    def __len__(self) -> int:
        return len(self.table)

    def require(self, *columns: str) -> pd.DataFrame:
        """Return the named columns, in that order.

        Raises
        ------
        DataError
            If columns are missing; the error names them and those present.
        """
        missing = [name for name in columns if name not in self.table.columns]
        if missing:
            near = get_close_matches(missing[0], list(self.table.columns), n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise fail("table", f"the columns {missing} too", f"{list(self.table.columns)}{hint}")
        return self.table[list(columns)]

    def split(self, by: str) -> dict[Any, Trials]:
        """Return the trials of each value of the column `by`, in order of first appearance."""
        self.require(by)
        groups = self.table.groupby(by, sort=False, dropna=False, observed=True)
        return {value: Trials(group, self.session) for value, group in groups}

    def sessions(self) -> Iterator[Trials]:
        """Yield the trials of each session, in order of first appearance."""
        if self.session is None:
            yield self
        else:
            yield from self.split(self.session).values()
