"""The trials of a call: regressors, responses, sessions, and which of them count."""

from __future__ import annotations

import functools
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._input.arrays import Design, is_pynapple, numbers, read_design
from neuroloom.glmhmm._input.rows import check_rows, index_of
from neuroloom.glmhmm._input.sessions import read_sessions

Missing = Literal["raise", "mask"]
_CONSTANT = 1e-12  # of the mean: no more than rounding


@dataclass(frozen=True)
class Data:
    """Trials ready for packing; `kept` says which rows of the input they are.

    `seen` (n_trials, n_columns of y) says which values count, `observed` (n_trials,) on which
    trials any does. `y` is NaN where it does not. `gaps` (n_trials,) says where a regressor is
    missing; `x` is zero there, and no prediction is known.
    """

    design: Design
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    starts: NDArray[np.bool_]
    observed: NDArray[np.bool_]
    kept: NDArray[np.bool_]
    times: Any
    seen: NDArray[np.bool_]
    gaps: NDArray[np.bool_]
    classes: Any = None
    index: Any = None  # of the rows of the call's tables, if there are any

    @property
    def n_trials(self) -> int:
        """Number of trials kept."""
        return len(self.x)

    @property
    def n_observed(self) -> int:
        """Number of trials on which something counts."""
        return int(self.observed.sum())

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone: what was worked out from them says nothing more."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @functools.cached_property
    def x_observed(self) -> NDArray[np.float64]:
        """Regressors of the trials on which something counts, (n_observed, n_features)."""
        return self.x if self.observed.all() else self.x[self.observed]

    @functools.cached_property
    def moments(self) -> Moments:
        """Means, standard deviations and correlations of the regressors on these trials."""
        return moments_of(self.x_observed)

    @property
    def session(self) -> NDArray[np.int64]:
        """Number of each trial's session, from 0."""
        return np.asarray(np.cumsum(self.starts) - 1, dtype=np.int64)

    def only(self, rows: NDArray[np.bool_]) -> Data:
        """Return the trials of a mask, whole sessions of them."""
        inner = self.kept.copy()
        inner[self.kept] = rows
        return Data(
            self.design,
            self.x[rows],
            self.y[rows],
            self.starts[rows],
            self.observed[rows],
            inner,
            self.times,
            self.seen[rows],
            self.gaps[rows],
            self.classes,
            self.index,
        )


class Moments(NamedTuple):
    """Of regressors: means and standard deviations (n_features,), correlations between them.

    A column that is constant but for rounding has a standard deviation of zero.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    correlation: NDArray[np.float64]


def moments_of(x: NDArray[np.float64]) -> Moments:
    """Return the moments of the columns of (n_trials, n_features), all zero without trials."""
    n, width = x.shape
    if n == 0 or width == 0:
        return Moments(np.zeros(width), np.zeros(width), np.eye(width))
    ones = np.full(n, 1 / n)
    mean = ones @ x
    away = x - mean
    off = ones @ away  # what rounding left of the mean
    away -= off
    mean = mean + off
    covariance = away.T @ away / n
    spread = np.sqrt(np.diag(covariance))
    spread = np.where(spread > _CONSTANT * np.abs(mean), spread, 0.0)
    unit = np.where(spread > 0, spread, 1.0)
    return Moments(mean, spread, covariance / np.outer(unit, unit))


def read(
    X: Any,
    y: Any,
    session_starts: Any,
    missing: Missing,
    family: Observations,
    classes: Any = None,
) -> Data:
    """Return the trials of a call, checked.

    Rows with NaN at the borders of a session are dropped; inside of one they are an error, or, with
    ``missing="mask"``, values that say nothing while the states go on. `classes` are the labels of
    a fitted model's categories.

    Raises
    ------
    InputError
        If lengths differ, nothing is left, or values are infinite or missing.
    """
    if y is None:
        raise fail(
            "y", "observations; this estimator requires y to be passed", "but the target y is None"
        )
    targets, classes = _targets(y, family, classes)
    index = index_of(X, y, session_starts)
    for name, value in (("X", X), ("y", y), ("session_starts", session_starts)):
        check_rows(name, value, index)
    design = read_design(X) if X is not None else _no_regressors(len(targets))
    x = design.matrix
    _check_sizes(X, x, targets, family)
    refuse_infinite("X", x)
    refuse_infinite("y", targets[:, None] if targets.ndim == 1 else targets)
    times = y if is_pynapple(y) else design.times
    starts, member = read_sessions(session_starts, len(x), times)
    seen = np.isfinite(targets.reshape(len(targets), -1))
    data = _select(design, targets, starts, member, seen, missing, times, classes, family)
    return replace(data, index=index)


def _targets(y: Any, family: Observations, classes: Any) -> tuple[NDArray[np.float64], Any]:
    """Return the responses as numbers, and the labels that they stand for."""
    values, classes = family.encode(y, classes)
    targets = numbers("y", values)
    if targets.ndim == 2 and targets.shape[1] == 1 and not is_pynapple(y):
        targets = targets[:, 0]
    if targets.ndim not in (1, 2):
        raise fail("y", "shape (n_trials,) or (n_trials, n_outputs)", f"shape {targets.shape}")
    return targets, classes


def _no_regressors(n_trials: int) -> Design:
    return Design(np.zeros((n_trials, 0)), None, (0,), None)


def _check_sizes(
    X: Any, x: NDArray[np.float64], targets: NDArray[np.float64], family: Observations
) -> None:
    if len(x) != len(targets):
        raise fail("y", f"the {len(x)} trials of X", f"{len(targets)} (inconsistent lengths)")
    if len(x) == 0:
        raise fail(
            "X",
            "at least one trial",
            "none: Found array with 0 sample(s) (shape=(0,)) while a minimum of 1 is required.",
        )
    if x.shape[1] == 0 and X is not None:
        raise fail(
            "X",
            "at least one feature, or X=None for a model without regressors",
            f"0 feature(s) (shape={x.shape}) while a minimum of 1 is required.",
        )
    columns = family.n_columns()
    found = 1 if targets.ndim == 1 else targets.shape[1]
    if columns is not None and found != columns:
        shape = "(n_trials,)" if columns == 1 else f"(n_trials, {columns})"
        raise fail("y", f"shape {shape} for {family!r}", f"shape {targets.shape}")


def _select(
    design: Design,
    targets: NDArray[np.float64],
    starts: NDArray[np.bool_],
    member: NDArray[np.bool_],
    seen: NDArray[np.bool_],
    missing: Missing,
    times: Any,
    classes: Any,
    family: Observations,
) -> Data:
    x = design.matrix
    if family.couples:  # one density for all columns: a trial counts as a whole
        seen = np.repeat(seen.all(axis=1, keepdims=True), seen.shape[1], axis=1)
    bad_x: NDArray[np.bool_] = np.asarray(np.isnan(x).any(axis=1))
    if missing == "mask":
        seen = seen & ~bad_x[:, None]
        kept = member
        if not (seen.any(axis=1) & kept).any():
            raise fail("y", "at least one trial without NaN", "none")
        x = np.where(bad_x[:, None], 0.0, x) if bad_x.any() else x
    else:
        bad_y: NDArray[np.bool_] = ~np.asarray(seen.all(axis=1))
        bad = bad_x | bad_y
        kept = without_borders(bad, starts) & member
        if not kept.any():
            raise fail("X and y", "at least one trial without NaN", "none")
        if (bad & kept).any():
            _refuse_missing(int(np.flatnonzero(bad & kept)[0]), starts, bad_y)
    # A session whose first rows are dropped begins at its first row that is left.
    session = np.cumsum(starts)[kept]
    moved = np.append(True, np.diff(session) > 0)
    y = np.where(seen.reshape(targets.shape), targets, np.nan)[kept]
    seen, gaps = seen[kept], bad_x[kept]
    observed = np.asarray(seen.any(axis=1))
    return Data(design, x[kept], y, moved, observed, kept, times, seen, gaps, classes)


def _refuse_missing(row: int, starts: NDArray[np.bool_], bad_y: NDArray[np.bool_]) -> None:
    in_session = int(starts[: row + 1].sum()) - 1
    raise fail(
        "y" if bad_y[row] else "X",
        "no NaN inside of a session",
        f'NaN in row {row} (session {in_session}); missing="mask" takes such trials as unobserved',
    )


def refuse_infinite(name: str, values: NDArray[np.float64]) -> None:
    """Raise if values are infinite, with the first one's place."""
    infinite = np.isinf(values)
    if infinite.any():
        row, column = (int(i) for i in np.argwhere(infinite)[0])
        raise fail(
            name, "finite values", f"{values[row, column]} (infinity) in row {row}, column {column}"
        )


def without_borders(bad: NDArray[np.bool_], starts: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which trials are left when bad ones at the borders of sessions are dropped."""
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
