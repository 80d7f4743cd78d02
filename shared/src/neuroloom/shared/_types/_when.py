"""When was recorded: for all units, for each of them, and after a restriction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._types._clock import Clock
from neuroloom.shared._types._epochs import Epochs, exact_index
from neuroloom.shared._types._grid import tolerance
from neuroloom.shared.checks import fail


def recorded(
    times: NDArray[np.float64], epochs: Epochs | None, what: str, *, from_zero: bool
) -> Epochs:
    """Return when was recorded: `epochs`, or from the first to just after the last time."""
    if epochs is None:
        if not len(times):
            raise fail("epochs", f"epochs where there are no {what}", None)
        first = min(0.0, times[0]) if from_zero else times[0]
        return Epochs(first, np.nextafter(times[-1], np.inf))
    if not isinstance(epochs, Epochs):
        raise fail("epochs", "Epochs", type(epochs).__name__)
    found, outside = _reaching(epochs, times)
    if outside.size:
        one = what.removesuffix("s")
        got = f"a {one} at {outside[0]}"
        late = (np.abs(epochs.stop - outside[0]) <= tolerance(outside[0])).any()
        hint = "; a stop is the first moment after an epoch" if late else ""
        raise fail("times", f"{what} inside the epochs", got, hint=hint)
    return found


def _reaching(epochs: Epochs, times: NDArray[np.float64]) -> tuple[Epochs, NDArray[np.float64]]:
    """Return epochs that start with the times on their starts, and the times that lie outside."""
    before = times[exact_index(epochs, times) < 0]
    place = epochs.index(before)
    on = place >= 0
    if not on.any():
        return epochs, before
    start = epochs.start.copy()
    np.minimum.at(start, place[on], before[on])
    return epochs.replace(start=start), before[~on]


def restricted(
    times: NDArray[np.float64], own: Epochs, wanted: Epochs
) -> tuple[NDArray[np.bool_], Epochs]:
    """Return which of the times lie in the wanted epochs, and when was recorded there.

    A time within a nanosecond of a wanted edge is on it; if it is the start, the epoch starts
    with it. Where the recording itself ends, its end holds, and what is on a wanted start that was
    not recorded is outside.
    """
    common = own.intersect(wanted)
    if not len(common):
        return np.zeros(len(times), dtype=bool), common
    place = exact_index(wanted, times)
    near = exact_index(wanted, times + tolerance(times, wanted.durations.min()))
    ends = own.stop[exact_index(own, times)]
    late = (near != place) & (place >= 0) & (wanted.stop[place] < ends)
    early = (near != place) & (near >= 0) & (exact_index(own, wanted.start[near]) >= 0)
    keep = ((place >= 0) & ~late) | early
    start, stop = common.start.copy(), common.stop.copy()
    outside = early & (exact_index(common, times) < 0)
    np.minimum.at(start, np.searchsorted(start, wanted.start[near[outside]]), times[outside])
    stop[:-1] = np.minimum(stop[:-1], start[1:])
    return keep, Epochs(start, stop, common.properties, common.metadata)


def moved(
    epochs: Epochs, clock: Clock, times: NDArray[np.float64]
) -> tuple[Epochs, NDArray[np.float64]]:
    """Return epochs and the times in them on another clock.

    Rounding may put a time a digit outside of its epoch, where an epoch ends just after it: such
    a time becomes the nearest number inside.
    """
    there, place = epochs.on_clock(clock), exact_index(epochs, times)
    last = np.nextafter(there.stop, -np.inf)
    return there, np.clip(clock.times(times), there.start[place], last[place])


def observed_by(
    given: Sequence[Epochs],
    n_units: int,
    epochs: Epochs,
    times: NDArray[np.float64],
    units: NDArray[np.int32],
) -> tuple[Epochs, ...] | None:
    """Return each unit's observed time; None where it is all that was recorded."""
    if not isinstance(given, Sequence) or not all(isinstance(x, Epochs) for x in given):
        raise fail("observed", "Epochs, one per unit", type(given).__name__)
    if len(given) != n_units:
        raise fail("observed", f"{n_units} Epochs, one per unit", len(given))
    total = Epochs(epochs.start, epochs.stop)
    found = []
    for unit, given_one in enumerate(given):
        mine = times[units == unit]
        # Where the recording starts with a spike that is on a start, so does each that was seen.
        starts = total.start[exact_index(given_one, total.start) < 0]
        each, _ = _reaching(Epochs(given_one.start, given_one.stop), starts)
        each, outside = _reaching(each, mine)
        if each.intersect(total).merged() != each.merged():
            raise fail(f"observed[{unit}]", "time inside the epochs", f"{each}")
        if outside.size:
            got = f"a spike at {outside[0]}"
            raise fail(f"observed[{unit}]", "epochs that hold the unit's spikes", got)
        found.append(each)
    return None if all(x == total for x in found) else tuple(found)
