"""Truths of the calibration table, against counts over many samples: no formula is shared."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from distributions import DISTRIBUTIONS
from second_list import SECOND

EVERY = {**DISTRIBUTIONS, **SECOND}
MANY = 1_000_000


def angle(values):
    return np.arctan2(values[:, 1], values[:, 0])


def difference(x, y):
    """Both angles say as much as their difference says against an even one."""
    gap = (angle(y) - angle(x) + np.pi) % (2 * np.pi) - np.pi
    return angle(x), gap


# What two numbers say all there is; both columns as they are where there is one each.
SUMMARIES = {
    "sum_of_many": lambda x, y: (x.sum(1), y[:, 0]),
    "latent_many_channels": lambda x, y: (x.sum(1), y.sum(1)),
    "product_of_two": lambda x, y: (x[:, 0] * x[:, 1], y[:, 0]),
    "phase_amplitude": lambda x, y: (angle(x), y[:, 0]),
    "common_scale": lambda x, y: ((x**2).sum(1), (y**2).sum(1)),
    "rotated_xor": lambda x, y: (
        (x @ [np.cos(0.6), np.sin(-0.6)] * (x @ [np.sin(0.6), np.cos(0.6)])) > 0,
        y[:, 0],
    ),
    "shared_gain": lambda x, y: (x.sum(1), y.sum(1)),
    "phase_and_envelope": lambda x, y: (x[:, 0], np.hypot(*y.T)),
    "words_of_four": lambda x, y: (x @ [1, 2, 4, 8], y[:, 0]),
    "circular_von_mises": lambda x, y: (angle(x), angle(y)),
    "two_bumps": lambda x, y: (angle(x), angle(y)),
    "ring_and_nuisance": lambda x, y: (angle(x), angle(y)),
    "angle_between": lambda x, y: ((angle(x) - angle(x[:, 2:])) % (2 * np.pi), angle(y)),
}


def coded(values, bins=240):
    kinds, codes = np.unique(values, return_inverse=True)
    if len(kinds) <= bins:
        return codes
    _, counts = np.unique(codes, return_counts=True)
    repeated = np.flatnonzero(counts > len(values) // bins)  # atoms have a bin of their own
    out = np.searchsorted(np.quantile(values, np.arange(1, bins) / bins), values)
    for place, kind in enumerate(repeated):
        out[codes == kind] = bins + place
    return out


def counted_bits(a, b):
    """Plug-in information of bins with Miller & Madow's correction."""
    a, b = coded(a), coded(b)
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1)

    def entropy(counts):
        p = counts[counts > 0] / counts.sum()
        return -(p * np.log2(p)).sum() + (len(p) - 1) / (2 * counts.sum() * np.log(2))

    return entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint.ravel())


def checkable():
    for name, make in EVERY.items():
        x, y, _ = make(50, 0)
        if name in SUMMARIES or (x.shape[1] == 1 and y.shape[1] == 1):
            yield name


@pytest.mark.parametrize("name", list(checkable()))
def test_truth_is_what_counting_finds(name):
    x, y, truth = EVERY[name](MANY, 7)
    a, b = SUMMARIES.get(name, lambda x, y: (x[:, 0], y[:, 0]))(x, y)
    found = counted_bits(a, b)
    # Bins lose a little, and slow series scatter more.
    assert truth - 0.02 - 0.03 * truth < found < truth + 0.012


def test_samples_of_a_seed_are_the_same_and_finite():
    for make in SECOND.values():
        x, y, truth = make(60, 3)
        again = make(60, 3)
        np.testing.assert_array_equal(x, again[0])
        np.testing.assert_array_equal(y, again[1])
        assert len(x) == len(y) == 60
        assert np.isfinite(np.hstack([x, y])).all()
        assert truth > 0.1
