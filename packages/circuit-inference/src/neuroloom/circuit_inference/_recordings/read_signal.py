"""From a file or an object to a `Signal`: what was recorded, how fast, on which channels."""

from __future__ import annotations

import json
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
from neuroloom.shared import DataError, Recording, Signal, read_nwb, require

_MNE_EXTRA = "neuroloom-circuit-inference[mne]"
_MNE_SUFFIXES = (".fif", ".edf", ".bdf", ".set", ".vhdr", ".cnt", ".gdf")
_TIME_NAMES = ("time", "times", "t", "timestamp", "time_s")


def read_signal(
    source: Any,
    *,
    rate: float | str | None = None,
    data: str | None = None,
    channels: Iterable[str] | str | None = None,
    channel_axis: int | None = None,
    layout: tuple[str, str, str] | None = None,
) -> Signal:
    """Return what `source` holds as a `Signal`, shape (n_times, n_channels).

    Parameters
    ----------
    source : path or object
        A `Signal`, or a `Recording` with one; an array; a mapping of names to arrays; a table; MNE
        ``Raw``; or a file: ``.npy``, ``.npz``, ``.json``, ``.mat`` (before 7.3), ``.csv``,
        ``.tsv``, ``.parquet``, ``.nwb``, and through MNE ``.fif``, ``.edf``, ``.bdf``, ``.set``,
        ``.vhdr``, ``.cnt`` and ``.gdf``.
    rate : float or str, optional
        Sampling rate in Hz, or the name that it has in the mapping or file (dotted for nested
        ones). Sources that know their own need none; tables have it from their column of times.
    data : str, optional
        Which array of a mapping, npz, mat or json file, or signal of a `Recording` or nwb file.
        The only one with more than one number if not given.
    channels : iterable of str, or str, optional
        Names of the channels, or the name they have in the mapping or file. For tables: which
        columns.
    channel_axis : int, optional
        Axis of an array along which channels lie. If not given, the shorter one of the two.
    layout : tuple of three str, optional
        A long table: its columns of times, channels and values. Otherwise channels are columns.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    UnsafeFormatError
        If a file holds pickled objects.
    ArgumentError
        If the rate, the array or a column cannot be found, or times are not regular.
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
        return _picked(source, channels)
    if isinstance(source, Recording):
        return _picked(_one_signal(source, data), channels)
    if isinstance(source, (str, Path)):
        source = _load(Path(source), data)
        if isinstance(source, (Signal, Recording)):
            return read_signal(source, data=data, channels=channels)
    if hasattr(source, "get_data") and hasattr(source, "ch_names"):
        return _picked(_from_mne(source), channels)
    if isinstance(source, pd.DataFrame):
        return _from_table(source, rate, channels, layout)
    if isinstance(source, Mapping):
        return _from_mapping(source, rate, data, channels, channel_axis)
    return _from_array(source, rate, channels, channel_axis)


def _load(path: Path, data: str | None) -> Any:
    if not path.exists():
        raise FileNotFoundError(f"source: expected an existing file, got {path}")
    suffix = path.suffix.lower()
    readers: dict[str, Callable[[Path], Any]] = {
        ".npy": lambda p: np.load(p, allow_pickle=False),
        ".npz": _npz,
        ".json": lambda p: json.loads(p.read_text()),
        ".mat": _mat,
        ".csv": pd.read_csv,
        ".tsv": lambda p: pd.read_csv(p, sep="\t"),
        ".parquet": pd.read_parquet,
        ".nwb": lambda p: read_nwb(p, signals=None if data is None else [data]),
    }
    if suffix in _MNE_SUFFIXES:
        mne = require("mne", extra=_MNE_EXTRA)
        return mne.io.read_raw(path, preload=False, verbose="error")
    if suffix in (".pkl", ".pickle"):
        raise UnsafeFormatError(
            f"source: {path.name} is a pickle, which runs code when opened; save it as npz, csv "
            "or parquet"
        )
    if suffix not in readers:
        raise unknown("source", suffix, [*readers, *_MNE_SUFFIXES])
    try:
        return readers[suffix](path)
    except ValueError as error:
        if "pickle" in str(error).lower():
            raise UnsafeFormatError(
                f"source: {path.name} holds Python objects, which are not opened; expected numbers"
            ) from error
        raise


def _npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


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


def _one_signal(recording: Recording, name: str | None) -> Signal:
    if name is None and len(recording.signals) == 1:
        return next(iter(recording.signals.values()))
    if name not in recording.signals:
        raise unknown("data", name, recording.signals)
    return recording.signals[name]


def _picked(signal: Signal, channels: Iterable[str] | str | None) -> Signal:
    if channels is None:
        return signal
    wanted = [channels] if isinstance(channels, str) else list(channels)
    for name in wanted:
        if name not in signal.channels:
            raise unknown("channels", name, signal.channels)
    columns = [signal.channels.index(name) for name in wanted]
    return Signal(signal.values[:, columns], signal.rate, signal.start, wanted)


def _from_mne(raw: Any) -> Signal:
    good = [name for name in raw.ch_names if name not in raw.info.get("bads", [])]
    if not good:
        raise ArgumentError("source: expected channels that are not marked bad, got none")
    values = np.asarray(raw.get_data(picks=good))
    if values.ndim == 3:  # epochs follow one another in time
        values = np.concatenate(list(values), axis=1)
    return Signal(values.T, float(raw.info["sfreq"]), 0.0, good)


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
        axis = channel_axis if channel_axis is not None else int(np.argmin(values.shape))
        values = values if axis in (1, -1) else values.T
    else:
        raise ShapeError(f"source: expected one or two dimensions, got shape {values.shape}")
    names = [channels] if isinstance(channels, str) else list(channels or ())
    if names and len(names) != values.shape[1]:
        raise ShapeError(f"channels: expected {values.shape[1]} names, got {len(names)}")
    return _signal(values, positive("rate", rate, "of Hz"), names)


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
        for name in layout:
            if name not in table.columns:
                raise unknown("layout", name, map(str, table.columns))
        time, channel, value = layout
        if table.duplicated([time, channel]).any():
            raise ArgumentError("layout: expected one value for each time and channel, got several")
        table = table.pivot(index=time, columns=channel, values=value).reset_index()
        table.columns = pd.Index([str(name) for name in table.columns])
    times = next((c for c in table.columns if str(c).lower() in _TIME_NAMES), None)
    if layout is not None:
        times = str(layout[0])
    if isinstance(rate, str):
        times, rate = rate, None
        if times not in table.columns:
            raise unknown("rate", times, map(str, table.columns))
    start = 0.0
    if rate is None:
        if times is None:
            raise ArgumentError(
                f"rate: expected a number in Hz or a column of times in seconds, one of "
                f"{_TIME_NAMES}, got the columns {list(table.columns)}"
            )
        rate, start = _regular(np.asarray(table[times], dtype=np.float64), str(times))
    if channels is None:
        numeric = table.select_dtypes("number").columns
        names = [str(c) for c in numeric if c != times]
    else:
        names = [channels] if isinstance(channels, str) else list(channels)
        for name in names:
            if name not in table.columns:
                raise unknown("channels", name, map(str, table.columns))
    if not names:
        raise ArgumentError(
            f"channels: expected columns of numbers, got {dict(table.dtypes.astype(str))}"
        )
    values = table[names].to_numpy(dtype=np.float64)
    return _signal(values, positive("rate", rate, "of Hz"), names, start)


def _regular(times: NDArray[np.float64], name: str) -> tuple[float, float]:
    """Return rate and start of regular times in seconds."""
    steps = np.diff(times)
    if times.size < 2 or not np.isfinite(times).all() or not (steps > 0).all():
        raise ArgumentError(f"{name}: expected rising times in seconds, got {times[:3]} …")
    step = float((times[-1] - times[0]) / steps.size)
    if np.abs(steps - step).max() > 0.1 * step:
        raise ArgumentError(
            f"{name}: expected regular times, got steps from {steps.min():g} to {steps.max():g} s; "
            "resample first"
        )
    return 1.0 / step, float(times[0])


def _signal(
    values: NDArray[np.float64], rate: float, names: list[str], start: float = 0.0
) -> Signal:
    try:
        return Signal(values, rate, start, names)
    except DataError as error:
        raise ShapeError(f"source: {error}") from error
