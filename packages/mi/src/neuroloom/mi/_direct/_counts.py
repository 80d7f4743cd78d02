"""Mutual information of discrete variables from counts, and corrections of its bias.

A plug-in counts patterns; with few samples per pattern it sees dependence where there is none.
Miller 1955 takes off the leading term, quadratic extrapolation (Strong et al. 1998) what parts of
the data show, and Nemenman, Shafee & Bialek 2002 average over priors that are flat in entropy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neuroloom.mi._errors import InsufficientDataError, choice

Codes = NDArray[np.int64]
Array = NDArray[np.float64]
CORRECTIONS = ("miller_madow", "quadratic", "nsb", "none")
MOST_LABELS = 50_000
_PARTS = (2, 4)


def plugin(
    x: NDArray[np.generic], y: NDArray[np.generic], *, correction: str = "miller_madow"
) -> float:
    """Return I(X; Y) in nats of two discrete variables, rows being values.

    Parameters
    ----------
    x, y : ndarray, shape (n_samples, n_features)
    correction : {"miller_madow", "quadratic", "nsb", "none"}
        What is done about the bias of few samples per pattern.
    """
    return float(plugin_local(x, y, correction=correction).mean())


def plugin_local(
    x: NDArray[np.generic], y: NDArray[np.generic], *, correction: str = "miller_madow"
) -> Array:
    """Return each sample's share of `plugin` in nats, shape ``(n_samples,)``."""
    choice("estimator_params['correction']", correction, CORRECTIONS)
    a, b = codes(x), codes(y)
    joint = pairs_of(a, b)
    share = [_log_share(c) for c in (a, b, joint)]
    local = share[2] - share[0] - share[1]
    return np.asarray(local - local.mean() + _corrected(a, b, joint, correction))


def _corrected(a: Codes, b: Codes, joint: Codes, correction: str) -> float:
    if correction == "quadratic":
        return _extrapolated(a, b)
    entropy = _ENTROPIES[correction]
    n_a, n_b = int(a.max()) + 1, int(b.max()) + 1
    return entropy(a, n_a) + entropy(b, n_b) - entropy(joint, n_a * n_b)


def entropy(values: Codes, n_possible: int = 0) -> float:
    """Return −Σ p log p in nats."""
    counts = np.unique(values, return_counts=True)[1]
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum())


def miller_madow_entropy(values: Codes, n_possible: int = 0) -> float:
    """Return the entropy in nats, −Σ p log p, plus (values seen − 1) / 2n (Miller 1955).

    Examples
    --------
    >>> float(round(miller_madow_entropy(np.array([0, 0, 1, 1])), 3))  # log 2 + 1/8
    0.818
    """
    seen = len(np.unique(values))
    return entropy(values) + (seen - 1) / (2 * len(values))


def nsb_entropy(values: Codes, n_possible: int) -> float:
    """Return the posterior mean entropy in nats (Nemenman, Shafee & Bialek 2002).

    Parameters
    ----------
    values : ndarray of int, shape (n_samples,)
    n_possible : int
        Number of patterns that there could be.
    """
    from scipy.integrate import trapezoid
    from scipy.special import gammaln, polygamma, psi

    counts = np.unique(values, return_counts=True)[1].astype(float)
    n, k = counts.sum(), max(n_possible, len(counts))
    if k == 1:
        return 0.0
    beta = np.geomspace(1e-4 / k, 1e4, 400)  # Dirichlet parameters, flat in expected entropy
    total = k * beta
    evidence = gammaln(total) - gammaln(n + total)
    kinds, times = np.unique(counts, return_counts=True)
    for count, how_often in zip(kinds, times, strict=True):
        evidence += how_often * (gammaln(count + beta) - gammaln(beta))
    prior = k * polygamma(1, total + 1) - polygamma(1, beta + 1)  # d E[H | beta] / d beta
    weight = np.exp(evidence - evidence.max()) * prior * beta  # over log beta
    mean = psi(n + total + 1) - (k - len(counts)) * beta / (n + total) * psi(beta + 1)
    for count, how_often in zip(kinds, times, strict=True):
        mean -= how_often * (count + beta) / (n + total) * psi(count + beta + 1)
    log_beta = np.log(beta)
    return float(trapezoid(weight * mean, log_beta) / trapezoid(weight, log_beta))


_ENTROPIES: dict[str, Callable[[Codes, int], float]] = {
    "none": entropy,
    "miller_madow": miller_madow_entropy,
    "nsb": nsb_entropy,
}


def _extrapolated(a: Codes, b: Codes) -> float:
    """Return the intercept of ``I + c₁/n + c₂/n²`` through all, halves and quarters."""
    n = len(a)
    sizes, values = [float(n)], [_corrected(a, b, pairs_of(a, b), "none")]
    order = np.random.default_rng(0).permutation(n)  # parts are random: order must not matter
    for parts in _PARTS:
        split = np.array_split(order, parts)
        each = [_corrected(a[s], b[s], pairs_of(a[s], b[s]), "none") for s in split]
        sizes.append(n / parts)
        values.append(float(np.mean(each)))
    design = np.vander(1 / np.array(sizes), 3, increasing=True)
    return float(np.linalg.solve(design, np.array(values))[0])


def unseen(values: Codes) -> float:
    """Return the share of probability that no sample has shown (Good 1953): singletons over n."""
    counts = np.unique(values, return_counts=True)[1]
    return float((counts == 1).sum() / counts.sum())


def codes(values: NDArray[np.generic]) -> Codes:
    """Return a whole number for each row, equal where rows are.

    Raises
    ------
    InsufficientDataError
        If there are more kinds of rows than any count could fill.
    """
    rows = values.reshape(len(values), -1)
    if rows.shape[1] == 1:
        kinds, out = np.unique(rows[:, 0], return_inverse=True)
    else:
        kinds, out = np.unique(rows, axis=0, return_inverse=True)
    if len(kinds) > MOST_LABELS:
        raise InsufficientDataError(
            f"expected labels or counts of at most {MOST_LABELS} kinds, got {len(kinds)} kinds in "
            f"{len(rows)} samples; join kinds, or use an estimator for real numbers"
        )
    return np.asarray(out.reshape(-1), dtype=np.int64)


def pairs_of(a: Codes, b: Codes) -> Codes:
    """Return a whole number for each pair of codes."""
    return a * (int(b.max()) + 1) + b


def _log_share(values: Codes) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(np.log(counts / len(values))[inverse.reshape(-1)])
