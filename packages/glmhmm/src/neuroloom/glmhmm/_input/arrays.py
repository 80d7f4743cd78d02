"""Numbers and designs of any kind as plain arrays.

Designs are arrays, data frames, pynapple objects, signals, or any pytree of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom import shared
from neuroloom.glmhmm._errors import fail, fail_type

_DESIGN = "an array (n_trials, n_features) or a pytree of them"


@dataclass(frozen=True)
class Design:
    """The columns of a design and how to go back to the user's pytree."""

    matrix: NDArray[np.float64]
    structure: Any  # None for a plain array
    widths: tuple[int, ...]
    times: Any  # pynapple object that carries the times, or None
    names: tuple[str, ...] = ()  # of a data frame's columns

    def unflatten(self, rows: NDArray[Any]) -> Any:
        """Return an array (n_features, …) as the user's pytree."""
        if self.structure is None:
            return rows
        parts = np.split(rows, np.cumsum(self.widths)[:-1])
        return jax.tree.unflatten(self.structure, parts)

    def tree_of_widths(self) -> Any:
        """Return the user's pytree with the number of columns in place of each leaf."""
        if self.structure is None:
            return sum(self.widths)
        return jax.tree.unflatten(self.structure, self.widths)

    def rows(self, matrix: NDArray[np.float64]) -> Any:
        """Return rows of the matrix in the user's form: an array or a pytree, None without any."""
        if matrix.shape[1] == 0:
            return None
        if self.structure is None:
            return matrix
        return jax.tree.map(lambda a: a.T, self.unflatten(matrix.T))


def is_pynapple(value: Any) -> bool:
    """Return whether the value is a pynapple object, without importing pynapple."""
    return type(value).__module__.split(".")[0] == "pynapple"


def _is_leaf(value: Any) -> bool:
    return is_pynapple(value) or hasattr(value, "to_numpy") or hasattr(value, "__array__")


def plain(value: Any) -> Any:
    """Return the values as an ordinary array; missing ones of any kind are NaN."""
    if isinstance(value, np.ma.MaskedArray):
        if value.dtype.kind in "OUS":
            return value.filled("nan")
        return np.ma.filled(value.astype(np.float64), np.nan)
    if is_pynapple(value):
        return value.values
    if type(value).__module__.split(".")[0] == "pandas":
        return _of_pandas(value) if hasattr(value, "to_numpy") else np.nan  # pandas.NA
    return value


def _of_pandas(value: Any) -> NDArray[Any]:
    """Return a table's values as floats if all are numbers; text stays text, "01" is not 1."""
    try:
        floats = value.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError, NotImplementedError):
        return np.asarray(value.to_numpy())
    kinds = [getattr(d, "kind", "O") for d in (value.dtypes if value.ndim > 1 else [value.dtype])]
    if "O" in kinds:
        objects = np.asarray(value.to_numpy(dtype=object, na_value=np.nan))
        if any(isinstance(v, str) for v in objects.ravel()):
            return objects
    return np.asarray(floats)


def names_in(value: Any) -> NDArray[Any]:
    """Return labels as they are: integers of a nullable column as integers, text as text."""
    if isinstance(value, np.ma.MaskedArray):
        return np.asarray(value.data)
    if is_pynapple(value):
        return np.asarray(value.values)
    out = np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
    return out.astype("datetime64[us]").astype(object) if out.dtype.kind == "M" else out


def numbers(name: str, value: Any) -> NDArray[np.float64]:
    """Return a float64 array of what a user passed, or raise."""
    if type(value).__module__.startswith("scipy.sparse"):
        raise fail_type(name, "a dense array; call toarray() on it", type(value).__name__)
    try:
        out = np.asarray(plain(value))
    except ValueError as error:
        raise fail(name, "a regular array of numbers", f"ragged values ({error})") from error
    if out.dtype.kind == "c":
        raise fail(name, "real numbers", "complex values; Complex data not supported")
    if out.dtype.kind in "OUS":
        try:
            out = out.astype(np.float64)
        except (TypeError, ValueError) as error:
            text = labels_in(out)
            shown = f"the labels {text[:6]}" if text else f"values of dtype {out.dtype}: {error}"
            raise fail(name, "numbers", shown) from error
    if out.dtype.kind not in "biuf":
        raise fail(name, "numbers", f"values of dtype {out.dtype}")
    return out.astype(np.float64)


def labels_in(value: Any) -> list[str]:
    """Return the texts among values that are no numbers, in order."""
    values = np.asarray(value)
    if values.dtype.kind not in "OUS":
        return []
    found = {v for v in values.ravel().tolist() if isinstance(v, str)}
    return sorted(text for text in found if not _is_number(text))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def read_design(X: Any) -> Design:
    """Return the design's columns as one matrix.

    Raises
    ------
    InputError
        If leaves are not 2-D, differ in length or do not hold numbers.
    """
    if X is None:
        raise fail_type("X", _DESIGN, X)
    if isinstance(X, shared.Signal):
        X = X.values
    if isinstance(X, (list, tuple)) and not any(
        _is_leaf(leaf) for leaf in jax.tree.leaves(X, is_leaf=_is_leaf)
    ):
        X = numbers("X", X)
    return _plain_design(X) if _is_leaf(X) else _tree_design(X)


def _plain_design(X: Any) -> Design:
    matrix = numbers("X", X)
    times = X if is_pynapple(X) else None
    if matrix.ndim != 2:
        hint = "; Reshape your data, e.g. X.reshape(-1, 1) for a single feature"
        raise fail("X", _DESIGN, f"shape {matrix.shape}{hint}")
    columns = getattr(X, "columns", ())
    named = len(columns) == matrix.shape[1] and all(isinstance(c, str) for c in columns)
    return Design(matrix, None, (matrix.shape[1],), times, tuple(columns) if named else ())


def _tree_design(X: Any) -> Design:
    leaves, structure = jax.tree.flatten(X, is_leaf=_is_leaf)
    if not leaves:
        raise fail("X", _DESIGN, "an empty pytree")
    parts = [numbers("X", leaf) for leaf in leaves]
    for part in parts:
        if part.ndim != 2:
            raise fail("X", _DESIGN, f"a leaf of shape {part.shape}")
    lengths = [len(part) for part in parts]
    if len(set(lengths)) > 1:
        raise fail("X", "leaves of one length", f"lengths {lengths}")
    times = next((leaf for leaf in leaves if is_pynapple(leaf)), None)
    return Design(np.hstack(parts), structure, tuple(p.shape[1] for p in parts), times)
