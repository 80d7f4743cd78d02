"""Variables: recordings with how they are to be cut, checked before anything is."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import (
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
_MANY_WINDOWS = 1_000_000
WHOLE_WINDOW = "window"  # of bin_size: one bin, however long the window is
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

    @property
    def n_channels(self) -> int:
        """Number of channels or units; plain features count as channels."""
        if self.kind is not None:
            return len(self.values)
        return int(next((n for n in self.values.shape[1:] if n > 1), 1))


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
        options.setdefault("bin_size", WHOLE_WINDOW)
    if kind is None:
        ready = samples(name, data)
        return Variable(
            name, None, ready, None, 0, len(ready), 1, 1, None, options, names=is_text(data)
        )
    known(f"processor_params_{name}", options, _KEYS[kind])
    window = positive(
        name, "window_size", options.get("window_size", _window_of(name, data, options))
    )
    step = positive(name, "step_size", options.get("step_size", window if kind == "spike" else 1))
    made = _spikes if kind == "spike" else _sampled
    out = made(name, data, options, window, step, kind)
    return replace(out, step_given="step_size" in options)


def _window_of(name: str, data: Any, options: Mapping[str, Any]) -> float:
    """Return the window where none is named: one sample; a second of spikes."""
    rate = data.rate if isinstance(data, Signal) else options.get("sample_rate")
    return 1.0 if rate is None else 1 / positive(name, "sample_rate", rate)


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


def positive(name: str, key: str, value: Any) -> float:
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
        stop = start + positive(name, "n_seconds", options["n_seconds"])
    _check_spike_options(name, options)
    _check_units(name, filled, stop - start, window, step)
    return Variable(name, "spike", trains, None, start, stop, window, step, epochs, options)


def _check_spike_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise for options of counts beside spike times, and of spike times beside counts."""
    given = {key for key, value in options.items() if value is not None and value is not False}
    counted = "bin_size" in given
    for key in ("max_spikes_per_window", "no_spike_value") if counted else ("normalize",):
        if key in given:
            wanted = "spike times (bin_size=None)" if counted else "counts (a bin_size)"
            raise OptionError(
                f"processor_params_{name}[{key!r}]: expected {wanted} beside it, got "
                f"bin_size={options.get('bin_size')!r}, which does not use it"
            )
    if "max_spikes_per_window" in given:
        where = f"processor_params_{name}['max_spikes_per_window']"
        real(where, options["max_spikes_per_window"], whole=True, low=1)


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
        rate = positive(name, "sample_rate", rate)
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
        stop = min(stop, start + positive(name, "n_seconds", options["n_seconds"]))
    return Variable(name, kind, values, rate, start, stop, window, step, epochs, options)


def rewindow(var: Variable, changes: Mapping[str, Any]) -> Variable:
    """Return `var` with other window options, as a sweep over them needs."""
    if var.kind is None:
        raise OptionError(
            f"sweep_grid: expected a processor for {var.name} beside {sorted(changes)}, got None"
        )
    known(f"sweep_grid ({var.kind})", changes, _KEYS[var.kind])
    options = {**var.options, **changes}
    if var.kind == "spike":
        _check_spike_options(var.name, options)
    window = positive(var.name, "window_size", options.get("window_size", var.window))
    fallback = window if var.in_seconds else 1
    step = positive(var.name, "step_size", options.get("step_size", fallback))
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
