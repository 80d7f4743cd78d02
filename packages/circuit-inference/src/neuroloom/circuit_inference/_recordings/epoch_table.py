"""From recordings to a table with one row per epoch and channel."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from neuroloom.circuit_inference._features.series import positive
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ConstantSeriesError,
    InvalidSeriesError,
    SeriesTooShortError,
    unknown,
)
from neuroloom.shared import Signal

_OVER_CHANNELS: dict[str, Any] = {"sum": np.sum, "mean": np.mean, "median": np.median}


def epoch_table(
    signals: Signal | Iterable[Signal],
    *,
    epoch_s: float | None = None,
    step_s: float | None = None,
    between_s: tuple[float, float] | None = None,
    zscore: Literal["recording", "epoch"] | None = None,
    aggregate: Literal["sum", "mean", "median"] | None = None,
    equal_counts: bool = False,
    metadata: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
    names: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Return one row per recording, epoch and channel.

    Parameters
    ----------
    signals : Signal or iterable of Signal
        Recordings; `read_signal` reads them.
    epoch_s, step_s : float, optional
        Length of the epochs and distance of their starts in seconds; one epoch of the whole
        recording, and epochs side by side, if not given. What is left at the end is dropped.
    between_s : tuple of float, optional
        Use this part of each recording only, in seconds from its first sample.
    zscore : {"recording", "epoch"}, optional
        Each channel to mean 0 and standard deviation 1, over the recording or in each epoch.
    aggregate : {"sum", "mean", "median"}, optional
        One series from all channels, after the z-score.
    equal_counts : bool
        As many epochs from each recording as the one with the fewest has.
    metadata : mapping or iterable of mappings, optional
        Columns to add: one mapping for all recordings, or one for each.
    names : iterable of str, optional
        What warnings call the recordings, their files' names; "recording 0" and so on if not
        given.

    Returns
    -------
    DataFrame
        Columns ``recording`` (number), ``epoch``, ``sensor``, ``fs`` (Hz), ``t0``, ``t1``
        (seconds), those of `metadata`, and ``Data``, the series, as `Features` expects it.

    Raises
    ------
    SeriesTooShortError
        If a recording is shorter than one epoch.
    InvalidSeriesError, ConstantSeriesError
        If a channel to be z-scored is not finite or does not change.
    ArgumentError
        If a length is not positive, or the parts, metadata or names do not fit.

    Examples
    --------
    >>> signal = Signal(np.random.default_rng(0).standard_normal((1000, 2)), 100.0)
    >>> table = epoch_table(signal, epoch_s=5.0, zscore="epoch", metadata={"group": "HC"})
    >>> table[["epoch", "sensor", "t0", "t1", "group"]].values.tolist()[:2]
    [[0, '0', 0.0, 5.0, 'HC'], [0, '1', 0.0, 5.0, 'HC']]
    """
    recordings = [signals] if isinstance(signals, Signal) else _listed(signals)
    if zscore not in (None, "recording", "epoch"):
        raise unknown("zscore", zscore, ["recording", "epoch"])
    if aggregate is not None and aggregate not in _OVER_CHANNELS:
        raise unknown("aggregate", aggregate, _OVER_CHANNELS)
    if step_s is not None and epoch_s is None:
        raise ArgumentError("step_s: expected together with epoch_s, got it alone")
    notes = _metadata(metadata, len(recordings))
    called = _called(names, len(recordings))
    cuts = [_starts(signal, epoch_s, step_s, between_s) for signal in recordings]
    if equal_counts and cuts:
        fewest = min(len(starts) for starts, _ in cuts)
        cuts = [(starts[:fewest], size) for starts, size in cuts]
    rows: list[dict[str, Any]] = []
    for number, (name, signal, note, (starts, size)) in enumerate(
        zip(called, recordings, notes, cuts, strict=True)
    ):
        rows += _rows(signal, name, number, note, starts, size, zscore, aggregate)
    return pd.DataFrame(rows)


def _listed(signals: Any) -> list[Signal]:
    listed = list(signals) if isinstance(signals, Iterable) else [signals]
    strange = [type(x).__name__ for x in listed if not isinstance(x, Signal)]
    if strange or hasattr(signals, "ch_names"):
        raise ArgumentError(
            f"signals: expected a Signal or several, got {type(signals).__name__}"
            f"{f' of {strange[0]}' if strange else ''}: read_signal makes one of arrays, tables, "
            "files and MNE's objects"
        )
    return listed


def _called(names: Iterable[str] | None, n: int) -> list[str]:
    """Return what warnings call each of `n` recordings."""
    called = [f"recording {i}" for i in range(n)] if names is None else list(names)
    if len(called) != n:
        raise ArgumentError(f"names: expected one for each recording, got {len(called)} for {n}")
    return called


def _rows(
    signal: Signal,
    called: str,
    number: int,
    note: Mapping[str, Any],
    starts: NDArray[np.int64],
    size: int,
    zscore: str | None,
    aggregate: str | None,
) -> list[dict[str, Any]]:
    """Return the rows of one recording."""
    rows: list[dict[str, Any]] = []
    names = list(signal.channels) or [str(i) for i in range(signal.n_channels)]
    values = np.asarray(signal.values, dtype=np.float64)
    if zscore == "recording":
        used = slice(int(starts[0]), int(starts[-1]) + size)
        values = values.copy()
        rows_used = np.arange(len(values))[used]
        rows_used = rows_used[~np.isnan(values[rows_used]).all(axis=1)]
        values[rows_used] = _standard(values[rows_used], names)
    kept = [start for start in starts if not _marked(values[start : start + size])]
    if len(kept) < len(starts):
        warnings.warn(
            f"{len(starts) - len(kept)} of {len(starts)} epochs of {called} are left out: "
            " they hold spans that are marked bad or missing on all channels",
            stacklevel=4,
        )
    for epoch, start in enumerate(kept):
        piece = values[start : start + size]
        if zscore == "epoch":
            piece = _standard(piece, names)
        columns, labels = piece.T, names
        if aggregate is not None:
            columns, labels = _OVER_CHANNELS[aggregate](piece, axis=1)[None], [aggregate]
        for label, series in zip(labels, columns, strict=True):
            rows.append(
                {
                    "recording": number,
                    "epoch": epoch,
                    "sensor": label,
                    "fs": signal.rate,
                    "t0": signal.start + start / signal.rate,
                    "t1": signal.start + (start + size) / signal.rate,
                    **note,
                    "Data": np.ascontiguousarray(series),
                }
            )
    return rows


def _metadata(
    metadata: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None, n: int
) -> list[dict[str, Any]]:
    if metadata is None or isinstance(metadata, Mapping):
        notes = [dict(metadata or {})] * n
    else:
        notes = [dict(note) for note in metadata]
    if len(notes) != n:
        raise ArgumentError(f"metadata: expected one mapping per recording ({n}), got {len(notes)}")
    taken = {"recording", "epoch", "sensor", "fs", "t0", "t1", "Data"}
    clash = sorted({name for note in notes for name in note} & taken)
    if clash:
        raise ArgumentError(f"metadata: expected names other than {sorted(taken)}, got {clash}")
    return notes


def _starts(
    signal: Signal,
    epoch_s: float | None,
    step_s: float | None,
    between_s: tuple[float, float] | None,
) -> tuple[NDArray[np.int64], int]:
    """Return the first samples of a recording's epochs and their length in samples."""
    first, last = 0, len(signal)
    if between_s is not None:
        low, high = between_s
        if not 0 <= low < high:
            raise ArgumentError(
                f"between_s: expected 0 <= first < last in seconds, got {between_s}"
            )
        first, last = round(low * signal.rate), min(round(high * signal.rate), last)
    size = last - first
    if epoch_s is not None:
        size = round(positive("epoch_s", epoch_s, "of seconds") * signal.rate)
    step = size if step_s is None else round(positive("step_s", step_s, "of s") * signal.rate)
    if size < 1 or step < 1 or last - first < size:
        raise SeriesTooShortError(
            f"signals: expected at least one epoch of {max(size, 1)} samples, "
            f"got {max(last - first, 0)}",
            needed=max(size, 1),
            got=max(last - first, 0),
        )
    return np.arange(first, last - size + 1, step), size


def _marked(piece: NDArray[np.float64]) -> bool:
    """Return whether some moment of an epoch is missing on all channels."""
    return bool(np.isnan(piece).all(axis=1).any())


def _standard(piece: NDArray[np.float64], names: list[str]) -> NDArray[np.float64]:
    for name, series in zip(names, piece.T, strict=True):
        if not np.isfinite(series).all():
            raise InvalidSeriesError(
                f"sensor {name!r}: expected finite samples, got NaN among them"
            )
        if np.ptp(series) == 0:
            raise ConstantSeriesError(f"sensor {name!r}: expected a signal that changes")
    return np.asarray((piece - piece.mean(axis=0)) / piece.std(axis=0))
