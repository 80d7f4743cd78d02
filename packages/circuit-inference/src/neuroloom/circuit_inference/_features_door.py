"""The seed's `Features`: one method, a table in, the same table with a column of features out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from neuroloom.circuit_inference._errors import ArgumentError, unknown
from neuroloom.circuit_inference._feature_set import Catch22, FeatureSet
from neuroloom.circuit_inference._series import Preprocessing

_METHODS = ("catch22",)


class Features:
    """Features of a table of series, by ncpi 0.2.6's names.

    Parameters
    ----------
    method : str
        ``"catch22"``.
    params : dict, optional
        Options of the method. For catch22 ``version`` ("1.0" or "classic"), ``invalid``
        ("raise", "mask" or "interpolate") and ``n_workers``.

    Raises
    ------
    UnknownNameError
        If there is no such method.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"Data": list(rng.standard_normal((4, 100)))})
    >>> table = Features(method="catch22").compute_features(table)
    >>> len(table["Features"].iloc[0])
    22
    """

    def __init__(self, method: str = "catch22", params: Mapping[str, Any] | None = None) -> None:
        if not isinstance(method, str) or method not in _METHODS:
            raise unknown("method", method, _METHODS)
        if params is not None and not isinstance(params, Mapping):
            raise ArgumentError(f"params: expected a mapping, got {type(params).__name__}")
        self.method = method
        self.params = dict(params or {})

    def compute_features(self, data: pd.DataFrame, hctsa_folder: str | None = None) -> pd.DataFrame:
        """Return a copy of `data` with the column ``Features``, one list per row.

        Parameters
        ----------
        data : DataFrame
            Series in the column ``Data``; any index.
        hctsa_folder : str, optional
            The seed's; unused.

        Raises
        ------
        ArgumentError
            If `data` is not a table with the column ``Data``.
        SeriesError
            If a series is not finite, constant or too short.
        """
        if not isinstance(data, pd.DataFrame) or "Data" not in data.columns:
            got = list(data.columns) if isinstance(data, pd.DataFrame) else type(data).__name__
            raise ArgumentError(f"data: expected a DataFrame with the column 'Data', got {got}")
        options = dict(self.params)
        n_workers = options.pop("n_workers", 1)
        preprocessing = Preprocessing(invalid=options.pop("invalid", "raise"))
        chosen = FeatureSet(Catch22(**options), preprocessing=preprocessing)
        table = chosen.compute(list(data["Data"]), n_workers=n_workers)
        out = data.copy()
        column = np.empty(len(data), dtype=object)
        column[:] = table.values.tolist()
        out["Features"] = column
        return out
