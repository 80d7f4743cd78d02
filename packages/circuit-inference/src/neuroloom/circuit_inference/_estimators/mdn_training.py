"""Training of the mixture-density ensemble: all members of all groups at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroloom.circuit_inference._estimators.mixture import FLOOR, n_outputs
from neuroloom.shared import Seed
from neuroloom.shared.parallel import one_thread

Array = NDArray[np.float64]
_AVERAGING = 0.98  # per step
_TYPE = torch.float32
_SMALLEST_BATCH = 16


def train(
    x: Array,
    targets: Array,
    learns: NDArray[np.bool_],
    options: Mapping[str, Any],
    seed: Seed,
) -> dict[str, NDArray[np.float32]]:
    """Return the stacked weights of an ensemble.

    `learns` (n_members, n_rows) says which rows each member learns from. All stop together: where
    the likelihood of each row under the mixture of the members that don't know it is best on
    average, one number settled by all rows.
    """
    # Networks this small gain nothing from threads. Whatever the caller set up is not ours to use:
    # the default dtype stands in no call below, and gradients are needed here.
    with one_thread(), torch.inference_mode(False), torch.enable_grad():
        return _train(x, targets, learns, options, seed)


def _train(
    x: Array,
    targets: Array,
    learns: NDArray[np.bool_],
    options: Mapping[str, Any],
    seed: Seed,
) -> dict[str, NDArray[np.float32]]:
    d, k = targets.shape[1], int(options["n_components"])
    n_members = len(learns)
    generator = torch.Generator().manual_seed(seed.integer(63))
    data = torch.as_tensor(x, dtype=torch.float32)
    goal = torch.as_tensor(targets, dtype=torch.float32)
    rows = [torch.as_tensor(np.flatnonzero(known)) for known in learns]
    weights = _initial(
        [x.shape[1], *options["hidden"], n_outputs(k, d)], n_members, k, d, generator
    )
    optimiser = torch.optim.AdamW(
        [
            {"params": weights[0::2], "weight_decay": float(options["weight_decay"])},
            {"params": weights[1::2], "weight_decay": 0.0},
        ],
        lr=float(options["learning_rate"]),
    )
    n_train = min(len(r) for r in rows)
    # Few simulations make few steps per epoch: at least ten, or training ends before it began.
    batch = min(int(options["batch_size"]), max(_SMALLEST_BATCH, n_train // 10), n_train)
    known = torch.as_tensor(learns)
    # Averaged weights (Polyak) generalise better than the last ones, and scatter less.
    average = [w.detach().clone() for w in weights]
    best, kept, waiting, step = math.inf, average, 0, 0
    for _ in range(int(options["max_epochs"])):
        order = torch.stack(
            [r[torch.randperm(len(r), generator=generator)[:n_train]] for r in rows]
        )
        for start in range(0, n_train - batch + 1, batch):
            chosen = order[:, start : start + batch]
            optimiser.zero_grad(set_to_none=True)
            density = _log_density(_network(data[chosen], weights), goal[chosen], k)
            (-density.mean(dim=1).sum()).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(weights, 10.0 * n_members)
            optimiser.step()
            step += 1
            with torch.no_grad():
                share = max(1 - _AVERAGING, 1 / step)
                torch._foreach_lerp_(average, [w.detach() for w in weights], share)
        with torch.no_grad():
            loss = _held_out_loss(data, goal, known, average, k)
        if loss < best - 1e-4:
            best, waiting, kept = loss, 0, [w.clone() for w in average]
        else:
            waiting += 1
            if waiting >= int(options["patience"]):
                break
    names = [f"{kind}{i}" for i in range(len(weights) // 2) for kind in "wb"]
    return {name: w.numpy() for name, w in zip(names, kept, strict=True)}


def mixture_log_density(out: NDArray[np.float32], points: Array, n_components: int) -> Array:
    """Return the log density of the mean of the members' mixtures, shape (n_rows,).

    Parameters
    ----------
    out : ndarray of float32, shape (n_members, n_rows, n_outputs)
        The networks' outputs.
    points : ndarray, shape (n_rows, d)
        One for each row.
    n_components : int
        Of each member's mixture.
    """
    with torch.inference_mode():
        goal = torch.as_tensor(points, dtype=torch.float64).expand(len(out), -1, -1)
        each = _log_density(torch.as_tensor(out, dtype=torch.float64), goal, n_components)
        mixture = torch.logsumexp(each, dim=0) - math.log(len(out))
        return np.asarray(mixture.numpy(), dtype=np.float64)


def _held_out_loss(
    data: torch.Tensor, goal: torch.Tensor, known: torch.Tensor, weights: list[torch.Tensor], k: int
) -> float:
    """Return the mean negative log density of rows under the members that don't know them."""
    total, count = 0.0, 0
    for start in range(0, len(data), 4096):
        part = slice(start, start + 4096)
        x = data[part].expand(len(known), -1, -1)
        density = _log_density(_network(x, weights), goal[part].expand(len(known), -1, -1), k)
        density = density.masked_fill(known[:, part], -math.inf)
        judges = (~known[:, part]).sum(dim=0)
        mixture = torch.logsumexp(density, dim=0) - torch.log(judges)
        total += float(mixture[judges > 0].sum())
        count += int((judges > 0).sum())
    return -total / count


def _initial(
    sizes: list[int], n_networks: int, k: int, d: int, generator: torch.Generator
) -> list[torch.Tensor]:
    weights = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        last = i == len(sizes) - 2
        gain = 0.3 if last else 1.0
        w = torch.randn(n_networks, a, b, generator=generator, dtype=_TYPE) * gain / math.sqrt(a)
        c = torch.zeros(n_networks, 1, b, dtype=_TYPE)
        if last:  # spread the components' means over the standardised parameters
            c[:, 0, k : k + k * d] = torch.randn(
                n_networks, k * d, generator=generator, dtype=_TYPE
            )
        weights += [w.requires_grad_(), c.requires_grad_()]
    return weights


def _network(x: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    h = x
    for i in range(0, len(weights), 2):
        h = torch.baddbmm(weights[i + 1], h, weights[i])
        if i < len(weights) - 2:
            h = torch.nn.functional.silu(h)
    return h


def _log_density(out: torch.Tensor, goal: torch.Tensor, k: int) -> torch.Tensor:
    """Return each member's log density of its rows, shape (n_members, n_rows)."""
    m, n, d = goal.shape
    log_weights = torch.log_softmax(out[..., :k], dim=-1)
    means = out[..., k : k + k * d].reshape(m, n, k, d)
    raw = out[..., k + k * d :].reshape(m, n, k, d * (d + 1) // 2)
    rest = goal[:, :, None, :] - means
    columns: list[torch.Tensor] = []
    log_det = torch.zeros((), dtype=goal.dtype)
    place = 0
    for i in range(d):  # forward substitution, row by row of the factor
        value = rest[..., i]
        for j in range(i):
            value = value - raw[..., place + j] * columns[j]
        scale = torch.nn.functional.softplus(raw[..., place + i]) + FLOOR
        columns.append(value / scale)
        log_det = log_det + torch.log(scale)
        place += i + 1
    squares = sum((c * c for c in columns), torch.zeros((), dtype=goal.dtype))
    log_density = log_weights - 0.5 * squares - log_det - 0.5 * d * math.log(2 * math.pi)
    return torch.logsumexp(log_density, dim=-1)
