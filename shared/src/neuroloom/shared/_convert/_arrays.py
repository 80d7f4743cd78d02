"""Arrays and tables of foreign files; none of their code runs."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._errors import require
from neuroloom.shared.checks import fail

if TYPE_CHECKING:
    import pandas as pd

_PADDED = re.compile(r"\s*[+-]?0\d")
_WHOLE = re.compile(r"[+-]?\d+")
# What the formats write where a value is missing; text like "NA" stays text.
_MISSING = ["", "n/a", "nan", "NaN"]


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array of a ``.npy`` file.

    Raises
    ------
    DataError
        If the file is damaged or holds Python objects, which only pickle could restore.
    """
    try:
        return np.asarray(np.load(path, allow_pickle=False))
    except ValueError as error:
        if "pickle" in str(error).lower():
            got = f"{path.name}, which is damaged or holds Python objects (pickle is not read)"
            raise fail("path", "an array of numbers or text", got) from error
        raise fail("path", "an undamaged .npy file", f"{path.name}: {error}") from error
    except (OSError, EOFError) as error:
        raise fail("path", "an undamaged .npy file", f"{path.name}: {error}") from error


def read_table(path: Path, *, labels: Collection[str] = ()) -> pd.DataFrame:
    """Return the table of a ``.csv``, ``.tsv``, ``.pqt`` or ``.parquet`` file.

    In a table of text a column is numbers where they say all that is written: with leading
    zeros (``007``), or where float64 would round whole numbers beside others, it stays text;
    whole numbers beside missing ones that float64 would round are nullable integers.

    Parameters
    ----------
    path : Path
        The file.
    labels : collection of str
        Columns whose values are labels: they are numbers only if all are whole and written as
        Python writes them.

    Raises
    ------
    DataError
        If the file cannot be read as a table, or has a column name twice.
    MissingDependencyError
        If the table is in parquet and pyarrow is not installed.
    """
    import pandas as pd

    if path.suffix.lower() in (".pqt", ".parquet"):
        require("pyarrow", extra="neuroloom-shared[parquet]")
    try:
        if path.suffix.lower() in (".pqt", ".parquet"):
            return pd.read_parquet(path, engine="pyarrow")
        text = path.read_bytes().decode("utf-8-sig")  # a mark of the byte order is no column name
        header = text.split("\n", 1)[0]
        # Phy's first versions wrote tabs into .csv.
        tabs = path.suffix.lower() == ".tsv" or ("\t" in header and "," not in header)
        return _parsed(text, "\t" if tabs else ",", path, labels)
    except (ValueError, OSError) as error:  # pandas' and pyarrow's errors are such, too
        raise fail("path", f"a {path.suffix} table", f"{path.name}: {error}") from error


def _parsed(text: str, separator: str, path: Path, labels: Collection[str]) -> pd.DataFrame:
    import csv
    import io

    import pandas as pd

    header = text.split("\n", 1)[0].rstrip("\r").split(separator)
    names = [name.strip().strip('"') for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise fail("path", "distinct column names", f"{path.name}: {twice} twice")
    # pandas fills short rows and cuts long ones without a word.
    for row in (reader := csv.reader(io.StringIO(text, newline=""), delimiter=separator)):
        if row and len(row) != len(names):
            got = f"{len(row)} in line {reader.line_num} of {path.name}"
            raise fail("path", f"{len(names)} fields per line", got)
    options: dict[str, Any] = {"keep_default_na": False, "na_values": _MISSING}
    if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):
        options["float_precision"] = "round_trip"  # pandas 3.1 reads every digit anyway
    # Without index_col=False a row with one field too many would shift all columns by one.
    options |= {"sep": separator, "index_col": False}
    table = pd.read_csv(io.StringIO(text), **options)
    written = pd.read_csv(io.StringIO(text), dtype=str, **options)
    columns = {
        name: _lossless(table.iloc[:, i], written.iloc[:, i], name in labels)
        for i, name in enumerate(names)
    }
    return pd.DataFrame(columns, index=table.index)


def _lossless(column: pd.Series, written: pd.Series, label: bool) -> pd.Series:
    """Return a column that pandas read as numbers as what says all that is written."""
    import pandas as pd

    if column.dtype.kind not in "iufO":
        return column
    texts = written.dropna().tolist()
    if any(_PADDED.match(x) for x in texts):
        return written
    if column.dtype.kind == "O":
        return column
    if label and not all(_WHOLE.fullmatch(x) and str(int(x)) == x for x in texts):
        return written
    rounded = column.dtype.kind == "f" and any(
        _WHOLE.fullmatch(x) and int(x) != float(x) for x in texts
    )
    if not rounded:
        return column
    whole = all(_WHOLE.fullmatch(x) and abs(int(x)) < 2**63 for x in texts)
    if not whole:
        return written
    gone = written.isna()
    exact = [None if none else int(x) for x, none in zip(written, gone, strict=True)]
    return pd.Series(pd.array(exact, dtype="Int64"), index=written.index)
