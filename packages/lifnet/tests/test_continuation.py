"""Branches that close, turn sharply, or cannot be followed, on curves that are known."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from neuroloom.lifnet import LIFMeanField, load_config
from neuroloom.lifnet.errors import BranchWarning
from neuroloom.lifnet.theory import Branch, continue_branch

J_PLUS = ("architecture", "clusters", "j_potentiated", 0)
# Three winners and the unstable state beside them meet in a fold at this J+ (found by bisection).
FOLD = 15.592356


@functools.cache
def config():
    return load_config("default_snn_params")


def field(j):
    return LIFMeanField.from_config(config().with_value(J_PLUS, j))


@functools.cache
def unfolded():
    winners = np.r_[np.full(3, 45.0), np.full(15, 2.3), 2.2, np.full(3, 31.0), np.full(15, 8.0), 14]
    return continue_branch(field, field(16.85).solve_rates(winners).x, 16.85, (15.0, 17.5))


def family(height):
    """Return mean fields whose J+ is highest, `height` above the fold, in the middle of the range.

    Both states of a J+ above the fold are met on the way up and on the way down, so the curve
    over the new parameter is closed, and it turns where that is −1 and 1.
    """
    return lambda value: field(FOLD + height * (1 - value**2))


@pytest.mark.slow
@pytest.mark.parametrize(("height", "start", "upper"), [(1e-3, 0.9, True), (1e-4, 0.0, False)])
def test_a_closed_branch_closes_once(height, start, upper):
    # The lower the height, the closer the two sides of the curve and the sharper its turns.
    of = family(height)
    states = sorted(unfolded().at(FOLD + height * (1 - start**2)), key=lambda rates: rates[0])
    rates = of(start).solve_rates(states[-1 if upper else 0]).x
    branch = continue_branch(of, rates, start, (-2.0, 2.0))

    assert branch.ends == ("closed", "closed")
    np.testing.assert_array_equal(branch.rates[0], branch.rates[-1])
    # The turning angle of the curve seen from within is once around, and no part of it comes twice.
    seen = np.column_stack([branch.rates[:, 0], branch.parameter])
    low, high = seen.min(axis=0), seen.max(axis=0)
    x, y = ((seen - (low + high) / 2) / (high - low)).T
    angle = np.unwrap(np.arctan2(y, x))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2 * np.pi, abs=1e-9)
    assert len(branch.folds) == 2
    np.testing.assert_allclose([low[1], high[1]], [-1.0, 1.0], atol=5e-3)
    for value in (-0.4, 0.2, start):
        assert len(branch.at(value)) == 2


def test_a_branch_meets_a_value_at_a_point_once():
    points = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
    rates = np.arange(5.0)[:, None]
    branch = Branch(points, rates, np.zeros(5), ("saddle",) * 5, ("limit", "limit"))
    np.testing.assert_array_equal(branch.at(2.0)[:, 0], [1.0, 3.0])
    np.testing.assert_array_equal(branch.at(3.0)[:, 0], [2.0])
    np.testing.assert_array_equal(branch.at(1.0)[:, 0], [0.0, 4.0])
    np.testing.assert_array_equal(branch.at(1.5)[:, 0], [0.5, 3.5])
    closed = Branch(points, rates * 0, np.zeros(5), ("saddle",) * 5, ("closed", "closed"))
    assert len(closed.at(1.0)) == 1


def test_a_branch_to_the_limits_says_so():
    branch = unfolded()
    assert branch.ends == ("limit", "limit")
    np.testing.assert_array_equal(branch.parameter[[0, -1]], 17.5)
    assert branch.parameter.min() == pytest.approx(FOLD, abs=1e-2)


def test_a_branch_that_is_cut_says_so():
    of, value = field, 16.85
    (rates,) = (r for r in unfolded().at(value) if r[0] == max(unfolded().at(value)[:, 0]))
    with pytest.warns(BranchWarning, match="max_points"):
        branch = continue_branch(
            of, of(value).solve_rates(rates).x, value, (15.0, 17.5), max_points=2
        )
    assert "cut" in branch.ends
