"""Training of the mixture-density ensemble: all members of all groups at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuroloom.circuit_inference._estimators.linear import Line, straight_line
from neuroloom.circuit_inference._estimators.mixture import FLOOR, n_outputs
from neuroloom.shared import Seed
from neuroloom.shared.parallel import one_thread

Array = NDArray[np.float64]
_AVERAGING = 0.98  # per step
_TYPE = torch.float32
_SMALLEST_BATCH = 16
_FIRST_BEND = 0.1  # scale of what the layers add at first to a straight line
_DOUBT = 0.01  # share of what is known without features in what judges a row
_APART = 1.0  # distance of the components at first, in standard deviations of the line's errors


def train(
    x: Array,
    targets: Array,
    learns: NDArray[np.bool_],
    options: Mapping[str, Any],
    seed: Seed,
) -> tuple[dict[str, NDArray[np.float32]], float]:
    """Return the stacked weights of an ensemble, and how unlikely held-out rows are under it.

    `learns` (n_members, n_rows) says which rows each member learns from. All stop together: where
    the likelihood of each row under the mixture of the members that don't know it is best on
    average, one number settled by all rows. That average, negative, is the second value. Targets
    have zero mean and unit variance.
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
) -> tuple[dict[str, NDArray[np.float32]], float]:
    d, k = targets.shape[1], int(options["n_components"])
    n_members = len(learns)
    generator = torch.Generator().manual_seed(seed.integer(63))
    data = torch.as_tensor(x, dtype=torch.float32)
    goal = torch.as_tensor(targets, dtype=torch.float32)
    rows = [torch.as_tensor(np.flatnonzero(known)) for known in learns]
    sizes = [x.shape[1], *options["hidden"], n_outputs(k, d)]
    lines = [straight_line(x[known], targets[known]) for known in learns]
    weights = _initial(sizes, lines, k, d, generator)
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
    names += ["skip"] * (len(weights) % 2)
    return {name: w.numpy() for name, w in zip(names, kept, strict=True)}, best


def _held_out_loss(
    data: torch.Tensor, goal: torch.Tensor, known: torch.Tensor, weights: list[torch.Tensor], k: int
) -> float:
    """Return the mean negative log density of rows under the members that don't know them.

    A little of the targets' own distribution is mixed in (a defensive mixture, Hesterberg 1995,
    Technometrics 37:185): else one row in a tail outweighs all others where rows are few.
    """
    total, count = 0.0, 0
    share = torch.tensor(_DOUBT, dtype=_TYPE)
    for start in range(0, len(data), 4096):
        part = slice(start, start + 4096)
        x = data[part].expand(len(known), -1, -1)
        density = _log_density(_network(x, weights), goal[part].expand(len(known), -1, -1), k)
        density = density.masked_fill(known[:, part], -math.inf)
        judges = (~known[:, part]).sum(dim=0)
        mixture = torch.logsumexp(density, dim=0) - torch.log(judges)
        alone = -0.5 * (goal[part] ** 2 + math.log(2 * math.pi)).sum(dim=1)
        mixture = torch.logaddexp(mixture + torch.log1p(-share), alone + torch.log(share))
        total += float(mixture[judges > 0].sum())
        count += int((judges > 0).sum())
    return -total / count


def _initial(
    sizes: list[int], lines: list[Line], k: int, d: int, generator: torch.Generator
) -> list[torch.Tensor]:
    """Return weights and biases of the layers, and last the straight way from features to means.

    Each member begins as the linear regression of what it learns from, with the covariance of that
    one's errors; the layers between add what is not straight.
    """
    weights = []
    for i, (a, b) in enumerate(pairwise(sizes)):
        gain = _FIRST_BEND if i == len(sizes) - 2 else 1.0
        w = torch.randn(len(lines), a, b, generator=generator, dtype=_TYPE) * gain / math.sqrt(a)
        weights += [w, torch.zeros(len(lines), 1, b, dtype=_TYPE)]
    rows, columns = np.tril_indices(d)
    scatter = torch.randn(len(lines), k, d, generator=generator, dtype=_TYPE)
    straight = torch.zeros(len(lines), sizes[0], k * (1 + d), dtype=_TYPE)
    for m, line in enumerate(lines):
        spread = torch.as_tensor(np.diag(line.factor).copy(), dtype=_TYPE)
        offset = torch.as_tensor(line.offset, dtype=_TYPE)
        means = offset + (_APART * spread * scatter[m] if k > 1 else 0.0)
        raw = line.factor.copy()
        raw[np.diag_indices(d)] = np.log(np.expm1(np.maximum(np.diag(raw) - FLOOR, 1e-3)))
        factors = torch.as_tensor(raw[rows, columns], dtype=_TYPE).repeat(k)
        weights[-1][m, 0, k : k + k * d] = means.reshape(-1)
        weights[-1][m, 0, k + k * d :] = factors
        straight[m, :, k:] = torch.as_tensor(line.slope, dtype=_TYPE).repeat(1, k)
    return [w.requires_grad_() for w in [*weights, straight]]


def _network(x: torch.Tensor, weights: list[torch.Tensor]) -> torch.Tensor:
    h = x
    n_layers = len(weights) // 2
    for i in range(n_layers):
        h = torch.baddbmm(weights[2 * i + 1], h, weights[2 * i])
        if i < n_layers - 1:
            h = torch.nn.functional.silu(h)
    if len(weights) % 2:
        straight = torch.bmm(x, weights[-1])
        h = h + torch.nn.functional.pad(straight, (0, h.shape[-1] - straight.shape[-1]))
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
