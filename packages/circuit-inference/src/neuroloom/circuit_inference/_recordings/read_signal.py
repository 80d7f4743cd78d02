"""From a file or an object to a `Signal`: what was recorded, how fast, on which channels."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ShapeError,
    UnsafeFormatError,
    unknown,
)
from neuroloom.shared import (
    DataError,
    MissingDependencyError,
    Recording,
    Signal,
    read_nwb,
    require,
)
from neuroloom.shared.checks import regular_times
from neuroloom.shared.data import TimeSeries

_MNE_EXTRA = "neuroloom-circuit-inference[mne]"
_MNE_SUFFIXES = (".fif", ".edf", ".bdf", ".set", ".vhdr", ".cnt", ".gdf")
_TIME_NAMES = ("time", "times", "t", "timestamp", "time_s", "seconds", "time_ms", "t_ms")
_INDEX_NAMES = ("unnamed: 0", "index", "sample", "samples", "")
# Channel types of MNE that measure the brain.
_BRAIN = ("eeg", "mag", "grad", "seeg", "ecog", "dbs")
_SLOWEST_HZ = 10.0  # field potentials are sampled faster: a slower rate is told


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
    Spans that MNE's annotations call bad are NaN: `epoch_table` leaves epochs with them out. Values
    of MNE are in V (T, T/m). A column of a table that only counts its rows is no channel.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    UnsafeFormatError
        If a file holds pickled objects.
    ArgumentError
        If the rate, the array or a column cannot be found, times are not regular or contradict
        the rate, the axis of the channels or their type is not plain, the file is damaged, or MNE
        has epochs, which `read_signals` reads.
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
        source = _load(Path(source), data)
        if isinstance(source, (Signal, Recording)):
            return read_signal(source, rate=rate, data=data, channels=channels)
    if hasattr(source, "get_data") and hasattr(source, "ch_names"):
        if hasattr(source, "events"):
            raise ArgumentError(
                "source: expected a continuous recording, got epochs, which have gaps between "
                "them: read_signals gives one Signal per epoch, which epoch_table takes"
            )
        return _same_rate(_from_raw(source, channels, channel_types), rate)
    if isinstance(source, pd.DataFrame):
        return _from_table(source, rate, channels, layout)
    if isinstance(source, Mapping):
        return _from_mapping(source, rate, data, channels, channel_axis)
    return _from_array(source, rate, channels, channel_axis)


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
    names = _mne_channels(source, channels, types)
    rate = float(source.info["sfreq"])
    starts = (source.events[:, 0] - getattr(source, "first_samp", 0)) / rate + source.tmin
    values = np.asarray(source.get_data(picks=names))
    unit = _mne_unit(source, names)
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


def _load(path: Path, data: str | None) -> Any:
    if not path.exists():
        raise FileNotFoundError(f"source: expected an existing file, got {path}")
    suffix = path.suffix.lower()
    readers: dict[str, Callable[[Path], Any]] = {
        ".npy": lambda p: np.load(p, allow_pickle=False),
        ".npz": _npz,
        ".json": lambda p: json.loads(p.read_text()),
        ".mat": _mat,
        ".csv": lambda p: _csv(p, ","),
        ".tsv": lambda p: _csv(p, "\t"),
        ".parquet": pd.read_parquet,
        ".nwb": lambda p: read_nwb(p, signals=None if data is None else [data]),
    }
    if suffix in _MNE_SUFFIXES:
        mne = require("mne", extra=_MNE_EXTRA)
        return _parsed(lambda p: mne.io.read_raw(p, preload=False, verbose="error"), path)
    if suffix in (".pkl", ".pickle"):
        raise UnsafeFormatError(
            f"source: {path.name} is a pickle, which runs code when opened; save it as npz, csv "
            "or parquet"
        )
    if suffix not in readers:
        raise unknown("source", suffix, [*readers, *_MNE_SUFFIXES])
    return _parsed(readers[suffix], path)


def _parsed(reader: Callable[[Path], Any], path: Path) -> Any:
    """Return what a reader makes of a file; whatever it raises of a damaged one is our error."""
    try:
        return reader(path)
    except (ArgumentError, PermissionError, MissingDependencyError):
        raise
    except Exception as error:  # each library has its own
        if "pickle" in str(error).lower():
            raise UnsafeFormatError(
                f"source: {path.name} holds Python objects, which are not opened; expected numbers"
            ) from error
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ArgumentError(
            f"source: expected a readable {path.suffix} file, got {path.name}: {said[0]}"
        ) from error


def _npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _csv(path: Path, separator: str) -> pd.DataFrame:
    table = pd.read_csv(path, sep=separator)
    if table.shape[1] == 1 and ";" in str(table.columns[0]):
        raise ArgumentError(
            f"source: expected {path.name} to be separated by commas, got semicolons: read it with "
            "pandas.read_csv(sep=';', decimal=',') and hand over the table"
        )
    return table


def _mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        content = loadmat(path, simplify_cells=True)
    except NotImplementedError as error:
        raise ArgumentError(
            f"source: {path.name} is a MATLAB 7.3 file, expected an earlier format: save it with "
            "-v7, or read it with h5py and hand over the array"
        ) from error
    return {name: value for name, value in content.items() if not name.startswith("__")}


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


def _mne_channels(
    source: Any, channels: Iterable[str] | str | None, types: Iterable[str] | str | None
) -> list[str]:
    """Return the named channels, or the good ones of one type that measures the brain."""
    if channels is not None:
        wanted = [channels] if isinstance(channels, str) else list(channels)
        for name in wanted:
            if name not in source.ch_names:
                raise unknown("channels", name, source.ch_names)
        return wanted
    kinds = dict(zip(source.ch_names, source.get_channel_types(), strict=True))
    bad = set(source.info.get("bads", []))
    there = sorted({kind for name, kind in kinds.items() if kind in _BRAIN and name not in bad})
    if types is None:
        if len(there) > 1:
            raise ArgumentError(
                f"channel_types: expected one of {there}, which are in units of their own, got None"
            )
        taken = there
    else:
        taken = [types] if isinstance(types, str) else list(types)
    good = [name for name, kind in kinds.items() if kind in taken and name not in bad]
    if not good:
        raise ArgumentError(
            f"channel_types: expected channels of {taken or list(_BRAIN)} that are not marked "
            f"bad, got {sorted(set(kinds.values()))}, bad: {sorted(bad)}"
        )
    return good


def _mne_unit(source: Any, names: list[str]) -> str:
    kinds = dict(zip(source.ch_names, source.get_channel_types(), strict=True))
    units = {{"mag": "T", "grad": "T/m"}.get(kinds[name], "V") for name in names}
    return units.pop() if len(units) == 1 else ""


def _from_raw(
    raw: Any, channels: Iterable[str] | str | None, types: Iterable[str] | str | None
) -> Signal:
    names = _mne_channels(raw, channels, types)
    values = np.array(raw.get_data(picks=names)).T
    rate = float(raw.info["sfreq"])
    offset = float(getattr(raw, "first_time", 0.0))
    for note in getattr(raw, "annotations", ()):
        if str(note["description"]).lower().startswith(("bad", "edge")):
            # Onsets count from the start of the measurement where there is a date, as MNE does.
            begins = note["onset"] - (offset if raw.info["meas_date"] is not None else 0.0)
            first = max(0, int(np.floor(begins * rate + 1e-6)))
            last = int(np.ceil((begins + max(note["duration"], 1 / rate)) * rate - 1e-6))
            values[first : max(last, first)] = np.nan
    return Signal(values, rate, 0.0, names, _mne_unit(raw, names))


def _from_array(
    source: Any,
    rate: float | str | None,
    channels: Iterable[str] | str | None,
    channel_axis: int | None,
) -> Signal:
    try:
        values = np.asarray(source, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ShapeError(f"source: expected a regular array of numbers, got {error}") from error
    if values.ndim == 1:
        values = values[:, None]
    elif values.ndim == 2:
        axis = _channel_axis(values.shape, channels, channel_axis)
        values = values if axis in (1, -1) else values.T
    else:
        raise ShapeError(f"source: expected one or two dimensions, got shape {values.shape}")
    names = [channels] if isinstance(channels, str) else list(channels or ())
    if names and len(names) != values.shape[1]:
        raise ShapeError(f"channels: expected {values.shape[1]} names, got {len(names)}")
    return _signal(values, positive("rate", rate, "of Hz"), names)


def _channel_axis(
    shape: tuple[int, ...], channels: Iterable[str] | str | None, given: int | None
) -> int:
    if given is not None:
        if given not in (0, 1, -1, -2):
            raise ArgumentError(f"channel_axis: expected 0 or 1, got {given!r}")
        return given % 2
    names = [] if channels is None or isinstance(channels, str) else list(channels)
    fits = [axis for axis in (0, 1) if len(names) == shape[axis]]
    if names and len(fits) == 1:
        return fits[0]
    short = int(np.argmin(shape))
    if 4 * shape[short] > shape[1 - short]:
        raise ArgumentError(
            f"channel_axis: expected 0 or 1 for an array of shape {shape}, whose channels cannot "
            "be told from its samples"
        )
    return short


def _from_mapping(
    source: Mapping[str, Any],
    rate: float | str | None,
    data: str | None,
    channels: Iterable[str] | str | None,
    channel_axis: int | None,
) -> Signal:
    if data is None:
        large = [name for name, value in source.items() if _is_series(value)]
        if len(large) != 1:
            raise ArgumentError(
                f"data: expected the name of the array, one of {large or list(source)}"
            )
        data = large[0]
    values = _at(source, data, "data")
    if isinstance(rate, str):
        rate = float(np.ravel(_at(source, rate, "rate"))[0])
    elif rate is None:
        found = [name for name in ("fs", "rate", "sfreq", "srate") if name in source]
        if not found:
            raise ArgumentError(
                f"rate: expected a number in Hz, or its name among {list(source)}, got None"
            )
        rate = float(np.ravel(source[found[0]])[0])
    if isinstance(channels, str):
        channels = [str(name) for name in np.ravel(_at(source, channels, "channels"))]
    return _from_array(values, rate, channels, channel_axis)


def _is_series(value: Any) -> bool:
    try:
        array = np.asarray(value)
    except ValueError:
        return False
    return array.dtype.kind in "fiu" and array.size > 1 and array.ndim in (1, 2)


def _at(source: Any, name: str, argument: str) -> Any:
    """Return what lies at a name, ``"outer.inner"`` for nested mappings."""
    here = source
    for part in [name] if isinstance(source, Mapping) and name in source else name.split("."):
        if not isinstance(here, Mapping) or part not in here:
            known = list(here) if isinstance(here, Mapping) else []
            raise unknown(argument, part, [str(key) for key in known])
        here = here[part]
    return here


def _from_table(
    table: pd.DataFrame,
    rate: float | str | None,
    channels: Iterable[str] | str | None,
    layout: tuple[str, str, str] | None,
) -> Signal:
    if layout is not None:
        table = _wide(table, layout)
    times = next((c for c in table.columns if str(c).lower() in _TIME_NAMES), None)
    if layout is not None:
        times = str(layout[0])
    if isinstance(rate, str):
        times, rate = rate, None
        if times not in table.columns:
            raise unknown("rate", times, map(str, table.columns))
    start = 0.0
    if rate is None and times is None:
        raise ArgumentError(
            f"rate: expected a number in Hz or a column of times in seconds, one of "
            f"{_TIME_NAMES}, got the columns {list(table.columns)}"
        )
    if times is not None:
        given = None if rate is None else positive("rate", rate, "of Hz")
        rate, start = _regular(np.asarray(table[times], dtype=np.float64), str(times), given)
    names = _columns_of(table, channels, times)
    values = table[names].to_numpy(dtype=np.float64)
    return _signal(values, positive("rate", rate, "of Hz"), names, start)


def _wide(table: pd.DataFrame, layout: tuple[str, str, str]) -> pd.DataFrame:
    """Return a long table with one column per channel."""
    for name in layout:
        if name not in table.columns:
            raise unknown("layout", name, map(str, table.columns))
    time, channel, value = layout
    if table.duplicated([time, channel]).any():
        raise ArgumentError("layout: expected one value for each time and channel, got several")
    table = table.pivot(index=time, columns=channel, values=value).reset_index()
    table.columns = pd.Index([str(name) for name in table.columns])
    return table


def _columns_of(table: pd.DataFrame, channels: Iterable[str] | str | None, times: Any) -> list[str]:
    if channels is None:
        numeric = table.select_dtypes("number").columns
        names = [str(c) for c in numeric if c != times and not _counts_rows(table, c)]
    else:
        names = [channels] if isinstance(channels, str) else list(channels)
        for name in names:
            if name not in table.columns:
                raise unknown("channels", name, map(str, table.columns))
    if not names:
        raise ArgumentError(
            f"channels: expected columns of numbers, got {dict(table.dtypes.astype(str))}"
        )
    return names


def _counts_rows(table: pd.DataFrame, column: Any) -> bool:
    """Return whether a column is the number of the row, as programs write it first."""
    if str(column).strip().lower() not in _INDEX_NAMES:
        return False
    values = table[column].to_numpy()
    return bool(values.dtype.kind in "iu" and (np.diff(values) == 1).all() and values[0] in (0, 1))


def _regular(times: NDArray[np.float64], name: str, given: float | None) -> tuple[float, float]:
    """Return rate and start of regular times, in seconds unless their name says ms."""
    in_ms = name.lower().endswith("_ms")
    rate, start = regular_times(name, times / 1e3 if in_ms else times, error=ArgumentError)
    if given is not None and abs(given / rate - 1) > 1e-3:
        raise ArgumentError(
            f"rate: expected the {rate:g} Hz of the column {name!r}, got {given:g} Hz"
        )
    if rate < _SLOWEST_HZ and given is None and not name.lower().endswith(("_s", "_ms", "seconds")):
        warnings.warn(
            f"{name}: the times are taken for seconds, which makes {rate:g} Hz; if they are in "
            f"ms, call the column {name}_ms",
            stacklevel=4,
        )
    return rate, start


def _signal(
    values: NDArray[np.float64], rate: float, names: list[str], start: float = 0.0
) -> Signal:
    try:
        return Signal(values, rate, start, names)
    except DataError as error:
        raise ShapeError(f"source: {error}") from error
