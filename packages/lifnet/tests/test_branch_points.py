"""Curves of fixed points that cross: the one that is followed goes on straight."""

from types import SimpleNamespace

import numpy as np
import pytest

from neuroloom.lifnet._theory._continuation import _RATE_SCALE, LIMIT, _Path


def crossing(x, u):
    """Lines x = 1 and x = 1 + u − c cross at u = c; the second unknown is twice the first."""
    c = 0.4342586
    return np.array([(x[0] - 1) * (u - c - (x[0] - 1)), x[1] - 2 * x[0]])


def with_steep(x, u):
    """As `crossing`, with lines of which one is steep: x = 1 + 30 (u − c)."""
    c = 0.4342586
    return np.array([(x[0] - 1) * (30 * (u - c) - (x[0] - 1)), x[1] - 2 * x[0]])


def family_of(residual):
    """Return mean fields whose fixed points are the zeros of a residual in scaled units."""

    def linearized(nu, u):
        x = nu / _RATE_SCALE
        slope = np.column_stack(
            [(residual(x + h, u) - residual(x - h, u)) / 2e-6 for h in 1e-6 * np.eye(2)]
        )
        # As sums over thousands of synapses are rounded: at the crossing nothing can be solved.
        noise = 1e-15 * np.sin(1e12 * (x + u))
        return nu - (residual(x, u) + noise) * _RATE_SCALE, np.eye(2) - slope

    def family(u):
        at = SimpleNamespace(linearized=lambda nu: linearized(nu, u))
        return SimpleNamespace(equations=SimpleNamespace(lump=lambda groups: at))

    return family


@pytest.mark.parametrize("residual", [crossing, with_steep])
# The first step is .0125 long: the last ones end next to the crossing, where determinants are tiny.
@pytest.mark.parametrize(
    "begin", [*np.linspace(0.0, 0.43, 6), *(0.4217586 - 10.0 ** np.arange(-9, -3))]
)
def test_a_line_is_followed_through_a_crossing(residual, begin):
    path = _Path(family_of(residual), [np.array([0]), np.array([1])], (0.0, 1.0))
    points, end = path.follow(np.array([1.0, 2.0, begin]), 1.0, 500)
    assert end == LIMIT
    np.testing.assert_allclose(np.array(points)[:, :2], [[1.0, 2.0]] * len(points), atol=1e-6)
    assert points[-1][-1] == 1.0
