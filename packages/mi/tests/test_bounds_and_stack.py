"""The written-out gradients against autograd, and the stack against one critic at a time."""

import math

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from neuroloom.mi._critics.bounds import BOUNDS, Bound
from neuroloom.mi._critics.stack import CriticStack
from neuroloom.mi._training import score


def generators(*seeds):
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.mark.parametrize("name", sorted(BOUNDS))
def test_gradient_is_that_of_the_value(name):
    scores = torch.randn(3, 7, 7, dtype=torch.float64, generator=generators(0)[0])
    scores.requires_grad_()
    bound = Bound(name)
    if name == "smile":  # SMILE trains by the Jensen–Shannon objective, its value is clipped DV
        Bound("js").value(scores).sum().backward()
    else:
        bound.value(scores).sum().backward()
    torch.testing.assert_close(bound.grad(scores.detach()), scores.grad)


def test_bounds_know_the_answer_for_the_true_log_ratio():
    rng = np.random.default_rng(0)
    rho, n = 0.6, 2000
    x = rng.standard_normal(n)
    y = rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(n)
    truth = -0.5 * math.log(1 - rho**2)
    own = rho**2 * (x[:, None] ** 2 + y[None] ** 2) - 2 * rho * x[:, None] * y[None]
    ratio = torch.from_numpy(truth - own / (2 * (1 - rho**2)))
    for name, shift in [("infonce", 0), ("tuba", 0), ("dv", 0), ("nwj", 1), ("smile", 0)]:
        # five standard errors of the mean pointwise information
        assert float(Bound(name).value(ratio + shift)) == pytest.approx(truth, abs=0.07)


def test_infonce_cannot_exceed_the_log_of_the_batch():
    assert float(Bound("infonce").value(1e4 * torch.eye(16))) == pytest.approx(math.log(16))


def test_stack_backward_equals_autograd():
    stack = CriticStack([5, 8, 3], [4, 8, 3], generators(0, 1), learning_rate=1e-3)
    x, y = torch.randn(2, 16, 5), torch.randn(2, 16, 4)
    u, v = torch.randn(2, 16, 2), torch.randn(2, 16, 2)
    before = [stack.weights(c) for c in range(2)]
    stack.step(x, y, Bound("infonce"), u, v)
    for c in range(2):
        weights = [w.clone().requires_grad_() for w in before[c]]
        w1, b1, w2, b2, w3, b3, w4, b4 = weights
        g = torch.relu(x[c] @ w1 + b1) @ w2 + b2
        h = torch.relu(y[c] @ w3 + b3) @ w4 + b4
        Bound("infonce").value(g @ h.T + u[c] @ v[c].T).backward()
        towers = (stack.tower_x, stack.tower_y)
        written = [d[c] for t in towers for pair in zip(t.dw, t.db, strict=True) for d in pair]
        for found, weight in zip(written, weights, strict=True):
            torch.testing.assert_close(found, weight.grad, atol=1e-6, rtol=1e-5)


def test_a_critic_does_not_feel_its_neighbours():
    x, y = torch.randn(3, 64, 31), torch.randn(3, 64, 7)
    together = CriticStack([31, 32, 8], [7, 32, 8], generators(0, 1, 2), learning_rate=1e-3)
    single = CriticStack([31, 32, 8], [7, 32, 8], generators(1), learning_rate=1e-3)
    with threadpool_limits(1):  # as in the shared map; several threads sum in other orders
        for _ in range(20):
            together.step(x, y, Bound("infonce"))
            single.step(x[1:2], y[1:2], Bound("infonce"))
    for left, right in zip(together.weights(1), single.weights(0), strict=True):
        assert torch.equal(left, right)


def test_sums_of_the_baseline_are_those_of_scipy():
    from scipy.special import logsumexp

    from neuroloom.mi._critics.gaussian import _log_sums

    rng = np.random.default_rng(0)
    for scale in (0.0, 0.1, 30.0, 2000.0):
        scores = scale * rng.standard_normal((40, 40))
        scores[0, :3] = scores[0].max() + 1  # several largest
        np.testing.assert_allclose(
            _log_sums(scores.copy()), logsumexp(scores, axis=1), rtol=1e-15, atol=1e-15
        )


@pytest.mark.parametrize("name", sorted(BOUNDS))
@pytest.mark.parametrize("size", [0.0, 0.3, 2.0, 30.0])
def test_the_factor_on_scores_is_the_best_of_all_and_few_are_tried(name, size, monkeypatch):
    generator = torch.Generator().manual_seed(3)
    for noise in (0.5, 3.0):
        scores = size * (3 * torch.eye(60) + noise * torch.randn((60, 60), generator=generator))
        bound = Bound(name)
        every = [float(bound.value(scores * t)) for t in score._TEMPERATURES]
        best = int(np.argmax(every))
        plain = every[score._TEMPERATURES.index(1.0)]
        expected = score._TEMPERATURES[best] if every[best] - plain > 1 / 60 else 1.0
        tried = []
        real = bound._value
        bound._value = lambda *a, real=real, tried=tried, **k: tried.append(1) or real(*a, **k)
        assert score.temperature(scores, bound) == expected
        if (name, size) == ("infonce", 0.3):
            assert len(tried) == 3
