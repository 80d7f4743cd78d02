"""Processors: recordings to samples, one window of time each.

All variables of an analysis share one grid of window starts. The grid is in samples when every
variable is sampled alike, and in seconds as soon as one is a spike train or carries a clock.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import (
    ClockWarning,
    DataShapeError,
    InsufficientDataError,
    InvalidDataError,
    OptionError,
    UnitsWarning,
    choice,
)
from neuroloom.mi._samples.labels import check_kinds, indicators
from neuroloom.mi._samples.variables import WHOLE_WINDOW, Variable, positive
from neuroloom.shared import Epochs

Array = NDArray[Any]
# Shares of a sample: moments that differ by less are one, and clocks are not worth a word.
_SAME_TIME, _SAME_CLOCK = 1e-6, 0.01
# What the shared types call on an edge: seconds, and units of the last digit where that is more.
_RESOLUTION, _ROUNDINGS = 1e-9, 8
ENCODINGS = ("full", "majority_vote", "probability")


@dataclass(frozen=True)
class Samples:
    """Paired samples, ready for a critic.

    Attributes
    ----------
    values : tuple of ndarray, each (n_samples, n_channels, n_features)
        One array per variable.
    gap : int
        How many samples on either side share data with a sample.
    starts : ndarray, shape (n_samples,)
        First moment of each window, in seconds or samples.
    window : float
        Seconds of a window; NaN where there is no clock.
    spikes : float
        Spikes of all units in a window on average; NaN without a spike train.
    """

    values: tuple[NDArray[np.float64], ...]
    gap: int
    starts: NDArray[np.float64]
    window: float = float("nan")
    spikes: float = float("nan")


def cut(*variables: Variable, align: str | None = None, epochs: Epochs | None = None) -> Samples:
    """Return the samples of all variables on one grid.

    Parameters
    ----------
    *variables : Variable
    align : {None, "truncate"}
        What to do with samples of unequal number that carry no time: raise, or keep the first.
    epochs : Epochs, optional
        Windows lie within these, beside the variables' own epochs.

    Raises
    ------
    DataShapeError
        If lengths differ.
    OptionError
        If some variables are in seconds and others have no clock.
    InsufficientDataError
        If no window fits.
    InvalidDataError
        If all windows of a spike train are empty.
    """
    seconds = {v.in_seconds for v in variables}
    if len(seconds) > 1:
        without = [v.name for v in variables if not v.in_seconds]
        raise OptionError(
            f"{', '.join(without)}: expected a clock, since the other variable is in seconds; give "
            "processor_params['sample_rate'] or a neuroloom.shared.Signal"
        )
    if epochs is not None and not all(seconds):
        raise OptionError("epochs: expected variables with a clock in seconds beside epochs")
    if all(v.kind is None for v in variables):
        return _ready(variables, align)
    if not seconds.pop():
        lengths = {v.name: int(v.stop - v.start) for v in variables}
        if len(set(lengths.values())) > 1 and align != "truncate":
            raise DataShapeError(f"expected recordings of one length, got {lengths}")
    return _cut_grid(variables, epochs)


def _ready(variables: tuple[Variable, ...], align: str | None) -> Samples:
    lengths = {v.name: int(v.stop - v.start) for v in variables}
    if len(set(lengths.values())) > 1 and align != "truncate":
        raise DataShapeError(
            f"expected as many samples in each variable, got {lengths} (shapes "
            f"{ {v.name: np.shape(v.values) for v in variables} }); "
            "align='truncate' keeps the first of the longer one"
        )
    first = max(v.start for v in variables)
    last = min(v.stop for v in variables)
    if last <= first:
        raise InsufficientDataError("expected overlapping samples, got none")
    values = tuple(v.values[int(first - v.start) : int(last - v.start)] for v in variables)
    return Samples(values, 0, np.arange(first, last, dtype=np.float64))


def _step(variables: tuple[Variable, ...]) -> float:
    """Return the step that was asked for, or the longest default.

    Raises
    ------
    OptionError
        If two variables ask for different steps.
    """
    given = {v.step for v in variables if v.step_given}
    if len(given) > 1:
        raise OptionError(
            f"step_size: expected one step for all variables, got {sorted(given)}; windows are "
            "cut at the same moments"
        )
    return given.pop() if given else max(v.step for v in variables)


def _cut_grid(variables: tuple[Variable, ...], within: Epochs | None) -> Samples:
    """Return windows of all variables, starting anew in each stretch that all were recorded in."""
    first = max(v.start for v in variables)
    stop = min(v.stop for v in variables)
    window = max(v.window for v in variables)
    step = _step(variables)
    if stop - first - window < -_slack(stop, window):
        raise InsufficientDataError(
            f"expected at least one window of {window:g}, got {max(stop - first, 0):g} of common "
            "time"
        )
    begins, ends = np.array([first]), np.array([stop])
    for epochs in (within, *(v.epochs for v in variables)):
        if epochs is not None:
            begins, ends = _common(begins, ends, epochs)
    # A window ends within its stretch, up to rounding.
    slack = _slack(stop, window)
    room = ends - begins - window + slack
    counts = np.where(room >= 0, np.floor(np.maximum(room, 0) / step + 1e-9) + 1, 0).astype(int)
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = _where_clocks_meet(variables, np.repeat(begins, counts) + step * place)
    starts = starts[starts + window <= np.repeat(ends, counts) + 2 * slack]
    if not len(starts):
        longest = float((ends - begins).max()) if len(begins) else 0.0
        raise InsufficientDataError(
            f"expected windows of {window:g} inside the epochs, got none: the longest stretch that "
            f"all variables share lasts {longest:g}"
        )
    gap = int(np.ceil(window / step - 1e-9)) - 1
    values = tuple(_extract(v, starts) for v in variables)
    seconds = window if all(v.in_seconds for v in variables) else float("nan")
    return Samples(
        values, gap, np.asarray(starts, dtype=np.float64), seconds, _spiking(variables, starts)
    )


def _where_clocks_meet(variables: tuple[Variable, ...], starts: Array) -> Array:
    """Return starts, moved by less than a sample so that paired samples are nearest in time.

    Where clocks of one rate differ by a part of a sample, the first samples inside a window may be
    almost a sample apart although others are closer. Each window then starts at the sample of that
    variable after which the others' next samples come soonest.
    """
    sampled = [v for v in variables if v.kind in ("continuous", "categorical") and v.rate]
    rates = [v.rate for v in sampled if v.rate]
    if len(sampled) < 2 or max(rates) - min(rates) > 1e-9 * max(rates):
        return starts
    rate = rates[0]
    phases = np.array([v.start * rate % 1.0 for v in sampled])
    # From a sample of each variable (rows) to the next of the others, in samples.
    wait = (phases - phases[:, None] + _SAME_TIME) % 1.0 - _SAME_TIME
    apart = wait.max(axis=1)
    first = int(apart.argmin())
    if apart[first] <= _SAME_TIME:
        return starts
    if apart[first] > _SAME_CLOCK:
        warnings.warn(
            f"the clocks of {', '.join(v.name for v in sampled)} differ by {apart[first]:.2g} of a "
            f"sample of {1 / rate:g} s: each sample goes with the nearest of the other; if that is "
            "too coarse, interpolate one to the other's clock first (Signal.at)",
            ClockWarning,
            stacklevel=6,
        )
    to_next = (phases[first] - starts * rate + _SAME_TIME) % 1.0 - _SAME_TIME
    return np.asarray(starts + to_next / rate)


def _spiking(variables: tuple[Variable, ...], starts: Array) -> float:
    """Return the mean number of spikes per window of the first spike train."""
    for v in variables:
        if v.kind == "spike":
            first = [_reached(t, starts) for t in v.values]
            last = [_reached(t, starts + v.window) for t in v.values]
            return float(sum((b - a).mean() for a, b in zip(first, last, strict=True)))
    return float("nan")


def _slack(stop: float, window: float) -> float:
    return 1e-9 * max(abs(stop), window)


def _common(begins: Array, ends: Array, epochs: Epochs) -> tuple[Array, Array]:
    """Return the parts of stretches that lie in epochs; both sorted, without overlaps."""
    low = np.maximum(begins[:, None], epochs.start[None])
    high = np.minimum(ends[:, None], epochs.stop[None])
    i, j = np.nonzero(high > low)
    return low[i, j], high[i, j]


def _extract(v: Variable, starts: Array) -> NDArray[np.float64]:
    if v.kind == "spike":
        return _spike_windows(v, starts)
    if v.kind is None:
        return np.asarray(v.values[(starts - v.start).astype(int)])
    rate = v.rate or 1.0
    width = int(np.floor(v.window * rate + 1e-6))
    if width < 1:
        raise OptionError(
            f"{v.name}: expected windows that hold a sample, at least {1 / rate:g} s at {rate:g} "
            f"samples per second, got {v.window:g} s; use longer windows, or interpolate "
            f"{v.name} to a faster clock first (Signal.at)"
        )
    # The first sample inside the window: none lies before its start, nor after its end.
    first = np.ceil((starts - v.start) * rate - 1e-6).astype(int)
    first = np.clip(first, 0, v.values.shape[1] - width)
    windows = np.lib.stride_tricks.sliding_window_view(v.values, width, axis=1)[:, first]
    windows = windows.transpose(1, 0, 2)
    if v.kind == "categorical":
        return _one_hot(v, windows)
    return np.ascontiguousarray(windows, dtype=np.float64)


def _one_hot(v: Variable, windows: Array) -> NDArray[np.float64]:
    n_categories = int(v.options.get("n_categories") or v.values.max() + 1)
    if v.values.max() >= n_categories:
        raise InvalidDataError(f"{v.name}: expected labels < {n_categories}, got {v.values.max()}")
    encoding = choice(
        f"processor_params_{v.name}['encoding']", v.options.get("encoding", "full"), ENCODINGS
    )
    check_kinds(v.name, windows.size, n_categories, n_categories * windows[0].size)
    hot = indicators(windows, n_categories)  # (n, channels, width, categories)
    if encoding == "full":
        return hot.reshape(*hot.shape[:2], -1)
    share = hot.mean(axis=2)
    if encoding == "probability":
        return np.asarray(share)
    return indicators(share.argmax(-1), n_categories)


def _spike_windows(v: Variable, starts: Array) -> NDArray[np.float64]:
    """Return counts per bin, or spike times relative to the window's start, zero padded."""
    edges = [(_reached(times, starts), _reached(times, starts + v.window)) for times in v.values]
    most = max(int((stop - start).max()) for start, stop in edges)
    if most == 0:
        raise InvalidDataError(
            f"{v.name}: expected spikes in the windows, got none in any of {len(starts)}"
        )
    empty = np.mean(sum(stop - start for start, stop in edges) == 0)
    if empty > 0.99:
        warnings.warn(
            f"{v.name}: {100 * empty:.1f} % of the windows are empty; are times and window_size "
            "both in seconds?",
            UnitsWarning,
            stacklevel=5,
        )
    if v.options.get("bin_size") is not None:
        return _binned(v, starts)
    given = v.options.get("max_spikes_per_window")
    width = most if given is None else int(given)
    if width < most:
        lost = sum(np.maximum(stop - start - width, 0).sum() for start, stop in edges)
        warnings.warn(
            f"{v.name}: max_spikes_per_window={width} leaves {int(lost)} spikes out; the fullest "
            f"window has {most}",
            UserWarning,
            stacklevel=5,
        )
    fill = float(v.options.get("no_spike_value", 0.0))
    out = np.full((len(starts), len(v.values), width), fill)
    for unit, (times, (first, last)) in enumerate(zip(v.values, edges, strict=True)):
        for place in range(width):
            has = first + place < last
            out[has, unit, place] = np.maximum(times[first[has] + place] - starts[has], 0.0)
    return out


def _reached(times: Array, borders: Array) -> NDArray[np.int64]:
    """Return how many times come before each border.

    A time on a border, but for rounding, comes after it: it is in the one window or bin that starts
    there.
    """
    slack = np.maximum(_RESOLUTION, _ROUNDINGS * np.spacing(np.abs(borders)))
    return np.asarray(np.searchsorted(times, borders - slack))


def _n_bins(v: Variable) -> int:
    """Return how many bins a window has.

    Raises
    ------
    OptionError
        If bins of the length that was asked for do not fill a window.
    """
    if v.options["bin_size"] == WHOLE_WINDOW:
        return 1
    size = positive(v.name, "bin_size", v.options["bin_size"])
    n_bins = max(1, round(v.window / size))
    if abs(n_bins * size - v.window) > 1e-6 * v.window:
        raise OptionError(
            f"processor_params_{v.name}['bin_size']: expected a whole number of bins in a window "
            f"of {v.window:g} s, {v.window / n_bins:g} s for {n_bins} say, got {size:g} s"
        )
    return n_bins


def _binned(v: Variable, starts: Array) -> NDArray[np.float64]:
    n_bins = _n_bins(v)
    borders = starts[:, None] + np.linspace(0, v.window, n_bins + 1)
    counts = np.stack(
        [np.diff(_reached(times, borders), axis=1) for times in v.values], axis=1
    ).astype(np.float64)
    if v.options.get("normalize"):
        counts /= v.window / n_bins
    return counts
