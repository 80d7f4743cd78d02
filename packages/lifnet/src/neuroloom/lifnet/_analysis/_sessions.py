"""Spikes on disk: dense ``(n_steps, n_neurons)`` booleans in ``.npy``, or compact ``.npz``."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import LifnetError
from neuroloom.shared import checks, load_arrays, save_arrays
from neuroloom.shared.io import atomic

KIND = "lifnet-spikes"
_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of one session as steps and neurons."""

    steps: NDArray[np.int64]
    neurons: NDArray[np.int64]
    n_steps: int
    n_neurons: int

    def dense(self) -> NDArray[np.bool_]:
        """Return whether each neuron spiked in each step, shape (n_steps, n_neurons)."""
        raster = np.zeros((self.n_steps, self.n_neurons), dtype=bool)
        raster[self.steps, self.neurons] = True
        return raster

    def counts(self, label: NDArray[np.int64], n_labels: int) -> NDArray[np.int64]:
        """Return spikes per step and label, shape (n_steps, n_labels)."""
        flat = self.steps * n_labels + label[self.neurons]
        counts = np.bincount(flat, minlength=self.n_steps * n_labels)
        return counts.reshape(self.n_steps, n_labels)


def from_dense(raster: ArrayLike) -> Spikes:
    """Return the spikes of a raster of booleans or counts, shape (n_steps, n_neurons).

    A neuron that spiked twice in a step is there twice.
    """
    array = checks.plain("spikes", raster, error=LifnetError)
    if array.ndim != 2 or array.dtype.kind not in "biuf":
        raise LifnetError(
            f"spikes: expected shape (n_steps, n_neurons), got {array.shape} of {array.dtype}"
        )
    steps: list[NDArray[np.int64]] = []
    neurons: list[NDArray[np.int64]] = []
    for start in range(0, len(array), _CHUNK):
        block = array[start : start + _CHUNK]
        where, who = np.nonzero(block)
        if array.dtype.kind != "b":
            times = _whole_counts(block[where, who])
            where, who = np.repeat(where, times), np.repeat(who, times)
        steps.append(where + start)
        neurons.append(who)
    empty = np.empty(0, dtype=np.int64)
    return Spikes(np.concatenate([*steps, empty]), np.concatenate([*neurons, empty]), *array.shape)


def _whole_counts(counts: NDArray[Any]) -> NDArray[np.int64]:
    wrong = ~(np.isfinite(counts) & (counts >= 0) & (counts == np.round(counts)))
    if wrong.any():
        raise LifnetError(
            "spikes: expected booleans or counts of spikes, whole numbers from 0 on, "
            f"got {counts[wrong][0]}"
        )
    return counts.astype(np.int64)


def save_array(path: str | Path, values: NDArray[Any]) -> Path:
    """Write an array as ``.npy``, whole or not at all."""
    target = Path(path)
    with atomic(target) as file:
        np.lib.format.write_array(file, values, allow_pickle=False)
    return target


def save_compact(path: str | Path, spikes: Spikes) -> Path:
    """Write spikes as steps and neurons, a few bytes per spike."""
    arrays = {"steps": spikes.steps.astype(np.uint32), "neurons": spikes.neurons.astype(np.uint32)}
    header = {"n_steps": spikes.n_steps, "n_neurons": spikes.n_neurons}
    return save_arrays(path, arrays, kind=KIND, header=header)


def load_spikes(path: str | Path) -> Spikes:
    """Return the spikes of a ``.npy``, a compact ``.npz``, or an ``.npz`` with ``spikes`` in it.

    Raises
    ------
    LifnetError
        If the file is missing, holds something else, or a pickled object.
    """
    source = Path(path)
    try:
        if source.suffix == ".npy":
            return from_dense(np.load(source, mmap_mode="r", allow_pickle=False))
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
        if "spikes.npy" in names:
            with np.load(source, allow_pickle=False) as arrays:
                return from_dense(arrays["spikes"])
        held, header = load_arrays(source, kind=KIND)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise LifnetError(f"{source}: expected spikes as .npy or .npz, got {error}") from error
    found = Spikes(
        held["steps"].astype(np.int64),
        held["neurons"].astype(np.int64),
        int(header["n_steps"]),
        int(header["n_neurons"]),
    )
    for values, n in ((found.steps, found.n_steps), (found.neurons, found.n_neurons)):
        if values.size and not 0 <= values.min() <= values.max() < n:
            raise LifnetError(f"{source}: expected numbers from 0 to {n - 1}, got {values.max()}")
    return found


def load_sessions(source: Any) -> tuple[list[Spikes], str | None]:
    """Return the sessions of a folder, files, a raster, or a list of rasters, and their path.

    Files of a folder are taken in natural order: ``spikes_2`` before ``spikes_10``.
    """
    if isinstance(source, (str, Path)):
        return _on_disk(Path(source))
    if isinstance(source, Spikes):
        return [source], None
    if isinstance(source, Sequence) and len(source):
        if all(isinstance(one, (str, Path)) for one in source):
            return [load_spikes(one) for one in source], str(Path(source[0]).parent)
        if isinstance(source[0], Spikes):
            return list(source), None
        if np.ndim(source[0]) == 2:
            return [from_dense(raster) for raster in source], None
    return [from_dense(source)], None


def _on_disk(path: Path) -> tuple[list[Spikes], str]:
    """Return the sessions of a folder or a file, and their path."""
    if path.is_file():
        return [load_spikes(path)], str(path)
    if not path.is_dir():
        raise LifnetError(f"{path}: expected a file or folder of spikes, got none")
    files = [p for p in path.iterdir() if p.suffix in (".npy", ".npz") and p.stem != "clusters"]
    if not files:
        raise LifnetError(f"{path}: expected files .npy or .npz of spikes, got none")
    return [load_spikes(p) for p in sorted(files, key=_natural)], str(path)


def load_labels(source: Any) -> tuple[NDArray[np.int64], str | None]:
    """Return the label of each neuron from a ``.npy`` file or an array."""
    path = None
    if isinstance(source, (str, Path)):
        path = str(source)
        try:
            source = np.load(source, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise LifnetError(f"{path}: expected labels as .npy, got {error}") from error
    labels = checks.plain("clusters", source, error=LifnetError)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise LifnetError(
            f"clusters: expected one whole number per neuron, got shape {labels.shape} "
            f"of {labels.dtype}"
        )
    return labels.astype(np.int64), path


def contiguous(labels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each neuron's population (from 0, by order) and the populations' sizes.

    Raises
    ------
    LifnetError
        If the neurons of a label do not stand together.
    """
    change = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([[0], change]).astype(np.int64)
    if len(np.unique(labels[starts])) != len(starts):
        raise LifnetError("clusters: expected the neurons of a cluster together, got them apart")
    sizes = np.diff(np.concatenate([starts, [len(labels)]]))
    return np.repeat(np.arange(len(sizes)), sizes), sizes


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
