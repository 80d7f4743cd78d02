"""Psychometric and chronometric curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared import Trials, axes
from neuroloom.tasks._errors import fail

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Curve:
    """A mean for every value of a stimulus.

    Parameters
    ----------
    stimulus : array, (n,)
        Values of the stimulus, ascending.
    mean : array, (n,)
        Mean of the response.
    low, high : array, (n,)
        Interval of one standard error: Wilson's for a proportion, the mean's otherwise.
    n : array of int, (n,)
        Number of trials.
    labels : (str, str)
        What `plot` calls the axes.
    """

    stimulus: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    n: NDArray[np.int64]
    labels: tuple[str, str] = ("Stimulus", "Response")

    def plot(self, *, ax: Axes | None = None, **artist: Any) -> Axes:
        """Draw the means with their intervals, and return the axes.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure's if there is none.
        **artist
            What `errorbar` takes.
        """
        ax = axes(ax)
        style = {"marker": "o", "capsize": 0, **artist}
        errors = np.stack([self.mean - self.low, self.high - self.mean])
        ax.errorbar(self.stimulus, self.mean, yerr=np.maximum(errors, 0), **style)
        ax.set(xlabel=ax.get_xlabel() or self.labels[0], ylabel=ax.get_ylabel() or self.labels[1])
        return ax


def psychometric(
    trials: Trials | Mapping[str, Any] | pd.DataFrame,
    *,
    stimulus: str | None = None,
    response: str | None = None,
) -> Curve:
    """Return the proportion of a response for every stimulus.

    Parameters
    ----------
    trials : Trials or table
        One row a trial; rows without a response (NaN) are left out, and `n` counts the others.
    stimulus : str, optional
        Column of the stimulus; default: ``"coh"`` if there is one, else ``"stimulus"``.
    response : str, optional
        Column of 0 and 1, or of truth values; default: ``"choice"`` over ``"stimulus"``, whose
        sign says which choice is right, and ``"correct"`` over any other.

    Raises
    ------
    TaskError
        If the response is anything else, a stimulus is missing (NaN), or no trial is left.
    DataError
        If a column is missing.

    Examples
    --------
    >>> from neuroloom.tasks import psychometric
    >>> psychometric({"coh": [0, 0, 10, 10], "correct": [0, 1, 1, 1]}).mean
    array([0.5, 1. ])
    >>> psychometric({"stimulus": [-1, -1, 1, 1], "choice": [0, 0, 1, None]}).n
    array([2, 1])
    """
    made = _trials(trials)
    stimulus = stimulus or _stimulus(made)
    response = response or ("choice" if stimulus == "stimulus" else "correct")
    table = _table(made, stimulus, response)
    table = table[table[response].notna()]
    if not len(table):
        raise fail(f"column {response!r}", "at least one response", "none")
    answers = _truths(table, response)
    values, mean, n = _means(_numbers(table, stimulus), answers)
    centre = (mean + 0.5 / n) / (1 + 1 / n)
    half = np.sqrt(mean * (1 - mean) / n + 0.25 / n**2) / (1 + 1 / n)
    words = f"Proportion of {response} {'1' if response == 'choice' else ''}".strip()
    return Curve(values, mean, centre - half, centre + half, n, (stimulus, words))


def chronometric(
    trials: Trials | Mapping[str, Any] | pd.DataFrame,
    *,
    stimulus: str | None = None,
    time: str = "reaction_time",
    correct: str | None = "correct",
) -> Curve:
    """Return the mean reaction time for every stimulus.

    Parameters
    ----------
    trials : Trials or table
        One row a trial; rows without a time (NaN) are left out.
    stimulus : str, optional
        Column of the stimulus; default: ``"coh"`` if there is one, else ``"stimulus"``.
    time : str
        Column of the reaction times (s).
    correct : str, optional
        Column of 0 and 1 that says which trials count, those of 1; None: all.

    Raises
    ------
    TaskError
        If a stimulus is missing (NaN) or no finite number, a time is negative, `correct` holds
        anything but 0 and 1, or no trial is left.
    DataError
        If a column is missing.
    """
    made = _trials(trials)
    stimulus = stimulus or _stimulus(made)
    table = _table(made, stimulus, time, *([correct] if correct else []))
    table = table[table[time].notna()]
    if correct:
        known = table[table[correct].notna()]
        table = known[_truths(known, correct) == 1]
    if not len(table):
        raise fail("trials", "at least one answered trial", "none")
    seconds = _numbers(table, time)
    if (seconds < 0).any():
        raise fail(f"column {time!r}", "seconds of at least 0", seconds.min())
    if time == "reaction_time":
        made.contract(time)  # warns of milliseconds
    x = _numbers(table, stimulus)
    values, mean, n = _means(x, seconds)
    square = _means(x, seconds**2)[1]
    error = np.sqrt(np.maximum(square - mean**2, 0) / np.maximum(n - 1, 1))
    return Curve(values, mean, mean - error, mean + error, n, (stimulus, "Reaction time (s)"))


def _trials(trials: Trials | Mapping[str, Any] | pd.DataFrame) -> Trials:
    return trials if isinstance(trials, Trials) else Trials(trials)


def _stimulus(trials: Trials) -> str:
    """Return the column of the stimulus where none is named."""
    return "coh" if "coh" in trials.table else "stimulus"


def _table(trials: Trials, stimulus: str, *names: str) -> pd.DataFrame:
    table = trials.require(*dict.fromkeys((stimulus, *names)))
    if not len(table):
        raise fail("trials", "at least one trial", "none")
    if table[stimulus].isna().any():
        raise fail(f"column {stimulus!r}", "a stimulus in every trial", "NaN")
    return table


def _numbers(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column as finite numbers."""
    try:
        values: NDArray[np.float64] = table[name].to_numpy(dtype=float)
    except (TypeError, ValueError):
        shown = table[name].unique()[:5].tolist()
        raise fail(f"column {name!r}", "numbers", repr(shown)) from None
    if not np.isfinite(values).all():
        raise fail(f"column {name!r}", "finite numbers", values[~np.isfinite(values)][0])
    return values


def _truths(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a column of 0 and 1."""
    try:
        values: NDArray[np.float64] = table[name].to_numpy(dtype=float)
    except (TypeError, ValueError):
        shown = table[name].unique()[:5].tolist()
        raise fail(f"column {name!r}", "0 and 1", repr(shown)) from None
    if not np.isin(values, (0, 1)).all():
        raise fail(f"column {name!r}", "0 and 1", np.unique(values)[:5])
    return values


def _means(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    values, group = np.unique(x, return_inverse=True)
    n = np.bincount(group)
    return values, np.bincount(group, weights=y) / n, n
