"""Networks that embed samples, one class per kind; each is ``cls(input_dim, hidden, embed, n)``.

Samples arrive as (n, n_channels, n_features). Sequence models read the features as time and the
channels as inputs at each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from neuroloom.mi._options import Model


class MLP(nn.Module):
    """A multilayer perceptron on the flattened sample."""

    def __init__(
        self, input_dim: int, hidden_dim: int, embed_dim: int, n_layers: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = input_dim
        for _ in range(n_layers):
            layers += [nn.Linear(width, hidden_dim), nn.ReLU()]
            if dropout:
                layers.append(nn.Dropout(dropout))
            width = hidden_dim
        self.layers = nn.Sequential(*layers, nn.Linear(width, embed_dim))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embed_dim)."""
        return cast(Tensor, self.layers(x.flatten(1)))


class CNN(nn.Module):
    """Convolutions over time, averaged, then a linear read-out."""

    def __init__(self, n_channels: int, model: Model) -> None:
        super().__init__()
        size = model.kernel_size or 7
        layers: list[nn.Module] = []
        width = n_channels
        for _ in range(model.n_layers):
            layers += [nn.Conv1d(width, model.hidden_dim, size, padding="same"), nn.ReLU()]
            width = model.hidden_dim
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(2 * width, model.embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embed_dim)."""
        h = self.layers(x)
        return cast(Tensor, self.out(torch.cat([h.mean(-1), h.amax(-1)], 1)))


class Recurrent(nn.Module):
    """A GRU or LSTM read at its last step."""

    def __init__(self, n_channels: int, model: Model) -> None:
        super().__init__()
        cell = nn.GRU if model.embedding_model == "gru" else nn.LSTM
        self.cell = cell(
            n_channels,
            model.hidden_dim,
            model.n_layers,
            batch_first=True,
            bidirectional=model.bidirectional,
        )
        self.out = nn.Linear(model.hidden_dim * (1 + model.bidirectional), model.embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embed_dim)."""
        states, last = self.cell(x.transpose(1, 2))
        if self.cell.bidirectional:
            hidden = last[0] if isinstance(last, tuple) else last
            return cast(Tensor, self.out(torch.cat([hidden[-2], hidden[-1]], 1)))
        return cast(Tensor, self.out(states[:, -1]))


class TCN(nn.Module):
    """Causal dilated convolutions with residual paths (Bai et al. 2018), read at the last step."""

    def __init__(self, n_channels: int, model: Model) -> None:
        super().__init__()
        size = model.kernel_size or 3
        self.first = nn.Conv1d(n_channels, model.hidden_dim, 1)
        self.reach = [(size - 1) * 2**layer for layer in range(model.n_layers)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(model.hidden_dim, model.hidden_dim, size, dilation=2**layer)
            for layer in range(model.n_layers)
        )
        self.out = nn.Linear(model.hidden_dim, model.embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embed_dim)."""
        h = self.first(x)
        for reach, convolution in zip(self.reach, self.convolutions, strict=True):
            h = h + torch.relu(convolution(nn.functional.pad(h, (reach, 0))))
        return cast(Tensor, self.out(h[..., -1]))


class Transformer(nn.Module):
    """Self-attention over time with sinusoidal positions (Vaswani et al. 2017), averaged."""

    def __init__(self, n_channels: int, model: Model) -> None:
        super().__init__()
        width = -(-model.hidden_dim // model.nhead) * model.nhead
        self.first = nn.Linear(n_channels, width)
        layer = nn.TransformerEncoderLayer(
            width, model.nhead, 2 * width, dropout=model.dropout, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, model.n_layers, enable_nested_tensor=False)
        self.out = nn.Linear(width, model.embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embed_dim)."""
        h = self.first(x.transpose(1, 2))
        return cast(Tensor, self.out(self.layers(h + _positions(h)).mean(1)))


def _positions(h: Tensor) -> Tensor:
    """Return the sinusoids of each time step, shape (n_times, width)."""
    n_times, width = h.shape[1:]
    time = torch.arange(n_times, device=h.device)[:, None]
    rate = torch.exp(-torch.arange(0, width, 2, device=h.device) / width * 9.21)
    angles = time * rate
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)[:, :width]


class Variational(nn.Module):
    """Any encoder followed by a Gaussian code; ``divergence`` is its KL from a standard normal."""

    def __init__(self, encoder: nn.Module, embed_dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.mean = nn.Linear(embed_dim, embed_dim)
        self.log_variance = nn.Linear(embed_dim, embed_dim)
        self.divergence = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        """Return codes, shape (n, embed_dim): samples while training, their means otherwise."""
        h = torch.relu(self.encoder(x))
        mean, log_variance = self.mean(h), self.log_variance(h).clamp(-10, 10)
        own = mean.square() + log_variance.exp() - 1 - log_variance
        self.divergence = 0.5 * own.sum(1).mean()
        if not self.training:
            return cast(Tensor, mean)
        return cast(Tensor, mean + torch.randn_like(mean) * (0.5 * log_variance).exp())


_SEQUENCE: dict[str, Callable[[int, Model], nn.Module]] = {
    "cnn": CNN,
    "gru": Recurrent,
    "lstm": Recurrent,
    "tcn": TCN,
    "transformer": Transformer,
}


def make_embedding(shape: tuple[int, ...], model: Model, custom: type | None = None) -> nn.Module:
    """Return a fresh embedding for samples of `shape` (n_channels, n_features)."""
    input_dim = 1
    for size in shape:
        input_dim *= size
    encoder: Any
    if custom is not None:
        encoder = Custom(custom(input_dim, model.hidden_dim, model.embedding_dim, model.n_layers))
    elif model.embedding_model == "mlp":
        encoder = MLP(
            input_dim, model.hidden_dim, model.embedding_dim, model.n_layers, model.dropout
        )
    else:
        encoder = _SEQUENCE[model.embedding_model](shape[0], model)
    return Variational(encoder, model.embedding_dim) if model.use_variational else encoder


class Custom(nn.Module):
    """A user's embedding, which sees flattened samples."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embed_dim)."""
        out = self.module(x.flatten(1))
        return cast(Tensor, out[0] if isinstance(out, tuple) else out)
