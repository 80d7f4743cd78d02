"""Starting points from k-means clusters of the design and the response."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import InitializationWarning
from neuroloom.glmhmm._families.base import Observations
from neuroloom.glmhmm._families.links import Link


@dataclass(frozen=True)
class Clusters:
    """Labels of the trials, and what they were made from."""

    labels: NDArray[np.int64]
    n_states: int
    X: Any
    y: NDArray[np.float64]
    starts: NDArray[np.bool_]

    @classmethod
    def of(cls, n_states: int, X: Any, y: Any, session_starts: Any, random_key: Any) -> Clusters:
        """Return the clusters of the rows of ``[X, y]``, unscaled."""
        from sklearn.cluster import KMeans

        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(X)]
        targets = np.asarray(y, dtype=np.float64)
        rows = np.hstack([*leaves, targets.reshape(len(targets), -1)])
        distinct = len(np.unique(rows, axis=0))
        n_clusters = min(n_states, distinct)
        if distinct < n_states:
            warnings.warn(
                f"k-means: {n_states} clusters were asked for, but only {distinct} rows differ; "
                "the states beyond start from all trials",
                InitializationWarning,
                stacklevel=2,
            )
        number = int(np.asarray(jax.random.key_data(random_key)).astype(np.uint32).ravel()[-1])
        labels = KMeans(n_clusters, n_init=4, random_state=number % 2**31).fit_predict(rows)
        return cls(
            labels.astype(np.int64), n_states, X, targets, np.asarray(session_starts, dtype=bool)
        )

    def initial(self, minimum: float) -> NDArray[np.float64]:
        """Return the shares of clusters at the sessions' starts."""
        counts = np.bincount(self.labels[self.starts], minlength=self.n_states)
        shares = counts / max(counts.sum(), 1) + minimum
        return np.asarray(shares / shares.sum())

    def transition(self, minimum: float) -> NDArray[np.float64]:
        """Return the shares of clusters that follow each cluster inside of sessions."""
        follows = ~self.starts[1:]
        counts = np.zeros((self.n_states, self.n_states))
        np.add.at(counts, (self.labels[:-1][follows], self.labels[1:][follows]), 1)
        total = counts.sum(axis=1, keepdims=True)
        shares = np.where(total > 0, counts / np.maximum(total, 1), 1 / self.n_states) + minimum
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))

    def glms(self, link: Link, family: Observations, strength: float) -> tuple[Any, Any, Any]:
        """Return coefficients, intercepts and scales of one GLM per cluster."""
        from neuroloom.glmhmm._start.glm import fit_glm_arrays

        leaves, structure = jax.tree.flatten(self.X)
        matrix = np.hstack([np.asarray(leaf) for leaf in leaves])
        fits = []
        for k in range(self.n_states):
            rows = self.labels == k
            if rows.sum() < 2:
                rows = np.ones(len(self.labels), dtype=bool)
            fits.append(fit_glm_arrays(matrix[rows], self.y[rows], family, link, ridge=strength))
        coef = np.stack([f[0] for f in fits], axis=-1)
        widths = np.cumsum([leaf.shape[1] for leaf in leaves])[:-1]
        tree = jax.tree.unflatten(structure, np.split(coef, widths))
        return (
            tree,
            np.stack([f[1] for f in fits], axis=-1),
            np.stack([f[2] for f in fits], axis=-1),
        )
