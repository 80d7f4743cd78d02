"""Where sessions start: masks, indices, labels or pynapple epochs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import SessionWarning, fail, fail_type
from neuroloom.glmhmm._input.arrays import is_pynapple, names_in, plain

_FORMS = (
    "a Boolean mask of length {n}, indices of trials, or a session label for each of the {n} trials"
)


def read_sessions(
    session_starts: Any, n_trials: int, times: Any
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where sessions start, and which trials belong to any, both (n_trials,).

    `times` is the pynapple object that carries the trials' times, or None. Trials outside of an
    IntervalSet's epochs belong to no session.

    Raises
    ------
    InputError
        If an index is out of range, a mask has another length or the values are none of these.
    """
    mask = np.zeros(n_trials, dtype=bool)
    everywhere = np.ones(n_trials, dtype=bool)
    mask[:1] = True
    if session_starts is None and times is None:
        return mask, everywhere
    if session_starts is None or is_pynapple(session_starts):
        if times is None:
            raise fail(
                "session_starts",
                "a pynapple X or y beside an IntervalSet, to know the times",
                "arrays",
            )
        return _epochs(times.time_support if session_starts is None else session_starts, times)
    return mask | _from_array(session_starts, n_trials), everywhere


def _from_array(session_starts: Any, n_trials: int) -> NDArray[np.bool_]:
    expected = _FORMS.format(n=n_trials)
    mask = np.zeros(n_trials, dtype=bool)
    values = _values(session_starts, expected)
    if values.size == 0:
        return mask
    if values.dtype.kind == "b":
        if len(values) != n_trials:
            raise fail("session_starts", expected, f"a mask of length {len(values)}")
        return np.asarray(values)
    full = len(values) == n_trials and n_trials > 2
    if values.dtype.kind in "iu" and full and _may_be_mask(values):
        return _mask_of_integers(values)
    if full and _are_labels(values):
        return np.append(True, values[1:] != values[:-1])
    if values.dtype.kind not in "iu":
        raise fail_type("session_starts", expected, session_starts)
    mask[_indices(values, n_trials)] = True
    return mask


def _values(session_starts: Any, expected: str) -> NDArray[Any]:
    """Return one value per place; whole numbers as integers, Booleans among objects as such."""
    values = np.asarray(plain(session_starts))
    if values.size == 0:
        return values
    if values.ndim != 1:
        raise fail("session_starts", expected, f"shape {values.shape}")
    absent = without_label(session_starts)
    if absent.size:
        raise fail("session_starts", expected, f"none at place {absent[0]}")
    if values.dtype.kind in "OUS" and _may_be_mask(values):
        return _mask_of_objects(values)
    if values.dtype.kind == "f" and np.array_equal(values, np.trunc(values)):
        return values.astype(np.int64)
    return values


def _indices(values: NDArray[Any], n_trials: int) -> NDArray[Any]:
    if values.min() < 0 or values.max() >= n_trials:
        raise fail(
            "session_starts",
            f"indices from 0 to {n_trials - 1}, or a label per trial",
            f"{len(values)} values from {values.min()} to {values.max()}",
        )
    if len(values) > 1 and 0 not in values and values.sum() == n_trials:
        raise fail(
            "session_starts",
            "indices of the sessions' first trials",
            f"{len(values)} values that add up to the {n_trials} trials, as lengths of sessions "
            "do; of lengths pass np.cumsum([0, *lengths[:-1]]), of indices the 0 as well",
        )
    different = len(np.unique(values))
    if 2 * different < len(values):
        raise fail(
            "session_starts",
            f"a session label for each of the {n_trials} trials, or indices of trials",
            f"{len(values)} values, of which {different} differ",
        )
    if different < len(values):
        warnings.warn(
            "session_starts holds a trial twice: a session without trials is left out",
            SessionWarning,
            stacklevel=6,
        )
    return values


def _may_be_mask(values: NDArray[Any]) -> bool:
    """Return whether there are only zeros and ones, or true and false, as objects or text too."""
    if values.dtype.kind in "iuf":
        return bool(np.isin(values, (0, 1)).all())
    return {str(v).lower() for v in values.tolist()} <= {"true", "false"}


def _mask_of_objects(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the mask of Booleans among objects; as text they may as well be labels."""
    if all(isinstance(v, (bool, np.bool_)) for v in values):
        return values.astype(bool)
    raise fail(
        "session_starts",
        "a Boolean mask, or labels",
        "true and false as text, which may be either; pass values == 'True' for a mask",
    )


def _mask_of_integers(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the mask that 0 and 1 mean, unless they may as well be the labels of two sessions."""
    ones = values.astype(bool)
    longest = int(np.diff(np.flatnonzero(np.diff(np.r_[0, values, 0]))).max(initial=0))
    changes = int((ones[1:] != ones[:-1]).sum())
    if changes and ones.sum() > 2 and ones.sum() >= 2 * (changes + 1) and longest > 2:
        raise fail(
            "session_starts",
            "a Boolean mask, or labels other than 0 and 1",
            "integers 0 and 1 in long runs, which may be either; pass values.astype(bool) for a "
            "mask, or np.flatnonzero(np.diff(values, prepend=-1)) for labels",
        )
    return ones


def _are_labels(values: NDArray[Any]) -> bool:
    """Return whether one value per trial names its session rather than a trial."""
    if values.dtype.kind not in "iuf":
        return values.dtype.kind in "OUSmM"
    # As many indices as trials could only be all trials once: those are not labels.
    return bool(np.isfinite(values).all()) and len(np.unique(values)) < len(values)


def _epochs(epochs: Any, times: Any) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    stamps = np.asarray(times.index.values if hasattr(times.index, "values") else times.index)
    begin, end = np.asarray(epochs.start), np.asarray(epochs.end)
    which = np.searchsorted(begin, stamps, side="right") - 1
    member = (which >= 0) & (stamps <= end[np.maximum(which, 0)])
    if not member.any():
        raise fail("session_starts", "epochs that hold trials", "none in any epoch")
    which = np.where(member, which, -1)
    starts = np.append(True, which[1:] != which[:-1])
    return starts, member


def without_label(values: Any) -> NDArray[np.int64]:
    """Return the places of missing values: masked ones, None, NaN, NaT and NA."""
    import pandas as pd

    if isinstance(values, np.ma.MaskedArray):
        return np.flatnonzero(np.ma.getmaskarray(values))
    # As they are: among texts in a list, numpy makes the text "nan" of NaN.
    kind = getattr(getattr(values, "dtype", None), "kind", "O")
    return np.flatnonzero(pd.isna(values if kind in "biuf" else np.asarray(values, dtype=object)))


def keep_subjects_apart(session_starts: Any, subjects: Any) -> Any:
    """Return session starts in which a label's session ends with its subject.

    Two subjects may both have a session 1, one after the other. Masks and indices stay as they are.

    Raises
    ------
    InputError
        If a trial has no subject.
    """
    nobody = without_label(subjects)
    if nobody.size:
        raise fail("subjects", "a label for each trial", f"none for trial {nobody[0]}")
    who = names_in(subjects)
    if session_starts is None or is_pynapple(session_starts):
        return session_starts
    values = np.asarray(plain(session_starts))
    if values.shape != who.shape or values.dtype.kind == "b" or not _are_labels(values):
        return session_starts
    if without_label(session_starts).size or _may_be_mask(values):
        return session_starts
    return np.append(True, (values[1:] != values[:-1]) | (who[1:] != who[:-1]))
