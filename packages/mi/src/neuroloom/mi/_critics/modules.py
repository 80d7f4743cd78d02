"""Critics as modules: ``critic(x, y)`` returns all pairs' scores and what is paid for them.

The plain separable critic on perceptrons is trained in stacks (`_stack`); everything else is here.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from neuroloom.mi._critics.embeddings import MLP, make_embedding
from neuroloom.mi._errors import OptionError
from neuroloom.mi._options.params import Model


class Critic(nn.Module):
    """Embeds x and y, and scores each pair of embeddings by `pairs`."""

    def __init__(
        self, shape_x: tuple[int, ...], shape_y: tuple[int, ...], model: Model, custom: type | None
    ) -> None:
        super().__init__()
        self.beta = model.beta
        self.embed_x = make_embedding(shape_x, model, custom)
        if model.shared_encoder and shape_x != shape_y:
            raise OptionError(
                f"shared_encoder: expected x and y of one shape, got {shape_x} and {shape_y}"
            )
        self.embed_y = (
            self.embed_x if model.shared_encoder else make_embedding(shape_y, model, custom)
        )
        self.decoder_weight = model.decoder_weight if model.use_decoder else 0.0
        if model.use_decoder:
            self.decode_x = Decoder(shape_x, model, model.decoder_output_activation_x)
            self.decode_y = Decoder(shape_y, model, model.decoder_output_activation_y)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (n, n), and what the embeddings pay: divergence and rebuilding error."""
        g = self.embed_x(x)
        paid = getattr(self.embed_x, "divergence", torch.zeros((), device=x.device))
        h = self.embed_y(y)
        paid = (paid + getattr(self.embed_y, "divergence", 0.0)) / self.beta
        if self.decoder_weight:
            lost = self.decode_x.loss(g, x) + self.decode_y.loss(h, y)
            paid = paid + self.decoder_weight * lost
        return self.pairs(g, h), paid

    def pairs(self, g: Tensor, h: Tensor) -> Tensor:
        """Return the scores of all pairs, shape (n, n)."""
        return g @ h.T


class Bilinear(Critic):
    """``g(x) W h(y)``."""

    def __init__(
        self, shape_x: tuple[int, ...], shape_y: tuple[int, ...], model: Model, custom: type | None
    ) -> None:
        super().__init__(shape_x, shape_y, model, custom)
        self.form = nn.Parameter(torch.eye(model.embedding_dim))

    def pairs(self, g: Tensor, h: Tensor) -> Tensor:
        """Return the scores of all pairs, shape (n, n)."""
        return g @ self.form @ h.T


class Hybrid(Critic):
    """A perceptron on both embeddings: ``head([g(x), h(y)])``."""

    def __init__(
        self, shape_x: tuple[int, ...], shape_y: tuple[int, ...], model: Model, custom: type | None
    ) -> None:
        super().__init__(shape_x, shape_y, model, custom)
        n_layers = model.n_layers_head or max(1, len(model.widths) - 1)
        width = model.hidden_dim_head or min(64, model.hidden)
        self.head = MLP(2 * model.embedding_dim, [width] * n_layers, 1, model)
        self.rows = model.max_n_batches

    def pairs(self, g: Tensor, h: Tensor) -> Tensor:
        """Return the scores of all pairs, shape (n, n)."""
        return all_pairs(self.head, g, h, self.rows)


class Concat(nn.Module):
    """A perceptron on the samples themselves: ``head([x, y])``."""

    def __init__(self, width: int, model: Model) -> None:
        super().__init__()
        self.head = MLP(width, model.widths, 1, model)
        self.rows = model.max_n_batches

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (n, n) and no divergence."""
        return all_pairs(self.head, x.flatten(1), y.flatten(1), self.rows), x.new_zeros(())


class Decoder(nn.Module):
    """Rebuilds a sample from its embedding."""

    def __init__(self, shape: tuple[int, ...], model: Model, activation: str) -> None:
        super().__init__()
        self.activation = activation
        self.shape = shape
        size = int(torch.tensor(shape).prod())
        self.layers = MLP(model.embedding_dim, model.widths[::-1], size, model)

    def forward(self, code: Tensor) -> Tensor:
        """Return samples, shape (n, *shape); logits where the activation is ``"softmax"``."""
        out = self.layers(code).reshape(len(code), *self.shape)
        return cast(Tensor, out.sigmoid() if self.activation == "sigmoid" else out)

    def loss(self, code: Tensor, target: Tensor) -> Tensor:
        """Return the mean squared error, or the cross-entropy of ``"softmax"``."""
        if self.activation == "softmax":
            log_share = self(code).log_softmax(-1)
            return cast(Tensor, -(target.clamp_min(0) * log_share).sum(-1).mean())
        return cast(Tensor, (self(code) - target).square().mean())


def all_pairs(head: nn.Module, a: Tensor, b: Tensor, rows_at_once: int) -> Tensor:
    """Return ``head([a_i, b_j])`` for all i, j, about ``rows_at_once²`` pairs at a time."""
    rows = []
    for part in torch.split(a, max(1, rows_at_once**2 // len(b))):
        left = part[:, None, :].expand(-1, len(b), -1)
        right = b[None].expand(len(part), -1, -1)
        rows.append(head(torch.cat([left, right], 2).flatten(0, 1)).reshape(len(part), len(b)))
    return torch.cat(rows)


def make_critic(
    shape_x: tuple[int, ...],
    shape_y: tuple[int, ...],
    model: Model,
    custom_embedding: type | None = None,
) -> nn.Module:
    """Return a fresh critic for samples of the given shapes."""
    kind = model.critic_type
    embeds = custom_embedding is not None or model.use_variational or model.use_decoder
    if kind == "concat" and not embeds:
        width = int(torch.tensor(shape_x).prod() + torch.tensor(shape_y).prod())
        return Concat(width, model)
    classes = {
        "separable": Critic,
        "bilinear": Bilinear,
        "hybrid": Hybrid,
        "concat": Hybrid,
        "concat_cnn": Hybrid,
    }
    return classes[kind](shape_x, shape_y, model, custom_embedding)
