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
    real,
)
from neuroloom.mi._samples.inputs import (
    channels_first,
    is_text,
    joined,
    numbers,
    plain,
    samples,
    signal_values,
    spike_lists,
)
from neuroloom.mi._samples.labels import check_kinds, indicators
from neuroloom.shared import Epochs, Signal, SpikeTrains
from neuroloom.shared.data import TimeSeries

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
_WINDOW = ("window_size", "step_size")  # what a variable takes from another that it lacks
# What a sweep may change about windows.
PROCESSING = ("window_size", "step_size", "n_seconds", "max_spikes_per_window", "data_format")


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
    step_given: bool = False  # whether the step is the user's
    names: bool = False  # whether ready samples are names of kinds, as numbers without an order

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


def variable(
    name: str,
    data: Any,
    kind: str | None,
    params: Mapping[str, Any] | None,
    like: Mapping[str, Any] | None = None,
) -> Variable:
    """Return a variable with its options checked; `data` and `params` are left as they are.

    Parameters
    ----------
    name : str
        In errors.
    data : array_like, SpikeTrains, Signal, list of either, tensor or pynapple object
    kind : str, optional
        The processor.
    params : mapping, optional
        Its parameters.
    like : mapping, optional
        Another variable's parameters, for what `params` leave out about windows, and for all if
        there are no `params`.
    """
    data, options = plain(data), dict(params or {})
    if isinstance(data, TimeSeries):
        raise InvalidDataError(
            f"{name}: expected regular samples, got a TimeSeries with times of its own; resample "
            "it with .at(times) and pass a Signal"
        )
    if _all_are(data, Signal):
        data = joined(name, data)
    kind = _kind(name, data, kind)
    for key, value in (like or {}).items():
        if kind is not None and key in (_KEYS[kind] if params is None else _WINDOW):
            options.setdefault(key, value)
    if isinstance(data, SpikeTrains):
        options.setdefault("bin_size", options.get("window_size"))
    if kind is None:
        ready = samples(name, data)
        return Variable(
            name, None, ready, None, 0, len(ready), 1, 1, None, options, names=is_text(data)
        )
    known(f"processor_params_{name}", options, _KEYS[kind])
    window = _positive(name, "window_size", options.get("window_size", 1))
    step = _positive(name, "step_size", options.get("step_size", window if kind == "spike" else 1))
    made = _spikes if kind == "spike" else _sampled
    out = made(name, data, options, window, step, kind)
    return replace(out, step_given="step_size" in options)


def _kind(name: str, data: Any, kind: str | None) -> str | None:
    """Return the processor that was named, or that of the data; None for ready samples."""
    if kind is not None:
        return choice(f"processor_type_{name}", kind, PROCESSORS)
    if isinstance(data, SpikeTrains):
        return "spike"
    if isinstance(data, Signal):
        return "continuous"
    if isinstance(data, (list, tuple)) and len(data) and all(np.ndim(v) == 1 for v in data):
        if len({len(v) for v in data}) > 1:
            raise OptionError(
                f"processor_type_{name}: expected 'spike' for a list of arrays of different "
                "lengths, got None"
            )
    return None


def _all_are(data: Any, cls: type) -> bool:
    listed = isinstance(data, (list, tuple)) and len(data) > 0
    return listed and all(isinstance(piece, cls) for piece in data)


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


def _spikes(
    name: str, data: Any, options: dict[str, Any], window: float, step: float, kind: str
) -> Variable:
    trains = spike_lists(name, data)
    epochs = data.epochs if isinstance(data, SpikeTrains) else None
    filled = [t for t in trains if len(t)]
    if epochs is not None:
        start, stop = float(epochs.start[0]), float(epochs.stop[-1])
    else:
        start, stop = min(t[0] for t in filled), max(t[-1] for t in filled)
    if options.get("n_seconds") is not None:
        stop = start + _positive(name, "n_seconds", options["n_seconds"])
    if options.get("max_spikes_per_window") is not None:
        where = f"processor_params_{name}['max_spikes_per_window']"
        real(where, options["max_spikes_per_window"], whole=True, low=1)
    _check_units(name, filled, stop - start, window, step)
    return Variable(name, "spike", trains, None, start, stop, window, step, epochs, options)


def _check_units(
    name: str, trains: list[Array], duration: float, window: float, step: float
) -> None:
    """Warn of times in ms beside windows in s; refuse where that would take minutes."""
    isi = [float(np.median(np.diff(t))) for t in trains if len(t) > 2]
    between = float(np.median(isi)) if isi else 0.0
    n_windows = duration / step
    filled = sum(map(len, trains)) * max(1.0, window / step)
    message = (
        f"{name}: median interval between spikes {between:.3g}, window_size {window:g}, "
        f"{n_windows:.3g} windows: are the times in ms and the window in s? Both must be in seconds"
    )
    if n_windows > _MANY_WINDOWS / 10 and filled < 0.01 * n_windows:
        raise InvalidDataError(f"{message}; more than 99 % of the windows would be empty")
    if between > 50 * window or n_windows > _MANY_WINDOWS:
        warnings.warn(message, UnitsWarning, stacklevel=6)


def _sampled(
    name: str, data: Any, options: dict[str, Any], window: float, step: float, kind: str
) -> Variable:
    rate, start, epochs = options.get("sample_rate"), 0.0, None
    if isinstance(data, Signal):
        values, epochs = signal_values(name, data)
        rate, start = data.rate, data.start
    else:
        values = channels_first(name, numbers(name, data), options.get("data_format"))
    if kind == "categorical":
        if isinstance(data, Signal) and (values % 1 != 0).any():
            raise InvalidDataError(
                f"{name}: expected whole numbers as labels for 'categorical', got "
                f"{values[values % 1 != 0][0]:g}; use 'continuous' for a signal"
            )
        if values.dtype.kind not in "iub" and not isinstance(data, Signal):
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
    return Variable(name, kind, values, rate, start, stop, window, step, epochs, options)


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
    given = var.step_given or "step_size" in changes
    return replace(var, window=window, step=step, options=options, step_given=given)


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
    epochs = var.epochs
    if epochs is not None:
        epochs = Epochs(epochs.start - lag, epochs.stop - lag)
    moved = replace(var, start=var.start - lag, stop=var.stop - lag, epochs=epochs)
    if var.kind != "spike":
        return moved
    return replace(moved, values=[times - lag for times in var.values])


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
    room = ends - begins - window + _slack(stop, window)
    counts = np.where(room >= 0, np.floor(np.maximum(room, 0) / step + 1e-9) + 1, 0).astype(int)
    if not counts.sum():
        longest = float((ends - begins).max()) if len(begins) else 0.0
        raise InsufficientDataError(
            f"expected windows of {window:g} inside the epochs, got none: the longest stretch that "
            f"all variables share lasts {longest:g}"
        )
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.repeat(begins, counts) + step * place
    gap = int(np.ceil(window / step - 1e-9)) - 1
    values = tuple(_extract(v, starts) for v in variables)
    seconds = window if all(v.in_seconds for v in variables) else float("nan")
    return Samples(
        values, gap, np.asarray(starts, dtype=np.float64), seconds, _spiking(variables, starts)
    )


def _spiking(variables: tuple[Variable, ...], starts: Array) -> float:
    """Return the mean number of spikes per window of the first spike train."""
    for v in variables:
        if v.kind == "spike":
            first = [np.searchsorted(t, starts) for t in v.values]
            last = [np.searchsorted(t, starts + v.window) for t in v.values]
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
    width = max(1, int(np.floor(v.window * rate + 1e-6)))
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
