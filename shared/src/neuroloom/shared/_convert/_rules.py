"""Tables of trials in the core's words, by rules that are said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._types._trial_tables._contract import IBL, recoded
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail, plain

if TYPE_CHECKING:
    import pandas as pd


def set_column(table: pd.DataFrame, name: str, values: Any, *, keep_as: str = "") -> None:
    """Set a column; one of the same name and other values stays under another name."""
    if name in table.columns:
        old = keep_as or f"{name}_in_file"
        while old in table.columns:
            old += "_"
        table[old] = table[name]
    table[name] = values


def from_alf(table: pd.DataFrame | Mapping[str, Any], *, session: str | None = None) -> Trials:
    """Return a trials table with ALF's columns as trials in the core's words.

    All columns stay; those of the contract are added. The rules are those of the International
    Brain Lab's files:

    * ``choice`` −1 (rightwards) becomes 1, 1 (leftwards) becomes 0, 0 (no answer) NaN; the
      codes of the file stay as ``action``.
    * ``stimulus`` is ``contrastRight − contrastLeft``, a side without a value counting 0; NaN
      if both are missing. Rows with contrasts on both sides are told.
    * ``correct`` is ``feedbackType == 1``, and ``reward`` the same as a number.
    * ``start`` and ``stop`` are ``intervals_0`` and ``intervals_1``, or the two columns of an
      array ``intervals`` of shape (n_trials, 2).
    * ``intervals_0``, ``intervals_1`` and columns that end with ``_times`` stand in
      ``metadata["time_columns"]``: they are on the session's clock, and `Trials.on_clock` moves
      them. ALF's time scales (``intervals_bpod``) are other clocks.
    * ``reaction_time`` is ``response_times − goCue_times``, NaN where there is no answer: the
      wheel is free from the go cue on.

    Parameters
    ----------
    table : pandas.DataFrame or mapping of column name to values
        One row per trial; any of the columns above may be missing, and others may be there.
    session : str, optional
        Column that tells sessions apart.

    Raises
    ------
    DataError
        If ``choice`` or ``feedbackType`` holds another value than −1, 0 and 1, a contrast is
        negative, or ``intervals`` are no pairs.

    Warns
    -----
    ConversionWarning
        If rows have contrasts on both sides, of which ``stimulus`` says the difference.

    Examples
    --------
    >>> from neuroloom.shared.convert import from_alf
    >>> trials = from_alf({
    ...     "contrastLeft": [1.0, float("nan")], "contrastRight": [float("nan"), 0.25],
    ...     "choice": [1, 0], "feedbackType": [1, -1],
    ... })
    >>> trials.table[["stimulus", "choice", "action", "correct"]]
       stimulus  choice  action  correct
    0     -1.00     0.0       1      1.0
    1      0.25     NaN       0      0.0
    """
    skipped = Skipped()
    trials = by_rules(table, session, skipped)
    skipped.warn("from_alf")
    return trials


def by_rules(
    table: pd.DataFrame | Mapping[str, Any], session: str | None, skipped: Skipped
) -> Trials:
    """Return what `from_alf` does, and note what the core's words have no place for."""
    frame = Trials(_in_columns(table) if isinstance(table, Mapping) else table).table
    if "choice" in frame:
        choice = recoded("choice", frame["choice"], IBL)
        set_column(frame, "choice", choice, keep_as="action")
    if {"contrastLeft", "contrastRight"} <= set(frame.columns):
        set_column(frame, "stimulus", _signed_contrast(frame, skipped))
    if "feedbackType" in frame:
        correct = recoded("feedbackType", frame["feedbackType"], {-1: 0.0, 0: 0.0, 1: 1.0})
        set_column(frame, "correct", correct)
        set_column(frame, "reward", correct)
    for name, column in {"start": "intervals_0", "stop": "intervals_1"}.items():
        if column in frame:
            set_column(frame, name, frame[column])
    if {"response_times", "goCue_times"} <= set(frame.columns):
        waited = frame["response_times"] - frame["goCue_times"]
        if "choice" in frame:
            waited = waited.where(frame["choice"].notna())  # the time-out is no reaction
        set_column(frame, "reaction_time", waited)
    times = [name for name in frame.columns if _ALF_TIMES.fullmatch(name)]
    about = {"time_columns": times} if times else None
    return Trials(frame, session, metadata=about)


# Not those with a time scale of their own behind the attribute, intervals_bpod and x_times_bpod.
_ALF_TIMES = re.compile(r".+_times|intervals_[01]")


def _in_columns(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table whose arrays of intervals are two columns each, as in ALF's own tables."""
    found: dict[str, Any] = {}
    for name, values in table.items():
        pairs = plain(name, values) if str(name).split("_")[0] == "intervals" else np.empty(0)
        if pairs.ndim < 2:
            found[name] = values
            continue
        if pairs.shape[1:] != (2,):
            raise fail(name, "shape (n_trials, 2)", f"shape {pairs.shape}")
        columns = {f"{name}_0": pairs[:, 0], f"{name}_1": pairs[:, 1]}
        twice = [x for x in columns if x in table]
        if twice:
            raise fail("table", f"{name!r} or its columns, not both", twice)
        found |= columns
    return found


def _signed_contrast(frame: pd.DataFrame, skipped: Skipped) -> NDArray[np.float64]:
    left = frame["contrastLeft"].to_numpy(dtype=np.float64, na_value=np.nan)
    right = frame["contrastRight"].to_numpy(dtype=np.float64, na_value=np.nan)
    for name, side in {"contrastLeft": left, "contrastRight": right}.items():
        if (side < 0).any():
            raise fail(name, "contrasts of at least 0", side[side < 0][0])
    both = np.flatnonzero((left > 0) & (right > 0))
    if both.size:
        where = f"{both.size} rows have contrasts on both sides (the first is row {both[0]})"
        skipped.note("stimulus", f"{where}: it says their difference, the contrasts stay columns")
    signed = np.nan_to_num(right) - np.nan_to_num(left)
    return np.where(np.isnan(left) & np.isnan(right), np.nan, signed)
