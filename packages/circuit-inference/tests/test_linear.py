"""The line that networks begin with, against leaving rows out one by one."""

import numpy as np
import pytest

from neuroloom.circuit_inference._estimators.linear import straight_line


def test_errors_are_those_of_left_out_rows(rng):
    x = rng.standard_normal((40, 5))
    y = x[:, :2] @ np.array([[1.0, 0.5], [0.0, 2.0]]) + 0.3 * rng.standard_normal((40, 2))
    line = straight_line(x, y)
    # The strength that was chosen is not told: the slope belongs to one of them.
    strengths = np.logspace(-3, 2, 11) * 40
    z, goal = x - x.mean(axis=0), y - y.mean(axis=0)
    slopes = [np.linalg.solve(z.T @ z + s * np.eye(5), z.T @ goal) for s in strengths]
    best = int(np.argmin([np.abs(slope - line.slope).max() for slope in slopes]))
    np.testing.assert_allclose(line.slope, slopes[best], atol=1e-10)
    np.testing.assert_allclose(x.mean(axis=0) @ line.slope + line.offset, y.mean(axis=0))
    errors = []
    for i in range(40):
        kept = np.arange(40) != i
        # One column of ones without a ridge: the offset, fitted without the row as well.
        both = np.column_stack([z[kept], np.ones(39)])
        ridge = np.diag([strengths[best]] * 5 + [0.0])
        coefficients = np.linalg.solve(both.T @ both + ridge, both.T @ goal[kept])
        errors.append(goal[i] - np.append(z[i], 1.0) @ coefficients)
    covariance = np.array(errors).T @ np.array(errors) / 40
    np.testing.assert_allclose(line.factor @ line.factor.T, covariance, rtol=1e-3)


def test_more_features_than_rows(rng):
    x = rng.standard_normal((30, 80))
    line = straight_line(x, x[:, :1] + 0.1 * rng.standard_normal((30, 1)))
    assert np.isfinite(line.slope).all()
    assert 0.5 < line.factor[0, 0] < 1.5  # thirty rows do not find one of eighty
    with pytest.raises(IndexError):
        line.factor[0, 1]
