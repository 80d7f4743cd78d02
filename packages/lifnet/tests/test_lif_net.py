from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroloom.lifnet import LIFNet
from neuroloom.lifnet.engine import SurrogateSpike
from neuroloom.lifnet.errors import NetworkError, RoundingWarning, SimulationError

N, STEPS, DT = 60, 400, 0.5e-3


@pytest.fixture
def parts():
    """Return weights, thresholds and inputs of a small excitable network."""
    rng = np.random.default_rng(0)
    weights = np.where(rng.random((N, N)) < 0.3, 0.05, 0.0)
    weights[:, 40:] *= -3
    np.fill_diagonal(weights, 0)
    counts = np.zeros((STEPS, 4, N))
    counts[:, 0, :40] = rng.poisson(1.2, (STEPS, 40))
    counts[:, 1, 40:] = rng.poisson(1.2, (STEPS, 20))
    counts[:, 2, :40] = rng.poisson(0.5, (STEPS, 40))
    threshold = np.repeat([1.5, 0.75], [40, 20])
    return weights, threshold, rng.normal(0, 1, (STEPS, N)), counts


J_EXT = [0.5, 0.45, -0.1, 0.2]


def make(parts, dtype=torch.float64, **options):
    weights, threshold, _, _ = parts
    values = {
        "j_ext": J_EXT,
        "tau_membrane": 0.02,
        "tau_synaptic": 0.005,
        "tau_refractory": 0.005,
        "threshold": threshold,
        "delta_t": DT,
        **options,
    }
    return LIFNet(torch.as_tensor(weights, dtype=dtype), **values)


def by_hand(parts, mechanism="analytic", tau_m=0.02, tau_s=0.005, n_ref=10, v=None, wait=None):
    """Return the histories by the definition, one neuron and one step at a time."""
    weights, threshold, stimulus, counts = parts
    p00, p11 = np.exp(-DT / tau_m), np.exp(-DT / tau_s)
    p01 = tau_m * tau_s / (tau_s - tau_m) * (p11 - p00) if tau_m != tau_s else DT * p00
    p02 = tau_m * (1 - p00)
    v = np.zeros(N) if v is None else np.array(v)
    i, wait = np.zeros(N), np.zeros(N, dtype=int) if wait is None else np.array(wait)
    external = np.einsum("k,tkn->tn", J_EXT, counts) / np.sqrt(N)
    out = []
    for t in range(STEPS):
        if mechanism == "euler":
            new = v + DT / tau_m * (-v + tau_m * (i + stimulus[t]))
            i = i - DT / tau_s * i
        else:
            new = p00 * v + p01 * i + p02 * stimulus[t]
            i = p11 * i
        spikes = np.zeros(N, dtype=bool)
        for k in range(N):
            if wait[k] > 0:
                v[k] = 0.0
                wait[k] -= 1
            else:
                v[k] = new[k]
                if v[k] >= threshold[k]:
                    spikes[k], v[k], wait[k] = True, 0.0, n_ref
        i = i + (weights @ spikes + external[t]) / tau_s
        out.append((v.copy(), i.copy(), spikes))
    return tuple(np.array(part) for part in zip(*out, strict=True))


@pytest.mark.parametrize("backend", ["kernel", "torch"])
@pytest.mark.parametrize("mechanism", ["analytic", "euler"])
def test_every_engine_takes_the_defined_step(parts, backend, mechanism):
    net = make(parts, backend=backend)
    got = net(torch.zeros(N), torch.zeros(N), parts[2], parts[3], mechanism)
    expected = by_hand(parts, mechanism)
    assert expected[2].sum() > 100
    np.testing.assert_array_equal(got[2].numpy().astype(bool), expected[2])
    np.testing.assert_allclose(got[0].numpy(), expected[0], atol=1e-12)
    np.testing.assert_allclose(got[1].numpy(), expected[1], atol=1e-9)


@pytest.mark.slow
def test_trials_at_once_are_trials_one_by_one(parts):
    _, _, stimulus, counts = parts
    start = torch.rand(3, N, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    together = {}
    for backend in ("kernel", "torch"):
        net = make(parts, backend=backend)
        many = np.repeat(stimulus[:, None], 3, axis=1)
        together[backend] = net(start, torch.zeros(3, N), many, np.repeat(counts[:, :, None], 3, 2))
        alone = net(start[1], torch.zeros(N), stimulus, counts)
        torch.testing.assert_close(together[backend][0][:, 1], alone[0])
    torch.testing.assert_close(together["kernel"][2], together["torch"][2])


def test_single_precision_stays_close(parts):
    double, single = make(parts), make(parts, dtype=torch.float32)
    a = double(torch.zeros(N), torch.zeros(N), parts[2], parts[3])
    b = single(torch.zeros(N), torch.zeros(N), parts[2], parts[3])
    assert b[0].dtype == torch.float32
    assert abs(int(a[2].sum()) - int(b[2].sum())) < 0.02 * int(a[2].sum())


def test_gradients_reach_the_weights_where_asked_for(parts):
    weights = torch.as_tensor(parts[0]).requires_grad_()
    net = LIFNet(
        weights, J_EXT, 0.02, 0.005, 0.005, parts[1], delta_t=DT, surrogate=SurrogateSpike(5.0)
    )
    _, _, spikes = net(torch.zeros(N), torch.zeros(N), parts[2][:100], parts[3][:100])
    spikes.sum().backward()
    assert weights.grad is not None
    assert torch.isfinite(weights.grad).all()
    assert weights.grad.abs().max() > 0


def test_changed_weights_are_noticed(parts):
    net = make(parts, backend="kernel")
    first = net(torch.zeros(N), torch.zeros(N), parts[2], parts[3])[2]
    net.synaptic_weights.mul_(0.0)
    second = net(torch.zeros(N), torch.zeros(N), parts[2], parts[3])[2]
    assert not torch.equal(first, second)


def test_inputs_are_left_as_they_are(parts):
    weights, threshold, stimulus, counts = parts
    v, i = torch.rand(N, dtype=torch.float64), torch.rand(N, dtype=torch.float64)
    before = [x.copy() for x in (weights, threshold, stimulus, counts)], v.clone(), i.clone()
    make(parts)(v, i, stimulus, counts)
    for now, then in zip((weights, threshold, stimulus, counts), before[0], strict=True):
        np.testing.assert_array_equal(now, then)
    assert torch.equal(v, before[1])
    assert torch.equal(i, before[2])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"j_ext": [1.0, 2.0]}, NetworkError, "j_ext: expected 4"),
        ({"threshold": [1.0, 2.0]}, NetworkError, "threshold: expected one value or 60"),
        ({"threshold": 0.0}, NetworkError, "threshold"),
        ({"tau_membrane": 0.0}, NetworkError, "tau_membrane"),
        ({"tau_synaptic": -1.0}, NetworkError, "tau_synaptic"),
        ({"tau_refractory": -1.0}, NetworkError, "tau_refractory"),
        ({"tau_membrane": float("nan")}, NetworkError, "finite"),
        ({"tau_membrane": "20 ms"}, TypeError, "tau_membrane"),
        ({"tau_membrane": None}, TypeError, "tau_membrane"),
        ({"delta_t": 0.0}, NetworkError, "delta_t"),
        ({"delta_t": 0.004}, NetworkError, "half"),
        ({"backend": "fast"}, NetworkError, "backend"),
    ],
)
def test_impossible_networks_are_refused(parts, change, error, message):
    with pytest.raises(error, match=message):
        make(parts, **change)


def test_impossible_weights_are_refused():
    for weights, message in (
        (torch.zeros(2, 3), "shape"),
        (torch.full((2, 2), float("nan")), "finite"),
    ):
        with pytest.raises(NetworkError, match=message):
            LIFNet(weights, J_EXT, 0.02, 0.005, 0.005, 1.0)
    assert issubclass(NetworkError, ValueError)


def test_inputs_that_do_not_fit_are_refused(parts):
    net, z, s = make(parts), torch.zeros(N), parts[2]
    bad = s.copy()
    bad[3, 3] = np.inf
    for arguments, message in (
        ((torch.zeros(N - 1), z, s), "voltage"),
        ((z, torch.zeros(2, N), s), "synaptic_current"),
        ((z, z, s[:, :-1]), "stimulus"),
        ((z, z, bad), "stimulus.*finite"),
        ((z, z, s, parts[3][:, :3]), "external_currents"),
        ((torch.full((N,), float("nan")), z, s), "voltage.*finite"),
    ):
        with pytest.raises(SimulationError, match=message):
            net(*arguments)


def test_a_refractory_time_between_steps_is_rounded_with_a_warning(parts):
    with pytest.warns(RoundingWarning):
        make(parts, tau_refractory=0.0052)(torch.zeros(N), torch.zeros(N), parts[2], parts[3])
