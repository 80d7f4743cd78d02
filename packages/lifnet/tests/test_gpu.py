"""The torch path on a CUDA device; skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroloom.lifnet import LIFNet
from neuroloom.lifnet.engine import Cells, Connectivity, SurrogateSpike, run_torch

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

N, STEPS, DT = 80, 400, 0.5e-3


def network(device: str, **options) -> tuple[LIFNet, list[torch.Tensor]]:
    rng = np.random.default_rng(0)
    weights = np.where(rng.random((N, N)) < 0.3, 0.05, 0.0)
    weights[:, 60:] *= -3
    net = LIFNet(torch.as_tensor(weights), [0.5, 0.45, -0.1, 0.2], 0.02, 0.005, 0.005, 1.0,
                 delta_t=DT, **options)  # fmt: skip
    counts = np.zeros((STEPS, 4, 3, N))
    counts[:, 0] = rng.poisson(1.5, (STEPS, 3, N))
    inputs = [rng.random((3, N)), np.zeros((3, N)), rng.normal(0, 1, (STEPS, 3, N)), counts]
    return net.to(device), [torch.as_tensor(x).to(device) for x in inputs]


def test_the_same_spikes_as_on_the_cpu():
    run = {}
    for device in ("cpu", "cuda"):
        net, inputs = network(device)
        run[device] = [part.cpu() for part in net(*inputs)]
    assert run["cpu"][2].sum() > 500
    assert torch.equal(run["cpu"][2], run["cuda"][2])
    for cpu, cuda in zip(run["cpu"], run["cuda"], strict=True):
        torch.testing.assert_close(cpu, cuda, rtol=0, atol=1e-9)


def test_time_left_of_refractoriness_is_kept_there():
    for device in ("cpu", "cuda"):
        net, inputs = network(device)
        whole = net(*inputs)[2].cpu()
        first = net(inputs[0], inputs[1], inputs[2][:150], inputs[3][:150])
        rest = net(first[0][-1], first[1][-1], inputs[2][150:], inputs[3][150:],
                   refractory=net.spikes_timer)  # fmt: skip
        assert net.spikes_timer.device.type == device
        assert torch.equal(torch.cat([first[2], rest[2]]).cpu(), whole)


def test_the_same_gradients_as_on_the_cpu():
    gradient = {}
    for device in ("cpu", "cuda"):
        net, inputs = network(device, surrogate=SurrogateSpike(5.0))
        start = inputs[0].clone().requires_grad_()
        net(start, *inputs[1:])[0][:50].sum().backward()
        gradient[device] = start.grad.cpu()
    assert gradient["cpu"].abs().max() > 0
    torch.testing.assert_close(gradient["cpu"], gradient["cuda"], rtol=1e-9, atol=1e-9)


def test_synapses_as_events():
    rng = np.random.default_rng(1)
    cells = Cells.create(
        N, tau_membrane=0.02, tau_synaptic=0.005, threshold=1.0, tau_refractory=2e-3
    )
    w = 0.3 * rng.standard_normal((N, N))
    net = Connectivity.from_csr(np.arange(N + 1) * N, np.tile(np.arange(N), N), w.T.ravel())
    jumps = torch.as_tensor(0.25 * rng.random((STEPS, N)))
    runs = [
        run_torch(
            cells, net, voltage=zero, current=zero, external_jumps=jumps.to(device), delta_t=DT
        )
        for device in ("cpu", "cuda")
        for zero in [torch.zeros(N, dtype=torch.float64, device=device)]
    ]
    assert runs[0].spikes.sum() > 10
    assert torch.equal(runs[0].spikes, runs[1].spikes.cpu())
