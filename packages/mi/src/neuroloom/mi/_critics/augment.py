"""Changes to training batches that a critic should not mind; test samples are left as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor


def augmented(batch: Tensor, options: Mapping[str, Any]) -> Tensor:
    """Return a changed copy of a batch (n, n_channels, …); torch's generator draws.

    Parameters
    ----------
    batch : Tensor
    options : mapping
        ``gaussian_noise``: standard deviation of what is added; ``intensity_scale``: half width
        of a factor about 1 per sample; ``channel_dropout``: probability that a channel is 0;
        ``time_shift``: most positions by which a sample is rotated along its last axis;
        ``custom``: a function of the batch.
    """
    for name, amount in options.items():
        batch = _CHANGES[name](batch, amount)
    return batch


def _noise(batch: Tensor, amount: float) -> Tensor:
    return batch + amount * torch.randn_like(batch)


def _per_sample(batch: Tensor) -> tuple[int, ...]:
    return (len(batch), *([1] * (batch.ndim - 1)))


def _scale(batch: Tensor, amount: float) -> Tensor:
    factor = 1 + amount * (2 * torch.rand(_per_sample(batch), device=batch.device) - 1)
    return batch * factor


def _dropout(batch: Tensor, amount: float) -> Tensor:
    shape = (*batch.shape[:2], *([1] * (batch.ndim - 2)))
    return batch * (torch.rand(shape, device=batch.device) >= amount)


def _shift(batch: Tensor, amount: float) -> Tensor:
    most, width = int(amount), batch.shape[-1]
    by = torch.randint(-most, most + 1, (len(batch), 1), device=batch.device)
    index = (torch.arange(width, device=batch.device) - by) % width
    shape = (len(batch), *([1] * (batch.ndim - 2)), width)
    return batch.gather(-1, index.reshape(shape).expand(batch.shape))


def _custom(batch: Tensor, function: Any) -> Tensor:
    return cast(Tensor, function(batch))


_CHANGES: dict[str, Any] = {
    "gaussian_noise": _noise,
    "intensity_scale": _scale,
    "channel_dropout": _dropout,
    "time_shift": _shift,
    "custom": _custom,
}
