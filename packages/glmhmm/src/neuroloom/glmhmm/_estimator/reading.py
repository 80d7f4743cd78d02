"""What a call's arguments say: regressors, responses, sessions and inputs of the transitions."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import GLMHMMWarning, fail
from neuroloom.glmhmm._input.arrays import numbers, read_design
from neuroloom.glmhmm._input.rows import check_rows
from neuroloom.glmhmm._input.trials import Data, read
from neuroloom.glmhmm._tables.codes import by_alphabet
from neuroloom.glmhmm._tables.design import design_matrix
from neuroloom.glmhmm._tables.recognise import (
    as_table,
    session_column,
    starts_of,
    subject_column,
)


def read_data(model: Any, X: Any, y: Any, session_starts: Any) -> Data:
    """Return a call's trials as the model's settings read them."""
    X, y, session_starts = unpack(X, y, session_starts)
    known = getattr(model, "classes_", None)
    return read(X, y, session_starts, model.missing, model.observation_model, known)


def unpack(X: Any, y: Any, session_starts: Any) -> tuple[Any, Any, Any]:
    """Return regressors, responses and sessions of a design matrix that brings all three.

    Raises
    ------
    InputError
        If signals have different rates or starts.
    """
    if _is_design(X):
        return (
            X.X,
            X.y if y is None else y,
            X.session_starts if session_starts is None else session_starts,
        )
    if isinstance(X, shared.Trials | shared.Recording):
        return _of_trials(X, y, session_starts)
    signals = [s for s in (X, y) if isinstance(s, shared.Signal)]
    grids = [(s.rate, s.start, len(s.values)) for s in signals]
    if len(set(grids)) > 1:
        raise fail("y", f"the rate, start and length of X, {grids[0]}", f"{grids[1]}")
    return X, y.values if isinstance(y, shared.Signal) else y, session_starts


def _is_design(X: Any) -> bool:
    return all(hasattr(X, name) for name in ("X", "y", "session_starts", "features"))


def subjects_of(X: Any, subjects: Any) -> Any:
    """Return whose trials they are: what is given, else what a design matrix says.

    Raises
    ------
    InputError
        If neither says it.
    """
    if subjects is None and _is_design(X):
        subjects = X.subject
    if subjects is None:
        raise fail("subjects", "a label for each trial, or a design matrix that has them", "None")
    return subjects


def _of_trials(trials: Any, y: Any, session_starts: Any) -> tuple[Any, Any, Any]:
    """Return what a table of trials says: the published covariates, or its columns beside `y`.

    `y` may be the name of a column; all other numeric ones but the session's are regressors then.
    """
    if y is None:
        design = design_matrix(trials)
        if by_alphabet(design.codes):
            warnings.warn("; ".join(design.notes), GLMHMMWarning, stacklevel=5)
        return unpack(design, None, session_starts)
    table = as_table(trials)
    session = session_column(table, "auto")
    subject = subject_column(table, "auto")
    frame = table.frame.drop(columns=[n for n in (session, subject) if n is not None])
    if isinstance(y, str):
        table.require(y)
        y, frame = frame[y], frame.drop(columns=y)
    if session_starts is None:
        session_starts = starts_of(table, session, subject)
    return frame, y, session_starts


def read_inputs(transition_inputs: Any, data: Data) -> NDArray[np.float64] | None:
    """Return the regressors of the transitions, (n_trials, n_inputs), of the trials kept."""
    if transition_inputs is None:
        return None
    if np.ndim(transition_inputs) == 1 and not isinstance(transition_inputs, dict):
        transition_inputs = numbers("transition_inputs", transition_inputs)[:, None]
    u = read_design(transition_inputs).matrix
    check_rows("transition_inputs", transition_inputs, data.index)
    if len(u) != len(data.kept):
        raise fail("transition_inputs", f"{len(data.kept)} trials", f"{len(u)}")
    wrong = np.argwhere(~np.isfinite(u) & data.kept[:, None])
    if len(wrong):
        row, column = wrong[0]
        raise fail(
            "transition_inputs",
            "finite values, on trials without a response as well",
            f"{u[row, column]} in row {row}, column {column}",
        )
    return u[data.kept]


def driving_inputs(model: Any, transition_inputs: Any, data: Data) -> NDArray[np.float64] | None:
    """Return the inputs of a fitted model's transitions, which must be given as in its fit."""
    driven = hasattr(model, "transition_coef_")
    if driven and transition_inputs is None:
        raise fail("transition_inputs", "the inputs of the transitions, as in the fit", "None")
    if not driven and transition_inputs is not None:
        raise fail("transition_inputs", "None: the model was fitted without", "an array")
    inputs = read_inputs(transition_inputs, data)
    if inputs is not None and inputs.shape[1] != len(model.transition_coef_):
        expected = f"{len(model.transition_coef_)} inputs as in the fit"
        raise fail("transition_inputs", expected, f"{inputs.shape[1]}")
    return inputs
