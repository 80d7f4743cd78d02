"""A BIDS folder as one table: features, and predictions, by subject, session and task.

Brain Imaging Data Structure, https://bids-specification.readthedocs.io.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._features.series import resampled
from neuroloom.circuit_inference._recordings.bids_sidecars import (
    ENTITIES,
    entities,
    later_part,
    participants,
    signal_of,
)
from neuroloom.circuit_inference._recordings.epoch_table import epoch_table
from neuroloom.circuit_inference.errors import ArgumentError, FeatureMismatchError, unknown

if TYPE_CHECKING:
    from neuroloom.circuit_inference._inference.inferer import Inferer

_SUFFIXES = {
    "eeg": (".set", ".edf", ".bdf", ".vhdr", ".fif"),
    "ieeg": (".edf", ".vhdr", ".set", ".nwb"),
    "meg": (".fif",),
}
# Belong to a recording, or are no recording; anything else that looks like one is named.
_COMPANIONS = (".json", ".tsv", ".gz", ".fdt", ".eeg", ".vmrk", ".pos", ".html", ".txt", ".png")


def bids_table(
    folder: str | Path,
    feature_set: FeatureSet | None = None,
    *,
    inferer: Inferer | None = None,
    datatype: str = "eeg",
    task: str | Iterable[str] | None = None,
    epoch_s: float | None = None,
    step_s: float | None = None,
    resample: bool = False,
    level: float = 0.9,
    n_workers: int | None = None,
    seed: Any = None,
) -> pd.DataFrame:
    """Return one row per recording, epoch and channel of a BIDS folder.

    Parameters
    ----------
    folder : str or Path
        With folders ``sub-…``.
    feature_set : FeatureSet, optional
        What is computed; that of `inferer` if not given.
    inferer : Inferer, optional
        A trained model, whose predictions are added.
    datatype : {"eeg", "ieeg", "meg"}
        Which recordings.
    task : str or iterable of str, optional
        Only recordings of these tasks.
    epoch_s, step_s : float, optional
        As for `epoch_table`.
    resample : bool
        Bring recordings of another rate to that of the model's training; without it they are
        refused.
    level : float
        Probability inside the interval of the predictions.
    n_workers : int, optional
        Threads of the features; the values do not depend on it.
    seed : int or Seed, optional
        Of the posterior's draws.

    Returns
    -------
    DataFrame
        Columns ``subject``, the other entities of the file's name (``session``, ``task``, …), those
        of ``participants.tsv``, ``sensor``, ``epoch``, ``t0`` and ``t1`` (s), ``fs`` (Hz), one per
        feature, and with a model the mean and interval of each parameter, ``valid`` and ``ood_p``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.
    ArgumentError
        If it holds no such recording, or a sidecar contradicts a recording or cannot be read.
    FeatureMismatchError
        If a recording has another rate than the model's training.

    Notes
    -----
    Channels that ``…_channels.tsv`` or the recording calls bad, or of another type, are left out,
    and epochs with spans that ``…_events.tsv`` calls BAD…; the rate in the recording must be the
    ``SamplingFrequency`` of its sidecar and that of each channel. A column of ``participants.tsv``
    that has the name of another one is called ``participants.…``.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"folder: expected an existing folder, got {root}")
    if datatype not in _SUFFIXES:
        raise unknown("datatype", datatype, _SUFFIXES)
    chosen = _chosen(feature_set, inferer)
    people = participants(root)
    parts = []
    for path in _recordings(root, datatype, task):
        named = entities(path)
        signal = signal_of(path, root, datatype)
        table = epoch_table(signal, epoch_s=epoch_s, step_s=step_s, names=[path.name])
        series, rate = list(table.pop("Data")), float(signal.rate)
        target = None if inferer is None else _rate_of(inferer, rate, resample, path)
        if target is not None and target != rate:
            series, rate = [resampled(x, rate, target) for x in series], target
        values = chosen.compute(series, rate=rate, n_workers=n_workers)
        columns = [table.drop(columns="recording"), _values(values)]
        if inferer is not None:
            posterior = inferer.predict(values, warn=False, seed=seed)
            columns.append(posterior.to_frame(level=level))
        part = pd.concat(columns, axis=1)
        said = {**named, **_apart(people.get(named["subject"], {}), {*ENTITIES, *named, *part})}
        parts.append(part.assign(**{k: v for k, v in said.items() if k not in part}))
    out = pd.concat(parts, ignore_index=True)
    first = [name for name in out if name not in parts[0] or name in said]
    return out[[*first, *(name for name in out if name not in first)]]


def _chosen(feature_set: FeatureSet | None, inferer: Inferer | None) -> FeatureSet:
    """Return what is computed: what was said, or what the model was trained with."""
    chosen = feature_set or (None if inferer is None else inferer.feature_set)
    if chosen is None:
        raise ArgumentError(
            "feature_set: expected a FeatureSet, or an inferer that was told its own, got neither"
        )
    return chosen


def _values(table: FeatureTable) -> pd.DataFrame:
    return pd.DataFrame(table.values, columns=list(table.names))


def _rate_of(inferer: Inferer, rate: float, resample: bool, path: Path) -> float | None:
    """Return the rate of the model's training, after a check where it is another one."""
    learned = inferer.rate_hz
    if learned is not None and abs(learned / rate - 1) > 1e-9 and not resample:
        raise FeatureMismatchError(
            f"folder: expected recordings of {learned:g} Hz as in training, got {rate:g} Hz in "
            f"{path.name}; resample=True brings them there"
        )
    return learned


def _apart(person: dict[str, Any], taken: set[str]) -> dict[str, Any]:
    """Return what is said of a subject, under names that mean nothing else in the table."""
    return {f"participants.{k}" if k in taken else k: v for k, v in person.items()}


def _recordings(root: Path, datatype: str, task: str | Iterable[str] | None) -> list[Path]:
    wanted = None if task is None else {task} if isinstance(task, str) else set(task)
    every = _named(root, datatype)
    there = {entities(path).get("task", "") for path in every}
    for name in sorted(wanted or ()):
        if name not in there:
            raise unknown("task", name, sorted(there))
    found = [path for path in every if wanted is None or entities(path).get("task") in wanted]
    if not found:
        raise ArgumentError(
            f"folder: expected recordings sub-…/{datatype}/…_{datatype} of the types "
            f"{_SUFFIXES[datatype]}, got none in {root.name}"
        )
    seen: dict[str, Path] = {}
    for path in found:
        if path.stem in seen:
            raise ArgumentError(
                f"folder: expected each recording once, got {path.relative_to(root)} and "
                f"{seen[path.stem].relative_to(root)}"
            )
        seen[path.stem] = path
    return found


def _named(root: Path, datatype: str) -> list[Path]:
    """Return all recordings; of one in parts (``split-02``), the first, with which MNE reads on.

    Warns of files that look like recordings and cannot be read.
    """
    found, strange = [], []
    for path in sorted(root.glob(f"sub-*/**/{datatype}/*_{datatype}.*")):
        suffix = path.suffix.lower()
        if suffix in _SUFFIXES[datatype]:
            if suffix != ".fif" or not later_part(path):
                found.append(path)
        elif suffix not in _COMPANIONS:
            strange.append(path.name)
    if strange:
        warnings.warn(
            f"folder: expected recordings of the types {_SUFFIXES[datatype]}, {len(strange)} "
            f"others are left out: {strange[:5]}",
            stacklevel=4,
        )
    for path in found:
        subject = next(p.name for p in path.parents if p.parent == root)
        if f"sub-{entities(path).get('subject')}" != subject:
            raise ArgumentError(
                f"folder: expected a recording of {subject} in its folder, got {path.name}"
            )
    return found
