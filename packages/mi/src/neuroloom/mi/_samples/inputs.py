"""From what the user has to arrays: checks at the border, axes, and the shared types."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroloom.mi._errors import (
    AxisWarning,
    DataShapeError,
    DegenerateDataWarning,
    InvalidDataError,
    UnknownOptionError,
    choice,
)
from neuroloom.shared import DataError, Epochs, Signal, SpikeTrains, checks, from_pynapple

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[Any]
FORMATS = ("channels_first", "channels_last")


def plain(data: Any) -> Any:
    """Return arrays for tensors and tables, shared types for pynapple objects, else `data`.

    Raises
    ------
    InvalidDataError
        For tensors without values.
    """
    import pandas as pd

    if isinstance(data, torch.Tensor):
        if data.device.type == "meta":
            raise InvalidDataError("expected a tensor with values, got one on the device 'meta'")
        if data.layout != torch.strided:
            raise InvalidDataError(f"expected a dense tensor, got {data.layout}; use .to_dense()")
        data = data.detach().cpu().resolve_conj().resolve_neg()
        if data.dtype.is_floating_point and data.dtype != torch.float64:
            data = data.to(torch.float32)  # numpy knows no bfloat16
        return data.numpy()
    if isinstance(data, (pd.DataFrame, pd.Series)):
        return _from_pandas(data)
    if type(data).__module__.partition(".")[0] == "pynapple":
        try:
            return _from_pynapple(data)
        except DataError as error:
            raise DataShapeError(str(error)) from error
    return data


def same_rows(*tables: Any) -> None:
    """Raise if tables have the same rows in another order: rows are paired by place.

    Raises
    ------
    InvalidDataError
    """
    import pandas as pd

    indexes = [table.index for table in tables if isinstance(table, (pd.DataFrame, pd.Series))]
    for other in indexes[1:]:
        first = indexes[0]
        if len(other) != len(first) or other.equals(first):
            continue
        if not other.symmetric_difference(first, sort=False).size:
            raise InvalidDataError(
                "expected tables with their rows in one order, got the same index in another one; "
                "samples are paired by place: y.loc[x.index] puts them in order, or pass "
                ".to_numpy()"
            )


def _from_pandas(data: pd.DataFrame | pd.Series[Any]) -> Array:
    """Return the values of a table or column; missing numbers of pandas' own types are NaN."""
    import pandas as pd

    frame = data.to_frame() if isinstance(data, pd.Series) else data
    own = [dtype for dtype in frame.dtypes if isinstance(dtype, pd.api.extensions.ExtensionDtype)]
    if own and all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes):
        missing = bool(frame.isna().to_numpy().any())
        whole = all(pd.api.types.is_integer_dtype(dtype) for dtype in frame.dtypes)
        dtype = np.int64 if whole and not missing else np.float64
        return np.asarray(data.to_numpy(dtype=dtype, **({"na_value": np.nan} if missing else {})))
    return np.asarray(data.to_numpy())


def _from_pynapple(data: Any) -> Any:
    """Return spike trains, or a signal; one with gaps where it is restricted to epochs."""
    if not hasattr(data, "d"):
        return from_pynapple(data)
    support, times = data.time_support, np.asarray(data.t)
    if len(support) < 2 or len(times) < 2:
        return from_pynapple(data)
    rate = 1 / float(np.median(np.diff(times)))
    pieces = [data.restrict(support[k : k + 1]) for k in range(len(support))]
    return [from_pynapple(piece, rate=rate) for piece in pieces if len(piece)]


def joined(name: str, pieces: Sequence[Signal]) -> Signal:
    """Return pieces of a signal as one, NaN between them.

    Raises
    ------
    DataShapeError
        If they differ in rate or channels, overlap, or do not lie on one grid of samples.
    """
    first = min(pieces, key=lambda piece: piece.start)
    rate, n = first.rate, first.n_channels
    if any(abs(p.rate - rate) > 1e-6 * rate or p.n_channels != n for p in pieces):
        raise DataShapeError(
            f"{name}: expected signals of one rate and number of channels, got rates "
            f"{sorted({p.rate for p in pieces})} and "
            f"{sorted({p.n_channels for p in pieces})} channels"
        )
    places = [(p.start - first.start) * rate for p in pieces]
    starts = np.rint(places).astype(int)
    if np.abs(np.asarray(places) - starts).max() > 0.01:
        raise DataShapeError(
            f"{name}: expected signals on one grid of samples, got starts that are fractions of a "
            "sample apart; resample them first"
        )
    values = np.full((max(s + len(p) for s, p in zip(starts, pieces, strict=True)), n), np.nan)
    for begin, piece in zip(starts, pieces, strict=True):
        part = values[begin : begin + len(piece)]
        if np.isfinite(part).any():
            raise DataShapeError(f"{name}: expected signals that do not overlap")
        part[:] = piece.values
    return Signal(values, rate, first.start, first.channels)


def timed(name: str, data: Any, time: Any) -> Any:
    """Return samples (n_channels, n_timepoints) with a vector of times in seconds as a signal.

    Raises
    ------
    DataShapeError
        If times and samples differ in number, or times are not regular.
    """
    if time is None:
        return data
    moments = numbers(f"{name}_time", plain(time)).astype(np.float64)
    values = channels_first(name, numbers(name, plain(data)), None)
    if moments.shape != (values.shape[1],):
        raise DataShapeError(
            f"{name}_time: expected {values.shape[1]} times, one per sample, got shape "
            f"{moments.shape}"
        )
    rate, start = checks.regular_times(f"{name}_time", moments, error=DataShapeError)
    return Signal(values.T, rate, start)


def numbers(name: str, data: Any) -> Array:
    """Return `data` as an array of finite numbers; text becomes the number of its kind.

    Raises
    ------
    UnknownOptionError
        If the values are objects or text (a ``TypeError``).
    DataShapeError
        If the array is ragged.
    InvalidDataError
        If there is NaN or infinity, naming the channel and how many.
    """
    try:
        values = np.ma.getdata(data) if np.ma.isMaskedArray(data) else np.asarray(data)
    except ValueError as error:
        raise DataShapeError(f"{name}: expected a regular array, got ragged values") from error
    if np.ma.isMaskedArray(data) and np.ma.getmaskarray(data).any():
        raise InvalidDataError(
            f"{name}: expected values without gaps, got {int(np.ma.getmaskarray(data).sum())} "
            "masked ones; drop or interpolate them first"
        )
    if is_text(values) and not _numbers_in_text(values):
        values = np.unique(values.astype(str), return_inverse=True)[1].reshape(values.shape)
    if values.dtype.kind not in "biuf":
        raise UnknownOptionError(f"{name}: expected numbers, got {_kind_of(values)}")
    if values.dtype.kind == "f":
        check_finite(name, values)
    return values


def _kind_of(values: Array) -> str:
    """Return in words what an array that holds no numbers holds, and the way out."""
    what = f"values of dtype {values.dtype}"
    if is_text(values):
        return f"{what}, text that reads as numbers; turn it into numbers with .astype(float)"
    if values.dtype.kind == "O" and values.size:
        flat = values.ravel()
        other = next((v for v in flat if not isinstance(v, (int, float, np.number))), flat[0])
        return f"{what}, of them {other!r:.40} ({type(other).__name__})"
    return what


def is_text(data: Any) -> bool:
    """Return whether an array holds text: labels, not numbers."""
    values = np.asarray(data)
    if values.dtype.kind in "US":
        return True
    return values.dtype.kind == "O" and all(isinstance(v, str) for v in values.ravel())


def _numbers_in_text(values: Array) -> bool:
    """Return whether text is numbers: to call those labels would lose their order."""
    try:
        values.astype(float)
    except ValueError:
        return False
    return True


def check_finite(name: str, values: Array) -> None:
    """Raise if there is NaN or infinity in `values`."""
    bad = ~np.isfinite(values)
    if bad.any():
        where = [int(i) for i in np.argwhere(bad)[0]]
        raise InvalidDataError(
            f"{name}: expected finite values, got {int(bad.sum())} NaN or infinite, the first at "
            f"index {where} (channel {where[-1] if values.ndim > 1 else 0}); "
            "drop or interpolate them first"
        )


def check_varies(name: str, samples: Array, *, ready: bool = False) -> None:
    """Raise if all channels of `samples` (n, channels, features) are constant, warn if some.

    Features of samples that were `ready` without windows count as channels.
    """
    constant = (samples == samples[:1]).all(axis=0)
    plain_features = ready and samples.shape[1] == 1
    constant = constant.reshape(-1) if plain_features else constant.all(axis=-1)
    if constant.all():
        raise InvalidDataError(
            f"{name}: expected values that vary, got {constant.size} constant channel(s); "
            "a constant carries no information"
        )
    if constant.any():
        warnings.warn(
            f"{name}: channels {np.flatnonzero(constant).tolist()} are constant",
            DegenerateDataWarning,
            stacklevel=4,
        )


def channels_first(name: str, values: Array, data_format: str | None) -> Array:
    """Return a raw recording as (n_channels, n_timepoints).

    Without `data_format` the longer axis is taken for time, with a warning if that means to
    transpose. A 1-D array is one channel.
    """
    if values.ndim == 1:
        return values[None, :]
    if values.ndim != 2:
        raise DataShapeError(
            f"{name}: expected a 2-D array (n_channels, n_timepoints), got shape {values.shape}"
        )
    if data_format is not None:
        last = choice("data_format", data_format, FORMATS) == "channels_last"
        return values.T if last else values
    if values.shape[0] > values.shape[1]:
        warnings.warn(
            f"{name}: shape {values.shape} has more rows than columns and was taken as "
            "(n_timepoints, n_channels); say data_format='channels_last' to confirm, or "
            "'channels_first' if rows are channels",
            AxisWarning,
            stacklevel=4,
        )
        return values.T
    return values


def samples(name: str, data: Any) -> NDArray[np.float64]:
    """Return data that need no windows as (n_samples, n_channels, n_features).

    A 1-D array is one feature per sample, a 2-D one (n_samples, n_features).
    """
    values = numbers(name, data).astype(np.float64)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim == 2:
        if values.shape[1] > values.shape[0] > 1:
            warnings.warn(
                f"{name}: shape {values.shape} was taken as (n_samples, n_features); transpose it "
                "if samples are in columns, or name a processor",
                AxisWarning,
                stacklevel=4,
            )
        values = values[:, None, :]
    if values.ndim not in (3, 4):
        raise DataShapeError(
            f"{name}: expected (n_samples, n_features) or (n_samples, n_channels, n_features), "
            f"got shape {np.shape(data)}"
        )
    if values.size == 0:
        raise DataShapeError(f"{name}: expected samples, got an empty array {values.shape}")
    return values


def spike_lists(name: str, data: Any) -> list[NDArray[np.float64]]:
    """Return sorted copies of spike times, one array per unit.

    Raises
    ------
    UnknownOptionError
        If `data` is not a list of 1-D arrays (a ``TypeError``).
    InvalidDataError
        If a time is negative or not finite.
    """
    if isinstance(data, SpikeTrains):
        return data.to_lists()
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise UnknownOptionError(
            f"{name}: expected a list of 1-D arrays of spike times or SpikeTrains, "
            f"got {type(data).__name__}"
        )
    out = []
    for unit, train in enumerate(data):
        times = np.array(plain(train), dtype=np.float64)
        if times.ndim != 1:
            raise UnknownOptionError(
                f"{name}[{unit}]: expected a 1-D array of spike times, got shape {times.shape}"
            )
        check_finite(f"{name}[{unit}]", times)
        if (times < 0).any():
            raise InvalidDataError(f"{name}[{unit}]: expected times ≥ 0, got {times.min()}")
        if (np.diff(times) < 0).any():
            warnings.warn(
                f"{name}[{unit}]: spike times were not sorted; a sorted copy is used",
                UserWarning,
                stacklevel=4,
            )
            times = np.sort(times)
        out.append(times)
    if not any(len(times) for times in out):
        raise InvalidDataError(f"{name}: expected spikes, got {len(out)} empty unit(s)")
    return out


def signal_values(name: str, signal: Signal) -> tuple[NDArray[np.float64], Epochs | None]:
    """Return a signal's samples as (n_channels, n_timepoints), and when it was recorded.

    Samples that no channel has are gaps between epochs; None where there are no gaps.
    """
    values = np.asarray(signal.values, dtype=np.float64).T
    there = ~np.isnan(values).all(axis=0)
    if there.all():
        check_finite(name, values.T)
        return values, None
    if not there.any():
        raise InvalidDataError(f"{name}: expected samples, got NaN only")
    check_finite(name, values[:, there].T)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], there.astype(int), [0]])))
    start, stop = (signal.start + edges[k::2] / signal.rate for k in (0, 1))
    return np.where(there, values, 0.0), Epochs(start, stop)
