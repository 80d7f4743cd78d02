"""From what MNE has read to a `Signal`: channels of the brain, bad spans, units."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from neuroloom.circuit_inference._recordings.from_files import header_of
from neuroloom.circuit_inference.errors import ArgumentError, unknown
from neuroloom.shared import Signal

# EEGLAB's and BrainVision's names of places where samples side by side were not recorded so.
_BORDERS = ("boundary", "new segment")
# Channel types of MNE that measure the brain.
_BRAIN = ("eeg", "mag", "grad", "seeg", "ecog", "dbs")


def from_raw(
    raw: Any, channels: Iterable[str] | str | None, types: Iterable[str] | str | None
) -> Signal:
    """Return a continuous recording; bad spans and borders are NaN."""
    header = header_of(raw)
    names = brain_channels(raw, channels, types, set() if header is None else header.no_voltages())
    values = np.array(raw.get_data(picks=names)).T
    rate, unit = float(raw.info["sfreq"]), unit_of(raw, names)
    if header is not None:
        header.check_rate(names, rate)
        factors, strange = header.to_volts(names)
        values *= factors
        if strange:
            unit = ""
            warnings.warn(
                f"source: expected voltages in {Path(raw.filenames[0]).name}, got units "
                f"{sorted(set(strange))}: values stay as in the file, the signal has no unit",
                stacklevel=3,
            )
    offset = float(getattr(raw, "first_time", 0.0))
    for note in getattr(raw, "annotations", ()):
        # Onsets count from the start of the measurement, dated or not, as MNE has them.
        span = (note["onset"] - offset, note["duration"], str(note["description"]))
        only = note.get("ch_names") or names  # spans of some channels are theirs alone
        mark_span(values, rate, span, [i for i, name in enumerate(names) if name in only])
    return Signal(values, rate, 0.0, names, unit)


def mark_span(
    values: np.ndarray, rate: float, span: tuple[float, float, str], columns: list[int]
) -> None:
    """Make samples NaN where a span is bad, or where a recording was cut or interrupted.

    Parameters
    ----------
    values : ndarray, shape (n_times, n_channels)
        Changed in place.
    rate : float
        In Hz.
    span : tuple
        Start and length in seconds, and what it is called.
    columns : list of int
        The channels that it is about.
    """
    begins, length, label = span[0], span[1], span[2].lower()
    border = label.startswith(_BORDERS)
    if not (border or label.startswith(("bad", "edge"))):
        return
    if border:  # its length is what was cut out, and the first one is the start
        length = 0.0
        if begins * rate < 1:
            return
    length = length if length > 0 else 0.0  # BIDS has n/a
    first = max(0, int(np.floor(begins * rate + 1e-6)))
    last = int(np.ceil((begins + max(length, 1 / rate)) * rate - 1e-6))
    values[first : max(last, first), columns] = np.nan


def brain_channels(
    source: Any,
    channels: Iterable[str] | str | None,
    types: Iterable[str] | str | None,
    others: Iterable[str] = (),
) -> list[str]:
    """Return the named channels, or the good ones of one type that measures the brain.

    `others` are known not to.
    """
    if channels is not None:
        wanted = [channels] if isinstance(channels, str) else list(channels)
        for name in wanted:
            if name not in source.ch_names:
                raise unknown("channels", name, source.ch_names)
        return wanted
    kinds = dict(zip(source.ch_names, source.get_channel_types(), strict=True))
    bad = {*source.info.get("bads", []), *others}
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
