"""Everything that was recorded together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroloom.shared._types._base import Data, plain_metadata
from neuroloom.shared._types._clock import Clock
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._grid import seconds, tolerance
from neuroloom.shared._types._labels import several
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared._types._trial_tables._columns import listed_columns, tell_staying
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail, unknown


@dataclass(frozen=True, slots=True, eq=False, init=False, repr=False)
class Recording(Data):
    """Spikes, signals, trials and epochs on one clock.

    Parameters
    ----------
    spikes : SpikeTrains, optional
        Spike trains.
    signals : mapping of str to Signal or TimeSeries, optional
        Signals by name, each with a rate or times of its own. A mapping that reads its values
        when they are used is kept as it is.
    trials : Trials, optional
        Table of trials.
    epochs : mapping of str to Epochs, optional
        Named epochs, for example ``{"running": …}``.
    metadata : mapping, optional
        Anything that JSON can hold: subject, species, region, provenance.
    tables : mapping of str to Trials, optional
        Other tables of intervals or events by name, which may overlap.

    Raises
    ------
    DataError
        If a part has another type, a name is not text, or the metadata do not fit JSON.

    Notes
    -----
    What is handed out is a copy: a dict that is changed changes nothing here.
    """

    spikes: SpikeTrains | None
    _signals: Mapping[str, Signal | TimeSeries]
    trials: Trials | None
    _epochs: dict[str, Epochs]
    _metadata: dict[str, Any]
    _tables: dict[str, Trials]

    def __init__(
        self,
        spikes: SpikeTrains | None = None,
        signals: Mapping[str, Signal | TimeSeries] | None = None,
        trials: Trials | None = None,
        epochs: Mapping[str, Epochs] | None = None,
        metadata: Mapping[str, Any] | None = None,
        tables: Mapping[str, Trials] | None = None,
    ) -> None:
        if spikes is not None and not isinstance(spikes, SpikeTrains):
            raise fail("spikes", "SpikeTrains", type(spikes).__name__)
        if trials is not None and not isinstance(trials, Trials):
            raise fail("trials", "Trials", type(trials).__name__)
        object.__setattr__(self, "spikes", spikes)
        object.__setattr__(self, "_signals", _named("signals", signals, Signal, TimeSeries))
        object.__setattr__(self, "trials", trials)
        object.__setattr__(self, "_epochs", _named("epochs", epochs, Epochs))
        object.__setattr__(self, "_metadata", plain_metadata(metadata))
        object.__setattr__(self, "_tables", _named("tables", tables, Trials))

    def parts(self) -> tuple[Any, ...]:
        """Return the values of the constructor's arguments, in order, all of them read."""
        notes = (self.trials, self.epochs, self.metadata, self.tables)
        return (self.spikes, dict(self._signals), *notes)

    @property
    def signals(self) -> Mapping[str, Any]:
        """The signals by name."""
        return dict(self._signals) if isinstance(self._signals, dict) else self._signals

    @property
    def epochs(self) -> dict[str, Epochs]:
        """The epochs by name."""
        return dict(self._epochs)

    @property
    def tables(self) -> dict[str, Trials]:
        """The other tables by name."""
        return dict(self._tables)

    def select(
        self,
        *,
        units: Any = None,
        signals: str | Iterable[str] | None = None,
        epochs: str | Iterable[str] | None = None,
        trials: Any = None,
        **properties: Any,
    ) -> Recording:
        """Return some of the units, signals, epochs and trials; all of what is not named.

        Parameters
        ----------
        units : int, str, or sequence or mask of them, optional
            Units, as in ``SpikeTrains.select``.
        signals, epochs : str or iterable of str, optional
            Names.
        trials : mask or array_like of int, optional
            Trials, as in ``Trials.select``.
        **properties
            Wanted values of properties of the units, ``region="CA1"``.

        Raises
        ------
        DataError
            If there is no such part.
        """
        changes: dict[str, Any] = {}
        if units is not None or properties:
            if self.spikes is None:
                raise fail("units", "a recording with spikes", "none")
            changes["spikes"] = self.spikes.select(units, **properties)
        if trials is not None:
            if self.trials is None:
                raise fail("trials", "a recording with trials", "none")
            changes["trials"] = self.trials.select(trials)
        if signals is not None:
            changes["signals"] = _picked("signals", self._signals, signals)
        if epochs is not None:
            changes["epochs"] = _picked("epochs", self._epochs, epochs)
        return self.replace(**changes)

    def restrict(self, epochs: Epochs, *, start: str = "start", stop: str = "stop") -> Recording:
        """Return what was recorded inside `epochs`.

        Spikes and time series keep what lies inside, signals run from the first to the last
        sample inside with NaN between epochs, named epochs are cut. Trials (and rows of other
        tables) stay where they lie inside one epoch as a whole.

        Parameters
        ----------
        epochs : Epochs
            Which time.
        start, stop : str
            Columns of the trials' times in seconds. Without `stop`, trials that start inside
            stay. Tables of events have their times in ``time`` where they have no `start`.

        Raises
        ------
        DataError
            If there are trials without a column `start`.
        """
        if not isinstance(epochs, Epochs):
            raise fail("epochs", "Epochs", type(epochs).__name__)
        signals = {
            name: x.within(epochs) if isinstance(x, Signal) else x.restrict(epochs)
            for name, x in self._signals.items()
        }
        return self.replace(
            spikes=None if self.spikes is None else self.spikes.restrict(epochs),
            signals=signals,
            trials=None if self.trials is None else _inside(self.trials, epochs, start, stop),
            epochs={name: x.intersect(epochs) for name, x in self._epochs.items()},
            tables={
                name: _inside(x, epochs, _time(x, start), stop) for name, x in self._tables.items()
            },
        )

    def on_clock(self, clock: Clock, *, times: Iterable[str] | None = None) -> Recording:
        """Return the recording in times of the other clock.

        Parameters
        ----------
        clock : Clock
            Leads from this recording's times to the others.
        times : iterable of str, optional
            Columns of the trials that hold times in seconds; if not given, those that
            `Trials.time_columns` knows, and ``time`` in tables of events.

        Warns
        -----
        UserWarning
            If `times` are not given, and columns that stay are called as times are.
        """
        columns = None if times is None else list(times)

        def moved(table: Trials, *more: str) -> Trials:
            known = [x for x in columns or () if x in table.columns]
            if columns is None:
                known = table.time_columns(*more)
                lengths = listed_columns(table.metadata, "duration_columns")
                tell_staying(table.columns, [*known, "reaction_time", *lengths])
            return table.on_clock(clock, times=known)

        return self.replace(
            spikes=None if self.spikes is None else self.spikes.on_clock(clock),
            signals={name: x.on_clock(clock) for name, x in self._signals.items()},
            trials=None if self.trials is None else moved(self.trials),
            epochs={name: x.on_clock(clock) for name, x in self._epochs.items()},
            tables={name: moved(x, "time") for name, x in self._tables.items()},
        )

    def __repr__(self) -> str:
        parts = []
        if self.spikes is not None:
            parts.append(f"spikes   {_first_line(self.spikes)}")
        names = list(self._signals)
        if isinstance(self._signals, dict):
            signals = [f"{x!r} {_first_line(self._signals[x])}" for x in names[:4]]
        else:
            signals = [f"{x!r} (read when used)" for x in names[:4]]
        parts += [f"signal   {x}" for x in signals]
        if len(names) > 4:
            parts.append(f"signals  {len(names) - 4} more")
        if self.trials is not None:
            parts.append(f"trials   {_first_line(self.trials)}")
        for what, some in (("epochs", list(self._epochs)), ("tables", list(self._tables))):
            if some:
                parts.append(f"{what:<8} {', '.join(map(repr, some[:6]))}{', …' * (len(some) > 6)}")
        if self._metadata:
            parts.append(f"metadata {', '.join(list(self._metadata)[:8])}")
        return "\n  ".join(["Recording:" if parts else "Recording: empty", *parts])


def _first_line(value: Any) -> str:
    text = repr(value).split("\n")
    kind, head = text[0].split(": ", 1)
    if kind == "SpikeTrains" and len(text) > 1:
        head += f", {text[1].strip()}"
    if kind == "Signal" and len(text) > 1:
        head += f", {text[1].strip()}"
    return head


def _named(argument: str, parts: Mapping[str, Any] | None, *kinds: type) -> Any:
    if parts is None:
        return {}
    wanted = " or ".join(kind.__name__ for kind in kinds)
    if not isinstance(parts, Mapping):
        raise fail(argument, f"a mapping of name to {wanted}", type(parts).__name__)
    for name in parts:
        if not isinstance(name, str):
            raise fail(argument, "names as text", repr(name))
    if not isinstance(parts, MutableMapping) and not hasattr(parts, "copy"):
        return parts  # it reads when asked, and checks then; reading all now may fill the memory
    for name, part in parts.items():
        if not isinstance(part, kinds):
            raise fail(f"{argument}[{name!r}]", wanted, type(part).__name__)
    return dict(parts)


def _picked(argument: str, parts: Mapping[str, Any], wanted: str | Iterable[str]) -> dict[str, Any]:
    names = several(argument, wanted, "names")
    for name in names:
        if name not in parts:
            raise unknown(argument, name, list(parts))
    return {name: parts[name] for name in names}


def _time(table: Trials, start: str) -> str:
    """Return the column of times of a table: events have one called ``time``."""
    return "time" if start not in table.columns and "time" in table.columns else start


def _inside(trials: Trials, epochs: Epochs, start: str, stop: str) -> Trials:
    if not len(trials):
        return trials
    first = seconds(start, trials.require(start)[start], ndim=1, missing=True)
    place = epochs.index(first)
    keep = place >= 0
    if stop in trials.columns:
        after = seconds(stop, trials.require(stop)[stop], ndim=1, missing=True)
        ends = np.append(epochs.stop, np.nan)[place]
        keep &= after <= ends + tolerance(ends)
    return trials.select(keep)
