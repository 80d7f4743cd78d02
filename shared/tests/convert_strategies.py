"""hypothesis strategies for data with all that the types can hold: names, properties, metadata."""

from __future__ import annotations

import string

import numpy as np
from hypothesis import strategies as st
from shared_strategies import JSON, epochs, signals, spike_trains, trials

from neuroloom.shared import Epochs, Recording, SpikeTrains
from neuroloom.shared._types._base import equal
from neuroloom.shared.data import TimeSeries

WORDS = st.text(string.ascii_letters + " µ/.", min_size=1, max_size=6)
UNITS = st.sampled_from(["", "mV", "uV", "s"])
METADATA = st.dictionaries(WORDS, JSON, max_size=2)


def columns(n: int, *, simple: bool = False):
    """One column of properties: numbers, text, truth, or (unless simple) lists and gaps."""

    def listed(one):
        return st.lists(one, min_size=n, max_size=n)

    plain = [
        listed(st.floats(-1e6, 1e6)).map(lambda x: np.array(x, np.float64)),
        listed(st.integers(-1000, 1000)).map(lambda x: np.array(x, np.int64)),
        listed(st.integers(0, 9)).map(lambda x: np.array(x, np.int16)),
        listed(st.booleans()).map(lambda x: np.array(x, bool)),
        listed(WORDS).map(lambda x: np.array(x, np.str_) if x else np.array([], "U1")),
    ]
    if simple or not n:
        return st.one_of(plain)
    return st.one_of(
        *plain,
        listed(WORDS | st.none()),
        listed(st.lists(st.integers(0, 99), max_size=3)),
        listed(st.tuples(st.floats(0, 1), st.floats(0, 1))).map(
            lambda x: np.array(x, np.float64).reshape(n, 2)
        ),
    )


def properties(n: int, *, simple: bool = False):
    """Some named columns."""
    return st.dictionaries(WORDS, columns(n, simple=simple), max_size=2)


@st.composite
def rich_epochs(draw, *, grid: bool = False, touching: bool = True, simple: bool = False):
    """Epochs with properties and metadata."""
    when = draw(epochs(grid=grid, touching=touching))
    about = draw(properties(len(when), simple=simple))
    return Epochs(when.start, when.stop, about, {} if simple else draw(METADATA))


@st.composite
def rich_spikes(draw, *, grid: bool = False, simple: bool = False):
    """Spikes of named units with properties, observed at times of their own or not."""
    spikes = draw(spike_trains(grid=grid))
    n = spikes.n_units
    names = draw(
        st.just([])
        | st.lists(WORDS, min_size=n, max_size=n, unique=True)
        | st.lists(st.integers(0, 10**6), min_size=n, max_size=n, unique=True)
    )
    observed = None
    if not simple and draw(st.booleans()):
        firsts = [t[0] if len(t) else spikes.epochs.start[0] for t in spikes.to_lists()]
        observed = [spikes.epochs.intersect(Epochs(x, spikes.epochs.stop[-1])) for x in firsts]
    about = draw(properties(n, simple=simple))
    return SpikeTrains(
        spikes.times, spikes.units, n, draw(said_of(spikes.epochs)), names, about, observed,
        {} if simple else draw(METADATA),
    )  # fmt: skip


@st.composite
def said_of(draw, when: Epochs):
    """The epochs of spikes or samples, with something said of them or nothing."""
    if draw(st.booleans()):
        return when
    return when.replace(properties=draw(properties(len(when))), metadata=draw(METADATA))


@st.composite
def rich_signals(draw, *, minimum: int = 1, simple: bool = False):
    """Signals with a unit, properties of channels, and (unless simple) observed times."""
    signal = draw(signals(minimum=minimum))
    about = {"unit": draw(UNITS), "properties": draw(properties(signal.n_channels, simple=simple))}
    if not simple:
        about["metadata"] = draw(METADATA)
        if draw(st.booleans()):
            about["observed"] = np.full(signal.values.shape, 0.25)
    return signal.replace(**about)


@st.composite
def time_series(draw, *, simple: bool = False, values: bool = True):
    """Samples at irregular times, or events alone."""
    steps = draw(st.lists(st.integers(1, 4000), min_size=3, max_size=9))
    times = draw(st.integers(0, 10**6)) / 1000 + np.cumsum([1, 7, *steps]) / 1000
    n = draw(st.integers(1 if values else 0, 2))
    names = [f"c{k}" for k in range(n)] if draw(st.booleans()) else []
    samples = np.arange(len(times) * n, dtype=float).reshape(len(times), n)
    longer = Epochs(times[0] - 1.0, times[-1] + 2.0)
    whole = None if simple else draw(st.none() | said_of(longer))
    return TimeSeries(
        samples if n else None, times, names, draw(UNITS) if n else "", whole,
        draw(properties(n, simple=simple)), {} if simple else draw(METADATA),
    )  # fmt: skip


@st.composite
def rich_recordings(draw):
    """Any mixture of all of it."""
    some = {"max_size": 2}
    return Recording(
        draw(st.none() | rich_spikes()),
        draw(st.dictionaries(WORDS, rich_signals(minimum=0) | time_series(values=False), **some)),
        draw(st.none() | trials()),
        draw(st.dictionaries(WORDS, rich_epochs(), **some)),
        draw(METADATA),
        draw(st.dictionaries(WORDS, trials(), **some)),
    )


def untold(value, back, lost: str):
    """Return what came back from a converter differently and no warning names.

    Times may be rounded to nanoseconds, and numbers come in a wider dtype.
    """
    if type(back) is not type(value):
        return [type(back).__name__]
    mine, theirs = _said(value), _said(back)
    changed = [x for x in {**mine, **theirs} if not _alike(mine.get(x), theirs.get(x))]
    return [x for x in changed if f" {x[0]}: " not in lost and repr(x[-1]) not in lost]


def _said(value):
    """All that a value says, by where it stands."""
    said = {}
    for name in value.arguments():
        part = getattr(value, name)
        if name == "observed" and isinstance(value, SpikeTrains):
            part = value.observed_by_unit()  # where that is all of the epochs, nothing is said
        if isinstance(part, Epochs):
            part = _said(part)
            said |= {(name, *place): x for place, x in part.items()}
        elif name in ("properties", "metadata"):
            said |= {(name, key): x for key, x in part.items()}
        else:
            said[name,] = part
    return said


def _alike(a, b):
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return all(map(_alike, a, b))
    if isinstance(a, Epochs) and isinstance(b, Epochs):
        return _alike(a.start, b.start) and _alike(a.stop, b.stop)
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray) or a.shape != b.shape:
        return equal(a, b)
    if a.dtype == b.dtype and a.dtype.kind == "f":
        return np.allclose(a, b, rtol=1e-12, atol=1e-9, equal_nan=True)
    return a.dtype.kind == b.dtype.kind and equal(a.tolist(), b.tolist())
