"""What the header of an EDF or BDF file says, and MNE keeps to itself.

European Data Format, https://www.edfplus.info/specs. MNE brings all channels to the highest rate
among them, takes units that it doesn't know for volts, and puts the parts of an interrupted
recording side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neuroloom.circuit_inference.errors import ArgumentError

_NOTES = ("EDF Annotations", "BDF Annotations")
_FIELDS = {"label": 16, "transducer": 80, "unit": 8, "limits": 32, "filter": 80, "samples": 8}
# What MNE's values are multiplied with to be volts; it knows the first three rows.
_VOLTS = {
    **dict.fromkeys(("uV", "\u00b5V", "\u03bcV", "\x83\xcaV"), 1.0),
    **{"mV": 1.0, "V": 1.0},
    **{"nV": 1e-9, "UV": 1e-6, "uv": 1e-6, "\u00b5v": 1e-6, "mv": 1e-3, "v": 1.0},
}


@dataclass(frozen=True)
class EdfHeader:
    """The channels of a file, those of annotations left out.

    Attributes
    ----------
    labels, units : tuple of str
        As they stand in the file.
    rates : tuple of float
        In Hz.
    gap : tuple of float, or None
        Time and length in seconds of the first interruption.
    """

    labels: tuple[str, ...]
    units: tuple[str, ...]
    rates: tuple[float, ...]
    gap: tuple[float, float] | None

    def one_rate(self, channels: list[str] | None, name: str) -> list[str] | None:
        """Return what MNE has to include so that it changes no rate; None for everything.

        Raises
        ------
        ArgumentError
            If the channels have several rates, or the recording has gaps.
        """
        if self.gap is not None:
            raise ArgumentError(
                f"source: expected a recording without gaps, got {name}, interrupted at "
                f"{self.gap[0]:g} s for {self.gap[1]:g} s (EDF+D): save its parts as files"
            )
        if len(set(self.rates)) < 2:
            return None
        rates = dict(zip(self.labels, self.rates, strict=True))
        others = self.no_voltages()
        every = [label for label in self.labels if label not in others]
        wanted = every if channels is None else [c for c in channels if c in rates]
        found = {rates[c] for c in wanted}
        if len(found) > 1:
            shown = {c: rates[c] for c in wanted[:8]}
            raise ArgumentError(
                f"channels: expected channels of one rate, got {shown} Hz in {name}: name those "
                "of one rate (channels=…)"
            )
        return wanted or None

    def check_rate(self, names: list[str], rate: float) -> None:
        """Check that MNE has not brought channels to a rate above their own.

        Raises
        ------
        ArgumentError
            If it has.
        """
        rates = dict(zip(self.labels, self.rates, strict=True))
        for name in names:
            own = rates.get(name, rate)
            if own < rate * (1 - 1e-9) and own < max(self.rates):
                raise ArgumentError(
                    f"source: expected channels as they were recorded, got {name!r} of {own:g} Hz "
                    f"brought to {rate:g} Hz by MNE: read the file with include=[…] of one rate"
                )

    def to_volts(self, names: list[str]) -> tuple[list[float], list[str]]:
        """Return the factor that makes MNE's values of each channel volts; 1 where none is known.

        The second list holds the units of those that no factor makes volts.
        """
        units = dict(zip(self.labels, self.units, strict=True))
        known = [units.get(name, "V") for name in names]
        return [_VOLTS.get(u, 1.0) for u in known], [u for u in known if u not in _VOLTS]

    def no_voltages(self) -> set[str]:
        """Return the channels whose unit is written down and is no voltage."""
        both = zip(self.labels, self.units, strict=True)
        return {label for label, unit in both if unit and unit not in _VOLTS}


def edf_header(path: Path) -> EdfHeader:
    """Return what the header of an EDF or BDF file says.

    Raises
    ------
    ArgumentError
        If it is damaged.
    """
    with path.open("rb") as file:
        first = file.read(256)
        try:
            n_records, n_signals = int(first[236:244]), int(first[252:256])
            seconds = float(first[244:252])
            fields = {
                key: [file.read(size).decode("latin-1").strip() for _ in range(n_signals)]
                for key, size in _FIELDS.items()
            }
            samples = [int(value) for value in fields["samples"]]
        except ValueError as error:
            raise ArgumentError(
                f"source: expected the header of an EDF file, got {path.name}: {error}"
            ) from error
    signals = [i for i in range(n_signals) if fields["label"][i] not in _NOTES]
    width = 3 if path.suffix.lower() == ".bdf" else 2
    gap = None
    if first[192:197] in (b"EDF+D", b"BDF+D") and len(signals) < n_signals:
        notes = next(i for i in range(n_signals) if i not in signals)
        gap = _first_gap(path, 256 * (n_signals + 1), samples, notes, width, (n_records, seconds))
    return EdfHeader(
        tuple(_numbered([fields["label"][i] for i in signals])),
        tuple(fields["unit"][i] for i in signals),
        tuple(samples[i] / seconds if seconds > 0 else 0.0 for i in signals),
        gap,
    )


def _numbered(labels: list[str]) -> list[str]:
    """Return the labels as MNE has them: those that stand twice get a number."""
    seen: dict[str, int] = {}
    out = []
    for label in labels:
        seen[label] = seen.get(label, -1) + 1
        out.append(f"{label}-{seen[label]}" if labels.count(label) > 1 else label)
    return out


def _first_gap(
    path: Path,
    offset: int,
    samples: list[int],
    notes: int,
    width: int,
    records: tuple[int, float],
) -> tuple[float, float] | None:
    """Return time and length of the first interruption between records."""
    n_records, seconds = records
    size = width * sum(samples)
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=offset)
    n = len(data) // size if n_records < 0 else min(n_records, len(data) // size)
    at = width * sum(samples[:notes])
    starts = []
    for record in range(n):
        piece = data[record * size + at : record * size + at + width * samples[notes]].tobytes()
        starts.append(float(piece.split(b"\x14", 1)[0]))
    steps = np.diff(starts) - seconds
    apart = np.flatnonzero(np.abs(steps) > 1e-6)
    if not apart.size:
        return None
    first = int(apart[0])
    return starts[first] - starts[0] + seconds, float(steps[first])
