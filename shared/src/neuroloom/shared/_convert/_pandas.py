"""pandas tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from neuroloom.shared._convert._skipped import Skipped, plain
from neuroloom.shared._convert._times import unknown
from neuroloom.shared._convert._units import dtypes, from_listed, listed, recast
from neuroloom.shared._tables import RENAME, not_taken, numbered
from neuroloom.shared._times import seconds_of
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import did_you_mean, fail, keys, regular_times

if TYPE_CHECKING:
    import pandas as pd

D = TypeVar("D", Epochs, Signal, SpikeTrains, TimeSeries, Trials)

_ATTRIBUTE = "neuroloom"
_DIMENSION = "dimension"
_MORE: dict[type, tuple[str, ...]] = {
    Epochs: ("metadata",),
    Signal: ("rate", "unit", "properties", "observed", "metadata"),
    SpikeTrains: ("n_units", "epochs", "names", "properties", "observed", "metadata"),
    TimeSeries: ("unit", "epochs", "properties", "metadata"),
    Trials: ("session", "metadata"),
}
_PLAIN: dict[type, tuple[str, ...]] = {
    Epochs: ("metadata",),
    Signal: ("rate", "start", "unit", "metadata"),
    SpikeTrains: ("n_units", "names", "metadata"),
    TimeSeries: ("unit", "metadata"),
    Trials: ("session", "metadata"),
}
_KINDS = "Epochs, Signal, SpikeTrains, TimeSeries or Trials"


def to_frame(data: Epochs | Signal | SpikeTrains | TimeSeries | Trials) -> pd.DataFrame:
    """Return `data` as a table.

    Epochs have the columns ``start``, ``stop`` and one per property, spike trains ``time`` and
    ``unit``, signals and time series one column per channel over the index ``time`` in seconds;
    trials are a copy of their table. What a table has no column for (epochs of spike trains,
    names, units, metadata) stands in its ``attrs``, where `from_frame` finds it.

    Parameters
    ----------
    data : Epochs, Signal, SpikeTrains, TimeSeries or Trials
        What to convert.

    Raises
    ------
    DataError
        If `data` is of another type, or epochs have a property ``start`` or ``stop``.

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
        columns = {"start": data.start, "stop": data.stop}
        not_taken("properties", columns, data.properties, RENAME)
        frame = pd.DataFrame({**columns, **_columns_of(data.properties)})
    elif isinstance(data, SpikeTrains):
        frame = pd.DataFrame({"time": data.times, "unit": data.units})
    elif isinstance(data, (Signal, TimeSeries)):
        index = pd.Index(data.times, name="time")
        frame = pd.DataFrame(data.values, index=index, columns=list(data.channels) or None)
        name = data.metadata.get(_DIMENSION)
        frame.columns.name = name if isinstance(name, str) else None
    elif isinstance(data, Trials):
        frame = data.table.copy()
    else:
        raise unknown("data", _KINDS, data)
    kept = _kept(data)
    if kept:
        frame.attrs[_ATTRIBUTE] = kept
    return frame


def from_frame(frame: pd.DataFrame, kind: type[D], **more: Any) -> D:
    """Return a table as one of the data types.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns and index as `to_frame` writes them. An index of time differences is one of
        seconds, too; one whose name says another unit (``time_ms``) or that only numbers rows is
        refused. Where times are columns, an index with a name counts as columns.
    kind : type
        `Epochs`, `Signal`, `SpikeTrains`, `TimeSeries` or `Trials`.
    **more
        What a table does not hold, and what is otherwise taken from ``attrs``, where channels
        are found by their columns' names: ``n_units``,
        ``epochs``, ``names``, ``properties`` and ``observed`` of spike trains, ``session`` of
        trials, ``rate`` (told from the index if nothing says it), ``unit``, ``properties`` and
        ``observed`` of a signal, ``unit``, ``epochs`` and ``properties`` of a time series,
        ``metadata`` of all (otherwise those of `to_frame`, every other entry of ``attrs``, and
        the name that the columns have together as ``"dimension"``).

    Raises
    ------
    DataError
        If columns are missing, a signal's times are not regular, the values do not fit,
        ``attrs`` know properties or observed times and not the column that has them, a
        keyword is not one of this type, or an index without a name does not number rows.

    Warns
    -----
    ConversionWarning
        If a table of spikes has other columns than ``time`` and ``unit``: they are left out.
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise unknown("frame", "a pandas DataFrame", frame)
    if kind not in _MORE:
        raise fail("kind", _KINDS, repr(kind))
    keys(f"from_frame for {kind.__name__}", more, _MORE[kind])
    about = {**_restored(kind, frame.attrs.get(_ATTRIBUTE, {})), **more}
    others = plain({k: v for k, v in frame.attrs.items() if k != _ATTRIBUTE})
    if others and "metadata" not in more:
        about["metadata"] = {**others, **about.get("metadata", {})}
    if frame.columns.name is not None and kind is not Trials and "metadata" not in more:
        known = about.get("metadata", {})
        about["metadata"] = {**known, _DIMENSION: plain(frame.columns.name)}
    make: Any = kind  # its arguments differ from type to type
    made: D = make(**_arguments(frame, kind, about, more))
    return made


def _arguments(
    frame: pd.DataFrame, kind: type, about: dict[str, Any], given: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a type: what the columns hold, and what is known beside them."""
    if kind is Epochs:
        table = _columns(numbered("frame", frame), "start", "stop", rest=True)
        ends = {name: table.pop(name) for name in ("start", "stop")}
        known = frame.attrs.get(_ATTRIBUTE, {}).get("dtypes", {})
        return {**ends, "properties": recast(table, known), **about}
    if kind is SpikeTrains:
        table = _columns(numbered("frame", frame), "time", "unit", rest=True)
        skipped = Skipped()
        for name in [x for x in table if x not in ("time", "unit")]:
            skipped.note(str(name), "a value per spike has no place in SpikeTrains")
        skipped.warn("from_frame", stacklevel=4)
        return {"times": table["time"], "units": table["unit"], **about}
    if kind is Trials:
        return {"table": frame, **about}
    return _samples(frame, kind, about, given)


def _samples(
    frame: pd.DataFrame, kind: type, about: dict[str, Any], given: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a signal or time series."""
    import pandas as pd

    times = _times(frame.index)
    unnamed = frame.columns.equals(pd.RangeIndex(frame.shape[1]))
    names = [] if unnamed else [str(x) if isinstance(x, int) else x for x in frame.columns]
    arguments = {"values": frame.to_numpy(), "channels": names, **about}
    beside = [name for name in _BESIDE if name in about and name not in given]
    place = _columns_before(frame, beside)
    if place is not None and "properties" in beside:
        given_to = {name: list(x) for name, x in about["properties"].items()}
        taken = {name: [x[k] for k in place] for name, x in given_to.items()}
        known = frame.attrs[_ATTRIBUTE].get("dtypes", {})
        arguments["properties"] = recast(taken, known)
    if kind is TimeSeries:
        return {"times": times, **arguments}
    if "observed" in beside:
        arguments["observed"] = _rows(times, about, frame.attrs[_ATTRIBUTE], place)
    rate, start = _grid(times, arguments, given)
    return {**arguments, "rate": rate, "start": start}


def _times(index: pd.Index) -> Any:
    """Return the times that an index holds, in seconds."""
    import pandas as pd

    if isinstance(index, pd.RangeIndex) and index.name is None and len(index) > 1:
        hint = "; frame.set_index(times), or give the index a name if these are seconds"
        raise fail("frame.index", "times in seconds", "row numbers", hint=hint)
    return seconds_of("frame.index", index)


# What is kept of the channels beside the table's columns, one entry per channel.
_BESIDE = ("properties", "observed")


def _columns_before(frame: pd.DataFrame, beside: list[str]) -> list[int] | None:
    """Return where each column stood in the table of `to_frame`; None if nothing hangs on it."""
    known = frame.attrs.get(_ATTRIBUTE, {}).get("columns")
    if not beside or known is None:
        return None
    there = [str(x) for x in frame.columns]
    new = [x for x in there if x not in known]
    if new:
        keywords = ", ".join(f"{name}=…" for name in beside)
        hint = f"; pass {keywords} (or None) for the columns that are there now"
        raise fail("frame.columns", f"those that were converted, {known}", new, hint=hint)
    return [known.index(x) for x in there]


def _rows(times: Any, about: dict[str, Any], kept: dict[str, Any], place: list[int] | None) -> Any:
    """Return the observed times of the rows and columns that are left of a signal."""
    observed = np.asarray(about["observed"], np.float64)
    if place is not None:
        observed = observed.reshape(-1, len(kept["columns"]))[:, place]
    places = np.round((times - about["start"]) * about["rate"]).astype(np.int64)
    there = (places >= 0) & (places < len(observed))
    known = about["start"] + places / about["rate"]
    if not there.all() or not np.allclose(known, times, rtol=0, atol=0.01 / about["rate"]):
        raise fail("frame.index", "times of the signal that was converted", "others", hint=_HINT)
    return observed[places]


_HINT = "; pass observed=… (or None) for the times that are there now"


def _grid(times: Any, about: dict[str, Any], given: dict[str, Any]) -> tuple[float, float]:
    """Return rate and start of a signal: as given, or as the index and ``attrs`` agree on."""
    told, start = about.pop("rate", None), about.pop("start", None)
    if "rate" in given:
        return regular_times("frame.index", times, given["rate"])
    if not len(times) and told is not None and start is not None:
        return told, start
    rate, first = regular_times("frame.index", times, told if len(times) == 1 else None)
    if told is not None and abs(told / rate - 1) * len(times) < 1e-3:  # not resampled since
        rate = told
    return rate, first


def _kept(data: Any) -> dict[str, Any]:
    """Return what the table's columns do not hold, as plain values (pandas compares attrs)."""
    kept: dict[str, Any] = {name: getattr(data, name) for name in _PLAIN.get(type(data), ())}
    kept = {name: list(x) if name == "names" else x for name, x in kept.items() if x or x == 0}
    if isinstance(data, SpikeTrains) and data.observed is not None:
        kept["observed"] = [listed(epochs) for epochs in data.observed]
    if isinstance(data, (Signal, TimeSeries)):
        kept |= _of_channels(data)
    if isinstance(data, (SpikeTrains, TimeSeries)):
        kept["epochs"] = listed(data.epochs)
    if not isinstance(data, Trials) and data.properties:
        kept["dtypes"] = dtypes(data.properties)
        if not isinstance(data, Epochs):
            kept["properties"] = {k: v.tolist() for k, v in data.properties.items()}
    return kept


def _of_channels(data: Signal | TimeSeries) -> dict[str, Any]:
    """Return the time that counts were observed, and the columns that this and properties mean."""
    seen = data.observed if isinstance(data, Signal) else None
    kept = {} if seen is None else {"observed": seen.tolist()}
    if data.properties or kept:
        kept["columns"] = list(data.channels) or [str(k) for k in range(data.n_channels)]
    return kept


def _restored(kind: type, kept: dict[str, Any]) -> dict[str, Any]:
    names = (*_MORE[kind], "start") if kind is Signal else _MORE[kind]
    about = {name: kept[name] for name in names if name in kept}
    if "properties" in about:
        about["properties"] = recast(about["properties"], kept.get("dtypes", {}))
    if "epochs" in about:
        about["epochs"] = from_listed(about["epochs"])
    if "observed" in about and kind is SpikeTrains:
        about["observed"] = [from_listed(part) for part in about["observed"]]
    return about


def _columns_of(properties: Any) -> dict[str, Any]:
    import pandas as pd

    columns = {}
    for name, values in properties.items():
        plain = values.ndim == 1 and not values.dtype.hasobject
        items = values.tolist()
        kinds = {type(x) for x in items if x is not None}
        # Files write whole numbers with gaps as floats, unless they have a dtype of their own.
        whole = kinds == {int} and all(x is None or abs(x) < 2**63 for x in items)
        columns[name] = values if plain else pd.Series(items, dtype="Int64" if whole else object)
    return columns


def _columns(frame: pd.DataFrame, *names: str, rest: bool = False) -> dict[str, Any]:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        hint = did_you_mean(missing[0], frame.columns)
        raise fail("table", f"the columns {missing} too", list(frame.columns), hint=hint)
    chosen = [*names, *(x for x in frame.columns if x not in names)] if rest else list(names)
    return {name: _held(frame[name]) for name in chosen}


def _held(column: pd.Series) -> Any:
    """Return a column's values; where pandas alone knows what is missing, the column itself."""
    import pandas as pd

    own = isinstance(column.dtype, pd.api.extensions.ExtensionDtype)
    return column if own and column.isna().any() else column.to_numpy()
