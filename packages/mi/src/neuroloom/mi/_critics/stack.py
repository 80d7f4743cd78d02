"""Many small critics trained at once: separable critics on multilayer perceptrons.

The weights of `n_critics` critics are stacked, so one step of all of them is a handful of batched
matrix products. Forward and backward passes are written out; no graph is built. On a CPU four
critics per stack are fastest: more leave the cache.

On one thread, which is what the shared map gives every worker, a critic's arithmetic does not
depend on its neighbours, so results are the same to the last bit for any stack size.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neuroloom.mi._critics.bounds import Bound

_ALIGN = 64  # floats; keeps every block at a cache line, so all stacks take the same code path


class _Block:
    """A parameter of all critics, ``(n_critics, *shape)``, as a view into flat storage."""

    def __init__(self, shape: tuple[int, ...], n_critics: int, offset: int) -> None:
        self.shape = (n_critics, *shape)
        self.start = offset
        self.stop = offset + math.prod(self.shape)

    def of(self, flat: Tensor) -> Tensor:
        return flat[self.start : self.stop].view(self.shape)


class _Tower:
    """Multilayer perceptrons ``widths[0] → … → widths[-1]`` with ReLU between layers."""

    def __init__(self, widths: Sequence[int], n_critics: int, offset: int) -> None:
        self.widths = list(widths)
        self.weights: list[_Block] = []
        self.biases: list[_Block] = []
        for n_in, n_out in itertools.pairwise(widths):
            for shape, blocks in (((n_in, n_out), self.weights), ((1, n_out), self.biases)):
                block = _Block(shape, n_critics, offset)
                blocks.append(block)
                offset = -(-block.stop // _ALIGN) * _ALIGN
        self.end = offset
        self._inputs: list[Tensor] = []
        self._buffers: dict[tuple[int, ...], Tensor] = {}

    def bind(self, flat: Tensor, grad: Tensor) -> None:
        self.w = [block.of(flat) for block in self.weights]
        self.b = [block.of(flat) for block in self.biases]
        self.dw = [block.of(grad) for block in self.weights]
        self.db = [block.of(grad) for block in self.biases]
        # One critic's weight and bias per layer, seen once and not at each call.
        layers = list(zip(self.w, self.b, strict=True))
        self.own = [[(w[critic], b[critic]) for w, b in layers] for critic in range(len(self.w[0]))]
        self.rows = [[bias[0] for _, bias in own] for own in self.own]

    def initialize(self, critic: int, generator: torch.Generator, last: float) -> None:
        """Draw Glorot & Bengio 2010's uniform weights; the last layer times `last`."""
        for layer, (weight, bias) in enumerate(zip(self.w, self.b, strict=True)):
            n_in, n_out = weight.shape[1:]
            bound = math.sqrt(6 / (n_in + n_out)) * (last if layer == len(self.w) - 1 else 1)
            draw = torch.rand((n_in, n_out), generator=generator, dtype=weight.dtype)  # on the CPU
            weight[critic].copy_(draw.mul_(2 * bound).sub_(bound))
            bias[critic].zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Return the embeddings of `x`, shape (n_critics, n, widths[-1]); kept for `backward`."""
        self._inputs = [x]
        for layer, (weight, bias) in enumerate(zip(self.w, self.b, strict=True)):
            x = torch.baddbmm(bias, x, weight, out=self._buffer(layer, x, weight))
            if layer < len(self.w) - 1:
                x.relu_()
                self._inputs.append(x)
        return x

    def forward_one(self, critic: int, x: Tensor) -> Tensor:
        """Return the embeddings of one critic, shape (n, widths[-1])."""
        layers = zip(self.own[critic], self.rows[critic], strict=True)
        for layer, ((weight, _), row) in enumerate(layers):
            x = torch.addmm(row, x, weight)
            if layer < len(self.w) - 1:
                x.relu_()
        return x

    def _buffer(self, layer: int, x: Tensor, weight: Tensor) -> Tensor:
        key = (layer, x.shape[1])
        if key not in self._buffers:
            self._buffers[key] = x.new_empty(x.shape[0], x.shape[1], weight.shape[2])
        return self._buffers[key]

    def backward(self, grad: Tensor) -> None:
        """Write the gradients of all parameters, given that of the embeddings."""
        for layer in range(len(self.w) - 1, -1, -1):
            x = self._inputs[layer]
            torch.bmm(x.transpose(1, 2), grad, out=self.dw[layer])
            torch.sum(grad, 1, keepdim=True, out=self.db[layer])
            if layer:
                grad = torch.bmm(grad, self.w[layer].transpose(1, 2))
                # x is the output of a ReLU: where it is zero nothing flows back.
                torch.ops.aten.threshold_backward.grad_input(grad, x, 0, grad_input=grad)


class CriticStack:
    """`n_critics` separable critics ``f(x, y) = g(x)·h(y) + u(x)·v(y)``.

    ``g`` and ``h`` are learned; ``u`` and ``v``, of any width, are fixed features of the samples:
    what is known of the dependence before training (see `_baseline`).

    Parameters
    ----------
    n_critics : int
    widths_x, widths_y : sequence of int
        Input, hidden and embedding sizes of the two towers.
    generators : sequence of torch.Generator
        One per critic, for the first weights.
    learning_rate, weight_decay : float
        Of Adam with decoupled decay.
    last : float
        Factor on the last layers' first weights.
    device : str
        Where the critics live; batches must lie there too.
    """

    def __init__(
        self,
        widths_x: Sequence[int],
        widths_y: Sequence[int],
        generators: Sequence[torch.Generator],
        *,
        learning_rate: float,
        weight_decay: float = 0.0,
        last: float = 1.0,
        device: str = "cpu",
    ) -> None:
        n = len(generators)
        self.n_critics = n
        self.tower_x = _Tower(widths_x, n, 0)
        self.tower_y = _Tower(widths_y, n, self.tower_x.end)
        self.flat = torch.zeros(self.tower_y.end, device=device)
        self.gradient = torch.zeros_like(self.flat)
        for tower in (self.tower_x, self.tower_y):
            tower.bind(self.flat, self.gradient)
            for critic, generator in enumerate(generators):
                tower.initialize(critic, generator, last)
        self.flat.grad = self.gradient
        self.optimizer = torch.optim.AdamW(
            [self.flat], lr=learning_rate, weight_decay=weight_decay, fused=True, maximize=True
        )

    def parameters(self, critic: int) -> list[Tensor]:
        """Return one critic's parameters: weight and bias per layer, x before y."""
        layers = (*self.tower_x.own[critic], *self.tower_y.own[critic])
        return [part for layer in layers for part in layer]

    def step(
        self, x: Tensor, y: Tensor, bound: Bound, u: Tensor | None = None, v: Tensor | None = None
    ) -> None:
        """Make one step of all critics on batches of shape (n_critics, n, n_features)."""
        g = self.tower_x.forward(x)
        h = self.tower_y.forward(y)
        scores = torch.bmm(g, h.transpose(1, 2))
        if u is not None and v is not None:
            scores.baddbmm_(u, v.transpose(1, 2))
        grad = bound.grad(scores)
        self.tower_x.backward(torch.bmm(grad, h))
        self.tower_y.backward(torch.bmm(grad.transpose(1, 2), g))
        self.optimizer.step()

    def forget_inputs(self, critic: int, n_x: int, n_y: int) -> None:
        """Set one critic's weights of all inputs after the first `n_x` and `n_y` to zero."""
        self.tower_x.w[0][critic, n_x:] = 0
        self.tower_y.w[0][critic, n_y:] = 0

    def set_learning_rate(self, value: float) -> None:
        """Use another learning rate from the next step on."""
        self.optimizer.param_groups[0]["lr"] = value

    def weights(self, critic: int) -> list[Tensor]:
        """Return a copy of one critic's parameters."""
        return [part.clone() for part in self.parameters(critic)]

    def restore(self, critic: int, weights: Sequence[Tensor]) -> None:
        """Set one critic's parameters."""
        for part, values in zip(self.parameters(critic), weights, strict=True):
            part.copy_(values)

    def embed_one(self, critic: int, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return g(x) and h(y) of one critic, shape (n, embedding)."""
        return self.tower_x.forward_one(critic, x), self.tower_y.forward_one(critic, y)
