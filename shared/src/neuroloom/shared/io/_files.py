"""Saving and loading the data types."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, overload

from neuroloom.shared._errors import require
from neuroloom.shared.checks import fail
from neuroloom.shared.checks import path as as_path
from neuroloom.shared.checks._names import written
from neuroloom.shared.data import (
    AlignedSignal,
    AlignedSpikes,
    Clock,
    Counts,
    Epochs,
    Recording,
    Signal,
    SpikeTrains,
    TimeSeries,
    Trials,
)
from neuroloom.shared.io._arrays import load_arrays, save_arrays
from neuroloom.shared.io._atomic import atomic
from neuroloom.shared.io._text_tables import read_text_table
from neuroloom.shared.io._values import TYPES, Arrays, pack, unpack

AnyData = (
    Epochs | Recording | Signal | SpikeTrains | TimeSeries | Trials
    | AlignedSignal | AlignedSpikes | Clock | Counts
)  # fmt: skip
Kind = TypeVar("Kind", bound=AnyData)
_VERSION = 2  # 1, of neuroloom-shared 0.1, has no names, properties, units and metadata


def save(path: str | Path, data: AnyData) -> Path:
    """Write any of the data types to one file, and return its path.

    Numbers, dates, text, missing values and categories of a table come back as they were.

    Parameters
    ----------
    path : str or Path
        File to write, by custom ``.npz``; an existing one is replaced once all is written.
    data : Epochs, SpikeTrains, Signal, TimeSeries, Trials, Recording or another of these types
        What to write.

    Raises
    ------
    DataError
        If `data` is of another type, or a table holds objects that would need pickle.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from neuroloom.shared import Epochs, load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(pathlib.Path(folder, "running.npz"), Epochs([0, 10], [4, 12]))
    ...     load(path).duration
    6.0
    """
    kind = type(data).__name__
    if type(data) not in TYPES.values():
        raise fail("data", f"one of {sorted(TYPES)}", kind)
    arrays: Arrays = {}
    tree = pack(data, arrays)
    return save_arrays(path, arrays, kind=kind, header={"data": tree}, version=_VERSION)


@overload
def load(path: str | Path) -> Any: ...


@overload
def load(path: str | Path, kind: type[Kind]) -> Kind: ...


def load(path: str | Path, kind: type[Any] | None = None) -> Any:
    """Return what `save` wrote, in the type it had.

    Parameters
    ----------
    path : str or Path
        File to read.
    kind : type, optional
        The type that the file has to hold, `SpikeTrains` say; type checkers know it then.

    Raises
    ------
    DataError
        If the file is missing, damaged, foreign or newer than this version reads, holds a pickled
        object or another type than `kind`. No code of the file is run.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from neuroloom.shared import Epochs, load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(pathlib.Path(folder, "running.npz"), Epochs([0, 10], [4, 12]))
    ...     load(path, Epochs).duration
    6.0
    """
    if kind is not None and not any(kind is known for known in TYPES.values()):
        raise fail("kind", f"one of {sorted(TYPES)}", getattr(kind, "__name__", written(kind)))
    arrays, header = load_arrays(path, kind=tuple(TYPES), version=_VERSION)
    try:
        data: AnyData = unpack(header["data"], arrays)
        if type(data) not in TYPES.values():
            raise TypeError(f"{type(data).__name__} in it")
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise fail("path", "an undamaged file", f"{Path(path).name}: {error!r}") from error
    if kind is not None and type(data) is not kind:
        got = f"{type(data).__name__} in {Path(path).name}"
        raise fail("path", f"a file of {kind.__name__}", got)
    return data


def save_table(path: str | Path, trials: Trials) -> Path:
    """Write the table of trials for other programs, and return its path.

    CSV keeps no types and does not tell empty text from a missing value; `save` does.

    Parameters
    ----------
    path : str or Path
        File to write, ``.csv`` or ``.parquet`` (needs ``neuroloom-shared[parquet]``).
    trials : Trials
        What to write.

    Raises
    ------
    DataError
        If the ending is another, or `trials` is not `Trials`.
    """
    target = as_path("path", path)
    ending = _ending(target)
    if not isinstance(trials, Trials):
        raise fail("trials", "Trials", type(trials).__name__)
    with atomic(target) as file:
        if ending == ".csv":
            trials.table.to_csv(file, index=False)
        else:
            trials.table.to_parquet(file, index=False, engine="pyarrow")
    return target


def load_table(path: str | Path, *, session: str | None = None) -> Trials:
    """Return the trials of a table that `save_table` or another program wrote.

    Parameters
    ----------
    path : str or Path
        File to read, ``.csv`` or ``.parquet``. In CSV only an empty field is a missing value:
        the text ``NA`` stays text, and so do numbers with leading zeros (``007``).
    session : str, optional
        Column that tells sessions apart.

    Raises
    ------
    DataError
        If the file is missing, cannot be read as a table, or its ending is another.
    """
    import pandas as pd

    source = as_path("path", path)
    ending = _ending(source)
    if not source.is_file():
        raise fail("path", "an existing file", f"{source}")
    try:
        if ending == ".csv":
            table = read_text_table(source, missing=[""])
        else:
            table = pd.read_parquet(source, engine="pyarrow")
    except (ValueError, OSError) as error:
        raise fail("path", f"a {ending} table", f"{source.name}: {error}") from error
    return Trials(table, session)


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in (".csv", ".parquet"):
        raise fail("path", "a file that ends with .csv or .parquet", path.name)
    if ending == ".parquet":
        require("pyarrow", extra="neuroloom-shared[parquet]")
    return ending
