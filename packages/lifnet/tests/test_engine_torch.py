"""The torch path: batches, gradients through time and spikes, and learning by them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroloom.lifnet.engine import Cells, Connectivity, SurrogateSpike, run_torch
from neuroloom.lifnet.errors import SimulationError

N, STEPS, DT = 6, 60, 1e-3


def small(dtype=torch.float64, seed=0, gain=0.5):
    generator = torch.Generator().manual_seed(seed)
    cells = Cells.create(
        N, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0, tau_refractory=2e-3
    )
    weights = gain * torch.randn(N, N, generator=generator, dtype=dtype)
    jumps = 0.25 * torch.rand(STEPS, N, generator=generator, dtype=dtype)
    zero = torch.zeros(N, dtype=dtype)
    return cells, weights, dict(voltage=zero, current=zero.clone(), external_jumps=jumps)


@pytest.mark.slow
def test_a_batch_is_its_trials():
    cells, weights, state = small()
    generator = torch.Generator().manual_seed(1)
    jumps = 0.25 * torch.rand(STEPS, 3, N, generator=generator, dtype=torch.float64)
    zero = torch.zeros(3, N, dtype=torch.float64)
    batch = run_torch(cells, weights, voltage=zero, current=zero, external_jumps=jumps, delta_t=DT)
    assert batch.spikes.sum() > 20
    for k in range(3):
        one = run_torch(cells, weights, **(state | {"external_jumps": jumps[:, k]}), delta_t=DT)
        torch.testing.assert_close(one.spikes, batch.spikes[:, k])
        torch.testing.assert_close(one.voltage, batch.voltage[:, k])


def test_events_are_the_matrix():
    cells, weights, state = small()
    w = weights.numpy()
    net = Connectivity.from_csr(np.arange(N + 1) * N, np.tile(np.arange(N), N), w.T.ravel())
    np.testing.assert_array_equal(net.to_dense(), w)
    dense = run_torch(cells, weights, **state, delta_t=DT)
    events = run_torch(cells, net, **state, delta_t=DT)
    assert dense.spikes.sum() > 10
    torch.testing.assert_close(dense.spikes, events.spikes)
    torch.testing.assert_close(dense.voltage, events.voltage)


def test_a_surrogate_fires_the_same_spikes():
    cells, weights, state = small()
    hard = run_torch(cells, weights, **state, delta_t=DT)
    soft = run_torch(cells, weights, **state, delta_t=DT, surrogate=SurrogateSpike(5.0))
    torch.testing.assert_close(hard.spikes, soft.spikes)
    torch.testing.assert_close(hard.voltage, soft.voltage)


@pytest.mark.slow
@pytest.mark.parametrize("mechanism", ["analytic", "euler"])
def test_gradients_are_those_of_the_smoothed_model(mechanism):
    # Without refractory time, which is a count and has no derivative.
    cells = Cells.create(N, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0)
    _, weights, state = small(gain=0.1)
    state["external_jumps"] = 2 * state["external_jumps"][:20]
    tau = torch.full((N,), 0.02, dtype=torch.float64)
    threshold = torch.full((N,), 1.0, dtype=torch.float64)
    surrogate = SurrogateSpike(4.0, smooth=True)

    def loss(weights, tau, threshold, jumps):
        run = run_torch(
            cells, weights, **(state | {"external_jumps": jumps}), delta_t=DT,
            mechanism=mechanism, surrogate=surrogate,
            parameters={"tau_membrane": tau, "threshold": threshold},
        )  # fmt: skip
        return (run.spikes * torch.arange(1.0, N + 1, dtype=torch.float64)).sum() + (
            run.voltage**2
        ).mean()

    inputs = [weights, tau, threshold, state["external_jumps"]]
    assert torch.autograd.gradcheck(
        loss, [x.clone().requires_grad_() for x in inputs], eps=1e-6, atol=1e-5, rtol=1e-4
    )


def test_the_surrogate_is_the_derivative_of_the_smooth_spike():
    x = torch.linspace(-1, 1, 41, dtype=torch.float64, requires_grad=True)
    (hard,) = torch.autograd.grad(SurrogateSpike(7.0)(x).sum(), x)
    (smooth,) = torch.autograd.grad(SurrogateSpike(7.0, smooth=True)(x).sum(), x)
    torch.testing.assert_close(hard, smooth)


@pytest.mark.slow
def test_a_small_network_learns_which_input_came_first():
    generator = torch.Generator().manual_seed(4)
    n, steps, batch = 40, 50, 64
    cells = Cells.create(
        n, tau_membrane=0.02, tau_synaptic=0.01, threshold=1.0, tau_refractory=2e-3
    )
    recurrent = (0.2 / n**0.5 * torch.randn(n, n, generator=generator)).requires_grad_()
    into = (0.5 * torch.randn(2, n, generator=generator)).requires_grad_()
    out = (0.1 * torch.randn(n, 2, generator=generator)).requires_grad_()
    optimiser = torch.optim.Adam([recurrent, into, out], lr=0.02)
    zero = torch.zeros(batch, n)

    def trial():
        first = torch.randint(0, 2, (batch,), generator=generator)
        pulses = torch.zeros(steps, batch, 2)
        early, late = slice(5, 15), slice(20, 30)
        rate = 0.5
        for when, who in ((early, first), (late, 1 - first)):
            spikes = (torch.rand(10, batch, generator=generator) < rate).float()
            pulses[when, torch.arange(batch), who] = spikes
        return pulses, first

    def read(pulses):
        run = run_torch(
            cells, recurrent, voltage=zero, current=zero, external_jumps=pulses @ into,
            delta_t=DT, surrogate=SurrogateSpike(5.0),
        )  # fmt: skip
        return run.spikes[30:].mean(dim=0) @ out * 10

    def accuracy():
        with torch.no_grad():
            pulses, first = trial()
            return float((read(pulses).argmax(dim=1) == first).float().mean())

    before = accuracy()
    for _ in range(60):
        pulses, first = trial()
        loss = torch.nn.functional.cross_entropy(read(pulses), first)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    after = np.mean([accuracy() for _ in range(3)])
    assert before < 0.75
    assert after > 0.9


def test_global_default_dtype_is_untouched():
    # Regression: importing the package made float64 torch's default.
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (dict(external_jumps=None), "n_steps"),
        (dict(n_steps=3), "n_steps"),
        (dict(mechanism="heun"), "mechanism"),
        (dict(parameters={"tau": torch.ones(N)}), "parameters"),
    ],
)
def test_bad_runs(changes, match):
    cells, weights, state = small()
    with pytest.raises(SimulationError, match=match):
        run_torch(cells, weights, **(state | {"delta_t": DT} | changes))
