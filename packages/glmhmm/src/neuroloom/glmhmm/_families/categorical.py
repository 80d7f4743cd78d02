"""Choices among several options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from neuroloom.glmhmm._errors import fail
from neuroloom.glmhmm._families.base import Observations, predictor_of
from neuroloom.glmhmm._families.links import Link, identity

Array = Any


@dataclass(frozen=True, repr=False)
class CategoricalObservations(Observations):
    """Choices among `n_categories`, softmax of the linear predictors; category 0 has predictor 0.

    Parameters
    ----------
    n_categories : int
        Number of categories; `y` holds 0 … n_categories − 1, or as many labels as text, which are
        numbered in sorted order and kept in the fitted model's ``classes_``.

    Raises
    ------
    InputError
        If `n_categories` is not an integer of at least 2.

    Examples
    --------
    >>> import neuroloom.glmhmm as nmo
    >>> nmo.observation_models.CategoricalObservations(3)
    CategoricalObservations(n_categories=3)
    """

    n_categories: int = 2

    couples = True
    positive_mean = False

    def __post_init__(self) -> None:
        n = self.n_categories
        if isinstance(n, (bool, np.bool_)) or not isinstance(n, (int, np.integer)) or n < 2:
            raise fail("n_categories", "an integer of at least 2", repr(n))
        object.__setattr__(self, "n_categories", int(n))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_categories={self.n_categories})"

    @property
    def default_inverse_link_function(self) -> Link:
        """The identity: the softmax is part of the family."""
        return identity

    def log_prob(self, y: Array, eta: Array, scale: Array, link: Link) -> Array:
        """Return log softmax at `y`; `eta` has shape (n_states, n_categories − 1, n_trials)."""
        zero = jnp.zeros_like(eta[..., :1, :])
        every = jnp.concatenate([zero, link(eta)], axis=-2)
        chosen = y == jnp.arange(self.n_categories, dtype=y.dtype)[:, None]
        return jnp.sum(jnp.where(chosen, every, 0.0), axis=-2) - jax.nn.logsumexp(every, axis=-2)

    def mean(self, eta: Array, scale: Array, link: Link) -> Array:
        """Return the probability of each category (n_trials, n_categories, n_states)."""
        inner = link(eta)
        every = jnp.concatenate([jnp.zeros_like(inner[..., :1, :]), inner], axis=-2)
        return jax.nn.softmax(every, axis=-2)

    def sample(self, rng: np.random.Generator, mean: Array, scale: Array) -> Array:
        """Return a category for each row of probabilities (n_trials, n_categories)."""
        steps = np.cumsum(mean, axis=-1)
        draw = rng.random(steps.shape[:-1])[..., None] * steps[..., -1:]
        return np.asarray((draw > steps[..., :-1]).sum(axis=-1), dtype=np.float64)

    def check(self, y: Any, observed: Any) -> None:
        """Raise if values are not categories."""
        values = np.unique(y[observed])
        if not np.isin(values, np.arange(self.n_categories)).all():
            shown = ", ".join(f"{v:g}" for v in values[:8])
            raise fail("y", f"categories 0 … {self.n_categories - 1}", f"the values {shown}")

    def encode(self, y: Any, classes: Any) -> tuple[Any, Any]:
        """Return the numbers of labels, in sorted order or that of `classes`, and the labels.

        Raises
        ------
        InputError
            If there are labels that the model does not know.
        """
        if getattr(getattr(y, "dtype", None), "kind", "O") in "biuf":
            return y, classes
        raw = _values(y)
        found = _labels(raw) if raw.ndim == 1 else []
        if not found:
            return y, classes
        known = found if classes is None else [str(label) for label in classes]
        if len(known) != self.n_categories or not set(found) <= set(known):
            expected = known if classes is not None else f"{self.n_categories} labels"
            raise fail("y", f"{expected} for {self!r}", f"the labels {found[:8]}")
        number = {label: float(i) for i, label in enumerate(known)}
        coded = [number.get(v, np.nan) if isinstance(v, str) else np.nan for v in raw.tolist()]
        return np.array(coded), np.array(known)

    def decode(self, y: NDArray[np.float64], classes: Any) -> NDArray[Any]:
        """Return the labels, if the model was fitted to labels; None where there is no choice."""
        if classes is None:
            return y
        seen = np.isfinite(y)
        labels = np.asarray(classes)[np.where(seen, y, 0).astype(np.int64)]
        if not seen.all():
            labels = labels.astype(object)
            labels[~seen] = None
        return labels

    def n_outputs(self, y: Any) -> int:
        """Return the number of categories less one."""
        return self.n_categories - 1

    def n_columns(self) -> int | None:
        """Return 1: there is one choice per trial."""
        return 1

    def _fractions(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each category's fraction; half a trial keeps those never chosen off 0."""
        counts = (y == np.arange(self.n_categories)[:, None]).sum(axis=1)
        seen = np.where(counts == 0, 0.5, counts)
        return np.asarray(seen / seen.sum())

    def starts(self, y: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
        """Return the log odds of the categories' frequencies, through the link's inverse."""
        fractions = self._fractions(y)
        odds = np.log(fractions[1:] / fractions[0])
        if link is identity:
            return np.asarray(odds)
        found = [predictor_of(link, float(value)) for value in odds]
        return np.array([0.0 if value is None else value for value in found])

    def start_scale(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ones."""
        return np.ones(self.n_categories - 1)

    def null_log_likelihood(
        self, train: NDArray[np.float64], test: NDArray[np.float64], link: Link
    ) -> float:
        """Return the log-likelihood of test choices under the frequencies of training ones."""
        known, new = train[np.isfinite(train)], test[np.isfinite(test)]
        return float(np.log(self._fractions(known))[new.astype(np.int64)].sum())

    def one_sided(self, y: NDArray[np.float64]) -> str | None:
        """Return that a category was never chosen."""
        absent = [c for c in range(self.n_categories) if not (y == c).any()]
        if not absent:
            return None
        return f"category {absent[0]} is never chosen: its intercepts have no finite optimum"

    def lopsided(self, y: NDArray[np.float64], gamma: NDArray[np.float64]) -> list[tuple[int, str]]:
        """Return states in which, but for half a trial, some categories are never chosen."""
        counts = (y == np.arange(self.n_categories)[:, None]) @ gamma
        never = (counts < 0.5) & (gamma.sum(axis=0) > 5)
        return [
            (
                int(k),
                f"categories {np.flatnonzero(never[:, k]).tolist()} have no choice in state {k}",
            )
            for k in np.flatnonzero(never.any(axis=0))
        ]

    def separated(
        self, level: NDArray[np.float64], size: NDArray[np.float64], link: Link
    ) -> tuple[int, str] | None:
        """Return a state in which choices follow a regressor without exception."""
        if link is not identity or not size.size or size.max() <= 12:
            return None
        k = int(np.argwhere(size == size.max())[0][0])
        return k, (
            f"a weight of state {k} reached {size.max():.1f} standard units: choices look "
            "perfectly separable there"
        )


def _values(y: Any) -> NDArray[Any]:
    """Return responses as they are, each an object of its own; masked ones are None."""
    if isinstance(y, np.ma.MaskedArray):
        values = np.array(y.data, dtype=object)
        values[np.ma.getmaskarray(y)] = None
        return values
    return np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y, dtype=object)


def _labels(values: NDArray[Any]) -> list[str]:
    """Return the labels among values, sorted.

    Raises
    ------
    InputError
        If there are other values beside them, but for missing ones.
    """
    found = {v for v in values.tolist() if isinstance(v, str)}
    others = {repr(v) for v in values.tolist() if not isinstance(v, str) and not _is_missing(v)}
    if found and others:
        raise fail("y", "labels alone, or numbers alone", f"labels and {sorted(others)[:6]}")
    return sorted(found)


def _is_missing(value: Any) -> bool:
    """Return whether a value stands for none: None, NaN, or pandas' NA, which equals nothing."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)
