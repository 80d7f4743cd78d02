"""Processors: recordings to samples, one window of time each.

All variables of an analysis share one grid of window starts. The grid is in samples when every
variable is sampled alike, and in seconds as soon as one is a spike train or carries a clock.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import (
    DataShapeError,
    InsufficientDataError,
    InvalidDataError,
    OptionError,
    UnitsWarning,
    UnknownOptionError,
    choice,
    known,
)
from neuroloom.mi._inputs import (
    channels_first,
    numbers,
    plain,
    samples,
    signal_values,
    spike_lists,
)
from neuroloom.shared import Epochs, Signal, SpikeTrains

Array = NDArray[Any]
PROCESSORS = ("continuous", "spike", "categorical")
_COMMON = ("window_size", "step_size", "sample_rate", "data_format", "n_seconds")
_KEYS: dict[str, tuple[str, ...]] = {
    "continuous": _COMMON,
    "categorical": (*_COMMON, "n_categories", "encoding"),
    "spike": (
        *_COMMON,
        "max_spikes_per_window",
        "bin_size",
        "normalize",
        "no_spike_value",
    ),
}
ENCODINGS = ("full", "majority_vote", "probability")
_MANY_WINDOWS = 1_000_000


@dataclass(frozen=True)
class Variable:
    """A variable before windows: raw values and how to cut them."""

    name: str
    kind: str | None  # a processor, or None for samples that are ready
    values: Any  # (n_channels, n_timepoints), a list of spike times, or ready samples
    rate: float | None  # samples per second; None where time is counted in samples
    start: float  # of the first sample, in the grid's unit
    stop: float
    window: float
    step: float
    epochs: Epochs | None
    options: Mapping[str, Any]

    @property
    def in_seconds(self) -> bool:
        """Whether windows are in seconds."""
        return self.rate is not None or self.kind == "spike"


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
    """

    values: tuple[NDArray[np.float64], ...]
    gap: int
    starts: NDArray[np.float64]


def variable(name: str, data: Any, kind: str | None, params: Mapping[str, Any] | None) -> Variable:
    """Return a variable with its options checked; `data` and `params` are left as they are."""
    data, options = plain(data), dict(params or {})
    if kind is not None:
        choice(f"processor_type_{name}", kind, PROCESSORS)
    elif isinstance(data, SpikeTrains):
        kind = "spike"
        options.setdefault("bin_size", options.get("window_size"))
    elif isinstance(data, Signal):
        kind = "continuous"
    elif isinstance(data, (list, tuple)) and len(data) and all(np.ndim(v) == 1 for v in data):
        if len({len(v) for v in data}) > 1:
            raise OptionError(
                f"processor_type_{name}: expected 'spike' for a list of arrays of different "
                "lengths, got None"
            )
    if kind is None:
        ready = samples(name, data)
        return Variable(name, None, ready, None, 0, len(ready), 1, 1, None, options)
    known(f"processor_params_{name}", options, _KEYS[kind])
    window = _positive(name, "window_size", options.get("window_size", 1))
    step = _positive(name, "step_size", options.get("step_size", window if kind == "spike" else 1))
    if kind == "spike":
        return _spikes(name, data, options, window, step)
    return _sampled(name, kind, data, options, window, step)


def _positive(name: str, key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)):
        raise UnknownOptionError(
            f"processor_params_{name}[{key!r}]: expected a number, got {type(value).__name__}"
        )
    if not 0 < value < np.inf:
        raise OptionError(
            f"processor_params_{name}[{key!r}]: expected a positive number, got {value}"
        )
    return float(value)


def _spikes(name: str, data: Any, options: dict[str, Any], window: float, step: float) -> Variable:
    trains = spike_lists(name, data)
    epochs = data.epochs if isinstance(data, SpikeTrains) else None
    filled = [t for t in trains if len(t)]
    if epochs is not None:
        start, stop = float(epochs.start[0]), float(epochs.stop[-1])
    else:
        start, stop = min(t[0] for t in filled), max(t[-1] for t in filled)
    if options.get("n_seconds") is not None:
        stop = start + _positive(name, "n_seconds", options["n_seconds"])
    isi = [float(np.median(np.diff(t))) for t in filled if len(t) > 2]
    if (isi and np.median(isi) > 50 * window) or (stop - start) / step > _MANY_WINDOWS:
        warnings.warn(
            f"{name}: median interval between spikes {np.median(isi) if isi else 0:.3g}, "
            f"window_size {window:g}: are the times in ms and the window in s? "
            "Both must be in seconds",
            UnitsWarning,
            stacklevel=5,
        )
    return Variable(name, "spike", trains, None, start, stop, window, step, epochs, options)


def _sampled(
    name: str, kind: str, data: Any, options: dict[str, Any], window: float, step: float
) -> Variable:
    rate, start = options.get("sample_rate"), 0.0
    if isinstance(data, Signal):
        values, rate, start = signal_values(name, data), data.rate, data.start
    else:
        values = channels_first(name, numbers(name, data), options.get("data_format"))
    if kind == "categorical":
        if values.dtype.kind not in "iu" and not isinstance(data, Signal):
            raise UnknownOptionError(
                f"{name}: expected integer labels for 'categorical', got dtype {values.dtype}"
            )
        if values.min() < 0:
            raise InvalidDataError(f"{name}: expected labels ≥ 0, got {values.min()}")
        values = values.astype(np.int64)
    if rate is not None:
        rate = _positive(name, "sample_rate", rate)
        if "step_size" not in options:
            step = window
        stop = start + values.shape[1] / rate
    else:
        if options.get("n_seconds") is not None:
            raise OptionError(
                f"processor_params_{name}['n_seconds']: expected sample_rate beside it, got none"
            )
        if window != int(window) or step != int(step):
            raise OptionError(
                f"processor_params_{name}: expected window_size and step_size in whole samples, "
                f"got {window} and {step}; give sample_rate to use seconds"
            )
        stop = values.shape[1]
    if options.get("n_seconds") is not None:
        stop = min(stop, start + _positive(name, "n_seconds", options["n_seconds"]))
    return Variable(name, kind, values, rate, start, stop, window, step, None, options)


def rewindow(var: Variable, changes: Mapping[str, Any]) -> Variable:
    """Return `var` with other window options, as a sweep over them needs."""
    if var.kind is None:
        raise OptionError(
            f"sweep_grid: expected a processor for {var.name} beside {sorted(changes)}, got None"
        )
    known(f"sweep_grid ({var.kind})", changes, _KEYS[var.kind])
    options = {**var.options, **changes}
    window = _positive(var.name, "window_size", options.get("window_size", 1))
    fallback = window if var.in_seconds else 1
    step = _positive(var.name, "step_size", options.get("step_size", fallback))
    return replace(var, window=window, step=step, options=options)


def shift(var: Variable, lag: float) -> Variable:
    """Return `var` as seen `lag` later: what happens at ``t + lag`` is found at ``t``.

    The lag is in samples, or in seconds if the variable's windows are.
    """
    if var.kind is None or (var.kind != "spike" and var.rate is None):
        lag = int(lag)
        n = var.values.shape[0] if var.kind is None else var.values.shape[1]
        if abs(lag) >= n:
            raise InsufficientDataError(f"lag: expected less than {n} samples, got {lag}")
    elif abs(lag) >= var.stop - var.start:
        raise InsufficientDataError(
            f"lag: expected less than the recorded {var.stop - var.start:g} s, got {lag}"
        )
    if var.kind == "spike":
        epochs = var.epochs
        if epochs is not None:
            epochs = Epochs(epochs.start - lag, epochs.stop - lag)
        moved = [times - lag for times in var.values]
        return replace(var, values=moved, start=var.start - lag, stop=var.stop - lag, epochs=epochs)
    return replace(var, start=var.start - lag, stop=var.stop - lag)


def cut(*variables: Variable, align: str | None = None) -> Samples:
    """Return the samples of all variables on one grid.

    Parameters
    ----------
    *variables : Variable
    align : {None, "truncate"}
        What to do with samples of unequal number that carry no time: raise, or keep the first.

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
    if all(v.kind is None for v in variables):
        return _ready(variables, align)
    if not seconds.pop():
        lengths = {v.name: int(v.stop - v.start) for v in variables}
        if len(set(lengths.values())) > 1 and align != "truncate":
            raise DataShapeError(f"expected recordings of one length, got {lengths}")
    return _cut_grid(variables)


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


def _cut_grid(variables: tuple[Variable, ...]) -> Samples:
    first = max(v.start for v in variables)
    stop = min(v.stop for v in variables)
    window = max(v.window for v in variables)
    step = max(v.step for v in variables)
    room = stop - first - window
    tolerance = 1e-9 * max(abs(stop), window)
    if room < -tolerance:
        raise InsufficientDataError(
            f"expected at least one window of {window:g}, got {max(stop - first, 0):g} of common "
            "time"
        )
    n = int(np.floor(room / step + 1e-9)) + 1
    starts = first + step * np.arange(n)
    for v in variables:
        if v.epochs is not None:
            begin = v.epochs.index(starts)
            end = v.epochs.index(np.nextafter(starts + window - tolerance, -np.inf))
            starts = starts[(begin >= 0) & (begin == end)]
    if not len(starts):
        raise InsufficientDataError(f"expected windows of {window:g} inside the epochs, got none")
    gap = int(np.ceil(window / step - 1e-9)) - 1
    values = tuple(_extract(v, starts) for v in variables)
    return Samples(values, gap, np.asarray(starts, dtype=np.float64))


def _extract(v: Variable, starts: Array) -> NDArray[np.float64]:
    if v.kind == "spike":
        return _spike_windows(v, starts)
    if v.kind is None:
        return np.asarray(v.values[(starts - v.start).astype(int)])
    rate = v.rate or 1.0
    width = max(1, round(v.window * rate))
    first = np.rint((starts - v.start) * rate).astype(int)
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
    hot = np.eye(n_categories)[windows]  # (n, channels, width, categories)
    if encoding == "full":
        return hot.reshape(*hot.shape[:2], -1)
    share = hot.mean(axis=2)
    if encoding == "probability":
        return np.asarray(share)
    return np.asarray(np.eye(n_categories)[share.argmax(-1)])


def _spike_windows(v: Variable, starts: Array) -> NDArray[np.float64]:
    """Return counts per bin, or spike times relative to the window's start, zero padded."""
    edges = [
        (np.searchsorted(times, starts), np.searchsorted(times, starts + v.window))
        for times in v.values
    ]
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
    width = int(v.options.get("max_spikes_per_window") or most)
    fill = float(v.options.get("no_spike_value", 0.0))
    out = np.full((len(starts), len(v.values), width), fill)
    for unit, (times, (first, last)) in enumerate(zip(v.values, edges, strict=True)):
        for place in range(width):
            has = first + place < last
            out[has, unit, place] = times[first[has] + place] - starts[has]
    return out


def _binned(v: Variable, starts: Array) -> NDArray[np.float64]:
    size = _positive(v.name, "bin_size", v.options["bin_size"])
    n_bins = max(1, round(v.window / size))
    borders = starts[:, None] + np.linspace(0, v.window, n_bins + 1)
    counts = np.stack(
        [np.diff(np.searchsorted(times, borders), axis=1) for times in v.values], axis=1
    ).astype(np.float64)
    if v.options.get("normalize"):
        counts /= v.window / n_bins
    return counts
