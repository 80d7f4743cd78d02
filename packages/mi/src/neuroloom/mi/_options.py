"""Options of the critics and their training, with their defaults and checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from neuroloom.mi._errors import OptionError, UnknownOptionError, choice, known

CRITICS = ("separable", "bilinear", "concat", "concat_cnn", "hybrid")
EMBEDDINGS = ("mlp", "cnn", "gru", "lstm", "tcn", "transformer")
TRANSFORMS = ("rank", "zscore", "none")
OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop", "adagrad")
SCHEDULERS = ("cosine", "constant", "cosine_warmup", "step")


@dataclass(frozen=True)
class Model:
    """What a critic is made of.

    Parameters
    ----------
    critic_type : {"separable", "bilinear", "concat", "concat_cnn", "hybrid"}
    embedding_model : {"mlp", "cnn", "gru", "lstm", "tcn", "transformer"}
    embedding_dim, hidden_dim, n_layers : int
        Sizes of the embedding, of the hidden layers, and their number.
    use_variational : bool
        Embed into distributions, and pay ``KL / beta`` nats for them.
    beta : float
    kernel_size : int, optional
        7 for ``"cnn"``, 3 for ``"tcn"``.
    bidirectional : bool
        For ``"gru"`` and ``"lstm"``.
    nhead : int
        Attention heads of ``"transformer"``.
    dropout : float
    shared_encoder : bool
        One embedding for x and y, which then need the same shape.
    """

    critic_type: str = "separable"
    embedding_model: str = "mlp"
    embedding_dim: int = 64
    hidden_dim: int = 64
    n_layers: int = 2
    use_variational: bool = False
    beta: float = 512.0
    kernel_size: int | None = None
    bidirectional: bool = False
    nhead: int = 4
    dropout: float = 0.0
    shared_encoder: bool = False


@dataclass(frozen=True)
class Training:
    """How a critic is trained.

    Parameters
    ----------
    n_epochs : int
        Passes through the training samples; every critic of an analysis makes as many steps as
        one trained on all samples.
    learning_rate, batch_size, weight_decay, gradient_clip_val : float
    patience : int, optional
        Stop after so many epochs without a better validation score; not at all by default.
    optimizer, scheduler : str
    transform : {"rank", "zscore", "none"}
        Of each feature before training. ``"rank"`` takes the marginals to normal ones; all keep
        mutual information.
    baseline : bool
        Start from the Gaussian copula's density ratio (see `neuroloom.mi._baseline`).
    validation : float
        Share of the training samples that choose the stopping point.
    n_folds : int
        Cross-fitting folds.
    n_inits : int
        Networks per critic, whose scores are averaged.
    """

    n_epochs: int = 50
    learning_rate: float = 5e-4
    batch_size: int = 128
    patience: int | None = None
    weight_decay: float = 0.0
    gradient_clip_val: float | None = None
    optimizer: str = "adam"
    scheduler: str = "cosine"
    transform: str = "rank"
    baseline: bool = True
    validation: float = 0.15
    n_folds: int = 5
    n_inits: int = 4


@dataclass(frozen=True)
class Params:
    """All that ``base_params`` can hold."""

    model: Model = field(default_factory=Model)
    training: Training = field(default_factory=Training)

    def but(self, **changes: Any) -> Params:
        """Return a copy with some entries changed, checked like ``base_params``."""
        own = {**self.to_dict(), **changes}
        return params(own)

    def to_dict(self) -> dict[str, Any]:
        """Return all entries as one flat dict."""
        return {**dataclasses.asdict(self.model), **dataclasses.asdict(self.training)}


_MODEL = [field.name for field in dataclasses.fields(Model)]
_TRAINING = [field.name for field in dataclasses.fields(Training)]
KEYS = (*_MODEL, *_TRAINING)
_WHOLE = {
    "embedding_dim": 1,
    "hidden_dim": 1,
    "n_layers": 1,
    "kernel_size": 1,
    "nhead": 1,
    "n_epochs": 1,
    "batch_size": 2,
    "patience": 1,
    "n_folds": 2,
    "n_inits": 1,
}
_POSITIVE = ("learning_rate", "beta", "gradient_clip_val")
_CHOICES = {
    "critic_type": CRITICS,
    "embedding_model": EMBEDDINGS,
    "optimizer": OPTIMIZERS,
    "scheduler": SCHEDULERS,
    "transform": TRANSFORMS,
}
_OPTIONAL = ("kernel_size", "patience", "gradient_clip_val")


def params(base: Mapping[str, Any] | Model | Training | Params | None) -> Params:
    """Return checked parameters from ``base_params``; unnamed ones get their defaults.

    Raises
    ------
    UnknownOptionError
        For an unknown key, naming the closest, or a value of the wrong type.
    OptionError
        For a value outside its range.
    """
    if isinstance(base, Params):
        return base
    if isinstance(base, Model):
        return params(dataclasses.asdict(base))
    if isinstance(base, Training):
        return params(dataclasses.asdict(base))
    entries = dict(base or {})
    known("base_params", entries, KEYS)
    checked = {key: _check(key, value) for key, value in entries.items()}
    model = Model(**{k: v for k, v in checked.items() if k in _MODEL})
    training = Training(**{k: v for k, v in checked.items() if k in _TRAINING})
    if model.critic_type == "concat_cnn" and model.embedding_model != "cnn":
        raise OptionError(
            "base_params: expected embedding_model='cnn' with critic_type='concat_cnn', got "
            f"{model.embedding_model!r}"
        )
    return Params(model, training)


def _check(key: str, value: Any) -> Any:
    where = f"base_params[{key!r}]"
    if key in _CHOICES:
        return choice(where, value, _CHOICES[key])
    if value is None and key in _OPTIONAL:
        return None
    if key in ("use_variational", "bidirectional", "shared_encoder", "baseline"):
        if not isinstance(value, bool):
            raise UnknownOptionError(f"{where}: expected True or False, got {value!r}")
        return value
    return real(where, value, whole=key in _WHOLE, **_range(key))


def _range(key: str) -> dict[str, float]:
    if key in _WHOLE:
        return {"low": _WHOLE[key]}
    if key in _POSITIVE:
        return {"above": 0.0}
    if key == "validation":
        return {"above": 0.0, "below": 0.5}
    if key == "dropout":
        return {"low": 0.0, "below": 1.0}
    return {"low": 0.0}


def real(
    where: str,
    value: Any,
    *,
    whole: bool = False,
    low: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """Return a number within its range; an int is a fine float.

    Raises
    ------
    UnknownOptionError
        If it is no number (a ``TypeError``).
    OptionError
        If it is outside the range.
    """
    kinds = "an integer" if whole else "a number"
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise UnknownOptionError(f"{where}: expected {kinds}, got {value!r}")
    number = float(value)
    limits = [
        (low is None or number >= low, f"≥ {low}"),
        (above is None or number > above, f"> {above}"),
        (below is None or number < below, f"< {below}"),
        (not whole or number == int(number), "without a fraction"),
    ]
    wrong = [text for ok, text in limits if not ok]
    if number != number or wrong:
        raise OptionError(f"{where}: expected {kinds} {' and '.join(wrong)}, got {value!r}")
    return int(number) if whole else number
