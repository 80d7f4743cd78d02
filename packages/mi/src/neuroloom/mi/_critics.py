"""Critics as modules: ``critic(x, y)`` returns all pairs' scores and a divergence.

The plain separable critic on perceptrons is trained in stacks (`_stack`); everything else is here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neuroloom.mi._embeddings import MLP, make_embedding
from neuroloom.mi._errors import OptionError
from neuroloom.mi._options import Model

_ROWS = 512


class Critic(nn.Module):
    """Embeds x and y, and scores each pair of embeddings by `pairs`."""

    def __init__(
        self, shape_x: tuple[int, ...], shape_y: tuple[int, ...], model: Model, custom: type | None
    ) -> None:
        super().__init__()
        self.embed_x = make_embedding(shape_x, model, custom)
        if model.shared_encoder and shape_x != shape_y:
            raise OptionError(
                f"shared_encoder: expected x and y of one shape, got {shape_x} and {shape_y}"
            )
        self.embed_y = (
            self.embed_x if model.shared_encoder else make_embedding(shape_y, model, custom)
        )

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (n, n) and the divergence of the codes in nats."""
        g = self.embed_x(x)
        paid = getattr(self.embed_x, "divergence", torch.zeros((), device=x.device))
        h = self.embed_y(y)
        paid = paid + getattr(self.embed_y, "divergence", torch.zeros((), device=x.device))
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
        self.head = MLP(
            2 * model.embedding_dim, min(64, model.hidden_dim), 1, max(1, model.n_layers - 1)
        )

    def pairs(self, g: Tensor, h: Tensor) -> Tensor:
        """Return the scores of all pairs, shape (n, n)."""
        return all_pairs(self.head, g, h)


class Concat(nn.Module):
    """A perceptron on the samples themselves: ``head([x, y])``."""

    def __init__(self, width: int, model: Model) -> None:
        super().__init__()
        self.head = MLP(width, model.hidden_dim, 1, model.n_layers, model.dropout)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores (n, n) and no divergence."""
        return all_pairs(self.head, x.flatten(1), y.flatten(1)), x.new_zeros(())


def all_pairs(head: nn.Module, a: Tensor, b: Tensor) -> Tensor:
    """Return ``head([a_i, b_j])`` for all i, j, a few hundred rows at a time."""
    rows = []
    for part in torch.split(a, max(1, _ROWS * _ROWS // len(b))):
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
    if kind == "concat" and custom_embedding is None and not model.use_variational:
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
