"""Networks that embed samples, one class per kind.

Samples arrive as (n, n_channels, n_features). Sequence models read the features as time and the
channels as inputs at each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from neuroloom.mi._errors import DataShapeError
from neuroloom.mi._options.params import Model
from neuroloom.shared import require


class MLP(nn.Module):
    """A multilayer perceptron on the flattened sample."""

    def __init__(
        self, input_dim: int, hidden: Sequence[int], out_dim: int, model: Model | None = None
    ) -> None:
        super().__init__()
        model = model or Model()
        layers: list[nn.Module] = []
        width = input_dim
        for size in hidden:
            layers.append(_bounded(nn.Linear(width, size), model))
            layers += _after(size, model, nn.BatchNorm1d)
            width = size
        self.layers = nn.Sequential(*layers, nn.Linear(width, out_dim))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, out_dim)."""
        return cast(Tensor, self.layers(x.flatten(1)))


def _bounded(layer: nn.Module, model: Model) -> nn.Module:
    """Return `layer`, its largest gain held at 1 if the model says so (Miyato et al. 2018)."""
    if not model.use_spectral_norm:
        return layer
    return nn.utils.parametrizations.spectral_norm(layer)


def _after(width: int, model: Model, batch_norm: Callable[[int], nn.Module]) -> list[nn.Module]:
    """Return what follows a hidden layer: normalisation, ReLU, dropout."""
    out: list[nn.Module] = []
    if model.norm_layer == "batch":
        out.append(batch_norm(width))
    elif model.norm_layer == "layer":
        # One group over all channels is layer normalisation, for any number of positions.
        out.append(nn.GroupNorm(1, width))
    out.append(nn.ReLU())
    if model.dropout:
        out.append(nn.Dropout(model.dropout))
    return out


class CNN(nn.Module):
    """Convolutions over time, their mean and largest value, then a linear read-out."""

    def __init__(self, n_channels: int, model: Model) -> None:
        super().__init__()
        size = model.kernel_size or 7
        layers: list[nn.Module] = []
        width = n_channels
        for hidden in model.widths:
            layers.append(_bounded(nn.Conv1d(width, hidden, size, padding="same"), model))
            layers += _after(hidden, model, nn.BatchNorm1d)
            width = hidden
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(2 * width, model.embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embedding_dim)."""
        h = self.layers(x)
        return cast(Tensor, self.out(torch.cat([h.mean(-1), h.amax(-1)], 1)))


class CNN2D(nn.Module):
    """Convolutions over images (n, channels, height, width), halved after each layer.

    Samples of three axes are images of one channel.
    """

    def __init__(self, shape: tuple[int, ...], model: Model) -> None:
        super().__init__()
        size = model.kernel_size or 3
        layers: list[nn.Module] = []
        width = shape[0] if len(shape) == 3 else 1
        for hidden in model.widths:
            layers.append(_bounded(nn.Conv2d(width, hidden, size, padding="same"), model))
            layers += [*_after(hidden, model, nn.BatchNorm2d), nn.MaxPool2d(2, ceil_mode=True)]
            width = hidden
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(2 * width, model.embedding_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embedding_dim)."""
        h = self.layers(_images(x))
        return cast(Tensor, self.out(torch.cat([h.mean((-2, -1)), h.amax((-2, -1))], 1)))


def _images(x: Tensor) -> Tensor:
    return x if x.ndim == 4 else x[:, None]


class Backbone(nn.Module):
    """A network of torchvision's that is not trained, and a linear read-out that is."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        models = require("torchvision.models", extra="neuroloom-mi[vision]")
        weights = "DEFAULT" if model.pretrained else None
        network = models.get_model(model.pytorch_predefined, weights=weights)
        *rest, last = network.named_children()
        self.body = nn.Sequential(OrderedDict(rest))
        for weight in self.body.parameters():
            weight.requires_grad_(False)
        width = next(m.in_features for m in last[1].modules() if isinstance(m, nn.Linear))
        self.out = nn.Linear(width, model.embedding_dim)

    def train(self, mode: bool = True) -> Backbone:
        """Set the mode of the read-out; the body always evaluates."""
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings, shape (n, embedding_dim)."""
        images = _images(x)
        if images.shape[1] != 3:
            images = images.mean(1, keepdim=True).expand(-1, 3, -1, -1)
        h = self.body(images)
        return cast(Tensor, self.out(h.mean((-2, -1)) if h.ndim == 4 else h))


class Recurrent(nn.Module):
    """A GRU or LSTM read at its last step."""

    def __init__(self, n_channels: int, model: Model) -> None:
        super().__init__()
        cell = nn.GRU if model.embedding_model == "gru" else nn.LSTM
        self.cell = cell(
            n_channels,
            model.hidden,
            max(1, len(model.widths)),
            batch_first=True,
            bidirectional=model.bidirectional,
        )
        self.out = nn.Linear(model.hidden * (1 + model.bidirectional), model.embedding_dim)

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
        n_layers, width = max(1, len(model.widths)), model.hidden
        self.first = nn.Conv1d(n_channels, width, 1)
        self.reach = [(size - 1) * 2**layer for layer in range(n_layers)]
        self.convolutions = nn.ModuleList(
            _bounded(nn.Conv1d(width, width, size, dilation=2**layer), model)
            for layer in range(n_layers)
        )
        self.out = nn.Linear(width, model.embedding_dim)

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
        width = -(-model.hidden // model.nhead) * model.nhead
        self.first = nn.Linear(n_channels, width)
        layer = nn.TransformerEncoderLayer(
            width, model.nhead, 2 * width, dropout=model.dropout, batch_first=True
        )
        self.layers = nn.TransformerEncoder(
            layer, max(1, len(model.widths)), enable_nested_tensor=False
        )
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
        encoder = Custom(custom(input_dim, model.hidden, model.embedding_dim, len(model.widths)))
    elif model.embedding_model == "mlp":
        encoder = MLP(input_dim, model.widths, model.embedding_dim, model)
    elif model.embedding_model == "cnn2d":
        encoder = CNN2D(shape, model)
    elif model.embedding_model == "pretrained_backbone":
        encoder = Backbone(model)
    else:
        if len(shape) != 2:
            raise DataShapeError(
                f"embedding_model={model.embedding_model!r}: expected samples of shape "
                f"(n_channels, n_features), got {shape}; 'cnn2d' and 'mlp' take images"
            )
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
