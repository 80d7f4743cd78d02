"""What happens near a fixed point of ``τ dν/dt = −ν + Φ(ν)``."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuroloom.lifnet._errors import LifnetError
from neuroloom.shared import checks

TOLERANCE = 1e-6


def classify(eigenvalues: ArrayLike, *, tolerance: float = TOLERANCE) -> str:
    """Return the name of a fixed point with these eigenvalues.

    Parameters
    ----------
    eigenvalues : array_like of complex
        Of the linearized dynamics.
    tolerance : float
        Real or imaginary parts up to this count as zero.

    Returns
    -------
    str
        ``"stable node"``, ``"stable focus (spiral sink)"``, ``"unstable node"``,
        ``"unstable focus (spiral source)"``, ``"saddle"``, ``"spiral saddle"``,
        ``"neutral/marginal"`` or ``"undefined"``. A focus or spiral has a complex pair among the
        eigenvalues that decide: the slowest to decay of a stable point, those that grow of others.
        Without eigenvalues, and where one is not finite, a point is undefined.

    Raises
    ------
    LifnetError
        If the eigenvalues are no numbers, or the tolerance is negative.

    Examples
    --------
    >>> classify([-2.5 + 1.9j, -2.5 - 1.9j])
    'stable focus (spiral sink)'
    >>> classify([-1.0, 0.3])
    'saddle'
    """
    tolerance = checks.real("tolerance", tolerance, at_least=0, error=LifnetError)
    given = checks.plain("eigenvalues", eigenvalues, error=LifnetError)
    if given.size and given.dtype.kind not in "iufc":
        raise checks.fail("eigenvalues", "complex numbers", eigenvalues, error=LifnetError)
    values = given.astype(np.complex128).ravel()
    if not values.size or not np.isfinite(values).all():
        return "undefined"
    real, leading = values.real, values.real.max()
    if leading < -tolerance:
        spiral = _turns(values[real >= leading - tolerance], tolerance)
        return "stable focus (spiral sink)" if spiral else "stable node"
    if leading <= tolerance:
        return "neutral/marginal"
    spiral = _turns(values[real > tolerance], tolerance)
    if (real > tolerance).all():
        return "unstable focus (spiral source)" if spiral else "unstable node"
    if (np.abs(real) <= tolerance).any():
        return "neutral/marginal"
    return "spiral saddle" if spiral else "saddle"


def linearized_eigenvalues(
    jacobian: NDArray[np.float64], tau: ArrayLike | None = None
) -> NDArray[np.complex128]:
    """Return the eigenvalues of ``(dΦ/dν − 1)/τ``, largest real part first.

    Without `tau` time is in units of one common time constant; with it (seconds, one value or
    one per population) the eigenvalues are in 1/s.
    """
    matrix = jacobian - np.eye(len(jacobian))
    if tau is not None:
        matrix = (
            matrix / np.broadcast_to(np.asarray(tau, dtype=np.float64), (len(matrix),))[:, None]
        )
    if not np.isfinite(matrix).all():
        return np.full(len(matrix), np.nan + 0j)
    values = np.linalg.eigvals(matrix).astype(np.complex128)
    return np.asarray(values[np.argsort(-values.real, kind="stable")])


def _turns(values: NDArray[np.complex128], tolerance: float) -> bool:
    return bool((np.abs(values.imag) > tolerance).any())
