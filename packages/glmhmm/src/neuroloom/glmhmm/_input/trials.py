"""From what a user passes to plain arrays: designs, sessions and missing trials.

Designs are arrays, data frames, pynapple objects or any pytree of them; sessions may come as a
mask, as indices or as pynapple epochs.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import SessionWarning, fail, fail_type

Missing = Literal["raise", "mask"]
_DESIGN = "an array (n_trials, n_features) or a pytree of them"


@dataclass(frozen=True)
class Design:
    """The columns of a design and how to go back to the user's pytree."""

    matrix: NDArray[np.float64]
    structure: Any  # None for a plain array
    widths: tuple[int, ...]
    times: Any  # pynapple object that carries the times, or None

    def unflatten(self, rows: NDArray[Any]) -> Any:
        """Return an array (n_features, …) as the user's pytree."""
        if self.structure is None:
            return rows
        parts = np.split(rows, np.cumsum(self.widths)[:-1])
        return jax.tree.unflatten(self.structure, parts)


@dataclass(frozen=True)
class Data:
    """Trials ready for packing; `kept` says which rows of the input they are."""

    design: Design
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    starts: NDArray[np.bool_]
    observed: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    times: Any

    @property
    def n_trials(self) -> int:
        """Number of trials kept."""
        return len(self.x)


def is_pynapple(value: Any) -> bool:
    """Return whether the value is a pynapple object, without importing pynapple."""
    return type(value).__module__.split(".")[0] == "pynapple"


def _is_leaf(value: Any) -> bool:
    return is_pynapple(value) or hasattr(value, "to_numpy") or hasattr(value, "__array__")


def _numbers(name: str, value: Any) -> NDArray[np.float64]:
    if type(value).__module__.startswith("scipy.sparse"):
        raise fail_type(name, "a dense array; call toarray() on it", type(value).__name__)
    raw = value.values if is_pynapple(value) else value
    try:
        out = np.asarray(raw)
    except ValueError as error:
        raise fail(name, "a regular array of numbers", f"ragged values ({error})") from error
    if out.dtype.kind == "c":
        raise fail(name, "real numbers", "complex values; Complex data not supported")
    if out.dtype.kind in "OUS":
        try:
            out = out.astype(np.float64)
        except (TypeError, ValueError) as error:
            message = f"{name}: expected numbers, got values of dtype {out.dtype}: {error}"
            raise type(fail("", "", ""))(message) from error
    if out.dtype.kind not in "biuf":
        raise fail(name, "numbers", f"values of dtype {out.dtype}")
    return out.astype(np.float64)


def read_design(X: Any) -> Design:
    """Return the design's columns as one matrix.

    Raises
    ------
    InputError
        If leaves are not 2-D, differ in length or do not hold numbers.
    """
    if X is None:
        raise fail_type("X", _DESIGN, X)
    if isinstance(X, (list, tuple)) and not any(
        _is_leaf(leaf) for leaf in jax.tree.leaves(X, is_leaf=_is_leaf)
    ):
        X = _numbers("X", X)
    if _is_leaf(X):
        matrix = _numbers("X", X)
        times = X if is_pynapple(X) else None
        if matrix.ndim != 2:
            hint = "; Reshape your data, e.g. X.reshape(-1, 1) for a single feature"
            raise fail("X", _DESIGN, f"shape {matrix.shape}{hint}")
        return Design(matrix, None, (matrix.shape[1],), times)
    leaves, structure = jax.tree.flatten(X, is_leaf=_is_leaf)
    if not leaves:
        raise fail("X", _DESIGN, "an empty pytree")
    parts = [_numbers("X", leaf) for leaf in leaves]
    for part in parts:
        if part.ndim != 2:
            raise fail("X", _DESIGN, f"a leaf of shape {part.shape}")
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        raise fail("X", "leaves of one length", f"lengths {lengths}")
    times = next((leaf for leaf in leaves if is_pynapple(leaf)), None)
    return Design(np.hstack(parts), structure, tuple(p.shape[1] for p in parts), times)


def read_starts(session_starts: Any, n_trials: int, times: Any) -> NDArray[np.bool_]:
    """Return a mask of the trials that begin a session; the first one always does.

    A Boolean mask, indices, or an integer array of length `n_trials` that holds only 0 and 1
    (read as a mask); pynapple epochs need a pynapple `X` or `y`.

    Raises
    ------
    InputError
        If an index is out of range, a mask has another length or the values are none of these.
    """
    mask = np.zeros(n_trials, dtype=bool)
    mask[:1] = True
    if session_starts is None:
        if times is not None:
            mask[_epoch_starts(times.time_support, times)] = True
        return mask
    if is_pynapple(session_starts):
        if times is None:
            raise fail(
                "session_starts",
                "a pynapple X or y beside an IntervalSet, to know the times",
                "arrays",
            )
        mask[_epoch_starts(session_starts, times)] = True
        return mask
    expected = f"a Boolean mask of length {n_trials}, or indices of trials"
    values = np.asarray(session_starts)
    if values.size == 0:
        return mask
    if values.ndim != 1:
        raise fail("session_starts", expected, f"shape {values.shape}")
    if values.dtype.kind == "f" and np.array_equal(values, np.trunc(values)):
        values = values.astype(np.int64)
    if values.dtype.kind == "b":
        if len(values) != n_trials:
            raise fail("session_starts", expected, f"a mask of length {len(values)}")
        mask |= values
        return mask
    if values.dtype.kind not in "iu":
        raise fail_type("session_starts", expected, session_starts)
    if len(values) == n_trials and n_trials > 2 and np.isin(values, (0, 1)).all():
        mask |= values.astype(bool)
        return mask
    if values.min() < 0 or values.max() >= n_trials:
        raise fail(
            "session_starts",
            f"indices from 0 to {n_trials - 1}",
            f"{values.min()} to {values.max()}",
        )
    if len(np.unique(values)) < len(values):
        warnings.warn(
            "session_starts holds a trial twice: a session without trials is left out",
            SessionWarning,
            stacklevel=4,
        )
    mask[values] = True
    return mask


def _epoch_starts(epochs: Any, times: Any) -> NDArray[np.int64]:
    stamps = np.asarray(times.index.values if hasattr(times.index, "values") else times.index)
    found = np.searchsorted(stamps, np.asarray(epochs.start))
    return found[found < len(stamps)]


def read(X: Any, y: Any, session_starts: Any, missing: Missing) -> Data:
    """Return the trials of a call, checked.

    Rows with NaN at the borders of a session are dropped; inside of one they are an error, or, with
    ``missing="mask"``, trials whose observation says nothing while the states go on.

    Raises
    ------
    InputError
        If lengths differ, nothing is left, or values are infinite or missing.
    """
    design = read_design(X)
    if y is None:
        raise fail(
            "y", "observations; this estimator requires y to be passed", "but the target y is None"
        )
    targets = _numbers("y", y)
    if targets.ndim == 2 and targets.shape[1] == 1 and not is_pynapple(y):
        targets = targets[:, 0]
    if targets.ndim not in (1, 2):
        raise fail("y", "shape (n_trials,) or (n_trials, n_outputs)", f"shape {targets.shape}")
    x = design.matrix
    if len(x) != len(targets):
        raise fail("y", f"the {len(x)} trials of X", f"{len(targets)} (inconsistent lengths)")
    if len(x) == 0:
        raise fail(
            "X",
            "at least one trial",
            "none: Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is required.",
        )
    if x.shape[1] == 0:
        raise fail(
            "X",
            "at least one feature",
            f"0 feature(s) (shape={x.shape}) while a minimum of 1 is required.",
        )
    _refuse_infinite("X", x)
    _refuse_infinite("y", targets[:, None] if targets.ndim == 1 else targets)
    times = y if is_pynapple(y) else design.times
    starts = read_starts(session_starts, len(x), times)
    missing_y = np.isnan(targets.reshape(len(targets), -1))
    bad_y: NDArray[np.bool_] = np.asarray(missing_y.any(axis=1))
    bad: NDArray[np.bool_] = bad_y | np.asarray(np.isnan(x).any(axis=1))
    if missing == "mask":
        kept = np.ones(len(x), dtype=bool)
        if bad.all():
            raise fail("y", "at least one trial without NaN", "none")
        x = np.where(bad[:, None], 0.0, x) if bad.any() else x
        return Data(design, x, targets, starts, ~bad, kept, times)
    kept = _without_borders(bad, starts)
    if not kept.any():
        raise fail("X and y", "at least one trial without NaN", "none")
    if (bad & kept).any():
        first_bad = int(np.flatnonzero(bad & kept)[0])
        in_session = int(starts[: first_bad + 1].sum()) - 1
        name = "y" if bad_y[first_bad] else "X"
        raise fail(
            name,
            "no NaN inside of a session",
            f"NaN in row {first_bad} (session {in_session}); "
            'missing="mask" takes such trials as unobserved',
        )
    # A session whose first rows are dropped begins at its first row that is left.
    session = np.cumsum(starts)[kept]
    moved = np.append(True, np.diff(session) > 0)
    return Data(design, x[kept], targets[kept], moved, np.ones(int(kept.sum()), bool), kept, times)


def _refuse_infinite(name: str, values: NDArray[np.float64]) -> None:
    bad = np.argwhere(np.isinf(values))
    if len(bad):
        row, column = (int(i) for i in bad[0])
        raise fail(
            name, "finite values", f"{values[row, column]} (infinity) in row {row}, column {column}"
        )


def _without_borders(bad: NDArray[np.bool_], starts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not bad.any():
        return np.ones(len(bad), dtype=bool)
    kept = np.ones(len(bad), dtype=bool)
    first = np.flatnonzero(starts)
    for begin, end in zip(first, np.append(first[1:], len(bad)), strict=True):
        good = np.flatnonzero(~bad[begin:end])
        if len(good) == 0:
            kept[begin:end] = False
        else:
            kept[begin : begin + good[0]] = False
            kept[begin + good[-1] + 1 : end] = False
    return kept


def restore(values: NDArray[Any], data: Data, columns: list[str] | None = None) -> Any:
    """Return values of the kept trials in the rows of the input, as pynapple if that came in."""
    if data.kept.all():
        full = values
    else:
        dtype = np.result_type(values.dtype, np.float64)
        full = np.full((len(data.kept), *values.shape[1:]), np.nan, dtype=dtype)
        full[data.kept] = values
    if data.times is None:
        return full
    nap = shared.require("pynapple", extra="neuroloom-glmhmm[pynapple]")
    stamps = data.times.index
    if full.ndim == 1:
        return nap.Tsd(t=stamps, d=full, time_support=data.times.time_support)
    return nap.TsdFrame(t=stamps, d=full, time_support=data.times.time_support, columns=columns)
