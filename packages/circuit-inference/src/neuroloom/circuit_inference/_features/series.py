"""From what a user hands over to a matrix of series: checks, NaN policy, preprocessing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference.errors import (
    ArgumentError,
    ConstantSeriesError,
    InvalidSeriesError,
    SeriesError,
    SeriesTooShortError,
    ShapeError,
    unknown,
)
from neuroloom.shared.checks import flag
from neuroloom.shared.parallel import n_cores

Invalid = Literal["raise", "mask", "interpolate"]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What is done to a series before its features are computed; a model keeps it.

    Parameters
    ----------
    detrend : {None, "constant", "linear"}
        Take off the mean or the straight line.
    zscore : bool
        Divide by the standard deviation after taking off the mean; gain and offset are lost.
    rate_hz : float, optional
        Resample to this rate (polyphase filter); needs the rate of the input.
    invalid : {"raise", "mask", "interpolate"}
        Series with NaN or infinity: an error, a row of NaN features with the reason, or
        straight lines over the gaps. Constant and too short series are an error with "raise"
        and a masked row otherwise.
    """

    detrend: Literal["constant", "linear"] | None = None
    zscore: bool = False
    rate_hz: float | None = None
    invalid: Invalid = "raise"

    def __post_init__(self) -> None:
        if self.detrend not in (None, "constant", "linear"):
            raise unknown("detrend", self.detrend, ["constant", "linear"])
        if self.invalid not in get_args(Invalid):
            raise unknown("invalid", self.invalid, get_args(Invalid))
        flag("zscore", self.zscore, error=ArgumentError)
        if self.rate_hz is not None:
            object.__setattr__(self, "rate_hz", positive("rate_hz", self.rate_hz, "of Hz"))

    def apply(
        self, series: list[NDArray[np.float64]], rate: float | None, minimum: int
    ) -> tuple[list[NDArray[np.float64]], list[str]]:
        """Return the series ready for features, and why each is unusable ('' if it is not).

        Parameters
        ----------
        series : list of ndarray
            One per series.
        rate : float, optional
            Sampling rate in Hz.
        minimum : int
            Fewest samples that are enough.
        """
        out, reasons = [], []
        for index, x in enumerate(series):
            try:
                out.append(self._one(x, rate, minimum, index))
                reasons.append("")
            except SeriesError as error:
                if self.invalid == "raise":
                    raise
                out.append(np.empty(0))
                reasons.append(str(error))
        return out, reasons

    def _one(
        self, x: NDArray[np.float64], rate: float | None, minimum: int, index: int
    ) -> NDArray[np.float64]:
        finite = np.isfinite(x)
        if not finite.all():
            if self.invalid != "interpolate" or finite.sum() < 2:
                first = int(np.flatnonzero(~finite)[0])
                raise InvalidSeriesError(
                    f"series {index}: expected finite samples, got {x[first]} at sample {first} "
                    f'({int((~finite).sum())} in all); invalid="mask" or "interpolate" goes on',
                    index=index,
                )
            places = np.arange(x.size)
            x = np.interp(places, places[finite], x[finite])
        if self.rate_hz is not None and rate is not None and rate != self.rate_hz:
            x = resampled(x, rate, self.rate_hz)
        if x.size < minimum:
            raise SeriesTooShortError(
                f"series {index}: expected at least {minimum} samples, got {x.size}",
                needed=minimum,
                got=x.size,
                index=index,
            )
        spread = float(np.ptp(x))
        if spread <= 1e-13 * float(np.abs(x).max()):
            raise ConstantSeriesError(
                f"series {index}: expected a signal that changes, got {x[0]:g} throughout",
                index=index,
            )
        if self.detrend == "constant":
            x = x - x.mean()
        elif self.detrend == "linear":
            from scipy.signal import detrend

            x = detrend(x)
        if self.zscore:
            x = (x - x.mean()) / x.std()
        return x


def as_series(data: Any) -> list[NDArray[np.float64]]:
    """Return one float64 array per series.

    Parameters
    ----------
    data : array_like, list of array_like, pandas column or Signal
        ``(n_series, n_times)``, one series ``(n_times,)``, or series of different lengths. The
        channels of a `Signal` are its series.

    Raises
    ------
    ShapeError
        If there is nothing, or a series is not one-dimensional numbers.
    """
    signals = _signals(data)
    if signals:
        return [_vector(x, i) for i, x in enumerate(x for s in signals for x in s.values.T)]
    if isinstance(data, pd.DataFrame):
        raise ShapeError(
            f"series: expected arrays or Signals, got a DataFrame of shape {data.shape}, whose "
            "columns or rows may be series: read_signal(…, rate=…) where columns are channels, "
            "to_numpy() where each row is a series"
        )
    values = getattr(data, "values", None)
    if values is not None and not isinstance(data, dict):
        data = values
    if isinstance(data, np.ndarray) and data.dtype != object:
        if data.ndim not in (1, 2):
            raise ShapeError(f"series: expected shape (n_series, n_times), got {data.shape}")
        rows: list[Any] = list(np.atleast_2d(data))
    else:
        rows = list(data)
        if rows and np.ndim(rows[0]) == 0:
            rows = [rows]
    if not rows:
        raise ShapeError("series: expected at least one series, got none")
    return [_vector(row, index) for index, row in enumerate(rows)]


def _signals(data: Any) -> list[Any]:
    """Return the Signals that `data` is or lists, none if it is something else."""
    if hasattr(data, "rate") and hasattr(data, "channels"):
        return [data]
    if isinstance(data, (list, tuple)) and data:
        found = [x for x in data if hasattr(x, "rate") and hasattr(x, "channels")]
        if found and len(found) < len(data):
            raise ShapeError(
                f"series: expected Signals only or none, got {len(found)} among {len(data)} items"
            )
        return found
    return []


def own_rate(series: Any, rate: Any) -> float | None:
    """Return the sampling rate of series in Hz: that of the Signals, or `rate` of bare arrays.

    Raises
    ------
    ArgumentError
        If Signals differ in rate, or `rate` is not theirs or not positive.
    """
    given = None if rate is None else positive("rate", rate, "of Hz")
    own = sorted({float(signal.rate) for signal in _signals(series)})
    if len(own) > 1 and own[-1] / own[0] - 1 > 1e-9:
        raise ArgumentError(f"series: expected Signals of one rate, got {own} Hz: resample first")
    if own and given is not None and abs(given / own[0] - 1) > 1e-9:
        raise ArgumentError(
            f"rate: expected none or the Signal's own {own[0]:g} Hz, got {given:g} Hz"
        )
    return own[0] if own else given


def one_series(data: Any, rate: Any, argument: str) -> tuple[NDArray[np.float64], float]:
    """Return the one finite series that `data` holds and its sampling rate in Hz.

    Raises
    ------
    ShapeError
        If there are several.
    InvalidSeriesError
        If it has NaN or infinite samples.
    ArgumentError
        If the rate is not positive, or not that of a Signal.
    """
    series = as_series(data)
    if len(series) > 1:
        raise ShapeError(
            f"{argument}: expected one series, got {len(series)}: call it for each of them"
        )
    x = series[0]
    if bad := int((~np.isfinite(x)).sum()):
        raise InvalidSeriesError(
            f"{argument}: expected finite samples, got {bad} of {x.size} that are not", index=0
        )
    own_rate(data, rate)
    return x, positive("rate", rate, "of Hz")


def rising(argument: str, value: Any, *, zero: bool = False) -> tuple[float, float]:
    """Return two rising, positive frequencies or times as floats; with `zero` from 0 on.

    Raises
    ------
    ArgumentError
        If they are something else.
    """
    try:
        low, high = value
        low = 0.0 if zero and not low else positive(argument, low)
        high = positive(argument, high)
    except (TypeError, ValueError):  # our own errors are ValueErrors
        low = high = float("nan")
    if not low < high:
        start = "0 ≤" if zero else "0 <"
        raise ArgumentError(f"{argument}: expected {start} low < high, got {value!r}")
    return low, high


def read_only(values: NDArray[Any]) -> NDArray[Any]:
    """Return the same values as an array that cannot be written to."""
    view = values.view()
    view.flags.writeable = False
    return view


def row_numbers(which: Any, n: int, argument: str = "which") -> NDArray[np.int64]:
    """Return row numbers from numbers, a slice or a mask of `n` rows.

    Raises
    ------
    ShapeError
        If a row does not exist, a mask has another length, or the numbers are none.
    """
    if isinstance(which, slice):
        return np.arange(n)[which]
    rows = np.atleast_1d(np.asarray(which))
    if rows.dtype == bool:
        if rows.shape != (n,):
            raise ShapeError(f"{argument}: expected a mask of shape ({n},), got {rows.shape}")
        return np.flatnonzero(rows)
    if rows.size == 0:
        return np.empty(0, dtype=np.int64)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min() < -n or rows.max() >= n:
        raise ShapeError(f"{argument}: expected row numbers below {n} or a mask, got {which!r}")
    return np.asarray(rows.astype(np.int64) % n)


def _vector(row: ArrayLike, index: int) -> NDArray[np.float64]:
    if np.iscomplexobj(row):
        raise ShapeError(f"series {index}: expected real numbers, got complex ones")
    try:
        x = np.asarray(row, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ShapeError(f"series {index}: expected numbers, got {error}") from error
    if x.ndim != 1:
        raise ShapeError(f"series {index}: expected shape (n_times,), got {x.shape}")
    return x


def chunks_by_length(
    series: list[NDArray[np.float64]], reasons: list[str]
) -> list[NDArray[np.int64]]:
    """Return the numbers of usable series in groups of one length, at most 64 each."""
    lengths: dict[int, list[int]] = {}
    for index, (x, reason) in enumerate(zip(series, reasons, strict=True)):
        if not reason:
            lengths.setdefault(x.size, []).append(index)
    return [
        np.array(rows[start : start + _CHUNK])
        for rows in lengths.values()
        for start in range(0, len(rows), _CHUNK)
    ]


_RATIO = 1e-3  # by which a resampled series' own rate may differ from the one asked for
_CHUNK = 64  # series per task: milliseconds of work, and values that do not depend on it


def positive(argument: str, value: Any, unit: str = "") -> float:
    """Return `value` as a float.

    Raises
    ------
    ArgumentError
        If it is not a positive, finite number.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, (bool, str, bytes)) or not np.isfinite(number) or number <= 0:
        raise ArgumentError(
            f"{argument}: expected a positive number {unit}".rstrip() + f", got {value!r}"
        )
    return number


def workers(n_workers: int | None) -> int:
    """Return a number of threads of at least one; −1 is all cores that this process may use.

    Raises
    ------
    ArgumentError
        If `n_workers` is 0 or below −1.
    """
    if n_workers is None:
        return 1
    if n_workers == -1:
        return n_cores()
    if isinstance(n_workers, bool) or not isinstance(n_workers, int) or n_workers < 1:
        raise ArgumentError(f"n_workers: expected -1 or at least 1, got {n_workers!r}")
    return n_workers


def thread_backend() -> str | None:
    """Return the backend for compiled work: threads, unless a cluster surrounds the call."""
    from joblib.parallel import get_active_backend

    return "threading" if "Loky" in type(get_active_backend()[0]).__name__ else None


def resampled(x: NDArray[np.float64], rate: float, target: float) -> NDArray[np.float64]:
    """Return a series of `rate` Hz at `target` Hz, by polyphase filtering."""
    from fractions import Fraction

    from scipy.signal import resample_poly

    ratio = Fraction(target / rate).limit_denominator(10_000)
    if abs(float(ratio) * rate / target - 1) > _RATIO:
        raise ArgumentError(
            f"rate_hz: expected a rate that {rate:g} Hz can be brought to in one step, got "
            f"{target:g} Hz: resample in two"
        )
    # The filter takes the series for zero beyond its ends: without the line through them it is.
    slope = (x[-1] - x[0]) / max(x.size - 1, 1)
    rest = x - (x[0] + slope * np.arange(x.size))
    out = np.asarray(resample_poly(rest, ratio.numerator, ratio.denominator))
    return np.asarray(out + x[0] + slope / float(ratio) * np.arange(out.size))
