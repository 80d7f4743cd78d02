"""The published covariates of two-choice tasks, from a table of trials."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import GLMHMMWarning, InputError, fail, fail_type
from neuroloom.glmhmm._model.settings import flag
from neuroloom.glmhmm._tables.codes import Choices, read_choices
from neuroloom.glmhmm._tables.recognise import (
    ALF_PAIR,
    Table,
    as_table,
    reward_column,
    session_column,
    starts_of,
    subject_column,
)

if TYPE_CHECKING:
    import pandas as pd

BUILT = ("previous_choice", "win_stay_lose_switch")  # regressors, and the arguments that ask


@dataclass(frozen=True)
class DesignMatrix:
    """Regressors, choices and session starts, ready for `GLMHMM.fit`.

    Parameters
    ----------
    X : ndarray, shape (n_trials, n_features)
        Regressors.
    y : ndarray, shape (n_trials,)
        Choices: 1 right (or the second label), 0 left, NaN none.
    session_starts : ndarray of bool, shape (n_trials,)
        Where sessions start.
    features : tuple of str
        Names of the regressors.
    subject : ndarray or None
        Whose trial it is, where the table says.
    codes : dict
        The table's values that were read as left, right and none.
    notes : tuple of str
        What was taken for what without being told.
    """

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    session_starts: NDArray[np.bool_]
    features: tuple[str, ...]
    subject: NDArray[Any] | None = None
    codes: dict[str, list[Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return regressors and choices as columns, with the number of each trial's session."""
        import pandas as pd

        frame = pd.DataFrame(self.X, columns=list(self.features))
        return frame.assign(choice=self.y, session=np.cumsum(self.session_starts) - 1)


def design_matrix(
    trials: pd.DataFrame | shared.Trials | shared.Recording | Mapping[str, Any],
    *,
    choice: str = "choice",
    stimulus: str | Sequence[str] | None = "stimulus",
    session: str | None = "auto",
    subject: str | None = "auto",
    reward: str = "reward",
    previous_choice: bool = True,
    win_stay_lose_switch: bool = True,
    covariates: str | Sequence[str] = (),
    codes: Literal["ibl"] | Mapping[str, Any] | None = None,
    violation: Any = None,
    standardize: bool = True,
    first_trial: Literal["zero", "own"] = "zero",
) -> DesignMatrix:
    """Return the regressors of Ashwood et al. 2022 from a table of trials.

    They are the z-scored stimulus, the choice before (−1 or 1), and win–stay–lose–switch: the
    choice before if it was rewarded, the other one if not. Trials without a choice become NaN in
    `y` and are passed over: the choice before is the last valid one of the session.

    Parameters
    ----------
    trials : DataFrame, Trials, Recording or mapping
        One row per trial, in order. Columns may be nullable.
    choice : str
        Column of choices. Without `codes` it holds 0 and 1 with NaN for none, booleans, or two
        labels: left and right in either spelling, or two that name no side, 0 and 1 in sorted order
        (`DesignMatrix.notes` say which).
    stimulus : str or sequence of str, optional
        Columns of the stimulus. Of a table with ``contrastLeft`` and ``contrastRight`` (IBL) and
        no ``stimulus``, the signed contrast, positive on the right; not where both sides have one.
    session, subject : str, optional
        Columns of sessions and subjects, None for none; equal session labels of two subjects are
        two sessions. ``"auto"`` takes those of a `Trials`, or ``session`` (``eid``,
        ``session_id``) and ``subject`` if there.
    reward : str
        Column of rewards, above 0 for a reward; needed for `win_stay_lose_switch`. Of an IBL table
        ``feedbackType``.
    previous_choice, win_stay_lose_switch : bool
        Whether to build them.
    covariates : str or sequence of str
        Further columns, taken as they are.
    codes : "ibl" or mapping, optional
        What the choices' values mean: ``{"left": value, "right": value, "none": value}``, or
        ``"ibl"``: −1 right, 1 left, 0 none. The pair of IBL contrasts implies the latter.
    violation : optional
        A value beside 0 and 1 that stands for no choice.
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
        If what choices mean is not evident, or a column holds text or missing values where
        numbers are needed.

    Examples
    --------
    >>> import pandas as pd
    >>> from neuroloom.glmhmm import design_matrix
    >>> trials = pd.DataFrame({
    ...     "session": [1, 1, 1, 2, 2], "stimulus": [-1.0, 0.5, 1.0, -0.5, 0.0],
    ...     "choice": [0, 1, None, 1, 0], "reward": [1, 0, 0, 0, 1],
    ... })
    >>> found = design_matrix(trials, standardize=False)
    >>> found.features
    ('stimulus', 'previous_choice', 'win_stay_lose_switch')
    >>> found.X[:, 1:].tolist()
    [[0.0, 0.0], [-1.0, -1.0], [1.0, -1.0], [0.0, 0.0], [1.0, -1.0]]
    """
    flag("previous_choice", previous_choice)
    flag("win_stay_lose_switch", win_stay_lose_switch)
    flag("standardize", standardize)
    if first_trial not in ("zero", "own"):
        raise fail("first_trial", '"zero" or "own"', repr(first_trial))
    table = as_table(trials)
    frame = table.frame
    reward_from = reward_column(table, reward) if win_stay_lose_switch else None
    session, subject = session_column(table, session), subject_column(table, subject)
    contrast = table.is_alf and stimulus == "stimulus" and "stimulus" not in frame
    stimuli = [] if contrast else _names("stimulus", stimulus)
    covariates = _names("covariates", covariates)
    table.require(choice, *stimuli, *covariates, *_told(subject, session, reward_from))
    named: dict[str, Any] = {"stimulus": stimuli, "covariates": covariates}
    named |= {"session": session, "subject": subject, "reward": reward_from}
    _refuse_response(choice, named)
    if len(frame) == 0:
        raise fail("trials", "at least one trial", "none")
    found = _choices(table, choice, codes, violation)
    y, starts = found.y, starts_of(table, session, subject)
    columns = _stimuli(table, stimuli, contrast=contrast, standardize=standardize)
    before, won = _history(y, starts, frame, reward_from, first_trial)
    if previous_choice:
        _add(columns, "stimulus", "previous_choice", before)
    if win_stay_lose_switch:
        _add(columns, "stimulus", "win_stay_lose_switch", before * won)
        _tell_of_equal_rewards(table, str(reward_from), y)
    _add_covariates(columns, frame, covariates)
    return DesignMatrix(
        np.column_stack(list(columns.values())) + 0.0,
        y,
        starts,
        tuple(columns),
        None if subject is None else frame[subject].to_numpy(),
        found.codes,
        tuple(table.notes),
    )


def response_matrix(
    trials: Any,
    response: str,
    *,
    stimulus: str | Sequence[str] = (),
    session: str | None = "auto",
    subject: str | None = "auto",
    covariates: str | Sequence[str] = (),
) -> DesignMatrix:
    """Return regressors of a response that is no choice: the z-scored stimulus and covariates.

    Parameters
    ----------
    trials : DataFrame, Trials, Recording or mapping
        One row per trial, in order.
    response : str
        Column of numbers; missing ones are trials without a response.
    stimulus, session, subject, covariates
        As in `design_matrix`.

    Raises
    ------
    DataError
        If columns are missing.
    InputError
        If a column holds text or missing values where numbers are needed.
    """
    table = as_table(trials)
    session, subject = session_column(table, session), subject_column(table, subject)
    stimuli, covariates = _names("stimulus", stimulus), _names("covariates", covariates)
    table.require(response, *stimuli, *covariates, *_told(subject, session))
    named: dict[str, Any] = {"stimulus": stimuli, "covariates": covariates, "session": session}
    _refuse_response(response, {**named, "subject": subject})
    columns = _stimuli(table, stimuli, contrast=False, standardize=True)
    _add_covariates(columns, table.frame, covariates)
    return DesignMatrix(
        np.column_stack(list(columns.values())) + 0.0,
        _column(table.frame, response, allow_missing=True),
        starts_of(table, session, subject),
        tuple(columns),
        None if subject is None else table.frame[subject].to_numpy(),
        {},
        tuple(table.notes),
    )


def _names(argument: str, given: str | Sequence[str] | None) -> list[str]:
    """Return names of columns; one may stand without a list around it."""
    if given is None or isinstance(given, str):
        return [] if given is None else [given]
    if not isinstance(given, Iterable):
        raise fail_type(argument, "a name of a column, or several", given)
    return list(given)


def _refuse_response(response: str, named: Mapping[str, Any]) -> None:
    """Raise if the response is named for something that it cannot be as well."""
    for argument, given in named.items():
        if response == given or (isinstance(given, list) and response in given):
            expected = f"columns other than the response's, {response!r}"
            raise fail(argument, expected, "the response itself")


def _told(*names: str | None) -> list[str]:
    return [name for name in names if name is not None]


def _add_covariates(
    columns: dict[str, NDArray[np.float64]], frame: pd.DataFrame, names: list[str]
) -> None:
    """Add columns as they are to the regressors, in place."""
    for name in names:
        _add(columns, "covariates", name, _column(frame, name))
    if not columns:
        raise fail("stimulus", "at least one regressor", "none")


def _add(
    columns: dict[str, NDArray[np.float64]], given: str, name: str, values: NDArray[np.float64]
) -> None:
    """Add a regressor in place; raise if one of that name is there, because of what was `given`."""
    if name in columns:
        built = f"; {name}=False builds none" if name in BUILT else ""
        raise fail(given, "columns that are no regressors yet", f"{name!r} twice{built}")
    columns[name] = values


def _tell_of_equal_rewards(table: Table, reward: str, y: NDArray[np.float64]) -> None:
    """Say that every choice is rewarded, or none; warn of two values, of which one may be none."""
    values = _column(table.frame, reward, allow_missing=True)[np.isfinite(y)]
    paid = values > 0
    if len(paid) < 2 or paid.any() != paid.all():
        return
    which, sign = ("every", "") if paid.all() else ("no", ", turned round")
    told = (
        f"{reward}: above 0 for {which} choice, so that win_stay_lose_switch is the choice before"
    )
    table.notes.append(told + sign)
    found = np.unique(values)
    if len(found) == 2:
        shown = ", ".join(f"{v:g} ({(values == v).sum()} trials)" for v in found)
        warnings.warn(
            f"{told}{sign}; got {shown}: pass a column that is above 0 for a reward alone",
            GLMHMMWarning,
            stacklevel=3,
        )


def _choices(table: Table, choice: str, codes: Any, violation: Any) -> Choices:
    """Return the choices by the codes told, or those that the table's kind implies."""
    # The core's readers leave the file's codes as `action`, beside choices of the contract.
    implied = "ibl" if table.is_alf and "action" not in table.frame else None
    found = read_choices(table.frame[choice], codes=codes, violation=violation, implied=implied)
    if found.note:
        table.notes.append(f"choices: {found.note}")
    return found


def _stimuli(
    table: Table, names: list[str], *, contrast: bool, standardize: bool
) -> dict[str, NDArray[np.float64]]:
    """Return the stimulus' columns by name."""
    if len(set(names)) < len(names):
        raise fail("stimulus", "each column once", names)
    frame = table.frame
    sides = _sides(frame) if contrast or (table.is_alf and set(names) & set(ALF_PAIR)) else {}
    raw = {name: sides[name] if name in sides else _column(frame, name) for name in names}
    if contrast:
        table.notes.append("stimulus: contrastRight − contrastLeft")
        raw["contrast"] = _signed(*sides.values())
    if not standardize:
        return raw
    out = {}
    for name, column in raw.items():
        spread = column.std()
        if spread == 0:
            raise fail(name, "a stimulus that varies", f"{column[0]} throughout")
        out[name] = (column - column.mean()) / spread
    return out


def _sides(frame: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Return the contrasts of an ALF table, left and right; 0 where a side showed nothing."""
    pair = {name: _column(frame, name, allow_missing=True) for name in ALF_PAIR}
    absent = np.all([np.isnan(side) for side in pair.values()], axis=0)
    if absent.any():
        row = int(absent.argmax())
        raise fail(ALF_PAIR[0], "a contrast on one side", f"none in row {row}")
    for name, side in pair.items():
        if (side < 0).any():
            raise fail(name, "contrasts of at least 0", side[side < 0][0])
    return {name: np.nan_to_num(side) for name, side in pair.items()}


def _signed(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return contrasts on one side each as one, positive on the right."""
    both = (left > 0) & (right > 0)
    if both.any():
        where = f"{both.sum()} rows with contrasts on both, the first of them row {both.argmax()}"
        raise fail(
            "stimulus",
            "a contrast on one side of each trial",
            f"{where}; pass stimulus={list(ALF_PAIR)} for one weight each, or a column of your own",
        )
    return right - left


def _history(
    y: NDArray[np.float64],
    starts: NDArray[np.bool_],
    frame: pd.DataFrame,
    reward: str | None,
    first_trial: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the choice before each trial, and ±1 for its reward."""
    signed = 2 * y - 1
    before, won = _previous(signed, starts, frame, reward)
    if first_trial == "own":
        own = starts & np.isfinite(signed)
        before[own] = signed[own]
        if reward is not None:
            won[own] = np.where(_rewards(frame, reward, signed)[own] > 0, 1.0, -1.0)
    return before, won


def _rewards(frame: pd.DataFrame, reward: str, signed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rewards; where there was no choice they may be missing."""
    values = _column(frame, reward, allow_missing=True)
    lacking = ~np.isfinite(values) & np.isfinite(signed)
    if lacking.any():
        row = int(lacking.argmax())
        expected = "a finite number in every row with a choice"
        raise fail(reward, expected, f"{values[row]} in row {row}")
    return values


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
        paid = np.where(_rewards(frame, reward, signed) > 0, 1.0, -1.0)
        won = np.where(valid, paid[np.maximum(last, 0)], 0.0)
    return before, won


def _column(frame: pd.DataFrame, name: str, *, allow_missing: bool = False) -> NDArray[np.float64]:
    import pandas as pd

    kind = frame[name].dtype.kind
    if kind in "cmM":
        what = "complex numbers" if kind == "c" else "times; pass their differences in seconds"
        raise fail(name, "real numbers", what)
    numeric = pd.to_numeric(frame[name], errors="coerce")
    values: Any = numeric.to_numpy(dtype=np.float64, na_value=np.nan)
    strange = np.isnan(values) & ~frame[name].isna().to_numpy()
    if strange.any():
        row = int(strange.argmax())
        raise InputError(f"{name}: expected numbers, got {frame[name].iloc[row]!r} in row {row}")
    if not allow_missing and not np.isfinite(values).all():
        row = int((~np.isfinite(values)).argmax())
        raise fail(name, "a finite number in every row", f"{values[row]} in row {row}")
    return np.asarray(values)
