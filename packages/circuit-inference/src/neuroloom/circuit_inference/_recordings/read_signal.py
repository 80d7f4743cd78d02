"""From a file or an object to a `Signal`: what was recorded, how fast, on which channels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference._recordings.from_arrays import from_array, from_mapping
from neuroloom.circuit_inference._recordings.from_files import load_file, parsed
from neuroloom.circuit_inference._recordings.from_mne import brain_channels, from_raw, unit_of
from neuroloom.circuit_inference._recordings.from_tables import from_table
from neuroloom.circuit_inference.errors import ArgumentError, unknown
from neuroloom.shared import Recording, Signal
from neuroloom.shared.data import TimeSeries


def read_signal(
    source: Any,
    *,
    rate: float | str | None = None,
    data: str | None = None,
    channels: Iterable[str] | str | None = None,
    channel_axis: int | None = None,
    channel_types: Iterable[str] | str | None = None,
    layout: tuple[str, str, str] | None = None,
) -> Signal:
    """Return what `source` holds as a `Signal`, shape (n_times, n_channels).

    Parameters
    ----------
    source : path or object
        A `Signal`, or a `Recording` with one; a `TimeSeries`, which needs a `rate`; an array; a
        mapping of names to arrays; a table; MNE ``Raw``; or a file: ``.npy``, ``.npz``, ``.json``,
        ``.mat`` (before 7.3), ``.csv``, ``.tsv``, ``.parquet``, ``.nwb``, and through MNE ``.fif``,
        ``.edf``, ``.bdf``, ``.set``, ``.vhdr``, ``.cnt`` and ``.gdf``.
    rate : float or str, optional
        Sampling rate in Hz, or the name that it has in the mapping or file (dotted for nested
        ones). Sources that know their own need none, and another one is refused; tables have it
        from their column of times, in seconds unless its name ends in ``_ms``.
    data : str, optional
        Which array of a mapping, npz, mat or json file, or signal of a `Recording` or nwb file.
        The only one with more than one number if not given.
    channels : iterable of str, or str, optional
        Names of the channels, or the name they have in the mapping or file. For tables: which
        columns.
    channel_axis : int, optional
        Axis of an array along which channels lie. If not given, the one as long as the names of
        the channels, or the one that is at least four times shorter than the other.
    channel_types : str or iterable of str, optional
        Types of channels to take through MNE, ``"eeg"`` or ``["ecog", "seeg"]``. The one type
        that measures the brain if not given; channels that are named are taken whatever they are.
    layout : tuple of three str, optional
        A long table: its columns of times, channels and values. Otherwise channels are columns.

    Notes
    -----
    Spans that MNE's annotations call bad are NaN, and so is the sample at EEGLAB's boundaries and
    BrainVision's new segments: `epoch_table` leaves epochs with them out. Values of MNE are in V
    (T, T/m); an EDF whose unit is no voltage is told, and has none. Channels of an EDF that have
    other rates than its others are named, and read as they were recorded. A column of a table that
    only counts its rows is no channel; columns of whole numbers that label rows (trial, condition,
    sample within a trial) are refused unless the channels are named.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    UnsafeFormatError
        If a file holds pickled objects.
    ArgumentError
        If the rate, the array or a column cannot be found, times are not regular or contradict
        the rate, the axis of the channels or their type is not plain, a column of a table labels
        rows, the file is damaged, or MNE has epochs, which `read_signals` reads.
    ShapeError
        If the array has more than two dimensions or the names do not fit.
    MissingDependencyError
        If the file needs a library that is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> signal = read_signal(np.zeros((2, 500)), rate=250.0, channels=["Fz", "Cz"])
    >>> signal.duration, signal.channels
    (2.0, ('Fz', 'Cz'))
    """
    if isinstance(source, Signal):
        return _picked(_same_rate(source, rate), channels)
    if isinstance(source, TimeSeries):
        return _picked(_brought_to(source, "source", rate), channels)
    if isinstance(source, Recording):
        return _picked(_one_signal(source, data, rate), channels)
    if isinstance(source, (str, Path)):
        if channels is not None and not isinstance(channels, str):
            channels = list(channels)
        path = Path(source)
        source = load_file(path, data, channels)
        if hasattr(source, "get_data"):  # MNE reads the samples only now
            signal: Signal = parsed(
                lambda _: read_signal(
                    source, rate=rate, channels=channels, channel_types=channel_types
                ),
                path,
            )
            return signal
        if isinstance(source, (Signal, Recording)):
            return read_signal(source, rate=rate, data=data, channels=channels)
    if hasattr(source, "get_data") and hasattr(source, "ch_names"):
        if hasattr(source, "freqs"):
            raise ArgumentError(
                f"source: expected a recording, got {type(source).__name__}, whose values are "
                "powers: FeatureSet.from_spectra(freqs, power) takes them"
            )
        if hasattr(source, "events"):
            raise ArgumentError(
                "source: expected a continuous recording, got epochs, which have gaps between "
                "them: read_signals gives one Signal per epoch, which epoch_table takes"
            )
        return _same_rate(from_raw(source, channels, channel_types), rate)
    if isinstance(source, pd.DataFrame):
        return from_table(source, rate, channels, layout)
    if isinstance(source, Mapping):
        return from_mapping(source, rate, data, channels, channel_axis)
    return from_array(source, rate, channels, channel_axis)


def read_signals(source: Any, **options: Any) -> list[Signal]:
    """Return the recordings that `source` holds: one per epoch of MNE, per file of a list.

    Parameters
    ----------
    source : MNE Epochs, or list of what `read_signal` takes
        The start of an epoch's Signal is the time of its first sample in the recording.
    **options
        Those of `read_signal`.

    Raises
    ------
    ArgumentError
        As `read_signal`.
    """
    if not (hasattr(source, "get_data") and hasattr(source, "events")):
        parts = list(source) if isinstance(source, (list, tuple)) else [source]
        return [read_signal(part, **options) for part in parts]
    channels, types = options.pop("channels", None), options.pop("channel_types", None)
    if options:
        raise ArgumentError(f"options: expected channels and channel_types, got {sorted(options)}")
    names = brain_channels(source, channels, types)
    rate = float(source.info["sfreq"])
    # Events count samples of the continuous recording, whatever the epochs were decimated to.
    counted = float(np.ravel(getattr(source, "_raw_sfreq", rate))[0])
    starts = (source.events[:, 0] - getattr(source, "first_samp", 0)) / counted + source.tmin
    values = np.asarray(source.get_data(picks=names))
    unit = unit_of(source, names)
    return [
        Signal(x.T, rate, float(start), names, unit)
        for x, start in zip(values, starts, strict=True)
    ]


def _same_rate(signal: Signal, rate: float | str | None) -> Signal:
    if rate is None or isinstance(rate, str):
        return signal
    if abs(positive("rate", rate, "of Hz") / signal.rate - 1) > 1e-6:
        raise ArgumentError(f"rate: expected none or the source's {signal.rate:g} Hz, got {rate:g}")
    return signal


def _one_signal(recording: Recording, name: str | None, rate: float | str | None) -> Signal:
    if name is None and len(recording.signals) == 1:
        name = next(iter(recording.signals))
    if name is None or name not in recording.signals:
        raise unknown("data", name, recording.signals)
    found = recording.signals[name]
    return _same_rate(found, rate) if isinstance(found, Signal) else _brought_to(found, name, rate)


def _brought_to(series: TimeSeries, name: str, rate: float | str | None) -> Signal:
    """Return samples at any times as a signal of the named rate; none is guessed."""
    if rate is None or isinstance(rate, str):
        raise ArgumentError(
            f"rate: expected a number in Hz for {name!r}, which has times and no sampling rate, "
            f"got {rate!r}: say rate=…, or use .to_signal(rate) of it"
        )
    regular: Signal = series.to_signal(positive("rate", rate, "of Hz"))
    return regular


def _picked(signal: Signal, channels: Iterable[str] | str | None) -> Signal:
    if channels is None:
        return signal
    wanted = [channels] if isinstance(channels, str) else list(channels)
    for name in wanted:
        if name not in signal.channels:
            raise unknown("channels", name, signal.channels)
    columns = [signal.channels.index(name) for name in wanted]
    return Signal(signal.values[:, columns], signal.rate, signal.start, wanted, signal.unit)
