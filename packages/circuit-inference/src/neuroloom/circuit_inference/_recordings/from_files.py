"""From a file to what `read_signal` understands; nothing is run by opening one."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuroloom.circuit_inference._recordings.edf_header import EdfHeader, edf_header
from neuroloom.circuit_inference.errors import (
    ArgumentError,
    CircuitInferenceError,
    UnsafeFormatError,
    unknown,
)
from neuroloom.shared import MissingDependencyError, read_nwb, require

_MNE_EXTRA = "neuroloom-circuit-inference[mne]"
_MNE_SUFFIXES = (".fif", ".edf", ".bdf", ".set", ".vhdr", ".cnt", ".gdf")


# What MNE says of names, and of borders that `from_raw` marks.
_NO_NEWS = "This filename|The data contains 'boundary' events"


def load_file(path: Path, data: str | None, channels: Iterable[str] | str | None = None) -> Any:
    """Return a file's content as `read_signal` takes it.

    What MNE warns of, a file that ends early say, is not kept back.
    """
    if not path.exists():
        raise FileNotFoundError(f"source: expected an existing file, got {path}")
    suffix = path.suffix.lower()
    readers: dict[str, Callable[[Path], Any]] = {
        ".npy": lambda p: np.load(p, allow_pickle=False),
        ".npz": _npz,
        ".json": lambda p: json.loads(p.read_text()),
        ".mat": _mat,
        ".csv": lambda p: _csv(p, ","),
        ".tsv": lambda p: _csv(p, "\t"),
        ".parquet": pd.read_parquet,
        ".nwb": lambda p: read_nwb(p, signals=None if data is None else [data]),
    }
    if suffix in _MNE_SUFFIXES:
        mne = require("mne", extra=_MNE_EXTRA)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_NO_NEWS)
            return parsed(lambda p: _through_mne(mne, p, channels), path)
    if suffix in (".pkl", ".pickle"):
        raise UnsafeFormatError(
            f"source: {path.name} is a pickle, which runs code when opened; save it as npz, csv "
            "or parquet"
        )
    if suffix not in readers:
        raise unknown("source", suffix, [*readers, *_MNE_SUFFIXES])
    return parsed(readers[suffix], path)


def header_of(source: Any) -> EdfHeader | None:
    """Return the header of the one EDF or BDF file that MNE has read, None for anything else."""
    files = [Path(file) for file in getattr(source, "filenames", ()) if file is not None]
    if len(files) != 1 or files[0].suffix.lower() not in (".edf", ".bdf"):
        return None
    return edf_header(files[0]) if files[0].is_file() else None


def _through_mne(mne: Any, path: Path, channels: Iterable[str] | str | None) -> Any:
    options: dict[str, Any] = {}
    if path.suffix.lower() in (".edf", ".bdf"):
        named = [channels] if isinstance(channels, str) else channels
        only = edf_header(path).one_rate(None if named is None else list(named), path.name)
        options = {} if only is None else {"include": only}
    return mne.io.read_raw(path, preload=False, verbose="warning", **options)


def parsed(reader: Callable[[Path], Any], path: Path) -> Any:
    """Return what a reader makes of a file; whatever it raises of a damaged one is our error."""
    try:
        return reader(path)
    except (CircuitInferenceError, PermissionError, MissingDependencyError):
        raise
    except Exception as error:  # each library has its own
        if "pickle" in str(error).lower():
            raise UnsafeFormatError(
                f"source: {path.name} holds Python objects, which are not opened; expected numbers"
            ) from error
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ArgumentError(
            f"source: expected a readable {path.suffix} file, got {path.name}: {said[0]}"
        ) from error


def _npz(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def _csv(path: Path, separator: str) -> pd.DataFrame:
    table = pd.read_csv(path, sep=separator)
    if table.shape[1] == 1 and ";" in str(table.columns[0]):
        raise ArgumentError(
            f"source: expected {path.name} to be separated by commas, got semicolons: read it with "
            "pandas.read_csv(sep=';', decimal=',') and hand over the table"
        )
    return table


def _mat(path: Path) -> dict[str, Any]:
    from scipy.io import loadmat

    try:
        content = loadmat(path, simplify_cells=True)
    except NotImplementedError as error:
        raise ArgumentError(
            f"source: {path.name} is a MATLAB 7.3 file, expected an earlier format: save it with "
            "-v7, or read it with h5py and hand over the array"
        ) from error
    return {name: value for name, value in content.items() if not name.startswith("__")}
