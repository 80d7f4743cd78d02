"""Tables of trials."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.shared._tables import check_order, copied, framed, labels_of
from neuroloom.shared._types._aligned import window_of
from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._clock import Clock, checked_clock
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._grid import seconds
from neuroloom.shared._types._labels import fitting, positions, several
from neuroloom.shared._types._summary import lines, many
from neuroloom.shared._types._trial_tables._columns import (
    listed_columns,
    moved_column,
    roles_of,
    tell_staying,
    without_roles,
)
from neuroloom.shared._types._trial_tables._contract import MEANING, checked, recoded
from neuroloom.shared._types._trial_tables._joins import joined
from neuroloom.shared._types._trial_tables._sessions import (
    grouping,
    in_one_piece,
    session_changes,
    session_numbers,
)
from neuroloom.shared.checks import did_you_mean, fail, unknown

if TYPE_CHECKING:  # pandas takes half a second, and not everybody has trials
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Trials(Data):
    """One row per trial, in the order in which they were run.

    Columns of these names have one meaning in all packages; `contract` checks it:

    =================  ==========================================================================
    ``choice``         0 or 1 (0…n−1, or labels) of what was chosen; missing: no answer
    ``action``         what was done, as the environment numbers it
    ``stimulus``       signed where there are two sides: positive favours 1
    ``correct``        whether the choice was right
    ``reward``         reward of the trial, in the task's unit
    ``reaction_time``  seconds from when the subject could first answer; missing: no answer
    ``session``        which session the trial belongs to
    ``subject``        which subject did it
    ``start, stop``    first moment of the trial and the first after it, s
    =================  ==========================================================================

    Parameters
    ----------
    table : pandas.DataFrame or mapping of column name to values
        The trials. A copy is kept, its rows numbered from 0; an index with a name becomes a
        column.
    session : str or array_like, optional
        Column that tells sessions apart, or a label for each trial, which becomes the column
        ``session``. If not given, ``session`` where there is such a column; otherwise all trials
        (of a subject) are one session.
    subject : str or array_like, optional
        Column that tells subjects apart, or a label for each trial: sessions of two subjects are
        two sessions, whatever they are called. If not given, ``subject`` where there is such a
        column.
    metadata : mapping, optional
        Anything that JSON can hold. Two entries have a meaning, which converters write:
        ``"time_columns"`` lists columns beside ``start`` and ``stop`` that hold times in seconds
        on the trials' clock, ``"duration_columns"`` those beside ``reaction_time`` that hold
        lengths of time. `on_clock` moves the former and stretches the latter.

    Raises
    ------
    DataError
        If the table cannot be read as one, has a repeated column name, an index without a name
        that does not number rows, or lacks the session or subject column or some of its values.

    Examples
    --------
    >>> trials = Trials({"choice": [1, 0, 1], "day": [1, 1, 2]}, session="day")
    >>> [len(session) for session in trials.sessions()]
    [2, 1]
    >>> trials.require("choice", "stimulus")
    Traceback (most recent call last):
    ...
    neuroloom.shared.DataError: table: expected the columns ['stimulus'] too, got ['choice', 'day']
    """

    _table: pd.DataFrame
    session: str | None
    subject: str | None
    _metadata: dict[str, Any]

    def __init__(
        self,
        table: pd.DataFrame | Mapping[str, Any],
        session: str | ArrayLike | None = None,
        subject: str | ArrayLike | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        frame = framed("table", table)
        if not all(isinstance(name, str) for name in frame.columns):
            raise fail("table", "column names as text", list(frame.columns))
        if not frame.columns.is_unique:
            twice = list(frame.columns[frame.columns.duplicated()])
            raise fail("table", "distinct column names", f"{twice} twice")
        object.__setattr__(self, "_table", frame)
        object.__setattr__(self, "session", grouping("session", session, frame, table))
        object.__setattr__(self, "subject", grouping("subject", subject, frame, table))
        object.__setattr__(self, "_metadata", plain_metadata(metadata))

    def __len__(self) -> int:
        return len(self._table)

    @property
    def table(self) -> pd.DataFrame:
        """The trials as a DataFrame, a copy."""
        return copied(self._table)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._table.columns)

    def require(self, *columns: str) -> pd.DataFrame:
        """Return the named columns, in that order, as they are.

        Parameters
        ----------
        *columns : str
            Names.

        Raises
        ------
        DataError
            If columns are missing; the error names them and those present.
        """
        missing = [name for name in _texts(columns) if name not in self._table.columns]
        if missing:
            known = list(self._table.columns)
            hint = did_you_mean(missing[0], known)
            raise fail("table", f"the columns {missing} too", known, hint=hint)
        return copied(self._table[list(columns)])

    def contract(self, *columns: str) -> pd.DataFrame:
        """Return columns of the contract, checked and in plain dtypes.

        Refused are: choices below 0, with fractions, from 1,000 on or numbered from 1 (−1 is neither a choice
        nor a missing one: say what it means with `recode`); text where numbers are due; infinite
        values; `correct` other than true and false; negative reaction times; a stop before its
        start; trials out of order within a session; missing sessions and subjects. Told by a
        warning are: a stimulus whose sign is against most correct choices, and reaction times
        that look like milliseconds.

        Parameters
        ----------
        *columns : str
            Columns of the contract that are needed; all that the table has if none is named.

        Returns
        -------
        DataFrame
            ``choice`` as float (NaN: no answer) or, where it holds labels, as categories;
            ``stimulus``, ``correct``, ``reward``, ``reaction_time``, ``start`` and ``stop`` as
            float with NaN where missing; the others as they are. Columns that tell sessions and
            subjects apart under other names come as ``session`` and ``subject``.

        Raises
        ------
        DataError
            If a column is missing or does not hold what the contract says.

        Examples
        --------
        >>> trials = Trials({"choice": [-1, 1, 0], "stimulus": [0.5, -0.25, 1.0]})
        >>> trials.contract("choice")
        Traceback (most recent call last):
        ...
        neuroloom.shared.DataError: choice: expected choices numbered from 0, missing (NaN) where there was no answer, got {'-1': 1, '0': 1, '1': 1} (value: trials); say what each means: trials.recode('choice', {…: 0, …: 1, …: None}), or codes 'ibl'
        >>> trials.recode("choice", "ibl").contract("choice")["choice"].tolist()
        [1.0, 0.0, nan]
        """  # noqa: E501 — the error is shown as printed
        for name in _texts(columns):
            if name not in MEANING:
                raise unknown("columns", name, list(MEANING))
        table = self._contracted()
        if not columns:
            columns = tuple(name for name in MEANING if name in table.columns)
        needed = Trials(table).require(*columns)
        return checked(needed, session_changes(self.session_numbers()))

    def _contracted(self) -> pd.DataFrame:
        """Return the table with the grouping columns under the contract's names."""
        table = self.table
        for name, column in (("session", self.session), ("subject", self.subject)):
            if column is not None and column != name:
                table[name] = table[column]
        return table

    def recode(self, column: str, codes: Mapping[Any, Any] | str) -> Trials:
        """Return the trials with other codes in a column.

        Parameters
        ----------
        column : str
            Which one, ``"choice"``.
        codes : mapping or "ibl"
            New value of each old one, None for missing: ``{"left": 0, "right": 1, "none": None}``.
            Missing values stay missing unless they have a code, too: ``{None: 0, 1: 1}``.
            ``"ibl"`` are the choices of the International Brain Laboratory: 1 (left) becomes 0,
            −1 (right) becomes 1, 0 (no answer) becomes missing.

        Raises
        ------
        DataError
            If the column is missing or one of its values has no code.
        """
        self.require(column)
        return self.assign(**{column: recoded(column, self._table[column], codes)})

    def assign(self, **columns: Any) -> Trials:
        """Return the trials with more columns, or other values of some.

        Parameters
        ----------
        **columns
            Values by name, one per trial.

        Raises
        ------
        DataError
            If there is not one value per trial, or a column of pandas has its rows in another
            order.
        """
        import pandas as pd

        table = self._table.copy()
        for name, values in columns.items():
            check_order(name, values, labels_of(self._table, values))
            given = values.to_numpy() if isinstance(values, pd.Series) else values
            given = values.array if isinstance(values, pd.Series) else given
            if np.ndim(given) < 1 or len(given) != len(self):
                got = "one" if np.ndim(given) < 1 else len(given)
                raise fail(name, f"{len(self)} values, one per trial", got)
            table[name] = list(given) if np.ndim(given) > 1 else given
        return self.replace(table=table)

    def select(self, trials: ArrayLike | None = None, **columns: Any) -> Trials:
        """Return some of the trials, in the order asked for.

        Parameters
        ----------
        trials : mask or array_like of int, optional
            One truth value per trial, or row numbers; all if not given.
        **columns
            Wanted values of columns: one, several, or a function that accepts them,
            ``subject="W053"``, ``contrast=lambda c: c != 0``. Text must be there; None and NaN
            stand for missing values.

        Raises
        ------
        DataError
            If a column is missing, a row does not exist, or a column has no such text.
        """
        check_order("trials", trials, labels_of(self._table, trials))
        given: Any = trials
        if trials is not None and hasattr(trials, "to_numpy"):
            given = trials.to_numpy()
        index = positions("trials", given, (), len(self), "trial")
        keep = np.ones(len(self), dtype=bool)
        for name, wanted in columns.items():
            column = self.require(name)[name]
            categories = getattr(column.dtype, "categories", ())
            keep &= fitting(name, column.tolist(), wanted, categories)
        return self.replace(table=self._table.iloc[index[keep[index]]])

    def join(self, other: Trials | pd.DataFrame, on: str | Iterable[str] | None = None) -> Trials:
        """Return the trials with the columns of another table of the same trials.

        Every trial stays, in its place; where the other table has no row for it, or a key of the
        trial is missing, the new columns are missing. What the other's metadata say of the new
        columns, ``"time_columns"`` and ``"duration_columns"``, comes with them.

        Parameters
        ----------
        other : Trials or DataFrame
            The other table.
        on : str or iterable of str, optional
            Columns that tell which rows belong together, ``["session", "trial"]``. If not given,
            the tables are of one length and belong together row by row.

        Raises
        ------
        DataError
            If a column would come twice, rows of the other table fit no trial, several fit one,
            or one of them has no key.

        Examples
        --------
        >>> trials = Trials({"trial": [0, 1, 2], "choice": [1, 0, 1]})
        >>> pupil = Trials({"trial": [2, 0], "pupil": [3.5, 3.1]})
        >>> trials.join(pupil, on="trial").table["pupil"].tolist()
        [3.1, nan, 3.5]
        """
        import pandas as pd

        if not isinstance(other, (Trials, pd.DataFrame)):
            raise fail("other", "Trials or a DataFrame", type(other).__name__)
        theirs = (other if isinstance(other, Trials) else Trials(other))._table
        keys = several("on", on or (), "names of columns")
        self.require(*keys)
        Trials(theirs).require(*keys)
        twice = [x for x in theirs.columns if x in self._table.columns and x not in keys]
        if twice:
            raise fail("other", "columns that the trials do not have yet", twice)
        if not keys:
            if len(theirs) != len(self):
                raise fail("other", f"{len(self)} rows (or give on=)", len(theirs))
            check_order("other", other)
            return self._beside([theirs], other)
        return self._beside(joined(self._table, theirs, keys), other)

    def _beside(self, new: list[Any], other: Trials | pd.DataFrame) -> Trials:
        """Return the trials with more columns, and what is known of those."""
        import pandas as pd

        table = pd.concat([self._table, *new], axis=1)
        about = dict(self._metadata)
        if isinstance(other, Trials):
            new_columns = [x for x in table.columns if x not in self.columns]
            about |= roles_of(new_columns, about, other._metadata)
        return self.replace(table=table, metadata=about)

    def split(self, by: str) -> dict[Any, Trials]:
        """Return the trials of each value of the column `by`, in order of first appearance."""
        self.require(by)
        groups = self._table.groupby(by, sort=False, dropna=False, observed=True)
        return {value: self.replace(table=group) for value, group in groups}

    def sessions(self) -> Iterator[Trials]:
        """Yield the trials of each session of each subject, in order of first appearance."""
        numbers = self.session_numbers()
        for number in range(int(numbers.max()) + 1 if len(numbers) else 0):
            yield self.replace(table=self._table[numbers == number])
        if not len(self) and not self._keys():
            yield self

    def session_numbers(self) -> NDArray[np.int64]:
        """Return the number of each trial's session, from 0 by first appearance.

        Sessions of two subjects are two, also where they have one label. Shape (n_trials,).
        """
        return session_numbers(self._table, self._keys())

    def session_starts(self) -> NDArray[np.bool_]:
        """Return whether each trial is the first of its session, shape (n_trials,).

        Raises
        ------
        DataError
            If a session is interrupted by another one: trials that follow one another would
            not be neighbours.
        """
        return in_one_piece(self._table, self._keys(), self.session_numbers())

    def _keys(self) -> list[str]:
        return [x for x in (self.subject, self.session) if x is not None]

    def epochs(
        self,
        start: str = "start",
        stop: str = "stop",
        *,
        window: tuple[float, float] | None = None,
    ) -> Epochs:
        """Return the trials' stretches of time, with their row numbers as property ``trial``.

        Parameters
        ----------
        start, stop : str
            Columns of the first moment and the first after, in seconds.
        window : tuple of float, optional
            Instead of `stop`, from when to when around `start` in seconds, ``(-0.5, 1.0)``.

        Raises
        ------
        DataError
            If times are missing (select the trials that have them first), or trials overlap or
            belong to more than one session: their times run on different clocks.
        """
        names = (start,) if window is not None else (start, stop)
        needed = self.require(*names)
        if len(np.unique(self.session_numbers())) > 1:
            got = f"{len(np.unique(self.session_numbers()))} sessions"
            raise fail("trials", "one session, whose trials have one clock", got)
        times = [seconds(name, needed[name], ndim=1, missing=True) for name in names]
        for name, column in zip(names, times, strict=True):
            if np.isnan(column).any():
                row = int(np.isnan(column).argmax())
                raise fail(name, "a time in every row (select those that have one)", f"row {row}")
        rows = {"trial": np.arange(len(self))}
        if window is None:
            return Epochs(times[0], times[1], rows, without_roles(self._metadata))
        begin, end = window_of(window)
        return Epochs(times[0] + begin, times[0] + end, rows, without_roles(self._metadata))

    def on_clock(
        self,
        clock: Clock,
        *,
        times: Iterable[str] | None = None,
        durations: Iterable[str] | None = None,
    ) -> Trials:
        """Return the trials in times of the other clock.

        Parameters
        ----------
        clock : Clock
            Leads from this table's times to the others.
        times : iterable of str, optional
            Columns that hold times in seconds, one or a list per row. If not given ``start``,
            ``stop`` and those of ``metadata["time_columns"]``, where they are. All other columns
            stay.
        durations : iterable of str, optional
            Columns that hold lengths of time in seconds, where they are. If not given
            ``reaction_time`` and those of ``metadata["duration_columns"]``.

        Raises
        ------
        DataError
            If a column of `times` is missing.

        Warns
        -----
        UserWarning
            If `times` are not given, and columns that stay are called as times are.
        """
        checked_clock(clock)
        known = self.time_columns()
        lengths = ["reaction_time", *listed_columns(self._metadata, "duration_columns")]
        lengths = lengths if durations is None else list(durations)
        if times is None:
            tell_staying(self.columns, [*known, *lengths])
        table = self.table
        for name in known if times is None else list(dict.fromkeys(times)):
            table[name] = moved_column(name, self.require(name)[name], clock)
        for name in lengths:
            if name in table.columns:
                table[name] = table[name] * (1 + clock.drift)
        return self.replace(table=table)

    def time_columns(self, *more: str) -> list[str]:
        """Return the columns known to hold times in seconds on the trials' clock.

        Parameters
        ----------
        *more : str
            Columns that hold such times, too, where they are.

        Returns
        -------
        list of str
            ``start``, ``stop`` and those of ``metadata["time_columns"]``, as far as the table has
            them.
        """
        named = ("start", "stop", *more, *listed_columns(self._metadata, "time_columns"))
        return [name for name in dict.fromkeys(named) if name in self._table.columns]

    def __repr__(self) -> str:
        n_sessions = len(np.unique(self.session_numbers()))
        head = many(len(self), "trial")
        if self.session is not None:
            head += f" in {many(n_sessions, 'session')} ({self.session!r})"
        if self.subject is not None:
            n_subjects = self._table[self.subject].nunique()
            head += f", {many(n_subjects, 'subject')} ({self.subject!r})"
        known = [x for x in self.columns if x in MEANING]
        other = [x for x in self.columns if x not in MEANING]
        body = f"columns of the contract: {', '.join(known)}" if known else ""
        more = f"other columns: {', '.join(other)}" if other else ""
        shown = ""
        if {"start", "stop"} <= set(self.columns) and len(self):
            try:
                start, stop = self._table["start"].min(), self._table["stop"].max()
                shown = f"{float(start):.9g} to {float(stop):.9g} s"
            except (TypeError, ValueError):
                shown = ""
        return lines("Trials", head, shown, body, more, properties={})


def _texts(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of columns, which are given one by one."""
    for name in columns:
        if not isinstance(name, str):
            hint = "; pass them one by one: ('choice', 'stimulus')"
            raise fail("columns", "names as text", repr(name), hint=hint)
    return columns
