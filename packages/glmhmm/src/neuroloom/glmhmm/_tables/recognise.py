"""Which columns of a table are which: sessions, subjects, stimuli and rewards under usual names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import fail, fail_type

if TYPE_CHECKING:
    import pandas as pd

ALF_PAIR = ("contrastLeft", "contrastRight")
SESSIONS = ("session", "eid", "session_id")  # usual names, the first that is there; eid: the IBL's


@dataclass
class Table:
    """A table of trials, and notes on how it was read.

    Parameters
    ----------
    frame : DataFrame
        The trials, rows numbered from 0.
    session, subject : str or None
        Columns that the table itself names.
    notes : list of str
        What was taken for what.
    """

    frame: pd.DataFrame
    session: str | None = None
    subject: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def is_alf(self) -> bool:
        """Whether the table has the columns of the IBL's trials."""
        return all(name in self.frame for name in ALF_PAIR)

    def require(self, *names: str) -> None:
        """Raise if columns are missing, with those that are there."""
        shared.Trials(self.frame).require(*names)


def as_table(trials: Any) -> Table:
    """Return the trials of a DataFrame, `Trials`, mapping, `Recording`, or polars frame.

    Raises
    ------
    InputError
        If there is no table in it.
    """
    import pandas as pd

    if isinstance(trials, (str, Path)):
        raise fail("trials", "a table: read the file first, pd.read_csv(…)", repr(str(trials)))
    if isinstance(trials, shared.Recording):
        if trials.trials is None:
            raise fail("trials", "a recording with trials", "one without")
        trials = trials.trials
    if isinstance(trials, shared.Trials):
        subject = getattr(trials, "subject", None)
        return Table(trials.table, trials.session, subject if isinstance(subject, str) else None)
    if not isinstance(trials, pd.DataFrame) and hasattr(trials, "to_pandas"):
        trials = trials.to_pandas()
    if trials is None:  # to pandas, a table without columns
        raise fail_type("trials", "a DataFrame, Trials, Recording or mapping of columns", trials)
    return Table(shared.Trials(trials).table)


def session_column(table: Table, given: str | None) -> str | None:
    """Return the column of sessions: the one given, the table's own, or one of `SESSIONS`."""
    if given != "auto":
        return given
    if table.session is not None:
        return table.session
    for name in SESSIONS:
        if name in table.frame:
            if name != SESSIONS[0]:
                table.notes.append(f"sessions: column {name}")
            return name
    table.notes.append("no column of sessions: all trials of a subject are one session")
    return None


def subject_column(table: Table, given: str | None) -> str | None:
    """Return the column of subjects: the one given, the table's own, or ``subject`` if there."""
    if given != "auto":
        return given
    if table.subject is not None:
        return table.subject
    return "subject" if "subject" in table.frame else None


def starts_of(table: Table, session: str | None, subject: str | None) -> NDArray[np.bool_]:
    """Return where sessions start; equal labels of two subjects are two sessions.

    Raises
    ------
    InputError
        If a label is missing, or a session is interrupted by another one.
    """
    n = len(table.frame)
    keys = [name for name in (subject, session) if name is not None]
    starts = np.zeros(n, dtype=bool)
    starts[:1] = True
    if not keys:
        return starts
    for name in keys:
        absent = table.frame[name].isna().to_numpy()
        if absent.any():
            raise fail(name, "a value in every row", f"none in row {int(absent.argmax())}")
    labels = table.frame.groupby(keys, sort=False, observed=True).ngroup().to_numpy()
    starts |= np.append(True, labels[1:] != labels[:-1])
    if starts.sum() > labels.max() + 1:
        what = "sessions" if session is not None else "subjects"
        begun = np.flatnonzero(starts)
        again = next(row for i, row in enumerate(begun) if labels[row] in labels[begun[:i]])
        label = "/".join(str(table.frame[name].iloc[again]) for name in keys)
        raise fail(
            keys[-1],
            f"{what} in one piece each",
            f"{label!r} interrupted by another one: it goes on in row {again}; sort the table"
            + (", or say which column holds the subjects" if subject is None else ""),
        )
    return starts


def reward_column(table: Table, given: str) -> str:
    """Return the column of rewards; of an ALF table ``feedbackType`` where there is no other."""
    if given == "reward" and given not in table.frame and "feedbackType" in table.frame:
        table.notes.append("reward: feedbackType above 0")
        return "feedbackType"
    return given
