"""Training on a CUDA device; skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neuroloom import mi

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

FAST = {"n_epochs": 15, "hidden_dim": 64, "embedding_dim": 8, "n_inits": 1, "n_folds": 4}


def gaussian(n: int, dim: int, bits: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    rho = np.sqrt(1 - 4 ** (-bits / dim))
    x = rng.standard_normal((n, dim))
    return x, rho * x + np.sqrt(1 - rho**2) * rng.standard_normal((n, dim))


def estimate(device: str, **options) -> mi.Results:
    x, y = gaussian(2000, 3, 2.0)
    return mi.run(x, y, base_params=FAST, random_seed=0, verbose=False, device=device, **options)


@pytest.mark.parametrize("critic", ["separable", "hybrid"])  # the stack, and a torch module
def test_the_same_answer_as_on_the_cpu(critic):
    params = {**FAST, "critic_type": critic}
    x, y = gaussian(2000, 3, 2.0)
    options = {"base_params": params, "random_seed": 0, "verbose": False}
    cuda, cpu = (mi.run(x, y, device=device, **options).mi_estimate for device in ("cuda", "cpu"))
    assert cuda == pytest.approx(cpu, abs=0.05)
    assert cuda > 0.5


def test_the_same_seed_and_no_one_elses_randomness():
    torch.cuda.manual_seed_all(5)
    before = torch.cuda.get_rng_state()
    first, second = estimate("cuda"), estimate("cuda")
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert first.mi_estimate == pytest.approx(second.mi_estimate, abs=0.02)
    assert first.mi_estimate == pytest.approx(estimate("cpu").mi_estimate, abs=0.1)


def test_a_critic_trained_there_gives_its_scores_elsewhere(tmp_path):
    path = tmp_path / "critic.safetensors"
    x, y = gaussian(2000, 3, 2.0)
    result = estimate("cuda", save_best_model_path=str(path))
    test = result.details["critic_test"]
    row = result.details["raw_results"][result.details["critic_fold"]]
    found = mi.load_critic(path).mi(x[test], y[test])
    assert found == pytest.approx(row["test_mi"], abs=1e-3)
