"""What trees make of the features: a summary that a network starts from where simulations are few.

Posterior means make good summaries (Fearnhead & Prangle 2012, J R Stat Soc B 74:419), and where
many features say nothing, or say it by thresholds, extremely randomised trees (Geurts, Ernst &
Wehenkel 2006, Mach Learn 63:3) find the means from fewer simulations than a network does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from neuroloom.circuit_inference._compiled import compiled
from neuroloom.circuit_inference.errors import ModelFormatError
from neuroloom.shared import Seed

Array = NDArray[np.float64]

_N_TREES = 300
_SMALLEST_LEAF = 2
_TYPES = {
    **dict.fromkeys(("root", "feature", "left", "right", "n_features"), np.int32),
    **{"threshold": np.float64, "value": np.float32},
}


@compiled
def _add_trees(  # type: ignore[no-untyped-def]
    rows, root, feature, threshold, left, right, value, out
):
    """Add up what each tree says of each row; a tree at a time, which a core's cache holds."""
    for tree in range(len(root)):
        for i in range(len(rows)):
            node = root[tree]
            while feature[node] >= 0:
                below = rows[i, feature[node]] <= threshold[node]
                node = left[node] if below else right[node]
            for j in range(out.shape[1]):
                out[i, j] += value[node, j]


@dataclass(frozen=True, eq=False)
class Forest:
    """Regression trees side by side in flat arrays; the mean over trees is the prediction.

    Attributes
    ----------
    root : ndarray, shape (n_trees,)
        First node of each tree.
    feature : ndarray, shape (n_nodes,)
        Which feature a node asks for, −1 for a leaf.
    threshold : ndarray, shape (n_nodes,)
        Rows at most this large, in single precision, go to the left.
    left, right : ndarray, shape (n_nodes,)
        The nodes behind; a leaf's are itself.
    value : ndarray, shape (n_nodes, d)
        Means of the targets.
    n_features : ndarray, shape (1,)
        Number of features.
    """

    root: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: Array
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    n_features: NDArray[np.int32]

    @classmethod
    def fit(cls, x: Array, targets: Array, seed: Seed) -> tuple[Self, Array]:
        """Return the forest, and what the trees that don't know a row say about it.

        Parameters
        ----------
        x : ndarray, shape (n_rows, n_features)
        targets : ndarray, shape (n_rows, d)
        seed : Seed
        """
        from sklearn.ensemble import ExtraTreesRegressor

        trees = ExtraTreesRegressor(
            _N_TREES, min_samples_leaf=_SMALLEST_LEAF, bootstrap=True, oob_score=True,
            random_state=seed.integer(31), n_jobs=1,
        )  # fmt: skip
        trees.fit(x, targets if targets.shape[1] > 1 else targets[:, 0])
        kept = [one.tree_ for one in trees.estimators_]
        root = np.cumsum([0, *(tree.node_count for tree in kept)])[:-1]
        parts = []
        for first, tree in zip(root, kept, strict=True):
            own, leaf = np.arange(tree.node_count), tree.children_left < 0
            parts.append((
                np.where(leaf, -1, tree.feature), np.where(leaf, 0.0, tree.threshold),
                first + np.where(leaf, own, tree.children_left),
                first + np.where(leaf, own, tree.children_right), tree.value[:, :, 0],
            ))  # fmt: skip
        joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
        names = ("feature", "threshold", "left", "right", "value")
        arrays = {"root": root, "n_features": np.array([x.shape[1]])}
        arrays |= dict(zip(names, joined, strict=True))
        forest = cls(**{name: value.astype(_TYPES[name]) for name, value in arrays.items()})
        return forest, np.asarray(trees.oob_prediction_).reshape(targets.shape)

    def __call__(self, x: Array) -> Array:
        """Return the mean over trees, shape (n_rows, d)."""
        out = np.zeros((len(x), self.value.shape[1]))
        nodes = (self.root, self.feature, self.threshold, self.left, self.right, self.value)
        _add_trees(x.astype(np.float32), *nodes, out)
        out /= len(self.root)
        return out

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], d: int) -> Self:
        """Return the forest of arrays from a file, for `d` targets.

        Raises
        ------
        ModelFormatError
            If they are no trees.
        """
        names = [one.name for one in fields(cls)]
        if sorted(arrays) != sorted(names):
            raise ModelFormatError(f"path: expected arrays {names}, got {sorted(arrays)}")
        out = cls(**{name: np.asarray(arrays[name], dtype=_TYPES[name]) for name in names})
        n = len(out.feature)
        own, leaf = np.arange(n), out.feature < 0
        behind = np.stack([out.left, out.right]) if len(out.left) == len(out.right) == n else None
        # Every way leads to later nodes and ends in a leaf.
        if (
            behind is None
            or out.threshold.shape != (n,)
            or out.value.shape != (n, d)
            or out.n_features.shape != (1,)
            or not (out.feature < out.n_features[0]).all()
            or not len(out.root)
            or not ((out.root >= 0) & (out.root < n)).all()
            or not (np.where(leaf, behind == own, behind > own) & (behind < n)).all()
        ):
            raise ModelFormatError(f"path: expected trees for {d} parameters, got other arrays")
        return out
