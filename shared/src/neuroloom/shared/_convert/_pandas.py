"""pandas tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from neuroloom.shared._convert._times import sampling, unknown
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._trials import Trials
from neuroloom.shared._validate import fail

if TYPE_CHECKING:
    import pandas as pd

D = TypeVar("D", Epochs, Signal, SpikeTrains, Trials)


def to_frame(data: Epochs | Signal | SpikeTrains | Trials) -> pd.DataFrame:
    """Return `data` as a table.

    Epochs have the columns ``start`` and ``stop``, spike trains ``time`` and ``unit``, a signal
    one column per channel over the index ``time`` in seconds; trials are a copy of their table.

    Raises
    ------
    DataError
        If `data` is of another type.

    Examples
    --------
    >>> from neuroloom.shared import SpikeTrains, from_frame, to_frame
    >>> spikes = SpikeTrains([0.1, 0.2], [1, 0])
    >>> to_frame(spikes)
       time  unit
    0   0.1     1
    1   0.2     0
    >>> from_frame(to_frame(spikes), SpikeTrains) == spikes
    True
    """
    import pandas as pd

    if isinstance(data, Epochs):
        return pd.DataFrame({"start": data.start, "stop": data.stop})
    if isinstance(data, SpikeTrains):
        return pd.DataFrame({"time": data.times, "unit": data.units})
    if isinstance(data, Signal):
        index = pd.Index(data.times, name="time")
        return pd.DataFrame(data.values, index=index, columns=list(data.channels) or None)
    if isinstance(data, Trials):
        return data.table.copy()
    raise unknown("data", "Epochs, Signal, SpikeTrains or Trials", data)


def from_frame(frame: pd.DataFrame, kind: type[D], **more: Any) -> D:
    """Return a table as one of the data types.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns and index as `to_frame` writes them.
    kind : type
        `Epochs`, `Signal`, `SpikeTrains` or `Trials`.
    **more
        What a table does not hold: ``n_units`` and ``epochs`` of spike trains, ``session`` of
        trials, ``rate`` of a signal (if not given, told from the index).

    Raises
    ------
    DataError
        If columns are missing, a signal's times are not regular, or the values do not fit.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise unknown("frame", "a pandas DataFrame", frame)
    if kind is Epochs:
        return kind(*_columns(frame, "start", "stop"))
    if kind is SpikeTrains:
        return kind(*_columns(frame, "time", "unit"), **more)
    if kind is Trials:
        return kind(frame, **more)
    if kind is Signal:
        rate, start = sampling("frame.index", frame.index.to_numpy(), more.get("rate"))
        names = () if frame.columns.equals(pd.RangeIndex(frame.shape[1])) else frame.columns
        arguments: list[Any] = [frame.to_numpy(), rate, start, names]
        return kind(*arguments)
    raise fail("kind", "Epochs, Signal, SpikeTrains or Trials", repr(kind))


def _columns(frame: pd.DataFrame, *names: str) -> list[Any]:
    table = Trials(frame).require(*names)
    return [table[name].to_numpy() for name in names]
