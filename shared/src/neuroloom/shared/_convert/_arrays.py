"""Arrays and tables of foreign files; none of their code runs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuroloom.shared._errors import require
from neuroloom.shared.checks import fail
from neuroloom.shared.io._text_tables import read_text_table

if TYPE_CHECKING:
    import pandas as pd

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

    Tables of text are read by the rules of `read_text_table`.

    Parameters
    ----------
    path : Path
        The file.
    labels : collection of str
        Columns whose values are labels: they stay text, as they are written.

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
        return read_text_table(path, missing=_MISSING, labels=labels)
    except (ValueError, OSError) as error:  # pandas' and pyarrow's errors are such, too
        raise fail("path", f"a {path.suffix} table", f"{path.name}: {error}") from error
