"""The estimators without a network by name: what `run` and the cross-checks use.

To add one, write a function from samples to each sample's share of the information, and give it an
entry in `DIRECT`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.mi import _direct
from neuroloom.mi._critics import gaussian as _baseline
from neuroloom.mi._errors import InvalidDataError, OptionError, choice, real
from neuroloom.mi._statistics import reliability
from neuroloom.shared import Seed

Array = NDArray[np.float64]
MOST_REPEATS = 0.02  # share of samples whose value came before; more is taken for atoms
_FEW_EACH = 20  # samples per label from which on values are labels


@dataclass(frozen=True)
class Direct:
    """An estimator without a network.

    Attributes
    ----------
    local : callable
        ``local(x, y, exclude=0, **options)`` returns each sample's share in nats.
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

    local: Callable[..., Array]
    options: tuple[str, ...] = ()
    neighbours: bool = False
    conditional: Callable[..., Array] | None = None
    local_error: bool = True


def repeats(*variables: Array) -> bool:
    """Return whether values of a variable repeat so often that it has atoms."""
    return any(
        len(np.unique(v, axis=0)) < (1 - MOST_REPEATS) * len(v) for v in map(np.asarray, variables)
    )


def labels(values: Array) -> NDArray[np.int64] | None:
    """Return which of its few values each sample has, None if they are many."""
    rows, label = np.unique(values, axis=0, return_inverse=True)
    return label.reshape(-1) if len(rows) <= len(values) // _FEW_EACH else None


def rare(x: NDArray[np.int64], y: NDArray[np.int64]) -> bool:
    """Return whether so many pairs of labels were seen once that counts say little."""
    return _direct.unseen(_direct.pairs_of(x, y)) > reliability.UNSEEN


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
    """Return each sample's share of what nearest neighbours see, in nats.

    KSG where values are all different; Ross' estimator for labels with a density, counts for
    labels with labels unless most patterns are seen once, Gao's for anything else that repeats.
    """
    choice("estimator_params['variant']", str(variant), ("1", "2"))
    k = _k(k, len(x), exclude)
    if not repeats(x, y):
        return _direct.ksg_local(x, y, k=k, variant=2 if int(variant) == 2 else 1, exclude=exclude)
    label_x, label_y = labels(x), labels(y)
    if label_x is not None and label_y is not None:
        if not rare(label_x, label_y):
            return _direct.plugin_local(x, y)
        return _direct.ksg_mixed_local(x, y, k=k, exclude=exclude)
    if label_x is not None and not repeats(y):
        return _direct.ross_local(label_x, y, k=k, exclude=exclude)
    if label_y is not None and not repeats(x):
        return _direct.ross_local(label_y, x, k=k, exclude=exclude)
    return _direct.ksg_mixed_local(x, y, k=k, exclude=exclude)


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
    "ksg": Direct(neighbours, ("k", "variant"), True, _ksg_conditional),
    "gcmi": Direct(_plain(_direct.gcmi_local), (), False, _plain(_direct.gcmi_conditional_local)),
    "cca": Direct(_plain(_direct.gaussian_local)),
    "plugin": Direct(_plain(_direct.plugin_local), ("correction",), False, _plugin_conditional),
    "lmi": Direct(lmi, ("k", "n_dims"), True, None, False),
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
