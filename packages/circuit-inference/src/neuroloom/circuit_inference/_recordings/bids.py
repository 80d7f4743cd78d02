"""A BIDS folder as one table: features, and predictions, by subject, session and task.

Brain Imaging Data Structure, https://bids-specification.readthedocs.io. Sidecars are inherited as
it says: what stands nearer to a recording goes before what stands above.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neuroloom.circuit_inference._features.feature_set import FeatureSet
from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._features.series import resampled
from neuroloom.circuit_inference._recordings.epoch_table import epoch_table
from neuroloom.circuit_inference._recordings.read_signal import read_signal
from neuroloom.circuit_inference.errors import ArgumentError, FeatureMismatchError, unknown
from neuroloom.shared import Signal

if TYPE_CHECKING:
    from neuroloom.circuit_inference._inference.inferer import Inferer

_SUFFIXES = {
    "eeg": (".set", ".edf", ".bdf", ".vhdr", ".fif"),
    "ieeg": (".edf", ".vhdr", ".set", ".nwb"),
    "meg": (".fif",),
}
_TYPES = {"eeg": ("EEG",), "ieeg": ("ECOG", "SEEG", "DBS"), "meg": ("MEGMAG", "MEGGRADAXIAL")}
_ENTITY = re.compile(r"([a-zA-Z]+)-([a-zA-Z0-9+]+)")
_WORDS = {"sub": "subject", "ses": "session", "acq": "acquisition"}


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
    Channels that ``…_channels.tsv`` calls bad, or of another type, are left out; the rate in the
    recording must be the ``SamplingFrequency`` of its sidecar.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f"folder: expected an existing folder, got {root}")
    if datatype not in _SUFFIXES:
        raise unknown("datatype", datatype, _SUFFIXES)
    chosen = _chosen(feature_set, inferer)
    people = _participants(root)
    parts = []
    for path in _recordings(root, datatype, task):
        entities = _entities(path)
        signal = _signal(path, root, datatype)
        table = epoch_table(signal, epoch_s=epoch_s, step_s=step_s)
        series, rate = list(table.pop("Data")), float(signal.rate)
        target = None if inferer is None else _rate_of(inferer, rate, resample, path)
        if target is not None and target != rate:
            series, rate = [resampled(x, rate, target) for x in series], target
        values = chosen.compute(series, rate=rate, n_workers=n_workers)
        said = {**entities, **people.get(entities["subject"], {})}
        columns = [table.drop(columns="recording"), _values(values)]
        if inferer is not None:
            posterior = inferer.predict(values, warn=False, seed=seed)
            columns.append(posterior.to_frame(level=level))
        part = pd.concat(columns, axis=1)
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


def _recordings(root: Path, datatype: str, task: str | Iterable[str] | None) -> list[Path]:
    wanted = None if task is None else {task} if isinstance(task, str) else set(task)
    every = [
        path
        for path in sorted(root.glob(f"sub-*/**/{datatype}/*_{datatype}.*"))
        if path.suffix in _SUFFIXES[datatype]
    ]
    there = {_entities(path).get("task", "") for path in every}
    for name in sorted(wanted or ()):
        if name not in there:
            raise unknown("task", name, sorted(there))
    found = [path for path in every if wanted is None or _entities(path).get("task") in wanted]
    if not found:
        raise ArgumentError(
            f"folder: expected recordings sub-…/{datatype}/…_{datatype} of the types "
            f"{_SUFFIXES[datatype]}, got none in {root.name}"
        )
    return found


def _entities(path: Path) -> dict[str, str]:
    return {_WORDS.get(key, key): value for key, value in _ENTITY.findall(path.stem)}


def _signal(path: Path, root: Path, datatype: str) -> Signal:
    """Return the good channels of one recording, its rate checked against the sidecar."""
    channels = None
    for table in map(_tsv, _inherited(path, root, "channels.tsv")):
        channels = _good(table, datatype, path)
    signal = read_signal(path, channels=channels)
    said: dict[str, Any] = {}
    for file in _inherited(path, root, f"{datatype}.json"):
        try:
            said |= json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, TypeError) as error:
            raise ArgumentError(f"folder: expected JSON in {file.name}, got {error}") from error
    rate = said.get("SamplingFrequency")
    if isinstance(rate, (int, float)) and abs(rate / signal.rate - 1) > 1e-3:
        raise ArgumentError(
            f"folder: expected the SamplingFrequency of {path.name}'s sidecar, {rate:g} Hz, got "
            f"{signal.rate:g} Hz in the recording"
        )
    return signal


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
    good = np.ones(len(table), dtype=bool)
    if "status" in table:
        good &= (table["status"].str.lower() != "bad").to_numpy()
    if "type" in table:
        good &= table["type"].str.upper().isin(_TYPES[datatype]).to_numpy()
    if "name" not in table or not good.any():
        raise ArgumentError(
            f"folder: expected good channels of {_TYPES[datatype]} in the table of {path.name}, "
            f"got columns {list(table)} and {int(good.sum())} of them"
        )
    return [str(name) for name in table.loc[good, "name"]]


def _participants(root: Path) -> dict[str, dict[str, Any]]:
    """Return what ``participants.tsv`` says of each subject."""
    file = root / "participants.tsv"
    if not file.is_file():
        return {}
    table = _tsv(file)
    if "participant_id" not in table:
        raise ArgumentError(f"folder: expected participant_id in {file.name}, got {list(table)}")
    for name in table:
        numbers = pd.to_numeric(table[name], errors="coerce")
        if name != "participant_id" and numbers.notna().equals(table[name].notna()):
            table[name] = numbers
    rows = table.set_index("participant_id").to_dict("index")
    return {
        str(key).removeprefix("sub-"): {str(k): v for k, v in r.items()} for key, r in rows.items()
    }


def _tsv(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, sep="\t", dtype=str, na_values=["n/a"], keep_default_na=False)
    except (ValueError, UnicodeDecodeError) as error:
        raise ArgumentError(f"folder: expected a table in {file.name}, got {error}") from error
