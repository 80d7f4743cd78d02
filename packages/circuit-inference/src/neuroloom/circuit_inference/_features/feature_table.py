"""Tables of features: values with names, and why a row has none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from neuroloom.circuit_inference._features.series import read_only, row_numbers
from neuroloom.circuit_inference.errors import FeatureMismatchError, ShapeError
from neuroloom.shared import checks


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Features of many series.

    Attributes
    ----------
    values : ndarray of float64, shape (n_series, n_features), read-only
        NaN rows where a series was unusable.
    names : tuple of str
        What each column is.
    reasons : tuple of str
        Why a series was unusable, empty where it was not.
    digest : str
        Identity of the feature set: families, options, versions and preprocessing; empty for
        features that were made elsewhere.
    rate_hz : float or None
        Sampling rate that the features were computed at, after resampling; None if unknown.
    n_times : ndarray of int, shape (n_series,), or None
        Samples of each series at that rate; None if unknown.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    reasons: tuple[str, ...]
    digest: str = ""
    rate_hz: float | None = None
    n_times: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", read_only(np.asarray(self.values, dtype=np.float64)))
        if self.n_times is not None:
            object.__setattr__(self, "n_times", read_only(np.asarray(self.n_times, np.int64)))

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Which rows are finite, shape (n_series,)."""
        return np.asarray(np.isfinite(self.values).all(axis=1))

    def __len__(self) -> int:
        return len(self.values)

    def to_frame(self) -> pd.DataFrame:
        """Return the features as a table with their names."""
        return pd.DataFrame(self.values.copy(), columns=list(self.names))

    def rows(self, which: ArrayLike) -> FeatureTable:
        """Return some rows, by numbers, a slice or a mask.

        Parameters
        ----------
        which : array_like of int or bool, or slice
            Numbers of the rows, or one True or False for each.

        Raises
        ------
        ShapeError
            If a row does not exist, or a mask has another length.
        """
        places = row_numbers(which, len(self))
        return replace(
            self,
            values=self.values[places],
            reasons=tuple(self.reasons[i] for i in places),
            n_times=None if self.n_times is None else self.n_times[places],
        )

    def select(self, names: Iterable[str]) -> FeatureTable:
        """Return the named columns.

        Parameters
        ----------
        names : sequence of str
            Names of the columns.

        Raises
        ------
        FeatureMismatchError
            If a name is not among the columns.
        """
        wanted = tuple(names)
        missing = [name for name in wanted if name not in self.names]
        if missing:
            raise FeatureMismatchError(
                f"names: expected some of {list(self.names)}, got {missing} too", missing=missing
            )
        columns = [self.names.index(name) for name in wanted]
        return replace(self, values=self.values[:, columns], names=wanted)


def check_pairs(features: Any, theta: Any) -> None:
    """Check that rows of features and of parameters belong together, as far as tables say.

    Raises
    ------
    ShapeError
        If two tables of pandas have other row labels, or one has its rows in another order.
    """
    labels = [x.index for x in (features, theta) if hasattr(x, "iloc")]
    same = labels[0].equals(labels[1]) if len(labels) == 2 else True
    if not same or (len(labels) == 1 and not labels[0].is_monotonic_increasing):
        raise ShapeError(
            "theta: expected its rows in the order of the features', got tables whose row labels "
            "differ or do not rise: align them, or reset_index(drop=True) of both if they do"
        )


def as_matrix(features: Any, argument: str = "features") -> NDArray[np.float64]:
    """Return features as (n_rows, n_features); a vector is one feature per row.

    Raises
    ------
    ShapeError
        If they are not numbers in one or two dimensions.
    """
    if isinstance(features, FeatureTable):
        return features.values
    values = checks.array(
        argument, features, np.float64, finite=False, booleans=True, copy=False, error=ShapeError
    )
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] == 0:
        raise ShapeError(f"{argument}: expected shape (n_rows, n_columns), got {values.shape}")
    return values
