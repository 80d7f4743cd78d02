"""Sorted spikes in the files of Kilosort and Phy."""

from __future__ import annotations

import ast
import contextlib
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.shared._convert._arrays import read_npy, read_table
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._convert._units import table_properties
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared.checks import fail, real
from neuroloom.shared.checks import path as as_path

if TYPE_CHECKING:
    import pandas as pd

# The first one that has a value is the unit's quality: what a person said beats a program.
_QUALITY = ("group", "KSLabel")
_NO_LABEL = "unsorted"  # what Phy writes of clusters that nobody looked at
_READ = {"spike_times.npy", "spike_clusters.npy", "params.py", "cluster_info.tsv"}


def read_phy(
    folder: str | Path, *, rate: float | None = None, stop: float | None = None
) -> SpikeTrains:
    """Return the units that Kilosort found, with what Phy's tables say of each.

    Spike times are ``spike_times.npy / rate``. Each column of ``cluster_info.tsv`` and of the
    ``cluster_*.tsv`` is a property of the units, and ``quality`` is the label that a person
    gave (``group``; ``unsorted`` is none) or, without one, Kilosort's (``KSLabel``). Units are
    named by the cluster's number, clusters without spikes included. The other files stand in
    ``metadata["skipped"]``.

    Parameters
    ----------
    folder : str or Path
        Folder with ``spike_times.npy`` and ``spike_clusters.npy`` (or, before curation,
        ``spike_templates.npy``).
    rate : float, optional
        Sampling rate in Hz; if not given, ``sample_rate`` of ``params.py``, whose assignments
        are read and never run.
    stop : float, optional
        End of the recording in seconds; if not given, told from the length of the raw file that
        ``params.py`` names where it is there, otherwise just after the last spike.

    Raises
    ------
    DataError
        If a file is missing or damaged, holds Python objects, no sampling rate is known, or
        spikes lie before 0 or after `stop`.
    """
    root = as_path("folder", folder)
    if not root.is_dir():
        raise fail("folder", "an existing folder", f"{root}")
    skipped = Skipped()
    params = _params(root / "params.py", skipped)
    hertz = _rate(rate, params)
    samples = _per_spike(root, "spike_times.npy")
    name = "spike_clusters.npy"
    if not (root / name).is_file():
        name = "spike_templates.npy"
        skipped.note("spike_clusters.npy", f"not there: {name} is read instead")
    clusters = _per_spike(root, name)
    if len(samples) != len(clusters):
        raise fail(name, f"one per spike ({len(samples)})", len(clusters))
    table = _clusters(root, np.unique(clusters), skipped)
    for path in sorted(root.iterdir()):
        if path.name not in _READ | {name} and not _is_table(path):
            skipped.note(path.name, "not spike times, clusters or a table of clusters")
    times = samples.astype(np.float64) / hertz
    end, told = _end(stop, times, params, root, hertz)
    table = table.sort_index()
    order = np.argsort(clusters, kind="stable")
    borders = np.searchsorted(clusters[order], np.append(table.index, 2**62))
    trains = [times[order[i:j]] for i, j in itertools.pairwise(borders)]
    if end is None and not len(times):
        raise fail("stop", "the end of the recording where there are no spikes", None)
    epochs = None if end is None else Epochs(0.0, end)
    properties = table_properties(table)
    names = [int(i) for i in table.index]
    metadata = {
        "source": "Phy",
        "folder": root.name,
        "sample_rate": hertz,
        "stop": told,
        "params": params,
        "skipped": dict(skipped),
    }
    return SpikeTrains.from_lists(trains, epochs, names, properties, metadata=metadata)


def _params(path: Path, skipped: Skipped) -> dict[str, Any]:
    """Return the plain assignments of a Python file without running it."""
    if not path.is_file():
        return {}
    found: dict[str, Any] = {}
    with skipped.guard(path.name):
        # utf-8-sig: editors on Windows write a mark first
        for line in ast.parse(path.read_bytes().decode("utf-8-sig")).body:
            target = getattr(line, "target", None) or getattr(line, "targets", [None])[0]
            value = getattr(line, "value", None)
            simple = isinstance(line, (ast.Assign, ast.AnnAssign)) and isinstance(target, ast.Name)
            if not simple or not isinstance(target, ast.Name) or value is None:
                skipped.note(f"params.py line {line.lineno}", "no assignment of a plain value")
                continue
            try:
                found[target.id] = ast.literal_eval(value)
            except ValueError:
                skipped.note(f"params.py {target.id}", "an expression, which is not run")
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, (str, int, float, bool, list, type(None)))
    }


def _rate(rate: float | None, params: dict[str, Any]) -> float:
    given = params.get("sample_rate") if rate is None else rate
    if given is None:
        raise fail("rate", "a rate in Hz where params.py has no sample_rate", None)
    where = "params.py sample_rate" if rate is None else "rate"
    return real(where, given, above=0, unit="Hz")


def _per_spike(root: Path, name: str) -> Any:
    path = root / name
    if not path.is_file():
        raise fail("folder", f"a file {name}", f"none in {root.name}")
    values = read_npy(path)
    if values.ndim == 2 and 1 in values.shape:  # Kilosort writes a column
        values = values.reshape(-1)
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise fail(name, "one number per spike", f"shape {values.shape}, dtype {values.dtype}")
    if values.dtype.kind == "f" and not np.array_equal(values, np.trunc(values)):
        raise fail(name, "whole numbers", "values with fractions or NaN")
    if len(values) and not 0 <= values.min() <= values.max() < 2**53:
        raise fail(name, "numbers from 0 that are exact", f"{values.min()} to {values.max()}")
    return values.astype(np.int64)


def _is_table(path: Path) -> bool:
    return path.name.startswith("cluster_") and path.suffix in (".tsv", ".csv")


def _clusters(root: Path, used: Any, skipped: Skipped) -> pd.DataFrame:
    """Return one row per cluster, those that only a table knows included."""
    import pandas as pd

    table = pd.DataFrame(index=pd.Index(used, name="cluster_id"))
    # cluster_info last: Phy writes it from the others, which are what it reads itself.
    for path in sorted(root.iterdir(), key=lambda x: (x.name == "cluster_info.tsv", x.name)):
        if not _is_table(path):
            continue
        with skipped.guard(path.name):
            more = read_table(path)
            key = "cluster_id" if "cluster_id" in more else "id"
            if key not in more:
                raise fail(path.name, "a column cluster_id or id", list(more.columns))
            if more[key].isna().any() or not more[key].is_unique:
                raise fail(path.name, f"each {key} once", "missing or repeated ones")
            more = more.set_index(more[key].astype(np.int64)).drop(columns=key)
            table = _joined(table, more, path.name, skipped)
    quality = pd.Series(pd.NA, index=table.index, dtype="object")
    for name in _QUALITY:
        if name in table:
            said = table[name].astype("object")
            known = quality.notna() & (quality != _NO_LABEL)
            quality = quality.where(known | said.isna(), said)
    if "quality" not in table and quality.notna().any():
        table["quality"] = quality
    return table


def _joined(table: pd.DataFrame, more: pd.DataFrame, name: str, skipped: Skipped) -> pd.DataFrame:
    """Return a table with another's columns; it is not overruled, and what differs is noted."""
    both = [column for column in more if column in table]
    wide = table.join(more[[c for c in more if c not in table]], how="outer")
    for column in both:
        other = more[column].reindex(wide.index)
        differs = wide[column].notna() & other.notna() & (wide[column] != other)
        if differs.any():
            listed = [int(x) for x in wide.index[differs]]
            skipped.note(f"{name} {column}", f"another table says otherwise of {listed}")
        wide[column] = wide[column].where(wide[column].notna(), other)
    return wide


def _end(
    stop: float | None, times: Any, params: dict[str, Any], root: Path, hertz: float
) -> tuple[float | None, str]:
    """Return the end of the recording, and how it is known."""
    if stop is not None:
        return real("stop", stop), "as given"
    names = params.get("dat_path", [])
    paths = [root / str(name) for name in ([names] if isinstance(names, str) else names or [])]
    if paths and all(path.is_file() for path in paths):
        with contextlib.suppress(KeyError, TypeError, ValueError):  # params.py may say anything
            frame = np.dtype(params.get("dtype", "int16")).itemsize * int(params["n_channels_dat"])
            size = sum(path.stat().st_size for path in paths) - int(params.get("offset") or 0)
            end = size // frame / hertz if frame > 0 else 0.0
            if end > (times.max() if len(times) else 0.0):
                return float(end), "from the length of the raw file"
    return None, "just after the last spike: the length of the recording is not known"
