"""Training of the mixture-density ensemble: all members of all groups at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from neuroloom.circuit_inference._estimators._mdn import _FLOOR, n_outputs
from neuroloom.shared import Seed

Array = NDArray[np.float64]


def train(
    x: Array,
    targets: Array,
    groups: list[NDArray[np.int64]],
    options: Mapping[str, Any],
    seed: Seed,
) -> dict[str, NDArray[np.float32]]:
    """Return the stacked weights, `n_members` per group, at their best validation likelihood.

    The members of a group learn from its rows alone, each with a tenth of its own for validation.
    """
    with threadpool_limits(1):  # networks this small gain nothing from threads
        return _train(x, targets, groups, options, seed)


def _train(
    x: Array,
    targets: Array,
    groups: list[NDArray[np.int64]],
    options: Mapping[str, Any],
    seed: Seed,
) -> dict[str, NDArray[np.float32]]:
    members = int(options["n_members"])
    n_members = members * len(groups)
    n_features = x.shape[1]
    d, k = targets.shape[1], int(options["n_components"])
    generator = torch.Generator().manual_seed(seed.integer(63))
    data = torch.as_tensor(x, dtype=torch.float32)
    goal = torch.as_tensor(targets, dtype=torch.float32)
    smallest = min(len(rows) for rows in groups)
    n_check = max(4, smallest // 10)
    n_train = smallest - n_check
    shuffled = [
        torch.as_tensor(rows)[torch.randperm(len(rows), generator=generator)]
        for rows in groups
        for _ in range(members)
    ]
    check = torch.stack([rows[:n_check] for rows in shuffled])
    others = [rows[n_check:] for rows in shuffled]
    check_x, check_y = data[check], goal[check]

    sizes = [n_features, *options["hidden"], n_outputs(k, d)]
    weights = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        gain = 0.3 if last else 1.0
        w = torch.randn(n_members, a, b, generator=generator) * gain / math.sqrt(a)
        c = torch.zeros(n_members, 1, b)
        if last:  # spread the components' means over the standardised parameters
            c[:, 0, k : k + k * d] = torch.randn(n_members, k * d, generator=generator)
        weights += [w.requires_grad_(), c.requires_grad_()]
    decayed = [{"params": weights[0::2], "weight_decay": float(options["weight_decay"])}]
    optimiser = torch.optim.AdamW(
        [*decayed, {"params": weights[1::2], "weight_decay": 0.0}],
        lr=float(options["learning_rate"]),
    )
    batch = min(int(options["batch_size"]), n_train)
    best = torch.full((n_members,), math.inf)
    kept = [w.detach().clone() for w in weights]
    waiting = torch.zeros(n_members, dtype=torch.int64)
    for _ in range(int(options["max_epochs"])):
        order = torch.stack(
            [rows[torch.randperm(len(rows), generator=generator)[:n_train]] for rows in others]
        )
        for start in range(0, n_train - batch + 1, batch):
            rows = order[:, start : start + batch]
            optimiser.zero_grad(set_to_none=True)
            _nll(_network(data[rows], weights), goal[rows], k).sum().backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(weights, 10.0 * n_members)
            optimiser.step()
        with torch.no_grad():
            loss = _nll(_network(check_x, weights), check_y, k)
        better = loss < best - 1e-4
        best = torch.where(better, loss, best)
        waiting = torch.where(better, 0, waiting + 1)
        for stored, w in zip(kept, weights, strict=True):
            stored[better] = w.detach()[better]
        if bool((waiting >= int(options["patience"])).all()):
            break
    names = [f"{kind}{i}" for i in range(len(sizes) - 1) for kind in "wb"]
    return {name: w.numpy() for name, w in zip(names, kept, strict=True)}


def _network(x: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    h = x
    for i in range(0, len(weights), 2):
        h = torch.baddbmm(weights[i + 1], h, weights[i])
        if i < len(weights) - 2:
            h = torch.nn.functional.silu(h)
    return h


def _nll(out: torch.Tensor, goal: torch.Tensor, k: int) -> torch.Tensor:
    """Return each member's mean negative log likelihood."""
    m, n, d = goal.shape
    log_weights = torch.log_softmax(out[..., :k], dim=-1)
    means = out[..., k : k + k * d].reshape(m, n, k, d)
    raw = out[..., k + k * d :].reshape(m, n, k, d * (d + 1) // 2)
    rest = goal[:, :, None, :] - means
    columns: list[torch.Tensor] = []
    log_det = torch.zeros(())
    place = 0
    for i in range(d):  # forward substitution, row by row of the factor
        value = rest[..., i]
        for j in range(i):
            value = value - raw[..., place + j] * columns[j]
        scale = torch.nn.functional.softplus(raw[..., place + i]) + _FLOOR
        columns.append(value / scale)
        log_det = log_det + torch.log(scale)
        place += i + 1
    squares = sum((c * c for c in columns), torch.zeros(()))
    log_density = log_weights - 0.5 * squares - log_det - 0.5 * d * math.log(2 * math.pi)
    return -torch.logsumexp(log_density, dim=-1).mean(dim=1)
