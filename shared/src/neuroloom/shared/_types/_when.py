"""When was recorded: for all units, for each of them, and after a restriction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._types._clock import Clock
from neuroloom.shared._types._epochs import Epochs
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
    outside = np.flatnonzero(~epochs.contains(times))
    if outside.size:
        one = what.removesuffix("s")
        late = times[outside[0]]
        got = f"a {one} at {late}"
        hint = "; a stop is the first moment after an epoch" if late in epochs.stop else ""
        raise fail("times", f"{what} inside the epochs", got, hint=hint)
    return epochs


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
    place = wanted.index(times)
    near = wanted.index(times + tolerance(times, wanted.durations.min()))
    ends = own.stop[own.index(times)]
    late = (near != place) & (place >= 0) & (wanted.stop[place] < ends)
    early = (near != place) & (near >= 0) & own.contains(wanted.start[near])
    keep = ((place >= 0) & ~late) | early
    start, stop = common.start.copy(), common.stop.copy()
    outside = early & ~common.contains(times)
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
    there, place = epochs.on_clock(clock), epochs.index(times)
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
    bare = tuple(Epochs(x.start, x.stop) for x in given)
    total = Epochs(epochs.start, epochs.stop)
    if all(x == total for x in bare):
        return None
    for unit, each in enumerate(bare):
        if each.intersect(total).merged() != each.merged():
            raise fail(f"observed[{unit}]", "time inside the epochs", f"{each}")
        mine = times[units == unit]
        outside = np.flatnonzero(~each.contains(mine))
        if outside.size:
            got = f"a spike at {mine[outside[0]]}"
            raise fail(f"observed[{unit}]", "epochs that hold the unit's spikes", got)
    return bare
