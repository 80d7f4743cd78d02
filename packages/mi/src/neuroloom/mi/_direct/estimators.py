"""The estimators without a network by name: what `run` and the cross-checks use.

To add one, write a function from samples to each sample's share of the information, and give it an
entry in `DIRECT`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.mi import _direct
from neuroloom.mi._critics import gaussian as _baseline
from neuroloom.mi._errors import InvalidDataError, OptionError, choice, real
from neuroloom.shared import Seed

Array = NDArray[np.float64]
MOST_REPEATS = 0.02  # share of samples whose value came before; more is taken for atoms
_FEW_EACH = 20  # samples per label from which on values are labels
_MOST_UNSEEN = 0.01  # share of pairs not seen yet; what counts get wrong, in bits, is about that


@dataclass(frozen=True)
class Prepared:
    """Samples as an estimator measures them, so that parts are measured as the whole is.

    Attributes
    ----------
    x, y : ndarray, shape (n_samples, n_features)
        Counts and labels may have become real numbers, or the labels numbers of kinds.
    function : callable
        ``function(x, y, exclude=0)`` returns each sample's share in nats.
    counted : bool
        Whether it counts patterns.
    """

    x: NDArray[Any]
    y: Array
    function: Callable[..., Array]
    counted: bool = False

    def local(self, rows: NDArray[np.generic] | None = None, *, exclude: int = 0) -> Array:
        """Return the share in nats of each sample, or of those of some rows on their own."""
        if rows is None:
            return self.function(self.x, self.y, exclude=exclude)
        return self.function(self.x[rows], self.y[rows], exclude=exclude)


@dataclass(frozen=True)
class Direct:
    """An estimator without a network.

    Attributes
    ----------
    prepare : callable
        ``prepare(x, y, **options)`` returns `Prepared` samples.
    options : tuple of str
        What ``estimator_params`` may hold.
    neighbours : bool
        Whether it measures distances, so that samples near in time must be left out.
    conditional : callable, optional
        ``conditional(x, y, z, exclude=0, **options)``, likewise.
    local_error : bool
        Whether the scatter of the shares says how uncertain their mean is; otherwise stretches
        are left out one by one.
    """

    prepare: Callable[..., Prepared]
    options: tuple[str, ...] = ()
    neighbours: bool = False
    conditional: Callable[..., Array] | None = None
    local_error: bool = True

    def local(self, x: Array, y: Array, *, exclude: int = 0, **options: object) -> Array:
        """Return each sample's share in nats."""
        return self.prepare(x, y, **options).local(exclude=exclude)


def repeats(*variables: Array) -> bool:
    """Return whether values of a variable repeat so often that it has atoms."""
    return any(
        len(np.unique(v, axis=0)) < (1 - MOST_REPEATS) * len(v) for v in map(np.asarray, variables)
    )


def labels(values: Array) -> NDArray[np.int64] | None:
    """Return which of its few values each sample has, None if they are many."""
    rows, label = np.unique(values, axis=0, return_inverse=True)
    return label.reshape(-1) if len(rows) <= len(values) // _FEW_EACH else None


def well_seen(x: NDArray[np.int64], y: NDArray[np.int64]) -> bool:
    """Return whether hardly any pair of labels was seen once only, so that counts tell all."""
    return _direct.unseen(_direct.pairs_of(x, y)) <= _MOST_UNSEEN


def discrete(values: Array) -> bool:
    """Return whether all values of a variable repeat: labels or counts."""
    return len(np.unique(values, axis=0)) <= len(values) // 2


def _k(k: object, n: int, exclude: int) -> int:
    whole = int(real("estimator_params['k']", k, whole=True, low=1))
    if whole > (n - 2 * exclude - 1) // 2:
        raise OptionError(
            f"estimator_params['k']: expected neighbours of a small part of the samples, at most "
            f"{(n - 2 * exclude - 1) // 2} of {n}, got {whole}"
        )
    return whole


def neighbours(
    x: Array, y: Array, *, k: int = 5, variant: int | str = 1, exclude: int = 0
) -> Array:
    """Return each sample's share of what nearest neighbours see, in nats."""
    return by_neighbours(x, y, k=k, variant=variant).local(exclude=exclude)


def by_neighbours(x: Array, y: Array, *, k: int = 5, variant: int | str = 1) -> Prepared:
    """Return samples as nearest neighbours measure them.

    KSG where values are all different, Ross' estimator for labels with a density, counts for
    labels with labels whose pairs were nearly all seen. Other values that repeat are spread over
    their cells for KSG; Gao's estimator takes what atoms remain.
    """
    choice("estimator_params['variant']", str(variant), ("1", "2"))
    number = int(variant)
    if not repeats(x, y):
        return Prepared(x, y, _with_k(_direct.ksg_local, k, variant=number))
    label_x, label_y = labels(x), labels(y)
    if label_x is not None and label_y is not None and well_seen(label_x, label_y):
        return Prepared(x, y, _plain(_direct.plugin_local), counted=True)
    if label_x is not None and not repeats(y):
        return Prepared(label_x, y, _with_k(_direct.ross_local, k))
    if label_y is not None and not repeats(x):
        return Prepared(label_y, x, _with_k(_direct.ross_local, k))
    x, y = spread(x, y)
    if repeats(x, y):
        return Prepared(x, y, _with_k(_direct.ksg_mixed_local, k))
    return Prepared(x, y, _with_k(_direct.ksg_local, k, variant=number))


def spread(*variables: Array) -> list[Array]:
    """Return variables as real numbers where they are counts or labels.

    Labels of several columns, such as one for each kind, become one column: neighbours need few.
    """
    out = []
    for values in variables:
        label = labels(values) if values.shape[1] > 1 else None
        out.append(values if label is None else label[:, None].astype(np.float64))
    return _direct.dequantized(*out)


def _with_k(function: Callable[..., Array], k: object, **options: object) -> Callable[..., Array]:
    def local(x: Array, y: Array, exclude: int = 0) -> Array:
        return function(x, y, k=_k(k, len(x), exclude), exclude=exclude, **options)

    return local


def lmi(x: Array, y: Array, *, k: int = 5, n_dims: int = 4, exclude: int = 0) -> Array:
    """Return each sample's share of what neighbours see in latents of few dimensions, in nats.

    Cross-fitted canonical variables of the normal scores stand for the data, as Gowri et al.
    2024's latents do; the half that finds them is not the half that is measured. A lower bound
    in expectation.
    """
    n_dims = int(real("estimator_params['n_dims']", n_dims, whole=True, low=1))
    a, b = _baseline.rank_normal(x), _baseline.rank_normal(y)
    n = len(a)
    half = np.arange(n) % 2 == 0 if not exclude else np.arange(n) < n // 2
    out = np.empty(n)
    for train, test in ((half, ~half), (~half, half)):
        fitted = _baseline.fit(a[train], b[train], Seed(0).child("lmi").generator())
        strongest = np.argsort(fitted.rho)[::-1][:n_dims]
        u = (a[test] - fitted.mean_x) @ fitted.map_x[:, strongest]
        v = (b[test] - fitted.mean_y) @ fitted.map_y[:, strongest]
        # Equal samples must stay equal: the projection rounds them apart.
        u, v = (np.round(_direct.standardized(w), 9) for w in (u, v))
        out[test] = neighbours(u, v, k=k, exclude=exclude)
    return out


def _as_given(function: Callable[..., Array], *, counted: bool = False) -> Callable[..., Prepared]:
    """Return how samples are prepared for a function that takes them as they are."""

    def prepare(x: Array, y: Array, **options: object) -> Prepared:
        return Prepared(x, y, partial(function, **options), counted)

    return prepare


def _plain(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return an estimator that need not know which samples are near in time."""

    def local(*parts: Array, exclude: int = 0, **options: object) -> Array:
        return function(*parts, **options)

    return local


def _plugin_conditional(x: Array, y: Array, z: Array, *, exclude: int = 0, **options: str) -> Array:
    both = np.hstack([x, z])
    return _direct.plugin_local(both, y, **options) - _direct.plugin_local(z, y, **options)


def _ksg_conditional(x: Array, y: Array, z: Array, *, k: int = 5, exclude: int = 0) -> Array:
    k = _k(k, len(x), exclude)
    return _direct.ksg_conditional_local(x, y, z, k=k, exclude=exclude)


DIRECT: dict[str, Direct] = {
    "ksg": Direct(by_neighbours, ("k", "variant"), True, _ksg_conditional),
    "gcmi": Direct(
        _as_given(_plain(_direct.gcmi_local)), (), False, _plain(_direct.gcmi_conditional_local)
    ),
    "cca": Direct(_as_given(_plain(_direct.gaussian_local))),
    "plugin": Direct(
        _as_given(_plain(_direct.plugin_local), counted=True),
        ("correction",),
        False,
        _plugin_conditional,
    ),
    "lmi": Direct(_as_given(lmi), ("k", "n_dims"), True, None, False),
}


def check_k(name: str, k: object, n: int, exclude: int) -> None:
    """Raise if there are more neighbours than half of the samples can be measured with.

    Halves are measured to see whether the estimate still rises.

    Raises
    ------
    OptionError
    """
    smallest = n // 4 if name == "lmi" else n // 2
    most = (smallest - 2 * exclude - 1) // 2
    if int(real("estimator_params['k']", k, whole=True, low=1)) > most:
        raise OptionError(
            f"estimator_params['k']: expected neighbours of a small part of the samples, at most "
            f"{most} of {n}, got {k}"
        )


def check_data(name: str, *variables: Array) -> None:
    """Raise if an estimator cannot say anything about such data.

    Raises
    ------
    InvalidDataError
        For real numbers, which never repeat, where patterns are counted.
    """
    if name != "plugin":
        return
    for which, values in zip("xyz", variables, strict=False):
        if len(values) > 20 and len(np.unique(values, axis=0)) > 0.9 * len(values):
            raise InvalidDataError(
                f"{which}: expected labels or counts with estimator='plugin', got values that "
                f"hardly repeat ({len(np.unique(values, axis=0))} kinds in {len(values)} "
                "samples); join values into bins, or use 'ksg' or a trained bound"
            )


def ceiling(name: str, x: Array, y: Array, k: int = 5) -> float:
    """Return the largest value in nats that an estimator can give with so many samples."""
    if name == "plugin":
        return float("inf")
    if name in ("ksg", "lmi") and not repeats(x, y):
        n = len(x) if name == "ksg" else len(x) // 2
        return float(scipy.special.psi(n) - scipy.special.psi(k))
    return float("inf")
