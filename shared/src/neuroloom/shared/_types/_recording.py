"""Everything that was recorded together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neuroloom.shared._types._base import Data
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._trials import Trials
from neuroloom.shared._validate import fail


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Recording(Data):
    """Spikes, signals, trials and epochs on one clock.

    Parameters
    ----------
    spikes : SpikeTrains, optional
        Spike trains.
    signals : mapping of str to Signal, optional
        Signals by name, each with a rate of its own.
    trials : Trials, optional
        Table of trials.
    epochs : mapping of str to Epochs, optional
        Named epochs, for example ``{"running": …}``.
    metadata : mapping, optional
        Anything that JSON can hold: subject, species, region, provenance.

    Raises
    ------
    DataError
        If a part has another type, a name is not text, or the metadata do not fit JSON.
    """

    spikes: SpikeTrains | None
    signals: dict[str, Signal]
    trials: Trials | None
    epochs: dict[str, Epochs]
    metadata: dict[str, Any]

    def __init__(
        self,
        spikes: SpikeTrains | None = None,
        signals: Mapping[str, Signal] | None = None,
        trials: Trials | None = None,
        epochs: Mapping[str, Epochs] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if spikes is not None and not isinstance(spikes, SpikeTrains):
            raise fail("spikes", "SpikeTrains", type(spikes).__name__)
        if trials is not None and not isinstance(trials, Trials):
            raise fail("trials", "Trials", type(trials).__name__)
        object.__setattr__(self, "spikes", spikes)
        object.__setattr__(self, "signals", _named("signals", signals, Signal))
        object.__setattr__(self, "trials", trials)
        object.__setattr__(self, "epochs", _named("epochs", epochs, Epochs))
        try:
            given = dict(metadata or {})
            plain = json.loads(json.dumps(given, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise fail("metadata", "a mapping that JSON can hold", error) from error
        if given.keys() != plain.keys():
            raise fail("metadata", "names as text", [k for k in given if not isinstance(k, str)])
        object.__setattr__(self, "metadata", plain)


def _named(argument: str, parts: Mapping[str, Any] | None, kind: type) -> dict[str, Any]:
    if parts is None:
        return {}
    if not isinstance(parts, Mapping):
        raise fail(argument, f"a mapping of name to {kind.__name__}", type(parts).__name__)
    for name, part in parts.items():
        if not isinstance(name, str):
            raise fail(argument, "names as text", repr(name))
        if not isinstance(part, kind):
            raise fail(f"{argument}[{name!r}]", kind.__name__, type(part).__name__)
    return dict(parts)
