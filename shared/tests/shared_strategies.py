"""hypothesis strategies for every data type."""

from __future__ import annotations

import datetime
import string

import hypothesis.extra.numpy as hnp
import numpy as np
import pandas as pd
from hypothesis import strategies as st

from neuroloom.shared import Epochs, Recording, Signal, SpikeTrains, TimeSeries, Trials

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NAMES = st.text(string.ascii_letters + " µ/.\\", min_size=1, max_size=8)
# Whole milliseconds up to a day: what converters that round to nanoseconds keep.
MILLISECONDS = st.integers(-(10**6), 86_400_000)


@st.composite
def epochs(draw, *, grid: bool = False, touching: bool = True, minimum: int = 0):
    """Sorted, disjoint epochs; on a grid of milliseconds if asked for."""
    times = MILLISECONDS if grid else st.floats(-1e6, 1e6)
    edges = sorted(draw(st.lists(times, min_size=2 * minimum, max_size=8, unique=True)))
    edges = np.array(edges[: len(edges) // 2 * 2], dtype=float).reshape(-1, 2)
    if touching and len(edges) > 1 and draw(st.booleans()):
        edges[1, 0] = edges[0, 1]
    edges = edges / 1000 if grid else edges
    return Epochs(edges[:, 0], edges[:, 1])


@st.composite
def spike_trains(draw, *, grid: bool = False, one_epoch: bool = False, minimum: int = 0):
    """Spikes inside epochs, silent units and simultaneous spikes in any order among them."""
    when = draw(epochs(grid=grid, touching=not grid, minimum=1))
    if one_epoch:
        when = Epochs(when.start[0], when.stop[-1])
    elements = MILLISECONDS.map(lambda x: x / 1000) if grid else st.floats(-1e6, 1e6)
    times = np.array(sorted(draw(st.lists(elements, max_size=20))), dtype=float)
    inside = when.start[draw(st.integers(0, len(when) - 1))]
    times = np.append(times[when.contains(times)], inside)
    again = draw(st.lists(st.sampled_from(times.tolist()), max_size=3))
    times = np.sort(np.append(times, again))
    n_units = draw(st.integers(max(minimum, 1), 5))
    units = draw(st.lists(st.integers(0, n_units - 1), min_size=len(times), max_size=len(times)))
    return SpikeTrains(times, np.array(units, dtype=int), n_units, when)


RATES = st.sampled_from([1.0, 2.5, 30.0, 250.0, 1000.0, 1250.0, 24414.0625, 30000.0])


@st.composite
def signals(draw, *, minimum: int = 0, any_rate: bool = False):
    """float32 or float64, with missing samples, named channels or not."""
    shape = draw(st.tuples(st.integers(minimum, 12), st.integers(1, 3)))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    values = draw(hnp.arrays(dtype, shape, elements={"allow_infinity": False, "allow_nan": True}))
    names = draw(st.lists(NAMES, min_size=shape[1], max_size=shape[1], unique=True))
    rate = draw(st.floats(1e-3, 1e6)) if any_rate else draw(RATES)
    start = draw(MILLISECONDS) / 1000
    return Signal(values, rate, start, names if draw(st.booleans()) else ())


def columns(n: int):
    """Columns of every family that a table of trials may have."""

    def listed(elements, dtype):
        values = st.lists(elements, min_size=n, max_size=n)
        return values.map(lambda x: pd.Series(x, dtype=dtype))

    whole = st.integers(-(2**31), 2**31 - 1)
    moments = st.datetimes(datetime.datetime(1950, 1, 1), datetime.datetime(2100, 1, 1))
    return st.one_of(
        listed(whole, np.int64),
        listed(st.integers(0, 255), np.uint8),
        listed(st.floats(allow_infinity=True), np.float64),
        listed(st.floats(width=32), np.float32),
        listed(st.booleans(), bool),
        listed(TEXT | st.none(), "string"),
        listed(TEXT, None) if n else listed(TEXT, object),
        listed(TEXT | st.none() | whole | st.booleans() | st.just(np.nan), object),
        listed(st.lists(whole, max_size=3), object),
        listed(whole | st.none(), "Int64"),
        listed(st.booleans() | st.none(), "boolean"),
        listed(st.sampled_from(["left", "right"]) | st.none(), "category"),
        listed(st.integers(1, 3) | st.none(), pd.CategoricalDtype([3, 1, 2], ordered=True)),
        listed(moments | st.none(), "datetime64[us]"),
        listed(moments, "datetime64[ns]").map(lambda x: x.dt.tz_localize("UTC")),
        listed(moments, "datetime64[us]").map(
            lambda x: x.dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
        ),
        listed(st.integers(0, 10**12), "timedelta64[us]"),
    )


@st.composite
def trials(draw):
    """Tables with any mixture of columns."""
    n = draw(st.integers(0, 6))
    names = draw(st.lists(TEXT, max_size=4, unique=True))
    table = pd.DataFrame({name: draw(columns(n)) for name in names}, index=range(n))
    if draw(st.booleans()):
        table["day"] = np.arange(n) // 2
        return Trials(table, session="day")
    return Trials(table)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda x: st.lists(x, max_size=3) | st.dictionaries(TEXT, x, max_size=3),
    max_leaves=6,
)  # fmt: skip


@st.composite
def recordings(draw, *, with_trials: bool = True, grid: bool = False):
    """Any mixture of parts."""
    named = {"min_size": 0, "max_size": 2}
    return Recording(
        spikes=draw(st.none() | spike_trains(grid=grid)),
        signals=draw(st.dictionaries(NAMES, signals(minimum=1 if grid else 0), **named)),
        trials=draw(st.none() | trials()) if with_trials else None,
        epochs=draw(st.dictionaries(NAMES, epochs(grid=grid), **named)),
        metadata=draw(st.dictionaries(TEXT, JSON, max_size=3)),
    )


@st.composite
def properties(draw, n: int):
    """What may be known of units, channels or epochs, columns of every family."""
    texts = st.sampled_from(["CA1", "CA3", "µ"])
    families = {
        "depth": st.floats(allow_infinity=False),
        "good": st.booleans(),
        "id": st.integers(-(2**40), 2**40),
        "region": texts,
        "layer": st.none() | texts,
        "electrodes": st.lists(st.integers(0, 9), max_size=3),
    }
    names = draw(st.lists(st.sampled_from(sorted(families)), max_size=3, unique=True))
    return {x: draw(st.lists(families[x], min_size=n, max_size=n)) for x in names}


NOTES = st.dictionaries(TEXT, JSON, max_size=2)


@st.composite
def rich_spike_trains(draw):
    """Spike trains with names, properties, units observed at different times and metadata."""
    bare = draw(spike_trains())
    n = bare.n_units
    labels = st.integers(-1, 99) | NAMES
    names = draw(st.lists(labels, min_size=n, max_size=n, unique=True))
    first = bare.epochs[0]
    seen = [bare.epochs if len(bare.of(i)) or draw(st.booleans()) else first for i in range(n)]
    return bare.replace(
        names=names if draw(st.booleans()) else (),
        properties=draw(properties(n)),
        observed=seen if draw(st.booleans()) else None,
        metadata=draw(NOTES),
    )


@st.composite
def rich_signals(draw):
    """Signals with a unit, properties and metadata, counts among them."""
    bare = draw(signals(any_rate=True))
    seen = np.abs(np.nan_to_num(bare.values.astype(float))) if draw(st.booleans()) else None
    return bare.replace(
        unit=draw(st.sampled_from(["", "µV"])),
        properties=draw(properties(bare.n_channels)),
        observed=seen,
        metadata=draw(NOTES),
    )


@st.composite
def time_series(draw):
    """Samples at irregular times, or events, in epochs."""
    when = draw(epochs(minimum=1))
    times = np.sort(np.append(draw(st.lists(st.floats(-1e6, 1e6), max_size=9)), when.start[0]))
    times = times[when.contains(times)]
    n_channels = draw(st.integers(0, 2))
    values = draw(
        hnp.arrays(np.float64, (len(times), n_channels), elements={"allow_infinity": False})
    )
    names = draw(st.lists(NAMES, min_size=n_channels, max_size=n_channels, unique=True))
    channels = names if draw(st.booleans()) else ()
    notes = draw(properties(n_channels)), draw(NOTES)
    return TimeSeries(values, times, channels, "px", when, *notes)


@st.composite
def rich_epochs(draw):
    """Epochs with labels."""
    bare = draw(epochs())
    return bare.replace(properties=draw(properties(len(bare))), metadata=draw(NOTES))


@st.composite
def rich_recordings(draw):
    """Recordings with every kind of part."""
    return draw(recordings()).replace(
        spikes=draw(st.none() | rich_spike_trains()),
        signals=draw(st.dictionaries(NAMES, rich_signals() | time_series(), max_size=2)),
        epochs=draw(st.dictionaries(NAMES, rich_epochs(), max_size=2)),
        tables=draw(st.dictionaries(NAMES, trials(), max_size=1)),
    )


KINDS = {
    "Epochs": epochs(),
    "SpikeTrains": spike_trains(),
    "Signal": signals(any_rate=True),
    "Trials": trials(),
    "Recording": recordings(),
    "TimeSeries": time_series(),
    "Epochs, labelled": rich_epochs(),
    "SpikeTrains, named": rich_spike_trains(),
    "Signal, with units": rich_signals(),
    "Recording, with all": rich_recordings(),
}
