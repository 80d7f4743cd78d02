"""From what MNE has read to a `Signal`: channels of the brain, bad spans, units."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from neuroloom.circuit_inference.errors import ArgumentError, unknown
from neuroloom.shared import Signal

# Channel types of MNE that measure the brain.
_BRAIN = ("eeg", "mag", "grad", "seeg", "ecog", "dbs")


def from_raw(
    raw: Any, channels: Iterable[str] | str | None, types: Iterable[str] | str | None
) -> Signal:
    """Return a continuous recording; bad spans are NaN."""
    names = brain_channels(raw, channels, types)
    values = np.array(raw.get_data(picks=names)).T
    rate = float(raw.info["sfreq"])
    offset = float(getattr(raw, "first_time", 0.0))
    for note in getattr(raw, "annotations", ()):
        if str(note["description"]).lower().startswith(("bad", "edge")):
            # Onsets count from the start of the measurement, dated or not, as MNE has them.
            begins = note["onset"] - offset
            first = max(0, int(np.floor(begins * rate + 1e-6)))
            last = int(np.ceil((begins + max(note["duration"], 1 / rate)) * rate - 1e-6))
            only = note.get("ch_names") or names  # spans of some channels are theirs alone
            columns = [i for i, name in enumerate(names) if name in only]
            values[first : max(last, first), columns] = np.nan
    return Signal(values, rate, 0.0, names, unit_of(raw, names))


def brain_channels(
    source: Any, channels: Iterable[str] | str | None, types: Iterable[str] | str | None
) -> list[str]:
    """Return the named channels, or the good ones of one type that measures the brain."""
    if channels is not None:
        wanted = [channels] if isinstance(channels, str) else list(channels)
        for name in wanted:
            if name not in source.ch_names:
                raise unknown("channels", name, source.ch_names)
        return wanted
    kinds = dict(zip(source.ch_names, source.get_channel_types(), strict=True))
    bad = set(source.info.get("bads", []))
    there = sorted({kind for name, kind in kinds.items() if kind in _BRAIN and name not in bad})
    if types is None:
        if len(there) > 1:
            raise ArgumentError(
                f"channel_types: expected one of {there}, which are in units of their own, got None"
            )
        taken = there
    else:
        taken = [types] if isinstance(types, str) else list(types)
    good = [name for name, kind in kinds.items() if kind in taken and name not in bad]
    if not good:
        raise ArgumentError(
            f"channel_types: expected channels of {taken or list(_BRAIN)} that are not marked "
            f"bad, got {sorted(set(kinds.values()))}, bad: {sorted(bad)}"
        )
    return good


def unit_of(source: Any, names: list[str]) -> str:
    """Return the one unit of the channels, or nothing where they have several."""
    kinds = dict(zip(source.ch_names, source.get_channel_types(), strict=True))
    units = {{"mag": "T", "grad": "T/m"}.get(kinds[name], "V") for name in names}
    return units.pop() if len(units) == 1 else ""
