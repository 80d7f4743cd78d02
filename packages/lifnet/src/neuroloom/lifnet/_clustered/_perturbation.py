"""Perturbations: vectors over populations, combined by coefficients, constant or in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._config._schema import (
    TARGETS,
    Config,
    PerturbationParams,
    TimeDependence,
)
from neuroloom.lifnet._errors import PerturbationError
from neuroloom.lifnet._indices import places
from neuroloom.shared import checks

Array = NDArray[np.float64]


class VectorialPerturbation:
    """Vectors over the populations, of which any combination is a perturbation.

    Parameters
    ----------
    *vectors : array_like
        Values for the involved clusters: ``vector[k]`` goes to ``involved_clusters[k]``, the rest
        is zero. Vectors that are not given are drawn.
    n_vectors : int, optional
        Number of vectors; as many as are given if not said.
    length : int
        Number of populations.
    structured : bool
        Draw ±1 (with P(+1) = `balance`) rather than a normal distribution.
    involved_clusters : sequence of int, or one such sequence per vector, optional
        Populations (from 0) that the vectors act on; all if not given.
    sigma, mean : float
        Standard deviation and mean of normal vectors.
    balance : float
        Probability of +1 in structured vectors.
    rng : numpy.random.Generator, optional
        Where vectors are drawn from; ``numpy.random.default_rng(256)`` if not given.

    Raises
    ------
    PerturbationError
        If a vector is longer than its involved clusters, a cluster is out of range or named
        twice, or numbers of vectors contradict each other.

    Examples
    --------
    >>> perturbation = VectorialPerturbation([1, -1], [0, 2], length=4, involved_clusters=[3, 0])
    >>> perturbation.get_perturbation(0.5, 1.0)
    array([1.5, 0. , 0. , 0.5])
    """

    def __init__(
        self,
        *vectors: ArrayLike,
        n_vectors: int | None = None,
        length: int,
        structured: bool = True,
        involved_clusters: Sequence[Any] | None = None,
        sigma: float = 1.0,
        mean: float = 0.0,
        balance: float = 0.5,
        rng: np.random.Generator | None = None,
    ) -> None:
        number = len(vectors) if n_vectors is None else n_vectors
        number = checks.whole(
            "n_vectors", number, at_least=max(1, len(vectors)), error=PerturbationError
        )
        length = checks.whole("length", length, at_least=1, error=PerturbationError)
        checks.flag("structured", structured, error=PerturbationError)
        checks.real("balance", balance, at_least=0, at_most=1, error=PerturbationError)
        checks.real("mean", mean, error=PerturbationError)
        checks.real("sigma", sigma, at_least=0, error=PerturbationError)
        involved = _places(involved_clusters, number, length)
        generator = np.random.default_rng(256) if rng is None else rng
        matrix = np.zeros((number, length))
        for k, place in enumerate(involved):
            if k < len(vectors):
                values = _vector(vectors[k], k)
                if len(values) > len(place):
                    raise PerturbationError(
                        f"vectors[{k}]: expected at most one value per involved cluster "
                        f"({len(place)}), got {len(values)}"
                    )
                matrix[k, place[: len(values)]] = values
            elif structured:
                matrix[k, place] = np.where(generator.random(len(place)) < balance, 1.0, -1.0)
            else:
                matrix[k, place] = generator.normal(mean, sigma, len(place))
        self.matrix = matrix
        """Shape (n_vectors, length)."""

    @property
    def n_vectors(self) -> int:
        """Number of vectors."""
        return len(self.matrix)

    @property
    def length(self) -> int:
        """Number of populations."""
        return int(self.matrix.shape[1])

    @property
    def vectors(self) -> Array:
        """The vectors, shape (n_vectors, length)."""
        return self.matrix

    def get_perturbation(self, *params: ArrayLike) -> Array:
        """Return the combination of the vectors, shape (length,) or (length, n_times).

        Parameters
        ----------
        *params : float, or one array of shape (n_vectors,) or (n_vectors, n_times)
            One coefficient per vector, which may change in time.

        Raises
        ------
        PerturbationError
            If there is not one coefficient per vector.
        """
        values: Any = params[0] if len(params) == 1 and np.ndim(params[0]) else list(params)
        coefficients: Array = checks.array(
            "params", values, dtype=np.float64, error=PerturbationError
        )
        if coefficients.ndim not in (1, 2) or len(coefficients) != self.n_vectors:
            raise PerturbationError(
                f"params: expected shape ({self.n_vectors},) or ({self.n_vectors}, n_times), "
                f"got {coefficients.shape}"
            )
        return np.asarray(self.matrix.T @ coefficients)


class CirculantPerturbation:
    """Factors of the efficacies that couple each cluster more to its neighbour on a ring.

    Parameters
    ----------
    n_clusters : int
        Clusters of each kind; the populations are ``2 n_clusters + 2``.
    alpha, beta : float
        Strength of the ring among E clusters, and of its transpose from I to E clusters.
    """

    def __init__(self, n_clusters: int, alpha: float = 0.0, beta: float = 0.0) -> None:
        n_clusters = checks.whole("n_clusters", n_clusters, at_least=2, error=PerturbationError)
        alpha = checks.real("alpha", alpha, error=PerturbationError)
        beta = checks.real("beta", beta, error=PerturbationError)
        ring = np.roll(np.eye(n_clusters), 1, axis=1)
        size = 2 * n_clusters + 2
        self.factors = np.ones((size, size))
        inhibitory = slice(n_clusters + 1, 2 * n_clusters + 1)
        self.factors[:n_clusters, :n_clusters] += alpha * ring
        self.factors[:n_clusters, inhibitory] += beta * ring.T

    def get_perturbation(self) -> Array:
        """Return the factors, shape (n_pops, n_pops), for the target ``j``."""
        return self.factors.copy()


def check_target(target: str) -> str:
    """Return the name of a target, or say which are known."""
    return checks.choice("perturbation target", target, TARGETS, error=PerturbationError)


def time_mask(when: TimeDependence | None, duration: float, delta_t: float) -> Array | None:
    """Return 1 where a perturbation is on and 0 where not, one value per step; None if always."""
    if when is None:
        return None
    n_steps = round(duration / delta_t)
    start = round(when.onset_time / delta_t)
    stop = n_steps if when.offset_time is None else round(when.offset_time / delta_t)
    mask = np.zeros(n_steps)
    mask[start:stop] = 1.0
    return mask


def from_params(
    params: PerturbationParams, n_pops: int, *, mask: NDArray[np.float64] | None = None
) -> Array:
    """Return the perturbation that a configuration's block describes, (n_pops[, n_times])."""
    vectors = VectorialPerturbation(
        *params.vectors,
        n_vectors=params.n_vectors or max(len(params.vectors), len(params.params)),
        length=n_pops,
        structured=params.structured,
        involved_clusters=params.involved_clusters,
        sigma=params.sigma,
        mean=params.mean,
        balance=params.balance,
        rng=np.random.default_rng(params.seed),
    )
    coefficients = np.asarray(params.params, dtype=np.float64)
    if mask is not None and len(coefficients) == vectors.n_vectors:
        return vectors.get_perturbation(np.outer(coefficients, mask))
    return vectors.get_perturbation(coefficients)


def config_perturbations(config: Config, *, in_time: bool) -> dict[str, Array]:
    """Return the perturbations of a configuration by target.

    With `in_time` those with a time dependence have one column per step; without, they are what
    they are while they are on.
    """
    result = {}
    for target, params in (config.perturbation or {}).items():
        mask = None
        if in_time:
            run = config.init_params
            mask = time_mask(params.time_dependence, run.duration_sec, run.delta_t)
        try:
            result[target] = from_params(params, config.architecture.clusters.total_pops, mask=mask)
        except PerturbationError as error:
            raise PerturbationError(f"perturbation.{target}.{error}") from None
    return result


def checked(
    perturbations: Mapping[str, ArrayLike | None] | None, n_pops: int, n_steps: int | None
) -> dict[str, Array]:
    """Return perturbations by target with shapes that fit, or say which shapes would.

    Every array may end in a time axis of `n_steps`; without `n_steps` none may.
    """
    result = {}
    for name, values in by_name(perturbations).items():
        target = check_target(name)
        if values is None:
            continue
        array = checks.array(
            f"perturbation.{target}", values, dtype=np.float64, booleans=True,
            error=PerturbationError,
        )  # fmt: skip
        shapes: list[tuple[int, ...]] = [(), (n_pops,)]
        if target in ("j", "j_baseline"):
            shapes.append((n_pops, n_pops))
        if n_steps is not None:
            shapes += [(*shape, n_steps) for shape in shapes if shape]
        if array.shape not in shapes:
            allowed = " or ".join("a scalar" if not shape else str(shape) for shape in shapes)
            raise PerturbationError(
                f"perturbation.{target}: expected {allowed}, got shape {array.shape}"
            )
        result[target] = array
    return result


def changes_in_time(target: str, array: Array, n_pops: int, n_steps: int) -> bool:
    """Return whether the last axis of a checked perturbation is time."""
    if array.ndim == 2 and target in ("j", "j_baseline") and array.shape == (n_pops, n_pops):
        # A square array for J is one factor per pair, also where n_steps happens to be n_pops.
        return False
    return array.ndim >= 2 and array.shape[-1] == n_steps


def changes(perturbations: Mapping[str, Array], n_pops: int, n_steps: int) -> NDArray[np.int64]:
    """Return the steps at which a perturbation changes, the first among them."""
    edge = np.zeros(n_steps, dtype=bool)
    edge[:1] = True
    for target, array in perturbations.items():
        if changes_in_time(target, array, n_pops, n_steps):
            flat = array.reshape(-1, n_steps)
            edge[1:] |= (flat[:, 1:] != flat[:, :-1]).any(axis=0)
    return np.flatnonzero(edge)


def segments(
    perturbations: Mapping[str, Array], n_pops: int, n_steps: int
) -> list[tuple[int, int, dict[str, Array]]]:
    """Return the stretches ``(start, stop, perturbations)`` in which nothing changes."""
    moving = [t for t, a in perturbations.items() if changes_in_time(t, a, n_pops, n_steps)]
    starts = changes(perturbations, n_pops, n_steps).tolist()
    return [
        (
            start,
            stop,
            {t: a[..., start] if t in moving else a for t, a in perturbations.items()},
        )
        for start, stop in zip(starts, [*starts[1:], n_steps], strict=True)
    ]


def by_name(
    perturbations: Mapping[str, ArrayLike | None] | None,
) -> Mapping[str, ArrayLike | None]:
    """Return perturbations by target as they were given, none for None."""
    if perturbations is None:
        return {}
    if not isinstance(perturbations, Mapping):
        expected = 'a mapping of targets to values, as {"rate": 1.0}'
        raise checks.fail("perturbations", expected, perturbations, error=PerturbationError)
    return perturbations


def merged(
    base: Mapping[str, Array], override: Mapping[str, ArrayLike | None] | None
) -> dict[str, ArrayLike]:
    """Return the perturbations of `base`, replaced per target by those of `override`."""
    given = {name: values for name, values in by_name(override).items() if values is not None}
    for name in given:
        check_target(name)
    return {**base, **given}


def _vector(values: ArrayLike, k: int) -> Array:
    vector: Array = checks.array(
        f"vectors[{k}]", values, dtype=np.float64, ndim=1, error=PerturbationError
    )
    return vector


def _places(involved: Sequence[Any] | None, number: int, length: int) -> list[NDArray[np.int64]]:
    if involved is None:
        return [np.arange(length)] * number
    if not np.ndim(involved):
        expected = "populations, or such a list for each vector"
        raise checks.fail("involved_clusters", expected, involved, error=PerturbationError)
    rows: Iterable[Any]
    if len(involved) and np.ndim(involved[0]) > 0:
        if len(involved) != number:
            raise PerturbationError(
                f"involved_clusters: expected one list per vector ({number}), got {len(involved)}"
            )
        rows = involved
    else:
        rows = [involved] * number
    return [places("involved_clusters", row, length, error=PerturbationError) for row in rows]
