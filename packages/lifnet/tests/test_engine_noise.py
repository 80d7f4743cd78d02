"""Counts by counter have the distribution asked for and no structure besides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, poisson

from neuroloom.lifnet.engine import CountDrive
from neuroloom.lifnet.errors import ClippingWarning, NetworkError


@pytest.mark.parametrize("mean", [0.01, 1.17, 9.0, 130.0])
def test_poisson_counts_by_chi_square(mean):
    drive = CountDrive.poisson([mean], np.zeros(500, dtype=int), 1.0)
    counts = drive.counts(7, 400).ravel()
    top = int(counts.max()) + 1
    observed = np.bincount(counts, minlength=top)
    expected = poisson.pmf(np.arange(top), mean) * len(counts)
    keep = expected > 10
    rest = (observed[~keep].sum(), len(counts) - expected[keep].sum())
    statistic = ((observed[keep] - expected[keep]) ** 2 / expected[keep]).sum()
    if rest[1] > 5:
        statistic += (rest[0] - rest[1]) ** 2 / rest[1]
    assert statistic < chi2.isf(1e-6, keep.sum())


def test_neurons_steps_seeds_and_drives_are_independent():
    drive = CountDrive.poisson([1.2], np.zeros(2000, dtype=int), 1.0)
    a = drive.counts(1, 200).astype(float)
    others = {
        "next neuron": np.roll(a, 1, axis=1),
        "next step": np.roll(a, 1, axis=0),
        "neuron and step": np.roll(a, (1, -1), axis=(0, 1)),
        "next seed": drive.counts(2, 200).astype(float),
        "next drive": drive.counts(1, 200, index=1).astype(float),
    }
    for name, b in others.items():
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 5 / np.sqrt(a.size), name
    sums = a.sum(axis=1)
    assert abs(sums.var() / (1.2 * 2000) - 1) < 5 * np.sqrt(2 / 200)


def test_counts_do_not_depend_on_where_a_run_begins():
    drive = CountDrive.poisson([1.2], np.zeros(50, dtype=int), 1.0)
    whole = drive.counts(3, 100)
    np.testing.assert_array_equal(drive.counts(3, 40, first_step=60), whole[60:])


def test_groups_and_tables_in_time():
    group = np.array([0] * 300 + [1] * 300 + [-1] * 300)
    mean = np.array([[0.5, 2.0]] * 100 + [[4.0, 0.0]] * 100)
    counts = CountDrive.poisson(mean, group, 1.0).counts(0, 200)
    assert abs(counts[:100, :300].mean() - 0.5) < 0.02
    assert abs(counts[:100, 300:600].mean() - 2.0) < 0.05
    assert abs(counts[100:, :300].mean() - 4.0) < 0.06
    assert not counts[100:, 300:600].any()
    assert not counts[:, 600:].any()


def test_any_distribution_can_be_given():
    pmf = np.array([[0.2, 0.0, 0.5, 0.3]])
    counts = CountDrive.from_pmf(pmf, np.zeros(1000, dtype=int), 1.0).counts(5, 200)
    np.testing.assert_allclose(np.bincount(counts.ravel()) / counts.size, pmf[0], atol=0.005)


def test_a_negative_rate_is_cut_with_a_warning():
    with pytest.warns(ClippingWarning, match="negative"):
        drive = CountDrive.poisson([-1.0, 2.0], np.array([0, 1]), 1.0)
    assert not drive.counts(0, 50)[:, 0].any()


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: CountDrive.poisson([np.nan], [0], 1.0), "finite"),
        (lambda: CountDrive.poisson([1.0], [1], 1.0), "group"),
        (lambda: CountDrive.poisson([1.0], [0], np.inf), "jump"),
        (lambda: CountDrive(np.array([[0.5, 0.2, 1.0]]), np.array([0]), np.ones(1)), "rising"),
        (lambda: CountDrive(np.array([[0.5, 1.5]]), np.array([0]), np.ones(1)), "from 0 to 1"),
        (lambda: CountDrive(np.full((3, 1, 2), 1.0), np.array([0]), np.ones(1)), "table_of_step"),
    ],
)
def test_bad_drives(make, match):
    with pytest.raises(NetworkError, match=match):
        make()
