"""What stands beside a BIDS recording: channels, rates, bad spans, and who was recorded.

Sidecars are inherited as the standard says: what stands nearer to a recording goes before what
stands above.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuroloom.circuit_inference._recordings.from_mne import mark_span
from neuroloom.circuit_inference._recordings.read_signal import read_signal
from neuroloom.circuit_inference.errors import ArgumentError
from neuroloom.shared import Signal

_TYPES = {"eeg": ("EEG",), "ieeg": ("ECOG", "SEEG", "DBS"), "meg": ("MEGMAG", "MEGGRADAXIAL")}
_ENTITY = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9+]+)")
_WORDS = {"sub": "subject", "ses": "session", "acq": "acquisition"}
# Columns that a table of recordings may get from the files' names.
ENTITIES = ("subject", "session", "task", "run", "acquisition", "split", "space", "proc", "rec")
_SAME_RATE = 1e-3  # sidecars are rounded
_PLAIN = re.compile(r"[-+]?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_VOLTS = {"v": 1.0, "mv": 1e-3, "uv": 1e-6, "microv": 1e-6, "nv": 1e-9}


def entities(path: Path) -> dict[str, str]:
    """Return what a file's name says: subject, session, task and so on."""
    return {_WORDS.get(key, key): value for key, value in _ENTITY.findall(path.stem)}


def later_part(path: Path) -> bool:
    """Return whether a file is not the first of a recording in parts (``split-02``)."""
    part = entities(path).get("split", "")
    return part.isdigit() and int(part) > 1


def signal_of(path: Path, root: Path, datatype: str) -> Signal:
    """Return the good channels of one recording; spans that its events call bad are NaN.

    Raises
    ------
    ArgumentError
        If a sidecar contradicts the recording or cannot be read.
    """
    table = None
    for file in _inherited(path, root, "channels.tsv")[-1:]:  # tables are not merged
        table = _tsv(file)
    names = None if table is None else _good(table, datatype, path)
    signal = read_signal(path, channels=names)
    if path.suffix.lower() == ".fif":  # no other format marks channels or has parts
        _check_parts(path)
        signal = _not_marked(signal, path)
    if table is not None:
        signal = _in_volts(signal, table)
    _check_rate(signal, table, path, root, datatype)
    return _without_bad_spans(signal, path, root)


def participants(root: Path) -> dict[str, dict[str, Any]]:
    """Return what ``participants.tsv`` says of each subject; columns of plain numbers as numbers.

    Raises
    ------
    ArgumentError
        If a subject stands twice, or has no column.
    """
    file = root / "participants.tsv"
    if not file.is_file():
        return {}
    table = _tsv(file)
    if "participant_id" not in table:
        raise ArgumentError(f"folder: expected participant_id in {file.name}, got {list(table)}")
    ids = table.pop("participant_id").astype(str).str.removeprefix("sub-")
    twice = sorted(set(ids[ids.duplicated()]))
    if twice:
        raise ArgumentError(f"folder: expected each subject once in {file.name}, got {twice} again")
    for name in table:
        # A code such as 007 or a number too long to keep its digits is no number.
        said = [value for value in table[name] if isinstance(value, str)]
        if said and all(_PLAIN.fullmatch(v) and len(v) <= 15 for v in said):
            table[name] = pd.to_numeric(table[name])
    rows = table.to_dict("records")
    return {key: {str(k): v for k, v in row.items()} for key, row in zip(ids, rows, strict=True)}


def _check_rate(
    signal: Signal, table: pd.DataFrame | None, path: Path, root: Path, datatype: str
) -> None:
    """Check the recording's rate against what stands in the sidecars."""
    said: dict[str, Any] = {}
    for file in _inherited(path, root, f"{datatype}.json"):
        try:
            said |= json.loads(file.read_text(encoding="utf-8-sig"))
        except (ValueError, TypeError) as error:
            raise ArgumentError(f"folder: expected JSON in {file.name}, got {error}") from error
    rates = {"SamplingFrequency": said.get("SamplingFrequency")}
    if table is not None and "sampling_frequency" in table:
        own = table.set_index(table["name"].str.strip())["sampling_frequency"]
        rates |= {f"sampling_frequency of {name}": own[name] for name in signal.channels}
    for what, value in rates.items():
        if value is None or value == "n/a" or (isinstance(value, float) and np.isnan(value)):
            continue
        try:
            rate = float(value)
        except (TypeError, ValueError):
            raise ArgumentError(
                f"folder: expected a number of Hz as {what} beside {path.name}, got {value!r}"
            ) from None
        if not abs(rate / signal.rate - 1) <= _SAME_RATE:
            raise ArgumentError(
                f"folder: expected the {what} of {path.name}'s sidecar, {rate:g} Hz, got "
                f"{signal.rate:g} Hz in the recording"
            )


def _check_parts(path: Path) -> None:
    """Check that the first of several parts leads to all others."""
    import mne

    parts = [
        other
        for other in path.parent.glob(f"*_{path.stem.rpartition('_')[2]}.fif")
        if {k: v for k, v in entities(other).items() if k != "split"}
        == {k: v for k, v in entities(path).items() if k != "split"}
    ]
    if len(parts) > 1:
        raw = mne.io.read_raw(path, verbose="error")
        if len(raw.filenames) != len(parts):
            raise ArgumentError(
                f"folder: expected {path.name} to lead to its {len(parts)} parts, got "
                f"{len(raw.filenames)}: save them again with mne's split_naming='bids'"
            )


def _not_marked(signal: Signal, path: Path) -> Signal:
    """Return the channels that the recording itself does not call bad."""
    import mne

    bad = set(mne.io.read_info(path, verbose="error")["bads"])
    good = [name for name in signal.channels if name not in bad]
    if not good:
        raise ArgumentError(f"folder: expected good channels in {path.name}, got all marked bad")
    return read_signal(signal, channels=good)


def _in_volts(signal: Signal, table: pd.DataFrame) -> Signal:
    """Return a signal whose file knows no unit in volts, where the table has one for each."""
    if signal.unit or "units" not in table:
        return signal
    units = table.set_index(table["name"].str.strip())["units"].astype(str)
    plain = [
        units[name].strip().replace("\u00b5", "u").replace("\u03bc", "u").lower()
        for name in signal.channels
    ]
    if not all(unit in _VOLTS for unit in plain):
        return signal
    values = np.asarray(signal.values) * [_VOLTS[unit] for unit in plain]
    return Signal(values, signal.rate, signal.start, signal.channels, "V")


def _without_bad_spans(signal: Signal, path: Path, root: Path) -> Signal:
    """Return the signal with NaN where ``…_events.tsv`` has events BAD…, EDGE… or boundary."""
    values = None
    for file in _inherited(path, root, "events.tsv")[-1:]:
        events = _tsv(file)
        if not {"onset", "trial_type"} <= set(events):
            continue
        labels = events["trial_type"].fillna("").str.strip()
        chosen = labels.str.lower().str.startswith(("bad_", "bad ", "edge", "boundary"))
        chosen |= labels.str.lower() == "bad"
        zero = pd.Series("0", events.index)
        onsets = pd.to_numeric(events["onset"], errors="coerce")
        lengths = pd.to_numeric(events.get("duration", zero), errors="coerce").fillna(0.0)
        if onsets[chosen].isna().any():
            raise ArgumentError(f"folder: expected onsets in s in {file.name}, got other text")
        for onset, length, label in zip(
            onsets[chosen], lengths[chosen], labels[chosen], strict=True
        ):
            values = np.array(signal.values) if values is None else values
            span = (float(onset), float(length), str(label))
            mark_span(values, signal.rate, span, list(range(signal.n_channels)))
    if values is None:
        return signal
    return Signal(values, signal.rate, signal.start, signal.channels, signal.unit)


def _inherited(path: Path, root: Path, ending: str) -> list[Path]:
    """Return the sidecars that hold for a recording, the nearest last."""
    own = set(_ENTITY.findall(path.stem))
    folders = [root, *reversed([p for p in path.parents if root in p.parents])]
    return [
        file
        for folder in folders
        for file in sorted(folder.glob(f"*{ending}"), key=lambda f: len(f.name))
        if (file.name == ending or file.name.endswith(f"_{ending}"))
        and set(_ENTITY.findall(file.stem)) <= own
    ]


def _good(table: pd.DataFrame, datatype: str, path: Path) -> list[str]:
    missing = sorted({"name", "type"} - set(table))
    if missing:
        raise ArgumentError(
            f"folder: expected columns name and type in the channels of {path.name}, got "
            f"{list(table)}"
        )
    names = table["name"].fillna("").str.strip()
    twice = sorted(set(names[names.duplicated()]))
    if twice:
        raise ArgumentError(
            f"folder: expected each channel once in the table of {path.name}, got {twice} again"
        )
    good = table["type"].fillna("").str.strip().str.upper().isin(_TYPES[datatype]).to_numpy()
    if "status" in table:
        good = good & (table["status"].fillna("").str.strip().str.lower() != "bad").to_numpy()
    if not good.any():
        raise ArgumentError(
            f"folder: expected good channels of {_TYPES[datatype]} in the table of {path.name}, "
            f"got none: types {sorted(set(table['type'].dropna()))}"
        )
    return [str(name) for name in names[good]]


def _tsv(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(
            file, sep="\t", dtype=str, na_values=["n/a"], keep_default_na=False,
            encoding="utf-8-sig",
        )  # fmt: skip
    except (ValueError, UnicodeDecodeError) as error:
        raise ArgumentError(f"folder: expected a table in {file.name}, got {error}") from error
    return table.rename(columns=str.strip)
