"""Tables of random counts that change in every step: exact, and made when they are needed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from neuroloom.lifnet import Record
from neuroloom.lifnet.engine import Cells, Connectivity, CountDrive, simulate
from neuroloom.lifnet.errors import NetworkError

MEANS = np.array([[0.0, 0.3, 0.3], [1e-9, 7.0, 31.0], [900.0, 2500.0, 1e-3]])


def cdf_of(limit):
    return limit.astype(np.float64) / 2.0**64


@pytest.mark.parametrize("means", [MEANS[:1], MEANS[:2], MEANS])
def test_tables_are_those_of_the_distribution(means):
    drive = CountDrive.poisson(means, np.zeros(1, int), 1.0)
    limit, guide, of_step = drive.tables(0, len(means))
    assert of_step.tolist() == list(range(len(means)))
    counts = np.arange(limit.shape[-1] - 1)
    expected = poisson.cdf(counts, means[..., None])
    np.testing.assert_allclose(cdf_of(limit[..., :-1]), expected, rtol=1e-11, atol=1e-19)
    assert (poisson.sf(counts[-1], means) < 2.0**-60).all()
    edges = np.arange(256, dtype=np.uint64) << np.uint64(56)
    brute = (limit[..., None, :-1] <= edges[:, None]).sum(axis=-1)
    np.testing.assert_array_equal(guide, brute)


def test_mixtures():
    rng = np.random.default_rng(1)
    nodes, shares = np.array([0.1, 0.5, 0.9]), np.array([0.2, 0.5, 0.3])
    mean, spread = rng.uniform(-0.5, 20, (4, 3)), rng.uniform(0, 3, (4, 3))
    drive = CountDrive(None, np.zeros(1, int), 1.0, table_of_step=[0, 1, 2, 3], mean=mean,
                       spread=spread, nodes=nodes, shares=shares)  # fmt: skip
    limit, _, _ = drive.tables(0, 4)
    counts = np.arange(limit.shape[-1] - 1)
    rates = np.maximum(mean[..., None] + spread[..., None] * nodes, 0)
    expected = (poisson.cdf(counts, rates[..., None]) * shares[:, None]).sum(axis=2)
    np.testing.assert_allclose(cdf_of(limit[..., :-1]), expected, rtol=1e-11, atol=1e-19)


def test_a_rate_that_does_not_change_gives_the_counts_of_a_constant():
    group = np.repeat([0, 1], 200)
    constant = CountDrive.poisson([0.7, 12.0], group, 1.0)
    varying = CountDrive.poisson(np.tile([0.7, 12.0], (50, 1)), group, 1.0)
    np.testing.assert_array_equal(constant.counts(3, 50), varying.counts(3, 50))


@pytest.mark.parametrize("budget", [1.0, 8e6])
def test_tables_do_not_depend_on_the_stretch(monkeypatch, budget):
    import sys

    monkeypatch.setattr(sys.modules["neuroloom.lifnet._engine._run"], "_TABLE_BYTES", budget)
    cells = Cells.create(40, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0)
    net = Connectivity.from_csr(np.zeros(41, int), np.zeros(0, int), 0.0)
    means = np.abs(np.sin(np.linspace(0, 9, 300)))[:, None] * [1.0, 3.0]
    drive = CountDrive.poisson(means, np.repeat([0, 1], 20), 0.01)
    run = simulate(cells, net, n_steps=300, delta_t=5e-4, drives=[drive], seed=1,
                   record=Record(current=True))  # fmt: skip
    plain = simulate(cells, net, n_steps=300, delta_t=5e-4, seed=1, record=Record(current=True),
                     external_jumps=drive.counts(1, 300) * 0.01)  # fmt: skip
    np.testing.assert_allclose(run.current, plain.current, rtol=1e-12)


def test_memory_does_not_grow_with_the_steps():
    drive = CountDrive.poisson(np.full((200_000, 1), 1.0), np.zeros(10, int), 1.0)
    assert drive.cdf is None
    held = sum(getattr(drive, name).nbytes for name in ("mean", "spread", "table_of_step"))
    assert held <= 20 * 200_001


@pytest.mark.parametrize(
    "options",
    [
        dict(mean=[[np.nan]]),
        dict(mean=[[1.0]], spread=[[1.0, 2.0]]),
        dict(mean=[[1.0]], nodes=[1.0, 2.0]),
        dict(mean=[[1e6]]),
        dict(mean=[[1.0], [2.0]]),
    ],
)
def test_means_that_cannot_be(options):
    with pytest.raises(NetworkError, match=r"mean|table_of_step"):
        CountDrive(None, np.zeros(3, int), 1.0, **options)
    with pytest.raises(NetworkError, match="mean_count"):
        CountDrive.poisson([1e6], np.zeros(3, int), 1.0)
