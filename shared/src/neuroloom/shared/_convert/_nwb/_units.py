"""The table of units of an NWB file as spike trains."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._convert._nwb._tables import column
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._convert._times import half_open
from neuroloom.shared._convert._units import per_unit, union
from neuroloom.shared._types._epochs import Epochs, exact_index
from neuroloom.shared._types._spike_trains import SpikeTrains

_TIMES = ("spike_times", "obs_intervals")


def read_units(units: Any, invalid: Epochs | None, skipped: Skipped) -> SpikeTrains | None:
    """Return the spike trains, the units named by their ids.

    Columns with a value per unit become properties. Without observation intervals the
    recording is taken to last from 0 to the last spike. What lies in `invalid` is left out.
    """
    if units is None:
        return None
    if "spike_times" not in units.colnames:
        skipped.note("units", f"no spike times, only the columns {list(units.colnames)}")
        return None
    ids = [int(i) for i in units.id[:]]
    trains, kept = _trains(units, ids, skipped)
    if not kept:
        skipped.note("units", "no unit whose spike times can be read")
        return None
    properties = _properties(units, kept, skipped)
    observed = _observed(units, trains, kept, skipped)
    trains, observed = _without(trains, observed, invalid, skipped)
    epochs = None
    if observed is not None:
        epochs = union(*(np.concatenate([getattr(x, e) for x in observed]) for e in _ENDS))
        if all(x is observed[0] or x == observed[0] for x in observed):
            observed = None
        else:
            epochs = epochs.merged()
            skipped.note(
                "obs_intervals",
                "they differ between units: `observed` has each unit's own, `epochs` their union",
            )
    elif not sum(map(len, trains)):
        skipped.note("units", "no spikes and no observation intervals")
        return None
    kept_ids = [ids[i] for i in kept]
    about = {} if epochs is not None else {"epochs": _ASSUMED}
    return SpikeTrains.from_lists(trains, epochs, kept_ids, properties, observed, about)


_ENDS = ("start", "stop")
_ASSUMED = "not in the file: from 0 (or the first spike, if earlier) to the last spike"


def _trains(
    units: Any, ids: list[int], skipped: Skipped
) -> tuple[list[NDArray[np.float64]], list[int]]:
    """Return the spike times of the units that can be read, and their rows."""
    trains, kept = [], []
    for row, values in enumerate(column(units, "spike_times")):
        times = np.asarray(values, np.float64).reshape(-1)
        if np.isfinite(times).all():
            trains.append(times)
            kept.append(row)
        else:
            count = int((~np.isfinite(times)).sum())
            skipped.note(f"unit {ids[row]}", f"{count} spike times are not finite")
    return trains, kept


def _properties(units: Any, kept: list[int], skipped: Skipped) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name in units.colnames:
        if name in _TIMES:
            continue
        with skipped.guard(f"units.{name}"):
            values = column(units, name)
            if isinstance(values, np.ndarray):
                properties[name] = values[kept]
            else:
                properties[name] = per_unit([values[row] for row in kept])
    with skipped.guard("units.location"):
        places = _locations(units)
        if places and "location" not in properties:
            properties["location"] = [places[row] for row in kept]
    return properties


def _locations(units: Any) -> list[str]:
    """Return where each unit's electrodes lie, each place once; [] if nothing says."""
    if "electrodes" in units.colnames:
        part = units["electrodes"]
        while hasattr(part, "target"):
            part = part.target
        if part.table is not None and "location" in part.table.colnames:
            places = [str(x) for x in part.table["location"].data[:]]
            rows = column(units, "electrodes")
            return ["/".join(dict.fromkeys(places[int(i)] for i in np.atleast_1d(r))) for r in rows]
    if "electrode_group" in units.colnames:
        return [str(group.location or "") for group in units["electrode_group"].data[:]]
    return []


def _observed(
    units: Any, trains: list[NDArray[np.float64]], kept: list[int], skipped: Skipped
) -> list[Epochs] | None:
    """Return when each unit was observed, or None if the file does not say."""
    if "obs_intervals" not in units.colnames:
        return None
    with skipped.guard("obs_intervals"):
        intervals = column(units, "obs_intervals")
        unions = []
        for row in kept:
            pairs = np.asarray(intervals[row], np.float64).reshape(-1, 2)
            unions.append(union(pairs[:, 0], pairs[:, 1]))
        alike = all(x == unions[0] for x in unions)
        if alike:  # once: to look all spikes up for each unit takes minutes
            common = half_open(unions[0].start, unions[0].stop, np.concatenate(trains))
            observed = [common] * len(trains)
        else:
            pairs_of = zip(unions, trains, strict=True)
            observed = [half_open(x.start, x.stop, times) for x, times in pairs_of]
        outside = [
            int((exact_index(epochs, times) < 0).sum())
            for times, epochs in zip(trains, observed, strict=True)
        ]
        if not any(outside):
            return observed
        skipped.note(
            "obs_intervals",
            f"not used: {sum(outside)} spikes of {sum(map(bool, outside))} units lie outside",
        )
    return None


def _without(
    trains: list[NDArray[np.float64]],
    observed: list[Epochs] | None,
    invalid: Epochs | None,
    skipped: Skipped,
) -> tuple[list[NDArray[np.float64]], list[Epochs] | None]:
    """Return trains and observed times without the invalid times."""
    if invalid is None or not len(invalid):
        return trains, observed
    if observed is None:
        times = np.concatenate(trains)
        if not len(times):
            return trains, None
        whole = Epochs(min(0.0, times.min()), np.nextafter(times.max(), np.inf))
        observed = [whole] * len(trains)
    valid_trains = [times[exact_index(invalid, times) < 0] for times in trains]
    lost = sum(map(len, trains)) - sum(map(len, valid_trains))
    if lost:
        skipped.note("invalid_times", f"{lost} spikes lie in them and are left out")
    start, stop = np.append(-np.inf, invalid.stop), np.append(invalid.start, np.inf)
    ends = max((float(x.stop[-1]) for x in observed if len(x)), default=0.0)
    begin = min((float(x.start[0]) for x in observed if len(x)), default=0.0)
    valid = union(np.maximum(start, begin), np.minimum(stop, ends))
    return valid_trains, [x.intersect(valid) for x in observed]
