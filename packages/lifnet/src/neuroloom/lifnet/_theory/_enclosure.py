"""A proof that a list of fixed points is complete: interval arithmetic, branch and prune.

Every fixed point lies in the box of rates from 0 to 1/τ_ref, since Φ maps the box into itself. A
box B can be cut to B ∩ Φ(B), where Φ(B) encloses all responses to rates in B. A box that is cut
to nothing holds no fixed point; a box in which ``1 − Φ'`` is regular for all matrices of the
derivative's enclosure holds at most one (Neumaier 1990, section 5.1). The rest is halved.
"""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray

from neuroloom.lifnet._theory._rate_equations import RateEquations
from neuroloom.lifnet._theory._siegert import SHIFT, _integral

Array = NDArray[np.float64]

_SLACK = 1e-9  # relative, above the rounding errors of all that is enclosed
_LARGE = 26.0  # erfcx(−26) is still far from the largest double
_SWEEPS = 3


def proves_complete(equations: RateEquations, points: Array, *, max_boxes: int = 20_000) -> bool:
    """Return whether `points` are proved to be all fixed points.

    Parameters
    ----------
    equations : RateEquations
        With a refractory time in every population; otherwise nothing is proved.
    points : ndarray, shape (n_points, n_pops)
        The fixed points known, in Hz, all orders of equal clusters included.
    max_boxes : int
        Boxes after which the attempt is given up.
    """
    tau = equations.tau_refractory
    if (tau <= 0).any() or (equations.variance_external <= 0).any():
        return False
    low, high = np.zeros((1, len(tau))), (1.0 / tau)[None] * (1 + _SLACK)
    seen = 0
    while len(low):
        seen += len(low)
        if seen > max_boxes:
            return False
        low, high, kept = _contract(equations, low, high)
        low, high = low[kept], high[kept]
        if not len(low):
            return True
        # Wider than the box by what a known point may be off, or a neighbour could pass for it.
        near = 1e-8 * (1 + high.max(axis=1, keepdims=True))
        wide = np.maximum(low - near, 0.0), high + near
        single = _holds_at_most_one(equations, *wide)
        known = _holds_known(points, *wide)
        open_ = ~(single & known)
        low, high = low[open_], high[open_]
        width = np.max(high - low, axis=1, initial=0.0)
        if bool(np.any(width < 1e-9 * (1 + np.max(high, axis=1, initial=0.0)))):
            return False
        low, high = _halve(equations, low, high)
    return True


def _halve(equations: RateEquations, low: Array, high: Array) -> tuple[Array, Array]:
    """Halve each box along the rate whose width moves the responses the most."""
    if not len(low):
        return low, high
    effect = np.abs(equations.mean).max(axis=0) + np.sqrt(equations.variance.max(axis=0))
    rows, side = np.arange(len(low)), np.argmax((high - low) * effect, axis=1)
    middle = (low[rows, side] + high[rows, side]) / 2
    left, right = high.copy(), low.copy()
    left[rows, side] = right[rows, side] = middle
    return np.concatenate([low, right]), np.concatenate([left, high])


def _contract(
    equations: RateEquations, low: Array, high: Array
) -> tuple[Array, Array, NDArray[np.bool_]]:
    kept = np.ones(len(low), dtype=bool)
    for _ in range(_SWEEPS):
        below, above = _response(equations, low, high)[:2]
        low, high = np.maximum(low, below), np.minimum(high, above)
        kept &= (low <= high).all(axis=1)
        high = np.maximum(low, high)
    return low, high, kept


def _holds_known(points: Array, low: Array, high: Array) -> NDArray[np.bool_]:
    if not len(points):
        return np.zeros(len(low), dtype=bool)
    inside = (points[None] >= low[:, None]) & (points[None] <= high[:, None])
    return np.asarray(np.any(np.all(inside, axis=2), axis=1))


def _holds_at_most_one(equations: RateEquations, low: Array, high: Array) -> NDArray[np.bool_]:
    """Return for which boxes all matrices ``1 − Φ'`` of the enclosure are regular."""
    jac_low, jac_high = _jacobian(equations, low, high)
    n = low.shape[1]
    middle = np.eye(n) - (jac_low + jac_high) / 2
    radius = (jac_high - jac_low) / 2 * (1 + _SLACK)
    result = np.zeros(len(low), dtype=bool)
    finite = np.isfinite(radius).all(axis=(1, 2))
    for row in np.flatnonzero(finite):
        try:
            inverse = np.linalg.inv(middle[row])
        except np.linalg.LinAlgError:
            continue
        # 1 − (1 − M⁻¹ A) has norm below one for all A of the enclosure.
        error = np.abs(np.eye(n) - inverse @ middle[row]) + np.abs(inverse) @ radius[row]
        result[row] = bool(np.abs(np.linalg.eigvals(error)).max() < 1 - 1e-6)
    return result


def _inputs(equations: RateEquations, low: Array, high: Array) -> tuple[Array, Array, Array, Array]:
    """Return the least and largest μ and σ over boxes, each (n_boxes, n_pops)."""
    plus, minus = np.maximum(equations.mean, 0.0), np.minimum(equations.mean, 0.0)
    mu_low = low @ plus.T + high @ minus.T + equations.mean_external
    mu_high = high @ plus.T + low @ minus.T + equations.mean_external
    slack = _SLACK * (1 + np.abs(mu_low) + np.abs(mu_high))
    s_low = np.sqrt(low @ equations.variance.T + equations.variance_external)
    s_high = np.sqrt(high @ equations.variance.T + equations.variance_external)
    return mu_low - slack, mu_high + slack, s_low * (1 - _SLACK), s_high * (1 + _SLACK)


def _limits(equations: RateEquations, low: Array, high: Array) -> tuple[Array, ...]:
    """Return enclosures of both limits of Siegert's integral, (V − μ)/σ + b, and of σ."""
    mu_low, mu_high, s_low, s_high = _inputs(equations, low, high)
    shift = SHIFT * np.sqrt(equations.tau_synaptic / equations.tau_membrane)
    bounds: list[Array] = []
    for voltage in (equations.reset_voltage, equations.threshold):
        least, most = voltage - mu_high, voltage - mu_low
        bounds.append(np.where(least >= 0, least / s_high, least / s_low) + shift)
        bounds.append(np.where(most >= 0, most / s_low, most / s_high) + shift)
    return (*bounds, s_low, s_high)


def _response(equations: RateEquations, low: Array, high: Array) -> tuple[Array, Array]:
    """Return least and largest Φ over boxes.

    Φ rises with μ. At fixed μ it rises with σ wherever μ ≤ θ, and everywhere without the
    synaptic shift (x erfcx x rises), so that the corners bound it. Elsewhere the limits of the
    integral are taken as if they were independent, which widens the enclosure only.
    """
    tau, tau_ref = equations.tau_membrane, equations.tau_refractory
    mu_low, mu_high, s_low, s_high = _inputs(equations, low, high)
    shift = SHIFT * np.sqrt(equations.tau_synaptic / equations.tau_membrane)

    def rate(a: Array, c: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            return np.asarray(1.0 / (tau_ref + tau * np.sqrt(np.pi) * _integral(a, c)))

    def corner(mu: Array, s: Array) -> Array:
        return rate(
            (equations.reset_voltage - mu) / s + shift, (equations.threshold - mu) / s + shift
        )

    a_low, a_high, c_low, c_high, *_ = _limits(equations, low, high)
    loose_low = rate(a_low, c_high)
    loose_high = rate(np.minimum(a_high, c_low), c_low)
    plain = (equations.tau_synaptic == 0) | (mu_high <= equations.threshold)
    below = np.where(plain, corner(mu_low, s_low), loose_low)
    above = np.where(plain, corner(mu_high, s_high), loose_high)
    return below * (1 - _SLACK), above * (1 + _SLACK) + 1e-300


def _jacobian(equations: RateEquations, low: Array, high: Array) -> tuple[Array, Array]:
    """Return enclosures of dΦ_i/dν_j over boxes, each (n_boxes, n_pops, n_pops)."""
    a_low, a_high, c_low, c_high, s_low, s_high = _limits(equations, low, high)
    rate_low, rate_high = _response(equations, low, high)
    shift = SHIFT * np.sqrt(equations.tau_synaptic / equations.tau_membrane)
    scale = equations.tau_membrane * np.sqrt(np.pi)
    factor = (rate_low**2 * scale / s_high, rate_high**2 * scale / s_low)
    with np.errstate(over="ignore", invalid="ignore"):
        f_a, f_c = (_growth(a_low), _growth(a_high)), (_growth(c_low), _growth(c_high))
        by_mu = _times(factor, (np.maximum(f_c[0] - f_a[1], 0.0), f_c[1] - f_a[0]))
        upper = _times(f_c, (c_low - shift, c_high - shift))
        lower = _times(f_a, (a_low - shift, a_high - shift))
        by_sigma = _times(factor, (upper[0] - lower[1], upper[1] - lower[0]))
        by_variance = _times(by_sigma, (1 / (2 * s_high), 1 / (2 * s_low)))
        first = _times_matrix(by_mu, equations.mean)
        second = _times_matrix(by_variance, equations.variance)
    total = first[0] + second[0], first[1] + second[1]
    slack = _SLACK * (np.abs(total[0]) + np.abs(total[1]))
    return total[0] - slack, total[1] + slack


def _growth(limit: Array) -> Array:
    """Return e^{u²}(1 + erf u), infinity where it is large."""
    return np.where(limit < _LARGE, scipy.special.erfcx(-np.minimum(limit, _LARGE)), np.inf)


def _times(x: tuple[Array, Array], y: tuple[Array, Array]) -> tuple[Array, Array]:
    corners = np.stack([x[i] * y[j] for i in range(2) for j in range(2)])
    return corners.min(axis=0), corners.max(axis=0)


def _times_matrix(x: tuple[Array, Array], matrix: Array) -> tuple[Array, Array]:
    pair = np.stack([x[0][..., None] * matrix, x[1][..., None] * matrix])
    return pair.min(axis=0), pair.max(axis=0)
