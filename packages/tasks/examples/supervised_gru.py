"""Train a small recurrent network on a task's batches, and compare it with the ideal observer.

``python supervised_gru.py [out.json]`` needs torch (``neuroloom-tasks[torch]``).
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import torch
from torch import nn

import neuroloom.tasks as tasks


class Network(nn.Module):
    """A layer of gated recurrent units and a linear read-out of the actions."""

    def __init__(self, n_inputs: int, n_actions: int, n_units: int = 64) -> None:
        super().__init__()
        self.recurrent = nn.GRU(n_inputs, n_units)
        self.readout = nn.Linear(n_units, n_actions)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits of the actions."""
        return self.readout(self.recurrent(inputs)[0])


def train(
    task: str, *, n_batches: int, learning_rate: float, seed: int = 1, **dataset: Any
) -> tuple[Network, list[float]]:
    """Return a trained network and the loss of every batch."""
    generator_state = torch.get_rng_state()
    torch.manual_seed(seed)
    data = tasks.Dataset(task, output="torch", seed=seed, **dataset)
    network = Network(data.plan.n_channels, data.plan.n_actions)
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, n_batches)
    losses = []
    for _ in range(n_batches):
        batch = data.batch()
        guess = network(batch.inputs)
        loss = nn.functional.cross_entropy(
            guess.flatten(0, 1), batch.target.flatten(), reduction="none"
        )
        weight = batch.mask.flatten()
        loss = (loss * weight).sum() / weight.sum()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    torch.set_rng_state(generator_state)
    return network, losses


@torch.no_grad()
def accuracy(network: Network, task: str, *, n_trials: int = 4096, seed: int = 1) -> float:
    """Return the share of trials, none of them trained on, with the right answer at the end."""
    data = tasks.Dataset(task, batch_size=n_trials, align="trial", split="test", seed=seed)
    batch = data.batch()
    answer = network(torch.from_numpy(batch.inputs)).argmax(dim=2).numpy()
    last = (batch.trial >= 0).sum(axis=0) - 1
    rows = range(n_trials)
    return float((answer[last, rows] == batch.target[last, rows]).mean())


def main() -> None:
    results: dict[str, Any] = {}
    weights = {"decide": 1.0, "fixate": 0.1, "free": 0.1}
    plans: dict[str, dict[str, Any]] = {
        "PerceptualDecisionMaking-v0": {
            "n_batches": 1500, "learning_rate": 5e-3, "batch_size": 16, "seq_len": 100,
        },
        "DelayMatchSample-v0": {
            "n_batches": 2000, "learning_rate": 5e-3, "batch_size": 64, "align": "trial",
        },
    }  # fmt: skip
    for task, plan in plans.items():
        start = time.perf_counter()
        network, losses = train(task, mask_weights=weights, **plan)
        ideal = tasks.ideal_trials(task, 20_000, seed=2).table["correct"].mean()
        results[task] = {
            "accuracy": accuracy(network, task),
            "ideal_observer": float(ideal),
            "loss": losses[-1],
            "seconds": time.perf_counter() - start,
        }
        print(task, results[task])
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
