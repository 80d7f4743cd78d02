"""Tables of text as labs leave them: commas, semicolons or tabs between the fields of a line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuroloom.glmhmm._errors import fail

if TYPE_CHECKING:
    import pandas as pd

_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")


def read_text(path: Path, labels: Iterable[str] = ()) -> pd.DataFrame:
    """Return the table in a file of text.

    Parameters
    ----------
    path : Path
        The file.
    labels : iterable of str
        Columns whose values are names, also where they look like numbers: 007 is not 7.

    Raises
    ------
    InputError
        If a name of a column comes twice, or a line has other fields than the header names.
    ValueError, csv.Error
        If there is no table in it.
    """
    import pandas as pd

    content = path.read_bytes()
    utf16 = content[:2] in (b"\xff\xfe", b"\xfe\xff")  # text that a spreadsheet calls Unicode
    text = content.decode("utf-16" if utf16 else "utf-8-sig")
    separator = _separator(path, text.split("\n", 1)[0])
    names, commas = _checked(path, text, separator)
    layout: dict[str, Any] = {
        "sep": separator,
        "index_col": False,  # or pandas would take a field too many for an index, and shift names
    }
    table = pd.read_csv(
        io.StringIO(text), decimal="," if commas else ".", usecols=range(len(names)), **layout
    )
    written = [name for name in labels if name in names]
    if written:  # NA may be an animal's name; an empty field is none
        as_text = {"dtype": str, "keep_default_na": False, "na_values": [""]}
        found = pd.read_csv(io.StringIO(text), usecols=written, **layout, **as_text)
        table[written] = found[written]
    return table


def _separator(path: Path, header: str) -> str:
    """Return what stands between the fields: a comma, unless there is none in the header."""
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"
    return next((mark for mark in ",;\t" if mark in header), ",")


def _checked(path: Path, text: str, separator: str) -> tuple[list[str], bool]:
    """Return the names of the columns, and whether numbers are written with decimal commas."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    names = next(rows, [])
    twice = [name for i, name in enumerate(names) if name and name in names[:i]]
    if twice:  # pandas would call the second one by another name
        raise fail("table", "distinct names of columns", f"{twice[0]!r} twice in {path}")
    width, commas = len(names), False
    for row in rows:
        ends = len(row) == width + 1 and row[-1] == ""  # with a separator
        if row and len(row) != width and not ends:
            raise fail(
                "table",
                f"{width} fields in every line, as in the header",
                f"{len(row)} in line {rows.line_num} of {path}; each column needs a name, and "
                "texts with a separator in them quotation marks",
            )
        commas = commas or (separator != "," and any(map(_DECIMAL_COMMA.fullmatch, row)))
    return names, commas
