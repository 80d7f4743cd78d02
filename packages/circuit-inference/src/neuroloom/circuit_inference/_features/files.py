"""Feature tables as files, with what each row is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neuroloom.circuit_inference._features.feature_table import FeatureTable
from neuroloom.circuit_inference._reading import reading
from neuroloom.circuit_inference.errors import ArgumentError, ShapeError
from neuroloom.shared import load_arrays, save_arrays

_KIND = "circuit_inference.FeatureTable"


def save_features(path: str | Path, table: FeatureTable, rows: pd.DataFrame | None = None) -> Path:
    """Write features as npz (names, versions and digest included) or, by suffix, as csv.

    Parameters
    ----------
    path : str or Path
        ``.csv`` is for people and other programs; `load_features` reads npz only.
    table : FeatureTable
    rows : DataFrame, optional
        What each row is: recording, sensor, epoch.

    Raises
    ------
    ArgumentError
        If the file ends neither in ``.npz`` nor in ``.csv``.
    ShapeError
        If `rows` has not one row for each of the table.
    """
    target = Path(path)
    if target.suffix not in (".npz", ".csv"):
        raise ArgumentError(f"path: expected a file ending in .npz or .csv, got {target.name!r}")
    if rows is not None and len(rows) != len(table):
        raise ShapeError(f"rows: expected one per series ({len(table)}), got {len(rows)}")
    if target.suffix == ".csv":
        frame = table.to_frame()
        if rows is not None:
            frame = pd.concat([rows.reset_index(drop=True), frame], axis=1)
        frame.to_csv(target, index=False)
        return target
    header = {
        "names": list(table.names),
        "reasons": list(table.reasons),
        "digest": table.digest,
        "rate_hz": table.rate_hz,
        "rows": None if rows is None else json.loads(rows.to_json(orient="split", index=False)),
    }
    arrays: dict[str, Any] = {"values": table.values}
    if table.n_times is not None:
        arrays["n_times"] = table.n_times
    return save_arrays(target, arrays, kind=_KIND, header=header)


def load_features(path: str | Path) -> tuple[FeatureTable, pd.DataFrame]:
    """Return the features that `save_features` wrote, and what each row is.

    Raises
    ------
    ModelFormatError
        If the file is missing, foreign, newer or holds objects.
    """
    with reading("path", "table of features"):
        arrays, header = load_arrays(path, kind=_KIND, version=1)
        rows = header["rows"]
        frame = (
            pd.DataFrame(index=pd.RangeIndex(len(arrays["values"])))
            if rows is None
            else pd.DataFrame(rows["data"], columns=rows["columns"])
        )
        values = np.asarray(arrays["values"], dtype=np.float64)
        names, reasons = tuple(header["names"]), tuple(header["reasons"])
        if values.shape != (len(reasons), len(names)) or len(frame) != len(reasons):
            raise ValueError(
                f"values of shape {values.shape} with {len(names)} names, {len(reasons)} reasons "
                f"and {len(frame)} rows"
            )
        n_times = arrays.get("n_times")
        digest, rate_hz = header["digest"], header.get("rate_hz")
        return FeatureTable(values, names, reasons, digest, rate_hz, n_times), frame
