"""The default network over 5,000 steps: kernel, torch and a step written out in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroloom.lifnet import load_config
from neuroloom.lifnet._clustered._wiring import draw_wiring
from neuroloom.lifnet.clustered import clustered_parameters
from neuroloom.lifnet.engine import Cells, CountDrive, run_torch, simulate

STEPS, DT = 5000, 5e-4


@pytest.fixture(scope="module")
def default():
    """Return parameters, wiring, cells, drive and the counts that it draws with seed 3."""
    parameters = clustered_parameters(load_config())
    wiring = draw_wiring(parameters, seed=1)
    n = wiring.n_neurons
    cells = Cells.create(
        n,
        tau_membrane=0.02,
        tau_synaptic=0.005,
        tau_refractory=0.005,
        threshold=parameters.per_neuron(parameters.threshold),
    )
    mean = (parameters.mean_nu_ext * parameters.c_ext)[0, 0] * DT
    drive = CountDrive.poisson([mean], np.zeros(n, int), np.full(n, parameters.j_ext[0, 0]))
    return parameters, wiring, cells, drive, drive.counts(3, STEPS)


@pytest.fixture(scope="module")
def plain(default):
    """Return (step, neuron) of every spike of the defined step; nothing of the engine is in it."""
    parameters, wiring, _, _, counts = default
    n = wiring.n_neurons
    weights = wiring.dense(parameters)
    threshold = parameters.per_neuron(parameters.threshold)
    keep_v, keep_i = np.exp(-DT / 0.02), np.exp(-DT / 0.005)
    from_i = 0.02 * 0.005 / (0.005 - 0.02) * (keep_i - keep_v)
    v, i, wait = np.zeros(n), np.zeros(n), np.zeros(n, int)
    steps, who = [], []
    for t, count in enumerate(counts):
        refractory = wait > 0
        v = np.where(refractory, 0.0, keep_v * v + from_i * i)
        fired = np.flatnonzero(v >= threshold)
        v[fired] = 0.0
        wait[refractory] -= 1
        wait[fired] = 10
        i = keep_i * i + (weights[:, fired].sum(axis=1) + parameters.j_ext[0, 0] * count) / 0.005
        steps.append(np.full(len(fired), t))
        who.append(fired)
    return np.concatenate(steps), np.concatenate(who)


@pytest.mark.slow
@pytest.mark.parametrize("n_threads", [1, 2])
def test_kernel_fires_the_spikes_of_the_plain_step(default, plain, n_threads):
    parameters, wiring, cells, drive, _ = default
    run = simulate(
        cells, wiring.connectivity(parameters), n_steps=STEPS, delta_t=DT, drives=[drive],
        n_threads=n_threads, seed=3,
    )  # fmt: skip
    assert len(run.spike_ids) > 40_000
    np.testing.assert_array_equal(run.spike_steps, plain[0])
    np.testing.assert_array_equal(run.spike_ids, plain[1])


@pytest.mark.slow
def test_torch_fires_the_spikes_of_the_plain_step(default, plain):
    parameters, wiring, cells, _, counts = default
    zero = torch.zeros(wiring.n_neurons, dtype=torch.float64)
    run = run_torch(
        cells, wiring.connectivity(parameters), voltage=zero, current=zero.clone(), delta_t=DT,
        external_jumps=torch.as_tensor(counts * parameters.j_ext[0, 0]),
    )  # fmt: skip
    steps, who = np.nonzero(run.spikes.numpy())
    np.testing.assert_array_equal(steps, plain[0])
    np.testing.assert_array_equal(who, plain[1])
