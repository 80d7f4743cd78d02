"""Sessions in ALF, the files of the International Brain Lab's ONE."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroloom.shared._convert._arrays import read_npy, read_table
from neuroloom.shared._convert._rules import by_rules
from neuroloom.shared._convert._skipped import Skipped
from neuroloom.shared._convert._units import table_properties
from neuroloom.shared._types._epochs import Epochs
from neuroloom.shared._types._recording import Recording
from neuroloom.shared._types._spike_trains import SpikeTrains
from neuroloom.shared._types._time_series import TimeSeries
from neuroloom.shared._types._trials import Trials
from neuroloom.shared.checks import fail, unknown
from neuroloom.shared.checks import path as as_path

if TYPE_CHECKING:
    import pandas as pd

_NAMESPACE = re.compile(r"^_[^_.]+_(?=.)")
_TABLES = (".pqt", ".parquet", ".csv", ".tsv")
_READ = (".npy", *_TABLES)


@dataclass(frozen=True)
class _File:
    """One file: ``collection/#revision#/_namespace_object.attribute.extra.extension``."""

    path: Path
    name: str
    collection: str
    revision: str
    object: str
    attribute: str
    extra: str


def read_alf(
    folder: str | Path,
    *,
    collections: Iterable[str] | None = None,
    revision: str | None = None,
) -> Recording:
    """Return a session in ALF as a recording.

    Trials (``trials.*.npy``, ``trials.table.pqt``) come in the core's words by the rules of
    `from_alf`, spikes with one property per attribute of ``clusters``, numbers with times of
    their own (``wheel.position``) as time series, pairs of times (``X.intervals``) as epochs.
    Everything else stands in ``metadata["skipped"]`` with its reason.

    Parameters
    ----------
    folder : str or Path
        The session's folder, its ``alf`` folder or a collection. Namespaces, dates, UUIDs and
        other parts in the files' names are understood.
    collections : iterable of str, optional
        Folders to read, relative to `folder`, ``["alf", "alf/probe00"]``; all if not given.
        Needed where one probe was sorted twice.
    revision : str, optional
        Latest revision to read, ``"2024-05-06"``; the newest one if not given.

    Raises
    ------
    DataError
        If the folder is missing, holds no ALF file, or lacks a collection.
    MissingDependencyError
        If a table is in parquet and pyarrow is not installed.
    """
    root = as_path("folder", folder)
    if not root.is_dir():
        raise fail("folder", "an existing folder", f"{root}")
    skipped = Skipped()
    files = _files(root, skipped)
    if not files:
        raise fail("folder", "files named object.attribute.npy", f"none in {root.name}")
    files = _in_collections(files, collections, skipped)
    files = _current(files, revision, skipped)
    objects: dict[tuple[str, str], list[_File]] = {}
    for file in files:
        objects.setdefault((file.collection, file.object), []).append(file)
    trials = _trials(objects, skipped)
    spikes = _spikes(objects, skipped)
    epochs, series = _timed(objects, skipped)
    metadata: dict[str, Any] = {"source": "ALF", "folder": root.name}
    if trials is not None:
        metadata["trials"] = "columns choice, stimulus, … by the rules of neuroloom's from_alf"
    metadata["skipped"] = dict(skipped)
    return Recording(spikes, series, trials, epochs, metadata)


def _files(root: Path, skipped: Skipped) -> list[_File]:
    """Return the files that are named as ALF names them, and note the others."""
    found = []
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        place = path.relative_to(root)
        parts = path.name.split(".")
        if len(parts) < 3 or not parts[0] or not parts[1]:
            skipped.note(place.as_posix(), "its name is not object.attribute.extension")
            continue
        folders = list(place.parts[:-1])
        revisions = [x.strip("#") for x in folders if x.startswith("#") and x.endswith("#")]
        collection = "/".join(x for x in folders if x.strip("#") not in revisions)
        found.append(
            _File(
                path,
                place.as_posix(),
                collection,
                revisions[-1] if revisions else "",
                _NAMESPACE.sub("", parts[0]),
                parts[1],
                ".".join(parts[2:-1]),
            )
        )
    return found


def _in_collections(
    files: list[_File], collections: Iterable[str] | None, skipped: Skipped
) -> list[_File]:
    if collections is None:
        return files
    wanted = [collections] if isinstance(collections, str) else list(collections)
    wanted = [name.strip("/") for name in wanted]
    there = sorted({file.collection for file in files})
    for name in wanted:
        if name not in there:
            raise unknown("collections", name, there)
    for name in there:
        if name not in wanted:
            skipped.note(f"{name}/", "not among the collections asked for")
    return [file for file in files if file.collection in wanted]


def _current(files: list[_File], revision: str | None, skipped: Skipped) -> list[_File]:
    """Return one file per attribute, of the newest revision that is not after `revision`."""
    chosen: dict[tuple[str, str, str], _File] = {}
    for file in sorted(files, key=lambda x: (x.revision, x.extra == "", x.name)):
        if revision is not None and file.revision > revision:
            skipped.note(file.name, f"of a later revision than {revision}")
            continue
        key = (file.collection, file.object, file.attribute)
        if key in chosen:
            skipped.note(chosen[key].name, f"{file.name} is read instead")
        chosen[key] = file
    return sorted(chosen.values(), key=lambda x: x.name)


def _trials(objects: dict[tuple[str, str], list[_File]], skipped: Skipped) -> Trials | None:
    places = [key for key in objects if key[1] == "trials"]
    trials = None
    for key in places:
        files = objects.pop(key)
        if trials is not None:
            skipped.note(f"{key[0]}/trials", "trials of another collection are read")
            continue
        with skipped.guard(f"{key[0]}/trials".lstrip("/")):
            table = _columns(files, skipped)
            trials = by_rules(table, None, skipped) if len(table.columns) else None
    return trials


def _columns(files: list[_File], skipped: Skipped) -> pd.DataFrame:
    """Return the attributes of one object, side by side; its table comes first."""
    import pandas as pd

    read: list[tuple[_File, dict[str, Any]]] = []
    for file in sorted(files, key=lambda x: (x.attribute != "table", x.name)):
        with skipped.guard(file.name):
            read.append((file, _attribute(file)))
    sizes = [len(values) for _, found in read for values in found.values()]
    usual = max(sizes, key=sizes.count, default=0)  # one file that was cut must not rule the others
    columns: dict[str, Any] = {}
    for file, found in read:
        for name, values in found.items():
            if name in columns:
                skipped.note(file.name, f"the table has the column {name!r}")
            elif len(values) != usual:
                skipped.note(file.name, f"{len(values)} rows, the others have {usual}")
            else:
                columns[name] = values
    return pd.DataFrame(columns)


def _attribute(file: _File) -> dict[str, Any]:
    """Return the columns of one file by name."""
    ending = file.path.suffix.lower()
    if ending in _TABLES:
        table = read_table(file.path)
        if file.attribute in ("table", "metrics"):
            return {str(name): table[name].array for name in table.columns}
        if table.shape[1] != 1:
            raise fail(file.attribute, "one column", list(table.columns))
        return {file.attribute: table.iloc[:, 0].array}
    if ending != ".npy":
        raise fail("file", f"one that ends with {', '.join(_READ)}", file.path.name)
    values = read_npy(file.path)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and file.attribute.split("_")[0] == "intervals":
        return {f"{file.attribute}_{k}": values[:, k] for k in range(values.shape[1])}
    if values.ndim != 1:
        raise fail(file.attribute, "one value per row", f"shape {values.shape}")
    return {file.attribute: values}


def _spikes(objects: dict[tuple[str, str], list[_File]], skipped: Skipped) -> Any:
    """Return the units of all probes as one."""
    places = sorted(collection for collection, name in objects if name == "spikes")
    probes: dict[str, list[str]] = {}
    for place in places:
        named = re.search(r"probe\w*|imec\w*", place)
        probes.setdefault(named.group() if named else place, []).append(place)
    trains: list[Any] = []
    tables: list[Any] = []
    for probe, sortings in probes.items():
        if len(sortings) > 1:
            reason = f"sorted more than once, name one of {sortings} in `collections`"
            for place in sortings:
                skipped.note(f"{place}/spikes", reason)
                objects.pop((place, "spikes"))
                objects.pop((place, "clusters"), None)
            continue
        place = sortings[0]
        files = {x.attribute: x for x in objects.pop((place, "spikes"))}
        clusters = objects.pop((place, "clusters"), [])
        with skipped.guard(f"{place}/spikes".lstrip("/")):
            units, table = _units(files, clusters, skipped)
            table["cluster"] = np.arange(len(units))
            table["probe"] = probe
            trains += units
            tables.append(table)
    if not tables:
        return None
    import pandas as pd

    table = pd.concat(tables, ignore_index=True)
    names = [
        f"{probe}/{cluster}" if len(tables) > 1 else int(cluster)
        for probe, cluster in zip(table["probe"], table["cluster"], strict=True)
    ]
    with skipped.guard("spikes"):
        return SpikeTrains.from_lists(trains, names=names, properties=table_properties(table))
    return None


def _units(
    files: dict[str, _File], clusters: list[_File], skipped: Skipped
) -> tuple[list[Any], pd.DataFrame]:
    """Return the spike times of each cluster and the clusters' table."""
    for needed in ("times", "clusters"):
        if needed not in files:
            raise fail("spikes", f"the file spikes.{needed}.npy", f"only {sorted(files)}")
    times = read_npy(files.pop("times").path).reshape(-1)
    units = read_npy(files.pop("clusters").path).reshape(-1)
    for file in files.values():
        skipped.note(file.name, "a value per spike has no place in SpikeTrains")
    if not np.isfinite(times).all():
        raise fail("spikes.times", "finite times", f"{int((~np.isfinite(times)).sum())} others")
    if len(times) != len(units):
        raise fail("spikes.clusters", f"one per spike ({len(times)})", len(units))
    if units.dtype.kind not in "iu" or (len(units) and units.min() < 0):
        got = int(units.min()) if units.dtype.kind in "iu" else f"dtype {units.dtype}"
        raise fail("spikes.clusters", "whole numbers from 0", got)
    n_units = int(units.max()) + 1 if len(units) else 0
    table = _clusters(clusters, n_units, skipped)
    n_units = len(table)
    order = np.argsort(units, kind="stable")
    edges = np.searchsorted(units[order], np.arange(1, n_units))
    return (np.split(times[order], edges) if n_units else []), table


def _clusters(clusters: list[_File], n_units: int, skipped: Skipped) -> pd.DataFrame:
    """Return one row per cluster, with the columns of ``clusters`` and its metrics."""
    import pandas as pd

    metrics = [file for file in clusters if file.attribute == "metrics"]
    table = _columns([file for file in clusters if file.attribute != "metrics"], skipped)
    if len(table.columns) and len(table) < n_units:
        place = f"{clusters[0].collection}/clusters".lstrip("/")
        skipped.note(place, f"{len(table)} rows, the spikes have clusters up to {n_units - 1}")
    table = table.reindex(range(max(len(table), n_units)))
    for file in metrics:
        with skipped.guard(file.name):
            more = _by_cluster(pd.DataFrame(_attribute(file)), len(table))
            strange = [x for x in more.index.tolist() if x not in table.index]
            if strange:
                skipped.note(f"{file.name} rows", f"of clusters that are none: {strange[:6]}")
            for name in [x for x in more if x in table]:
                skipped.note(f"{file.name} {name}", f"clusters.{name} is read instead")
            table = table.join(more[[c for c in more if c not in table]])
    return table


def _by_cluster(metrics: pd.DataFrame, n_units: int) -> pd.DataFrame:
    """Return metrics by the number of their cluster; without numbers there must be all of them."""
    name = "cluster_id"
    if name not in metrics:
        if len(metrics) != n_units:
            expected = f"a column {name}, or a row for each of {n_units} clusters"
            raise fail("clusters.metrics", expected, f"{len(metrics)} rows without one")
        return metrics
    if metrics[name].isna().any() or not metrics[name].is_unique:
        raise fail("clusters.metrics", f"each {name} once", "missing or repeated ones")
    return metrics.set_index(name)


def _timed(
    objects: dict[tuple[str, str], list[_File]], skipped: Skipped
) -> tuple[dict[str, Epochs], dict[str, TimeSeries]]:
    """Return what else has times: intervals as epochs, numbers as time series."""
    epochs: dict[str, Epochs] = {}
    series: dict[str, TimeSeries] = {}
    for (collection, name), files in objects.items():
        place = f"{collection}/{name}" if sum(key[1] == name for key in objects) > 1 else name
        by_name = {file.attribute: file for file in files}
        for attribute in [x for x in by_name if x == "intervals"]:
            file = by_name.pop(attribute)
            with skipped.guard(file.name):
                pairs = read_npy(file.path)
                if pairs.shape[1:] != (2,):
                    raise fail(file.name, "shape (n_intervals, 2)", f"shape {pairs.shape}")
                epochs[place] = Epochs(pairs[:, 0], pairs[:, 1])
        clock = by_name.pop("times", None) or by_name.pop("timestamps", None)
        if clock is None:
            for file in by_name.values():
                skipped.note(file.name, "numbers without times have no place in Recording")
            continue
        with skipped.guard(clock.name):
            times = read_npy(clock.path)
            if times.ndim == 2 and times.shape[1] == 1:
                times = times[:, 0]
            if not by_name:
                series[place] = TimeSeries(np.empty((len(times), 0)), times)
            for attribute, file in by_name.items():
                with skipped.guard(file.name):
                    series[f"{place}.{attribute}"] = TimeSeries(read_npy(file.path), times)
    return epochs, series
