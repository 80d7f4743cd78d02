"""Tables of text: numbers where they say all that is written."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroloom.shared._types._trial_tables._contract import fit_floats
from neuroloom.shared.checks import fail

if TYPE_CHECKING:
    import pandas as pd

_PADDED = re.compile(r"\s*[+-]?0\d")
_DIGIT = re.compile(r"\d")
_WHOLE = re.compile(r"[+-]?\d+")


def read_text_table(
    path: Path, *, missing: Collection[str], labels: Collection[str] = ()
) -> pd.DataFrame:
    """Return the table of a ``.csv`` or ``.tsv`` file.

    A column is numbers where they say all that is written. It stays text with leading zeros
    (``007``), numbers beyond float64 (``1e400``), and whole numbers beside fractions that float64
    would round; whole numbers beside missing ones that it would round are nullable integers.

    Parameters
    ----------
    path : Path
        The file, in UTF-8.
    missing : collection of str
        What stands for a missing value.
    labels : collection of str
        Columns whose values are labels: they stay text, as they are written.

    Raises
    ------
    DataError
        If rows differ in length, or a column name comes twice.
    ValueError, OSError
        If the file cannot be read.
    """
    import pandas as pd

    text = path.read_bytes().decode("utf-8-sig")  # a mark of the byte order is no column name
    header = text.split("\n", 1)[0]
    # Phy's first versions wrote tabs into .csv.
    tabs = path.suffix.lower() == ".tsv" or ("\t" in header and "," not in header)
    separator = "\t" if tabs else ","
    names = _checked(text, separator, path)
    options: dict[str, Any] = {"keep_default_na": False, "na_values": list(missing)}
    options |= {"sep": separator, "index_col": False}
    if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):
        options["float_precision"] = "round_trip"  # pandas 3.1 reads every digit anyway
    # Without index_col=False a row with one field too many would shift all columns by one.
    table = pd.read_csv(io.StringIO(text), **options)
    written = pd.read_csv(io.StringIO(text), dtype=str, **options)
    columns = {
        name: _lossless(table.iloc[:, i], written.iloc[:, i], name in labels)
        for i, name in enumerate(names)
    }
    return pd.DataFrame(columns, index=table.index)


def _checked(text: str, separator: str, path: Path) -> list[str]:
    """Return the names of the columns; every row has a field for each."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    names = [name.strip() for name in next(rows, [])]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise fail("path", "distinct column names", f"{path.name}: {twice} twice")
    # pandas fills short rows and cuts long ones without a word.
    line = rows.line_num
    for row in rows:
        # A quotation mark that is never closed swallows rows; tabs have no rows of several lines.
        if separator == "\t" and rows.line_num > line + 1:
            got = f"text in quotation marks from line {line + 1} to {rows.line_num} of {path.name}"
            raise fail("path", "a row in every line", got)
        line = rows.line_num
        if row and len(row) != len(names):
            got = f"{len(row)} in line {rows.line_num} of {path.name}"
            raise fail("path", f"{len(names)} fields per line", got)
    return names


def _lossless(column: pd.Series, written: pd.Series, label: bool) -> pd.Series:
    """Return a column that pandas read as numbers as what says all that is written."""
    texts = written.dropna().tolist()
    if label and texts:
        return written
    if column.dtype.kind not in "iufO":
        return column
    if any(_PADDED.match(x) for x in texts):
        return written
    if column.dtype.kind != "f":
        return column
    whole = [int(x) for x in texts if _WHOLE.fullmatch(x)]
    too_large = any(_DIGIT.search(x) for x in texts if abs(float(x)) == math.inf)
    if fit_floats(whole) and not too_large:
        return column
    if too_large or len(whole) < len(texts) or max(map(abs, whole)) >= 2**63:
        return written
    return _nullable(written)


def _nullable(written: pd.Series) -> pd.Series:
    """Return whole numbers that are written as text, some of them missing."""
    import pandas as pd

    gone = written.isna()
    exact = [None if none else int(x) for x, none in zip(written, gone, strict=True)]
    return pd.Series(pd.array(exact, dtype="Int64"), index=written.index)
