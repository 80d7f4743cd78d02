"""The published covariates of two-choice tasks, from a table of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import InputError, fail


@dataclass(frozen=True)
class DesignMatrix:
    """Regressors, choices and session starts, ready for `GLMHMM.fit`."""

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    session_starts: NDArray[np.bool_]
    features: tuple[str, ...]


def design_matrix(
    trials: pd.DataFrame | shared.Trials,
    *,
    choice: str = "choice",
    stimulus: str | Sequence[str] | None = "stimulus",
    session: str | None = "session",
    reward: str = "reward",
    previous_choice: bool = True,
    win_stay_lose_switch: bool = True,
    covariates: Sequence[str] = (),
    violation: float | None = -1,
    standardize: bool = True,
    first_trial: Literal["zero", "own"] = "zero",
) -> DesignMatrix:
    """Return the regressors of Ashwood et al. 2022 from a table of trials.

    They are the z-scored stimulus, the choice before (−1 or 1), and win–stay–lose–switch: the
    choice before if it was rewarded, the other one if not. Violations become NaN in `y` and are
    passed over: the choice before is the last valid one of the session.

    Parameters
    ----------
    trials : DataFrame or Trials
        One row per trial, in order.
    choice : str
        Column of choices, 0 and 1 (or −1 and 1 if `violation` is not −1).
    stimulus : str or sequence of str, optional
        Columns of the stimulus.
    session : str, optional
        Column of the sessions; of a `Trials`, its own session column if not given here.
    reward : str
        Column of rewards, above 0 for a reward; needed for `win_stay_lose_switch`.
    previous_choice, win_stay_lose_switch : bool
        Whether to build them.
    covariates : sequence of str
        Further columns, taken as they are.
    violation : float, optional
        The choice that marks a violation.
    standardize : bool
        Give the stimulus mean 0 and standard deviation 1 over all trials.
    first_trial : {"zero", "own"}
        What a session's first trial has for a choice before: 0, or, as in the published code, its
        own choice, which lets the model see what it should predict.

    Raises
    ------
    DataError
        If columns are missing.
    InputError
        If a column holds text or missing values where numbers are needed.

    Examples
    --------
    >>> import pandas as pd
    >>> from neuroloom.glmhmm import design_matrix
    >>> trials = pd.DataFrame({
    ...     "session": [1, 1, 1, 2, 2], "stimulus": [-1.0, 0.5, 1.0, -0.5, 0.0],
    ...     "choice": [0, 1, -1, 1, 0], "reward": [1, 0, 0, 0, 1],
    ... })
    >>> found = design_matrix(trials, standardize=False)
    >>> found.features
    ('stimulus', 'previous_choice', 'win_stay_lose_switch')
    >>> found.X[:, 1:].tolist()
    [[0.0, 0.0], [-1.0, -1.0], [1.0, -1.0], [0.0, 0.0], [1.0, -1.0]]
    """
    table = trials if isinstance(trials, shared.Trials) else shared.Trials(trials)
    if session is None and isinstance(trials, shared.Trials):
        session = trials.session
    stimuli = [stimulus] if isinstance(stimulus, str) else list(stimulus or ())
    needed = [choice, *stimuli, *covariates]
    needed += [session] if session is not None else []
    needed += [reward] if win_stay_lose_switch else []
    table.require(*needed)
    frame = table.table
    if len(frame) == 0:
        raise fail("trials", "at least one trial", "none")
    raw = _column(frame, choice, allow_missing=True)
    y = np.where(raw == violation, np.nan, raw) if violation is not None else raw.copy()
    values = set(np.unique(y[np.isfinite(y)]).tolist())
    if values <= {-1.0, 1.0} and -1.0 in values:
        y = (y + 1) / 2
    elif not values <= {0.0, 1.0}:
        raise fail(choice, "choices 0 and 1", f"the values {sorted(values)[:8]}")
    if session is None:
        starts = np.zeros(len(frame), dtype=bool)
        starts[0] = True
    else:
        label = frame[session].to_numpy()
        if frame[session].isna().any():
            raise fail(
                session,
                "a session for every trial",
                f"none in row {int(frame[session].isna().argmax())}",
            )
        starts = np.append(True, label[1:] != label[:-1])
        if starts.sum() > len(pd.unique(label)):
            raise fail(session, "sessions in one piece each", "one that is interrupted by another")
    columns: list[NDArray[np.float64]] = []
    names: list[str] = []
    for name in stimuli:
        column = _column(frame, name)
        if standardize:
            spread = column.std()
            if spread == 0:
                raise fail(name, "a stimulus that varies", f"{column[0]} throughout")
            column = (column - column.mean()) / spread
        columns.append(column)
        names.append(name)
    signed = 2 * y - 1
    before, won = _previous(signed, starts, frame, reward if win_stay_lose_switch else None)
    if first_trial == "own":
        own = starts & np.isfinite(signed)
        before[own] = signed[own]
        if win_stay_lose_switch:
            won[own] = np.where(_column(frame, reward)[own] > 0, 1.0, -1.0)
    elif first_trial != "zero":
        raise fail("first_trial", '"zero" or "own"', repr(first_trial))
    if previous_choice:
        columns.append(before)
        names.append("previous_choice")
    if win_stay_lose_switch:
        columns.append(before * won)
        names.append("win_stay_lose_switch")
    for name in covariates:
        columns.append(_column(frame, name))
        names.append(name)
    if not columns:
        raise fail("stimulus", "at least one regressor", "none")
    return DesignMatrix(np.column_stack(columns) + 0.0, y, starts, tuple(names))


def _previous(
    signed: NDArray[np.float64], starts: NDArray[np.bool_], frame: pd.DataFrame, reward: str | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the session's last valid choice before each trial, and ±1 for its reward."""
    index = np.where(np.isfinite(signed), np.arange(len(signed)), -1)
    last = np.maximum.accumulate(index)
    last = np.append(-1, last[:-1])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(starts)), 0))
    valid = last >= first
    before = np.where(valid, signed[np.maximum(last, 0)], 0.0)
    won = np.zeros(len(signed))
    if reward is not None:
        paid = np.where(_column(frame, reward) > 0, 1.0, -1.0)
        won = np.where(valid, paid[np.maximum(last, 0)], 0.0)
    return before, won


def _column(frame: pd.DataFrame, name: str, *, allow_missing: bool = False) -> NDArray[np.float64]:
    values: Any = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64)
    strange = np.isnan(values) & ~frame[name].isna().to_numpy()
    if strange.any():
        row = int(strange.argmax())
        raise InputError(f"{name}: expected numbers, got {frame[name].iloc[row]!r} in row {row}")
    if not allow_missing and not np.isfinite(values).all():
        row = int((~np.isfinite(values)).argmax())
        raise fail(name, "a finite number in every row", f"{values[row]} in row {row}")
    return np.asarray(values)
