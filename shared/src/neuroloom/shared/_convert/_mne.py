"""MNE's Raw and Epochs."""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import numpy as np

from neuroloom.shared._convert._skipped import Skipped, free, plain
from neuroloom.shared._convert._times import unknown
from neuroloom.shared._convert._units import per_unit
from neuroloom.shared._errors import require
from neuroloom.shared._lazy import Lazy
from neuroloom.shared._types._aligned import AlignedSignal
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._signal import Signal
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import choice, fail

_EXTRA = "neuroloom-shared[mne]"
# FIFF's numbers for the units that MNE keeps inside, whatever it shows.
_UNITS = {
    1: "m", 3: "s", 6: "M", 7: "rad", 101: "Hz", 107: "V", 110: "S", 112: "T", 114: "C",
    117: "V/m^2", 118: "s^2", 201: "T/m", 202: "Am", 210: "px",
}  # fmt: skip
_IN_VOLTS = {"V": 1.0, "mV": 1e-3, "uV": 1e-6, "µV": 1e-6, "μV": 1e-6, "nV": 1e-9}


def from_mne(data: Any) -> Recording | dict[str, AlignedSignal]:
    """Return MNE's ``Raw`` as a recording, and its ``Epochs`` as aligned signals.

    Parameters
    ----------
    data : mne.io.BaseRaw or mne.BaseEpochs
        What to convert.

    Returns
    -------
    Recording
        Of ``Raw``: one signal per type of channel, called as the type (``"eeg"``), in MNE's unit
        (V, T, T/m), with ``bad`` as a property of the channels. Annotations stand in
        ``tables["annotations"]``, and those that last are epochs called as their description.
        Times count from the first sample, as in ``raw.times``. Where MNE has not loaded the
        samples they are read when a signal is used.
    dict of str to AlignedSignal
        Of ``Epochs``: samples of shape (n_epochs, n_times, n_channels) per type of channel;
        ``events`` are the events' times in seconds from MNE's sample 0. ``metadata`` has the
        events' names as ``labels`` and their codes as ``event_id``, the epochs' table, how many
        were dropped for which reason, and the baseline and thresholds that they were cut with.

    Raises
    ------
    DataError
        If `data` is of another type.
    MissingDependencyError
        If MNE is not installed.

    Notes
    -----
    Dates, filters, line frequency, bads, subject and names of files stand in ``metadata``, and
    what is left out (projectors, digitised points, every other entry of ``info`` that says
    something, annotations of cut epochs) in ``metadata["skipped"]``. A sensor without a position
    has NaN in ``position_m`` where others have one.
    """
    mne = require("mne", extra=_EXTRA)
    if isinstance(data, mne.io.BaseRaw):
        return _raw(mne, data)
    if isinstance(data, mne.BaseEpochs):
        return _cut(mne, data)
    raise unknown("data", "an mne Raw or Epochs object", data)


def _raw(mne: Any, data: Any) -> Recording:
    skipped = Skipped()
    first_time = float(data.first_time)
    # A copy: the user may filter the object later, and the signal must not change then.
    source = data.copy()
    makers = {
        kind: functools.partial(_signal, source, kind, places)
        for kind, places in _by_type(mne, data.info).items()
    }
    epochs, tables = _annotations(data, first_time, skipped)
    metadata = {**_about(data.info, skipped), "first_time": first_time}
    if files := [str(name) for name in data.filenames if name is not None]:
        metadata["filenames"] = files
    if skipped:
        metadata["skipped"] = dict(skipped)
    return Recording(None, Lazy(makers), None, epochs, metadata, tables=tables)


def _cut(mne: Any, data: Any) -> dict[str, AlignedSignal]:
    info = data.info
    values = data.get_data(copy=True)
    rate = float(info["sfreq"])
    # Events count samples of the Raw, which epochs decimated or resampled since no longer have.
    counted = float(getattr(data, "_raw_sfreq", None) or rate)
    metadata = _about_epochs(data)
    return {
        kind: AlignedSignal(
            values[:, places].transpose(0, 2, 1),
            rate,
            float(data.tmin),
            data.events[:, 0] / counted,
            [info["ch_names"][i] for i in places],
            _unit(info, kind, places),
            properties=_properties(info, places),
            metadata=metadata,
        )
        for kind, places in _by_type(mne, info).items()
    }


def _about_epochs(data: Any) -> dict[str, Any]:
    """Return what MNE's epochs say of themselves, and what of it is left out."""
    skipped = Skipped()
    metadata = _about(data.info, skipped)
    codes = {int(code): str(name) for name, code in data.event_id.items()}
    metadata["labels"] = [codes.get(int(code), str(code)) for code in data.events[:, 2]]
    metadata["dropped"] = dict(Counter(str(x) for reasons in data.drop_log for x in reasons))
    if data.metadata is not None:
        metadata["table"] = {str(k): plain(per_unit(v)) for k, v in data.metadata.items()}
    metadata["selection"] = plain(np.asarray(data.selection))
    if (former := data.events[:, 1]).any():
        skipped.note("events", f"{np.count_nonzero(former)} values of the trigger before an event")
    if data.annotations is not None and len(data.annotations):
        count = len(data.annotations)
        skipped.note("annotations", f"{count} of the data that epochs were cut from")
    metadata["event_id"] = plain(dict(data.event_id))
    for name in ("baseline", "reject", "flat", "reject_tmin", "reject_tmax", "detrend"):
        if getattr(data, name, None) is not None:
            metadata[name] = plain(getattr(data, name))
    if skipped:
        metadata["skipped"] = dict(skipped)
    return metadata


def to_mne(data: Signal | Recording, *, kind: str = "eeg") -> Any:
    """Return a signal or a recording's only signal as MNE's ``RawArray``.

    Epochs of a recording become annotations, as far as they lie inside the signal; what does not
    is told. MNE's samples are volts in float64: a signal in mV, µV or nV is scaled, and one without
    a unit is taken as it is. Channels without names are called ``"0"``, ``"1"``, ….

    Parameters
    ----------
    data : Signal or Recording
        What to convert. It starts at MNE's time 0; a start that is not 0 stands in
        ``info["description"]``.
    kind : str
        Type of the channels in MNE's words: ``"eeg"``, ``"seeg"``, ``"mag"``, ``"misc"``.

    Raises
    ------
    DataError
        If `data` is of another type, a recording has not one signal alone, the signal has
        missing samples or a unit that is none of a voltage for a `kind` in volts.
    MissingDependencyError
        If MNE is not installed.
    """
    mne = require("mne", extra=_EXTRA)
    lost = Skipped()
    signal, epochs = _alone(data, lost) if isinstance(data, Recording) else (data, {})
    if not isinstance(signal, Signal):
        raise unknown("data", "a Signal, or a Recording with one", signal)
    names = list(signal.channels) or [str(k) for k in range(signal.n_channels)]
    known = choice("kind", kind, mne.io.get_channel_type_constants())
    info = mne.create_info(names, signal.rate, known)
    bad = np.asarray(signal.properties.get("bad", np.zeros(len(names), bool)))
    if bad.dtype == bool:
        info["bads"] = [name for name, one in zip(names, bad, strict=True) if one]
    else:
        lost.note("property 'bad'", "of values that are not True or False")
    if signal.start != 0:
        info["description"] = f"first sample at {signal.start!r} s"
    for name in set(signal.properties) - {"bad"}:
        lost.note(f"property {name!r}", "no place in Info")
    if signal.metadata:
        lost.note("metadata of the signal", f"the entries {sorted(signal.metadata)}")
    if signal.observed is not None:
        lost.note("observed times of the signal", "no place in Raw")
    values = _scaled(signal, kind, info["chs"][0]["unit"])
    raw = mne.io.RawArray(values.T, info, verbose="error")
    raw.set_annotations(_noted(mne, epochs, signal, lost), verbose="error")
    lost.warn("MNE has no place for")
    return raw


def _noted(mne: Any, epochs: dict[str, Epochs], signal: Signal, lost: Skipped) -> Any:
    """Return epochs as annotations, their times from the first sample.

    MNE leaves out and shortens what lies outside the samples, so that is done here and noted.
    """
    onset: list[float] = []
    length: list[float] = []
    words: list[str] = []
    for name, part in epochs.items():
        if not len(part):
            lost.note(f"epochs {name!r}", "there are none of them")
        start, stop = part.start - signal.start, part.stop - signal.start
        first, last = np.maximum(start, 0.0), np.minimum(stop, signal.duration)
        inside = first < last
        slack = 1e-6 / signal.rate
        cut = inside & ((start < -slack) | (stop > signal.duration + slack))
        if n := int((~inside).sum()):
            lost.note(f"epochs {name!r}", f"{n} of {len(part)} lie outside the signal")
        if n := int(cut.sum()):
            lost.note(f"epochs {name!r}", f"{n} of {len(part)} were cut at the signal's ends")
        onset += first[inside].tolist()
        length += (last - first)[inside].tolist()
        words += [name] * int(inside.sum())
    return mne.Annotations(onset, length, words)


def _alone(data: Recording, lost: Skipped) -> tuple[Any, dict[str, Epochs]]:
    """Return a recording's one signal and its epochs, and note the other parts."""
    if len(data.signals) != 1:
        raise fail("data", "a recording with one signal", sorted(data.signals))
    for part in ("spikes", "trials"):
        if getattr(data, part) is not None:
            lost.note(part, "no place in Raw")
    for name in data.tables:
        lost.note(f"table {name!r}", "no place in Raw")
    if data.metadata:
        lost.note("metadata", f"the entries {sorted(data.metadata)}")
    for name, epochs in data.epochs.items():
        for which in epochs.properties:
            lost.note(f"property {which!r} of epochs {name!r}", "no place in Annotations")
        if epochs.metadata:
            lost.note(f"metadata of epochs {name!r}", f"the entries {sorted(epochs.metadata)}")
    (signal,) = (data.signals[name] for name in data.signals)
    return signal, data.epochs


def _scaled(signal: Signal, kind: str, unit: int) -> Any:
    """Return samples in the unit that MNE keeps channels of a type in."""
    values = signal.values.astype(np.float64)
    if np.isnan(values).any():
        raise fail("data.values", "no missing samples, for MNE", "NaN")
    own = _UNITS.get(int(unit), "")
    if signal.unit in ("", own):
        return values
    if own != "V" or signal.unit not in _IN_VOLTS:
        units = ", ".join(_IN_VOLTS) if own == "V" else own or "none"
        raise fail("data.unit", f"{units} for {kind}", repr(signal.unit))
    return values * _IN_VOLTS[signal.unit]


def _by_type(mne: Any, info: Any) -> dict[str, list[int]]:
    kinds: dict[str, list[int]] = {}
    for place in range(len(info["ch_names"])):
        kinds.setdefault(str(mne.channel_type(info, place)), []).append(place)
    return kinds


def _unit(info: Any, kind: str, places: list[int]) -> str:
    """Return the unit of channels; none where they differ, and for codes of triggers."""
    units = {_UNITS.get(int(info["chs"][i]["unit"]), "") for i in places}
    return units.pop() if len(units) == 1 and kind != "stim" else ""


def _properties(info: Any, places: list[int]) -> dict[str, Any]:
    names = [info["ch_names"][i] for i in places]
    found: dict[str, Any] = {"bad": np.array([name in info["bads"] for name in names])}
    positions = np.array([np.asarray(info["chs"][i]["loc"][:3], np.float64) for i in places])
    known = np.isfinite(positions).all(axis=1)
    if positions[known].any():
        found["position_m"] = np.where(known[:, None], positions, np.nan)
    return found


def _signal(raw: Any, kind: str, places: list[int]) -> Signal:
    info = raw.info
    return Signal(
        raw.get_data(picks=places, verbose="error").T,
        float(info["sfreq"]),
        channels=[info["ch_names"][i] for i in places],
        unit=_unit(info, kind, places),
        properties=_properties(info, places),
    )


def _about(info: Any, skipped: Skipped) -> dict[str, Any]:
    found = {"source": "MNE", "bads": list(info["bads"])}
    for name in ("meas_date", "line_freq", "highpass", "lowpass", "description", "experimenter"):
        if info.get(name) is not None:
            found[name] = plain(info[name])
    if info.get("subject_info"):
        found["subject"] = plain(dict(info["subject_info"]))
    for name, what in {"projs": "projectors, not applied by us", "comps": "compensators"}.items():
        if info.get(name):
            skipped.note(name, f"{len(info[name])} {what}")
    if info.get("dig"):
        skipped.note("dig", f"{len(info['dig'])} digitised points")
    for name, value in info.items():
        if name not in _READ and _says(value):
            skipped.note(name, f"an entry of info: {' '.join(str(value).split())[:80]}")
    if any(_says(np.nan_to_num(one["loc"][3:])) for one in info["chs"]):
        skipped.note("chs", "orientations and references of sensors")
    return found


# Entries of an Info that are carried over, or told in words of their own.
_READ = (
    *("meas_date", "line_freq", "highpass", "lowpass", "description", "experimenter", "bads"),
    *("subject_info", "projs", "comps", "dig", "chs", "ch_names", "nchan", "sfreq"),
)


def _says(value: Any) -> bool:
    """Return whether an entry is there: no None, nothing empty, no zeros alone, no identity."""
    if isinstance(value, dict) and "trans" in value:  # older MNE writes one where there is none
        return not np.array_equal(value["trans"], np.eye(4))
    return bool(len(value)) if isinstance(value, (dict, list, str)) else bool(np.any(value))


def _annotations(
    raw: Any, first_time: float, skipped: Skipped
) -> tuple[dict[str, Epochs], dict[str, Trials]]:
    """Return annotations as epochs by description, and as a table if there are any."""
    notes = raw.annotations
    if not len(notes):
        return {}, {}
    # Whatever is on file about the date, the onsets of a Raw count from MNE's sample 0.
    start = np.asarray(notes.onset, np.float64) - first_time
    length = np.asarray(notes.duration, np.float64)
    words = [str(x) for x in notes.description]
    table = {"start": start, "stop": start + length, "label": words, **_more_of(notes)}
    epochs = {}
    for word in dict.fromkeys(words):
        mine = np.array([x == word for x in words])
        if (length[mine] == 0).all():
            continue  # moments, which the table holds
        with skipped.guard(f"epochs {word!r}"):
            order = np.argsort(start[mine], kind="stable")
            first = start[mine][order]
            epochs[word] = Epochs(first, first + length[mine][order])
    return epochs, {"annotations": Trials(table)}


def _more_of(notes: Any) -> dict[str, list[Any]]:
    """Return what annotations say beside times and words, as columns: channels, and extras."""
    columns: dict[str, list[Any]] = {}
    channels = [list(map(str, x)) for x in notes.ch_names]
    if any(channels):
        columns["channels"] = channels
    extras = [dict(x or {}) for x in getattr(notes, "extras", None) or ()]
    for key in dict.fromkeys(key for one in extras for key in one):
        column = free(str(key), ("start", "stop", "label", *columns))
        columns[column] = [one.get(key) for one in extras]
    return columns
